//! A union's branches one after the other, where the order of rows can be seen.
//!
//! DataFusion's `CoalescePartitionsExec` reads its partitions at the same time and
//! hands on whichever is first: an aggregate that shows one of equal values, or a list
//! of them, would show another one from run to run. A plan made for one thread has
//! several partitions only where a union has put its branches side by side, so there
//! they are read in the order in which the query names them.

use super::error::Told;
use super::unary::{Unary, above};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// The plan with its partitions joined in their order. For plans of one thread: with
/// more, the partitions that wait would gather rows.
pub fn in_order(plan: Arc<dyn ExecutionPlan>) -> orbit_core::Result<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|node| {
        let Some(join) = node.downcast_ref::<CoalescePartitionsExec>() else {
            return Ok(Transformed::no(node));
        };
        let mut ordered = above(join.input().clone(), InOrder);
        if let Some(fetch) = join.fetch() {
            ordered = Arc::new(GlobalLimitExec::new(ordered, 0, Some(fetch)));
        }
        Ok(Transformed::yes(ordered))
    });
    let plan = plan.told()?.data;
    // Whoever runs it would join what is still apart.
    Ok(match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => above(plan, InOrder),
    })
}

#[derive(Clone, Debug)]
struct InOrder;

impl Unary for InOrder {
    const NAME: &'static str = "InOrderExec";
    const KEEPS_ORDER: bool = false;

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        ))
    }

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = input.clone();
        let schema = input.schema();
        let partitions = input.output_partitioning().partition_count();
        // A branch starts when the one before it has ended.
        let rows = futures::stream::iter(0..partitions)
            .map(move |partition| input.execute(partition, context.clone()))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
