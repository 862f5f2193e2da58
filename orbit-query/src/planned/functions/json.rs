//! JSON: reading out of documents. What changes them is in `json/edit.rs`, what
//! makes them from values in `json/make.rs`.

pub(super) mod edit;
mod holds;
pub mod jsonpath;
pub mod make;
mod order;
mod record;
mod rows;
pub(super) mod span;

use super::{Env, Function, T, arg, function};
pub use make::{identity, object_field, object_of_fields, of_row, of_value};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
pub use order::jsonb_key;
pub use record::{field_of_records, is_record_function};
use span::Kind;

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn shown(part: Option<&str>) -> Value {
    part.map_or(Value::Null, |part| Value::Text(part.to_owned()))
}

/// A part as text: strings without quotes, null as NULL.
fn unquoted(part: Option<&str>) -> Result<Value> {
    let Some(part) = part else {
        return Ok(Value::Null);
    };
    Ok(match span::kind(part)? {
        Kind::Null => Value::Null,
        Kind::String => Value::Text(span::string(part)?),
        _ => Value::Text(part.to_owned()),
    })
}

fn field_of<'v>(args: &'v [ValueRef<'_>]) -> Result<Option<&'v str>> {
    let text = whole(args)?;
    match span::kind(text)? {
        Kind::Object => span::member(text, arg::text(args, 1)?),
        _ => Ok(None),
    }
}

fn item_of<'v>(args: &'v [ValueRef<'_>]) -> Result<Option<&'v str>> {
    let text = whole(args)?;
    match span::kind(text)? {
        Kind::Array => span::item(text, i64::from(arg::int4(args, 1)?)),
        _ => Ok(None),
    }
}

/// The document, without blanks around it.
fn whole<'v>(args: &'v [ValueRef<'_>]) -> Result<&'v str> {
    arg::text(args, 0).map(str::trim)
}

fn field(args: Args, _: &Env) -> Result<Value> {
    field_of(args).map(shown)
}

fn field_text(args: Args, _: &Env) -> Result<Value> {
    unquoted(field_of(args)?)
}

fn item(args: Args, _: &Env) -> Result<Value> {
    item_of(args).map(shown)
}

fn item_text(args: Args, _: &Env) -> Result<Value> {
    unquoted(item_of(args)?)
}

fn walked<'v, 'p>(
    text: &'v str,
    steps: impl Iterator<Item = Option<&'p str>>,
) -> Result<Option<&'v str>> {
    let mut at = text;
    for step in steps {
        let Some(step) = step else {
            return Ok(None);
        };
        let next = match span::kind(at)? {
            Kind::Object => span::member(at, step)?,
            Kind::Array => match step.trim().parse::<i32>() {
                Ok(index) => span::item(at, i64::from(index))?,
                Err(_) => None,
            },
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn path(args: Args, _: &Env) -> Result<Value> {
    walked(whole(args)?, edit::texts(arg::array(args, 1)?)).map(shown)
}

fn path_text(args: Args, _: &Env) -> Result<Value> {
    unquoted(walked(whole(args)?, edit::texts(arg::array(args, 1)?))?)
}

/// The arguments behind the first.
fn steps<'a>(args: &'a [ValueRef<'_>]) -> impl Iterator<Item = Option<&'a str>> {
    args.iter().skip(1).map(|step| match step {
        ValueRef::Text(step) => Some(&**step),
        _ => None,
    })
}

fn extracted(args: Args, _: &Env) -> Result<Value> {
    walked(whole(args)?, steps(args)).map(shown)
}

fn extracted_text(args: Args, _: &Env) -> Result<Value> {
    unquoted(walked(whole(args)?, steps(args))?)
}

fn type_of(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Text(
        match span::kind(whole(args)?)? {
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        }
        .to_owned(),
    ))
}

fn array_length(args: Args, _: &Env) -> Result<Value> {
    let text = whole(args)?;
    match span::kind(text)? {
        Kind::Array => {
            let length = span::items(text)?.len();
            Ok(Value::Int4(i32::try_from(length).unwrap_or(i32::MAX)))
        }
        Kind::Object => Err(refused("cannot get array length of a non-array")),
        _ => Err(refused("cannot get array length of a scalar")),
    }
}

/// As `jsonb_pretty` lays it out: four blanks a level.
fn laid_out(text: &str, depth: usize, out: &mut String) -> Result<()> {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * 4));
    };
    match span::kind(text)? {
        Kind::Array => {
            out.push('[');
            for (i, item) in span::items(text)?.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                laid_out(item, depth + 1, out)?;
            }
            line(out, depth);
            out.push(']');
        }
        Kind::Object => {
            out.push('{');
            for (i, member) in span::members(text)?.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                out.push_str(member.quoted);
                out.push_str(": ");
                laid_out(member.value, depth + 1, out)?;
            }
            line(out, depth);
            out.push('}');
        }
        _ => out.push_str(text),
    }
    Ok(())
}

