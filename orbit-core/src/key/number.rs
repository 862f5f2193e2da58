//! Floats and decimals.
//!
//! Floats are IEEE bits turned so that they sort: -0 is 0, every NaN is the
//! greatest. A decimal is
//!
//! ```text
//! class u8      1 -Infinity, 2 negative, 3 zero, 4 positive, 5 Infinity, 6 NaN
//! exponent u32  of the first digit, biased, big endian     ┐ inverted for
//! digits        two to a byte, + 1; then a 0               ┘ negative numbers
//! ```
//!
//! without leading or trailing zeros, so 1.5 and 1.50 are one key.

use super::{Reader, malformed};
use crate::error::Result;
use crate::value::Numeric;

pub(super) fn ordered_f64(value: f64) -> u64 {
    let bits = if value.is_nan() {
        f64::NAN.to_bits() & !(1 << 63)
    } else {
        // Adding 0 turns -0 into 0.
        (value + 0.0).to_bits()
    };
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

pub(super) fn float_f64(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 {
        bits & !(1 << 63)
    } else {
        !bits
    })
}

pub(super) fn ordered_f32(value: f32) -> u32 {
    let bits = if value.is_nan() {
        f32::NAN.to_bits() & !(1 << 31)
    } else {
        (value + 0.0).to_bits()
    };
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

pub(super) fn float_f32(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 {
        bits & !(1 << 31)
    } else {
        !bits
    })
}

const NEG_INFINITY: u8 = 1;
const NEGATIVE: u8 = 2;
const ZERO: u8 = 3;
const POSITIVE: u8 = 4;
const INFINITY: u8 = 5;
const NAN: u8 = 6;
const EXPONENT_BIAS: i64 = 1 << 20;

pub(super) fn push_numeric(out: &mut Vec<u8>, value: &Numeric) {
    if !value.is_finite() {
        out.push(match value.signum() {
            0 => NAN,
            1.. => INFINITY,
            _ => NEG_INFINITY,
        });
        return;
    }
    if value.is_zero() {
        out.push(ZERO);
        return;
    }
    let negative = value.signum() < 0;
    out.push(if negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    let digits = value.magnitude_digits();
    let exponent = digits.len() as i64 - i64::from(value.scale()) + EXPONENT_BIAS;
    out.extend_from_slice(&(exponent as u32).to_be_bytes());
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    for pair in digits[..digits.len() - zeros].chunks(2) {
        let tens = pair.first().map_or(0, |digit| digit - b'0');
        let ones = pair.get(1).map_or(0, |digit| digit - b'0');
        out.push(tens * 10 + ones + 1);
    }
    out.push(0);
    if negative {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

pub(super) fn pop_numeric(reader: &mut Reader<'_>) -> Result<Numeric> {
    let class = reader.byte()?;
    match class {
        NEG_INFINITY => return Ok(Numeric::NEG_INFINITY),
        INFINITY => return Ok(Numeric::INFINITY),
        NAN => return Ok(Numeric::NAN),
        ZERO => return Ok(Numeric::ZERO),
        POSITIVE | NEGATIVE => {}
        _ => return Err(malformed()),
    }
    let inverted = if class == NEGATIVE { 0xff } else { 0 };
    let exponent = u32::from_be_bytes(reader.take::<4>()?.map(|byte| byte ^ inverted));
    let mut text = Vec::with_capacity(32);
    if class == NEGATIVE {
        text.push(b'-');
    }
    text.push(b'.');
    loop {
        match reader.byte()? ^ inverted {
            0 => break,
            pair @ 1..=100 => {
                text.push(b'0' + (pair - 1) / 10);
                text.push(b'0' + (pair - 1) % 10);
            }
            _ => return Err(malformed()),
        }
    }
    // A filling zero behind an odd number of digits is not one of them.
    if text.last() == Some(&b'0') {
        text.pop();
    }
    text.extend_from_slice(format!("e{}", i64::from(exponent) - EXPONENT_BIAS).as_bytes());
    let text = std::str::from_utf8(&text).map_err(|_| malformed())?;
    Numeric::parse(text).map_err(|_| malformed())
}
