//! What changes a jsonb: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`, `jsonb_strip_nulls`.
//!
//! The parts of a jsonb's text are in its own form already, so that they are put
//! together as they are.

use super::span::{self, Kind};
use super::{Args, Env};
use crate::planned::functions::arg;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// A key and its quoted form, and the value.
pub(in crate::planned::functions) type Field = (String, String, String);

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

pub(in crate::planned::functions) fn array_text<S: AsRef<str>>(
    items: &[S],
    separator: &str,
) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    format!("[{}]", items.join(separator))
}

/// Keys in jsonb's order, the last of equal ones.
pub(in crate::planned::functions) fn object_text(fields: Vec<Field>) -> String {
    let mut kept: Vec<Field> = Vec::with_capacity(fields.len());
    let mut fields: Vec<(usize, Field)> = fields.into_iter().enumerate().collect();
    fields.sort_by(|(a_at, (a, ..)), (b_at, (b, ..))| {
        a.len().cmp(&b.len()).then(a.cmp(b)).then(a_at.cmp(b_at))
    });
    for (_, field) in fields {
        match kept.last_mut() {
            Some(last) if last.0 == field.0 => *last = field,
            _ => kept.push(field),
        }
    }
    let shown: Vec<String> = kept
        .into_iter()
        .map(|(_, quoted, value)| format!("{quoted}: {value}"))
        .collect();
    format!("{{{}}}", shown.join(", "))
}

pub(in crate::planned::functions) fn fields(text: &str) -> Result<Vec<Field>> {
    Ok(span::members(text)?
        .into_iter()
        .map(|member| {
            (
                member.key,
                member.quoted.to_owned(),
                member.value.to_owned(),
            )
        })
        .collect())
}

/// Objects become one, all else a list.
pub(super) fn concatenate(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (arg::text(args, 0)?, arg::text(args, 1)?);
    if span::kind(a)? == Kind::Object && span::kind(b)? == Kind::Object {
        let mut all = fields(a)?;
        all.extend(fields(b)?);
        return Ok(Value::Text(object_text(all)));
    }
    let mut items = Vec::new();
    for side in [a, b] {
        match span::kind(side)? {
            Kind::Array => items.extend(span::items(side)?),
            _ => items.push(side),
        }
    }
    Ok(Value::Text(array_text(&items, ", ")))
}

fn without(text: &str, keys: &[&str]) -> Result<Value> {
    Ok(Value::Text(match span::kind(text)? {
        Kind::Object => {
            let mut fields = fields(text)?;
            fields.retain(|(key, ..)| !keys.contains(&key.as_str()));
            object_text(fields)
        }
        Kind::Array => {
            let mut kept = Vec::new();
            for item in span::items(text)? {
                let named = span::kind(item)? == Kind::String
                    && keys.contains(&span::string(item)?.as_str());
                if !named {
                    kept.push(item);
                }
            }
            array_text(&kept, ", ")
        }
        _ => return Err(refused("cannot delete from scalar")),
    }))
}

pub(super) fn remove_key(args: Args, _: &Env) -> Result<Value> {
    without(arg::text(args, 0)?, &[arg::text(args, 1)?])
}

pub(super) fn remove_keys(args: Args, _: &Env) -> Result<Value> {
    let keys: Vec<&str> = texts(arg::array(args, 1)?).flatten().collect();
    without(arg::text(args, 0)?, &keys)
}

pub(super) fn remove_item(args: Args, _: &Env) -> Result<Value> {
    let text = arg::text(args, 0)?;
    match span::kind(text)? {
        Kind::Array => {}
        Kind::Object => return Err(refused("cannot delete from object using integer index")),
        _ => return Err(refused("cannot delete from scalar")),
    }
    let mut items = span::items(text)?;
    if let Some(at) = place(i64::from(arg::int4(args, 1)?), items.len()) {
        items.remove(at);
    }
    Ok(Value::Text(array_text(&items, ", ")))
}

