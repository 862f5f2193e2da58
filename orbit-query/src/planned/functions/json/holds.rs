//! What a jsonb holds: `@>`, `<@`, `?`, `?|`, `?&`.

use super::span::{self, Kind};
use super::{Args, Env, edit};
use crate::planned::functions::arg;
use orbit_core::Result;
use orbit_core::value::{Numeric, Value};

/// Two scalars by value: 1 is 1.0.
fn same_scalar(a: &str, b: &str) -> Result<bool> {
    Ok(match (span::kind(a)?, span::kind(b)?) {
        (Kind::Number, Kind::Number) => Numeric::parse(a)? == Numeric::parse(b)?,
        (Kind::String, Kind::String) => span::string(a)? == span::string(b)?,
        (kind, other) => kind == other && kind.is_scalar() && a == b,
    })
}

/// `a @> b`. Only as a whole may an array hold a scalar that stands alone.
fn includes(a: &str, b: &str, whole: bool) -> Result<bool> {
    let any_same = |items: &[&str], wanted: &str| -> Result<bool> {
        for item in items {
            if span::kind(item)?.is_scalar() && same_scalar(item, wanted)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match (span::kind(a)?, span::kind(b)?) {
        (Kind::Object, Kind::Object) => {
            let have = span::members(a)?;
            for wanted in span::members(b)? {
                let held = have.iter().find(|member| member.key == wanted.key);
                let Some(held) = held else {
                    return Ok(false);
                };
                if !includes(held.value, wanted.value, false)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Kind::Array, Kind::Array) => {
            let have = span::items(a)?;
            for wanted in span::items(b)? {
                let held = if span::kind(wanted)?.is_scalar() {
                    any_same(&have, wanted)?
                } else {
                    let mut held = false;
                    for item in &have {
                        held = held
                            || !span::kind(item)?.is_scalar() && includes(item, wanted, false)?;
                    }
                    held
                };
                if !held {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Kind::Array, other) if whole && other.is_scalar() => any_same(&span::items(a)?, b),
        _ => same_scalar(a, b),
    }
}

pub(super) fn contains(args: Args, _: &Env) -> Result<Value> {
    includes(arg::text(args, 0)?, arg::text(args, 1)?, true).map(Value::Bool)
}

pub(super) fn contained(args: Args, _: &Env) -> Result<Value> {
    includes(arg::text(args, 1)?, arg::text(args, 0)?, true).map(Value::Bool)
}

fn holds(text: &str, key: &str) -> Result<bool> {
    let named = |part: &str| -> Result<bool> {
        Ok(span::kind(part)? == Kind::String && span::string(part)? == key)
    };
    match span::kind(text)? {
        Kind::Object => Ok(span::member(text, key)?.is_some()),
        Kind::Array => {
            for item in span::items(text)? {
                if named(item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => named(text),
    }
}

pub(super) fn has_key(args: Args, _: &Env) -> Result<Value> {
    holds(arg::text(args, 0)?, arg::text(args, 1)?).map(Value::Bool)
}

pub(super) fn has_any(args: Args, _: &Env) -> Result<Value> {
    for key in edit::texts(arg::array(args, 1)?).flatten() {
        if holds(arg::text(args, 0)?, key)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn has_all(args: Args, _: &Env) -> Result<Value> {
    for key in edit::texts(arg::array(args, 1)?).flatten() {
        if !holds(arg::text(args, 0)?, key)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
