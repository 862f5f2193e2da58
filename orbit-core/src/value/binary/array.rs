//! Arrays in binary.
//!
//! ```text
//! dimensions i32 | has NULLs i32 | element type u32 | (length i32, lower bound i32)...
//! elements: length i32 (-1 NULL) | payload
//! ```

use super::malformed;
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::array::MAX_DIMENSIONS;
use crate::value::{Array, Value};

pub(super) fn encode(array: &Array, element: &SqlType, out: &mut Vec<u8>) -> Result<()> {
    let mut int = |value: i32| out.extend_from_slice(&value.to_be_bytes());
    int(i32::try_from(array.dims.len()).unwrap_or(0));
    int(i32::from(array.items.iter().any(Value::is_null)));
    int(element.oid().cast_signed());
    for (length, lower) in &array.dims {
        int(*length);
        int(*lower);
    }
    for item in &array.items {
        if item.is_null() {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            continue;
        }
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        super::encode(&item.as_ref(), element, out)?;
        let length = i32::try_from(out.len() - at - 4).map_err(|_| {
            Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "array element is too large to send",
            )
        })?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

pub(super) fn decode(mut bytes: &[u8], element: &SqlType) -> Result<Array> {
    let dimensions = int(&mut bytes)?;
    let flags = int(&mut bytes)?;
    let oid = int(&mut bytes)?.cast_unsigned();
    if !matches!(flags, 0 | 1) || matches!(element, SqlType::Array(_)) {
        return Err(malformed());
    }
    if oid != element.oid() {
        let given = SqlType::from_oid(oid).map_or_else(|| "unknown".into(), |t| t.to_string());
        return Err(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "binary data has array element type {oid} ({given}) instead of expected {} ({element})",
                element.oid()
            ),
        ));
    }
    let mut dims = Vec::new();
    // One too many is enough for `count` to refuse it.
    for _ in 0..dimensions.min(MAX_DIMENSIONS as i32 + 1) {
        dims.push((int(&mut bytes)?, int(&mut bytes)?));
    }
    let count = Array::count(&dims)?;
    // Each element takes a length word at least.
    if count > bytes.len() / 4 {
        return Err(malformed());
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        match int(&mut bytes)? {
            -1 => items.push(Value::Null),
            length => {
                let length = usize::try_from(length).map_err(|_| malformed())?;
                let (item, rest) = bytes.split_at_checked(length).ok_or_else(malformed)?;
                bytes = rest;
                items.push(super::decode(item, element)?);
            }
        }
    }
    if !bytes.is_empty() {
        return Err(malformed());
    }
    if items.is_empty() {
        dims.clear();
    }
    Ok(Array {
        element: element.clone(),
        dims,
        items,
    })
}

fn int(bytes: &mut &[u8]) -> Result<i32> {
    let (word, rest) = bytes.split_first_chunk().ok_or_else(malformed)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*word))
}
