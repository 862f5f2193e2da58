//! JSON: reading out of documents, making them from values.

use super::row::RowFn;
use super::{Env, Function, T, arg, function};
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::value::text as form;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use serde_json::Value as Json;

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn parsed(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|_| {
        Error::new(
            state::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type json",
        )
    })
}

fn document(args: Args, i: usize) -> Result<Json> {
    parsed(arg::text(args, i)?)
}

/// As jsonb prints it: a blank after commas and colons.
fn spaced(value: &Json, out: &mut String) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                spaced(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            out.push('{');
            // jsonb orders keys by length, then bytes.
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&Json::String(key.clone()).to_string());
                out.push_str(": ");
                if let Some(field) = fields.get(key) {
                    spaced(field, out);
                }
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn document_of(value: &Json) -> Value {
    let mut out = String::new();
    spaced(value, &mut out);
    Value::Text(out)
}

fn text_of(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::String(text) => Value::Text(text.clone()),
        other => document_of(other),
    }
}

fn at_index(value: &Json, index: i64) -> Option<&Json> {
    let Json::Array(items) = value else {
        return None;
    };
    let at = if index < 0 {
        items.len() as i64 + index
    } else {
        index
    };
    usize::try_from(at).ok().and_then(|at| items.get(at))
}

fn step<'j>(value: &'j Json, key: &str) -> Option<&'j Json> {
    match value {
        Json::Object(fields) => fields.get(key),
        Json::Array(_) => at_index(value, key.parse().ok()?),
        _ => None,
    }
}

fn field(args: Args, _: &Env) -> Result<Value> {
    let json = document(args, 0)?;
    let found = match &json {
        Json::Object(fields) => fields.get(arg::text(args, 1)?),
        _ => None,
    };
    Ok(found.map_or(Value::Null, document_of))
}

fn field_text(args: Args, _: &Env) -> Result<Value> {
    let json = document(args, 0)?;
    let found = match &json {
        Json::Object(fields) => fields.get(arg::text(args, 1)?),
        _ => None,
    };
    Ok(found.map_or(Value::Null, text_of))
}

fn item(args: Args, _: &Env) -> Result<Value> {
    let json = document(args, 0)?;
    Ok(at_index(&json, i64::from(arg::int4(args, 1)?)).map_or(Value::Null, document_of))
}

fn item_text(args: Args, _: &Env) -> Result<Value> {
    let json = document(args, 0)?;
    Ok(at_index(&json, i64::from(arg::int4(args, 1)?)).map_or(Value::Null, text_of))
}

fn walked<T>(args: Args, found: impl Fn(&Json) -> T, nothing: T) -> Result<T> {
    let json = document(args, 0)?;
    let mut at = &json;
    for key in &arg::array(args, 1)?.items {
        let Value::Text(key) = key else {
            return Ok(nothing);
        };
        match step(at, key) {
            Some(next) => at = next,
            None => return Ok(nothing),
        }
    }
    Ok(found(at))
}

fn path(args: Args, _: &Env) -> Result<Value> {
    walked(args, document_of, Value::Null)
}

fn path_text(args: Args, _: &Env) -> Result<Value> {
    walked(args, text_of, Value::Null)
}

fn type_of(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Text(
        match document(args, 0)? {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
        .to_owned(),
    ))
}

fn array_length(args: Args, _: &Env) -> Result<Value> {
    match document(args, 0)? {
        Json::Array(items) => Ok(Value::Int4(items.len() as i32)),
        Json::Object(_) => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot get array length of a non-array",
        )),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot get array length of a scalar",
        )),
    }
}

fn elements(args: Args, _: &Env) -> Result<Value> {
    match document(args, 0)? {
        Json::Array(items) => Ok(Value::Array(orbit_core::value::Array::new(
            SqlType::Text,
            items.iter().map(document_of).collect(),
        ))),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot extract elements from an object or a scalar",
        )),
    }
}

fn elements_text(args: Args, _: &Env) -> Result<Value> {
    match document(args, 0)? {
        Json::Array(items) => Ok(Value::Array(orbit_core::value::Array::new(
            SqlType::Text,
            items.iter().map(text_of).collect(),
        ))),
        Json::Object(_) => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot extract elements from an object",
        )),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot extract elements from a scalar",
        )),
    }
}

