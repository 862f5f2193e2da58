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

/// Another process (or another store of this one) has the directory open.
#[cfg(any(feature = "redb", feature = "rocks"))]
pub(crate) fn in_use(directory: &std::path::Path) -> Error {
    Error::new(
        state::OBJECT_IN_USE,
        format!(
            "data directory \"{}\" is in use by another process",
            directory.display()
        ),
    )
    .with_hint("Stop the other node, or give this one a data directory of its own.")
}

/// Makes a file's name (creation, rename, removal) survive power loss.
#[cfg(any(feature = "redb", feature = "rocks"))]
pub(crate) fn sync_directory(directory: &std::path::Path) -> Result<()> {
    std::fs::File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|error| in_path(error, directory))
}

/// An error of the file system with the path it is about.
#[cfg(any(feature = "redb", feature = "rocks"))]
pub(crate) fn in_path(error: std::io::Error, path: &std::path::Path) -> Error {
    let text = error.to_string();
    let mapped = Error::from(error);
    Error::new(mapped.state(), format!("\"{}\": {text}", path.display()))
}
