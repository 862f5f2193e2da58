//! A ceiling for what the process holds in memory: the last word, where what the pools
//! count is less than what is taken.
//!
//! Pools know the large operators of queries. A function that makes long texts, rows that
//! wait for a window, a statement's own values are taken behind their backs. So the
//! program's allocator counts what is held ([`took`], [`gave`]), and whoever is about to
//! take much asks here: one statement is refused with 53200, and the node goes on. A
//! program whose allocator doesn't count has no ceiling.

mod counting;

pub use counting::Counting;

use crate::error::{Error, Result, state};
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// `u64::MAX`: there is none.
static CEILING: AtomicU64 = AtomicU64::new(u64::MAX);
static HELD: AtomicI64 = AtomicI64::new(0);
/// All that was ever given back, for [`tidy`].
static GIVEN: AtomicU64 = AtomicU64::new(0);
static TIDY: OnceLock<fn()> = OnceLock::new();

/// A thread tells of so much at once, so that threads don't fight for the counter.
const UNTOLD: isize = 64 << 10;
/// After so much was given back a thread's allocator is tidied up.
const LITTER: u64 = 64 << 20;

thread_local! {
    static PENDING: Cell<isize> = const { Cell::new(0) };
    static TIDIED: Cell<u64> = const { Cell::new(0) };
}

/// For the allocator: so many bytes were taken.
#[inline]
pub fn took(bytes: usize) {
    count(isize::try_from(bytes).unwrap_or(isize::MAX));
}

/// For the allocator: so many bytes were given back.
#[inline]
pub fn gave(bytes: usize) {
    count(isize::try_from(bytes).unwrap_or(isize::MAX).wrapping_neg());
}

#[inline]
fn count(bytes: isize) {
    // A thread that ends has nothing to count in any more.
    let _ = PENDING.try_with(|pending| {
        let sum = pending.get().saturating_add(bytes);
        if sum.unsigned_abs() < UNTOLD.unsigned_abs() {
            pending.set(sum);
            return;
        }
        pending.set(0);
        HELD.fetch_add(sum as i64, Ordering::Relaxed);
        if sum < 0 {
            GIVEN.fetch_add(sum.unsigned_abs() as u64, Ordering::Relaxed);
        }
    });
}

/// What makes an allocator give what it has to spare back to the system, if it must be
/// told. It is called on threads that are about to wait.
pub fn set_tidy(tidy: fn()) {
    let _ = TIDY.set(tidy);
}

/// Has this thread's allocator give back what others freed of what it had taken, where
/// that may be much: allocators do so when the thread takes memory again, and it may
/// sleep long.
pub fn tidy() {
    let Some(tidy) = TIDY.get() else {
        return;
    };
    let given = GIVEN.load(Ordering::Relaxed);
    let due = TIDIED.try_with(|tidied| {
        let due = given.saturating_sub(tidied.get()) >= LITTER;
        if due {
            tidied.set(given);
        }
        due
    });
    if due == Ok(true) {
        tidy();
    }
}

/// How many bytes a node lets its process hold, as long as it is there. Of several nodes in
/// one process the largest counts, so that none starves another.
#[derive(Debug)]
pub struct Ceiling {
    key: u64,
}

/// All there are.
static CEILINGS: Mutex<(u64, Vec<(u64, u64)>)> = Mutex::new((0, Vec::new()));

impl Ceiling {
    /// Another one.
    pub fn new(bytes: u64) -> Ceiling {
        let mut ceilings = CEILINGS.lock();
        ceilings.0 += 1;
        let own = Ceiling { key: ceilings.0 };
        own.put(&mut ceilings.1, Some(bytes));
        own
    }

    /// It is this from here on; what is held already stays.
    pub fn set(&self, bytes: u64) {
        self.put(&mut CEILINGS.lock().1, Some(bytes));
    }

    fn put(&self, all: &mut Vec<(u64, u64)>, bytes: Option<u64>) {
        all.retain(|(key, _)| *key != self.key);
        all.extend(bytes.map(|bytes| (self.key, bytes)));
        let most = all.iter().map(|(_, bytes)| *bytes).max();
        CEILING.store(most.unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        self.put(&mut CEILINGS.lock().1, None);
    }
}

/// What the process holds, and what it may; `None` where the allocator doesn't count, or
/// nobody set a ceiling.
pub fn held() -> Option<(u64, u64)> {
    let held = u64::try_from(HELD.load(Ordering::Relaxed)).unwrap_or(0);
    let ceiling = CEILING.load(Ordering::Relaxed);
    (held > 0 && ceiling != u64::MAX).then_some((held, ceiling))
}

/// Whether so many more bytes may be taken.
#[inline]
pub fn admit(more: usize) -> Result<()> {
    let held = u64::try_from(HELD.load(Ordering::Relaxed)).unwrap_or(0);
    let more = more as u64;
    let ceiling = CEILING.load(Ordering::Relaxed);
    if held == 0 || held.saturating_add(more) <= ceiling {
        return Ok(());
    }
    Err(refused(held, more, ceiling))
}

#[cold]
fn refused(held: u64, more: u64, ceiling: u64) -> Error {
    Error::new(state::OUT_OF_MEMORY, "out of memory")
        .with_detail(format!(
            "The node holds {} MB, {} MB more are wanted, and its ceiling is {} MB.",
            held >> 20,
            more.div_ceil(1 << 20),
            ceiling >> 20
        ))
        .with_hint("Ask for fewer or shorter values at once, or raise edge.resources.memory_limit.")
}

/// Whether the process holds no more than it should.
#[inline]
pub fn check() -> Result<()> {
    admit(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_ceiling_is_refused() {
        // Nobody else of this process counts or has a ceiling.
        admit(usize::MAX).unwrap();
        let small = Ceiling::new(1 << 30);
        let large = Ceiling::new(1 << 40);
        took(100 << 20);
        admit(1 << 30).unwrap();
        let refused = admit(1 << 41).unwrap_err();
        assert!(refused.is(state::OUT_OF_MEMORY), "{refused:?}");
        // One node's can be lowered below what is held; the largest counts.
        small.set(50 << 20);
        admit(1 << 30).unwrap();
        drop(large);
        assert_eq!(held(), Some((100 << 20, 50 << 20)));
        assert!(check().is_err());
        small.set(1 << 30);
        check().unwrap();
        drop(small);
        assert_eq!(held(), None);
        admit(1 << 41).unwrap();
        gave(100 << 20);
    }
}
