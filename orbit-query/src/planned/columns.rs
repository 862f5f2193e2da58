//! Tables column by column: Parquet files that repeat what the rows say, so that scans
//! read the columns they need and little else. What there is of them, as of which moment,
//! and what changed since is `orbit_core::columns`'s; the picture is drawn there.
//!
//! | module | what |
//! |---|---|
//! | [`stored`] | which Parquet type holds which SQL type |
//! | [`write`] | rows of a range of keys into a segment |
//! | [`segment`] | one file, opened: its columns, checked before they are decoded |
//! | [`cache`] | decoded columns, within the profile's budget |
//! | [`changes`] | what was written since, decoded once |
//! | [`scan`] | the scan of the segments, and what they share with [`delta`] |
//! | [`delta`] | the rows that changed since |
//! | [`prune`] | groups that a filter can do without |
//! | [`masked`] | a filter asked beside the mask of what changed |
//! | [`statistics`] | what sealing tells the planner |
//! | [`seal`] | when segments are made, and made anew |
//! | [`settle`] | when rows of time series are put away |

pub mod cache;
pub mod changes;
mod delta;
mod masked;
pub mod prune;
pub mod scan;
pub mod seal;
pub mod segment;
pub mod settle;
mod statistics;
pub mod stored;
pub mod write;

use cache::{ColumnCache, Piece};
use changes::{Changes, Followed};
use datafusion::arrow::array::ArrayRef;
use lru::LruCache;
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::columns::{Manifest, Segment, SegmentId};
use orbit_core::database::ReadView;
use orbit_core::ids::StorageId;
use orbit_core::pressure::share_of;
use parking_lot::Mutex;
use segment::SegmentFile;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rows of a table without columns, as far as they were counted.
#[derive(Clone, Copy)]
struct Counted {
    rows: u64,
    is_all: bool,
    /// By the node's clock.
    when: Duration,
}

/// Files of segments kept open.
const OPEN_FILES: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// A node's segments, opened and decoded as they are read.
pub struct ColumnStore {
    directory: PathBuf,
    budget: usize,
    files: Mutex<LruCache<SegmentId, Arc<SegmentFile>>>,
    cache: ColumnCache,
    followed: Mutex<BTreeMap<StorageId, Arc<Mutex<Followed>>>>,
    counted: Mutex<BTreeMap<StorageId, Counted>>,
    /// Storages all of whose rows were read since they were sealed.
    scanned: Mutex<BTreeSet<StorageId>>,
    /// Segments that could not be read, to be made anew.
    damaged: Mutex<BTreeSet<SegmentId>>,
    /// How often a segment turned out to be damaged.
    damages: AtomicU64,
    found: statistics::Found,
}

impl ColumnStore {
    pub fn open(directory: PathBuf, budget: usize) -> Result<ColumnStore> {
        std::fs::create_dir_all(&directory)?;
        Ok(ColumnStore {
            directory,
            budget,
            files: Mutex::new(LruCache::new(OPEN_FILES)),
            cache: ColumnCache::new(budget),
            followed: Mutex::default(),
            counted: Mutex::default(),
            scanned: Mutex::default(),
            damaged: Mutex::default(),
            damages: AtomicU64::new(0),
            found: statistics::Found::default(),
        })
    }

    /// Keeps at most so many percent of its budget decoded.
    pub fn set_cache_share(&self, percent: usize) {
        self.cache.set_budget(share_of(self.budget, percent));
    }

    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    fn file(&self, segment: &Segment) -> Result<Arc<SegmentFile>> {
        if let Some(file) = self.files.lock().get(&segment.id) {
            return Ok(file.clone());
        }
        let file = Arc::new(SegmentFile::open(&self.directory, segment)?);
        self.files.lock().put(segment.id, file.clone());
        Ok(file)
    }

    /// A column of a group as its file has it; `None`: the file has no such column.
    pub fn stored(&self, segment: &Segment, group: usize, name: &str) -> Result<Option<ArrayRef>> {
        self.decoded(segment, group, name, Ok)
    }

    /// The same, made into what readers want before it is kept.
    pub fn decoded(
        &self,
        segment: &Segment,
        group: usize,
        name: &str,
        make: impl FnOnce(ArrayRef) -> Result<ArrayRef>,
    ) -> Result<Option<ArrayRef>> {
        let file = self.file(segment)?;
        let Some(place) = file.place_of(name) else {
            return Ok(None);
        };
        let piece = Piece {
            segment: segment.id,
            group: u32::try_from(group).unwrap_or(u32::MAX),
            place: u32::try_from(place).unwrap_or(u32::MAX),
        };
        if let Some(array) = self.cache.get(&piece) {
            return Ok(Some(array));
        }
        let array = make(file.column(group, place)?)?;
        self.cache.put(piece, &array);
        Ok(Some(array))
    }

