//! `ARRAY(WITH RECURSIVE c AS (SELECT ... WHERE t.a = outer.b UNION ALL ...) SELECT x FROM c)`:
//! what a row of the query around it leads to. pgAdmin asks so for a role's memberships.
//!
//! A recursion can't be computed anew for each outer row. So the condition on the outer row
//! moves out of it: every row of the recursion carries the value that it began with.

use super::{Inner, conjunction, conjuncts, equality, is_grouped, list, type_of};
use crate::pg_catalog::rewrite::names::{fold, item_expression, parts};
use crate::pg_catalog::rewrite::parse;
use sqlparser::ast::{
    Expr, Query, Select, SelectItem, SetExpr, SetOperator, TableFactor, TableWithJoins,
};

/// What the value is called that a row began with.
const KEY: &str = "orbit_key";

pub fn array(query: &Query) -> Option<Expr> {
    let with = query.with.as_ref().filter(|with| with.recursive)?;
    let ([cte], SetExpr::Select(select)) = (with.cte_tables.as_slice(), &*query.body) else {
        return None;
    };
    let SetExpr::SetOperation {
        op: SetOperator::Union,
        left,
        right,
        set_quantifier,
    } = &*cte.query.body
    else {
        return None;
    };
    let (SetExpr::Select(base), SetExpr::Select(step)) = (&**left, &**right) else {
        return None;
    };
    let ordered = query.order_by.is_some() || query.limit_clause.is_some();
    let [item] = select.projection.as_slice() else {
        return None;
    };
    if ordered || is_grouped(select) || is_grouped(base) || is_grouped(step) {
        return None;
    }
    let item = item_expression(item)?;
    let of = type_of(item)?;
    let (inside, outer, own) = taken_apart(base)?;
    let condition = match inside.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conjunction(&inside)),
    };
    let name = cte.alias.name.to_string();
    let mut step = (**step).clone();
    let alias = alias_of(&step.from, &fold(&cte.alias.name))?;
    let carried = parse(&format!("{alias}.{KEY}"))?;
    step.projection.push(SelectItem::UnnamedExpr(carried));
    let columns = match cte.alias.columns.is_empty() {
        true => String::new(),
        false => format!("({}, {KEY})", list(&cte.alias.columns)),
    };
    let of_rows = match &select.selection {
        Some(selection) => format!("({selection}) AND "),
        None => String::new(),
    };
    let [from] = select.from.as_slice() else {
        return None;
    };
    let seen = alias_of(std::slice::from_ref(from), &fold(&cte.alias.name))?;
    if !from.joins.is_empty() {
        return None;
    }
    let (items, tables) = (list(&base.projection), list(&base.from));
    parse(&format!(
        "coalesce((SELECT array_agg({item}) FROM (WITH RECURSIVE {name}{columns} AS \
         (SELECT {items}, {own} AS {KEY} FROM {tables}{condition} UNION {set_quantifier} {step}) \
         SELECT * FROM {name}) AS {seen} WHERE {of_rows}{seen}.{KEY} = {outer}), \
         CAST(ARRAY[] AS {of}[]))"
    ))
}

/// The conditions of the first part, and the one that says which outer row it begins with.
fn taken_apart(base: &Select) -> Option<(Vec<Expr>, Expr, Expr)> {
    let inner = Inner::of(base)?;
    let mut all = Vec::new();
    conjuncts(base.selection.as_ref()?, &mut all);
    let (mut inside, mut found) = (Vec::new(), None);
    for part in all {
        if !inner.columns(&part).1 {
            inside.push(part);
        } else if let (Some(pair), None) = (equality(&part, &inner), &found) {
            found = Some(pair);
        } else {
            return None;
        }
    }
    let (outer, own) = found?;
    Some((inside, outer, own))
}

/// What a relation of FROM goes by.
fn alias_of(from: &[TableWithJoins], wanted: &str) -> Option<String> {
    let factors = from.iter().flat_map(|item| {
        let joined = item.joins.iter().map(|join| &join.relation);
        std::iter::once(&item.relation).chain(joined)
    });
    factors.into_iter().find_map(|factor| match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } if parts(name) == [wanted] => Some(match alias {
            Some(alias) => alias.name.to_string(),
            None => name.to_string(),
        }),
        _ => None,
    })
}
