//! Arithmetic with PostgreSQL's rules for the scale of a result.

use super::parse::overflow;
use super::{MAX_INTEGER_DIGITS, MAX_SCALE, Numeric, Repr};
use crate::error::{Error, Result, state};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// Digits a quotient shows at least, and scale at most (numeric.h).
const MIN_SIGNIFICANT_DIGITS: i64 = 16;
const MAX_DIVISION_SCALE: i64 = 1000;
/// PostgreSQL computes in digits of 10,000.
const DIGITS_PER_GROUP: i64 = 4;

pub(super) fn ten_to(exponent: u16) -> Option<i128> {
    10i128.checked_pow(u32::from(exponent))
}

fn big_ten_to(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

fn division_by_zero() -> Error {
    Error::new(state::DIVISION_BY_ZERO, "division by zero")
}

impl Numeric {
    pub(super) fn from_big(value: BigInt, scale: u16) -> Numeric {
        Numeric {
            repr: match value.to_i128() {
                Some(small) => Repr::Small(small),
                None => Repr::Big(Box::new(value)),
            },
            scale,
        }
    }

    /// The unscaled digits at a scale no smaller than its own, if they fit.
    pub(super) fn small_at(&self, scale: u16) -> Option<i128> {
        match &self.repr {
            Repr::Small(v) if scale == self.scale => Some(*v),
            Repr::Small(v) => v.checked_mul(ten_to(scale.checked_sub(self.scale)?)?),
            _ => None,
        }
    }

    pub(super) fn big_at(&self, scale: u16) -> BigInt {
        let by = u32::from(scale.saturating_sub(self.scale));
        match &self.repr {
            Repr::Small(v) => BigInt::from(*v) * big_ten_to(by),
            Repr::Big(v) => v.as_ref() * big_ten_to(by),
            _ => BigInt::zero(),
        }
    }

    fn checked(self) -> Result<Numeric> {
        if let Repr::Big(value) = &self.repr {
            // An upper bound from the bits first: it is cheap.
            let limit = MAX_INTEGER_DIGITS + usize::from(self.scale);
            if value.bits() as f64 * std::f64::consts::LOG10_2 >= limit as f64
                && value.magnitude().to_str_radix(10).len() > limit
            {
                return Err(overflow());
            }
        }
        Ok(self)
    }

    /// NaN if either is; otherwise the meaning of an infinity is `infinite`'s.
    fn with_special(
        &self,
        other: &Numeric,
        infinite: impl FnOnce() -> Result<Numeric>,
    ) -> Option<Result<Numeric>> {
        if self.is_nan() || other.is_nan() {
            return Some(Ok(Numeric::NAN));
        }
        (self.is_infinite() || other.is_infinite()).then(infinite)
    }

    fn infinity_of_sign(sign: i32) -> Numeric {
        match sign {
            0 => Numeric::NAN,
            1.. => Numeric::INFINITY,
            _ => Numeric::NEG_INFINITY,
        }
    }

    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.repr, &other.repr)
            && self.scale == other.scale
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Numeric::small(sum, self.scale));
        }
        if let Some(special) = self.with_special(other, || {
            Ok(match (self.is_infinite(), other.is_infinite()) {
                (true, true) if self.signum() != other.signum() => Numeric::NAN,
                (true, _) => self.clone(),
                _ => other.clone(),
            })
        }) {
            return special;
        }
        let scale = self.scale.max(other.scale);
        if let (Some(a), Some(b)) = (self.small_at(scale), other.small_at(scale))
            && let Some(sum) = a.checked_add(b)
        {
            return Ok(Numeric::small(sum, scale));
        }
        Numeric::from_big(self.big_at(scale) + other.big_at(scale), scale).checked()
    }

    pub fn sub(&self, other: &Numeric) -> Result<Numeric> {
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.with_special(other, || {
            Ok(Numeric::infinity_of_sign(self.signum() * other.signum()))
        }) {
            return special;
        }
        let scale = self.scale + other.scale;
        let product = match (&self.repr, &other.repr) {
            (Repr::Small(a), Repr::Small(b)) => a.checked_mul(*b),
            _ => None,
        };
        let product = match product {
            Some(product) => Numeric::small(product, scale),
            None => Numeric::from_big(self.big_at(self.scale) * other.big_at(other.scale), scale),
        };
        if scale > MAX_SCALE {
            return product.round(i32::from(MAX_SCALE)).checked();
        }
        product.checked()
    }

    pub fn div(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.with_special(other, || {
            if other.is_infinite() {
                return Ok(if self.is_infinite() {
                    Numeric::NAN
                } else {
                    Numeric::ZERO
                });
            }
            if other.is_zero() {
                return Err(division_by_zero());
            }
            Ok(Numeric::infinity_of_sign(self.signum() * other.signum()))
        }) {
            return special;
        }
        if other.is_zero() {
            return Err(division_by_zero());
        }
        let scale = self.division_scale(other);
        self.div_at(other, scale)
    }

    /// The quotient rounded to `scale` digits, half away from zero; neither is special, `other` not zero.
    fn div_at(&self, other: &Numeric, scale: u16) -> Result<Numeric> {
        let shift = u32::from(scale) + u32::from(other.scale) - u32::from(self.scale.min(scale));
        let lowered = u32::from(self.scale - self.scale.min(scale));
        if lowered == 0
            && let (Repr::Small(a), Repr::Small(b)) = (&self.repr, &other.repr)
            && let Some(a) = 10i128
                .checked_pow(shift)
                .and_then(|factor| a.checked_mul(factor))
            && let Some(quotient) = a.checked_div(*b)
        {
            let rest = (a % b).unsigned_abs();
            let half_up = rest >= b.unsigned_abs() - rest;
            let away = if (a < 0) == (*b < 0) { 1 } else { -1 };
            let rounded = if rest != 0 && half_up {
                quotient + away
            } else {
                quotient
            };
            return Ok(Numeric::small(rounded, scale));
        }
        let a = self.big_at(self.scale) * big_ten_to(shift);
        let b = other.big_at(other.scale) * big_ten_to(lowered);
        Numeric::from_big(div_rounded(&a, &b), scale).checked()
    }

    /// `select_div_scale` of PostgreSQL's numeric.c.
    fn division_scale(&self, other: &Numeric) -> u16 {
        let (weight1, first1) = self.first_group();
        let (weight2, first2) = other.first_group();
        let mut weight = weight1 - weight2;
        if first1 <= first2 {
            weight -= 1;
        }
        let scale = (MIN_SIGNIFICANT_DIGITS - weight * DIGITS_PER_GROUP)
            .max(i64::from(self.scale))
            .max(i64::from(other.scale))
            .clamp(0, MAX_DIVISION_SCALE);
        u16::try_from(scale).unwrap_or(0)
    }

    /// The first non-zero base-10,000 digit and its weight.
    fn first_group(&self) -> (i64, u32) {
        if self.is_zero() {
            return (0, 0);
        }
        let digits = self.magnitude_digits();
        let exponent = digits.len() as i64 - 1 - i64::from(self.scale);
        let count = usize::try_from(exponent.rem_euclid(DIGITS_PER_GROUP) + 1).unwrap_or(1);
        let first = (0..count).fold(0u32, |value, at| {
            value * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0'))
        });
        (exponent.div_euclid(DIGITS_PER_GROUP), first)
    }

    /// What is left of a division truncated towards zero.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.with_special(other, || {
            if self.is_infinite() {
                return if other.is_zero() {
                    Err(division_by_zero())
                } else {
                    Ok(Numeric::NAN)
                };
            }
            Ok(self.clone())
        }) {
            return special;
        }
        if other.is_zero() {
            return Err(division_by_zero());
        }
        let scale = self.scale.max(other.scale);
        if let (Some(a), Some(b)) = (self.small_at(scale), other.small_at(scale)) {
            return Ok(Numeric::small(a.checked_rem(b).unwrap_or(0), scale));
        }
        Ok(Numeric::from_big(
            self.big_at(scale) % other.big_at(scale),
            scale,
        ))
    }

    #[must_use]
    pub fn neg(&self) -> Numeric {
        let repr = match &self.repr {
            Repr::Small(v) => match v.checked_neg() {
                Some(v) => Repr::Small(v),
                None => Repr::Big(Box::new(-BigInt::from(*v))),
            },
            Repr::Big(v) => return Numeric::from_big(-v.as_ref(), self.scale),
            Repr::NaN => Repr::NaN,
            Repr::PosInf => Repr::NegInf,
            Repr::NegInf => Repr::PosInf,
        };
        Numeric {
            repr,
            scale: self.scale,
        }
    }

    #[must_use]
    pub fn abs(&self) -> Numeric {
        if self.signum() < 0 {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// To `scale` digits behind the point, half away from zero. A negative
    /// scale rounds before the point. A larger scale adds zeros.
    #[must_use]
    pub fn round(&self, scale: i32) -> Numeric {
        self.rescale(scale, Rounding::HalfAway)
    }

    /// As [`Numeric::round`], towards zero.
    #[must_use]
    pub fn trunc(&self, scale: i32) -> Numeric {
        self.rescale(scale, Rounding::TowardsZero)
    }

    #[must_use]
    pub fn floor(&self) -> Numeric {
        self.rescale(0, Rounding::Down)
    }

    #[must_use]
    pub fn ceil(&self) -> Numeric {
        self.neg().floor().neg()
    }

    fn rescale(&self, scale: i32, rounding: Rounding) -> Numeric {
        if !self.is_finite() {
            return self.clone();
        }
        let wanted = u16::try_from(scale.clamp(0, i32::from(MAX_SCALE))).unwrap_or(0);
        let drop = i32::from(self.scale) - scale.clamp(-200_000, i32::from(MAX_SCALE));
        if drop <= 0 {
            return match self.small_at(wanted) {
                Some(v) => Numeric::small(v, wanted),
                None => Numeric::from_big(self.big_at(wanted), wanted),
            };
        }
        let drop = drop.cast_unsigned();
        if scale >= 0
            && let (Repr::Small(v), Some(factor)) = (&self.repr, 10i128.checked_pow(drop))
        {
            let (quotient, rest) = (v / factor, v % factor);
            let up = rounding.away(rest.unsigned_abs() >= (factor / 2).unsigned_abs(), *v < 0);
            let step = if *v < 0 { -1 } else { 1 };
            let quotient = if up && rest != 0 {
                quotient + step
            } else {
                quotient
            };
            return Numeric::small(quotient, wanted);
        }
        let (value, factor) = (self.big_at(self.scale), big_ten_to(drop));
        let quotient = &value / &factor;
        let rest = (&value - &quotient * &factor).abs();
        let up = rounding.away(&rest * 2 >= factor, value.is_negative()) && !rest.is_zero();
        let mut value = match (up, value.is_negative()) {
            (false, _) => quotient,
            (true, true) => quotient - 1,
            (true, false) => quotient + 1,
        };
        if scale < 0 {
            value *= big_ten_to(scale.unsigned_abs().min(200_000));
        }
        Numeric::from_big(value, wanted)
    }

    /// Without trailing zeros behind the point.
    #[must_use]
    pub fn trimmed(&self) -> Numeric {
        match &self.repr {
            Repr::Small(0) => Numeric::ZERO,
            Repr::Small(v) => {
                let (mut v, mut scale) = (*v, self.scale);
                while scale > 0 && v % 10 == 0 {
                    v /= 10;
                    scale -= 1;
                }
                Numeric::small(v, scale)
            }
            Repr::Big(v) if self.scale > 0 => {
                let digits = v.magnitude().to_str_radix(10);
                let zeros = digits.bytes().rev().take_while(|b| *b == b'0').count();
                let drop = u16::try_from(zeros).unwrap_or(u16::MAX).min(self.scale);
                Numeric::from_big(v.as_ref() / big_ten_to(u32::from(drop)), self.scale - drop)
            }
            _ => self.clone(),
        }
    }

    /// The mean of `count` values, as PostgreSQL's `avg` shows it.
    pub fn avg(sum: &Numeric, count: i64) -> Result<Numeric> {
        sum.div(&Numeric::from(count))
    }

    /// What `numeric(precision, scale)` makes of it (22003 when it doesn't fit).
    pub fn fit(&self, precision: u16, scale: i16) -> Result<Numeric> {
        let too_large = |detail: String| {
            Err(
                Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                    .with_detail(format!(
                        "A field with precision {precision}, scale {scale} {detail}."
                    )),
            )
        };
        if self.is_infinite() {
            return too_large("cannot hold an infinite value".into());
        }
        if self.is_nan() {
            return Ok(self.clone());
        }
        let rounded = if i32::from(self.scale) == i32::from(scale) {
            self.clone()
        } else {
            self.round(i32::from(scale))
        };
        let room = i32::from(precision) - i32::from(scale);
        if rounded.exceeds(precision, scale) {
            return too_large(format!(
                "must round to an absolute value less than {}",
                if room == 0 {
                    "1".to_owned()
                } else {
                    format!("10^{room}")
                }
            ));
        }
        Ok(rounded)
    }

    fn exceeds(&self, precision: u16, scale: i16) -> bool {
        // Unscaled digits allowed at this number's own scale.
        let digits = i32::from(precision) - i32::from(scale) + i32::from(self.scale);
        match &self.repr {
            Repr::Small(0) => false,
            Repr::Small(v) => match u32::try_from(digits).map(|d| 10u128.checked_pow(d)) {
                Ok(Some(limit)) => v.unsigned_abs() >= limit,
                Ok(None) => false,
                Err(_) => true,
            },
            Repr::Big(v) => v.magnitude().to_str_radix(10).len() as i64 > i64::from(digits),
            _ => false,
        }
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    HalfAway,
    TowardsZero,
    Down,
}

impl Rounding {
    /// Whether a quotient cut towards zero, with something left over, goes one away from it.
    fn away(self, at_least_half: bool, negative: bool) -> bool {
        match self {
            Rounding::HalfAway => at_least_half,
            Rounding::TowardsZero => false,
            Rounding::Down => negative,
        }
    }
}

/// Half away from zero.
fn div_rounded(a: &BigInt, b: &BigInt) -> BigInt {
    let quotient = a / b;
    let rest = (a - &quotient * b).abs();
    if &rest * 2 >= b.abs() && !rest.is_zero() {
        if a.is_negative() == b.is_negative() {
            quotient + 1
        } else {
            quotient - 1
        }
    } else {
        quotient
    }
}
