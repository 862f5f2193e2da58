//! Dates, times and intervals: arithmetic, fields, truncation.

mod extract;
mod make;
mod table;

pub use extract::{extract, iso_week, part};
pub use table::FUNCTIONS;

use super::zone::{local_of, utc_of};
use super::{Env, arg};
use chrono_tz::Tz;
use orbit_core::value::datetime::civil::{civil_from_days, days_from_civil, days_in_month};
use orbit_core::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE,
    MICROS_PER_SECOND, NEG_INFINITY, is_valid_date, is_valid_timestamp,
};
use orbit_core::value::{Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

pub fn overflow(what: &'static str) -> Error {
    Error::new(state::DATETIME_FIELD_OVERFLOW, what)
}

fn checked_date(days: i64) -> Result<Value> {
    i32::try_from(days)
        .ok()
        .filter(|days| is_valid_date(*days))
        .map(Value::Date)
        .ok_or_else(|| overflow("date out of range"))
}

pub fn checked_timestamp(micros: Option<i64>) -> Result<i64> {
    micros
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(|| overflow("timestamp out of range"))
}

fn infinite_date(days: i32) -> bool {
    days == DATE_INFINITY || days == DATE_NEG_INFINITY
}

fn infinite(micros: i64) -> bool {
    micros == INFINITY || micros == NEG_INFINITY
}

pub fn date_to_micros(days: i32) -> i64 {
    match days {
        DATE_INFINITY => INFINITY,
        DATE_NEG_INFINITY => NEG_INFINITY,
        days => i64::from(days) * MICROS_PER_DAY,
    }
}

fn date_plus(args: Args, _: &Env) -> Result<Value> {
    let days = arg::date(args, 0)?;
    if infinite_date(days) {
        return Ok(Value::Date(days));
    }
    checked_date(i64::from(days) + i64::from(arg::int4(args, 1)?))
}

fn plus_date(args: Args, env: &Env) -> Result<Value> {
    date_plus(&[args[1].clone(), args[0].clone()], env)
}

fn date_minus(args: Args, _: &Env) -> Result<Value> {
    let days = arg::date(args, 0)?;
    if infinite_date(days) {
        return Ok(Value::Date(days));
    }
    checked_date(i64::from(days) - i64::from(arg::int4(args, 1)?))
}

fn date_between(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::date(args, 0)?, arg::date(args, 1)?);
    if infinite_date(a) || infinite_date(b) {
        return Err(overflow("cannot subtract infinite dates"));
    }
    a.checked_sub(b)
        .map(Value::Int4)
        .ok_or_else(|| overflow("date out of range"))
}

/// A local timestamp plus months, then days, then time, as PostgreSQL adds.
pub fn add_interval(micros: i64, by: Interval) -> Result<i64> {
    if infinite(micros) {
        return Ok(micros);
    }
    let mut days = micros.div_euclid(MICROS_PER_DAY);
    let time = micros.rem_euclid(MICROS_PER_DAY);
    if by.months != 0 {
        let (year, month, day) =
            civil_from_days(i32::try_from(days).map_err(|_| overflow("timestamp out of range"))?);
        let total = i64::from(year) * 12 + i64::from(month) - 1 + i64::from(by.months);
        let year =
            i32::try_from(total.div_euclid(12)).map_err(|_| overflow("timestamp out of range"))?;
        let month = total.rem_euclid(12) as u32 + 1;
        days = i64::from(days_from_civil(
            year,
            month,
            day.min(days_in_month(year, month)),
        ));
    }
    let moved = days
        .checked_add(i64::from(by.days))
        .and_then(|days| days.checked_mul(MICROS_PER_DAY))
        .and_then(|micros| micros.checked_add(time))
        .and_then(|micros| micros.checked_add(by.micros));
    checked_timestamp(moved)
}

/// Days and months by the zone's calendar, the time by the clock.
pub fn add_interval_tz(micros: i64, by: Interval, zone: Tz) -> Result<i64> {
    if infinite(micros) {
        return Ok(micros);
    }
    let moved = if by.months == 0 && by.days == 0 {
        micros
    } else {
        let local = add_interval(local_of(micros, zone), Interval { micros: 0, ..by })?;
        utc_of(local, zone)
    };
    checked_timestamp(moved.checked_add(by.micros))
}

fn negated(by: Interval) -> Result<Interval> {
    let over = || overflow("interval out of range");
    Ok(Interval {
        months: by.months.checked_neg().ok_or_else(over)?,
        days: by.days.checked_neg().ok_or_else(over)?,
        micros: by.micros.checked_neg().ok_or_else(over)?,
    })
}

