//! Statements on a session, and their rows on their way to the client: batch by batch,
//! and no further ahead than one.

use super::guest::{Caller, Guest, Held};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use orbit_query::planned::{outward_batch, outward_schema};
use orbit_query::{Block, Outcome, Prepared, Rows, Tag};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Batches made before the client has taken the one before.
const AHEAD: usize = 1;

/// What a statement is run with; several rows of parameters run it several times.
pub type Parameters = Vec<Vec<Value>>;

/// An answer under way: what its rows look like, then the rows.
pub struct Answer {
    pub schema: SchemaRef,
    batches: mpsc::Receiver<Result<Option<RecordBatch>>>,
    caller: Caller,
    ended: bool,
}

impl Answer {
    /// `None` at the end. An answer that breaks off is an error, never an end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        let next = self.batches.recv().await;
        let next = next.unwrap_or_else(|| Err(self.caller.lost()));
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }
}

/// Where a task puts an answer.
struct Outlet {
    head: Option<oneshot::Sender<Result<SchemaRef>>>,
    batches: mpsc::Sender<Result<Option<RecordBatch>>>,
    guest: Arc<Guest>,
}

impl Outlet {
    fn head(&mut self, schema: &SchemaRef) {
        if let Some(head) = self.head.take() {
            let _ = head.send(Ok(schema.clone()));
        }
    }

    /// Waits for a client that reads slowly.
    async fn send(&mut self, held: &Held, batch: RecordBatch) -> Result<()> {
        if let Err(mpsc::error::TrySendError::Full(batch)) = self.batches.try_send(Ok(Some(batch)))
        {
            let cancel = held.session.cancel_token();
            self.guest.park(true);
            let sent = tokio::select! {
                biased;
                reason = cancel.cancelled() => Err(reason),
                sent = self.batches.send(batch) => Ok(sent),
            };
            self.guest.park(false);
            sent?.map_err(|_| gone())?;
        } else if self.batches.is_closed() {
            return Err(gone());
        }
        Ok(())
    }

    async fn end(mut self, done: Result<SchemaRef>) {
        // The last batch may still wait for the client.
        self.guest.park(true);
        match done {
            Ok(schema) => {
                self.head(&schema);
                let _ = self.batches.send(Ok(None)).await;
            }
            Err(error) => match self.head.take() {
                Some(head) => {
                    let _ = head.send(Err(error));
                }
                None => {
                    let _ = self.batches.send(Err(error)).await;
                }
            },
        }
    }
}

fn gone() -> Error {
    Error::new(
        state::QUERY_CANCELED,
        "canceling statement because its client is gone",
    )
}

/// What is to be run.
pub enum Asked {
    Text {
        sql: String,
        transaction: Option<Bytes>,
    },
    Prepared(Bytes),
}

impl Guest {
    /// Runs a statement for its rows. The session is free again when the last of
    /// them was taken, and the statement committed.
    pub async fn answer(self: &Arc<Self>, ticket: Option<Bytes>, asked: Asked) -> Result<Answer> {
        let (head, schema) = oneshot::channel();
        let (sender, batches) = mpsc::channel(AHEAD);
        let caller = self
            .start(ticket, move |held, guest| {
                Box::pin(async move {
                    let mut outlet = Outlet {
                        head: Some(head),
                        batches: sender,
                        guest,
                    };
                    let done = held.send_rows(asked, &mut outlet).await;
                    let done = held.settled(done).await;
                    outlet.end(done).await;
                })
            })
            .await?;
        match schema.await {
            Ok(schema) => Ok(Answer {
                schema: schema?,
                batches,
                caller,
                ended: false,
            }),
            Err(_) => Err(caller.lost()),
        }
    }
}

