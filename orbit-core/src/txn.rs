//! Transactions: what a session does between BEGIN and COMMIT.
//!
//! Writes stay in the transaction's write set until COMMIT hands them to the
//! data actor and the committer. Locks are taken as rows are touched, kept to
//! the end, and released by the committer as soon as the batch is written.

mod commit;
mod lock;
mod references;
#[cfg(test)]
pub(crate) mod tests;
mod write;

use crate::catalog::{BOOTSTRAP_ROLE, Catalog, CatalogChange, Table, is_temporary_schema};
use crate::clock::Hlc;
use crate::database::{Database, ReadView};
use crate::error::{Error, Result, state};
use crate::fingerprint;
use crate::ids::{Lane, PartitionId, SequenceId, StorageId, TableId, TxnId};
use crate::lock::{LockKey, Modes, WaitLimits};
use crate::log::OperationWriter;
use crate::read::View;
use crate::store::Space;
use crate::types::Oid;
use crate::write_set::{SharedBytes, WriteSet};
use ahash::AHashSet;
pub use lock::Locked;
pub use references::{Constraint, Event, Happened};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
pub use write::duplicate;
pub(crate) use write::entry_key;
pub use write::{Conflict, ConflictTarget, Tried, decode, index_columns, no_arbiter};

pub use crate::lock::{RowLock, TableLock, Wait};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see what was committed before the first one began; 40001 on conflict.
    RepeatableRead,
}

/// What a transaction reads at, for others to read at the same.
#[derive(Clone)]
pub struct Moment(Arc<View>);

/// A rollback point: everything a transaction would have to undo.
#[derive(Clone)]
pub struct Mark {
    writes: Arc<WriteSet>,
    changes: Changes,
    own_catalog: Option<Arc<Catalog>>,
    own_catalog_base: u64,
    references: Option<Arc<references::References>>,
    locks: usize,
}

/// What COMMIT does beside the rows of the write set.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    catalog: Vec<CatalogChange>,
    /// Key ranges to drop.
    cleared: Vec<(PartitionId, StorageId, Space)>,
    truncated: Vec<(TableId, PartitionId)>,
    /// Positions of sequences that are no more.
    forgotten_sequences: Vec<StorageId>,
    pub(crate) loads: Vec<LoadedTable>,
}

/// A sorted load that is in the store and becomes visible with this commit.
#[derive(Clone)]
pub(crate) struct LoadedTable {
    pub table: TableId,
    pub partition: PartitionId,
    pub storages: Vec<StorageId>,
    pub stamp: crate::row::Stamp,
    pub rows: u64,
    pub fingerprints: fingerprint::Deltas,
}

pub struct Transaction {
    pub(crate) db: Arc<Database>,
    id: TxnId,
    isolation: Isolation,
    limits: WaitLimits,
    /// The current statement's moment; REPEATABLE READ keeps the first.
    view: Option<Arc<View>>,
    /// What it writes it has read at this moment or later.
    written_from: Option<Hlc>,
    /// The highest position whose data this transaction has come to know.
    seen: Hlc,
    pub(crate) writes: Arc<WriteSet>,
    pub(crate) changes: Changes,
    /// The catalog with this transaction's own DDL, and the version it was made from.
    own_catalog: Option<Arc<Catalog>>,
    own_catalog_base: u64,
    pub(crate) loaded: Option<Arc<(Vec<StorageId>, Arc<View>)>>,
    /// In the order they were taken.
    held: Vec<(LockKey, Modes)>,
    /// Tables locked for writing, with the definition that was valid then.
    writing: Vec<Arc<Table>>,
    /// What REPEATABLE READ shows of some of them, and the newer definition that they are
    /// written by.
    standing_in: Vec<(Arc<Table>, Arc<Table>)>,
    /// Tables whose rows SELECT locks, likewise.
    selecting: Vec<Arc<Table>>,
    savepoints: Vec<(String, Mark)>,
    /// Whose are the objects that this transaction creates.
    creator: Oid,
    /// What foreign keys still have to look at; none as long as no row has any.
    references: Option<Arc<references::References>>,
    pub(crate) hidden_keys: Option<u64>,
    /// Sequences whose values were given out; not undone by ROLLBACK TO.
    sequences: SmallVec<[StorageId; 2]>,
    /// Storages this transaction filled; cleared if it does not commit.
    pub(crate) filled: Vec<(PartitionId, StorageId)>,
    ended: bool,
}

