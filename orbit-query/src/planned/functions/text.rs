//! Strings. Positions count characters from 1.

use super::{Env, Function, T, arg, function};
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::value::text as form;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// No text result may be larger.
const MAX_BYTES: usize = 256 << 20;

fn text(value: impl Into<String>) -> Result<Value> {
    Ok(Value::Text(value.into()))
}

fn too_long() -> Error {
    Error::new(state::PROGRAM_LIMIT_EXCEEDED, "requested length too large")
}

/// Whether a text of so many bytes may be made.
pub fn may_be_long(bytes: usize) -> Result<()> {
    if bytes > MAX_BYTES {
        return Err(too_long());
    }
    if bytes > LARGEST_PLANNED && crate::planned::patience::is_planning() {
        return Err(Error::internal("a value is too large for a plan"));
    }
    // The value, and it as part of a column, which grows by doubling.
    orbit_core::memory::admit(bytes.saturating_mul(3))
}

/// Adds to a text, if it may grow so far.
pub fn append(out: &mut String, piece: &str) -> Result<()> {
    if out.capacity() - out.len() < piece.len() {
        may_be_long(out.len().saturating_add(piece.len()))?;
    }
    out.push_str(piece);
    Ok(())
}

/// Whether an array of so many elements may be made, each of which takes so many bytes.
pub fn may_hold(count: usize, each: usize) -> Result<()> {
    const MOST: usize = 1 << 30;
    let bytes = count.saturating_mul(each.saturating_add(size_of::<Value>()));
    if bytes > MOST {
        return Err(too_long());
    }
    if bytes > LARGEST_PLANNED && crate::planned::patience::is_planning() {
        return Err(Error::internal("a value is too large for a plan"));
    }
    orbit_core::memory::admit(bytes.saturating_mul(2))
}

/// As [`may_hold`], asked now and then while an array grows.
pub fn may_grow(items: &[Value]) -> Result<()> {
    match items.len() >= 4_096 && items.len().is_power_of_two() {
        true => may_hold(items.len().saturating_mul(2), 16),
        false => Ok(()),
    }
}

/// A constant larger than this is computed when the statement runs.
const LARGEST_PLANNED: usize = 64 << 10;

/// A value as its type prints it.
pub fn shown(value: &ValueRef<'_>, ty: &SqlType, env: &Env) -> Result<String> {
    let mut out = Vec::new();
    form::format(value, ty, &env.format, &mut out)?;
    String::from_utf8(out).map_err(|_| Error::internal("a value's text form is not UTF-8"))
}

fn shown_arg(args: Args, i: usize, env: &Env) -> Result<String> {
    match (args.get(i), env.types.get(i)) {
        (Some(ValueRef::Text(value)), Some(ty)) if types::is_text(ty) => Ok((*value).to_owned()),
        (Some(value), Some(ty)) => shown(value, ty, env),
        _ => Err(super::row::arity()),
    }
}

fn ascii(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        arg::text(args, 0)?.chars().next().map_or(0, |c| c as i32),
    ))
}

fn bit_length(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(arg::text(args, 0)?.len() as i32 * 8))
}

fn set_of<'v>(args: Args<'_, 'v>) -> Result<Vec<char>> {
    if args.len() > 1 {
        Ok(arg::text(args, 1)?.chars().collect())
    } else {
        Ok(vec![' '])
    }
}

fn btrim(args: Args, _: &Env) -> Result<Value> {
    let set = set_of(args)?;
    text(arg::text(args, 0)?.trim_matches(set.as_slice()))
}

fn ltrim(args: Args, _: &Env) -> Result<Value> {
    let set = set_of(args)?;
    text(arg::text(args, 0)?.trim_start_matches(set.as_slice()))
}

fn rtrim(args: Args, _: &Env) -> Result<Value> {
    let set = set_of(args)?;
    text(arg::text(args, 0)?.trim_end_matches(set.as_slice()))
}

fn chr(args: Args, _: &Env) -> Result<Value> {
    let code = arg::int4(args, 0)?;
    if code == 0 {
        return Err(Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            "null character not permitted",
        ));
    }
    if code < 0 {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "character number must be positive",
        ));
    }
    let letter = u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(|| {
            Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!("requested character too large for encoding: {code}"),
            )
        })?;
    text(letter)
}

