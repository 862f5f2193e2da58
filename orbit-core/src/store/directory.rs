//! What every store in files does with its directory.

use crate::error::{Error, Result, state};
use std::fs::File;
use std::path::Path;

/// Creates `directory` if it is missing, so that it survives power loss.
pub(super) fn create(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(directory).map_err(|error| in_path(error, directory))?;
    match directory.parent() {
        // A relative path of one part has the empty path as its parent.
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

/// Makes a file's name (creation, rename, removal) survive power loss.
pub(super) fn sync(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|error| in_path(error, directory))
}

/// Another process (or another store of this one) has the directory open.
pub(super) fn in_use(directory: &Path) -> Error {
    Error::new(
        state::OBJECT_IN_USE,
        format!(
            "data directory \"{}\" is in use by another process",
            directory.display()
        ),
    )
    .with_hint("Stop the other node, or give this one a data directory of its own.")
}

/// An error of the file system with the path it is about.
pub(super) fn in_path(error: std::io::Error, path: &Path) -> Error {
    let text = error.to_string();
    let mapped = Error::from(error);
    Error::new(mapped.state(), format!("\"{}\": {text}", path.display()))
}
