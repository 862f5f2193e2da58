//! Reading: one moment of the store, with a transaction's own writes over it.

#[cfg(feature = "columns")]
mod columnar;

use crate::catalog::{Catalog, Index, Table};
use crate::clock::Hlc;
#[cfg(feature = "columns")]
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::ids::{PartitionId, StorageId};
use crate::key;
use crate::row::RowRef;
use crate::store::{Cursor, Direction, KeyRange, Snapshot, Space, successor};
use crate::write_set::{Pending, PendingEntry, SharedBytes, WriteSet};
use smallvec::SmallVec;
use std::sync::Arc;

/// One moment: what was stored, what existed, and which moment it was.
pub struct View {
    pub snapshot: Arc<dyn Snapshot>,
    pub catalog: Arc<Catalog>,
    pub position: Hlc,
    #[cfg(feature = "columns")]
    pub columns: Arc<Columns>,
}

/// What a statement reads. Cheap to clone; holds on to its moment.
#[derive(Clone)]
pub struct ReadView {
    pub(crate) view: Arc<View>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) writes: Option<Arc<WriteSet>>,
    /// Storages this transaction loaded after its (repeatable) snapshot was taken.
    pub(crate) loaded: Option<Arc<(Vec<StorageId>, Arc<View>)>>,
}

pub(crate) type KeyBuffer = SmallVec<[u8; 72]>;

/// partition | storage | key
pub(crate) fn store_key(partition: PartitionId, storage: StorageId, key: &[u8]) -> KeyBuffer {
    let mut whole = KeyBuffer::from_slice(&key::data_prefix(partition, storage));
    whole.extend_from_slice(key);
    whole
}

fn store_range(partition: PartitionId, storage: StorageId, range: &KeyRange) -> KeyRange {
    let prefix = key::data_prefix(partition, storage);
    let end = if range.end.is_empty() {
        successor(&prefix)
    } else {
        [&prefix, range.end.as_slice()].concat()
    };
    KeyRange {
        start: [&prefix, range.start.as_slice()].concat(),
        end,
    }
}

/// Bytes of partition and storage in front of every key.
pub(crate) const PREFIX_BYTES: usize = 8;

impl ReadView {
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Everything this view shows was committed at or before this position.
    pub fn position(&self) -> Hlc {
        self.view.position
    }

    /// This moment, with only those of the own writes that another view has: one statement's
    /// parts don't see each other's.
    pub fn with_writes_of(self, other: &ReadView) -> ReadView {
        ReadView {
            writes: other.writes.clone(),
            ..self
        }
    }

    fn snapshot(&self, storage: StorageId) -> &Arc<dyn Snapshot> {
        match &self.loaded {
            Some(loaded) if loaded.0.contains(&storage) => &loaded.1.snapshot,
            _ => &self.view.snapshot,
        }
    }

    /// The live row under a key, own writes first. `false`: there is none.
    pub fn get(&self, table: &Table, pk: &[u8], row: &mut Vec<u8>) -> Result<bool> {
        let key = store_key(table.partition, table.storage, pk);
        if let Some(writes) = &self.writes
            && let Some(pending) = writes.rows.get(key.as_slice())
        {
            writes.load(&pending.row, row)?;
            return live(row);
        }
        if !stored(self.snapshot(table.storage), table, &key, row)? {
            return Ok(false);
        }
        live(row)
    }

    /// Rows in key order. `range` is over encoded primary keys; an empty end
    /// means to the end of the table.
    pub fn scan(&self, table: &Table, range: KeyRange, direction: Direction) -> Result<RowScan> {
        let range = store_range(table.partition, table.storage, &range);
        let snapshot = self.snapshot(table.storage).clone();
        let own = match &self.writes {
            Some(writes) => {
                let mut own: Vec<_> = writes
                    .rows
                    .range::<_, [u8]>((
                        std::ops::Bound::Included(range.start.as_slice()),
                        std::ops::Bound::Excluded(range.end.as_slice()),
                    ))
                    .map(|(key, pending)| (key.clone(), pending.clone()))
                    .collect();
                if direction == Direction::Backward {
                    own.reverse();
                }
                own
            }
            None => Vec::new(),
        };
        Ok(RowScan {
            cursor: RowCursor::new(snapshot, table, range, direction)?,
            merge: Merge::new(direction),
            own,
            writes: self.writes.clone(),
            buffer: Vec::new(),
        })
    }

