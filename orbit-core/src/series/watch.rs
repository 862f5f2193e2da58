//! What is written to a time series while rows of it are put away. The committer notes the
//! keys; what was touched meanwhile stays where it is until the next time.

use crate::ids::StorageId;
use crate::read::PREFIX_BYTES;
use crate::store::{Op, Space};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Keys noted before everything counts as touched.
const MOST_KEYS: usize = 64 << 10;

pub struct Watch {
    storage: StorageId,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    keys: BTreeSet<Box<[u8]>>,
    too_many: bool,
}

impl Watch {
    pub fn new(storage: StorageId) -> Watch {
        Watch {
            storage,
            written: Mutex::default(),
        }
    }

    pub fn storage(&self) -> StorageId {
        self.storage
    }

    /// Notes a step of somebody's commit.
    pub(crate) fn note(&self, op: &Op<'_>) {
        let (space, key) = match op {
            Op::Put { space, key, .. } | Op::Delete { space, key } => (space, key),
            Op::DeleteRange { space, start, .. } => (space, start),
        };
        let storage = key
            .get(4..PREFIX_BYTES)
            .and_then(|bytes| bytes.try_into().ok());
        if *space != Space::Data || storage.map(u32::from_be_bytes) != Some(self.storage.0) {
            return;
        }
        let mut written = self.written.lock();
        if matches!(op, Op::DeleteRange { .. }) || written.keys.len() >= MOST_KEYS {
            written.too_many = true;
        }
        if !written.too_many {
            written.keys.insert(key[PREFIX_BYTES..].into());
        }
    }

    /// Whether any key from the first to the last was written.
    pub fn touches(&self, first: &[u8], last: &[u8]) -> bool {
        let written = self.written.lock();
        let range = (Bound::Included(first), Bound::Included(last));
        written.too_many || written.keys.range::<[u8], _>(range).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(watch: &Watch, storage: u32, pk: &[u8]) {
        let key = [&1u32.to_be_bytes()[..], &storage.to_be_bytes(), pk].concat();
        watch.note(&Op::Put {
            space: Space::Data,
            key: &key,
            value: b"",
        });
    }

    #[test]
    fn a_range_is_touched_by_a_key_in_it() {
        let watch = Watch::new(StorageId(7));
        put(&watch, 7, b"m");
        put(&watch, 8, b"x");
        assert!(watch.touches(b"a", b"m") && watch.touches(b"m", b"z"));
        assert!(!watch.touches(b"a", b"l") && !watch.touches(b"n", b"z"));
    }

    #[test]
    fn too_many_keys_and_cleared_ranges_touch_everything() {
        let watch = Watch::new(StorageId(7));
        for key in 0..=MOST_KEYS as u32 {
            put(&watch, 7, &key.to_be_bytes());
        }
        assert!(watch.touches(b"x", b"y"));
        let watch = Watch::new(StorageId(7));
        watch.note(&Op::DeleteRange {
            space: Space::Data,
            start: &[0, 0, 0, 1, 0, 0, 0, 7],
            end: &[0, 0, 0, 1, 0, 0, 0, 8],
        });
        assert!(watch.touches(b"x", b"y"));
    }
}
