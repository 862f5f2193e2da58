//! Prepared statements of a session, and the parameters bound to them.

use super::guest::Held;
use super::run::Parameters;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use orbit_query::Prepared;
use orbit_query::planned::inward_columns;
use std::sync::Arc;

pub struct Statement {
    prepared: Arc<Prepared>,
    parameters: Option<Parameters>,
    parameter_bytes: usize,
}

/// As `pg_prepared_statements` and DEALLOCATE know it.
fn name(number: u64) -> String {
    format!("flight_{number}")
}

impl Held {
    pub async fn create_prepared(
        &mut self,
        sql: &str,
        transaction: Option<&Bytes>,
    ) -> Result<(Bytes, Arc<Prepared>)> {
        self.forget_deallocated();
        if self.prepared.len() >= self.limits.prepared_statements {
            return Err(Error::new(
                state::CONFIGURATION_LIMIT_EXCEEDED,
                format!(
                    "a session may hold {} prepared statements",
                    self.limits.prepared_statements
                ),
            )
            .with_hint("Close those that are no longer used."));
        }
        let prepared = self.prepare(sql, transaction).await?;
        self.last_prepared += 1;
        let number = self.last_prepared;
        self.session
            .add_protocol_statement(&name(number), &prepared);
        let statement = Statement {
            prepared: prepared.clone(),
            parameters: None,
            parameter_bytes: 0,
        };
        self.prepared.insert(number, statement);
        Ok((Bytes::from(number.to_string()), prepared))
    }

    /// SQL's own ways to forget what was prepared.
    fn forget_deallocated(&mut self) {
        let session = &self.session;
        self.prepared
            .retain(|number, _| session.has_protocol_statement(&name(*number)));
    }

    fn statement(&mut self, handle: &Bytes) -> Result<&mut Statement> {
        self.forget_deallocated();
        let number = std::str::from_utf8(handle).ok();
        let number = number.and_then(|number| number.parse().ok());
        number
            .and_then(|number: u64| self.prepared.get_mut(&number))
            .ok_or_else(|| {
                Error::new(
                    state::INVALID_SQL_STATEMENT_NAME,
                    "the prepared statement does not exist",
                )
            })
    }

    pub fn prepared_statement(&mut self, handle: &Bytes) -> Result<Arc<Prepared>> {
        Ok(self.statement(handle)?.prepared.clone())
    }

    /// Closing what isn't there is no error.
    pub fn close_prepared(&mut self, handle: &Bytes) {
        let number = std::str::from_utf8(handle).ok();
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            self.session.remove_protocol_statement(&name(number));
            self.prepared.remove(&number);
        }
    }

    /// Keeps rows of parameters for the statement's next run.
    pub fn bind(&mut self, handle: &Bytes, batches: &[RecordBatch]) -> Result<()> {
        let prepared = self.prepared_statement(handle)?;
        let mut rows = Vec::new();
        for batch in batches {
            rows.extend(self.parameters(&prepared.params, batch)?);
        }
        let bytes = batches.iter().map(RecordBatch::get_array_memory_size);
        let bytes = bytes.sum();
        let others: usize = self.prepared.values().map(|one| one.parameter_bytes).sum();
        if others.saturating_add(bytes) > self.limits.parameter_bytes {
            return Err(too_many_parameters(self.limits.parameter_bytes));
        }
        let statement = self.statement(handle)?;
        statement.parameters = Some(rows);
        statement.parameter_bytes = bytes;
        Ok(())
    }

    /// The statement with what was bound to it last.
    pub fn bound(&mut self, handle: &Bytes) -> Result<(Arc<Prepared>, Parameters)> {
        let statement = self.statement(handle)?;
        let parameters = statement.parameters.clone();
        Ok((
            statement.prepared.clone(),
            parameters.unwrap_or_else(|| vec![Vec::new()]),
        ))
    }

    /// A batch's rows as values of the parameters' types, by their place.
    pub fn parameters(&self, types: &[SqlType], batch: &RecordBatch) -> Result<Parameters> {
        if batch.num_columns() != types.len() {
            return Err(Error::new(
                state::PROTOCOL_VIOLATION,
                format!(
                    "{} parameters are bound, but the statement requires {}",
                    batch.num_columns(),
                    types.len()
                ),
            ));
        }
        let columns = inward_columns(batch, types, self.session.format())?;
        let mut rows = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let mut values = vec![Value::Null; types.len()];
            for (column, slot) in columns.iter().zip(&mut values) {
                column.put(row, slot)?;
            }
            rows.push(values);
        }
        Ok(rows)
    }
}

pub fn too_many_parameters(most: usize) -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "the bound parameters are too large",
    )
    .with_detail(format!("At most {most} bytes are accepted."))
    .with_hint("Bind them in several calls, or use bulk ingestion.")
}
