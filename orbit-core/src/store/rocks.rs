//! The store of everything bigger than a sensor: RocksDB.
//!
//! * `rocks/spaces.rs`: which column family holds a key space
//! * `rocks/options.rs`: every setting, with its reason
//! * `rocks/snapshot.rs`, `rocks/cursor.rs`: reading
//! * `rocks/load.rs`: sorted loads as files that are taken in whole
//! * `rocks/lock.rs`: one process at a time
//! * `rocks/wal.rs`: the look at the log before RocksDB reads it
//! * `rocks/error.rs`: RocksDB's errors in our words
//!
//! One write-ahead log serves all column families, so a batch over several of
//! them is atomic. `apply` writes the log without syncing it, `sync` syncs it.

mod cursor;
mod error;
mod load;
mod lock;
mod options;
mod snapshot;
mod spaces;
#[cfg(test)]
mod tests;
mod wal;

use super::directory::{self, in_path};
use super::poison::Poison;
use super::{Batch, KeyRange, Op, Sizes, Snapshot, SortedLoad, Space, Store, StoreOptions};
use crate::cancel::CancelToken;
use crate::error::{Error, Result, state};
use ::rocksdb::checkpoint::Checkpoint;
use ::rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DBWithThreadMode, Options, Range,
    ReadOptions, SingleThreaded, WriteBatch, WriteOptions, properties,
};
use error::{open_error, store_error};
use lock::Lock;
use options::{Resources, database_options, family_options};
use parking_lot::Mutex;
use snapshot::{RocksSnapshot, read_into};
use spaces::{Family, with_key};
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Column families are only made at open, so the handles need no lock.
type Db = DBWithThreadMode<SingleThreaded>;

/// `DB::Properties::kOldestSnapshotSequence`.
const OLDEST_SNAPSHOT: &CStr = c"rocksdb.oldest-snapshot-sequence";
/// What is compacted at once: a few seconds' work of a slow disk.
const SLICE_BYTES: usize = 128 << 20;

pub struct RocksStore {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    /// For reads of the newest state. Made once: each is an allocation in C++.
    newest: ReadOptions,
    unsynced: WriteOptions,
    poison: Poison,
    directory: PathBuf,
    resources: Resources,
    /// What the files of a sorted load are written with, by family.
    family_options: [Options; Family::ALL.len()],
    loads: AtomicU64,
    /// What goes into the marks of the log, see [`wal::Mark`].
    first_file: u64,
    applied: Mutex<u64>,
    synced: AtomicU64,
    /// Let go of last.
    _lock: Lock,
}

impl Inner {
    fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db
            .cf_handle(family.name())
            .ok_or_else(|| Error::internal("a column family of the store is missing"))
    }

    fn sync(&self) -> Result<()> {
        let applied = *self.applied.lock();
        self.db.flush_wal(true).map_err(store_error)?;
        self.synced.fetch_max(applied, Ordering::AcqRel);
        self.background_errors()
    }

    /// Keys inside a range between which the files hold some [`SLICE_BYTES`]: a compaction
    /// can't be called off, so long ones are done in slices.
    fn cuts(
        &self,
        family: Family,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let mut files = self.db.live_files().map_err(store_error)?;
        files.retain(|file| {
            let of = file.start_key.as_deref();
            file.column_family_name == family.name()
                && of.is_some_and(|key| start < key && end.is_none_or(|end| key < end))
        });
        files.sort_by(|one, other| one.start_key.cmp(&other.start_key));
        let (mut cuts, mut bytes) = (Vec::new(), 0);
        for file in files {
            if bytes >= SLICE_BYTES {
                cuts.push(file.start_key);
                bytes = 0;
            }
            bytes += file.size;
        }
        Ok(cuts)
    }

    /// A failed flush or compaction: RocksDB might go on after such, we don't.
    fn background_errors(&self) -> Result<()> {
        let failures = self
            .db
            .property_int_value(properties::BACKGROUND_ERRORS)
            .map_err(store_error)?;
        match failures {
            None | Some(0) => Ok(()),
            Some(count) => Err(Error::new(
                state::IO_ERROR,
                format!("{count} background writes of the store failed"),
            )
            .with_detail(format!(
                "The file \"{}\" tells more.",
                self.directory.join("LOG").display()
            ))),
        }
    }
}