    /// What changed of a table up to a view's moment; `None`: so much that its rows are
    /// better read themselves.
    pub fn changes(
        &self,
        view: &ReadView,
        table: &Table,
        manifest: &Arc<Manifest>,
    ) -> Result<Option<Arc<Changes>>> {
        let most = self.most_followed();
        let followed = {
            let mut all = self.followed.lock();
            let followed = all
                .entry(table.storage)
                .or_insert_with(|| Arc::new(Mutex::new(Followed::new(manifest))));
            followed.clone()
        };
        let position = view.position_of(table);
        let mut followed = followed.lock();
        if !followed.leads_to(manifest, position) {
            let mut own = Followed::new(manifest);
            // An older moment than others read by now is followed for itself alone.
            if followed.is_ahead_of(manifest, position) {
                drop(followed);
                return own.advance(self, view, table, most);
            }
            *followed = own;
        }
        let changes = followed.advance(self, view, table, most);
        if !matches!(changes, Ok(Some(_))) {
            // Half of a step may have been done.
            *followed = Followed::new(manifest);
        }
        changes
    }

    /// Bytes of changed keys and rows that are kept decoded for a table.
    pub fn most_followed(&self) -> usize {
        (self.budget / 4).max(1 << 20)
    }

    /// Notes that somebody reads all of a table.
    pub fn note_scan(&self, storage: StorageId) {
        self.scanned.lock().insert(storage);
    }

    fn was_scanned(&self, storage: StorageId) -> bool {
        self.scanned.lock().contains(&storage)
    }

    /// Forgets what was noted of what is no table.
    fn keep_tables(&self, there: &BTreeSet<StorageId>) {
        self.scanned
            .lock()
            .retain(|storage| there.contains(storage));
        self.counted
            .lock()
            .retain(|storage, _| there.contains(storage));
    }

    /// How many rows a small table without columns had when the sealer last looked.
    pub fn rows_seen(&self, storage: StorageId) -> Option<u64> {
        let counted = self.counted.lock().get(&storage).copied();
        counted
            .filter(|counted| counted.is_all)
            .map(|counted| counted.rows)
    }

    fn counted(&self, storage: StorageId) -> Option<Counted> {
        self.counted.lock().get(&storage).copied()
    }

    fn note_count(&self, storage: StorageId, counted: Counted) {
        self.counted.lock().insert(storage, counted);
    }

    /// Forgets who read it before now.
    fn settle(&self, storage: StorageId) {
        self.scanned.lock().remove(&storage);
    }

    /// Notes that a segment can't be read; the sealer makes it anew.
    pub fn report(&self, segment: SegmentId, error: &orbit_core::Error) {
        if self.damaged.lock().insert(segment) {
            let since_start = self.damages.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::error!(%segment, %error, since_start, "a segment can't be read; its rows are, until it is made anew");
            self.files.lock().pop(&segment);
            self.cache.forget(segment);
        }
    }

    /// How many segments turned out to be damaged since the node started.
    #[cfg(test)]
    pub fn damages(&self) -> u64 {
        self.damages.load(Ordering::Relaxed)
    }

    /// A segment is to be made anew, without a word, if its file didn't come along.
    fn expect(&self, segment: SegmentId, there: bool) {
        if !there {
            self.damaged.lock().insert(segment);
        }
    }

    pub fn is_damaged(&self, segment: SegmentId) -> bool {
        self.damaged.lock().contains(&segment)
    }

    /// Whether there is something for the sealer though nothing was written.
    fn has_news(&self) -> bool {
        !self.damaged.lock().is_empty() || !self.scanned.lock().is_empty()
    }

    /// Lets go of what was followed of a storage that has no columns any more.
    fn forget(&self, storage: StorageId) {
        self.followed.lock().remove(&storage);
    }

    /// Lets go of all other segments.
    fn keep_only(&self, segments: &BTreeSet<SegmentId>) {
        let mut files = self.files.lock();
        let gone: Vec<SegmentId> = files
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| !segments.contains(id))
            .collect();
        for id in gone {
            files.pop(&id);
            self.cache.forget(id);
        }
        self.damaged.lock().retain(|id| segments.contains(id));
    }
}
