//! Subqueries that are a value: the one of a row and column, or all of a column as an array.

use super::{subquery, with_order};
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound, BoundQuery, literal};
use crate::planned::error::Told;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::operators::identity::identity;
use datafusion::common::Column;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Expr, FetchType, LogicalPlan, LogicalPlanBuilder, SkipType, SortExpr,
};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub(in crate::planned::bind) fn scalar_subquery(
        &mut self,
        scope: &Scope,
        query: &ast::Query,
    ) -> Result<Bound> {
        let inner = self.query_of_expr(scope, query)?;
        self.scalar_of(inner)
    }

    /// The one value of a query of one row and column.
    pub(in crate::planned::bind) fn scalar_of(&mut self, inner: BoundQuery) -> Result<Bound> {
        let ty = self.single_column(&inner)?;
        let ty = if ty == SqlType::Unknown {
            SqlType::Text
        } else {
            ty
        };
        if !inner.plan.all_out_ref_exprs().is_empty() {
            if let Some(rows) = collected(&inner)? {
                let array = Expr::ScalarSubquery(subquery(rows.plan));
                return Ok(Bound::new(only_row(&ty, rows.skip, rows.fetch, array), ty));
            }
        }
        let certain = always_a_row(&inner.plan);
        let value = Expr::ScalarSubquery(subquery(inner.plan));
        // DataFusion takes it for as nullable as its column, and without a row it is NULL.
        let expr = if certain { value } else { identity(value) };
        Ok(Bound::new(expr, ty))
    }

    pub(in crate::planned::bind) fn array_subquery(
        &mut self,
        scope: &Scope,
        query: &ast::Query,
    ) -> Result<Bound> {
        let inner = self.query_of_expr(scope, query)?;
        let element = self.single_column(&inner)?;
        let element = if element == SqlType::Unknown {
            SqlType::Text
        } else {
            element
        };
        let column = inner.columns.first().map(|column| column.column.clone());
        let Some(column) = column else {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "subquery must return only one column",
            ));
        };
        let (plan, order) = with_order(inner.plan)?;
        let aggregate = array_of(column, order);
        let plan = LogicalPlanBuilder::from(plan)
            .aggregate(Vec::<Expr>::new(), vec![aggregate.alias("array")])
            .told()?
            .build()
            .told()?;
        let ty = SqlType::Array(Box::new(element.clone()));
        let empty = literal::constant(
            orbit_core::value::Value::Array(orbit_core::value::Array {
                element,
                dims: Vec::new(),
                items: Vec::new(),
            }),
            ty.clone(),
        )?;
        let expr = datafusion::functions::core::expr_fn::coalesce(vec![
            Expr::ScalarSubquery(subquery(plan)),
            empty.expr,
        ]);
        Ok(Bound::new(expr, ty))
    }
}

/// A subquery's rows as one array, and which of them LIMIT and OFFSET leave.
struct Collected {
    plan: LogicalPlan,
    skip: usize,
    fetch: Option<usize>,
}

/// DataFusion takes a correlated subquery apart only when it aggregates, so one
/// that doesn't has its rows collected. `None`: nothing to do, or nothing we can.
fn collected(query: &BoundQuery) -> Result<Option<Collected>> {
    let Some(column) = query.columns.first() else {
        return Ok(None);
    };
    let mut plan = &query.plan;
    let (mut skip, mut fetch) = (0, None);
    if let LogicalPlan::Limit(limit) = plan {
        let (FetchType::Literal(most), SkipType::Literal(before)) = (
            limit.get_fetch_type().told()?,
            limit.get_skip_type().told()?,
        ) else {
            return Ok(None);
        };
        (skip, fetch) = (before, most);
        plan = &limit.input;
    }
    if aggregates(plan) || plan.max_rows().is_some_and(|rows| rows <= 1) {
        return Ok(None);
    }
    // The order is the aggregate's to make. Above it may stand a projection of
    // columns that leaves out what is sorted by.
    let below = match plan {
        LogicalPlan::Projection(kept)
            if kept.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) =>
        {
            &*kept.input
        }
        other => other,
    };
    let mut order_by = Vec::new();
    if let LogicalPlan::Sort(sort) = below {
        order_by.clone_from(&sort.expr);
        plan = &sort.input;
    }
    let call = array_of(column.column.clone(), order_by);
    let plan = LogicalPlanBuilder::from(plan.clone())
        .aggregate(Vec::<Expr>::new(), vec![call.alias("rows")])
        .told()?
        .build()
        .told()?;
    Ok(Some(Collected { plan, skip, fetch }))
}

fn array_of(column: Column, order_by: Vec<SortExpr>) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        datafusion::functions_aggregate::array_agg::array_agg_udaf(),
        vec![Expr::Column(column)],
        false,
        None,
        order_by,
        None,
    ))
}

/// Whether the query is an aggregate's over all its rows: DataFusion can join to it.
fn aggregates(plan: &LogicalPlan) -> bool {
    let mut plan = plan;
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Filter(filter) if matches!(*filter.input, LogicalPlan::Aggregate(_)) => {
                &filter.input
            }
            LogicalPlan::Aggregate(aggregate) => return aggregate.group_expr.is_empty(),
            _ => return false,
        };
    }
}

/// Whether the query has a row, whatever its tables hold, or may give NULL anyway.
fn always_a_row(plan: &LogicalPlan) -> bool {
    let fields = plan.schema().fields();
    if fields.first().is_some_and(|only| only.is_nullable()) {
        return true;
    }
    let mut plan = plan;
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Aggregate(aggregate) => return aggregate.group_expr.is_empty(),
            _ => return false,
        };
    }
}

/// The one row among those collected; NULL if there is none. Looked at only
/// where the subquery is, for other values of its parameters may find several.
fn only_row(ty: &SqlType, skip: usize, fetch: Option<usize>, array: Expr) -> Expr {
    RowFn::new(
        "only_row".to_owned(),
        format!("{ty:?} {skip} {fetch:?}"),
        vec![SqlType::Array(Box::new(ty.clone()))],
        ty.clone(),
        move |args| {
            let [ValueRef::Array(rows)] = args else {
                return Err(arity());
            };
            let mut rows = rows
                .items
                .iter()
                .skip(skip)
                .take(fetch.unwrap_or(usize::MAX));
            match (rows.next(), rows.next()) {
                (None, _) => Ok(Value::Null),
                (Some(row), None) => Ok(row.clone()),
                _ => Err(Error::new(
                    state::CARDINALITY_VIOLATION,
                    "more than one row returned by a subquery used as an expression",
                )),
            }
        },
    )
    .call(vec![array])
}
