//! Floats: the shortest text that reads back as the same number, laid out as
//! PostgreSQL does (1e+20, 0.0001, 1e-05).

use super::integer::{trim, write_two};
use super::invalid_syntax;
use crate::error::{Error, Result, state};
use std::io::Write;

macro_rules! write_float {
    ($name:ident, $type:ident, $decimal_digits:literal) => {
        pub(super) fn $name(value: $type, extra_digits: i32, out: &mut Vec<u8>) {
            if write_special(f64::from(value), out) {
                return;
            }
            // Writing into a buffer of fixed size that is large enough doesn't fail.
            let mut text = Digits::default();
            if extra_digits <= 0 {
                let digits = ($decimal_digits + extra_digits).max(1);
                let fraction = digits.unsigned_abs() as usize - 1;
                let _ = write!(text, "{value:.fraction$e}");
                let mut short = Digits::default();
                write_digits(without_zeros(text.as_slice(), &mut short), digits, out);
                return;
            }
            let _ = write!(text, "{value:e}");
            let mut fraction = fraction_digits(text.as_slice());
            while is_halfway(text.as_slice(), $type::MANTISSA_DIGITS) {
                fraction += 1;
                text.length = 0;
                let _ = write!(text, "{value:.fraction$e}");
            }
            if fraction + 1 >= $decimal_digits {
                let mut exact = Digits::default();
                let more = fraction + TIE_DIGITS;
                let _ = write!(exact, "{value:.more$e}");
                if let Some(even) = even_neighbour(exact.as_slice())
                    && even.parse() == Ok(value)
                {
                    text.length = 0;
                    let _ = text.write_all(even.as_bytes());
                }
            }
            write_digits(text.as_slice(), $decimal_digits, out);
        }
    };
}

write_float!(write_f64, f64, 15);
write_float!(write_f32, f32, 6);

/// Digits looked at behind the shortest text to tell a tie from what is only near one.
const TIE_DIGITS: usize = 12;

/// Of two shortest texts equally near, PostgreSQL takes the one with an even
/// last digit. Given the digits of the number and [`TIE_DIGITS`] more, the lower
/// one if it is even and the rest is a tie.
fn even_neighbour(exact: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(exact).ok()?;
    let (mantissa, exponent) = text.split_once('e')?;
    let (lower, rest) = mantissa.split_at_checked(mantissa.len().checked_sub(TIE_DIGITS)?)?;
    let tie = rest.strip_prefix('5')?.bytes().all(|digit| digit == b'0');
    let even = lower.bytes().last().is_some_and(|digit| digit % 2 == 0);
    (tie && even).then(|| format!("{lower}e{exponent}"))
}

fn fraction_digits(text: &[u8]) -> usize {
    let mantissa = text.split(|byte| *byte == b'e').next().unwrap_or_default();
    let point = mantissa.iter().position(|byte| *byte == b'.');
    point.map_or(0, |at| mantissa.len() - at - 1)
}

/// Whether a decimal lies exactly between two floats, as 1e23 does: its odd
/// part then has one bit more than they. PostgreSQL leaves such to no reader's
/// rounding and writes another digit. Only whole numbers can be meant: below,
/// halfway points have more digits than the shortest text of a float.
fn is_halfway(text: &[u8], mantissa_bits: u32) -> bool {
    let mut exponent = 0i32;
    let mut digits = 0u64;
    let mut parts = text.split(|byte| *byte == b'e');
    for byte in parts.next().unwrap_or_default() {
        if byte.is_ascii_digit() {
            digits = digits
                .saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'));
        }
    }
    if let Some(text) = parts.next().and_then(|part| std::str::from_utf8(part).ok()) {
        exponent = text.parse().unwrap_or(0);
    }
    let shift = exponent - fraction_digits(text) as i32;
    // 5^23 alone has 54 bits.
    if digits == 0 || !(0..=23).contains(&shift) {
        return false;
    }
    let odd = u128::from(digits >> digits.trailing_zeros()) * 5u128.pow(shift.unsigned_abs());
    128 - odd.leading_zeros() == mantissa_bits + 1
}

