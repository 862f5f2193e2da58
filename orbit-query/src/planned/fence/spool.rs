//! Rows that are worked out once and read by several: in memory while there is room, and
//! from then on in files.

use super::Source;
use crate::planned::scan::Run;
use crate::planned::unary::Unary;
use ahash::AHashMap;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, PlanProperties, SpillManager};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::sync::Arc;

/// The rows that the fences of one run share.
#[derive(Default)]
pub struct Spools(Mutex<AHashMap<Source, Spool>>);

struct Spool {
    rows: Whole,
    /// Who has read these rows, where each reads them once a round.
    readers: Vec<u64>,
}

type Whole = Shared<BoxFuture<'static, std::result::Result<Arc<Kept>, Arc<DataFusionError>>>>;

impl Spools {
    /// The source's rows for this reader. Who comes first runs `input`.
    fn rows(
        &self,
        (source, reader): (Source, u64),
        input: &Arc<dyn ExecutionPlan>,
        context: &Arc<TaskContext>,
    ) -> Whole {
        let mut spools = self.0.lock();
        if let Some(spool) = spools.get_mut(&source) {
            let again = matches!(source, Source::Round(_)) && spool.readers.contains(&reader);
            if !again {
                spool.readers.push(reader);
                return spool.rows.clone();
            }
        }
        let rows = kept(input.clone(), context.clone()).map(|kept| match kept {
            Ok(kept) => Ok(Arc::new(kept)),
            Err(error) => Err(Arc::new(error)),
        });
        let rows = rows.boxed().shared();
        let spool = Spool {
            rows: rows.clone(),
            readers: vec![reader],
        };
        spools.insert(source, spool);
        rows
    }
}

enum Part {
    Batch(RecordBatch),
    File(Arc<dyn SpillFile>),
}

/// A query's rows.
struct Kept {
    parts: Vec<Part>,
    files: SpillManager,
    /// What the batches take.
    _held: MemoryReservation,
}

async fn kept(input: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Kept> {
    let run = Run::of(&context)?;
    let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
    let files = SpillManager::new(context.runtime_env(), metrics, input.schema());
    let held = MemoryConsumer::new("rows that are read twice")
        .with_can_spill(true)
        .register(context.memory_pool());
    let mut rows = input.execute(0, context)?;
    let mut parts = Vec::new();
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = rows.next().await {
        run.check().map_err(crate::planned::error::to_datafusion)?;
        let batch = batch?;
        let full = held.try_grow(batch.get_array_memory_size()).is_err();
        batches.push(batch);
        if full {
            let file = files.spill_record_batch_and_finish(&batches, "rows that are read twice")?;
            parts.extend(file.map(Part::File));
            batches.clear();
            held.free();
        }
    }
    parts.extend(batches.into_iter().map(Part::Batch));
    Ok(Kept {
        parts,
        files,
        _held: held,
    })
}

/// One of several that read the same rows.
#[derive(Clone, Debug)]
pub struct Spooled {
    source: Source,
    reader: u64,
}

impl Spooled {
    pub fn new(source: Source, reader: u64) -> Spooled {
        Spooled { source, reader }
    }
}

impl Unary for Spooled {
    const NAME: &'static str = "SpoolExec";
    /// The rows may be those of another's input, which has been sorted for another reader.
    const KEEPS_ORDER: bool = false;
    const ONE_PARTITION: bool = true;

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            input.properties().boundedness,
        ))
    }

    fn details(&self) -> Option<String> {
        Some(format!("source={:?}", self.source))
    }

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let run = Run::of(&context)?;
        let whole = run.spools.rows((self.source, self.reader), input, &context);
        let schema = input.schema();
        let own = schema.clone();
        let rows = async move {
            let kept = whole.await.map_err(DataFusionError::Shared)?;
            Ok::<_, DataFusionError>(read(kept, own))
        };
        let rows = futures::stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

fn read(
    kept: Arc<Kept>,
    schema: SchemaRef,
) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    let places = futures::stream::iter(0..kept.parts.len());
    places
        .map(move |place| {
            let rows = match kept.parts.get(place) {
                Some(Part::Batch(batch)) => {
                    let batch = batch.clone();
                    futures::stream::once(async move { Ok(batch) }).boxed()
                }
                Some(Part::File(file)) => kept.files.read_spill_as_stream(file.clone(), None)?,
                None => futures::stream::empty().boxed(),
            };
            Ok::<_, DataFusionError>(rows)
        })
        .try_flatten()
        .map(move |batch| {
            let batch = batch?;
            // Alike but for what is known of the columns besides their types.
            Ok(RecordBatch::try_new_with_options(
                schema.clone(),
                batch.columns().to_vec(),
                &datafusion::arrow::array::RecordBatchOptions::new()
                    .with_row_count(Some(batch.num_rows())),
            )?)
        })
}
