//! The point path: statements about few rows named by their keys, compiled once
//! and run straight on the store.
//!
//! What it takes: SELECT over one table by primary key, by index, by a range or
//! a prefix of either, in key order with LIMIT, and the same FOR UPDATE; SELECT
//! of constants; INSERT ... VALUES with ON CONFLICT and RETURNING; UPDATE and
//! DELETE of rows found in those ways. What it doesn't take in full it leaves to
//! the planner ([`PointPlan::compile`] answers `None`): the two answer alike.
//!
//! Reading order: `compile` (syntax to plan), `access` (which key leads to the
//! rows; a pure decision), `key` (conditions to bytes), `cursor` (carrying the
//! access out), `select`, `insert`, `change` (UPDATE, DELETE), `rows`.

mod access;
mod change;
mod compile;
mod cursor;
mod describe;
mod insert;
mod key;
pub(crate) mod needs;
pub(crate) mod rows;
mod select;

#[cfg(test)]
pub(crate) mod tests;

use crate::access::Need;
use crate::expr::{Env, Facts, NoRow, RowExpr};
use crate::rows::{ColumnDesc, RowBatch, Rows, Tag};
use crate::settings::Settings;
use change::{Change, Delete, Update};
#[cfg(not(feature = "datafusion"))]
pub(crate) use compile::name::of as output_name;
use insert::Insert;
use orbit_core::catalog::{Catalog, Table};
use orbit_core::database::ReadView;
use orbit_core::txn::{RowLock, Transaction};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use select::Select;
use sqlparser::ast::Statement;
use std::sync::Arc;

pub use crate::literals::LiteralCache;
pub use rows::PointRows;

type Outcome = (Tag, Option<Rows>);

enum Kind {
    /// No table at all.
    Constants(Vec<RowExpr>),
    Select(Arc<Select>),
    Insert(Box<Insert>),
    Update(Box<Change<Update>>),
    Delete(Box<Change<Delete>>),
}

/// A statement of the point path, ready to run any number of times.
pub struct PointPlan {
    table: Option<Arc<Table>>,
    params: Vec<SqlType>,
    columns: Option<Arc<[ColumnDesc]>>,
    kind: Kind,
    needs: Vec<Need>,
}

/// Buffers a session keeps from statement to statement, so that a point read
/// allocates nothing of its own.
#[derive(Default)]
pub struct Scratch {
    key: Vec<u8>,
    spare: Vec<u8>,
}

/// A larger buffer is given back to the allocator rather than kept.
const MAX_SPARE_BYTES: usize = 64 << 10;

impl Scratch {
    fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    /// Takes an answer's buffer back once it was sent.
    pub fn recycle(&mut self, rows: PointRows) {
        let buffer = rows.into_buffer();
        if buffer.capacity() <= MAX_SPARE_BYTES {
            self.spare = buffer;
        }
    }
}

impl PointPlan {
    /// `Ok(None)`: the statement is none of the point path; the planner takes
    /// it. `Err`: PostgreSQL would refuse it too.
    pub fn compile(
        catalog: &Catalog,
        settings: &Settings,
        statement: &Statement,
        declared: &[Option<SqlType>],
    ) -> Result<Option<PointPlan>> {
        compile::compile(catalog, settings, statement, declared)
    }

    pub fn params(&self) -> &[SqlType] {
        &self.params
    }

    /// What must be allowed for it to run.
    pub(crate) fn needs(&self) -> &[Need] {
        &self.needs
    }

    pub fn columns(&self) -> Option<&Arc<[ColumnDesc]>> {
        self.columns.as_ref()
    }

    /// Whether the table is still the very one the plan was made for.
    pub fn is_current(&self, catalog: &Catalog) -> bool {
        match &self.table {
            None => true,
            Some(table) => catalog
                .table_by_id(table.id)
                .is_some_and(|now| Arc::ptr_eq(now, table)),
        }
    }

    pub fn tables(&self) -> &[Arc<Table>] {
        match &self.table {
            Some(table) => std::slice::from_ref(table),
            None => &[],
        }
    }

    /// `INSERT`, `UPDATE`, `DELETE`, `SELECT FOR UPDATE`; `None` for a mere read.
    pub fn writes(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Constants(_) => None,
            Kind::Select(select) => select.lock.map(|(mode, _)| match mode {
                RowLock::Update => "SELECT FOR UPDATE",
                RowLock::NoKeyUpdate => "SELECT FOR NO KEY UPDATE",
                RowLock::Share => "SELECT FOR SHARE",
                RowLock::KeyShare => "SELECT FOR KEY SHARE",
            }),
            Kind::Insert(_) => Some("INSERT"),
            Kind::Update(_) => Some("UPDATE"),
            Kind::Delete(_) => Some("DELETE"),
        }
    }

    /// A SELECT that locks nothing: runs on a [`ReadView`] alone.
    pub fn is_read(&self) -> bool {
        match &self.kind {
            Kind::Constants(_) => true,
            Kind::Select(select) => select.lock.is_none(),
            _ => false,
        }
    }

    /// The whole answer at once, for a plan that finds at most one row by its
    /// primary key; `None` for any other. The caller has checked
    /// [`PointPlan::is_current`] with the view's catalog.
    pub fn read_one(
        &self,
        view: &ReadView,
        params: &[Value],
        facts: &Facts,
        scratch: &mut Scratch,
    ) -> Result<Option<PointRows>> {
        match &self.kind {
            Kind::Select(select) if select.lock.is_none() => {
                select.read_one(view, &Env { params, facts }, scratch)
            }
            _ => Ok(None),
        }
    }

    /// Runs a plan for which [`PointPlan::is_read`] holds.
    pub fn read(
        &self,
        view: &ReadView,
        params: &[Value],
        facts: &Facts,
        scratch: &mut Scratch,
    ) -> Result<Rows> {
        match &self.kind {
            Kind::Constants(exprs) => {
                let env = Env { params, facts };
                let row = exprs
                    .iter()
                    .map(|expr| expr.eval_value(&NoRow, &env))
                    .collect::<Result<Vec<_>>>()?;
                let columns = self
                    .columns
                    .clone()
                    .ok_or_else(|| Error::internal("a SELECT without columns"))?;
                Ok(Rows::once(columns, RowBatch::Values(vec![row])))
            }
            Kind::Select(select) => select.read(select, view, params, facts, scratch),
            _ => Err(Error::internal("not a point read")),
        }
    }

    /// INSERT, UPDATE, DELETE, SELECT FOR UPDATE within a transaction whose
    /// statement has begun. Rows: RETURNING, or what FOR UPDATE selects.
    /// [`orbit_core::state::STALE_PLAN`]: the table was changed meanwhile; compile again.
    pub async fn write(
        &self,
        txn: &mut Transaction,
        params: &[Value],
        facts: &Facts,
    ) -> Result<(Tag, Option<Rows>)> {
        let table = self
            .table
            .as_ref()
            .ok_or_else(|| Error::internal("not a point write"))?;
        match &self.kind {
            Kind::Constants(_) => Err(Error::internal("not a point write")),
            Kind::Select(select) => match select.lock {
                Some(lock) => select.lock(txn, params, facts, lock).await,
                None => Err(Error::internal("not a point write")),
            },
            Kind::Insert(insert) => insert.run(txn, table, params, facts).await,
            Kind::Update(update) => update.run(txn, table, params, facts).await,
            Kind::Delete(delete) => delete.run(txn, table, params, facts).await,
        }
    }

    /// What EXPLAIN prints, one line each: `Point Read on t using t_pkey`.
    pub fn describe(&self) -> Vec<String> {
        describe::describe(self)
    }
}
