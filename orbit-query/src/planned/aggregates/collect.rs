//! Aggregates that need all values at once: mode, arrays, JSON arrays.

use super::row::{RowAggregate, State, take};
use crate::planned::arrow::nested::shape;
use crate::planned::functions::json;
use crate::planned::functions::row::{RowFn, arity};
use datafusion::logical_expr::AggregateUDF;
use orbit_core::row::{decode_value, encode_value};
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Array, Value, ValueRef, cast};
use orbit_core::{Error, Result, state};
use std::cmp::Ordering;
use std::sync::Arc;

pub(super) type Finish = Arc<dyn Fn(&[Value]) -> Result<Value> + Send + Sync>;

pub(super) struct Collected {
    ty: SqlType,
    pub values: Vec<Value>,
    bytes: usize,
    finish: Finish,
}

impl Collected {
    pub fn new(ty: SqlType, finish: Finish) -> Collected {
        Collected {
            ty,
            values: Vec::new(),
            bytes: 0,
            finish,
        }
    }
}

impl State for Collected {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(value) = args.first() {
            self.bytes += match value {
                ValueRef::Text(text) => text.len(),
                ValueRef::Bytea(bytes) => bytes.len(),
                _ => 0,
            } + size_of::<Value>();
            let room = self.values.capacity();
            if self.values.len() == room && room >= MANY {
                // The list doubles, and until it is copied there are both.
                orbit_core::memory::admit(room.saturating_mul(3 * size_of::<Value>()))?;
            }
            self.values.push(value.to_owned());
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        if self.values.is_empty() {
            return Ok(Value::Null);
        }
        (self.finish)(&self.values)
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&(self.values.len() as u64).to_le_bytes());
        for value in &self.values {
            out.push(u8::from(value.is_null()));
            if !value.is_null() {
                encode_value(&value.as_ref(), out);
            }
        }
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        let count = u64::from_le_bytes(take(&mut rest)?);
        for _ in 0..count {
            let [null] = take::<1>(&mut rest)?;
            let value = if null == 1 {
                Value::Null
            } else {
                decode_value(&mut rest, &self.ty)?
            };
            self.add(&[value.as_ref()])?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.bytes + size_of::<Collected>()
    }
}

pub(super) fn collecting(
    name: &str,
    identity: String,
    ty: &SqlType,
    returns: &SqlType,
    finish: impl Fn(&[Value]) -> Result<Value> + Send + Sync + 'static,
) -> RowAggregate {
    let finish: Finish = Arc::new(finish);
    let held = ty.clone();
    RowAggregate::new(
        name,
        identity,
        vec![ty.clone()],
        returns.clone(),
        move || Collected::new(held.clone(), finish.clone()),
    )
}

fn order(a: &Value, b: &Value) -> Ordering {
    cast::compare(&a.as_ref(), &b.as_ref()).unwrap_or(Ordering::Equal)
}

pub(super) fn sorted(values: &[Value], descending: bool) -> Vec<&Value> {
    let mut sorted: Vec<&Value> = values.iter().collect();
    sorted.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
    sorted
}

/// The most frequent value; the first in order if several are.
pub fn mode(ty: &SqlType, descending: bool) -> RowAggregate {
    let identity = format!("{descending} {ty:?}");
    collecting("mode", identity, ty, ty, move |values| {
        let sorted = sorted(values, descending);
        let mut best: Option<(&Value, usize)> = None;
        let mut at = 0;
        while let Some(value) = sorted.get(at) {
            let run = sorted[at..]
                .iter()
                .take_while(|next| order(next, value) == Ordering::Equal)
                .count();
            if best.is_none_or(|(_, length)| run > length) {
                best = Some((value, run));
            }
            at += run;
        }
        Ok(best.map_or(Value::Null, |(value, _)| value.clone()))
    })
}

/// `json_agg`, `jsonb_agg`: NULLs are part of the array.
pub fn json_array(
    name: &str,
    ty: &SqlType,
    returns: &SqlType,
    format: &FormatSettings,
) -> Arc<AggregateUDF> {
    let held = ty.clone();
    let binary = *returns == SqlType::Jsonb;
    let identity = format!("{ty:?} {}", json::identity(format));
    let format = format.clone();
    let aggregate = collecting(name, identity, ty, returns, move |values| {
        json_text(values, &held, (binary, false), &format)
    })
    .lenient();
    Arc::new(AggregateUDF::new_from_impl(aggregate))
}

fn json_text(
    values: &[Value],
    ty: &SqlType,
    (binary, of_rows): (bool, bool),
    format: &FormatSettings,
) -> Result<Value> {
    let mut out = String::from("[");
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
            // PostgreSQL gives each array and each row a line of its own.
            let own_line = matches!(value, Value::Array(_)) || of_rows && !value.is_null();
            if own_line && !binary {
                out.push_str("\n ");
            }
        }
        let text = json::of_value(value, ty, binary, format)?;
        grow(&mut out, &text)?;
    }
    out.push(']');
    Ok(Value::Text(out))
}

/// A list of so many values asks before it grows.
const MANY: usize = 8 << 10;

/// PostgreSQL's limit of a gigabyte.
const LONGEST: usize = 0x3fff_ffff;

