//! A RocksDB snapshot that owns what it reads from.

use super::cursor::RocksCursor;
use super::error::store_error;
use super::options::read_options;
use super::spaces::{Family, with_key};
use super::{Db, Inner};
use crate::error::Result;
use crate::store::{Cursor, Direction, KeyRange, Snapshot, Space};
use ::rocksdb::{ReadOptions, SnapshotWithThreadMode};
use std::sync::Arc;

pub(super) struct RocksSnapshot {
    /// Names the snapshot below; both go before the database does: fields are
    /// dropped in the order they stand here.
    read: ReadOptions,
    snapshot: SnapshotWithThreadMode<'static, Db>,
    inner: Arc<Inner>,
}

impl RocksSnapshot {
    pub fn take(inner: &Arc<Inner>) -> Arc<RocksSnapshot> {
        // SAFETY: the database lives inside the allocation of `inner`, which
        // the snapshot holds on to and which never moves; the field order
        // above makes it the last to go.
        let db: &'static Db = unsafe { &*std::ptr::from_ref(&inner.db) };
        let snapshot = SnapshotWithThreadMode::new(db);
        let mut read = read_options();
        read.set_snapshot(&snapshot);
        Arc::new(RocksSnapshot {
            read,
            snapshot,
            inner: inner.clone(),
        })
    }

    pub fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Read options of their own for a cursor.
    pub fn scan_options(&self) -> ReadOptions {
        let mut read = read_options();
        read.set_snapshot(&self.snapshot);
        read
    }
}

/// One point read into the caller's buffer.
pub(super) fn read_into(
    inner: &Inner,
    space: Space,
    key: &[u8],
    read: &ReadOptions,
    value: &mut Vec<u8>,
) -> Result<bool> {
    value.clear();
    let family = inner.family(Family::of(space))?;
    let found = with_key(space, key, |key| {
        inner.db.get_pinned_cf_opt(family, key, read)
    });
    match found.map_err(store_error)? {
        Some(found) => {
            value.extend_from_slice(&found);
            Ok(true)
        }
        None => Ok(false),
    }
}

impl Snapshot for RocksSnapshot {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        read_into(&self.inner, space, key, &self.read, value)
    }

    fn multi_get(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        let family = self.inner.family(Family::of(space))?;
        let whole: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| with_key(space, key, <[u8]>::to_vec))
            .collect();
        self.inner
            .db
            .batched_multi_get_cf_opt(family, &whole, false, &self.read)
            .into_iter()
            .map(|answer| {
                answer
                    .map(|found| found.map(|value| value.to_vec()))
                    .map_err(store_error)
            })
            .collect()
    }

    fn scan(
        self: Arc<Self>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Box<dyn Cursor>> {
        Ok(Box::new(RocksCursor::new(self, space, &range, direction)?))
    }
}
