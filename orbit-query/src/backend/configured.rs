//! Settings that set_config() changes from within a query. The session alone changes its
//! settings, so they wait here until its next step, which is before anything can look.

use orbit_core::error::SqlState;
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one query may change at the most, and the bytes of names and values.
const MOST: usize = 1000;
const MOST_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    /// `None`: back to what the session began with.
    pub value: Option<String>,
    pub local: bool,
    /// As SHOW will print it.
    pub shown: String,
}

impl Change {
    fn bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, String::len);
        self.name.len() + value + self.shown.len()
    }
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
        let held: usize = changes.iter().map(Change::bytes).sum();
        if held + change.bytes() > MOST_BYTES {
            return Err(Error::new(
                SqlState(*b"54000"),
                format!("a query can change settings of {MOST_BYTES} bytes at the most"),
            )
            .with_hint("Change them by statements of their own."));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, bytes: usize) -> Change {
        Change {
            name: name.to_owned(),
            value: Some("x".repeat(bytes)),
            local: false,
            shown: String::new(),
        }
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        let waiting = Configured::default();
        for number in 0..MOST {
            waiting.add(change(&format!("a.n{number}"), 1)).unwrap();
        }
        // The same again takes no more room.
        waiting.add(change("a.n1", 2)).unwrap();
        assert!(waiting.add(change("a.more", 1)).is_err());
        assert_eq!(waiting.take().len(), MOST);
        let half = MOST_BYTES / 2;
        waiting.add(change("a.a", half)).unwrap();
        waiting.add(change("a.a", half)).unwrap();
        let error = waiting.add(change("a.b", half)).unwrap_err();
        assert_eq!(error.state(), SqlState(*b"54000"));
        waiting.add(change("a.b", 1000)).unwrap();
    }
}
