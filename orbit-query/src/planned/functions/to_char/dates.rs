//! Templates of dates and times.

use super::super::datetime::iso_week;
use chrono_tz::{OffsetName, Tz};
use orbit_core::value::Interval;
use orbit_core::value::datetime::civil::{civil_from_days, days_from_civil, days_in_month};
use orbit_core::value::datetime::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND,
};
use orbit_core::{Error, Result, state};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const ROMAN: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

/// Longest first where one is the beginning of another.
const KEYS: &[&str] = &[
    "SSSSS", "SSSS", "Y,YYY", "YYYY", "IYYY", "MONTH", "Month", "month", "HH24", "HH12", "A.D.",
    "a.d.", "B.C.", "b.c.", "A.M.", "a.m.", "P.M.", "p.m.", "YYY", "IYY", "MON", "Mon", "mon",
    "DAY", "Day", "day", "DDD", "IDDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "TZH", "TZM",
    "YY", "IY", "MM", "MI", "MS", "US", "DD", "DY", "Dy", "dy", "ID", "HH", "SS", "WW", "IW", "CC",
    "RM", "rm", "TZ", "tz", "OF", "AD", "ad", "BC", "bc", "AM", "am", "PM", "pm", "Y", "I", "D",
    "W", "Q", "J",
];

enum Piece {
    Key {
        key: &'static str,
        fill: bool,
        suffix: Option<bool>,
    },
    Text(char),
}

fn pieces(template: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = template;
    let mut fill = true;
    let mut translated = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            fill = false;
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("FX") {
            rest = after;
            continue;
        }
        // Names in the language of lc_time, which is English, are not filled up.
        if let Some(after) = rest.strip_prefix("TM").or_else(|| rest.strip_prefix("tm")) {
            translated = true;
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('"') {
            let mut letters = after.chars();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' => break,
                    '\\' => found.extend(letters.next().map(Piece::Text)),
                    other => found.push(Piece::Text(other)),
                }
            }
            rest = letters.as_str();
            continue;
        }
        if let Some(after) = rest.strip_prefix("\\\"") {
            found.push(Piece::Text('"'));
            rest = after;
            continue;
        }
        let folded = |key: &&&'static str| {
            rest.starts_with(**key)
                || key.chars().all(|letter| !letter.is_lowercase())
                    && !matches!(**key, "MONTH" | "MON" | "DAY" | "DY" | "RM" | "TZ")
                    && rest
                        .get(..key.len())
                        .is_some_and(|head| head.eq_ignore_ascii_case(key))
                    && !key.contains(|letter: char| letter == '.')
                    && !matches!(**key, "AD" | "BC" | "AM" | "PM")
        };
        if let Some(key) = KEYS.iter().find(folded) {
            rest = &rest[key.len()..];
            let suffix = if let Some(after) = rest.strip_prefix("TH") {
                rest = after;
                Some(true)
            } else if let Some(after) = rest.strip_prefix("th") {
                rest = after;
                Some(false)
            } else {
                None
            };
            let is_name = matches!(
                key.to_ascii_uppercase().as_str(),
                "MONTH" | "MON" | "DAY" | "DY"
            );
            found.push(Piece::Key {
                key,
                fill: fill && !(translated && is_name),
                suffix,
            });
            fill = true;
            translated = false;
            continue;
        }
        if let Some(letter) = rest.chars().next() {
            found.push(Piece::Text(letter));
            rest = &rest[letter.len_utf8()..];
        }
    }
    found
}

fn ordinal(n: i64, upper: bool) -> &'static str {
    let suffix = match (n % 100, n % 10) {
        (11..=13, _) => 3,
        (_, 1) => 0,
        (_, 2) => 1,
        (_, 3) => 2,
        _ => 3,
    };
    if upper {
        ["ST", "ND", "RD", "TH"][suffix]
    } else {
        ["st", "nd", "rd", "th"][suffix]
    }
}

fn cased(name: &str, like: &str) -> String {
    if like.chars().all(|letter| letter.is_uppercase()) {
        name.to_uppercase()
    } else if like.chars().next().is_some_and(char::is_uppercase) {
        name.to_owned()
    } else {
        name.to_lowercase()
    }
}

pub fn format(local: i64, template: &str, zone: Option<(Tz, i32)>) -> Result<String> {
    let days = local.div_euclid(MICROS_PER_DAY);
    let time = local.rem_euclid(MICROS_PER_DAY);
    let (year, month, day) = civil_from_days(days as i32);
    let fields = Fields {
        year,
        month: month as usize,
        day: i64::from(day),
        days,
        time,
        of_interval: None,
        day_of_year: days - i64::from(days_from_civil(year, 1, 1)) + 1,
    };
    written(template, &fields, zone, local)
}

