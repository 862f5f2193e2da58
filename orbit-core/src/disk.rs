//! Keeps a reserve on the disk: writes are refused while reads, deletes and
//! the store's own upkeep still have room to work.

use crate::clock::Clock;
use crate::error::{Error, Result, state};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const CHECK_EVERY: Duration = Duration::from_millis(200);

pub struct DiskGuard {
    directory: PathBuf,
    reserve_bytes: u64,
    clock: Arc<dyn Clock>,
    checked: Option<Duration>,
    free_bytes: u64,
}

impl DiskGuard {
    pub fn new(directory: PathBuf, reserve_bytes: u64, clock: Arc<dyn Clock>) -> DiskGuard {
        DiskGuard {
            directory,
            reserve_bytes,
            clock,
            checked: None,
            free_bytes: u64::MAX,
        }
    }

    pub fn check(&mut self) -> Result<()> {
        let now = self.clock.monotonic();
        let due = self
            .checked
            .is_none_or(|checked| now.saturating_sub(checked) > CHECK_EVERY);
        if due || self.free_bytes < self.reserve_bytes {
            self.free_bytes = free_bytes(&self.directory)?;
            self.checked = Some(now);
        }
        if self.free_bytes >= self.reserve_bytes {
            return Ok(());
        }
        Err(Error::new(
            state::DISK_FULL,
            format!("no space left for writes in {}", self.directory.display()),
        )
        .with_detail(format!(
            "{} MB are free; {} MB are kept in reserve.",
            self.free_bytes >> 20,
            self.reserve_bytes >> 20
        ))
        .with_hint("Free disk space, or delete rows and run VACUUM; reads go on meanwhile."))
    }
}

/// Bytes an ordinary process may still write to the file system of `directory`.
pub fn free_bytes(directory: &Path) -> Result<u64> {
    let path = CString::new(directory.as_os_str().as_bytes())
        .map_err(|_| Error::internal("a directory's name holds a zero byte"))?;
    let mut stats = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path is zero-terminated and `stats` is large enough; it is
    // read only after the call reported success.
    let stats = unsafe {
        if libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        stats.assume_init()
    };
    Ok(stats.f_bavail * stats.f_frsize)
}
