//! A scan: RocksDB's iterator with the range as its bounds.

use super::Db;
use super::error::store_error;
use super::snapshot::RocksSnapshot;
use super::spaces::{Family, bounds, prefix, with_key};
use crate::error::Result;
use crate::store::{Cursor, Direction, KeyRange, Space};
use ::rocksdb::{DBRawIteratorWithThreadMode, Range};
use std::sync::Arc;

/// Bounds this short span a table or a good part of one.
const WIDE_BOUND_BYTES: usize = 9;
const WIDE_READAHEAD_BYTES: usize = 256 << 10;

type Iterator = DBRawIteratorWithThreadMode<'static, Db>;

pub(super) struct RocksCursor {
    /// None for a range that can't hold anything. Goes before what it reads:
    /// fields are dropped in the order they stand here.
    iterator: Option<Iterator>,
    _snapshot: Arc<RocksSnapshot>,
    space: Space,
    direction: Direction,
    started: bool,
}

impl RocksCursor {
    pub fn new(
        snapshot: Arc<RocksSnapshot>,
        space: Space,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<RocksCursor> {
        let iterator = if !range.end.is_empty() && range.start >= range.end {
            None
        } else {
            Some(iterate(&snapshot, space, range)?)
        };
        Ok(RocksCursor {
            iterator,
            _snapshot: snapshot,
            space,
            direction,
            started: false,
        })
    }
}

fn iterate(snapshot: &RocksSnapshot, space: Space, range: &KeyRange) -> Result<Iterator> {
    let inner = snapshot.inner();
    let family = inner.family(Family::of(space))?;
    let (lower, upper) = bounds(space, &range.start, &range.end);
    let mut read = snapshot.scan_options();
    if range.start.len() <= WIDE_BOUND_BYTES {
        // A scan of more than the cache can hold would only push out what
        // point reads need. Below a fifth of it, being read again is likelier.
        let end: &[u8] = if upper.is_empty() {
            &[0xff; 16]
        } else {
            &upper
        };
        let bytes: u64 = inner
            .db
            .get_approximate_sizes_cf(family, &[Range::new(&lower, end)])
            .iter()
            .sum();
        if bytes > inner.resources.cache_bytes / 5 {
            read.fill_cache(false);
            read.set_readahead_size(WIDE_READAHEAD_BYTES);
        }
    }
    if !lower.is_empty() {
        read.set_iterate_lower_bound(lower);
    }
    if !upper.is_empty() {
        read.set_iterate_upper_bound(upper);
    }
    // SAFETY: as in `RocksSnapshot::take`: the cursor keeps the snapshot, which
    // keeps the database, and drops the iterator first.
    let db: &'static Db = unsafe { &*std::ptr::from_ref(&inner.db) };
    Ok(db.raw_iterator_cf_opt(family, read))
}

impl Cursor for RocksCursor {
    fn advance(&mut self) -> Result<bool> {
        let Some(iterator) = &mut self.iterator else {
            return Ok(false);
        };
        match (self.started, self.direction) {
            (false, Direction::Forward) => iterator.seek_to_first(),
            (false, Direction::Backward) => iterator.seek_to_last(),
            // At its end the iterator must not be moved.
            (true, _) if !iterator.valid() => return Ok(false),
            (true, Direction::Forward) => iterator.next(),
            (true, Direction::Backward) => iterator.prev(),
        }
        self.started = true;
        standing(iterator)
    }

    fn seek(&mut self, key: &[u8]) -> Result<bool> {
        let Some(iterator) = &mut self.iterator else {
            return Ok(false);
        };
        let direction = self.direction;
        with_key(self.space, key, |key| match direction {
            Direction::Forward => iterator.seek(key),
            Direction::Backward => iterator.seek_for_prev(key),
        });
        self.started = true;
        standing(iterator)
    }

    fn key(&self) -> &[u8] {
        self.iterator
            .as_ref()
            .and_then(|iterator| iterator.key())
            .and_then(|key| key.get(prefix(self.space).len()..))
            .unwrap_or_default()
    }

    fn value(&self) -> &[u8] {
        self.iterator
            .as_ref()
            .and_then(|iterator| iterator.value())
            .unwrap_or_default()
    }
}

/// Whether the iterator stands on an entry, having neither ended nor failed.
fn standing(iterator: &Iterator) -> Result<bool> {
    if iterator.valid() {
        return Ok(true);
    }
    iterator.status().map_err(store_error)?;
    Ok(false)
}
