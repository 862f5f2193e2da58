//! Digits of a second: what a column of `timestamp(3)` keeps of a value.

use super::datetime::{INFINITY, NEG_INFINITY};
use super::{Array, Interval, Value};

/// The most digits there are: microseconds.
pub const MOST_DIGITS: u8 = 6;
/// 2000-01-01 00:00 in microseconds since 1970, where PostgreSQL counts from.
const Y2000: i64 = 946_684_800_000_000;

/// The value with this many digits of a second; what has no seconds stays as it is.
pub fn fit(value: Value, digits: u8) -> Value {
    match value {
        Value::Time(micros) => Value::Time(round(micros, 0, digits)),
        Value::Timestamp(micros) if !is_infinite(micros) => {
            Value::Timestamp(round(micros, Y2000, digits))
        }
        Value::TimestampTz(micros) if !is_infinite(micros) => {
            Value::TimestampTz(round(micros, Y2000, digits))
        }
        Value::Interval(interval) => Value::Interval(Interval {
            micros: round(interval.micros, 0, digits),
            ..interval
        }),
        Value::Array(array) => Value::Array(Array {
            items: array
                .items
                .into_iter()
                .map(|item| fit(item, digits))
                .collect(),
            ..array
        }),
        other => other,
    }
}

/// Halves go away from `zero`.
pub fn round(micros: i64, zero: i64, digits: u8) -> i64 {
    if digits >= MOST_DIGITS {
        return micros;
    }
    let unit = 10_i128.pow(u32::from(MOST_DIGITS - digits));
    let from_zero = i128::from(micros) - i128::from(zero);
    let half = if from_zero < 0 { -(unit / 2) } else { unit / 2 };
    let rounded = (from_zero + half) / unit * unit + i128::from(zero);
    i64::try_from(rounded).unwrap_or(micros)
}

fn is_infinite(micros: i64) -> bool {
    micros == INFINITY || micros == NEG_INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_digits_of_their_column() {
        let at = Y2000 + 1_234_567;
        assert_eq!(
            fit(Value::Timestamp(at), 3),
            Value::Timestamp(Y2000 + 1_235_000)
        );
        assert_eq!(fit(Value::Timestamp(at), 6), Value::Timestamp(at));
        assert_eq!(fit(Value::Time(1_500_000), 0), Value::Time(2_000_000));
        assert_eq!(
            fit(Value::TimestampTz(INFINITY), 0),
            Value::TimestampTz(INFINITY)
        );
        assert_eq!(fit(Value::Int4(7), 0), Value::Int4(7));
    }
}
