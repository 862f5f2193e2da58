//! Values to the binary form of a type.

use super::{JSONB_VERSION, array, numeric, record};
use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, NEG_INFINITY, POSTGRES_EPOCH_DAYS,
    POSTGRES_EPOCH_MICROS,
};
use crate::value::{ValueRef, text};

/// Appends the payload of a value, without a length word; nothing for NULL.
#[inline]
pub fn encode(value: &ValueRef, sql_type: &SqlType, out: &mut Vec<u8>) -> Result<()> {
    match (value, sql_type) {
        (ValueRef::Null, _) => {}
        (ValueRef::Int4(v), SqlType::Int4) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Int8(v), SqlType::Int8) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Text(_), SqlType::Char(_)) => {
            text::format(value, sql_type, &text::FormatSettings::default(), out)?;
        }
        (ValueRef::Text(v), SqlType::Jsonb) => {
            out.push(JSONB_VERSION);
            out.extend_from_slice(v.as_bytes());
        }
        (ValueRef::Text(v), SqlType::InternalChar) => out.push(v.bytes().next().unwrap_or(0)),
        (ValueRef::Text(v), SqlType::Int2Vector | SqlType::OidVector) => vector(v, sql_type, out)?,
        (ValueRef::Text(v), _) if is_text(sql_type) => out.extend_from_slice(v.as_bytes()),
        (ValueRef::Bool(v), SqlType::Bool) => out.push(u8::from(*v)),
        (ValueRef::Int2(v), SqlType::Int2) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Float4(v), SqlType::Float4) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Float8(v), SqlType::Float8) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Numeric(v), SqlType::Numeric(_)) => numeric::encode(v, out),
        (ValueRef::Bytea(v), SqlType::Bytea) => out.extend_from_slice(v),
        (ValueRef::Date(v), SqlType::Date) => {
            let days = match *v {
                DATE_INFINITY | DATE_NEG_INFINITY => *v,
                days => days.saturating_sub(POSTGRES_EPOCH_DAYS),
            };
            out.extend_from_slice(&days.to_be_bytes());
        }
        (ValueRef::Time(v), SqlType::Time) => out.extend_from_slice(&v.to_be_bytes()),
        (ValueRef::Timestamp(v), SqlType::Timestamp)
        | (ValueRef::TimestampTz(v), SqlType::TimestampTz) => {
            let micros = match *v {
                INFINITY | NEG_INFINITY => *v,
                micros => micros.saturating_sub(POSTGRES_EPOCH_MICROS),
            };
            out.extend_from_slice(&micros.to_be_bytes());
        }
        (ValueRef::Interval(v), SqlType::Interval) => {
            out.extend_from_slice(&v.micros.to_be_bytes());
            out.extend_from_slice(&v.days.to_be_bytes());
            out.extend_from_slice(&v.months.to_be_bytes());
        }
        (ValueRef::Uuid(v), SqlType::Uuid) => out.extend_from_slice(v),
        (ValueRef::Inet(v), SqlType::Inet) => v.send(false, out),
        (ValueRef::Cidr(v), SqlType::Cidr) => v.send(true, out),
        (ValueRef::Array(v), SqlType::Array(element)) => array::encode(v, element, out)?,
        (ValueRef::Text(v), SqlType::Record(fields)) => record::encode(v, fields, out)?,
        (ValueRef::Int8(v), SqlType::Oid) => {
            let oid = u32::try_from(*v).map_err(|_| mismatch(value, sql_type))?;
            out.extend_from_slice(&oid.to_be_bytes());
        }
        _ => return Err(mismatch(value, sql_type)),
    }
    Ok(())
}

/// An array of one dimension that counts from 0.
fn vector(text: &str, sql_type: &SqlType, out: &mut Vec<u8>) -> Result<()> {
    let element = match sql_type {
        SqlType::Int2Vector => SqlType::Int2,
        _ => SqlType::Oid,
    };
    let items: Vec<&str> = text.split_ascii_whitespace().collect();
    let wrong = || mismatch(&ValueRef::Text(text), sql_type);
    let count = i32::try_from(items.len()).map_err(|_| wrong())?;
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&0_i32.to_be_bytes());
    out.extend_from_slice(&element.oid().to_be_bytes());
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&0_i32.to_be_bytes());
    for item in items {
        if element == SqlType::Int2 {
            let number: i16 = item.parse().map_err(|_| wrong())?;
            out.extend_from_slice(&2_i32.to_be_bytes());
            out.extend_from_slice(&number.to_be_bytes());
        } else {
            let number: u32 = item.parse().map_err(|_| wrong())?;
            out.extend_from_slice(&4_i32.to_be_bytes());
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
    Ok(())
}

fn is_text(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Text
            | SqlType::Varchar(_)
            | SqlType::Name
            | SqlType::Json
            | SqlType::Unknown
            | SqlType::Void
    )
}

#[cold]
fn mismatch(value: &ValueRef, sql_type: &SqlType) -> Error {
    Error::internal(format!("value {value:?} is not of type {sql_type}"))
}
