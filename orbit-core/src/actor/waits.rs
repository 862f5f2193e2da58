//! Which actor waits for which, so that no circle of them waits for ever.

use super::refusal::cycle;
use crate::error::Result;
use ahash::AHashMap;
use parking_lot::Mutex;
use std::sync::Arc;

/// An actor's kind and id.
pub(super) type Name = (&'static str, Arc<str>);

/// In its turn an actor waits for one other at most.
#[derive(Default)]
pub(super) struct Waits(Mutex<AHashMap<Name, Name>>);

/// A wait under way; over when dropped.
pub(super) struct OneWait<'a> {
    waits: &'a Waits,
    who: Name,
}

impl Waits {
    /// `who` is about to wait for `whom`. Fails if that one, or whoever it waits for, waits
    /// for `who`.
    pub fn begin(&self, who: Name, whom: Name) -> Result<OneWait<'_>> {
        let mut waits = self.0.lock();
        let mut next = Some(&whom);
        while let Some(one) = next {
            if *one == who {
                return Err(cycle(who.0, &who.1, whom.0, &whom.1));
            }
            next = waits.get(one);
        }
        waits.insert(who.clone(), whom);
        Ok(OneWait { waits: self, who })
    }
}

impl Drop for OneWait<'_> {
    fn drop(&mut self) {
        self.waits.0.lock().remove(&self.who);
    }
}
