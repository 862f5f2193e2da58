//! Expressions over one row, compiled once and interpreted over [`Value`]s.
//!
//! The point path, CHECK, DEFAULT, SET, RETURNING and residual filters use this;
//! it gives PostgreSQL's typing, three-valued logic and errors. It knows only what
//! it knows: [`RowExpr::compile`] answers `None` for any shape outside its
//! vocabulary and the caller hands the statement to the planner, so an expression
//! is never evaluated approximately.
//!
//! Reading order: [`types`] (type names), [`scope`] (names and parameters),
//! `compile` (typing rules), `node` (evaluation), then the arithmetic, pattern and
//! function tables.

mod arith;
mod coerce;
mod compile;
mod functions;
pub(crate) mod node;
mod pattern;
pub mod scope;
pub mod types;

#[cfg(test)]
mod tests;

use crate::session::sequences::SessionSequences;
use orbit_core::Result;
use orbit_core::cancel::CancelToken;
use orbit_core::row::RowRef;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Value, ValueRef};
use sqlparser::ast;
use std::sync::Arc;

pub(crate) use compile::{Compiler, Stop};
#[cfg(feature = "datafusion")]
pub(crate) use functions::random;
pub(crate) use node::Node;
pub use scope::{Params, Scope};

/// Expressions nested deeper go to the planner, which bounds its own stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// What an evaluation may ask of its surroundings besides row and parameters.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Microseconds since 1970: what `now()` says throughout a transaction.
    pub transaction_micros: i64,
    pub statement_micros: i64,
    pub format: FormatSettings,
    pub sequences: Arc<SessionSequences>,
    /// Of the statement.
    pub cancel: CancelToken,
}

impl Default for Facts {
    fn default() -> Self {
        Facts {
            transaction_micros: 0,
            statement_micros: 0,
            format: FormatSettings::default(),
            sequences: Arc::default(),
            cancel: CancelToken::default(),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Env<'a> {
    pub params: &'a [Value],
    pub facts: &'a Facts,
}

/// Where column values come from.
pub trait RowSource {
    fn value(&self, column: usize) -> Result<ValueRef<'_>>;
}

/// No columns at all: constants and parameters only.
pub struct NoRow;

impl RowSource for NoRow {
    fn value(&self, _: usize) -> Result<ValueRef<'_>> {
        Err(orbit_core::Error::internal(
            "a constant expression asked for a column",
        ))
    }
}

/// A complete row in memory.
impl RowSource for &[Value] {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match self.get(column) {
            Some(value) => Ok(value.as_ref()),
            None => Err(orbit_core::Error::internal("column beyond the row")),
        }
    }
}

impl RowSource for Vec<Value> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match self.get(column) {
            Some(value) => Ok(value.as_ref()),
            None => Err(orbit_core::Error::internal("column beyond the row")),
        }
    }
}

/// A row as it lies in the store.
pub struct StoredRow<'a> {
    pub row: RowRef<'a>,
    pub table: &'a orbit_core::catalog::Table,
}

impl<'a> StoredRow<'a> {
    pub fn new(bytes: &'a [u8], table: &'a orbit_core::catalog::Table) -> Result<StoredRow<'a>> {
        Ok(StoredRow {
            row: RowRef::new(bytes)?,
            table,
        })
    }
}

impl RowSource for StoredRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        self.row
            .value(&self.table.layout, column, &self.table.missing)
    }
}

/// Two rows side by side: the second one's columns follow the first one's
/// (`ON CONFLICT DO UPDATE`: the row that is there, then `excluded`).
pub struct Beside<'a> {
    pub first: &'a dyn RowSource,
    pub width: usize,
    pub second: &'a dyn RowSource,
}

impl RowSource for Beside<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match column.checked_sub(self.width) {
            None => self.first.value(column),
            Some(column) => self.second.value(column),
        }
    }
}

/// A value on its way through an expression: still in the row, or computed.
#[derive(Clone, Debug)]
pub enum Datum<'a> {
    Ref(ValueRef<'a>),
    Own(Value),
}

impl Datum<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Ref(ValueRef::Null) | Datum::Own(Value::Null))
    }

    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Datum::Ref(value) => value.clone(),
            Datum::Own(value) => value.as_ref(),
        }
    }

    pub fn into_value(self) -> Value {
        match self {
            Datum::Ref(value) => value.to_owned(),
            Datum::Own(value) => value,
        }
    }
}

/// A compiled expression and its static type.
#[derive(Clone, Debug)]
pub struct RowExpr {
    pub(crate) node: Node,
    sql_type: SqlType,
}

impl RowExpr {
    /// `Ok(None)`: not in this interpreter's vocabulary. `Err`: PostgreSQL would
    /// refuse it too.
    pub fn compile(
        expr: &ast::Expr,
        scope: &Scope<'_>,
        params: &mut Params,
    ) -> Result<Option<RowExpr>> {
        Stop::catch(Compiler::new(scope, params).expression(expr))
    }

    /// As `compile`, with the result converted as an assignment to a column of
    /// `target` converts it.
    pub fn compile_as(
        expr: &ast::Expr,
        target: &SqlType,
        scope: &Scope<'_>,
        params: &mut Params,
    ) -> Result<Option<RowExpr>> {
        Stop::catch(Compiler::new(scope, params).assigned(expr, target))
    }

    /// A condition: WHERE, CHECK.
    pub fn compile_condition(
        expr: &ast::Expr,
        scope: &Scope<'_>,
        params: &mut Params,
    ) -> Result<Option<RowExpr>> {
        Stop::catch(Compiler::new(scope, params).condition(expr))
    }

    pub(crate) fn from_parts(node: Node, sql_type: SqlType) -> RowExpr {
        RowExpr { node, sql_type }
    }

    /// A plain column.
    pub fn column(position: usize, sql_type: SqlType) -> RowExpr {
        RowExpr::from_parts(Node::Column(position), sql_type)
    }

    pub fn sql_type(&self) -> &SqlType {
        &self.sql_type
    }

    pub fn as_column(&self) -> Option<usize> {
        match self.node {
            Node::Column(position) => Some(position),
            _ => None,
        }
    }

    /// Gives the same value for every row of a statement.
    pub fn is_constant(&self) -> bool {
        self.node.is_constant()
    }

    pub fn eval<'a>(&'a self, row: &'a dyn RowSource, env: &'a Env<'a>) -> Result<Datum<'a>> {
        self.node.eval(row, env)
    }

    pub fn eval_value(&self, row: &dyn RowSource, env: &Env<'_>) -> Result<Value> {
        self.node.eval(row, env).map(Datum::into_value)
    }

    /// WHERE's reading: NULL is not true.
    pub fn is_true(&self, row: &dyn RowSource, env: &Env<'_>) -> Result<bool> {
        Ok(self.node.truth(row, env)? == Some(true))
    }

    /// CHECK's reading: NULL passes.
    pub fn is_not_false(&self, row: &dyn RowSource, env: &Env<'_>) -> Result<bool> {
        Ok(self.node.truth(row, env)? != Some(false))
    }
}
