//! Text to intervals: `1 day 02:03:04`, `1 mon -2 days`, `@ 1 hour ago`,
//! `1-2 3 4:05:06`, `P1Y2M3DT4H5M6S`.

use super::decode::{Fault, micros_of_fraction, seconds};
use super::fields::{Field, split};
use super::interval_style::IntervalStyle;
use super::parse::refuse;
use super::words::{Unit, unit};
use super::{
    INTERVAL_FIELD_OVERFLOW, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND,
};
use crate::error::{Error, Result, state};
use crate::value::Interval;

pub fn parse(text: &str) -> Result<Interval> {
    parse_in(IntervalStyle::Postgres, text)
}

/// As a session reads it whose `IntervalStyle` is that.
pub fn parse_in(style: IntervalStyle, text: &str) -> Result<Interval> {
    scan(text, style == IntervalStyle::Standard).map_err(|fault| match fault {
        Fault::Months => Error::new(state::DATETIME_FIELD_OVERFLOW, "interval out of range"),
        Fault::Range => Error::new(
            INTERVAL_FIELD_OVERFLOW,
            format!("interval field value out of range: \"{text}\""),
        ),
        fault => refuse(&fault, text, "interval"),
    })
}

/// `standard`: a minus in front, if it is the only sign, is that of every field.
fn scan(text: &str, standard: bool) -> Result<Interval, Fault> {
    let lower = text.trim_ascii().to_ascii_lowercase();
    if let Some(designated) = lower.strip_prefix('p') {
        return iso(designated);
    }
    let mut sum = Sum::default();
    let fields = split(&lower)?;
    if fields.is_empty() {
        return Err(Fault::Format);
    }
    let mut fields = fields.as_slice();
    let mut signs = fields.iter().map(is_signed);
    let all_negative =
        standard && signs.next() == Some(Some(true)) && signs.all(|sign| sign.is_none());
    let mut ago = false;
    while let Some((field, rest)) = fields.split_first() {
        fields = rest;
        match *field {
            Field::Word("ago") if sum.seen != 0 => ago = true,
            Field::Time(text) => sum.add_time(text, false)?,
            Field::Signed(minus, text) if text.contains(':') => sum.add_time(text, minus)?,
            Field::Date(text) => sum.add_years_months(text, false)?,
            // `-1-2`: years and months with a sign.
            Field::Signed(minus, text) if text.contains('-') => {
                sum.add_years_months(text, minus)?;
            }
            Field::Number(text) | Field::Signed(_, text) => {
                let minus = matches!(field, Field::Signed(true, _));
                let number = Quantity::parse(text, minus)?;
                let unit = match rest.split_first() {
                    Some((Field::Word(word), rest)) if *word != "ago" => {
                        fields = rest;
                        unit(word).ok_or(Fault::Format)?
                    }
                    // `3 4:05:06`: days in front of a time. Otherwise seconds.
                    Some((Field::Time(_), _)) => Unit::Day,
                    Some((Field::Signed(_, next), _)) if next.contains(':') => Unit::Day,
                    _ => Unit::Second,
                };
                sum.add(&number, unit)?;
            }
            Field::Word(_) | Field::SignedWord(..) => return Err(Fault::Format),
        }
    }
    if all_negative {
        sum.make_negative()?;
    }
    if ago {
        sum.negate()?;
    }
    sum.finish()
}

/// Whether a field has a sign of its own, and whether that is a minus.
fn is_signed(field: &Field<'_>) -> Option<bool> {
    match field {
        Field::Signed(minus, _) => Some(*minus),
        Field::SignedWord(..) => Some(false),
        _ => None,
    }
}

/// `1Y2M3W4DT5H6M7.8S`, or `0001-02-03T04:05:06`, behind the P.
fn iso(text: &str) -> Result<Interval, Fault> {
    let mut sum = Sum::default();
    let (date, time) = match text.split_once('t') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if date.is_empty() && time.is_none() {
        return Err(Fault::Format);
    }
    let has_designators = |part: &str| part.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !date.is_empty() && !has_designators(date) {
        let parts: Vec<&str> = date.split('-').collect();
        let [years, months, days] = parts.as_slice() else {
            return Err(Fault::Format);
        };
        sum.add(&Quantity::signed(years)?, Unit::Year)?;
        sum.add(&Quantity::signed(months)?, Unit::Month)?;
        sum.add(&Quantity::signed(days)?, Unit::Day)?;
    } else {
        designated(date, false, &mut sum)?;
    }
    if let Some(time) = time.filter(|time| !time.is_empty()) {
        if has_designators(time) {
            designated(time, true, &mut sum)?;
        } else {
            sum.add_time(time, false)?;
        }
    }
    sum.finish()
}

