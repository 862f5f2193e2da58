//! Text to number: digits, a point, an exponent, or one of the special words.

use super::{MAX_INTEGER_DIGITS, MAX_SCALE, Numeric};
use crate::error::{Error, Result, state};
use num_bigint::BigInt;

impl Numeric {
    pub fn parse(text: &str) -> Result<Numeric> {
        let trimmed = text.trim_ascii();
        match scan(trimmed.as_bytes()) {
            Some(Scan::Number(number)) => Ok(number),
            Some(Scan::TooLarge) => Err(overflow()),
            None => special(trimmed).ok_or_else(|| {
                Error::new(
                    state::INVALID_TEXT_REPRESENTATION,
                    format!("invalid input syntax for type numeric: \"{text}\""),
                )
            }),
        }
    }
}

pub(super) fn overflow() -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        "value overflows numeric format",
    )
}

fn special(text: &str) -> Option<Numeric> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("nan") {
        Some(Numeric::NAN)
    } else if is("infinity") || is("inf") || is("+infinity") || is("+inf") {
        Some(Numeric::INFINITY)
    } else if is("-infinity") || is("-inf") {
        Some(Numeric::NEG_INFINITY)
    } else {
        None
    }
}

enum Scan {
    Number(Numeric),
    TooLarge,
}

/// `None` is a syntax error.
fn scan(bytes: &[u8]) -> Option<Scan> {
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    let integer = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = &digits[integer..];
    let mut fraction: &[u8] = &[];
    if let Some((b'.', after)) = rest.split_first() {
        let count = after.iter().take_while(|b| b.is_ascii_digit()).count();
        (fraction, rest) = after.split_at(count);
    }
    let integer = &digits[..integer];
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest.split_first() {
        None => 0,
        Some((b'e' | b'E', after)) => parse_exponent(after)?,
        Some(_) => return None,
    };

    // The point moves right by the exponent; what it passes beyond the last digit are zeros.
    let scale = i64::try_from(fraction.len()).ok()? - exponent;
    let zeros = usize::try_from(-scale).unwrap_or(0);
    let scale = usize::try_from(scale).unwrap_or(0);
    let all = || integer.iter().chain(fraction);
    let significant = all().skip_while(|b| **b == b'0').count();
    if significant == 0 {
        return Some(match u16::try_from(scale) {
            Ok(scale) if scale <= MAX_SCALE => Scan::Number(Numeric::small(0, scale)),
            _ => Scan::TooLarge,
        });
    }
    if scale > usize::from(MAX_SCALE)
        || zeros > MAX_INTEGER_DIGITS
        || (significant + zeros).saturating_sub(scale) > MAX_INTEGER_DIGITS
    {
        return Some(Scan::TooLarge);
    }
    let scale = u16::try_from(scale).ok()?;
    if significant + zeros <= 38 {
        let mut value = 0i128;
        if significant <= 18 {
            let mut word = 0i64;
            for digit in all() {
                word = word * 10 + i64::from(digit - b'0');
            }
            value = i128::from(word);
        } else {
            for digit in all() {
                value = value * 10 + i128::from(digit - b'0');
            }
        }
        if zeros > 0 {
            value *= 10i128.pow(u32::try_from(zeros).ok()?);
        }
        return Some(Scan::Number(Numeric::small(
            if negative { -value } else { value },
            scale,
        )));
    }
    let mut text: Vec<u8> = all().copied().collect();
    text.resize(text.len() + zeros, b'0');
    let value = BigInt::parse_bytes(&text, 10)?;
    Some(Scan::Number(Numeric::from_big(
        if negative { -value } else { value },
        scale,
    )))
}

/// Beyond nine digits the exponent is out of range whatever it is.
fn parse_exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(1_000_000_000)
    });
    Some(if negative { -value } else { value })
}