/// The number of a version that only its transaction sees. Plans are kept by the versions of
/// their tables: what was planned before a ROLLBACK must fit nothing that comes after.
fn own_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(FIRST_OWN_VERSION);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

const FIRST_OWN_VERSION: u64 = 1 << 62;

/// Whether it is the transaction's own DDL that made this definition.
fn is_own(table: &Table) -> bool {
    table.version >= FIRST_OWN_VERSION
}

impl Transaction {
    pub(crate) fn new(db: Arc<Database>, id: TxnId, isolation: Isolation) -> Transaction {
        Transaction {
            db,
            id,
            isolation,
            limits: WaitLimits::default(),
            view: None,
            written_from: None,
            seen: Hlc::ZERO,
            writes: Arc::default(),
            changes: Changes::default(),
            own_catalog: None,
            own_catalog_base: 0,
            loaded: None,
            held: Vec::new(),
            writing: Vec::new(),
            standing_in: Vec::new(),
            selecting: Vec::new(),
            savepoints: Vec::new(),
            creator: BOOTSTRAP_ROLE,
            references: None,
            hidden_keys: None,
            sequences: SmallVec::new(),
            filled: Vec::new(),
            ended: false,
        }
    }

    pub fn id(&self) -> TxnId {
        self.id
    }

    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    pub fn database(&self) -> &Arc<Database> {
        &self.db
    }

    /// Whose the objects are that are created from here on.
    pub fn set_creator(&mut self, role: Oid) {
        self.creator = role;
    }

    pub fn set_limits(&mut self, limits: WaitLimits) {
        self.limits = limits;
    }

    /// Begins a statement: under READ COMMITTED a new moment, the durable one
    /// or, if this transaction already knows something newer, the newest.
    pub fn begin_statement(&mut self) -> ReadView {
        if self.view.is_none() || self.isolation == Isolation::ReadCommitted {
            let durable = self.db.durable();
            let behind = durable.catalog.version < self.own_catalog_base;
            let view = if self.seen > durable.position || behind {
                self.db.newest()
            } else {
                durable
            };
            self.seen = self.seen.max(view.position);
            self.follow(&view.catalog);
            self.view = Some(view);
        }
        self.view()
    }

    /// Puts this transaction's own DDL on top of what others have changed since: their
    /// tables may have moved, and what is written to where they were is lost.
    fn follow(&mut self, base: &Arc<Catalog>) {
        if self.own_catalog.is_none() || self.own_catalog_base == base.version {
            return;
        }
        // What doesn't fit together is told of by the next DDL, and by COMMIT.
        if let Ok(rebased) = self.on_top_of(base) {
            self.own_catalog = Some(Arc::new(rebased));
            self.own_catalog_base = base.version;
        }
    }

    fn on_top_of(&self, base: &Arc<Catalog>) -> Result<Catalog> {
        let mut rebased = (**base).clone();
        for change in &self.changes.catalog {
            rebased = rebased.with_version(change, own_version())?;
        }
        Ok(rebased)
    }

    /// The current statement's moment, without this transaction's writes.
    pub fn moment(&mut self) -> Moment {
        if self.view.is_none() {
            self.begin_statement();
        }
        Moment(match &self.view {
            Some(view) => view.clone(),
            None => self.db.durable(),
        })
    }

    /// Reads at another transaction's moment; kept under REPEATABLE READ.
    pub fn read_at(&mut self, moment: Moment) {
        self.seen = self.seen.max(moment.0.position);
        self.view = Some(moment.0);
    }

