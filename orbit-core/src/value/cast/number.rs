//! Casts into numbers.

use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::{Numeric, Value};

#[cold]
fn out_of_range(sql_type: &SqlType) -> Error {
    let name = match sql_type {
        SqlType::Oid => "OID".to_owned(),
        _ => sql_type.to_string(),
    };
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{name} out of range"),
    )
}

#[cold]
fn text_out_of_range(value: &Numeric, sql_type: &SqlType) -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("\"{value}\" is out of range for type {sql_type}"),
    )
}

/// `None` when there is no such cast.
pub(super) fn cast(value: &Value, sql_type: &SqlType) -> Result<Option<Value>> {
    Ok(Some(match sql_type {
        SqlType::Float8 => Value::Float8(match value {
            Value::Int2(v) => f64::from(*v),
            Value::Int4(v) => f64::from(*v),
            Value::Int8(v) => *v as f64,
            Value::Float4(v) => f64::from(*v),
            Value::Float8(v) => *v,
            Value::Numeric(v) => {
                let float = v.to_f64();
                if float.is_infinite() && v.is_finite() {
                    return Err(text_out_of_range(v, sql_type));
                }
                float
            }
            _ => return Ok(None),
        }),
        SqlType::Float4 => Value::Float4(match value {
            Value::Int2(v) => f32::from(*v),
            Value::Int4(v) => *v as f32,
            Value::Int8(v) => *v as f32,
            Value::Float4(v) => *v,
            Value::Float8(v) => narrow(*v)?,
            Value::Numeric(v) => {
                // Read from the digits, so that it is rounded once.
                let float: f32 = v.to_string().parse().unwrap_or(f32::NAN);
                if float.is_infinite() && v.is_finite() {
                    return Err(text_out_of_range(v, sql_type));
                }
                float
            }
            _ => return Ok(None),
        }),
        SqlType::Numeric(modifier) => {
            let number = match value {
                Value::Int2(v) => Numeric::from(*v),
                Value::Int4(v) => Numeric::from(*v),
                Value::Int8(v) => Numeric::from(*v),
                Value::Float4(v) => Numeric::from_f32(*v),
                Value::Float8(v) => Numeric::from_f64(*v),
                Value::Numeric(v) => v.clone(),
                _ => return Ok(None),
            };
            Value::Numeric(match modifier {
                Some((precision, scale)) => number.fit(*precision, *scale)?,
                None => number,
            })
        }
        _ => {
            let Some(whole) = to_i64(value, sql_type)? else {
                return Ok(None);
            };
            let wrong = |_| out_of_range(sql_type);
            match sql_type {
                SqlType::Int2 => Value::Int2(whole.try_into().map_err(wrong)?),
                SqlType::Int4 => Value::Int4(whole.try_into().map_err(wrong)?),
                SqlType::Int8 => Value::Int8(whole),
                SqlType::Oid => Value::Int8(i64::from(u32::try_from(whole).map_err(wrong)?)),
                _ => return Ok(None),
            }
        }
    }))
}

fn to_i64(value: &Value, sql_type: &SqlType) -> Result<Option<i64>> {
    let from_float = |v: f64| {
        // Half to even, as PostgreSQL rounds floats (and, unlike here, not decimals).
        let whole = v.round_ties_even();
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
            Ok(whole as i64)
        } else {
            Err(out_of_range(sql_type))
        }
    };
    Ok(Some(match value {
        Value::Int2(v) => i64::from(*v),
        Value::Int4(v) => i64::from(*v),
        Value::Int8(v) => *v,
        Value::Float4(v) => from_float(f64::from(*v))?,
        Value::Float8(v) => from_float(*v)?,
        Value::Numeric(v) if !v.is_finite() => {
            let what = if v.is_nan() { "NaN" } else { "infinity" };
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("cannot convert {what} to {sql_type}"),
            ));
        }
        Value::Numeric(v) => v.to_i64().ok_or_else(|| out_of_range(sql_type))?,
        _ => return Ok(None),
    }))
}

fn narrow(value: f64) -> Result<f32> {
    let float = value as f32;
    let lost = |what: &str| {
        Err(Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value out of range: {what}"),
        ))
    };
    if float.is_infinite() && value.is_finite() {
        return lost("overflow");
    }
    if float == 0.0 && value != 0.0 {
        return lost("underflow");
    }
    Ok(float)
}
