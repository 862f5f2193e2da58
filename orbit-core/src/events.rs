//! What befell the node: rows of `orbit.events`, kept for a month, the newest ten thousand
//! of them at most.

use crate::cancel::CancelToken;
use crate::catalog::{EVENTS_TABLE, Table};
use crate::database::own::{Shape, ensure};
use crate::database::{Database, ReadView};
use crate::error::Result;
use crate::store::{Direction, KeyRange};
use crate::txn::{Isolation, decode};
use crate::types::SqlType;
use crate::value::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
pub const MOST: usize = 10_000;
/// After so many new ones the oldest are looked at.
const PRUNE_EVERY: usize = 256;
/// Removed in one transaction.
const BATCH: usize = 1000;

const SHAPE: Shape = Shape {
    name: EVENTS_TABLE,
    columns: &[
        ("at", SqlType::TimestampTz),
        ("kind", SqlType::Text),
        ("subject", SqlType::Text),
        ("severity", SqlType::Text),
        ("message", SqlType::Text),
    ],
    key: 3,
    index: None,
};

/// How much an event should worry whoever reads of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

pub struct Events {
    db: Arc<Database>,
    table: Arc<Table>,
    /// When the last one was: no two are of the same moment.
    last: AtomicI64,
    since_pruned: AtomicUsize,
    pruning: Mutex<()>,
}

impl Events {
    pub async fn open(db: &Arc<Database>) -> Result<Events> {
        Ok(Events {
            db: db.clone(),
            table: ensure(db, &SHAPE).await?,
            last: AtomicI64::new(0),
            since_pruned: AtomicUsize::new(PRUNE_EVERY),
            pruning: Mutex::default(),
        })
    }

    /// Durable when it returns.
    pub async fn note(
        &self,
        kind: &str,
        subject: &str,
        severity: Severity,
        message: String,
    ) -> Result<()> {
        let now = self.db.clock().wall_micros();
        let later = |last: i64| Some(now.max(last.saturating_add(1)));
        let order = Ordering::Relaxed;
        let last = self.last.fetch_update(order, order, later).unwrap_or(now);
        let text = |text: &str| Value::Text(text.to_owned());
        let row = vec![
            Value::TimestampTz(now.max(last.saturating_add(1))),
            text(kind),
            text(subject),
            text(severity.name()),
            Value::Text(message),
        ];
        let mut transaction = self.db.begin(Isolation::ReadCommitted);
        transaction.begin_statement();
        transaction.insert(&self.table, row).await?;
        transaction.commit().await?;
        if self.since_pruned.fetch_add(1, order) >= PRUNE_EVERY {
            self.since_pruned.store(0, order);
            self.prune().await?;
        }
        Ok(())
    }

    /// Forgets those that are too old or too many; how many.
    pub async fn prune(&self) -> Result<usize> {
        let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        let oldest = self.db.clock().wall_micros().saturating_sub(kept);
        let _one = self.pruning.lock().await;
        let mut pruned = 0;
        loop {
            let mut transaction = self.db.begin(Isolation::ReadCommitted);
            let view = transaction.begin_statement();
            let mut excess = self.count(&view)?.saturating_sub(MOST);
            let mut scan = view.scan(&self.table, KeyRange::default(), Direction::Forward)?;
            let mut old = Vec::new();
            while old.len() < BATCH
                && let Some((pk, row)) = scan.next()?
            {
                let is_old = match decode(&self.table, row)?.first() {
                    Some(Value::TimestampTz(at)) => *at < oldest,
                    _ => true,
                };
                if !is_old && excess == 0 {
                    break;
                }
                excess = excess.saturating_sub(1);
                old.push(pk.to_vec());
            }
            drop(scan);
            for pk in &old {
                transaction.delete(&self.table, pk).await?;
            }
            transaction.commit().await?;
            pruned += old.len();
            if old.len() < BATCH {
                break;
            }
        }
        if pruned > 0 {
            let unhurried = CancelToken::new();
            self.db.vacuum(Some(self.table.id), &unhurried).await?;
        }
        Ok(pruned)
    }

    fn count(&self, view: &ReadView) -> Result<usize> {
        let mut scan = view.scan(&self.table, KeyRange::default(), Direction::Forward)?;
        let mut count = 0;
        while scan.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;
    use crate::database::DatabaseOptions;
    use crate::error::{Error, state};
    use crate::store::sim::SimStore;

    fn open(clock: &Arc<SimClock>) -> Arc<Database> {
        let options = DatabaseOptions {
            clock: clock.clone(),
            on_fatal: Arc::new(|_| {}),
            ..DatabaseOptions::default()
        };
        Database::open(Arc::new(SimStore::default()), options).unwrap()
    }

    #[tokio::test]
    async fn events_are_noted_whatever_is_refused_and_the_oldest_go() {
        let clock = Arc::new(SimClock::at(1_000_000_000_000_000));
        let db = open(&clock);
        let events = Events::open(&db).await.unwrap();
        let critical = Error::new(state::DISK_FULL, "told to");
        db.refuse_growth(Some(critical));
        // All of one moment by the clock.
        for _ in 0..3 {
            let noted = events.note("level", "disk", Severity::Critical, "full".into());
            noted.await.unwrap();
        }
        let count = || events.count(&db.read()).unwrap();
        assert_eq!(count(), 3);
        assert_eq!(events.prune().await.unwrap(), 0);
        clock.pass(KEPT + Duration::from_secs(1));
        let noted = events.note("level", "disk", Severity::Info, "well".into());
        noted.await.unwrap();
        assert_eq!(events.prune().await.unwrap(), 3);
        assert_eq!(count(), 1);
    }

    #[tokio::test]
    async fn they_are_never_more_than_some_thousands() {
        let clock = Arc::new(SimClock::at(1_000_000_000_000_000));
        let db = open(&clock);
        let events = Arc::new(Events::open(&db).await.unwrap());
        let noting = (0..MOST + 2 * PRUNE_EVERY).map(|_| {
            let events = events.clone();
            tokio::spawn(async move {
                let noted = events.note("level", "memory", Severity::Warning, "more".into());
                noted.await.unwrap();
            })
        });
        for one in noting.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        events.prune().await.unwrap();
        assert_eq!(events.count(&db.read()).unwrap(), MOST);
    }
}
