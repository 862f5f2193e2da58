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
use crate::planned::fence::{self, Fence};
use crate::planned::unnest::{columns_of, is_correlated};
use datafusion::common::{Column, Spans};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::{
    Expr, Filter, Limit, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr, Subquery, lit, not,
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
        if is_correlated(&bound.plan)? || !fence::is_volatile(&bound.plan)? {
            return Ok(bound);
        }
        // Of IN's query DataFusion wants to see the column: under a name of its own, or it
        // takes the projection for needless.
        let mut exprs = Vec::with_capacity(bound.columns.len());
        let mut columns = bound.columns;
        for (place, column) in columns.iter_mut().enumerate() {
            let name = format!("__once_{place}");
            exprs.push(Expr::Column(column.column.clone()).alias(&name));
            column.column = Column::new_unqualified(name);
        }
        let plan = LogicalPlanBuilder::from(fence::once(bound.plan)?).project(exprs);
        Ok(BoundQuery {
            plan: plan.told()?.build().told()?,
            columns,
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
        let mut plan = self.inner_query(scope, query)?.plan;
        if !is_correlated(&plan)? && fence::is_volatile(&plan)? {
            // Nobody reads the select list, nor a second row.
            if let LogicalPlan::Projection(of) = &plan {
                plan = of.input.as_ref().clone();
            }
            let first = LogicalPlanBuilder::from(plan).limit(0, Some(1)).told()?;
            plan = fence::once(first.build().told()?)?;
        }
        if self.only_true_counts() {
            return Ok(boolean(exists(plan, negated)));
        }
        let found = binary(matches(plan)?, Operator::Gt, lit(0_i64));
        Ok(boolean(if negated { not(found) } else { found }))
    }
}

/// The plan, and its order in columns that it has for that. An aggregate takes its
/// rows in no order but one of its own.
pub(in crate::planned) fn with_order(plan: LogicalPlan) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    Ok(match plan {
        LogicalPlan::Sort(sort) => {
            let order = sort.expr.clone();
            (LogicalPlan::Sort(sort), order)
        }
        LogicalPlan::Limit(limit) => {
            let (input, order) = with_order(Arc::unwrap_or_clone(limit.input))?;
            let limit = Limit {
                input: Arc::new(input),
                ..limit
            };
            (LogicalPlan::Limit(limit), order)
        }
        LogicalPlan::Filter(filter) => {
            let (input, order) = with_order(Arc::unwrap_or_clone(filter.input))?;
            let filter = Filter::new(filter.predicate, Arc::new(input));
            (LogicalPlan::Filter(filter), order)
        }
        LogicalPlan::Projection(kept) => {
            let (input, order) = with_order(kept.input.as_ref().clone())?;
            if order.is_empty() {
                return Ok((LogicalPlan::Projection(kept), order));
            }
            projected(input, kept.expr, order)?
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let (mut input, mut order) = with_order(alias.input.as_ref().clone())?;
            if order.is_empty() {
                return Ok((LogicalPlan::SubqueryAlias(alias), order));
            }
            if !order.iter().all(|by| matches!(by.expr, Expr::Column(_))) {
                let columns = columns_of(&input);
                (input, order) = projected(input, columns, order)?;
            }
            let order = named(order, |_, by| match by {
                Expr::Column(column) => Column::new(Some(alias.alias.clone()), column.name),
                _ => Column::new_unqualified("__by"),
            });
            let plan = LogicalPlanBuilder::from(input).alias(alias.alias).told()?;
            (plan.build().told()?, order)
        }
        other => match Fence::of(&other).filter(|fence| !fence.is_shared()) {
            Some(fence) => {
                let (input, order) = with_order(fence.input.clone())?;
                (fence::around(input, fence.source), order)
            }
            None => (other, Vec::new()),
        },
    })
}

/// A projection that has, besides these, what rows are in order by.
fn projected(
    input: LogicalPlan,
    mut exprs: Vec<Expr>,
    order: Vec<SortExpr>,
) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    // Another reader may have put some there before.
    let have = exprs.len();
    let order = named(order, |place, by| {
        let name = format!("__by_{}", have + place);
        exprs.push(by.alias(&name));
        Column::new_unqualified(name)
    });
    let plan = LogicalPlanBuilder::from(input).project(exprs).told()?;
    Ok((plan.build().told()?, order))
}

/// The order by the columns that its expressions became.
fn named(order: Vec<SortExpr>, mut column: impl FnMut(usize, Expr) -> Column) -> Vec<SortExpr> {
    let order = order.into_iter().enumerate();
    let order = order.map(|(place, by)| SortExpr {
        expr: Expr::Column(column(place, by.expr)),
        ..by
    });
    order.collect()
}

/// FROM with one query in it, whose order its reader's aggregates keep as in
/// PostgreSQL, though no standard promises it.
pub(super) fn order_of_from(plan: LogicalPlan) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    match plan {
        LogicalPlan::SubqueryAlias(_) => with_order(plan),
        plan => Ok((plan, Vec::new())),
    }
}
