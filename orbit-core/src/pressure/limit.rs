//! What a node may take, changed while it runs.

use crate::Result;
use crate::error::{Error, state};
use crate::profile::{parse_bytes, suggest};
use std::pin::Pin;

/// What a node can be told to take less of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// What it holds in memory: `edge.resources.memory_limit`.
    Memory,
    /// What its data directory takes on the disk: `edge.resources.storage_limit`.
    Storage,
}

impl Limited {
    /// By the name that people use for it.
    ///
    /// # Errors
    /// 22023 for what can't be limited.
    pub fn named(name: &str) -> Result<Limited> {
        match name {
            "memory" => Ok(Limited::Memory),
            "storage" => Ok(Limited::Storage),
            other => Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("there is no limit for \"{other}\""),
            )
            .with_hint(match suggest(other, ["memory", "storage"]) {
                Some(name) => format!("Did you mean \"{name}\"?"),
                None => "Limits are set for memory and for storage.".to_owned(),
            })),
        }
    }
}

/// A limit as people write it; None is `default`, what the configuration says.
///
/// # Errors
/// 22023 for what is no size.
pub fn parse(text: &str) -> Result<Option<u64>> {
    if text.trim().eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    match parse_bytes(text) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("\"{text}\" is no size"),
        )
        .with_hint("Write bytes, or a number with a unit, as 64MB or 2GB; or default.")),
    }
}

/// What is in effect then; none is no limit.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Option<u64>>> + Send + 'a>>;

/// Whoever can change them: a node, for the sessions on it.
pub trait Limits: Send + Sync {
    /// Keeps a limit, also for the next start; none is what the configuration says.
    fn limit(&self, what: Limited, bytes: Option<u64>) -> Answer<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!(parse("64MB").unwrap(), Some(64 << 20));
        assert_eq!(parse(" Default ").unwrap(), None);
        let refused = parse("much").unwrap_err();
        assert!(refused.is(state::INVALID_PARAMETER_VALUE), "{refused:?}");
        assert_eq!(Limited::named("storage").unwrap(), Limited::Storage);
        let refused = Limited::named("memry").unwrap_err();
        assert_eq!(refused.hint(), Some("Did you mean \"memory\"?"));
    }
}
