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

#[rustfmt::skip]
const ROUNDS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1,
    0x923f_82a4, 0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3,
    0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786,
    0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147,
    0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13,
    0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a,
    0x5b9c_ca4f, 0x682e_6ff3, 0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208,
    0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

#[rustfmt::skip]
const START: [u32; 8] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
];

/// FIPS 180-4.
fn sha256(args: Args, _: &Env) -> Result<Value> {
    let input = arg::bytes(args, 0)?;
    let mut message = input.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(input.len() as u64).wrapping_mul(8).to_be_bytes());
    let mut sums = START;
    for block in message.chunks_exact(64) {
        let mut words = [0u32; 64];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes(
                bytes
                    .try_into()
                    .map_err(|_| Error::internal("sha256 block"))?,
            );
        }
        for i in 16..64 {
            let (x, y) = (words[i - 15], words[i - 2]);
            let small = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
            let large = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
            words[i] = words[i - 16]
                .wrapping_add(small)
                .wrapping_add(words[i - 7])
                .wrapping_add(large);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = sums;
        for (word, constant) in words.iter().zip(ROUNDS) {
            let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let chosen = (e & f) ^ (!e & g);
            let first = h
                .wrapping_add(turned)
                .wrapping_add(chosen)
                .wrapping_add(constant)
                .wrapping_add(*word);
            let turned = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let second = turned.wrapping_add(majority);
            (h, g, f, e) = (g, f, e, d.wrapping_add(first));
            (d, c, b, a) = (c, b, a, first.wrapping_add(second));
        }
        for (sum, add) in sums.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *sum = sum.wrapping_add(add);
        }
    }
    Ok(Value::Bytea(
        sums.iter().flat_map(|sum| sum.to_be_bytes()).collect(),
    ))
}

pub const FUNCTIONS: &[Function] = &[
    function("decode", &[T::Text, T::Text], T::Bytea, decode),
    function("encode", &[T::Bytea, T::Text], T::Text, encode),
    function("sha256", &[T::Bytea], T::Bytea, sha256),
];
