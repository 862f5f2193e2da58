//! Which Arrow type a column has in a segment's file. Mostly that of the plan; where
//! Parquet would lose something, another that holds it all.

use crate::planned::arrow::arrow_type;
use crate::planned::num::FIXED_NAN;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, FixedSizeBinaryArray, Int64Array,
    IntervalMonthDayNanoArray,
};
use datafusion::arrow::buffer::{Buffer, ScalarBuffer};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Int64Type, IntervalMonthDayNano, IntervalUnit, Schema,
};
use datafusion::error::{DataFusionError, Result};
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;
use std::sync::Arc;

/// Digits that fit in eight bytes.
const SHORT_DIGITS: u8 = 18;
/// NaN there.
const SHORT_NAN: i64 = i64::MAX;
const INTERVAL_BYTES: i32 = 16;

/// The type in the file; `None`: a table with such a column has no segments.
pub fn stored_type(ty: &SqlType) -> Option<DataType> {
    match arrow_type(ty) {
        DataType::Decimal128(precision, _) if precision <= SHORT_DIGITS => Some(DataType::Int64),
        // NaN lies beyond every precision but the largest.
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(38, scale)),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Some(DataType::FixedSizeBinary(INTERVAL_BYTES))
        }
        DataType::List(item) => match item.data_type() {
            DataType::Decimal128(..) | DataType::Interval(_) | DataType::List(_) => None,
            _ => Some(DataType::List(item)),
        },
        other => Some(other),
    }
}

/// The name of a slot's column in the file.
pub fn column_name(slot: usize) -> String {
    format!("c{slot}")
}

/// The encoded primary key's.
pub const KEY_NAME: &str = "k";

/// The file's columns: those of the table in their order, then the key. `None`: there is
/// one that a file can't hold.
pub fn schema_of(table: &Table) -> Option<Schema> {
    let mut fields = Vec::with_capacity(table.columns.len() + 1);
    for (at, column) in table.columns.iter().enumerate() {
        let name = column_name(table.layout.slot_of(at));
        fields.push(Field::new(name, stored_type(&column.sql_type)?, true));
    }
    fields.push(Field::new(KEY_NAME, DataType::Binary, false));
    Some(Schema::new(fields))
}

/// A column of a plan as the file has it.
pub fn to_stored(array: ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Decimal128(precision, _) if *precision <= SHORT_DIGITS => {
            let decimals = array.as_primitive::<Decimal128Type>();
            let short: Vec<i64> = decimals
                .values()
                .iter()
                .map(|value| match *value {
                    FIXED_NAN => Ok(SHORT_NAN),
                    value => i64::try_from(value),
                })
                .collect::<std::result::Result<_, _>>()
                .map_err(|_| too_long())?;
            let values = ScalarBuffer::from(short);
            Ok(Arc::new(Int64Array::new(values, decimals.nulls().cloned())))
        }
        DataType::Decimal128(_, scale) => {
            let decimals = array.as_primitive::<Decimal128Type>().clone();
            Ok(Arc::new(
                decimals.with_data_type(DataType::Decimal128(38, *scale)),
            ))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let intervals = array
                .as_any()
                .downcast_ref::<IntervalMonthDayNanoArray>()
                .ok_or_else(|| unexpected(array.data_type()))?;
            let mut bytes = Vec::with_capacity(intervals.len() * INTERVAL_BYTES as usize);
            for interval in intervals.values() {
                bytes.extend_from_slice(&interval.months.to_le_bytes());
                bytes.extend_from_slice(&interval.days.to_le_bytes());
                bytes.extend_from_slice(&interval.nanoseconds.to_le_bytes());
            }
            let nulls = intervals.nulls().cloned();
            let stored = FixedSizeBinaryArray::try_new(INTERVAL_BYTES, Buffer::from(bytes), nulls)?;
            Ok(Arc::new(stored))
        }
        _ => Ok(array),
    }
}

/// A column of the file as plans want it.
pub fn from_stored(array: ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(array);
    }
    match (array.data_type(), wanted) {
        (DataType::Int64, DataType::Decimal128(precision, scale)) => {
            let short = array.as_primitive::<Int64Type>();
            let wide: Vec<i128> = short
                .values()
                .iter()
                .map(|value| match *value {
                    SHORT_NAN => FIXED_NAN,
                    value => i128::from(value),
                })
                .collect();
            let decimals = Decimal128Array::new(ScalarBuffer::from(wide), short.nulls().cloned());
            let ty = DataType::Decimal128(*precision, *scale);
            Ok(Arc::new(decimals.with_data_type(ty)))
        }
        (DataType::Decimal128(_, stored), DataType::Decimal128(precision, scale))
            if stored == scale =>
        {
            let decimals = array.as_primitive::<Decimal128Type>().clone();
            let ty = DataType::Decimal128(*precision, *scale);
            Ok(Arc::new(decimals.with_data_type(ty)))
        }
        (
            DataType::FixedSizeBinary(INTERVAL_BYTES),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ) => {
            let stored = array.as_fixed_size_binary();
            let word = |bytes: &[u8], at: usize| -> Option<[u8; 4]> {
                bytes.get(at..at + 4)?.try_into().ok()
            };
            let mut intervals = Vec::with_capacity(stored.len());
            for at in 0..stored.len() {
                // What stands where a NULL is was written as an interval too.
                let bytes = stored.value(at);
                let (Some(months), Some(days), Some(nanos)) =
                    (word(bytes, 0), word(bytes, 4), bytes.get(8..16))
                else {
                    return Err(unexpected(array.data_type()));
                };
                let nanos = nanos.try_into().unwrap_or_default();
                intervals.push(IntervalMonthDayNano::new(
                    i32::from_le_bytes(months),
                    i32::from_le_bytes(days),
                    i64::from_le_bytes(nanos),
                ));
            }
            let nulls = stored.nulls().cloned();
            let values = ScalarBuffer::from(intervals);
            Ok(Arc::new(IntervalMonthDayNanoArray::new(values, nulls)))
        }
        (stored, _) => Err(unexpected(stored)),
    }
}

fn unexpected(ty: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("a segment's column is of type {ty}"))
}

fn too_long() -> DataFusionError {
    DataFusionError::Internal("a numeric has more digits than its column".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planned::arrow::array_of;
    use orbit_core::value::{Interval, Numeric, Value};

    #[test]
    fn what_is_stored_comes_back() {
        let numeric = |text: &str| Value::Numeric(text.parse::<Numeric>().unwrap());
        let interval = |months, days, micros| {
            Value::Interval(Interval {
                months,
                days,
                micros,
            })
        };
        let columns = [
            (
                SqlType::Numeric(Some((15, 2))),
                vec![
                    numeric("1.50"),
                    Value::Null,
                    numeric("NaN"),
                    numeric("-9999999999999.99"),
                ],
            ),
            (
                SqlType::Numeric(Some((30, 4))),
                vec![
                    numeric("12345678901234567890.1234"),
                    numeric("NaN"),
                    Value::Null,
                ],
            ),
            (
                SqlType::Interval,
                vec![
                    interval(1, -2, 3_000_000),
                    Value::Null,
                    interval(-14, 0, -1),
                ],
            ),
            (SqlType::Int4, vec![Value::Int4(7), Value::Null]),
        ];
        for (ty, values) in columns {
            let array = array_of(&ty, &values).unwrap();
            let stored = to_stored(array.clone()).unwrap();
            assert_eq!(Some(stored.data_type().clone()), stored_type(&ty), "{ty}");
            let back = from_stored(stored, array.data_type()).unwrap();
            assert_eq!(&back, &array, "{ty}");
        }
    }
}
