//! EXTRACT: the fields of a date, a time, an interval.

use super::{date_to_micros, infinite};
use crate::planned::functions::row::arity;
use chrono_tz::Tz;
use orbit_core::types::SqlType;
use orbit_core::value::datetime::civil::{civil_from_days, days_from_civil};
use orbit_core::value::datetime::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, offset_at,
};
use orbit_core::value::{Interval, Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

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
        _ => return Err(arity()),
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
        return Ok(match endless {
            true if local > 0 => Value::Numeric(Numeric::INFINITY),
            true => Value::Numeric(Numeric::NEG_INFINITY),
            false => Value::Null,
        });
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
        _ => Err(arity()),
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
