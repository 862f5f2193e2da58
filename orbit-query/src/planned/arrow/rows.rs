//! Arrow cells as values.

use crate::planned::num;
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::types::*;
use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Inet, Interval, Numeric, Value, ValueRef};
use orbit_core::{Error, Result};
use std::sync::Arc;

/// A batch of an answer.
pub struct ArrowRows {
    batch: RecordBatch,
    types: Arc<[SqlType]>,
}

impl ArrowRows {
    pub fn new(batch: RecordBatch, types: Arc<[SqlType]>) -> ArrowRows {
        ArrowRows { batch, types }
    }

    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn column(&self, place: usize) -> Option<&ArrayRef> {
        self.batch.columns().get(place)
    }

    pub fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        let ty = self.types.get(column).unwrap_or(&SqlType::Text);
        if column >= self.batch.num_columns() || row >= self.batch.num_rows() {
            return Err(Error::internal("a cell outside of its batch"));
        }
        Ok(match cell(self.batch.column(column), row, ty)? {
            ValueRef::Array(array) => ValueRef::Array(super::nested::flat(array)),
            other => other,
        })
    }
}

/// The value at `row`, read as `ty`. The caller keeps `row` in bounds.
pub fn cell<'a>(array: &'a ArrayRef, row: usize, ty: &SqlType) -> Result<ValueRef<'a>> {
    if array.is_null(row) {
        return Ok(ValueRef::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => ValueRef::Null,
        DataType::Boolean => ValueRef::Bool(array.as_boolean().value(row)),
        DataType::Int8 => integer(i64::from(array.as_primitive::<Int8Type>().value(row)), ty),
        DataType::Int16 => integer(i64::from(array.as_primitive::<Int16Type>().value(row)), ty),
        DataType::Int32 => integer(i64::from(array.as_primitive::<Int32Type>().value(row)), ty),
        DataType::Int64 => integer(array.as_primitive::<Int64Type>().value(row), ty),
        DataType::UInt8 => integer(i64::from(array.as_primitive::<UInt8Type>().value(row)), ty),
        DataType::UInt16 => integer(i64::from(array.as_primitive::<UInt16Type>().value(row)), ty),
        DataType::UInt32 => integer(i64::from(array.as_primitive::<UInt32Type>().value(row)), ty),
        DataType::UInt64 => integer(array.as_primitive::<UInt64Type>().value(row) as i64, ty),
        DataType::Float32 => match ty {
            SqlType::Float8 => {
                ValueRef::Float8(f64::from(array.as_primitive::<Float32Type>().value(row)))
            }
            _ => ValueRef::Float4(array.as_primitive::<Float32Type>().value(row)),
        },
        DataType::Float64 => match ty {
            SqlType::Float4 => {
                ValueRef::Float4(array.as_primitive::<Float64Type>().value(row) as f32)
            }
            _ => ValueRef::Float8(array.as_primitive::<Float64Type>().value(row)),
        },
        DataType::Decimal128(_, scale) => {
            let units = array.as_primitive::<Decimal128Type>().value(row);
            ValueRef::Numeric(match units {
                num::FIXED_NAN => Numeric::NAN,
                units => Numeric::from_i128_scaled(units, u16::try_from(*scale).unwrap_or(0)),
            })
        }
        DataType::Decimal256(_, scale) => {
            let carried = array.as_primitive::<Decimal256Type>().value(row);
            ValueRef::Numeric(if *scale == num::SCALE {
                num::decode(carried)
            } else {
                num::of_i256(carried, u16::try_from(*scale).unwrap_or(0))
            })
        }
        DataType::Utf8 => text(array.as_string::<i32>().value(row), ty)?,
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row), ty)?,
        DataType::Utf8View => text(array.as_string_view().value(row), ty)?,
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), ty)?,
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row), ty)?,
        DataType::BinaryView => bytes(array.as_binary_view().value(row), ty)?,
        DataType::FixedSizeBinary(_) => ValueRef::Bytea(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => ValueRef::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => {
            ValueRef::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            if zone.is_some() || *ty == SqlType::TimestampTz {
                ValueRef::TimestampTz(micros)
            } else {
                ValueRef::Timestamp(micros)
            }
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let micros = array
                .as_primitive::<TimestampNanosecondType>()
                .value(row)
                .div_euclid(1000);
            if zone.is_some() || *ty == SqlType::TimestampTz {
                ValueRef::TimestampTz(micros)
            } else {
                ValueRef::Timestamp(micros)
            }
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            ValueRef::Interval(Interval {
                months: value.months,
                days: value.days,
                micros: value.nanoseconds / 1000,
            })
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(row), ty)?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), ty)?,
        other => return Err(Error::internal(format!("no SQL value for Arrow's {other}"))),
    })
}

fn list(items: &ArrayRef, ty: &SqlType) -> Result<ValueRef<'static>> {
    let element = match ty {
        SqlType::Array(element) => (**element).clone(),
        _ => super::sql_type_of_data(items.data_type()),
    };
    let values = (0..items.len())
        .map(|i| cell(items, i, &element).map(|value| value.to_owned()))
        .collect::<Result<Vec<Value>>>()?;
    let dims = if values.is_empty() {
        Vec::new()
    } else {
        vec![(i32::try_from(values.len()).unwrap_or(i32::MAX), 1)]
    };
    Ok(ValueRef::Array(Array {
        element,
        dims,
        items: values,
    }))
}

fn integer(value: i64, ty: &SqlType) -> ValueRef<'static> {
    match ty {
        SqlType::Int2 => ValueRef::Int2(value as i16),
        SqlType::Int4 => ValueRef::Int4(value as i32),
        _ => ValueRef::Int8(value),
    }
}

fn text<'a>(value: &'a str, ty: &SqlType) -> Result<ValueRef<'a>> {
    match ty {
        SqlType::Uuid => uuid::Uuid::parse_str(value)
            .map(|id| ValueRef::Uuid(id.into_bytes()))
            .map_err(|_| Error::internal("a uuid column holds something else")),
        _ => Ok(ValueRef::Text(value)),
    }
}

fn bytes<'a>(value: &'a [u8], ty: &SqlType) -> Result<ValueRef<'a>> {
    let address =
        || Inet::decode(value).ok_or_else(|| Error::internal("an address's column holds none"));
    Ok(match ty {
        SqlType::Inet => ValueRef::Inet(address()?),
        SqlType::Cidr => ValueRef::Cidr(address()?),
        _ => ValueRef::Bytea(value),
    })
}

/// A literal back as a value.
pub fn scalar_value(scalar: &ScalarValue, ty: &SqlType) -> Result<Value> {
    let array = scalar
        .to_array()
        .map_err(crate::planned::error::from_datafusion)?;
    Ok(cell(&array, 0, ty)?.to_owned())
}
