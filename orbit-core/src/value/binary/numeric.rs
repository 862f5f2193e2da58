//! `numeric` in binary: digits of 10,000.
//!
//! ```text
//! count u16 | weight of the first digit i16 | sign u16 | display scale u16 | digits u16...
//! ```

use super::malformed;
use crate::error::{Error, Result, state};
use crate::value::Numeric;
use std::fmt::Write;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEG_INFINITY: u16 = 0xf000;

pub(super) fn encode(number: &Numeric, out: &mut Vec<u8>) {
    let sign = match (number.is_finite(), number.signum()) {
        (true, 0..) => 0,
        (true, _) => NEGATIVE,
        (false, 0) => NAN,
        (false, 1..) => INFINITY,
        (false, _) => NEG_INFINITY,
    };
    if !number.is_finite() || number.is_zero() {
        // PostgreSQL sends this scale with its infinities, and ignores it when it reads them.
        let scale = if number.is_infinite() {
            0x20
        } else {
            number.scale()
        };
        push_head(0, 0, sign, scale, out);
        return;
    }
    let digits = number.magnitude_digits();
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    let exponent = digits.len() as i32 - 1 - i32::from(number.scale());
    // Groups of four count from the point, so the first may be shorter.
    let width = exponent.rem_euclid(4).unsigned_abs() as usize + 1;
    let digits = &digits[..digits.len() - zeros];
    let (first, rest) = digits.split_at(width.min(digits.len()));
    push_head(
        (1 + rest.len().div_ceil(4)) as u16,
        exponent.div_euclid(4) as i16,
        sign,
        number.scale(),
        out,
    );
    push_group(first, width, out);
    for group in rest.chunks(4) {
        push_group(group, 4, out);
    }
}

fn push_head(count: u16, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

fn push_group(digits: &[u8], width: usize, out: &mut Vec<u8>) {
    let value = (0..width).fold(0u16, |value, at| {
        value * 10 + digits.get(at).map_or(0, |digit| u16::from(digit - b'0'))
    });
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn decode(bytes: &[u8]) -> Result<Numeric> {
    let invalid = |what: &str| {
        Error::new(
            state::INVALID_BINARY_REPRESENTATION,
            format!("invalid {what} in external \"numeric\" value"),
        )
    };
    let (head, digits) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
    let [c0, c1, w0, w1, s0, s1, d0, d1] = *head;
    let count = u16::from_be_bytes([c0, c1]);
    let weight = i16::from_be_bytes([w0, w1]);
    let sign = u16::from_be_bytes([s0, s1]);
    let scale = u16::from_be_bytes([d0, d1]);
    if digits.len() != usize::from(count) * 2 {
        return Err(malformed());
    }
    match sign {
        NAN => return Ok(Numeric::NAN),
        INFINITY => return Ok(Numeric::INFINITY),
        NEG_INFINITY => return Ok(Numeric::NEG_INFINITY),
        0 | NEGATIVE => {}
        _ => return Err(invalid("sign")),
    }
    if scale > crate::value::numeric::MAX_SCALE {
        return Err(invalid("scale"));
    }
    let mut text = String::with_capacity(digits.len() * 2 + 16);
    text.push_str(if sign == NEGATIVE { "-0" } else { "0" });
    for digit in digits.chunks_exact(2) {
        let digit = u16::from_be_bytes([digit[0], digit[1]]);
        if digit > 9999 {
            return Err(invalid("digit"));
        }
        let _ = write!(text, "{digit:04}");
    }
    if count > 0 {
        let exponent = (i64::from(weight) + 1 - i64::from(count)) * 4;
        let _ = write!(text, "e{exponent}");
    }
    // Digits behind the display scale are cut off, missing ones are zeros.
    Ok(Numeric::parse(&text)?.trunc(i32::from(scale)))
}
