//! Blocks and rows read as one, in the order of keys; where both have a key, the row in
//! the data space is the newer.

use super::block::{Block, Head};
use super::column::Unpacker;
use super::{Form, unreadable};
use crate::error::{Error, Result, state};
use crate::read::PREFIX_BYTES;
use crate::store::{Cursor, Direction, KeyRange, Snapshot, Space};
use std::cmp::Ordering;
use std::sync::Arc;

/// What stands under a store key at a snapshot, a row or a tombstone; `false`: nothing.
pub fn get(
    snapshot: &Arc<dyn Snapshot>,
    form: &Arc<Form>,
    key: &[u8],
    row: &mut Vec<u8>,
) -> Result<bool> {
    if snapshot.get(Space::Data, key, row)? {
        return Ok(true);
    }
    row.clear();
    let (prefix, pk) = key.split_at(PREFIX_BYTES);
    let mut found = snapshot.clone().scan(
        Space::Side,
        KeyRange {
            start: prefix.to_vec(),
            end: just_after(key),
        },
        Direction::Backward,
    )?;
    if !found.advance()? {
        return Ok(false);
    }
    let mut read = || -> Result<bool> {
        if Head::read(found.value())?.last_key(found.value())? < pk {
            return Ok(false);
        }
        let block = Block::open(found.value().to_vec())?;
        let mut unpacker = Unpacker::new()?;
        let mut probe = Vec::new();
        let at = block.lower_bound(form, pk, &mut unpacker, &mut probe)?;
        if at >= block.rows() {
            return Ok(false);
        }
        block.key(form, at, &mut unpacker, &mut probe)?;
        if probe != pk {
            return Ok(false);
        }
        block.row(form, at, &mut unpacker, row)?;
        Ok(true)
    };
    read().map_err(|error| {
        let first = found.key().get(PREFIX_BYTES..).unwrap_or_default();
        unreadable(error, form, first)
    })
}

/// The least key greater than this one.
pub fn just_after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The rows of a table at a snapshot, tombstones too, in either direction.
pub fn scan(
    snapshot: &Arc<dyn Snapshot>,
    form: &Arc<Form>,
    range: KeyRange,
    direction: Direction,
) -> Result<SeriesCursor> {
    let blocks = BlockRows::new(snapshot, form, range.clone(), direction)?;
    let rows = snapshot
        .clone()
        .scan(Space::Data, range.clone(), direction)?;
    Ok(SeriesCursor {
        snapshot: snapshot.clone(),
        direction,
        range,
        rows,
        next_row: Next::Behind,
        blocks,
        next_block: Next::Behind,
        failed: None,
        stands_on: Stands::Nowhere,
    })
}

/// Rows out of blocks.
struct BlockRows {
    form: Arc<Form>,
    range: KeyRange,
    direction: Direction,
    blocks: Box<dyn Cursor>,
    /// Blocks without a row of these times are left out.
    times: (i64, i64),
    unpacker: Unpacker,
    /// The block and the row in it.
    now: Option<(Block, usize)>,
    /// Whether a block of the range was entered: the ones after it begin at their ends.
    is_inside: bool,
    /// The first key of the block, as the store has it.
    first_key: Vec<u8>,
    key: Vec<u8>,
    row: Vec<u8>,
    probe: Vec<u8>,
}

impl BlockRows {
    fn new(
        snapshot: &Arc<dyn Snapshot>,
        form: &Arc<Form>,
        range: KeyRange,
        direction: Direction,
    ) -> Result<BlockRows> {
        // The block that the range begins in begins before it.
        let mut start = range.start.clone();
        if start.len() > PREFIX_BYTES {
            let before = KeyRange {
                start: start[..PREFIX_BYTES].to_vec(),
                end: just_after(&start),
            };
            let snapshot = snapshot.clone();
            let mut before = snapshot.scan(Space::Side, before, Direction::Backward)?;
            if before.advance()? {
                start = before.key().to_vec();
            }
        }
        let blocks = KeyRange {
            start,
            end: range.end.clone(),
        };
        Ok(BlockRows {
            form: form.clone(),
            range,
            direction,
            blocks: snapshot.clone().scan(Space::Side, blocks, direction)?,
            times: (i64::MIN, i64::MAX),
            unpacker: Unpacker::new()?,
            now: None,
            is_inside: false,
            first_key: Vec::new(),
            key: Vec::new(),
            row: Vec::new(),
            probe: Vec::new(),
        })
    }

