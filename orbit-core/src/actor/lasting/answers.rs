//! Answers that were given under a key. A message that comes again under its key isn't
//! handled again: it gets the answer it got, which was committed with what it did.

use crate::cancel::CancelToken;
use crate::catalog::Table;
use crate::database::own::{Shape, ensure, key_of};
use crate::database::{Database, ReadView};
use crate::error::{Error, Result, state};
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
        ("message", SqlType::Text),
        ("answer", SqlType::Jsonb),
        ("at", SqlType::TimestampTz),
    ],
    key: 3,
    index: Some(5),
};
const MESSAGE: usize = 3;

/// Who was asked what, under which key.
pub struct Asked<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    pub key: &'a str,
    /// The message's name.
    pub message: &'a str,
}

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

    pub fn find(&self, view: &ReadView, asked: &Asked<'_>) -> Result<Option<String>> {
        let mut row = Vec::new();
        let key = key_of(&[asked.kind, asked.id, asked.key])?;
        if !view.get(&self.table, &key, &mut row)? {
            return Ok(None);
        }
        let mut values = decode(&self.table, &row)?.into_iter().skip(MESSAGE);
        let (Some(Value::Text(message)), Some(Value::Text(answer))) =
            (values.next(), values.next())
        else {
            return Err(Error::corrupted("a row of orbit.actor_answers is damaged"));
        };
        if message != asked.message {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("key \"{}\" was used for another message", asked.key),
            )
            .with_detail(format!(
                "Actor {}/{} handled \"{message}\" under it, not \"{}\".",
                asked.kind, asked.id, asked.message
            ))
            .with_hint("Use a key of its own for each thing that is asked."));
        }
        Ok(Some(answer))
    }

    pub async fn record(
        &self,
        transaction: &mut Transaction,
        asked: &Asked<'_>,
        answer: String,
    ) -> Result<()> {
        transaction.begin_statement();
        let text = |text: &str| Value::Text(text.to_owned());
        let now = Value::TimestampTz(self.db.clock().wall_micros());
        let row = vec![
            text(asked.kind),
            text(asked.id),
            text(asked.key),
            text(asked.message),
            Value::Text(answer),
            now,
        ];
        transaction.insert(&self.table, row).await
    }

    /// Forgets those that were kept long enough; how many. Their dead rows go, too.
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
                break;
            }
        }
        if pruned > 0 {
            let unhurried = CancelToken::new();
            self.db.vacuum(Some(self.table.id), &unhurried).await?;
        }
        Ok(pruned)
    }
}
