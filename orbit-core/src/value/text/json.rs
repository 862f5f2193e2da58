//! JSON: checked and kept as written for `json`, brought into one form for `jsonb`.

use crate::error::{Error, Result};
pub(super) fn validate(_text: &str) -> Result<()> {
    Err(Error::unsupported("json"))
}
pub(super) fn normalise(_text: &str) -> Result<String> {
    Err(Error::unsupported("jsonb"))
}
