//! `numeric` inside DataFusion.
//!
//! A `numeric(p,s)` of at most 38 digits is Arrow's `Decimal128(p,s)`: its scale
//! is a fact of the type. Every other numeric has a scale of its own per value,
//! which PostgreSQL shows (`1.50` is not printed as `1.5`). Those travel as
//! `Decimal256(76,40)`: 38 decimal places, and in the two digits below them the
//! number of places to show.
//!
//! ```text
//!   12.50   =   12 . 50000000000000000000000000000000000000 | 02
//! ```
//!
//! So order, minimum, maximum and Arrow's own casts from integers and decimals
//! work on the carrier as it is; only equality must take the last two digits off
//! first ([`key`]). A cast by Arrow leaves 00 there, which reads as "as many
//! places as the value needs".

use datafusion::arrow::datatypes::{DataType, i256};
use num_bigint::{BigInt, Sign};
use orbit_core::value::Numeric;
use orbit_core::{Error, Result, state};

pub const PRECISION: u8 = 76;
pub const SCALE: i8 = 40;
/// Decimal places a value can have.
pub const PLACES: u16 = 38;
/// Digits before the point that a value can have.
pub const DIGITS: u8 = PRECISION - SCALE as u8;

/// The Arrow type of a numeric without a fixed scale.
pub fn carrier() -> DataType {
    DataType::Decimal256(PRECISION, SCALE)
}

/// Of what a column of a plan can't hold.
pub fn too_big() -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        "value overflows numeric format",
    )
    .with_hint(
        "Queries compute numerics of at most 36 digits before and 38 after the decimal point.",
    )
}

const fn powers_of_ten() -> [i128; 39] {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
}

const TEN: [i128; 39] = powers_of_ten();

fn ten_to(exponent: u16) -> i256 {
    i256::from_i128(TEN[usize::from(exponent.min(38))])
}

/// 10^76: one more than the largest magnitude.
fn limit() -> i256 {
    ten_to(38).wrapping_mul(ten_to(38))
}

fn nan() -> i256 {
    limit().wrapping_sub(i256::ONE)
}

fn infinity() -> i256 {
    nan().wrapping_sub(i256::ONE)
}

/// NaN in a Decimal128: larger than every number of 38 digits, as PostgreSQL sorts it.
pub const FIXED_NAN: i128 = i128::MAX;

/// What is computed over whole columns has no NaN of its own.
pub fn not_finite() -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        "arithmetic over NaN in a column of type numeric(p,s)",
    )
    .with_hint("Cast the column to numeric first.")
}

pub fn encode(value: &Numeric) -> Result<i256> {
    if !value.is_finite() {
        return Ok(if value.is_nan() {
            nan()
        } else if value.signum() > 0 {
            infinity()
        } else {
            infinity().wrapping_neg()
        });
    }
    let rounded;
    let value = if value.scale() > PLACES {
        rounded = value.round(i32::from(PLACES));
        &rounded
    } else {
        value
    };
    let scale = value.scale();
    let at_scale = match value.small_parts() {
        Some((mantissa, _)) => i256::from_i128(mantissa),
        None => {
            let digits = value.to_bigint_scaled(scale).ok_or_else(too_big)?;
            from_bigint(&digits)?
        }
    };
    at_scale
        .checked_mul(ten_to(PLACES - scale))
        .and_then(|units| units.checked_mul(i256::from_i128(100)))
        .and_then(|units| units.checked_add(i256::from_i128(i128::from(scale))))
        .filter(|carried| *carried < infinity() && *carried > infinity().wrapping_neg())
        .ok_or_else(too_big)
}

/// Units of a scale, as a decimal of that scale has them, in the carrier.
pub fn of_fixed(units: i128, scale: u16) -> Result<i256> {
    if units == FIXED_NAN {
        return Ok(nan());
    }
    let places = i256::from_i128(i128::from(scale));
    let factor = ten_to(PLACES - scale.min(PLACES)).wrapping_mul(i256::from_i128(100));
    // 63 bits and 133 are less than 255.
    if i64::try_from(units).is_ok() {
        let carried = i256::from_i128(units).wrapping_mul(factor);
        return Ok(carried.wrapping_add(places));
    }
    i256::from_i128(units)
        .checked_mul(factor)
        .and_then(|carried| carried.checked_add(places))
        .filter(|carried| *carried < infinity() && *carried > infinity().wrapping_neg())
        .ok_or_else(too_big)
}

