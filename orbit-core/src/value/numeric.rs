//! Exact decimals, as PostgreSQL's `numeric`: an integer and the number of its
//! digits that stand behind the point (the display scale, which 1.50 keeps).
//!
//! Up to 38 digits live in an `i128`; only longer ones allocate.

mod arith;
mod codec;
mod convert;
mod parse;
#[cfg(test)]
mod tests;

use num_bigint::BigInt;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Digits allowed before and behind the point, as in PostgreSQL.
pub const MAX_INTEGER_DIGITS: usize = 131_072;
pub const MAX_SCALE: u16 = 16_383;

#[derive(Clone)]
pub struct Numeric {
    repr: Repr,
    scale: u16,
}

/// `Big` only when the digits don't fit `Small`. The special ones have scale 0.
#[derive(Clone)]
enum Repr {
    Small(i128),
    Big(Box<BigInt>),
    NaN,
    PosInf,
    NegInf,
}

impl Numeric {
    pub const ZERO: Numeric = Numeric::small(0, 0);
    pub const ONE: Numeric = Numeric::small(1, 0);
    pub const NAN: Numeric = Numeric::special(Repr::NaN);
    pub const INFINITY: Numeric = Numeric::special(Repr::PosInf);
    pub const NEG_INFINITY: Numeric = Numeric::special(Repr::NegInf);

    const fn small(unscaled: i128, scale: u16) -> Numeric {
        Numeric {
            repr: Repr::Small(unscaled),
            scale,
        }
    }

    const fn special(repr: Repr) -> Numeric {
        Numeric { repr, scale: 0 }
    }

    /// Digits behind the point when shown.
    pub fn scale(&self) -> u16 {
        self.scale
    }

    pub fn is_nan(&self) -> bool {
        matches!(self.repr, Repr::NaN)
    }

    pub fn is_finite(&self) -> bool {
        matches!(self.repr, Repr::Small(_) | Repr::Big(_))
    }

    pub fn is_infinite(&self) -> bool {
        matches!(self.repr, Repr::PosInf | Repr::NegInf)
    }

    pub fn is_zero(&self) -> bool {
        matches!(self.repr, Repr::Small(0))
    }

    /// -1, 0 or 1; 0 for NaN.
    pub fn signum(&self) -> i32 {
        match &self.repr {
            Repr::Small(v) => v.signum() as i32,
            Repr::Big(v) if v.sign() == num_bigint::Sign::Minus => -1,
            Repr::Big(_) | Repr::PosInf => 1,
            Repr::NegInf => -1,
            Repr::NaN => 0,
        }
    }

    /// The decimal digits of the unscaled magnitude, without leading zeros ("0" for zero, "" for the special ones).
    pub(crate) fn magnitude_digits(&self) -> smallvec::SmallVec<[u8; 40]> {
        let mut digits = smallvec::SmallVec::new();
        match &self.repr {
            Repr::Small(v) => push_u128(v.unsigned_abs(), &mut digits),
            Repr::Big(v) => digits.extend_from_slice(v.magnitude().to_str_radix(10).as_bytes()),
            Repr::NaN | Repr::PosInf | Repr::NegInf => {}
        }
        digits
    }

    /// Appends PostgreSQL's text form.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self.repr {
            Repr::NaN => return out.extend_from_slice(b"NaN"),
            Repr::PosInf => return out.extend_from_slice(b"Infinity"),
            Repr::NegInf => return out.extend_from_slice(b"-Infinity"),
            Repr::Small(_) | Repr::Big(_) => {}
        }
        if self.signum() < 0 {
            out.push(b'-');
        }
        let digits = self.magnitude_digits();
        let scale = usize::from(self.scale);
        let (integer, fraction) = digits.split_at(digits.len().saturating_sub(scale));
        if integer.is_empty() {
            out.push(b'0');
        } else {
            out.extend_from_slice(integer);
        }
        if scale > 0 {
            out.push(b'.');
            out.resize(out.len() + scale - fraction.len(), b'0');
            out.extend_from_slice(fraction);
        }
    }
}

fn push_u128(mut value: u128, digits: &mut smallvec::SmallVec<[u8; 40]>) {
    let mut buffer = [0u8; 40];
    let mut at = buffer.len();
    // Division of 128 bits is slow: leave it as soon as the rest fits a word.
    while value > u128::from(u64::MAX) {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let mut word = value as u64;
    loop {
        at -= 1;
        buffer[at] = b'0' + (word % 10) as u8;
        word /= 10;
        if word == 0 {
            break;
        }
    }
    digits.extend_from_slice(&buffer[at..]);
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write_to(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Numeric {
    type Err = crate::Error;
    fn from_str(text: &str) -> crate::Result<Numeric> {
        Numeric::parse(text)
    }
}

/// By value, whatever the scale; NaN equals itself.
impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// -Infinity, finite values, Infinity, NaN.
impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        let rank = |repr: &Repr| match repr {
            Repr::NegInf => 0,
            Repr::Small(_) | Repr::Big(_) => 1,
            Repr::PosInf => 2,
            Repr::NaN => 3,
        };
        match (&self.repr, &other.repr) {
            (Repr::Small(a), Repr::Small(b)) if self.scale == other.scale => a.cmp(b),
            (Repr::Small(_) | Repr::Big(_), Repr::Small(_) | Repr::Big(_)) => {
                if self.signum() != other.signum() {
                    return self.signum().cmp(&other.signum());
                }
                let scale = self.scale.max(other.scale);
                match (self.small_at(scale), other.small_at(scale)) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    _ => self.big_at(scale).cmp(&other.big_at(scale)),
                }
            }
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let trimmed = self.trimmed();
        match &trimmed.repr {
            Repr::Small(v) => (v, trimmed.scale).hash(state),
            Repr::Big(v) => (v, trimmed.scale).hash(state),
            Repr::NaN => 1u8.hash(state),
            Repr::PosInf => 2u8.hash(state),
            Repr::NegInf => 3u8.hash(state),
        }
    }
}
