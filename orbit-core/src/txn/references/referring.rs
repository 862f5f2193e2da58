//! The rows that refer to a key: found by an index or by looking at all, and locked.

use super::{converted, has_key};
use crate::catalog::{ForeignKey, Index, Table};
use crate::error::Result;
use crate::key;
use crate::store::{Direction, KeyRange};
use crate::txn::{RowLock, Transaction, Wait};
use crate::value::Value;
use std::sync::Arc;

/// Rows that refer, found in one go.
pub const REFERRING_BATCH: usize = 1024;
/// Rows between two looks at the cancel token, and a breath for other tasks.
const BREATH_ROWS: u64 = 4096;

/// Where in a table or index a search for referring rows goes on.
pub type Resume = Vec<u8>;

impl Transaction {
    /// Keys of rows that refer by `key` to a row with these values, some at a
    /// time. An index (or primary key) that begins with columns of the constraint
    /// finds them; without one every row is looked at.
    pub async fn referring_rows(
        &self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
        from: Option<Resume>,
    ) -> Result<(Vec<Vec<u8>>, Option<Resume>)> {
        let Some(values) = converted(table, &key.columns, values)? else {
            return Ok((Vec::new(), None));
        };
        let view = self.newest_view();
        let mut found = Vec::new();
        let mut looked_at = 0u64;
        let value_of = |column: usize| {
            let place = key.columns.iter().position(|of| *of == column);
            place.and_then(|place| values.get(place))
        };
        match best_path(table, key) {
            Path::Index(index, length) => {
                let mut prefix = Vec::new();
                for part in index.columns.iter().take(length) {
                    if let Some(value) = value_of(part.column) {
                        key::push(&mut prefix, &value.as_ref(), part.descending, true)?;
                    }
                }
                let mut range = KeyRange::prefix(&prefix);
                if let Some(from) = from {
                    range.start = from;
                }
                let mut scan = view.scan_index(table, index, range, Direction::Forward)?;
                let mut row = Vec::new();
                while let Some((columns, pk)) = scan.next_entry()? {
                    if view.get(table, pk, &mut row)?
                        && has_key(table, &key.columns, &row, &values)?
                    {
                        found.push(pk.to_vec());
                        if found.len() >= REFERRING_BATCH {
                            return Ok((found, Some([columns, pk, &[0]].concat())));
                        }
                    }
                    looked_at += 1;
                    if looked_at.is_multiple_of(BREATH_ROWS) {
                        self.limits.cancel.check()?;
                        tokio::task::yield_now().await;
                    }
                }
            }
            Path::Rows(length) => {
                let mut prefix = Vec::new();
                for column in table.primary_key_columns().iter().take(length) {
                    if let Some(value) = value_of(*column) {
                        key::push(&mut prefix, &value.as_ref(), false, false)?;
                    }
                }
                let mut range = KeyRange::prefix(&prefix);
                if let Some(from) = from {
                    range.start = from;
                }
                let mut scan = view.scan(table, range, Direction::Forward)?;
                while let Some((pk, row)) = scan.next()? {
                    if has_key(table, &key.columns, row, &values)? {
                        found.push(pk.to_vec());
                        if found.len() >= REFERRING_BATCH {
                            return Ok((found, Some([pk, &[0]].concat())));
                        }
                    }
                    looked_at += 1;
                    if looked_at.is_multiple_of(BREATH_ROWS) {
                        self.limits.cancel.check()?;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        Ok((found, None))
    }

    /// Locks a row that refers, if it still does, and gives it. `strict`: what a
    /// repeatable moment doesn't show may not be changed (40001).
    pub async fn lock_referring(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
        pk: &[u8],
        mode: RowLock,
        strict: bool,
    ) -> Result<Option<Vec<u8>>> {
        let row = if strict {
            self.lock_row(table, pk, mode, Wait::Block).await?.row
        } else {
            self.lock_newest(table, pk, mode).await?
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let still = match converted(table, &key.columns, values)? {
            Some(values) => has_key(table, &key.columns, &row, &values)?,
            None => false,
        };
        Ok(still.then_some(row))
    }
}

/// How rows that refer are found.
enum Path<'a> {
    /// By an index whose first columns (so many) are of the constraint.
    Index(&'a Index, usize),
    /// In the table itself, whose key begins with so many columns of the constraint.
    Rows(usize),
}

fn best_path<'a>(table: &'a Table, key: &ForeignKey) -> Path<'a> {
    let leading = |columns: &mut dyn Iterator<Item = usize>| {
        columns
            .take_while(|column| key.columns.contains(column))
            .count()
    };
    let own = leading(&mut table.primary_key_columns().iter().copied());
    let mut best = Path::Rows(own);
    let mut most = own;
    // A partial index hasn't all rows that refer.
    for index in table
        .indexes
        .iter()
        .filter(|index| index.predicate.is_none())
    {
        let length = leading(&mut index.columns.iter().map(|part| part.column));
        if length > most {
            most = length;
            best = Path::Index(index, length);
        }
    }
    best
}
