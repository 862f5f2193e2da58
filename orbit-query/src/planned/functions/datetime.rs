//! Dates, times and intervals: arithmetic, fields, truncation.

use super::zone::{local_of, utc_of};
use super::{Env, Function, T, arg, function};
use chrono_tz::Tz;
use orbit_core::types::SqlType;
use orbit_core::value::datetime::civil::{civil_from_days, days_from_civil, days_in_month};
use orbit_core::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE,
    MICROS_PER_SECOND, NEG_INFINITY, is_valid_date, is_valid_timestamp, offset_at,
};
use orbit_core::value::{Interval, Numeric, Value, ValueRef};
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
        // The month borrowed from is the earlier date's, or when going back the later's before.
        let (y, m) = if sign > 0 {
            (y2, m2)
        } else if m1 == 1 {
            (y1 - 1, 12)
        } else {
            (y1, m1 - 1)
        };
        days += i64::from(days_in_month(y as i32, m as u32));
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

/// A field of EXTRACT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Century,
    Day,
    Decade,
    Dow,
    Doy,
    Epoch,
    EpochOfDate,
    Hour,
    Isodow,
    Isoyear,
    Julian,
    Microseconds,
    Millennium,
    Milliseconds,
    Minute,
    Month,
    Quarter,
    Second,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
    Week,
    Year,
}

impl Part {
    /// What EXTRACT gives: numeric, with the places this field has.
    pub fn numeric_type(self) -> SqlType {
        SqlType::Numeric(Some(match self {
            Part::Second => (8, 6),
            Part::Milliseconds => (10, 3),
            Part::Epoch => (24, 6),
            Part::Microseconds => (20, 0),
            Part::Julian => return SqlType::Numeric(None),
            _ => (12, 0),
        }))
    }
}

pub fn part(field: &str, ty: &SqlType) -> Result<Part> {
    let part = match field {
        "century" | "centuries" | "c" | "cent" => Part::Century,
        "day" | "days" | "d" => Part::Day,
        "decade" | "decades" | "dec" | "decs" => Part::Decade,
        "dow" => Part::Dow,
        "doy" => Part::Doy,
        "epoch" if *ty == SqlType::Date => Part::EpochOfDate,
        "epoch" => Part::Epoch,
        "hour" | "hours" | "h" | "hr" | "hrs" => Part::Hour,
        "isodow" => Part::Isodow,
        "isoyear" => Part::Isoyear,
        "julian" => Part::Julian,
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" => Part::Microseconds,
        "millennium" | "millenniums" | "millennia" | "mil" | "mils" => Part::Millennium,
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => Part::Milliseconds,
        "minute" | "minutes" | "m" | "min" | "mins" => Part::Minute,
        "month" | "months" | "mon" | "mons" => Part::Month,
        "quarter" | "qtr" => Part::Quarter,
        "second" | "seconds" | "s" | "sec" | "secs" => Part::Second,
        "timezone" => Part::Timezone,
        "timezone_hour" => Part::TimezoneHour,
        "timezone_minute" => Part::TimezoneMinute,
        "week" | "weeks" | "w" => Part::Week,
        "year" | "years" | "y" | "yr" | "yrs" => Part::Year,
        other => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("unit \"{other}\" not recognized for type {ty}"),
            ));
        }
    };
    let clock = matches!(
        part,
        Part::Hour
            | Part::Minute
            | Part::Second
            | Part::Milliseconds
            | Part::Microseconds
            | Part::Epoch
    );
    let zone = matches!(
        part,
        Part::Timezone | Part::TimezoneHour | Part::TimezoneMinute
    );
    let calendar = matches!(
        part,
        Part::Dow | Part::Doy | Part::Isodow | Part::Isoyear | Part::Julian | Part::Week
    );
    let supported = match ty {
        SqlType::Date => !zone && (!clock || part == Part::EpochOfDate),
        SqlType::Time => clock,
        SqlType::Timestamp => !zone,
        SqlType::Interval => !zone && !calendar,
        SqlType::TimestampTz => true,
        other => {
            return Err(Error::new(
                state::UNDEFINED_FUNCTION,
                format!("function pg_catalog.extract(unknown, {other}) does not exist"),
            )
            .with_hint("No function matches the given name and argument types. You might need to add explicit type casts."));
        }
    };
    if !supported {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!("unit \"{field}\" not supported for type {ty}"),
        ));
    }
    Ok(part)
}

fn whole(value: i64) -> Result<Value> {
    Ok(Value::Numeric(Numeric::from_i64(value)))
}

fn scaled(value: i128, places: u16) -> Result<Value> {
    Ok(Value::Numeric(Numeric::from_i128_scaled(value, places)))
}