/// Patterns that speak of a date and not of a length of time.
fn is_of_dates(key: &str) -> bool {
    matches!(
        key.to_ascii_uppercase().as_str(),
        "MONTH"
            | "MON"
            | "DAY"
            | "DY"
            | "D"
            | "ID"
            | "TZ"
            | "TZH"
            | "TZM"
            | "OF"
            | "AD"
            | "BC"
            | "A.D."
            | "B.C."
    )
}

pub fn format_interval(by: Interval, template: &str) -> Result<String> {
    let dated = |piece: &Piece| matches!(piece, Piece::Key { key, .. } if is_of_dates(key));
    if pieces(template).iter().any(dated) {
        return Err(Error::new(
            state::INVALID_DATETIME_FORMAT,
            "invalid format specification for an interval value",
        )
        .with_hint("Intervals are not tied to specific calendar dates."));
    }
    let fields = Fields {
        year: by.months / 12,
        month: (by.months % 12).unsigned_abs() as usize,
        day: i64::from(by.days),
        days: i64::from(by.days),
        time: by.micros,
        of_interval: Some(i64::from(by.months % 12)),
        day_of_year: i64::from(by.months) * 30 + i64::from(by.days),
    };
    written(template, &fields, None, 0)
}

struct Fields {
    year: i32,
    month: usize,
    day: i64,
    /// Since 1970.
    days: i64,
    time: i64,
    /// The months of an interval, which may be negative.
    of_interval: Option<i64>,
    day_of_year: i64,
}

fn written(template: &str, at: &Fields, zone: Option<(Tz, i32)>, local: i64) -> Result<String> {
    let mut out = String::new();
    let hour = at.time / MICROS_PER_HOUR;
    let year_ad = i64::from(match at.of_interval {
        Some(_) => at.year,
        None if at.year > 0 => at.year,
        None => 1 - at.year,
    });
    for piece in pieces(template) {
        let (key, fill, suffix) = match piece {
            Piece::Text(letter) => {
                out.push(letter);
                continue;
            }
            Piece::Key { key, fill, suffix } => (key, fill, suffix),
        };
        let number: (i64, usize) = match key {
            "YYYY" => (year_ad, 4),
            "YYY" => (year_ad % 1000, 3),
            "YY" => (year_ad % 100, 2),
            "Y" => (year_ad % 10, 1),
            "IYYY" => (iso_week(at.days).0, 4),
            "IYY" => (iso_week(at.days).0 % 1000, 3),
            "IY" => (iso_week(at.days).0 % 100, 2),
            "I" => (iso_week(at.days).0 % 10, 1),
            "MM" => (at.of_interval.unwrap_or(at.month as i64), 2),
            "DD" => (at.day, 2),
            "DDD" => (at.day_of_year, 3),
            "IDDD" => {
                let (_, week) = iso_week(at.days);
                ((week - 1) * 7 + (at.days + 3).rem_euclid(7) + 1, 3)
            }
            "D" => ((at.days + 4).rem_euclid(7) + 1, 1),
            "ID" => ((at.days + 3).rem_euclid(7) + 1, 1),
            "HH24" => (hour, 2),
            "HH" | "HH12" if hour % 12 == 0 => (12, 2),
            "HH" | "HH12" => (hour % 12, 2),
            "MI" => (at.time / MICROS_PER_MINUTE % 60, 2),
            "SS" => (at.time / MICROS_PER_SECOND % 60, 2),
            "MS" => (at.time % MICROS_PER_SECOND / 1000, 3),
            "US" => (at.time % MICROS_PER_SECOND, 6),
            "FF1" => (at.time % MICROS_PER_SECOND / 100_000, 1),
            "FF2" => (at.time % MICROS_PER_SECOND / 10_000, 2),
            "FF3" => (at.time % MICROS_PER_SECOND / 1000, 3),
            "FF4" => (at.time % MICROS_PER_SECOND / 100, 4),
            "FF5" => (at.time % MICROS_PER_SECOND / 10, 5),
            "FF6" => (at.time % MICROS_PER_SECOND, 6),
            "SSSS" | "SSSSS" => (at.time / MICROS_PER_SECOND, 1),
            "WW" => ((at.day_of_year - 1) / 7 + 1, 2),
            "W" => ((at.day - 1) / 7 + 1, 1),
            "IW" => (iso_week(at.days).1, 2),
            "CC" => ((year_ad + 99) / 100, 2),
            "Q" => ((at.month as i64 - 1) / 3 + 1, 1),
            "J" => (at.days + 2_440_588, 1),
            "TZH" => {
                let hours = zone.map_or(0, |(_, offset)| offset / 3600);
                out.push_str(&format!(
                    "{}{:02}",
                    if hours < 0 { '-' } else { '+' },
                    hours.abs()
                ));
                continue;
            }
            "TZM" => (
                i64::from(zone.map_or(0, |(_, offset)| offset.abs() / 60 % 60)),
                2,
            ),
            "Y,YYY" => {
                out.push_str(&format!("{},{:03}", year_ad / 1000, year_ad % 1000));
                continue;
            }
            _ => {
                let name = name_of(key, at, hour, zone, local);
                out.push_str(&name);
                if fill {
                    let width = match key {
                        "MONTH" | "Month" | "month" | "DAY" | "Day" | "day" => 9,
                        "RM" | "rm" => 4,
                        _ => 0,
                    };
                    out.extend(std::iter::repeat_n(
                        ' ',
                        usize::saturating_sub(width, name.len()),
                    ));
                }
                continue;
            }
        };
        let (value, mut width) = number;
        // The sign stands before as many digits.
        if value < 0 && matches!(key, "YYYY" | "MM" | "HH24" | "HH" | "HH12" | "MI" | "SS") {
            width += 1;
        }
        if fill {
            out.push_str(&format!("{value:0width$}"));
        } else {
            out.push_str(&value.to_string());
        }
        if let Some(upper) = suffix {
            out.push_str(ordinal(value, upper));
        }
    }
    Ok(out)
}

