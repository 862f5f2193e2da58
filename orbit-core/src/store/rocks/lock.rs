//! The right to a data directory. RocksDB has a lock of its own but takes it
//! only after the log was settled, which must already be ours alone to do.

use crate::error::Result;
use crate::store::directory::{in_path, in_use};
use std::fs::{File, TryLockError};
use std::path::Path;

const NAME: &str = "orbit.lock";

/// Held as long as the store is open; the kernel lets go of it when the process dies.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(directory: &Path) -> Result<Lock> {
        let path = directory.join(NAME);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| in_path(error, &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(in_use(directory)),
            Err(TryLockError::Error(error)) => Err(in_path(error, &path)),
        }
    }
}
