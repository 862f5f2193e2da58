//! RETURNING, and the expressions of ON CONFLICT: over rows as they are written.

use crate::planned::arrow::nested::flat;
use crate::planned::arrow::{array_of, cell, field};
use crate::planned::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use crate::planned::bind::{Binder, Bound};
use crate::planned::error::Told;
use crate::rows::ColumnDesc;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::create_physical_expr;
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use sqlparser::ast;
use std::sync::Arc;

/// Columns of one or two rows side by side, and expressions over them.
pub struct RowExprs {
    schema: SchemaRef,
    named: DFSchema,
    columns: Vec<SqlType>,
    exprs: Vec<(Expr, SqlType)>,
    state: SessionState,
}

/// A scope whose columns are `c0`, `c1`, ... of a row in memory.
pub struct RowScope {
    pub scope: Scope,
    columns: Vec<SqlType>,
}

impl RowScope {
    /// `relations`: alias, schema and table of each row, side by side, and the need
    /// that reading its columns adds to.
    pub fn new(relations: &[(String, Option<String>, &Table, Option<usize>)]) -> RowScope {
        let mut columns = Vec::new();
        let mut scope = Scope::default();
        for (alias, schema, table, need) in relations {
            let relation = ScopeRelation {
                alias: alias.clone(),
                schema: schema.clone(),
                columns: table
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(i, column)| {
                        let inner = format!("c{}", columns.len());
                        columns.push(column.sql_type.clone());
                        ScopeColumn {
                            name: column.name.clone(),
                            bound: Bound {
                                origin: Some((
                                    table.oid,
                                    i16::try_from(table.attnum(i)).unwrap_or(0),
                                )),
                                source: need.map(|need| (need, i)),
                                ..Bound::new(
                                    Expr::Column(Column::new_unqualified(inner)),
                                    column.sql_type.clone(),
                                )
                            },
                        }
                    })
                    .collect(),
                primary_key: Vec::new(),
            };
            // Unqualified names mean the first row's columns.
            if scope.visible.is_empty() {
                scope.visible.clone_from(&relation.columns);
            }
            scope.relations.push(relation);
        }
        RowScope { scope, columns }
    }

    /// Columns of other relations, behind those of the row.
    fn beside(&mut self, others: &Others) {
        self.columns
            .extend(others.exprs.iter().map(|(_, ty)| ty.clone()));
        self.scope
            .relations
            .extend(others.relations.iter().cloned());
        self.scope.visible.extend(others.visible.iter().cloned());
    }

    pub fn compile(self, exprs: Vec<(Expr, SqlType)>, state: &SessionState) -> Result<RowExprs> {
        for (expr, _) in &exprs {
            let subquery = expr
                .exists(|expr| {
                    Ok(matches!(
                        expr,
                        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
                    ))
                })
                .told()?;
            if subquery {
                return Err(Error::unsupported("a subquery in RETURNING or ON CONFLICT"));
            }
        }
        let schema = Arc::new(Schema::new(
            self.columns
                .iter()
                .enumerate()
                .map(|(i, ty)| field(&format!("c{i}"), ty))
                .collect::<Vec<_>>(),
        ));
        let named = DFSchema::try_from(schema.clone()).told()?;
        Ok(RowExprs {
            schema,
            named,
            columns: self.columns,
            exprs,
            state: state.clone(),
        })
    }
}

/// The relations of UPDATE's FROM and DELETE's USING, which RETURNING may name.
#[derive(Default)]
pub struct Others {
    relations: Vec<ScopeRelation>,
    visible: Vec<ScopeColumn>,
    /// What the input query has to give for them, behind its own columns.
    exprs: Vec<(Expr, SqlType)>,
}

impl Others {
    /// Of a scope whose first relation is the table written to.
    pub fn of(scope: &Scope, table: &Table) -> Others {
        let own = table.columns.len();
        let mut others = Others::default();
        let mut relations = Vec::new();
        for relation in scope.relations.iter().skip(1) {
            let columns = relation.columns.iter();
            relations.push(ScopeRelation {
                columns: columns.map(|column| others.column(column, own)).collect(),
                primary_key: Vec::new(),
                ..relation.clone()
            });
        }
        let visible = scope.visible.iter().skip(own);
        others.visible = visible.map(|column| others.column(column, own)).collect();
        others.relations = relations;
        others
    }

