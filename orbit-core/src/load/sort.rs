//! An external merge sort that ends in the store's sorted files. Entries that
//! come in order, as they mostly do, go straight there and are never written
//! twice; from the first that doesn't, sorted runs are cut and merged.

use crate::catalog::{Index, Table};
use crate::disk;
use crate::error::{Error, Result};
use crate::row::RowRef;
use crate::store::{Cursor, Direction, KeyRange, SortedLoad, Space, Store};
use crate::value::Value;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Entries sorted in memory before a run is cut.
const RUN_BYTES: usize = 16 << 20;
/// Entries that come in order wait only for so many.
const PIECE_BYTES: usize = 1 << 20;

/// Which entries are one too many.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// Equal keys.
    Whole,
    /// Keys equal in their first part, whose length is given with each.
    Columns,
}

/// Why a load stopped.
pub enum Stop {
    Duplicate { key: Vec<u8>, value: Vec<u8> },
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Error(error.into())
    }
}

impl Stop {
    /// Words it as a client of `table` expects.
    pub fn explain(self, table: &Table, index: Option<&Index>) -> Error {
        let (key, value) = match self {
            Stop::Error(error) => return error,
            Stop::Duplicate { key, value } => (key, value),
        };
        match (index, &table.primary_key) {
            (None, Some(primary)) => {
                let values = decode_row(table, &value).unwrap_or_default();
                crate::txn::duplicate(table, &primary.constraint, &primary.columns, &values)
            }
            (Some(index), _) => {
                let values = decode_entry(table, index, &key);
                let positions: Vec<_> = index.columns.iter().map(|column| column.column).collect();
                crate::txn::duplicate(table, &index.name, &positions, &values)
            }
            (None, None) => Error::internal("a hidden key was given out twice"),
        }
    }
}

fn decode_row(table: &Table, row: &[u8]) -> Result<Vec<Value>> {
    let row = RowRef::new(row)?;
    (0..table.width())
        .map(|column| Ok(row.value(&table.layout, column, &table.missing)?.to_owned()))
        .collect()
}

fn decode_entry(table: &Table, index: &Index, key: &[u8]) -> Vec<Value> {
    let mut values = vec![Value::Null; table.width()];
    let mut rest = key.get(crate::read::PREFIX_BYTES..).unwrap_or(&[]);
    for column in &index.columns {
        let Some(sql_type) = table.type_at(column.column) else {
            continue;
        };
        if let Ok(value) = crate::key::pop(&mut rest, sql_type, column.descending, true)
            && let Some(slot) = values.get_mut(column.column)
        {
            *slot = value;
        }
    }
    values
}

/// Places of an entry in the buffer: key, end of the compared part, value.
#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    compared: u32,
    key: u32,
    value: u32,
}

/// Where sorted entries end up.
pub enum Target {
    Space(Space),
    /// In blocks of a time series.
    #[cfg(feature = "columns")]
    Blocks(Arc<crate::series::Form>, [u8; crate::read::PREFIX_BYTES]),
}

impl Target {
    fn load(&self, store: &Arc<dyn Store>) -> Result<Box<dyn SortedLoad>> {
        match self {
            Target::Space(space) => store.sorted_load(*space),
            #[cfg(feature = "columns")]
            Target::Blocks(form, prefix) => {
                let load = store.sorted_load(Space::Side)?;
                let blocks = crate::series::load::BlockLoad::new(form.clone(), *prefix, load)?;
                Ok(Box::new(blocks))
            }
        }
    }

    /// What entries that came in order may be written to, and read from, before all are there.
    fn takes_early(&self) -> Option<Space> {
        match self {
            Target::Space(space) => Some(*space),
            #[cfg(feature = "columns")]
            Target::Blocks(..) => None,
        }
    }
}

