//! An external merge sort that ends in the store's sorted files. Entries that
//! come in order, as they mostly do, go straight there and are never written
//! twice; from the first that doesn't, sorted runs are cut and merged.

mod runs;
#[cfg(test)]
mod tests;

use crate::catalog::{Index, Table};
use crate::disk::Room;
use crate::error::{Error, Result};
use crate::row::RowRef;
use crate::store::{Direction, KeyRange, SortedLoad, Space, Store};
use crate::value::Value;
use runs::{Entry, Piece, Run, Scratch, Source, merge, order_of};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// What is held at once.
#[derive(Clone, Copy)]
struct Limits {
    /// Entries sorted in memory before a run is cut.
    run_bytes: usize,
    /// Entries that come in order wait only for so many.
    piece_bytes: usize,
    /// Runs of a kind before they are made one.
    most_runs: usize,
}

const LIMITS: Limits = Limits {
    run_bytes: 8 << 20,
    piece_bytes: 1 << 20,
    most_runs: 256,
};
/// So much is written at most without another look at the disk's room.
const UNCHECKED_BYTES: usize = 1 << 20;

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

/// A piece that is being put away. Left alone its thread ends first: it has the store.
struct Writing(Option<JoinHandle<Result<(Piece, Went)>>>);

impl Writing {
    fn end(mut self) -> Result<(Piece, Went)> {
        let early = || Error::internal("the thread of a load ended early");
        let handle = self.0.take().ok_or_else(early)?;
        handle.join().map_err(|_| early())?
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // What it wrote is cleared with the load; what it says no longer matters.
            let _ = handle.join();
        }
    }
}

pub struct Sorter {
    store: Arc<dyn Store>,
    target: Target,
    duplicate: Duplicate,
    limits: Limits,
    directory: PathBuf,
    /// Where the files go, and what must stay free there.
    room: Room,
    /// Where entries go while everything came in order, and the last key that went there.
    direct: Option<Direct>,
    last: Vec<u8>,
    piece: Piece,
    /// What is in memory is in order, and comes after what went to the files.
    in_order: bool,
    /// What comes next is known to be in order, and nothing in memory has to go before it.
    straight: bool,
    /// Written since the disk's room was looked at.
    unchecked: usize,
    /// A run was begun: nothing goes to the store any more before all are there.
    has_runs: bool,
    runs: Vec<Run>,
    /// What the next run is written to.
    scratch: Option<Scratch>,
    /// The piece before, while it is put away beside.
    writing: Option<Writing>,
}

/// Where a piece went.
enum Went {
    ToRun(Run, Scratch),
    ToStore(Direct),
}

/// The store's files while entries come in order.
struct Direct {
    load: Box<dyn SortedLoad>,
    duplicate: Duplicate,
    /// The last key that a piece put there. What went straight is not among them; each
    /// piece begins after all of it.
    last: Vec<u8>,
    last_compared: usize,
    stop: Option<Stop>,
}

impl Direct {
    fn begin(target: &Target, store: &Arc<dyn Store>, duplicate: Duplicate) -> Result<Direct> {
        Ok(Direct {
            load: target.load(store)?,
            duplicate,
            last: Vec::new(),
            last_compared: 0,
            stop: None,
        })
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        for entry in &piece.entries {
            let (key, value) = (piece.key(*entry), piece.value(*entry));
            let compared = (entry.compared - entry.start) as usize;
            if repeats(
                self.duplicate,
                &self.last,
                self.last_compared,
                key,
                compared,
            ) {
                self.stop.get_or_insert_with(|| Stop::Duplicate {
                    key: key.to_vec(),
                    value: value.to_vec(),
                });
                continue;
            }
            self.load.put(key, value)?;
            self.last.clear();
            self.last.extend_from_slice(key);
            self.last_compared = compared;
        }
        Ok(())
    }
}

impl Sorter {
    pub fn new(
        store: Arc<dyn Store>,
        target: Target,
        directory: Option<PathBuf>,
        room: Room,
        duplicate: Duplicate,
    ) -> Sorter {
        Sorter {
            store,
            target,
            duplicate,
            limits: LIMITS,
            directory: directory.unwrap_or_else(std::env::temp_dir),
            room,
            direct: None,
            last: Vec::new(),
            piece: Piece::default(),
            in_order: true,
            straight: false,
            unchecked: 0,
            has_runs: false,
            runs: Vec::new(),
            scratch: None,
            writing: None,
        }
    }

    /// Says whether the entries to come are in order. If so they may go to the store one
    /// by one, on this thread, and need not be gathered first.
    pub fn foresee(&mut self, in_order: bool) -> Result<()> {
        self.straight =
            in_order && self.goes_early() && !self.has_runs && self.piece.entries.is_empty();
        if self.straight && self.writing.is_some() {
            self.piece = self.end_writing()?;
        }
        Ok(())
    }

    /// A unique index's duplicates show only when all its entries are merged.
    fn goes_early(&self) -> bool {
        self.duplicate == Duplicate::Whole && self.target.takes_early().is_some()
    }

