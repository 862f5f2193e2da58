//! Fields to a date, a time and a zone.

use super::civil::{civil_from_days, days_from_civil, days_in_month};
use super::fields::{Field, split};
use super::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, words, zone};

/// Why a text is no date. The caller knows the text and words the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Format,
    Range,
    /// Month or day out of range: the order of the fields may be another one.
    MonthOrDay,
    ZoneRange,
    /// More months than an interval holds.
    Months,
    Zone(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Now,
    Today,
    Tomorrow,
    Yesterday,
    Epoch,
    Infinity,
    NegInfinity,
}

/// Which comes first in a date of numbers: the second half of `DateStyle`.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub enum DateOrder {
    #[default]
    Mdy,
    Dmy,
    Ymd,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    Named(zone::NamedZone),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Decoded {
    pub special: Option<Special>,
    /// Year (astronomical), month, day.
    pub date: Option<(i32, u32, u32)>,
    /// Days since 1970 for a Julian day number, instead of a date.
    pub julian: Option<i64>,
    /// Microseconds since midnight.
    pub time: Option<i64>,
    pub zone: Option<Zone>,
}

/// What numbers mean while nothing else says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Date,
    Time,
}

#[derive(Default)]
struct Decoder {
    order: DateOrder,
    out: Decoded,
    year: Option<i32>,
    two_digit_year: bool,
    month: Option<u32>,
    text_month: bool,
    day: Option<u32>,
    before_christ: Option<bool>,
    afternoon: Option<bool>,
    next_is_time: bool,
    next_is_julian: bool,
}

pub(super) fn decode(text: &str, expect: Expect, order: DateOrder) -> Result<Decoded, Fault> {
    let lower = text.to_ascii_lowercase();
    let fields = split(&lower)?;
    if fields.is_empty() {
        return Err(Fault::Format);
    }
    let mut decoder = Decoder {
        order,
        ..Decoder::default()
    };
    for field in fields {
        decoder.field(field, expect)?;
    }
    decoder.finish()
}

impl Decoder {
    fn field(&mut self, field: Field<'_>, expect: Expect) -> Result<(), Fault> {
        if self.next_is_julian {
            self.next_is_julian = false;
            let Field::Number(digits) = field else {
                return Err(Fault::Format);
            };
            let day: i64 = digits.parse().map_err(|_| Fault::Format)?;
            // Day 2,440,588 is 1970-01-01.
            self.out.julian = Some(day - 2_440_588);
            return Ok(());
        }
        match field {
            Field::Time(text) => self.set_time(time(text)?),
            Field::Number(text) => self.number(text, expect),
            Field::Date(text) => self.joined(text, expect),
            Field::Signed(minus, text) => {
                if self.out.zone.is_some() || !self.has_day() && self.out.time.is_none() {
                    return Err(Fault::Format);
                }
                self.out.zone = Some(Zone::Fixed(offset(minus, text)?));
                Ok(())
            }
            Field::Word(word) => self.word(word),
            Field::SignedWord(true, "infinity") => self.set_special(Special::NegInfinity),
            Field::SignedWord(..) => Err(Fault::Format),
        }
    }

    fn has_day(&self) -> bool {
        self.day.is_some() || self.out.julian.is_some() || self.out.special.is_some()
    }

    fn has_date(&self) -> bool {
        self.year.is_some() && self.month.is_some() && self.day.is_some()
            || self.out.julian.is_some()
    }

    fn set_time(&mut self, micros: i64) -> Result<(), Fault> {
        if self.out.time.replace(micros).is_some() {
            return Err(Fault::Format);
        }
        self.next_is_time = false;
        Ok(())
    }

    fn set_special(&mut self, special: Special) -> Result<(), Fault> {
        if self.out.special.replace(special).is_some() || self.has_date() {
            return Err(Fault::Format);
        }
        Ok(())
    }