impl RocksStore {
    /// Opens the store in `directory`, which is created if missing.
    pub fn open(directory: &Path, options: &StoreOptions) -> Result<Arc<RocksStore>> {
        directory::create(directory)?;
        let lock = Lock::take(directory)?;
        wal::settle(directory)?;
        let resources = Resources::new(options);
        let database_options = database_options(options, &resources)?;
        let family_options = Family::ALL.map(|family| family_options(family, options, &resources));
        let families = Family::ALL
            .iter()
            .zip(&family_options)
            .map(|(family, options)| ColumnFamilyDescriptor::new(family.name(), options.clone()));
        let db = Db::open_cf_descriptors(&database_options, directory, families)
            .map_err(|error| open_error(error, directory))?;
        load::clear_leftovers(directory)?;
        Ok(Arc::new(RocksStore {
            inner: Arc::new(Inner {
                db,
                newest: options::read_options(),
                unsynced: WriteOptions::default(),
                poison: Poison::default(),
                directory: directory.to_path_buf(),
                resources,
                family_options,
                loads: AtomicU64::new(0),
                first_file: wal::newest_file(directory)?,
                applied: Mutex::new(0),
                synced: AtomicU64::new(0),
                _lock: lock,
            }),
        }))
    }
}

impl Store for RocksStore {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        read_into(&self.inner, space, key, &self.inner.newest, value)
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        Ok(RocksSnapshot::take(&self.inner))
    }

    fn apply(&self, batch: &Batch) -> Result<()> {
        self.inner.poison.guard(|| {
            if batch.is_empty() {
                return Ok(());
            }
            // Held over the write: the log has the marks in their order.
            let mut applied = self.inner.applied.lock();
            let mark = wal::Mark {
                first_file: self.inner.first_file,
                number: *applied,
                synced: self.inner.synced.load(Ordering::Acquire),
            };
            let written = translate(&self.inner, batch, mark)?;
            self.inner
                .db
                .write_opt(written, &self.inner.unsynced)
                .map_err(store_error)?;
            *applied += 1;
            Ok(())
        })
    }

    fn sync(&self) -> Result<()> {
        self.inner.poison.guard(|| self.inner.sync())
    }

    fn sorted_load(&self, space: Space) -> Result<Box<dyn SortedLoad>> {
        self.inner.poison.check()?;
        Ok(Box::new(load::RocksLoad::begin(self.inner.clone(), space)?))
    }

    fn sizes(&self) -> Result<Sizes> {
        let inner = &self.inner;
        let mut memory_bytes = inner.resources.cache.get_usage() as u64;
        for family in Family::ALL {
            let handle = inner.family(family)?;
            for property in [
                properties::SIZE_ALL_MEM_TABLES,
                properties::ESTIMATE_TABLE_READERS_MEM,
            ] {
                memory_bytes += inner
                    .db
                    .property_int_value_cf(handle, property)
                    .map_err(store_error)?
                    .unwrap_or(0);
            }
        }
        Ok(Sizes {
            disk_bytes: file_bytes(&inner.directory)?,
            memory_bytes,
        })
    }

    fn keys(&self, space: Space) -> Result<u64> {
        let handle = self.inner.family(Family::of(space))?;
        let keys = self
            .inner
            .db
            .property_int_value_cf(handle, properties::ESTIMATE_NUM_KEYS);
        Ok(keys.map_err(store_error)?.unwrap_or(0))
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        self.inner.poison.guard(|| self.inner.sync())?;
        if directory.exists() {
            return Err(Error::new(
                state::DUPLICATE_OBJECT,
                format!("directory \"{}\" already exists", directory.display()),
            ));
        }
        Checkpoint::new(&self.inner.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(directory))
            .map_err(store_error)?;
        match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => directory::sync(parent),
            _ => Ok(()),
        }
    }

    fn disk_bytes(&self, space: Space, range: &KeyRange) -> Result<u64> {
        let handle = self.inner.family(Family::of(space))?;
        let (start, end) = spaces::bounds(space, &range.start, &range.end);
        // No key is as large as this one.
        let end = match end.is_empty() {
            true => vec![0xff; 64],
            false => end,
        };
        let range = Range::new(&start, &end);
        let sizes = self.inner.db.get_approximate_sizes_cf(handle, &[range]);
        Ok(sizes.into_iter().sum())
    }

    fn compact(&self, space: Space, range: &KeyRange, cancel: &CancelToken) -> Result<()> {
        self.inner.poison.check()?;
        let family = Family::of(space);
        let handle = self.inner.family(family)?;
        let (start, end) = spaces::bounds(space, &range.start, &range.end);
        let end = (!end.is_empty()).then_some(end);
        let mut options = CompactOptions::default();
        // Other ranges are compacted meanwhile.
        options.set_exclusive_manual_compaction(false);
        let mut cuts = self.inner.cuts(family, &start, end.as_deref())?;
        cuts.push(end);
        let mut from = start;
        for to in cuts {
            if cancel.check().is_err() {
                return Ok(());
            }
            let db = &self.inner.db;
            db.compact_range_cf_opt(handle, Some(&from), to.as_ref(), &options);
            self.health()?;
            from = to.unwrap_or_default();
        }
        Ok(())
    }

    fn moment(&self) -> u64 {
        self.inner.db.latest_sequence_number()
    }

    fn is_read_from_before(&self, moment: u64) -> Result<bool> {
        let oldest = self
            .inner
            .db
            .property_int_value(OLDEST_SNAPSHOT)
            .map_err(store_error)?;
        // 0: there is none.
        Ok(oldest.is_some_and(|oldest| oldest > 0 && oldest < moment))
    }

    fn health(&self) -> Result<()> {
        self.inner.poison.guard(|| self.inner.background_errors())
    }

    fn name(&self) -> &'static str {
        "rocksdb"
    }
}

