//! PostgreSQL's text forms, both ways.

mod array;
mod bytea;
mod float;
pub mod integer;
mod json;
mod scalar;
mod string;
#[cfg(test)]
mod tests;

use super::{Inet, Value, ValueRef, datetime};
use crate::error::{Error, Result, state};
use crate::types::SqlType;

pub(crate) use scalar::hex_digit;
pub(crate) use string::{Excess, fit_length};

/// The session's settings that text forms depend on.
#[derive(Clone, Debug)]
pub struct FormatSettings {
    /// `TimeZone`: of timestamptz without a zone of its own.
    pub time_zone: datetime::NamedZone,
    /// The half of `DateStyle` that says how dates are read.
    pub date_order: datetime::DateOrder,
    pub interval_style: datetime::IntervalStyle,
    /// `bytea_output = hex`; otherwise `escape`.
    pub bytea_hex: bool,
    /// Above 0: the shortest text that gives the same float back.
    pub extra_float_digits: i32,
    /// What 'now' means (microseconds since 1970), the transaction's start; `None`: the system clock's time.
    pub now_micros: Option<i64>,
}

impl Default for FormatSettings {
    fn default() -> FormatSettings {
        FormatSettings {
            time_zone: datetime::NamedZone::UTC,
            date_order: datetime::DateOrder::default(),
            interval_style: datetime::IntervalStyle::default(),
            bytea_hex: true,
            extra_float_digits: 1,
            now_micros: None,
        }
    }
}

/// Appends the text of a value; nothing for NULL.
#[inline]
pub fn format(
    value: &ValueRef,
    sql_type: &SqlType,
    settings: &FormatSettings,
    out: &mut Vec<u8>,
) -> Result<()> {
    match value {
        ValueRef::Null => {}
        ValueRef::Int4(v) => integer::write(i64::from(*v), out),
        ValueRef::Int8(v) => integer::write(*v, out),
        ValueRef::Text(v) => match sql_type {
            SqlType::Char(length) => string::write_padded(v, *length, out),
            _ => out.extend_from_slice(v.as_bytes()),
        },
        ValueRef::Int2(v) => integer::write(i64::from(*v), out),
        ValueRef::Bool(v) => out.push(if *v { b't' } else { b'f' }),
        ValueRef::Float4(v) => float::write_f32(*v, settings.extra_float_digits, out),
        ValueRef::Float8(v) => float::write_f64(*v, settings.extra_float_digits, out),
        ValueRef::Numeric(v) => v.write_to(out),
        ValueRef::Bytea(v) => bytea::write(v, settings.bytea_hex, out),
        ValueRef::Date(v) => datetime::write_date(*v, out),
        ValueRef::Time(v) => datetime::write_time(*v, out),
        ValueRef::Timestamp(v) => datetime::write_timestamp(*v, out),
        ValueRef::TimestampTz(v) => datetime::write_timestamptz(*v, settings.time_zone, out),
        ValueRef::Interval(v) => datetime::write_interval_in(settings.interval_style, v, out),
        ValueRef::Uuid(v) => scalar::write_uuid(v, out),
        ValueRef::Inet(v) => v.write(false, out),
        ValueRef::Cidr(v) => v.write(true, out),
        ValueRef::Array(v) => array::write(v, sql_type, settings, out)?,
    }
    Ok(())
}

/// Reads a value of the type, with its length and precision applied as when it is stored.
#[inline]
pub fn parse(text: &str, sql_type: &SqlType, settings: &FormatSettings) -> Result<Value> {
    Ok(match sql_type {
        SqlType::Int4 => Value::Int4(integer::parse(text, sql_type)?),
        SqlType::Int8 => Value::Int8(integer::parse(text, sql_type)?),
        SqlType::Int2 => Value::Int2(integer::parse(text, sql_type)?),
        SqlType::Text | SqlType::Unknown | SqlType::Void => Value::Text(string::parse(text)?),
        SqlType::Record(_) => {
            return Err(Error::unsupported("input of anonymous composite types"));
        }
        SqlType::Varchar(_) | SqlType::Char(_) => {
            fit_length(string::parse(text)?, sql_type, Excess::Refused)?
        }
        SqlType::Name => Value::Text(string::parse_name(text)?),
        SqlType::InternalChar => Value::Text(string::parse_char(text)),
        SqlType::Int2Vector | SqlType::OidVector => Value::Text(vector(text, sql_type)?),
        SqlType::Bool => Value::Bool(scalar::parse_bool(text)?),
        SqlType::Float4 => Value::Float4(float::parse_f32(text)?),
        SqlType::Float8 => Value::Float8(float::parse_f64(text)?),
        SqlType::Numeric(modifier) => {
            let number = super::Numeric::parse(text)?;
            Value::Numeric(match modifier {
                Some((precision, scale)) => number.fit(*precision, *scale)?,
                None => number,
            })
        }
        SqlType::Bytea => Value::Bytea(bytea::parse(text)?),
        SqlType::Date => Value::Date(datetime::parse_date(text, settings)?),
        SqlType::Time => Value::Time(datetime::parse_time(text, settings)?),
        SqlType::Timestamp => Value::Timestamp(datetime::parse_timestamp(text, settings)?),
        SqlType::TimestampTz => Value::TimestampTz(datetime::parse_timestamptz(text, settings)?),
        SqlType::Interval => {
            let style = settings.interval_style;
            Value::Interval(datetime::parse_interval_in(style, text)?)
        }
        SqlType::Uuid => Value::Uuid(scalar::parse_uuid(text)?),
        SqlType::Inet => Value::Inet(Inet::parse(text, sql_type)?),
        SqlType::Cidr => Value::Cidr(Inet::parse(text, sql_type)?),
        SqlType::Json => {
            json::validate(text)?;
            Value::Text(text.to_owned())
        }
        SqlType::Jsonb => Value::Text(json::normalise(text)?),
        SqlType::Array(element) => Value::Array(array::parse(text, element, settings)?),
        SqlType::Oid => Value::Int8(i64::from(integer::parse_oid(text)?)),
    })
}

/// Numbers with blanks between them, one blank each.
fn vector(text: &str, sql_type: &SqlType) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    for item in text.split_ascii_whitespace() {
        match sql_type {
            SqlType::Int2Vector => {
                let _: i16 = integer::parse(item, &SqlType::Int2)?;
            }
            _ => {
                integer::parse_oid(item)?;
            }
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(item);
    }
    Ok(out)
}

/// 22P02, as PostgreSQL words it.
#[cold]
pub(crate) fn invalid_syntax(type_name: impl std::fmt::Display, text: &str) -> Error {
    Error::new(
        state::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}