    fn set_zone(&mut self, zone: Zone) -> Result<(), Fault> {
        if self.out.zone.replace(zone).is_some() {
            return Err(Fault::Format);
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        match word {
            "now" => return self.set_special(Special::Now),
            "today" => return self.set_special(Special::Today),
            "tomorrow" => return self.set_special(Special::Tomorrow),
            "yesterday" => return self.set_special(Special::Yesterday),
            "epoch" => return self.set_special(Special::Epoch),
            "infinity" => return self.set_special(Special::Infinity),
            "allballs" => {
                self.set_time(0)?;
                return self.set_zone(Zone::Fixed(0));
            }
            "on" | "at" => return Ok(()),
            "t" => {
                self.next_is_time = true;
                return Ok(());
            }
            "j" | "jd" | "julian" => {
                self.next_is_julian = true;
                return Ok(());
            }
            "am" | "pm" => {
                self.afternoon = Some(word == "pm");
                return Ok(());
            }
            "bc" | "ad" => {
                self.before_christ = Some(word == "bc");
                return Ok(());
            }
            _ => {}
        }
        if let Some(month) = words::month(word) {
            return self.named_month(month);
        }
        if words::is_weekday(word) {
            return Ok(());
        }
        if let Some(offset) = words::zone_abbreviation(word) {
            return self.set_zone(Zone::Fixed(offset));
        }
        match zone::find(word) {
            Some(zone) => self.set_zone(Zone::Named(zone)),
            None => Err(Fault::Format),
        }
    }

    /// A number before the name of the month was the day.
    fn named_month(&mut self, month: u32) -> Result<(), Fault> {
        if let Some(number) = self.month {
            if self.text_month || self.day.is_some() {
                return Err(Fault::Format);
            }
            self.day = Some(number);
        }
        self.month = Some(month);
        self.text_month = true;
        Ok(())
    }

    /// `1999-01-08`, `8/1/99`, `08-jan-1999`, `america/new_york`.
    fn joined(&mut self, text: &str, expect: Expect) -> Result<(), Fault> {
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let first = text.split(['-', '/', '.']).next().unwrap_or_default();
            if words::month(first).is_none() {
                return match zone::find(text) {
                    Some(zone) => self.set_zone(Zone::Named(zone)),
                    None if posix_offset(text).is_some() => {
                        self.set_zone(Zone::Fixed(posix_offset(text).unwrap_or(0)))
                    }
                    None if text.contains('/') || self.has_date() => {
                        Err(Fault::Zone(text.to_owned()))
                    }
                    None => Err(Fault::Format),
                };
            }
        }
        // `040506-08`: a time run together, and its zone.
        if (self.has_date() || expect == Expect::Time)
            && self.out.time.is_none()
            && let Some((time, zone)) = text.split_once('-')
            && !zone.contains('-')
        {
            let whole = time.split('.').next().unwrap_or_default();
            self.set_time(run_together_time(whole, time)?)?;
            return self.set_zone(Zone::Fixed(offset(true, zone)?));
        }
        let begun = self.year.is_some() || self.month.is_some() || self.day.is_some();
        if self.has_date() || self.out.time.is_some() && !begun {
            return Err(Fault::Format);
        }
        let parts: Vec<&str> = text
            .split(['-', '/', '.'])
            .filter(|part| !part.is_empty())
            .collect();
        // The month's name first, so that the numbers know what is left for them.
        for part in &parts {
            if part.starts_with(|first: char| first.is_ascii_alphabetic()) {
                let month = words::month(part).ok_or(Fault::Format)?;
                self.named_month(month)?;
            }
        }
        for part in parts {
            if part.starts_with(|first: char| first.is_ascii_digit()) {
                self.date_number(part)?;
            }
        }
        Ok(())
    }