fn pretty(args: Args, _: &Env) -> Result<Value> {
    let mut out = String::new();
    laid_out(arg::text(args, 0)?, 0, &mut out)?;
    Ok(Value::Text(out))
}

/// The two columns of `json_each` and its like in FROM, by names with a blank, which no SQL text can call.
pub fn each_columns(name: &str) -> Option<[&'static str; 2]> {
    Some(match name {
        "json_each" => ["json_each key", "json_each value"],
        "json_each_text" => ["json_each key", "json_each_text value"],
        "jsonb_each" => ["jsonb_each key", "jsonb_each value"],
        "jsonb_each_text" => ["jsonb_each_text key", "jsonb_each_text value"],
        _ => return None,
    })
}

const J: T = T::Jsonb;

pub const FUNCTIONS: &[Function] = &[
    function("json_each key", &[T::Json], T::Texts, rows::each_key),
    function("json_each value", &[T::Json], T::Jsons, rows::each_value),
    function(
        "json_each_text value",
        &[T::Json],
        T::Texts,
        rows::each_text,
    ),
    function(
        "jsonb_each key",
        &[T::Jsonb],
        T::Texts,
        rows::each_key_binary,
    ),
    function(
        "jsonb_each value",
        &[T::Jsonb],
        T::Jsonbs,
        rows::each_value_binary,
    ),
    function(
        "jsonb_each_text key",
        &[T::Jsonb],
        T::Texts,
        rows::each_key_text_binary,
    ),
    function(
        "jsonb_each_text value",
        &[T::Jsonb],
        T::Texts,
        rows::each_text,
    ),
    function("#-", &[T::Jsonb, T::Texts], T::Jsonb, edit::remove_path),
    function("#>", &[T::Json, T::Texts], T::Json, path),
    function("#>", &[T::Jsonb, T::Texts], T::Jsonb, path),
    function("#>>", &[T::Json, T::Texts], T::Text, path_text),
    function("#>>", &[T::Jsonb, T::Texts], T::Text, path_text),
    function("-", &[T::Jsonb, T::Int4], T::Jsonb, edit::remove_item),
    function("-", &[T::Jsonb, T::Text], T::Jsonb, edit::remove_key),
    function("-", &[T::Jsonb, T::Texts], T::Jsonb, edit::remove_keys),
    function("->", &[T::Json, T::Int4], T::Json, item),
    function("->", &[T::Json, T::Text], T::Json, field),
    function("->", &[T::Jsonb, T::Int4], T::Jsonb, item),
    function("->", &[T::Jsonb, T::Text], T::Jsonb, field),
    function("->>", &[T::Json, T::Int4], T::Text, item_text),
    function("->>", &[T::Json, T::Text], T::Text, field_text),
    function("->>", &[T::Jsonb, T::Int4], T::Text, item_text),
    function("->>", &[T::Jsonb, T::Text], T::Text, field_text),
    function("<@", &[T::Jsonb, T::Jsonb], T::Bool, holds::contained),
    function("?", &[T::Jsonb, T::Text], T::Bool, holds::has_key),
    function("?&", &[T::Jsonb, T::Texts], T::Bool, holds::has_all),
    function("?|", &[T::Jsonb, T::Texts], T::Bool, holds::has_any),
    function("@>", &[T::Jsonb, T::Jsonb], T::Bool, holds::contains),
    function("array_to_json", &[T::Array], T::Json, make::to_json),
    function(
        "array_to_json",
        &[T::Array, T::Bool],
        T::Json,
        make::to_json,
    ),
    function("json_array_elements", &[T::Json], T::Jsons, rows::elements),
    function(
        "json_array_elements_text",
        &[T::Json],
        T::Texts,
        rows::elements_text,
    ),
    function("json_array_length", &[T::Json], T::Int4, array_length),
    function("json_build_array", &[], T::Json, make::build_array),
    function("json_build_array", &[T::Any], T::Json, make::build_array)
        .lenient()
        .variadic(),
    function("json_build_object", &[], T::Json, make::build_object),
    function("json_build_object", &[T::Any], T::Json, make::build_object)
        .lenient()
        .variadic(),
    function("json_extract_path", &[T::Json, T::Text], T::Json, extracted).variadic(),
    function(
        "json_extract_path_text",
        &[T::Json, T::Text],
        T::Text,
        extracted_text,
    )
    .variadic(),
    function("json_object", &[T::Texts], T::Json, make::object),
    function("json_object", &[T::Texts, T::Texts], T::Json, make::object),
    function("json_object_keys", &[T::Json], T::Texts, rows::object_keys),
    function("json_strip_nulls", &[T::Json], T::Json, edit::strip_nulls),
    function("json_typeof", &[T::Json], T::Text, type_of),
    function(
        "jsonb_array_elements",
        &[T::Jsonb],
        T::Jsonbs,
        rows::elements_binary,
    ),
    function(
        "jsonb_array_elements_text",
        &[T::Jsonb],
        T::Texts,
        rows::elements_text_binary,
    ),
    function("jsonb_array_length", &[T::Jsonb], T::Int4, array_length),
    function("jsonb_build_array", &[], T::Jsonb, make::build_jsonb_array),
    function(
        "jsonb_build_array",
        &[T::Any],
        T::Jsonb,
        make::build_jsonb_array,
    )
    .lenient()
    .variadic(),
    function(
        "jsonb_build_object",
        &[],
        T::Jsonb,
        make::build_jsonb_object,
    ),
    function(
        "jsonb_build_object",
        &[T::Any],
        T::Jsonb,
        make::build_jsonb_object,
    )
    .lenient()
    .variadic(),
    function(
        "jsonb_concat",
        &[T::Jsonb, T::Jsonb],
        T::Jsonb,
        edit::concatenate,
    ),
    function(
        "jsonb_contained",
        &[T::Jsonb, T::Jsonb],
        T::Bool,
        holds::contained,
    ),
    function(
        "jsonb_contains",
        &[T::Jsonb, T::Jsonb],
        T::Bool,
        holds::contains,
    ),
    function(
        "jsonb_delete",
        &[T::Jsonb, T::Int4],
        T::Jsonb,
        edit::remove_item,
    ),
    function(
        "jsonb_delete",
        &[T::Jsonb, T::Text],
        T::Jsonb,
        edit::remove_key,
    ),
    function(
        "jsonb_delete_path",
        &[T::Jsonb, T::Texts],
        T::Jsonb,
        edit::remove_path,
    ),
    function(
        "jsonb_exists",
        &[T::Jsonb, T::Text],
        T::Bool,
        holds::has_key,
    ),
    function(
        "jsonb_extract_path",
        &[T::Jsonb, T::Text],
        T::Jsonb,
        extracted,
    )
    .variadic(),
    function(
        "jsonb_extract_path_text",
        &[T::Jsonb, T::Text],
        T::Text,
        extracted_text,
    )
    .variadic(),
    function(
        "jsonb_insert",
        &[T::Jsonb, T::Texts, T::Jsonb],
        T::Jsonb,
        edit::insert,
    ),
    function(
        "jsonb_insert",
        &[T::Jsonb, T::Texts, T::Jsonb, T::Bool],
        T::Jsonb,
        edit::insert,
    ),
    function("jsonb_object", &[T::Texts], T::Jsonb, make::object_binary),
    function(
        "jsonb_object",
        &[T::Texts, T::Texts],
        T::Jsonb,
        make::object_binary,
    ),
    function(
        "jsonb_object_keys",
        &[T::Jsonb],
        T::Texts,
        rows::object_keys_binary,
    ),
    function("jsonb_pretty", &[T::Jsonb], T::Text, pretty),
    function(
        "jsonb_set",
        &[T::Jsonb, T::Texts, T::Jsonb],
        T::Jsonb,
        edit::set,
    ),
    function(
        "jsonb_set",
        &[T::Jsonb, T::Texts, T::Jsonb, T::Bool],
        T::Jsonb,
        edit::set,
    ),
    function("jsonb_set_lax", &[J, T::Texts, J], J, edit::set_lax).lenient(),
    function(
        "jsonb_set_lax",
        &[J, T::Texts, J, T::Bool],
        J,
        edit::set_lax,
    )
    .lenient(),
    function(
        "jsonb_set_lax",
        &[J, T::Texts, J, T::Bool, T::Text],
        J,
        edit::set_lax,
    )
    .lenient(),
    function(
        "jsonb_strip_nulls",
        &[T::Jsonb],
        T::Jsonb,
        edit::strip_nulls_binary,
    ),
    function("jsonb_typeof", &[T::Jsonb], T::Text, type_of),
    function("to_json", &[T::Any], T::Json, make::to_json),
    function("to_jsonb", &[T::Any], T::Jsonb, make::to_jsonb),
    function("||", &[T::Jsonb, T::Jsonb], T::Jsonb, edit::concatenate),
];
