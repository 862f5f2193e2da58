//! Bytes of single values: in a row's slots and variable area, and in log records.

use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::value::array::{Array, MAX_DIMENSIONS};
use crate::value::{Inet, Interval, Numeric, Value, ValueRef};

#[cold]
fn malformed(sql_type: &SqlType) -> Error {
    Error::corrupted(format!("stored value of type {sql_type} is malformed"))
}

#[cold]
pub(super) fn wrong_type(value: &Value, sql_type: &SqlType) -> Error {
    Error::internal(format!(
        "value {value:?} can't be stored in a column of type {sql_type}"
    ))
}

/// Bytes of a stored value of this type.
#[inline]
pub(crate) fn decode<'a>(bytes: &'a [u8], sql_type: &SqlType) -> Result<ValueRef<'a>> {
    macro_rules! fixed {
        () => {
            *bytes.first_chunk().ok_or_else(|| malformed(sql_type))?
        };
    }
    Ok(match sql_type {
        SqlType::Int4 => ValueRef::Int4(i32::from_le_bytes(fixed!())),
        SqlType::Int8 => ValueRef::Int8(i64::from_le_bytes(fixed!())),
        SqlType::Text
        | SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Name
        | SqlType::Int2Vector
        | SqlType::OidVector
        | SqlType::Unknown
        | SqlType::Record(_)
        | SqlType::Void => {
            ValueRef::Text(std::str::from_utf8(bytes).map_err(|_| malformed(sql_type))?)
        }
        SqlType::Bool => ValueRef::Bool(bytes.first() == Some(&1)),
        SqlType::Int2 => ValueRef::Int2(i16::from_le_bytes(fixed!())),
        SqlType::Float4 => ValueRef::Float4(f32::from_le_bytes(fixed!())),
        SqlType::Float8 => ValueRef::Float8(f64::from_le_bytes(fixed!())),
        SqlType::Numeric(_) => ValueRef::Numeric(Numeric::decode(bytes)?),
        SqlType::Bytea => ValueRef::Bytea(bytes),
        SqlType::Date => ValueRef::Date(i32::from_le_bytes(fixed!())),
        SqlType::Time => ValueRef::Time(i64::from_le_bytes(fixed!())),
        SqlType::Timestamp => ValueRef::Timestamp(i64::from_le_bytes(fixed!())),
        SqlType::TimestampTz => ValueRef::TimestampTz(i64::from_le_bytes(fixed!())),
        SqlType::Interval => {
            let [m0, m1, m2, m3, d0, d1, d2, d3, micros @ ..]: [u8; 16] = fixed!();
            ValueRef::Interval(Interval {
                months: i32::from_le_bytes([m0, m1, m2, m3]),
                days: i32::from_le_bytes([d0, d1, d2, d3]),
                micros: i64::from_le_bytes(micros),
            })
        }
        SqlType::Uuid => ValueRef::Uuid(fixed!()),
        SqlType::Inet => ValueRef::Inet(Inet::decode(bytes).ok_or_else(|| malformed(sql_type))?),
        SqlType::Cidr => ValueRef::Cidr(Inet::decode(bytes).ok_or_else(|| malformed(sql_type))?),
        SqlType::Oid => ValueRef::Int8(i64::from(u32::from_le_bytes(fixed!()))),
        SqlType::InternalChar => ValueRef::Text(
            std::str::from_utf8(bytes)
                .map_err(|_| malformed(sql_type))?
                .trim_end_matches('\0'),
        ),
        SqlType::Array(element) => ValueRef::Array(decode_array(bytes, element)?),
    })
}