    fn advance(&mut self) -> Result<bool> {
        if let Some((block, at)) = self.now.take() {
            let next = match self.direction {
                Direction::Forward => Some(at + 1).filter(|next| *next < block.rows()),
                Direction::Backward => at.checked_sub(1),
            };
            if let Some(next) = next {
                return self.stand(block, next);
            }
        }
        while self.blocks.advance()? {
            if self.ends_before_range()? || self.is_of_other_times() {
                continue;
            }
            let block = self.open()?;
            let entrance = self.entrance(&block);
            if let Some(at) = entrance.map_err(|error| self.unreadable(error))? {
                self.is_inside = true;
                return self.stand(block, at);
            }
        }
        Ok(false)
    }

    /// Whether the block under the cursor, which begins before the range, ends before it.
    /// What is wrong with its columns doesn't matter then.
    fn ends_before_range(&mut self) -> Result<bool> {
        let bound = self.range.start.as_slice();
        if self.blocks.key() >= bound {
            return Ok(false);
        }
        self.first_key.clear();
        self.first_key.extend_from_slice(self.blocks.key());
        let bytes = self.blocks.value();
        let last = Head::read(bytes).and_then(|head| head.last_key(bytes));
        let last = last.map_err(|error| self.unreadable(error))?;
        Ok(bound.get(PREFIX_BYTES..).is_some_and(|pk| last < pk))
    }

    /// Whether no row of the block under the cursor is wanted. One that can't be read may
    /// have some.
    fn is_of_other_times(&self) -> bool {
        let (least, greatest) = self.times;
        let all = least == i64::MIN && greatest == i64::MAX;
        !all && Head::read(self.blocks.value())
            .is_ok_and(|head| head.greatest < least || greatest < head.least)
    }

    /// Whether all of the block under the cursor, which can't be read, comes after a key
    /// in the direction of reading.
    fn is_behind(&self, key: &[u8]) -> bool {
        match self.direction {
            Direction::Forward => key < self.first_key.as_slice(),
            Direction::Backward => {
                let bytes = self.blocks.value();
                let last = Head::read(bytes).and_then(|head| head.last_key(bytes));
                let pk = key.get(PREFIX_BYTES..).unwrap_or_default();
                last.is_ok_and(|last| pk > last)
            }
        }
    }

    /// Opens the block under the cursor.
    fn open(&mut self) -> Result<Block> {
        self.first_key.clear();
        self.first_key.extend_from_slice(self.blocks.key());
        let bytes = self.blocks.value();
        Block::open(bytes.to_vec()).map_err(|error| self.unreadable(error))
    }

    /// The first row of a block in the direction of reading that is in the range.
    fn entrance(&mut self, block: &Block) -> Result<Option<usize>> {
        let last = block.rows().checked_sub(1);
        let bound = match self.direction {
            Direction::Forward => &self.range.start,
            Direction::Backward => &self.range.end,
        };
        let within = bound.starts_with(self.first_key.get(..PREFIX_BYTES).unwrap_or_default());
        let pk = bound
            .get(PREFIX_BYTES..)
            .filter(|pk| within && !pk.is_empty());
        let Some(pk) = pk.filter(|_| !self.is_inside) else {
            return Ok(match self.direction {
                Direction::Forward => last.map(|_| 0),
                Direction::Backward => last,
            });
        };
        let at = block.lower_bound(&self.form, pk, &mut self.unpacker, &mut self.probe)?;
        Ok(match self.direction {
            Direction::Forward => (at < block.rows()).then_some(at),
            Direction::Backward => at.checked_sub(1),
        })
    }

    /// Makes the key of a place; `false`: it is past the range.
    fn stand(&mut self, block: Block, at: usize) -> Result<bool> {
        let made = block.key(&self.form, at, &mut self.unpacker, &mut self.probe);
        made.map_err(|error| self.unreadable(error))?;
        self.key.clear();
        self.key
            .extend_from_slice(self.first_key.get(..PREFIX_BYTES).unwrap_or_default());
        self.key.extend_from_slice(&self.probe);
        let is_past = match self.direction {
            Direction::Forward => !self.range.end.is_empty() && self.key >= self.range.end,
            Direction::Backward => self.key < self.range.start,
        };
        self.now = (!is_past).then_some((block, at));
        Ok(!is_past)
    }

