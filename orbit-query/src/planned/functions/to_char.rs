//! `to_char`, `to_date`, `to_timestamp`, `to_number`: templates for dates and numbers.

mod dates;
mod numbers;

use super::zone::local_of;
use super::{Env, Function, T, arg, function};
use orbit_core::types::SqlType;
use orbit_core::value::datetime::{MICROS_PER_DAY, MICROS_PER_MINUTE, offset_at};
use orbit_core::value::{Numeric, Value, ValueRef, text};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// Without a template, and of what never is, there is nothing to show.
fn shows_nothing(micros: i64, template: &str) -> bool {
    template.is_empty() || micros == i64::MAX || micros == i64::MIN
}

fn char_timestamp(args: Args, _: &Env) -> Result<Value> {
    if shows_nothing(arg::timestamp(args, 0)?, arg::text(args, 1)?) {
        return Ok(Value::Null);
    }
    dates::format(arg::timestamp(args, 0)?, arg::text(args, 1)?, None).map(Value::Text)
}

fn char_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let zone = env.format.time_zone;
    let micros = arg::timestamptz(args, 0)?;
    if shows_nothing(micros, arg::text(args, 1)?) {
        return Ok(Value::Null);
    }
    dates::format(
        local_of(micros, zone),
        arg::text(args, 1)?,
        Some((zone, offset_at(zone, micros))),
    )
    .map(Value::Text)
}

fn char_interval(args: Args, _: &Env) -> Result<Value> {
    if arg::text(args, 1)?.is_empty() {
        return Ok(Value::Null);
    }
    dates::format_interval(arg::interval(args, 0)?, arg::text(args, 1)?).map(Value::Text)
}

fn char_int4(args: Args, _: &Env) -> Result<Value> {
    numbers::format(
        &Numeric::from_i64(i64::from(arg::int4(args, 0)?)),
        arg::text(args, 1)?,
    )
    .map(Value::Text)
}

fn char_int8(args: Args, _: &Env) -> Result<Value> {
    numbers::format(&Numeric::from_i64(arg::int8(args, 0)?), arg::text(args, 1)?).map(Value::Text)
}

fn char_float8(args: Args, _: &Env) -> Result<Value> {
    numbers::format_float(arg::float8(args, 0)?, arg::text(args, 1)?).map(Value::Text)
}

fn char_numeric(args: Args, _: &Env) -> Result<Value> {
    numbers::format(arg::numeric(args, 0)?, arg::text(args, 1)?).map(Value::Text)
}

fn to_date(args: Args, _: &Env) -> Result<Value> {
    let (micros, _) = dates::parse(arg::text(args, 0)?, arg::text(args, 1)?)?;
    Ok(Value::Date(micros.div_euclid(MICROS_PER_DAY) as i32))
}

fn to_timestamp(args: Args, env: &Env) -> Result<Value> {
    let (local, east) = dates::parse(arg::text(args, 0)?, arg::text(args, 1)?)?;
    Ok(Value::TimestampTz(match east {
        Some(minutes) => local.saturating_sub(minutes * MICROS_PER_MINUTE),
        None => super::zone::utc_of(local, env.format.time_zone),
    }))
}

fn from_epoch(args: Args, env: &Env) -> Result<Value> {
    // From PostgreSQL's own epoch, as there: a float's last digits depend on it.
    const Y2000: f64 = 946_684_800.0;
    let seconds = arg::float8(args, 0)?;
    if seconds.is_nan() {
        return Err(Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            "timestamp cannot be NaN",
        ));
    }
    if seconds.is_infinite() {
        return Ok(Value::TimestampTz(match seconds > 0.0 {
            true => i64::MAX,
            false => i64::MIN,
        }));
    }
    let micros = ((seconds - Y2000) * 1e6).round_ties_even();
    let micros = (micros.abs() < 9e18).then_some(micros as i64);
    let micros = micros.and_then(|micros| micros.checked_add(Y2000 as i64 * 1_000_000));
    super::datetime::checked_timestamp(micros)
        .map(Value::TimestampTz)
        .or_else(|error| {
            let mut shown = Vec::new();
            text::format(
                &ValueRef::Float8(seconds),
                &SqlType::Float8,
                &env.format,
                &mut shown,
            )?;
            let shown = String::from_utf8_lossy(&shown);
            Err(Error::new(
                error.state(),
                format!("{}: \"{shown}\"", error.message()),
            ))
        })
}

fn to_number(args: Args, _: &Env) -> Result<Value> {
    numbers::parse(arg::text(args, 0)?, arg::text(args, 1)?).map(Value::Numeric)
}

pub const FUNCTIONS: &[Function] = &[
    function("to_char", &[T::Float8, T::Text], T::Text, char_float8),
    function("to_char", &[T::Int4, T::Text], T::Text, char_int4),
    function("to_char", &[T::Int8, T::Text], T::Text, char_int8),
    function("to_char", &[T::Interval, T::Text], T::Text, char_interval),
    function("to_char", &[T::Numeric, T::Text], T::Text, char_numeric),
    function("to_char", &[T::Timestamp, T::Text], T::Text, char_timestamp),
    function(
        "to_char",
        &[T::TimestampTz, T::Text],
        T::Text,
        char_timestamptz,
    ),
    function("to_date", &[T::Text, T::Text], T::Date, to_date),
    function("to_number", &[T::Text, T::Text], T::Numeric, to_number),
    function("to_timestamp", &[T::Float8], T::TimestampTz, from_epoch),
    function(
        "to_timestamp",
        &[T::Text, T::Text],
        T::TimestampTz,
        to_timestamp,
    ),
];
