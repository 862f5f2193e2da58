//! Rows of a time series table put away together, column by column: a run of neighbouring
//! keys under its first one.
//!
//! ```text
//!  0  envelope u8, 0 = plain
//!  1  version u8, 1
//!  2  slots u16               of each row; later ones take the table's `missing` value
//!  4  rows u32
//!  8  check of the head u64   xxh3 of all from here to the columns, seeded with all before
//! 16  check of the rest u64   xxh3
//! 24  least time i64
//! 32  greatest time i64
//! 40  length of the last key u32
//! 44  length of the odd rows u32
//! 48  length of each column u32: of each slot, then of causal lengths, times and sites
//!     last key | columns ... | odd rows: (row u32 | length u32 | bytes)
//! ```
//!
//! The head has a check of its own, so that a block whose columns are damaged still says
//! which keys are not its own.
//!
//! All numbers little endian. The rows come back byte by byte; one that the columns can't
//! make again (a column of it has a stamp of its own, or it is wide) is kept whole beside
//! them, as odd.

use super::column::{Column, Filling, Packer, Shape, Unpacker};
use super::{Form, cut_short};
use crate::error::{Error, Result};
use crate::key;
use crate::row::{self, RowRef, Stamp};
use crate::{clock::Hlc, ids::SiteOrdinal};
use std::cell::OnceCell;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A block is full with so many rows, or bytes of them.
pub const ROWS: usize = 4096;
pub const BYTES: usize = 1 << 20;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 48;
/// Columns of every block beside those of the slots.
const OWN_COLUMNS: usize = 3;

/// A block being filled.
pub struct Builder {
    columns: Vec<Filling>,
    causal_lengths: Filling,
    times: Filling,
    sites: Filling,
    odd: Vec<u8>,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    least: i64,
    greatest: i64,
    rows: usize,
    bytes: usize,
    packer: Packer,
}

impl Builder {
    pub fn new() -> Result<Builder> {
        Ok(Builder {
            columns: Vec::new(),
            causal_lengths: Filling::new(Shape::Integer(4)),
            times: Filling::new(Shape::Integer(8)),
            sites: Filling::new(Shape::Integer(4)),
            odd: Vec::new(),
            first_key: Vec::new(),
            last_key: Vec::new(),
            least: i64::MAX,
            greatest: i64::MIN,
            rows: 0,
            bytes: 0,
            packer: Packer::new()?,
        })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn first_key(&self) -> &[u8] {
        &self.first_key
    }

    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    pub fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// Whether a row of so many slots may stand beside those that are in.
    pub fn takes(&self, slots: usize) -> bool {
        self.rows == 0 || self.columns.len() == slots
    }

    /// Adds the next row in the order of keys, a living one.
    pub fn push(&mut self, form: &Form, pk: &[u8], bytes: &[u8]) -> Result<()> {
        let row = RowRef::new(bytes)?;
        if self.rows == 0 {
            let shapes = form.shapes.get(..row.columns()).ok_or_else(cut_short)?;
            self.columns = shapes.iter().map(|shape| Filling::new(*shape)).collect();
            self.first_key.clear();
            self.first_key.extend_from_slice(pk);
        }
        for (slot, column) in self.columns.iter_mut().enumerate() {
            column.push(row.slot_bytes(&form.layout, slot)?);
        }
        let stamp = row.stamp();
        let causal_length = row.causal_length();
        self.causal_lengths.push(Some(&causal_length.to_le_bytes()));
        self.times.push(Some(&stamp.hlc.0.to_le_bytes()));
        self.sites.push(Some(&stamp.site.0.to_le_bytes()));
        if row.is_odd() {
            self.odd
                .extend_from_slice(&(self.rows as u32).to_le_bytes());
            self.odd
                .extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            self.odd.extend_from_slice(bytes);
        }
        let time = form.time_of(&row)?;
        self.least = self.least.min(time);
        self.greatest = self.greatest.max(time);
        self.last_key.clear();
        self.last_key.extend_from_slice(pk);
        self.rows += 1;
        self.bytes += bytes.len();
        Ok(())
    }

    /// Replaces `out` by the block; the next begins.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        out.resize(HEAD_BYTES + 4 * (self.columns.len() + OWN_COLUMNS), 0);
        out.extend_from_slice(&self.last_key);
        let own = [&mut self.causal_lengths, &mut self.times, &mut self.sites];
        let columns = self.columns.iter_mut().chain(own);
        for (at, column) in columns.enumerate() {
            let start = out.len();
            column.finish(&mut self.packer, out)?;
            let length = (out.len() - start) as u32;
            let place = HEAD_BYTES + 4 * at;
            out[place..place + 4].copy_from_slice(&length.to_le_bytes());
        }
        out.extend_from_slice(&self.odd);
        out[1] = VERSION;
        out[2..4].copy_from_slice(&(self.columns.len() as u16).to_le_bytes());
        out[4..8].copy_from_slice(&(self.rows as u32).to_le_bytes());
        out[24..32].copy_from_slice(&self.least.to_le_bytes());
        out[32..40].copy_from_slice(&self.greatest.to_le_bytes());
        out[40..44].copy_from_slice(&(self.last_key.len() as u32).to_le_bytes());
        out[44..48].copy_from_slice(&(self.odd.len() as u32).to_le_bytes());
        let rest = HEAD_BYTES + 4 * (self.columns.len() + OWN_COLUMNS) + self.last_key.len();
        let check = xxh3_64(&out[rest..]);
        out[16..24].copy_from_slice(&check.to_le_bytes());
        let check = check_of_head(&out[..rest]);
        out[8..16].copy_from_slice(&check.to_le_bytes());
        self.odd.clear();
        (self.rows, self.bytes) = (0, 0);
        (self.least, self.greatest) = (i64::MAX, i64::MIN);
        Ok(())
    }
}