/// Appends, within that limit.
fn grow(out: &mut String, more: &str) -> Result<()> {
    if out.len() + more.len() >= LONGEST {
        return Err(
            Error::new(state::PROGRAM_LIMIT_EXCEEDED, "out of memory").with_detail(format!(
                "Cannot enlarge string buffer containing {} bytes by {} more bytes.",
                out.len(),
                more.len()
            )),
        );
    }
    if out.capacity() - out.len() < more.len() {
        // It doubles.
        let wanted = out.capacity().max(more.len());
        if wanted > 64 << 10 {
            orbit_core::memory::admit(wanted.saturating_mul(2))?;
        }
    }
    out.push_str(more);
    Ok(())
}

/// `json_agg` and `jsonb_agg` of what `array_agg` collected.
pub fn json_of_array(
    element: &SqlType,
    returns: &SqlType,
    of_rows: bool,
    format: &FormatSettings,
) -> RowFn {
    let identity = format!("{of_rows} {}", json::identity(format));
    let format = format.clone();
    let held = element.clone();
    let binary = *returns == SqlType::Jsonb;
    RowFn::new(
        if binary { "jsonb_agg" } else { "json_agg" }.to_owned(),
        identity,
        vec![SqlType::Array(Box::new(element.clone()))],
        returns.clone(),
        move |args| match args {
            [ValueRef::Array(array)] => json_text(&array.items, &held, (binary, of_rows), &format),
            _ => Err(arity()),
        },
    )
}

/// `string_agg` of what `array_agg` collected: NULLs left out, NULL when nothing is left.
pub fn joined(delimiter: Value) -> RowFn {
    RowFn::new(
        "string_agg".to_owned(),
        format!("{delimiter:?}"),
        vec![SqlType::Array(Box::new(SqlType::Text))],
        SqlType::Text,
        move |args| {
            let [ValueRef::Array(array)] = args else {
                return Err(arity());
            };
            let delimiter = match &delimiter {
                Value::Text(text) => text.as_str(),
                _ => "",
            };
            let mut out: Option<String> = None;
            for item in &array.items {
                let Value::Text(text) = item else { continue };
                match &mut out {
                    None => out = Some(text.clone()),
                    Some(out) => {
                        grow(out, delimiter)?;
                        grow(out, text)?;
                    }
                }
            }
            Ok(out.map_or(Value::Null, Value::Text))
        },
    )
}

/// The same of bytes.
pub fn joined_bytes(delimiter: Value) -> RowFn {
    RowFn::new(
        "string_agg".to_owned(),
        format!("{delimiter:?}"),
        vec![SqlType::Array(Box::new(SqlType::Bytea))],
        SqlType::Bytea,
        move |args| {
            let [ValueRef::Array(array)] = args else {
                return Err(arity());
            };
            let delimiter = match &delimiter {
                Value::Bytea(bytes) => bytes.as_slice(),
                _ => &[],
            };
            let items = || {
                array.items.iter().filter_map(|item| match item {
                    Value::Bytea(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
            };
            let length = items().fold(0usize, |sum, item| {
                sum.saturating_add(item.len())
                    .saturating_add(delimiter.len())
            });
            if length >= LONGEST {
                return Err(Error::new(state::PROGRAM_LIMIT_EXCEEDED, "out of memory"));
            }
            orbit_core::memory::admit(length)?;
            let mut out: Option<Vec<u8>> = None;
            for item in items() {
                match &mut out {
                    None => {
                        let mut first = Vec::with_capacity(length);
                        first.extend_from_slice(item);
                        out = Some(first);
                    }
                    Some(out) => {
                        out.extend_from_slice(delimiter);
                        out.extend_from_slice(item);
                    }
                }
            }
            Ok(out.map_or(Value::Null, Value::Bytea))
        },
    )
}

/// What `array_agg` of arrays collected, if it is one array of a dimension more.
pub fn stacked(element: &SqlType) -> RowFn {
    let ty = SqlType::Array(Box::new(element.clone()));
    RowFn::new(
        "array_agg".to_owned(),
        format!("stacked {ty:?}"),
        vec![ty.clone()],
        ty,
        |args| {
            let [ValueRef::Array(array)] = args else {
                return Err(arity());
            };
            for item in &array.items {
                match item {
                    Value::Array(item) if item.items.is_empty() => {
                        return Err(Error::new(
                            state::ARRAY_SUBSCRIPT_ERROR,
                            "cannot accumulate empty arrays",
                        ));
                    }
                    Value::Array(_) => {}
                    _ => {
                        return Err(Error::new(
                            state::NULL_VALUE_NOT_ALLOWED,
                            "cannot accumulate null arrays",
                        ));
                    }
                }
            }
            if shape(array).is_none() {
                return Err(Error::new(
                    state::ARRAY_SUBSCRIPT_ERROR,
                    "cannot accumulate arrays of different dimensionality",
                ));
            }
            Ok(Value::Array(array.clone()))
        },
    )
}

/// `array_agg(DISTINCT x)` of a sorted array whose equal items need not be the same.
pub fn without_repeats(element: &SqlType) -> RowFn {
    let held = element.clone();
    let ty = SqlType::Array(Box::new(element.clone()));
    RowFn::new(
        "array_agg".to_owned(),
        format!("{ty:?}"),
        vec![ty.clone()],
        ty,
        move |args| {
            let [ValueRef::Array(array)] = args else {
                return Err(arity());
            };
            let mut items: Vec<Value> = Vec::with_capacity(array.items.len());
            for item in &array.items {
                let repeated = items.last().is_some_and(|last| {
                    last.is_null() && item.is_null()
                        || cast::compare(&last.as_ref(), &item.as_ref()) == Some(Ordering::Equal)
                });
                if !repeated {
                    items.push(item.clone());
                }
            }
            Ok(Value::Array(Array::new(held.clone(), items)))
        },
    )
}
