//! Text to dates, times and timestamps. ISO 8601, which nearly all data is
//! written in, has a path of its own.

use super::civil::{days_from_civil, days_in_month};
use super::decode::{Decoded, Expect, Fault, Special, Zone, decode};
use super::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE,
    MICROS_PER_SECOND, NEG_INFINITY, is_valid_date, is_valid_timestamp, local_to_utc, offset_at,
};
use crate::error::{Error, Result, SqlState, state};
use crate::value::text::FormatSettings;

const ZONE_DISPLACEMENT: SqlState = SqlState(*b"22009");

#[cold]
pub(super) fn refuse(fault: &Fault, text: &str, type_name: &str) -> Error {
    let out_of_range = || {
        Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            format!("date/time field value out of range: \"{text}\""),
        )
    };
    match fault {
        Fault::Format => Error::new(
            state::INVALID_DATETIME_FORMAT,
            format!("invalid input syntax for type {type_name}: \"{text}\""),
        ),
        Fault::Range | Fault::Months => out_of_range(),
        Fault::MonthOrDay => {
            out_of_range().with_hint("Perhaps you need a different \"datestyle\" setting.")
        }
        Fault::ZoneRange => Error::new(
            ZONE_DISPLACEMENT,
            format!("time zone displacement out of range: \"{text}\""),
        ),
        Fault::Zone(name) => Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        ),
    }
}

#[cold]
fn out_of_range(what: &str, text: &str) -> Error {
    Error::new(
        state::DATETIME_FIELD_OVERFLOW,
        format!("{what} out of range: \"{text}\""),
    )
}

/// Two digits as a number; above 99 if they aren't digits.
#[inline]
fn two(bytes: [u8; 2]) -> u32 {
    let (tens, ones) = (bytes[0].wrapping_sub(b'0'), bytes[1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return 1000;
    }
    u32::from(tens) * 10 + u32::from(ones)
}

/// `yyyy-mm-dd` at the front: days since 1970 and what follows.
#[inline]
fn iso_date(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1], rest) = bytes.split_first_chunk::<10>()?
    else {
        return None;
    };
    let (century, year) = (two([y0, y1]), two([y2, y3]));
    let (month, day) = (two([m0, m1]), two([d0, d1]));
    if century > 99 || year > 99 || !(1..=12).contains(&month) {
        return None;
    }
    let year = (century * 100 + year).cast_signed();
    if year == 0 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some((days_from_civil(year, month, day), rest))
}

/// `hh:mm:ss[.ffffff]` at the front: microseconds since midnight and what follows.
#[inline]
fn iso_time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (&[h0, h1, b':', m0, m1, b':', s0, s1], mut rest) = bytes.split_first_chunk::<8>()? else {
        return None;
    };
    let (hours, minutes, seconds) = (two([h0, h1]), two([m0, m1]), two([s0, s1]));
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let mut micros = i64::from(hours) * MICROS_PER_HOUR
        + i64::from(minutes) * MICROS_PER_MINUTE
        + i64::from(seconds) * MICROS_PER_SECOND;
    if let Some((b'.', fraction)) = rest.split_first() {
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 6 {
            return None;
        }
        let mut value = 0i64;
        for at in 0..6 {
            let digit = match fraction.get(at) {
                Some(byte) if at < digits => byte - b'0',
                _ => 0,
            };
            value = value * 10 + i64::from(digit);
        }
        micros += value;
        rest = fraction.get(digits..)?;
    }
    Some((micros, rest))
}

/// Local microseconds of an ISO date or timestamp, and what follows it.
#[inline]
fn iso_moment(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (days, rest) = iso_date(bytes)?;
    let midnight = i64::from(days) * MICROS_PER_DAY;
    match rest.split_first() {
        None => Some((midnight, rest)),
        Some((b' ' | b'T', time)) => {
            let (micros, rest) = iso_time(time)?;
            Some((midnight + micros, rest))
        }
        Some(_) => None,
    }
}

