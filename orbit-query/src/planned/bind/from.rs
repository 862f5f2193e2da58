//! FROM: tables, subqueries, functions, joins. What a name means there is in
//! `from/table.rs`, what joins do in `from/join.rs`.

mod join;
mod sample;
mod table;
pub(in crate::planned) mod target;

use super::keys::forget_dependencies;
use super::operator::balanced;
use super::scope::{Scope, ScopeColumn, ScopeRelation};
use super::subquery::subquery;
use super::{Binder, Bound, BoundQuery, Clause};
use crate::planned::error::Told;
use crate::planned::fence;
use crate::planned::types;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Spanned, TableFactor};

/// A part of FROM, resolved.
pub(in crate::planned) struct Relation {
    pub plan: LogicalPlan,
    pub scope: Scope,
}

impl Binder<'_> {
    pub(super) fn from_clause(&mut self, from: &[ast::TableWithJoins]) -> Result<Relation> {
        let mut whole: Option<Relation> = None;
        for item in from {
            let left = whole.take();
            whole = Some(self.table_with_joins(item, left)?);
        }
        match whole {
            Some(relation) => Ok(relation),
            None => Ok(Relation {
                plan: LogicalPlanBuilder::empty(true).build().told()?,
                scope: Scope::default(),
            }),
        }
    }

    /// One comma-separated item, put beside what stands left of it.
    pub(in crate::planned) fn table_with_joins(
        &mut self,
        item: &ast::TableWithJoins,
        left: Option<Relation>,
    ) -> Result<Relation> {
        if item.joins.is_empty() {
            return match left {
                None => self.factor(&item.relation, None),
                Some(left) => self.cross(left, &item.relation),
            };
        }
        // `a, b JOIN c` binds b JOIN c first; b and c may look at a only if LATERAL.
        let lateral = left.as_ref().map(|left| left.scope.clone());
        let mut right = match &left {
            Some(_) if is_lateral(&item.relation) => {
                let left = left.ok_or_else(|| Error::internal("no left side"))?;
                let mut whole = self.cross(left, &item.relation)?;
                for join in &item.joins {
                    whole = self.join(whole, join, None)?;
                }
                return Ok(whole);
            }
            _ => self.factor(&item.relation, None)?,
        };
        for join in &item.joins {
            right = self.join(right, join, lateral.as_ref())?;
        }
        match left {
            None => Ok(right),
            Some(left) => Ok(Relation {
                plan: LogicalPlanBuilder::from(left.plan)
                    .cross_join(right.plan)
                    .told()?
                    .build()
                    .told()?,
                scope: left.scope.beside(right.scope)?,
            }),
        }
    }

    fn cross(&mut self, left: Relation, factor: &TableFactor) -> Result<Relation> {
        if let Some(call) = self.function_of(factor) {
            return self.function_beside(Some(left), &call, false);
        }
        let right = self.factor(factor, Some(&left.scope))?;
        Ok(Relation {
            plan: LogicalPlanBuilder::from(left.plan)
                .cross_join(right.plan)
                .told()?
                .build()
                .told()?,
            scope: left.scope.beside(right.scope)?,
        })
    }

    fn factor(&mut self, factor: &TableFactor, left: Option<&Scope>) -> Result<Relation> {
        if let Some(call) = self.function_of(factor) {
            return self.function_beside(None, &call, false);
        }
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                sample,
                ..
            } => {
                let relation = self
                    .table(name, alias.as_ref())
                    .map_err(|error| self.placed_in(error, name.span()))?;
                match sample {
                    Some(sample) => self.sampled(relation, sample),
                    None => Ok(relation),
                }
            }
            TableFactor::Derived {
                sample: Some(_), ..
            } => Err(Error::new(
                state::SYNTAX_ERROR,
                "syntax error at or near \"TABLESAMPLE\"",
            )),
            TableFactor::Derived {
                lateral,
                subquery: query,
                alias,
                ..
            } => {
                if alias.is_none() {
                    return Err(without_alias(query));
                }
                let bound = match left.filter(|_| *lateral) {
                    Some(left) => {
                        let clause = Clause::plain("FROM clause of their own query level");
                        self.within(clause, |binder| binder.inner_query(left, query))?
                    }
                    None => {
                        let clause = std::mem::replace(&mut self.clause, Clause::SELECT);
                        let hidden = self.hidden.len();
                        self.hidden.extend(left.cloned());
                        let bound = self.deeper(|binder| binder.query(query));
                        self.hidden.truncate(hidden);
                        self.clause = clause;
                        bound?
                    }
                };
                self.derived(bound, alias.as_ref(), *lateral)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let relation = self.table_with_joins(table_with_joins, None)?;
                let Some(alias) = alias else {
                    return Ok(relation);
                };
                // One relation from here on; those in it can't be named any more.
                let joined = ScopeRelation {
                    alias: String::new(),
                    schema: None,
                    columns: relation.scope.visible,
                    primary_key: Vec::new(),
                };
                Ok(Relation {
                    plan: relation.plan,
                    scope: Scope::of(self.renamed(joined, Some(alias))?),
                })
            }
            other => Err(Error::unsupported(format_args!("{other} in FROM"))),
        }
    }

    pub(in crate::planned) fn derived(
        &mut self,
        query: BoundQuery,
        alias: Option<&ast::TableAlias>,
        lateral: bool,
    ) -> Result<Relation> {
        let visible_alias = alias
            .map(|alias| types::fold(&alias.name))
            .unwrap_or_default();
        let wish = if visible_alias.is_empty() {
            "subquery"
        } else {
            &visible_alias
        };
        let unique = self.unique_name(wish);
        let plan = fence::whole(forget_dependencies(query.plan)?)?;
        let plan = if lateral {
            LogicalPlan::Subquery(subquery(plan))
        } else {
            plan
        };
        let plan = LogicalPlanBuilder::from(plan)
            .alias(unique.as_str())
            .told()?
            .build()
            .told()?;
        let columns = query
            .columns
            .iter()
            .map(|column| ScopeColumn {
                name: column.name.clone(),
                bound: Bound {
                    origin: column.origin,
                    ..Bound::new(
                        Expr::Column(Column::new(
                            Some(unique.as_str()),
                            column.column.name.clone(),
                        )),
                        if column.ty == SqlType::Unknown {
                            SqlType::Text
                        } else {
                            column.ty.clone()
                        },
                    )
                },
            })
            .collect();
        let relation = self.renamed(
            ScopeRelation {
                alias: visible_alias,
                schema: None,
                columns,
                primary_key: Vec::new(),
            },
            alias,
        )?;
        Ok(Relation {
            plan,
            scope: Scope::of(relation),
        })
    }

    fn renamed(
        &self,
        mut relation: ScopeRelation,
        alias: Option<&ast::TableAlias>,
    ) -> Result<ScopeRelation> {
        let Some(alias) = alias else {
            return Ok(relation);
        };
        relation.alias = types::fold(&alias.name);
        relation.schema = None;
        if alias.columns.len() > relation.columns.len() {
            return Err(Error::new(
                state::INVALID_COLUMN_REFERENCE,
                format!(
                    "table \"{}\" has {} columns available but {} columns specified",
                    relation.alias,
                    relation.columns.len(),
                    alias.columns.len()
                ),
            ));
        }
        for (column, name) in relation.columns.iter_mut().zip(&alias.columns) {
            column.name = types::fold(&name.name);
        }
        Ok(relation)
    }

    /// What of the left side a function in FROM may use, once it is part of the plan.
    pub(super) fn lateral_scope(left: Option<&Relation>) -> Scope {
        left.map(|left| left.scope.clone()).unwrap_or_default()
    }
}

fn without_alias(query: &ast::Query) -> Error {
    let (what, example) = match &*query.body {
        ast::SetExpr::Values(_) => ("VALUES", "VALUES"),
        _ => ("subquery", "SELECT"),
    };
    Error::new(
        state::SYNTAX_ERROR,
        format!("{what} in FROM must have an alias"),
    )
    .with_hint(format!("For example, FROM ({example} ...) [AS] foo."))
}

fn is_lateral(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Derived { lateral, .. } | TableFactor::Function { lateral, .. } => *lateral,
        _ => false,
    }
}

/// The conjuncts of a condition: joins find their keys among them.
pub(super) fn split(expr: Expr) -> Vec<Expr> {
    datafusion::logical_expr::utils::split_conjunction_owned(expr)
}

pub(super) fn all_of(terms: Vec<Expr>) -> Expr {
    balanced(terms, Operator::And)
}
