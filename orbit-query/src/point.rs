//! The point path: statements about few rows named by their keys, compiled once
//! and run straight on the store.

use crate::rows::{ColumnDesc, Rows, Tag};
use crate::settings::Settings;
use crate::statement::Prepared;
use orbit_core::catalog::Catalog;
use orbit_core::database::ReadView;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result};
use sqlparser::ast::Statement;
use std::sync::Arc;

pub struct PointPlan {}

impl PointPlan {
    /// `None`: the statement is none of the point path; the planner takes it.
    pub fn compile(
        _catalog: &Catalog,
        _settings: &Settings,
        _statement: &Statement,
        _declared: &[Option<SqlType>],
    ) -> Result<Option<PointPlan>> {
        Ok(None)
    }

    pub fn params(&self) -> &[SqlType] {
        &[]
    }

    pub fn columns(&self) -> Option<&Arc<[ColumnDesc]>> {
        None
    }

    /// Whether every table is still the very one the plan was made for
    /// (`Arc::ptr_eq` with `catalog.table_by_id`).
    pub fn is_current(&self, _catalog: &Catalog) -> bool {
        false
    }

    /// A SELECT that locks nothing: runs on a [`ReadView`] alone.
    pub fn is_read(&self) -> bool {
        false
    }

    pub fn read(&self, _view: &ReadView, _params: &[Value], _settings: &Settings) -> Result<Rows> {
        Err(Error::internal("not a point read"))
    }

    /// INSERT, UPDATE, DELETE, SELECT FOR UPDATE within a transaction whose
    /// statement has begun. Rows: RETURNING, or what FOR UPDATE selects.
    pub async fn write(
        &self,
        _txn: &mut Transaction,
        _params: &[Value],
        _settings: &Settings,
    ) -> Result<(Tag, Option<Rows>)> {
        Err(Error::internal("not a point write"))
    }

    /// What EXPLAIN prints, one line each: `Point Read on t using t_pkey`.
    pub fn describe(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Stored rows, undecoded.
pub struct PointRows {}

impl PointRows {
    pub fn len(&self) -> usize {
        0
    }

    pub fn value(&self, _row: usize, _column: usize) -> Result<ValueRef<'_>> {
        Ok(ValueRef::Null)
    }
}

/// Statements by their text with the literals taken out; one for each session.
pub struct LiteralCache {}

impl LiteralCache {
    pub fn new(_entries: usize) -> LiteralCache {
        LiteralCache {}
    }

    /// The point statement that `sql` is, and its literals as parameters.
    /// `None`: not one of the point path (or several statements); parse in full.
    pub fn prepare(
        &mut self,
        _sql: &str,
        _catalog: &Catalog,
        _settings: &Settings,
    ) -> Result<Option<(Arc<Prepared>, Vec<Value>)>> {
        Ok(None)
    }
}
