//! Numbers.

use super::{Env, Function, T, arg, function};
use orbit_core::error::SqlState;
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// Arguments of width_bucket.
const BUCKET: SqlState = SqlState(*b"2201G");

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn out_of_range(what: &'static str) -> Error {
    Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, what)
}

fn refused(code: SqlState, what: &'static str) -> Error {
    Error::new(code, what)
}

fn float(value: f64, args: &[f64]) -> Result<Value> {
    if value.is_infinite() && args.iter().all(|arg| arg.is_finite()) {
        return Err(out_of_range("value out of range: overflow"));
    }
    Ok(Value::Float8(value))
}

macro_rules! float_functions {
    ($($name:ident => $body:expr;)*) => {$(
        fn $name(args: Args, _: &Env) -> Result<Value> {
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

fn log_domain(x: f64) -> Result<f64> {
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

fn abs_int2(args: Args, _: &Env) -> Result<Value> {
    arg::int2(args, 0)?
        .checked_abs()
        .map(Value::Int2)
        .ok_or_else(|| out_of_range("smallint out of range"))
}

fn abs_int4(args: Args, _: &Env) -> Result<Value> {
    arg::int4(args, 0)?
        .checked_abs()
        .map(Value::Int4)
        .ok_or_else(|| out_of_range("integer out of range"))
}

fn abs_int8(args: Args, _: &Env) -> Result<Value> {
    arg::int8(args, 0)?
        .checked_abs()
        .map(Value::Int8)
        .ok_or_else(|| out_of_range("bigint out of range"))
}

fn abs_float4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float4(arg::float4(args, 0)?.abs()))
}

fn abs_float8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(arg::float8(args, 0)?.abs()))
}

fn abs_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.abs()))
}

fn atan2(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(
        arg::float8(args, 0)?.atan2(arg::float8(args, 1)?),
    ))
}

fn ceil_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.ceil()))
}

fn floor_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.floor()))
}

fn div_numeric(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    // Exact for the quotients a float can't hold: take the remainder off first.
    let rest = a.rem(b)?;
    Ok(Value::Numeric(a.sub(&rest)?.div(b)?.round(0)))
}

fn factorial(args: Args, _: &Env) -> Result<Value> {
    let n = arg::int8(args, 0)?;
    if n < 0 {
        return Err(out_of_range("factorial of a negative number is undefined"));
    }
    if n > 33 {
        return Err(out_of_range("value overflows numeric format"));
    }
    let product: i128 = (1..=i128::from(n)).product();
    Ok(Value::Numeric(Numeric::from_i128(product)))
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn gcd_int4(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int4(args, 0)?, arg::int4(args, 1)?);
    let result = gcd(u64::from(a.unsigned_abs()), u64::from(b.unsigned_abs()));
    i32::try_from(result)
        .map(Value::Int4)
        .map_err(|_| out_of_range("integer out of range"))
}

fn gcd_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    i64::try_from(gcd(a.unsigned_abs(), b.unsigned_abs()))
        .map(Value::Int8)
        .map_err(|_| out_of_range("bigint out of range"))
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

fn gcd_numeric(args: Args, _: &Env) -> Result<Value> {
    gcd_of(arg::numeric(args, 0)?, arg::numeric(args, 1)?).map(Value::Numeric)
}

