//! The stream of a scan.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

/// What `next` makes, batch by batch and counted; others on the thread get their turn
/// in between.
pub fn stream_of(
    schema: SchemaRef,
    (metrics, partition): (&ExecutionPlanMetricsSet, usize),
    next: impl FnMut() -> Result<Option<RecordBatch>> + Send + 'static,
) -> SendableRecordBatchStream {
    let baseline = BaselineMetrics::new(metrics, partition);
    let stream = futures::stream::try_unfold((next, baseline), |(mut next, baseline)| async move {
        loop {
            let timer = baseline.elapsed_compute().timer();
            let batch = next();
            timer.done();
            let Some(batch) = batch? else {
                return Ok(None);
            };
            tokio::task::yield_now().await;
            if batch.num_rows() > 0 {
                baseline.record_output(batch.num_rows());
                return Ok(Some((batch, (next, baseline))));
            }
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, stream))
}
