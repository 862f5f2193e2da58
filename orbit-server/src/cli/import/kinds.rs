//! What a field of text could be. A column is what all of its fields could be,
//! so kinds are sets and a column's set only ever shrinks.

use orbit_core::types::SqlType;

/// A set of types. Empty: only text will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    pub const TEXT: Kinds = Kinds(0);
    pub const BOOL: Kinds = Kinds(1);
    pub const INT4: Kinds = Kinds(1 << 1);
    pub const INT8: Kinds = Kinds(1 << 2);
    /// Whole numbers of any length.
    pub const WHOLE: Kinds = Kinds(1 << 3);
    pub const FLOAT8: Kinds = Kinds(1 << 4);
    pub const DATE: Kinds = Kinds(1 << 5);
    pub const TIMESTAMP: Kinds = Kinds(1 << 6);
    pub const TIMESTAMPTZ: Kinds = Kinds(1 << 7);
    pub const TIME: Kinds = Kinds(1 << 8);
    pub const UUID: Kinds = Kinds(1 << 9);
    /// Before the first field was seen.
    pub const ANY: Kinds = Kinds((1 << 10) - 1);

    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub const fn has(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }

    /// The narrowest type of the set. A column without a single value is text.
    pub fn sql_type(self) -> SqlType {
        const ORDER: [(Kinds, SqlType); 10] = [
            (Kinds::BOOL, SqlType::Bool),
            (Kinds::INT4, SqlType::Int4),
            (Kinds::INT8, SqlType::Int8),
            (Kinds::WHOLE, SqlType::Numeric(None)),
            (Kinds::FLOAT8, SqlType::Float8),
            (Kinds::DATE, SqlType::Date),
            (Kinds::TIMESTAMP, SqlType::Timestamp),
            (Kinds::TIMESTAMPTZ, SqlType::TimestampTz),
            (Kinds::TIME, SqlType::Time),
            (Kinds::UUID, SqlType::Uuid),
        ];
        if self == Kinds::ANY {
            return SqlType::Text;
        }
        ORDER
            .into_iter()
            .find(|(kind, _)| self.has(*kind))
            .map_or(SqlType::Text, |(_, sql_type)| sql_type)
    }

    /// What a field that isn't NULL could be.
    #[inline]
    pub fn of(field: &[u8]) -> Kinds {
        match field {
            [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => match number(field) {
                Kinds::TEXT => moment(field),
                number => number,
            },
            [b't' | b'T' | b'f' | b'F', ..] => boolean(field),
            [b'N' | b'I' | b'i' | b'n', ..] => special_float(field),
            [b'a'..=b'e' | b'A'..=b'E', ..] if field.len() == 36 => uuid(field),
            _ => Kinds::TEXT,
        }
    }
}

const WHOLE_4: Kinds = Kinds::INT4.or(WHOLE_8);
const WHOLE_8: Kinds = Kinds::INT8.or(WHOLE_LONG);
const WHOLE_LONG: Kinds = Kinds::WHOLE.or(Kinds::FLOAT8);

/// Digits with an optional sign, fraction and exponent. `007` is no number: the
/// zeros would be lost.
#[inline]
fn number(field: &[u8]) -> Kinds {
    let (negative, digits) = match field {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut magnitude = 0u64;
    let mut whole = 0usize;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            break;
        }
        // Wraps beyond 19 digits; such numbers are told by their length.
        magnitude = magnitude
            .wrapping_mul(10)
            .wrapping_add(u64::from(byte - b'0'));
        whole += 1;
    }
    if whole > 1 && digits.first() == Some(&b'0') {
        return Kinds::TEXT;
    }
    let Some(mut rest) = digits.get(whole..) else {
        return Kinds::TEXT;
    };
    if rest.is_empty() {
        let limit = |positive: u64| positive + u64::from(negative);
        return match whole {
            0 => Kinds::TEXT,
            1..=9 => WHOLE_4,
            10..=19 if magnitude <= limit(i32::MAX as u64) => WHOLE_4,
            10..=19 if magnitude <= limit(i64::MAX as u64) => WHOLE_8,
            _ => WHOLE_LONG,
        };
    }
    let mut fraction = 0usize;
    if let [b'.', after @ ..] = rest {
        fraction = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        rest = after.get(fraction..).unwrap_or_default();
    }
    if whole + fraction == 0 {
        return Kinds::TEXT;
    }
    match rest {
        [] => Kinds::FLOAT8,
        [b'e' | b'E', b'-' | b'+', exponent @ ..] | [b'e' | b'E', exponent @ ..]
            if (1..=3).contains(&exponent.len()) && exponent.iter().all(u8::is_ascii_digit) =>
        {
            Kinds::FLOAT8
        }
        _ => Kinds::TEXT,
    }
}

fn boolean(field: &[u8]) -> Kinds {
    const WORDS: [&[u8]; 4] = [b"t", b"f", b"true", b"false"];
    if WORDS.iter().any(|word| field.eq_ignore_ascii_case(word)) {
        Kinds::BOOL
    } else {
        Kinds::TEXT
    }
}

fn special_float(field: &[u8]) -> Kinds {
    const WORDS: [&[u8]; 3] = [b"nan", b"inf", b"infinity"];
    if WORDS.iter().any(|word| field.eq_ignore_ascii_case(word)) {
        Kinds::FLOAT8
    } else {
        Kinds::TEXT
    }
}

