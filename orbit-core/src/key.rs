//! Keys whose bytes sort as their values do: primary keys, index columns, and
//! the prefixes they live under.
//!
//! ```text
//! data    partition u32 | storage u32 | primary key               (big endian)
//! index   partition u32 | storage u32 | column... | primary key
//! hidden primary key: site ordinal u32 | counter u64
//! ```
//!
//! A nullable column begins with a marker (1 a value, 2 NULL). A descending
//! column has all its bytes inverted, marker included, so NULLs come last
//! ascending and first descending.

mod array;
mod number;
#[cfg(test)]
mod tests;
mod text;

use crate::error::{Error, Result, state};
use crate::ids::{PartitionId, SiteOrdinal, StorageId};
use crate::types::SqlType;
use crate::value::{Inet, Interval, Value, ValueRef};

const PRESENT: u8 = 1;
const NULL: u8 = 2;

pub const HIDDEN_KEY_BYTES: usize = 12;

/// Refuses types without an order that an index could have (42704).
pub fn check_type(sql_type: &SqlType) -> Result<()> {
    let ordered = match sql_type {
        SqlType::Json | SqlType::Jsonb | SqlType::Void | SqlType::Record(_) | SqlType::Unknown => {
            false
        }
        SqlType::Array(element) => check_type(element).is_ok(),
        _ => true,
    };
    if ordered {
        return Ok(());
    }
    Err(Error::new(
        state::UNDEFINED_OBJECT,
        format!(
            "data type {sql_type} has no default operator class for access method \"btree\""
        ),
    )
    .with_hint(
        "You must specify an operator class for the index or define a default operator class for the data type.",
    ))
}

/// Appends one column of a key.
#[inline]
pub fn push(out: &mut Vec<u8>, value: &ValueRef, descending: bool, nullable: bool) -> Result<()> {
    let start = out.len();
    if nullable {
        out.push(if value.is_null() { NULL } else { PRESENT });
    } else if value.is_null() {
        return Err(Error::internal("NULL in a key that can't hold it"));
    }
    push_ascending(out, value)?;
    if descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
    Ok(())
}

#[inline]
fn push_ascending(out: &mut Vec<u8>, value: &ValueRef) -> Result<()> {
    match value {
        ValueRef::Null => {}
        ValueRef::Int4(v) | ValueRef::Date(v) => {
            out.extend_from_slice(&(v.cast_unsigned() ^ 1 << 31).to_be_bytes());
        }
        ValueRef::Int8(v)
        | ValueRef::Time(v)
        | ValueRef::Timestamp(v)
        | ValueRef::TimestampTz(v) => {
            out.extend_from_slice(&(v.cast_unsigned() ^ 1 << 63).to_be_bytes());
        }
        ValueRef::Text(v) => text::push(out, v.as_bytes()),
        ValueRef::Bool(v) => out.push(u8::from(*v)),
        ValueRef::Int2(v) => out.extend_from_slice(&(v.cast_unsigned() ^ 1 << 15).to_be_bytes()),
        ValueRef::Float4(v) => out.extend_from_slice(&number::ordered_f32(*v).to_be_bytes()),
        ValueRef::Float8(v) => out.extend_from_slice(&number::ordered_f64(*v).to_be_bytes()),
        ValueRef::Numeric(v) => number::push_numeric(out, v),
        ValueRef::Bytea(v) => text::push(out, v),
        ValueRef::Interval(v) => {
            out.extend_from_slice(&(v.span().cast_unsigned() ^ 1 << 127).to_be_bytes());
        }
        ValueRef::Uuid(v) => out.extend_from_slice(v),
        ValueRef::Inet(v) | ValueRef::Cidr(v) => v.encode(out),
        ValueRef::Array(v) => array::push(out, v)?,
    }
    Ok(())
}

/// Takes one column off the front of a key. What compares equal comes back as
/// one of its forms: the shortest numeric, 0.0 for -0.0, an interval in days and microseconds.
pub fn pop(
    bytes: &mut &[u8],
    sql_type: &SqlType,
    descending: bool,
    nullable: bool,
) -> Result<Value> {
    let mut reader = Reader {
        bytes,
        invert: if descending { 0xff } else { 0 },
    };
    let value = if nullable {
        match reader.byte()? {
            PRESENT => reader.value(sql_type)?,
            NULL => Value::Null,
            _ => return Err(malformed()),
        }
    } else {
        reader.value(sql_type)?
    };
    *bytes = reader.bytes;
    Ok(value)
}

