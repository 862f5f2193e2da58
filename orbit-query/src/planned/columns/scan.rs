//! Reading a table by its columns: the segments without what changed, and beside them the
//! rows that changed ([`DeltaExec`]). What belongs to which was settled when the plan was
//! made; both operators carry it.

use super::ColumnStore;
use super::changes::{Changes, Chunk, Kept};
use super::delta::DeltaExec;
use super::masked::is_harmless;
use super::prune;
use super::stored::{KEY_NAME, column_name, from_stored};
use crate::planned::arrow::{array_of, arrow_type};
use crate::planned::batches::stream_of;
use crate::planned::error::{from_datafusion, to_datafusion};
use crate::planned::scan::{Columns, Run};
use ahash::AHashSet;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::{FilterBuilder, filter_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, conjunction};
use datafusion::physical_expr_common::physical_expr::{
    snapshot_generation, snapshot_physical_expr,
};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use orbit_core::catalog::Table;
use orbit_core::database::{ReadView, RowScan};
use orbit_core::store::Direction;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What a plan is made for; travels in the session's configuration.
pub struct Reading {
    pub store: Arc<ColumnStore>,
    pub view: ReadView,
}

impl Reading {
    /// A scan of all rows by columns. `None`: there is no copy, or it is not worth it; the
    /// rows are as good.
    pub fn by_columns(
        &self,
        table: &Arc<Table>,
        projection: &[usize],
        schema: &SchemaRef,
        limit: Option<usize>,
        (partitions, known): (usize, &Statistics),
    ) -> Option<Arc<dyn ExecutionPlan>> {
        self.store.note_scan(table.storage);
        let manifest = self.view.columns(table)?;
        let changes = self.store.changes(&self.view, table, manifest);
        let changes = changes.and_then(|changes| match changes {
            Some(changes) => changes.with_own(&self.store, &self.view, table),
            None => Ok(None),
        });
        let changes = match changes {
            Ok(changes) => changes?,
            Err(error) => {
                tracing::warn!(table = table.name, %error, "columns are not read");
                return None;
            }
        };
        let (sealed, changed) = changes.rows();
        let read = Read {
            store: self.store.clone(),
            table: table.clone(),
            projection: projection.to_vec(),
            schema: schema.clone(),
            changes,
            view: self.view.clone(),
        };
        let mut known = known.clone();
        if table.statistics.is_none() {
            known.column_statistics = self.store.found.of(&read);
        }
        let counted = |rows: u64| {
            let mut statistics = known.clone();
            statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
            statistics
        };
        let segments = SegmentExec::new(read.clone(), partitions, limit, counted(sealed));
        if changed == 0 {
            return Some(Arc::new(segments));
        }
        let delta = DeltaExec::new(read, limit, counted(changed));
        UnionExec::try_new(vec![Arc::new(segments), Arc::new(delta)]).ok()
    }
}

/// Which columns of which table, for both operators.
#[derive(Clone)]
pub struct Read {
    pub store: Arc<ColumnStore>,
    pub table: Arc<Table>,
    /// Positions of columns; one past the last is the key.
    pub projection: Vec<usize>,
    pub schema: SchemaRef,
    pub changes: Arc<Changes>,
    pub view: ReadView,
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Read({})", self.table.name)
    }
}

