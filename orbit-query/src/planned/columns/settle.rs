//! Time series: when their rows are put away in blocks, and what is past its retention is
//! let go. Beside the sealer, which may be at one table for a long while.

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

pub struct Settler {
    db: Arc<Database>,
    cancel: CancelToken,
    known: Mutex<BTreeMap<StorageId, Known>>,
    /// One pass at a time.
    turn: tokio::sync::Mutex<()>,
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
    pub fn new(db: Arc<Database>, cancel: CancelToken) -> Settler {
        Settler {
            db,
            cancel,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Looks at every time series once and does what is due. Whether anything was.
    pub async fn pass(&self) -> Result<bool> {
        let _turn = self.turn.lock().await;
        self.cancel.check()?;
        let series: Vec<Arc<Table>> = {
            let view = self.db.read();
            let tables = view.catalog().tables();
            tables
                .filter(|table| table.series.is_some())
                .cloned()
                .collect()
        };
        self.known
            .lock()
            .retain(|storage, _| series.iter().any(|table| table.storage == *storage));
        let mut did = false;
        for table in &series {
            // Another of its tables must not wait because one can't be put away.
            match self.step(table).await {
                Ok(one) => did |= one,
                Err(error) if self.cancel.check().is_err() => return Err(error),
                Err(error) => {
                    tracing::warn!(table = table.name, %error, "rows were not put away");
                }
            }
        }
        Ok(did)
    }

    /// Comes back when no pass runs.
    pub async fn ended(&self) {
        let _ended = self.turn.lock().await;
    }

    /// Does for a table what is due. Whether anything was.
    async fn step(&self, table: &Arc<Table>) -> Result<bool> {
        let (db, cancel) = (&self.db, &self.cancel);
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
                db.give_back_later(table);
            }
        }
        self.known.lock().insert(table.storage, known);
        Ok(did)
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
