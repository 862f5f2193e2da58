//! One segment's file, opened. Each piece of it is held against its check before it is
//! decoded: damage is an error of its own kind, and never a value.

use super::prune::Known;
use super::write::{file_name, parquet_error};
use bytes::{Buf, Bytes};
use datafusion::arrow::array::{ArrayRef, new_empty_array};
use orbit_core::columns::Segment;
use orbit_core::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

pub struct SegmentFile {
    file: File,
    name: String,
    bytes: u64,
    metadata: ArrowReaderMetadata,
    checks: Vec<u64>,
    /// Groups of the file by groups of the segment; one without rows has none.
    groups: Vec<Option<usize>>,
}

impl SegmentFile {
    pub fn open(directory: &Path, segment: &Segment) -> Result<SegmentFile> {
        let name = file_name(segment.id);
        let file = File::open(directory.join(&name))?;
        let bytes = file.metadata()?.len();
        if bytes != segment.bytes || segment.footer > bytes {
            return Err(damaged(&name, "its length"));
        }
        let footer = read(&file, segment.footer, bytes - segment.footer)?;
        if segment.checks.first() != Some(&xxh3_64(&footer)) {
            return Err(damaged(&name, "its footer"));
        }
        let window = Window {
            start: segment.footer,
            bytes: footer,
            end_of_file: bytes,
        };
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(&window, options).map_err(parquet_error)?;
        let mut next = 0;
        let groups: Vec<Option<usize>> = segment
            .groups
            .iter()
            .map(|group| {
                let place = (group.rows > 0).then_some(next);
                next += usize::from(group.rows > 0);
                place
            })
            .collect();
        let row_groups = metadata.metadata().row_groups();
        let columns = metadata.schema().fields().len();
        let whole = row_groups.len() == next
            && row_groups
                .iter()
                .all(|group| group.num_columns() == columns)
            && segment.checks.len() == 1 + next * columns;
        if !whole {
            return Err(damaged(&name, "its groups"));
        }
        Ok(SegmentFile {
            file,
            name,
            bytes,
            metadata,
            checks: segment.checks.clone(),
            groups,
        })
    }

    /// The place of a column in the file, by its name there.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        let fields = self.metadata.schema().fields();
        fields.iter().position(|field| field.name() == name)
    }

    /// What the footer says of a column, for each group that it has; `None`: no such column.
    pub fn known(&self, name: &str, known: Known) -> Option<ArrayRef> {
        let (schema, descriptor) = (self.metadata.schema(), self.metadata.parquet_schema());
        let converter = StatisticsConverter::try_new(name, schema, descriptor).ok()?;
        converter.parquet_column_index()?;
        let groups = self.metadata.metadata().row_groups();
        match known {
            Known::Least => converter.row_group_mins(groups).ok(),
            Known::Greatest => converter.row_group_maxes(groups).ok(),
            Known::Nulls => Some(Arc::new(converter.row_group_null_counts(groups).ok()?)),
        }
    }

    /// Where one of the segment's groups stands among those of the file.
    pub fn group_place(&self, group: usize) -> Option<usize> {
        self.groups.get(group).copied().flatten()
    }

    /// A column's values in one group, as the file's type.
    pub fn column(&self, group: usize, place: usize) -> Result<ArrayRef> {
        let schema = self.metadata.schema();
        let missing = || damaged(&self.name, "a group that it should have");
        let field = schema.fields().get(place).ok_or_else(missing)?;
        let Some(group) = *self.groups.get(group).ok_or_else(missing)? else {
            return Ok(new_empty_array(field.data_type()));
        };
        let row_group = self.metadata.metadata().row_group(group);
        let (start, length) = row_group.column(place).byte_range();
        if start + length > self.bytes {
            return Err(missing());
        }
        let bytes = read(&self.file, start, length)?;
        let check = self.checks.get(1 + group * schema.fields().len() + place);
        if check != Some(&xxh3_64(&bytes)) {
            return Err(damaged(
                &self.name,
                &format!("column {} of group {group}", field.name()),
            ));
        }
        let window = Window {
            start,
            bytes,
            end_of_file: self.bytes,
        };
        let rows = usize::try_from(row_group.num_rows()).unwrap_or(0);
        let descriptor = self.metadata.parquet_schema();
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(window, self.metadata.clone())
                .with_projection(ProjectionMask::roots(descriptor, [place]))
                .with_row_groups(vec![group])
                .with_batch_size(rows.max(1))
                .build()
                .map_err(parquet_error)?;
        let mut batches = Vec::with_capacity(1);
        for batch in reader {
            let batch =
                batch.map_err(|error| crate::planned::error::from_datafusion(error.into()))?;
            batches.push(batch.column(0).clone());
        }
        let array = match batches.as_slice() {
            [one] => one.clone(),
            several => {
                let several: Vec<_> = several.iter().map(|array| array.as_ref()).collect();
                datafusion::arrow::compute::concat(&several)
                    .map_err(|error| crate::planned::error::from_datafusion(error.into()))?
            }
        };
        if array.len() != rows {
            return Err(damaged(&self.name, "the number of its rows"));
        }
        Ok(array)
    }
}

fn read(file: &File, start: u64, length: u64) -> Result<Bytes> {
    let length = usize::try_from(length)
        .map_err(|_| Error::internal("a piece of a segment is larger than memory"))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, start)?;
    Ok(Bytes::from(bytes))
}

fn damaged(name: &str, what: &str) -> Error {
    Error::corrupted(format!("segment {name} is damaged: {what}"))
}

/// A stretch of a file in memory, found under its places in the file.
struct Window {
    start: u64,
    bytes: Bytes,
    end_of_file: u64,
}

impl Window {
    fn part(&self, start: u64, length: Option<usize>) -> parquet::errors::Result<Bytes> {
        let from = start
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .filter(|from| *from <= self.bytes.len());
        let end = match (from, length) {
            (Some(from), Some(length)) => from.checked_add(length),
            (Some(_), None) => Some(self.bytes.len()),
            (None, _) => None,
        };
        match (from, end) {
            (Some(from), Some(end)) if end <= self.bytes.len() => Ok(self.bytes.slice(from..end)),
            _ => Err(ParquetError::General(format!(
                "byte {start} is not in the piece that was read"
            ))),
        }
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.end_of_file
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.part(start, None)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.part(start, Some(length))
    }
}
