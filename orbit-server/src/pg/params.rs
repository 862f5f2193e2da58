//! Parameter values of a Bind message, from text or binary to the statement's types.

use super::errors::protocol;
use super::frontend::{Bind, utf8};
use super::rows::is_binary;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Value, binary, text};
use orbit_core::{Error, Result, state};

/// Fills `values` (its memory is used again) with what `bind` carries.
pub fn decode(
    bind: &Bind<'_>,
    types: &[SqlType],
    settings: &FormatSettings,
    values: &mut Vec<Value>,
) -> Result<()> {
    values.clear();
    let given = bind.params.len();
    let codes = bind.param_formats;
    if codes.len() > 1 && codes.len() != given {
        return Err(protocol(format!(
            "bind message has {} parameter formats but {given} parameters",
            codes.len()
        )));
    }
    if given != types.len() {
        return Err(protocol(format!(
            "bind message supplies {given} parameters, but prepared statement \"{}\" requires {}",
            String::from_utf8_lossy(bind.statement),
            types.len()
        )));
    }
    // One code stands for all parameters, none for text.
    let common = match codes.len() {
        0 | 1 => Some(codes.at(0).map_or(Ok(false), is_binary)?),
        _ => None,
    };
    let mut params = bind.params;
    for (index, of) in types.iter().enumerate() {
        let Some(bytes) = params.next()? else {
            values.push(Value::Null);
            continue;
        };
        let binary = match common {
            Some(binary) => binary,
            None => codes.at(index).map_or(Ok(false), is_binary)?,
        };
        values.push(if binary {
            from_binary(bytes, of)?
        } else {
            from_text(bytes, of, settings)?
        });
    }
    Ok(())
}

fn from_binary(bytes: &[u8], of: &SqlType) -> Result<Value> {
    let value = match of {
        SqlType::Int4 => bytes
            .try_into()
            .ok()
            .map(|it| Value::Int4(i32::from_be_bytes(it))),
        SqlType::Int8 => bytes
            .try_into()
            .ok()
            .map(|it| Value::Int8(i64::from_be_bytes(it))),
        SqlType::Text | SqlType::Varchar(None) | SqlType::Unknown => {
            Some(Value::Text(checked(bytes)?.to_owned()))
        }
        _ => None,
    };
    match value {
        Some(value) => Ok(value),
        None => binary::decode(bytes, of),
    }
}

fn from_text(bytes: &[u8], of: &SqlType, settings: &FormatSettings) -> Result<Value> {
    let given = checked(bytes)?;
    let value = match of {
        SqlType::Int4 => given.parse().ok().map(Value::Int4),
        SqlType::Int8 => given.parse().ok().map(Value::Int8),
        SqlType::Text | SqlType::Varchar(None) | SqlType::Unknown => {
            Some(Value::Text(given.to_owned()))
        }
        _ => None,
    };
    match value {
        Some(value) => Ok(value),
        // Blanks around a number, and the words for what is wrong with it.
        None => text::parse(given, of, settings),
    }
}

/// UTF-8 without zeros: PostgreSQL's text holds none.
fn checked(bytes: &[u8]) -> Result<&str> {
    let given = utf8(bytes)?;
    if memchr::memchr(0, bytes).is_some() {
        return Err(Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ));
    }
    Ok(given)
}

#[cfg(test)]
mod tests;
