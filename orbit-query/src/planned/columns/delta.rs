//! The rows of a table that changed since its segments were made, column by column.

use super::scan::{Read, Whole};
use crate::planned::batches::stream_of;
use crate::planned::error::to_datafusion;
use crate::planned::scan::Run;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::fmt;
use std::sync::Arc;

/// The rows that changed since the segments were made.
#[derive(Debug)]
pub struct DeltaExec {
    read: Read,
    limit: Option<usize>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DeltaExec {
    pub fn new(read: Read, limit: Option<usize>, statistics: Statistics) -> DeltaExec {
        DeltaExec {
            properties: read.properties(1),
            read,
            limit,
            statistics: Arc::new(statistics),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for DeltaExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Changed Rows of {}", self.read.table.name)?;
        self.read.describe(f)?;
        if let Some(limit) = self.limit {
            write!(f, " limit {limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for DeltaExec {
    fn name(&self) -> &str {
        "DeltaExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
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
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        struct Reader {
            read: Read,
            run: Arc<Run>,
            next: usize,
            now: Option<Whole>,
            rows_a_batch: usize,
            left: usize,
        }
        impl Reader {
            fn batch(&mut self) -> Result<Option<RecordBatch>> {
                loop {
                    self.run.check().map_err(to_datafusion)?;
                    let most = self.rows_a_batch.min(self.left);
                    if most == 0 {
                        return Ok(None);
                    }
                    if let Some(now) = &mut self.now
                        && let Some(batch) = now.next(&self.read.schema, most)?
                    {
                        self.left -= batch.num_rows();
                        return Ok(Some(batch));
                    }
                    let changes = self.read.changes.clone();
                    let Some((chunk, kept)) = changes.chunks.get(self.next) else {
                        return Ok(None);
                    };
                    self.next += 1;
                    self.now = Some(self.read.chunk(chunk, kept).map_err(to_datafusion)?);
                }
            }
        }
        let mut reader = Reader {
            read: self.read.clone(),
            run: Run::of(&context)?,
            next: 0,
            now: None,
            rows_a_batch: context.session_config().batch_size(),
            left: self.limit.unwrap_or(usize::MAX),
        };
        let next = move || reader.batch();
        let schema = self.read.schema.clone();
        Ok(stream_of(schema, (&self.metrics, partition), next))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    #[allow(deprecated)]
    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(self.statistics.clone())
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(DeltaExec {
            read: self.read.clone(),
            limit,
            statistics: self.statistics.clone(),
            properties: self.properties.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}
