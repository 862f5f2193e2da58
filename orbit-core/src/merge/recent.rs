//! Which keys merges have touched lately: a transaction that had read one of them before must
//! look again. It holds locks against other transactions; merges wait for nobody's.

use crate::clock::Hlc;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Keys remembered; past it all are taken for touched.
const MOST: usize = 1 << 14;

#[derive(Default)]
pub struct Recent {
    /// By the digest of a store key: when it was touched last.
    at: HashMap<u64, Hlc>,
    /// Up to here any key may have been.
    floor: Hlc,
    last: Hlc,
}

impl Recent {
    pub fn note(&mut self, key: &[u8], now: Hlc) {
        if self.at.len() >= MOST {
            self.at.clear();
            self.floor = self.last;
        }
        self.last = now;
        self.at.insert(xxh3_64(key), now);
    }

    /// Whether anything was touched after a moment.
    pub fn is_later_than(&self, since: Hlc) -> bool {
        self.last > since
    }

    /// Whether a key was, or may have been.
    pub fn touched(&self, key: &[u8], since: Hlc) -> bool {
        self.floor > since || self.at.get(&xxh3_64(key)).is_some_and(|at| *at > since)
    }
}
