//! Columns that a client sends, as values of the types they are meant for.
//!
//! The common pairs are read straight from the array into the row's slot; every
//! other goes by its own SQL type and PostgreSQL's assignment to the wanted one.

use super::{cell, nested, sql_type_of};
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::types::*;
use datafusion::arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::value::{Numeric, Value, ValueRef, datetime};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// One column of a client's batch, read as a SQL type.
pub struct Inward {
    cells: Cells,
    wanted: SqlType,
    format: FormatSettings,
}

enum Cells {
    Bool(BooleanArray),
    Int2(PrimitiveArray<Int16Type>),
    Int4(PrimitiveArray<Int32Type>),
    Int8(PrimitiveArray<Int64Type>),
    Float4(PrimitiveArray<Float32Type>),
    Float8(PrimitiveArray<Float64Type>),
    Decimal(PrimitiveArray<Decimal128Type>, u16),
    Text(StringArray),
    /// Texts of types that have a form of their own.
    Written(StringArray),
    Bytes(BinaryArray),
    Date(PrimitiveArray<Date32Type>),
    Micros(PrimitiveArray<TimestampMicrosecondType>, bool),
    /// An array, and the type that its values have by themselves.
    Other(ArrayRef, SqlType),
}

/// The SQL type of a client's column, for a table that is made to hold it.
pub fn inward_type(field: &Field) -> Result<SqlType> {
    let ty = match field.data_type() {
        DataType::Dictionary(_, values) => {
            return inward_type(&Field::new(field.name(), (**values).clone(), true));
        }
        DataType::RunEndEncoded(_, values) => return inward_type(values),
        DataType::Null => SqlType::Text,
        // One more bit than the signed type of the same size has.
        DataType::UInt32 => SqlType::Int8,
        DataType::UInt64 => SqlType::Numeric(Some((20, 0))),
        DataType::FixedSizeBinary(16)
            if field
                .metadata()
                .get("ARROW:extension:name")
                .map(String::as_str)
                == Some("arrow.uuid") =>
        {
            SqlType::Uuid
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            SqlType::Numeric(Some((u16::from(*precision), i16::from(*scale))))
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            match inward_type(item)? {
                SqlType::Array(_) => return Err(unfit(field.data_type())),
                item => SqlType::Array(Box::new(item)),
            }
        }
        DataType::Struct(_)
        | DataType::Union(_, _)
        | DataType::Map(_, _)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => return Err(unfit(field.data_type())),
        _ => sql_type_of(field),
    };
    Ok(ty)
}

fn unfit(found: &DataType) -> Error {
    Error::new(
        state::DATATYPE_MISMATCH,
        format!("no SQL type holds Arrow's {found}"),
    )
}

/// The array in a form that [`cell`] reads.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let to = match array.data_type() {
        DataType::Dictionary(_, values) => (**values).clone(),
        DataType::RunEndEncoded(_, values) => values.data_type().clone(),
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        // Its own scale would be read as our carrier's.
        DataType::Decimal256(_, _) => DataType::Utf8,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => {
            DataType::Time64(TimeUnit::Microsecond)
        }
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::FixedSizeList(item, _) => DataType::List(item.clone()),
        _ => return Ok(array.clone()),
    };
    let cast = cast(array, &to).map_err(|error| {
        Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("a column of type {} cannot be read", array.data_type()),
        )
        .with_detail(error.to_string())
    })?;
    // What a dictionary held may have to be made plain itself. A value that doesn't fit is
    // made NULL by the cast, and must not pass for one.
    if cast.logical_null_count() != array.logical_null_count() {
        return Err(Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("a value of type {} is out of range", array.data_type()),
        ));
    }
    match cast.data_type() == array.data_type() {
        true => Ok(cast),
        false => plain(&cast),
    }
}

