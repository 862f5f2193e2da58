//! Values into Arrow columns.

use super::arrow_type;
use crate::planned::num;
use datafusion::arrow::array::*;
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, IntervalMonthDayNano};
use datafusion::common::ScalarValue;
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// One column under construction.
pub enum Builder {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Fixed(Decimal128Builder, i16),
    Num(Decimal256Builder),
    Text(StringBuilder),
    Uuid(StringBuilder),
    Bytea(BinaryBuilder),
    /// The stored bytes of addresses.
    Inet(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampTz(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<ListBuilder>),
}

/// Items in one builder, the lists' ends beside it.
pub struct ListBuilder {
    items: Builder,
    element: DataType,
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

/// A column counts its bytes in 31 bits.
fn fits(held: usize, more: usize) -> Result<()> {
    if held.saturating_add(more) <= i32::MAX as usize {
        return Ok(());
    }
    Err(Error::new(state::OUT_OF_MEMORY, "out of memory")
        .with_detail("The values of one column for one batch of rows are over 2 GB."))
}

fn mismatch(value: &ValueRef<'_>) -> Error {
    Error::internal(format!("a value does not fit its column: {value:?}"))
}

pub fn interval_to_arrow(value: &Interval) -> Result<IntervalMonthDayNano> {
    let nanos = value
        .micros
        .checked_mul(1000)
        .ok_or_else(|| Error::new(state::DATETIME_FIELD_OVERFLOW, "interval out of range"))?;
    Ok(IntervalMonthDayNano::new(value.months, value.days, nanos))
}

impl Builder {
    pub fn new(ty: &SqlType, capacity: usize) -> Builder {
        let text = || StringBuilder::with_capacity(capacity, capacity.saturating_mul(12));
        match ty {
            SqlType::Bool => Builder::Bool(BooleanBuilder::with_capacity(capacity)),
            SqlType::Int2 => Builder::Int2(Int16Builder::with_capacity(capacity)),
            SqlType::Int4 => Builder::Int4(Int32Builder::with_capacity(capacity)),
            SqlType::Int8 => Builder::Int8(Int64Builder::with_capacity(capacity)),
            SqlType::Oid => Builder::Oid(UInt32Builder::with_capacity(capacity)),
            SqlType::Float4 => Builder::Float4(Float32Builder::with_capacity(capacity)),
            SqlType::Float8 => Builder::Float8(Float64Builder::with_capacity(capacity)),
            SqlType::Numeric(_) => match arrow_type(ty) {
                DataType::Decimal128(precision, scale) => Builder::Fixed(
                    Decimal128Builder::with_capacity(capacity)
                        .with_data_type(DataType::Decimal128(precision, scale)),
                    i16::from(scale),
                ),
                other => {
                    Builder::Num(Decimal256Builder::with_capacity(capacity).with_data_type(other))
                }
            },
            SqlType::Bytea => Builder::Bytea(BinaryBuilder::with_capacity(capacity, capacity * 8)),
            SqlType::Inet | SqlType::Cidr => {
                Builder::Inet(BinaryBuilder::with_capacity(capacity, capacity * 8))
            }
            SqlType::Date => Builder::Date(Date32Builder::with_capacity(capacity)),
            SqlType::Time => Builder::Time(Time64MicrosecondBuilder::with_capacity(capacity)),
            SqlType::Timestamp => {
                Builder::Timestamp(TimestampMicrosecondBuilder::with_capacity(capacity))
            }
            SqlType::TimestampTz => Builder::TimestampTz(
                TimestampMicrosecondBuilder::with_capacity(capacity).with_timezone("UTC"),
            ),
            SqlType::Interval => {
                Builder::Interval(IntervalMonthDayNanoBuilder::with_capacity(capacity))
            }
            SqlType::Uuid => Builder::Uuid(text()),
            SqlType::Array(element) => Builder::List(Box::new(ListBuilder {
                items: Builder::new(element, capacity),
                element: arrow_type(element),
                ends: vec![0],
                valid: NullBufferBuilder::new(capacity),
            })),
            _ => Builder::Text(text()),
        }
    }

