//! The order of values, across the types that PostgreSQL compares without a cast.

use crate::value::datetime::{
    DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, MICROS_PER_DAY, NEG_INFINITY,
};
use crate::value::{Array, Numeric, Value, ValueRef};
use std::cmp::Ordering;

/// `None` when either is NULL or the types don't compare. Integers, decimals and
/// floats do with each other, dates with timestamps, networks with addresses.
#[inline]
pub fn compare(a: &ValueRef, b: &ValueRef) -> Option<Ordering> {
    Some(match (a, b) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => return None,
        (ValueRef::Text(a), ValueRef::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (ValueRef::Bool(a), ValueRef::Bool(b)) => a.cmp(b),
        (ValueRef::Bytea(a), ValueRef::Bytea(b)) => a.cmp(b),
        (ValueRef::Date(a), ValueRef::Date(b)) => a.cmp(b),
        (ValueRef::Time(a), ValueRef::Time(b))
        | (ValueRef::Timestamp(a), ValueRef::Timestamp(b))
        | (ValueRef::TimestampTz(a), ValueRef::TimestampTz(b)) => a.cmp(b),
        (ValueRef::Date(a), ValueRef::Timestamp(b)) => midnight(*a).cmp(&i128::from(*b)),
        (ValueRef::Timestamp(a), ValueRef::Date(b)) => i128::from(*a).cmp(&midnight(*b)),
        (ValueRef::Interval(a), ValueRef::Interval(b)) => a.span().cmp(&b.span()),
        (ValueRef::Uuid(a), ValueRef::Uuid(b)) => a.cmp(b),
        (ValueRef::Inet(a) | ValueRef::Cidr(a), ValueRef::Inet(b) | ValueRef::Cidr(b)) => a.cmp(b),
        (ValueRef::Array(a), ValueRef::Array(b)) => return compare_arrays(a, b),
        _ => return compare_numbers(a, b),
    })
}

/// Wide, because there are dates that no timestamp reaches.
fn midnight(days: i32) -> i128 {
    match days {
        DATE_INFINITY => i128::from(INFINITY),
        DATE_NEG_INFINITY => i128::from(NEG_INFINITY),
        days => i128::from(days) * i128::from(MICROS_PER_DAY),
    }
}

fn integer(value: &ValueRef) -> Option<i64> {
    match value {
        ValueRef::Int2(v) => Some(i64::from(*v)),
        ValueRef::Int4(v) => Some(i64::from(*v)),
        ValueRef::Int8(v) => Some(*v),
        _ => None,
    }
}

fn float(value: &ValueRef) -> Option<f64> {
    match value {
        ValueRef::Float4(v) => Some(f64::from(*v)),
        ValueRef::Float8(v) => Some(*v),
        ValueRef::Numeric(v) => Some(v.to_f64()),
        _ => integer(value).map(|v| v as f64),
    }
}

fn numeric(value: &ValueRef) -> Option<Numeric> {
    match value {
        ValueRef::Numeric(v) => Some(v.clone()),
        _ => integer(value).map(Numeric::from),
    }
}

fn compare_numbers(a: &ValueRef, b: &ValueRef) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return Some(a.cmp(&b));
    }
    let is_float = |value: &ValueRef| matches!(value, ValueRef::Float4(_) | ValueRef::Float8(_));
    if is_float(a) || is_float(b) {
        return Some(compare_floats(float(a)?, float(b)?));
    }
    Some(numeric(a)?.cmp(&numeric(b)?))
}

/// NaN is the greatest and equals itself; -0 equals 0.
fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// By elements (NULL is the greatest), then their number, dimensions, lengths and bounds.
fn compare_arrays(a: &Array, b: &Array) -> Option<Ordering> {
    for (x, y) in a.items.iter().zip(&b.items) {
        let order = match (x, y) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (x, y) => compare(&x.as_ref(), &y.as_ref())?,
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    let lengths = |array: &Array| array.dims.iter().map(|dim| dim.0).collect::<Vec<_>>();
    let bounds = |array: &Array| array.dims.iter().map(|dim| dim.1).collect::<Vec<_>>();
    Some(
        a.items
            .len()
            .cmp(&b.items.len())
            .then_with(|| a.dims.len().cmp(&b.dims.len()))
            .then_with(|| lengths(a).cmp(&lengths(b)))
            .then_with(|| bounds(a).cmp(&bounds(b))),
    )
}