impl Inward {
    pub fn new(
        array: &ArrayRef,
        field: &Field,
        wanted: &SqlType,
        format: &FormatSettings,
    ) -> Result<Inward> {
        let own = inward_type(field)?;
        let array = plain(array)?;
        let cells = match (array.data_type(), wanted) {
            (DataType::Boolean, SqlType::Bool) => Cells::Bool(array.as_boolean().clone()),
            (DataType::Int16, SqlType::Int2) => Cells::Int2(array.as_primitive().clone()),
            (DataType::Int32, SqlType::Int4) => Cells::Int4(array.as_primitive().clone()),
            (DataType::Int64, SqlType::Int8) => Cells::Int8(array.as_primitive().clone()),
            (DataType::Float32, SqlType::Float4) => Cells::Float4(array.as_primitive().clone()),
            (DataType::Float64, SqlType::Float8) => Cells::Float8(array.as_primitive().clone()),
            (DataType::Decimal128(_, scale), SqlType::Numeric(_)) if *scale >= 0 => Cells::Decimal(
                array.as_primitive().clone(),
                u16::try_from(*scale).unwrap_or(0),
            ),
            (DataType::Utf8, SqlType::Text | SqlType::Unknown) => {
                Cells::Text(array.as_string().clone())
            }
            (DataType::Utf8, _) => Cells::Written(array.as_string().clone()),
            (DataType::Binary, SqlType::Bytea) => Cells::Bytes(array.as_binary().clone()),
            (DataType::Date32, SqlType::Date) => Cells::Date(array.as_primitive().clone()),
            (DataType::Timestamp(TimeUnit::Microsecond, None), SqlType::Timestamp) => {
                Cells::Micros(array.as_primitive().clone(), false)
            }
            (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), SqlType::TimestampTz) => {
                Cells::Micros(array.as_primitive().clone(), true)
            }
            _ => Cells::Other(array, own),
        };
        Ok(Inward {
            cells,
            wanted: wanted.clone(),
            format: format.clone(),
        })
    }

    /// Puts the value of a row where one of the row before may lie.
    pub fn put(&self, row: usize, slot: &mut Value) -> Result<()> {
        macro_rules! put {
            ($array:ident, $kind:ident) => {
                *slot = match $array.is_null(row) {
                    true => Value::Null,
                    false => Value::$kind($array.value(row)),
                }
            };
        }
        match &self.cells {
            Cells::Bool(array) => put!(array, Bool),
            Cells::Int2(array) => put!(array, Int2),
            Cells::Int4(array) => put!(array, Int4),
            Cells::Int8(array) => put!(array, Int8),
            Cells::Float4(array) => put!(array, Float4),
            Cells::Float8(array) => put!(array, Float8),
            Cells::Decimal(array, scale) => {
                *slot = match array.is_null(row) {
                    true => Value::Null,
                    false => {
                        let number = Numeric::from_i128_scaled(array.value(row), *scale);
                        Value::Numeric(match self.wanted {
                            SqlType::Numeric(Some((precision, scale))) => {
                                number.fit(precision, scale)?
                            }
                            _ => number,
                        })
                    }
                }
            }
            Cells::Text(array) => match array.is_null(row) {
                true => *slot = Value::Null,
                false => {
                    let value = array.value(row);
                    no_zero(value)?;
                    // The buffer of the row before serves again.
                    match slot {
                        Value::Text(kept) => {
                            kept.clear();
                            kept.push_str(value);
                        }
                        slot => *slot = Value::Text(value.to_owned()),
                    }
                }
            },
            Cells::Written(array) => {
                *slot = match array.is_null(row) {
                    true => Value::Null,
                    false => {
                        let value = array.value(row);
                        no_zero(value)?;
                        text::parse(value, &self.wanted, &self.format)?
                    }
                }
            }
            Cells::Bytes(array) => {
                *slot = match array.is_null(row) {
                    true => Value::Null,
                    false => Value::Bytea(array.value(row).to_vec()),
                }
            }
            Cells::Date(array) => {
                put!(array, Date);
                if let Value::Date(days) = slot
                    && !datetime::is_valid_date(*days)
                {
                    return Err(Error::new(
                        state::DATETIME_FIELD_OVERFLOW,
                        "date out of range",
                    ));
                }
            }
            Cells::Micros(array, zoned) => {
                *slot = match (array.is_null(row), zoned) {
                    (true, _) => Value::Null,
                    (false, false) => Value::Timestamp(moment(array.value(row))?),
                    (false, true) => Value::TimestampTz(moment(array.value(row))?),
                }
            }
            Cells::Other(array, own) => {
                let value = match cell(array, row, own)? {
                    ValueRef::Array(array) => ValueRef::Array(nested::flat(array)),
                    ValueRef::Bytea(bytes) if *own == SqlType::Uuid => {
                        let id = <[u8; 16]>::try_from(bytes);
                        ValueRef::Uuid(id.map_err(|_| Error::internal("a short uuid"))?)
                    }
                    other => other,
                };
                *slot = self.assigned(value.to_owned())?;
            }
        }
        Ok(())
    }

    /// As INSERT assigns it; what has no such way goes by its text.
    fn assigned(&self, value: Value) -> Result<Value> {
        let value = match value {
            Value::Null => return Ok(Value::Null),
            Value::Date(days) if !datetime::is_valid_date(days) => {
                return Err(Error::new(
                    state::DATETIME_FIELD_OVERFLOW,
                    "date out of range",
                ));
            }
            Value::Timestamp(micros) => Value::Timestamp(moment(micros)?),
            Value::TimestampTz(micros) => Value::TimestampTz(moment(micros)?),
            other => other,
        };
        orbit_core::value::cast::assign_with(value, &self.wanted, &self.format)
    }
}