#[cold]
fn malformed() -> Error {
    Error::corrupted("stored key is malformed")
}

/// Bytes of a key, inverted back where the column is descending.
struct Reader<'a> {
    bytes: &'a [u8],
    invert: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let (&byte, rest) = self.bytes.split_first().ok_or_else(malformed)?;
        self.bytes = rest;
        Ok(byte ^ self.invert)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(malformed)?;
        self.bytes = rest;
        Ok(bytes.map(|byte| byte ^ self.invert))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok((u64::from_be_bytes(self.take()?) ^ 1 << 63).cast_signed())
    }

    fn i32(&mut self) -> Result<i32> {
        Ok((u32::from_be_bytes(self.take()?) ^ 1 << 31).cast_signed())
    }

    fn inet(&mut self) -> Result<Inet> {
        Inet::read(&mut || self.byte().ok()).ok_or_else(malformed)
    }

    fn string(&mut self) -> Result<String> {
        String::from_utf8(text::pop(self)?).map_err(|_| malformed())
    }

    fn value(&mut self, sql_type: &SqlType) -> Result<Value> {
        Ok(match sql_type {
            SqlType::Bool => Value::Bool(self.byte()? == 1),
            SqlType::Int2 => {
                Value::Int2((u16::from_be_bytes(self.take()?) ^ 1 << 15).cast_signed())
            }
            SqlType::Int4 => Value::Int4(self.i32()?),
            SqlType::Int8 | SqlType::Oid => Value::Int8(self.i64()?),
            SqlType::Float4 => Value::Float4(number::float_f32(u32::from_be_bytes(self.take()?))),
            SqlType::Float8 => Value::Float8(number::float_f64(u64::from_be_bytes(self.take()?))),
            SqlType::Numeric(modifier) => {
                let number = number::pop_numeric(self)?;
                Value::Numeric(match modifier {
                    Some((_, scale)) => number.round(i32::from(*scale)),
                    None => number,
                })
            }
            SqlType::Text
            | SqlType::Varchar(_)
            | SqlType::Char(_)
            | SqlType::Name
            | SqlType::InternalChar
            | SqlType::Int2Vector
            | SqlType::OidVector => Value::Text(self.string()?),
            SqlType::Bytea => Value::Bytea(text::pop(self)?),
            SqlType::Date => Value::Date(self.i32()?),
            SqlType::Time => Value::Time(self.i64()?),
            SqlType::Timestamp => Value::Timestamp(self.i64()?),
            SqlType::TimestampTz => Value::TimestampTz(self.i64()?),
            SqlType::Interval => {
                let span = (u128::from_be_bytes(self.take()?) ^ 1 << 127).cast_signed();
                Value::Interval(Interval::from_span(span).ok_or_else(malformed)?)
            }
            SqlType::Uuid => Value::Uuid(self.take()?),
            SqlType::Inet => Value::Inet(self.inet()?),
            SqlType::Cidr => Value::Cidr(self.inet()?),
            SqlType::Array(element) => Value::Array(array::pop(self, element)?),
            SqlType::Json
            | SqlType::Jsonb
            | SqlType::Void
            | SqlType::Record(_)
            | SqlType::Unknown => {
                check_type(sql_type)?;
                return Err(malformed());
            }
        })
    }
}

/// Appends the primary key of a row with these values. Its columns are never NULL.
pub fn primary_key(columns: &[usize], values: &[Value], out: &mut Vec<u8>) -> Result<()> {
    for column in columns {
        let value = values
            .get(*column)
            .ok_or_else(|| Error::internal("primary key column beyond the row"))?;
        push(out, &value.as_ref(), false, false)?;
    }
    Ok(())
}

/// Appends the key of a row in a table without a primary key.
pub fn hidden_key(site: SiteOrdinal, counter: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&site.0.to_be_bytes());
    out.extend_from_slice(&counter.to_be_bytes());
}

/// What the keys of a table's rows, or of an index's entries, begin with.
pub fn data_prefix(partition: PartitionId, storage: StorageId) -> [u8; 8] {
    (u64::from(partition.0) << 32 | u64::from(storage.0)).to_be_bytes()
}