fn place(index: i64, length: usize) -> Option<usize> {
    let counted = if index < 0 {
        i64::try_from(length).ok()?.checked_add(index)?
    } else {
        index
    };
    usize::try_from(counted).ok().filter(|at| *at < length)
}

/// A text array's items; `None` for NULL.
pub(super) fn texts(array: &Array) -> impl Iterator<Item = Option<&str>> {
    array.items.iter().map(|item| match item {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Delete,
    Replace,
    /// Replaces, or adds what is not there.
    Create,
    Before,
    After,
}

struct Change<'c> {
    path: Vec<Option<&'c str>>,
    value: &'c str,
    way: Way,
}

impl Change<'_> {
    fn apply(&self, text: &str, level: usize) -> Result<String> {
        match span::kind(text)? {
            Kind::Object => self.in_object(text, level),
            Kind::Array => self.in_array(text, level),
            // The path goes on where nothing is.
            _ => Ok(text.to_owned()),
        }
    }

    fn step(&self, level: usize) -> Result<&str> {
        self.path.get(level).copied().flatten().ok_or_else(|| {
            Error::new(
                state::NULL_VALUE_NOT_ALLOWED,
                format!("path element at position {} is null", level + 1),
            )
        })
    }

    fn in_object(&self, text: &str, level: usize) -> Result<String> {
        let key = self.step(level)?;
        let last = level + 1 == self.path.len();
        let mut fields = fields(text)?;
        let at = fields.iter().position(|(name, ..)| name == key);
        match (at, last) {
            (Some(at), true) => match self.way {
                Way::Delete => {
                    fields.remove(at);
                }
                Way::Before | Way::After => {
                    return Err(refused("cannot replace existing key")
                        .with_hint("Try using the function jsonb_set to replace key value."));
                }
                Way::Replace | Way::Create => {
                    if let Some(field) = fields.get_mut(at) {
                        field.2 = self.value.to_owned();
                    }
                }
            },
            (Some(at), false) => {
                if let Some(field) = fields.get_mut(at) {
                    field.2 = self.apply(&field.2, level + 1)?;
                }
            }
            (None, true) if !matches!(self.way, Way::Delete | Way::Replace) => {
                fields.push((key.to_owned(), span::quote(key), self.value.to_owned()));
            }
            (None, _) => {}
        }
        Ok(object_text(fields))
    }

    fn in_array(&self, text: &str, level: usize) -> Result<String> {
        let step = self.step(level)?;
        let index: i64 = step.trim().parse::<i32>().map(i64::from).map_err(|_| {
            Error::new(
                state::INVALID_TEXT_REPRESENTATION,
                format!(
                    "path element at position {} is not an integer: \"{step}\"",
                    level + 1
                ),
            )
        })?;
        let last = level + 1 == self.path.len();
        let parts = span::items(text)?;
        let mut items: Vec<String> = parts.into_iter().map(str::to_owned).collect();
        let adds = !matches!(self.way, Way::Delete | Way::Replace);
        let Some(at) = place(index, items.len()) else {
            if last && adds {
                let end = if index < 0 { 0 } else { items.len() };
                items.insert(end, self.value.to_owned());
            }
            return Ok(array_text(&items, ", "));
        };
        if !last {
            if let Some(item) = items.get_mut(at) {
                *item = self.apply(item, level + 1)?;
            }
            return Ok(array_text(&items, ", "));
        }
        match self.way {
            Way::Delete => {
                items.remove(at);
            }
            Way::Before => items.insert(at, self.value.to_owned()),
            Way::After => items.insert(at + 1, self.value.to_owned()),
            Way::Replace | Way::Create => {
                if let Some(item) = items.get_mut(at) {
                    *item = self.value.to_owned();
                }
            }
        }
        Ok(array_text(&items, ", "))
    }
}

