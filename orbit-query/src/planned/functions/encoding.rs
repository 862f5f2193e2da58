//! Bytes as text and back, and digests of them.

use super::{Env, Function, T, arg, function};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn unknown(encoding: &str) -> Error {
    refused(format!("unrecognized encoding: \"{encoding}\""))
}

fn encode(args: Args, _: &Env) -> Result<Value> {
    let bytes = arg::bytes(args, 0)?;
    let encoding = arg::text(args, 1)?;
    let text = match encoding.to_ascii_lowercase().as_str() {
        "hex" => to_hex(bytes),
        "base64" => to_base64(bytes),
        "escape" => to_escapes(bytes),
        _ => return Err(unknown(encoding)),
    };
    Ok(Value::Text(text))
}

fn decode(args: Args, _: &Env) -> Result<Value> {
    let text = arg::text(args, 0)?;
    let encoding = arg::text(args, 1)?;
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "hex" => of_hex(text)?,
        "base64" => of_base64(text)?,
        "escape" => of_escapes(text)?,
        _ => return Err(unknown(encoding)),
    };
    Ok(Value::Bytea(bytes))
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn of_hex(text: &str) -> Result<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !is_blank(*letter)) {
        let digit = letter
            .to_digit(16)
            .ok_or_else(|| refused(format!("invalid hexadecimal digit: \"{letter}\"")))?;
        digits.push(digit as u8);
    }
    if digits.len() % 2 != 0 {
        return Err(refused("invalid hexadecimal data: odd number of digits"));
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4) | pair[1])
        .collect())
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\n' | '\t' | '\r')
}

/// In lines of 76 letters; a full line ends in a newline even if it is the last.
fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 + 4);
    let mut groups = 0;
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for i in 0..4u32 {
            if i as usize > chunk.len() {
                out.push('=');
            } else {
                let digit = (bits >> (18 - 6 * i)) & 63;
                out.push(char::from(BASE64[digit as usize]));
            }
        }
        groups += 1;
        if groups % 19 == 0 && chunk.len() == 3 {
            out.push('\n');
        }
    }
    out
}

fn of_base64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits, mut padding) = (0u32, 0, 0);
    for letter in text.chars().filter(|letter| !is_blank(*letter)) {
        let digit = if letter == '=' {
            if digits < 2 {
                return Err(refused("unexpected \"=\" while decoding base64 sequence"));
            }
            padding += 1;
            0
        } else {
            let place = BASE64.iter().position(|known| char::from(*known) == letter);
            let place = place.filter(|_| padding == 0).ok_or_else(|| {
                refused(format!(
                    "invalid symbol \"{letter}\" found while decoding base64 sequence"
                ))
            })?;
            place as u32
        };
        bits = (bits << 6) | digit;
        digits += 1;
        if digits == 4 {
            let three = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
            out.extend_from_slice(&three[..3 - padding.min(2)]);
            (bits, digits) = (0, 0);
        }
    }
    if digits != 0 {
        return Err(refused("invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(out)
}

/// Zero bytes and those beyond ASCII as octal numbers.
fn to_escapes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0 | 0x80.. => out.push_str(&format!("\\{byte:03o}")),
            b'\\' => out.push_str("\\\\"),
            other => out.push(char::from(*other)),
        }
    }
    out
}

fn of_escapes(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                out.push(b'\\');
                after
            }
            (
                b'\\',
                [
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    after @ ..,
                ],
            ) => {
                out.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                after
            }
            (b'\\', _) => {
                return Err(Error::new(
                    state::INVALID_TEXT_REPRESENTATION,
                    "invalid input syntax for type bytea",
                ));
            }
            (other, after) => {
                out.push(*other);
                after
            }
        };
    }
    Ok(out)
}

pub const FUNCTIONS: &[Function] = &[
    function("decode", &[T::Text, T::Text], T::Bytea, decode),
    function("encode", &[T::Bytea, T::Text], T::Text, encode),
];
