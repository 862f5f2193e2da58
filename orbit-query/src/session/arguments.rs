//! SQL-level PREPARE, EXECUTE, DEALLOCATE.

use super::Session;
use crate::rows::{Outcome, Tag};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, cast};
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

/// The parameters that came with a statement, for the query within it.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub values: &'a [Value],
    pub types: &'a [SqlType],
}

impl Given<'_> {
    pub fn declared(self) -> Vec<Option<SqlType>> {
        self.types.iter().cloned().map(Some).collect()
    }
}

impl Session {
    pub(super) async fn run_prepare(
        &mut self,
        name: &str,
        types: &[SqlType],
        sql: &str,
    ) -> Result<Outcome> {
        if self.known_by(name).is_some() {
            return Err(Error::new(
                state::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        let declared: Vec<_> = types
            .iter()
            .map(|one| (*one != SqlType::Unknown).then(|| one.clone()))
            .collect();
        let prepared = self.prepare_text(sql, &declared).await?;
        self.check_names(&prepared)?;
        self.backend.note_prepared(name, &prepared, true);
        self.named.insert(name.to_owned(), prepared);
        Ok(Outcome::Done(Tag::Other("PREPARE")))
    }

    /// A statement by the name that PREPARE or a protocol message gave it.
    pub(super) fn known_by(&self, name: &str) -> Option<Arc<crate::Prepared>> {
        if let Some(statement) = self.named.get(name) {
            return Some(statement.clone());
        }
        if !self.protocol_named.contains(name) {
            return None;
        }
        let prepared = self.backend.prepared.lock();
        prepared.get(name).map(|facts| facts.statement.clone())
    }

    pub(super) async fn run_execute(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
    ) -> Result<Outcome> {
        let (statement, params) = self.executed(name, arguments).await?;
        self.run_boxed(&statement, &params).await
    }

    /// What an EXECUTE runs, and its parameters.
    pub(crate) async fn executed(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
    ) -> Result<(Arc<crate::Prepared>, Vec<Value>)> {
        let statement = self.known_by(name).ok_or_else(|| unknown_statement(name))?;
        if arguments.len() != statement.params.len() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                format!("wrong number of parameters for prepared statement \"{name}\""),
            )
            .with_detail(format!(
                "Expected {} parameters but got {}.",
                statement.params.len(),
                arguments.len()
            )));
        }
        let mut params = Vec::with_capacity(arguments.len());
        for (argument, wanted) in arguments.iter().zip(&statement.params) {
            let value = self.constant(argument).await?;
            params.push(cast::explicit(value, wanted, &self.settings.format)?);
        }
        Ok((statement, params))
    }

    /// The value of an expression without columns.
    pub(crate) async fn constant(&mut self, expr: &ast::Expr) -> Result<Value> {
        let select = self.prepare_text(&format!("SELECT {expr}"), &[]).await?;
        self.single_value(&select).await
    }

    pub(super) async fn single_value(&mut self, select: &Arc<crate::Prepared>) -> Result<Value> {
        let outcome = self.run_boxed(select, &[]).await?;
        let Outcome::Rows(mut rows) = outcome else {
            return Err(Error::internal("a SELECT gave no rows"));
        };
        match rows.next().await? {
            Some(batch) => Ok(batch.value(0, 0)?.to_owned()),
            None => Ok(Value::Null),
        }
    }

    pub(super) fn run_deallocate(&mut self, name: Option<&str>) -> Result<Outcome> {
        match name {
            None => {
                self.named.clear();
                self.protocol_named.clear();
                self.backend.prepared.lock().clear();
                Ok(Outcome::Done(Tag::Other("DEALLOCATE ALL")))
            }
            Some(name) => {
                if self.named.remove(name).is_none() && !self.protocol_named.remove(name) {
                    return Err(unknown_statement(name));
                }
                self.backend.prepared.lock().remove(name);
                Ok(Outcome::Done(Tag::Other("DEALLOCATE")))
            }
        }
    }
}

fn unknown_statement(name: &str) -> Error {
    Error::new(
        state::INVALID_SQL_STATEMENT_NAME,
        format!("prepared statement \"{name}\" does not exist"),
    )
}