impl Held {
    /// A statement's text prepared, within the transaction that it names.
    pub async fn prepare(
        &mut self,
        sql: &str,
        transaction: Option<&Bytes>,
    ) -> Result<Arc<Prepared>> {
        self.check_transaction(transaction)?;
        if sql.len() > self.limits.statement_bytes {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!("the statement of {} bytes is too long", sql.len()),
            )
            .with_detail(format!(
                "At most {} bytes are accepted.",
                self.limits.statement_bytes
            )));
        }
        self.session.prepare(sql, &[]).await
    }

    async fn send_rows(&mut self, asked: Asked, outlet: &mut Outlet) -> Result<SchemaRef> {
        self.session.resume();
        let (statement, parameters) = match asked {
            Asked::Text { sql, transaction } => {
                let statement = self.prepare(&sql, transaction.as_ref()).await?;
                (statement, vec![Vec::new()])
            }
            Asked::Prepared(handle) => self.bound(&handle)?,
        };
        if outlet.batches.is_closed() {
            return Err(gone());
        }
        let mut schema = None;
        for values in &parameters {
            check_parameters(&statement.params, values)?;
            match self.execute(&statement, values).await? {
                Ran::Rows(mut rows) => {
                    let schema = schema.get_or_insert_with(|| outward_schema(&rows.columns));
                    outlet.head(schema);
                    let format = self.session.format().clone();
                    while let Some(batch) = rows.next().await? {
                        let out = outward_batch(&batch, &rows.columns, schema, &format)?;
                        self.session.recycle(batch);
                        outlet.send(self, out).await?;
                    }
                }
                Ran::Done(_) => {}
            }
        }
        Ok(schema.unwrap_or_else(|| Arc::new(Schema::empty())))
    }

    /// Runs a statement for the number of rows that it changed.
    pub async fn count(
        &mut self,
        statement: &Arc<Prepared>,
        parameters: &[Vec<Value>],
    ) -> Result<i64> {
        let mut total = 0i64;
        for values in parameters {
            check_parameters(&statement.params, values)?;
            let tag = match self.execute(statement, values).await? {
                Ran::Rows(mut rows) => {
                    let mut count = 0;
                    while let Some(batch) = rows.next().await? {
                        count += batch.len() as u64;
                        self.session.recycle(batch);
                    }
                    rows.tag(count)
                }
                Ran::Done(tag) => tag,
            };
            match changed(tag) {
                Some(rows) => total = total.saturating_add_unsigned(rows),
                // Not a number of rows but that there is none.
                None if parameters.len() == 1 => return Ok(-1),
                None => {}
            }
        }
        Ok(total)
    }

    async fn execute(&mut self, statement: &Arc<Prepared>, values: &[Value]) -> Result<Ran> {
        let ends = statement.ends_block();
        if ends {
            self.owe(true);
        }
        let outcome = self.session.execute(statement, values).await;
        if ends {
            self.owe(false);
        }
        match outcome? {
            Outcome::Rows(rows) => Ok(Ran::Rows(rows)),
            Outcome::Done(tag) => Ok(Ran::Done(tag)),
            Outcome::Empty => Ok(Ran::Done(Tag::Other(""))),
            Outcome::CopyIn(copy) => {
                copy.fail(&mut self.session, "not over Arrow Flight");
                Err(Error::unsupported("COPY FROM STDIN over Arrow Flight")
                    .with_hint("Send the rows by bulk ingestion."))
            }
            Outcome::CopyOut(_) => Err(Error::unsupported("COPY TO STDOUT over Arrow Flight")
                .with_hint("Select the rows.")),
        }
    }

    /// A statement of the node's own, for its rows.
    pub async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
        let types: Vec<Option<SqlType>> = vec![Some(SqlType::Text); values.len()];
        let statement = self.session.prepare(sql, &types).await?;
        let Ran::Rows(mut rows) = self.execute(&statement, values).await? else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        while let Some(batch) = rows.next().await? {
            for row in 0..batch.len() {
                let columns = 0..rows.columns.len();
                let values = columns.map(|column| Ok(batch.value(row, column)?.to_owned()));
                all.push(values.collect::<Result<Vec<_>>>()?);
            }
        }
        Ok(all)
    }

    /// Statements without rows, one after the other.
    pub async fn command(&mut self, sql: &str) -> Result<()> {
        let statement = self.session.prepare(sql, &[]).await?;
        self.execute(&statement, &[]).await.map(|_| ())
    }

    /// A statement says by its transaction's id whether it belongs to the one that is open.
    pub fn check_transaction(&mut self, named: Option<&Bytes>) -> Result<()> {
        let named = named.filter(|id| !id.is_empty());
        let checked = match (named, &self.transaction) {
            (None, None) => Ok(()),
            (Some(named), Some(open)) if named == open => Ok(()),
            (Some(_), _) => Err(Error::new(
                state::NO_ACTIVE_SQL_TRANSACTION,
                "the transaction is not known, or is over",
            )),
            (None, Some(_)) => Err(Error::new(
                state::ACTIVE_SQL_TRANSACTION,
                "the session has a transaction open, and the statement does not name it",
            )
            .with_hint(ONE_TRANSACTION)),
        };
        self.refused = checked.is_err();
        checked
    }

    pub async fn begin(&mut self, id: Bytes) -> Result<Bytes> {
        if self.session.block() != Block::Idle {
            self.refused = true;
            return Err(Error::new(
                state::ACTIVE_SQL_TRANSACTION,
                "there is already a transaction in progress",
            )
            .with_hint(ONE_TRANSACTION));
        }
        self.command("BEGIN").await?;
        self.transaction = Some(id.clone());
        Ok(id)
    }

    /// An aborted transaction can't be committed: it stays, for its ROLLBACK.
    pub async fn end(&mut self, id: &Bytes, commit: bool) -> Result<()> {
        self.check_transaction(Some(id))?;
        if commit && self.session.block() == Block::Failed {
            return Err(Error::new(
                state::IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            )
            .with_hint("Roll it back."));
        }
        self.transaction = None;
        self.command(if commit { "COMMIT" } else { "ROLLBACK" })
            .await
    }
}

const ONE_TRANSACTION: &str = "One session has one transaction at a time. Use another connection.";

enum Ran {
    Rows(Rows),
    Done(Tag),
}

/// `None`: the command isn't one that changes rows.
fn changed(tag: Tag) -> Option<u64> {
    match tag {
        Tag::Select(rows)
        | Tag::Insert(rows)
        | Tag::Update(rows)
        | Tag::Delete(rows)
        | Tag::Merge(rows)
        | Tag::Copy(rows)
        | Tag::Fetch(rows)
        | Tag::Move(rows) => Some(rows),
        Tag::Other(_) => None,
    }
}

fn check_parameters(wanted: &[SqlType], given: &[Value]) -> Result<()> {
    if wanted.len() == given.len() {
        return Ok(());
    }
    Err(Error::new(
        state::PROTOCOL_VIOLATION,
        format!(
            "{} parameters are bound, but the statement requires {}",
            given.len(),
            wanted.len()
        ),
    ))
}
