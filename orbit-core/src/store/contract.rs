//! The store's contract as tests that every backend runs.
//!
//! A backend's test module says how one of its stores is opened (and opened
//! again, on the same data) by implementing [`Subject`], and gets all cases
//! with [`store_contract!`](crate::store_contract).
#![allow(clippy::unwrap_used, clippy::panic)]

mod bulk;
mod changes;
pub mod kill;
pub mod limit;
mod scans;

pub use bulk::*;
pub use changes::*;
pub use scans::*;

use super::{Batch, Cursor, Direction, KeyRange, Snapshot, Space, Store};
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;

/// One place where a store lives. Empty when made.
pub trait Subject {
    /// Opens the store. The one opened before, if any, has been dropped.
    fn open(&self) -> Result<Arc<dyn Store>>;
    /// Opens a copy that `checkpoint` made.
    fn open_copy(&self, directory: &Path) -> Result<Arc<dyn Store>>;
}

/// Writes one `#[test]` per case of the contract; `$fresh` makes a [`Subject`].
#[macro_export]
macro_rules! store_contract {
    ($fresh:expr) => {
        $crate::store_contract!(@each $fresh;
            puts_are_read_back
            spaces_are_separate
            later_steps_of_a_batch_win
            a_batch_is_seen_whole
            snapshots_stand_still
            snapshots_outlive_their_store
            values_may_be_large_or_empty
            many_keys_at_once
            ranges_are_deleted
            synced_batches_survive_reopening
            what_survives_a_drop_is_a_prefix
            a_second_store_is_refused
            keys_order_bytewise
            scans_keep_to_their_range
            scans_seek
            scans_go_backward
            scans_of_nothing_end_at_once
            scans_agree_with_a_model
            a_sorted_load_becomes_visible_at_its_end
            a_sorted_load_is_durable
            a_sorted_load_refuses_disorder
            a_sorted_load_dropped_leaves_nothing
            a_cleared_range_can_be_loaded_again
            a_checkpoint_is_a_store
            compacting_changes_no_answer
            sizes_grow
            keys_are_counted
        );
    };
    (@each $fresh:expr; $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::store::contract::$case(&$fresh);
        }
    )*};
}

fn open(subject: &dyn Subject) -> Arc<dyn Store> {
    subject.open().unwrap()
}

fn put(store: &dyn Store, space: Space, entries: &[(&[u8], &[u8])]) {
    let mut batch = Batch::new();
    for (key, value) in entries {
        batch.put(space, key, value);
    }
    store.apply(&batch).unwrap();
}

fn get(store: &dyn Store, space: Space, key: &[u8]) -> Option<Vec<u8>> {
    let mut value = b"left over".to_vec();
    let found = store.get(space, key, &mut value).unwrap();
    assert!(found || value.is_empty(), "a miss empties the buffer");
    found.then_some(value)
}

fn get_in(snapshot: &dyn Snapshot, space: Space, key: &[u8]) -> Option<Vec<u8>> {
    let mut value = b"left over".to_vec();
    let found = snapshot.get(space, key, &mut value).unwrap();
    assert!(found || value.is_empty(), "a miss empties the buffer");
    found.then_some(value)
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn rest(cursor: &mut dyn Cursor) -> Entries {
    let mut entries = Vec::new();
    while cursor.advance().unwrap() {
        entries.push((cursor.key().to_vec(), cursor.value().to_vec()));
    }
    assert!(!cursor.advance().unwrap(), "the end stays the end");
    entries
}

fn scan(store: &dyn Store, space: Space, range: KeyRange, direction: Direction) -> Entries {
    let mut cursor = store
        .snapshot()
        .unwrap()
        .scan(space, range, direction)
        .unwrap();
    rest(&mut *cursor)
}

fn range(start: &[u8], end: &[u8]) -> KeyRange {
    KeyRange {
        start: start.to_vec(),
        end: end.to_vec(),
    }
}

/// The keys as text, for short expectations.
fn keys(entries: &Entries) -> String {
    let keys: Vec<_> = entries
        .iter()
        .map(|(key, _)| String::from_utf8_lossy(key))
        .collect();
    keys.join(" ")
}