impl Read {
    pub(super) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self
            .projection
            .iter()
            .filter_map(|at| self.table.columns.get(*at))
            .map(|column| column.name.as_str())
            .collect();
        write!(f, " (columns: {})", columns.join(", "))
    }

    pub(super) fn properties(&self, partitions: usize) -> Arc<PlanProperties> {
        Arc::new(PlanProperties::new(
            EquivalenceProperties::new(self.schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ))
    }

    /// The projected columns of a group, those of its rows that count.
    fn group(
        &self,
        unit: Unit,
        kept: &Kept,
        condition: Option<&Arc<dyn PhysicalExpr>>,
    ) -> orbit_core::Result<Whole> {
        let missing = || orbit_core::Error::internal("a segment that is not in its manifest");
        let segments = &self.changes.manifest.segments;
        let segment = segments.get(unit.segment).ok_or_else(missing)?;
        let group = segment.groups.get(unit.group).ok_or_else(missing)?;
        let all = usize::try_from(group.rows).unwrap_or(usize::MAX);
        let mut arrays = Vec::with_capacity(self.projection.len());
        for at in &self.projection {
            let Some(column) = self.table.columns.get(*at) else {
                let keys = self.store.stored(segment, unit.group, KEY_NAME)?;
                arrays.push(keys.ok_or_else(missing)?);
                continue;
            };
            let wanted = arrow_type(&column.sql_type);
            let name = column_name(self.table.layout.slot_of(*at));
            let there = self.store.decoded(segment, unit.group, &name, |stored| {
                from_stored(stored, &wanted).map_err(from_datafusion)
            })?;
            arrays.push(match there {
                // Kept as an earlier definition of the table has it.
                Some(array) if *array.data_type() != wanted => {
                    from_stored(array, &wanted).map_err(from_datafusion)?
                }
                Some(array) => array,
                // Added to the table since.
                None => {
                    let value = self.table.missing.get(*at).ok_or_else(missing)?;
                    let one = array_of(&column.sql_type, std::slice::from_ref(value))?;
                    let places = datafusion::arrow::array::UInt64Array::from(vec![0; all]);
                    datafusion::arrow::compute::take(&one, &places, None)
                        .map_err(|error| from_datafusion(error.into()))?
                }
            });
        }
        Whole::new(arrays, all, kept, condition).map_err(from_datafusion)
    }

    pub(super) fn chunk(&self, chunk: &Chunk, kept: &Kept) -> orbit_core::Result<Whole> {
        let mut arrays = Vec::with_capacity(self.projection.len());
        for at in &self.projection {
            arrays.push(match *at < self.table.columns.len() {
                true => chunk.column(&self.table, *at)?,
                false => Arc::new(chunk.keys.clone()) as ArrayRef,
            });
        }
        Whole::new(arrays, chunk.rows(), kept, None).map_err(from_datafusion)
    }

    /// The rows of a group, read as rows.
    fn rows_of(&self, unit: Unit) -> orbit_core::Result<Now> {
        let manifest = &self.changes.manifest;
        let range = manifest.range_of_group(unit.segment, unit.group);
        let scan = self.view.scan(&self.table, range, Direction::Forward)?;
        Ok(Now::Rows {
            scan: Box::new(scan),
            elsewhere: self.changes.keys(),
        })
    }
}

/// Columns decoded at once, given out a batch at a time.
pub(super) struct Whole {
    arrays: Vec<ArrayRef>,
    rows: usize,
    given: usize,
    mask: Option<Mask>,
}

/// Which rows of a batch count, asked batch by batch.
struct Mask {
    kept: BooleanBuffer,
    condition: Arc<dyn PhysicalExpr>,
}

impl Mask {
    /// Those of the batch's rows, which are those from `first`, that are kept and pass.
    fn passed(&self, batch: &RecordBatch, first: usize) -> Result<BooleanBuffer> {
        let passed = self.condition.evaluate(batch)?;
        let passed = passed.into_array(batch.num_rows())?;
        let passed = as_boolean_array(&passed)?;
        let kept = self.kept.slice(first, batch.num_rows());
        let passed = match passed.nulls() {
            Some(known) => passed.values() & known.inner(),
            None => passed.values().clone(),
        };
        Ok(&passed & &kept)
    }
}