macro_rules! timestamp_arithmetic {
    ($($name:ident: $get:ident [$at:literal], [$by:literal] $sign:ident => $variant:ident $how:ident;)*) => {$(
        fn $name(args: Args, env: &Env) -> Result<Value> {
            let by = $sign(arg::interval(args, $by)?)?;
            $how(arg::$get(args, $at)?, by, env).map(Value::$variant)
        }
    )*};
}

fn same(by: Interval) -> Result<Interval> {
    Ok(by)
}

fn plain(micros: i64, by: Interval, _: &Env) -> Result<i64> {
    add_interval(micros, by)
}

fn zoned(micros: i64, by: Interval, env: &Env) -> Result<i64> {
    add_interval_tz(micros, by, env.format.time_zone)
}

fn dated(days: i32, by: Interval, _: &Env) -> Result<i64> {
    add_interval(date_to_micros(days), by)
}

fn timed(micros: i64, by: Interval, _: &Env) -> Result<i64> {
    Ok((micros + by.micros % MICROS_PER_DAY).rem_euclid(MICROS_PER_DAY))
}

timestamp_arithmetic! {
    timestamp_plus: timestamp[0], [1] same => Timestamp plain;
    timestamp_minus: timestamp[0], [1] negated => Timestamp plain;
    plus_timestamp: timestamp[1], [0] same => Timestamp plain;
    timestamptz_plus: timestamptz[0], [1] same => TimestampTz zoned;
    timestamptz_minus: timestamptz[0], [1] negated => TimestampTz zoned;
    plus_timestamptz: timestamptz[1], [0] same => TimestampTz zoned;
    date_plus_interval: date[0], [1] same => Timestamp dated;
    date_minus_interval: date[0], [1] negated => Timestamp dated;
    interval_plus_date: date[1], [0] same => Timestamp dated;
    time_plus: time[0], [1] same => Time timed;
    time_minus: time[0], [1] negated => Time timed;
    interval_plus_time: time[1], [0] same => Time timed;
}

fn date_plus_time(args: Args, _: &Env) -> Result<Value> {
    let micros = date_to_micros(arg::date(args, 0)?);
    if infinite(micros) {
        return Ok(Value::Timestamp(micros));
    }
    checked_timestamp(micros.checked_add(arg::time(args, 1)?)).map(Value::Timestamp)
}

fn days_and_time(micros: Option<i64>) -> Result<Value> {
    let micros = micros.ok_or_else(|| overflow("interval out of range"))?;
    Ok(Value::Interval(Interval {
        months: 0,
        days: (micros / MICROS_PER_DAY) as i32,
        micros: micros % MICROS_PER_DAY,
    }))
}

fn between(a: i64, b: i64) -> Result<Value> {
    if infinite(a) || infinite(b) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    days_and_time(a.checked_sub(b))
}

fn timestamp_between(args: Args, _: &Env) -> Result<Value> {
    between(arg::timestamp(args, 0)?, arg::timestamp(args, 1)?)
}

fn timestamptz_between(args: Args, _: &Env) -> Result<Value> {
    between(arg::timestamptz(args, 0)?, arg::timestamptz(args, 1)?)
}

fn time_between(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Interval(Interval {
        micros: arg::time(args, 0)? - arg::time(args, 1)?,
        ..Interval::default()
    }))
}

fn interval_sum(a: Interval, b: Interval) -> Result<Interval> {
    let over = || overflow("interval out of range");
    Ok(Interval {
        months: a.months.checked_add(b.months).ok_or_else(over)?,
        days: a.days.checked_add(b.days).ok_or_else(over)?,
        micros: a.micros.checked_add(b.micros).ok_or_else(over)?,
    })
}

fn interval_plus(args: Args, _: &Env) -> Result<Value> {
    interval_sum(arg::interval(args, 0)?, arg::interval(args, 1)?).map(Value::Interval)
}

fn interval_minus(args: Args, _: &Env) -> Result<Value> {
    interval_sum(arg::interval(args, 0)?, negated(arg::interval(args, 1)?)?).map(Value::Interval)
}

fn interval_negated(args: Args, _: &Env) -> Result<Value> {
    negated(arg::interval(args, 0)?).map(Value::Interval)
}