    fn number(&mut self, text: &str, expect: Expect) -> Result<(), Fault> {
        let whole = text.split('.').next().unwrap_or_default();
        let has_fraction = text.contains('.');
        if self.next_is_time
            || (expect == Expect::Time || self.has_date())
                && self.out.time.is_none()
                && (whole.len() >= 6 || whole.len() == 4)
        {
            return self.set_time(run_together_time(whole, text)?);
        }
        if has_fraction {
            // `1999.008` or `1.8.1999` cut short.
            return if self.has_date() {
                Err(Fault::Format)
            } else {
                self.joined(text, expect)
            };
        }
        if text.len() >= 6 && !self.has_date() {
            // yymmdd or yyyymmdd, with any number of digits for the year.
            let (year, month_day) = text.split_at(text.len() - 4);
            let (month, day) = month_day.split_at(2);
            self.two_digit_year = year.len() == 2;
            self.year = Some(integer(year)?);
            self.month = Some(integer(month)?.unsigned_abs());
            self.day = Some(integer(day)?.unsigned_abs());
            return Ok(());
        }
        self.date_number(text)
    }

    /// What a number means follows from its length, from what the fields before it
    /// were, and from the order that `DateStyle` names.
    fn date_number(&mut self, text: &str) -> Result<(), Fault> {
        let value = integer(text)?;
        let number = value.unsigned_abs();
        // As the first number of a date, and beside the month's name: three digits are a year.
        let year_first = text.len() >= 3 || self.order == DateOrder::Ymd;
        match (self.year, self.month, self.day) {
            (Some(year), None, None) if text.len() == 3 && (1..=366).contains(&value) => {
                // Day of the year.
                let first = days_from_civil(year, 1, 1);
                let (year, month, day) = civil_from_days(first.saturating_add(value - 1));
                self.year = Some(year);
                self.month = Some(month);
                self.day = Some(day);
            }
            (None, None, None) if year_first => self.set_year(value, text),
            (None, None, None) if self.order == DateOrder::Dmy => self.day = Some(number),
            (None, None, None) => self.month = Some(number),
            (None, Some(_), None) if self.text_month && year_first => self.set_year(value, text),
            (None, Some(_), None) => self.day = Some(number),
            (Some(year), Some(_), None)
                if self.text_month && text.len() >= 3 && self.two_digit_year =>
            {
                // `8-jan-1999` where years come first: the number before was the day.
                self.day = Some(year.unsigned_abs());
                self.set_year(value, text);
            }
            (Some(_), Some(_), None) => self.day = Some(number),
            (_, None, _) if self.year.is_none() || self.day.is_none() => self.month = Some(number),
            (None, Some(_), Some(_)) => self.set_year(value, text),
            _ => return Err(Fault::Format),
        }
        Ok(())
    }

    fn set_year(&mut self, year: i32, text: &str) {
        self.two_digit_year = text.len() <= 2;
        self.year = Some(year);
    }

    fn finish(mut self) -> Result<Decoded, Fault> {
        if let Some(afternoon) = self.afternoon {
            let Some(time) = self.out.time else {
                return Err(Fault::Format);
            };
            let hours = time / MICROS_PER_HOUR;
            if hours > 12 {
                return Err(Fault::Range);
            }
            let rest = time - hours * MICROS_PER_HOUR;
            let hours = hours % 12 + if afternoon { 12 } else { 0 };
            self.out.time = Some(rest + hours * MICROS_PER_HOUR);
        }
        if self.month.is_some_and(|month| !(1..=12).contains(&month))
            || self.day.is_some_and(|day| !(1..=31).contains(&day))
        {
            return Err(Fault::MonthOrDay);
        }
        let (Some(year), Some(month), Some(day)) = (self.year, self.month, self.day) else {
            if self.year.is_some() || self.month.is_some() || self.day.is_some() {
                return Err(Fault::Format);
            }
            return Ok(self.out);
        };
        if self.out.special.is_some() || self.out.julian.is_some() {
            return Err(Fault::Format);
        }
        let year = match self.before_christ {
            Some(true) if year > 0 => 1 - year,
            Some(false) | None if self.two_digit_year && year < 70 => year + 2000,
            Some(false) | None if self.two_digit_year && year < 100 => year + 1900,
            Some(false) | None if year > 0 => year,
            _ => return Err(Fault::Range),
        };
        if day > days_in_month(year, month) {
            return Err(Fault::Range);
        }
        self.out.date = Some((year, month, day));
        Ok(self.out)
    }
}