impl Whole {
    fn new(
        arrays: Vec<ArrayRef>,
        all: usize,
        kept: &Kept,
        condition: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Result<Whole> {
        let mut whole = Whole {
            arrays,
            rows: all,
            given: 0,
            mask: None,
        };
        match (kept, condition) {
            (None, _) => {}
            (Some(kept), Some(condition)) => {
                whole.mask = Some(Mask {
                    kept: kept.clone(),
                    condition: condition.clone(),
                });
            }
            (Some(kept), None) => {
                let rows = BooleanArray::new(kept.clone(), None);
                let rows = FilterBuilder::new(&rows).optimize().build();
                whole.rows = rows.count();
                for array in &mut whole.arrays {
                    *array = rows.filter(array.as_ref())?;
                }
            }
        }
        Ok(whole)
    }

    /// The next batch; no row of it may have passed.
    pub(super) fn next(&mut self, schema: &SchemaRef, most: usize) -> Result<Option<RecordBatch>> {
        let first = self.given;
        let rows = most.min(self.rows - first);
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.arrays.iter();
        let arrays = arrays.map(|array| array.slice(first, rows)).collect();
        self.given += rows;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
        let Some(mask) = &self.mask else {
            return Ok(Some(batch));
        };
        let passed = BooleanArray::new(mask.passed(&batch, first)?, None);
        Ok(Some(filter_record_batch(&batch, &passed)?))
    }
}

/// A group of a segment.
#[derive(Clone, Copy, Debug)]
struct Unit {
    segment: usize,
    group: usize,
}

/// The segments, without the rows that changed.
#[derive(Debug)]
pub struct SegmentExec {
    read: Read,
    /// The groups of each partition.
    parts: Vec<Vec<Unit>>,
    /// Groups of the table, those that are left out too.
    groups: usize,
    limit: Option<usize>,
    /// What a filter above asks of every row.
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// What others find out while the query runs, asked of groups.
    narrowing: Vec<Arc<dyn PhysicalExpr>>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SegmentExec {
    pub fn new(
        read: Read,
        partitions: usize,
        limit: Option<usize>,
        statistics: Statistics,
    ) -> SegmentExec {
        let segments = read.changes.manifest.segments.iter().enumerate();
        let units: Vec<Unit> = segments
            .flat_map(|(segment, known)| {
                let groups = known.groups.iter().enumerate();
                groups
                    .filter(|(_, group)| group.rows > 0)
                    .map(move |(group, _)| Unit { segment, group })
            })
            .collect();
        let partitions = partitions.clamp(1, units.len().max(1));
        SegmentExec {
            properties: read.properties(partitions),
            read,
            parts: shared(&units, partitions),
            groups: units.len(),
            limit,
            condition: None,
            narrowing: Vec::new(),
            statistics: Arc::new(statistics),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same for a filter that asks this of every row; `None`: it would gain nothing.
    pub fn told(&self, condition: &Arc<dyn PhysicalExpr>) -> Option<SegmentExec> {
        // The first rows are not the first that pass.
        if self.limit.is_some() {
            return None;
        }
        let left = self.that_may_pass(condition);
        let asked = left.as_ref().unwrap_or(self).that_asks(condition);
        asked.or(left)
    }

    /// Without the groups that have no row that passes.
    fn that_may_pass(&self, condition: &Arc<dyn PhysicalExpr>) -> Option<SegmentExec> {
        let units: Vec<Unit> = self.parts.iter().flatten().copied().collect();
        let groups: Vec<_> = units
            .iter()
            .map(|unit| (unit.segment, unit.group))
            .collect();
        let predicate = prune::predicate(&self.read, condition)?;
        let passing = prune::may_pass(&self.read, &groups, &predicate)?;
        let left: Vec<Unit> = units
            .into_iter()
            .zip(passing)
            .filter_map(|(unit, passes)| passes.then_some(unit))
            .collect();
        if left.len() == groups.len() {
            return None;
        }
        let segments = &self.read.changes.manifest.segments;
        let rows = left.iter().filter_map(|unit| {
            let group = segments.get(unit.segment)?.groups.get(unit.group)?;
            usize::try_from(group.rows).ok()
        });
        let mut statistics = self.statistics.as_ref().clone().to_inexact();
        statistics.num_rows = Precision::Inexact(rows.sum());
        let mut segments = self.again(None);
        segments.parts = shared(&left, self.parts.len());
        segments.statistics = Arc::new(statistics);
        Some(segments)
    }

    /// Leaves out what doesn't pass together with the rows that changed.
    fn that_asks(&self, condition: &Arc<dyn PhysicalExpr>) -> Option<SegmentExec> {
        let mut groups = self.read.changes.kept.iter().flatten();
        if !groups.any(Option::is_some) || !is_harmless(condition) {
            return None;
        }
        let mut segments = self.again(None);
        segments.condition = Some(condition.clone());
        segments.statistics = Arc::new(self.statistics.as_ref().clone().to_inexact());
        Some(segments)
    }

    /// Without the groups that have no row that passes by the time they are to be read, the
    /// greatest or the least of a column first; `None`: there is nothing to leave out.
    pub fn narrowed_by(
        &self,
        filter: &Arc<dyn PhysicalExpr>,
        first: Option<&(Column, bool)>,
    ) -> Option<SegmentExec> {
        let mut units: Vec<Unit> = self.parts.iter().flatten().copied().collect();
        if self.limit.is_some() || units.len() < 2 {
            return None;
        }
        let mut segments = self.again(None);
        if let Some((column, descending)) = first {
            let groups: Vec<_> = units
                .iter()
                .map(|unit| (unit.segment, unit.group))
                .collect();
            let order = prune::in_order(&self.read, &groups, column.name(), *descending)?;
            units = order
                .into_iter()
                .filter_map(|at| units.get(at).copied())
                .collect();
            // Each partition begins with some of the best.
            let parts = self.parts.len();
            let dealt = |part: usize| units.iter().skip(part).step_by(parts).copied().collect();
            segments.parts = (0..parts).map(dealt).collect();
        }
        segments.narrowing.push(filter.clone());
        segments.statistics = Arc::new(self.statistics.as_ref().clone().to_inexact());
        Some(segments)
    }

    fn again(&self, limit: Option<usize>) -> SegmentExec {
        SegmentExec {
            read: self.read.clone(),
            parts: self.parts.clone(),
            groups: self.groups,
            limit,
            // The first rows are not the first that pass.
            condition: self.condition.clone().filter(|_| limit.is_none()),
            narrowing: match limit {
                None => self.narrowing.clone(),
                Some(_) => Vec::new(),
            },
            statistics: self.statistics.clone(),
            properties: self.properties.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

fn shared(units: &[Unit], partitions: usize) -> Vec<Vec<Unit>> {
    (0..partitions)
        .map(|part| units[share(units.len(), part, partitions)].to_vec())
        .collect()
}

fn share(all: usize, part: usize, parts: usize) -> Range<usize> {
    all * part / parts..all * (part + 1) / parts
}

impl DisplayAs for SegmentExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column Scan on {}", self.read.table.name)?;
        self.read.describe(f)?;
        let groups: usize = self.parts.iter().map(Vec::len).sum();
        write!(f, " groups: {groups}")?;
        if groups < self.groups {
            write!(f, " of {}", self.groups)?;
        }
        if !self.narrowing.is_empty() {
            f.write_str(" narrowed")?;
        }
        if let Some(limit) = self.limit {
            write!(f, " limit {limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for SegmentExec {
    fn name(&self) -> &str {
        "SegmentExec"
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
        let run = Run::of(&context)?;
        let mut reader = SegmentReader {
            read: self.read.clone(),
            run,
            units: self
                .parts
                .get(partition)
                .cloned()
                .unwrap_or_default()
                .into(),
            now: Now::Nothing,
            condition: self.condition.clone(),
            narrowing: self.narrowing.clone(),
            narrowed: None,
            narrowed_at: None,
            left_out: MetricBuilder::new(&self.metrics).counter("groups_left_out", partition),
            rows_a_batch: context.session_config().batch_size(),
            left: self.limit.unwrap_or(usize::MAX),
            as_rows: MetricBuilder::new(&self.metrics).counter("groups_read_as_rows", partition),
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
        Some(Arc::new(self.again(limit)))
    }
}

struct SegmentReader {
    read: Read,
    run: Arc<Run>,
    units: VecDeque<Unit>,
    now: Now,
    condition: Option<Arc<dyn PhysicalExpr>>,
    narrowing: Vec<Arc<dyn PhysicalExpr>>,
    /// What units are asked, and by which state of what others found out.
    narrowed: Option<Arc<PruningPredicate>>,
    narrowed_at: Option<u64>,
    left_out: Count,
    rows_a_batch: usize,
    left: usize,
    as_rows: Count,
}

enum Now {
    Nothing,
    Columns(Whole),
    /// A group that can't be read.
    Rows {
        scan: Box<RowScan>,
        /// Keys whose rows are among those that changed.
        elsewhere: AHashSet<Vec<u8>>,
    },
}

impl SegmentReader {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.run.check().map_err(to_datafusion)?;
            let most = self.rows_a_batch.min(self.left);
            if most == 0 {
                return Ok(None);
            }
            let batch = match &mut self.now {
                Now::Nothing => None,
                Now::Columns(whole) => whole.next(&self.read.schema, most)?,
                Now::Rows { scan, elsewhere } => {
                    let mut columns = Columns::new(&self.read.table, &self.read.projection, most);
                    while columns.len() < most
                        && let Some((key, row)) = scan.next().map_err(to_datafusion)?
                    {
                        if !elsewhere.contains(key) {
                            columns
                                .push(&self.read.table, &self.read.projection, key, row)
                                .map_err(to_datafusion)?;
                        }
                    }
                    match columns.len() {
                        0 => None,
                        _ => Some(columns.finish(self.read.schema.clone())?),
                    }
                }
            };
            if let Some(batch) = batch {
                self.left -= batch.num_rows();
                return Ok(Some(batch));
            }
            let Some(unit) = self.next_unit()? else {
                return Ok(None);
            };
            self.now = self.open(unit).map_err(to_datafusion)?;
        }
    }

    /// The next unit that has a row that can pass by now.
    fn next_unit(&mut self) -> Result<Option<Unit>> {
        while let Some(unit) = self.units.pop_front() {
            if self.narrowing.is_empty() {
                return Ok(Some(unit));
            }
            let states = self.narrowing.iter().map(snapshot_generation);
            let now = states.fold(0, u64::wrapping_add);
            if self.narrowed_at != Some(now) {
                self.narrowed_at = Some(now);
                let filters = self.narrowing.iter().cloned();
                let filters = filters.map(snapshot_physical_expr);
                let all = conjunction(filters.collect::<Result<Vec<_>>>()?);
                self.narrowed = prune::predicate(&self.read, &all);
            }
            let passes = self.narrowed.as_ref().and_then(|predicate| {
                let group = [(unit.segment, unit.group)];
                prune::may_pass(&self.read, &group, predicate)
            });
            if passes.is_none_or(|passes| passes != [false]) {
                return Ok(Some(unit));
            }
            self.left_out.add(1);
        }
        Ok(None)
    }

    fn open(&mut self, unit: Unit) -> orbit_core::Result<Now> {
        let changes = self.read.changes.clone();
        let kept = changes.kept.get(unit.segment);
        let kept = kept
            .and_then(|groups| groups.get(unit.group))
            .cloned()
            .flatten();
        match self.read.group(unit, &kept, self.condition.as_ref()) {
            Ok(whole) => Ok(Now::Columns(whole)),
            Err(error) => {
                if let Some(segment) = changes.manifest.segments.get(unit.segment) {
                    self.read.store.report(segment.id, &error);
                }
                self.as_rows.add(1);
                self.read.rows_of(unit)
            }
        }
    }
}
