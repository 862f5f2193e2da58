//! Casts between types, and the order of values across them.

mod compare;
mod datetime;
mod number;
#[cfg(test)]
mod tests;

pub use compare::compare;
pub use datetime::midnight;

use super::text::{self, Excess, FormatSettings};
use super::{Array, Value};
use crate::error::{Error, Result, state};
use crate::types::SqlType;

/// What storing a value in a column of this type makes of it: PostgreSQL's
/// assignment casts. A text is read as the type's input; that the *statement*
/// may put a text there is for the planner to decide.
#[inline]
pub fn assign(value: Value, sql_type: &SqlType) -> Result<Value> {
    // Most values come in the column's own type, without a modifier to apply.
    match (&value, sql_type) {
        (Value::Null, _)
        | (Value::Int4(_), SqlType::Int4)
        | (Value::Int8(_), SqlType::Int8)
        | (Value::Text(_), SqlType::Text)
        | (Value::Bool(_), SqlType::Bool)
        | (Value::Float8(_), SqlType::Float8)
        | (Value::Timestamp(_), SqlType::Timestamp)
        | (Value::TimestampTz(_), SqlType::TimestampTz) => Ok(value),
        _ => cast(value, sql_type, &FormatSettings::default(), Excess::Refused),
    }
}

/// As [`assign`], where the session's time zone counts (a date into timestamptz).
pub fn assign_with(value: Value, sql_type: &SqlType, settings: &FormatSettings) -> Result<Value> {
    cast(value, sql_type, settings, Excess::Refused)
}

/// `CAST(value AS type)`: also cuts texts to length and turns booleans into integers.
pub fn explicit(value: Value, sql_type: &SqlType, settings: &FormatSettings) -> Result<Value> {
    cast(value, sql_type, settings, Excess::Cut)
}

fn cast(
    value: Value,
    sql_type: &SqlType,
    settings: &FormatSettings,
    excess: Excess,
) -> Result<Value> {
    let is_explicit = excess == Excess::Cut;
    Ok(match (sql_type, value) {
        (_, Value::Null) => Value::Null,
        (SqlType::Varchar(_) | SqlType::Char(_), Value::Text(v)) => {
            text::fit_length(v, sql_type, excess)?
        }
        (SqlType::Text | SqlType::Unknown, v @ Value::Text(_))
        | (SqlType::Bool, v @ Value::Bool(_))
        | (SqlType::Bytea, v @ Value::Bytea(_))
        | (SqlType::Uuid, v @ Value::Uuid(_))
        | (SqlType::Inet, v @ Value::Inet(_))
        | (SqlType::Cidr, v @ Value::Cidr(_)) => v,
        (SqlType::Inet, Value::Cidr(v)) => Value::Inet(v),
        (SqlType::Cidr, Value::Inet(v)) => Value::Cidr(v.to_network()),
        (_, Value::Text(v)) => text::parse(&v, sql_type, settings)?,
        (SqlType::Array(element), Value::Array(v)) => {
            let items = v
                .items
                .into_iter()
                .map(|item| cast(item, element, settings, excess))
                .collect::<Result<_>>()?;
            Value::Array(Array {
                element: element.as_ref().clone(),
                dims: v.dims,
                items,
            })
        }
        (SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name, v) => {
            let text = to_text(&v, settings)?;
            match sql_type {
                SqlType::Name => text::parse(&text, sql_type, settings)?,
                _ => text::fit_length(text, sql_type, excess)?,
            }
        }
        (SqlType::Bool, v @ Value::Int4(_)) if is_explicit => Value::Bool(v != Value::Int4(0)),
        (SqlType::Int4, Value::Bool(v)) if is_explicit => Value::Int4(i32::from(v)),
        (
            SqlType::Int2
            | SqlType::Int4
            | SqlType::Int8
            | SqlType::Float4
            | SqlType::Float8
            | SqlType::Numeric(_)
            | SqlType::Oid,
            v,
        ) => match number::cast(&v, sql_type)? {
            Some(number) => number,
            None => return Err(no_cast(&v, sql_type)),
        },
        (
            SqlType::Date
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::TimestampTz
            | SqlType::Interval,
            v,
        ) => match datetime::cast(&v, sql_type, settings)? {
            Some(moment) => moment,
            None => return Err(no_cast(&v, sql_type)),
        },
        (_, v) => return Err(no_cast(&v, sql_type)),
    })
}

/// Booleans are words here, and addresses show the whole length of their prefix, unlike in output.
fn to_text(value: &Value, settings: &FormatSettings) -> Result<String> {
    if let Value::Bool(v) = value {
        return Ok(v.to_string());
    }
    let mut bytes = Vec::new();
    match value {
        Value::Inet(v) => v.write(true, &mut bytes),
        _ => text::format(&value.as_ref(), &type_of(value), settings, &mut bytes)?,
    }
    String::from_utf8(bytes).map_err(|_| Error::internal("text form is not UTF-8"))
}

#[cold]
fn no_cast(value: &Value, sql_type: &SqlType) -> Error {
    Error::new(
        state::CANNOT_COERCE,
        format!("cannot cast type {} to {sql_type}", type_of(value)),
    )
}

/// The type a value has by itself, without modifiers. Texts are `text`.
pub fn type_of(value: &Value) -> SqlType {
    match value {
        Value::Null => SqlType::Unknown,
        Value::Bool(_) => SqlType::Bool,
        Value::Int2(_) => SqlType::Int2,
        Value::Int4(_) => SqlType::Int4,
        Value::Int8(_) => SqlType::Int8,
        Value::Float4(_) => SqlType::Float4,
        Value::Float8(_) => SqlType::Float8,
        Value::Numeric(_) => SqlType::Numeric(None),
        Value::Text(_) => SqlType::Text,
        Value::Bytea(_) => SqlType::Bytea,
        Value::Date(_) => SqlType::Date,
        Value::Time(_) => SqlType::Time,
        Value::Timestamp(_) => SqlType::Timestamp,
        Value::TimestampTz(_) => SqlType::TimestampTz,
        Value::Interval(_) => SqlType::Interval,
        Value::Uuid(_) => SqlType::Uuid,
        Value::Inet(_) => SqlType::Inet,
        Value::Cidr(_) => SqlType::Cidr,
        Value::Array(v) => SqlType::Array(Box::new(v.element.clone())),
    }
}
