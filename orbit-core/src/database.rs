//! One node's database: store, catalog, locks and committer, put together.

mod collect;
#[cfg(feature = "columns")]
mod columnar;
mod open;
pub(crate) mod own;
mod reclaim;

use crate::actor::Bounded;
use crate::actor::data::Commit;
use crate::catalog::Table;
use crate::clock::{Clock, Hlc, HlcClock, SystemClock};
use crate::committer::{Committer, OnFatal, OnMet, Request, Views};
use crate::disk::{Refusal, Room};
use crate::error::{Error, Result, state};
use crate::ids::{
    Incarnation, IndexId, Lane, PartitionId, SequenceId, SiteId, SiteOrdinal, StorageId, TableId,
    TxnId,
};
use crate::lock::LockManager;
#[cfg(feature = "sync")]
use crate::merge::Incoming;
use crate::merge::{Origin, Origins};
use crate::meta::{self, Next};
pub use crate::read::{IndexScan, ReadView, RowScan, View};
use crate::sequence::Sequences;
use crate::store::{Batch, Space, Store};
use crate::txn::{Isolation, Transaction};
#[cfg(feature = "sync")]
use crate::txn::{TableLock, Wait};
use crate::types::Oid;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Commits admitted at once; past it sessions wait their turn.
const COMMIT_CREDITS: usize = 1024;

/// How far ahead another site's clock may be.
#[cfg(feature = "sync")]
const MOST_AHEAD_MILLIS: u64 = 60_000;

#[derive(Clone)]
pub struct DatabaseOptions {
    pub clock: Arc<dyn Clock>,
    /// Seeds the hash of lock keys and names the site on first start.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Called when the store can no longer be trusted. The default ends the process.
    pub on_fatal: OnFatal,
    /// Told of what merges met.
    pub on_met: OnMet,
    /// Past this a transaction is refused (54000).
    pub max_transaction_bytes: usize,
    /// For spilled write sets and the runs of sorted loads.
    pub scratch_directory: Option<PathBuf>,
    /// Where disk space is watched, and how much of it is kept in reserve.
    pub disk_reserve: Option<(PathBuf, u64)>,
    /// Log kept while no link needs it.
    pub log_keep_bytes: u64,
    /// Commits move only when [`Database::write_group`] and [`Database::flush`] are called.
    #[cfg(any(test, feature = "testing"))]
    pub commits_by_hand: bool,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        DatabaseOptions {
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(|| uuid::Uuid::new_v4().as_u64_pair().0),
            on_fatal: Arc::new(end_process),
            on_met: Arc::new(|_| {}),
            max_transaction_bytes: 512 << 20,
            scratch_directory: None,
            disk_reserve: None,
            log_keep_bytes: 64 << 20,
            #[cfg(any(test, feature = "testing"))]
            commits_by_hand: false,
        }
    }
}

/// Fail-stop: nothing may be acknowledged, flushed or tidied up any more.
fn end_process(error: &Error) {
    last_words(&format!(
        "orbit: fatal: {error:?}\norbit: stopping now, so that nothing is acknowledged that is not on disk; start again once the disk is well\n"
    ));
    // SAFETY: _exit only ends the process; no destructor may touch the store.
    unsafe { libc::_exit(74) }
}

/// To standard error if it takes them at once. It may be a file on the same full disk, a
/// pipe that nobody reads, or locked by a thread that waits for one: nothing of that may
/// keep the process from its end.
fn last_words(text: &str) {
    /// What a pipe that can be written to takes without waiting.
    const AT_ONCE: usize = 4096;
    let mut standard_error = libc::pollfd {
        fd: libc::STDERR_FILENO,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one pollfd, and as many bytes as the text has.
    unsafe {
        let ready = libc::poll(&mut standard_error, 1, 0);
        if ready == 1 && standard_error.revents & libc::POLLOUT != 0 {
            let length = text.len().min(AT_ONCE);
            let _ = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), length);
        }
    }
}

pub struct Database {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) views: Arc<Views>,
    pub(crate) locks: Arc<LockManager>,
    pub(crate) options: DatabaseOptions,
    pub(crate) clock: Arc<HlcClock>,
    pub(crate) ordinals: BTreeMap<Lane, SiteOrdinal>,
    pub(crate) origins: Arc<RwLock<Origins>>,
    /// The local time of the last merge; 0: there was none since the start.
    merged_until: Arc<AtomicU64>,
    data_actor: Bounded<Commit>,
    committer: Committer,
    site: SiteId,
    incarnation: Incarnation,
    next: Mutex<Next>,
    next_txn: AtomicU64,
    hidden_keys: AtomicU64,
    refusal: Arc<Refusal>,
    sequences: Arc<Sequences>,
    log_bytes: AtomicU64,
    reclaiming: reclaim::Reclaiming,
    /// Held by whoever puts rows of time series away.
    #[cfg(feature = "columns")]
    pub(crate) settling: tokio::sync::Mutex<()>,
}

