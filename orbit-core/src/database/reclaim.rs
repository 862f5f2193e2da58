//! Disk space of what was dropped, emptied or put away elsewhere: the store is asked to
//! compact its range, which it may otherwise never do.

use super::Database;
use crate::disk;
use crate::error::{Error, Result};
use crate::store::{KeyRange, Space};
use std::sync::Arc;
use std::time::Duration;

/// Less than this isn't worth the trouble: whatever is written there next takes it along.
const WORTH_BYTES: u64 = 1 << 20;
/// Ranges that wait. Space of more is given back only when the store does it by itself.
const MOST_WAITING: usize = 4096;
/// Who began to read before is mostly done by then, and several drops are one round.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Reclaiming {
    waiting: parking_lot::Mutex<Waiting>,
    /// Held while the store is at it. `true`: the database is being closed.
    closed: tokio::sync::Mutex<bool>,
}

#[derive(Default)]
struct Waiting {
    ranges: Vec<(Space, KeyRange)>,
    /// Somebody will come for them.
    is_awaited: bool,
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
        let mut waiting = self.reclaiming.waiting.lock();
        let room = MOST_WAITING.saturating_sub(waiting.ranges.len());
        waiting.ranges.extend(ranges.into_iter().take(room));
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
                let ranges = {
                    let mut waiting = database.reclaiming.waiting.lock();
                    waiting.is_awaited = !waiting.ranges.is_empty();
                    std::mem::take(&mut waiting.ranges)
                };
                if ranges.is_empty() {
                    return;
                }
                for (space, range) in ranges {
                    if let Err(error) = database.reclaim(space, range).await {
                        tracing::warn!(%error, "the space of dropped rows was not given back");
                    }
                }
            }
        });
    }

    /// Gives back what rows held that were removed from a range.
    pub(crate) async fn reclaim(&self, space: Space, range: KeyRange) -> Result<()> {
        let closed = self.reclaiming.closed.lock().await;
        if *closed {
            return Ok(());
        }
        let (store, reserve) = (self.store.clone(), self.options.disk_reserve.clone());
        tokio::task::spawn_blocking(move || {
            let bytes = store.disk_bytes(space, &range)?;
            if bytes < WORTH_BYTES {
                return Ok(());
            }
            // What somebody still reads is written once more: a full disk would be the
            // store's end.
            disk::check_room(&reserve, bytes)?;
            store.compact(space, &range)
        })
        .await
        .map_err(|_| Error::internal("the thread that compacts ended early"))?
    }

    /// Comes back when the store is not at it, and lets it begin no more.
    pub(super) async fn stop_reclaiming(&self) {
        *self.reclaiming.closed.lock().await = true;
    }
}
