//! What a statement answers: rows in batches, a command tag, or a COPY stream.

use crate::point::PointRows;
use orbit_core::Result;
use orbit_core::cancel::CancelToken;
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::{Value, ValueRef};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

pub use crate::copy::{CopyIn, CopyOut};

/// A column of an answer, as RowDescription needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDesc {
    pub name: String,
    pub sql_type: SqlType,
    /// 0 when the column is not simply a table's column.
    pub table_oid: Oid,
    /// 1-based; 0 when the column is not simply a table's column.
    pub attnum: i16,
    /// Digits of a second, of a table's column that keeps no more.
    pub precision: Option<u8>,
}

impl ColumnDesc {
    /// A computed column.
    pub fn new(name: impl Into<String>, sql_type: SqlType) -> ColumnDesc {
        ColumnDesc {
            name: name.into(),
            sql_type,
            table_oid: 0,
            attnum: 0,
            precision: None,
        }
    }

    /// PostgreSQL's modifier of the column's type; -1: none.
    pub fn modifier(&self) -> i32 {
        self.sql_type.modifier_with(self.precision)
    }
}

/// The command tag that ends a statement's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Select(u64),
    Insert(u64),
    Update(u64),
    Delete(u64),
    Merge(u64),
    Copy(u64),
    Fetch(u64),
    Move(u64),
    Other(&'static str),
}

impl Tag {
    /// The same kind of tag for another number of rows.
    pub fn with_rows(self, rows: u64) -> Tag {
        match self {
            Tag::Select(_) => Tag::Select(rows),
            Tag::Insert(_) => Tag::Insert(rows),
            Tag::Update(_) => Tag::Update(rows),
            Tag::Delete(_) => Tag::Delete(rows),
            Tag::Merge(_) => Tag::Merge(rows),
            Tag::Copy(_) => Tag::Copy(rows),
            Tag::Fetch(_) => Tag::Fetch(rows),
            Tag::Move(_) => Tag::Move(rows),
            Tag::Other(tag) => Tag::Other(tag),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Select(rows) => write!(f, "SELECT {rows}"),
            Tag::Insert(rows) => write!(f, "INSERT 0 {rows}"),
            Tag::Update(rows) => write!(f, "UPDATE {rows}"),
            Tag::Delete(rows) => write!(f, "DELETE {rows}"),
            Tag::Merge(rows) => write!(f, "MERGE {rows}"),
            Tag::Copy(rows) => write!(f, "COPY {rows}"),
            Tag::Fetch(rows) => write!(f, "FETCH {rows}"),
            Tag::Move(rows) => write!(f, "MOVE {rows}"),
            Tag::Other(tag) => f.write_str(tag),
        }
    }
}

pub enum Outcome {
    /// Rows to be fetched; the statement ends with [`Rows::tag`].
    Rows(Rows),
    Done(Tag),
    CopyIn(CopyIn),
    CopyOut(CopyOut),
    /// The statement was empty.
    Empty,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Rows(_) => f.write_str("Rows"),
            Outcome::Done(tag) => write!(f, "Done({tag})"),
            Outcome::CopyIn(_) => f.write_str("CopyIn"),
            Outcome::CopyOut(_) => f.write_str("CopyOut"),
            Outcome::Empty => f.write_str("Empty"),
        }
    }
}

/// Some rows of an answer.
pub enum RowBatch {
    /// Stored rows as they lie in the store.
    Point(PointRows),
    Values(Vec<Vec<Value>>),
    #[cfg(feature = "datafusion")]
    Arrow(crate::planned::ArrowRows),
}

