//! Arrays: elements of one type in any number of dimensions, each with its own lower bound.

use super::Value;
use crate::error::{Error, Result, state};
use crate::types::SqlType;

/// As many as PostgreSQL allows.
pub const MAX_DIMENSIONS: usize = 6;
/// Bound on elements, so that a short text can't ask for all memory.
pub const MAX_ITEMS: usize = 1 << 27;

/// Elements in row-major order; an empty array has no dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub element: SqlType,
    /// Length and lower bound of each dimension, the outermost first.
    pub dims: Vec<(i32, i32)>,
    pub items: Vec<Value>,
}

impl Array {
    /// One dimension counted from 1, or the empty array.
    pub fn new(element: SqlType, items: Vec<Value>) -> Array {
        let dims = match i32::try_from(items.len()) {
            Ok(0) => Vec::new(),
            Ok(length) => vec![(length, 1)],
            Err(_) => vec![(i32::MAX, 1)],
        };
        Array {
            element,
            dims,
            items,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many elements dimensions of these lengths hold; an error if there are too many.
    pub fn count(dims: &[(i32, i32)]) -> Result<usize> {
        if dims.is_empty() {
            return Ok(0);
        }
        if dims.len() > MAX_DIMENSIONS {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                    dims.len()
                ),
            ));
        }
        let mut count = 1usize;
        for (length, lower) in dims {
            let valid = usize::try_from(*length).ok();
            count = valid
                .and_then(|length| count.checked_mul(length))
                .filter(|count| *count <= MAX_ITEMS && lower.checked_add(*length).is_some())
                .ok_or_else(|| {
                    Error::new(
                        state::PROGRAM_LIMIT_EXCEEDED,
                        format!("array size exceeds the maximum allowed ({MAX_ITEMS})"),
                    )
                })?;
        }
        Ok(count)
    }
}
