//! `CROSS JOIN LATERAL (SELECT f(t.a)) AS x(b)`: a name for an expression, put in its place.

use super::names::{fold, item_expression, plain_select, sources};
use crate::statement::visit;
use sqlparser::ast::{Expr, Join, JoinConstraint, JoinOperator, Select, SelectItem, TableFactor};
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