/// Fractions of months become days, fractions of days become time.
pub fn multiply_interval(by: Interval, factor: f64) -> Result<Interval> {
    let over = || overflow("interval out of range");
    let whole = |value: f64| -> Result<i32> {
        if value.is_nan() || value > f64::from(i32::MAX) || value < f64::from(i32::MIN) {
            return Err(over());
        }
        Ok(value as i32)
    };
    // PostgreSQL rounds away noise below a microsecond of a day.
    let tidy = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let months = f64::from(by.months) * factor;
    let days = f64::from(by.days) * factor;
    let result_months = whole(months)?;
    let mut result_days = whole(days)?;
    let month_rest = tidy((months - f64::from(result_months)) * 30.0);
    let mut seconds = (days - f64::from(result_days) + month_rest - month_rest.trunc()) * 86_400.0;
    seconds = tidy(seconds);
    if seconds.abs() >= 86_400.0 {
        let more = (seconds / 86_400.0).trunc();
        result_days = result_days.checked_add(whole(more)?).ok_or_else(over)?;
        seconds -= more * 86_400.0;
    }
    result_days = result_days
        .checked_add(whole(month_rest.trunc())?)
        .ok_or_else(over)?;
    let micros = (by.micros as f64 * factor + seconds * 1e6).round_ties_even();
    if !micros.is_finite() || micros.abs() >= i64::MAX as f64 {
        return Err(over());
    }
    Ok(Interval {
        months: result_months,
        days: result_days,
        micros: micros as i64,
    })
}

pub fn divide_interval(by: Interval, divisor: f64) -> Result<Interval> {
    if divisor == 0.0 {
        return Err(crate::planned::error::division_by_zero());
    }
    let months = f64::from(by.months) / divisor;
    let days = f64::from(by.days) / divisor;
    let tidy = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let result_months = months as i32;
    let mut result_days = days as i32;
    let month_rest = tidy((months - f64::from(result_months)) * 30.0);
    let mut seconds =
        tidy((days - f64::from(result_days) + month_rest - month_rest.trunc()) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        let more = (seconds / 86_400.0).trunc();
        result_days += more as i32;
        seconds -= more * 86_400.0;
    }
    result_days += month_rest.trunc() as i32;
    let micros = (by.micros as f64 / divisor + seconds * 1e6).round_ties_even();
    Ok(Interval {
        months: result_months,
        days: result_days,
        micros: micros as i64,
    })
}

fn interval_times(args: Args, _: &Env) -> Result<Value> {
    multiply_interval(arg::interval(args, 0)?, arg::float8(args, 1)?).map(Value::Interval)
}

fn times_interval(args: Args, _: &Env) -> Result<Value> {
    multiply_interval(arg::interval(args, 1)?, arg::float8(args, 0)?).map(Value::Interval)
}

fn interval_divided(args: Args, _: &Env) -> Result<Value> {
    divide_interval(arg::interval(args, 0)?, arg::float8(args, 1)?).map(Value::Interval)
}

/// Years, months and days between two moments, counted on the calendar.
pub fn age_between(a: i64, b: i64) -> Result<Interval> {
    if infinite(a) || infinite(b) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    let (first, second, sign) = if a >= b { (a, b, 1) } else { (b, a, -1) };
    let split = |micros: i64| {
        let (y, m, d) = civil_from_days(micros.div_euclid(MICROS_PER_DAY) as i32);
        (
            i64::from(y),
            i64::from(m),
            i64::from(d),
            micros.rem_euclid(MICROS_PER_DAY),
        )
    };
    let (y1, m1, d1, t1) = split(first);
    let (y2, m2, d2, t2) = split(second);
    let (mut months, mut days, mut time) = ((y1 - y2) * 12 + m1 - m2, d1 - d2, t1 - t2);
    if time < 0 {
        time += MICROS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        // The month borrowed from is the earlier date's.
        days += i64::from(days_in_month(y2 as i32, m2 as u32));
        months -= 1;
    }
    Ok(Interval {
        months: (months * sign) as i32,
        days: (days * sign) as i32,
        micros: time * sign,
    })
}

fn age_timestamp(args: Args, _: &Env) -> Result<Value> {
    age_between(arg::timestamp(args, 0)?, arg::timestamp(args, 1)?).map(Value::Interval)
}

fn age_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let zone = env.format.time_zone;
    age_between(
        local_of(arg::timestamptz(args, 0)?, zone),
        local_of(arg::timestamptz(args, 1)?, zone),
    )
    .map(Value::Interval)
}

