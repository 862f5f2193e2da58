//! UPDATE and DELETE: find, lock, look again at what changed meanwhile, change.

use super::Outcome;
use super::access::{Access, Path};
use super::cursor::{Cursor, encode_key};
use super::insert::Cell;
use super::rows::Output;
use crate::expr::{Env, Facts, RowExpr, StoredRow};
use crate::rows::{RowBatch, Rows, Tag};
use crate::write::{Changed, TableWriter};
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::txn::{Locked, RowLock, Transaction, Wait};
use orbit_core::value::Value;
use std::sync::Arc;

/// `SET column = value`.
#[derive(Debug)]
pub(super) struct Set {
    pub column: usize,
    pub value: Cell,
}

pub(super) struct Update {
    writer: TableWriter,
    sets: Vec<Set>,
    /// Whether a key that others may refer to can change: decides the lock.
    touches_key: bool,
}

pub(super) struct Delete;

impl Update {
    pub fn new(writer: TableWriter, sets: Vec<Set>) -> Update {
        let table = writer.table();
        let touches_key = sets.iter().any(|set| is_key(table, set.column))
            || (0..table.columns.len())
                .any(|column| writer.is_generated(column) && is_key(table, column));
        Update {
            writer,
            sets,
            touches_key,
        }
    }
}

fn is_key(table: &Table, column: usize) -> bool {
    table.primary_key_columns().contains(&column)
        || table
            .indexes
            .iter()
            .filter(|index| index.unique && table.is_plain(index))
            .any(|index| index.columns.iter().any(|part| part.column == column))
}

/// The values SET gives, over a row (or a row and `excluded`).
pub(super) fn changes(
    writer: &TableWriter,
    sets: &[Set],
    row: &dyn crate::expr::RowSource,
    env: &Env<'_>,
) -> Result<Vec<(usize, Value)>> {
    let mut changes = sets
        .iter()
        .map(|set| {
            let value = match &set.value {
                Cell::Default => writer.default_value(set.column, env)?,
                Cell::Value(expr) => expr.eval_value(row, env)?,
            };
            Ok((set.column, value))
        })
        .collect::<Result<Vec<_>>>()?;
    // Of a row beside another, the first: the one that is changed.
    writer.regenerate(row, &mut changes, env)?;
    Ok(changes)
}

/// What is done to each row found.
pub(super) trait Action: Sync {
    fn lock_mode(&self) -> RowLock;
    fn tag(&self, rows: u64) -> Tag;
    /// Changes the locked row; gives RETURNING's values.
    fn apply(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        pk: &[u8],
        row: Vec<u8>,
        returning: Option<&Output>,
        env: &Env<'_>,
    ) -> impl Future<Output = Result<Option<Vec<Value>>>> + Send;
}

impl Action for Update {
    fn lock_mode(&self) -> RowLock {
        if self.touches_key {
            RowLock::Update
        } else {
            RowLock::NoKeyUpdate
        }
    }

    fn tag(&self, rows: u64) -> Tag {
        Tag::Update(rows)
    }

    async fn apply(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        pk: &[u8],
        row: Vec<u8>,
        returning: Option<&Output>,
        env: &Env<'_>,
    ) -> Result<Option<Vec<Value>>> {
        let (changes, answer) = {
            let old = StoredRow::new(&row, table)?;
            let changes = changes(&self.writer, &self.sets, &old, env)?;
            self.writer.check_changes(&old, &changes, env)?;
            let answer = match returning {
                None => None,
                Some(output) => Some(output.values(
                    &Changed {
                        old: &old,
                        changes: &changes,
                    },
                    env,
                )?),
            };
            (changes, answer)
        };
        txn.update_locked(table, pk, row, changes).await?;
        Ok(answer)
    }
}

impl Action for Delete {
    fn lock_mode(&self) -> RowLock {
        RowLock::Update
    }

    fn tag(&self, rows: u64) -> Tag {
        Tag::Delete(rows)
    }

    async fn apply(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        pk: &[u8],
        row: Vec<u8>,
        returning: Option<&Output>,
        env: &Env<'_>,
    ) -> Result<Option<Vec<Value>>> {
        let answer = match returning {
            None => None,
            Some(output) => Some(output.values(&StoredRow::new(&row, table)?, env)?),
        };
        txn.delete(table, pk).await?;
        Ok(answer)
    }
}

pub(super) struct Change<A> {
    pub path: Path,
    /// The whole WHERE, for a row that changed while its lock was waited for.
    pub whole: Option<RowExpr>,
    pub returning: Option<Arc<Output>>,
    pub action: A,
}

impl<A: Action> Change<A> {
    pub async fn run(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        params: &[Value],
        facts: &Facts,
    ) -> Result<Outcome> {
        let env = Env { params, facts };
        let mut pk = Vec::new();
        if let Some(row) = self.at_once(txn, table, &env, &mut pk).await? {
            let returning = self.returning.as_deref();
            let answer = self.action.apply(txn, table, &pk, row, returning, &env);
            let answer = answer.await?;
            return self.answer(txn, 1, answer.into_iter().collect()).await;
        }
        let mut count = 0;
        let mut answers = Vec::new();
        // The scan sees the statement's moment and not its own writes. For a
        // single row it is dropped before writing, which then needs no copy.
        let mut scan = {
            let view = txn.view();
            let cursor = Cursor::open(&view, table, &self.path, &env)?;
            Some((view, cursor))
        };
        while let Some((view, cursor)) = &mut scan {
            match cursor.next(view, table)? {
                None => break,
                Some((key, row)) => {
                    if !passes(&self.path.filter, row, table, &env)? {
                        continue;
                    }
                    pk.clear();
                    pk.extend_from_slice(key);
                }
            }
            if self.path.unique {
                scan = None;
            }
            let mode = self.action.lock_mode();
            let Locked { row, changed, .. } = txn.lock_row(table, &pk, mode, Wait::Block).await?;
            // Deleted while we waited: as if it had never been found.
            let Some(row) = row else { continue };
            if changed && !passes(&self.whole, &row, table, &env)? {
                continue;
            }
            let returning = self.returning.as_deref();
            let answer = self
                .action
                .apply(txn, table, &pk, row, returning, &env)
                .await?;
            answers.extend(answer);
            count += 1;
        }
        self.answer(txn, count, answers).await
    }

    /// The common case: one row named by its key alone, that nobody holds and
    /// nobody has changed since the statement began. `None`: the long way.
    async fn at_once(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        env: &Env<'_>,
        pk: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>> {
        let Access::Key(operands) = &self.path.access else {
            return Ok(None);
        };
        // With a condition the lock might not be this statement's to take.
        if self.path.filter.is_some() || !encode_key(&self.path.columns, operands, env, pk)? {
            return Ok(None);
        }
        txn.lock_unchanged_row(table, pk, self.action.lock_mode())
            .await
    }

    async fn answer(
        &self,
        txn: &mut Transaction,
        count: u64,
        answers: Vec<Vec<Value>>,
    ) -> Result<Outcome> {
        let rows = match &self.returning {
            None => None,
            Some(output) => {
                txn.wait_until_durable().await?;
                Some(Rows::once(output.descs.clone(), RowBatch::Values(answers)))
            }
        };
        Ok((self.action.tag(count), rows))
    }
}

fn passes(filter: &Option<RowExpr>, row: &[u8], table: &Table, env: &Env<'_>) -> Result<bool> {
    match filter {
        None => Ok(true),
        Some(filter) => filter.is_true(&StoredRow::new(row, table)?, env),
    }
}
