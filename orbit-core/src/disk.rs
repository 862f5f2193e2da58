//! Keeps a reserve on the disk: writes are refused while reads, deletes and
//! the store's own upkeep still have room to work.

use crate::clock::Clock;
use crate::error::{Error, Result, state};
use arc_swap::ArcSwapOption;
use std::ffi::CString;
use std::fs::File;
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

    /// Whether a write of so many bytes has room. One that `grows` what is stored
    /// leaves the reserve alone; one that makes room (DELETE, DROP, upkeep) may use it.
    pub fn check(&mut self, bytes: u64, grows: bool) -> Result<()> {
        let reserve = if grows { self.reserve_bytes } else { 0 };
        let needed = reserve.saturating_add(bytes);
        let now = self.clock.monotonic();
        let due = self
            .checked
            .is_none_or(|checked| now.saturating_sub(checked) > CHECK_EVERY);
        if due || self.free_bytes < needed {
            self.free_bytes = free_bytes(&self.directory)?;
            self.checked = Some(now);
        }
        if self.free_bytes < needed {
            return Err(full(&self.directory, self.free_bytes, reserve, bytes));
        }
        self.free_bytes -= bytes;
        Ok(())
    }
}

/// A new file that has lost its name already: nothing of it outlives the process.
pub fn unnamed_file(directory: &Path, kind: &str) -> Result<File> {
    let path = directory.join(format!("orbit-{kind}-{}", uuid::Uuid::new_v4()));
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Why nothing may be added to the store, while nothing may.
pub type Refusal = ArcSwapOption<Error>;

/// What large loads ask before each piece they write.
#[derive(Clone, Default)]
pub struct Room {
    pub reserve: Option<(PathBuf, u64)>,
    pub refusal: Arc<Refusal>,
}

impl Room {
    /// Whether so many bytes may be written that stay.
    pub fn check(&self, bytes: u64) -> Result<()> {
        self.check_open()?;
        check_room(&self.reserve, bytes)
    }

    /// Whether anything may be.
    pub fn check_open(&self) -> Result<()> {
        match self.refusal.load().as_deref() {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }
}

/// Checks at once that so many bytes leave the reserve alone: for large pieces.
pub fn check_room(reserve: &Option<(PathBuf, u64)>, bytes: u64) -> Result<()> {
    let Some((directory, reserve)) = reserve else {
        return Ok(());
    };
    let free = free_bytes(directory)?;
    if free >= reserve.saturating_add(bytes) {
        return Ok(());
    }
    Err(full(directory, free, *reserve, bytes))
}

fn full(directory: &Path, free: u64, reserve: u64, bytes: u64) -> Error {
    Error::new(
        state::DISK_FULL,
        format!("no space left for writes in {}", directory.display()),
    )
    .with_detail(format!(
        "{} MB are free; {} MB are kept in reserve, and the write takes {} kB.",
        free >> 20,
        reserve >> 20,
        bytes.div_ceil(1 << 10)
    ))
    .with_hint("Free disk space, or delete rows and run VACUUM; reads go on meanwhile.")
}

/// Bytes an ordinary process may still write to the file system of `directory`.
pub fn free_bytes(directory: &Path) -> Result<u64> {
    room(directory).map(|(free, _)| free)
}

/// The same, and what there is of it with all that is taken.
pub fn room(directory: &Path) -> Result<(u64, u64)> {
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
    let taken = stats.f_blocks.saturating_sub(stats.f_bfree);
    let all = taken.saturating_add(stats.f_bavail);
    Ok((
        stats.f_bavail.saturating_mul(stats.f_frsize),
        all.saturating_mul(stats.f_frsize),
    ))
}

/// Asks the system to have a file in memory that will be read soon. A wish: nothing
/// depends on it.
pub fn read_ahead(file: &File, bytes: u64) {
    // It takes no more than about so much of one wish.
    #[cfg(target_os = "linux")]
    const PIECE_BYTES: usize = 128 << 10;
    #[cfg(target_os = "linux")]
    for start in (0..bytes).step_by(PIECE_BYTES) {
        use std::os::fd::AsRawFd;
        let Ok(start) = libc::off64_t::try_from(start) else {
            return;
        };
        let length = PIECE_BYTES as libc::off64_t;
        // SAFETY: takes numbers only, and the file is open.
        unsafe {
            libc::posix_fadvise64(file.as_raw_fd(), start, length, libc::POSIX_FADV_WILLNEED);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_write_that_makes_room_may_use_the_reserve() {
        let clock = Arc::new(SystemClock::default());
        let mut guard = DiskGuard::new(std::env::temp_dir(), u64::MAX / 2, clock);
        let refused = guard.check(1, true).unwrap_err();
        assert!(refused.is(state::DISK_FULL), "{refused:?}");
        guard.check(1, false).unwrap();
    }

    #[test]
    fn a_write_larger_than_the_disk_is_refused() {
        let clock = Arc::new(SystemClock::default());
        let mut guard = DiskGuard::new(std::env::temp_dir(), 0, clock);
        guard.check(1, true).unwrap();
        for grows in [true, false] {
            assert!(guard.check(u64::MAX, grows).is_err());
        }
        assert!(check_room(&Some((std::env::temp_dir(), 0)), 1).is_ok());
        assert!(check_room(&Some((std::env::temp_dir(), 0)), u64::MAX).is_err());
        assert!(check_room(&None, u64::MAX).is_ok());
    }
}
