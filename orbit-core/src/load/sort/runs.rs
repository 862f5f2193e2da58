//! Sorted runs in files without names, and how several are read as one.

use super::Stop;
use crate::error::{Error, Result};
use crate::store::Cursor;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Places of an entry in the buffer: key, end of the compared part, value.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What follows the prefix of the key, as far as it goes: nearly always enough to
    /// tell which comes first.
    pub order: u128,
    pub start: u32,
    pub compared: u32,
    pub key: u32,
    pub value: u32,
}

pub fn order_of(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let key = key.get(crate::read::PREFIX_BYTES..).unwrap_or_default();
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

/// Entries and their bytes, as many as a run has.
#[derive(Default)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub entries: Vec<Entry>,
}

impl Piece {
    pub fn key(&self, entry: Entry) -> &[u8] {
        &self.bytes[entry.start as usize..entry.key as usize]
    }

    pub fn value(&self, entry: Entry) -> &[u8] {
        &self.bytes[entry.key as usize..entry.value as usize]
    }

    pub fn sort(&mut self) {
        let bytes = &self.bytes;
        let key = |entry: &Entry| &bytes[entry.start as usize..entry.key as usize];
        self.entries.sort_unstable_by(|a, b| {
            let order = a.order.cmp(&b.order);
            order.then_with(|| key(a).cmp(key(b)))
        });
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

/// Gives the entries of all sources in order, and whether the store hasn't got them.
pub fn merge(
    sources: &mut [Source],
    mut give: impl FnMut(&mut Item, bool) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut heap = BinaryHeap::new();
    for (place, source) in sources.iter_mut().enumerate() {
        let mut item = Item::default();
        if source.next(&mut item)? {
            heap.push(Head { item, place });
        }
    }
    while let Some(Head { mut item, place }) = heap.pop() {
        let Some(source) = sources.get_mut(place) else {
            continue;
        };
        // Neighbours often come from one run: as long as they do, the heap rests.
        loop {
            give(&mut item, matches!(source, Source::Run(_)))?;
            if !source.next(&mut item)? {
                break;
            }
            if heap.peek().is_some_and(|next| next.item.key <= item.key) {
                heap.push(Head { item, place });
                break;
            }
        }
    }
    Ok(())
}

/// A file that has no name, in which runs lie one behind the other. Goes with the last of
/// them.
pub struct Scratch {
    file: Arc<File>,
    end: u64,
}

impl Scratch {
    pub fn create(directory: &Path) -> Result<Scratch> {
        Ok(Scratch {
            file: Arc::new(crate::disk::unnamed_file(directory, "run")?),
            end: 0,
        })
    }
}

/// Sorted entries in a file:
/// `key length u32 | compared u32 | value length u32 | key | value`.
pub struct Run {
    file: Arc<File>,
    start: u64,
    /// Where keys are cut in two, and where the second half begins.
    pub middle: Vec<u8>,
    cut: u64,
    end: u64,
    /// How often it was made of others.
    pub level: u32,
}

impl Run {
    /// `middle`: empty for that of these entries.
    pub fn write(piece: &Piece, scratch: &mut Scratch, middle: Vec<u8>) -> Result<Run> {
        let entries = &piece.entries;
        let middle = match (middle.is_empty(), entries.get(entries.len() / 2)) {
            (true, Some(entry)) => piece.key(*entry).to_vec(),
            _ => middle,
        };
        let below = entries.partition_point(|entry| piece.key(*entry) < middle.as_slice());
        let mut out = RunWriter::begin(scratch);
        for (place, entry) in entries.iter().enumerate() {
            if place == below {
                out.cut_here();
            }
            let compared = entry.compared - entry.start;
            out.put(piece.key(*entry), compared, piece.value(*entry))?;
        }
        if below == entries.len() {
            out.cut_here();
        }
        out.finish(middle, 0)
    }

    /// Several as one. Keys that came twice stand side by side in it.
    pub fn of(runs: &[Run], directory: &Path) -> Result<Run> {
        let mut scratch = Scratch::create(directory)?;
        let mut out = RunWriter::begin(&mut scratch);
        for upper in [false, true] {
            if upper {
                out.cut_here();
            }
            let mut sources = Run::halves(runs, upper);
            let merged = merge(&mut sources, |item, _| {
                out.put(&item.key, item.compared as u32, &item.value)?;
                Ok(())
            });
            match merged {
                Ok(()) => {}
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Duplicate { .. }) => {
                    return Err(Error::internal("runs were merged as if into the store"));
                }
            }
        }
        let first = runs.first();
        let level = first.map_or(0, |run| run.level) + 1;
        out.finish(
            first.map(|run| run.middle.clone()).unwrap_or_default(),
            level,
        )
    }

    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// One half of each, to be merged.
    pub fn halves(runs: &[Run], upper: bool) -> Vec<Source> {
        let buffer = (READ_BYTES / runs.len().max(1)).clamp(LEAST_READ, MOST_READ);
        let half = |run: &Run| {
            let (at, end) = match upper {
                true => (run.cut, run.end),
                false => (run.start, run.cut),
            };
            let file = run.file.clone();
            Source::Run(BufReader::with_capacity(buffer, Part { file, at, end }))
        };
        runs.iter().map(half).collect()
    }
}

struct RunWriter<'s> {
    scratch: &'s mut Scratch,
    buffer: Vec<u8>,
    start: u64,
    cut: u64,
}