pub struct Sorter {
    store: Arc<dyn Store>,
    target: Target,
    duplicate: Duplicate,
    scratch: Option<PathBuf>,
    /// Where the files go, and what must stay free there.
    reserve: Option<(PathBuf, u64)>,
    /// While everything came in order: the files, and the last key in them.
    direct: Option<Box<dyn SortedLoad>>,
    last: Vec<u8>,
    last_compared: usize,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// What is in memory is in order, and comes after what went to the files.
    in_order: bool,
    runs: Vec<File>,
    early_stop: Option<Stop>,
}

impl Sorter {
    pub fn new(
        store: Arc<dyn Store>,
        target: Target,
        scratch: Option<PathBuf>,
        reserve: Option<(PathBuf, u64)>,
        duplicate: Duplicate,
    ) -> Sorter {
        Sorter {
            store,
            target,
            duplicate,
            scratch,
            reserve,
            direct: None,
            last: Vec::new(),
            last_compared: 0,
            bytes: Vec::new(),
            entries: Vec::new(),
            in_order: true,
            runs: Vec::new(),
            early_stop: None,
        }
    }

    /// `compared`: how many bytes of the key make it a duplicate.
    pub fn push(&mut self, key: &[u8], value: &[u8], compared: usize) -> Result<()> {
        if self.bytes.len() + key.len() + value.len() > RUN_BYTES && !self.entries.is_empty() {
            self.cut(false)?;
        }
        if self.in_order {
            self.in_order = match self.entries.last() {
                Some(last) => Self::key(&self.bytes, *last) < key,
                None => self.last.as_slice() < key,
            };
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.entries.push(Entry {
            start: start as u32,
            compared: (start + compared) as u32,
            key: (start + key.len()) as u32,
            value: self.bytes.len() as u32,
        });
        let direct = self.in_order
            && self.duplicate == Duplicate::Whole
            && self.target.takes_early().is_some()
            && self.runs.is_empty();
        if direct && self.bytes.len() >= PIECE_BYTES {
            self.cut(false)?;
        }
        Ok(())
    }

    fn key(bytes: &[u8], entry: Entry) -> &[u8] {
        &bytes[entry.start as usize..entry.key as usize]
    }

    /// Sorts what is in memory and puts it away.
    fn cut(&mut self, last: bool) -> Result<()> {
        // A load that filled the disk would take the store down with it.
        disk::check_room(&self.reserve, self.bytes.len() as u64)?;
        let bytes = &self.bytes;
        if !self.in_order {
            self.entries
                .sort_unstable_by(|a, b| Self::key(bytes, *a).cmp(Self::key(bytes, *b)));
        }
        let continues = self.entries.first().is_none_or(|first| {
            self.last.is_empty() || Self::key(bytes, *first) > self.last.as_slice()
        });
        // A unique index's duplicates show only when all its entries are merged.
        let direct =
            last || self.duplicate == Duplicate::Whole && self.target.takes_early().is_some();
        if self.runs.is_empty() && continues && direct {
            self.write_directly()?;
        } else {
            self.write_run()?;
        }
        self.bytes.clear();
        self.entries.clear();
        self.in_order = true;
        Ok(())
    }

    fn write_directly(&mut self) -> Result<()> {
        let load = match &mut self.direct {
            Some(load) => load,
            slot => slot.insert(self.target.load(&self.store)?),
        };
        for entry in &self.entries {
            let key = Self::key(&self.bytes, *entry);
            let value = &self.bytes[entry.key as usize..entry.value as usize];
            let compared = (entry.compared - entry.start) as usize;
            if repeats(
                self.duplicate,
                &self.last,
                self.last_compared,
                key,
                compared,
            ) {
                if self.early_stop.is_none() {
                    self.early_stop = Some(Stop::Duplicate {
                        key: key.to_vec(),
                        value: value.to_vec(),
                    });
                }
                continue;
            }
            load.put(key, value)?;
            self.last.clear();
            self.last.extend_from_slice(key);
            self.last_compared = compared;
        }
        Ok(())
    }

    fn write_run(&mut self) -> Result<()> {
        let directory = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let path = directory.join(format!("orbit-run-{}", uuid::Uuid::new_v4()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        for entry in &self.entries {
            let key = Self::key(&self.bytes, *entry);
            let value = &self.bytes[entry.key as usize..entry.value as usize];
            out.write_all(&(key.len() as u32).to_le_bytes())?;
            out.write_all(&(entry.compared - entry.start).to_le_bytes())?;
            out.write_all(&(value.len() as u32).to_le_bytes())?;
            out.write_all(key)?;
            out.write_all(value)?;
        }
        let mut file = out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    /// Writes and flushes everything. The store has it when this returns.
    pub fn finish(mut self) -> Result<(), Stop> {
        if !self.entries.is_empty() {
            self.cut(true)?;
        }
        if let Some(stop) = self.early_stop {
            return Err(stop);
        }
        if self.runs.is_empty() {
            if let Some(load) = self.direct {
                load.finish()?;
            }
            return Ok(());
        }
        self.merge()
    }

    /// What went to the store in order stays there: it takes part only so that
    /// a key that came twice is noticed.
    fn merge(mut self) -> Result<(), Stop> {
        self.bytes = Vec::new();
        self.entries = Vec::new();
        let mut sources: Vec<Source> = Vec::new();
        if let Some(direct) = self.direct.take()
            && let Some(space) = self.target.takes_early()
        {
            direct.finish()?;
            let prefix = self.last.get(..crate::read::PREFIX_BYTES).unwrap_or(&[]);
            let snapshot = self.store.snapshot()?;
            let range = KeyRange::prefix(prefix);
            let stored = snapshot.scan(space, range, Direction::Forward)?;
            sources.push(Source::Stored(stored));
        }
        for run in self.runs.drain(..) {
            sources.push(Source::Run(BufReader::with_capacity(1 << 18, run)));
        }
        let mut heap = BinaryHeap::new();
        for (place, source) in sources.iter_mut().enumerate() {
            let mut item = Item::default();
            if source.next(&mut item)? {
                heap.push(Head { item, place });
            }
        }
        let mut load = self.target.load(&self.store)?;
        let (mut last, mut last_compared) = (Vec::new(), 0);
        let mut unchecked = 0;
        while let Some(Head { mut item, place }) = heap.pop() {
            let Some(source) = sources.get_mut(place) else {
                continue;
            };
            // Neighbours often come from one run: as long as they do, the heap rests.
            loop {
                let compared = item.compared;
                if repeats(self.duplicate, &last, last_compared, &item.key, compared) {
                    return Err(Stop::Duplicate {
                        key: item.key,
                        value: item.value,
                    });
                }
                if matches!(source, Source::Run(_)) {
                    load.put(&item.key, &item.value)?;
                    unchecked += item.key.len() + item.value.len();
                    if unchecked >= PIECE_BYTES {
                        disk::check_room(&self.reserve, PIECE_BYTES as u64)?;
                        unchecked = 0;
                    }
                }
                std::mem::swap(&mut last, &mut item.key);
                last_compared = compared;
                if !source.next(&mut item)? {
                    break;
                }
                if heap.peek().is_some_and(|next| next.item.key <= item.key) {
                    heap.push(Head { item, place });
                    break;
                }
            }
        }
        load.finish()?;
        Ok(())
    }
}

enum Source {
    Stored(Box<dyn Cursor>),
    Run(BufReader<File>),
}

impl Source {
    /// Replaces `item` by the next; `false`: there is none.
    fn next(&mut self, item: &mut Item) -> Result<bool> {
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
                let mut head = [0; 12];
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

fn repeats(
    duplicate: Duplicate,
    last: &[u8],
    last_compared: usize,
    key: &[u8],
    compared: usize,
) -> bool {
    match duplicate {
        Duplicate::Whole => last == key,
        Duplicate::Columns => {
            !last.is_empty()
                && last_compared < last.len()
                && compared < key.len()
                && last.get(..last_compared) == key.get(..compared)
        }
    }
}

#[derive(Default)]
struct Item {
    key: Vec<u8>,
    value: Vec<u8>,
    compared: usize,
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