    pub fn push(&mut self, value: ValueRef<'_>) -> Result<()> {
        if value.is_null() {
            self.push_null();
            return Ok(());
        }
        match (self, value) {
            (Builder::Bool(b), ValueRef::Bool(v)) => b.append_value(v),
            (Builder::Int2(b), ValueRef::Int2(v)) => b.append_value(v),
            (Builder::Int4(b), ValueRef::Int4(v)) => b.append_value(v),
            (Builder::Int8(b), ValueRef::Int8(v)) => b.append_value(v),
            (Builder::Oid(b), ValueRef::Int4(v)) => b.append_value(v as u32),
            (Builder::Oid(b), ValueRef::Int8(v)) => b.append_value(v as u32),
            (Builder::Float4(b), ValueRef::Float4(v)) => b.append_value(v),
            (Builder::Float8(b), ValueRef::Float8(v)) => b.append_value(v),
            (Builder::Fixed(b, _), ValueRef::Numeric(v)) if v.is_nan() => {
                b.append_value(num::FIXED_NAN);
            }
            (Builder::Fixed(b, scale), ValueRef::Numeric(v)) => {
                let units = v
                    .to_i128_scaled(u16::try_from(*scale).unwrap_or(0))
                    .ok_or_else(|| {
                        Error::new(
                            state::NUMERIC_VALUE_OUT_OF_RANGE,
                            "numeric value cannot be used in a query: too large",
                        )
                    })?;
                b.append_value(units);
            }
            (Builder::Num(b), ValueRef::Numeric(v)) => b.append_value(num::encode(&v)?),
            (Builder::Text(b), ValueRef::Text(v)) => {
                fits(b.values_slice().len(), v.len())?;
                b.append_value(v);
            }
            // PostgreSQL pads; comparisons in plans are made on padded text alike.
            (Builder::Uuid(b), ValueRef::Uuid(v)) => {
                let mut text = [0u8; uuid::fmt::Hyphenated::LENGTH];
                b.append_value(
                    uuid::Uuid::from_bytes(v)
                        .hyphenated()
                        .encode_lower(&mut text),
                );
            }
            (Builder::Bytea(b), ValueRef::Bytea(v)) => {
                fits(b.values_slice().len(), v.len())?;
                b.append_value(v);
            }
            (Builder::Inet(b), ValueRef::Inet(v) | ValueRef::Cidr(v)) => {
                let mut bytes = Vec::new();
                v.encode(&mut bytes);
                fits(b.values_slice().len(), bytes.len())?;
                b.append_value(&bytes);
            }
            (Builder::Date(b), ValueRef::Date(v)) => b.append_value(v),
            (Builder::Time(b), ValueRef::Time(v)) => b.append_value(v),
            (Builder::Timestamp(b), ValueRef::Timestamp(v)) => b.append_value(v),
            (Builder::TimestampTz(b), ValueRef::TimestampTz(v)) => b.append_value(v),
            (Builder::Interval(b), ValueRef::Interval(v)) => b.append_value(interval_to_arrow(&v)?),
            (Builder::List(b), ValueRef::Array(v)) => {
                if v.dims.len() > 1 {
                    return Err(Error::unsupported(
                        "an array of more than one dimension in a query of this kind",
                    ));
                }
                // A list has no place for the bound: it would become 1 unnoticed.
                if v.dims.first().is_some_and(|(_, lower)| *lower != 1) {
                    return Err(Error::unsupported(
                        "an array whose first subscript is not 1 in a query of this kind",
                    ));
                }
                for item in &v.items {
                    b.items.push(item.as_ref())?;
                }
                b.end(true);
            }
            (_, value) => return Err(mismatch(&value)),
        }
        Ok(())
    }

    pub fn push_null(&mut self) {
        match self {
            Builder::Bool(b) => b.append_null(),
            Builder::Int2(b) => b.append_null(),
            Builder::Int4(b) => b.append_null(),
            Builder::Int8(b) => b.append_null(),
            Builder::Oid(b) => b.append_null(),
            Builder::Float4(b) => b.append_null(),
            Builder::Float8(b) => b.append_null(),
            Builder::Fixed(b, _) => b.append_null(),
            Builder::Num(b) => b.append_null(),
            Builder::Text(b) | Builder::Uuid(b) => b.append_null(),
            Builder::Bytea(b) | Builder::Inet(b) => b.append_null(),
            Builder::Date(b) => b.append_null(),
            Builder::Time(b) => b.append_null(),
            Builder::Timestamp(b) | Builder::TimestampTz(b) => b.append_null(),
            Builder::Interval(b) => b.append_null(),
            Builder::List(b) => b.end(false),
        }
    }