/// Writes a value of fixed width into its slot, which is as long as the type wants it.
#[inline]
pub(super) fn fill_slot(value: &Value, sql_type: &SqlType, slot: &mut [u8]) -> Result<()> {
    // Each arm copies a number of bytes that the compiler knows.
    macro_rules! put {
        ($bytes:expr) => {{
            let bytes = $bytes;
            match slot.first_chunk_mut() {
                Some(place) => *place = bytes,
                None => return Err(malformed(sql_type)),
            }
        }};
    }
    match (sql_type, value) {
        (SqlType::Int4, Value::Int4(v)) => put!(v.to_le_bytes()),
        (SqlType::Int8, Value::Int8(v)) => put!(v.to_le_bytes()),
        (SqlType::Bool, Value::Bool(v)) => put!([u8::from(*v)]),
        (SqlType::Int2, Value::Int2(v)) => put!(v.to_le_bytes()),
        (SqlType::Float4, Value::Float4(v)) => put!(v.to_le_bytes()),
        (SqlType::Float8, Value::Float8(v)) => put!(v.to_le_bytes()),
        (SqlType::Date, Value::Date(v)) => put!(v.to_le_bytes()),
        (SqlType::Time, Value::Time(v)) => put!(v.to_le_bytes()),
        (SqlType::Timestamp, Value::Timestamp(v)) => put!(v.to_le_bytes()),
        (SqlType::TimestampTz, Value::TimestampTz(v)) => put!(v.to_le_bytes()),
        (SqlType::Interval, Value::Interval(v)) => {
            let [m0, m1, m2, m3] = v.months.to_le_bytes();
            let [d0, d1, d2, d3] = v.days.to_le_bytes();
            let [t0, t1, t2, t3, t4, t5, t6, t7] = v.micros.to_le_bytes();
            put!([
                m0, m1, m2, m3, d0, d1, d2, d3, t0, t1, t2, t3, t4, t5, t6, t7
            ]);
        }
        (SqlType::Uuid, Value::Uuid(v)) => put!(*v),
        (SqlType::Oid, Value::Int8(v)) => match u32::try_from(*v) {
            Ok(oid) => put!(oid.to_le_bytes()),
            Err(_) => return Err(wrong_type(value, sql_type)),
        },
        (SqlType::InternalChar, Value::Text(v)) if v.len() <= 1 => {
            put!([v.bytes().next().unwrap_or(0)]);
        }
        _ => return Err(wrong_type(value, sql_type)),
    }
    Ok(())
}

/// Appends a value of varying length.
#[inline]
pub(super) fn push_variable(value: &Value, sql_type: &SqlType, out: &mut Vec<u8>) -> Result<()> {
    match (sql_type, value) {
        (
            SqlType::Text
            | SqlType::Varchar(_)
            | SqlType::Char(_)
            | SqlType::Json
            | SqlType::Jsonb
            | SqlType::Name
            | SqlType::Int2Vector
            | SqlType::OidVector
            | SqlType::Unknown
            | SqlType::Record(_)
            | SqlType::Void,
            Value::Text(v),
        ) => out.extend_from_slice(v.as_bytes()),
        (SqlType::Numeric(_), Value::Numeric(v)) => v.encode(out),
        (SqlType::Bytea, Value::Bytea(v)) => out.extend_from_slice(v),
        (SqlType::Inet, Value::Inet(v)) | (SqlType::Cidr, Value::Cidr(v)) => v.encode(out),
        (SqlType::Array(element), Value::Array(v))
            if v.items.is_empty() || v.element.oid() == element.oid() =>
        {
            push_array(v, out)?;
        }
        _ => return Err(wrong_type(value, sql_type)),
    }
    Ok(())
}

/// ```text
/// dimensions u8, then (length i32, lower bound i32) each, then every element as `encode_value` has it
/// ```
fn push_array(array: &Array, out: &mut Vec<u8>) -> Result<()> {
    if array.dims.len() > MAX_DIMENSIONS || Array::count(&array.dims)? != array.items.len() {
        return Err(Error::internal(
            "array dimensions don't agree with its elements",
        ));
    }
    out.push(array.dims.len() as u8);
    for (length, lower) in &array.dims {
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&lower.to_le_bytes());
    }
    for item in &array.items {
        if matches!(item, Value::Array(_)) {
            return Err(Error::internal("array inside an array"));
        }
        encode_value(&item.as_ref(), out);
    }
    Ok(())
}

