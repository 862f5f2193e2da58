//! The rows of a MERGE, locked and written.

use super::{Merge, What};
use crate::expr::StoredRow;
use crate::planned::dml::Running;
use crate::rows::{Rows, Tag};
use crate::write::TableWriter;
use ahash::AHashSet;
use orbit_core::lock::Wait;
use orbit_core::txn::Transaction;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};

/// A row of the input that something is done with.
struct Due<'m> {
    what: &'m What,
    key: Vec<u8>,
    /// The row met, as it is stored.
    old: Vec<u8>,
    values: Vec<Value>,
}

impl Running<'_> {
    pub(in crate::planned::dml) async fn merge(
        &self,
        txn: &mut Transaction,
        merge: &Merge,
    ) -> Result<(Tag, Option<Rows>)> {
        let writer = self.writer()?;
        let due = self.due(txn, merge).await?;
        let mut touched: AHashSet<Vec<u8>> = AHashSet::new();
        let mut count = 0;
        for row in due {
            self.breathe().await?;
            if row.what.mode().is_some() && !touched.insert(row.key.clone()) {
                return Err(affected_twice());
            }
            if self.act(txn, &writer, row).await? {
                count += 1;
            }
        }
        Ok(self.answer(Tag::Merge(count), None))
    }

    /// Whether anything was done.
    async fn act(&self, txn: &mut Transaction, writer: &TableWriter, row: Due<'_>) -> Result<bool> {
        let table = &self.write.table;
        match row.what {
            What::Nothing => Ok(false),
            What::Delete => txn.delete(table, &row.key).await,
            What::Insert { columns } => {
                let new = writer.complete(columns, row.values, &self.env())?;
                txn.insert(table, new).await.map(|()| true)
            }
            What::Update { set, .. } => {
                let mut changes: Vec<(usize, Value)> =
                    set.iter().copied().zip(row.values).collect();
                {
                    let source = StoredRow::new(&row.old, table)?;
                    writer.change(&source, &mut changes, &self.env())?;
                }
                txn.update(table, &row.key, changes).await?;
                Ok(true)
            }
        }
    }

    /// What is to be done, with the rows to be changed locked, and nobody else having
    /// changed them since.
    async fn due<'m>(&self, txn: &mut Transaction, merge: &'m Merge) -> Result<Vec<Due<'m>>> {
        let mut view = self.ctx.view.clone();
        loop {
            let mark = txn.statement_mark();
            let mut due = Vec::new();
            let mut changed = false;
            for row in self.gather(view).await? {
                self.breathe().await?;
                let Some(mut row) = taken(merge, row)? else {
                    continue;
                };
                if let Some(mode) = row.what.mode() {
                    let table = &self.write.table;
                    // By a WITH item of this statement.
                    if txn.has_changed_since(&self.ctx.view, table, &row.key) {
                        return Err(affected_twice());
                    }
                    let locked = txn.lock_row(table, &row.key, mode, Wait::Block).await?;
                    changed |= locked.changed;
                    match locked.row {
                        Some(old) => row.old = old,
                        // Gone since: the source's row meets none now.
                        None => {
                            changed = true;
                            continue;
                        }
                    }
                }
                due.push(row);
            }
            if !changed {
                return Ok(due);
            }
            self.ctx.cancel.check()?;
            txn.rollback_to_mark(mark);
            view = txn.begin_statement().with_writes_of(&self.ctx.view);
        }
    }
}

fn affected_twice() -> Error {
    Error::new(
        state::CARDINALITY_VIOLATION,
        "MERGE command cannot affect row a second time",
    )
    .with_hint("Ensure that not more than one source row matches any one target row.")
}

/// A row of the input, if something is to be done with it.
fn taken(merge: &Merge, row: Vec<Value>) -> Result<Option<Due<'_>>> {
    let number = match row.get(1) {
        Some(Value::Int4(number)) => usize::try_from(*number).ok(),
        _ => {
            return Err(Error::internal(
                "a row to be merged came without its action",
            ));
        }
    };
    let Some(action) = number.and_then(|number| merge.actions.get(number)) else {
        return Ok(None);
    };
    if matches!(action.what, What::Nothing) {
        return Ok(None);
    }
    let mut row = row.into_iter();
    let key = match row.next() {
        Some(Value::Bytea(key)) => key.to_vec(),
        _ if action.what.mode().is_none() => Vec::new(),
        _ => return Err(Error::internal("a row to be written came without its key")),
    };
    Ok(Some(Due {
        what: &action.what,
        key,
        old: Vec::new(),
        // The key is taken already.
        values: row
            .skip(action.begins.saturating_sub(1))
            .take(action.what.values())
            .collect(),
    }))
}
