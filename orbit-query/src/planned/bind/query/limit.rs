//! LIMIT, OFFSET and FETCH.

use crate::planned::bind::scope::Scope;
use crate::planned::bind::subquery::with_order;
use crate::planned::bind::{Binder, Bound, BoundQuery, Clause};
use crate::planned::error::Told;
use crate::planned::fence::{self, Fence};
use crate::planned::types;
use crate::planned::unnest::{asks, columns_of};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_window::expr_fn::{rank, row_number};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, lit,
};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn limited(&mut self, bound: BoundQuery, query: &ast::Query) -> Result<BoundQuery> {
        let (limit, offset) = self.row_counts(query)?;
        let ties = query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties);
        if limit.is_none() && offset.is_none() {
            return Ok(bound);
        }
        let mut asking = false;
        for count in limit.iter().chain(&offset) {
            asking |= asks(count)?;
        }
        if ties || asking {
            let plan = numbered(bound.plan, limit, offset, ties)?;
            return Ok(BoundQuery { plan, ..bound });
        }
        Ok(BoundQuery {
            plan: first_rows(bound.plan, offset, limit)?,
            columns: bound.columns,
        })
    }

    /// LIMIT and OFFSET.
    pub(in crate::planned) fn row_counts(
        &mut self,
        query: &ast::Query,
    ) -> Result<(Option<Expr>, Option<Expr>)> {
        let (limit, offset) = match &query.limit_clause {
            None => (None, None),
            Some(ast::LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if !limit_by.is_empty() {
                    return Err(Error::unsupported("LIMIT BY"));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
                return Err(
                    Error::new(state::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                        .with_hint("Use separate LIMIT and OFFSET clauses."),
                );
            }
        };
        let one = ast::Expr::Value(ast::Value::Number("1".into(), false).into());
        let fetch = match &query.fetch {
            Some(fetch) if fetch.percent => return Err(Error::unsupported("FETCH ... PERCENT")),
            Some(fetch) => Some(fetch.quantity.as_ref().unwrap_or(&one)),
            None => None,
        };
        let limit = self.row_count(
            limit.or(fetch),
            "LIMIT",
            state::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
        )?;
        let offset = self.row_count(
            offset,
            "OFFSET",
            state::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
        )?;
        Ok((limit, offset))
    }

    fn row_count(
        &mut self,
        expr: Option<&ast::Expr>,
        what: &'static str,
        code: orbit_core::error::SqlState,
    ) -> Result<Option<Expr>> {
        let Some(expr) = expr else {
            return Ok(None);
        };
        if matches!(expr, ast::Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case("all")) {
            return Ok(None);
        }
        let bound = self
            .within(Clause::plain(what), |binder| {
                binder.expr(&Scope::default(), expr)
            })
            .map_err(|error| {
                if error.is(state::UNDEFINED_COLUMN) {
                    let told = Error::new(
                        state::INVALID_COLUMN_REFERENCE,
                        format!("argument of {what} must not contain variables"),
                    );
                    return match error.position() {
                        Some(position) => told.at(position),
                        None => told,
                    };
                }
                error
            })?;
        let bound = self
            .coerce_count(bound)
            .map_err(|error| self.placed_at(error, expr))?;
        match &bound.literal {
            Some(Value::Null) => Ok(None),
            Some(Value::Int8(rows)) if *rows < 0 => {
                Err(Error::new(code, format!("{what} must not be negative")))
            }
            _ => Ok(Some(bound.expr)),
        }
    }

    fn coerce_count(&mut self, bound: Bound) -> Result<Bound> {
        if types::category(&bound.ty) != types::Category::Numeric && !bound.is_unknown() {
            return Err(Error::new(
                state::DATATYPE_MISMATCH,
                format!(
                    "argument of LIMIT must be type bigint, not type {}",
                    bound.ty.base()
                ),
            ));
        }
        self.cast(bound, &SqlType::Int8)
    }
}

/// LIMIT and OFFSET. What is volatile in the select list is worked out for rows that count,
/// and those before them, alone.
fn first_rows(plan: LogicalPlan, offset: Option<Expr>, limit: Option<Expr>) -> Result<LogicalPlan> {
    let limited = |plan: LogicalPlan, offset: Option<Expr>, limit: Option<Expr>| {
        LogicalPlanBuilder::from(plan)
            .limit_by_expr(offset, limit)
            .told()?
            .build()
            .told()
    };
    let (last, kept) = match (&plan, last_row(offset.as_ref(), limit.as_ref())) {
        (LogicalPlan::Projection(kept), Some(last)) if kept.expr.iter().any(Expr::is_volatile) => {
            (last, kept)
        }
        _ => return limited(plan, offset, limit),
    };
    for expr in &kept.expr {
        if asks(expr)? {
            return limited(plan, offset, limit);
        }
    }
    let input = match Fence::of(&kept.input) {
        Some(fence) if !fence.is_shared() => &fence.input,
        _ => kept.input.as_ref(),
    };
    let input = limited(input.clone(), None, Some(last))?;
    let plan = LogicalPlanBuilder::from(fence::around(input, fence::own()))
        .project(kept.expr.clone())
        .told()?
        .build()
        .told()?;
    match offset {
        Some(_) => limited(plan, offset, None),
        None => Ok(plan),
    }
}

/// The number of the last row that counts, if that is known.
fn last_row(offset: Option<&Expr>, limit: Option<&Expr>) -> Option<Expr> {
    let number = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    };
    match (offset, limit) {
        (None, limit) => limit.cloned(),
        (Some(offset), Some(limit)) => {
            let last = number(offset)?.saturating_add(number(limit)?);
            Some(lit(last))
        }
        (Some(_), None) => None,
    }
}

/// The first rows by their number, where DataFusion has no LIMIT for it: a count that a
/// query gives, and rows that share the last one's place.
fn numbered(
    plan: LogicalPlan,
    limit: Option<Expr>,
    offset: Option<Expr>,
    ties: bool,
) -> Result<LogicalPlan> {
    let columns = columns_of(&plan);
    let (plan, order) = with_order(plan)?;
    if ties && order.is_empty() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "WITH TIES cannot be specified without ORDER BY clause",
        ));
    }
    let named = |call: Expr, name: &str| -> Result<Expr> {
        let order = match order.is_empty() {
            true => vec![lit(1_i64).sort(true, false)],
            false => order.clone(),
        };
        Ok(call.order_by(order).build().told()?.alias(name))
    };
    let whole = |name: &str| cast(col(name), DataType::Int64);
    let mut calls = vec![named(row_number(), "__number")?];
    if ties {
        calls.push(named(rank(), "__place")?);
    }
    let skip = match offset {
        Some(offset) => coalesce(vec![cast(offset, DataType::Int64), lit(0_i64)]),
        None => lit(0_i64),
    };
    let mut within = whole("__number").gt(skip.clone());
    if let Some(limit) = limit {
        let limit = cast(limit, DataType::Int64);
        let place = whole(if ties { "__place" } else { "__number" });
        within = within.and(limit.clone().is_null().or(place.lt_eq(skip + limit)));
    }
    LogicalPlanBuilder::from(plan)
        .window(calls)
        .told()?
        .filter(within)
        .told()?
        .sort([col("__number").sort(true, false)])
        .told()?
        .project(columns)
        .told()?
        .build()
        .told()
}