/// RocksDB's form of a batch. Its header is 12 bytes, each step a few more
/// than its key and value.
fn translate(inner: &Inner, batch: &Batch, mark: wal::Mark) -> Result<WriteBatch> {
    let bytes = 14 + wal::MARK_BYTES + batch.bytes() + 12 * batch.len();
    let mut written = WriteBatch::with_capacity_bytes(bytes);
    written.put_log_data(mark.to_bytes());
    for step in batch.iter() {
        match step {
            Op::Put { space, key, value } => {
                let family = inner.family(Family::of(space))?;
                with_key(space, key, |key| written.put_cf(family, key, value));
            }
            Op::Delete { space, key } => {
                let family = inner.family(Family::of(space))?;
                with_key(space, key, |key| written.delete_cf(family, key));
            }
            Op::DeleteRange { space, start, end } => {
                if start >= end {
                    continue;
                }
                let family = inner.family(Family::of(space))?;
                with_key(space, start, |start| {
                    with_key(space, end, |end| {
                        written.delete_range_cf(family, start, end)
                    });
                });
            }
        }
    }
    Ok(written)
}

/// Everything in the directory: tables, logs, and what RocksDB notes for itself.
fn file_bytes(directory: &Path) -> Result<u64> {
    let entries = std::fs::read_dir(directory).map_err(|error| in_path(error, directory))?;
    let mut bytes = 0;
    for entry in entries {
        let entry = entry.map_err(|error| in_path(error, directory))?;
        // Files come and go meanwhile.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            bytes += metadata.len();
        }
    }
    Ok(bytes)
}
