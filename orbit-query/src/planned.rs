//! Statements DataFusion plans and runs.

use crate::engine::EngineOptions;
use crate::rows::{ColumnDesc, Rows, Tag};
use crate::session::SessionFacts;
use crate::settings::Settings;
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::{Catalog, Table};
use orbit_core::database::Database;
use orbit_core::read::ReadView;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result};
use sqlparser::ast::Statement;
use std::sync::Arc;

/// What a statement runs under.
#[derive(Clone)]
pub struct PlanContext {
    pub view: ReadView,
    pub settings: Arc<Settings>,
    pub cancel: CancelToken,
    pub session: Arc<SessionFacts>,
}

pub struct Planner {}

pub struct PlannedStatement {}

impl PlannedStatement {
    pub fn params(&self) -> &[SqlType] {
        &[]
    }

    pub fn columns(&self) -> Option<&Arc<[ColumnDesc]>> {
        None
    }

    pub fn is_current(&self, _catalog: &Catalog) -> bool {
        false
    }

    pub fn tables(&self) -> &[Arc<Table>] {
        &[]
    }

    /// `INSERT`, `UPDATE`, `DELETE`, `SELECT FOR UPDATE`; `None` for a mere read.
    pub fn writes(&self) -> Option<&'static str> {
        None
    }
}

impl Planner {
    pub fn new(_db: &Arc<Database>, _options: &EngineOptions) -> Result<Planner> {
        Ok(Planner {})
    }

    pub async fn prepare(
        &self,
        _ctx: &PlanContext,
        _statement: &Statement,
        _declared: &[Option<SqlType>],
    ) -> Result<PlannedStatement> {
        Err(Error::unsupported("this statement"))
    }

    pub async fn query(
        &self,
        _ctx: &PlanContext,
        _statement: &Arc<PlannedStatement>,
        _params: &[Value],
    ) -> Result<Rows> {
        Err(Error::unsupported("this statement"))
    }

    /// Rows: RETURNING, or what FOR UPDATE selects.
    pub async fn write(
        &self,
        _ctx: &PlanContext,
        _txn: &mut Transaction,
        _statement: &Arc<PlannedStatement>,
        _params: &[Value],
    ) -> Result<(Tag, Option<Rows>)> {
        Err(Error::unsupported("this statement"))
    }

    /// The plan as text, a line each. `analyze` runs it and adds rows and times;
    /// the caller sees to it that nothing is changed without ANALYZE.
    pub async fn explain(
        &self,
        _ctx: &PlanContext,
        _txn: Option<&mut Transaction>,
        _statement: &Statement,
        _analyze: bool,
    ) -> Result<Vec<String>> {
        Err(Error::unsupported("EXPLAIN of this statement"))
    }
}

pub struct ArrowRows {}

impl ArrowRows {
    pub fn len(&self) -> usize {
        0
    }

    pub fn value(&self, _row: usize, _column: usize) -> Result<ValueRef<'_>> {
        Ok(ValueRef::Null)
    }
}
