//! The end of a store's life: the first write or sync that failed.

use crate::error::{Error, Result, state};
use std::sync::OnceLock;

/// Set by the first failure of a write, never cleared: what is on disk is
/// unknown from then on, and only opening again (which recovers) settles it.
#[derive(Default)]
pub(crate) struct Poison(OnceLock<Error>);

impl Poison {
    pub fn check(&self) -> Result<()> {
        match self.0.get() {
            None => Ok(()),
            Some(first) => Err(refusal(first)),
        }
    }

    /// Remembers `error` if it is the first and hands it back.
    pub fn set(&self, error: Error) -> Error {
        // A second failure changes nothing: the first one tells what happened.
        let _ = self.0.set(error.clone());
        error
    }

    /// Runs a writing step unless an earlier one failed.
    pub fn guard<T>(&self, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        step().map_err(|error| self.set(error))
    }
}

fn refusal(first: &Error) -> Error {
    let disk_full = first.is(state::DISK_FULL);
    let refusal = Error::new(
        first.state(),
        format!(
            "the store takes no writes since one failed: {}",
            first.message()
        ),
    );
    if disk_full {
        refusal.with_hint("Free space on the disk and start the node again.")
    } else {
        refusal.with_hint("Check the disk and start the node again; it recovers what was synced.")
    }
}