fn name_of(key: &str, at: &Fields, hour: i64, zone: Option<(Tz, i32)>, local: i64) -> String {
    let month = at
        .month
        .checked_sub(1)
        .and_then(|month| MONTHS.get(month))
        .copied()
        .unwrap_or("");
    let weekday = DAYS[(at.days + 4).rem_euclid(7) as usize];
    match key {
        "MONTH" | "Month" | "month" => cased(month, key),
        "MON" | "Mon" | "mon" => cased(month.get(..3).unwrap_or(""), key),
        "DAY" | "Day" | "day" => cased(weekday, key),
        "DY" | "Dy" | "dy" => cased(&weekday[..3], key),
        "RM" | "rm" => cased(
            at.month
                .checked_sub(1)
                .and_then(|m| ROMAN.get(m))
                .copied()
                .unwrap_or(""),
            key,
        ),
        "AM" | "PM" => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        "am" | "pm" => if hour < 12 { "am" } else { "pm" }.to_owned(),
        "A.M." | "P.M." => if hour < 12 { "A.M." } else { "P.M." }.to_owned(),
        "a.m." | "p.m." => if hour < 12 { "a.m." } else { "p.m." }.to_owned(),
        "AD" | "BC" => if at.year > 0 { "AD" } else { "BC" }.to_owned(),
        "ad" | "bc" => if at.year > 0 { "ad" } else { "bc" }.to_owned(),
        "A.D." | "B.C." => if at.year > 0 { "A.D." } else { "B.C." }.to_owned(),
        "a.d." | "b.c." => if at.year > 0 { "a.d." } else { "b.c." }.to_owned(),
        "TZ" | "tz" => zone.map_or_else(String::new, |(zone, offset)| {
            use chrono::{DateTime, Offset, TimeZone};
            let utc = local - i64::from(offset) * MICROS_PER_SECOND;
            let moment =
                DateTime::from_timestamp(utc.div_euclid(MICROS_PER_SECOND), 0).unwrap_or_default();
            let offset = zone.offset_from_utc_datetime(&moment.naive_utc());
            let _ = offset.fix();
            let name = offset.abbreviation().unwrap_or("").to_owned();
            if key == "tz" {
                name.to_lowercase()
            } else {
                name
            }
        }),
        "OF" => zone.map_or_else(
            || "+00".to_owned(),
            |(_, offset)| {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60 % 60;
                let hours = offset.abs() / 3600;
                if minutes == 0 {
                    format!("{sign}{hours:02}")
                } else {
                    format!("{sign}{hours:02}:{minutes:02}")
                }
            },
        ),
        _ => String::new(),
    }
}

fn wrong(input: &str, key: &str) -> Error {
    Error::new(
        state::INVALID_DATETIME_FORMAT,
        format!("invalid value \"{input}\" for \"{key}\""),
    )
}

