//! The store of the smallest nodes: one file of the pure-Rust redb.
//!
//! One B+ tree file `orbit.redb` with one table per [`Space`]. `apply` is a
//! commit without durability, which only changes redb's memory and unwritten
//! pages; `sync` is an empty commit with it, which makes every commit before it
//! durable in one step. A crash falls back to the last durable commit, so what
//! survives is a prefix that ends at a sync.

mod cursor;
#[cfg(test)]
mod tests;

use super::directory::{self, in_path, in_use};
use super::poison::Poison;
use super::{
    Batch, Cursor, Direction, KeyRange, Op, Sizes, Snapshot, SortedLoad, Space, Store, StoreOptions,
};
use crate::cancel::CancelToken;
use crate::error::{Error, Result, state};
use ::redb::{
    Database, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, StorageError, TableDefinition, WriteTransaction,
};
use cursor::RedbCursor;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
type ReadTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

const FILE_NAME: &str = "orbit.redb";
/// Sorted loads hand their entries over in pieces of about this size.
const LOAD_CHUNK_BYTES: usize = 1 << 20;

fn definition(space: Space) -> Table {
    TableDefinition::new(match space {
        Space::Data => "data",
        Space::Index => "index",
        Space::Side => "side",
        Space::Log => "log",
        Space::Delta => "delta",
        Space::Meta => "meta",
    })
}

pub struct RedbStore {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    /// The newest state, kept so that point reads don't begin a transaction each.
    newest: Mutex<Option<Arc<RedbSnapshot>>>,
    poison: Poison,
    file: PathBuf,
    cache_bytes: usize,
}

impl RedbStore {
    /// Opens the store in `directory`, which is created if missing.
    pub fn open(directory: &Path, options: &StoreOptions) -> Result<Arc<RedbStore>> {
        directory::create(directory)?;
        let file = directory.join(FILE_NAME);
        let fresh = !file.exists();
        let database = Database::builder()
            .set_cache_size(options.block_cache_bytes)
            .create(&file)
            .map_err(|error| open_error(error, directory, &file))?;
        create_tables(&database)?;
        if fresh {
            directory::sync(directory)?;
        }
        Ok(Arc::new(RedbStore {
            inner: Arc::new(Inner {
                database,
                newest: Mutex::new(None),
                poison: Poison::default(),
                file,
                cache_bytes: options.block_cache_bytes,
            }),
        }))
    }

    fn newest(&self) -> Result<Arc<RedbSnapshot>> {
        let mut newest = self.inner.newest.lock();
        if let Some(snapshot) = &*newest {
            return Ok(snapshot.clone());
        }
        let snapshot = Arc::new(RedbSnapshot::begin(&self.inner.database)?);
        *newest = Some(snapshot.clone());
        Ok(snapshot)
    }
}

/// Reads expect the tables to be there.
fn create_tables(database: &Database) -> Result<()> {
    let snapshot = database.begin_read().map_err(storage_error)?;
    if snapshot.open_table(definition(Space::Meta)).is_ok() {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(storage_error)?;
    for space in Space::ALL {
        transaction
            .open_table(definition(space))
            .map_err(storage_error)?;
    }
    transaction.commit().map_err(storage_error)
}

impl Inner {
    /// Runs `change` in a write transaction and commits it.
    fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        let mut transaction = self.database.begin_write().map_err(storage_error)?;
        transaction
            .set_durability(durability)
            .map_err(storage_error)?;
        change(&transaction)?;
        transaction.commit().map_err(storage_error)?;
        // After the commit: a reader that found the old state kept here began
        // before it, and none can put the old state back later, since reading
        // and keeping it happen under one lock.
        *self.newest.lock() = None;
        Ok(())
    }
}