fn integer(text: &str) -> Result<i32, Fault> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    text.parse().map_err(|_| Fault::Range)
}

/// `4:05`, `04:05:06.789`.
fn time(text: &str) -> Result<i64, Fault> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let hours = i64::from(integer(next().ok_or(Fault::Format)?)?);
    let minutes = i64::from(integer(non_empty(next())?)?);
    let seconds = match next() {
        Some(text) => seconds(text)?,
        None => 0,
    };
    if parts.next().is_some() {
        return Err(Fault::Format);
    }
    check_time(hours, minutes, seconds)
}

fn non_empty(part: Option<&str>) -> Result<&str, Fault> {
    part.filter(|text| !text.is_empty()).ok_or(Fault::Format)
}

/// 24:00:00 is the end of the day, a 60th second the start of the next minute.
fn check_time(hours: i64, minutes: i64, seconds: i64) -> Result<i64, Fault> {
    if minutes > 59 || seconds > 60 * MICROS_PER_SECOND || hours > 24 {
        return Err(Fault::Range);
    }
    let micros = hours * MICROS_PER_HOUR + minutes * MICROS_PER_MINUTE + seconds;
    if micros > MICROS_PER_DAY {
        return Err(Fault::Range);
    }
    Ok(micros)
}

/// Microseconds of `06.789`.
pub(super) fn seconds(text: &str) -> Result<i64, Fault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(Fault::Format);
    }
    let whole = if whole.is_empty() { 0 } else { integer(whole)? };
    Ok(i64::from(whole) * MICROS_PER_SECOND + micros_of_fraction(fraction)?)
}

/// Microseconds of the digits behind the point, rounded.
pub(super) fn micros_of_fraction(digits: &str) -> Result<i64, Fault> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    if digits.len() <= 6 {
        let value = digits
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(6)
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Ok(value);
    }
    let fraction: f64 = format!("0.{digits}").parse().map_err(|_| Fault::Format)?;
    Ok((fraction * 1e6).round_ties_even() as i64)
}

/// `hhmm` or `hhmmss`, with the fraction that `text` may have.
fn run_together_time(whole: &str, text: &str) -> Result<i64, Fault> {
    let number = |range: std::ops::Range<usize>| -> Result<i64, Fault> {
        Ok(i64::from(integer(whole.get(range).ok_or(Fault::Format)?)?))
    };
    let fraction = match text.split_once('.') {
        Some((_, digits)) => micros_of_fraction(digits)?,
        None => 0,
    };
    match whole.len() {
        6 => check_time(
            number(0..2)?,
            number(2..4)?,
            number(4..6)? * MICROS_PER_SECOND + fraction,
        ),
        4 => check_time(number(0..2)?, number(2..4)?, fraction),
        2 => check_time(number(0..2)?, 0, 0),
        _ => Err(Fault::Format),
    }
}

/// Seconds east of a zone like `utc+3`, which POSIX counts towards the west.
fn posix_offset(text: &str) -> Option<i32> {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, rest) = text.split_at(letters);
    if name.len() < 3 {
        return None;
    }
    let east = match rest.as_bytes().first()? {
        b'-' => offset(false, &rest[1..]),
        b'+' => offset(true, &rest[1..]),
        _ => offset(true, rest),
    };
    east.ok()
}

/// Seconds east of `02`, `0730`, `05:30`, `04:56:02` behind a plus or minus.
fn offset(minus: bool, digits: &str) -> Result<i32, Fault> {
    let mut parts = digits.split(':');
    let first = parts.next().ok_or(Fault::Format)?;
    let mut hours = integer(non_empty(Some(first))?)?;
    let mut minutes = 0;
    let mut seconds = 0;
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) if first.len() > 2 => {
            minutes = hours % 100;
            hours /= 100;
        }
        (None, ..) => {}
        (Some(part), None, _) => minutes = integer(part)?,
        (Some(part), Some(last), None) => {
            minutes = integer(part)?;
            seconds = integer(last)?;
        }
        _ => return Err(Fault::Format),
    }
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(Fault::ZoneRange);
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    Ok(if minus { -total } else { total })
}
