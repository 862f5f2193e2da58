//! Fields as Arrow columns, written as Parquet a batch at a time.

use crate::cli::Failure;
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, state};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
use tokio_postgres::Column;
use tokio_postgres::types::Type;

const BATCH_ROWS: usize = 8192;
const ROW_GROUP_ROWS: usize = 64 << 10;

pub struct ParquetRows<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    columns: Vec<Building>,
    rows: usize,
    settings: FormatSettings,
}

/// A column's values so far.
struct Building {
    name: String,
    sql_type: SqlType,
    builder: Builder,
}

enum Builder {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal(Decimal128Builder, i16),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
    /// Whatever has no Parquet form of its own: as PostgreSQL writes it.
    Text(StringBuilder),
}

fn builder(column: &Column) -> (DataType, Builder) {
    let plain = |data_type, builder| (data_type, builder);
    match *column.type_() {
        Type::BOOL => plain(DataType::Boolean, Builder::Bool(BooleanBuilder::new())),
        Type::INT2 => plain(DataType::Int16, Builder::Int2(Int16Builder::new())),
        Type::INT4 => plain(DataType::Int32, Builder::Int4(Int32Builder::new())),
        Type::INT8 => plain(DataType::Int64, Builder::Int8(Int64Builder::new())),
        Type::OID => plain(DataType::UInt32, Builder::Oid(UInt32Builder::new())),
        Type::FLOAT4 => plain(DataType::Float32, Builder::Float4(Float32Builder::new())),
        Type::FLOAT8 => plain(DataType::Float64, Builder::Float8(Float64Builder::new())),
        Type::BYTEA => plain(DataType::Binary, Builder::Bytes(BinaryBuilder::new())),
        Type::DATE => plain(DataType::Date32, Builder::Date(Date32Builder::new())),
        Type::TIME => plain(
            DataType::Time64(TimeUnit::Microsecond),
            Builder::Time(Time64MicrosecondBuilder::new()),
        ),
        Type::TIMESTAMP => plain(
            DataType::Timestamp(TimeUnit::Microsecond, None),
            Builder::Timestamp(TimestampMicrosecondBuilder::new()),
        ),
        Type::TIMESTAMPTZ => plain(
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Builder::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        ),
        Type::NUMERIC => match precision(column.type_modifier()) {
            Some((precision, scale)) => {
                let data_type = DataType::Decimal128(precision, scale);
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                (data_type, Builder::Decimal(builder, i16::from(scale)))
            }
            None => plain(DataType::Utf8, Builder::Text(StringBuilder::new())),
        },
        _ => plain(DataType::Utf8, Builder::Text(StringBuilder::new())),
    }
}

/// `numeric(p, s)` of a type modifier, if Parquet's decimals hold it.
fn precision(modifier: i32) -> Option<(u8, i8)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u8::try_from((packed >> 16) & 0xffff).ok()?;
    let scale = i8::try_from(((packed & 0x7ff) ^ 1024) - 1024).ok()?;
    let holds =
        (1..=38).contains(&precision) && (0..=38).contains(&scale) && scale as u8 <= precision;
    holds.then_some((precision, scale))
}

impl<W: Write + Send> ParquetRows<W> {
    pub fn begin(target: W, columns: &[Column]) -> Result<ParquetRows<W>, Failure> {
        let mut fields = Vec::new();
        let mut building = Vec::new();
        for column in columns {
            let (data_type, builder) = builder(column);
            fields.push(Field::new(column.name(), data_type, true));
            building.push(Building {
                name: column.name().to_owned(),
                sql_type: SqlType::from_oid(column.type_().oid()).unwrap_or(SqlType::Text),
                builder,
            });
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties))
            .map_err(|error| failed(&error))?;
        Ok(ParquetRows {
            writer,
            schema,
            columns: building,
            rows: 0,
            settings: FormatSettings::default(),
        })
    }

    pub fn row(&mut self, values: &[Option<Cow<'_, str>>]) -> Result<(), Failure> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column
                .push(value.as_deref(), &self.settings)
                .map_err(Failure::Work)?;
        }
        self.rows += 1;
        if self.rows >= BATCH_ROWS {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        let arrays = self
            .columns
            .iter_mut()
            .map(|c| c.builder.finish())
            .collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|error| Failure::Work(Error::internal(error.to_string())))?;
        self.rows = 0;
        self.writer.write(&batch).map_err(|error| failed(&error))
    }

    pub fn finish(mut self) -> Result<W, Failure> {
        if self.rows > 0 {
            self.write()?;
        }
        self.writer.into_inner().map_err(|error| failed(&error))
    }
}