fn carry_out(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    // A table can be open once at a time, and opening costs a tree lookup:
    // steps that stay in one space share it.
    let mut steps = batch.iter().peekable();
    while let Some(first) = steps.peek().copied() {
        let space = space_of(&first);
        let mut table = transaction
            .open_table(definition(space))
            .map_err(storage_error)?;
        while let Some(step) = steps.next_if(|step| space_of(step) == space) {
            match step {
                Op::Put { key, value, .. } => {
                    table.insert(key, value).map_err(storage_error)?;
                }
                Op::Delete { key, .. } => {
                    table.remove(key).map_err(storage_error)?;
                }
                Op::DeleteRange { start, end, .. } => {
                    if start < end {
                        table
                            .retain_in(start..end, |_, _| false)
                            .map_err(storage_error)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn space_of(step: &Op<'_>) -> Space {
    match step {
        Op::Put { space, .. } | Op::Delete { space, .. } | Op::DeleteRange { space, .. } => *space,
    }
}

impl Store for RedbStore {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        self.newest()?.get(space, key, value)
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        Ok(self.newest()?)
    }

    fn apply(&self, batch: &Batch) -> Result<()> {
        self.inner.poison.guard(|| {
            if batch.is_empty() {
                return Ok(());
            }
            self.inner.write(Durability::None, |transaction| {
                carry_out(transaction, batch)
            })
        })
    }

    fn sync(&self) -> Result<()> {
        self.inner
            .poison
            .guard(|| self.inner.write(Durability::Immediate, |_| Ok(())))
    }

    fn sorted_load(&self, space: Space) -> Result<Box<dyn SortedLoad>> {
        self.inner.poison.check()?;
        Ok(Box::new(RedbLoad {
            inner: self.inner.clone(),
            space,
            last: None,
            chunks: Vec::new(),
        }))
    }

    fn sizes(&self) -> Result<Sizes> {
        let file = &self.inner.file;
        let disk_bytes = std::fs::metadata(file)
            .map_err(|error| in_path(error, file))?
            .len();
        // redb counts its cache only with a feature that slows it down; it
        // never holds more than this and never more than the file.
        let memory_bytes = disk_bytes.min(self.inner.cache_bytes as u64);
        Ok(Sizes {
            disk_bytes,
            memory_bytes,
        })
    }

    fn keys(&self, space: Space) -> Result<u64> {
        let newest = self.newest()?;
        newest.table(space)?.len().map_err(storage_error)
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        if directory.exists() {
            return Err(Error::new(
                state::DUPLICATE_OBJECT,
                format!("directory \"{}\" already exists", directory.display()),
            ));
        }
        let source = self.newest()?;
        let copy = RedbStore::open(
            directory,
            &StoreOptions {
                block_cache_bytes: 4 << 20,
                ..StoreOptions::default()
            },
        )?;
        copy.inner.write(Durability::Immediate, |transaction| {
            for space in Space::ALL {
                let mut table = transaction
                    .open_table(definition(space))
                    .map_err(storage_error)?;
                for entry in source.table(space)?.iter().map_err(storage_error)? {
                    let (key, value) = entry.map_err(storage_error)?;
                    table
                        .insert(key.value(), value.value())
                        .map_err(storage_error)?;
                }
            }
            Ok(())
        })
    }

    fn disk_bytes(&self, _space: Space, _range: &KeyRange) -> Result<u64> {
        self.inner.poison.check().map(|()| 0)
    }

    /// Freed pages are used again without this.
    fn compact(&self, _space: Space, _range: &KeyRange, _cancel: &CancelToken) -> Result<()> {
        self.inner.poison.check()
    }

    fn health(&self) -> Result<()> {
        self.inner.poison.check()
    }

    fn name(&self) -> &'static str {
        "redb"
    }
}

/// A read transaction with its tables open. The pages it sees stay allocated
/// until it is dropped.
struct RedbSnapshot {
    tables: [ReadTable; Space::ALL.len()],
}

impl RedbSnapshot {
    fn begin(database: &Database) -> Result<RedbSnapshot> {
        let transaction = database.begin_read().map_err(storage_error)?;
        let open = |space| {
            transaction
                .open_table(definition(space))
                .map_err(storage_error)
        };
        let [data, index, side, log, delta, meta] = Space::ALL;
        Ok(RedbSnapshot {
            tables: [
                open(data)?,
                open(index)?,
                open(side)?,
                open(log)?,
                open(delta)?,
                open(meta)?,
            ],
        })
    }

    fn table(&self, space: Space) -> Result<&ReadTable> {
        self.tables
            .get(space as usize)
            .ok_or_else(|| Error::internal("a key space without a table"))
    }
}

impl Snapshot for RedbSnapshot {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        value.clear();
        match self.table(space)?.get(key).map_err(storage_error)? {
            Some(found) => {
                value.extend_from_slice(found.value());
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn scan(
        self: Arc<Self>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Box<dyn Cursor>> {
        Ok(Box::new(RedbCursor::new(self, space, range, direction)))
    }
}

/// Entries are collected and inserted in one transaction at the end: a node
/// with this store loads little at a time.
struct RedbLoad {
    inner: Arc<Inner>,
    space: Space,
    last: Option<Vec<u8>>,
    chunks: Vec<Batch>,
}

impl SortedLoad for RedbLoad {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        super::must_ascend(self.last.as_deref(), key)?;
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        match self.chunks.last_mut() {
            Some(chunk) if chunk.bytes() < LOAD_CHUNK_BYTES => chunk.put(self.space, key, value),
            _ => {
                let mut chunk = Batch::new();
                chunk.put(self.space, key, value);
                self.chunks.push(chunk);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.inner.poison.guard(|| {
            self.inner.write(Durability::Immediate, |transaction| {
                self.chunks
                    .iter()
                    .try_for_each(|chunk| carry_out(transaction, chunk))
            })
        })
    }
}

fn open_error(error: DatabaseError, directory: &Path, file: &Path) -> Error {
    match error {
        DatabaseError::DatabaseAlreadyOpen => in_use(directory),
        DatabaseError::UpgradeRequired(version) => {
            Error::unsupported(format!("file format {version} of \"{}\"", file.display()))
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => {
            Error::corrupted(format!("\"{}\" is damaged: {what}", file.display()))
        }
        // What redb says of a file that isn't one of its own.
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            Error::corrupted(format!("\"{}\" is damaged: {error}", file.display()))
        }
        DatabaseError::Storage(StorageError::Io(error)) => in_path(error, file),
        other => storage_error(other),
    }
}

pub(crate) fn storage_error(error: impl Into<::redb::Error>) -> Error {
    match error.into() {
        ::redb::Error::Io(error) => Error::from(error),
        ::redb::Error::Corrupted(what) => Error::corrupted(format!("the store is damaged: {what}")),
        ::redb::Error::ValueTooLarge(bytes) => Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            format!("a value of {bytes} bytes is more than the store can hold"),
        ),
        ::redb::Error::PreviousIo => Error::new(
            state::IO_ERROR,
            "an earlier read or write of the store failed",
        ),
        other => Error::internal(format!("redb: {other}")),
    }
}
