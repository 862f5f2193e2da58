//! SELECT: reading, or locking what is read.

use super::access::{Access, Path};
use super::cursor::{self, Cursor};
use super::rows::{Output, PointRows};
use super::{Outcome, Scratch};
use crate::expr::{Env, Facts, NoRow, RowExpr, StoredRow};
use crate::rows::{BatchStream, RowBatch, Rows, Tag};
use orbit_core::catalog::Table;
use orbit_core::database::ReadView;
use orbit_core::txn::{RowLock, TableLock, Transaction, Wait};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, error::SqlState};
use std::sync::Arc;
use std::task::{Context, Poll};

/// A batch is closed at so many rows or bytes, whichever comes first.
const BATCH_ROWS: usize = 512;
const BATCH_BYTES: usize = 128 << 10;

#[derive(Debug)]
pub(super) struct Select {
    pub output: Arc<Output>,
    pub path: Path,
    /// The whole WHERE, for a row that changed while its lock was waited for.
    pub whole: Option<RowExpr>,
    pub limit: Option<RowExpr>,
    pub offset: Option<RowExpr>,
    pub lock: Option<(RowLock, Wait)>,
}

/// Rows still to be left out and still to be given.
struct Window {
    skip: u64,
    take: u64,
}

impl Select {
    fn window(&self, env: &Env<'_>) -> Result<Window> {
        Ok(Window {
            skip: count(&self.offset, env, *b"2201X", "OFFSET must not be negative")?.unwrap_or(0),
            take: count(&self.limit, env, *b"2201W", "LIMIT must not be negative")?
                .unwrap_or(u64::MAX),
        })
    }

    fn table(&self) -> &Arc<Table> {
        &self.output.table
    }

    /// The fast way for the most common of all: one row by its primary key.
    /// `None`: not of that form.
    pub fn read_one(
        &self,
        view: &ReadView,
        env: &Env<'_>,
        scratch: &mut Scratch,
    ) -> Result<Option<PointRows>> {
        let Access::Key(operands) = &self.path.access else {
            return Ok(None);
        };
        if self.limit.is_some() || self.offset.is_some() {
            return Ok(None);
        }
        let mut row = scratch.buffer();
        let table = self.table();
        let found = cursor::encode_key(&self.path.columns, operands, env, &mut scratch.key)?
            && view.get(table, &scratch.key, &mut row)?
            && self.passes(&self.path.filter, &row, env)?;
        Ok(Some(if found {
            PointRows::single(&self.output, row, env)?
        } else {
            PointRows::new(&self.output, row)
        }))
    }

    pub fn read(
        &self,
        plan: &Arc<Select>,
        view: &ReadView,
        params: &[Value],
        facts: &Facts,
        scratch: &mut Scratch,
    ) -> Result<Rows> {
        let env = Env { params, facts };
        let columns = self.output.descs.clone();
        if let Some(rows) = self.read_one(view, &env, scratch)? {
            return Ok(Rows::once(columns, RowBatch::Point(rows)));
        }
        let mut reader = Reader {
            window: self.window(&env)?,
            cursor: Cursor::open(view, self.table(), &self.path, &env)?,
            ended: false,
        };
        let batch = reader.batch(self, view, &env, scratch.buffer())?;
        if reader.ended {
            return Ok(Rows::once(columns, RowBatch::Point(batch)));
        }
        let stream = Stream {
            first: Some(batch),
            reader,
            plan: plan.clone(),
            view: view.clone(),
            params: params.to_vec(),
            facts: facts.clone(),
        };
        Ok(Rows::stream(columns, Box::new(stream)))
    }

    fn passes(&self, filter: &Option<RowExpr>, row: &[u8], env: &Env<'_>) -> Result<bool> {
        match filter {
            None => Ok(true),
            Some(filter) => filter.is_true(&StoredRow::new(row, self.table())?, env),
        }
    }