    /// The column as it lies behind the row's own.
    fn column(&mut self, column: &ScopeColumn, own: usize) -> ScopeColumn {
        let known = self
            .exprs
            .iter()
            .position(|(expr, _)| *expr == column.bound.expr);
        let at = known.unwrap_or_else(|| {
            let ty = match &column.bound.ty {
                SqlType::Unknown => SqlType::Text,
                other => other.clone(),
            };
            self.exprs.push((column.bound.expr.clone(), ty));
            self.exprs.len() - 1
        });
        let inner = Column::new_unqualified(format!("c{}", own + at));
        let ty = self
            .exprs
            .get(at)
            .map_or(SqlType::Text, |(_, ty)| ty.clone());
        ScopeColumn {
            name: column.name.clone(),
            bound: Bound {
                origin: column.bound.origin,
                source: column.bound.source,
                ..Bound::new(Expr::Column(inner), ty)
            },
        }
    }

    /// Adds to the input query's columns.
    pub fn select(&self, exprs: &mut Vec<Expr>, types: &mut Vec<SqlType>) {
        for (at, (expr, ty)) in self.exprs.iter().enumerate() {
            exprs.push(expr.clone().alias(format!("o{at}")));
            types.push(ty.clone());
        }
    }
}

impl RowExprs {
    /// The expressions' values for each row; a row has a value for each column.
    pub fn eval(
        &self,
        rows: &[Vec<Value>],
        put: &dyn Fn(Expr) -> Result<Expr>,
    ) -> Result<Vec<Vec<Value>>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (at, ty) in self.columns.iter().enumerate() {
            let column: Vec<Value> = rows
                .iter()
                .map(|row| row.get(at).cloned().unwrap_or_default())
                .collect();
            arrays.push(array_of(ty, &column)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(datafusion::error::DataFusionError::from)
            .told()?;
        let mut answer: Vec<Vec<Value>> = rows
            .iter()
            .map(|_| Vec::with_capacity(self.exprs.len()))
            .collect();
        for (expr, ty) in &self.exprs {
            let expr = put(expr.clone())?;
            let physical = create_physical_expr(
                &expr,
                &self.named,
                self.state.execution_props(),
                &Default::default(),
            )
            .told()?;
            let column = physical
                .evaluate(&batch)
                .told()?
                .into_array(rows.len())
                .told()?;
            for (row, out) in answer.iter_mut().enumerate() {
                out.push(match cell(&column, row, ty)?.to_owned() {
                    Value::Array(array) => Value::Array(flat(array)),
                    other => other,
                });
            }
        }
        Ok(answer)
    }
}

pub struct Returning {
    pub columns: Arc<[ColumnDesc]>,
    pub exprs: RowExprs,
}

impl Returning {
    pub fn prepare(
        binder: &mut Binder<'_>,
        state: &SessionState,
        (table, need): (&Table, usize),
        alias: &str,
        items: Option<&[ast::SelectItem]>,
        others: Option<&Others>,
    ) -> Result<Option<Returning>> {
        let Some(items) = items else {
            return Ok(None);
        };
        let schema = Some(table.schema.clone());
        let mut rows = RowScope::new(&[(alias.to_owned(), schema, table, Some(need))]);
        if let Some(others) = others {
            rows.beside(others);
        }
        let items = binder.items(&rows.scope, items)?;
        let mut columns = Vec::with_capacity(items.len());
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            let bound = binder.standalone_bound(item.bound)?;
            columns.push(ColumnDesc {
                name: item.name,
                sql_type: match (&bound.ty, bound.origin) {
                    (SqlType::Numeric(_), None) => SqlType::Numeric(None),
                    (ty, _) => ty.clone(),
                },
                table_oid: bound.origin.map_or(0, |(oid, _)| oid),
                attnum: bound.origin.map_or(0, |(_, attnum)| attnum),
                precision: binder.precision_of(bound.origin),
            });
            exprs.push((bound.expr, bound.ty));
        }
        Ok(Some(Returning {
            columns: columns.into(),
            exprs: rows.compile(exprs, state)?,
        }))
    }
}
