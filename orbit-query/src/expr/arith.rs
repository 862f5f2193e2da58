//! `+ - * / %` with PostgreSQL's overflow and division errors. Both operands
//! have the same type: the compiler put casts where they differed.

use super::Datum;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

fn out_of_range(ty: &'static str) -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        match ty {
            "smallint" => "smallint out of range",
            "integer" => "integer out of range",
            _ => "bigint out of range",
        },
    )
}

fn division_by_zero() -> Error {
    Error::new(state::DIVISION_BY_ZERO, "division by zero")
}

macro_rules! integer_op {
    ($op:expr, $a:expr, $b:expr, $name:literal) => {{
        let (a, b) = ($a, $b);
        let result = match $op {
            ArithOp::Add => a.checked_add(b),
            ArithOp::Sub => a.checked_sub(b),
            ArithOp::Mul => a.checked_mul(b),
            ArithOp::Div if b == 0 => return Err(division_by_zero()),
            ArithOp::Rem if b == 0 => return Err(division_by_zero()),
            ArithOp::Div => a.checked_div(b),
            // The one overflow, MIN % -1, is 0 in PostgreSQL.
            ArithOp::Rem => Some(a.checked_rem(b).unwrap_or(0)),
        };
        result.ok_or_else(|| out_of_range($name))?
    }};
}

macro_rules! float_op {
    ($op:expr, $a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        let result = match $op {
            ArithOp::Add => a + b,
            ArithOp::Sub => a - b,
            ArithOp::Mul => a * b,
            ArithOp::Div if b == 0.0 && !a.is_nan() => return Err(division_by_zero()),
            ArithOp::Div => a / b,
            ArithOp::Rem => return Err(Error::internal("% of floating point")),
        };
        if result.is_infinite() && a.is_finite() && b.is_finite() {
            return Err(Error::new(
                state::NUMERIC_VALUE_OUT_OF_RANGE,
                "value out of range: overflow",
            ));
        }
        let underflow = match $op {
            ArithOp::Mul => a != 0.0 && b != 0.0,
            ArithOp::Div => a != 0.0 && !b.is_infinite(),
            _ => false,
        };
        if result == 0.0 && underflow {
            return Err(Error::new(
                state::NUMERIC_VALUE_OUT_OF_RANGE,
                "value out of range: underflow",
            ));
        }
        result
    }};
}

pub fn apply(op: ArithOp, left: Datum<'_>, right: Datum<'_>) -> Result<Value> {
    Ok(match (left.as_ref(), right.as_ref()) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => Value::Null,
        (ValueRef::Int4(a), ValueRef::Int4(b)) => Value::Int4(integer_op!(op, a, b, "integer")),
        (ValueRef::Int8(a), ValueRef::Int8(b)) => Value::Int8(integer_op!(op, a, b, "bigint")),
        (ValueRef::Int2(a), ValueRef::Int2(b)) => Value::Int2(integer_op!(op, a, b, "smallint")),
        (ValueRef::Float8(a), ValueRef::Float8(b)) => Value::Float8(float_op!(op, a, b)),
        (ValueRef::Float4(a), ValueRef::Float4(b)) => Value::Float4(float_op!(op, a, b)),
        (ValueRef::Numeric(a), ValueRef::Numeric(b)) => Value::Numeric(match op {
            ArithOp::Add => a.add(&b)?,
            ArithOp::Sub => a.sub(&b)?,
            ArithOp::Mul => a.mul(&b)?,
            ArithOp::Div => a.div(&b)?,
            ArithOp::Rem => a.rem(&b)?,
        }),
        // date - date, date +- integer.
        (ValueRef::Date(a), ValueRef::Date(b)) if op == ArithOp::Sub => {
            if is_infinite(a) || is_infinite(b) {
                return Err(Error::new(
                    state::DATETIME_FIELD_OVERFLOW,
                    "cannot subtract infinite dates",
                ));
            }
            Value::Int4(a.checked_sub(b).ok_or_else(|| out_of_range("integer"))?)
        }
        (ValueRef::Date(date), ValueRef::Int4(days))
        | (ValueRef::Int4(days), ValueRef::Date(date)) => {
            let days = match op {
                ArithOp::Add => Some(days),
                ArithOp::Sub => days.checked_neg(),
                _ => None,
            };
            if is_infinite(date) {
                return Ok(Value::Date(date));
            }
            match days.and_then(|days| date.checked_add(days)) {
                // 4713 BC to 5874897 AD, as PostgreSQL's dates.
                Some(date) if (-2_440_588..2_145_042_541).contains(&date) => Value::Date(date),
                _ => {
                    return Err(Error::new(
                        state::DATETIME_FIELD_OVERFLOW,
                        "date out of range",
                    ));
                }
            }
        }
        _ => return Err(Error::internal("arithmetic on values of different types")),
    })
}

fn is_infinite(date: i32) -> bool {
    date == i32::MAX || date == i32::MIN
}

pub fn negate(value: Datum<'_>) -> Result<Value> {
    Ok(match value.as_ref() {
        ValueRef::Null => Value::Null,
        ValueRef::Int2(v) => Value::Int2(v.checked_neg().ok_or_else(|| out_of_range("smallint"))?),
        ValueRef::Int4(v) => Value::Int4(v.checked_neg().ok_or_else(|| out_of_range("integer"))?),
        ValueRef::Int8(v) => Value::Int8(v.checked_neg().ok_or_else(|| out_of_range("bigint"))?),
        ValueRef::Float4(v) => Value::Float4(-v),
        ValueRef::Float8(v) => Value::Float8(-v),
        ValueRef::Numeric(v) => Value::Numeric(v.neg()),
        _ => return Err(Error::internal("negation of a value that is no number")),
    })
}

pub fn absolute(value: Datum<'_>) -> Result<Value> {
    let negative = match value.as_ref() {
        ValueRef::Int2(v) => v < 0,
        ValueRef::Int4(v) => v < 0,
        ValueRef::Int8(v) => v < 0,
        ValueRef::Float4(v) => return Ok(Value::Float4(v.abs())),
        ValueRef::Float8(v) => return Ok(Value::Float8(v.abs())),
        ValueRef::Numeric(v) => v.signum() < 0,
        _ => false,
    };
    if negative {
        negate(value)
    } else {
        Ok(value.into_value())
    }
}