fn from_bigint(value: &BigInt) -> Result<i256> {
    let bytes = value.to_signed_bytes_le();
    if bytes.len() > 32 {
        return Err(too_big());
    }
    let fill = if value.sign() == Sign::Minus { 0xff } else { 0 };
    let mut wide = [fill; 32];
    wide[..bytes.len()].copy_from_slice(&bytes);
    Ok(i256::from_le_bytes(wide))
}

fn split(carried: i256) -> (i256, u16) {
    let hundred = i256::from_i128(100);
    let mut places = carried.wrapping_rem(hundred).to_i128().unwrap_or(0);
    if places < 0 {
        places += 100;
    }
    let units = carried
        .wrapping_sub(i256::from_i128(places))
        .wrapping_div(hundred);
    (units, u16::try_from(places).unwrap_or(0).min(PLACES))
}

pub fn decode(carried: i256) -> Numeric {
    if carried == nan() {
        return Numeric::NAN;
    }
    if carried == infinity() {
        return Numeric::INFINITY;
    }
    if carried == infinity().wrapping_neg() {
        return Numeric::NEG_INFINITY;
    }
    let (units, places) = split(carried);
    let divisor = ten_to(PLACES - places);
    if units.wrapping_rem(divisor) == i256::ZERO {
        return of_i256(units.wrapping_div(divisor), places);
    }
    of_i256(units, PLACES).trimmed()
}

/// The number `unscaled` times ten to the minus `scale`.
pub fn of_i256(unscaled: i256, scale: u16) -> Numeric {
    match unscaled.to_i128() {
        Some(small) => Numeric::from_i128_scaled(small, scale),
        None => Numeric::from_bigint_scaled(
            BigInt::from_signed_bytes_le(&unscaled.to_le_bytes()),
            scale,
        ),
    }
}

/// The carrier without its places: equal numbers become equal.
pub fn key(carried: i256) -> i256 {
    let places = split(carried).1;
    if carried >= infinity() || carried <= infinity().wrapping_neg() {
        return carried;
    }
    carried.wrapping_sub(i256::from_i128(i128::from(places)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Numeric {
        Numeric::parse(text).unwrap()
    }

    #[test]
    fn every_value_comes_back_with_its_scale() {
        for text in [
            "0",
            "1",
            "-1",
            "1.50",
            "-1.50",
            "0.00",
            "12.6390702573041430",
            "-0.001",
            "123456789012345678901234567890.12",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.00000000000000000000000000000000000001",
        ] {
            let back = decode(encode(&number(text)).unwrap());
            assert_eq!(back.to_string(), text);
        }
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        let sorted = [
            "-Infinity",
            "-10.5",
            "-1.50",
            "-0.1",
            "0",
            "0.1",
            "1.49",
            "1.5",
            "2",
            "Infinity",
            "NaN",
        ];
        let carried: Vec<i256> = sorted.iter().map(|t| encode(&number(t)).unwrap()).collect();
        assert!(carried.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn equal_numbers_have_equal_keys() {
        assert_eq!(
            key(encode(&number("1.5")).unwrap()),
            key(encode(&number("1.500")).unwrap())
        );
        assert_eq!(
            key(encode(&number("-1.5")).unwrap()),
            key(encode(&number("-1.500")).unwrap())
        );
        assert_ne!(
            key(encode(&number("1.5")).unwrap()),
            key(encode(&number("1.501")).unwrap())
        );
    }

    #[test]
    fn an_arrow_cast_shows_the_places_the_value_needs() {
        let cast = |units: i128, scale: u16| {
            ten_to(38)
                .wrapping_mul(i256::from_i128(units))
                .wrapping_mul(i256::from_i128(100))
                .wrapping_div(ten_to(scale))
        };
        assert_eq!(decode(cast(7, 0)).to_string(), "7");
        assert_eq!(decode(cast(150, 2)).to_string(), "1.5");
    }

    #[test]
    fn decimals_of_one_scale_are_carried_as_their_numbers_are() {
        for (units, scale) in [
            (0_i128, 0_u16),
            (150, 2),
            (-150, 2),
            (i128::from(i64::MAX), 0),
            (-12_345_678_901_234_567_890_123, 4),
            (7, 38),
        ] {
            let number = Numeric::from_i128_scaled(units, scale);
            assert_eq!(of_fixed(units, scale).unwrap(), encode(&number).unwrap());
        }
        assert_eq!(decode(of_fixed(FIXED_NAN, 2).unwrap()).to_string(), "NaN");
        assert!(of_fixed(10_i128.pow(37), 0).is_err());
    }

    #[test]
    fn too_many_digits_are_refused() {
        let error = encode(&number("1e40")).unwrap_err();
        assert!(error.is(state::NUMERIC_VALUE_OUT_OF_RANGE));
    }
}