fn write_special(value: f64, out: &mut Vec<u8>) -> bool {
    let text: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value == f64::INFINITY {
        b"Infinity"
    } else if value == f64::NEG_INFINITY {
        b"-Infinity"
    } else if value == 0.0 {
        if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        }
    } else {
        return false;
    };
    out.extend_from_slice(text);
    true
}

/// A small text on the stack.
struct Digits {
    bytes: [u8; 48],
    length: usize,
}

impl Default for Digits {
    fn default() -> Digits {
        Digits {
            bytes: [0; 48],
            length: 0,
        }
    }
}

impl Digits {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Write for Digits {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = &mut self.bytes[self.length..];
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.length += count;
        Ok(count)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `1.500e2` as `1.5e2`.
fn without_zeros<'a>(text: &[u8], into: &'a mut Digits) -> &'a [u8] {
    let at = text
        .iter()
        .position(|byte| *byte == b'e')
        .unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(at);
    let mut end = mantissa.len();
    if mantissa.contains(&b'.') {
        while end > 1 && mantissa[end - 1] == b'0' {
            end -= 1;
        }
        if mantissa[end - 1] == b'.' {
            end -= 1;
        }
    }
    let _ = into.write_all(&mantissa[..end]);
    let _ = into.write_all(exponent);
    into.as_slice()
}

/// Lays out Rust's `-d.ddde-x`: plain while the exponent is at least -4 and below `limit`.
fn write_digits(text: &[u8], limit: i32, out: &mut Vec<u8>) {
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if negative {
        out.push(b'-');
    }
    let at = text
        .iter()
        .position(|byte| *byte == b'e')
        .unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(at);
    let exponent: i32 = std::str::from_utf8(exponent.get(1..).unwrap_or_default())
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    let first = mantissa.first().copied().unwrap_or(b'0');
    let rest = mantissa.get(2..).unwrap_or_default();
    if (-4..limit).contains(&exponent) {
        if exponent < 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-exponent - 1).unsigned_abs() as usize, b'0');
            out.push(first);
            out.extend_from_slice(rest);
            return;
        }
        let before = exponent.unsigned_abs() as usize;
        out.push(first);
        if rest.len() <= before {
            out.extend_from_slice(rest);
            out.resize(out.len() + before - rest.len(), b'0');
        } else {
            out.extend_from_slice(&rest[..before]);
            out.push(b'.');
            out.extend_from_slice(&rest[before..]);
        }
        return;
    }
    out.push(first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    out.push(b'e');
    out.push(if exponent < 0 { b'-' } else { b'+' });
    write_two(exponent.unsigned_abs(), out);
}

#[cold]
fn out_of_range(text: &str, type_name: &str) -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("\"{text}\" is out of range for type {type_name}"),
    )
}

/// `-NaN` is NaN, and of that there is one.
pub(super) fn parse_f64(text: &str) -> Result<f64> {
    let trimmed = trim(text);
    let value: f64 = trimmed
        .parse()
        .map_err(|_| invalid_syntax("double precision", text))?;
    if (value.is_infinite() || value == 0.0) && loses_all(trimmed, value == 0.0) {
        return Err(out_of_range(trimmed, "double precision"));
    }
    Ok(if value.is_nan() { f64::NAN } else { value })
}

pub(super) fn parse_f32(text: &str) -> Result<f32> {
    let trimmed = trim(text);
    let value: f32 = trimmed.parse().map_err(|_| invalid_syntax("real", text))?;
    if (value.is_infinite() || value == 0.0) && loses_all(trimmed, value == 0.0) {
        return Err(out_of_range(trimmed, "real"));
    }
    Ok(if value.is_nan() { f32::NAN } else { value })
}

/// Whether digits that say something else became zero or infinity.
fn loses_all(text: &str, zero: bool) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if zero {
        mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    } else {
        mantissa.bytes().any(|byte| byte.is_ascii_digit())
    }
}
