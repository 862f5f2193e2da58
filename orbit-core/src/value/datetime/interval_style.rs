//! The other styles of intervals: `PT1H`, `@ 1 hour`, `1:00:00`.

use super::format::write_interval as write_postgres;
use super::{MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use crate::value::Interval;
use crate::value::text::integer::{write as write_int, write_two};

/// `IntervalStyle`: how intervals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IntervalStyle {
    #[default]
    Postgres,
    Verbose,
    /// Decides about reading, too: a minus in front is that of all fields.
    Standard,
    Iso8601,
}

impl IntervalStyle {
    /// As SET names it.
    pub fn named(name: &str) -> Option<IntervalStyle> {
        Some(match name {
            "postgres" => IntervalStyle::Postgres,
            "postgres_verbose" => IntervalStyle::Verbose,
            "sql_standard" => IntervalStyle::Standard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => return None,
        })
    }
}

pub fn write_interval_in(style: IntervalStyle, interval: &Interval, out: &mut Vec<u8>) {
    match style {
        IntervalStyle::Postgres => write_postgres(interval, out),
        IntervalStyle::Verbose => verbose(&Parts::of(interval), out),
        IntervalStyle::Standard => standard(&Parts::of(interval), out),
        IntervalStyle::Iso8601 => iso_8601(&Parts::of(interval), out),
    }
}

/// Years, months, days, hours, minutes; seconds and their millionths.
struct Parts {
    whole: [i64; 5],
    second: i64,
    micros: i64,
}

impl Parts {
    fn of(interval: &Interval) -> Parts {
        let micros = interval.micros;
        Parts {
            whole: [
                i64::from(interval.months / 12),
                i64::from(interval.months % 12),
                i64::from(interval.days),
                micros / MICROS_PER_HOUR,
                micros % MICROS_PER_HOUR / MICROS_PER_MINUTE,
            ],
            second: micros % MICROS_PER_MINUTE / MICROS_PER_SECOND,
            micros: micros % MICROS_PER_SECOND,
        }
    }

    fn all(&self) -> impl Iterator<Item = i64> {
        self.whole.into_iter().chain([self.second, self.micros])
    }
}

