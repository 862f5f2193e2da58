//! PostgreSQL's binary forms, both ways. Big endian throughout.

mod array;
mod numeric;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod write;

pub use read::decode;
pub use record::values as record_values;
pub use write::encode;

use crate::error::{Error, state};

/// The version byte in front of a jsonb text.
const JSONB_VERSION: u8 = 1;

#[cold]
pub(crate) fn malformed() -> Error {
    Error::new(
        state::INVALID_BINARY_REPRESENTATION,
        "incorrect binary data format",
    )
}
