//! To and from Rust's numbers.

use super::{MAX_SCALE, Numeric, Repr};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

macro_rules! from_integers {
    ($($type:ty),*) => {$(
        impl From<$type> for Numeric {
            fn from(value: $type) -> Numeric {
                Numeric::small(i128::from(value), 0)
            }
        }
    )*};
}

from_integers!(i16, i32, i64, u32, u64, i128);

impl Numeric {
    pub fn from_i64(value: i64) -> Numeric {
        Numeric::from(value)
    }

    pub fn from_i128(value: i128) -> Numeric {
        Numeric::from(value)
    }

    /// With the 15 digits that PostgreSQL gives a double precision in this cast.
    pub fn from_f64(value: f64) -> Numeric {
        Numeric::from_float(value, 14)
    }

    /// As [`Numeric::from_f64`], with the 6 digits of a real.
    pub fn from_f32(value: f32) -> Numeric {
        Numeric::from_float(f64::from(value), 5)
    }

    fn from_float(value: f64, behind_first: usize) -> Numeric {
        if value.is_nan() {
            return Numeric::NAN;
        }
        if value.is_infinite() {
            return Numeric::infinity_from(value > 0.0);
        }
        // Scientific text of a finite float always parses, and never has 16,383 digits.
        Numeric::parse(&format!("{value:.behind_first$e}"))
            .map(|number| number.trimmed())
            .unwrap_or(Numeric::ZERO)
    }

    fn infinity_from(positive: bool) -> Numeric {
        if positive {
            Numeric::INFINITY
        } else {
            Numeric::NEG_INFINITY
        }
    }

    /// Rounded to an integer, half away from zero; `None` when it doesn't fit or is not finite.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_i128().and_then(|value| i64::try_from(value).ok())
    }

    pub fn to_i128(&self) -> Option<i128> {
        match &self.repr {
            Repr::Small(v) if self.scale == 0 => Some(*v),
            _ => match self.round(0).repr {
                Repr::Small(v) => Some(v),
                _ => None,
            },
        }
    }

    /// The nearest double; huge values become infinite.
    pub fn to_f64(&self) -> f64 {
        match &self.repr {
            Repr::NaN => f64::NAN,
            Repr::PosInf => f64::INFINITY,
            Repr::NegInf => f64::NEG_INFINITY,
            // Both operands are exact, so the quotient is rounded once.
            Repr::Small(v) if v.unsigned_abs() < 1 << 53 && self.scale <= 22 => {
                *v as f64 / 10f64.powi(i32::from(self.scale))
            }
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// `unscaled` with its last `scale` digits behind the point.
    pub fn from_i128_scaled(unscaled: i128, scale: u16) -> Numeric {
        Numeric::small(unscaled, scale.min(MAX_SCALE))
    }

    pub fn from_bigint_scaled(unscaled: BigInt, scale: u16) -> Numeric {
        Numeric::from_big(unscaled, scale.min(MAX_SCALE))
    }

    /// The unscaled integer at `scale`; `None` if digits would be lost, it
    /// doesn't fit, or the number isn't finite.
    pub fn to_i128_scaled(&self, scale: u16) -> Option<i128> {
        if scale >= self.scale {
            return self.small_at(scale);
        }
        self.trimmed_to(scale)?.small_at(scale)
    }

    pub fn to_bigint_scaled(&self, scale: u16) -> Option<BigInt> {
        if !self.is_finite() {
            return None;
        }
        if scale >= self.scale {
            return Some(self.big_at(scale));
        }
        Some(self.trimmed_to(scale)?.big_at(scale))
    }

    fn trimmed_to(&self, scale: u16) -> Option<Numeric> {
        let trimmed = self.trimmed();
        (trimmed.is_finite() && trimmed.scale <= scale).then_some(trimmed)
    }

    /// The unscaled integer and its scale, when it has at most 38 digits.
    pub fn small_parts(&self) -> Option<(i128, u16)> {
        match &self.repr {
            Repr::Small(v) => Some((*v, self.scale)),
            _ => None,
        }
    }
}

impl ToPrimitive for Numeric {
    fn to_i64(&self) -> Option<i64> {
        Numeric::to_i64(self)
    }
    fn to_u64(&self) -> Option<u64> {
        self.to_i128().and_then(|value| u64::try_from(value).ok())
    }
    fn to_f64(&self) -> Option<f64> {
        Some(Numeric::to_f64(self))
    }
}