/// Figures about a running database.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseStats {
    pub durable: Hlc,
    pub newest: Hlc,
    pub locks: usize,
    pub transactions: u64,
}

impl Database {
    /// What statements without locks read: everything acknowledged, and nothing else.
    pub fn durable(&self) -> Arc<View> {
        self.views.durable.load_full()
    }

    /// What was written last, perhaps not yet on disk.
    pub fn newest(&self) -> Arc<View> {
        self.views.newest.load_full()
    }

    /// What stands under a store key now, a row or a tombstone; `false`: nothing.
    pub(crate) fn newest_stored(
        &self,
        table: &Table,
        key: &[u8],
        row: &mut Vec<u8>,
    ) -> Result<bool> {
        #[cfg(feature = "columns")]
        if table.form.is_some() {
            // A row may be moving from one space to another: both are read at one moment.
            return crate::read::stored(&self.newest().snapshot, table, key, row);
        }
        #[cfg(not(feature = "columns"))]
        let _ = table;
        self.store.get(Space::Data, key, row)
    }

    /// The durable moment, for a statement outside any transaction.
    pub fn read(&self) -> ReadView {
        let view = self.durable();
        ReadView {
            catalog: view.catalog.clone(),
            view,
            writes: None,
            loaded: None,
        }
    }

    /// Whether somebody holds a table, or waits for it, in a mode that excludes readers.
    /// Cheap where nobody does so with any table.
    pub fn excludes_readers(&self, table: TableId) -> bool {
        self.locks.excludes_readers(table.0)
    }

    pub fn begin(self: &Arc<Self>, isolation: Isolation) -> Transaction {
        let id = TxnId(self.next_txn.fetch_add(1, Ordering::Relaxed));
        Transaction::new(self.clone(), id, isolation)
    }

    /// A number no transaction has: for a session's own locks, and for txid_current().
    pub fn new_txn_id(&self) -> TxnId {
        TxnId(self.next_txn.fetch_add(1, Ordering::Relaxed))
    }

    pub fn locks(&self) -> &Arc<LockManager> {
        &self.locks
    }

    pub fn site(&self) -> SiteId {
        self.site
    }

    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.clock.clock()
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub fn new_table_id(&self) -> TableId {
        TableId(bump(&mut self.next.lock().table))
    }

    pub fn new_index_id(&self) -> IndexId {
        IndexId(bump(&mut self.next.lock().index))
    }

    pub fn new_storage_id(&self) -> StorageId {
        StorageId(bump(&mut self.next.lock().storage))
    }

    pub fn new_partition_id(&self) -> PartitionId {
        PartitionId(bump(&mut self.next.lock().partition))
    }

    pub fn new_sequence_id(&self) -> SequenceId {
        SequenceId(bump(&mut self.next.lock().sequence))
    }

    /// The values of sequences. Whoever takes one notes it in a transaction
    /// ([`Transaction::note_sequence`]), whose COMMIT makes it last.
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    pub fn new_oid(&self) -> Oid {
        bump(&mut self.next.lock().oid)
    }

    /// The next creation stamp: what names a new table, column or index everywhere.
    pub fn new_creation_stamp(&self) -> crate::catalog::CreationStamp {
        crate::catalog::CreationStamp {
            hlc: self.clock.tick().0,
            site: self.site,
            nth: 0,
        }
    }

    pub(crate) fn write_next(&self, batch: &mut Batch) -> Result<()> {
        let next = *self.next.lock();
        batch.put(Space::Meta, meta::NEXT, &meta::json(&next)?);
        Ok(())
    }

