//! The sealer: looks at what was written, asks the policy, and does one step after the
//! other beside everything else. It may be stopped or killed at any moment: segments are
//! shown by a commit once they are on disk, and files that no manifest names are removed.

use super::stored::schema_of;
use super::write::{self, Recipe, file_name};
use super::{ColumnStore, Counted};
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::{NODE_SCHEMA, Table};
use orbit_core::clock::Hlc;
use orbit_core::columns::policy::{self, Facts, Limits, Step};
use orbit_core::columns::{Manifest, SegmentId};
use orbit_core::database::{Database, ReadView};
use orbit_core::ids::StorageId;
use orbit_core::pace::Pace;
use orbit_core::store::{Direction, KeyRange};
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What sealing leaves of the disk, as spilling does.
const KEPT_FREE: u64 = 64 << 20;
/// What a row of a segment takes, before there is one to look at.
const ROW_BYTES: u64 = 64;

/// How often a table without columns is counted.
const COUNTED_EVERY: Duration = Duration::from_secs(30);

pub struct Sealer {
    db: Arc<Database>,
    store: Arc<ColumnStore>,
    limits: Limits,
    cancel: CancelToken,
    state: Mutex<State>,
    /// One pass at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Manifests that were replaced, while somebody may still read by them.
    replaced: Vec<Weak<Manifest>>,
    segments_of: Vec<BTreeSet<SegmentId>>,
    looked_at: Option<Hlc>,
    /// Tables whose copy was given up, until somebody reads one of them whole.
    given_up: BTreeSet<StorageId>,
    swept: bool,
    started: bool,
}