/// Seconds without their sign: `5`, `05.25`.
fn write_seconds(parts: &Parts, two_digits: bool, out: &mut Vec<u8>) {
    let second = parts.second.unsigned_abs();
    if two_digits {
        write_two(u32::try_from(second).unwrap_or(0), out);
    } else {
        out.extend_from_slice(second.to_string().as_bytes());
    }
    if parts.micros != 0 {
        let fraction = format!(".{:06}", parts.micros.unsigned_abs());
        out.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
}

/// `P1Y2M-3DT4H5M6.7S`
fn iso_8601(parts: &Parts, out: &mut Vec<u8>) {
    if parts.all().all(|part| part == 0) {
        out.extend_from_slice(b"PT0S");
        return;
    }
    let write = |values: &[i64], units: &[u8], out: &mut Vec<u8>| {
        for (value, unit) in values.iter().zip(units) {
            if *value != 0 {
                write_int(*value, out);
                out.push(*unit);
            }
        }
    };
    out.push(b'P');
    let (date, time) = parts.whole.split_at(3);
    write(date, b"YMD", out);
    let has_seconds = parts.second != 0 || parts.micros != 0;
    if has_seconds || time.iter().any(|part| *part != 0) {
        out.push(b'T');
    }
    write(time, b"HM", out);
    if has_seconds {
        if parts.second < 0 || parts.micros < 0 {
            out.push(b'-');
        }
        write_seconds(parts, false, out);
        out.push(b'S');
    }
}

/// `@ 1 year 2 mons -3 days 4 hours 5 mins 6.7 secs ago`: the first part's sign is
/// told at the end, and those of the others are as that makes them.
fn verbose(parts: &Parts, out: &mut Vec<u8>) {
    out.push(b'@');
    let mut ago = None;
    for (value, unit) in parts
        .whole
        .iter()
        .zip(["year", "mon", "day", "hour", "min"])
    {
        if *value == 0 {
            continue;
        }
        let before = *ago.get_or_insert(*value < 0);
        let value = if before { -*value } else { *value };
        out.push(b' ');
        write_int(value, out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.push(b's');
        }
    }
    if parts.second != 0 || parts.micros != 0 {
        let negative = parts.second < 0 || parts.micros < 0;
        let before = *ago.get_or_insert(negative);
        out.push(b' ');
        if negative != before {
            out.push(b'-');
        }
        write_seconds(parts, false, out);
        let one = parts.second.abs() == 1 && parts.micros == 0;
        out.extend_from_slice(if one { b" sec" } else { b" secs" });
    }
    match ago {
        None => out.extend_from_slice(b" 0"),
        Some(true) => out.extend_from_slice(b" ago"),
        Some(false) => {}
    }
}

/// `1-2`, `3 4:05:06`, `-4:05:06`; what the standard has no form for with a sign at
/// every part: `+1-2 -3 +4:05:06`.
fn standard(parts: &Parts, out: &mut Vec<u8>) {
    let [year, month, day, hour, minute] = parts.whole;
    let negative = parts.all().any(|part| part < 0);
    let positive = parts.all().any(|part| part > 0);
    let months = year != 0 || month != 0;
    let time = [hour, minute, parts.second, parts.micros];
    let clock = |out: &mut Vec<u8>| {
        out.extend_from_slice(hour.unsigned_abs().to_string().as_bytes());
        out.push(b':');
        write_two(u32::try_from(minute.unsigned_abs()).unwrap_or(0), out);
        out.push(b':');
        write_seconds(parts, true, out);
    };
    let year_to_month = format!("{}-{}", year.unsigned_abs(), month.unsigned_abs());
    let days = format!("{} ", day.unsigned_abs());
    let of_time = time.iter().any(|part| *part != 0);
    if !negative && !positive {
        out.push(b'0');
    } else if (negative && positive) || (months && (day != 0 || of_time)) {
        let sign = |minus: bool| if minus { b'-' } else { b'+' };
        out.push(sign(year < 0 || month < 0));
        out.extend_from_slice(year_to_month.as_bytes());
        out.push(b' ');
        out.push(sign(day < 0));
        out.extend_from_slice(days.as_bytes());
        out.push(sign(time.iter().any(|part| *part < 0)));
        clock(out);
    } else {
        if negative {
            out.push(b'-');
        }
        if months {
            out.extend_from_slice(year_to_month.as_bytes());
            return;
        }
        if day != 0 {
            out.extend_from_slice(days.as_bytes());
        }
        clock(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: IntervalStyle, months: i32, days: i32, micros: i64) -> String {
        let mut out = Vec::new();
        let interval = Interval {
            months,
            days,
            micros,
        };
        write_interval_in(style, &interval, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_the_manual_shows_them() {
        use IntervalStyle::*;
        let time = 4 * MICROS_PER_HOUR + 5 * MICROS_PER_MINUTE + 6 * MICROS_PER_SECOND;
        assert_eq!(shown(Standard, 14, 0, 0), "1-2");
        assert_eq!(shown(Standard, 0, 3, time), "3 4:05:06");
        assert_eq!(shown(Standard, -14, 3, -time), "-1-2 +3 -4:05:06");
        assert_eq!(shown(Verbose, 14, 0, 0), "@ 1 year 2 mons");
        assert_eq!(
            shown(Verbose, -14, 3, -time),
            "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago"
        );
        assert_eq!(shown(Iso8601, 14, 0, 0), "P1Y2M");
        assert_eq!(shown(Iso8601, -14, 3, -time), "P-1Y-2M3DT-4H-5M-6S");
        for (style, zero) in [(Standard, "0"), (Verbose, "@ 0"), (Iso8601, "PT0S")] {
            assert_eq!(shown(style, 0, 0, 0), zero);
        }
    }
}
