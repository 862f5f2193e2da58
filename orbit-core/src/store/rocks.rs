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
use crate::pressure::share_of;
use ::rocksdb::checkpoint::Checkpoint;
use ::rocksdb::{
    BottommostLevelCompaction, ColumnFamily, ColumnFamilyDescriptor, CompactOptions,
    DBWithThreadMode, LiveFile, Options, Range, ReadOptions, SingleThreaded, WriteBatch,
    WriteOptions, properties,
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
const SLICE_BYTES: u64 = 128 << 20;
/// The same where the disk is nearly full: old and new lie side by side meanwhile.
const SMALL_SLICE_BYTES: u64 = 8 << 20;

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

/// What is compacted at once.
struct Slice {
    family: Family,
    start: Vec<u8>,
    end: Option<Vec<u8>>,
    /// What the files hold that reach into it.
    bytes: u64,
}

impl Slice {
    fn rewrite(&self, inner: &Inner, lowest: BottommostLevelCompaction) -> Result<()> {
        let handle = inner.family(self.family)?;
        let mut options = CompactOptions::default();
        // Other ranges are compacted meanwhile.
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(lowest);
        let db = &inner.db;
        db.compact_range_cf_opt(handle, Some(&self.start), self.end.as_ref(), &options);
        inner.poison.guard(|| inner.background_errors())
    }
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

    /// A range in parts, each begun where the files before hold that much: a compaction can't
    /// be called off, so long ones are done in slices. An empty end is none.
    fn slices(
        &self,
        family: Family,
        start: Vec<u8>,
        end: Vec<u8>,
        slice_bytes: u64,
    ) -> Result<Vec<Slice>> {
        let end = (!end.is_empty()).then_some(end);
        let mut files = self.db.live_files().map_err(store_error)?;
        files.retain(|file| file.column_family_name == family.name());
        files.sort_by(|one, other| one.start_key.cmp(&other.start_key));
        let (mut cuts, mut bytes) = (Vec::new(), 0_u64);
        for file in &files {
            let Some(key) = &file.start_key else {
                continue;
            };
            if *key <= start || end.as_ref().is_some_and(|end| key >= end) {
                continue;
            }
            if bytes >= slice_bytes {
                cuts.push(key.clone());
                bytes = 0;
            }
            bytes += file.size as u64;
        }
        let starts = std::iter::once(start).chain(cuts.clone());
        let ends = cuts.into_iter().map(Some).chain([end]);
        let slice = |(start, end): (Vec<u8>, Option<Vec<u8>>)| {
            // All files that reach into it are written anew, whole.
            let reaches = |file: &&LiveFile| {
                let begins = end.is_none() || file.start_key <= end;
                begins && file.end_key.as_ref().is_none_or(|last| *last >= start)
            };
            let bytes = files.iter().filter(reaches).map(|file| file.size as u64);
            Slice {
                family,
                bytes: bytes.sum(),
                start,
                end,
            }
        };
        Ok(starts.zip(ends).map(slice).collect())
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
        let (start, end) = spaces::bounds(space, &range.start, &range.end);
        let slices = self
            .inner
            .slices(Family::of(space), start, end, SLICE_BYTES)?;
        for slice in slices {
            if cancel.check().is_err() {
                return Ok(());
            }
            slice.rewrite(
                &self.inner,
                BottommostLevelCompaction::IfHaveCompactionFilter,
            )?;
        }
        Ok(())
    }

    fn compress(&self, step: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        self.inner.poison.check()?;
        for family in Family::ALL {
            let handle = self.inner.family(family)?;
            let smallest = [("bottommost_compression", "kZSTD")];
            let set = self.inner.db.set_options_cf(handle, &smallest);
            set.map_err(store_error)?;
            for slice in self
                .inner
                .slices(family, Vec::new(), Vec::new(), SMALL_SLICE_BYTES)?
            {
                step(slice.bytes)?;
                slice.rewrite(&self.inner, BottommostLevelCompaction::ForceOptimized)?;
            }
        }
        Ok(())
    }

    fn set_cache_share(&self, percent: usize) {
        let resources = &self.inner.resources;
        let most = usize::try_from(resources.cache_bytes).unwrap_or(usize::MAX);
        // A handle to the one cache there is.
        let mut cache = resources.cache.clone();
        cache.set_capacity(share_of(most, percent));
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
