//! Functions of numeric: exact, or with the digits that PostgreSQL gives.

use super::float::{log_domain, power_float};
use super::{Args, out_of_range, refused};
use crate::planned::functions::row::arity;
use crate::planned::functions::{Env, arg};
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Result, state};

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

/// Digits before the decimal point, for choosing a result's scale.
fn weight(value: f64) -> i32 {
    if value == 0.0 {
        0
    } else {
        value.abs().log10().floor() as i32
    }
}

/// A transcendental result: sixteen significant digits, as PostgreSQL gives at least.
fn significant(value: f64, args: &[f64], least: u16) -> Result<Value> {
    if !value.is_finite() {
        return Err(if args.iter().all(|arg| arg.is_finite()) {
            out_of_range("value overflows numeric format")
        } else {
            out_of_range("input is out of range")
        });
    }
    let scale = (16 - weight(value)).clamp(i32::from(least), 38);
    let text = format!("{value:.*}", scale as usize);
    Ok(Value::Numeric(Numeric::parse(&text)?))
}

/// Working precision of the series below.
const PLACES: i32 = 60;

/// e to the x: the series on x halved until small, squared back.
fn exp_exact(x: &Numeric) -> Result<Numeric> {
    let mut halvings = 0;
    let mut small = x.round(PLACES);
    let half = Numeric::parse("0.5")?;
    let bound = Numeric::parse("0.01")?;
    while small.abs().sub(&bound)?.signum() > 0 && halvings < 64 {
        small = small.mul(&half)?.round(PLACES);
        halvings += 1;
    }
    let mut sum = Numeric::ONE.round(PLACES);
    let mut term = sum.clone();
    for n in 1..40i64 {
        let inverse = Numeric::ONE.round(PLACES).div(&Numeric::from_i64(n))?;
        term = term.mul(&small)?.mul(&inverse)?.round(PLACES);
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term)?;
    }
    for _ in 0..halvings {
        sum = sum.mul(&sum)?.round(PLACES);
    }
    Ok(sum)
}

/// The logarithm: the float's, made exact by Halley's step.
fn ln_exact(x: &Numeric) -> Result<Numeric> {
    let mut y = Numeric::parse(&format!("{:.17}", x.to_f64().ln()))?;
    let two = Numeric::from_i64(2);
    for _ in 0..2 {
        let e = exp_exact(&y)?;
        let above = x.sub(&e)?.mul(&two)?.round(PLACES);
        let below = x.add(&e)?;
        y = y.add(&above.div(&below)?.round(PLACES))?.round(PLACES);
    }
    Ok(y)
}

/// Beyond this the series has too few digits; the float's are as good as any.
fn is_tame(x: f64) -> bool {
    x.is_finite() && x.abs() < 40.0
}

pub(super) fn ln_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    let value = log_domain(x.to_f64())?;
    logarithm(x, value.ln(), None, x.scale())
}

/// ln(x), or ln(x) / ln(base), to the scale PostgreSQL would choose.
fn logarithm(x: &Numeric, approximate: f64, base: Option<&Numeric>, least: u16) -> Result<Value> {
    let least = least.max(16);
    if !is_tame(x.to_f64().ln()) {
        return significant(approximate, &[x.to_f64()], least);
    }
    let scale = (16 - weight(approximate)).clamp(i32::from(least), 38);
    let mut exact = ln_exact(x)?;
    if let Some(base) = base {
        exact = exact.div(&ln_exact(base)?)?;
    }
    Ok(Value::Numeric(exact.round(scale)))
}

pub(super) fn exp_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    let approximate = x.to_f64().exp();
    if !is_tame(x.to_f64()) {
        return significant(approximate, &[x.to_f64()], x.scale());
    }
    let scale = (16 - weight(approximate)).clamp(i32::from(x.scale()), 38);
    Ok(Value::Numeric(exp_exact(x)?.round(scale)))
}

pub(super) fn log_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    let value = log_domain(x.to_f64())?;
    logarithm(x, value.log10(), Some(&Numeric::from_i64(10)), x.scale())
}

pub(super) fn log_base(args: Args, _: &Env) -> Result<Value> {
    let (base, x) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let (b, v) = (log_domain(base.to_f64())?, log_domain(x.to_f64())?);
    if b == 1.0 {
        return Err(crate::planned::error::division_by_zero());
    }
    logarithm(x, v.ln() / b.ln(), Some(base), base.scale().max(x.scale()))
}

pub(super) fn mod_numeric(args: Args, _: &Env) -> Result<Value> {
    arg::numeric(args, 0)?
        .rem(arg::numeric(args, 1)?)
        .map(Value::Numeric)
}

pub(super) fn power_numeric(args: Args, env: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let whole = b.rem(&Numeric::ONE).is_ok_and(|rest| rest.is_zero());
    let checked = power_float(
        &[ValueRef::Float8(a.to_f64()), ValueRef::Float8(b.to_f64())],
        env,
    )?;
    let Value::Float8(approximate) = checked else {
        return Err(arity());
    };
    let least = a.scale().max(b.scale()).max(16);
    if let (true, Some(exponent)) = (whole, b.trunc(0).to_i64()) {
        // Exact, then rounded to the scale PostgreSQL chooses.
        let scale = (16 - weight(approximate)).clamp(i32::from(least), 38);
        let mut result = Numeric::ONE;
        let mut base = a.clone();
        let mut left = exponent.unsigned_abs();
        while left > 0 {
            if left & 1 == 1 {
                result = result.mul(&base)?.round(76);
            }
            left >>= 1;
            if left > 0 {
                base = base.mul(&base)?.round(76);
            }
        }
        if exponent < 0 {
            result = Numeric::ONE.round(scale).div(&result)?;
        }
        return Ok(Value::Numeric(result.round(scale)));
    }
    if a.signum() > 0 && is_tame(a.to_f64().ln()) && is_tame(approximate.ln()) {
        let scale = (16 - weight(approximate)).clamp(i32::from(least), 38);
        return Ok(Value::Numeric(
            exp_exact(&ln_exact(a)?.mul(b)?.round(PLACES))?.round(scale),
        ));
    }
    significant(approximate, &[a.to_f64(), b.to_f64()], least)
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
    // PostgreSQL counts in digits of 10000: sixteen of them in front of half the weight.
    let weight = if x.is_zero() {
        0
    } else {
        weight(x.to_f64()).div_euclid(4)
    };
    let sweight = if weight >= 0 {
        (weight + 1) * 4 / 2 - 1
    } else {
        1 - (1 - weight) * 4 / 2
    };
    let scale = (16 - sweight).max(i32::from(x.scale())).clamp(0, 38);
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
