//! Functions of numeric: exact, or with the digits that PostgreSQL gives.

use super::float::{log_domain, power_float};
use super::transcendental::{
    MAX_RESULT_SCALE, MAX_SCALE, MIN_SIGNIFICANT_DIGITS, SPARE, check_weight, digits_before,
    divided, exp, ln, log10, scale_for, tens, weight_of_ln,
};
use super::{Args, out_of_range, refused};
use crate::planned::functions::row::arity;
use crate::planned::functions::{Env, arg};
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// Digits that are worked with where a result is next to nothing.
const MAX_WORKED: f64 = 400.0;

fn overflows() -> Error {
    out_of_range("value overflows numeric format")
}

pub(super) fn abs_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.abs()))
}

pub(super) fn ceil_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.ceil()))
}

pub(super) fn floor_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.floor()))
}

pub(super) fn div_numeric(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    // Exact for the quotients a float can't hold: take the remainder off first.
    let rest = a.rem(b)?;
    Ok(Value::Numeric(a.sub(&rest)?.div(b)?.round(0)))
}

/// Euclid's algorithm; PostgreSQL's remainder keeps the larger scale.
fn gcd_of(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    let scale = i32::from(a.scale().max(b.scale()));
    if !a.is_finite() || !b.is_finite() {
        return Ok(Numeric::NAN);
    }
    let (mut a, mut b) = (a.abs(), b.abs());
    while !b.is_zero() {
        let rest = a.rem(&b)?;
        (a, b) = (b, rest);
    }
    Ok(a.round(scale))
}

pub(super) fn gcd_numeric(args: Args, _: &Env) -> Result<Value> {
    gcd_of(arg::numeric(args, 0)?, arg::numeric(args, 1)?).map(Value::Numeric)
}

pub(super) fn lcm_numeric(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let scale = i32::from(a.scale().max(b.scale()));
    if !a.is_finite() || !b.is_finite() {
        return Ok(Value::Numeric(Numeric::NAN));
    }
    if a.is_zero() || b.is_zero() {
        return Ok(Value::Numeric(Numeric::from_i64(0).round(scale)));
    }
    // The divisor goes into both without a rest.
    let divisor = gcd_of(a, b)?;
    let product = a.div(&divisor)?.mul(b)?.abs();
    Ok(Value::Numeric(product.round(scale)))
}

pub(super) fn min_scale(args: Args, _: &Env) -> Result<Value> {
    let value = arg::numeric(args, 0)?;
    Ok(match value.is_finite() {
        true => Value::Int4(i32::from(value.trimmed().scale())),
        false => Value::Null,
    })
}

pub(super) fn ln_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    check_logarithm_of(x)?;
    if !x.is_finite() {
        return special(x.to_f64().ln());
    }
    let scale = scale_for(weight_of_ln(x), &[x]);
    Ok(Value::Numeric(ln(x, scale + SPARE)?.round(scale)))
}

pub(super) fn log_numeric(args: Args, _: &Env) -> Result<Value> {
    logarithm(&Numeric::from_i64(10), arg::numeric(args, 0)?)
}

pub(super) fn log_base(args: Args, _: &Env) -> Result<Value> {
    logarithm(arg::numeric(args, 0)?, arg::numeric(args, 1)?)
}

fn logarithm(base: &Numeric, x: &Numeric) -> Result<Value> {
    check_logarithm_of(base)?;
    check_logarithm_of(x)?;
    if base.cmp(&Numeric::ONE).is_eq() {
        return Err(crate::planned::error::division_by_zero());
    }
    if !base.is_finite() || !x.is_finite() {
        return special(x.to_f64().ln() / base.to_f64().ln());
    }
    let scale = scale_for(weight_of_ln(x) - weight_of_ln(base), &[base, x]);
    // Of a base near one the logarithm is small, and its digits count.
    let places = scale + SPARE + 2 * weight_of_ln(base).abs() + weight_of_ln(x).max(0);
    divided(&ln(x, places)?, &ln(base, places)?, scale).map(Value::Numeric)
}

fn check_logarithm_of(x: &Numeric) -> Result<()> {
    match x.is_nan() {
        true => Ok(()),
        false => log_domain(f64::from(x.signum())).map(drop),
    }
}

/// Infinity, or what isn't a number.
fn special(value: f64) -> Result<Value> {
    Ok(Value::Numeric(match value {
        value if value.is_nan() => Numeric::NAN,
        value if value == 0.0 => Numeric::ZERO,
        value if value > 0.0 => Numeric::INFINITY,
        _ => Numeric::NEG_INFINITY,
    }))
}

pub(super) fn exp_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    if !x.is_finite() {
        return Ok(Value::Numeric(match x.signum() {
            _ if x.is_nan() => Numeric::NAN,
            1 => Numeric::INFINITY,
            _ => Numeric::ZERO,
        }));
    }
    exponential(x, x.to_f64(), &[x])
}

/// e to the x, with the scale that these operands ask for. `approximate` is PostgreSQL's
/// idea of x when it chooses that scale.
fn exponential(x: &Numeric, approximate: f64, operands: &[&Numeric]) -> Result<Value> {
    if approximate.abs() >= 3.0 * MAX_RESULT_SCALE {
        return match approximate > 0.0 {
            true => Err(overflows()),
            false => Ok(Value::Numeric(Numeric::ZERO.round(MAX_SCALE))),
        };
    }
    let weight = (approximate * 0.434_294_481_903_252) as i32;
    check_weight(f64::from(weight))?;
    let scale = scale_for(weight, operands);
    Ok(Value::Numeric(exp(x, scale + SPARE)?.round(scale)))
}