fn failed(error: &parquet::errors::ParquetError) -> Failure {
    Failure::Work(Error::new(state::IO_ERROR, format!("Parquet: {error}")))
}

impl Building {
    fn push(&mut self, text: Option<&str>, settings: &FormatSettings) -> Result<(), Error> {
        if let Builder::Text(builder) = &mut self.builder {
            builder.append_option(text);
            return Ok(());
        }
        if let Builder::Decimal(builder, scale) = &mut self.builder {
            let value = match text {
                Some(text) => Some(decimal(text, *scale).ok_or_else(|| no_form(&self.name, text))?),
                None => None,
            };
            builder.append_option(value);
            return Ok(());
        }
        let value = match text {
            Some(text) => text::parse(text, &self.sql_type, settings)?,
            None => Value::Null,
        };
        let null = value.is_null();
        macro_rules! put {
            ($builder:ident, $pattern:pat => $value:expr) => {
                match value {
                    $pattern => $builder.append_value($value),
                    _ if null => $builder.append_null(),
                    _ => return Err(no_form(&self.name, text.unwrap_or_default())),
                }
            };
        }
        match &mut self.builder {
            Builder::Bool(builder) => put!(builder, Value::Bool(value) => value),
            Builder::Int2(builder) => put!(builder, Value::Int2(value) => value),
            Builder::Int4(builder) => put!(builder, Value::Int4(value) => value),
            Builder::Int8(builder) => put!(builder, Value::Int8(value) => value),
            Builder::Oid(builder) => match text.map(str::parse::<u32>) {
                Some(Ok(value)) => builder.append_value(value),
                Some(Err(_)) => return Err(no_form(&self.name, text.unwrap_or_default())),
                None => builder.append_null(),
            },
            Builder::Float4(builder) => put!(builder, Value::Float4(value) => value),
            Builder::Float8(builder) => put!(builder, Value::Float8(value) => value),
            Builder::Time(builder) => put!(builder, Value::Time(value) => value),
            Builder::Bytes(builder) => put!(builder, Value::Bytea(value) => value),
            // The extremes are infinities, which Parquet would show as a year.
            Builder::Date(builder) => {
                put!(builder, Value::Date(value @ -2_147_483_647..=2_147_483_646) => value);
            }
            Builder::Timestamp(builder) => {
                const LEAST: i64 = i64::MIN + 1;
                const MOST: i64 = i64::MAX - 1;
                put!(
                    builder,
                    Value::Timestamp(value @ LEAST..=MOST) | Value::TimestampTz(value @ LEAST..=MOST) => value
                );
            }
            Builder::Text(_) | Builder::Decimal(..) => {}
        }
        Ok(())
    }
}

fn no_form(column: &str, text: &str) -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\": \"{text}\" has no form in Parquet"),
    )
    .with_hint("Export a query that turns it into text, or into NULL.")
}

/// A decimal as a whole number of units of 10^-scale.
fn decimal(text: &str, scale: i16) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let all = format!("{whole}{fraction}{:0<missing$}", "");
    all.parse::<i128>().ok().map(|number| sign * number)
}

impl Builder {
    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Bool(builder) => Arc::new(builder.finish()),
            Builder::Int2(builder) => Arc::new(builder.finish()),
            Builder::Int4(builder) => Arc::new(builder.finish()),
            Builder::Int8(builder) => Arc::new(builder.finish()),
            Builder::Oid(builder) => Arc::new(builder.finish()),
            Builder::Float4(builder) => Arc::new(builder.finish()),
            Builder::Float8(builder) => Arc::new(builder.finish()),
            Builder::Decimal(builder, _) => Arc::new(builder.finish()),
            Builder::Date(builder) => Arc::new(builder.finish()),
            Builder::Time(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => Arc::new(builder.finish()),
            Builder::Bytes(builder) => Arc::new(builder.finish()),
            Builder::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(decimal("-12.5", 2), Some(-1250));
        assert_eq!(decimal("7", 0), Some(7));
        assert_eq!(decimal("0.001", 2), None);
        assert_eq!(decimal("NaN", 2), None);
        assert_eq!(precision(((10 << 16) | 2) + 4), Some((10, 2)));
        assert_eq!(precision(((40 << 16) | 2) + 4), None);
        assert_eq!(precision(-1), None);
    }
}
