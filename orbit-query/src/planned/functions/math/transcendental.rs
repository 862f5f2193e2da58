//! Exponentials and logarithms of numerics to any number of places, and how many places
//! PostgreSQL tells of them (`numeric.c`: `estimate_ln_dweight`, `exp_var`, `power_var`).

use crate::planned::num;
use orbit_core::Result;
use orbit_core::value::Numeric;

pub(super) const MIN_SIGNIFICANT_DIGITS: i32 = 16;
/// More places than these a plan's numerics don't have.
pub(super) const MAX_SCALE: i32 = num::PLACES as i32;
/// PostgreSQL's own limit, for exponentials.
pub(super) const MAX_RESULT_SCALE: f64 = 2_000.0;
/// Places worked with beyond those that are told.
pub(super) const SPARE: i32 = 12;

/// The scale of a result with so many digits before the point, and these operands.
pub(super) fn scale_for(weight: i32, operands: &[&Numeric]) -> i32 {
    let least = operands.iter().map(|operand| i32::from(operand.scale()));
    let least = least.max().unwrap_or(0);
    (MIN_SIGNIFICANT_DIGITS - weight)
        .max(least)
        .clamp(0, MAX_SCALE)
}

/// Refuses a result with more digits before the point than a plan's numerics have, before
/// they are worked out.
pub(super) fn check_weight(weight: f64) -> Result<()> {
    match weight >= f64::from(num::DIGITS) {
        true => Err(num::too_big()),
        false => Ok(()),
    }
}

/// About how many digits the logarithm has before its point.
pub(super) fn weight_of_ln(x: &Numeric) -> i32 {
    let away = x.sub(&Numeric::ONE);
    let near = |distance: &Numeric| distance.abs().to_f64() <= 0.1;
    match away {
        Ok(away) if away.is_zero() => 0,
        Ok(away) if near(&away) => log10(&away).floor() as i32,
        _ => (log10(x) * std::f64::consts::LN_10).abs().log10() as i32,
    }
}

/// The decimal logarithm of the number without its sign, however large or small.
pub(super) fn log10(x: &Numeric) -> f64 {
    let tens = tens(x);
    match moved(&x.abs(), -tens) {
        Ok(digits) => digits.to_f64().log10() + f64::from(tens),
        Err(_) => f64::from(tens),
    }
}

pub(super) fn digits_before(x: &Numeric) -> i32 {
    tens(x).max(0) + 1
}

/// The exponent of the number's first digit.
pub(super) fn tens(x: &Numeric) -> i32 {
    let text = x.abs().to_string();
    let (before, behind) = text.split_once('.').unwrap_or((&text, ""));
    let before = before.trim_start_matches('0');
    let places = match before.len() {
        0 => -1 - behind.bytes().take_while(|digit| *digit == b'0').count() as i64,
        digits => digits as i64 - 1,
    };
    places as i32
}

/// Times a power of ten.
fn moved(x: &Numeric, tens: i32) -> Result<Numeric> {
    if tens == 0 {
        return Ok(x.clone());
    }
    x.mul(&Numeric::parse(&format!("1e{tens}"))?)
}

/// The quotient to so many places.
pub(super) fn divided(a: &Numeric, b: &Numeric, scale: i32) -> Result<Numeric> {
    // A quotient has at least the scale of its operands.
    let wide = a.round(i32::from(a.scale()).max(scale + 1));
    Ok(wide.div(b)?.round(scale))
}

/// e to the x: ten to the power of a whole number, times e to the power of a small rest.
pub(super) fn exp(x: &Numeric, places: i32) -> Result<Numeric> {
    let tens = (x.to_f64() / std::f64::consts::LN_10).floor() as i32;
    let within = places + tens.max(0) + SPARE;
    let mut rest = x.round(within);
    if tens != 0 {
        let whole = ln(&Numeric::from_i64(10), within)?.mul(&Numeric::from_i64(i64::from(tens)))?;
        rest = rest.sub(&whole)?;
    }
    Ok(moved(&series(&rest, within)?, tens)?.round(places))
}

/// The series on x halved until it is small, squared back.
fn series(x: &Numeric, places: i32) -> Result<Numeric> {
    let places = places + SPARE;
    let mut small = x.round(places);
    let half = Numeric::parse("0.5")?;
    let bound = Numeric::parse("0.01")?;
    let mut halvings = 0;
    while small.abs().sub(&bound)?.signum() > 0 && halvings < 64 {
        small = small.mul(&half)?.round(places);
        halvings += 1;
    }
    let mut sum = Numeric::ONE.round(places);
    let mut term = sum.clone();
    let mut n = 1;
    while !term.is_zero() {
        term = divided(&term.mul(&small)?, &Numeric::from_i64(n), places)?;
        sum = sum.add(&term)?;
        n += 1;
    }
    for _ in 0..halvings {
        sum = sum.mul(&sum)?.round(places);
    }
    Ok(sum)
}

/// The logarithm: that of the number's digits, and so many times that of ten.
pub(super) fn ln(x: &Numeric, places: i32) -> Result<Numeric> {
    let tens = tens(x);
    let digits = moved(x, -tens)?;
    let within = places + SPARE;
    let of_digits = ln_of_digits(&digits, within)?;
    if tens == 0 {
        return Ok(of_digits);
    }
    let ten = ln_of_digits(&Numeric::from_i64(10), within)?;
    of_digits.add(&ten.mul(&Numeric::from_i64(i64::from(tens)))?)
}

/// The float's, made exact by Halley's steps, each of which has three times the digits.
fn ln_of_digits(x: &Numeric, places: i32) -> Result<Numeric> {
    let mut y = Numeric::parse(&format!("{:.17}", x.to_f64().ln()))?;
    let two = Numeric::from_i64(2);
    let mut exact = 14;
    while exact < places {
        let e = series(&y, places)?;
        let above = x.sub(&e)?.mul(&two)?;
        let below = x.add(&e)?;
        y = y.add(&divided(&above, &below, places)?)?.round(places);
        exact *= 3;
    }
    Ok(y)
}
