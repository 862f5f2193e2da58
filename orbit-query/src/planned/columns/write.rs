//! Segments from rows: a range of keys at one moment, cut after so many rows, each
//! segment a Parquet file that is on disk before anybody hears of it.

use super::stored::{KEY_NAME, schema_of, to_stored};
use crate::planned::arrow::{Builder, cell};
use crate::planned::error::{Told, from_datafusion};
use crate::planned::num::FIXED_NAN;
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::types::*;
use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, BinaryBuilder, PrimitiveArray,
    RecordBatch,
};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::{ColumnStatistics, Table};
use orbit_core::columns::{Group, Segment, SegmentId};
use orbit_core::database::ReadView;
use orbit_core::row::RowRef;
use orbit_core::store::{Direction, KeyRange};
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A group is cut sooner when its rows took so much where they are stored.
const GROUP_BYTES: usize = 64 << 20;

pub fn file_name(id: SegmentId) -> String {
    format!("{id}.parquet")
}

/// How segments are made.
pub struct Recipe<'a> {
    pub directory: &'a Path,
    pub segment_rows: u64,
    pub group_rows: u64,
    pub cancel: &'a CancelToken,
    pub new_id: &'a dyn Fn() -> SegmentId,
    /// Called every now and then: makes way for what is waited for.
    pub rest: &'a dyn Fn(),
}

/// Rows between two rests.
const REST_ROWS: usize = 1024;

/// Writes the rows of a range as they are in `view`. There is at least one segment, and
/// the first begins where the range does. Files of an unfinished attempt are removed.
pub fn write(
    view: &ReadView,
    table: &Arc<Table>,
    range: &KeyRange,
    recipe: &Recipe<'_>,
) -> Result<Vec<Segment>> {
    let mut made = Made {
        paths: Vec::new(),
        segments: Vec::new(),
    };
    let schema = schema_of(table)
        .ok_or_else(|| Error::internal("a table that has no columns is being sealed"))?;
    let schema = Arc::new(schema);
    let mut scan = view.scan(table, range.clone(), Direction::Forward)?;
    let mut first_key = range.start.clone();
    // The first row of the next segment, whose key says where this one ends.
    let mut ahead: Option<(Vec<u8>, Vec<u8>)> = None;
    loop {
        let mut open = OpenSegment::create(table, &schema, recipe, &mut made)?;
        let mut full = true;
        while full && open.rows < recipe.segment_rows {
            recipe.cancel.check()?;
            orbit_core::memory::check()?;
            let room = recipe.segment_rows.saturating_sub(open.rows);
            let wanted = recipe.group_rows.min(room).max(1);
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            let mut group = OpenGroup::new(table, wanted);
            if let Some((key, row)) = ahead.take() {
                group.push(table, &key, &row)?;
            }
            while group.rows < wanted && group.bytes < GROUP_BYTES {
                let Some((key, row)) = scan.next()? else {
                    full = false;
                    break;
                };
                group.push(table, key, row)?;
                if group.rows.is_multiple_of(REST_ROWS) {
                    (recipe.rest)();
                    recipe.cancel.check()?;
                }
            }
            if group.rows > 0 || open.groups.is_empty() {
                let begins = match open.groups.is_empty() {
                    true => std::mem::take(&mut first_key),
                    false => group.first_key.clone(),
                };
                open.add(begins, group)?;
                (recipe.rest)();
            }
        }
        made.segments.push(open.close(view.position_of(table))?);
        match scan.next()? {
            Some((key, row)) if full => {
                first_key = key.to_vec();
                ahead = Some((key.to_vec(), row.to_vec()));
            }
            _ => break,
        }
    }
    sync_directory(recipe.directory)?;
    Ok(made.keep())
}

/// Files that go again unless all of them are made.
struct Made {
    paths: Vec<PathBuf>,
    segments: Vec<Segment>,
}