pub(super) fn mod_numeric(args: Args, _: &Env) -> Result<Value> {
    arg::numeric(args, 0)?
        .rem(arg::numeric(args, 1)?)
        .map(Value::Numeric)
}

pub(super) fn power_numeric(args: Args, env: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let whole = b.rem(&Numeric::ONE).is_ok_and(|rest| rest.is_zero());
    let exponent = b.trunc(0).to_i64().and_then(|b| i32::try_from(b).ok());
    let float = |value: &Numeric| ValueRef::Float8(value.to_f64());
    let refused = power_float(&[float(a), float(b)], env);
    if a.is_zero() {
        refused.clone()?;
    }
    if let Some(exponent) = exponent
        && whole
        && a.is_finite()
        && b.is_finite()
    {
        return whole_power(a, exponent);
    }
    if a.is_finite() && b.is_finite() && a.signum() > 0 {
        let places = 2 * SPARE + weight_of_ln(a).abs() + digits_before(b) + 16;
        // For how many digits there will be, a few of the logarithm are enough.
        let rough = ln(a, places)?.mul(b)?;
        let more = (rough.to_f64().abs().min(MAX_WORKED) as i32) + SPARE;
        let x = ln(a, places + more)?.mul(b)?;
        let few = (8 - weight_of_ln(a)).max(0);
        let approximate = ln(a, few + SPARE)?.round(few).mul(b)?.round(few);
        return exponential(&x, approximate.to_f64(), &[a, b]);
    }
    match refused? {
        Value::Float8(value) if value == 0.0 && b.is_finite() && a.is_finite() => {
            Ok(Value::Numeric(Numeric::ZERO.round(MIN_SIGNIFICANT_DIGITS)))
        }
        Value::Float8(value) if value.is_finite() => {
            Numeric::parse(&value.to_string()).map(Value::Numeric)
        }
        Value::Float8(value) => special(value),
        _ => Err(arity()),
    }
}

/// By squaring, with as many digits as the result is told with, and some to spare.
fn whole_power(base: &Numeric, exponent: i32) -> Result<Value> {
    // Of nothing, one or nothing.
    let weight = match base.is_zero() {
        true => 0.0,
        false => f64::from(exponent) * log10(base),
    };
    if weight > 131_072.0 {
        return Err(overflows());
    }
    check_weight(weight)?;
    let scale = scale_for(0, &[base]);
    if weight < -MAX_WORKED {
        return Ok(Value::Numeric(Numeric::ZERO.round(scale)));
    }
    if exponent == 0 {
        return Ok(Value::Numeric(Numeric::ONE.round(scale)));
    }
    let places = scale + SPARE + 2 * (weight.abs().min(MAX_WORKED) as i32);
    let (mut result, mut square) = (Numeric::ONE, base.clone());
    let mut left = exponent.unsigned_abs();
    while left > 0 {
        if left & 1 == 1 {
            result = result.mul(&square)?.round(places);
        }
        left >>= 1;
        if left > 0 {
            square = square.mul(&square)?.round(places);
        }
    }
    Ok(Value::Numeric(match exponent < 0 {
        true => divided(&Numeric::ONE, &result, scale)?,
        false => result.round(scale),
    }))
}

pub(super) fn round_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.round(0)))
}

pub(super) fn round_places(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(
        arg::numeric(args, 0)?.round(arg::int4(args, 1)?.clamp(-2000, 2000)),
    ))
}

pub(super) fn scale(args: Args, _: &Env) -> Result<Value> {
    let value = arg::numeric(args, 0)?;
    if value.is_nan() || value.is_infinite() {
        return Ok(Value::Null);
    }
    Ok(Value::Int4(i32::from(value.scale())))
}

pub(super) fn sign_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(Numeric::from_i64(i64::from(
        arg::numeric(args, 0)?.signum(),
    ))))
}

/// The square root to `scale` places, by Newton from the float's.
pub fn sqrt_numeric_as(x: &Numeric, scale: u16) -> Result<Numeric> {
    if x.is_zero() {
        return Ok(x.round(i32::from(scale)));
    }
    let unscaled = x
        .to_bigint_scaled(x.scale().max(scale))
        .ok_or_else(|| out_of_range("value overflows numeric format"))?;
    // sqrt(u · 10^-s) with two digits more than wanted, rounded at the end.
    let places = scale + 2;
    let have = x.scale().max(scale);
    let shift = 2 * u32::from(places) - u32::from(have.min(2 * places));
    let widened = if have <= 2 * places {
        unscaled * num_bigint::BigInt::from(10).pow(shift)
    } else {
        unscaled / num_bigint::BigInt::from(10).pow(u32::from(have - 2 * places))
    };
    let root = widened.sqrt();
    Ok(Numeric::from_bigint_scaled(root, places).round(i32::from(scale)))
}

pub(super) fn sqrt_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    if x.signum() < 0 {
        return Err(refused(
            state::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        ));
    }
    if !x.is_finite() {
        return special(x.to_f64());
    }
    // PostgreSQL counts in digits of 10000: sixteen digits in front of half the weight.
    let weight = match x.is_zero() {
        true => 0,
        false => 4 * tens(x).div_euclid(4),
    };
    let half = match weight >= 0 {
        true => weight / 2 + 1,
        false => 1 - (1 - weight) / 2,
    };
    let scale = scale_for(half, &[x]);
    sqrt_numeric_as(x, scale as u16).map(Value::Numeric)
}

pub(super) fn trim_scale(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.trimmed()))
}

pub(super) fn trunc_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.trunc(0)))
}

pub(super) fn trunc_places(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(
        arg::numeric(args, 0)?.trunc(arg::int4(args, 1)?.clamp(-2000, 2000)),
    ))
}
