//! Time zones: the offset of a moment, and the moment of a local time.

use super::MICROS_PER_SECOND;
use super::civil::{civil_from_days, days_from_civil, is_leap_year};
use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
/// Whether there are other zones than UTC.
pub const ZONES_BUILT_IN: bool = true;

/// A zone with a name.
pub use chrono_tz::Tz as NamedZone;

/// The zones' tables end with this century. A later moment has the rules of one
/// of these 28 years: the one that is as long and begins on the same weekday.
const LIKE_YEARS: std::ops::Range<i32> = 2040..2068;
const LAST_TABLE_YEAR: i32 = 2090;

fn naive(seconds: i64) -> NaiveDateTime {
    let days = seconds.div_euclid(86_400) as i32;
    let (year, _, _) = civil_from_days(days);
    let mut seconds = seconds;
    if year > LAST_TABLE_YEAR {
        let first = days_from_civil(year, 1, 1);
        let like = LIKE_YEARS
            .map(|like| (is_leap_year(like), days_from_civil(like, 1, 1)))
            .find(|(leap, day)| *leap == is_leap_year(year) && (first - day) % 7 == 0);
        if let Some((_, day)) = like {
            seconds -= i64::from(first - day) * 86_400;
        }
    }
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .naive_utc()
}

/// Seconds east of UTC at this moment (microseconds since 1970).
pub fn offset_at(zone: NamedZone, utc_micros: i64) -> i32 {
    if zone == NamedZone::UTC {
        return 0;
    }
    let utc = naive(utc_micros.div_euclid(MICROS_PER_SECOND));
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// The moment that a local time names. In a gap the offset before it counts,
/// in an overlap the one after it, as in PostgreSQL.
pub fn local_to_utc(zone: NamedZone, local_micros: i64) -> i64 {
    if zone == NamedZone::UTC {
        return local_micros;
    }
    let local = naive(local_micros.div_euclid(MICROS_PER_SECOND));
    let offset = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => offset.fix().local_minus_utc(),
        MappedLocalTime::Ambiguous(before, after) => {
            let (before, after) = (before.fix(), after.fix());
            before.local_minus_utc().min(after.local_minus_utc())
        }
        // A day earlier the offset before the gap was in force.
        MappedLocalTime::None => {
            offset_at(zone, local_micros.saturating_sub(super::MICROS_PER_DAY))
        }
    };
    local_micros.saturating_sub(i64::from(offset) * MICROS_PER_SECOND)
}

/// The zone of this name, in any case.
pub fn find(name: &str) -> Option<NamedZone> {
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    chrono_tz::TZ_VARIANTS
        .iter()
        .copied()
        .find(|zone| zone.name().eq_ignore_ascii_case(name))
}
