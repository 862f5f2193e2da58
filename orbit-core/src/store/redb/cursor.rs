//! A scan of one table: redb's range iterator, begun again at every seek.

use super::{RedbSnapshot, storage_error};
use crate::error::Result;
use crate::store::{Cursor, Direction, KeyRange, Space};
use ::redb::{AccessGuard, Range};
use std::ops::Bound;
use std::sync::Arc;

type Entries = Range<'static, &'static [u8], &'static [u8]>;
type Guard = AccessGuard<'static, &'static [u8]>;

pub(super) struct RedbCursor {
    snapshot: Arc<RedbSnapshot>,
    space: Space,
    range: KeyRange,
    direction: Direction,
    /// Whether `advance` begins at the range's first entry or goes on.
    started: bool,
    entries: Option<Entries>,
    entry: Option<(Guard, Guard)>,
}

impl RedbCursor {
    pub fn new(
        snapshot: Arc<RedbSnapshot>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> RedbCursor {
        RedbCursor {
            snapshot,
            space,
            range,
            direction,
            started: false,
            entries: None,
            entry: None,
        }
    }

    /// The entries still to come when the scan continues at `from`.
    fn begin(&self, from: Option<&[u8]>) -> Result<Option<Entries>> {
        let mut start = Bound::Included(self.range.start.as_slice());
        let mut end = match self.range.end.as_slice() {
            [] => Bound::Unbounded,
            end => Bound::Excluded(end),
        };
        match (self.direction, from) {
            (_, None) => {}
            (Direction::Forward, Some(key)) => {
                start = Bound::Included(key.max(&self.range.start));
            }
            (Direction::Backward, Some(key)) => {
                if self.range.end.is_empty() || key < self.range.end.as_slice() {
                    end = Bound::Included(key);
                }
            }
        }
        // redb panics on a range that ends before it starts.
        let empty = match (start, end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start), Bound::Excluded(end)) => start >= end,
            _ => false,
        };
        if empty {
            return Ok(None);
        }
        let table = self.snapshot.table(self.space)?;
        table
            .range::<&[u8]>((start, end))
            .map(Some)
            .map_err(storage_error)
    }

    fn step(&mut self) -> Result<bool> {
        let Some(entries) = &mut self.entries else {
            self.entry = None;
            return Ok(false);
        };
        let next = match self.direction {
            Direction::Forward => entries.next(),
            Direction::Backward => entries.next_back(),
        };
        self.entry = next.transpose().map_err(storage_error)?;
        Ok(self.entry.is_some())
    }
}

impl Cursor for RedbCursor {
    fn advance(&mut self) -> Result<bool> {
        if !self.started {
            self.started = true;
            self.entries = self.begin(None)?;
        }
        self.step()
    }

    fn seek(&mut self, key: &[u8]) -> Result<bool> {
        self.started = true;
        self.entries = self.begin(Some(key))?;
        self.step()
    }

    fn key(&self) -> &[u8] {
        self.entry.as_ref().map_or(&[], |(key, _)| key.value())
    }

    fn value(&self) -> &[u8] {
        self.entry.as_ref().map_or(&[], |(_, value)| value.value())
    }
}