impl Made {
    fn keep(mut self) -> Vec<Segment> {
        self.paths.clear();
        std::mem::take(&mut self.segments)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in &self.paths {
            // Whatever is left is removed by the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A segment being written.
struct OpenSegment<'a> {
    id: SegmentId,
    table: &'a Arc<Table>,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    path: PathBuf,
    groups: Vec<Group>,
    rows: u64,
    /// By column: what is known of it.
    known: Vec<Known>,
}

impl<'a> OpenSegment<'a> {
    fn create(
        table: &'a Arc<Table>,
        schema: &SchemaRef,
        recipe: &Recipe<'_>,
        made: &mut Made,
    ) -> Result<OpenSegment<'a>> {
        let id = (recipe.new_id)();
        let path = recipe.directory.join(file_name(id));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        made.paths.push(path.clone());
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties()));
        Ok(OpenSegment {
            id,
            table,
            schema: schema.clone(),
            writer: writer.map_err(parquet_error)?,
            path,
            groups: Vec::new(),
            rows: 0,
            known: table.columns.iter().map(|_| Known::default()).collect(),
        })
    }

    fn add(&mut self, first_key: Vec<u8>, mut group: OpenGroup) -> Result<()> {
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        for (at, builder) in group.columns.iter_mut().enumerate() {
            let array = builder.finish();
            if let Some(known) = self.known.get_mut(at) {
                known.add(&array)?;
            }
            arrays.push(to_stored(array).told()?);
        }
        arrays.push(Arc::new(group.keys.finish()) as ArrayRef);
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(arrow_error)?;
        self.writer.write(&batch).map_err(parquet_error)?;
        self.writer.flush().map_err(parquet_error)?;
        self.rows += group.rows as u64;
        self.groups.push(Group {
            first_key,
            rows: group.rows as u64,
        });
        Ok(())
    }

    /// The file is on disk afterwards; that its name is, the directory has to be told.
    fn close(mut self, position: orbit_core::clock::Hlc) -> Result<Segment> {
        let metadata = self.writer.finish().map_err(parquet_error)?;
        let mut file = self.writer.inner().try_clone()?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        // What was flushed without rows has no group in the file.
        if metadata.num_row_groups() != self.groups.iter().filter(|group| group.rows > 0).count() {
            return Err(Error::internal(format!(
                "{} has other groups than were written",
                self.path.display()
            )));
        }
        let (footer, checks) = checks_of(&mut file, &metadata, bytes)?;
        let mut columns = vec![ColumnStatistics::default(); self.table.layout.slot_count()];
        for (at, known) in self.known.iter().enumerate() {
            if let Some(slot) = columns.get_mut(self.table.layout.slot_of(at)) {
                *slot = known.statistics(&self.table.columns[at].sql_type);
            }
        }
        Ok(Segment {
            id: self.id,
            position,
            groups: self.groups,
            bytes,
            footer,
            checks,
            columns,
        })
    }
}

/// Where the footer begins; the checks of it, then of each column's piece, group by group.
fn checks_of(file: &mut File, metadata: &ParquetMetaData, bytes: u64) -> Result<(u64, Vec<u64>)> {
    let mut checks = Vec::new();
    let mut end_of_data = 0;
    let mut buffer = Vec::new();
    for group in metadata.row_groups() {
        for column in group.columns() {
            let (start, length) = column.byte_range();
            end_of_data = end_of_data.max(start + length);
            checks.push(check_of(file, start, length, &mut buffer)?);
        }
    }
    // Indexes of pages, and what says where all of it is.
    let length = bytes.saturating_sub(end_of_data);
    checks.insert(0, check_of(file, end_of_data, length, &mut buffer)?);
    Ok((end_of_data, checks))
}

fn check_of(file: &mut File, start: u64, length: u64, buffer: &mut Vec<u8>) -> Result<u64> {
    buffer.clear();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(buffer)?;
    Ok(xxh3_64(buffer))
}

/// A group being filled.
struct OpenGroup {
    first_key: Vec<u8>,
    columns: Vec<Builder>,
    keys: BinaryBuilder,
    rows: usize,
    bytes: usize,
}

impl OpenGroup {
    fn new(table: &Table, rows: usize) -> OpenGroup {
        let columns = table.columns.iter();
        OpenGroup {
            first_key: Vec::new(),
            columns: columns
                .map(|column| Builder::new(&column.sql_type, rows))
                .collect(),
            keys: BinaryBuilder::with_capacity(rows, rows * 8),
            rows: 0,
            bytes: 0,
        }
    }

    fn push(&mut self, table: &Table, key: &[u8], row: &[u8]) -> Result<()> {
        if self.rows == 0 {
            self.first_key = key.to_vec();
        }
        self.bytes += key.len() + row.len();
        let row = RowRef::new(row)?;
        for (at, builder) in self.columns.iter_mut().enumerate() {
            builder.push(row.value(&table.layout, at, &table.missing)?)?;
        }
        self.keys.append_value(key);
        self.rows += 1;
        Ok(())
    }
}

