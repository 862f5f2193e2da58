//! Subqueries' ORDER BY, where their rows' order can be seen.
//!
//! DataFusion takes a sort for needless unless the operator above asks for its order, since
//! a relation has none. PostgreSQL's rows come as the subquery sorted them, through
//! conditions, joins and windows, and applications lean on it: a view with ORDER BY, an
//! array of what a subquery sorted. So the sort gets somebody above it that asks.

use super::unary::{Unary, above};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::sorts::sort::SortExec;
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

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    /// By the client: DataFusion keeps that order.
    AsResult,
    Within,
    Not,
}

#[allow(deprecated)]
fn kept(plan: Arc<dyn ExecutionPlan>, seen: Seen) -> Result<Arc<dyn ExecutionPlan>> {
    let below = match plan.downcast_ref::<SortExec>() {
        Some(_) => Seen::Not,
        None => match plan.downcast_ref::<AggregateExec>() {
            Some(aggregate) if shows_order(aggregate) => Seen::Within,
            Some(_) => Seen::Not,
            None if seen == Seen::AsResult && !keeps_order(&plan) => Seen::Within,
            None => seen,
        },
    };
    let plan = plan
        .map_children(|child| kept(child, below).map(Transformed::yes))?
        .data;
    let order = match plan.downcast_ref::<SortExec>() {
        Some(sort) if seen == Seen::Within && sort.fetch().is_none() => sort.expr().clone(),
        _ => return Ok(plan),
    };
    Ok(above(plan, Sorted { order }))
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
        super::aggregates::shows_order(call.fun().name()) || call.field().data_type().is_floating()
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

    fn order(&self) -> Option<&LexOrdering> {
        Some(&self.order)
    }
}