impl RunWriter<'_> {
    fn begin(scratch: &mut Scratch) -> RunWriter<'_> {
        let start = scratch.end;
        RunWriter {
            scratch,
            buffer: Vec::with_capacity(WRITE_BYTES),
            start,
            cut: start,
        }
    }

    fn cut_here(&mut self) {
        self.cut = self.scratch.end + self.buffer.len() as u64;
    }

    fn put(&mut self, key: &[u8], compared: u32, value: &[u8]) -> Result<()> {
        let length = ENTRY_HEAD + key.len() + value.len();
        if self.buffer.len() + length > WRITE_BYTES {
            self.flush()?;
        }
        let buffer = &mut self.buffer;
        buffer.extend_from_slice(&(key.len() as u32).to_le_bytes());
        buffer.extend_from_slice(&compared.to_le_bytes());
        buffer.extend_from_slice(&(value.len() as u32).to_le_bytes());
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(value);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let scratch = &mut self.scratch;
        scratch.file.write_all_at(&self.buffer, scratch.end)?;
        scratch.end += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, middle: Vec<u8>, level: u32) -> Result<Run> {
        self.flush()?;
        Ok(Run {
            file: self.scratch.file.clone(),
            start: self.start,
            middle,
            cut: self.cut,
            end: self.scratch.end,
            level,
        })
    }
}

const ENTRY_HEAD: usize = 12;
const WRITE_BYTES: usize = 1 << 20;
/// Read at once of all runs together, and of each.
const READ_BYTES: usize = 4 << 20;
const LEAST_READ: usize = 16 << 10;
const MOST_READ: usize = 256 << 10;

/// A stretch of a file, read on its own.
pub struct Part {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

pub enum Source {
    Stored(Box<dyn Cursor>),
    Run(BufReader<Part>),
}

impl Source {
    /// Replaces `item` by the next; `false`: there is none.
    pub fn next(&mut self, item: &mut Item) -> Result<bool> {
        item.key.clear();
        item.value.clear();
        match self {
            Source::Stored(cursor) => {
                if !cursor.advance()? {
                    return Ok(false);
                }
                item.key.extend_from_slice(cursor.key());
                item.value.extend_from_slice(cursor.value());
                item.compared = item.key.len();
            }
            Source::Run(file) => {
                let mut head = [0; ENTRY_HEAD];
                match file.read_exact(&mut head) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        return Ok(false);
                    }
                    Err(error) => return Err(error.into()),
                }
                let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
                item.key
                    .resize(u32::from_le_bytes([a, b, c, d]) as usize, 0);
                item.compared = u32::from_le_bytes([e, f, g, h]) as usize;
                item.value
                    .resize(u32::from_le_bytes([i, j, k, l]) as usize, 0);
                file.read_exact(&mut item.key)?;
                file.read_exact(&mut item.value)?;
            }
        }
        Ok(true)
    }
}

#[derive(Default)]
pub struct Item {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub compared: usize,
}

struct Head {
    item: Item,
    place: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    /// The least key is the greatest, for a heap that gives the greatest first.
    fn cmp(&self, other: &Head) -> std::cmp::Ordering {
        let keys = other.item.key.cmp(&self.item.key);
        keys.then_with(|| other.place.cmp(&self.place))
    }
}
