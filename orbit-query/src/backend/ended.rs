//! Counts of transactions. Each session has its own, so that none waits for another's.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Ended {
    committed: AtomicU64,
    undone: AtomicU64,
}

impl Ended {
    #[inline]
    pub fn note(&self, committed: bool) {
        let count = match committed {
            true => &self.committed,
            false => &self.undone,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Committed and undone ones.
    pub fn read(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.committed), read(&self.undone))
    }

    pub fn add(&self, (committed, undone): (u64, u64)) {
        self.committed.fetch_add(committed, Ordering::Relaxed);
        self.undone.fetch_add(undone, Ordering::Relaxed);
    }
}
