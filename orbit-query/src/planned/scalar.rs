//! One expression over given columns: CHECK, DEFAULT and the like, where the row
//! interpreter has no such function.

use super::PlanContext;
use super::arrow::{array_of, cell, field};
use super::bind::leaning::Leaning;
use super::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use super::bind::{Binder, Bound, Clause};
use super::error::Told;
use super::runtime::Machine;
use super::system::System;
use crate::statement::names::ReadString;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use orbit_core::Result;
use orbit_core::catalog::TableDef;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use sqlparser::ast;
use std::sync::Arc;

pub struct CompiledExpr {
    expr: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    columns: Vec<SqlType>,
    returns: SqlType,
}

/// What `read` gets from a binder that knows nothing of a statement.
fn with_binder<T>(ctx: &PlanContext, read: impl FnOnce(Binder<'_>) -> T) -> T {
    let system = System::new(ctx);
    let lookup = |schema: &str| system.schema(schema);
    read(Binder::new(
        ctx.view.catalog(),
        &ctx.settings,
        &ctx.session,
        &lookup,
        &[],
    ))
}

/// What an expression over a table's columns leans on besides them.
pub fn leaning(ctx: &PlanContext, expr: &ast::Expr, table: &TableDef) -> Result<Leaning> {
    let columns = table.columns.iter();
    let columns: Vec<(String, SqlType)> = columns
        .map(|column| (column.name.clone(), column.sql_type.clone()))
        .collect();
    with_binder(ctx, |mut binder| {
        binder.watch_leaning();
        binder.standalone(&scope_of(&table.name, &columns), expr)?;
        Ok(binder.leaning.unwrap_or_default())
    })
}

/// What the strings in an expression are read as, where its value is to be of a type; those
/// behind an error are left out.
pub fn strings(
    ctx: &PlanContext,
    expr: &ast::Expr,
    (relation, columns): (&str, &[(String, SqlType)]),
    wanted: Option<&SqlType>,
) -> Vec<ReadString> {
    with_binder(ctx, |mut binder| {
        binder.strings = Some(Vec::new());
        let clause = Clause::plain("an expression");
        let bound = binder.within_clause(clause, &scope_of(relation, columns), expr);
        // Whoever runs the statement says what is wrong with it.
        let _ = bound.and_then(|bound| match wanted {
            Some(ty) => binder.assignment(bound, ty).map(|_| ()),
            None => binder.standalone_bound(bound).map(|_| ()),
        });
        binder.strings.unwrap_or_default()
    })
}

fn scope_of(alias: &str, columns: &[(String, SqlType)]) -> Scope {
    Scope::of(ScopeRelation {
        alias: alias.to_owned(),
        schema: None,
        columns: columns
            .iter()
            .map(|(name, ty)| ScopeColumn {
                name: name.clone(),
                bound: Bound::new(Expr::Column(Column::new_unqualified(name)), ty.clone()),
            })
            .collect(),
        primary_key: Vec::new(),
    })
}

pub fn compile(
    machine: &Machine,
    ctx: &PlanContext,
    expr: &ast::Expr,
    columns: &[(String, SqlType)],
) -> Result<CompiledExpr> {
    let scope = scope_of("", columns);
    let bound = with_binder(ctx, |mut binder| binder.standalone(&scope, expr))?;
    let schema = Arc::new(Schema::new(
        columns
            .iter()
            .map(|(name, ty)| field(name, ty))
            .collect::<Vec<_>>(),
    ));
    let named = DFSchema::try_from(schema.clone()).told()?;
    let state = System::new(ctx).state(machine);
    let expr = super::statement::moment_values(bound.expr, ctx)?;
    let expr =
        create_physical_expr(&expr, &named, state.execution_props(), &Default::default()).told()?;
    Ok(CompiledExpr {
        expr,
        schema,
        columns: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        returns: bound.ty,
    })
}

impl CompiledExpr {
    pub fn sql_type(&self) -> &SqlType {
        &self.returns
    }

    /// The value for one row; `row` has a value for each column.
    pub fn eval(&self, row: &[Value]) -> Result<Value> {
        let arrays = self
            .columns
            .iter()
            .zip(row)
            .map(|(ty, value)| array_of(ty, std::slice::from_ref(value)))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(datafusion::error::DataFusionError::from)
            .told()?;
        let result = self.expr.evaluate(&batch).told()?.into_array(1).told()?;
        Ok(cell(&result, 0, &self.returns)?.to_owned())
    }
}
