//! Where a running plan notices that it must stop.
//!
//! Scans look once a batch, but a join makes a thousand batches of one of
//! theirs, and an aggregate above takes them all without coming up for air: a
//! cancel request or a timeout, which the task sees only when it is polled
//! anew, went unheard for as long. So above every operator that makes more rows
//! than it reads stands a [`CancelExec`], which looks at every batch and lets
//! the task pause now and then. DataFusion's own `CooperativeExec` doesn't help:
//! it stands above scans, below the join.

use super::error::{Told, to_datafusion};
use super::scan::Run;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The plan with a check above all that multiplies rows.
pub fn stoppable(plan: Arc<dyn ExecutionPlan>) -> orbit_core::Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        if multiplies(node.name()) {
            let checked: Arc<dyn ExecutionPlan> = Arc::new(CancelExec { input: node });
            return Ok(Transformed::yes(checked));
        }
        Ok(Transformed::no(node))
    })
    .told()
    .map(|transformed| transformed.data)
}

fn multiplies(name: &str) -> bool {
    name.ends_with("JoinExec") || matches!(name, "UnnestExec" | "RecursiveQueryExec")
}

/// Passes batches on until the run is cancelled.
#[derive(Debug)]
struct CancelExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for CancelExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelExec")
    }
}

impl ExecutionPlan for CancelExec {
    fn name(&self) -> &str {
        "CancelExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    #[allow(deprecated)]
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(CancelExec { input })),
            _ => Err(DataFusionError::Internal(
                "a check for cancelling has one input".to_owned(),
            )),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let run = context
            .session_config()
            .get_extension::<Run>()
            .ok_or_else(|| {
                DataFusionError::Internal("a plan was started without a run".to_owned())
            })?;
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(CancelStream { input, run }))
    }
}

struct CancelStream {
    input: SendableRecordBatchStream,
    run: Arc<Run>,
}

impl Stream for CancelStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(reason) = self.run.check() {
            return Poll::Ready(Some(Err(to_datafusion(reason))));
        }
        // Pending once this poll of the task has taken many batches.
        let turn = ready!(tokio::task::coop::poll_proceed(cx));
        let next = self.input.poll_next_unpin(cx);
        if next.is_ready() {
            turn.made_progress();
        }
        next
    }
}

impl RecordBatchStream for CancelStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
