//! Byte strings: `\x` and hex digits, or the older escape form.

use super::scalar::{HEX, hex_digit};
use crate::error::{Error, Result, state};

pub(super) fn write(bytes: &[u8], hex: bool, out: &mut Vec<u8>) {
    if hex {
        out.reserve(bytes.len() * 2 + 2);
        out.extend_from_slice(b"\\x");
        for byte in bytes {
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        return;
    }
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(*byte),
            _ => out.extend_from_slice(&[
                b'\\',
                b'0' + (byte >> 6),
                b'0' + (byte >> 3 & 7),
                b'0' + (byte & 7),
            ]),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(digits) => parse_hex(digits),
        None => parse_escape(text.as_bytes()),
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>> {
    let invalid = |message: String| Err(Error::new(state::INVALID_PARAMETER_VALUE, message));
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if matches!(character, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let digit = |character: char| u8::try_from(character).ok().and_then(hex_digit);
        let wrong = |character| format!("invalid hexadecimal digit: \"{character}\"");
        let Some(high) = digit(character) else {
            return invalid(wrong(character));
        };
        let Some(next) = characters.next() else {
            return invalid("invalid hexadecimal data: odd number of digits".into());
        };
        let Some(low) = digit(next) else {
            return invalid(wrong(next));
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

fn parse_escape(text: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match *after {
            [b'\\', ref after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [
                high @ b'0'..=b'3',
                mid @ b'0'..=b'7',
                low @ b'0'..=b'7',
                ref after @ ..,
            ] => {
                bytes.push((high - b'0') << 6 | (mid - b'0') << 3 | (low - b'0'));
                rest = after;
            }
            _ => {
                return Err(Error::new(
                    state::INVALID_TEXT_REPRESENTATION,
                    "invalid input syntax for type bytea",
                ));
            }
        }
    }
    Ok(bytes)
}
