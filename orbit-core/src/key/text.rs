//! Strings of bytes: 0 and 1 are written as 1 1 and 1 2, and a 0 ends the
//! string. So a prefix sorts first, and the order of bytes is kept.

use super::{Reader, malformed};
use crate::error::Result;

#[inline]
pub(super) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 1);
    if bytes.iter().fold(false, |found, byte| found | (*byte <= 1)) {
        for byte in bytes {
            match byte {
                0 | 1 => out.extend_from_slice(&[1, byte + 1]),
                _ => out.push(*byte),
            }
        }
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(0);
}

pub(super) fn pop(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match reader.byte()? {
            0 => return Ok(bytes),
            1 => match reader.byte()? {
                escaped @ (1 | 2) => bytes.push(escaped - 1),
                _ => return Err(malformed()),
            },
            byte => bytes.push(byte),
        }
    }
}