    /// Primary keys in the order of an index. `range` is over encoded index columns.
    pub fn scan_index(
        &self,
        table: &Table,
        index: &Index,
        range: KeyRange,
        direction: Direction,
    ) -> Result<IndexScan> {
        let range = store_range(table.partition, index.storage, &range);
        let snapshot = self.snapshot(index.storage).clone();
        let own = match &self.writes {
            Some(writes) => {
                let mut own: Vec<_> = writes
                    .entries
                    .range::<_, [u8]>((
                        std::ops::Bound::Included(range.start.as_slice()),
                        std::ops::Bound::Excluded(range.end.as_slice()),
                    ))
                    .map(|(key, entry)| (key.clone(), *entry))
                    .collect();
                if direction == Direction::Backward {
                    own.reverse();
                }
                own
            }
            None => Vec::new(),
        };
        Ok(IndexScan {
            cursor: snapshot.scan(Space::Index, range, direction)?,
            merge: Merge::new(direction),
            own,
        })
    }
}

/// What a moment has under a store key, a row or a tombstone; `false`: nothing.
pub(crate) fn stored(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    key: &[u8],
    row: &mut Vec<u8>,
) -> Result<bool> {
    #[cfg(feature = "columns")]
    if let Some(form) = &table.form {
        return crate::series::cursor::get(snapshot, form, key, row);
    }
    #[cfg(not(feature = "columns"))]
    let _ = table;
    snapshot.get(Space::Data, key, row)
}

/// A table's rows at one moment, tombstones too.
enum RowCursor {
    Plain(Box<dyn Cursor>),
    #[cfg(feature = "columns")]
    Series(Box<crate::series::cursor::SeriesCursor>),
}

impl RowCursor {
    fn new(
        snapshot: Arc<dyn Snapshot>,
        table: &Table,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RowCursor> {
        #[cfg(feature = "columns")]
        if let Some(form) = &table.form {
            let rows = crate::series::cursor::scan(&snapshot, form, range, direction)?;
            return Ok(RowCursor::Series(Box::new(rows)));
        }
        #[cfg(not(feature = "columns"))]
        let _ = table;
        let rows = snapshot.scan(Space::Data, range, direction)?;
        Ok(RowCursor::Plain(rows))
    }

    fn as_mut(&mut self) -> &mut dyn Cursor {
        match self {
            RowCursor::Plain(cursor) => cursor.as_mut(),
            #[cfg(feature = "columns")]
            RowCursor::Series(cursor) => cursor.as_mut(),
        }
    }

    fn key(&self) -> &[u8] {
        match self {
            RowCursor::Plain(cursor) => cursor.key(),
            #[cfg(feature = "columns")]
            RowCursor::Series(cursor) => cursor.key(),
        }
    }

    fn value(&self) -> &[u8] {
        match self {
            RowCursor::Plain(cursor) => cursor.value(),
            #[cfg(feature = "columns")]
            RowCursor::Series(cursor) => cursor.value(),
        }
    }
}

pub(crate) fn live(row: &mut Vec<u8>) -> Result<bool> {
    if RowRef::new(row)?.is_live() {
        return Ok(true);
    }
    row.clear();
    Ok(false)
}

/// Which of two ordered sources comes next, own writes hiding stored entries of the same key.
struct Merge {
    direction: Direction,
    stored: Stored,
    next_own: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Stored {
    /// The cursor must step before it is looked at.
    Behind,
    Ready,
    Done,
}

enum Step {
    Stored,
    Own(usize),
    End,
}

impl Merge {
    fn new(direction: Direction) -> Merge {
        Merge {
            direction,
            stored: Stored::Behind,
            next_own: 0,
        }
    }

