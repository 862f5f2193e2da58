//! Casts between dates, times and intervals.

use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, NEG_INFINITY,
    is_valid_timestamp, local_to_utc, offset_at, timestamp_out_of_range,
};
use crate::value::text::FormatSettings;
use crate::value::{Interval, Value};

/// `None` when there is no such cast. Infinite moments have no time of day: NULL.
pub(super) fn cast(
    value: &Value,
    sql_type: &SqlType,
    settings: &FormatSettings,
) -> Result<Option<Value>> {
    Ok(Some(match (sql_type, value) {
        (SqlType::Date, Value::Date(_))
        | (SqlType::Time, Value::Time(_))
        | (SqlType::Timestamp, Value::Timestamp(_))
        | (SqlType::TimestampTz, Value::TimestampTz(_))
        | (SqlType::Interval, Value::Interval(_)) => value.clone(),

        (SqlType::Timestamp, Value::Date(v)) => Value::Timestamp(midnight(*v)?),
        (SqlType::Timestamp, Value::TimestampTz(v)) => Value::Timestamp(to_local(*v, settings)),
        (SqlType::TimestampTz, Value::Date(v)) => {
            Value::TimestampTz(to_utc(midnight(*v)?, settings)?)
        }
        (SqlType::TimestampTz, Value::Timestamp(v)) => Value::TimestampTz(to_utc(*v, settings)?),
        (SqlType::Date, Value::Timestamp(v)) => Value::Date(timestamp_to_date(*v)),
        (SqlType::Date, Value::TimestampTz(v)) => {
            Value::Date(timestamp_to_date(to_local(*v, settings)))
        }
        (SqlType::Time, Value::Timestamp(v)) => time_of(*v),
        (SqlType::Time, Value::TimestampTz(v)) => time_of(to_local(*v, settings)),
        (SqlType::Time, Value::Interval(v)) => Value::Time(v.micros.rem_euclid(MICROS_PER_DAY)),
        (SqlType::Interval, Value::Time(v)) => Value::Interval(Interval {
            months: 0,
            days: 0,
            micros: *v,
        }),
        _ => return Ok(None),
    }))
}

fn is_infinite(micros: i64) -> bool {
    matches!(micros, INFINITY | NEG_INFINITY)
}

fn time_of(micros: i64) -> Value {
    if is_infinite(micros) {
        return Value::Null;
    }
    Value::Time(micros.rem_euclid(MICROS_PER_DAY))
}

/// The moment a date begins, in microseconds since 1970.
pub fn midnight(days: i32) -> Result<i64> {
    match days {
        DATE_INFINITY => Ok(INFINITY),
        DATE_NEG_INFINITY => Ok(NEG_INFINITY),
        days => i64::from(days)
            .checked_mul(MICROS_PER_DAY)
            .filter(|micros| is_valid_timestamp(*micros))
            .ok_or_else(|| {
                Error::new(
                    state::DATETIME_FIELD_OVERFLOW,
                    "date out of range for timestamp",
                )
            }),
    }
}

fn timestamp_to_date(micros: i64) -> i32 {
    match micros {
        INFINITY => DATE_INFINITY,
        NEG_INFINITY => DATE_NEG_INFINITY,
        micros => micros.div_euclid(MICROS_PER_DAY) as i32,
    }
}

fn to_local(micros: i64, settings: &FormatSettings) -> i64 {
    if is_infinite(micros) {
        return micros;
    }
    micros + i64::from(offset_at(settings.time_zone, micros)) * MICROS_PER_SECOND
}

fn to_utc(micros: i64, settings: &FormatSettings) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let utc = local_to_utc(settings.time_zone, micros);
    if is_valid_timestamp(utc) {
        Ok(utc)
    } else {
        Err(timestamp_out_of_range())
    }
}
