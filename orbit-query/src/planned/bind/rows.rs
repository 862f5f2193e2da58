//! Row values: `(a, b) = (c, d)`, `row(a, b) IN (...)`, `(a, b) IS NULL`.

use super::expr::boolean;
use super::operator::{balanced, binary, unnested};
use super::outer::outer_of;
use super::scope::Scope;
use super::subquery::{matches, subquery};
use super::{Binder, Bound, Clause};
use crate::planned::aggregates::is_aggregate;
use crate::planned::error::Told;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::types;
use crate::statement::visit;
use datafusion::functions_aggregate::expr_fn::array_agg;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, col, lit, not, when,
};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::ops::ControlFlow;

/// The items of `(a, b)` and `row(a, b)`; `None`: not a row.
pub(in crate::planned) fn row_items(expr: &ast::Expr) -> Option<Vec<&ast::Expr>> {
    match unnested(expr) {
        ast::Expr::Tuple(items) => Some(items.iter().collect()),
        ast::Expr::Function(function) => {
            let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
                return None;
            };
            let ast::FunctionArguments::List(list) = &function.args else {
                return None;
            };
            if name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("row") {
                return None;
            }
            list.args
                .iter()
                .map(|arg| match arg {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect()
        }
        _ => None,
    }
}

impl Binder<'_> {
    /// `(a, b) = (c, d)`, `(a, b) < (c, d)`; `None`: not both sides are rows.
    pub(super) fn row_comparison(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        op: Operator,
        right: &ast::Expr,
    ) -> Result<Option<Bound>> {
        if let (Some(items), ast::Expr::Subquery(query)) = (row_items(left), unnested(right)) {
            return self.row_and_query(scope, &items, op, query).map(Some);
        }
        let is_row = |expr: &ast::Expr| {
            row_items(expr).is_some()
                || matches!(
                    unnested(expr),
                    ast::Expr::Identifier(_) | ast::Expr::Function(_)
                ) && self.row_parts(scope, expr).is_some()
        };
        if !is_row(left) || !is_row(right) {
            return Ok(None);
        }
        let (Some(left), Some(right)) = (self.row_parts(scope, left), self.row_parts(scope, right))
        else {
            return Ok(None);
        };
        if left.len() != right.len() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "unequal number of entries in row expressions",
            ));
        }
        if left.is_empty() {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cannot compare rows of zero length",
            ));
        }
        let mut pairs = Vec::with_capacity(left.len());
        for (l, r) in left.iter().zip(&right) {
            let l = self.expr(scope, l)?;
            let r = self.expr(scope, r)?;
            pairs.push(self.comparable(l, r, &sign_of(op))?);
        }
        Ok(Some(boolean(compare_rows(pairs, op))))
    }

    /// `(a, b) = (SELECT x, y ...)`.
    fn row_and_query(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        op: Operator,
        query: &ast::Query,
    ) -> Result<Bound> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.expr(scope, item)?);
        }
        let columns = self.row_subquery(self.clause, scope, query)?;
        same_width(columns.len(), values.len())?;
        let mut pairs = Vec::with_capacity(values.len());
        for (value, column) in values.into_iter().zip(columns) {
            pairs.push(self.comparable(value, column, &sign_of(op))?);
        }
        Ok(boolean(compare_rows(pairs, op)))
    }

    /// A row is null when all of it is, and not null when none of it is.
    pub(super) fn row_is_null(
        &mut self,
        scope: &Scope,
        inner: &ast::Expr,
        test: fn(Box<Expr>) -> Expr,
    ) -> Result<Option<Bound>> {
        if let Some(columns) = self.row_columns(scope, inner) {
            for column in &columns {
                self.note_read(column);
            }
            let terms = columns.into_iter().map(|bound| test(Box::new(bound.expr)));
            return Ok(Some(boolean(balanced(terms.collect(), Operator::And))));
        }
        let Some(items) = row_items(inner) else {
            return Ok(None);
        };
        let mut terms = Vec::with_capacity(items.len());
        for item in items {
            let bound = self.expr(scope, item)?;
            terms.push(test(Box::new(self.decided(bound)?.expr)));
        }
        Ok(Some(boolean(balanced(terms, Operator::And))))
    }

    /// `values [NOT] IN (the plan's columns)` where its value is wanted: true if a row
    /// equals, else unknown if a row might for all its NULLs tell.
    pub(super) fn row_among(
        &mut self,
        scope: &Scope,
        values: Vec<Bound>,
        plan: LogicalPlan,
        columns: Vec<Bound>,
        negated: bool,
    ) -> Result<Bound> {
        let width = values.len();
        let mut types = Vec::with_capacity(width);
        let (mut ours, mut theirs, mut equal) = (Vec::new(), Vec::new(), Vec::new());
        for (value, column) in values.into_iter().zip(columns) {
            let (value, column, ty) = self.comparable_as(value, column, "=")?;
            let outer = outer_of(scope, value.clone())?;
            equal.push(binary(column.clone(), Operator::Eq, outer));
            ours.push(value);
            theirs.push(column);
            types.push(ty);
        }
        let filtered = |plan: LogicalPlan, condition: Expr| {
            LogicalPlanBuilder::from(plan)
                .filter(condition)
                .told()?
                .build()
                .told()
        };
        let key = row_key(types);
        let collected = |plan: LogicalPlan| -> Result<Expr> {
            let plan = LogicalPlanBuilder::from(plan)
                .project(vec![key.clone().call(theirs.clone()).alias("key")])
                .told()?
                .aggregate(
                    Vec::<Expr>::new(),
                    vec![array_agg(col("key")).alias("keys")],
                )
                .told()?
                .build()
                .told()?;
            Ok(Expr::ScalarSubquery(subquery(plan)))
        };
        let found = filtered(plan.clone(), balanced(equal, Operator::And))?;
        let found = binary(matches(found)?, Operator::Gt, lit(0_i64));
        let is_null = |expr: &Expr| Expr::IsNull(Box::new(expr.clone()));
        let open = balanced(theirs.iter().map(is_null).collect(), Operator::Or);
        let open = collected(filtered(plan.clone(), open)?)?;
        let all = collected(plan)?;
        let ours_open = balanced(ours.iter().map(is_null).collect(), Operator::Or);
        let ours = key.clone().call(ours);
        let among = when(found, lit(true))
            .when(ours_open, might_equal().call(vec![ours.clone(), all]))
            .otherwise(might_equal().call(vec![ours, open]))
            .told()?;
        Ok(boolean(if negated { not(among) } else { among }))
    }

    /// The columns of `(a, b) = (SELECT x, y ...)`, each as a subquery of its own.
    pub(in crate::planned) fn row_subquery(
        &mut self,
        clause: Clause,
        scope: &Scope,
        query: &ast::Query,
    ) -> Result<Vec<Bound>> {
        self.within(clause, |binder| {
            if let Some(queries) = taken_apart(query) {
                return queries
                    .iter()
                    .map(|query| binder.scalar_subquery(scope, query))
                    .collect();
            }
            let inner = binder.query_of_expr(scope, query)?;
            let columns = inner.columns.clone();
            columns
                .into_iter()
                .map(|column| {
                    let plan = LogicalPlanBuilder::from(inner.plan.clone())
                        .project(vec![Expr::Column(column.column.clone())])
                        .told()?
                        .build()
                        .told()?;
                    binder.scalar_of(super::BoundQuery {
                        plan,
                        columns: vec![column],
                    })
                })
                .collect()
        })
    }
}

