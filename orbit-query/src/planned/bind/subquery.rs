//! Queries inside expressions: how they are bound, the order they give their rows, and
//! EXISTS. A file each for IN, for ANY and ALL, and for those that are a value.

mod membership;
mod quantified;
mod scalar;

use super::expr::boolean;
use super::operator::binary;
use super::outer::Around;
use super::scope::Scope;
use super::{Binder, Bound, BoundQuery};
use crate::planned::error::Told;
use crate::planned::fence;
use crate::planned::unnest::is_correlated;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Spans};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::{
    Expr, Limit, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr, Subquery, lit, not,
};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

pub(in crate::planned) fn subquery(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: Spans::new(),
    }
}

fn exists(plan: LogicalPlan, negated: bool) -> Expr {
    Expr::Exists(Exists {
        subquery: subquery(plan),
        negated,
    })
}

/// How many rows the plan has, never NULL.
pub(super) fn matches(plan: LogicalPlan) -> Result<Expr> {
    let counted = LogicalPlanBuilder::from(plan)
        .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("matches")])
        .told()?
        .build()
        .told()?;
    Ok(coalesce(vec![
        Expr::ScalarSubquery(subquery(counted)),
        lit(0_i64),
    ]))
}

impl Binder<'_> {
    /// A query that may name the columns of `scope` and of all around it.
    pub(super) fn inner_query(&mut self, scope: &Scope, query: &ast::Query) -> Result<BoundQuery> {
        self.inside_of(scope, |binder| {
            let aliases = std::mem::take(&mut binder.aliases);
            let clause = std::mem::replace(&mut binder.clause, super::Clause::SELECT);
            let bound = binder.deeper(|binder| binder.query(query));
            binder.clause = clause;
            binder.aliases = aliases;
            bound
        })
    }

    /// The query of an expression. One that looks at nothing around it has its rows once,
    /// however often its plan is used, and shares them with no other of the same text.
    pub(super) fn query_of_expr(
        &mut self,
        scope: &Scope,
        query: &ast::Query,
    ) -> Result<BoundQuery> {
        let bound = self.inner_query(scope, query)?;
        if is_correlated(&bound.plan)? {
            return Ok(bound);
        }
        Ok(BoundQuery {
            plan: fence::once(bound.plan)?,
            ..bound
        })
    }

    /// `work` as of a query inside the one whose names `scope` has.
    pub(super) fn inside_of<T>(
        &mut self,
        scope: &Scope,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.outer.push(Around {
            scope: scope.clone(),
            clause: self.clause,
            owed: std::mem::take(&mut self.owed),
        });
        let result = work(self);
        if let Some(around) = self.outer.pop() {
            self.owed = around.owed;
        }
        result
    }

    fn single_column(&self, query: &BoundQuery) -> Result<SqlType> {
        match query.columns.as_slice() {
            [only] => Ok(only.ty.clone()),
            _ => Err(Error::new(
                state::SYNTAX_ERROR,
                "subquery must return only one column",
            )),
        }
    }

    pub(super) fn exists(
        &mut self,
        scope: &Scope,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        let inner = self.query_of_expr(scope, query)?;
        if self.only_true_counts() {
            return Ok(boolean(exists(inner.plan, negated)));
        }
        let found = binary(matches(inner.plan)?, Operator::Gt, lit(0_i64));
        Ok(boolean(if negated { not(found) } else { found }))
    }
}

/// The plan, and its order in columns that it has for that. An aggregate takes its
/// rows in no order but one of its own.
pub(super) fn with_order(plan: LogicalPlan) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    match plan {
        LogicalPlan::Limit(limit) => {
            let (input, order) = with_order(Arc::unwrap_or_clone(limit.input))?;
            let limit = Limit {
                input: Arc::new(input),
                ..limit
            };
            Ok((LogicalPlan::Limit(limit), order))
        }
        LogicalPlan::Projection(kept) => {
            let LogicalPlan::Sort(sort) = kept.input.as_ref() else {
                return Ok((LogicalPlan::Projection(kept), Vec::new()));
            };
            let mut exprs = kept.expr.clone();
            let mut order = Vec::with_capacity(sort.expr.len());
            for (place, by) in sort.expr.iter().enumerate() {
                let name = format!("__by_{place}");
                exprs.push(by.expr.clone().alias(&name));
                order.push(SortExpr {
                    expr: Expr::Column(Column::new_unqualified(name)),
                    ..by.clone()
                });
            }
            let plan = LogicalPlanBuilder::from(kept.input.as_ref().clone())
                .project(exprs)
                .told()?
                .build()
                .told()?;
            Ok((plan, order))
        }
        LogicalPlan::Sort(sort) => {
            let order = sort.expr.clone();
            Ok((LogicalPlan::Sort(sort), order))
        }
        other => Ok((other, Vec::new())),
    }
}

/// FROM with one query in it, whose order its reader's aggregates keep as in
/// PostgreSQL, though no standard promises it.
pub(super) fn order_of_from(plan: LogicalPlan) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    let LogicalPlan::SubqueryAlias(alias) = plan else {
        return Ok((plan, Vec::new()));
    };
    let name = alias.alias.clone();
    let (inner, order) = with_order(alias.input.as_ref().clone())?;
    if order.is_empty() {
        return Ok((LogicalPlan::SubqueryAlias(alias), order));
    }
    let plan = LogicalPlanBuilder::from(inner)
        .alias(name.clone())
        .told()?
        .build()
        .told()?;
    let order = order.into_iter().map(|by| {
        let expr = by.expr.transform(|expr| {
            Ok(match expr {
                Expr::Column(column) => {
                    let column = Column::new(Some(name.clone()), column.name);
                    Transformed::yes(Expr::Column(column))
                }
                other => Transformed::no(other),
            })
        });
        Ok(SortExpr {
            expr: expr.told()?.data,
            ..by
        })
    });
    Ok((plan, order.collect::<Result<_>>()?))
}
