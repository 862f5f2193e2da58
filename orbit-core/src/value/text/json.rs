//! JSON: checked and kept as written for `json`, brought into one form for `jsonb`.

mod read;
mod scan;
mod write;

use crate::error::{Error, Result, SqlState, state};

/// Deeper documents are refused, so that no later step runs out of stack.
const MAX_DEPTH: usize = 3000;

const UNTRANSLATABLE: SqlState = SqlState(*b"22P05");

/// A document as `jsonb` keeps it: no duplicate keys, keys in order.
enum Json {
    Null,
    Bool(bool),
    Number(crate::value::Numeric),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Refuses what isn't JSON (22P02).
pub(super) fn validate(text: &str) -> Result<()> {
    read::check(text)
}

/// As PostgreSQL prints a jsonb: `{"a": 1, "bb": [true, null]}`, keys sorted by
/// length and then bytes, the last of equal keys kept, numbers exact.
pub(super) fn normalise(text: &str) -> Result<String> {
    let document = read::document(text)?;
    let mut out = String::with_capacity(text.len());
    write::write(&document, &mut out);
    Ok(out)
}

#[cold]
fn too_deep() -> Error {
    Error::new(state::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
        .with_detail(format!("JSON nests deeper than {MAX_DEPTH} levels."))
}
