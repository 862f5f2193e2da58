//! Time series: when their rows are put away in blocks, and what is past its retention is
//! let go.

use orbit_core::Result;
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::Table;
use orbit_core::database::Database;
use orbit_core::ids::StorageId;
use orbit_core::series::plan::{self, Facts, Limits};
use orbit_core::types::SqlType;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
const LET_GO_EVERY: Duration = Duration::from_secs(60);
/// Readings that came late are looked for so often, though no block is due.
const LOOKED_THROUGH_EVERY: Duration = Duration::from_secs(3600);
const DAY_MICROS: i64 = 86_400_000_000;

#[derive(Default)]
pub struct Settler {
    known: Mutex<BTreeMap<StorageId, Known>>,
}

/// What was seen of a table, by the node's clock.
#[derive(Clone, Copy, Default)]
struct Known {
    looked: Option<Duration>,
    let_go: Option<Duration>,
    /// The moment before which no block is to be let go.
    due: i64,
    unsettled: u64,
    since: Duration,
    left: u64,
    /// Put away since their space was given back.
    dead: u64,
}

impl Settler {
    /// Does for a table what is due. Whether anything was.
    pub async fn step(
        &self,
        db: &Arc<Database>,
        table: &Arc<Table>,
        cancel: &CancelToken,
    ) -> Result<bool> {
        let now = db.clock().monotonic();
        let mut known = self
            .known
            .lock()
            .get(&table.storage)
            .copied()
            .unwrap_or_default();
        let is_due = |last: Option<Duration>, every| {
            last.is_none_or(|last| now.saturating_sub(last) >= every)
        };
        let mut did = false;
        let oldest = oldest_kept(table, db.clock().wall_micros());
        if let Some(before) = oldest
            && is_due(known.let_go, LET_GO_EVERY)
            && (before >= known.due || is_due(known.let_go, LOOKED_THROUGH_EVERY))
        {
            known.let_go = Some(now);
            match db.let_go(table, before, cancel).await {
                Ok(gone) => {
                    did |= gone.rows > 0;
                    known.due = gone.due;
                }
                Err(error) if cancel.check().is_err() => return Err(error),
                // Putting away must not wait for it.
                Err(error) => {
                    tracing::warn!(table = table.name, %error, "old rows were not let go");
                }
            }
        }
        if is_due(known.looked, LOOKED_AT_EVERY) {
            known.looked = Some(now);
            let limits = Limits::default();
            let unsettled = db.unsettled(table, limits.many_rows)?;
            if unsettled != known.unsettled {
                known.unsettled = unsettled;
                known.since = now;
            }
            let facts = Facts {
                unsettled,
                unchanged: now.saturating_sub(known.since),
                left: known.left,
            };
            if plan::is_due(&facts, &limits) {
                let settled = db.settle(table, cancel).await?;
                did |= settled > 0;
                known.dead += settled;
                known.left = db.unsettled(table, limits.many_rows)?;
                known.unsettled = known.left;
                known.since = now;
            } else {
                known.left = known.left.min(unsettled);
            }
            if plan::gives_back(known.dead, &facts, &limits) {
                known.dead = 0;
                db.give_back(table).await?;
            }
        }
        self.known.lock().insert(table.storage, known);
        Ok(did)
    }

    /// Forgets tables that are no more.
    pub fn keep_only(&self, is_there: impl Fn(StorageId) -> bool) {
        self.known.lock().retain(|storage, _| is_there(*storage));
    }
}

/// The first moment of its time column that a table keeps, as the column counts.
fn oldest_kept(table: &Table, wall_micros: i64) -> Option<i64> {
    let retention = table.series.as_ref()?.retention_micros?;
    let time = table.columns.get(*table.primary_key_columns().last()?)?;
    let moment = wall_micros.saturating_sub(retention);
    Some(match time.sql_type {
        SqlType::Date => moment.div_euclid(DAY_MICROS),
        _ => moment,
    })
}
