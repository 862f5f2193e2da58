//! Functions of bytea.

use super::{Env, Function, T, arg, function};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn bytea(bytes: impl Into<Vec<u8>>) -> Result<Value> {
    Ok(Value::Bytea(bytes.into()))
}

fn small(count: usize) -> Result<Value> {
    Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX)))
}

/// The bytes without those of a set at the ends.
fn trimmed<'b>(args: &'b [ValueRef<'_>], front: bool, back: bool) -> Result<&'b [u8]> {
    let (mut bytes, set) = (arg::bytes(args, 0)?, arg::bytes(args, 1)?);
    while let ([first, rest @ ..], true) = (bytes, front) {
        if !set.contains(first) {
            break;
        }
        bytes = rest;
    }
    while let ([rest @ .., last], true) = (bytes, back) {
        if !set.contains(last) {
            break;
        }
        bytes = rest;
    }
    Ok(bytes)
}

fn btrim(args: Args, _: &Env) -> Result<Value> {
    bytea(trimmed(args, true, true)?)
}

fn ltrim(args: Args, _: &Env) -> Result<Value> {
    bytea(trimmed(args, true, false)?)
}

fn rtrim(args: Args, _: &Env) -> Result<Value> {
    bytea(trimmed(args, false, true)?)
}

fn negative_length() -> Error {
    Error::new(
        state::SUBSTRING_ERROR,
        "negative substring length not allowed",
    )
}

fn substring(args: Args, _: &Env) -> Result<Value> {
    let bytes = arg::bytes(args, 0)?;
    let from = i64::from(arg::int4(args, 1)?);
    let end = match args.get(2) {
        Some(_) => match i64::from(arg::int4(args, 2)?) {
            length if length < 0 => return Err(negative_length()),
            length => from + length - 1,
        },
        None => i64::MAX,
    };
    let place = |at: i64| {
        usize::try_from(at.max(0))
            .unwrap_or(usize::MAX)
            .min(bytes.len())
    };
    let (start, end) = (place(from - 1), place(end));
    bytea(bytes.get(start..end.max(start)).unwrap_or_default())
}

fn overlay(args: Args, _: &Env) -> Result<Value> {
    let (bytes, put) = (arg::bytes(args, 0)?, arg::bytes(args, 1)?);
    let from = arg::int4(args, 2)?;
    if from <= 0 {
        return Err(negative_length());
    }
    let length = match args.get(3) {
        Some(_) => i64::from(arg::int4(args, 3)?),
        None => i64::try_from(put.len()).unwrap_or(i64::MAX),
    };
    let place = |at: i64| {
        usize::try_from(at.max(0))
            .unwrap_or(usize::MAX)
            .min(bytes.len())
    };
    let start = place(i64::from(from) - 1);
    let end = place((i64::from(from) - 1).saturating_add(length));
    let mut out = bytes.get(..start).unwrap_or_default().to_vec();
    out.extend_from_slice(put);
    out.extend_from_slice(bytes.get(end..).unwrap_or_default());
    bytea(out)
}

fn position(args: Args, _: &Env) -> Result<Value> {
    let (bytes, wanted) = (arg::bytes(args, 0)?, arg::bytes(args, 1)?);
    if wanted.is_empty() {
        return Ok(Value::Int4(1));
    }
    let found = bytes.windows(wanted.len()).position(|part| part == wanted);
    small(found.map_or(0, |at| at + 1))
}

fn out_of(index: i64, last: i64) -> Error {
    Error::new(
        state::ARRAY_SUBSCRIPT_ERROR,
        format!("index {index} out of valid range, 0..{last}"),
    )
}

/// A place among `count`.
fn place(index: i64, count: usize) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|at| *at < count)
        .ok_or_else(|| out_of(index, i64::try_from(count).unwrap_or(i64::MAX) - 1))
}

fn get_byte(args: Args, _: &Env) -> Result<Value> {
    let bytes = arg::bytes(args, 0)?;
    let at = place(i64::from(arg::int4(args, 1)?), bytes.len())?;
    Ok(Value::Int4(bytes.get(at).copied().map_or(0, i32::from)))
}

fn set_byte(args: Args, _: &Env) -> Result<Value> {
    let mut bytes = arg::bytes(args, 0)?.to_vec();
    let at = place(i64::from(arg::int4(args, 1)?), bytes.len())?;
    if let Some(byte) = bytes.get_mut(at) {
        // The lowest eight bits, as PostgreSQL stores it.
        *byte = arg::int4(args, 2)?.to_le_bytes()[0];
    }
    bytea(bytes)
}