    fn make_row(&mut self) -> Result<()> {
        let Some((block, at)) = &self.now else {
            return Err(Error::internal("a row of no block"));
        };
        let made = block.row(&self.form, *at, &mut self.unpacker, &mut self.row);
        made.map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: Error) -> Error {
        let first = self.first_key.get(PREFIX_BYTES..).unwrap_or_default();
        unreadable(error, &self.form, first)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// The source must step before it is looked at.
    Behind,
    Ready,
    /// It can't be read.
    Failed,
    Done,
}

#[derive(Clone, Copy, PartialEq)]
enum Stands {
    Nowhere,
    Row,
    Block,
}

/// Blocks and rows as one.
pub struct SeriesCursor {
    snapshot: Arc<dyn Snapshot>,
    direction: Direction,
    range: KeyRange,
    rows: Box<dyn Cursor>,
    next_row: Next,
    blocks: BlockRows,
    next_block: Next,
    /// Why the next block can't be read.
    failed: Option<Error>,
    stands_on: Stands,
}

impl SeriesCursor {
    /// Whether the entry under it lies in the data space.
    pub(super) fn is_on_row(&self) -> bool {
        self.stands_on == Stands::Row
    }

    /// See [`crate::read::RowScan::leave_out_other_times`].
    pub fn leave_out_other_times(&mut self, least: i64, greatest: i64) {
        self.blocks.times = (least, greatest);
    }

    fn step(&mut self) -> Result<()> {
        if self.next_row == Next::Behind {
            self.next_row = match self.rows.advance()? {
                true => Next::Ready,
                false => Next::Done,
            };
        }
        if self.next_block == Next::Behind {
            self.next_block = match self.blocks.advance() {
                Ok(true) => Next::Ready,
                Ok(false) => Next::Done,
                // Rows before the block are read all the same.
                Err(error) if error.is(state::DATA_CORRUPTED) => {
                    self.failed = Some(error);
                    Next::Failed
                }
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// The next rows as a block to be read column by column, if they are all of one, and
    /// nothing newer stands among them; `None`: they are to be read one by one.
    pub fn next_block(&mut self) -> Result<Option<Block>> {
        if self.direction == Direction::Backward {
            return Ok(None);
        }
        self.step()?;
        let Some((block, 0)) = &self.blocks.now else {
            return Ok(None);
        };
        let prefix = self
            .blocks
            .first_key
            .get(..PREFIX_BYTES)
            .unwrap_or_default();
        let last = [prefix, block.last_key()?].concat();
        let is_whole = self.next_block == Next::Ready
            && (self.range.end.is_empty() || last < self.range.end)
            && (self.next_row == Next::Done || self.rows.key() > last.as_slice());
        if !is_whole {
            return Ok(None);
        }
        self.next_block = Next::Behind;
        self.stands_on = Stands::Nowhere;
        Ok(self.blocks.now.take().map(|(block, _)| block))
    }
}

impl Cursor for SeriesCursor {
    fn advance(&mut self) -> Result<bool> {
        self.step()?;
        let order = match (self.next_row, self.next_block) {
            (Next::Ready, Next::Failed) if self.blocks.is_behind(self.rows.key()) => Ordering::Less,
            (_, Next::Failed) => {
                let gone = || Error::corrupted("a block of rows can't be read");
                return Err(self.failed.clone().unwrap_or_else(gone));
            }
            (Next::Ready, Next::Ready) => {
                let order = self.rows.key().cmp(&self.blocks.key);
                match self.direction {
                    Direction::Forward => order,
                    Direction::Backward => order.reverse(),
                }
            }
            (Next::Ready, _) => Ordering::Less,
            (_, Next::Ready) => Ordering::Greater,
            _ => {
                self.stands_on = Stands::Nowhere;
                return Ok(false);
            }
        };
        if order != Ordering::Greater {
            self.next_row = Next::Behind;
            self.stands_on = Stands::Row;
        }
        if order != Ordering::Less {
            self.next_block = Next::Behind;
        }
        if order == Ordering::Greater {
            self.blocks.make_row()?;
            self.stands_on = Stands::Block;
        }
        Ok(true)
    }

    fn seek(&mut self, key: &[u8]) -> Result<bool> {
        let mut range = self.range.clone();
        match self.direction {
            Direction::Forward if key > range.start.as_slice() => range.start = key.to_vec(),
            Direction::Backward if range.end.is_empty() || key < range.end.as_slice() => {
                range.end = just_after(key);
            }
            _ => {}
        }
        let form = self.blocks.form.clone();
        let mut again = scan(&self.snapshot, &form, range, self.direction)?;
        again.blocks.times = self.blocks.times;
        *self = SeriesCursor {
            range: std::mem::take(&mut self.range),
            ..again
        };
        self.advance()
    }

    fn key(&self) -> &[u8] {
        match self.stands_on {
            Stands::Row => self.rows.key(),
            _ => &self.blocks.key,
        }
    }

    fn value(&self) -> &[u8] {
        match self.stands_on {
            Stands::Row => self.rows.value(),
            _ => &self.blocks.row,
        }
    }
}
