//! Subqueries' ORDER BY, where their rows' order can be seen.
//!
//! DataFusion takes a sort for needless unless the operator above asks for its order, since
//! a relation has none. PostgreSQL's rows come as the subquery sorted them, through
//! conditions and windows, and applications lean on it: a view with ORDER BY, an
//! array of what a subquery sorted. So the sort gets somebody above it that asks.

use super::aggregates;
use super::fence::physical::{FENCE, SPOOL};
use super::opaque::Opaque;
use super::unary::{Unary, above};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use std::sync::Arc;

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
pub(super) enum Seen {
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
            Seen::AsResult => return Ok(plan),
            Seen::Within => sort.expr().clone(),
            Seen::Not => return Ok(sort.input().clone()),
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
        return match shows_order(aggregate) {
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
fn shows_order(aggregate: &AggregateExec) -> bool {
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