    /// The current statement's moment with this transaction's writes up to now.
    pub fn view(&self) -> ReadView {
        let view = match &self.view {
            Some(view) => view.clone(),
            None => self.db.durable(),
        };
        let catalog = match &self.own_catalog {
            Some(own) => own.clone(),
            None => view.catalog.clone(),
        };
        ReadView {
            catalog,
            writes: (!self.writes.is_empty()).then(|| self.writes.clone()),
            loaded: self.loaded.clone(),
            view,
        }
    }

    /// The next statement sees every commit up to now, also those not on disk yet:
    /// for DDL that rewrites a table which it has locked. 40001 where REPEATABLE READ
    /// would miss some of them.
    pub fn see_newest(&mut self) -> Result<()> {
        let newest = self.db.newest();
        match &self.view {
            Some(view)
                if self.isolation == Isolation::RepeatableRead
                    && view.position < newest.position =>
            {
                Err(Error::new(
                    state::SERIALIZATION_FAILURE,
                    "could not serialize access due to concurrent update",
                ))
            }
            _ => {
                self.seen = self.seen.max(newest.position);
                Ok(())
            }
        }
    }

    /// What exists for this transaction: the newest catalog under READ
    /// COMMITTED's current statement, with its own DDL.
    pub fn catalog(&self) -> Arc<Catalog> {
        match (&self.own_catalog, &self.view) {
            (Some(own), _) => own.clone(),
            (None, Some(view)) => view.catalog.clone(),
            (None, None) => self.db.durable().catalog.clone(),
        }
    }

    /// The catalog with this transaction's own DDL, if it has any.
    pub fn own_catalog(&self) -> Option<&Arc<Catalog>> {
        self.own_catalog.as_ref()
    }

    /// DDL: visible to this transaction at once, to others at COMMIT. The
    /// caller holds the locks that order it.
    pub fn change_catalog(&mut self, mut change: CatalogChange) -> Result<()> {
        #[cfg(feature = "columns")]
        if let CatalogChange::PutTable(table) = &change {
            self.check_series(table)?;
        }
        // What REPEATABLE READ reads, it reads where it was at its moment.
        let base = match &self.view {
            Some(view) if self.isolation == Isolation::RepeatableRead => view.catalog.clone(),
            _ => self.db.newest().catalog.clone(),
        };
        let current = match &self.own_catalog {
            Some(own) if self.own_catalog_base == base.version => own.clone(),
            // Others committed DDL meanwhile: ours goes on top of theirs.
            _ => Arc::new(self.on_top_of(&base)?),
        };
        current.put_owner(&mut change, self.creator);
        let next = current.with_version(&change, own_version())?;
        self.own_catalog = Some(Arc::new(next));
        self.own_catalog_base = base.version;
        self.changes.catalog.push(change);
        Ok(())
    }

    #[cfg(feature = "columns")]
    fn check_series(&self, table: &crate::catalog::TableDef) -> Result<()> {
        table.check_series()?;
        let catalog = self.catalog();
        for key in &table.foreign_keys {
            if let Some(referenced) = catalog.table_by_id(key.referenced) {
                referenced.check_series_takes_no("a reference to a row")?;
            }
        }
        Ok(())
    }

    /// Drops a key range at COMMIT.
    pub fn clear_storage(&mut self, partition: PartitionId, storage: StorageId, space: Space) {
        self.changes.cleared.push((partition, storage, space));
        // A time series' blocks lie beside its rows, and so does what else is known of keys.
        if space == Space::Data {
            let beside = crate::merge::side::storage(storage);
            for storage in [storage, beside] {
                self.changes.cleared.push((partition, storage, Space::Side));
            }
        }
    }

    /// A sequence gave out values: COMMIT writes where it stands.
    pub fn note_sequence(&mut self, storage: StorageId) {
        if !self.sequences.contains(&storage) {
            self.sequences.push(storage);
        }
    }

    /// A sequence was dropped, or has moved to another storage.
    pub fn forget_sequence(&mut self, storage: StorageId) {
        self.changes.forgotten_sequences.push(storage);
    }