/// What is known of a column's values so far.
#[derive(Default)]
struct Known {
    nulls: u64,
    /// One value each; none yet, or of a type without an order of its own.
    least: Option<ArrayRef>,
    most: Option<ArrayRef>,
}

impl Known {
    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        self.nulls += array.null_count() as u64;
        let Some((least, most)) = bounds(array) else {
            return Ok(());
        };
        let with = |known: &Option<ArrayRef>, new: ArrayRef| -> Result<ArrayRef> {
            match known {
                Some(known) => concat(&[known.as_ref(), new.as_ref()]).map_err(arrow_error),
                None => Ok(new),
            }
        };
        let (least, most) = (with(&self.least, least)?, with(&self.most, most)?);
        self.least = bounds(&least).map(|(least, _)| least);
        self.most = bounds(&most).map(|(_, most)| most);
        Ok(())
    }

    fn statistics(&self, ty: &SqlType) -> ColumnStatistics {
        let shown = |bound: &Option<ArrayRef>| {
            let value = cell(bound.as_ref()?, 0, ty).ok()?;
            let mut shown = Vec::new();
            text::format(&value, ty, &FormatSettings::default(), &mut shown).ok()?;
            String::from_utf8(shown).ok()
        };
        ColumnStatistics {
            distinct: 0,
            nulls: self.nulls,
            min: shown(&self.least),
            max: shown(&self.most),
        }
    }
}

/// The least and the greatest value, a row each; `None`: there is none, or no order that
/// all its readers share.
fn bounds(array: &ArrayRef) -> Option<(ArrayRef, ArrayRef)> {
    let (least, most) = match array.data_type() {
        DataType::Int16 => extremes(array.as_primitive::<Int16Type>(), |_| false),
        DataType::Int32 => extremes(array.as_primitive::<Int32Type>(), |_| false),
        DataType::Int64 => extremes(array.as_primitive::<Int64Type>(), |_| false),
        DataType::UInt32 => extremes(array.as_primitive::<UInt32Type>(), |_| false),
        DataType::Float32 => extremes(array.as_primitive::<Float32Type>(), |v| v.is_nan()),
        DataType::Float64 => extremes(array.as_primitive::<Float64Type>(), |v| v.is_nan()),
        DataType::Date32 => extremes(array.as_primitive::<Date32Type>(), |_| false),
        DataType::Time64(TimeUnit::Microsecond) => {
            extremes(array.as_primitive::<Time64MicrosecondType>(), |_| false)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            extremes(array.as_primitive::<TimestampMicrosecondType>(), |_| false)
        }
        DataType::Decimal128(..) => {
            extremes(array.as_primitive::<Decimal128Type>(), |v| v == FIXED_NAN)
        }
        _ => None,
    }?;
    Some((array.slice(least, 1), array.slice(most, 1)))
}

/// Where they are. `strange`: values that make the order doubtful.
fn extremes<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    strange: impl Fn(T::Native) -> bool,
) -> Option<(usize, usize)> {
    let mut found: Option<(usize, usize)> = None;
    let values = array.values();
    for (at, value) in values.iter().enumerate() {
        if array.is_null(at) {
            continue;
        }
        if strange(*value) {
            return None;
        }
        let (least, most) = found.get_or_insert((at, at));
        if value.is_lt(values[*least]) {
            *least = at;
        }
        if value.is_gt(values[*most]) {
            *most = at;
        }
    }
    found
}

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("orbit".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(64))
        // Cut by us, so that a group's first key is known.
        .set_max_row_group_row_count(None);
    let key = ColumnPath::from(KEY_NAME);
    properties = properties
        .set_column_dictionary_enabled(key.clone(), false)
        .set_column_encoding(key, Encoding::DELTA_BYTE_ARRAY);
    properties.build()
}

fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()?;
    Ok(())
}

pub fn parquet_error(error: parquet::errors::ParquetError) -> Error {
    match error {
        parquet::errors::ParquetError::External(error) => {
            match error.downcast::<std::io::Error>() {
                Ok(error) => Error::from(*error),
                Err(error) => Error::internal(format!("a segment: {error}")),
            }
        }
        error => Error::internal(format!("a segment: {error}")),
    }
}

fn arrow_error(error: ArrowError) -> Error {
    from_datafusion(error.into())
}