    pub(crate) fn new_hidden_key(&self) -> u64 {
        self.hidden_keys.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What stands for a writer on this node. A new one lasts from the first change of its on.
    pub fn ordinal_of(&self, origin: &Origin) -> SiteOrdinal {
        if let Some(ordinal) = self.origins.read().ordinal(origin) {
            return ordinal;
        }
        let mut origins = self.origins.write();
        if let Some(ordinal) = origins.ordinal(origin) {
            return ordinal;
        }
        let ordinal = origins.next();
        origins.insert(ordinal, *origin);
        ordinal
    }

    /// The writer that an ordinal of this node stands for.
    pub fn origin_of(&self, ordinal: SiteOrdinal) -> Option<Origin> {
        self.origins.read().origin(ordinal)
    }

    /// Merges what another site committed. Durable when it returns `Ok`; an error of class 0A,
    /// 42, 53 or 57 means that nothing of it was taken. It waits for DDL of its tables, and
    /// for no row.
    #[cfg(feature = "sync")]
    pub async fn merge(self: &Arc<Self>, incoming: Incoming) -> Result<Hlc> {
        self.check_time(incoming.hlc)?;
        if self.origin_of(incoming.writer).is_none() {
            return Err(Error::new(
                state::PROTOCOL_VIOLATION,
                "a change of another site in nobody's name",
            ));
        }
        let mut locks = self.begin(Isolation::ReadCommitted);
        for table in incoming.tables()? {
            locks
                .lock_table(table, TableLock::RowExclusive, Wait::Block)
                .await?;
        }
        let (mut request, answer) = Request::merging(incoming);
        request.locks = Some(locks.hand_over());
        self.commit(request).await?;
        Ok(answer.await.map_err(|_| stopped())??)
    }

    /// 22023 for a time that no clock can show yet: whoever takes it is as far ahead from then on.
    #[cfg(feature = "sync")]
    fn check_time(&self, hlc: Hlc) -> Result<()> {
        let now = u64::try_from(self.clock().wall_micros() / 1000).unwrap_or(0);
        let latest = Hlc::from_millis(now.saturating_add(MOST_AHEAD_MILLIS));
        if hlc > Hlc::ZERO && hlc <= latest.max(self.clock.last()) {
            return Ok(());
        }
        Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "the time of a change of another site is too far ahead",
        )
        .with_detail(format!(
            "It is of {} ms since 1970, it is {now} ms here, and {MOST_AHEAD_MILLIS} ms may lie between.",
            hlc.millis()
        )))
    }

    /// The local time of the last merge of another site's change since the start.
    pub(crate) fn last_merge(&self) -> Hlc {
        Hlc(self.merged_until.load(Ordering::Acquire))
    }

    pub(crate) fn has_merged_since(&self, moment: Hlc) -> bool {
        self.last_merge() > moment
    }

    pub(crate) async fn commit(&self, request: Request) -> Result<()> {
        self.log_bytes
            .fetch_add(request.log_bytes(), Ordering::Relaxed);
        self.data_actor
            .send(|credit| Commit { request, credit })
            .await
    }

    /// Writes a batch that no other site needs to hear of; durable on return,
    /// and views taken afterwards see all the store holds.
    pub(crate) async fn upkeep(&self, batch: Batch) -> Result<Hlc> {
        let (request, answer) = Request::upkeep(batch);
        self.commit(request).await?;
        Ok(answer.await.map_err(|_| stopped())??)
    }

    #[cfg(test)]
    pub(crate) async fn take_all_credits(&self) -> crate::actor::Credit {
        self.data_actor.take_all(COMMIT_CREDITS).await
    }

    pub fn stats(&self) -> DatabaseStats {
        DatabaseStats {
            durable: self.views.durable.load().position,
            newest: self.views.newest.load().position,
            locks: self.locks.held(),
            transactions: self.next_txn.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn room(&self) -> Room {
        Room {
            reserve: self.options.disk_reserve.clone(),
            refusal: self.refusal.clone(),
        }
    }

    /// From here on nothing may be added to the store, and why; `None`: it may again. What
    /// takes away, and the node's own notes, pass.
    pub fn refuse_growth(&self, why: Option<Error>) {
        self.refusal.store(why.map(Arc::new));
    }

    /// Where commits move by hand: writes those that wait; whether there were any.
    #[cfg(any(test, feature = "testing"))]
    pub fn write_group(&self) -> bool {
        self.committer.write_group()
    }

    /// Where commits move by hand: makes durable what was written, and answers.
    #[cfg(any(test, feature = "testing"))]
    pub fn flush(&self) -> bool {
        self.committer.flush()
    }

    /// Lets commits in flight finish, flushes, and ends the committer. Further
    /// commits are refused with 57P03.
    pub async fn shutdown(&self) -> Result<()> {
        self.data_actor.drain(COMMIT_CREDITS).await;
        self.stop_reclaiming().await;
        self.committer.stop();
        self.store.sync()
    }
}

pub(crate) fn stopped() -> Error {
    Error::new(
        state::ADMIN_SHUTDOWN,
        "the node stopped before the commit was durable",
    )
    .with_detail("Whether the transaction is there after the restart is not known.")
}

fn bump(counter: &mut u32) -> u32 {
    let value = *counter;
    *counter += 1;
    value
}

impl Drop for Database {
    fn drop(&mut self) {
        self.committer.stop();
    }
}
