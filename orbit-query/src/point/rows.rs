//! What the point path answers: stored rows as they lie, decoded where they are sent.

use crate::expr::{Env, RowExpr, StoredRow};
use crate::rows::ColumnDesc;
use orbit_core::catalog::Table;
use orbit_core::row::RowRef;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result};
use smallvec::SmallVec;
use std::sync::Arc;

/// One output column.
#[derive(Clone, Debug)]
pub(crate) enum OutputColumn {
    /// Decoded from the row's bytes when it is asked for.
    Stored(usize),
    /// Computed when the row is read; the n-th of those.
    Computed(usize),
}

/// What becomes of each row: SELECT's list, RETURNING's list.
#[derive(Debug)]
pub(crate) struct Output {
    pub table: Arc<Table>,
    pub columns: Vec<OutputColumn>,
    pub computed: Vec<RowExpr>,
    pub descs: Arc<[ColumnDesc]>,
}

impl Output {
    /// The values of one row that isn't stored bytes.
    pub fn values(&self, row: &dyn crate::expr::RowSource, env: &Env<'_>) -> Result<Vec<Value>> {
        self.columns
            .iter()
            .map(|column| match column {
                OutputColumn::Stored(place) => Ok(row.value(*place)?.to_owned()),
                OutputColumn::Computed(nth) => match self.computed.get(*nth) {
                    Some(expr) => expr.eval_value(row, env),
                    None => Err(Error::internal("an output column without an expression")),
                },
            })
            .collect()
    }
}

/// Rows of one batch: their bytes end to end.
pub struct PointRows {
    output: Arc<Output>,
    bytes: Vec<u8>,
    ends: SmallVec<[usize; 2]>,
    computed: Vec<Value>,
}

impl PointRows {
    /// Starts an empty batch in a buffer from somewhere else.
    pub(crate) fn new(output: &Arc<Output>, mut buffer: Vec<u8>) -> PointRows {
        buffer.clear();
        PointRows {
            output: output.clone(),
            bytes: buffer,
            ends: SmallVec::new(),
            computed: Vec::new(),
        }
    }

    /// A batch of the one row that `buffer` holds already.
    pub(crate) fn single(
        output: &Arc<Output>,
        buffer: Vec<u8>,
        env: &Env<'_>,
    ) -> Result<PointRows> {
        let mut rows = PointRows {
            output: output.clone(),
            bytes: buffer,
            ends: SmallVec::new(),
            computed: Vec::new(),
        };
        if !rows.output.computed.is_empty() {
            let row = StoredRow::new(&rows.bytes, &rows.output.table)?;
            for expr in &rows.output.computed {
                rows.computed.push(expr.eval_value(&row, env)?);
            }
        }
        rows.ends.push(rows.bytes.len());
        Ok(rows)
    }

    pub(crate) fn push(&mut self, row: &[u8], env: &Env<'_>) -> Result<()> {
        if !self.output.computed.is_empty() {
            let row = StoredRow::new(row, &self.output.table)?;
            for expr in &self.output.computed {
                self.computed.push(expr.eval_value(&row, env)?);
            }
        }
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    pub(crate) fn bytes_held(&self) -> usize {
        self.bytes.len()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn columns(&self) -> &Arc<[ColumnDesc]> {
        &self.output.descs
    }

    pub fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        match self.output.columns.get(column) {
            Some(OutputColumn::Stored(place)) => {
                let start = match row.checked_sub(1) {
                    None => 0,
                    Some(before) => self.ends.get(before).copied().unwrap_or(usize::MAX),
                };
                let bytes = self
                    .ends
                    .get(row)
                    .and_then(|end| self.bytes.get(start..*end))
                    .ok_or_else(beyond)?;
                let table = &self.output.table;
                RowRef::new(bytes)?.value(&table.layout, *place, &table.missing)
            }
            Some(OutputColumn::Computed(nth)) => self
                .computed
                .get(row * self.output.computed.len() + nth)
                .map(Value::as_ref)
                .ok_or_else(beyond),
            None => Err(beyond()),
        }
    }

    /// Gives the row buffer back for the next read.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

fn beyond() -> Error {
    Error::internal("asked for a value beyond the rows of a batch")
}