impl RowBatch {
    pub fn len(&self) -> usize {
        match self {
            RowBatch::Point(rows) => rows.len(),
            RowBatch::Values(rows) => rows.len(),
            #[cfg(feature = "datafusion")]
            RowBatch::Arrow(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        match self {
            RowBatch::Point(rows) => rows.value(row, column),
            RowBatch::Values(rows) => Ok(rows
                .get(row)
                .and_then(|row| row.get(column))
                .map_or(ValueRef::Null, Value::as_ref)),
            #[cfg(feature = "datafusion")]
            RowBatch::Arrow(rows) => rows.value(row, column),
        }
    }
}

/// Where the batches of a longer answer come from.
pub trait BatchStream: Send {
    /// `None` ends the answer. Never called again after that or after an error.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RowBatch>>>;
}

enum Source {
    Done,
    Once(RowBatch),
    Stream(Box<dyn BatchStream>),
}

/// The rows of one answer, in batches. Independent of the session that made it:
/// it holds its own snapshot.
pub struct Rows {
    pub columns: Arc<[ColumnDesc]>,
    source: Source,
    tag: Tag,
    /// The simple protocol, too, sends them in binary.
    pub binary: bool,
    /// What ends a stream early: a cancel request, the statement's timeout.
    guard: Option<CancelToken>,
}

impl Rows {
    /// An answer that is already there, at no cost beyond the batch itself.
    pub fn once(columns: Arc<[ColumnDesc]>, batch: RowBatch) -> Rows {
        Rows {
            columns,
            source: Source::Once(batch),
            tag: Tag::Select(0),
            binary: false,
            guard: None,
        }
    }

    pub fn values(columns: Arc<[ColumnDesc]>, rows: Vec<Vec<Value>>) -> Rows {
        Rows::once(columns, RowBatch::Values(rows))
    }

    pub fn stream(columns: Arc<[ColumnDesc]>, stream: Box<dyn BatchStream>) -> Rows {
        Rows {
            columns,
            source: Source::Stream(stream),
            tag: Tag::Select(0),
            binary: false,
            guard: None,
        }
    }

    /// Has rows that are still to be made obey `cancel`.
    #[must_use]
    pub(crate) fn guarded(mut self, cancel: &CancelToken) -> Rows {
        if let Source::Stream(_) = self.source {
            self.guard = Some(cancel.clone());
        }
        self
    }

    /// What statement the rows belong to (RETURNING: not a SELECT).
    #[must_use]
    pub fn tagged(mut self, tag: Tag) -> Rows {
        self.tag = tag;
        self
    }

    /// As [`Rows::next`], for a stream made of this one; no guard is asked.
    pub(crate) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RowBatch>>> {
        loop {
            let answer = match &mut self.source {
                Source::Done => return Poll::Ready(Ok(None)),
                Source::Once(_) => match std::mem::replace(&mut self.source, Source::Done) {
                    Source::Once(batch) => Poll::Ready(Ok(Some(batch))),
                    _ => Poll::Ready(Ok(None)),
                },
                Source::Stream(stream) => stream.poll_next(cx),
            };
            match std::task::ready!(answer) {
                Ok(Some(batch)) if batch.is_empty() => {}
                Ok(Some(batch)) => return Poll::Ready(Ok(Some(batch))),
                end => {
                    self.source = Source::Done;
                    return Poll::Ready(end);
                }
            }
        }
    }

    /// The next batch, never empty; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RowBatch>> {
        match &mut self.source {
            Source::Done => Ok(None),
            Source::Once(_) => match std::mem::replace(&mut self.source, Source::Done) {
                Source::Once(batch) if !batch.is_empty() => Ok(Some(batch)),
                _ => Ok(None),
            },
            Source::Stream(stream) => loop {
                let next = poll_fn(|cx| stream.poll_next(cx));
                let answer = match &self.guard {
                    None => next.await,
                    Some(cancel) => tokio::select! {
                        biased;
                        reason = cancel.cancelled() => Err(reason),
                        answer = next => answer,
                    },
                };
                match answer {
                    Ok(Some(batch)) if batch.is_empty() => {}
                    Ok(Some(batch)) => return Ok(Some(batch)),
                    end => {
                        self.source = Source::Done;
                        return end;
                    }
                }
            },
        }
    }

    /// The answer's only batch if it is there without waiting, as on the point path.
    pub fn take_ready(&mut self) -> Option<RowBatch> {
        match std::mem::replace(&mut self.source, Source::Done) {
            Source::Once(batch) => Some(batch),
            other => {
                self.source = other;
                None
            }
        }
    }

    /// The command tag once `rows` rows were sent.
    pub fn tag(&self, rows: u64) -> Tag {
        self.tag.with_rows(rows)
    }
}
