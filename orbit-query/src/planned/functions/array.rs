//! Arrays, and the series that FROM turns into rows.

use super::row::{RowFn, arity};
use super::{Env, Function, T, arg, datetime, function};
use crate::planned::arrow::nested::shape;
use crate::planned::bind::Bound;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Interval, Numeric, Value, ValueRef, cast};
use orbit_core::{Error, Result, state};
use std::cmp::Ordering;

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// Rows one call in FROM may make; they are held in memory.
const MAX_SERIES: usize = 5_000_000;

fn made(element: &SqlType, items: Vec<Value>) -> Result<Value> {
    Ok(Value::Array(Array::new(element.clone(), items)))
}

fn element_of(env: &Env, i: usize) -> SqlType {
    match env.types.get(i) {
        Some(SqlType::Array(element)) => (**element).clone(),
        Some(other) => other.clone(),
        None => SqlType::Text,
    }
}

fn array_append(args: Args, env: &Env) -> Result<Value> {
    let mut items = match args.first() {
        Some(ValueRef::Array(array)) => array.items.clone(),
        _ => Vec::new(),
    };
    items.push(args.get(1).ok_or_else(arity)?.to_owned());
    made(&element_of(env, 0), items)
}

fn array_prepend(args: Args, env: &Env) -> Result<Value> {
    let mut items = vec![args.first().ok_or_else(arity)?.to_owned()];
    if let Some(ValueRef::Array(array)) = args.get(1) {
        items.extend(array.items.iter().cloned());
    }
    made(&element_of(env, 1), items)
}

fn array_cat(args: Args, env: &Env) -> Result<Value> {
    match (args.first(), args.get(1)) {
        (Some(ValueRef::Array(a)), Some(ValueRef::Array(b))) => {
            let items = a.items.iter().chain(&b.items).cloned().collect();
            made(&element_of(env, 0), items)
        }
        (Some(ValueRef::Array(one)), _) | (_, Some(ValueRef::Array(one))) => {
            Ok(Value::Array(one.clone()))
        }
        _ => Ok(Value::Null),
    }
}

fn array_element(args: Args, _: &Env) -> Result<Value> {
    let array = arg::array(args, 0)?;
    let lower = array.dims.first().map_or(1, |(_, lower)| *lower);
    let at = i64::from(arg::int4(args, 1)?) - i64::from(lower);
    Ok(usize::try_from(at)
        .ok()
        .and_then(|at| array.items.get(at))
        .cloned()
        .unwrap_or_default())
}

fn array_slice(args: Args, env: &Env) -> Result<Value> {
    let array = arg::array(args, 0)?;
    let (from, to) = (
        arg::int4(args, 1)?.max(1) as usize,
        arg::int4(args, 2)?.max(0) as usize,
    );
    let items = array
        .items
        .iter()
        .take(to)
        .skip(from - 1)
        .cloned()
        .collect();
    made(&element_of(env, 0), items)
}

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
    Ok(at.and_then(|at| dims.get(at).copied()))
}

fn array_length(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, _)| Value::Int4(length)))
}

fn array_upper(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, lower)| {
        Value::Int4(lower.saturating_add(length - 1))
    }))
}

fn array_lower(args: Args, _: &Env) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(_, lower)| Value::Int4(lower)))
}

fn array_ndims(args: Args, _: &Env) -> Result<Value> {
    let dims = dims_of(arg::array(args, 0)?).len();
    Ok(if dims == 0 {
        Value::Null
    } else {
        Value::Int4(dims as i32)
    })
}

fn array_dims(args: Args, _: &Env) -> Result<Value> {
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

fn cardinality(args: Args, _: &Env) -> Result<Value> {
    let dims = dims_of(arg::array(args, 0)?);
    if dims.is_empty() {
        return Ok(Value::Int4(0));
    }
    let count: i64 = dims.iter().map(|(length, _)| i64::from(*length)).product();
    Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX)))
}

/// Items an array may be filled with.
const MAX_FILLED: i64 = 10_000_000;

fn array_fill(args: Args, env: &Env) -> Result<Value> {
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
    super::text::may_hold(usize::try_from(count).unwrap_or(usize::MAX), each)?;
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

fn equal(a: &Value, b: &ValueRef<'_>) -> bool {
    match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => cast::compare(&a.as_ref(), b) == Some(Ordering::Equal),
        _ => false,
    }
}

