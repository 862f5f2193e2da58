//! JSON made of values, rows, keys and values.

use super::{Args, Env, edit, span};
use crate::planned::functions::arg;
use crate::planned::functions::row::RowFn;
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::value::text as form;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// A value as JSON text.
pub fn of_value(
    value: &Value,
    ty: &SqlType,
    binary: bool,
    format: &FormatSettings,
) -> Result<String> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) if matches!(ty, SqlType::Json | SqlType::Jsonb) => text.clone(),
        Value::Text(text) if matches!(ty, SqlType::Record(_)) => {
            let SqlType::Record(of) = ty else {
                return Ok(span::quote(text));
            };
            let values = orbit_core::value::binary::record_values(text, of)?;
            let mut parts = Vec::with_capacity(of.len());
            for (place, (value, ty)) in values.iter().zip(of).enumerate() {
                parts.push(format!(
                    "\"f{}\":{}",
                    place + 1,
                    of_value(value, ty, binary, format)?
                ));
            }
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(array) => {
            let items = array
                .items
                .iter()
                .map(|item| of_value(item, &array.element, binary, format))
                .collect::<Result<Vec<_>>>()?;
            format!("[{}]", items.join(if binary { ", " } else { "," }))
        }
        other => {
            let mut out = Vec::new();
            form::format(&other.as_ref(), ty, format, &mut out)?;
            let text = String::from_utf8(out)
                .map_err(|_| Error::internal("a text form that is not UTF-8"))?;
            match other {
                Value::Timestamp(_) => span::quote(&text.replacen(' ', "T", 1)),
                Value::TimestampTz(_) => span::quote(&with_whole_offset(text)),
                // NaN and Infinity are no numbers in JSON.
                _ if types::category(ty) == types::Category::Numeric
                    && text.ends_with(|last: char| last.is_ascii_digit()) =>
                {
                    text
                }
                _ => span::quote(&text),
            }
        }
    })
}

/// ISO 8601 as JSON's readers know it: `2013-01-01T05:00:00+00:00`.
fn with_whole_offset(text: String) -> String {
    let mut text = text.replacen(' ', "T", 1);
    let hours_only = text
        .rfind(['+', '-'])
        .is_some_and(|sign| text.contains('T') && sign + 3 == text.len());
    if hours_only {
        text.push_str(":00");
    }
    text
}

/// What of a session's settings is in a value's text: calls that differ in it are others.
pub fn identity(format: &FormatSettings) -> String {
    format!(
        "{:?} {:?} {} {}",
        format.time_zone, format.interval_style, format.bytea_hex, format.extra_float_digits
    )
}

/// A row as a JSON object. A row of which all is NULL is one an outer join made up.
pub fn of_row(
    names: Vec<String>,
    types: Vec<SqlType>,
    binary: bool,
    format: FormatSettings,
) -> RowFn {
    let held = types.clone();
    RowFn::new(
        if binary { "to_jsonb" } else { "row_to_json" }.to_owned(),
        format!("{names:?} {}", identity(&format)),
        types,
        if binary {
            SqlType::Jsonb
        } else {
            SqlType::Json
        },
        move |args| {
            if args.iter().all(ValueRef::is_null) {
                return Ok(Value::Null);
            }
            let mut parts = Vec::with_capacity(args.len());
            for ((name, ty), value) in names.iter().zip(&held).zip(args) {
                let value = of_value(&value.to_owned(), ty, false, &format)?;
                parts.push(format!("{}:{value}", span::quote(name)));
            }
            let text = Value::Text(format!("{{{}}}", parts.join(",")));
            if binary { as_jsonb(text) } else { Ok(text) }
        },
    )
    .lenient()
}

/// The text of a row as JSON, with each member on a line of its own if that is asked for.
pub fn row_in_lines() -> RowFn {
    RowFn::new(
        "row_to_json".to_owned(),
        "pretty".to_owned(),
        vec![SqlType::Json, SqlType::Bool],
        SqlType::Json,
        |args| {
            let [ValueRef::Text(text), ValueRef::Bool(pretty)] = args else {
                return Err(crate::planned::functions::row::arity());
            };
            if !pretty {
                return Ok(Value::Text((*text).to_owned()));
            }
            // A comma between members stands outside of texts and of what is nested.
            let mut out = String::with_capacity(text.len());
            let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
            for letter in text.chars() {
                out.push(letter);
                match letter {
                    _ if escaped => escaped = false,
                    '\\' if quoted => escaped = true,
                    '"' => quoted = !quoted,
                    _ if quoted => {}
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth = depth.saturating_sub(1),
                    ',' if depth == 1 => out.push_str("\n "),
                    _ => {}
                }
            }
            Ok(Value::Text(out))
        },
    )
}

/// `"key" : value`, a part of `json_object_agg`.
pub fn object_field(types: Vec<SqlType>, env: Env) -> RowFn {
    let held = types.clone();
    RowFn::new(
        "object_field".to_owned(),
        identity(&env.format),
        types,
        SqlType::Text,
        move |args| {
            let ([key, value], [key_type, value_type]) = (args, held.as_slice()) else {
                return Err(crate::planned::functions::row::arity());
            };
            if key.is_null() {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    "field name must not be null",
                ));
            }
            may_be_key(key_type)?;
            let key = key_of(key, key_type, &env)?;
            let value = of_value(&value.to_owned(), value_type, false, &env.format)?;
            Ok(Value::Text(format!("{} : {value}", span::quote(&key))))
        },
    )
    .lenient()
}