impl Sealer {
    pub fn new(
        db: Arc<Database>,
        store: Arc<ColumnStore>,
        limits: Limits,
        cancel: CancelToken,
    ) -> Sealer {
        Sealer {
            db,
            store,
            limits,
            cancel,
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Comes back when no pass runs.
    pub async fn ended(&self) {
        let _ended = self.turn.lock().await;
    }

    /// Looks at every table once and does what is due. Whether anything was.
    pub async fn pass(&self) -> Result<bool> {
        let _turn = self.turn.lock().await;
        self.cancel.check()?;
        self.sweep()?;
        let (position, tables): (_, Vec<Arc<Table>>) = {
            let view = self.db.read();
            (view.position(), view.catalog().tables().cloned().collect())
        };
        let last = self.state.lock().looked_at.replace(position);
        if last == Some(position) && !self.store.has_news() {
            return Ok(false);
        }
        let mut did = false;
        for manifest in self.db.columns().iter() {
            if !tables.iter().any(|table| table.storage == manifest.storage) {
                self.forget(manifest).await?;
            }
        }
        self.store
            .keep_tables(&tables.iter().map(|table| table.storage).collect());
        for table in tables {
            self.cancel.check()?;
            let is_copied = !table.temporary && table.schema != NODE_SCHEMA;
            if !is_copied || table.series.is_some() || schema_of(&table).is_none() {
                self.store.settle(table.storage);
                continue;
            }
            // Another of its tables must not wait because one can't be sealed.
            match self.step(&table).await {
                Ok(one) => did |= one,
                Err(error) if self.cancel.check().is_err() => return Err(error),
                Err(error) => {
                    tracing::warn!(table = table.name, %error, "a table was not sealed");
                }
            }
        }
        if did {
            self.state.lock().looked_at = None;
        }
        Ok(did)
    }

    async fn step(&self, table: &Arc<Table>) -> Result<bool> {
        let view = self.db.read();
        let columns = self.db.columns();
        let manifest = columns.of(table.storage);
        let (mut changes, mut entries) = (Vec::new(), 0);
        if let Some(manifest) = manifest {
            changes = vec![0; manifest.segments.len()];
            let mut delta = view.delta(table, manifest.needed_after())?;
            while let Some(changed) = delta.next()? {
                entries += 1;
                let place = manifest.segment_of(changed.pk);
                if let Some(segment) = manifest.segments.get(place)
                    && changed.at > segment.position
                    && let Some(count) = changes.get_mut(place)
                {
                    *count += 1;
                }
            }
        }
        let rows = match manifest {
            None => self.count(&view, table)?,
            Some(manifest) if manifest.is_complete() => {
                manifest.rows() + changes.iter().sum::<u64>()
            }
            Some(_) => self.limits.least_rows,
        };
        let damaged = manifest.and_then(|manifest| {
            let mut segments = manifest.segments.iter();
            segments.position(|segment| self.store.is_damaged(segment.id))
        });
        let scanned = self.store.was_scanned(table.storage);
        let facts = {
            let mut state = self.state.lock();
            if scanned {
                state.given_up.remove(&table.storage);
            }
            Facts {
                manifest: manifest.map(Arc::as_ref),
                rows,
                changes: &changes,
                delta_entries: entries,
                scanned,
                given_up: state.given_up.contains(&table.storage),
                damaged,
            }
        };
        match (policy::next(&facts, &self.limits), manifest) {
            (Step::Nothing, _) => {
                self.store.settle(table.storage);
                return Ok(false);
            }
            (Step::Follow, _) => self.db.follow_columns(table).await?,
            (Step::Build, Some(manifest)) => self.seal(table, manifest, 0..0).await?,
            (Step::Reseal(places), Some(manifest)) => self.seal(table, manifest, places).await?,
            (Step::Forget, Some(manifest)) => {
                self.forget(manifest).await?;
                self.state.lock().given_up.insert(table.storage);
            }
            (_, None) => return Err(Error::internal("a step without a manifest")),
        }
        Ok(true)
    }

    /// Rows of a table, as far as it matters.
    fn count(&self, view: &ReadView, table: &Table) -> Result<u64> {
        let least = self.limits.least_rows;
        if let Some(counted) = &table.statistics
            && counted.rows >= least
        {
            return Ok(counted.rows);
        }
        let now = self.db.clock().monotonic();
        if let Some(counted) = self.store.counted(table.storage)
            && now.saturating_sub(counted.when) < COUNTED_EVERY
        {
            return Ok(counted.rows);
        }
        let mut scan = view.scan(table, KeyRange::default(), Direction::Forward)?;
        let mut rows = 0;
        while rows < least && scan.next()?.is_some() {
            rows += 1;
        }
        let counted = Counted {
            rows,
            is_all: rows < least,
            when: now,
        };
        self.store.note_count(table.storage, counted);
        Ok(rows)
    }

    /// Makes the segments at these places anew as they are now; all of the table where
    /// there are none yet.
    async fn seal(
        &self,
        table: &Arc<Table>,
        manifest: &Arc<Manifest>,
        places: Range<usize>,
    ) -> Result<()> {
        let range = match places.is_empty() {
            true => KeyRange::default(),
            false => KeyRange {
                start: manifest.range_of(places.start).start,
                end: manifest.range_of(places.end - 1).end,
            },
        };
        self.require_room(manifest, &places)?;
        let view = self.db.read();
        let (db, store, cancel) = (self.db.clone(), self.store.clone(), self.cancel.clone());
        let (made_of, limits) = (table.clone(), self.limits);
        let (made, written) = tokio::sync::oneshot::channel();
        // A thread of its own: the priority goes with it.
        std::thread::Builder::new()
            .name("orbit-sealer".to_owned())
            .spawn(move || {
                orbit_core::priority::lower_for_this_thread();
                let pace = RefCell::new(Pace::default());
                let recipe = Recipe {
                    directory: store.directory(),
                    segment_rows: limits.segment_rows,
                    group_rows: limits.group_rows,
                    cancel: &cancel,
                    new_id: &|| db.new_segment_id(),
                    rest: &|| pace.borrow_mut().rest(&cancel),
                };
                // Nobody listens any more when the node has closed.
                let _ = made.send(write::write(&view, &made_of, &range, &recipe));
            })?;
        let made = written
            .await
            .map_err(|_| Error::internal("the sealer's thread ended early"))??;
        let mut next = Manifest::clone(manifest);
        next.segments.splice(places, made);
        self.replace(manifest);
        self.db.show_columns(next).await
    }

    /// A copy must not take the room that the truth needs.
    fn require_room(&self, manifest: &Manifest, places: &Range<usize>) -> Result<()> {
        let before: u64 = match manifest.segments.get(places.clone()) {
            Some([]) | None => self.limits.segment_rows * ROW_BYTES,
            Some(segments) => segments.iter().map(|segment| segment.bytes).sum(),
        };
        let needed = KEPT_FREE.saturating_add(before.saturating_mul(2));
        let free = orbit_core::disk::free_bytes(self.store.directory())?;
        if free >= needed {
            return Ok(());
        }
        Err(Error::new(
            orbit_core::state::DISK_FULL,
            format!("{free} bytes are free, and a copy is made only while {needed} are"),
        ))
    }

    async fn forget(&self, manifest: &Arc<Manifest>) -> Result<()> {
        self.replace(manifest);
        self.db.forget_columns(manifest).await?;
        self.store.forget(manifest.storage);
        Ok(())
    }

    fn replace(&self, manifest: &Arc<Manifest>) {
        let mut state = self.state.lock();
        let segments = manifest.segments.iter().map(|segment| segment.id).collect();
        state.replaced.push(Arc::downgrade(manifest));
        state.segments_of.push(segments);
        state.swept = false;
    }

    /// Removes files that nobody reads any more.
    fn sweep(&self) -> Result<()> {
        let mut state = self.state.lock();
        let before = state.replaced.len();
        let mut place = 0;
        while place < state.replaced.len() {
            match state.replaced[place].strong_count() {
                0 => {
                    state.replaced.swap_remove(place);
                    state.segments_of.swap_remove(place);
                }
                _ => place += 1,
            }
        }
        if state.swept && state.replaced.len() == before {
            return Ok(());
        }
        let columns = self.db.columns();
        let durable = self.db.durable().columns.clone();
        let named = [columns.iter(), durable.iter()];
        let mut needed: BTreeSet<String> = named
            .into_iter()
            .flatten()
            .flat_map(|manifest| manifest.segments.iter())
            .map(|segment| file_name(segment.id))
            .collect();
        let read = state.segments_of.iter().flatten();
        needed.extend(read.map(|segment| file_name(*segment)));
        let mut there = BTreeSet::new();
        for entry in std::fs::read_dir(self.store.directory())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !needed.contains(&name) {
                std::fs::remove_file(entry.path())?;
            }
            there.insert(name);
        }
        for segment in columns.iter().flat_map(|manifest| &manifest.segments) {
            if !state.started {
                // After a restore there are none.
                self.store
                    .expect(segment.id, there.contains(&file_name(segment.id)));
            } else if !there.contains(&file_name(segment.id)) {
                let error = Error::corrupted(format!("segment {} has no file", segment.id));
                self.store.report(segment.id, &error);
            }
        }
        let ids: BTreeSet<SegmentId> = columns
            .iter()
            .flat_map(|manifest| manifest.segments.iter().map(|segment| segment.id))
            .chain(state.segments_of.iter().flatten().copied())
            .collect();
        self.store.keep_only(&ids);
        state.swept = true;
        state.started = true;
        Ok(())
    }
}
