//! Dates, times and intervals made of their parts, and parts brought into their limits.

use super::{Args, checked_date, date_to_micros, infinite, infinite_date, overflow};
use crate::planned::functions::row::arity;
use crate::planned::functions::zone::{named, utc_of};
use crate::planned::functions::{Env, arg};
use orbit_core::value::datetime::civil::{days_from_civil, days_in_month};
use orbit_core::value::datetime::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE};
use orbit_core::value::{Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};

pub(super) fn make_date(args: Args, _: &Env) -> Result<Value> {
    let (y, m, d) = (
        arg::int4(args, 0)?,
        arg::int4(args, 1)?,
        arg::int4(args, 2)?,
    );
    let fits = (1..=12).contains(&m) && d >= 1 && y != 0 && d <= days_in_month(y, m as u32) as i32;
    if !fits {
        return Err(Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            format!("date field value out of range: {y}-{m:02}-{d:02}"),
        ));
    }
    let y = if y < 0 { y + 1 } else { y };
    checked_date(i64::from(days_from_civil(y, m as u32, d as u32)))
}

pub(super) fn clock(hour: i32, minute: i32, second: f64) -> Result<i64> {
    let fits =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&second);
    let micros = i64::from(hour) * MICROS_PER_HOUR
        + i64::from(minute) * MICROS_PER_MINUTE
        + (second * 1e6).round() as i64;
    if !fits || micros > MICROS_PER_DAY {
        return Err(Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            format!("time field value out of range: {hour}:{minute:02}:{second:02}"),
        ));
    }
    Ok(micros)
}

pub(super) fn make_time(args: Args, _: &Env) -> Result<Value> {
    clock(
        arg::int4(args, 0)?,
        arg::int4(args, 1)?,
        arg::float8(args, 2)?,
    )
    .map(Value::Time)
}

pub(super) fn make_timestamp(args: Args, env: &Env) -> Result<Value> {
    let Value::Date(days) = make_date(args, env)? else {
        return Err(arity());
    };
    let time = clock(
        arg::int4(args, 3)?,
        arg::int4(args, 4)?,
        arg::float8(args, 5)?,
    )?;
    Ok(Value::Timestamp(date_to_micros(days) + time))
}

pub(super) fn make_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let zone = if args.len() > 6 {
        named(arg::text(args, 6)?)?
    } else {
        env.format.time_zone
    };
    match make_timestamp(args, env)? {
        Value::Timestamp(local) => Ok(Value::TimestampTz(utc_of(local, zone))),
        other => Ok(other),
    }
}

/// Thirty days are a month.
pub(super) fn justify_days(by: Interval) -> Result<Interval> {
    let mut months = i64::from(by.months) + i64::from(by.days / 30);
    let mut days = by.days % 30;
    if months > 0 && days < 0 {
        days += 30;
        months -= 1;
    } else if months < 0 && days > 0 {
        days -= 30;
        months += 1;
    }
    interval_of(months, i64::from(days), by.micros)
}

/// 24 hours are a day.
pub(super) fn justify_hours(by: Interval) -> Result<Interval> {
    let mut days = i64::from(by.days) + by.micros / MICROS_PER_DAY;
    let mut micros = by.micros % MICROS_PER_DAY;
    if days > 0 && micros < 0 {
        micros += MICROS_PER_DAY;
        days -= 1;
    } else if days < 0 && micros > 0 {
        micros -= MICROS_PER_DAY;
        days += 1;
    }
    interval_of(i64::from(by.months), days, micros)
}

/// Both, with all three parts of one sign.
pub(super) fn justify_interval(by: Interval) -> Result<Interval> {
    let mut days = i64::from(by.days) + by.micros / MICROS_PER_DAY;
    let mut micros = by.micros % MICROS_PER_DAY;
    let mut months = i64::from(by.months) + days / 30;
    days %= 30;
    if months > 0 && (days < 0 || (days == 0 && micros < 0)) {
        days += 30;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && micros > 0)) {
        days -= 30;
        months += 1;
    }
    if days > 0 && micros < 0 {
        micros += MICROS_PER_DAY;
        days -= 1;
    } else if days < 0 && micros > 0 {
        micros -= MICROS_PER_DAY;
        days += 1;
    }
    interval_of(months, days, micros)
}

pub(super) fn interval_of(months: i64, days: i64, micros: i64) -> Result<Interval> {
    match (i32::try_from(months), i32::try_from(days)) {
        (Ok(months), Ok(days)) => Ok(Interval {
            months,
            days,
            micros,
        }),
        _ => Err(overflow("interval out of range")),
    }
}

pub(super) fn make_interval(args: Args, _: &Env) -> Result<Value> {
    let part = |i: usize| arg::int4(args, i).map(i64::from);
    let out = || overflow("interval out of range");
    let seconds = (arg::float8(args, 6)? * 1e6).round_ties_even();
    // The cast is exact enough below, and refused beyond, what fits.
    if seconds.is_nan() || seconds.abs() >= i64::MAX as f64 {
        return Err(out());
    }
    let micros = (part(4)? * 3600 + part(5)? * 60)
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(seconds as i64))
        .ok_or_else(out)?;
    interval_of(part(0)? * 12 + part(1)?, part(2)? * 7 + part(3)?, micros).map(Value::Interval)
}

pub(super) fn justify_days_of(args: Args, _: &Env) -> Result<Value> {
    justify_days(arg::interval(args, 0)?).map(Value::Interval)
}

pub(super) fn justify_hours_of(args: Args, _: &Env) -> Result<Value> {
    justify_hours(arg::interval(args, 0)?).map(Value::Interval)
}

pub(super) fn justify_interval_of(args: Args, _: &Env) -> Result<Value> {
    justify_interval(arg::interval(args, 0)?).map(Value::Interval)
}

pub(super) fn is_finite(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(match args.first() {
        Some(ValueRef::Date(days)) => !infinite_date(*days),
        Some(ValueRef::Timestamp(micros) | ValueRef::TimestampTz(micros)) => !infinite(*micros),
        _ => true,
    }))
}

pub(super) fn overlaps(args: Args, _: &Env) -> Result<Value> {
    let (mut a1, mut a2) = (arg::timestamp(args, 0)?, arg::timestamp(args, 1)?);
    let (mut b1, mut b2) = (arg::timestamp(args, 2)?, arg::timestamp(args, 3)?);
    if a1 > a2 {
        std::mem::swap(&mut a1, &mut a2);
    }
    if b1 > b2 {
        std::mem::swap(&mut b1, &mut b2);
    }
    Ok(Value::Bool(if a1 == b1 {
        true
    } else if a1 < b1 {
        b1 < a2
    } else {
        a1 < b2
    }))
}
