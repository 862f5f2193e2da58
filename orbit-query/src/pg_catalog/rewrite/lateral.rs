//! `CROSS JOIN LATERAL (SELECT f(t.a)) AS x(b)`: a name for an expression, put in its place.

use super::names::{fold, item_expression, parts, plain_select, sources};
use crate::planned::is_set_returning;
use crate::statement::visit;
use sqlparser::ast::{
    Expr, FunctionArguments, Join, JoinConstraint, JoinOperator, Select, SelectItem, TableFactor,
};
use std::ops::ControlFlow;

/// Dissolves such joins beside system relations.
pub fn dissolve(select: &mut Select) {
    if sources(&select.from)
        .iter()
        .all(|source| source.relation.is_none())
    {
        return;
    }
    let mut named: Vec<(String, String, Expr)> = Vec::new();
    for item in &mut select.from {
        for join in &mut item.joins {
            if let Some(function) = rows_alone(&join.relation) {
                join.relation = function;
            }
        }
        item.joins.retain(|join| match expressions(join) {
            Some(found) => {
                named.extend(found);
                false
            }
            None => true,
        });
    }
    if named.is_empty() {
        return;
    }
    let _ = visit::expressions_mut(select, |expr| {
        if let Expr::CompoundIdentifier(path) = expr
            && let [alias, column] = path.as_slice()
        {
            let (alias, column) = (fold(alias), fold(column));
            let found = named
                .iter()
                .find(|(of, name, _)| *of == alias && *name == column);
            if let Some((_, _, value)) = found {
                *expr = Expr::Nested(Box::new(value.clone()));
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

/// `LATERAL (SELECT unnest(t.a)) AS x(b)` as `LATERAL unnest(t.a) AS x(b)`.
fn rows_alone(factor: &TableFactor) -> Option<TableFactor> {
    let TableFactor::Derived {
        lateral: true,
        subquery,
        alias: Some(alias),
        ..
    } = factor
    else {
        return None;
    };
    let select = plain_select(subquery)?;
    let is_plain = select.from.is_empty() && select.selection.is_none() && select.having.is_none();
    let [item] = select.projection.as_slice() else {
        return None;
    };
    let Expr::Function(function) = item_expression(item)? else {
        return None;
    };
    let name = parts(&function.name).pop()?;
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    // Without a name of its own the column would be named by the alias.
    if !is_plain || alias.columns.is_empty() || !is_set_returning(&name) {
        return None;
    }
    Some(TableFactor::Function {
        lateral: true,
        name: function.name.clone(),
        args: list.args.clone(),
        with_ordinality: false,
        alias: Some(alias.clone()),
    })
}

/// Alias, column and expression of each item; `None` if the join is of another kind.
fn expressions(join: &Join) -> Option<Vec<(String, String, Expr)>> {
    let joins_all = match &join.join_operator {
        JoinOperator::CrossJoin(_) => true,
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) => on.to_string() == "true",
        _ => false,
    };
    let TableFactor::Derived {
        lateral: true,
        subquery,
        alias: Some(alias),
        ..
    } = &join.relation
    else {
        return None;
    };
    let select = plain_select(subquery)?;
    let is_plain = select.from.is_empty() && select.selection.is_none() && select.having.is_none();
    if !joins_all || !is_plain {
        return None;
    }
    let name = fold(&alias.name);
    let items = select.projection.iter().enumerate().map(|(place, item)| {
        let column = match (alias.columns.get(place), item) {
            (Some(column), _) => fold(&column.name),
            (None, SelectItem::ExprWithAlias { alias, .. }) => fold(alias),
            _ => return None,
        };
        Some((name.clone(), column, item_expression(item)?.clone()))
    });
    items.collect()
}
