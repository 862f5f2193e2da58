//! Disk space of what was dropped, emptied or put away elsewhere: the store is asked to
//! compact its range, which it may otherwise never do.

use super::Database;
use crate::cancel::CancelToken;
use crate::disk;
use crate::error::{Error, Result};
use crate::store::{KeyRange, Space, Store};
#[cfg(feature = "rocks")]
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Less than this isn't worth the trouble: whatever is written there next takes it along.
const WORTH_BYTES: u64 = 1 << 20;
/// Ranges that wait. Space of more is given back only when the store does it by itself.
const MOST_WAITING: usize = 4096;
/// Several drops are one round, and who began to read before them is mostly done by then.
const PAUSE: Duration = Duration::from_secs(2);
/// So long is waited for those who are not: what they read is only copied.
const MOST_PATIENCE: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Reclaiming {
    waiting: parking_lot::Mutex<Waiting>,
    /// Held while the store is at it.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled once the database is being closed.
    cancel: CancelToken,
}

#[derive(Default)]
struct Waiting {
    cleared: Vec<Cleared>,
    /// Somebody will come for them.
    is_awaited: bool,
}

struct Cleared {
    space: Space,
    range: KeyRange,
    since: Instant,
    /// The store's, after the range was cleared.
    moment: u64,
}

impl Waiting {
    fn add(&mut self, one: Cleared) {
        let is_same = |known: &&mut Cleared| known.space == one.space && known.range == one.range;
        if let Some(known) = self.cleared.iter_mut().find(is_same) {
            known.moment = one.moment;
            return;
        }
        if self.cleared.len() >= MOST_WAITING {
            // There is no room to wait in for those who still read.
            for known in &mut self.cleared {
                known.moment = 0;
            }
            tracing::debug!("the space of dropped rows is given back by compactions only");
            return;
        }
        self.cleared.push(one);
    }
}

impl Cleared {
    fn is_due(&self, store: &dyn Store) -> bool {
        let is_read = store.is_read_from_before(self.moment).unwrap_or(false);
        !is_read || self.since.elapsed() >= MOST_PATIENCE
    }
}

impl Database {
    /// Gives back, soon and in the background, what ranges held that hold nothing any more.
    /// Forgotten if the process ends before.
    pub(crate) fn reclaim_later(self: &Arc<Self>, ranges: Vec<(Space, KeyRange)>) {
        // Other stores use freed space again by themselves.
        if ranges.is_empty() || cfg!(not(feature = "rocks")) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (moment, since) = (self.store.moment(), Instant::now());
        let mut waiting = self.reclaiming.waiting.lock();
        for (space, range) in ranges {
            waiting.add(Cleared {
                space,
                range,
                since,
                moment,
            });
        }
        if std::mem::replace(&mut waiting.is_awaited, true) {
            return;
        }
        // Whoever closes the database needn't wait for it.
        let database = Arc::downgrade(self);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let Some(database) = database.upgrade() else {
                    return;
                };
                let due = {
                    let mut waiting = database.reclaiming.waiting.lock();
                    waiting.is_awaited = !waiting.cleared.is_empty();
                    if !waiting.is_awaited || database.reclaiming.cancel.check().is_err() {
                        return;
                    }
                    let all = std::mem::take(&mut waiting.cleared);
                    let (due, later) = all
                        .into_iter()
                        .partition::<Vec<_>, _>(|one| one.is_due(database.store.as_ref()));
                    waiting.cleared = later;
                    due
                };
                for Cleared { space, range, .. } in due {
                    if let Err(error) = database.reclaim(space, range).await {
                        tracing::warn!(%error, "the space of dropped rows was not given back");
                    }
                }
            }
        });
    }

    /// Gives back what rows held that were removed from a range.
    pub(crate) async fn reclaim(&self, space: Space, range: KeyRange) -> Result<()> {
        let turn = self.reclaiming.turn.clone().lock_owned().await;
        let cancel = self.reclaiming.cancel.clone();
        if cancel.check().is_err() {
            return Ok(());
        }
        let (store, reserve) = (self.store.clone(), self.options.disk_reserve.clone());
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let bytes = store.disk_bytes(space, &range)?;
            if bytes < WORTH_BYTES {
                return Ok(());
            }
            // What somebody still reads is written once more: a full disk would be the
            // store's end.
            disk::check_room(&reserve, bytes)?;
            store.compact(space, &range, &cancel)
        })
        .await
        .map_err(|_| Error::internal("the thread that compacts ended early"))?
    }

    /// Has the store write all it has anew, as small as it can, for a disk that is nearly
    /// full. Whoever else wants the store to give space back has a turn between two slices.
    ///
    /// # Errors
    /// What it was cancelled with; 53100 where there is no room for two of each file of a
    /// slice. What it got to stays.
    #[cfg(feature = "rocks")]
    pub async fn compress(&self, cancel: &CancelToken) -> Result<()> {
        let turns = self.reclaiming.turn.clone();
        let (closing, wanted) = (self.reclaiming.cancel.clone(), cancel.clone());
        let (store, reserve) = (self.store.clone(), self.options.disk_reserve.clone());
        tokio::task::spawn_blocking(move || {
            let turn = RefCell::new(None);
            store.compress(&|bytes| {
                drop(turn.take());
                turn.replace(Some(turns.clone().blocking_lock_owned()));
                closing.check()?;
                wanted.check()?;
                disk::check_room(&reserve, bytes.saturating_mul(2))
            })
        })
        .await
        .map_err(|_| Error::internal("the thread that compresses ended early"))?
    }

    /// Comes back when the store is not at it, and lets it begin no more.
    pub(super) async fn stop_reclaiming(&self) {
        self.reclaiming.cancel.cancel(super::stopped());
        let _ended = self.reclaiming.turn.lock().await;
    }
}
