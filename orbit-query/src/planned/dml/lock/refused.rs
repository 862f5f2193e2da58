//! What a locking clause can't be said of: rows that are no table's rows any more.

use super::verb;
use crate::planned::types::last_name;
use crate::planned::{is_aggregate, is_set_returning};
use crate::statement::row_locks;
use crate::statement::visit;
use orbit_core::{Error, state};
use sqlparser::ast::{Expr, GroupByExpr, LockClause, OrderByKind, Query, SelectItem, SetExpr};
use sqlparser::ast::{Select, Visitor};
use std::ops::ControlFlow;

/// Calls of a query's own, not those of queries in it.
#[derive(Default)]
struct Calls {
    depth: usize,
    aggregate: bool,
    window: bool,
    several: bool,
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let (0, Expr::Function(call)) = (self.depth, expr) {
            let name = last_name(&call.name);
            if call.over.is_some() {
                self.window = true;
            } else if is_aggregate(&name) || name == "grouping" {
                self.aggregate = true;
            } else if is_set_returning(&name) {
                self.several = true;
            }
        }
        ControlFlow::Continue(())
    }
}

fn calls(query: &Query, select: &Select) -> Calls {
    let mut calls = Calls::default();
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit::visit(expr, &mut calls);
        }
    }
    if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order| &order.kind) {
        for key in keys {
            let _ = visit::visit(&key.expr, &mut calls);
        }
    }
    calls
}

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
    let calls = calls(query, select);
    let ways = [
        (select.distinct.is_some(), "DISTINCT clause"),
        (grouped, "GROUP BY clause"),
        (select.having.is_some(), "HAVING clause"),
        (calls.aggregate, "aggregate functions"),
        (calls.window, "window functions"),
        (calls.several, "set-returning functions in the target list"),
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