    fn check_room(&mut self) -> Result<()> {
        self.room.check(self.unchecked as u64)?;
        self.unchecked = 0;
        Ok(())
    }

    fn put_straight(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.unchecked += key.len() + value.len();
        if self.unchecked >= UNCHECKED_BYTES {
            self.check_room()?;
        }
        let direct = match &mut self.direct {
            Some(direct) => direct,
            none => none.insert(Direct::begin(&self.target, &self.store, self.duplicate)?),
        };
        direct.load.put(key, value)?;
        self.last.clear();
        self.last.extend_from_slice(key);
        Ok(())
    }

    /// `compared`: how many bytes of the key make it a duplicate.
    pub fn push(&mut self, key: &[u8], value: &[u8], compared: usize) -> Result<()> {
        // Only then: nothing may have gone to the store yet, and a comparison with an empty
        // key took a tenth of a load's time.
        self.straight = self.straight && self.last.as_slice() < key;
        if self.straight {
            return self.put_straight(key, value);
        }
        let held = self.piece.bytes.len();
        if held + key.len() + value.len() > self.limits.run_bytes && !self.piece.entries.is_empty()
        {
            self.cut(false)?;
        }
        if self.in_order {
            self.in_order = match self.piece.entries.last() {
                Some(last) => self.piece.key(*last) < key,
                None => self.last.as_slice() < key,
            };
        }
        let piece = &mut self.piece;
        let start = piece.bytes.len();
        piece.bytes.extend_from_slice(key);
        piece.bytes.extend_from_slice(value);
        piece.entries.push(Entry {
            order: order_of(key),
            start: start as u32,
            compared: (start + compared) as u32,
            key: (start + key.len()) as u32,
            value: piece.bytes.len() as u32,
        });
        let direct = self.in_order && self.goes_early() && !self.has_runs;
        if direct && self.piece.bytes.len() >= self.limits.piece_bytes {
            self.cut(false)?;
        }
        Ok(())
    }

    /// Puts what is in memory away, in order.
    fn cut(&mut self, is_last: bool) -> Result<()> {
        // A load that filled the disk would take the store down with it.
        self.room.check(self.piece.bytes.len() as u64)?;
        if !self.has_runs && (is_last || self.goes_early()) {
            if !self.in_order {
                self.piece.sort();
            }
            let continues = self.piece.entries.first().is_none_or(|first| {
                self.last.is_empty() || self.piece.key(*first) > self.last.as_slice()
            });
            if continues {
                self.in_order = true;
                return self.write_directly(is_last);
            }
        }
        self.begin_run()?;
        self.in_order = true;
        Ok(())
    }

    /// Gives a piece that is in order to the store, on a thread of its own, while the next
    /// one is gathered.
    fn write_directly(&mut self, is_last: bool) -> Result<()> {
        let next = self.end_writing()?;
        let mut piece = std::mem::replace(&mut self.piece, next);
        if let Some(entry) = piece.entries.last() {
            self.last.clear();
            self.last.extend_from_slice(piece.key(*entry));
        }
        let mut direct = match self.direct.take() {
            Some(direct) => direct,
            None => Direct::begin(&self.target, &self.store, self.duplicate)?,
        };
        if is_last {
            direct.write(&piece)?;
            self.direct = Some(direct);
            return Ok(());
        }
        let writing = std::thread::Builder::new()
            .name("orbit-loader".to_owned())
            .spawn(move || {
                direct.write(&piece)?;
                piece.clear();
                Ok((piece, Went::ToStore(direct)))
            })?;
        self.writing = Some(Writing(Some(writing)));
        Ok(())
    }

