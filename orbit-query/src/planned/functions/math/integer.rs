//! Functions of integers: remainders, common divisors, bits.

use super::{Args, out_of_range};
use crate::planned::functions::{Env, arg};
use orbit_core::Result;
use orbit_core::value::{Numeric, Value, ValueRef};

pub(super) fn abs_int2(args: Args, _: &Env) -> Result<Value> {
    arg::int2(args, 0)?
        .checked_abs()
        .map(Value::Int2)
        .ok_or_else(|| out_of_range("smallint out of range"))
}

pub(super) fn abs_int4(args: Args, _: &Env) -> Result<Value> {
    arg::int4(args, 0)?
        .checked_abs()
        .map(Value::Int4)
        .ok_or_else(|| out_of_range("integer out of range"))
}

pub(super) fn abs_int8(args: Args, _: &Env) -> Result<Value> {
    arg::int8(args, 0)?
        .checked_abs()
        .map(Value::Int8)
        .ok_or_else(|| out_of_range("bigint out of range"))
}

pub(super) fn factorial(args: Args, _: &Env) -> Result<Value> {
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

pub(super) fn gcd_int4(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int4(args, 0)?, arg::int4(args, 1)?);
    let result = gcd(u64::from(a.unsigned_abs()), u64::from(b.unsigned_abs()));
    i32::try_from(result)
        .map(Value::Int4)
        .map_err(|_| out_of_range("integer out of range"))
}

pub(super) fn gcd_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    i64::try_from(gcd(a.unsigned_abs(), b.unsigned_abs()))
        .map(Value::Int8)
        .map_err(|_| out_of_range("bigint out of range"))
}

pub(super) fn lcm_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    if a == 0 || b == 0 {
        return Ok(Value::Int8(0));
    }
    let divisor = i128::from(gcd(a.unsigned_abs(), b.unsigned_abs()));
    i64::try_from((i128::from(a) / divisor * i128::from(b)).abs())
        .map(Value::Int8)
        .map_err(|_| out_of_range("bigint out of range"))
}

pub(super) fn lcm_int4(args: Args, env: &Env) -> Result<Value> {
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

pub(super) fn mod_int2(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int2(args, 0)?, arg::int2(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int2(a.checked_rem(b).unwrap_or(0)))
}

pub(super) fn mod_int4(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int4(args, 0)?, arg::int4(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int4(a.checked_rem(b).unwrap_or(0)))
}

pub(super) fn mod_int8(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::int8(args, 0)?, arg::int8(args, 1)?);
    if b == 0 {
        return Err(crate::planned::error::division_by_zero());
    }
    Ok(Value::Int8(a.checked_rem(b).unwrap_or(0)))
}

macro_rules! bit_operations {
    ($($name:ident, $get:ident, $variant:ident, $op:tt;)*) => {$(
        pub(super) fn $name(args: Args, _: &Env) -> Result<Value> {
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

pub(super) fn left4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        arg::int4(args, 0)?.wrapping_shl(arg::int4(args, 1)? as u32),
    ))
}

pub(super) fn left8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(
        arg::int8(args, 0)?.wrapping_shl(arg::int4(args, 1)? as u32),
    ))
}

pub(super) fn right4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        arg::int4(args, 0)?.wrapping_shr(arg::int4(args, 1)? as u32),
    ))
}

pub(super) fn right8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(
        arg::int8(args, 0)?.wrapping_shr(arg::int4(args, 1)? as u32),
    ))
}

pub(super) fn not4(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(!arg::int4(args, 0)?))
}

pub(super) fn not8(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int8(!arg::int8(args, 0)?))
}
