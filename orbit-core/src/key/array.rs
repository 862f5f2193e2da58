//! Arrays sort by their elements, then by their number, then by dimensions:
//! each element follows a 1 (NULL is a 2), a 0 ends them.

use super::{NULL, PRESENT, Reader, malformed, push_ascending};
use crate::error::Result;
use crate::types::SqlType;
use crate::value::Array;
use crate::value::array::MAX_DIMENSIONS;

const END: u8 = 0;

pub(super) fn push(out: &mut Vec<u8>, array: &Array) -> Result<()> {
    super::check_type(&array.element)?;
    for item in &array.items {
        out.push(if item.is_null() { NULL } else { PRESENT });
        push_ascending(out, &item.as_ref())?;
    }
    out.push(END);
    out.push(array.dims.len() as u8);
    for number in lengths_then_bounds(array) {
        out.extend_from_slice(&(number.cast_unsigned() ^ 1 << 31).to_be_bytes());
    }
    Ok(())
}

fn lengths_then_bounds(array: &Array) -> impl Iterator<Item = i32> {
    let lengths = array.dims.iter().map(|(length, _)| *length);
    lengths.chain(array.dims.iter().map(|(_, lower)| *lower))
}

pub(super) fn pop(reader: &mut Reader<'_>, element: &SqlType) -> Result<Array> {
    if matches!(element, SqlType::Array(_)) {
        return Err(malformed());
    }
    let mut items = Vec::new();
    loop {
        match reader.byte()? {
            END => break,
            PRESENT => items.push(reader.value(element)?),
            NULL => items.push(crate::value::Value::Null),
            _ => return Err(malformed()),
        }
    }
    let dimensions = usize::from(reader.byte()?);
    if dimensions > MAX_DIMENSIONS {
        return Err(malformed());
    }
    let mut numbers = [0i32; MAX_DIMENSIONS * 2];
    for number in numbers.iter_mut().take(dimensions * 2) {
        *number = reader.i32()?;
    }
    let dims: Vec<_> = (0..dimensions)
        .map(|at| (numbers[at], numbers[dimensions + at]))
        .collect();
    if Array::count(&dims).map_err(|_| malformed())? != items.len() {
        return Err(malformed());
    }
    Ok(Array {
        element: element.clone(),
        dims,
        items,
    })
}
