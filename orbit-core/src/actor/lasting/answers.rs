//! Answers that were given under a key. A message that comes again under its key isn't
//! handled again: it gets the answer it got, which was committed with what it did.

use super::tables::{Shape, ensure, key_of};
use crate::catalog::Table;
use crate::database::{Database, ReadView};
use crate::error::Result;
use crate::key;
use crate::store::{Direction, KeyRange};
use crate::txn::{Isolation, Transaction, decode};
use crate::types::SqlType;
use crate::value::{Value, ValueRef};
use std::sync::Arc;
use std::time::Duration;

/// For so long an answer is kept for who asks again.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Removed in one transaction.
const BATCH: usize = 1000;

const SHAPE: Shape = Shape {
    name: "actor_answers",
    columns: &[
        ("kind", SqlType::Text),
        ("id", SqlType::Text),
        ("key", SqlType::Text),
        ("answer", SqlType::Jsonb),
        ("at", SqlType::TimestampTz),
    ],
    key: 3,
    index: 4,
};
const ANSWER: usize = 3;

pub struct Answers {
    db: Arc<Database>,
    table: Arc<Table>,
}

impl Answers {
    pub async fn open(db: &Arc<Database>) -> Result<Answers> {
        Ok(Answers {
            db: db.clone(),
            table: ensure(db, &SHAPE).await?,
        })
    }

    pub fn find(&self, view: &ReadView, kind: &str, id: &str, key: &str) -> Result<Option<String>> {
        let mut row = Vec::new();
        if !view.get(&self.table, &key_of(&[kind, id, key])?, &mut row)? {
            return Ok(None);
        }
        match decode(&self.table, &row)?.into_iter().nth(ANSWER) {
            Some(Value::Text(answer)) => Ok(Some(answer)),
            _ => Ok(None),
        }
    }

    pub async fn record(
        &self,
        transaction: &mut Transaction,
        kind: &str,
        id: &str,
        key: &str,
        answer: String,
    ) -> Result<()> {
        transaction.begin_statement();
        let text = |text: &str| Value::Text(text.to_owned());
        let now = Value::TimestampTz(self.db.clock().wall_micros());
        let row = vec![text(kind), text(id), text(key), Value::Text(answer), now];
        transaction.insert(&self.table, row).await
    }

    /// Forgets those that were kept long enough; how many.
    pub async fn prune(&self) -> Result<usize> {
        let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        let oldest = self.db.clock().wall_micros().saturating_sub(kept);
        let mut end = Vec::new();
        key::push(&mut end, &ValueRef::TimestampTz(oldest), false, true)?;
        let mut pruned = 0;
        loop {
            let mut transaction = self.db.begin(Isolation::ReadCommitted);
            let view = transaction.begin_statement();
            let range = KeyRange {
                start: Vec::new(),
                end: end.clone(),
            };
            let index = &self.table.indexes[0];
            let mut scan = view.scan_index(&self.table, index, range, Direction::Forward)?;
            let mut old = Vec::new();
            while old.len() < BATCH
                && let Some(pk) = scan.next()?
            {
                old.push(pk.to_vec());
            }
            for pk in &old {
                transaction.delete(&self.table, pk).await?;
            }
            transaction.commit().await?;
            pruned += old.len();
            if old.len() < BATCH {
                return Ok(pruned);
            }
        }
    }
}