fn check_of_head(head: &[u8]) -> u64 {
    let seed = head.first_chunk().copied().map_or(0, u64::from_le_bytes);
    xxh3_64_with_seed(head.get(16..).unwrap_or_default(), seed)
}

#[cold]
fn damaged() -> Error {
    Error::corrupted("its bytes don't match their check")
}

/// What the head of a block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub slots: usize,
    pub rows: usize,
    pub least: i64,
    pub greatest: i64,
    /// Of all behind the last key.
    check: u64,
    last_key: usize,
    odd: usize,
}

impl Head {
    /// The head of a block, if it is as it was written.
    pub fn read(block: &[u8]) -> Result<Head> {
        let head = block.first_chunk::<HEAD_BYTES>().ok_or_else(cut_short)?;
        if head[0] != 0 || head[1] != VERSION {
            return Err(Error::corrupted(format!(
                "a block of rows has an unknown format (envelope {}, version {})",
                head[0], head[1]
            )));
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let long = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&head[at..at + 8]);
            i64::from_le_bytes(word)
        };
        let read = Head {
            slots: usize::from(u16::from_le_bytes([head[2], head[3]])),
            rows: word(4) as usize,
            least: long(24),
            greatest: long(32),
            check: long(16).cast_unsigned(),
            last_key: word(40) as usize,
            odd: word(44) as usize,
        };
        let whole = block.get(..read.last_key_at() + read.last_key);
        match whole.map(check_of_head) == Some(long(8).cast_unsigned()) {
            true => Ok(read),
            false => Err(damaged()),
        }
    }

    fn last_key_at(&self) -> usize {
        HEAD_BYTES + 4 * (self.slots + OWN_COLUMNS)
    }

    /// The key of the last row.
    pub fn last_key<'a>(&self, block: &'a [u8]) -> Result<&'a [u8]> {
        let start = self.last_key_at();
        block
            .get(start..start + self.last_key)
            .ok_or_else(cut_short)
    }
}

/// A block that is as it was written; its columns are unpacked when they are asked for.
pub struct Block {
    bytes: Vec<u8>,
    head: Head,
    /// Where each column begins, and the last one ends.
    places: Vec<usize>,
    columns: Vec<OnceCell<Column>>,
    /// Where the odd rows stand: by row.
    odd: Vec<(usize, std::ops::Range<usize>)>,
}

