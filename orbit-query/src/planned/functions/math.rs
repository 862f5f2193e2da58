//! Numbers: the list of functions and operators, and the errors they have in common.
//! The bodies are in a file for each kind of number.

mod float;
mod integer;
mod numeric;
mod transcendental;

use super::{Function, T, function};
use float::*;
use integer::*;
pub use numeric::sqrt_numeric_as;
use numeric::*;
use orbit_core::error::SqlState;
use orbit_core::value::ValueRef;
use orbit_core::{Error, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn out_of_range(what: &'static str) -> Error {
    Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, what)
}

fn refused(code: SqlState, what: &'static str) -> Error {
    Error::new(code, what)
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