    /// SELECT ... FOR UPDATE and its kin: rows are locked in the order they are
    /// found and shown as they are then.
    pub async fn lock(
        &self,
        txn: &mut Transaction,
        params: &[Value],
        facts: &Facts,
        (mode, wait): (RowLock, Wait),
    ) -> Result<Outcome> {
        let env = Env { params, facts };
        let table = self.table().clone();
        txn.lock_table(table.id, TableLock::RowShare, Wait::Block)
            .await?;
        let view = txn.view();
        let mut window = self.window(&env)?;
        let mut cursor = Cursor::open(&view, &table, &self.path, &env)?;
        let mut rows = PointRows::new(&self.output, Vec::new());
        let mut pk = Vec::new();
        while window.take > 0 {
            match cursor.next(&view, &table)? {
                None => break,
                Some((key, row)) => {
                    if !self.passes(&self.path.filter, row, &env)? {
                        continue;
                    }
                    pk.clear();
                    pk.extend_from_slice(key);
                }
            }
            let locked = txn.select_row(&table, &pk, mode, wait).await?;
            let Some(row) = locked.row else { continue };
            if locked.skipped || (locked.changed && !self.passes(&self.whole, &row, &env)?) {
                continue;
            }
            if window.skip > 0 {
                window.skip -= 1;
                continue;
            }
            window.take -= 1;
            rows.push(&row, &env)?;
        }
        txn.wait_until_durable().await?;
        let count = rows.len() as u64;
        let answer = Rows::once(self.output.descs.clone(), RowBatch::Point(rows));
        Ok((Tag::Select(count), Some(answer)))
    }
}

fn count(
    expr: &Option<RowExpr>,
    env: &Env<'_>,
    state: [u8; 5],
    negative: &'static str,
) -> Result<Option<u64>> {
    let Some(expr) = expr else { return Ok(None) };
    let rows = match expr.node.eval(&NoRow, env)?.as_ref() {
        ValueRef::Null => return Ok(None),
        ValueRef::Int2(rows) => i64::from(rows),
        ValueRef::Int4(rows) => i64::from(rows),
        ValueRef::Int8(rows) => rows,
        _ => return Err(Error::internal("a row count that is no integer")),
    };
    match u64::try_from(rows) {
        Ok(rows) => Ok(Some(rows)),
        Err(_) => Err(Error::new(SqlState(state), negative)),
    }
}

struct Reader {
    window: Window,
    cursor: Cursor,
    ended: bool,
}

impl Reader {
    fn batch(
        &mut self,
        plan: &Select,
        view: &ReadView,
        env: &Env<'_>,
        buffer: Vec<u8>,
    ) -> Result<PointRows> {
        let mut rows = PointRows::new(&plan.output, buffer);
        while rows.len() < BATCH_ROWS && rows.bytes_held() < BATCH_BYTES {
            if self.window.take == 0 {
                self.ended = true;
                break;
            }
            let Some((_, row)) = self.cursor.next(view, plan.table())? else {
                self.ended = true;
                break;
            };
            if !plan.passes(&plan.path.filter, row, env)? {
                continue;
            }
            if self.window.skip > 0 {
                self.window.skip -= 1;
                continue;
            }
            self.window.take -= 1;
            rows.push(row, env)?;
        }
        Ok(rows)
    }
}

/// The rest of a longer answer, read as it is fetched.
struct Stream {
    first: Option<PointRows>,
    reader: Reader,
    plan: Arc<Select>,
    view: ReadView,
    params: Vec<Value>,
    facts: Facts,
}

impl BatchStream for Stream {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<RowBatch>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Ok(Some(RowBatch::Point(first))));
        }
        if self.reader.ended {
            return Poll::Ready(Ok(None));
        }
        let env = Env {
            params: &self.params,
            facts: &self.facts,
        };
        let batch = self.reader.batch(&self.plan, &self.view, &env, Vec::new());
        Poll::Ready(batch.map(|batch| Some(RowBatch::Point(batch))))
    }
}
