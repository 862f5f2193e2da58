//! Output: ISO dates, PostgreSQL's own style of intervals.

use super::civil::civil_from_days;
use super::zone::{NamedZone, offset_at};
use super::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, NEG_INFINITY,
};
use crate::value::Interval;
use crate::value::text::integer::{two_digits, write as write_int, write_two};

const INFINITE: &[u8] = b"infinity";
const NEG_INFINITE: &[u8] = b"-infinity";

/// `1999-01-08`; years before Christ end in ` BC`.
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        DATE_INFINITY => out.extend_from_slice(INFINITE),
        DATE_NEG_INFINITY => out.extend_from_slice(NEG_INFINITE),
        days => {
            let before_christ = write_day(days, out);
            write_era(before_christ, out);
        }
    }
}

/// `true` for a year before Christ, whose mark the caller adds at the end.
#[inline]
fn write_day(days: i32, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil_from_days(days);
    let before_christ = year <= 0;
    let year = if before_christ { 1 - year } else { year }.unsigned_abs();
    let ([m0, m1], [d0, d1]) = (two_digits(month), two_digits(day));
    if year < 10_000 {
        let ([y0, y1], [y2, y3]) = (two_digits(year / 100), two_digits(year));
        out.extend_from_slice(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]);
    } else {
        write_int(i64::from(year), out);
        out.extend_from_slice(&[b'-', m0, m1, b'-', d0, d1]);
    }
    before_christ
}

fn write_era(before_christ: bool, out: &mut Vec<u8>) {
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// `04:05:06.789`, without trailing zeros.
#[inline]
pub fn write_time(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    let minutes = seconds / 60;
    let hours = minutes / 60;
    let [m0, m1] = two_digits((minutes % 60) as u32);
    let [s0, s1] = two_digits((seconds % 60) as u32);
    if hours < 100 {
        let [h0, h1] = two_digits(hours as u32);
        out.extend_from_slice(&[h0, h1, b':', m0, m1, b':', s0, s1]);
    } else {
        write_int(hours.cast_signed(), out);
        out.extend_from_slice(&[b':', m0, m1, b':', s0, s1]);
    }
    write_fraction((micros % 1_000_000) as u32, out);
}

#[inline]
fn write_fraction(micros: u32, out: &mut Vec<u8>) {
    if micros == 0 {
        return;
    }
    out.push(b'.');
    write_two(micros / 10_000, out);
    write_two(micros / 100 % 100, out);
    write_two(micros % 100, out);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

#[inline]
fn write_moment(micros: i64, out: &mut Vec<u8>) -> bool {
    let days = micros.div_euclid(MICROS_PER_DAY);
    let before_christ = write_day(days as i32, out);
    out.push(b' ');
    write_time(micros.rem_euclid(MICROS_PER_DAY), out);
    before_christ
}

fn write_infinite(micros: i64, out: &mut Vec<u8>) -> bool {
    match micros {
        INFINITY => out.extend_from_slice(INFINITE),
        NEG_INFINITY => out.extend_from_slice(NEG_INFINITE),
        _ => return false,
    }
    true
}

pub fn write_timestamp(micros: i64, out: &mut Vec<u8>) {
    if !write_infinite(micros, out) {
        let before_christ = write_moment(micros, out);
        write_era(before_christ, out);
    }
}

/// In the local time of `zone`, with its offset then: `+02`, `+05:30`, `-04:56:02`.
pub fn write_timestamptz(micros: i64, zone: NamedZone, out: &mut Vec<u8>) {
    if write_infinite(micros, out) {
        return;
    }
    let offset = offset_at(zone, micros);
    let local = micros + i64::from(offset) * MICROS_PER_SECOND;
    let before_christ = write_moment(local, out);
    out.push(if offset < 0 { b'-' } else { b'+' });
    let offset = offset.unsigned_abs();
    write_two(offset / 3600, out);
    if !offset.is_multiple_of(3600) {
        out.push(b':');
        write_two(offset / 60 % 60, out);
        if !offset.is_multiple_of(60) {
            out.push(b':');
            write_two(offset % 60, out);
        }
    }
    write_era(before_christ, out);
}

/// `1 year 2 mons -3 days +04:05:06`: what follows something negative shows its plus.
pub fn write_interval(interval: &Interval, out: &mut Vec<u8>) {
    let start = out.len();
    let mut after_negative = false;
    let mut part = |value: i32, unit: &str, out: &mut Vec<u8>| {
        if value == 0 {
            return;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if after_negative && value > 0 {
            out.push(b'+');
        }
        write_int(i64::from(value), out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.push(b's');
        }
        after_negative = value < 0;
    };
    part(interval.months / 12, "year", out);
    part(interval.months % 12, "mon", out);
    part(interval.days, "day", out);
    if out.len() > start && interval.micros == 0 {
        return;
    }
    if out.len() > start {
        out.push(b' ');
    }
    if interval.micros < 0 {
        out.push(b'-');
    } else if after_negative {
        out.push(b'+');
    }
    write_time(interval.micros, out);
}