    /// Records that a table was emptied as a whole (its storage is replaced by the caller).
    pub fn note_truncate(&mut self, table: TableId, partition: PartitionId) {
        self.changes.truncated.push((table, partition));
    }

    /// Whether it has put rows into a table, or loaded it.
    pub fn holds_rows_of(&self, table: &Table) -> bool {
        let prefix = crate::key::data_prefix(table.partition, table.storage);
        let first = self
            .writes
            .rows
            .range(SharedBytes::from(prefix.as_slice())..)
            .next();
        first.is_some_and(|(key, _)| key.starts_with(&prefix))
            || self.changes.loads.iter().any(|load| load.table == table.id)
    }

    pub fn has_writes(&self) -> bool {
        !self.writes.is_empty() || !self.changes.is_empty() || !self.sequences.is_empty()
    }

    /// What it has written so far, in bytes.
    pub fn written_bytes(&self) -> usize {
        self.writes.bytes()
    }

    /// A row was read that may not be on disk yet; `newest`: the latest of its stamps. What was
    /// merged carries times of other sites, so the last merge is waited for, too.
    fn know(&mut self, newest: Hlc) {
        // A pending stamp is this transaction's own: nothing to wait for.
        if newest != crate::row::PENDING {
            self.seen = self.seen.max(newest).max(self.db.last_merge());
        }
    }

    /// Waits until everything this transaction has come to know is on disk.
    /// Returns at once when it is, as is usual.
    pub async fn wait_until_durable(&self) -> Result<()> {
        self.db.views.wait_until_durable(self.seen).await
    }

    fn mark(&self) -> Mark {
        Mark {
            writes: self.writes.clone(),
            changes: self.changes.clone(),
            own_catalog: self.own_catalog.clone(),
            own_catalog_base: self.own_catalog_base,
            references: self.references.clone(),
            locks: self.held.len(),
        }
    }

    fn undo_to(&mut self, mark: &Mark) {
        self.writes = mark.writes.clone();
        self.changes = mark.changes.clone();
        self.own_catalog = mark.own_catalog.clone();
        self.own_catalog_base = mark.own_catalog_base;
        self.references = mark.references.clone();
    }

    pub fn savepoint(&mut self, name: &str) {
        let mark = self.mark();
        self.savepoints.push((name.to_owned(), mark));
    }

    fn find_savepoint(&self, name: &str) -> Result<usize> {
        let place = self.savepoints.iter().rposition(|(known, _)| known == name);
        place.ok_or_else(|| {
            Error::new(
                state::INVALID_SAVEPOINT_SPECIFICATION,
                format!("savepoint \"{name}\" does not exist"),
            )
        })
    }

    pub fn release(&mut self, name: &str) -> Result<()> {
        let place = self.find_savepoint(name)?;
        self.savepoints.truncate(place);
        Ok(())
    }