    fn len(&self) -> usize {
        match self {
            Builder::Bool(b) => b.len(),
            Builder::Int2(b) => b.len(),
            Builder::Int4(b) => b.len(),
            Builder::Int8(b) => b.len(),
            Builder::Oid(b) => b.len(),
            Builder::Float4(b) => b.len(),
            Builder::Float8(b) => b.len(),
            Builder::Fixed(b, _) => b.len(),
            Builder::Num(b) => b.len(),
            Builder::Text(b) | Builder::Uuid(b) => b.len(),
            Builder::Bytea(b) | Builder::Inet(b) => b.len(),
            Builder::Date(b) => b.len(),
            Builder::Time(b) => b.len(),
            Builder::Timestamp(b) | Builder::TimestampTz(b) => b.len(),
            Builder::Interval(b) => b.len(),
            Builder::List(b) => b.ends.len().saturating_sub(1),
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Bool(b) => Arc::new(b.finish()),
            Builder::Int2(b) => Arc::new(b.finish()),
            Builder::Int4(b) => Arc::new(b.finish()),
            Builder::Int8(b) => Arc::new(b.finish()),
            Builder::Oid(b) => Arc::new(b.finish()),
            Builder::Float4(b) => Arc::new(b.finish()),
            Builder::Float8(b) => Arc::new(b.finish()),
            Builder::Fixed(b, _) => Arc::new(b.finish()),
            Builder::Num(b) => Arc::new(b.finish()),
            Builder::Text(b) | Builder::Uuid(b) => Arc::new(b.finish()),
            Builder::Bytea(b) | Builder::Inet(b) => Arc::new(b.finish()),
            Builder::Date(b) => Arc::new(b.finish()),
            Builder::Time(b) => Arc::new(b.finish()),
            Builder::Timestamp(b) | Builder::TimestampTz(b) => Arc::new(b.finish()),
            Builder::Interval(b) => Arc::new(b.finish()),
            Builder::List(b) => {
                let ends = std::mem::replace(&mut b.ends, vec![0]);
                Arc::new(ListArray::new(
                    Arc::new(Field::new_list_field(b.element.clone(), true)),
                    OffsetBuffer::new(ends.into()),
                    b.items.finish(),
                    b.valid.finish(),
                ))
            }
        }
    }
}

impl ListBuilder {
    fn end(&mut self, valid: bool) {
        let end = i32::try_from(self.items.len()).unwrap_or(i32::MAX);
        self.ends.push(end);
        self.valid.append(valid);
    }
}

/// A column of these values.
pub fn array_of(ty: &SqlType, values: &[Value]) -> Result<ArrayRef> {
    let mut builder = Builder::new(ty, values.len());
    for value in values {
        builder.push(value.as_ref())?;
    }
    Ok(builder.finish())
}

/// A literal.
pub fn scalar_of(ty: &SqlType, value: &Value) -> Result<ScalarValue> {
    let array = array_of(ty, std::slice::from_ref(value))?;
    ScalarValue::try_from_array(&array, 0).map_err(crate::planned::error::from_datafusion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orbit_core::value::Array;

    #[test]
    fn arrays_that_a_list_cannot_hold_are_refused() {
        let ty = SqlType::Array(Box::new(SqlType::Int4));
        let array = |dims: &[(i32, i32)]| {
            let mut array = Array::new(SqlType::Int4, vec![Value::Int4(1), Value::Int4(2)]);
            array.dims = dims.to_vec();
            Value::Array(array)
        };
        array_of(&ty, &[array(&[(2, 1)])]).unwrap();
        for dims in [&[(2, 5)][..], &[(2, 0)], &[(1, 1), (2, 1)]] {
            let refused = array_of(&ty, &[array(dims)]).unwrap_err();
            assert!(refused.is(state::FEATURE_NOT_SUPPORTED), "{refused:?}");
        }
    }
}