fn concat(args: Args, env: &Env) -> Result<Value> {
    let mut out = String::new();
    for (i, value) in args.iter().enumerate() {
        if !value.is_null() {
            out.push_str(&bool_as_letter(args, i, env)?);
        }
    }
    text(out)
}

/// concat() prints booleans as t and f.
fn bool_as_letter(args: Args, i: usize, env: &Env) -> Result<String> {
    match args.get(i) {
        Some(ValueRef::Bool(value)) => Ok(if *value { "t" } else { "f" }.to_owned()),
        _ => shown_arg(args, i, env),
    }
}

fn concat_ws(args: Args, env: &Env) -> Result<Value> {
    if args.first().is_none_or(ValueRef::is_null) {
        return Ok(Value::Null);
    }
    let separator = arg::text(args, 0)?;
    let mut parts = Vec::new();
    for i in 1..args.len() {
        if !args[i].is_null() {
            parts.push(bool_as_letter(args, i, env)?);
        }
    }
    text(parts.join(separator))
}

fn format_text(args: Args, env: &Env) -> Result<Value> {
    if args.first().is_none_or(ValueRef::is_null) {
        return Ok(Value::Null);
    }
    let pattern = arg::text(args, 0)?;
    super::format::expand(pattern, args.len() - 1, |i| match args.get(i) {
        None | Some(ValueRef::Null) => Ok(None),
        Some(_) => bool_as_letter(args, i, env).map(Some),
    })
    .map(Value::Text)
}

fn initcap(args: Args, _: &Env) -> Result<Value> {
    let mut out = String::new();
    let mut inside = false;
    for letter in arg::text(args, 0)?.chars() {
        if inside {
            out.extend(letter.to_lowercase());
        } else {
            out.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric();
    }
    text(out)
}

/// `left(s, -2)`: all but the last two.
fn head(length: usize, n: i32) -> usize {
    if n >= 0 {
        (n as usize).min(length)
    } else {
        length.saturating_sub(n.unsigned_abs() as usize)
    }
}

fn left(args: Args, _: &Env) -> Result<Value> {
    let s = arg::text(args, 0)?;
    let n = head(s.chars().count(), arg::int4(args, 1)?);
    text(s.chars().take(n).collect::<String>())
}

fn right(args: Args, _: &Env) -> Result<Value> {
    let s = arg::text(args, 0)?;
    let length = s.chars().count();
    let n = head(length, arg::int4(args, 1)?);
    text(s.chars().skip(length - n).collect::<String>())
}

fn length(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(arg::text(args, 0)?.chars().count() as i32))
}

fn length_bytea(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(arg::bytes(args, 0)?.len() as i32))
}

fn lower(args: Args, _: &Env) -> Result<Value> {
    text(arg::text(args, 0)?.to_lowercase())
}

fn upper(args: Args, _: &Env) -> Result<Value> {
    text(arg::text(args, 0)?.to_uppercase())
}

fn pad(args: Args, at_left: bool) -> Result<Value> {
    let s = arg::text(args, 0)?;
    let wanted = arg::count(args, 1)?;
    let fill: Vec<char> = if args.len() > 2 {
        arg::text(args, 2)?.chars().collect()
    } else {
        vec![' ']
    };
    if wanted > MAX_BYTES / 4 {
        return Err(too_long());
    }
    may_be_long(wanted)?;
    let have = s.chars().count();
    if have >= wanted {
        return text(s.chars().take(wanted).collect::<String>());
    }
    let padding: String = fill
        .iter()
        .cycle()
        .take(if fill.is_empty() { 0 } else { wanted - have })
        .collect();
    text(if at_left {
        padding + s
    } else {
        s.to_owned() + &padding
    })
}

fn lpad(args: Args, _: &Env) -> Result<Value> {
    pad(args, true)
}

fn rpad(args: Args, _: &Env) -> Result<Value> {
    pad(args, false)
}

fn md5(args: Args, _: &Env) -> Result<Value> {
    super::system::md5(arg::text(args, 0)?.as_bytes())
}

fn octet_length(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(arg::text(args, 0)?.len() as i32))
}