fn get_bit(args: Args, _: &Env) -> Result<Value> {
    let bytes = arg::bytes(args, 0)?;
    let at = place(arg::int8(args, 1)?, bytes.len().saturating_mul(8))?;
    let byte = bytes.get(at / 8).copied().unwrap_or(0);
    Ok(Value::Int4(i32::from(byte >> (at % 8) & 1)))
}

fn set_bit(args: Args, _: &Env) -> Result<Value> {
    let mut bytes = arg::bytes(args, 0)?.to_vec();
    let at = place(arg::int8(args, 1)?, bytes.len().saturating_mul(8))?;
    let bit = arg::int4(args, 2)?;
    if !(0..=1).contains(&bit) {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "new bit must be 0 or 1",
        ));
    }
    if let Some(byte) = bytes.get_mut(at / 8) {
        let mask = 1u8 << (at % 8);
        *byte = if bit == 1 {
            *byte | mask
        } else {
            *byte & !mask
        };
    }
    bytea(bytes)
}

fn concatenate(args: Args, _: &Env) -> Result<Value> {
    bytea([arg::bytes(args, 0)?, arg::bytes(args, 1)?].concat())
}

fn bit_length(args: Args, _: &Env) -> Result<Value> {
    small(arg::bytes(args, 0)?.len().saturating_mul(8))
}

fn bit_count(args: Args, _: &Env) -> Result<Value> {
    let ones = arg::bytes(args, 0)?.iter().map(|byte| byte.count_ones());
    Ok(Value::Int8(ones.map(i64::from).sum()))
}

fn md5(args: Args, _: &Env) -> Result<Value> {
    super::system::md5(arg::bytes(args, 0)?)
}

fn is_utf8(encoding: &str) -> Result<()> {
    let name: String = encoding
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    match name.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ => Err(Error::unsupported(format_args!(
            "the encoding \"{encoding}\": text is UTF8"
        ))),
    }
}

fn convert_from(args: Args, _: &Env) -> Result<Value> {
    is_utf8(arg::text(args, 1)?)?;
    let bytes = arg::bytes(args, 0)?;
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Value::Text(text.to_owned())),
        Ok(_) => Err(bad_bytes(&[0])),
        Err(error) => {
            let bad = bytes.get(error.valid_up_to()..).unwrap_or_default();
            let length = error.error_len().unwrap_or(bad.len()).max(1);
            Err(bad_bytes(bad.get(..length).unwrap_or(bad)))
        }
    }
}

fn bad_bytes(bytes: &[u8]) -> Error {
    let shown: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    Error::new(
        state::CHARACTER_NOT_IN_REPERTOIRE,
        format!(
            "invalid byte sequence for encoding \"UTF8\": {}",
            shown.join(" ")
        ),
    )
}

fn convert_to(args: Args, _: &Env) -> Result<Value> {
    is_utf8(arg::text(args, 1)?)?;
    bytea(arg::text(args, 0)?.as_bytes())
}

fn length_in(args: Args, env: &Env) -> Result<Value> {
    match convert_from(args, env)? {
        Value::Text(text) => small(text.chars().count()),
        other => Ok(other),
    }
}

const B: T = T::Bytea;
const I: T = T::Int4;

pub const FUNCTIONS: &[Function] = &[
    function("||", &[B, B], B, concatenate),
    function("bit_count", &[B], T::Int8, bit_count),
    function("bit_length", &[B], I, bit_length),
    function("btrim", &[B, B], B, btrim),
    function("convert_from", &[B, T::Text], T::Text, convert_from),
    function("convert_to", &[T::Text, T::Text], B, convert_to),
    function("get_bit", &[B, T::Int8], I, get_bit),
    function("get_byte", &[B, I], I, get_byte),
    function("length", &[B, T::Text], I, length_in),
    function("ltrim", &[B, B], B, ltrim),
    function("md5", &[B], T::Text, md5),
    function("overlay", &[B, B, I], B, overlay),
    function("overlay", &[B, B, I, I], B, overlay),
    function("rtrim", &[B, B], B, rtrim),
    function("set_bit", &[B, T::Int8, I], B, set_bit),
    function("set_byte", &[B, I, I], B, set_byte),
    function("strpos", &[B, B], I, position),
    function("substr", &[B, I], B, substring),
    function("substr", &[B, I, I], B, substring),
    function("substring", &[B, I], B, substring),
    function("substring", &[B, I, I], B, substring),
];
