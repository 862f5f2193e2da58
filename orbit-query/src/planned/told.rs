//! Scans that are told what the filter right above asks, so that they leave out what can't
//! pass: groups of segments, blocks of a time series, and rows with those that changed. The
//! filter stays where it is and asks the rest.

use super::columns::scan::SegmentExec;
use super::narrowing::in_each;
use super::scan::ScanExec;
use super::times::Times;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};
use std::sync::Arc;

#[derive(Debug)]
pub struct TellScans;

impl PhysicalOptimizerRule for TellScans {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let Some(filter) = node.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(node));
            };
            Ok(match told(filter.input(), filter.predicate())? {
                Some(input) => Transformed::yes(replace_children_if_necessary(node, vec![input])?),
                None => Transformed::no(node),
            })
        });
        Ok(plan?.data)
    }

    fn name(&self) -> &str {
        "TellScans"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The input of a filter for rows that pass; `None`: it would not gain by it.
fn told(
    input: &Arc<dyn ExecutionPlan>,
    condition: &Arc<dyn PhysicalExpr>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = input.downcast_ref::<ScanExec>() {
        let times = scan.time_column().map(|time| Times::of(condition, time));
        let within = times.and_then(|times| scan.within(times));
        return Ok(within.map(|scan| Arc::new(scan) as Arc<dyn ExecutionPlan>));
    }
    if let Some(segments) = input.downcast_ref::<SegmentExec>() {
        let segments = segments.told(condition);
        return Ok(segments.map(|segments| Arc::new(segments) as Arc<dyn ExecutionPlan>));
    }
    // Segments beside the rows that changed since.
    match input.is::<UnionExec>() {
        true => in_each(input, |child| match child.is::<SegmentExec>() {
            true => told(child, condition),
            false => Ok(None),
        }),
        false => Ok(None),
    }
}