/// `2013-01-31`, `2013-01-31 10:00[:00[.123456]]`, with `T` for the blank, with
/// `Z` or an offset; `10:00[:00[.5]]`; and an UUID that starts with a digit.
fn moment(field: &[u8]) -> Kinds {
    match field {
        [_, _, b':', ..] => match clock(field) {
            Some([]) => Kinds::TIME,
            _ => Kinds::TEXT,
        },
        [_, _, _, _, b'-', _, _, b'-', _, _, rest @ ..] => {
            let date = field.get(..10).is_some_and(is_date);
            match rest {
                _ if !date => Kinds::TEXT,
                [] => Kinds::DATE.or(Kinds::TIMESTAMP),
                [b' ' | b'T', time @ ..] => match clock(time) {
                    Some([]) => Kinds::TIMESTAMP,
                    Some(zone) if is_offset(zone) => Kinds::TIMESTAMPTZ,
                    _ => Kinds::TEXT,
                },
                _ => Kinds::TEXT,
            }
        }
        _ if field.len() == 36 => uuid(field),
        _ => Kinds::TEXT,
    }
}

fn two(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    }
}

/// Of the ten bytes `yyyy-mm-dd`.
fn is_date(date: &[u8]) -> bool {
    let part = |from: usize| date.get(from..from + 2).and_then(two);
    let (Some(century), Some(years), Some(month), Some(day)) = (part(0), part(2), part(5), part(8))
    else {
        return false;
    };
    let year = u16::from(century) * 100 + u16::from(years);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    year >= 1 && (1..=days).contains(&day)
}

/// The bytes after a time of day; `None` if there is no time.
fn clock(time: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = time.split_at_checked(2)?;
    let [b':', rest @ ..] = rest else { return None };
    let (minute, rest) = rest.split_at_checked(2)?;
    if two(hour)? > 23 || two(minute)? > 59 {
        return None;
    }
    let [b':', rest @ ..] = rest else {
        return Some(rest);
    };
    let (second, rest) = rest.split_at_checked(2)?;
    if two(second)? > 59 {
        return None;
    }
    let [b'.', fraction @ ..] = rest else {
        return Some(rest);
    };
    let digits = fraction
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if (1..=9).contains(&digits) {
        fraction.get(digits..)
    } else {
        None
    }
}

/// `Z`, `+02`, `-0330`, `+05:30`, ` UTC`.
fn is_offset(zone: &[u8]) -> bool {
    match zone {
        [b'Z' | b'z'] | b" UTC" | b"UTC" => true,
        [b'+' | b'-', hours @ ..] => match hours {
            [_, _] => two(hours).is_some_and(|h| h < 16),
            [a, b, b':', c, d] | [a, b, c, d] => {
                two(&[*a, *b]).is_some_and(|h| h < 16) && two(&[*c, *d]).is_some_and(|m| m < 60)
            }
            _ => false,
        },
        _ => false,
    }
}

fn uuid(field: &[u8]) -> Kinds {
    let fits = field.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    if fits && field.len() == 36 {
        Kinds::UUID
    } else {
        Kinds::TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(fields: &[&str]) -> SqlType {
        let kinds = fields.iter().fold(Kinds::ANY, |kinds, field| {
            kinds.and(Kinds::of(field.as_bytes()))
        });
        kinds.sql_type()
    }

    #[test]
    fn a_column_is_the_narrowest_type_of_all_its_fields() {
        let numeric = SqlType::Numeric(None);
        for (fields, expected) in [
            (&["1", "-2", "+3", "0"][..], SqlType::Int4),
            (&["2147483647", "-2147483648"], SqlType::Int4),
            (&["2147483648"], SqlType::Int8),
            (&["1", "-9223372036854775808"], SqlType::Int8),
            (&["9223372036854775808"], numeric.clone()),
            (&["1", "123456789012345678901234567890"], numeric),
            (&["1", "2.5"], SqlType::Float8),
            (&["1e5", ".5", "5.", "-1.5E-10"], SqlType::Float8),
            (&["1.0", "NaN", "-1", "Infinity"], SqlType::Float8),
            (&["12345678901234567890", "0.5"], SqlType::Float8),
            (&["true", "F", "t"], SqlType::Bool),
            (&["true", "1"], SqlType::Text),
            (&["2013-01-01", "2012-02-29"], SqlType::Date),
            (&["2013-01-01", "2013-01-01 10:00:00.5"], SqlType::Timestamp),
            (
                &["2013-01-01T10:00:00Z", "2013-01-01 10:00+05:30"],
                SqlType::TimestampTz,
            ),
            (&["10:00", "23:59:59.999999"], SqlType::Time),
            (
                &[
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    "00000000-9c0b-4ef8-bb6d-6bb9bd380a11",
                ],
                SqlType::Uuid,
            ),
            (&[], SqlType::Text),
            (&["1", "x"], SqlType::Text),
        ] {
            assert_eq!(column(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_or_a_date_stays_text() {
        for field in [
            "007",
            "-",
            "+",
            ".",
            "1e",
            "1e+",
            "1.2.3",
            "0x10",
            "1_000",
            "1,5",
            "--1",
            "1e9999",
            "2013-02-29",
            "2013-13-01",
            "0000-01-01",
            "2013-1-1",
            "24:00",
            "10:60",
            "10:00:00.",
            "2013-01-01 25:00",
            "2013-01-01 10:00:00+",
            "2013-01-01T",
            "N14228",
            "inf1",
            "true ",
            "",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
            "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ] {
            assert_eq!(Kinds::of(field.as_bytes()), Kinds::TEXT, "{field:?}");
        }
    }
}
