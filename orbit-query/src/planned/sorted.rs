//! Subqueries' ORDER BY, where their rows' order can be seen.
//!
//! DataFusion takes a sort for needless unless the operator above asks for its order, since
//! a relation has none. PostgreSQL's rows come as the subquery sorted them, through
//! conditions and windows, and applications lean on it: a view with ORDER BY, an
//! array of what a subquery sorted. So the sort gets somebody above it that asks, and goes
//! where nobody sees it.

use super::aggregates;
use super::error::{Told, to_datafusion};
use super::fence::physical::{FENCE, SPOOL};
use super::opaque::Opaque;
use super::unary::{Unary, above};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use std::sync::Arc;

/// Whether somebody sees, or a limit takes, rows in the order in which they come from a
/// union, which is that of its branches, or from a subquery's ORDER BY.
pub fn shows_order(plan: &LogicalPlan) -> orbit_core::Result<bool> {
    let mut found = false;
    let mut ahead = vec![(plan, Seen::AsResult)];
    while let Some((plan, seen)) = ahead.pop() {
        found |= seen != Seen::Not && matches!(plan, LogicalPlan::Union(_));
        found |= seen == Seen::Within && matches!(plan, LogicalPlan::Sort(_));
        let below = seen_below(plan, seen);
        ahead.extend(plan.inputs().into_iter().map(|input| (input, below)));
        plan.apply_subqueries(|inner| {
            found |= shows_order(inner).map_err(to_datafusion)?;
            Ok(TreeNodeRecursion::Continue)
        })
        .told()?;
    }
    Ok(found)
}

/// The plan without the sorts whose order nobody sees.
pub fn without_unseen(plan: LogicalPlan) -> orbit_core::Result<LogicalPlan> {
    without(plan, Seen::AsResult).told()
}

fn without(plan: LogicalPlan, seen: Seen) -> Result<LogicalPlan> {
    let plan = match plan {
        LogicalPlan::Sort(sort) if seen == Seen::Not && sort.fetch.is_none() => {
            return without(Arc::unwrap_or_clone(sort.input), seen);
        }
        plan => plan,
    };
    let below = seen_below(&plan, seen);
    let plan = plan.map_children(|input| without(input, below).map(Transformed::yes))?;
    let plan = plan.data.map_subqueries(|inner| {
        let inner = without(inner, Seen::Within)?;
        Ok(Transformed::yes(inner))
    })?;
    Ok(plan.data)
}

/// By whom the order of the plan's inputs is seen.
fn seen_below(plan: &LogicalPlan, seen: Seen) -> Seen {
    match plan {
        LogicalPlan::Limit(limit) if seen != Seen::AsResult || limit.fetch.is_none() => {
            Seen::Within
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => Seen::Not,
        LogicalPlan::Sort(_) | LogicalPlan::Window(_) | LogicalPlan::Extension(_) => Seen::Within,
        LogicalPlan::Aggregate(aggregate) => {
            let keys = aggregate.group_expr_len().unwrap_or(0);
            let fields = aggregate.schema.fields().iter().skip(keys);
            let is_float = |field: &FieldRef| field.data_type().is_floating();
            let shows = |expr: &Expr| match expr.clone().unalias() {
                Expr::AggregateFunction(call) => {
                    let has_own = !call.params.order_by.is_empty() || call.params.distinct;
                    aggregates::shows_order(call.func.name()) && !has_own
                }
                _ => true,
            };
            match fields.into_iter().any(is_float) || aggregate.aggr_expr.iter().any(shows) {
                true => Seen::Within,
                false => Seen::Not,
            }
        }
        LogicalPlan::Distinct(_) => Seen::Not,
        LogicalPlan::Projection(_) | LogicalPlan::Limit(_) => seen,
        LogicalPlan::SubqueryAlias(_) => seen,
        _ if seen == Seen::AsResult => Seen::Within,
        _ => seen,
    }
}

#[derive(Debug)]
pub struct KeepSorts;

impl PhysicalOptimizerRule for KeepSorts {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        kept(plan, Seen::AsResult)
    }

    fn name(&self) -> &str {
        "KeepSorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// By whom the order of an operator's rows is seen.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    /// The client, to whom DataFusion gives them as the topmost ORDER BY says.
    AsResult,
    Within,
    Not,
}

#[allow(deprecated)]
fn kept(plan: Arc<dyn ExecutionPlan>, seen: Seen) -> Result<Arc<dyn ExecutionPlan>> {
    let below = below(&plan, seen);
    let plan = plan
        .map_children(|child| kept(child, below).map(Transformed::yes))?
        .data;
    let order = match plan.downcast_ref::<SortExec>() {
        Some(sort) if sort.fetch().is_some() => return Ok(plan),
        Some(sort) => match seen {
            Seen::Within => sort.expr().clone(),
            Seen::AsResult | Seen::Not => return Ok(plan),
        },
        None if seen == Seen::AsResult => return Ok(plan),
        None => return Ok(below_sorts(plan)),
    };
    Ok(above(plan, Sorted { order }))
}

/// By whom the order of its inputs' rows is seen.
fn below(plan: &Arc<dyn ExecutionPlan>, seen: Seen) -> Seen {
    // The first rows, and what is counted along them.
    let takes_first = plan.fetch().is_some()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<WindowAggExec>()
        || plan.is::<BoundedWindowAggExec>()
        || plan.name() == FENCE
        || plan.name() == SPOOL;
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return match shows_its_order(aggregate) {
            true => Seen::Within,
            false => Seen::Not,
        };
    }
    match seen {
        _ if plan.is::<SortExec>() && !takes_first => Seen::Not,
        Seen::AsResult if keeps_order(plan) => Seen::AsResult,
        Seen::AsResult => Seen::Within,
        _ if takes_first => Seen::Within,
        seen => seen,
    }
}

/// A limit as an operator that sorts above aren't put below: to DataFusion the first rows
/// of what it takes for unsorted may as well be the least.
fn below_sorts(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match plan.is::<GlobalLimitExec>() {
        true => above(plan, Opaque),
        false => plan,
    }
}

/// Whether DataFusion looks through it for the order that the client sees.
fn keeps_order(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.maintains_input_order() == [true]
        && plan.required_input_ordering().iter().all(Option::is_none)
}

/// Whether the order of the rows it takes shows in what it gives.
fn shows_its_order(aggregate: &AggregateExec) -> bool {
    let mut calls = aggregate.aggr_expr().iter();
    calls.any(|call| {
        let has_own = !call.order_bys().is_empty() || call.is_distinct();
        let shows = aggregates::shows_order(call.fun().name()) && !has_own;
        shows || call.field().data_type().is_floating()
    })
}

/// Its input's rows, in the order that they have.
#[derive(Clone, Debug)]
struct Sorted {
    order: LexOrdering,
}

impl Unary for Sorted {
    const NAME: &'static str = "SortedExec";
    const PASSES_LIMITS: bool = true;
    const ONE_PARTITION: bool = true;

    fn order(&self) -> Option<&LexOrdering> {
        Some(&self.order)
    }
}
