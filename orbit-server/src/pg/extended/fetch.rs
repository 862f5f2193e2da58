//! The rows of an answer on their way to the client, over any number of Executes.

use crate::pg::FLUSH_BYTES;
use crate::pg::backend::Output;
use crate::pg::errors::Failure;
use crate::pg::rows::{Formats, data_row};
use crate::pg::socket::Socket;
use orbit_core::value::text::FormatSettings;
use orbit_query::{RowBatch, Rows, Tag};
use std::pin::pin;

pub struct Fetch {
    rows: Rows,
    batch: Option<RowBatch>,
    /// The next row of `batch`.
    at: usize,
    /// A batch that was sent, whose memory the session can use again.
    spent: Option<RowBatch>,
}

/// What one Execute sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub rows: u64,
    /// No more rows; false when the row limit ended it.
    pub finished: bool,
}

impl Fetch {
    pub fn new(mut rows: Rows) -> Self {
        Fetch {
            batch: rows.take_ready(),
            rows,
            at: 0,
            spent: None,
        }
    }

    pub fn take_spent(&mut self) -> Option<RowBatch> {
        self.spent.take()
    }

    pub fn tag(&self, rows: u64) -> Tag {
        self.rows.tag(rows)
    }

    /// Sends rows up to `limit`. A client that reads slowly makes the query wait:
    /// no more than one batch and [`FLUSH_BYTES`] of rows are held for it.
    pub async fn send(
        &mut self,
        socket: &mut Socket,
        out: &mut Output,
        settings: &FormatSettings,
        formats: &Formats,
        limit: Option<u64>,
    ) -> Result<Sent, Failure> {
        let mut sent = 0;
        loop {
            if let Some(batch) = &self.batch {
                while self.at < batch.len() && limit != Some(sent) {
                    data_row(out, batch, self.at, &self.rows.columns, formats, settings)?;
                    self.at += 1;
                    sent += 1;
                    if out.unsent().len() > FLUSH_BYTES {
                        socket.flush(out).await?;
                    }
                }
                if self.at >= batch.len() {
                    self.spent = self.batch.take();
                }
            }
            // As PostgreSQL: at the limit it isn't known whether more would follow.
            if limit == Some(sent) {
                return Ok(Sent {
                    rows: sent,
                    finished: false,
                });
            }
            let next = {
                let next = pin!(self.rows.next());
                socket.attend(next).await??
            };
            if next.is_none() {
                return Ok(Sent {
                    rows: sent,
                    finished: true,
                });
            }
            self.batch = next;
            self.at = 0;
        }
    }
}