fn object_keys(args: Args, _: &Env) -> Result<Value> {
    match document(args, 0)? {
        Json::Object(fields) => Ok(Value::Array(orbit_core::value::Array::new(
            SqlType::Text,
            fields.keys().cloned().map(Value::Text).collect(),
        ))),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot call json_object_keys on an array or a scalar",
        )),
    }
}

fn includes(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => b
            .iter()
            .all(|(key, value)| a.get(key).is_some_and(|have| includes(have, value))),
        (Json::Array(a), Json::Array(b)) => b
            .iter()
            .all(|want| a.iter().any(|have| includes(have, want))),
        (Json::Array(a), scalar) if !scalar.is_object() => a.contains(scalar),
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

fn contains(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(includes(
        &document(args, 0)?,
        &document(args, 1)?,
    )))
}

fn contained(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(includes(
        &document(args, 1)?,
        &document(args, 0)?,
    )))
}

fn has_key(args: Args, _: &Env) -> Result<Value> {
    let key = arg::text(args, 1)?;
    Ok(Value::Bool(match document(args, 0)? {
        Json::Object(fields) => fields.contains_key(key),
        Json::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        other => other.as_str() == Some(key),
    }))
}

/// A value as JSON text.
pub fn of_value(value: &Value, ty: &SqlType, binary: bool) -> Result<String> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) if matches!(ty, SqlType::Json | SqlType::Jsonb) => text.clone(),
        Value::Array(array) => {
            let items = array
                .items
                .iter()
                .map(|item| of_value(item, &array.element, binary))
                .collect::<Result<Vec<_>>>()?;
            format!("[{}]", items.join(if binary { ", " } else { "," }))
        }
        other => {
            let mut out = Vec::new();
            form::format(&other.as_ref(), ty, &Default::default(), &mut out)?;
            let text = String::from_utf8(out)
                .map_err(|_| Error::internal("a text form that is not UTF-8"))?;
            match other {
                Value::Timestamp(_) | Value::TimestampTz(_) => {
                    Json::String(text.replacen(' ', "T", 1)).to_string()
                }
                _ if types::category(ty) == types::Category::Numeric => text,
                _ => Json::String(text).to_string(),
            }
        }
    })
}

/// A row as a JSON object. A row of which all is NULL is one an outer join made up.
pub fn of_row(names: Vec<String>, types: Vec<SqlType>, binary: bool) -> RowFn {
    let held = types.clone();
    RowFn::new(
        if binary { "to_jsonb" } else { "row_to_json" }.to_owned(),
        format!("{names:?}"),
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
                let value = of_value(&value.to_owned(), ty, false)?;
                parts.push(format!("{}:{value}", Json::String(name.clone())));
            }
            let text = Value::Text(format!("{{{}}}", parts.join(",")));
            if binary { as_jsonb(text) } else { Ok(text) }
        },
    )
    .lenient()
}

/// `"key" : value`, a part of `json_object_agg`.
pub fn object_field(types: Vec<SqlType>, env: Env) -> RowFn {
    let held = types.clone();
    RowFn::new(
        "object_field".to_owned(),
        format!("{:?}", env.format.time_zone),
        types,
        SqlType::Text,
        move |args| {
            let ([key, value], [key_type, value_type]) = (args, held.as_slice()) else {
                return Err(super::row::arity());
            };
            if key.is_null() {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    "field name must not be null",
                ));
            }
            let key = super::text::shown(key, key_type, &env)?;
            let value = of_value(&value.to_owned(), value_type, false)?;
            Ok(Value::Text(format!("{} : {value}", Json::String(key))))
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

fn to_json(args: Args, env: &Env) -> Result<Value> {
    let ty = env.types.first().unwrap_or(&SqlType::Text);
    let value = args.first().map(ValueRef::to_owned).unwrap_or_default();
    of_value(&value, ty, false).map(Value::Text)
}

fn build_object(args: Args, env: &Env) -> Result<Value> {
    if args.len() % 2 != 0 {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "argument list must have even number of elements",
        )
        .with_hint(
            "The arguments of json_build_object() must consist of alternating keys and values.",
        ));
    }
    let mut parts = Vec::with_capacity(args.len() / 2);
    for i in (0..args.len()).step_by(2) {
        if args[i].is_null() {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "null value not allowed for object key",
            ));
        }
        let key = super::text::shown(&args[i], env.types.get(i).unwrap_or(&SqlType::Text), env)?;
        let value = of_value(
            &args[i + 1].to_owned(),
            env.types.get(i + 1).unwrap_or(&SqlType::Text),
            false,
        )?;
        parts.push(format!("{} : {value}", Json::String(key)));
    }
    Ok(Value::Text(format!("{{{}}}", parts.join(", "))))
}

