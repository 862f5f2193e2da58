//! What a locking clause can't be said of: rows that are no table's rows any more.

use super::verb;
use crate::planned::Calls;
use crate::statement::row_locks;
use orbit_core::{Error, state};
use sqlparser::ast::{GroupByExpr, LockClause, OrderByKind, Query, SetExpr};

/// Why the clause can't be said of the query, if it can't.
pub(super) fn refused(query: &Query, clause: &LockClause) -> Option<Error> {
    let verb = verb(row_locks::mode(clause).0);
    let select = match &*query.body {
        SetExpr::Select(select) => select,
        SetExpr::Values(_) => {
            return Some(error(format!("{verb} cannot be applied to VALUES")));
        }
        SetExpr::SetOperation { .. } => return Some(with(verb, "UNION/INTERSECT/EXCEPT")),
        _ => return None,
    };
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(keys, more) => !keys.is_empty() || !more.is_empty(),
        GroupByExpr::All(_) => true,
    };
    let mut calls = Calls::of_items(&select.projection);
    if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order| &order.kind) {
        for key in keys {
            calls.add(&key.expr);
        }
    }
    let ways = [
        (select.distinct.is_some(), "DISTINCT clause"),
        (grouped, "GROUP BY clause"),
        (select.having.is_some(), "HAVING clause"),
        (calls.aggregate, "aggregate functions"),
        (calls.window, "window functions"),
        (
            calls.set_returning,
            "set-returning functions in the target list",
        ),
    ];
    let (_, what) = ways.into_iter().find(|(found, _)| *found)?;
    Some(with(verb, what))
}

fn with(verb: &str, what: &str) -> Error {
    error(format!("{verb} is not allowed with {what}"))
}

fn error(message: String) -> Error {
    Error::new(state::FEATURE_NOT_SUPPORTED, message)
}