fn lcm_numeric(args: Args, _: &Env) -> Result<Value> {
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

fn min_scale(args: Args, _: &Env) -> Result<Value> {
    let value = arg::numeric(args, 0)?;
    Ok(match value.is_finite() {
        true => Value::Int4(i32::from(value.trimmed().scale())),
        false => Value::Null,
    })
}

fn atan2d(args: Args, _: &Env) -> Result<Value> {
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

fn lcm_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    if a == 0 || b == 0 {
        return Ok(Value::Int8(0));
    }
    let divisor = i128::from(gcd(a.unsigned_abs(), b.unsigned_abs()));
    i64::try_from((i128::from(a) / divisor * i128::from(b)).abs())
        .map(Value::Int8)
        .map_err(|_| out_of_range("bigint out of range"))
}

fn lcm_int4(args: Args, env: &Env) -> Result<Value> {
    let wide = [
        ValueRef::Int8(i64::from(arg::int4(args, 0)?)),
        ValueRef::Int8(i64::from(arg::int4(args, 1)?)),
    ];
    match lcm_int8(&wide, env)? {
        Value::Int8(value) => i32::try_from(value)
            .map(Value::Int4)
            .map_err(|_| out_of_range("integer out of range")),
        other => Ok(other),
    }
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

fn ln_numeric(args: Args, _: &Env) -> Result<Value> {
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

fn exp_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    let approximate = x.to_f64().exp();
    if !is_tame(x.to_f64()) {
        return significant(approximate, &[x.to_f64()], x.scale());
    }
    let scale = (16 - weight(approximate)).clamp(i32::from(x.scale()), 38);
    Ok(Value::Numeric(exp_exact(x)?.round(scale)))
}

fn log_numeric(args: Args, _: &Env) -> Result<Value> {
    let x = arg::numeric(args, 0)?;
    let value = log_domain(x.to_f64())?;
    logarithm(x, value.log10(), Some(&Numeric::from_i64(10)), x.scale())
}

fn log_base(args: Args, _: &Env) -> Result<Value> {
    let (base, x) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let (b, v) = (log_domain(base.to_f64())?, log_domain(x.to_f64())?);
    if b == 1.0 {
        return Err(crate::planned::error::division_by_zero());
    }
    logarithm(x, v.ln() / b.ln(), Some(base), base.scale().max(x.scale()))
}

fn mod_int2(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int2(args, 0)?, arg::int2(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int2(a.checked_rem(b).unwrap_or(0)))
}

fn mod_int4(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int4(args, 0)?, arg::int4(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int4(a.checked_rem(b).unwrap_or(0)))
}

fn mod_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int8(a.checked_rem(b).unwrap_or(0)))
}

fn mod_numeric(args: Args, _: &Env) -> Result<Value> {
    arg::numeric(args, 0)?
        .rem(arg::numeric(args, 1)?)
        .map(Value::Numeric)
}

fn pi(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Float8(std::f64::consts::PI))
}

fn power_float(args: Args, _: &Env) -> Result<Value> {
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

fn power_numeric(args: Args, env: &Env) -> Result<Value> {
    let (a, b) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let whole = b.rem(&Numeric::ONE).is_ok_and(|rest| rest.is_zero());
    let checked = power_float(
        &[ValueRef::Float8(a.to_f64()), ValueRef::Float8(b.to_f64())],
        env,
    )?;
    let Value::Float8(approximate) = checked else {
        return Err(super::row::arity());
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

fn random(_: Args, _: &Env) -> Result<Value> {
    let bits = uuid::Uuid::new_v4().as_u128() as u64 >> 11;
    Ok(Value::Float8(bits as f64 / (1u64 << 53) as f64))
}

fn round_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.round(0)))
}

fn round_places(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(
        arg::numeric(args, 0)?.round(arg::int4(args, 1)?.clamp(-2000, 2000)),
    ))
}

fn scale(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(i32::from(arg::numeric(args, 0)?.scale())))
}

fn sign_numeric(args: Args, _: &Env) -> Result<Value> {
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

fn sqrt_numeric(args: Args, _: &Env) -> Result<Value> {
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

fn trim_scale(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.trimmed()))
}

fn trunc_numeric(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(arg::numeric(args, 0)?.trunc(0)))
}

fn trunc_places(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Numeric(
        arg::numeric(args, 0)?.trunc(arg::int4(args, 1)?.clamp(-2000, 2000)),
    ))
}