/// The object that an array of such parts makes.
pub fn object_of_fields(binary: bool) -> RowFn {
    RowFn::new(
        if binary {
            "jsonb_object_agg"
        } else {
            "json_object_agg"
        }
        .to_owned(),
        String::new(),
        vec![SqlType::Array(Box::new(SqlType::Text))],
        if binary {
            SqlType::Jsonb
        } else {
            SqlType::Json
        },
        move |args| {
            let parts: Vec<&str> = arg::array(args, 0)?
                .items
                .iter()
                .filter_map(|item| match item {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            let text = Value::Text(format!("{{ {} }}", parts.join(", ")));
            if binary { as_jsonb(text) } else { Ok(text) }
        },
    )
}

pub(super) fn to_json(args: Args, env: &Env) -> Result<Value> {
    let ty = env.types.first().unwrap_or(&SqlType::Text);
    let value = args.first().map(ValueRef::to_owned).unwrap_or_default();
    of_value(&value, ty, false, &env.format).map(Value::Text)
}

pub(super) fn build_object(args: Args, env: &Env) -> Result<Value> {
    object_of(args, env, false)
}

/// What can't be a key.
fn may_be_key(ty: &SqlType) -> Result<()> {
    match ty {
        SqlType::Json | SqlType::Jsonb | SqlType::Array(_) => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "key value must be scalar, not array, composite, or json",
        )),
        _ => Ok(()),
    }
}

/// A key's text: what the value is as JSON, without the quotes.
fn key_of(value: &ValueRef<'_>, ty: &SqlType, env: &Env) -> Result<String> {
    match value {
        ValueRef::Timestamp(_) | ValueRef::TimestampTz(_) => {
            let quoted = of_value(&value.to_owned(), ty, false, &env.format)?;
            Ok(quoted.trim_matches('"').to_owned())
        }
        _ => crate::planned::functions::text::shown(value, ty, env),
    }
}

fn object_of(args: Args, env: &Env, binary: bool) -> Result<Value> {
    if args.len() % 2 != 0 {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "argument list must have even number of elements",
        )
        .with_hint(format!(
            "The arguments of {}() must consist of alternating keys and values.",
            if binary {
                "jsonb_build_object"
            } else {
                "json_build_object"
            }
        )));
    }
    let mut parts = Vec::with_capacity(args.len() / 2);
    for i in (0..args.len()).step_by(2) {
        if args[i].is_null() {
            let place = i + 1;
            return Err(match binary {
                true => Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("argument {place}: key must not be null"),
                ),
                false => Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("argument {place} cannot be null"),
                )
                .with_hint("Object keys should be text."),
            });
        }
        may_be_key(env.types.get(i).unwrap_or(&SqlType::Text))?;
        let key = key_of(&args[i], env.types.get(i).unwrap_or(&SqlType::Text), env)?;
        let value = of_value(
            &args[i + 1].to_owned(),
            env.types.get(i + 1).unwrap_or(&SqlType::Text),
            false,
            &env.format,
        )?;
        parts.push(format!("{} : {value}", span::quote(&key)));
    }
    Ok(Value::Text(format!("{{{}}}", parts.join(", "))))
}

pub(super) fn build_array(args: Args, env: &Env) -> Result<Value> {
    let parts = args
        .iter()
        .zip(&env.types)
        .map(|(value, ty)| of_value(&value.to_owned(), ty, false, &env.format))
        .collect::<Result<Vec<_>>>()?;
    Ok(Value::Text(format!("[{}]", parts.join(", "))))
}

fn as_jsonb(value: Value) -> Result<Value> {
    match value {
        Value::Text(text) => form::parse(&text, &SqlType::Jsonb, &Default::default()),
        other => Ok(other),
    }
}

pub(super) fn to_jsonb(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(to_json(args, env)?)
}

pub(super) fn build_jsonb_object(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(object_of(args, env, true)?)
}

pub(super) fn build_jsonb_array(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(build_array(args, env)?)
}

/// The pairs of `json_object`: of one array by turns, or of two side by side.
fn pairs(args: Args) -> Result<Vec<(String, Option<String>)>> {
    let mismatched = |message| Err(Error::new(state::ARRAY_SUBSCRIPT_ERROR, message));
    let owned = |array: &Array| -> Vec<Option<String>> {
        edit::texts(array)
            .map(|text| text.map(str::to_owned))
            .collect()
    };
    let (keys, values): (Vec<_>, Vec<_>) = if args.len() == 2 {
        let (keys, values) = (owned(arg::array(args, 0)?), owned(arg::array(args, 1)?));
        if keys.len() != values.len() {
            return mismatched("mismatched array dimensions");
        }
        (keys, values)
    } else {
        let array = arg::array(args, 0)?;
        let mut items = owned(array).into_iter();
        match array.dims.as_slice() {
            [] | [_] if items.len() % 2 != 0 => {
                return mismatched("array must have even number of elements");
            }
            [] | [_] | [_, (2, _)] => {}
            [_, _] => return mismatched("array must have two columns"),
            _ => return mismatched("wrong number of array subscripts"),
        }
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            keys.push(key);
            values.push(value);
        }
        (keys, values)
    };
    keys.into_iter()
        .zip(values)
        .map(|(key, value)| match key {
            Some(key) => Ok((key, value)),
            None => Err(Error::new(
                state::NULL_VALUE_NOT_ALLOWED,
                "null value not allowed for object key",
            )),
        })
        .collect()
}

pub(super) fn object(args: Args, _: &Env) -> Result<Value> {
    let shown: Vec<String> = pairs(args)?
        .into_iter()
        .map(|(key, value)| {
            let value = value.map_or_else(|| "null".to_owned(), |value| span::quote(&value));
            format!("{} : {value}", span::quote(&key))
        })
        .collect();
    Ok(Value::Text(format!("{{{}}}", shown.join(", "))))
}

pub(super) fn object_binary(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(object(args, env)?)
}