/// Microseconds east of UTC of `Z`, `+02`, `+02:00`, `+0200`; nothing else may follow.
#[inline]
fn iso_offset(bytes: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *bytes {
        [b'Z'] => return Some(0),
        [sign @ (b'+' | b'-'), h0, h1] => (sign, two([h0, h1]), 0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] | [sign @ (b'+' | b'-'), h0, h1, m0, m1] => {
            (sign, two([h0, h1]), two([m0, m1]))
        }
        _ => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let micros = i64::from(hours) * MICROS_PER_HOUR + i64::from(minutes) * MICROS_PER_MINUTE;
    Some(if sign == b'-' { -micros } else { micros })
}

fn now(settings: &FormatSettings) -> i64 {
    settings.now_micros.unwrap_or_else(|| {
        use crate::clock::{Clock, SystemClock};
        SystemClock::default().wall_micros()
    })
}

fn to_local(utc: i64, settings: &FormatSettings) -> i64 {
    utc + i64::from(offset_at(settings.time_zone, utc)) * MICROS_PER_SECOND
}

/// What a decoded text means before its zone is looked at.
enum Moment {
    Infinite(bool),
    /// Microseconds since 1970 UTC.
    Utc(i64),
    /// Local microseconds, wide enough for any date.
    Local(i128),
}

fn moment(decoded: &Decoded, settings: &FormatSettings) -> Result<Moment, Fault> {
    let time = i128::from(decoded.time.unwrap_or(0));
    let day = i128::from(MICROS_PER_DAY);
    let days = match (decoded.special, decoded.date, decoded.julian) {
        (Some(Special::Infinity), ..) => return Ok(Moment::Infinite(true)),
        (Some(Special::NegInfinity), ..) => return Ok(Moment::Infinite(false)),
        (Some(Special::Epoch), ..) => return Ok(Moment::Utc(0)),
        (Some(Special::Now), ..) => return Ok(Moment::Utc(now(settings))),
        (Some(relative), ..) => {
            let today = to_local(now(settings), settings).div_euclid(MICROS_PER_DAY);
            let shift = match relative {
                Special::Tomorrow => 1,
                Special::Yesterday => -1,
                _ => 0,
            };
            i128::from(today + shift)
        }
        (None, Some((year, month, day)), _) => i128::from(days_from_civil(year, month, day)),
        (None, None, Some(days)) => i128::from(days),
        (None, None, None) => return Err(Fault::Format),
    };
    Ok(Moment::Local(days * day + time))
}

#[inline]
pub fn parse_date(text: &str, settings: &FormatSettings) -> Result<i32> {
    if let Some((days, [])) = iso_date(text.as_bytes()) {
        return Ok(days);
    }
    let decoded = decode(text, Expect::Date, settings.date_order)
        .map_err(|fault| refuse(&fault, text, "date"))?;
    let local = match moment(&decoded, settings).map_err(|fault| refuse(&fault, text, "date"))? {
        Moment::Infinite(true) => return Ok(DATE_INFINITY),
        Moment::Infinite(false) => return Ok(DATE_NEG_INFINITY),
        Moment::Utc(0) => 0,
        Moment::Utc(micros) => i128::from(to_local(micros, settings)),
        // Only the day counts, whatever time was written with it.
        Moment::Local(micros) => micros - i128::from(decoded.time.unwrap_or(0)),
    };
    i32::try_from(local.div_euclid(i128::from(MICROS_PER_DAY)))
        .ok()
        .filter(|days| is_valid_date(*days))
        .ok_or_else(|| out_of_range("date", text))
}

#[inline]
pub fn parse_time(text: &str, settings: &FormatSettings) -> Result<i64> {
    if let Some((micros, [])) = iso_time(text.as_bytes()) {
        return Ok(micros);
    }
    const NAME: &str = "time";
    let decoded = decode(text, Expect::Time, settings.date_order)
        .map_err(|fault| refuse(&fault, text, NAME))?;
    if matches!(decoded.special, Some(Special::Now)) {
        return Ok(to_local(now(settings), settings).rem_euclid(MICROS_PER_DAY));
    }
    // A named zone needs a date to mean anything.
    let zone_without_date = matches!(decoded.zone, Some(Zone::Named(_))) && decoded.date.is_none();
    match decoded.time {
        Some(micros) if !zone_without_date => Ok(micros),
        _ => Err(refuse(&Fault::Format, text, NAME)),
    }
}

#[inline]
pub fn parse_timestamp(text: &str, settings: &FormatSettings) -> Result<i64> {
    if let Some((micros, [])) = iso_moment(text.as_bytes()) {
        return Ok(micros);
    }
    const NAME: &str = "timestamp";
    let decoded = decode(text, Expect::Date, settings.date_order)
        .map_err(|fault| refuse(&fault, text, NAME))?;
    // A zone is read and ignored: this type has none.
    match moment(&decoded, settings).map_err(|fault| refuse(&fault, text, NAME))? {
        Moment::Infinite(true) => Ok(INFINITY),
        Moment::Infinite(false) => Ok(NEG_INFINITY),
        Moment::Utc(0) => Ok(0),
        Moment::Utc(micros) => Ok(to_local(micros, settings)),
        Moment::Local(micros) => valid(micros, text),
    }
}

#[inline]
pub fn parse_timestamptz(text: &str, settings: &FormatSettings) -> Result<i64> {
    if let Some((micros, rest)) = iso_moment(text.as_bytes()) {
        if rest.is_empty() {
            return Ok(local_to_utc(settings.time_zone, micros));
        }
        if let Some(offset) = iso_offset(rest) {
            return Ok(micros - offset);
        }
    }
    const NAME: &str = "timestamp with time zone";
    let decoded = decode(text, Expect::Date, settings.date_order)
        .map_err(|fault| refuse(&fault, text, NAME))?;
    match moment(&decoded, settings).map_err(|fault| refuse(&fault, text, NAME))? {
        Moment::Infinite(true) => Ok(INFINITY),
        Moment::Infinite(false) => Ok(NEG_INFINITY),
        Moment::Utc(micros) => Ok(micros),
        Moment::Local(micros) => {
            let utc = match decoded.zone {
                Some(Zone::Fixed(offset)) => micros - i128::from(offset) * 1_000_000,
                zone => {
                    let zone = match zone {
                        Some(Zone::Named(zone)) => zone,
                        _ => settings.time_zone,
                    };
                    // A day more on either side than timestamps have, so that the offset can't overflow.
                    let local =
                        i64::try_from(micros).map_err(|_| out_of_range("timestamp", text))?;
                    i128::from(local_to_utc(zone, local))
                }
            };
            valid(utc, text)
        }
    }
}

fn valid(micros: i128, text: &str) -> Result<i64> {
    i64::try_from(micros)
        .ok()
        .filter(|micros| is_valid_timestamp(*micros))
        .ok_or_else(|| out_of_range("timestamp", text))
}
