//! INSERT ... VALUES, with ON CONFLICT.

use super::Outcome;
use super::change::{Set, changes};
use super::rows::Output;
use crate::expr::{Beside, Env, Facts, NoRow, RowExpr, StoredRow};
use crate::rows::{RowBatch, Rows, Tag};
use crate::write::{Changed, TableWriter};
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::txn::{ConflictTarget, RowLock, Transaction, Tried, Wait};
use orbit_core::value::Value;
use std::sync::Arc;

/// What a column is given.
#[derive(Debug)]
pub(super) enum Cell {
    Default,
    /// Converted to the column's type.
    Value(RowExpr),
}

pub(super) struct OnConflict {
    pub target: ConflictTarget,
    /// `None`: DO NOTHING. SET and WHERE are over the row there, then `excluded`.
    pub update: Option<(Vec<Set>, Option<RowExpr>)>,
}

pub(super) struct Insert {
    pub writer: TableWriter,
    pub rows: Vec<Vec<Cell>>,
    pub conflict: Option<OnConflict>,
    pub returning: Option<Arc<Output>>,
}

impl Insert {
    pub async fn run(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        params: &[Value],
        facts: &Facts,
    ) -> Result<Outcome> {
        let env = Env { params, facts };
        let mut count = 0;
        let mut answers = Vec::new();
        // Rows this statement has written, if a second touch would be an error.
        let mut touched: Vec<Vec<u8>> = Vec::new();
        // What is given is looked at before any DEFAULT takes a number of its sequence.
        if self.writer.takes_numbers() {
            for cells in &self.rows {
                for cell in cells {
                    if let Cell::Value(expr) = cell {
                        expr.eval_value(&NoRow, &env)?;
                    }
                }
            }
        }
        for cells in &self.rows {
            let values = self.values(cells, &env)?;
            let answer = match &self.returning {
                None => None,
                Some(output) => Some(output.values(&values, &env)?),
            };
            let answer = match &self.conflict {
                None => {
                    txn.insert(table, values).await?;
                    Some(answer)
                }
                Some(conflict) => {
                    self.insert_or(txn, table, values, answer, conflict, &env, &mut touched)
                        .await?
                }
            };
            if let Some(answer) = answer {
                count += 1;
                answers.extend(answer);
            }
        }
        let rows = match &self.returning {
            None => None,
            Some(output) => {
                // Without ON CONFLICT everything shown is this transaction's own.
                if self.conflict.is_some() {
                    txn.wait_until_durable().await?;
                }
                Some(Rows::once(output.descs.clone(), RowBatch::Values(answers)))
            }
        };
        Ok((Tag::Insert(count), rows))
    }

    fn values(&self, cells: &[Cell], env: &Env<'_>) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(cells.len());
        for (place, cell) in cells.iter().enumerate() {
            values.push(match cell {
                Cell::Default => self.writer.default_value(place, env)?,
                Cell::Value(expr) => expr.eval_value(&NoRow, env)?,
            });
        }
        self.writer.generate(&mut values, env)?;
        self.writer.check(&values, env)?;
        Ok(values)
    }

    /// `None`: the row in the way stayed as it is. Otherwise RETURNING's values.
    #[allow(clippy::too_many_arguments)]
    async fn insert_or(
        &self,
        txn: &mut Transaction,
        table: &Arc<Table>,
        values: Vec<Value>,
        answer: Option<Vec<Value>>,
        conflict: &OnConflict,
        env: &Env<'_>,
        touched: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Option<Vec<Value>>>> {
        let watch_touched = conflict.update.is_some() && self.rows.len() > 1;
        loop {
            let tried = txn
                .insert_unless_conflict(table, values.clone(), &conflict.target)
                .await?;
            let in_the_way = match tried {
                Tried::Inserted(pk) => {
                    if watch_touched {
                        touched.push(pk);
                    }
                    return Ok(Some(answer));
                }
                Tried::Met(in_the_way) => in_the_way,
            };
            let Some((sets, filter)) = &conflict.update else {
                return Ok(None);
            };
            if touched.contains(&in_the_way.pk) {
                return Err(crate::write::touched_twice());
            }
            let locked = txn
                .lock_row(table, &in_the_way.pk, RowLock::Update, Wait::Block)
                .await?;
            // Gone meanwhile: the insert is free to try again.
            let Some(row) = locked.row else { continue };
            let (changes, answer, key) = {
                let there = StoredRow::new(&row, table)?;
                let both = Beside {
                    first: &there,
                    width: table.columns.len(),
                    second: &values,
                };
                if let Some(filter) = filter
                    && !filter.is_true(&both, env)?
                {
                    return Ok(None);
                }
                let changes = changes(&self.writer, sets, &both, env)?;
                self.writer.check_changes(&there, &changes, env)?;
                let answer = match &self.returning {
                    None => None,
                    Some(output) => {
                        let changed = Changed {
                            old: &there,
                            changes: &changes,
                        };
                        Some(output.values(&changed, env)?)
                    }
                };
                let mut key = None;
                if watch_touched && table.primary_key.is_some() {
                    // It may be another one afterwards.
                    let after = self.writer.changed_row(&there, &changes)?;
                    let columns = table.primary_key_columns();
                    orbit_core::key::primary_key(columns, &after, key.insert(Vec::new()))?;
                }
                (changes, answer, key)
            };
            txn.update(table, &in_the_way.pk, changes).await?;
            if watch_touched {
                touched.push(in_the_way.pk);
                touched.extend(key);
            }
            return Ok(Some(answer));
        }
    }
}