/// A query for each item of a plain select list; `None`: the items hang together.
fn taken_apart(query: &ast::Query) -> Option<Vec<ast::Query>> {
    let ast::SetExpr::Select(select) = &*query.body else {
        return None;
    };
    let grouped =
        !matches!(&select.group_by, ast::GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let plain = select.projection.iter().all(|item| {
        matches!(
            item,
            ast::SelectItem::UnnamedExpr(_) | ast::SelectItem::ExprWithAlias { .. }
        )
    });
    if !plain || grouped || select.distinct.is_some() || query.order_by.is_some() {
        return None;
    }
    // An item alone must be of as many rows as beside the others.
    let aggregated = select
        .projection
        .iter()
        .filter(|item| aggregates(*item))
        .count();
    if select.having.is_some() || aggregated > 0 && aggregated < select.projection.len() {
        return None;
    }
    let one = |item: &ast::SelectItem| {
        let mut alone = (**select).clone();
        alone.projection = vec![item.clone()];
        ast::Query {
            body: Box::new(ast::SetExpr::Select(Box::new(alone))),
            ..query.clone()
        }
    };
    Some(select.projection.iter().map(one).collect())
}

/// Whether an aggregate is called in it, be it in a query inside it.
fn aggregates(item: &ast::SelectItem) -> bool {
    visit::expressions(item, |expr| match expr {
        ast::Expr::Function(call)
            if call.over.is_none() && is_aggregate(&types::last_name(&call.name)) =>
        {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

fn sign_of(op: Operator) -> String {
    match op {
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => "=".to_owned(),
        op => op.to_string(),
    }
}

/// A query has as many columns as the row it is compared with.
pub(super) fn same_width(columns: usize, values: usize) -> Result<()> {
    let what = match columns.cmp(&values) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => "few",
        std::cmp::Ordering::Greater => "many",
    };
    Err(Error::new(
        state::SYNTAX_ERROR,
        format!("subquery has too {what} columns"),
    ))
}

pub(super) fn compare_rows(pairs: Vec<(Expr, Expr)>, op: Operator) -> Expr {
    let all = |pairs: Vec<(Expr, Expr)>, join: Operator| {
        balanced(
            pairs.into_iter().map(|(l, r)| binary(l, op, r)).collect(),
            join,
        )
    };
    match op {
        Operator::Eq | Operator::IsNotDistinctFrom => all(pairs, Operator::And),
        Operator::NotEq | Operator::IsDistinctFrom => all(pairs, Operator::Or),
        _ => {
            // The first pair that differs decides.
            let strict = match op {
                Operator::Lt | Operator::LtEq => Operator::Lt,
                _ => Operator::Gt,
            };
            let mut rest: Option<Expr> = None;
            for (l, r) in pairs.into_iter().rev() {
                rest = Some(match rest {
                    None => binary(l, op, r),
                    Some(rest) => binary(
                        binary(l.clone(), strict, r.clone()),
                        Operator::Or,
                        binary(binary(l, Operator::Eq, r), Operator::And, rest),
                    ),
                });
            }
            rest.unwrap_or_else(|| lit(true))
        }
    }
}

/// A row as bytes that are the same for equal rows, NULLs told apart: each value as
/// in an index's key, with its length before it.
fn row_key(types: Vec<SqlType>) -> RowFn {
    RowFn::new(
        "row_key".to_owned(),
        format!("{types:?}"),
        types,
        SqlType::Bytea,
        |args| {
            let mut key = Vec::new();
            let mut part = Vec::new();
            for arg in args {
                part.clear();
                if !arg.is_null() {
                    orbit_core::key::push(&mut part, arg, false, true)?;
                }
                let length = u32::try_from(part.len()).map_err(|_| arity())?;
                key.extend_from_slice(&length.to_le_bytes());
                key.extend_from_slice(&part);
            }
            Ok(Value::Bytea(key))
        },
    )
    .lenient()
}

/// The parts of such bytes; an empty one is NULL.
fn parts(key: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = key;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((part, after)) = after.split_at_checked(length) else {
            break;
        };
        parts.push(part);
        rest = after;
    }
    parts
}

/// NULL if some key of the array might equal the first, else false.
fn might_equal() -> RowFn {
    RowFn::new(
        "might_equal".to_owned(),
        String::new(),
        vec![SqlType::Bytea, SqlType::Array(Box::new(SqlType::Bytea))],
        SqlType::Bool,
        |args| {
            let [ValueRef::Bytea(ours), keys] = args else {
                return Err(arity());
            };
            let ValueRef::Array(keys) = keys else {
                return Ok(Value::Bool(false));
            };
            let ours = parts(ours);
            let might = keys.items.iter().any(|key| match key {
                Value::Bytea(key) => parts(key)
                    .into_iter()
                    .zip(&ours)
                    .all(|(a, b)| a.is_empty() || b.is_empty() || a == *b),
                _ => false,
            });
            Ok(if might {
                Value::Null
            } else {
                Value::Bool(false)
            })
        },
    )
    .lenient()
}