fn width_bucket(args: Args, _: &Env) -> Result<Value> {
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

macro_rules! bit_operations {
    ($($name:ident, $get:ident, $variant:ident, $op:tt;)*) => {$(
        fn $name(args: Args, _: &Env) -> Result<Value> {
            Ok(Value::$variant(arg::$get(args, 0)? $op arg::$get(args, 1)?))
        }
    )*};
}

bit_operations! {
    and2, int2, Int2, &;
    or2, int2, Int2, |;
    xor2, int2, Int2, ^;
    and4, int4, Int4, &;
    and8, int8, Int8, &;
    or4, int4, Int4, |;
    or8, int8, Int8, |;
    xor4, int4, Int4, ^;
    xor8, int8, Int8, ^;
}

fn left4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        arg::int4(args, 0)?.wrapping_shl(arg::int4(args, 1)? as u32),
    ))
}

fn left8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(
        arg::int8(args, 0)?.wrapping_shl(arg::int4(args, 1)? as u32),
    ))
}

fn right4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        arg::int4(args, 0)?.wrapping_shr(arg::int4(args, 1)? as u32),
    ))
}

fn right8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(
        arg::int8(args, 0)?.wrapping_shr(arg::int4(args, 1)? as u32),
    ))
}

fn not4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(!arg::int4(args, 0)?))
}

fn not8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(!arg::int8(args, 0)?))
}