fn build_array(args: Args, env: &Env) -> Result<Value> {
    let parts = args
        .iter()
        .zip(&env.types)
        .map(|(value, ty)| of_value(&value.to_owned(), ty, false))
        .collect::<Result<Vec<_>>>()?;
    Ok(Value::Text(format!("[{}]", parts.join(", "))))
}

fn as_jsonb(value: Value) -> Result<Value> {
    match value {
        Value::Text(text) => Ok(document_of(&parsed(&text)?)),
        other => Ok(other),
    }
}

fn to_jsonb(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(to_json(args, env)?)
}

fn build_jsonb_object(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(build_object(args, env)?)
}

fn build_jsonb_array(args: Args, env: &Env) -> Result<Value> {
    as_jsonb(build_array(args, env)?)
}

/// As `jsonb_pretty` lays it out: four blanks a level.
fn laid_out(value: &Json, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * 4));
    };
    match value {
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                laid_out(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Json::Object(fields) => {
            out.push('{');
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                out.push_str(&Json::String(key.clone()).to_string());
                out.push_str(": ");
                if let Some(field) = fields.get(key) {
                    laid_out(field, depth + 1, out);
                }
            }
            line(out, depth);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn pretty(args: Args, _: &Env) -> Result<Value> {
    let mut out = String::new();
    laid_out(&document(args, 0)?, 0, &mut out);
    Ok(Value::Text(out))
}

pub const FUNCTIONS: &[Function] = &[
    function("#>", &[T::Json, T::Texts], T::Json, path),
    function("#>", &[T::Jsonb, T::Texts], T::Jsonb, path),
    function("#>>", &[T::Json, T::Texts], T::Text, path_text),
    function("#>>", &[T::Jsonb, T::Texts], T::Text, path_text),
    function("->", &[T::Json, T::Int4], T::Json, item),
    function("->", &[T::Json, T::Text], T::Json, field),
    function("->", &[T::Jsonb, T::Int4], T::Jsonb, item),
    function("->", &[T::Jsonb, T::Text], T::Jsonb, field),
    function("->>", &[T::Json, T::Int4], T::Text, item_text),
    function("->>", &[T::Json, T::Text], T::Text, field_text),
    function("->>", &[T::Jsonb, T::Int4], T::Text, item_text),
    function("->>", &[T::Jsonb, T::Text], T::Text, field_text),
    function("<@", &[T::Jsonb, T::Jsonb], T::Bool, contained),
    function("?", &[T::Jsonb, T::Text], T::Bool, has_key),
    function("@>", &[T::Jsonb, T::Jsonb], T::Bool, contains),
    function("json_array_elements", &[T::Json], T::Texts, elements),
    function(
        "json_array_elements_text",
        &[T::Json],
        T::Texts,
        elements_text,
    ),
    function("json_array_length", &[T::Json], T::Int4, array_length),
    function("json_build_array", &[T::Any], T::Json, build_array)
        .lenient()
        .variadic(),
    function("json_build_object", &[T::Any], T::Json, build_object)
        .lenient()
        .variadic(),
    function("json_object_keys", &[T::Json], T::Texts, object_keys),
    function("json_typeof", &[T::Json], T::Text, type_of),
    function("jsonb_array_elements", &[T::Jsonb], T::Texts, elements),
    function(
        "jsonb_array_elements_text",
        &[T::Jsonb],
        T::Texts,
        elements_text,
    ),
    function("jsonb_array_length", &[T::Jsonb], T::Int4, array_length),
    function("jsonb_build_array", &[T::Any], T::Jsonb, build_jsonb_array)
        .lenient()
        .variadic(),
    function(
        "jsonb_build_object",
        &[T::Any],
        T::Jsonb,
        build_jsonb_object,
    )
    .lenient()
    .variadic(),
    function("jsonb_object_keys", &[T::Jsonb], T::Texts, object_keys),
    function("jsonb_pretty", &[T::Jsonb], T::Text, pretty),
    function("jsonb_typeof", &[T::Jsonb], T::Text, type_of),
    function("to_json", &[T::Any], T::Json, to_json),
    function("to_jsonb", &[T::Any], T::Jsonb, to_jsonb),
];
