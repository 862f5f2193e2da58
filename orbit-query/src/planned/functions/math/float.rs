//! Functions of double precision: powers, logarithms, trigonometry.

use super::{Args, out_of_range, refused};
use crate::planned::functions::{Env, arg};
use orbit_core::error::SqlState;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};

/// Arguments of width_bucket.
const BUCKET: SqlState = SqlState(*b"2201G");

fn float(value: f64, args: &[f64]) -> Result<Value> {
    if value.is_infinite() && args.iter().all(|arg| arg.is_finite()) {
        return Err(out_of_range("value out of range: overflow"));
    }
    Ok(Value::Float8(value))
}

macro_rules! float_functions {
    ($($name:ident => $body:expr;)*) => {$(
        pub(super) fn $name(args: Args, _: &Env) -> Result<Value> {
            let x = arg::float8(args, 0)?;
            let body: fn(f64) -> Result<f64> = $body;
            float(body(x)?, &[x])
        }
    )*};
}

fn domain() -> Error {
    out_of_range("input is out of range")
}

float_functions! {
    acosd => |x| if (-1.0..=1.0).contains(&x) || x.is_nan() { Ok(exact_degrees(x.acos().to_degrees())) } else { Err(domain()) };
    acosh => |x| if x >= 1.0 || x.is_nan() { Ok(x.acosh()) } else { Err(domain()) };
    asind => |x| if (-1.0..=1.0).contains(&x) || x.is_nan() { Ok(exact_degrees(x.asin().to_degrees())) } else { Err(domain()) };
    asinh => |x| Ok(x.asinh());
    atand => |x| Ok(exact_degrees(x.atan().to_degrees()));
    atanh => |x| if (-1.0..=1.0).contains(&x) || x.is_nan() { Ok(x.atanh()) } else { Err(domain()) };
    cosd => |x| if x.is_infinite() { Err(domain()) } else { Ok(cosine_of_degrees(x)) };
    cotd => |x| if x.is_infinite() { Err(domain()) } else { Ok(1.0 / tangent_of_degrees(x)) };
    sind => |x| if x.is_infinite() { Err(domain()) } else { Ok(sine_of_degrees(x)) };
    tand => |x| if x.is_infinite() { Err(domain()) } else { Ok(tangent_of_degrees(x)) };
    acos => |x| if (-1.0..=1.0).contains(&x) || x.is_nan() { Ok(x.acos()) } else { Err(domain()) };
    asin => |x| if (-1.0..=1.0).contains(&x) || x.is_nan() { Ok(x.asin()) } else { Err(domain()) };
    atan => |x| Ok(x.atan());
    cbrt => |x| Ok(x.cbrt());
    ceil_float => |x| Ok(x.ceil());
    cos => |x| if x.is_infinite() { Err(domain()) } else { Ok(x.cos()) };
    cosh => |x| Ok(x.cosh());
    cot => |x| Ok(1.0 / x.tan());
    degrees => |x| Ok(x.to_degrees());
    exp_float => |x| Ok(x.exp());
    floor_float => |x| Ok(x.floor());
    ln_float => |x| log_domain(x).map(f64::ln);
    log_float => |x| log_domain(x).map(f64::log10);
    radians => |x| Ok(x.to_radians());
    // rint: halves go to the even neighbour.
    round_float => |x| Ok(x.round_ties_even());
    sign_float => |x| Ok(if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 });
    sin => |x| if x.is_infinite() { Err(domain()) } else { Ok(x.sin()) };
    sinh => |x| Ok(x.sinh());
    sqrt_float => |x| if x < 0.0 {
        Err(refused(state::INVALID_ARGUMENT_FOR_POWER_FUNCTION, "cannot take square root of a negative number"))
    } else { Ok(x.sqrt()) };
    tan => |x| Ok(x.tan());
    tanh => |x| Ok(x.tanh());
    trunc_float => |x| Ok(x.trunc());
}

pub(super) fn log_domain(x: f64) -> Result<f64> {
    if x == 0.0 {
        return Err(refused(
            state::INVALID_ARGUMENT_FOR_LOGARITHM,
            "cannot take logarithm of zero",
        ));
    }
    if x < 0.0 {
        return Err(refused(
            state::INVALID_ARGUMENT_FOR_LOGARITHM,
            "cannot take logarithm of a negative number",
        ));
    }
    Ok(x)
}

pub(super) fn abs_float4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float4(arg::float4(args, 0)?.abs()))
}

pub(super) fn abs_float8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(arg::float8(args, 0)?.abs()))
}

pub(super) fn atan2(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(
        arg::float8(args, 0)?.atan2(arg::float8(args, 1)?),
    ))
}

pub(super) fn atan2d(args: Args, _: &Env) -> Result<Value> {
    let (y, x) = (arg::float8(args, 0)?, arg::float8(args, 1)?);
    Ok(Value::Float8(exact_degrees(y.atan2(x).to_degrees())))
}

/// Degrees that are whole but for the last bits are whole.
fn exact_degrees(value: f64) -> f64 {
    let whole = value.round();
    if (value - whole).abs() < 1e-12 * whole.abs().max(1.0) {
        whole
    } else {
        value
    }
}

/// A sine of degrees, exact where it has few digits.
fn sine_of_degrees(x: f64) -> f64 {
    let x = x % 360.0;
    let (x, sign) = if x < 0.0 { (-x, -1.0) } else { (x, 1.0) };
    let (x, sign) = if x > 180.0 {
        (360.0 - x, -sign)
    } else {
        (x, sign)
    };
    let x = if x > 90.0 { 180.0 - x } else { x };
    let sine = if x == 30.0 {
        0.5
    } else if x == 90.0 {
        1.0
    } else {
        x.to_radians().sin()
    };
    sign * sine
}

fn cosine_of_degrees(x: f64) -> f64 {
    let x = (x % 360.0).abs();
    let x = if x > 180.0 { 360.0 - x } else { x };
    if x == 60.0 {
        0.5
    } else if x == 120.0 {
        -0.5
    } else if x == 90.0 {
        0.0
    } else {
        x.to_radians().cos()
    }
}

fn tangent_of_degrees(x: f64) -> f64 {
    match (x % 180.0).abs() {
        45.0 => (x % 180.0).signum(),
        135.0 => -(x % 180.0).signum(),
        _ => sine_of_degrees(x) / cosine_of_degrees(x),
    }
}

pub(super) fn pi(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(std::f64::consts::PI))
}

pub(super) fn power_float(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::float8(args, 0)?, arg::float8(args, 1)?);
    if a == 0.0 && b < 0.0 {
        return Err(refused(
            state::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "zero raised to a negative power is undefined",
        ));
    }
    if a < 0.0 && b.fract() != 0.0 {
        return Err(refused(
            state::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    float(a.powf(b), &[a, b])
}

pub(super) fn random(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(crate::expr::random()))
}

pub(super) fn width_bucket(args: Args, _: &Env) -> Result<Value> {
    let (x, low, high) = (
        arg::float8(args, 0)?,
        arg::float8(args, 1)?,
        arg::float8(args, 2)?,
    );
    let count = arg::int4(args, 3)?;
    if count <= 0 {
        return Err(refused(BUCKET, "count must be greater than zero"));
    }
    if low == high {
        return Err(refused(BUCKET, "lower bound cannot equal upper bound"));
    }
    let (x, low, high) = if low < high {
        (x, low, high)
    } else {
        (-x, -low, -high)
    };
    Ok(Value::Int4(if x < low {
        0
    } else if x >= high {
        count.saturating_add(1)
    } else {
        ((x - low) / (high - low) * f64::from(count)) as i32 + 1
    }))
}