    fn step<T>(&mut self, cursor: &mut dyn Cursor, own: &[(SharedBytes, T)]) -> Result<Step> {
        if self.stored == Stored::Behind {
            self.stored = if cursor.advance()? {
                Stored::Ready
            } else {
                Stored::Done
            };
        }
        let Some((key, _)) = own.get(self.next_own) else {
            if self.stored == Stored::Done {
                return Ok(Step::End);
            }
            self.stored = Stored::Behind;
            return Ok(Step::Stored);
        };
        if self.stored == Stored::Ready {
            let mut order = cursor.key().cmp(key.as_ref());
            if self.direction == Direction::Backward {
                order = order.reverse();
            }
            match order {
                std::cmp::Ordering::Less => {
                    self.stored = Stored::Behind;
                    return Ok(Step::Stored);
                }
                std::cmp::Ordering::Equal => self.stored = Stored::Behind,
                std::cmp::Ordering::Greater => {}
            }
        }
        self.next_own += 1;
        Ok(Step::Own(self.next_own - 1))
    }
}

pub struct RowScan {
    cursor: RowCursor,
    merge: Merge,
    own: Vec<(SharedBytes, Pending)>,
    writes: Option<Arc<WriteSet>>,
    buffer: Vec<u8>,
}

impl RowScan {
    /// The next rows of a time series as a block, to be read column by column; `None`:
    /// they are to be read one by one.
    #[cfg(feature = "columns")]
    pub fn next_block(&mut self) -> Result<Option<crate::series::block::Block>> {
        match &mut self.cursor {
            // A row that was looked at for the own rows' sake comes first.
            RowCursor::Series(rows) if self.own.is_empty() => rows.next_block(),
            _ => Ok(None),
        }
    }

    /// Blocks of a time series without a row from one moment to another, both included,
    /// need not be opened. Rows of other times may come all the same.
    #[cfg(feature = "columns")]
    pub fn leave_out_other_times(&mut self, least: i64, greatest: i64) {
        if let RowCursor::Series(rows) = &mut self.cursor {
            rows.leave_out_other_times(least, greatest);
        }
    }

    /// The next live row: its encoded primary key and its bytes.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        loop {
            match self.merge.step(self.cursor.as_mut(), &self.own)? {
                Step::End => return Ok(None),
                Step::Stored => {
                    if RowRef::new(self.cursor.value())?.is_live() {
                        // Asked for again below: the borrow may not outlive the loop.
                        break;
                    }
                }
                Step::Own(place) => {
                    let (_, pending) = &self.own[place];
                    let writes = self
                        .writes
                        .as_ref()
                        .ok_or_else(|| Error::internal("own rows without a write set"))?;
                    writes.load(&pending.row, &mut self.buffer)?;
                    if RowRef::new(&self.buffer)?.is_live() {
                        let key = &self.own[place].0;
                        return Ok(Some((&key[PREFIX_BYTES..], &self.buffer)));
                    }
                }
            }
        }
        let key = self.cursor.key();
        let pk = key
            .get(PREFIX_BYTES..)
            .ok_or_else(|| Error::corrupted("a row's key is too short"))?;
        Ok(Some((pk, self.cursor.value())))
    }
}

pub struct IndexScan {
    cursor: Box<dyn Cursor>,
    merge: Merge,
    own: Vec<(SharedBytes, PendingEntry)>,
}

impl IndexScan {
    /// The primary key of the next entry.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<&[u8]>> {
        Ok(self.next_entry()?.map(|(_, pk)| pk))
    }

    /// The next entry: its encoded columns and its primary key.
    pub fn next_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        let place = loop {
            match self.merge.step(self.cursor.as_mut(), &self.own)? {
                Step::End => return Ok(None),
                Step::Stored => break None,
                Step::Own(place) => {
                    if self.own[place].1.is_some() {
                        break Some(place);
                    }
                }
            }
        };
        let damaged = || Error::new(crate::state::INDEX_CORRUPTED, "an index entry is damaged");
        let (key, length): (&[u8], usize) = match place {
            Some(place) => {
                let (key, length) = &self.own[place];
                (key, length.unwrap_or(0) as usize)
            }
            None => {
                let length: [u8; 4] = self.cursor.value().try_into().map_err(|_| damaged())?;
                (self.cursor.key(), u32::from_le_bytes(length) as usize)
            }
        };
        let columns = key
            .get(PREFIX_BYTES..PREFIX_BYTES + length)
            .ok_or_else(damaged)?;
        Ok(Some((columns, &key[PREFIX_BYTES + length..])))
    }
}
