//! Dates, times and intervals: calendar arithmetic and limits. Text forms are
//! in `parse`, `interval` and `format` below.

pub mod civil;
mod decode;
mod fields;
mod format;
mod interval;
mod interval_style;
mod parse;
#[cfg(test)]
mod tests;
mod words;
#[cfg(feature = "time_zones")]
mod zone;
#[cfg(not(feature = "time_zones"))]
#[path = "datetime/only_utc.rs"]
mod zone;

pub use decode::DateOrder;
pub use format::{write_date, write_interval, write_time, write_timestamp, write_timestamptz};
pub use interval::{parse as parse_interval, parse_in as parse_interval_in};
pub use interval_style::{IntervalStyle, write_interval_in};
pub use parse::{parse_date, parse_time, parse_timestamp, parse_timestamptz};
pub use zone::{NamedZone, ZONES_BUILT_IN, find as find_zone, local_to_utc, offset_at};

use super::Interval;
use crate::error::{Error, SqlState, state};

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// PostgreSQL counts from 2000-01-01.
pub const POSTGRES_EPOCH_DAYS: i32 = 10_957;
pub const POSTGRES_EPOCH_MICROS: i64 = POSTGRES_EPOCH_DAYS as i64 * MICROS_PER_DAY;

pub const DATE_INFINITY: i32 = i32::MAX;
pub const DATE_NEG_INFINITY: i32 = i32::MIN;
pub const INFINITY: i64 = i64::MAX;
pub const NEG_INFINITY: i64 = i64::MIN;

/// 4714-11-24 BC: the first day that PostgreSQL's calendar has.
pub const MIN_DAY: i32 = -2_440_588;
/// 5874897-12-31.
pub const MAX_DAY: i32 = 2_145_042_905;
pub const MIN_TIMESTAMP: i64 = MIN_DAY as i64 * MICROS_PER_DAY;
/// 294247-01-10: the first midnight that is too late to have a whole day before
/// the count from 1970 ends. PostgreSQL, counting from 2000, gets 30 years further.
pub const END_TIMESTAMP: i64 = 106_751_991 * MICROS_PER_DAY;

pub(crate) const INTERVAL_FIELD_OVERFLOW: SqlState = SqlState(*b"22015");

pub fn is_valid_date(days: i32) -> bool {
    (MIN_DAY..=MAX_DAY).contains(&days)
}

pub fn is_valid_timestamp(micros: i64) -> bool {
    (MIN_TIMESTAMP..END_TIMESTAMP).contains(&micros)
}

pub(crate) fn timestamp_out_of_range() -> Error {
    Error::new(state::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

impl Interval {
    /// What intervals are compared by: months of 30 days, days of 24 hours.
    pub fn span(&self) -> i128 {
        let days = i128::from(self.months) * 30 + i128::from(self.days);
        days * i128::from(MICROS_PER_DAY) + i128::from(self.micros)
    }

    /// An interval with this span, in days and microseconds as far as they reach;
    /// `None` beyond all intervals.
    pub fn from_span(span: i128) -> Option<Interval> {
        let day = i128::from(MICROS_PER_DAY);
        let within = |value: i128| value.clamp(i32::MIN.into(), i32::MAX.into());
        let mut days = span / day;
        let months = if within(days) == days {
            0
        } else {
            within(days / 30)
        };
        days = within(days - months * 30);
        let micros = span - (months * 30 + days) * day;
        Some(Interval {
            months: i32::try_from(months).ok()?,
            days: i32::try_from(days).ok()?,
            micros: i64::try_from(micros).ok()?,
        })
    }
}