fn changed(args: Args, value: &str, way: Way) -> Result<Value> {
    let text = arg::text(args, 0)?;
    if span::kind(text)?.is_scalar() {
        return Err(refused(if way == Way::Delete {
            "cannot delete path in scalar"
        } else {
            "cannot set path in scalar"
        }));
    }
    let path: Vec<Option<&str>> = texts(arg::array(args, 1)?).collect();
    if path.is_empty() {
        return Ok(Value::Text(text.to_owned()));
    }
    let change = Change { path, value, way };
    change.apply(text, 0).map(Value::Text)
}

fn flag(args: Args, default: bool) -> Result<bool> {
    match args.get(3) {
        None => Ok(default),
        Some(orbit_core::value::ValueRef::Bool(flag)) => Ok(*flag),
        Some(_) => Err(crate::planned::functions::row::arity()),
    }
}

pub(super) fn remove_path(args: Args, _: &Env) -> Result<Value> {
    changed(args, "", Way::Delete)
}

pub(super) fn set(args: Args, _: &Env) -> Result<Value> {
    let way = if flag(args, true)? {
        Way::Create
    } else {
        Way::Replace
    };
    changed(args, arg::text(args, 2)?, way)
}

pub(super) fn insert(args: Args, _: &Env) -> Result<Value> {
    let way = if flag(args, false)? {
        Way::After
    } else {
        Way::Before
    };
    changed(args, arg::text(args, 2)?, way)
}

/// Without members that are null, at any depth.
fn stripped(text: &str, comma: &str, colon: &str) -> Result<String> {
    Ok(match span::kind(text)? {
        Kind::Array => {
            let items = span::items(text)?
                .into_iter()
                .map(|item| stripped(item, comma, colon))
                .collect::<Result<Vec<_>>>()?;
            array_text(&items, comma)
        }
        Kind::Object => {
            let mut parts = Vec::new();
            for member in span::members(text)? {
                if span::kind(member.value)? != Kind::Null {
                    let value = stripped(member.value, comma, colon)?;
                    parts.push(format!("{}{colon}{value}", member.quoted));
                }
            }
            format!("{{{}}}", parts.join(comma))
        }
        _ => text.trim().to_owned(),
    })
}

pub(super) fn strip_nulls(args: Args, _: &Env) -> Result<Value> {
    stripped(arg::text(args, 0)?, ",", ":").map(Value::Text)
}

pub(super) fn strip_nulls_binary(args: Args, _: &Env) -> Result<Value> {
    stripped(arg::text(args, 0)?, ", ", ": ").map(Value::Text)
}

/// `jsonb_set` that knows what to do with NULL.
pub(super) fn set_lax(args: Args, env: &Env) -> Result<Value> {
    let absent = |at: usize| args.get(at).is_some_and(ValueRef::is_null);
    if absent(0) || absent(1) || absent(3) {
        return Ok(Value::Null);
    }
    let treatment = match args.get(4) {
        Some(ValueRef::Text(treatment)) => *treatment,
        Some(_) => {
            return Err(refused(
                "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
            ));
        }
        None => "use_json_null",
    };
    let plain: Vec<ValueRef<'_>> = args.iter().take(4).cloned().collect();
    if !absent(2) {
        return set(&plain, env);
    }
    match treatment {
        "use_json_null" => {
            let mut with_null = plain;
            if let Some(value) = with_null.get_mut(2) {
                *value = ValueRef::Text("null");
            }
            set(&with_null, env)
        }
        "return_target" => Ok(args.first().map_or(Value::Null, ValueRef::to_owned)),
        "delete_key" => remove_path(&plain, env),
        "raise_exception" => Err(Error::new(
            state::NULL_VALUE_NOT_ALLOWED,
            "JSON value must not be null",
        )
        .with_detail(
            "Exception was raised because null_value_treatment is \"raise_exception\".",
        )
        .with_hint(
            "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
        )),
        _ => Err(refused(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )),
    }
}