fn decode_array(mut bytes: &[u8], element: &SqlType) -> Result<Array> {
    let nonsense = || Error::corrupted("stored array is malformed");
    let (&dimensions, rest) = bytes.split_first().ok_or_else(nonsense)?;
    bytes = rest;
    let mut dims = Vec::new();
    for _ in 0..dimensions {
        let (dim, rest) = bytes.split_first_chunk::<8>().ok_or_else(nonsense)?;
        let [l0, l1, l2, l3, b0, b1, b2, b3] = *dim;
        dims.push((
            i32::from_le_bytes([l0, l1, l2, l3]),
            i32::from_le_bytes([b0, b1, b2, b3]),
        ));
        bytes = rest;
    }
    let count = Array::count(&dims).map_err(|_| nonsense())?;
    // Every element takes a byte at least.
    if count > bytes.len() || matches!(element, SqlType::Array(_)) {
        return Err(nonsense());
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(decode_value(&mut bytes, element)?);
    }
    Ok(Array {
        element: element.clone(),
        dims,
        items,
    })
}

/// Appends a value that knows its own length: NULL is a 0, a fixed-width value
/// follows a 1, any other follows its length + 1 (LEB128).
pub fn encode_value(value: &ValueRef, out: &mut Vec<u8>) {
    macro_rules! fixed {
        ($bytes:expr) => {{
            out.push(1);
            out.extend_from_slice(&$bytes);
        }};
    }
    match value {
        ValueRef::Null => out.push(0),
        ValueRef::Bool(v) => fixed!([u8::from(*v)]),
        ValueRef::Int2(v) => fixed!(v.to_le_bytes()),
        ValueRef::Int4(v) | ValueRef::Date(v) => fixed!(v.to_le_bytes()),
        ValueRef::Int8(v)
        | ValueRef::Time(v)
        | ValueRef::Timestamp(v)
        | ValueRef::TimestampTz(v) => fixed!(v.to_le_bytes()),
        ValueRef::Float4(v) => fixed!(v.to_le_bytes()),
        ValueRef::Float8(v) => fixed!(v.to_le_bytes()),
        ValueRef::Uuid(v) => fixed!(*v),
        ValueRef::Interval(v) => {
            out.push(1);
            out.extend_from_slice(&v.months.to_le_bytes());
            out.extend_from_slice(&v.days.to_le_bytes());
            out.extend_from_slice(&v.micros.to_le_bytes());
        }
        ValueRef::Text(v) => push_sized(v.as_bytes(), out),
        ValueRef::Bytea(v) => push_sized(v, out),
        ValueRef::Inet(v) | ValueRef::Cidr(v) => {
            let mut bytes = Vec::new();
            v.encode(&mut bytes);
            push_sized(&bytes, out);
        }
        ValueRef::Numeric(v) => {
            let mut bytes = Vec::new();
            v.encode(&mut bytes);
            push_sized(&bytes, out);
        }
        ValueRef::Array(v) => {
            let mut bytes = Vec::new();
            // Parsing and decoding only make arrays that agree with themselves. One
            // built otherwise keeps its elements, in one dimension.
            if push_array(v, &mut bytes).is_err() {
                let items = v
                    .items
                    .iter()
                    .filter(|item| !matches!(item, Value::Array(_)));
                let flat = Array::new(v.element.clone(), items.cloned().collect());
                bytes.clear();
                let _ = push_array(&flat, &mut bytes);
            }
            push_sized(&bytes, out);
        }
    }
}

fn push_sized(bytes: &[u8], out: &mut Vec<u8>) {
    let mut length = bytes.len() as u64 + 1;
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// Takes a value of the given type off the front of `bytes`.
pub fn decode_value(bytes: &mut &[u8], sql_type: &SqlType) -> Result<Value> {
    let cut = || Error::corrupted(format!("encoded value of type {sql_type} is cut short"));
    let mut length = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(cut)?;
        *bytes = rest;
        length |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    if length == 0 {
        return Ok(Value::Null);
    }
    let length = match sql_type {
        // Always eight bytes here: only a row's slot is narrower.
        SqlType::Oid => 8,
        SqlType::InternalChar => usize::try_from(length - 1).map_err(|_| cut())?,
        _ => match sql_type.stored_width() {
            Some(width) => width,
            None => usize::try_from(length - 1).map_err(|_| cut())?,
        },
    };
    let (value, rest) = bytes.split_at_checked(length).ok_or_else(cut)?;
    *bytes = rest;
    if *sql_type == SqlType::Oid {
        return Ok(decode(value, &SqlType::Int8)?.to_owned());
    }
    Ok(decode(value, sql_type)?.to_owned())
}