pub const FUNCTIONS: &[Function] = &[
    function("#", &[T::Int2, T::Int2], T::Int2, xor2),
    function("#", &[T::Int4, T::Int4], T::Int4, xor4),
    function("#", &[T::Int8, T::Int8], T::Int8, xor8),
    function("&", &[T::Int2, T::Int2], T::Int2, and2),
    function("&", &[T::Int4, T::Int4], T::Int4, and4),
    function("&", &[T::Int8, T::Int8], T::Int8, and8),
    function("<<", &[T::Int4, T::Int4], T::Int4, left4),
    function("<<", &[T::Int8, T::Int4], T::Int8, left8),
    function(">>", &[T::Int4, T::Int4], T::Int4, right4),
    function(">>", &[T::Int8, T::Int4], T::Int8, right8),
    function("^", &[T::Float8, T::Float8], T::Float8, power_float),
    function("^", &[T::Numeric, T::Numeric], T::Numeric, power_numeric),
    function("abs", &[T::Int2], T::Int2, abs_int2),
    function("abs", &[T::Int4], T::Int4, abs_int4),
    function("abs", &[T::Int8], T::Int8, abs_int8),
    function("abs", &[T::Float4], T::Float4, abs_float4),
    function("abs", &[T::Float8], T::Float8, abs_float8),
    function("abs", &[T::Numeric], T::Numeric, abs_numeric),
    function("acos", &[T::Float8], T::Float8, acos),
    function("acosd", &[T::Float8], T::Float8, acosd),
    function("acosh", &[T::Float8], T::Float8, acosh),
    function("asind", &[T::Float8], T::Float8, asind),
    function("asinh", &[T::Float8], T::Float8, asinh),
    function("atan2d", &[T::Float8, T::Float8], T::Float8, atan2d),
    function("atand", &[T::Float8], T::Float8, atand),
    function("atanh", &[T::Float8], T::Float8, atanh),
    function("cosd", &[T::Float8], T::Float8, cosd),
    function("cotd", &[T::Float8], T::Float8, cotd),
    function("sind", &[T::Float8], T::Float8, sind),
    function("tand", &[T::Float8], T::Float8, tand),
    function("asin", &[T::Float8], T::Float8, asin),
    function("atan", &[T::Float8], T::Float8, atan),
    function("atan2", &[T::Float8, T::Float8], T::Float8, atan2),
    function("cbrt", &[T::Float8], T::Float8, cbrt),
    function("ceil", &[T::Float8], T::Float8, ceil_float),
    function("ceil", &[T::Numeric], T::Numeric, ceil_numeric),
    function("ceiling", &[T::Float8], T::Float8, ceil_float),
    function("ceiling", &[T::Numeric], T::Numeric, ceil_numeric),
    function("cos", &[T::Float8], T::Float8, cos),
    function("cosh", &[T::Float8], T::Float8, cosh),
    function("cot", &[T::Float8], T::Float8, cot),
    function("degrees", &[T::Float8], T::Float8, degrees),
    function("div", &[T::Numeric, T::Numeric], T::Numeric, div_numeric),
    function("exp", &[T::Float8], T::Float8, exp_float),
    function("exp", &[T::Numeric], T::Numeric, exp_numeric),
    function("factorial", &[T::Int8], T::Numeric, factorial),
    function("floor", &[T::Float8], T::Float8, floor_float),
    function("floor", &[T::Numeric], T::Numeric, floor_numeric),
    function("gcd", &[T::Int4, T::Int4], T::Int4, gcd_int4),
    function("gcd", &[T::Int8, T::Int8], T::Int8, gcd_int8),
    function("gcd", &[T::Numeric, T::Numeric], T::Numeric, gcd_numeric),
    function("lcm", &[T::Int4, T::Int4], T::Int4, lcm_int4),
    function("lcm", &[T::Int8, T::Int8], T::Int8, lcm_int8),
    function("lcm", &[T::Numeric, T::Numeric], T::Numeric, lcm_numeric),
    function("ln", &[T::Float8], T::Float8, ln_float),
    function("ln", &[T::Numeric], T::Numeric, ln_numeric),
    function("log", &[T::Float8], T::Float8, log_float),
    function("log", &[T::Numeric], T::Numeric, log_numeric),
    function("log", &[T::Numeric, T::Numeric], T::Numeric, log_base),
    function("log10", &[T::Float8], T::Float8, log_float),
    function("log10", &[T::Numeric], T::Numeric, log_numeric),
    function("min_scale", &[T::Numeric], T::Int4, min_scale),
    function("mod", &[T::Int2, T::Int2], T::Int2, mod_int2),
    function("mod", &[T::Int4, T::Int4], T::Int4, mod_int4),
    function("mod", &[T::Int8, T::Int8], T::Int8, mod_int8),
    function("mod", &[T::Numeric, T::Numeric], T::Numeric, mod_numeric),
    function("pi", &[], T::Float8, pi),
    function("pow", &[T::Float8, T::Float8], T::Float8, power_float),
    function("pow", &[T::Numeric, T::Numeric], T::Numeric, power_numeric),
    function("power", &[T::Float8, T::Float8], T::Float8, power_float),
    function(
        "power",
        &[T::Numeric, T::Numeric],
        T::Numeric,
        power_numeric,
    ),
    function("radians", &[T::Float8], T::Float8, radians),
    function("random", &[], T::Float8, random).volatile(),
    function("round", &[T::Float8], T::Float8, round_float),
    function("round", &[T::Numeric], T::Numeric, round_numeric),
    function("round", &[T::Numeric, T::Int4], T::Numeric, round_places),
    function("scale", &[T::Numeric], T::Int4, scale),
    function("sign", &[T::Float8], T::Float8, sign_float),
    function("sign", &[T::Numeric], T::Numeric, sign_numeric),
    function("sin", &[T::Float8], T::Float8, sin),
    function("sinh", &[T::Float8], T::Float8, sinh),
    function("sqrt", &[T::Float8], T::Float8, sqrt_float),
    function("sqrt", &[T::Numeric], T::Numeric, sqrt_numeric),
    function("tan", &[T::Float8], T::Float8, tan),
    function("tanh", &[T::Float8], T::Float8, tanh),
    function("trim_scale", &[T::Numeric], T::Numeric, trim_scale),
    function("trunc", &[T::Float8], T::Float8, trunc_float),
    function("trunc", &[T::Numeric], T::Numeric, trunc_numeric),
    function("trunc", &[T::Numeric, T::Int4], T::Numeric, trunc_places),
    function(
        "width_bucket",
        &[T::Float8, T::Float8, T::Float8, T::Int4],
        T::Int4,
        width_bucket,
    ),
    function("|", &[T::Int2, T::Int2], T::Int2, or2),
    function("|", &[T::Int4, T::Int4], T::Int4, or4),
    function("|", &[T::Int8, T::Int8], T::Int8, or8),
    function("~", &[T::Int4], T::Int4, not4),
    function("~", &[T::Int8], T::Int8, not8),
];