fn overlay(args: Args, _: &Env) -> Result<Value> {
    let s: Vec<char> = arg::text(args, 0)?.chars().collect();
    let put = arg::text(args, 1)?;
    let from = arg::int4(args, 2)?;
    let length = if args.len() > 3 {
        arg::int4(args, 3)?
    } else {
        put.chars().count() as i32
    };
    if from <= 0 {
        return Err(Error::new(
            state::SUBSTRING_ERROR,
            "negative substring length not allowed",
        ));
    }
    let start = (from as usize - 1).min(s.len());
    let end = (i64::from(from) - 1 + i64::from(length)).clamp(0, s.len() as i64) as usize;
    let mut out: String = s[..start].iter().collect();
    out.push_str(put);
    out.extend(s[end..].iter());
    text(out)
}

fn quote_ident(args: Args, _: &Env) -> Result<Value> {
    text(crate::pg_catalog::objects::quote(arg::text(args, 0)?))
}

fn quote_literal(args: Args, _: &Env) -> Result<Value> {
    // The space is format()'s, which puts what it writes behind a word.
    let quoted = super::format::quoted_literal(arg::text(args, 0)?);
    text(quoted.trim_start().to_owned())
}

fn quote_nullable(args: Args, env: &Env) -> Result<Value> {
    match args.first() {
        Some(ValueRef::Null) => text("NULL"),
        _ => quote_literal(args, env),
    }
}

fn repeat(args: Args, _: &Env) -> Result<Value> {
    let s = arg::text(args, 0)?;
    let n = arg::count(args, 1)?;
    may_be_long(s.len().saturating_mul(n))?;
    text(s.repeat(n))
}

fn replace(args: Args, _: &Env) -> Result<Value> {
    let (s, from) = (arg::text(args, 0)?, arg::text(args, 1)?);
    if from.is_empty() {
        return text(s);
    }
    let to = arg::text(args, 2)?;
    if to.len() > from.len() {
        let more = s
            .matches(from)
            .count()
            .saturating_mul(to.len() - from.len());
        may_be_long(s.len().saturating_add(more))?;
    }
    text(s.replace(from, to))
}

fn reverse(args: Args, _: &Env) -> Result<Value> {
    text(arg::text(args, 0)?.chars().rev().collect::<String>())
}

fn split_part(args: Args, _: &Env) -> Result<Value> {
    let (s, delimiter, n) = (
        arg::text(args, 0)?,
        arg::text(args, 1)?,
        arg::int4(args, 2)?,
    );
    if n == 0 {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "field position must not be zero",
        ));
    }
    if delimiter.is_empty() {
        return text(if n == 1 || n == -1 { s } else { "" });
    }
    let parts: Vec<&str> = s.split(delimiter).collect();
    let at = if n > 0 {
        n as usize - 1
    } else {
        match parts.len().checked_sub(n.unsigned_abs() as usize) {
            Some(at) => at,
            None => return text(""),
        }
    };
    text(parts.get(at).copied().unwrap_or(""))
}

fn starts_with(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(
        arg::text(args, 0)?.starts_with(arg::text(args, 1)?),
    ))
}

fn strpos(args: Args, _: &Env) -> Result<Value> {
    let (s, sub) = (arg::text(args, 0)?, arg::text(args, 1)?);
    Ok(Value::Int4(
        s.find(sub)
            .map_or(0, |at| s[..at].chars().count() as i32 + 1),
    ))
}

/// Characters `from` to before `from + length`, wherever that lies.
fn cut(s: &str, from: i32, length: Option<i32>) -> Result<String> {
    if length.is_some_and(|length| length < 0) {
        return Err(Error::new(
            state::SUBSTRING_ERROR,
            "negative substring length not allowed",
        ));
    }
    let start = i64::from(from).max(1) - 1;
    let end = length.map_or(i64::MAX, |length| i64::from(from) + i64::from(length) - 1);
    let take = (end - start).max(0);
    Ok(s.chars()
        .skip(start as usize)
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .collect())
}

fn substring(args: Args, _: &Env) -> Result<Value> {
    let length = if args.len() > 2 {
        Some(arg::int4(args, 2)?)
    } else {
        None
    };
    text(cut(arg::text(args, 0)?, arg::int4(args, 1)?, length)?)
}

fn to_hex4(args: Args, _: &Env) -> Result<Value> {
    text(format!("{:x}", arg::int4(args, 0)?))
}

