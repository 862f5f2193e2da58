//! Lengths and bounds of an array, and arrays filled by them.

use super::{Args, made};
use crate::planned::arrow::nested::shape;
use crate::planned::functions::row::arity;
use crate::planned::functions::{Env, arg, text};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// Length and lower bound of every dimension, be they lists of lists.
fn dims_of(array: &Array) -> Vec<(i32, i32)> {
    if !matches!(array.items.first(), Some(Value::Array(_))) {
        return array.dims.clone();
    }
    let lengths = shape(array).unwrap_or_default().into_iter();
    let lengths = lengths.map(|length| (i32::try_from(length).unwrap_or(i32::MAX), 1));
    lengths.collect()
}

fn dimension(args: Args) -> Result<Option<(i32, i32)>> {
    let dims = dims_of(arg::array(args, 0)?);
    let at = usize::try_from(i64::from(arg::int4(args, 1)?) - 1).ok();
    let found = at.and_then(|at| dims.get(at).copied());
    // Lists of the catalogs that count from elsewhere come with where they begin.
    Ok(match args.get(2) {
        Some(ValueRef::Int4(first)) => found.map(|(length, _)| (length, *first)),
        _ => found,
    })
}

pub(super) fn array_length(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, _)| Value::Int4(length)))
}

pub(super) fn array_upper(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, lower)| {
        Value::Int4(lower.saturating_add(length - 1))
    }))
}

pub(super) fn array_lower(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(_, lower)| Value::Int4(lower)))
}

pub(super) fn array_ndims(args: Args, _: &Env) -> Result<Value> {
    let dims = dims_of(arg::array(args, 0)?).len();
    Ok(if dims == 0 {
        Value::Null
    } else {
        Value::Int4(dims as i32)
    })
}

pub(super) fn array_dims(args: Args, _: &Env) -> Result<Value> {
    let dims = dims_of(arg::array(args, 0)?);
    if dims.is_empty() {
        return Ok(Value::Null);
    }
    let shown = dims.iter().map(|(length, lower)| {
        let last = i64::from(*lower) + i64::from(*length) - 1;
        format!("[{lower}:{last}]")
    });
    Ok(Value::Text(shown.collect()))
}

pub(super) fn cardinality(args: Args, _: &Env) -> Result<Value> {
    let dims = dims_of(arg::array(args, 0)?);
    if dims.is_empty() {
        return Ok(Value::Int4(0));
    }
    let count: i64 = dims.iter().map(|(length, _)| i64::from(*length)).product();
    Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX)))
}

/// Items an array may be filled with.
const MAX_FILLED: i64 = 10_000_000;

pub(super) fn array_fill(args: Args, env: &Env) -> Result<Value> {
    let value = args.first().ok_or_else(arity)?.to_owned();
    let numbers = |at: usize| -> Result<Vec<i32>> {
        let Some(ValueRef::Array(array)) = args.get(at) else {
            return Err(Error::new(
                state::NULL_VALUE_NOT_ALLOWED,
                "dimension array or low bound array cannot be null",
            ));
        };
        array
            .items
            .iter()
            .map(|item| match item {
                Value::Int4(number) => Ok(*number),
                _ => Err(Error::new(
                    state::NULL_VALUE_NOT_ALLOWED,
                    "dimension values cannot be null",
                )),
            })
            .collect()
    };
    let element = env.types.first().cloned().unwrap_or(SqlType::Text);
    let lengths = numbers(1)?;
    let bounds = match args.get(2) {
        Some(_) => numbers(2)?,
        None => vec![1; lengths.len()],
    };
    if bounds.len() != lengths.len() {
        return Err(Error::new(
            state::ARRAY_SUBSCRIPT_ERROR,
            "wrong number of array subscripts",
        )
        .with_detail("Low bound array has different size than dimensions array."));
    }
    let count: i64 = lengths
        .iter()
        .map(|length| i64::from((*length).max(0)))
        .product();
    if lengths.is_empty() || count == 0 {
        return made(&element, Vec::new());
    }
    let each = match &value {
        Value::Text(text) => text.len(),
        Value::Bytea(bytes) => bytes.len(),
        _ => 0,
    };
    text::may_hold(usize::try_from(count).unwrap_or(usize::MAX), each)?;
    if count > MAX_FILLED {
        return Err(Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            format!("array size exceeds the maximum allowed ({MAX_FILLED})"),
        ));
    }
    if lengths.len() > 1 || bounds.iter().any(|lower| *lower != 1) {
        return Err(Error::unsupported(
            "array_fill with several dimensions or bounds other than 1",
        ));
    }
    made(&element, vec![value; usize::try_from(count).unwrap_or(0)])
}
