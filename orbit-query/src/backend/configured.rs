//! Settings that set_config() changes from within a query. The session alone changes its
//! settings, so they wait here until its next step, which is before anything can look.

use orbit_core::error::SqlState;
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one query may change at the most.
const MOST: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    /// `None`: back to what the session began with.
    pub value: Option<String>,
    pub local: bool,
    /// As SHOW will print it.
    pub shown: String,
}

#[derive(Default)]
pub struct Configured {
    any: AtomicBool,
    changes: Mutex<Vec<Change>>,
}

impl Configured {
    pub fn add(&self, change: Change) -> Result<()> {
        let mut changes = self.changes.lock();
        // Of two for one setting the later one counts.
        changes.retain(|known| known.name != change.name || known.local != change.local);
        if changes.len() >= MOST {
            return Err(Error::new(
                SqlState(*b"54000"),
                format!("a query can change {MOST} settings at the most"),
            ));
        }
        changes.push(change);
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    #[inline]
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// What a setting is about to be.
    pub fn shown(&self, name: &str) -> Option<String> {
        if !self.any() {
            return None;
        }
        let changes = self.changes.lock();
        let mut newest = changes.iter().rev();
        let change = newest.find(|change| change.name.eq_ignore_ascii_case(name));
        change.map(|change| change.shown.clone())
    }

    pub fn take(&self) -> Vec<Change> {
        if !self.any.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *self.changes.lock())
    }
}
