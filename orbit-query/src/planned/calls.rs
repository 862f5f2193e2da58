//! What a query's list of columns and its ORDER BY call, outside of the queries in them.

use super::types::last_name;
use super::{is_aggregate, is_set_returning};
use crate::statement::visit;
use sqlparser::ast::{Expr, Query, SelectItem, Visitor};
use std::ops::ControlFlow;

/// Kinds of functions, and whether one of the kind is called.
#[derive(Default)]
pub(crate) struct Calls {
    pub aggregate: bool,
    pub window: bool,
    pub set_returning: bool,
    /// In how many queries the walk is.
    depth: usize,
}

impl Calls {
    pub fn of_items(items: &[SelectItem]) -> Calls {
        let mut calls = Calls::default();
        for item in items {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                calls.add(expr);
            }
        }
        calls
    }

    pub fn add(&mut self, expr: &Expr) {
        let _ = visit::visit(expr, self);
    }
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
            } else if is_aggregate(&name) || name == "grouping" || !call.within_group.is_empty() {
                self.aggregate = true;
            } else if is_set_returning(&name) {
                self.set_returning = true;
            }
        }
        ControlFlow::Continue(())
    }
}