pub fn extract(part: Part, value: &ValueRef<'_>, zone: Tz) -> Result<Value> {
    let (local, offset) = match value {
        ValueRef::Date(days) => (date_to_micros(*days), 0),
        ValueRef::Time(micros) => (*micros, 0),
        ValueRef::Timestamp(micros) => (*micros, 0),
        ValueRef::TimestampTz(micros) if infinite(*micros) => (*micros, 0),
        ValueRef::TimestampTz(micros) => {
            let offset = i64::from(offset_at(zone, *micros));
            (micros + offset * MICROS_PER_SECOND, offset)
        }
        ValueRef::Interval(interval) => return extract_interval(part, interval),
        _ => return Err(super::row::arity()),
    };
    if infinite(local) {
        // Fields that grow without end are infinite too; the others have no value.
        let endless = matches!(
            part,
            Part::Year
                | Part::Century
                | Part::Decade
                | Part::Millennium
                | Part::Epoch
                | Part::EpochOfDate
                | Part::Julian
                | Part::Isoyear
        );
        if endless {
            return Err(Error::unsupported("a field of an infinite timestamp"));
        }
        return Ok(Value::Null);
    }
    let days = local.div_euclid(MICROS_PER_DAY);
    let time = local.rem_euclid(MICROS_PER_DAY);
    let (year, month, day) = civil_from_days(days as i32);
    let year_ad = i64::from(if year > 0 { year } else { year - 1 });
    let up = |unit: i64| {
        if year > 0 {
            (year_ad + unit - 1) / unit
        } else {
            -((unit - 1 - (i64::from(year) - 1)) / unit)
        }
    };
    match part {
        Part::Century => whole(up(100)),
        Part::Day => whole(i64::from(day)),
        Part::Decade => whole(i64::from(year).div_euclid(10)),
        Part::Dow => whole((days + 4).rem_euclid(7)),
        Part::Doy => whole(days - i64::from(days_from_civil(year, 1, 1)) + 1),
        Part::EpochOfDate => whole(days * 86_400),
        Part::Epoch => scaled(
            i128::from(local) - i128::from(offset) * i128::from(MICROS_PER_SECOND),
            6,
        ),
        Part::Hour => whole(time / MICROS_PER_HOUR),
        Part::Isodow => whole((days + 3).rem_euclid(7) + 1),
        Part::Isoyear => {
            let year = iso_week(days).0;
            whole(if year > 0 { year } else { year - 1 })
        }
        Part::Julian => {
            let date = days + 2_440_588;
            if time == 0 {
                return whole(date);
            }
            let fraction = Numeric::from_i64(time).div(&Numeric::from_i64(MICROS_PER_DAY))?;
            Ok(Value::Numeric(Numeric::from_i64(date).add(&fraction)?))
        }
        Part::Microseconds => whole(time % MICROS_PER_MINUTE),
        Part::Millennium => whole(up(1000)),
        Part::Milliseconds => scaled(i128::from(time % MICROS_PER_MINUTE), 3),
        Part::Minute => whole(time / MICROS_PER_MINUTE % 60),
        Part::Month => whole(i64::from(month)),
        Part::Quarter => whole((i64::from(month) - 1) / 3 + 1),
        Part::Second => scaled(i128::from(time % MICROS_PER_MINUTE), 6),
        Part::Timezone => whole(offset),
        Part::TimezoneHour => whole(offset / 3600),
        Part::TimezoneMinute => whole(offset / 60 % 60),
        Part::Week => whole(iso_week(days).1),
        Part::Year => whole(year_ad),
    }
}

fn extract_interval(part: Part, interval: &Interval) -> Result<Value> {
    let (years, months) = (
        i64::from(interval.months / 12),
        i64::from(interval.months % 12),
    );
    let time = interval.micros;
    match part {
        Part::Century => whole(years / 100),
        Part::Day => whole(i64::from(interval.days)),
        Part::Decade => whole(years / 10),
        Part::Epoch | Part::EpochOfDate => {
            // In hundredths of a day: a year has 365.25, a month 30.
            let hundredths = i128::from(years) * 36_525
                + i128::from(months) * 3000
                + i128::from(interval.days) * 100;
            scaled(
                hundredths * 864 * i128::from(MICROS_PER_SECOND) + i128::from(time),
                6,
            )
        }
        Part::Hour => whole(time / MICROS_PER_HOUR),
        Part::Microseconds => whole(time % MICROS_PER_MINUTE),
        Part::Millennium => whole(years / 1000),
        Part::Milliseconds => scaled(i128::from(time % MICROS_PER_MINUTE), 3),
        Part::Minute => whole(time / MICROS_PER_MINUTE % 60),
        Part::Month => whole(months),
        Part::Quarter => whole(months / 3 + 1),
        Part::Second => scaled(i128::from(time % MICROS_PER_MINUTE), 6),
        Part::Year => whole(years),
        _ => Err(super::row::arity()),
    }
}

