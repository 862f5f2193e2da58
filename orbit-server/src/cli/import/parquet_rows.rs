//! Parquet files: types from the schema, values written as CSV records.

use super::blocks::{Block, cannot_read};
use super::json_lines::quote_into;
use crate::cli::Failure;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use orbit_core::types::SqlType;
use orbit_core::{Error, state};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const BATCH_ROWS: usize = 4096;

pub struct ParquetRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    rows_before: u64,
    pub columns: Vec<(String, SqlType)>,
    pub rows: u64,
}

impl ParquetRows {
    pub fn open(path: &Path) -> Result<ParquetRows, Failure> {
        let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| damaged(path, &error.to_string()))?;
        let columns = builder
            .schema()
            .fields()
            .iter()
            .map(|field| match sql_type(field.data_type()) {
                Some(sql_type) => Ok((field.name().clone(), sql_type)),
                None => Err(Failure::Work(Error::unsupported(format!(
                    "{}, column {}: Parquet type {}",
                    path.display(),
                    field.name(),
                    field.data_type()
                )))),
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let reader = builder
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| damaged(path, &error.to_string()))?;
        Ok(ParquetRows {
            path: path.to_path_buf(),
            reader,
            rows_before: 0,
            columns,
            rows,
        })
    }

    pub fn next_block(&mut self) -> Result<Option<Block>, Failure> {
        let batch = match self.reader.next() {
            None => return Ok(None),
            Some(Ok(batch)) => batch,
            Some(Err(error)) => return Err(damaged(&self.path, &error.to_string())),
        };
        let first_line = self.rows_before + 1;
        self.rows_before += batch.num_rows() as u64;
        let bytes = csv(&batch).map_err(|error| damaged(&self.path, &error))?;
        Ok(Some(Block {
            bytes: bytes.into(),
            first_line,
        }))
    }
}

/// Digest of the whole file, to recognise it when an import is resumed.
pub fn fingerprint(path: &Path) -> Result<u64, Failure> {
    let mut file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest.digest()),
            Ok(read) => digest.update(buffer.get(..read).unwrap_or_default()),
            Err(error) => return Err(cannot_read(path, &error)),
        }
    }
}

fn damaged(path: &Path, why: &str) -> Failure {
    Failure::Work(Error::new(
        state::BAD_COPY_FILE_FORMAT,
        format!("cannot read {} as Parquet: {why}", path.display()),
    ))
}

fn csv(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let options = FormatOptions::default()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    let columns = batch
        .columns()
        .iter()
        .map(|column| {
            let formatter =
                ArrayFormatter::try_new(column, &options).map_err(|error| error.to_string())?;
            Ok((column, formatter))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let mut out = Vec::with_capacity(batch.num_rows() * columns.len() * 8);
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (at, (column, formatter)) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if column.is_null(row) {
                continue;
            }
            text.clear();
            match column.data_type() {
                DataType::Utf8 => {
                    quote_into(column.as_string::<i32>().value(row).as_bytes(), &mut out)
                }
                DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
                    text.push_str("\\x");
                    write!(text, "{}", formatter.value(row)).map_err(|error| error.to_string())?;
                    out.extend_from_slice(text.as_bytes());
                }
                _ => {
                    write!(text, "{}", formatter.value(row)).map_err(|error| error.to_string())?;
                    quote_into(text.as_bytes(), &mut out);
                }
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn sql_type(data_type: &DataType) -> Option<SqlType> {
    Some(match data_type {
        DataType::Boolean => SqlType::Bool,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => SqlType::Int2,
        DataType::UInt16 | DataType::Int32 => SqlType::Int4,
        DataType::UInt32 | DataType::Int64 => SqlType::Int8,
        DataType::UInt64 => SqlType::Numeric(Some((20, 0))),
        DataType::Float16 | DataType::Float32 => SqlType::Float4,
        DataType::Float64 => SqlType::Float8,
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            SqlType::Numeric(Some((u16::from(*precision), i16::from(*scale))))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => SqlType::Text,
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => SqlType::Bytea,
        DataType::Date32 => SqlType::Date,
        DataType::Time32(_) | DataType::Time64(_) => SqlType::Time,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Second, None) => SqlType::Timestamp,
        DataType::Timestamp(_, None) => SqlType::Timestamp,
        DataType::Timestamp(_, Some(_)) => SqlType::TimestampTz,
        DataType::Dictionary(_, value) => return sql_type(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
        Int32Array, StringArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    #[test]
    fn values_come_out_as_postgresql_reads_them() {
        let micros = vec![Some(1_357_034_400_500_000), None];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("i", Arc::new(Int32Array::from(vec![Some(7), None]))),
            (
                "f",
                Arc::new(Float64Array::from(vec![Some(0.1), Some(1e300)])),
            ),
            (
                "t",
                Arc::new(StringArray::from(vec![Some("a\"b,\n"), Some("")])),
            ),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            (
                "y",
                Arc::new(BinaryArray::from(vec![Some(&[0u8, 255][..]), None])),
            ),
            ("d", Arc::new(Date32Array::from(vec![Some(0), None]))),
            (
                "m",
                Arc::new(
                    Decimal128Array::from(vec![Some(-12345), None])
                        .with_precision_and_scale(10, 2)
                        .unwrap(),
                ),
            ),
            (
                "s",
                Arc::new(TimestampMicrosecondArray::from(micros.clone())),
            ),
            (
                "z",
                Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")),
            ),
        ];
        let batch = RecordBatch::try_from_iter(
            columns
                .into_iter()
                .map(|(n, c)| (n, c, true))
                .map(|(n, c, _)| (n, c)),
        )
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let mut writer = parquet::arrow::ArrowWriter::try_new(
            File::create(&path).unwrap(),
            batch.schema(),
            None,
        )
        .unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();

        let mut rows = ParquetRows::open(&path).unwrap();
        assert_eq!(rows.rows, 2);
        let types: Vec<_> = rows.columns.iter().map(|(_, t)| t.to_string()).collect();
        assert_eq!(
            types,
            [
                "integer",
                "double precision",
                "text",
                "boolean",
                "bytea",
                "date",
                "numeric(10,2)",
                "timestamp without time zone",
                "timestamp with time zone"
            ]
        );
        let block = rows.next_block().unwrap().unwrap();
        assert_eq!(
            std::str::from_utf8(&block.bytes).unwrap(),
            "\"7\",\"0.1\",\"a\"\"b,\n\",\"true\",\\x00ff,\"1970-01-01\",\"-123.45\",\
             \"2013-01-01 10:00:00.500\",\"2013-01-01 10:00:00.500+00:00\"\n\
             ,\"1e300\",\"\",,,,,,\n"
        );
        assert!(rows.next_block().unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_no_parquet_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        std::fs::write(&path, b"PAR1 not really PAR1").unwrap();
        assert!(
            ParquetRows::open(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("x.parquet as Parquet")
        );
    }
}
