//! A cursor's rows and where it stands among them.
//!
//! Forward-only rows are passed on and forgotten. A cursor that can go back
//! keeps what it has read. The current row is counted from 1; 0 is before the
//! first, `at_end` after the last.

use super::store::{Room, RowStore};
use crate::rows::{BatchStream, RowBatch, Rows};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Rows handed over at once.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Forward only.
    Nothing,
    /// Can go back as long as what it has read is small: nobody asked for it.
    Little,
    All,
}

pub struct Core {
    /// What the query still gives; `None` when it was read to its end.
    source: Option<Rows>,
    batch: Option<(RowBatch, usize)>,
    keep: Keep,
    store: RowStore,
    /// How many rows lie before the first one kept.
    base: u64,
    at: u64,
    at_end: bool,
    columns: usize,
    /// An error ended it.
    failed: bool,
    /// Behind the columns clients see: the row's key.
    current_key: Option<Vec<Value>>,
}

pub fn forward_only() -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        "cursor can only scan forward",
    )
    .with_hint("Declare it with SCROLL option to enable backward scan.")
}

impl Core {
    /// `types`: of all columns, those of the key at the end included.
    pub fn new(
        source: Rows,
        types: Arc<[SqlType]>,
        columns: usize,
        keep: Keep,
        room: Room,
    ) -> Core {
        Core {
            source: Some(source),
            batch: None,
            keep,
            store: RowStore::new(types, room),
            base: 0,
            at: 0,
            at_end: false,
            columns,
            failed: false,
            current_key: None,
        }
    }

    /// Takes it out of its place, leaving one without rows.
    pub fn take(&mut self) -> Core {
        let empty = Core {
            source: None,
            batch: None,
            keep: self.keep,
            store: self.store.emptied(),
            base: 0,
            at: 0,
            at_end: true,
            columns: self.columns,
            failed: false,
            current_key: None,
        };
        std::mem::replace(self, empty)
    }

    pub fn fail(&mut self) {
        self.failed = true;
    }

    pub fn has_failed(&self) -> bool {
        self.failed
    }

    pub fn key(&self) -> Option<&[Value]> {
        self.current_key.as_deref()
    }

    pub fn position(&self) -> (u64, bool) {
        (self.at, self.at_end)
    }

    pub fn is_on_row(&self) -> bool {
        self.at > 0 && !self.at_end
    }

    /// The next row out of the query.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<Value>>>> {
        loop {
            if let Some((batch, at)) = &mut self.batch {
                if *at < batch.len() {
                    let width = self.store.width();
                    let row = (0..width)
                        .map(|column| batch.value(*at, column).map(|value| value.to_owned()))
                        .collect::<Result<Vec<_>>>();
                    *at += 1;
                    return Poll::Ready(row.map(Some));
                }
                self.batch = None;
            }
            let Some(source) = &mut self.source else {
                return Poll::Ready(Ok(None));
            };
            match ready!(source.poll_batch(cx)) {
                Ok(Some(batch)) => self.batch = Some((batch, 0)),
                Ok(None) => self.source = None,
                Err(error) => {
                    self.source = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Takes a row out of the query and keeps it if rows are kept.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<Value>>>> {
        let row = match ready!(self.poll_source(cx)) {
            Ok(Some(row)) => row,
            other => return Poll::Ready(other),
        };
        if self.keep == Keep::Little && !self.store.in_memory() {
            self.keep = Keep::Nothing;
            self.store = self.store.emptied();
        }
        if self.keep != Keep::Nothing
            && let Err(error) = self.store.push(&row)
        {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(Some(row)))
    }

    /// One step; `None` at either end.
    fn poll_step(
        &mut self,
        forward: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Vec<Value>>>> {
        if !forward {
            return Poll::Ready(self.step_back());
        }
        if self.at_end {
            return Poll::Ready(Ok(None));
        }
        let kept = self.at.checked_sub(self.base);
        let row = match kept {
            Some(next) if next < self.store.len() => Some(self.store.get(next)?),
            _ => ready!(self.poll_read(cx))?,
        };
        match row {
            Some(_) => self.at += 1,
            None => self.at_end = true,
        }
        Poll::Ready(Ok(self.shown(row)))
    }

    fn step_back(&mut self) -> Result<Option<Vec<Value>>> {
        if self.keep == Keep::Nothing {
            return Err(forward_only());
        }
        if self.at_end {
            self.at_end = false;
        } else {
            self.at = self.at.saturating_sub(1);
        }
        let row = match self.at.checked_sub(self.base + 1) {
            Some(row) => Some(self.store.get(row)?),
            None => None,
        };
        Ok(self.shown(row))
    }

    /// The columns clients see; the key behind them is remembered.
    fn shown(&mut self, row: Option<Vec<Value>>) -> Option<Vec<Value>> {
        let Some(mut row) = row else {
            self.current_key = None;
            return None;
        };
        let key = row.split_off(self.columns.min(row.len()));
        self.current_key = (!key.is_empty()).then_some(key);
        Some(row)
    }

    pub fn rewind(&mut self) -> Result<()> {
        if self.at == 0 && !self.at_end {
            return Ok(());
        }
        if self.keep == Keep::Nothing {
            return Err(forward_only());
        }
        self.at = 0;
        self.at_end = false;
        self.current_key = None;
        Ok(())
    }

    /// Reads what is left of the query, so that it can end: WITH HOLD at COMMIT.
    pub async fn persist(&mut self) -> Result<()> {
        if self.source.is_none() && self.batch.is_none() {
            return Ok(());
        }
        if self.keep == Keep::Nothing {
            self.base = self.at;
        } else if self.keep == Keep::Little {
            self.keep = Keep::All;
        }
        while let Some(row) = std::future::poll_fn(|cx| self.poll_source(cx)).await? {
            self.store.push(&row)?;
        }
        Ok(())
    }
}

/// The rows of one FETCH, taken as the client reads them.
pub struct FetchStream {
    pub core: Arc<Mutex<Core>>,
    pub forward: bool,
    /// `None`: all there are.
    pub left: Option<u64>,
}

impl BatchStream for FetchStream {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RowBatch>>> {
        let mut core = self.core.lock();
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < BATCH_ROWS && bytes < BATCH_BYTES && self.left != Some(0) {
            match core.poll_step(self.forward, cx) {
                Poll::Pending if rows.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Err(error)) => {
                    core.fail();
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(None)) => {
                    self.left = Some(0);
                }
                Poll::Ready(Ok(Some(row))) => {
                    bytes += row.iter().map(weight).sum::<usize>();
                    rows.push(row);
                    self.left = self.left.map(|left| left - 1);
                }
            }
        }
        let batch = (!rows.is_empty()).then_some(RowBatch::Values(rows));
        Poll::Ready(Ok(batch))
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytea(bytes) => bytes.len(),
        _ => 16,
    }
}
