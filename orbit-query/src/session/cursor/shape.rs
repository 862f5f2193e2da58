//! What can be told of a cursor's query by its syntax: whether PostgreSQL could
//! read it backward without being asked to, and whether its rows are a table's.

use crate::statement::names::{Name, fold};
use crate::statement::visit;
use sqlparser::ast::{
    self, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
    TableFactor, Visitor,
};
use std::ops::ControlFlow;

/// Whether a plan for it could run backward, as `ExecSupportsBackwardScan` has
/// it: scans and sorts can, joins and aggregates can't.
pub fn goes_back(query: &Query) -> bool {
    if !query.locks.is_empty() {
        return false;
    }
    body_goes_back(&query.body, query.order_by.is_some())
}

fn body_goes_back(body: &SetExpr, sorted: bool) -> bool {
    match body {
        SetExpr::Select(select) => select_goes_back(select, sorted),
        SetExpr::Query(query) => goes_back(query),
        SetExpr::Values(values) => sorted || values.rows.len() > 1,
        SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left,
            right,
        } => sorted || (body_goes_back(left, false) && body_goes_back(right, false)),
        SetExpr::SetOperation { .. } => sorted,
        SetExpr::Table(_) => true,
        _ => false,
    }
}

fn select_goes_back(select: &Select, sorted: bool) -> bool {
    if select.distinct.is_some() {
        return false;
    }
    if sorted {
        return true;
    }
    if is_grouped(select) || calls_beyond_rows(select) {
        return false;
    }
    let [from] = select.from.as_slice() else {
        return false;
    };
    from.joins.is_empty()
        && match &from.relation {
            TableFactor::Derived { subquery, .. } => goes_back(subquery),
            _ => true,
        }
}

fn is_grouped(select: &Select) -> bool {
    let groups = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        GroupByExpr::All(_) => true,
    };
    groups || select.having.is_some()
}

/// Aggregates, window functions, and functions that give several rows.
fn calls_beyond_rows(select: &Select) -> bool {
    struct Calls(usize);
    impl Visitor for Calls {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if self.0 == 0 && is_beyond_rows(function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            visit::visit(expr, &mut Calls(0)).is_break()
        }
        _ => false,
    })
}

fn is_beyond_rows(function: &ast::Function) -> bool {
    if function.over.is_some() {
        return true;
    }
    let name = function.name.0.last().and_then(|part| part.as_ident());
    let name = name.map(fold).unwrap_or_default();
    #[cfg(feature = "datafusion")]
    {
        crate::planned::gives_no_row_for_row(&name)
    }
    #[cfg(not(feature = "datafusion"))]
    {
        matches!(name.as_str(), "count" | "sum" | "min" | "max" | "avg")
    }
}

/// The table, and its alias, whose rows a query shows one for one.
pub fn single_table(query: &Query) -> Option<(Name, Option<String>)> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    if query.with.is_some()
        || select.distinct.is_some()
        || is_grouped(select)
        || calls_beyond_rows(select)
    {
        return None;
    }
    let [from] = select.from.as_slice() else {
        return None;
    };
    if !from.joins.is_empty() {
        return None;
    }
    match &from.relation {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => Some((
            Name::of(name).ok()?,
            alias.as_ref().map(|alias| fold(&alias.name)),
        )),
        _ => None,
    }
}