/// ISO year and week of a day.
pub fn iso_week(days: i64) -> (i64, i64) {
    let weekday = (days + 3).rem_euclid(7);
    // The Thursday of the week decides the year.
    let thursday = days - weekday + 3;
    let (year, _, _) = civil_from_days(thursday as i32);
    let first = i64::from(days_from_civil(year, 1, 1));
    (i64::from(year), (thursday - first) / 7 + 1)
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
        other => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("unit \"{other}\" not recognized for type {ty}"),
            ));
        }
    })
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
    let local = truncate(
        &arg::text(args, 0)?.to_lowercase(),
        local_of(micros, zone),
        "timestamp with time zone",
    )?;
    Ok(Value::TimestampTz(utc_of(local, zone)))
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
        _ => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("unit \"{unit}\" not recognized for type interval"),
            ));
        }
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

fn make_date(args: Args, _: &Env) -> Result<Value> {
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

fn clock(hour: i32, minute: i32, second: f64) -> Result<i64> {
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

fn make_time(args: Args, _: &Env) -> Result<Value> {
    clock(
        arg::int4(args, 0)?,
        arg::int4(args, 1)?,
        arg::float8(args, 2)?,
    )
    .map(Value::Time)
}

fn make_timestamp(args: Args, env: &Env) -> Result<Value> {
    let Value::Date(days) = make_date(args, env)? else {
        return Err(super::row::arity());
    };
    let time = clock(
        arg::int4(args, 3)?,
        arg::int4(args, 4)?,
        arg::float8(args, 5)?,
    )?;
    Ok(Value::Timestamp(date_to_micros(days) + time))
}

fn make_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let zone = if args.len() > 6 {
        super::zone::named(arg::text(args, 6)?)?
    } else {
        env.format.time_zone
    };
    match make_timestamp(args, env)? {
        Value::Timestamp(local) => Ok(Value::TimestampTz(utc_of(local, zone))),
        other => Ok(other),
    }
}

/// Thirty days are a month.
fn justify_days(by: Interval) -> Result<Interval> {
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
fn justify_hours(by: Interval) -> Result<Interval> {
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
fn justify_interval(by: Interval) -> Result<Interval> {
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

fn interval_of(months: i64, days: i64, micros: i64) -> Result<Interval> {
    match (i32::try_from(months), i32::try_from(days)) {
        (Ok(months), Ok(days)) => Ok(Interval {
            months,
            days,
            micros,
        }),
        _ => Err(overflow("interval out of range")),
    }
}

fn make_interval(args: Args, _: &Env) -> Result<Value> {
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

fn justify_days_of(args: Args, _: &Env) -> Result<Value> {
    justify_days(arg::interval(args, 0)?).map(Value::Interval)
}

fn justify_hours_of(args: Args, _: &Env) -> Result<Value> {
    justify_hours(arg::interval(args, 0)?).map(Value::Interval)
}

fn justify_interval_of(args: Args, _: &Env) -> Result<Value> {
    justify_interval(arg::interval(args, 0)?).map(Value::Interval)
}

fn is_finite(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(match args.first() {
        Some(ValueRef::Date(days)) => !infinite_date(*days),
        Some(ValueRef::Timestamp(micros) | ValueRef::TimestampTz(micros)) => !infinite(*micros),
        _ => true,
    }))
}

fn overlaps(args: Args, _: &Env) -> Result<Value> {
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

pub const FUNCTIONS: &[Function] = &[
    function("*", &[T::Float8, T::Interval], T::Interval, times_interval),
    function("*", &[T::Interval, T::Float8], T::Interval, interval_times),
    function("+", &[T::Date, T::Int4], T::Date, date_plus),
    function(
        "+",
        &[T::Date, T::Interval],
        T::Timestamp,
        date_plus_interval,
    ),
    function("+", &[T::Date, T::Time], T::Timestamp, date_plus_time),
    function("+", &[T::Int4, T::Date], T::Date, plus_date),
    function(
        "+",
        &[T::Interval, T::Date],
        T::Timestamp,
        interval_plus_date,
    ),
    function("+", &[T::Interval, T::Interval], T::Interval, interval_plus),
    function("+", &[T::Interval, T::Time], T::Time, interval_plus_time),
    function(
        "+",
        &[T::Interval, T::Timestamp],
        T::Timestamp,
        plus_timestamp,
    ),
    function(
        "+",
        &[T::Interval, T::TimestampTz],
        T::TimestampTz,
        plus_timestamptz,
    ),
    function("+", &[T::Time, T::Interval], T::Time, time_plus),
    function(
        "+",
        &[T::Timestamp, T::Interval],
        T::Timestamp,
        timestamp_plus,
    ),
    function(
        "+",
        &[T::TimestampTz, T::Interval],
        T::TimestampTz,
        timestamptz_plus,
    ),
    function("-", &[T::Date, T::Date], T::Int4, date_between),
    function("-", &[T::Date, T::Int4], T::Date, date_minus),
    function(
        "-",
        &[T::Date, T::Interval],
        T::Timestamp,
        date_minus_interval,
    ),
    function("-", &[T::Interval], T::Interval, interval_negated),
    function(
        "-",
        &[T::Interval, T::Interval],
        T::Interval,
        interval_minus,
    ),
    function("-", &[T::Time, T::Interval], T::Time, time_minus),
    function("-", &[T::Time, T::Time], T::Interval, time_between),
    function(
        "-",
        &[T::Timestamp, T::Interval],
        T::Timestamp,
        timestamp_minus,
    ),
    function(
        "-",
        &[T::Timestamp, T::Timestamp],
        T::Interval,
        timestamp_between,
    ),
    function(
        "-",
        &[T::TimestampTz, T::Interval],
        T::TimestampTz,
        timestamptz_minus,
    ),
    function(
        "-",
        &[T::TimestampTz, T::TimestampTz],
        T::Interval,
        timestamptz_between,
    ),
    function(
        "/",
        &[T::Interval, T::Float8],
        T::Interval,
        interval_divided,
    ),
    function(
        "age",
        &[T::Timestamp, T::Timestamp],
        T::Interval,
        age_timestamp,
    ),
    function(
        "age",
        &[T::TimestampTz, T::TimestampTz],
        T::Interval,
        age_timestamptz,
    ),
    function(
        "date_bin",
        &[T::Interval, T::Timestamp, T::Timestamp],
        T::Timestamp,
        bin_timestamp,
    ),
    function(
        "date_bin",
        &[T::Interval, T::TimestampTz, T::TimestampTz],
        T::TimestampTz,
        bin_timestamptz,
    ),
    function(
        "date_trunc",
        &[T::Text, T::Interval],
        T::Interval,
        trunc_interval,
    ),
    function(
        "date_trunc",
        &[T::Text, T::Timestamp],
        T::Timestamp,
        trunc_timestamp,
    ),
    function(
        "date_trunc",
        &[T::Text, T::TimestampTz],
        T::TimestampTz,
        trunc_timestamptz,
    ),
    function(
        "date_trunc",
        &[T::Text, T::TimestampTz, T::Text],
        T::TimestampTz,
        trunc_timestamptz,
    ),
    function("isfinite", &[T::Date], T::Bool, is_finite),
    function("isfinite", &[T::Timestamp], T::Bool, is_finite),
    function("isfinite", &[T::TimestampTz], T::Bool, is_finite),
    function("isfinite", &[T::Interval], T::Bool, is_finite),
    function("justify_days", &[T::Interval], T::Interval, justify_days_of),
    function(
        "justify_hours",
        &[T::Interval],
        T::Interval,
        justify_hours_of,
    ),
    function(
        "justify_interval",
        &[T::Interval],
        T::Interval,
        justify_interval_of,
    ),
    function(
        "make_date",
        &[T::Int4, T::Int4, T::Int4],
        T::Date,
        make_date,
    ),
    function(
        "make_time",
        &[T::Int4, T::Int4, T::Float8],
        T::Time,
        make_time,
    ),
    function(
        "make_interval",
        &[
            T::Int4,
            T::Int4,
            T::Int4,
            T::Int4,
            T::Int4,
            T::Int4,
            T::Float8,
        ],
        T::Interval,
        make_interval,
    ),
    function(
        "make_timestamp",
        &[T::Int4, T::Int4, T::Int4, T::Int4, T::Int4, T::Float8],
        T::Timestamp,
        make_timestamp,
    ),
    function(
        "make_timestamptz",
        &[T::Int4, T::Int4, T::Int4, T::Int4, T::Int4, T::Float8],
        T::TimestampTz,
        make_timestamptz,
    ),
    function(
        "make_timestamptz",
        &[
            T::Int4,
            T::Int4,
            T::Int4,
            T::Int4,
            T::Int4,
            T::Float8,
            T::Text,
        ],
        T::TimestampTz,
        make_timestamptz,
    ),
    function(
        "overlaps",
        &[T::Timestamp, T::Timestamp, T::Timestamp, T::Timestamp],
        T::Bool,
        overlaps,
    ),
];
