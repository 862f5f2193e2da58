//! Bytes of a number in rows and log records:
//!
//! ```text
//! head u8   bits 0..2: 0 positive or zero, 1 negative, 2 special
//!           bits 2..8: scale, or 63: a u16 with the scale follows
//!                      (special: 0 NaN, 1 Infinity, 2 -Infinity)
//! rest      magnitude, base 256, little endian, no leading zeros
//! ```

use super::{MAX_SCALE, Numeric, Repr};
use crate::error::{Error, Result};
use num_bigint::{BigInt, Sign};

const SCALE_FOLLOWS: u16 = 63;
const SPECIAL: u8 = 2;

impl Numeric {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let special = match self.repr {
            Repr::NaN => 0,
            Repr::PosInf => 1,
            Repr::NegInf => 2,
            Repr::Small(_) | Repr::Big(_) => {
                self.encode_finite(out);
                return;
            }
        };
        out.push(SPECIAL | special << 2);
    }

    fn encode_finite(&self, out: &mut Vec<u8>) {
        let sign = u8::from(self.signum() < 0);
        out.push(sign | (self.scale.min(SCALE_FOLLOWS) as u8) << 2);
        if self.scale >= SCALE_FOLLOWS {
            out.extend_from_slice(&self.scale.to_le_bytes());
        }
        match &self.repr {
            Repr::Small(v) => {
                let magnitude = v.unsigned_abs();
                let length = 16 - magnitude.leading_zeros() as usize / 8;
                out.extend_from_slice(&magnitude.to_le_bytes()[..length]);
            }
            Repr::Big(v) => out.extend_from_slice(&v.magnitude().to_bytes_le()),
            Repr::NaN | Repr::PosInf | Repr::NegInf => {}
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Numeric> {
        let nonsense = || Error::corrupted("stored numeric is malformed");
        let (&head, mut rest) = bytes.split_first().ok_or_else(nonsense)?;
        let mut scale = u16::from(head >> 2);
        let sign = head & 3;
        if sign == SPECIAL {
            return match scale {
                0 => Ok(Numeric::NAN),
                1 => Ok(Numeric::INFINITY),
                2 => Ok(Numeric::NEG_INFINITY),
                _ => Err(nonsense()),
            };
        }
        if sign > SPECIAL {
            return Err(nonsense());
        }
        if scale == SCALE_FOLLOWS {
            let (low, after) = rest.split_first_chunk::<2>().ok_or_else(nonsense)?;
            scale = u16::from_le_bytes(*low);
            rest = after;
        }
        if scale > MAX_SCALE {
            return Err(nonsense());
        }
        if rest.len() <= 16 {
            let mut magnitude = [0u8; 16];
            magnitude[..rest.len()].copy_from_slice(rest);
            let magnitude = u128::from_le_bytes(magnitude);
            if let Ok(small) = i128::try_from(magnitude) {
                return Ok(Numeric::small(
                    if sign == 1 { -small } else { small },
                    scale,
                ));
            }
        }
        let sign = if sign == 1 { Sign::Minus } else { Sign::Plus };
        Ok(Numeric::from_big(BigInt::from_bytes_le(sign, rest), scale))
    }
}
