//! RETURNING, and the expressions of ON CONFLICT: over rows as they are written.

use crate::planned::arrow::nested::flat;
use crate::planned::arrow::{array_of, cell, field};
use crate::planned::bind::from::target::{Conditions, Target};
use crate::planned::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use crate::planned::bind::{Binder, Bound};
use crate::planned::error::Told;
use crate::planned::types;
use crate::rows::ColumnDesc;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::create_physical_expr;
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
    /// Rows of the target's table side by side, as the target shows them under these
    /// names; only of the first one is it noted what is read.
    pub fn new(
        binder: &mut Binder<'_>,
        target: &Target,
        aliases: &[Option<&ast::TableAlias>],
    ) -> Result<RowScope> {
        let mut columns = Vec::new();
        let mut scope = Scope::default();
        for (number, alias) in aliases.iter().enumerate() {
            let noted = number == 0;
            let row = RowScope::row(target, *alias, noted, &mut columns);
            let (row, _) = binder.seen_through(target, row, *alias, Conditions::None, noted)?;
            // Unqualified names mean the first row's columns.
            if scope.visible.is_empty() {
                scope.visible = row.visible;
            }
            scope.relations.extend(row.relations);
        }
        Ok(RowScope { scope, columns })
    }

    /// A row of the target's table, as it lies behind the columns there are.
    fn row(
        target: &Target,
        alias: Option<&ast::TableAlias>,
        noted: bool,
        columns: &mut Vec<SqlType>,
    ) -> Scope {
        let table = &target.table;
        let of_table = table.columns.iter().enumerate().map(|(i, column)| {
            let inner = format!("c{}", columns.len());
            columns.push(column.sql_type.clone());
            ScopeColumn {
                name: column.name.clone(),
                bound: Bound {
                    origin: Some((table.oid, i16::try_from(table.attnum(i)).unwrap_or(0))),
                    source: noted.then_some((target.need(), i)),
                    ..Bound::new(
                        Expr::Column(Column::new_unqualified(inner)),
                        column.sql_type.clone(),
                    )
                },
            }
        });
        let row = ScopeRelation {
            alias: alias.map_or_else(|| table.name.clone(), |alias| types::fold(&alias.name)),
            schema: noted.then(|| table.schema.clone()),
            columns: of_table.collect(),
            primary_key: Vec::new(),
        };
        Scope::of(row)
    }

    /// The conditions of the target's views WITH CHECK OPTION over a row of its table.
    pub fn conditions(
        binder: &mut Binder<'_>,
        target: &Target,
    ) -> Result<(RowScope, Vec<Option<Expr>>)> {
        let mut columns = Vec::new();
        let row = RowScope::row(target, None, false, &mut columns);
        let (scope, conditions) =
            binder.seen_through(target, row, None, Conditions::Checked, false)?;
        Ok((RowScope { scope, columns }, conditions))
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
    /// Of a scope whose first relation is what is written to.
    pub fn of(scope: &Scope, target: &Target) -> Others {
        let own = target.table.columns.len();
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
        let visible = scope.visible.iter().skip(target.width());
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
        target: &Target,
        alias: Option<&ast::TableAlias>,
        items: Option<&[ast::SelectItem]>,
        others: Option<&Others>,
    ) -> Result<Option<Returning>> {
        let Some(items) = items else {
            return Ok(None);
        };
        let mut rows = RowScope::new(binder, target, &[alias])?;
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
