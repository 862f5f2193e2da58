//! Booleans and UUIDs.

use super::integer::trim;
use super::invalid_syntax;
use crate::error::Result;

/// Any unambiguous beginning of true, false, yes, no; on, off, 1, 0.
pub(super) fn parse_bool(text: &str) -> Result<bool> {
    match text {
        "t" => return Ok(true),
        "f" => return Ok(false),
        _ => {}
    }
    let word = trim(text).to_ascii_lowercase();
    let begins = |full: &str| !word.is_empty() && full.starts_with(word.as_str());
    if begins("true") || begins("yes") || word == "on" || word == "1" {
        return Ok(true);
    }
    if begins("false") || begins("no") || word == "of" || word == "off" || word == "0" {
        return Ok(false);
    }
    Err(invalid_syntax("boolean", text))
}

pub(super) fn write_uuid(uuid: &[u8; 16], out: &mut Vec<u8>) {
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

pub(super) const HEX: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// 32 hex digits; a hyphen may follow any group of four, braces may stand around.
pub(super) fn parse_uuid(text: &str) -> Result<[u8; 16]> {
    scan_uuid(text.as_bytes()).ok_or_else(|| invalid_syntax("uuid", text))
}

fn scan_uuid(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match bytes {
        [b'{', inner @ .., b'}'] => inner,
        _ => bytes,
    };
    let mut uuid = [0u8; 16];
    for (at, byte) in uuid.iter_mut().enumerate() {
        let (&[high, low], after) = rest.split_first_chunk::<2>()?;
        *byte = hex_digit(high)? << 4 | hex_digit(low)?;
        rest = after;
        if at % 2 == 1 && at < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    rest.is_empty().then_some(uuid)
}