fn designated(mut text: &str, time: bool, sum: &mut Sum) -> Result<(), Fault> {
    while !text.is_empty() {
        let end = text
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or(Fault::Format)?;
        let (number, rest) = text.split_at(end);
        let unit = match (rest.as_bytes().first(), time) {
            (Some(b'y'), false) => Unit::Year,
            (Some(b'm'), false) => Unit::Month,
            (Some(b'w'), false) => Unit::Week,
            (Some(b'd'), false) => Unit::Day,
            (Some(b'h'), true) => Unit::Hour,
            (Some(b'm'), true) => Unit::Minute,
            (Some(b's'), true) => Unit::Second,
            _ => return Err(Fault::Format),
        };
        sum.add(&Quantity::signed(number)?, unit)?;
        text = &rest[1..];
    }
    Ok(())
}

/// A signed number: its whole part, and its fraction both as a float and in millionths.
struct Quantity {
    whole: i64,
    fraction: f64,
    millionths: i64,
}

impl Quantity {
    /// The fraction's part of a unit of so many microseconds.
    fn fraction_of(&self, unit: i64) -> i64 {
        (self.fraction * unit as f64).round_ties_even() as i64
    }

    fn signed(text: &str) -> Result<Quantity, Fault> {
        match text.as_bytes().first() {
            Some(b'-') => Quantity::parse(&text[1..], true),
            Some(b'+') => Quantity::parse(&text[1..], false),
            _ => Quantity::parse(text, false),
        }
    }

    fn parse(digits: &str, negative: bool) -> Result<Quantity, Fault> {
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(Fault::Format);
        }
        let sign = if negative { -1 } else { 1 };
        let value: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| Fault::Range)?
        };
        let part: f64 = if fraction.is_empty() {
            0.0
        } else {
            format!("0.{fraction}").parse().map_err(|_| Fault::Format)?
        };
        Ok(Quantity {
            whole: sign * value,
            fraction: part * sign as f64,
            millionths: sign * micros_of_fraction(fraction)?,
        })
    }
}

/// Wide while fields are added up; narrowed at the end.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
    /// A bit for each unit given: none may be given twice.
    seen: u16,
}

const ALL_OF_TIME: u16 = 1 << Unit::Microsecond as u16
    | 1 << Unit::Millisecond as u16
    | 1 << Unit::Second as u16
    | 1 << Unit::Minute as u16
    | 1 << Unit::Hour as u16;
const YEARS_AND_MONTHS: u16 = 1 << Unit::Year as u16 | 1 << Unit::Month as u16;

fn put(place: &mut i64, value: i64, factor: i64) -> Result<(), Fault> {
    *place = value
        .checked_mul(factor)
        .and_then(|value| place.checked_add(value))
        .ok_or(Fault::Range)?;
    Ok(())
}

impl Sum {
    fn see(&mut self, units: u16) -> Result<(), Fault> {
        if self.seen & units != 0 {
            return Err(Fault::Format);
        }
        self.seen |= units;
        Ok(())
    }

