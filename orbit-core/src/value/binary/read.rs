//! Values from the binary form of a type.

use super::{JSONB_VERSION, array, malformed, numeric};
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, NEG_INFINITY, POSTGRES_EPOCH_DAYS,
    POSTGRES_EPOCH_MICROS, is_valid_date, is_valid_timestamp, timestamp_out_of_range,
};
use crate::value::text::{self, FormatSettings};
use crate::value::{Inet, Interval, Value};

/// Reads a whole payload.
#[inline]
pub fn decode(bytes: &[u8], sql_type: &SqlType) -> Result<Value> {
    Ok(match sql_type {
        SqlType::Int4 => Value::Int4(i32::from_be_bytes(exactly(bytes)?)),
        SqlType::Int8 => Value::Int8(i64::from_be_bytes(exactly(bytes)?)),
        SqlType::Int2 => Value::Int2(i16::from_be_bytes(exactly(bytes)?)),
        SqlType::Text | SqlType::Unknown | SqlType::Void => Value::Text(utf8(bytes)?.to_owned()),
        SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name | SqlType::Json => {
            text::parse(utf8(bytes)?, sql_type, &FormatSettings::default())?
        }
        SqlType::Int2Vector | SqlType::OidVector => {
            return Err(Error::unsupported(format_args!(
                "the binary form of {sql_type} as a parameter"
            )));
        }
        SqlType::Jsonb => match bytes.split_first() {
            Some((&JSONB_VERSION, rest)) => {
                text::parse(utf8(rest)?, sql_type, &FormatSettings::default())?
            }
            Some((version, _)) => {
                return Err(Error::internal(format!(
                    "unsupported jsonb version number {version}"
                )));
            }
            None => return Err(malformed()),
        },
        SqlType::Record(_) => {
            return Err(Error::unsupported("input of anonymous composite types"));
        }
        SqlType::InternalChar => match exactly(bytes)? {
            [0] => Value::Text(String::new()),
            byte => Value::Text(utf8(&byte)?.to_owned()),
        },
        SqlType::Bool => Value::Bool(exactly(bytes)? != [0]),
        // Of the many NaNs that there are one is kept.
        SqlType::Float4 => match f32::from_be_bytes(exactly(bytes)?) {
            value if value.is_nan() => Value::Float4(f32::NAN),
            value => Value::Float4(value),
        },
        SqlType::Float8 => match f64::from_be_bytes(exactly(bytes)?) {
            value if value.is_nan() => Value::Float8(f64::NAN),
            value => Value::Float8(value),
        },
        SqlType::Numeric(modifier) => {
            let number = numeric::decode(bytes)?;
            Value::Numeric(match modifier {
                Some((precision, scale)) => number.fit(*precision, *scale)?,
                None => number,
            })
        }
        SqlType::Bytea => Value::Bytea(bytes.to_vec()),
        SqlType::Date => Value::Date(date(i32::from_be_bytes(exactly(bytes)?))?),
        SqlType::Time => {
            let micros = i64::from_be_bytes(exactly(bytes)?);
            if !(0..=MICROS_PER_DAY).contains(&micros) {
                return Err(Error::new(
                    state::DATETIME_FIELD_OVERFLOW,
                    "time out of range",
                ));
            }
            Value::Time(micros)
        }
        SqlType::Timestamp => Value::Timestamp(timestamp(i64::from_be_bytes(exactly(bytes)?))?),
        SqlType::TimestampTz => Value::TimestampTz(timestamp(i64::from_be_bytes(exactly(bytes)?))?),
        SqlType::Interval => {
            let [m0, m1, m2, m3, m4, m5, m6, m7, d0, d1, d2, d3, months @ ..]: [u8; 16] =
                exactly(bytes)?;
            Value::Interval(Interval {
                months: i32::from_be_bytes(months),
                days: i32::from_be_bytes([d0, d1, d2, d3]),
                micros: i64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
            })
        }
        SqlType::Uuid => Value::Uuid(exactly(bytes)?),
        SqlType::Inet => Value::Inet(Inet::receive(bytes, sql_type)?),
        SqlType::Cidr => Value::Cidr(Inet::receive(bytes, sql_type)?),
        SqlType::Array(element) => Value::Array(array::decode(bytes, element)?),
        SqlType::Oid => Value::Int8(i64::from(u32::from_be_bytes(exactly(bytes)?))),
    })
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| malformed())
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let wrong = bytes.get(error.valid_up_to()..).unwrap_or_default();
        let count = error.error_len().unwrap_or(wrong.len()).clamp(1, 4);
        let shown: Vec<String> = wrong
            .iter()
            .take(count)
            .map(|byte| format!("0x{byte:02x}"))
            .collect();
        not_utf8(&shown.join(" "))
    })?;
    if bytes.contains(&0) {
        return Err(not_utf8("0x00"));
    }
    Ok(text)
}

#[cold]
fn not_utf8(shown: &str) -> Error {
    Error::new(
        state::CHARACTER_NOT_IN_REPERTOIRE,
        format!("invalid byte sequence for encoding \"UTF8\": {shown}"),
    )
}

fn date(days: i32) -> Result<i32> {
    if matches!(days, DATE_INFINITY | DATE_NEG_INFINITY) {
        return Ok(days);
    }
    days.checked_add(POSTGRES_EPOCH_DAYS)
        .filter(|days| is_valid_date(*days))
        .ok_or_else(|| Error::new(state::DATETIME_FIELD_OVERFLOW, "date out of range"))
}

fn timestamp(micros: i64) -> Result<i64> {
    if matches!(micros, INFINITY | NEG_INFINITY) {
        return Ok(micros);
    }
    micros
        .checked_add(POSTGRES_EPOCH_MICROS)
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(timestamp_out_of_range)
}