fn moment(micros: i64) -> Result<i64> {
    match datetime::is_valid_timestamp(micros) {
        true => Ok(micros),
        false => Err(Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            "timestamp out of range",
        )),
    }
}

fn no_zero(value: &str) -> Result<()> {
    match memchr::memchr(0, value.as_bytes()) {
        None => Ok(()),
        Some(_) => Err(Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )),
    }
}

/// All columns of a batch, each read as its type.
pub fn inward_columns(
    batch: &datafusion::arrow::array::RecordBatch,
    wanted: &[SqlType],
    format: &FormatSettings,
) -> Result<Arc<[Inward]>> {
    let schema = batch.schema();
    let given = batch.columns().iter().zip(schema.fields());
    given
        .zip(wanted)
        .map(|((array, field), wanted)| Inward::new(array, field, wanted, format))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::*;

    fn read(array: ArrayRef, wanted: SqlType) -> Result<Vec<Value>> {
        let field = Field::new("a", array.data_type().clone(), true);
        let column = Inward::new(&array, &field, &wanted, &FormatSettings::default())?;
        let mut slot = Value::Null;
        (0..array.len())
            .map(|row| {
                column.put(row, &mut slot)?;
                Ok(slot.clone())
            })
            .collect()
    }

    #[test]
    fn numbers_fit_or_are_refused() {
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(1 << 40)]));
        let found = read(wide.slice(0, 2), SqlType::Int4).unwrap();
        assert_eq!(found, [Value::Int4(1), Value::Null]);
        let error = read(wide.clone(), SqlType::Int4).unwrap_err();
        assert!(error.is(state::NUMERIC_VALUE_OUT_OF_RANGE), "{error:?}");
        assert_eq!(read(wide, SqlType::Int8).unwrap()[2], Value::Int8(1 << 40));
        let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        assert!(read(unsigned.clone(), SqlType::Int8).is_err());
        let most = Numeric::parse("18446744073709551615").unwrap();
        let found = read(unsigned, SqlType::Numeric(None)).unwrap();
        assert_eq!(found, [Value::Numeric(most)]);
    }

    #[test]
    fn texts_in_every_clothing() {
        let words = ["a", "b", "a"];
        let text = |word: &str| Value::Text(word.to_owned());
        let expected = words.map(text);
        let coded: DictionaryArray<Int32Type> = words.into_iter().collect();
        for array in [
            Arc::new(StringArray::from(words.to_vec())) as ArrayRef,
            Arc::new(LargeStringArray::from(words.to_vec())),
            Arc::new(StringViewArray::from(words.to_vec())),
            Arc::new(coded),
        ] {
            assert_eq!(read(array, SqlType::Text).unwrap(), expected);
        }
        let zero: ArrayRef = Arc::new(StringArray::from(vec!["a\0"]));
        let error = read(zero, SqlType::Text).unwrap_err();
        assert!(error.is(state::CHARACTER_NOT_IN_REPERTOIRE));
        let long: ArrayRef = Arc::new(StringArray::from(vec!["abc"]));
        let error = read(long, SqlType::Varchar(Some(2))).unwrap_err();
        assert!(error.is(state::STRING_DATA_RIGHT_TRUNCATION));
    }

    #[test]
    fn moments_of_any_unit() {
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_500]));
        assert_eq!(
            read(nanos, SqlType::Timestamp).unwrap(),
            [Value::Timestamp(1)]
        );
        let early: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MIN / 2]));
        assert!(read(early, SqlType::Timestamp).is_err());
        let structure = DataType::Struct(vec![Field::new("x", DataType::Int8, true)].into());
        let refused = inward_type(&Field::new("s", structure, true)).unwrap_err();
        assert!(refused.is(state::DATATYPE_MISMATCH));
    }
}