    /// Undoes everything since the savepoint, which stays; later locks are released.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        let place = self.find_savepoint(name)?;
        self.savepoints.truncate(place + 1);
        let mark = self.savepoints[place].1.clone();
        self.undo_to(&mark);
        let later = self.held.split_off(mark.locks);
        self.db.locks.release_all(self.id, later);
        // Which tables are still locked is asked for again on the next write.
        self.writing.clear();
        self.standing_in.clear();
        self.selecting.clear();
        Ok(())
    }

    /// The state before a statement, to go back to if it fails or must run again.
    pub fn statement_mark(&mut self) -> Mark {
        self.mark()
    }

    /// Undoes the writes since the mark; locks are kept.
    pub fn rollback_to_mark(&mut self, mark: Mark) {
        self.undo_to(&mark);
    }

    pub fn rollback(mut self) {
        self.end();
    }

    /// Releases everything without writing.
    fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let held = std::mem::take(&mut self.held);
        self.db.locks.release_all(self.id, held);
        crate::load::clear_later(&self.db, std::mem::take(&mut self.filled));
    }

    fn lane(&self) -> Lane {
        let mut lane = None;
        for table in &self.writing {
            lane = lane.max(Some(lane_of(table)));
        }
        lane.unwrap_or(Lane::NORMAL)
    }
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.catalog.is_empty()
            && self.cleared.is_empty()
            && self.truncated.is_empty()
            && self.loads.is_empty()
            && self.forgotten_sequences.is_empty()
    }

    /// Whether a store key lies in a range that COMMIT drops.
    fn clears(&self, key: &[u8], space: Space) -> bool {
        self.cleared.iter().any(|(partition, storage, of)| {
            *of == space && key.starts_with(&crate::key::data_prefix(*partition, *storage))
        })
    }

    /// Of the storages that this transaction filled, those it went back on.
    fn abandoned(&self, filled: &[(PartitionId, StorageId)]) -> Vec<(PartitionId, StorageId)> {
        let kept = |storage| {
            let mut loads = self.loads.iter();
            loads.any(|load| load.storages.contains(storage))
        };
        let abandoned = filled.iter().filter(|(_, storage)| !kept(storage));
        abandoned.copied().collect()
    }

    fn log(&self, operations: &mut OperationWriter, local: &Local) -> Result<()> {
        for change in &self.catalog {
            // Statistics are a node's own affair.
            if !matches!(change, CatalogChange::Statistics { .. }) && !local.holds(change) {
                operations.catalog(change)?;
            }
        }
        for load in &self.loads {
            if !local.tables.contains(&load.table) {
                operations.load(load.table, load.stamp, load.rows);
            }
        }
        Ok(())
    }
}

/// What is of one session only and never in the log: temporary tables and
/// what belongs to them.
#[derive(Default)]
struct Local {
    tables: AHashSet<TableId>,
    sequences: AHashSet<SequenceId>,
    views: AHashSet<Oid>,
}

impl Local {
    fn of(changes: &Changes, catalog: &Catalog) -> Local {
        let mut local = Local::default();
        if changes.catalog.is_empty() && changes.truncated.is_empty() && changes.loads.is_empty() {
            return local;
        }
        let tables = catalog.tables().filter(|table| table.temporary);
        local.tables.extend(tables.map(|table| table.id));
        let sequences = catalog.sequences().filter(|sequence| sequence.temporary);
        local
            .sequences
            .extend(sequences.map(|sequence| sequence.id));
        let views = catalog.views().filter(|view| view.temporary);
        local.views.extend(views.map(|view| view.oid));
        for change in &changes.catalog {
            match change {
                CatalogChange::PutTable(def) if def.temporary => {
                    local.tables.insert(def.id);
                }
                CatalogChange::PutSequence(def) if def.temporary => {
                    local.sequences.insert(def.id);
                }
                CatalogChange::PutView(def) if def.temporary => {
                    local.views.insert(def.oid);
                }
                _ => {}
            }
        }
        local
    }

    fn holds(&self, change: &CatalogChange) -> bool {
        match change {
            CatalogChange::PutTable(def) => def.temporary,
            CatalogChange::DropTable { id } => self.tables.contains(id),
            CatalogChange::PutSequence(def) => def.temporary,
            CatalogChange::DropSequence { id } => self.sequences.contains(id),
            CatalogChange::PutView(def) => def.temporary,
            CatalogChange::DropView { oid } => self.views.contains(oid),
            CatalogChange::PutSchema(def) => is_temporary_schema(&def.name),
            CatalogChange::DropSchema { name } => is_temporary_schema(name),
            _ => false,
        }
    }
}

/// The table's `priority` option; NORMAL without one.
pub(crate) fn lane_of(table: &Table) -> Lane {
    match table.options.get("priority").map(String::as_str) {
        Some("critical") => Lane::CRITICAL,
        Some("high") => Lane::HIGH,
        Some("low") => Lane::LOW,
        Some("background") => Lane::BACKGROUND,
        _ => Lane::NORMAL,
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.end();
    }
}
