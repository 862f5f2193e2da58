//! The rows of a recursive query's last round, for as many readers as there are.
//!
//! DataFusion's work table gives its rows to one reader. A correlated subquery in the
//! recursive term, taken apart, has several: the rows, and the values that they ask for.
//! So one leaf of the plan takes the rows of a round and hands them to the others.

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

/// A recursive query as its own second half reads it.
#[derive(Debug)]
pub struct WorkRows {
    name: String,
    schema: SchemaRef,
}

impl WorkRows {
    pub fn new(name: &str, schema: SchemaRef) -> WorkRows {
        WorkRows {
            name: name.to_owned(),
            schema,
        }
    }
}

#[async_trait]
impl TableProvider for WorkRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(WorkRowsExec {
            reader: READERS.fetch_add(1, Ordering::Relaxed),
            name: self.name.clone(),
            whole: self.schema.clone(),
            projection: projection.cloned(),
            rounds: Arc::new(Mutex::new(None)),
            properties: Arc::new(properties),
        }))
    }
}

static READERS: AtomicU64 = AtomicU64::new(0);

/// What the leaves of one work table share, by the table's address: it lives while one
/// of them does, and with it the table.
static SHARED: LazyLock<Mutex<HashMap<usize, Weak<Rounds>>>> = LazyLock::new(Mutex::default);

type Batches =
    Shared<BoxFuture<'static, std::result::Result<Arc<[RecordBatch]>, Arc<DataFusionError>>>>;

/// The rounds of one recursive query.
#[derive(Debug)]
struct Rounds {
    source: Arc<dyn ExecutionPlan>,
    round: Mutex<Option<Round>>,
}

struct Round {
    batches: Batches,
    /// Who has read this round: who comes a second time starts the next.
    readers: Vec<u64>,
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Round({:?})", self.readers)
    }
}

impl Rounds {
    fn batches(&self, reader: u64, context: &Arc<TaskContext>) -> Result<Batches> {
        let mut round = self.round.lock();
        if let Some(round) = &mut *round {
            if !round.readers.contains(&reader) {
                round.readers.push(reader);
                return Ok(round.batches.clone());
            }
        }
        let rows = self.source.execute(0, context.clone())?;
        let batches = async move {
            let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(Arc::new)?;
            Ok(Arc::from(batches))
        };
        let batches = batches.boxed().shared();
        *round = Some(Round {
            batches: batches.clone(),
            readers: vec![reader],
        });
        Ok(batches)
    }
}

#[derive(Debug, Clone)]
struct WorkRowsExec {
    reader: u64,
    name: String,
    whole: SchemaRef,
    projection: Option<Vec<usize>>,
    rounds: Arc<Mutex<Option<Arc<Rounds>>>>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for WorkRowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkRowsExec: name={}", self.name)
    }
}

impl ExecutionPlan for WorkRowsExec {
    fn name(&self) -> &str {
        "WorkRowsExec"
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

    /// The work table comes to every leaf; DataFusion wants one of them to take it.
    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        let address = Arc::as_ptr(&state).cast::<()>() as usize;
        let table = WorkTableExec::new(self.name.clone(), self.whole.clone(), None).ok()?;
        // Another query's table is no state of ours.
        let source = table.with_new_state(state)?;
        let mut shared = SHARED.lock();
        shared.retain(|_, rounds| rounds.strong_count() > 0);
        if let Some(rounds) = shared.get(&address).and_then(Weak::upgrade) {
            *self.rounds.lock() = Some(rounds);
            return None;
        }
        let rounds = Arc::new(Rounds {
            source,
            round: Mutex::new(None),
        });
        shared.insert(address, Arc::downgrade(&rounds));
        *self.rounds.lock() = Some(rounds);
        Some(Arc::new(self.clone()))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rounds = self.rounds.lock().clone();
        let rounds = rounds.ok_or_else(|| {
            DataFusionError::Internal("a recursive reference outside of its query".to_owned())
        })?;
        let batches = rounds.batches(self.reader, &context)?;
        let projection = self.projection.clone();
        let rows = futures::stream::once(async move {
            let batches = batches.await.map_err(DataFusionError::Shared)?;
            let batches: Vec<Result<RecordBatch>> = batches
                .iter()
                .map(|batch| match &projection {
                    Some(columns) => Ok(batch.project(columns)?),
                    None => Ok(batch.clone()),
                })
                .collect();
            Ok(futures::stream::iter(batches))
        });
        let rows = rows
            .map(|rows: Result<_>| match rows {
                Ok(rows) => rows.left_stream(),
                Err(error) => futures::stream::once(async move { Err(error) }).right_stream(),
            })
            .flatten();
        let schema = self.properties.eq_properties.schema().clone();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
