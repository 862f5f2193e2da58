//! generate_series and its like: arrays that count, which FROM turns into rows.

use super::dimensions::array_length;
use super::{Args, made};
use crate::planned::functions::row::RowFn;
use crate::planned::functions::{Env, arg, datetime, text};
use datafusion::logical_expr::Expr;
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// Rows one call in FROM may make; they are held in memory.
const MAX_SERIES: usize = 5_000_000;

fn too_many() -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "the series has too many rows",
    )
    .with_hint(format!(
        "At most {MAX_SERIES} rows can be generated at once."
    ))
}

fn zero_step() -> Error {
    Error::new(
        state::INVALID_PARAMETER_VALUE,
        "step size cannot equal zero",
    )
}

fn integers(start: i64, stop: i64, step: i64, make: impl Fn(i64) -> Value) -> Result<Vec<Value>> {
    if step == 0 {
        return Err(zero_step());
    }
    let (start, stop, step) = (i128::from(start), i128::from(stop), i128::from(step));
    let count = (stop - start).div_euclid(step) + 1;
    if (step > 0) == (start > stop) && start != stop {
        return Ok(Vec::new());
    }
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if count > MAX_SERIES {
        return Err(too_many());
    }
    text::may_hold(count, 0)?;
    let mut items = Vec::with_capacity(count);
    let mut at = start;
    while if step > 0 { at <= stop } else { at >= stop } {
        items.push(make(at as i64));
        at += step;
    }
    Ok(items)
}

pub(super) fn series4(args: Args, _: &Env) -> Result<Value> {
    let step = if args.len() > 2 {
        arg::int4(args, 2)?
    } else {
        1
    };
    let items = integers(
        i64::from(arg::int4(args, 0)?),
        i64::from(arg::int4(args, 1)?),
        i64::from(step),
        |value| Value::Int4(value as i32),
    )?;
    made(&SqlType::Int4, items)
}

pub(super) fn series8(args: Args, _: &Env) -> Result<Value> {
    let step = if args.len() > 2 {
        arg::int8(args, 2)?
    } else {
        1
    };
    made(
        &SqlType::Int8,
        integers(arg::int8(args, 0)?, arg::int8(args, 1)?, step, Value::Int8)?,
    )
}

pub(super) fn series_numeric(args: Args, _: &Env) -> Result<Value> {
    let (start, stop) = (arg::numeric(args, 0)?, arg::numeric(args, 1)?);
    let step = if args.len() > 2 {
        arg::numeric(args, 2)?.clone()
    } else {
        Numeric::ONE
    };
    let sign = step.signum();
    if sign == 0 {
        return Err(zero_step());
    }
    let mut items = Vec::new();
    let mut at = start.clone();
    while at.sub(stop)?.signum() * sign <= 0 {
        if items.len() >= MAX_SERIES {
            return Err(too_many());
        }
        let next = at.add(&step)?;
        text::may_grow(&items)?;
        items.push(Value::Numeric(at));
        at = next;
    }
    made(&SqlType::Numeric(None), items)
}

fn moments(
    start: i64,
    stop: i64,
    step: Interval,
    next: impl Fn(i64) -> Result<i64>,
    make: fn(i64) -> Value,
) -> Result<Vec<Value>> {
    let sign = step.span().signum();
    if sign == 0 {
        return Err(zero_step());
    }
    let mut items = Vec::new();
    let mut at = start;
    while if sign > 0 { at <= stop } else { at >= stop } {
        if items.len() >= MAX_SERIES {
            return Err(too_many());
        }
        text::may_grow(&items)?;
        items.push(make(at));
        at = next(at)?;
    }
    Ok(items)
}

pub(super) fn series_timestamp(args: Args, _: &Env) -> Result<Value> {
    let step = arg::interval(args, 2)?;
    let items = moments(
        arg::timestamp(args, 0)?,
        arg::timestamp(args, 1)?,
        step,
        |at| datetime::add_interval(at, step),
        Value::Timestamp,
    )?;
    made(&SqlType::Timestamp, items)
}

pub(super) fn series_timestamptz(args: Args, env: &Env) -> Result<Value> {
    let step = arg::interval(args, 2)?;
    let zone = env.format.time_zone;
    let items = moments(
        arg::timestamptz(args, 0)?,
        arg::timestamptz(args, 1)?,
        step,
        |at| datetime::add_interval_tz(at, step, zone),
        Value::TimestampTz,
    )?;
    made(&SqlType::TimestampTz, items)
}

pub(super) fn generate_subscripts(args: Args, env: &Env) -> Result<Value> {
    let length = match array_length(args, env)? {
        Value::Int4(length) => i64::from(length),
        _ => 0,
    };
    // Lists of the catalogs that count from elsewhere come with where they begin.
    let first = match args.get(3) {
        Some(ValueRef::Int4(first)) => i64::from(*first),
        _ => 1,
    };
    let last = first + length - 1;
    let mut places = integers(first, last, 1, |value| Value::Int4(value as i32))?;
    if matches!(args.get(2), Some(ValueRef::Bool(true))) {
        places.reverse();
    }
    made(&SqlType::Int4, places)
}

/// 1, 2, 3, ... as long as the list is.
pub fn ordinals(list: Expr, element: &SqlType) -> Expr {
    RowFn::new(
        "ordinals".to_owned(),
        String::new(),
        vec![SqlType::Array(Box::new(element.clone()))],
        SqlType::Array(Box::new(SqlType::Int8)),
        |args| {
            let length = arg::array(args, 0)?.items.len() as i64;
            made(&SqlType::Int8, integers(1, length, 1, Value::Int8)?)
        },
    )
    .call(vec![list])
}
