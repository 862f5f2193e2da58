//! Rows that are worked out once and read by several: in memory while there is room, and
//! from then on in files.

use super::Source;
use crate::planned::bounded::bytes_of;
use crate::planned::error::to_datafusion;
use crate::planned::scan::Run;
use crate::planned::unary::Unary;
use ahash::AHashMap;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
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
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::sync::Arc;

/// The rows that the fences of one run share.
#[derive(Default)]
pub struct Spools(Mutex<AHashMap<Source, Reading>>);

struct Reading {
    spool: Arc<Spool>,
    /// Who has begun to read these rows, where each reads them once a round.
    readers: Vec<u64>,
}

/// Lets go of a run's rows when it ends, however it does. They hold what they are read
/// from, which holds the run, and that holds them.
pub struct Ending(Arc<Spools>);

impl Drop for Ending {
    fn drop(&mut self) {
        let spools = std::mem::take(&mut *self.0.0.lock());
        for reading in spools.into_values() {
            reading.spool.end();
        }
    }
}

impl Spools {
    pub fn until_end(self: &Arc<Self>) -> Ending {
        Ending(self.clone())
    }

    /// The source's rows for this reader. Who comes first starts `input`.
    fn open(
        &self,
        (source, reader): (Source, u64),
        input: &Arc<dyn ExecutionPlan>,
        context: &Arc<TaskContext>,
    ) -> Result<Arc<Spool>> {
        let mut spools = self.0.lock();
        if let Some(reading) = spools.get_mut(&source) {
            let again = matches!(source, Source::Round(_)) && reading.readers.contains(&reader);
            if !again {
                reading.readers.push(reader);
                return Ok(reading.spool.clone());
            }
        }
        let spool = Arc::new(Spool::new(input, context)?);
        let reading = Reading {
            spool: spool.clone(),
            readers: vec![reader],
        };
        spools.insert(source, reading);
        Ok(spool)
    }
}

/// A query's rows, as far as somebody has asked for them.
struct Spool {
    run: Arc<Run>,
    files: SpillManager,
    state: Mutex<State>,
}

struct State {
    batches: Vec<Kept>,
    /// What the batches in memory take.
    held: MemoryReservation,
    /// What comes next; `None` while somebody asks for it, and at the end.
    rest: Option<SendableRecordBatchStream>,
    /// Who asks. All that wait for the next batch go on with it: one of them might not be
    /// polled until another has got it.
    asking: Option<Shared<BoxFuture<'static, ()>>>,
    failed: Option<Arc<DataFusionError>>,
}

#[derive(Clone)]
enum Kept {
    Batch(RecordBatch),
    File(Arc<dyn SpillFile>),
}

impl Spool {
    fn new(input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Spool> {
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let held = MemoryConsumer::new("rows that are read twice")
            .with_can_spill(true)
            .register(context.memory_pool());
        Ok(Spool {
            run: Run::of(context)?,
            files: SpillManager::new(context.runtime_env(), metrics, input.schema()),
            state: Mutex::new(State {
                batches: Vec::new(),
                held,
                rest: Some(input.execute(0, context.clone())?),
                asking: None,
                failed: None,
            }),
        })
    }

    /// The batch at a place; `None` behind the last.
    async fn batch(self: Arc<Self>, place: usize) -> Result<Option<RecordBatch>> {
        loop {
            let asking = {
                let mut state = self.state.lock();
                if let Some(kept) = state.batches.get(place) {
                    break self.read(kept.clone());
                }
                if let Some(error) = &state.failed {
                    return Err(DataFusionError::Shared(error.clone()));
                }
                if let Some(asking) = &state.asking {
                    asking.clone()
                } else if let Some(rest) = state.rest.take() {
                    let asking = self.clone().ask(rest).boxed().shared();
                    state.asking = Some(asking.clone());
                    asking
                } else {
                    return Ok(None);
                }
            };
            asking.await;
        }
        .await
        .map(Some)
    }

    /// Who asks holds this, and is held by it.
    fn end(&self) {
        let mut state = self.state.lock();
        let rest = (state.asking.take(), state.rest.take());
        let batches = std::mem::take(&mut state.batches);
        state.held.free();
        let ended = DataFusionError::Internal("the run has ended".to_owned());
        state.failed = Some(Arc::new(ended));
        drop(state);
        drop((rest, batches));
    }

    async fn ask(self: Arc<Self>, mut rest: SendableRecordBatchStream) {
        let next = match self.run.check().map_err(to_datafusion) {
            Ok(()) => rest.next().await,
            Err(error) => Some(Err(error)),
        };
        let mut state = self.state.lock();
        state.asking = None;
        if state.failed.is_some() {
            return;
        }
        match next.map(|batch| batch.and_then(|batch| self.keep(&state.held, batch))) {
            Some(Ok(kept)) => {
                state.batches.push(kept);
                state.rest = Some(rest);
            }
            Some(Err(error)) => state.failed = Some(Arc::new(error)),
            None => {}
        }
    }

    /// In memory, or once that is full in a file.
    fn keep(&self, held: &MemoryReservation, batch: RecordBatch) -> Result<Kept> {
        let bytes = bytes_of(&batch)?;
        let full = match held.try_grow(bytes) {
            Ok(()) => return Ok(Kept::Batch(batch)),
            Err(full) => full,
        };
        let batches = std::slice::from_ref(&batch);
        let file = self
            .files
            .spill_record_batch_and_finish(batches, "rows that are read twice");
        match file? {
            Some(file) => Ok(Kept::File(file)),
            None => Err(full),
        }
    }

    async fn read(&self, kept: Kept) -> Result<RecordBatch> {
        let file = match kept {
            Kept::Batch(batch) => return Ok(batch),
            Kept::File(file) => file,
        };
        let batch = self.files.read_spill_as_stream(file, None)?.next().await;
        batch.unwrap_or_else(|| {
            let what = "a file of rows that are read twice is empty".to_owned();
            Err(DataFusionError::Internal(what))
        })
    }
}

/// One of several that read the same rows.
#[derive(Clone, Debug)]
pub struct Spooled {
    pub source: Source,
    reader: u64,
}

impl Spooled {
    pub fn new(source: Source, reader: u64) -> Spooled {
        Spooled { source, reader }
    }
}

impl Unary for Spooled {
    const NAME: &'static str = super::physical::SPOOL;
    /// The rows may be those of another's input, which has been sorted for another reader.
    const KEEPS_ORDER: bool = false;
    const ONE_PARTITION: bool = true;

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
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
        let spool = run
            .spools
            .open((self.source, self.reader), input, &context)?;
        let schema = input.schema();
        let own = schema.clone();
        let rows = futures::stream::try_unfold(0, move |place| {
            let (spool, own) = (spool.clone(), own.clone());
            async move {
                let batch = spool.batch(place).await?;
                let batch = batch.map(|batch| as_of(&own, &batch)).transpose()?;
                Ok::<_, DataFusionError>(batch.map(|batch| (batch, place + 1)))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// The batch under a reader's schema: alike but for what is known of the columns besides
/// their types.
fn as_of(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(
        schema.clone(),
        columns,
        &options,
    )?)
}