impl Block {
    pub fn open(bytes: Vec<u8>) -> Result<Block> {
        let head = Head::read(&bytes)?;
        let rest = bytes.get(head.last_key_at() + head.last_key..);
        if rest.map(xxh3_64) != Some(head.check) {
            return Err(damaged());
        }
        let count = head.slots + OWN_COLUMNS;
        let mut end = head.last_key_at() + head.last_key;
        let mut places = Vec::with_capacity(count + 1);
        places.push(end);
        for at in 0..count {
            let place = HEAD_BYTES + 4 * at;
            let length = bytes
                .get(place..place + 4)
                .and_then(|length| length.try_into().ok());
            end += length.map_or(0, u32::from_le_bytes) as usize;
            places.push(end);
        }
        let mut odd = Vec::new();
        let whole = end + head.odd;
        while end < whole {
            let word = |at: usize| {
                let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
                word.map(u32::from_le_bytes).ok_or_else(cut_short)
            };
            let (row, length) = (word(end)? as usize, word(end + 4)? as usize);
            odd.push((row, end + 8..end + 8 + length));
            end += 8 + length;
        }
        if end != bytes.len() {
            return Err(cut_short());
        }
        Ok(Block {
            head,
            places,
            columns: (0..count).map(|_| OnceCell::new()).collect(),
            odd,
            bytes,
        })
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn rows(&self) -> usize {
        self.head.rows
    }

    /// Slots that its rows have.
    pub fn slots(&self) -> usize {
        self.head.slots
    }

    pub fn last_key(&self) -> Result<&[u8]> {
        self.head.last_key(&self.bytes)
    }

    /// The column of a slot that its rows have.
    pub fn column(&self, form: &Form, slot: usize, unpacker: &mut Unpacker) -> Result<&Column> {
        let shape = match slot.checked_sub(self.head.slots) {
            None => *form.shapes.get(slot).ok_or_else(cut_short)?,
            Some(0) => Shape::Integer(4),
            Some(1) => Shape::Integer(8),
            Some(_) => Shape::Integer(4),
        };
        let cell = self.columns.get(slot).ok_or_else(cut_short)?;
        if let Some(column) = cell.get() {
            return Ok(column);
        }
        let stored = match (self.places.get(slot), self.places.get(slot + 1)) {
            (Some(start), Some(end)) => self.bytes.get(*start..*end),
            _ => None,
        };
        let column = Column::read(
            stored.ok_or_else(cut_short)?,
            shape,
            self.head.rows,
            unpacker,
        )?;
        Ok(cell.get_or_init(|| column))
    }

    /// Replaces `pk` by a row's primary key.
    pub fn key(
        &self,
        form: &Form,
        row: usize,
        unpacker: &mut Unpacker,
        pk: &mut Vec<u8>,
    ) -> Result<()> {
        pk.clear();
        for (slot, sql_type) in &form.key {
            let column = self.column(form, *slot, unpacker)?;
            let mut fixed = [0; 16];
            let bytes = column.bytes(row, &mut fixed).ok_or_else(cut_short)?;
            key::push(pk, &row::decode_slot(bytes, sql_type)?, false, false)?;
        }
        Ok(())
    }

    /// The first row whose key is not less than this one; as many as there are: none.
    pub fn lower_bound(
        &self,
        form: &Form,
        pk: &[u8],
        unpacker: &mut Unpacker,
        scratch: &mut Vec<u8>,
    ) -> Result<usize> {
        let (mut low, mut high) = (0, self.rows());
        while low < high {
            let middle = low + (high - low) / 2;
            self.key(form, middle, unpacker, scratch)?;
            match scratch.as_slice() < pk {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }

    /// Replaces `out` by a row as it was.
    pub fn row(
        &self,
        form: &Form,
        row: usize,
        unpacker: &mut Unpacker,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if let Ok(place) = self.odd.binary_search_by_key(&row, |(row, _)| *row) {
            let bytes = self.bytes.get(self.odd[place].1.clone());
            out.clear();
            out.extend_from_slice(bytes.ok_or_else(cut_short)?);
            return Ok(());
        }
        for slot in 0..self.head.slots + OWN_COLUMNS {
            self.column(form, slot, unpacker)?;
        }
        let slots = self.head.slots;
        let number = |slot: usize| {
            let mut fixed = [0; 16];
            let column = self.columns.get(slot).and_then(OnceCell::get);
            let bytes = column.and_then(|column| column.bytes(row, &mut fixed));
            let mut word = [0; 8];
            if let Some(bytes) = bytes {
                word[..bytes.len()].copy_from_slice(bytes);
            }
            u64::from_le_bytes(word)
        };
        let stamp = Stamp {
            hlc: Hlc(number(slots + 1)),
            site: SiteOrdinal(number(slots + 2) as u32),
        };
        let causal_length = number(slots) as u32;
        row::rebuild(
            &form.layout,
            slots,
            causal_length,
            stamp,
            out,
            |slot, give| {
                let column = self.columns.get(slot).and_then(OnceCell::get);
                give(column.ok_or_else(cut_short)?.bytes(row, &mut [0; 16]))
            },
        )
    }
}