fn array_position(args: Args, _: &Env) -> Result<Value> {
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

fn array_positions(args: Args, _: &Env) -> Result<Value> {
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

fn array_remove(args: Args, env: &Env) -> Result<Value> {
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

fn array_replace(args: Args, env: &Env) -> Result<Value> {
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

fn array_to_string(args: Args, env: &Env) -> Result<Value> {
    let (Some(ValueRef::Array(array)), Some(ValueRef::Text(separator))) =
        (args.first(), args.get(1))
    else {
        return Ok(Value::Null);
    };
    let null = match args.get(2) {
        Some(ValueRef::Text(text)) => Some(*text),
        _ => None,
    };
    let element = element_of(env, 0);
    let mut parts = Vec::with_capacity(array.items.len());
    for item in &array.items {
        if item.is_null() {
            parts.extend(null.map(str::to_owned));
        } else {
            parts.push(super::text::shown(&item.as_ref(), &element, env)?);
        }
    }
    let length: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
    super::text::may_be_long(length)?;
    Ok(Value::Text(parts.join(separator)))
}

fn string_to_array(args: Args, _: &Env) -> Result<Value> {
    let Some(ValueRef::Text(text)) = args.first() else {
        return Ok(Value::Null);
    };
    let null = match args.get(2) {
        Some(ValueRef::Text(null)) => Some(*null),
        _ => None,
    };
    let parts: Vec<String> = match args.get(1) {
        Some(ValueRef::Text("")) => vec![(*text).to_owned()],
        Some(ValueRef::Text(separator)) if !text.is_empty() => {
            // Each part twice: as a text, and as an element.
            super::text::may_hold(text.matches(separator).count().saturating_mul(2), 16)?;
            text.split(separator).map(str::to_owned).collect()
        }
        Some(ValueRef::Text(_)) => Vec::new(),
        _ => {
            super::text::may_hold(text.len().saturating_mul(2), 16)?;
            text.chars().map(String::from).collect()
        }
    };
    let items = parts
        .into_iter()
        .map(|part| {
            if null == Some(part.as_str()) {
                Value::Null
            } else {
                Value::Text(part)
            }
        })
        .collect();
    made(&SqlType::Text, items)
}

fn contains(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::array(args, 0)?, arg::array(args, 1)?);
    Ok(Value::Bool(b.items.iter().all(|item| {
        !item.is_null() && a.items.iter().any(|other| equal(other, &item.as_ref()))
    })))
}

fn contained(args: Args, env: &Env) -> Result<Value> {
    contains(&[args[1].clone(), args[0].clone()], env)
}

fn overlaps(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::array(args, 0)?, arg::array(args, 1)?);
    Ok(Value::Bool(a.items.iter().any(|item| {
        !item.is_null() && b.items.iter().any(|other| equal(other, &item.as_ref()))
    })))
}

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
    super::text::may_hold(count, 0)?;
    let mut items = Vec::with_capacity(count);
    let mut at = start;
    while if step > 0 { at <= stop } else { at >= stop } {
        items.push(make(at as i64));
        at += step;
    }
    Ok(items)
}

fn series4(args: Args, _: &Env) -> Result<Value> {
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

fn series8(args: Args, _: &Env) -> Result<Value> {
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

fn series_numeric(args: Args, _: &Env) -> Result<Value> {
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
        super::text::may_grow(&items)?;
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
        super::text::may_grow(&items)?;
        items.push(make(at));
        at = next(at)?;
    }
    Ok(items)
}

fn series_timestamp(args: Args, _: &Env) -> Result<Value> {
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

fn series_timestamptz(args: Args, env: &Env) -> Result<Value> {
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

fn generate_subscripts(args: Args, env: &Env) -> Result<Value> {
    let length = match array_length(args, env)? {
        Value::Int4(length) => i64::from(length),
        _ => 0,
    };
    let mut places = integers(1, length, 1, |value| Value::Int4(value as i32))?;
    if matches!(args.get(2), Some(ValueRef::Bool(true))) {
        places.reverse();
    }
    made(&SqlType::Int4, places)
}

fn trim_array(args: Args, env: &Env) -> Result<Value> {
    let array = arg::array(args, 0)?;
    let kept = usize::try_from(arg::int4(args, 1)?)
        .ok()
        .and_then(|trimmed| array.items.len().checked_sub(trimmed));
    let Some(kept) = kept else {
        return Err(Error::new(
            state::ARRAY_SUBSCRIPT_ERROR,
            format!(
                "number of elements to trim must be between 0 and {}",
                array.items.len()
            ),
        ));
    };
    let items = array.items.iter().take(kept).cloned().collect();
    made(&element_of(env, 0), items)
}

/// How many of the sorted thresholds the value has reached.
fn width_bucket(args: Args, _: &Env) -> Result<Value> {
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
    );
    Ok(Bound::new(
        row.call(vec![value.expr, array.expr]),
        SqlType::Bool,
    ))
}

/// An array of one value.
pub fn single(bound: Bound) -> Result<Expr> {
    let element = bound.ty.clone();
    let row = RowFn::new(
        "single".to_owned(),
        format!("{element:?}"),
        vec![element.clone()],
        SqlType::Array(Box::new(element.clone())),
        move |args| made(&element, args.iter().map(ValueRef::to_owned).collect()),
    )
    .lenient();
    Ok(row.call(vec![bound.expr]))
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

/// The list, or NULL for one without items: DataFusion keeps a row beside NULL, and
/// none beside an empty list.
pub fn null_if_empty(list: Expr, element: &SqlType) -> Expr {
    let ty = SqlType::Array(Box::new(element.clone()));
    RowFn::new(
        "null_if_empty".to_owned(),
        String::new(),
        vec![ty.clone()],
        ty,
        |args| match args.first() {
            Some(ValueRef::Array(array)) if array.items.is_empty() => Ok(Value::Null),
            Some(list) => Ok(list.to_owned()),
            None => Ok(Value::Null),
        },
    )
    .call(vec![list])
}

pub const FUNCTIONS: &[Function] = &[
    function("&&", &[T::Array, T::Array], T::Bool, overlaps),
    function("<@", &[T::Array, T::Array], T::Bool, contained),
    function("@>", &[T::Array, T::Array], T::Bool, contains),
    function(
        "array_append",
        &[T::Array, T::Element],
        T::Array,
        array_append,
    )
    .lenient(),
    function("array_cat", &[T::Array, T::Array], T::Array, array_cat).lenient(),
    function(
        "array_element",
        &[T::Array, T::Int4],
        T::Element,
        array_element,
    ),
    function("array_length", &[T::Array, T::Int4], T::Int4, array_length),
    function("array_lower", &[T::Array, T::Int4], T::Int4, array_lower),
    function("array_ndims", &[T::Array], T::Int4, array_ndims),
    function(
        "array_position",
        &[T::Array, T::Element],
        T::Int4,
        array_position,
    )
    .lenient(),
    function(
        "array_positions",
        &[T::Array, T::Element],
        T::Ints,
        array_positions,
    )
    .lenient(),
    function(
        "array_prepend",
        &[T::Element, T::Array],
        T::Array,
        array_prepend,
    )
    .lenient(),
    function(
        "array_remove",
        &[T::Array, T::Element],
        T::Array,
        array_remove,
    )
    .lenient(),
    function(
        "array_replace",
        &[T::Array, T::Element, T::Element],
        T::Array,
        array_replace,
    )
    .lenient(),
    function(
        "array_slice",
        &[T::Array, T::Int4, T::Int4],
        T::Array,
        array_slice,
    ),
    function(
        "array_to_string",
        &[T::Array, T::Text],
        T::Text,
        array_to_string,
    ),
    function(
        "array_to_string",
        &[T::Array, T::Text, T::Text],
        T::Text,
        array_to_string,
    )
    .lenient(),
    function("array_dims", &[T::Array], T::Text, array_dims),
    function("array_fill", &[T::Element, T::Ints], T::Array, array_fill).lenient(),
    function(
        "array_fill",
        &[T::Element, T::Ints, T::Ints],
        T::Array,
        array_fill,
    )
    .lenient(),
    function(
        "array_position",
        &[T::Array, T::Element, T::Int4],
        T::Int4,
        array_position,
    )
    .lenient(),
    function("array_upper", &[T::Array, T::Int4], T::Int4, array_upper),
    function("cardinality", &[T::Array], T::Int4, cardinality),
    function("generate_series", &[T::Int4, T::Int4], T::Ints, series4),
    function(
        "generate_series",
        &[T::Int4, T::Int4, T::Int4],
        T::Ints,
        series4,
    ),
    function("generate_series", &[T::Int8, T::Int8], T::Bigints, series8),
    function(
        "generate_series",
        &[T::Int8, T::Int8, T::Int8],
        T::Bigints,
        series8,
    ),
    function(
        "generate_series",
        &[T::Numeric, T::Numeric],
        T::Numerics,
        series_numeric,
    ),
    function(
        "generate_series",
        &[T::Numeric, T::Numeric, T::Numeric],
        T::Numerics,
        series_numeric,
    ),
    function(
        "generate_series",
        &[T::Timestamp, T::Timestamp, T::Interval],
        T::Timestamps,
        series_timestamp,
    ),
    function(
        "generate_series",
        &[T::TimestampTz, T::TimestampTz, T::Interval],
        T::TimestampTzs,
        series_timestamptz,
    ),
    function(
        "generate_subscripts",
        &[T::Array, T::Int4],
        T::Ints,
        generate_subscripts,
    ),
    function(
        "generate_subscripts",
        &[T::Array, T::Int4, T::Bool],
        T::Ints,
        generate_subscripts,
    ),
    function(
        "string_to_array",
        &[T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_array",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_table",
        &[T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_table",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function("trim_array", &[T::Array, T::Int4], T::Array, trim_array),
    function(
        "width_bucket",
        &[T::Element, T::Array],
        T::Int4,
        width_bucket,
    ),
    function("||", &[T::Array, T::Array], T::Array, array_cat).lenient(),
    function("||", &[T::Array, T::Element], T::Array, array_append).lenient(),
    function("||", &[T::Element, T::Array], T::Array, array_prepend).lenient(),
];
