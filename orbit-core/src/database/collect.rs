//! Collecting what nothing needs any more: tombstones and log records below
//! the stable frontier. A node without links is its own whole subtree, so its
//! frontier is its durable position.

use super::Database;
use crate::cancel::CancelToken;
use crate::catalog::Table;
use crate::clock::Hlc;
#[cfg(feature = "sync")]
use crate::committer::Refused;
use crate::error::{Error, Result};
use crate::ids::{Lane, Sequence, TableId};
use crate::key;
use crate::log;
use crate::meta;
use crate::row::RowRef;
use crate::store::{Batch, Direction, KeyRange, Snapshot, Space};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// Tombstones removed by one batch.
const TOMBSTONES_A_BATCH: usize = 4096;
/// Rows read between two looks whether to go on.
const ROWS_A_LOOK: u64 = 1024;

/// Whether a row is dead, was so at a moment, and nothing is kept beside it.
fn is_settled(row: &RowRef<'_>, frontier: Hlc) -> bool {
    !row.is_live() && !row.has_side() && row.newest_hlc() <= frontier
}

/// Some keys of dead rows from the start of a range on; fewer than
/// [`TOMBSTONES_A_BATCH`]: it has no more. It ends early once whoever asked has gone.
fn dead_keys(
    snapshot: Arc<dyn Snapshot>,
    range: KeyRange,
    frontier: Hlc,
    cancel: &CancelToken,
    asker: &Weak<()>,
) -> Result<Vec<Vec<u8>>> {
    let mut dead = Vec::new();
    let mut cursor = snapshot.scan(Space::Data, range, Direction::Forward)?;
    let mut rows = 0u64;
    while dead.len() < TOMBSTONES_A_BATCH && cursor.advance()? {
        rows += 1;
        if rows.is_multiple_of(ROWS_A_LOOK) {
            cancel.check()?;
            if asker.strong_count() == 0 {
                break;
            }
        }
        let row = RowRef::new(cursor.value())?;
        if is_settled(&row, frontier) {
            dead.push(cursor.key().to_vec());
        }
    }
    cancel.check()?;
    Ok(dead)
}

impl Database {
    /// VACUUM: collects tombstones of a table (or of all) and the log; rows of time series
    /// are put away.
    pub async fn vacuum(&self, table: Option<TableId>, cancel: &CancelToken) -> Result<()> {
        let (tables, frontier): (Vec<_>, _) = {
            let view = self.durable();
            (view.catalog.all_tables().cloned().collect(), view.position)
        };
        for candidate in &tables {
            if table.is_some_and(|wanted| wanted != candidate.id) {
                continue;
            }
            // A tombstone of a time series hides what a block has: both go together.
            #[cfg(feature = "columns")]
            if candidate.series.is_some() {
                if self.settle(candidate, cancel).await? > 0 {
                    self.give_back(candidate).await?;
                }
                continue;
            }
            self.collect_tombstones(candidate, frontier, cancel).await?;
        }
        self.collect_log().await
    }

    async fn collect_tombstones(
        &self,
        table: &Arc<Table>,
        frontier: Hlc,
        cancel: &CancelToken,
    ) -> Result<()> {
        let prefix = key::data_prefix(table.partition, table.storage);
        let mut range = KeyRange::prefix(&prefix);
        let asker = Arc::new(());
        loop {
            let snapshot = self.durable().snapshot.clone();
            let (part, cancel, asker) = (range.clone(), cancel.clone(), Arc::downgrade(&asker));
            // A table without dead rows is read to its end.
            let reading = move || dead_keys(snapshot, part, frontier, &cancel, &asker);
            let dead = tokio::task::spawn_blocking(reading).await.map_err(|_| {
                Error::internal("the thread that looks for dead rows ended early")
            })??;
            let Some(last) = dead.last() else {
                return Ok(());
            };
            range.start = last.clone();
            // A key may have been written again since: each is locked while it
            // is looked at once more and removed.
            self.remove_dead(table, &dead, frontier).await?;
            if dead.len() < TOMBSTONES_A_BATCH {
                return Ok(());
            }
        }
    }

    async fn remove_dead(&self, table: &Arc<Table>, dead: &[Vec<u8>], frontier: Hlc) -> Result<()> {
        use crate::lock::{Acquired, HeldLocks, RowLock, Wait, WaitLimits};
        let txn = crate::ids::TxnId(self.next_txn.fetch_add(1, Ordering::Relaxed));
        let mut batch = Batch::new();
        let mut locks = HeldLocks::new(self.locks.clone(), txn, Vec::new());
        let mut row = Vec::new();
        // Merges heed no locks: one that brings a row back after this look is noticed.
        let since = self.views.newest.load().position;
        for key in dead {
            let pk = key.get(crate::read::PREFIX_BYTES..).unwrap_or(&[]);
            let lock = self.locks.row_key(table.storage.0, pk);
            let modes = RowLock::Update.bit();
            let what = || format!("row in relation \"{}\"", table.name);
            let acquired = self
                .locks
                .acquire(
                    txn,
                    lock,
                    modes,
                    Wait::SkipLocked,
                    &WaitLimits::default(),
                    &what,
                )
                .await?;
            if acquired != Acquired::New {
                continue;
            }
            locks.push(lock, modes);
            let there = self.store.get(Space::Data, key, &mut row)?;
            if there && is_settled(&RowRef::new(&row)?, frontier) {
                batch.delete(Space::Data, key);
            }
        }
        let (mut request, answer) = crate::committer::Request::upkeep(batch);
        request.locks = Some(locks);
        request.since = since;
        self.commit(request).await?;
        match answer.await.map_err(|_| super::stopped())? {
            Ok(_) => Ok(()),
            // They are looked for anew.
            #[cfg(feature = "sync")]
            Err(Refused::Outdated(_)) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether the log has grown enough since the last collection to be worth another.
    pub fn log_wants_collecting(&self) -> bool {
        self.log_bytes.load(Ordering::Relaxed) > self.options.log_keep_bytes
    }

    /// Drops records that no link waits for. There are no links yet: all but
    /// the newest of each lane, which says where the lane ends.
    pub async fn collect_log(&self) -> Result<()> {
        let view = self.durable();
        let mut batch = Batch::new();
        for lane in Lane::ALL {
            let Some(end) = self.last_record(&view, lane)? else {
                continue;
            };
            if end.0 <= 1 {
                continue;
            }
            let first = log::key(lane, Sequence(0), 0);
            let kept = log::key(lane, end, 0);
            batch.delete_range(Space::Log, &first, &kept);
            let collected = (end.0 - 1).to_le_bytes();
            batch.put(Space::Meta, &[meta::LOG_COLLECTED, lane.0], &collected);
        }
        self.log_bytes.store(0, Ordering::Relaxed);
        if !batch.is_empty() {
            self.upkeep(batch).await?;
        }
        Ok(())
    }

    fn last_record(&self, view: &super::View, lane: Lane) -> Result<Option<Sequence>> {
        let snapshot = view.snapshot.clone();
        let range = KeyRange::prefix(&[lane.0]);
        let mut cursor = snapshot.scan(Space::Log, range, Direction::Backward)?;
        if !cursor.advance()? {
            return Ok(None);
        }
        let key = cursor.key();
        let bytes = key.get(1..9).unwrap_or(&[]);
        let sequence = bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        Ok(Some(Sequence(sequence)))
    }
}
