//! Arrays: made, taken apart and put together, to and from texts. What looks for
//! elements is in `array/search.rs`, what FROM turns into rows in `array/series.rs`.

mod dimensions;
mod search;
mod series;
mod table;

use super::row::{RowFn, arity};
use super::{Env, arg, text};
use crate::planned::bind::Bound;
use datafusion::logical_expr::Expr;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
pub use search::quantified;
pub use series::ordinals;
pub use table::FUNCTIONS;

type Args<'a, 'v> = &'a [ValueRef<'v>];

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
            parts.push(text::shown(&item.as_ref(), &element, env)?);
        }
    }
    let length: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
    text::may_be_long(length)?;
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
            text::may_hold(text.matches(separator).count().saturating_mul(2), 16)?;
            text.split(separator).map(str::to_owned).collect()
        }
        Some(ValueRef::Text(_)) => Vec::new(),
        _ => {
            text::may_hold(text.len().saturating_mul(2), 16)?;
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