/// A local timestamp by a template, and how many minutes east it is if it says so.
pub fn parse(input: &str, template: &str) -> Result<(i64, Option<i64>)> {
    let mut rest = input.trim_start();
    let (mut year, mut month, mut day) = (None, None, None);
    let mut day_of_year = None;
    let (mut hour, mut minute, mut second, mut micros) = (0i64, 0i64, 0i64, 0i64);
    let mut afternoon = None;
    let mut julian = None;
    let (mut week, mut weekday, mut century) = (None, None, None);
    // Before Christ; minutes east of Greenwich.
    let mut christ: Option<bool> = None;
    let mut zone: Option<(bool, i64)> = None;
    let mut all = pieces(template).into_iter().peekable();
    while let Some(piece) = all.next() {
        let meets_next = matches!(all.peek(), Some(Piece::Key { .. }));
        let is_zone = matches!(all.peek(), Some(Piece::Key { key: "TZH", .. }));
        let key = match piece {
            Piece::Text(letter) => {
                if letter.is_whitespace() || !letter.is_alphanumeric() {
                    rest = rest.trim_start_matches(|c: char| c.is_whitespace());
                    if let Some(after) = rest
                        .strip_prefix(|c: char| {
                            !c.is_alphanumeric() && !c.is_whitespace() && c != '-' && c != '+'
                        })
                        .or_else(|| rest.strip_prefix(letter))
                        .or_else(|| rest.strip_prefix('-').filter(|_| !is_zone))
                    {
                        rest = after;
                    }
                } else {
                    let mut letters = rest.chars();
                    letters.next();
                    rest = letters.as_str();
                }
                continue;
            }
            Piece::Key { key, .. } => key,
        };
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let digits = |rest: &mut &str, most: usize| -> Result<i64> {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len())
                .min(most);
            let (number, after) = rest.split_at(end);
            let value = number.parse().map_err(|_| wrong(rest, key))?;
            *rest = after;
            Ok(value)
        };
        match key {
            "YYYY" | "IYYY" if rest.starts_with('-') => {
                rest = rest.get(1..).unwrap_or_default();
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let (number, after) = rest.split_at(end);
                let before: i64 = number.parse().map_err(|_| wrong(rest, key))?;
                year = Some(before);
                christ = Some(!christ.unwrap_or(false));
                rest = after;
            }
            "YYYY" | "IYYY" => year = Some(digits(&mut rest, if meets_next { 4 } else { 9 })?),
            "YYY" => year = Some(2000 + digits(&mut rest, 3)?),
            "YY" => {
                let short = digits(&mut rest, 2)?;
                year = Some(if short < 70 {
                    2000 + short
                } else {
                    1900 + short
                });
            }
            "IW" => week = Some(digits(&mut rest, 2)?),
            "ID" => weekday = Some(digits(&mut rest, 1)?),
            "CC" => century = Some(digits(&mut rest, 2)?),
            "RM" | "rm" => {
                let letters = |c: char| !matches!(c.to_ascii_uppercase(), 'I' | 'V' | 'X');
                let (name, after) = rest.split_at(rest.find(letters).unwrap_or(rest.len()));
                let found = ROMAN
                    .iter()
                    .position(|roman| roman.eq_ignore_ascii_case(name));
                month = Some(found.ok_or_else(|| wrong(rest, key))? as i64 + 1);
                rest = after;
            }
            "AD" | "BC" | "ad" | "bc" | "A.D." | "B.C." | "a.d." | "b.c." => {
                let head = rest.get(..key.len()).unwrap_or(rest);
                christ = Some(match head.to_ascii_lowercase().replace('.', "").as_str() {
                    "ad" => false,
                    "bc" => true,
                    _ => return Err(wrong(rest, key)),
                });
                rest = rest.get(key.len()..).unwrap_or_default();
            }
            "TZH" => {
                let east = !rest.starts_with('-');
                rest = rest.trim_start_matches(['+', '-']);
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len())
                    .min(2);
                let (number, after) = rest.split_at(end);
                let hours: i64 = number.parse().map_err(|_| wrong(rest, key))?;
                zone = Some((east, hours * 60));
                rest = after;
            }
            "TZM" => {
                let minutes = digits(&mut rest, 2)?;
                let (east, hours) = zone.unwrap_or((true, 0));
                zone = Some((east, hours + minutes));
            }
            "MM" => month = Some(digits(&mut rest, 2)?),
            "DD" => day = Some(digits(&mut rest, 2)?),
            "DDD" => day_of_year = Some(digits(&mut rest, 3)?),
            "HH24" => hour = digits(&mut rest, 2)?,
            "HH" | "HH12" => hour = digits(&mut rest, 2)?,
            "MI" => minute = digits(&mut rest, 2)?,
            "SS" => second = digits(&mut rest, 2)?,
            "SSSS" | "SSSSS" => second = digits(&mut rest, 5)?,
            "J" => julian = Some(digits(&mut rest, 9)?),
            "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
                let most = match key {
                    "MS" | "FF3" => 3,
                    "FF1" => 1,
                    "FF2" => 2,
                    "FF4" => 4,
                    "FF5" => 5,
                    _ => 6,
                };
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len())
                    .min(most);
                let (number, after) = rest.split_at(end);
                let padded = format!("{number:0<6}");
                micros = padded.parse().map_err(|_| wrong(rest, key))?;
                rest = after;
            }
            "MONTH" | "Month" | "month" | "MON" | "Mon" | "mon" => {
                let found = MONTHS.iter().position(|name| {
                    rest.get(..3)
                        .is_some_and(|head| head.eq_ignore_ascii_case(&name[..3]))
                });
                let at = found.ok_or_else(|| wrong(rest, key))?;
                let whole = MONTHS[at];
                let long = rest
                    .get(..whole.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(whole));
                rest = &rest[if long { whole.len() } else { 3 }..];
                month = Some(at as i64 + 1);
            }
            "DAY" | "Day" | "day" | "DY" | "Dy" | "dy" => {
                rest = rest.trim_start_matches(char::is_alphabetic);
            }
            "AM" | "PM" | "am" | "pm" | "A.M." | "P.M." | "a.m." | "p.m." => {
                let head: String = rest
                    .chars()
                    .take(key.len())
                    .collect::<String>()
                    .to_lowercase()
                    .replace('.', "");
                afternoon = Some(match head.as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return Err(wrong(rest, key)),
                });
                rest = &rest[key.len().min(rest.len())..];
            }
            _ => {
                return Err(Error::unsupported(format_args!(
                    "the pattern {key} in to_date and to_timestamp"
                )));
            }
        }
    }
    let out = || {
        Error::new(
            state::DATETIME_FIELD_OVERFLOW,
            format!("date/time field value out of range: \"{input}\""),
        )
    };
    if let Some(afternoon) = afternoon {
        if !(1..=12).contains(&hour) {
            return Err(Error::new(
                state::INVALID_DATETIME_FORMAT,
                format!("hour \"{hour}\" is invalid for the 12-hour clock"),
            ));
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if let Some(century) = century {
        // Alone it is its first year; with two digits of a year it says which.
        year = Some(match year {
            Some(year) => (century - 1) * 100 + if year % 100 == 0 { 100 } else { year % 100 },
            None => (century - 1) * 100 + 1,
        });
    }
    if christ == Some(true) {
        year = year.map(|year| 1 - year);
    }
    let whole_year = i32::try_from(year.unwrap_or(1)).map_err(|_| out())?;
    // The last year a date can have.
    if whole_year > 5_874_897 {
        return Err(out());
    }
    let whole_year = if week.is_none() && year.is_none() && month.is_none() && day.is_none() {
        0
    } else {
        whole_year
    };
    let of_week = week.map(|week| {
        // The week with January 4th is the first.
        let fourth = i64::from(days_from_civil(whole_year, 1, 4));
        let monday = fourth - (fourth + 3).rem_euclid(7);
        monday + (week - 1) * 7 + weekday.unwrap_or(1) - 1
    });
    if week.is_some_and(|week| !(1..=53).contains(&week)) {
        return Err(out());
    }
    let days = match (julian.or(of_week.map(|days| days + 2_440_588)), day_of_year) {
        (Some(julian), _) => julian - 2_440_588,
        (None, Some(nth)) => i64::from(days_from_civil(whole_year, 1, 1)) + nth - 1,
        (None, None) => {
            let (m, d) = (month.unwrap_or(1), day.unwrap_or(1));
            if !(1..=12).contains(&m) || d < 1 || d > i64::from(days_in_month(whole_year, m as u32))
            {
                return Err(out());
            }
            i64::from(days_from_civil(whole_year, m as u32, d as u32))
        }
    };
    if hour > 24 || minute > 59 || second > 86_400 {
        return Err(out());
    }
    let start = days.checked_mul(MICROS_PER_DAY).ok_or_else(out)?;
    let within =
        hour * MICROS_PER_HOUR + minute * MICROS_PER_MINUTE + second * MICROS_PER_SECOND + micros;
    let east = zone.map(|(east, minutes)| if east { minutes } else { -minutes });
    Ok((start.checked_add(within).ok_or_else(out)?, east))
}