    /// Sorts and writes a run on a thread of its own, while the next one is gathered.
    fn begin_run(&mut self) -> Result<()> {
        self.has_runs = true;
        let next = self.end_writing()?;
        let piece = std::mem::replace(&mut self.piece, next);
        // Both halves of the key range, as the first run has them, are merged side by side.
        let middle = match self.runs.first() {
            Some(run) => run.middle.clone(),
            None => Vec::new(),
        };
        let mut scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Scratch::create(&self.directory)?,
        };
        let writing = std::thread::Builder::new()
            .name("orbit-sorter".to_owned())
            .spawn(move || {
                let mut piece = piece;
                piece.sort();
                let run = Run::write(&piece, &mut scratch, middle)?;
                piece.clear();
                Ok((piece, Went::ToRun(run, scratch)))
            })?;
        self.writing = Some(Writing(Some(writing)));
        Ok(())
    }

    /// Waits for the piece that is being put away; its buffers, emptied.
    fn end_writing(&mut self) -> Result<Piece> {
        let Some(writing) = self.writing.take() else {
            return Ok(Piece::default());
        };
        let (piece, went) = writing.end()?;
        match went {
            Went::ToStore(direct) => self.direct = Some(direct),
            Went::ToRun(run, scratch) => {
                self.scratch = Some(scratch);
                self.runs.push(run);
                self.thin_out()?;
            }
        }
        Ok(piece)
    }

    /// Makes one run of many, so that open files and buffers don't grow with the load.
    fn thin_out(&mut self) -> Result<()> {
        while let Some(level) = self.runs.last().map(|run| run.level) {
            let alike = self.runs.iter().rev();
            let alike = alike.take_while(|run| run.level == level).count();
            if alike < self.limits.most_runs.max(2) {
                break;
            }
            let many = self.runs.split_off(self.runs.len() - alike);
            let bytes = many.iter().map(Run::bytes).sum();
            self.room.check(bytes)?;
            self.runs.push(Run::of(&many, &self.directory)?);
            // The file of those that are one now goes with them.
            self.scratch = None;
        }
        Ok(())
    }

    /// Writes and flushes everything. The store has it when this returns.
    pub fn finish(mut self) -> Result<(), Stop> {
        if self.unchecked > 0 {
            self.check_room()?;
        }
        if !self.piece.entries.is_empty() {
            self.cut(true)?;
        }
        self.end_writing()?;
        if let Some(Direct {
            stop: Some(stop), ..
        }) = self.direct
        {
            return Err(stop);
        }
        if self.runs.is_empty() {
            if let Some(direct) = self.direct {
                direct.load.finish()?;
            }
            return Ok(());
        }
        // What went to the store in order stays there: it takes part only so that a key
        // that came twice is noticed.
        let mut stored = None;
        if let Some(direct) = self.direct.take()
            && let Some(space) = self.target.takes_early()
        {
            direct.load.finish()?;
            let prefix = self.last.get(..crate::read::PREFIX_BYTES).unwrap_or(&[]);
            stored = Some((space, self.store.snapshot()?, KeyRange::prefix(prefix)));
        }
        let middle = self.runs.first().map_or(&[][..], |run| &run.middle);
        let half = |upper: bool| -> Result<Merge<'_>> {
            let mut sources: Vec<Source> = Vec::with_capacity(self.runs.len() + 1);
            if let Some((space, snapshot, whole)) = &stored {
                let range = match upper {
                    true => KeyRange {
                        start: middle.to_vec(),
                        end: whole.end.clone(),
                    },
                    false => KeyRange {
                        start: whole.start.clone(),
                        end: middle.to_vec(),
                    },
                };
                let rows = snapshot.clone().scan(*space, range, Direction::Forward)?;
                sources.push(Source::Stored(rows));
            }
            sources.extend(Run::halves(&self.runs, upper));
            Ok(Merge {
                sources,
                duplicate: self.duplicate,
                room: &self.room,
                load: self.target.load(&self.store)?,
            })
        };
        let (lower, upper) = (half(false)?, half(true)?);
        // A unique index's equal columns may stand on both sides of the middle.
        let (ends, begins) = std::thread::scope(|scope| {
            let upper = scope.spawn(move || upper.run());
            (lower.run(), upper.join())
        });
        let begins = begins.map_err(|_| Error::internal("the merging thread ended early"))?;
        let ((_, last), (first, _)) = (ends?, begins?);
        if let (Some((last, last_compared)), Some((key, compared))) = (last, first)
            && repeats(self.duplicate, &last, last_compared, &key, compared)
        {
            return Err(Stop::Duplicate {
                key,
                value: Vec::new(),
            });
        }
        Ok(())
    }
}

/// A key, and how much of it makes it a duplicate.
type Edge = Option<(Vec<u8>, usize)>;

/// Sorted sources into one load.
struct Merge<'a> {
    sources: Vec<Source>,
    duplicate: Duplicate,
    room: &'a Room,
    load: Box<dyn SortedLoad>,
}

impl Merge<'_> {
    /// Its first key and its last.
    fn run(mut self) -> Result<(Edge, Edge), Stop> {
        let (mut first, mut last): (Edge, Edge) = (None, None);
        let mut unchecked = 0;
        let (duplicate, load) = (self.duplicate, &mut self.load);
        merge(&mut self.sources, |item, is_new| {
            if let Some((key, compared)) = &last
                && repeats(duplicate, key, *compared, &item.key, item.compared)
            {
                return Err(Stop::Duplicate {
                    key: std::mem::take(&mut item.key),
                    value: std::mem::take(&mut item.value),
                });
            }
            if is_new {
                load.put(&item.key, &item.value)?;
                unchecked += item.key.len() + item.value.len();
                if unchecked >= UNCHECKED_BYTES {
                    self.room.check(unchecked as u64)?;
                    unchecked = 0;
                }
            }
            match &mut last {
                Some((key, compared)) => {
                    std::mem::swap(key, &mut item.key);
                    *compared = item.compared;
                }
                None => {
                    first = Some((item.key.clone(), item.compared));
                    last = Some((std::mem::take(&mut item.key), item.compared));
                }
            }
            Ok(())
        })?;
        self.load.finish()?;
        Ok((first, last))
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