    fn add(&mut self, number: &Quantity, unit: Unit) -> Result<(), Fault> {
        self.see(1 << unit as u16)?;
        match unit {
            Unit::Microsecond => {
                put(&mut self.micros, number.whole, 1)?;
                put(
                    &mut self.micros,
                    number.fraction.round_ties_even() as i64,
                    1,
                )
            }
            Unit::Millisecond => {
                put(&mut self.micros, number.whole, 1000)?;
                let rest = (number.fraction * 1000.0).round_ties_even() as i64;
                put(&mut self.micros, rest, 1)
            }
            Unit::Second => {
                put(&mut self.micros, number.whole, MICROS_PER_SECOND)?;
                put(&mut self.micros, number.millionths, 1)
            }
            Unit::Minute => {
                put(&mut self.micros, number.whole, MICROS_PER_MINUTE)?;
                put(&mut self.micros, number.fraction_of(MICROS_PER_MINUTE), 1)
            }
            Unit::Hour => {
                put(&mut self.micros, number.whole, MICROS_PER_HOUR)?;
                put(&mut self.micros, number.fraction_of(MICROS_PER_HOUR), 1)
            }
            Unit::Day => {
                put(&mut self.days, number.whole, 1)?;
                put(&mut self.micros, number.fraction_of(MICROS_PER_DAY), 1)
            }
            Unit::Week => {
                put(&mut self.days, number.whole, 7)?;
                self.add_fraction_of_days(number.fraction * 7.0)
            }
            Unit::Month => {
                put(&mut self.months, number.whole, 1)?;
                self.add_fraction_of_days(number.fraction * 30.0)
            }
            Unit::Year => self.add_years(number, 1),
            Unit::Decade => self.add_years(number, 10),
            Unit::Century => self.add_years(number, 100),
            Unit::Millennium => self.add_years(number, 1000),
        }
    }

    fn add_years(&mut self, number: &Quantity, years: i64) -> Result<(), Fault> {
        put(&mut self.months, number.whole, 12 * years)?;
        let months = (number.fraction * (12 * years) as f64).round_ties_even();
        put(&mut self.months, months as i64, 1)
    }

    /// Whole days, and the rest as a time of 24-hour days.
    fn add_fraction_of_days(&mut self, days: f64) -> Result<(), Fault> {
        let whole = days.trunc();
        put(&mut self.days, whole as i64, 1)?;
        let rest = ((days - whole) * MICROS_PER_DAY as f64).round_ties_even();
        put(&mut self.micros, rest as i64, 1)
    }

    /// `hh:mm`, `hh:mm:ss.fff`, or `mm:ss.fff` when the last of two parts has a fraction.
    fn add_time(&mut self, text: &str, negative: bool) -> Result<(), Fault> {
        self.see(ALL_OF_TIME)?;
        let parts: Vec<&str> = text.split(':').collect();
        let number = |part: &str| -> Result<i64, Fault> {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Fault::Format);
            }
            part.parse().map_err(|_| Fault::Range)
        };
        let (hours, minutes, micros) = match parts.as_slice() {
            [minutes, last] if last.contains('.') => (0, number(minutes)?, seconds(last)?),
            [hours, minutes] => (number(hours)?, number(minutes)?, 0),
            [hours, minutes, last] => (number(hours)?, number(minutes)?, seconds(last)?),
            _ => return Err(Fault::Format),
        };
        if minutes > 59 || micros >= 61 * MICROS_PER_SECOND {
            return Err(Fault::Range);
        }
        let mut time = 0;
        put(&mut time, hours, MICROS_PER_HOUR)?;
        put(&mut time, minutes, MICROS_PER_MINUTE)?;
        put(&mut time, micros, 1)?;
        put(&mut self.micros, time, if negative { -1 } else { 1 })
    }

    fn add_years_months(&mut self, text: &str, negative: bool) -> Result<(), Fault> {
        self.see(YEARS_AND_MONTHS)?;
        let (years, months) = text.split_once('-').ok_or(Fault::Format)?;
        let number = |part: &str| -> Result<i64, Fault> {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Fault::Format);
            }
            part.parse().map_err(|_| Fault::Range)
        };
        let (years, months) = (number(years)?, number(months)?);
        if months > 11 {
            return Err(Fault::Range);
        }
        let sign = if negative { -1 } else { 1 };
        put(&mut self.months, years, 12 * sign)?;
        put(&mut self.months, months, sign)
    }

    fn make_negative(&mut self) -> Result<(), Fault> {
        for part in [&mut self.months, &mut self.days, &mut self.micros] {
            *part = part.checked_abs().ok_or(Fault::Range)?;
        }
        self.negate()
    }

    fn negate(&mut self) -> Result<(), Fault> {
        for part in [&mut self.months, &mut self.days, &mut self.micros] {
            *part = part.checked_neg().ok_or(Fault::Range)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Interval, Fault> {
        Ok(Interval {
            months: i32::try_from(self.months).map_err(|_| Fault::Months)?,
            days: i32::try_from(self.days).map_err(|_| Fault::Range)?,
            micros: self.micros,
        })
    }
}
