//! Time zones: AT TIME ZONE and what depends on the session's zone.

use super::{Env, Function, T, arg, function};
use chrono_tz::Tz;
use orbit_core::value::datetime::{
    INFINITY, MICROS_PER_SECOND, NEG_INFINITY, find_zone, local_to_utc, offset_at, write_interval,
};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn infinite(micros: i64) -> bool {
    micros == INFINITY || micros == NEG_INFINITY
}

pub fn local_of(micros: i64, zone: Tz) -> i64 {
    if infinite(micros) {
        return micros;
    }
    micros.saturating_add(i64::from(offset_at(zone, micros)) * MICROS_PER_SECOND)
}

pub fn utc_of(local: i64, zone: Tz) -> i64 {
    if infinite(local) {
        return local;
    }
    local_to_utc(zone, local)
}

pub fn named(name: &str) -> Result<Tz> {
    let known = match name.to_ascii_lowercase().as_str() {
        "z" | "zulu" => Some(Tz::UTC),
        _ => find_zone(name),
    };
    known.ok_or_else(|| {
        Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        )
    })
}

/// A zone by name, abbreviation or offset: seconds east of UTC if it is fixed.
enum Zone {
    Named(Tz),
    Fixed(i64),
}

fn zone(text: &str) -> Result<Zone> {
    let fixed = match text.to_ascii_uppercase().as_str() {
        "EST" => Some(-5),
        "EDT" => Some(-4),
        "CST" => Some(-6),
        "CDT" => Some(-5),
        "MST" => Some(-7),
        "MDT" => Some(-6),
        "PST" => Some(-8),
        "PDT" => Some(-7),
        "CET" => Some(1),
        "CEST" => Some(2),
        "BST" => Some(1),
        _ => None,
    };
    if let Some(hours) = fixed {
        return Ok(Zone::Fixed(hours * 3600));
    }
    // A bare offset has POSIX's sign: positive is west.
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let mut parts = rest.splitn(2, ':');
        let hours: Option<i64> = parts.next().and_then(|hours| hours.parse().ok());
        let minutes: Option<i64> = parts.next().map_or(Some(0), |minutes| minutes.parse().ok());
        if let (Some(hours), Some(minutes)) = (hours, minutes) {
            let west = hours * 3600 + minutes * 60;
            return Ok(Zone::Fixed(if text.starts_with('-') {
                west
            } else {
                -west
            }));
        }
    }
    if let Some(east) = posix(text) {
        return Ok(Zone::Fixed(east));
    }
    named(text).map(Zone::Named)
}

/// `UTC+3`, a name and how far west it is; `None`: another form.
fn posix(text: &str) -> Option<i64> {
    let at = text.find(['+', '-'])?;
    let (name, offset) = text.split_at(at);
    if name.len() < 3 || !name.chars().all(|letter| letter.is_ascii_alphabetic()) {
        return None;
    }
    let west = offset.starts_with('+');
    let mut seconds = 0;
    let mut unit = 3600;
    for part in offset.get(1..)?.split(':') {
        let part: i64 = (part.len() <= 3 && part.chars().all(|letter| letter.is_ascii_digit()))
            .then(|| part.parse().ok())??;
        let most = if unit == 3600 { 167 } else { 59 };
        if unit == 0 || part > most {
            return None;
        }
        seconds += part * unit;
        unit /= 60;
    }
    Some(if west { -seconds } else { seconds })
}

fn to_local(args: Args, _: &Env) -> Result<Value> {
    let micros = arg::timestamptz(args, 1)?;
    Ok(Value::Timestamp(match zone(arg::text(args, 0)?)? {
        _ if infinite(micros) => micros,
        Zone::Named(zone) => local_of(micros, zone),
        Zone::Fixed(east) => micros + east * MICROS_PER_SECOND,
    }))
}

fn to_moment(args: Args, _: &Env) -> Result<Value> {
    let local = arg::timestamp(args, 1)?;
    Ok(Value::TimestampTz(match zone(arg::text(args, 0)?)? {
        _ if infinite(local) => local,
        Zone::Named(zone) => utc_of(local, zone),
        Zone::Fixed(east) => local - east * MICROS_PER_SECOND,
    }))
}

fn by_interval(args: Args, _: &Env) -> Result<Value> {
    let east = arg::interval(args, 0)?;
    if east.months != 0 || east.days != 0 {
        let mut shown = Vec::new();
        write_interval(&east, &mut shown);
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!(
                "interval time zone \"{}\" must not include months or days",
                String::from_utf8_lossy(&shown)
            ),
        ));
    }
    match args.get(1) {
        Some(ValueRef::TimestampTz(micros)) => Ok(Value::Timestamp(micros + east.micros)),
        Some(ValueRef::Timestamp(micros)) => Ok(Value::TimestampTz(micros - east.micros)),
        _ => Err(super::row::arity()),
    }
}

pub const FUNCTIONS: &[Function] = &[
    function(
        "timezone",
        &[T::Interval, T::Timestamp],
        T::TimestampTz,
        by_interval,
    ),
    function(
        "timezone",
        &[T::Interval, T::TimestampTz],
        T::Timestamp,
        by_interval,
    ),
    function(
        "timezone",
        &[T::Text, T::Timestamp],
        T::TimestampTz,
        to_moment,
    ),
    function(
        "timezone",
        &[T::Text, T::TimestampTz],
        T::Timestamp,
        to_local,
    ),
];