fn to_hex8(args: Args, _: &Env) -> Result<Value> {
    text(format!("{:x}", arg::int8(args, 0)?))
}

fn translate(args: Args, _: &Env) -> Result<Value> {
    let from: Vec<char> = arg::text(args, 1)?.chars().collect();
    let to: Vec<char> = arg::text(args, 2)?.chars().collect();
    let out: String = arg::text(args, 0)?
        .chars()
        .filter_map(
            |letter| match from.iter().position(|known| *known == letter) {
                None => Some(letter),
                Some(at) => to.get(at).copied(),
            },
        )
        .collect();
    text(out)
}

pub const FUNCTIONS: &[Function] = &[
    function("^@", &[T::Text, T::Text], T::Bool, starts_with),
    function("ascii", &[T::Text], T::Int4, ascii),
    function("bit_length", &[T::Text], T::Int4, bit_length),
    function("btrim", &[T::Text], T::Text, btrim),
    function("btrim", &[T::Text, T::Text], T::Text, btrim),
    function("char_length", &[T::Text], T::Int4, length),
    function("character_length", &[T::Text], T::Int4, length),
    function("chr", &[T::Int4], T::Text, chr),
    function("concat", &[T::Any], T::Text, concat)
        .lenient()
        .variadic(),
    function("concat_ws", &[T::Text, T::Any], T::Text, concat_ws)
        .lenient()
        .variadic(),
    function("format", &[T::Text], T::Text, format_text).lenient(),
    function("format", &[T::Text, T::Any], T::Text, format_text)
        .lenient()
        .variadic(),
    function("initcap", &[T::Text], T::Text, initcap),
    function("left", &[T::Text, T::Int4], T::Text, left),
    function("length", &[T::Text], T::Int4, length),
    function("length", &[T::Bytea], T::Int4, length_bytea),
    function("lower", &[T::Text], T::Text, lower),
    function("lpad", &[T::Text, T::Int4], T::Text, lpad),
    function("lpad", &[T::Text, T::Int4, T::Text], T::Text, lpad),
    function("ltrim", &[T::Text], T::Text, ltrim),
    function("ltrim", &[T::Text, T::Text], T::Text, ltrim),
    function("md5", &[T::Text], T::Text, md5),
    function("octet_length", &[T::Text], T::Int4, octet_length),
    function("octet_length", &[T::Bytea], T::Int4, length_bytea),
    function("overlay", &[T::Text, T::Text, T::Int4], T::Text, overlay),
    function(
        "overlay",
        &[T::Text, T::Text, T::Int4, T::Int4],
        T::Text,
        overlay,
    ),
    function("quote_ident", &[T::Text], T::Text, quote_ident),
    function("quote_literal", &[T::Text], T::Text, quote_literal),
    function("quote_nullable", &[T::Text], T::Text, quote_nullable).lenient(),
    function("repeat", &[T::Text, T::Int4], T::Text, repeat),
    function("replace", &[T::Text, T::Text, T::Text], T::Text, replace),
    function("reverse", &[T::Text], T::Text, reverse),
    function("right", &[T::Text, T::Int4], T::Text, right),
    function("rpad", &[T::Text, T::Int4], T::Text, rpad),
    function("rpad", &[T::Text, T::Int4, T::Text], T::Text, rpad),
    function("rtrim", &[T::Text], T::Text, rtrim),
    function("rtrim", &[T::Text, T::Text], T::Text, rtrim),
    function(
        "split_part",
        &[T::Text, T::Text, T::Int4],
        T::Text,
        split_part,
    ),
    function("starts_with", &[T::Text, T::Text], T::Bool, starts_with),
    function("strpos", &[T::Text, T::Text], T::Int4, strpos),
    function("substr", &[T::Text, T::Int4], T::Text, substring),
    function("substr", &[T::Text, T::Int4, T::Int4], T::Text, substring),
    function("substring", &[T::Text, T::Int4], T::Text, substring),
    function(
        "substring",
        &[T::Text, T::Int4, T::Int4],
        T::Text,
        substring,
    ),
    function("to_hex", &[T::Int4], T::Text, to_hex4),
    function("to_hex", &[T::Int8], T::Text, to_hex8),
    function(
        "translate",
        &[T::Text, T::Text, T::Text],
        T::Text,
        translate,
    ),
    function("upper", &[T::Text], T::Text, upper),
];
