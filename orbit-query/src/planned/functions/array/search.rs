//! Elements looked for by value: positions, removal, containment, ANY and ALL.

use super::{Args, element_of, made};
use crate::planned::bind::Bound;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::functions::{Env, arg};
use datafusion::logical_expr::Operator;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef, cast};
use orbit_core::{Error, Result, state};
use std::cmp::Ordering;

fn equal(a: &Value, b: &ValueRef<'_>) -> bool {
    match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => cast::compare(&a.as_ref(), b) == Some(Ordering::Equal),
        _ => false,
    }
}

pub(super) fn array_position(args: Args, _: &Env) -> Result<Value> {
    let Some(ValueRef::Array(array)) = args.first() else {
        return Ok(Value::Null);
    };
    let wanted = args.get(1).ok_or_else(arity)?;
    let lower = array.dims.first().map_or(1, |(_, lower)| *lower);
    let skipped = match args.get(2) {
        None => 0,
        Some(ValueRef::Int4(start)) => {
            usize::try_from(i64::from(*start) - i64::from(lower)).unwrap_or(0)
        }
        Some(_) => {
            return Err(Error::new(
                state::NULL_VALUE_NOT_ALLOWED,
                "initial position must not be null",
            ));
        }
    };
    let mut rest = array.items.iter().enumerate().skip(skipped);
    Ok(rest
        .find(|(_, item)| equal(item, wanted))
        .map_or(Value::Null, |(at, _)| Value::Int4(at as i32 + lower)))
}

pub(super) fn array_positions(args: Args, _: &Env) -> Result<Value> {
    let Some(ValueRef::Array(array)) = args.first() else {
        return Ok(Value::Null);
    };
    let wanted = args.get(1).ok_or_else(arity)?;
    let found = array
        .items
        .iter()
        .enumerate()
        .filter(|(_, item)| equal(item, wanted))
        .map(|(at, _)| Value::Int4(at as i32 + 1))
        .collect();
    made(&SqlType::Int4, found)
}

pub(super) fn array_remove(args: Args, env: &Env) -> Result<Value> {
    let Some(ValueRef::Array(array)) = args.first() else {
        return Ok(Value::Null);
    };
    let wanted = args.get(1).ok_or_else(arity)?;
    let kept = array
        .items
        .iter()
        .filter(|item| !equal(item, wanted))
        .cloned()
        .collect();
    made(&element_of(env, 0), kept)
}

pub(super) fn array_replace(args: Args, env: &Env) -> Result<Value> {
    let Some(ValueRef::Array(array)) = args.first() else {
        return Ok(Value::Null);
    };
    let (from, to) = (
        args.get(1).ok_or_else(arity)?,
        args.get(2).ok_or_else(arity)?,
    );
    let items = array
        .items
        .iter()
        .map(|item| {
            if equal(item, from) {
                to.to_owned()
            } else {
                item.clone()
            }
        })
        .collect();
    made(&element_of(env, 0), items)
}

pub(super) fn contains(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::array(args, 0)?, arg::array(args, 1)?);
    Ok(Value::Bool(b.items.iter().all(|item| {
        !item.is_null() && a.items.iter().any(|other| equal(other, &item.as_ref()))
    })))
}

pub(super) fn contained(args: Args, env: &Env) -> Result<Value> {
    contains(&[args[1].clone(), args[0].clone()], env)
}

pub(super) fn overlaps(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::array(args, 0)?, arg::array(args, 1)?);
    Ok(Value::Bool(a.items.iter().any(|item| {
        !item.is_null() && b.items.iter().any(|other| equal(other, &item.as_ref()))
    })))
}

/// How many of the sorted thresholds the value has reached.
pub(super) fn width_bucket(args: Args, _: &Env) -> Result<Value> {
    let value = args.first().ok_or_else(arity)?;
    let thresholds = &arg::array(args, 1)?.items;
    if thresholds.iter().any(Value::is_null) {
        return Err(Error::new(
            state::NULL_VALUE_NOT_ALLOWED,
            "thresholds array must not contain NULLs",
        ));
    }
    let reached = thresholds
        .partition_point(|limit| cast::compare(&limit.as_ref(), value) != Some(Ordering::Greater));
    Ok(Value::Int4(i32::try_from(reached).unwrap_or(i32::MAX)))
}

/// `x op ANY (array)`, `x op ALL (array)`.
pub fn quantified(value: Bound, array: Bound, operator: Operator, any: bool) -> Result<Bound> {
    let row = RowFn::new(
        if any { "any" } else { "all" }.to_owned(),
        format!("{operator} {:?} {:?}", value.ty, array.ty),
        vec![value.ty.clone(), array.ty.clone()],
        SqlType::Bool,
        move |args| {
            let (Some(value), Some(ValueRef::Array(array))) = (args.first(), args.get(1)) else {
                return Ok(Value::Null);
            };
            // Of no items not even NULL is one.
            let mut unknown = false;
            for item in &array.items {
                let Some(order) = cast::compare(value, &item.as_ref()) else {
                    unknown = true;
                    continue;
                };
                let holds = match operator {
                    Operator::Eq => order == Ordering::Equal,
                    Operator::NotEq => order != Ordering::Equal,
                    Operator::Lt => order == Ordering::Less,
                    Operator::LtEq => order != Ordering::Greater,
                    Operator::Gt => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                };
                if holds == any {
                    return Ok(Value::Bool(any));
                }
            }
            Ok(if unknown {
                Value::Null
            } else {
                Value::Bool(!any)
            })
        },
    )
    .lenient();
    Ok(Bound::new(
        row.call(vec![value.expr, array.expr]),
        SqlType::Bool,
    ))
}
