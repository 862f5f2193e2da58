//! Reading a table: stored rows, column by column, into Arrow batches.

use super::arrow::Builder;
use super::batches::stream_of;
use super::blocks;
use super::ends::Ends;
use super::error::to_datafusion;
use super::fence::spool::{Ending, Spools};
use super::ranges::Access;
use super::small::count;
use super::times::Times;
use datafusion::arrow::array::{ArrayRef, BinaryBuilder, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::Table;
use orbit_core::database::ReadView;
use orbit_core::read::{IndexScan, RowScan};
use orbit_core::row::RowRef;
use orbit_core::series::column::Unpacker;
use orbit_core::store::{Direction, KeyRange};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A batch is full, however few its rows, once they took so much where they are stored.
const BATCH_BYTES: usize = 1 << 20;

/// What one run reads and when it must stop; travels in the task's configuration.
pub struct Run {
    pub view: ReadView,
    pub cancel: CancelToken,
    /// What this query may hold at once, by its role's limit.
    pub memory_limit: Option<usize>,
    /// What is worked out once and read by several.
    pub spools: Arc<Spools>,
    /// Those end with another.
    shares: bool,
    /// Nobody reads the answer any more. The token can't tell: it is made good
    /// for the session's next statement while this plan may still be running.
    abandoned: Arc<AtomicBool>,
}

impl Run {
    pub fn new(view: ReadView, cancel: CancelToken) -> Run {
        Run {
            view,
            cancel,
            memory_limit: None,
            spools: Arc::default(),
            shares: false,
            abandoned: Arc::default(),
        }
    }

    /// The same once more. `None`: what others share with it can't be read again.
    pub fn again(&self) -> Option<Run> {
        (!self.shares).then(|| Run {
            view: self.view.clone(),
            cancel: self.cancel.clone(),
            memory_limit: self.memory_limit,
            spools: Arc::default(),
            shares: false,
            abandoned: self.abandoned.clone(),
        })
    }

    pub fn within(mut self, memory_limit: Option<usize>) -> Run {
        self.memory_limit = memory_limit;
        self
    }

    /// As a part of a statement whose parts share these.
    pub fn sharing(mut self, spools: Option<Arc<Spools>>) -> Run {
        if let Some(spools) = spools {
            self.spools = spools;
            self.shares = true;
        }
        self
    }

    /// To be dropped when the run ends.
    pub fn ending(&self) -> Option<Ending> {
        (!self.shares).then(|| self.spools.until_end())
    }

    /// Set it to end the run.
    pub fn abandoned(&self) -> Arc<AtomicBool> {
        self.abandoned.clone()
    }

    /// The run that a plan was started with.
    pub fn of(context: &TaskContext) -> Result<Arc<Run>> {
        let run = context.session_config().get_extension::<Run>();
        run.ok_or_else(|| DataFusionError::Internal("a plan was started without a run".to_owned()))
    }

    pub fn check(&self) -> orbit_core::Result<()> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Err(orbit_core::Error::internal("the query was abandoned"));
        }
        self.cancel.check()?;
        orbit_core::memory::check()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

#[derive(Debug)]
pub struct ScanExec {
    table: Arc<Table>,
    /// Positions of columns; one past the last is the key.
    projection: Vec<usize>,
    access: Access,
    limit: Option<usize>,
    /// Of each series only the first row in this direction.
    ends: Option<Direction>,
    /// Of a time series: a filter above has no use for rows of other times.
    times: Option<Times>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    pub fn new(
        table: Arc<Table>,
        schema: SchemaRef,
        projection: Vec<usize>,
        access: Access,
        limit: Option<usize>,
        statistics: Statistics,
    ) -> ScanExec {
        let mut equivalence = EquivalenceProperties::new(schema);
        if !matches!(access, Access::Index { .. }) {
            // Rows come in key order, as far as the key's columns are read.
            let ordering: Vec<PhysicalSortExpr> = table
                .primary_key_columns()
                .iter()
                .map_while(|at| {
                    let place = projection.iter().position(|projected| projected == at)?;
                    let column = table.columns.get(*at)?;
                    let expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new(&column.name, place));
                    Some(PhysicalSortExpr::new_default(expr).asc().nulls_last())
                })
                .collect();
            if !ordering.is_empty() {
                equivalence.add_ordering(ordering);
            }
        }
        let properties = Arc::new(PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        ScanExec {
            table,
            projection,
            access,
            limit,
            ends: None,
            times: None,
            statistics: Arc::new(statistics),
            properties,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Of each series of a time series only the first row in this direction.
    pub fn only_ends(mut self, ends: Option<Direction>) -> ScanExec {
        if ends.is_some() {
            let schema = self.properties.eq_properties.schema().clone();
            self.properties = Arc::new(PlanProperties::new(
                EquivalenceProperties::new(schema),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            ));
        }
        self.ends = ends;
        self
    }
}

impl ScanExec {
    /// Where its output has the time of a time series, if it has it.
    pub fn time_column(&self) -> Option<usize> {
        self.table.series.as_ref()?;
        let time = self.table.primary_key_columns().last()?;
        self.projection.iter().position(|at| at == time)
    }

    /// The same for a filter that has no use for other times; `None`: it would gain nothing.
    pub fn within(&self, times: Times) -> Option<ScanExec> {
        let gains = times != Times::default() && self.limit.is_none() && self.ends.is_none();
        gains.then(|| ScanExec {
            times: Some(times),
            ..self.again(None)
        })
    }

    fn again(&self, limit: Option<usize>) -> ScanExec {
        ScanExec {
            table: self.table.clone(),
            projection: self.projection.clone(),
            access: self.access.clone(),
            limit,
            ends: self.ends,
            // The first rows are not the first that pass.
            times: self.times.filter(|_| limit.is_none()),
            statistics: self.statistics.clone(),
            properties: self.properties.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Whether somebody counted the table's rows, or it gives one at most.
    pub fn is_counted(&self) -> bool {
        self.table.statistics.is_some() || matches!(self.access, Access::One)
    }

    /// Whether it gives no more than so many rows, by what ANALYZE counted or a look.
    pub fn has_at_most(&self, rows: u64, view: &ReadView) -> orbit_core::Result<bool> {
        if self.limit.is_some_and(|limit| limit as u64 <= rows) {
            return Ok(true);
        }
        let ranges = match &self.access {
            Access::One => return Ok(true),
            Access::Full => match &self.table.statistics {
                Some(counted) => return Ok(counted.rows <= rows),
                None => vec![KeyRange::default()],
            },
            Access::Keys(ranges) => ranges.clone(),
            Access::Index { index, range, .. } => {
                let Some(index) = self.table.indexes.get(*index) else {
                    return Ok(false);
                };
                let range = range.clone();
                let mut scan = view.scan_index(&self.table, index, range, Direction::Forward)?;
                for _ in 0..rows {
                    if scan.next()?.is_none() {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
        };
        let mut seen = 0;
        for range in ranges {
            let mut scan = view.scan(&self.table, range, Direction::Forward)?;
            seen += count(&mut scan, rows - seen)?;
            if seen > rows {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.access {
            _ if self.ends == Some(Direction::Backward) => {
                write!(f, "Last Rows of Each Series of {}", table.name)?;
            }
            _ if self.ends.is_some() => {
                write!(f, "First Rows of Each Series of {}", table.name)?;
            }
            Access::Full => write!(f, "Table Scan on {}", table.name)?,
            Access::Keys(_) | Access::One => write!(f, "Key Range Scan on {}", table.name)?,
            Access::Index { name, .. } => write!(f, "Index Scan using {name} on {}", table.name)?,
        }
        let columns: Vec<&str> = self
            .projection
            .iter()
            .filter_map(|at| table.columns.get(*at))
            .map(|column| column.name.as_str())
            .collect();
        write!(f, " (columns: {})", columns.join(", "))?;
        if self.times.is_some() {
            write!(f, " blocks by time")?;
        }
        if let Some(limit) = self.limit {
            write!(f, " limit {limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
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
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let run = Run::of(&context)?;
        let schema = self.properties.eq_properties.schema().clone();
        let mut reader = Reader {
            table: self.table.clone(),
            schema: schema.clone(),
            projection: self.projection.clone(),
            run,
            rows_a_batch: context.session_config().batch_size(),
            left: self.limit.unwrap_or(usize::MAX),
            source: Source::New(self.access.clone()),
            ends: self.ends,
            times: self.times,
            row: Vec::new(),
            unpacker: None,
        };
        let next = move || reader.batch();
        Ok(stream_of(schema, (&self.metrics, 0), next))
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

    /// Takes the limit of a sort or a limit above that this scan's order made needless.
    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(self.again(limit)))
    }
}

enum Source {
    New(Access),
    Ends(Ends),
    Rows {
        scan: Box<RowScan>,
        then: std::vec::IntoIter<KeyRange>,
    },
    Index(Box<IndexScan>),
}

struct Reader {
    table: Arc<Table>,
    schema: SchemaRef,
    projection: Vec<usize>,
    run: Arc<Run>,
    rows_a_batch: usize,
    left: usize,
    source: Source,
    ends: Option<Direction>,
    times: Option<Times>,
    row: Vec<u8>,
    unpacker: Option<Unpacker>,
}

pub(in crate::planned) struct Columns {
    builders: Vec<Builder>,
    keys: Option<BinaryBuilder>,
    /// Where the key stands among the projected columns.
    key_at: usize,
    rows: usize,
    /// What the rows took where they are stored.
    bytes: usize,
}

impl Columns {
    pub fn new(table: &Table, projection: &[usize], rows: usize) -> Columns {
        let width = table.columns.len();
        let key_at = projection.iter().position(|at| *at >= width);
        Columns {
            builders: projection
                .iter()
                .filter_map(|at| table.columns.get(*at))
                .map(|column| Builder::new(&column.sql_type, rows))
                .collect(),
            keys: key_at.map(|_| BinaryBuilder::with_capacity(rows, rows * 16)),
            key_at: key_at.unwrap_or(usize::MAX),
            rows: 0,
            bytes: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn push(
        &mut self,
        table: &Table,
        projection: &[usize],
        key: &[u8],
        row: &[u8],
    ) -> orbit_core::Result<()> {
        self.bytes += key.len() + row.len();
        let row = RowRef::new(row)?;
        let mut builders = self.builders.iter_mut();
        for at in projection {
            if *at >= table.columns.len() {
                continue;
            }
            if let Some(builder) = builders.next() {
                builder.push(row.value(&table.layout, *at, &table.missing)?)?;
            }
        }
        if let Some(keys) = &mut self.keys {
            keys.append_value(key);
        }
        self.rows += 1;
        Ok(())
    }

    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        if let Some(mut keys) = self.keys {
            arrays.insert(self.key_at.min(arrays.len()), Arc::new(keys.finish()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
    }
}

fn keep_within(scan: &mut RowScan, times: Option<Times>) {
    if let Some(times) = times {
        scan.leave_out_other_times(times.least, times.greatest);
    }
}

impl Reader {
    fn open(&mut self) -> orbit_core::Result<()> {
        if let Source::New(access) = &self.source {
            let view = &self.run.view;
            let everything = KeyRange {
                start: Vec::new(),
                end: Vec::new(),
            };
            let rows = |ranges: Vec<KeyRange>| -> orbit_core::Result<Source> {
                let mut ranges = ranges.into_iter();
                let first = ranges.next().unwrap_or_else(|| everything.clone());
                let mut scan = view.scan(&self.table, first, Direction::Forward)?;
                keep_within(&mut scan, self.times);
                Ok(Source::Rows {
                    scan: Box::new(scan),
                    then: ranges,
                })
            };
            if let Some(direction) = self.ends {
                self.source = Source::Ends(Ends::new(access, direction));
                return Ok(());
            }
            self.source = match access.clone() {
                Access::Full | Access::One => rows(vec![everything.clone()])?,
                Access::Keys(ranges) => rows(ranges)?,
                Access::Index { index, range, .. } => {
                    let index = self.table.indexes.get(index).ok_or_else(|| {
                        orbit_core::Error::internal("a plan names an index that is gone")
                    })?;
                    Source::Index(Box::new(view.scan_index(
                        &self.table,
                        index,
                        range,
                        Direction::Forward,
                    )?))
                }
            };
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        self.run.check().map_err(to_datafusion)?;
        self.open().map_err(to_datafusion)?;
        let wanted = self.rows_a_batch.min(self.left);
        if wanted == 0 {
            return Ok(None);
        }
        if let Some(batch) = self.block()? {
            return Ok(Some(batch));
        }
        let mut columns = Columns::new(&self.table, &self.projection, wanted);
        while columns.rows < wanted && columns.bytes < BATCH_BYTES {
            let more = self.step(&mut columns).map_err(to_datafusion)?;
            if !more {
                break;
            }
        }
        self.left -= columns.rows;
        if columns.rows == 0 {
            return Ok(None);
        }
        columns.finish(self.schema.clone()).map(Some)
    }

    /// The next rows of a time series, if they are a block.
    fn block(&mut self) -> Result<Option<RecordBatch>> {
        let Source::Rows { scan, .. } = &mut self.source else {
            return Ok(None);
        };
        let Some(block) = scan.next_block().map_err(to_datafusion)? else {
            return Ok(None);
        };
        let arrays = match &mut self.unpacker {
            Some(unpacker) => blocks::arrays(&self.table, &self.projection, &block, unpacker),
            slot => Unpacker::new().and_then(|unpacker| {
                let unpacker = slot.insert(unpacker);
                blocks::arrays(&self.table, &self.projection, &block, unpacker)
            }),
        };
        let arrays = arrays.map_err(to_datafusion)?;
        let options = RecordBatchOptions::new().with_row_count(Some(block.rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        let batch = batch.slice(0, block.rows().min(self.left));
        self.left -= batch.num_rows();
        Ok(Some(batch))
    }

    fn step(&mut self, columns: &mut Columns) -> orbit_core::Result<bool> {
        match &mut self.source {
            Source::New(_) => Ok(false),
            Source::Ends(ends) => {
                self.run.check()?;
                let (table, projection) = (&self.table, &self.projection);
                ends.next(&self.run.view, table, |key, row| {
                    columns.push(table, projection, key, row)
                })
            }
            Source::Rows { scan, then } => {
                if let Some((key, row)) = scan.next()? {
                    columns.push(&self.table, &self.projection, key, row)?;
                    return Ok(true);
                }
                let Some(next) = then.next() else {
                    return Ok(false);
                };
                **scan = self.run.view.scan(&self.table, next, Direction::Forward)?;
                keep_within(scan, self.times);
                Ok(true)
            }
            Source::Index(scan) => {
                let Some(key) = scan.next()? else {
                    return Ok(false);
                };
                if self.run.view.get(&self.table, key, &mut self.row)? {
                    columns.push(&self.table, &self.projection, key, &self.row)?;
                }
                Ok(true)
            }
        }
    }
}