/// `date_trunc` on local time.
pub fn truncate(unit: &str, micros: i64, ty: &str) -> Result<i64> {
    if infinite(micros) {
        return Ok(micros);
    }
    let days = micros.div_euclid(MICROS_PER_DAY);
    let (year, month, _) = civil_from_days(days as i32);
    let day = |year: i32, month: u32| i64::from(days_from_civil(year, month, 1)) * MICROS_PER_DAY;
    let down = |step: i64| micros - micros.rem_euclid(step);
    Ok(match unit {
        "microsecond" | "microseconds" => micros,
        "millisecond" | "milliseconds" => down(1000),
        "second" | "seconds" => down(MICROS_PER_SECOND),
        "minute" | "minutes" => down(MICROS_PER_MINUTE),
        "hour" | "hours" => down(MICROS_PER_HOUR),
        "day" | "days" => days * MICROS_PER_DAY,
        "week" | "weeks" => (days - (days + 3).rem_euclid(7)) * MICROS_PER_DAY,
        "month" | "months" => day(year, month),
        "quarter" => day(year, (month - 1) / 3 * 3 + 1),
        "year" | "years" => day(year, 1),
        "decade" | "decades" => day(year.div_euclid(10) * 10, 1),
        "century" | "centuries" => day((year - 1).div_euclid(100) * 100 + 1, 1),
        "millennium" | "millennia" => day((year - 1).div_euclid(1000) * 1000 + 1, 1),
        other => return Err(no_unit(other, ty)),
    })
}

/// A unit that other functions and types have, or none at all.
fn no_unit(unit: &str, ty: &str) -> Error {
    let elsewhere = matches!(
        unit,
        "timezone"
            | "timezone_h"
            | "timezone_hour"
            | "timezone_m"
            | "timezone_minute"
            | "week"
            | "weeks"
    );
    match elsewhere {
        true => Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!("unit \"{unit}\" not supported for type {ty}"),
        ),
        false => Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("unit \"{unit}\" not recognized for type {ty}"),
        ),
    }
}

fn trunc_timestamp(args: Args, _: &Env) -> Result<Value> {
    truncate(
        &arg::text(args, 0)?.to_lowercase(),
        arg::timestamp(args, 1)?,
        "timestamp without time zone",
    )
    .map(Value::Timestamp)
}

fn trunc_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let zone = if args.len() > 2 {
        super::zone::named(arg::text(args, 2)?)?
    } else {
        env.format.time_zone
    };
    let micros = arg::timestamptz(args, 1)?;
    if infinite(micros) {
        return Ok(Value::TimestampTz(micros));
    }
    let unit = arg::text(args, 0)?.to_lowercase();
    let from = local_of(micros, zone);
    let local = truncate(&unit, from, "timestamp with time zone")?;
    // Within a day the clock goes on: an hour that it shows twice stays the one it was.
    let within_a_day = ["micro", "milli", "second", "minute", "hour"]
        .iter()
        .any(|start| unit.starts_with(start) && !unit.starts_with("mille"));
    Ok(Value::TimestampTz(match within_a_day {
        true => micros - (from - local),
        false => utc_of(local, zone),
    }))
}

fn trunc_interval(args: Args, _: &Env) -> Result<Value> {
    let unit = arg::text(args, 0)?.to_lowercase();
    let by = arg::interval(args, 1)?;
    let months = |step: i32| Interval {
        months: by.months / step * step,
        days: 0,
        micros: 0,
    };
    let time = |step: i64| Interval {
        micros: by.micros / step * step,
        ..by
    };
    Ok(Value::Interval(match unit.trim_end_matches('s') {
        "microsecond" => by,
        "millisecond" => time(1000),
        "second" => time(MICROS_PER_SECOND),
        "minute" => time(MICROS_PER_MINUTE),
        "hour" => time(MICROS_PER_HOUR),
        "day" => Interval { micros: 0, ..by },
        "month" => months(1),
        "quarter" => months(3),
        "year" => months(12),
        "decade" => months(120),
        "century" | "centurie" => months(1200),
        "week" => {
            return Err(
                no_unit(&unit, "interval").with_detail("Months usually have fractional weeks.")
            );
        }
        _ => return Err(no_unit(&unit, "interval")),
    }))
}

fn bin(step: Interval, micros: i64, origin: i64) -> Result<i64> {
    if step.months != 0 {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let width = i64::from(step.days) * MICROS_PER_DAY + step.micros;
    if width <= 0 {
        return Err(overflow("stride must be greater than zero"));
    }
    Ok(origin + (micros - origin).div_euclid(width) * width)
}

fn bin_timestamp(args: Args, _: &Env) -> Result<Value> {
    bin(
        arg::interval(args, 0)?,
        arg::timestamp(args, 1)?,
        arg::timestamp(args, 2)?,
    )
    .map(Value::Timestamp)
}

fn bin_timestamptz(args: Args, _: &Env) -> Result<Value> {
    bin(
        arg::interval(args, 0)?,
        arg::timestamptz(args, 1)?,
        arg::timestamptz(args, 2)?,
    )
    .map(Value::TimestampTz)
}
