//! Character types and their lengths, which count characters.

use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::Value;

/// Bytes a `name` can have.
const NAME_BYTES: usize = 63;

#[inline]
pub(super) fn parse(text: &str) -> Result<String> {
    check(text)?;
    Ok(text.to_owned())
}

fn check(text: &str) -> Result<()> {
    if text.as_bytes().contains(&0) {
        return Err(Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ));
    }
    Ok(())
}

/// What happens to characters beyond the declared length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// 22001, unless they are blanks: input and assignment.
    Refused,
    /// Cut off: an explicit cast.
    Cut,
}

/// Applies `varchar(n)` or `char(n)`; char loses its trailing blanks.
#[inline]
pub(crate) fn fit_length(mut text: String, sql_type: &SqlType, excess: Excess) -> Result<Value> {
    let limit = match sql_type {
        SqlType::Varchar(Some(limit)) => *limit,
        SqlType::Char(limit) if *limit > 0 => *limit,
        _ => 0,
    };
    // A text of no more bytes than characters allowed needs no counting.
    if limit > 0
        && text.len() > limit as usize
        && let Some((end, _)) = text.char_indices().nth(limit as usize)
    {
        if excess == Excess::Refused && text[end..].bytes().any(|byte| byte != b' ') {
            return Err(Error::new(
                state::STRING_DATA_RIGHT_TRUNCATION,
                format!("value too long for type {sql_type}"),
            ));
        }
        text.truncate(end);
    }
    if matches!(sql_type, SqlType::Char(_)) {
        text.truncate(text.trim_end_matches(' ').len());
    }
    Ok(Value::Text(text))
}

pub(super) fn write_padded(text: &str, length: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    let missing = (length as usize).saturating_sub(text.chars().count());
    out.resize(out.len() + missing, b' ');
}

pub(super) fn parse_name(text: &str) -> Result<String> {
    check(text)?;
    Ok(text[..text.floor_char_boundary(NAME_BYTES)].to_owned())
}

/// The first character, as far as a byte holds it.
pub(super) fn parse_char(text: &str) -> String {
    text.chars()
        .next()
        .filter(char::is_ascii)
        .map(String::from)
        .unwrap_or_default()
}
