//! RocksDB's errors, which are texts, in our words.

use crate::error::{Error, state};
use crate::store::directory::in_use;
use ::rocksdb::ErrorKind;
use std::path::Path;

pub(super) fn store_error(error: ::rocksdb::Error) -> Error {
    let kind = error.kind();
    let text = error.into_string();
    if text.contains("No space left on device") {
        return Error::new(state::DISK_FULL, text)
            .with_hint("Free space on the disk and start the node again.");
    }
    match kind {
        ErrorKind::Corruption => Error::corrupted(format!("the store is damaged: {text}")),
        ErrorKind::IOError | ErrorKind::Busy | ErrorKind::TimedOut | ErrorKind::Incomplete => {
            Error::new(state::IO_ERROR, text)
        }
        _ => Error::internal(format!("RocksDB: {text}")),
    }
}

pub(super) fn open_error(error: ::rocksdb::Error, directory: &Path) -> Error {
    // "While lock file: …/LOCK: …" of another process, "lock hold by current
    // process …/LOCK: …" of this one.
    if error.kind() == ErrorKind::IOError && error.as_ref().contains("/LOCK: ") {
        return in_use(directory);
    }
    let mapped = store_error(error);
    if mapped.is(state::DATA_CORRUPTED) {
        return damaged(mapped, directory);
    }
    mapped
}

/// What to do about a directory that can't be trusted.
pub(super) fn damaged(error: Error, directory: &Path) -> Error {
    error
        .with_detail(format!("Data directory \"{}\".", directory.display()))
        .with_hint("Restore the directory from a copy, or let the node fetch its data anew.")
}
