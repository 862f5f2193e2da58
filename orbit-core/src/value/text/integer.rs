//! Whole numbers.

use super::invalid_syntax;
use crate::error::{Error, Result, state};
use crate::types::SqlType;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends the decimal digits.
#[inline]
pub fn write(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(value.unsigned_abs(), out);
}

#[inline]
pub fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        buffer[at] = b'0' + value as u8;
    }
    out.extend_from_slice(&buffer[at..]);
}

/// The last two digits.
#[inline]
pub(crate) fn two_digits(value: u32) -> [u8; 2] {
    let pair = (value % 100) as usize * 2;
    [PAIRS[pair], PAIRS[pair + 1]]
}

/// Appends at least two digits.
#[inline]
pub(crate) fn write_two(value: u32, out: &mut Vec<u8>) {
    if value < 100 {
        out.extend_from_slice(&two_digits(value));
    } else {
        write_unsigned(u64::from(value), out);
    }
}

/// A smallint, integer or bigint, blanks around it allowed.
#[inline]
pub fn parse<T: TryFrom<i64>>(text: &str, sql_type: &SqlType) -> Result<T> {
    let bytes = text.as_bytes();
    // The usual case: up to 18 digits, perhaps a minus, nothing else.
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, bytes),
    };
    if (1..=18).contains(&digits.len()) {
        let mut value = 0i64;
        let mut clean = true;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            clean &= digit <= 9;
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        if clean {
            let value = if negative { -value } else { value };
            return T::try_from(value).map_err(|_| out_of_range(text, sql_type));
        }
    }
    parse_any(text, sql_type)
}

#[cold]
fn parse_any<T: TryFrom<i64>>(text: &str, sql_type: &SqlType) -> Result<T> {
    let trimmed = trim(text).as_bytes();
    let (negative, digits) = match trimmed.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, trimmed),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid_syntax(sql_type, text));
    }
    let mut value = 0i64;
    for byte in digits {
        let digit = i64::from(byte - b'0');
        value = value
            .checked_mul(10)
            .and_then(|value| {
                if negative {
                    value.checked_sub(digit)
                } else {
                    value.checked_add(digit)
                }
            })
            .ok_or_else(|| out_of_range(text, sql_type))?;
    }
    T::try_from(value).map_err(|_| out_of_range(text, sql_type))
}

/// Without the blanks that C's `isspace` knows.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
}

#[cold]
fn out_of_range(text: &str, sql_type: &SqlType) -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {sql_type}"),
    )
}

/// Unsigned, but a negative number counts back from 2^32, as in PostgreSQL.
pub(super) fn parse_oid(text: &str) -> Result<u32> {
    let value: i64 = parse(text, &SqlType::Oid)?;
    u32::try_from(value)
        .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
        .map_err(|_| out_of_range(text, &SqlType::Oid))
}
