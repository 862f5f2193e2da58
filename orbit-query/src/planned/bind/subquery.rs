//! Queries inside expressions.

use super::expr::boolean;
use super::operator::{binary, numeric_key, unnested};
use super::outer::{Around, outer_of};
use super::rows::row_items;
use super::scope::Scope;
use super::{Binder, Bound, BoundQuery, literal};
use crate::planned::error::Told;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::types;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue, Spans};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{
    AggregateFunction, Exists, InSubquery, SetComparison, SetQuantifier,
};
use datafusion::logical_expr::{
    Expr, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, Operator, SkipType, SortExpr,
    Subquery, col, lit, not, when,
};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
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

    pub(super) fn scalar_subquery(&mut self, scope: &Scope, query: &ast::Query) -> Result<Bound> {
        let inner = self.inner_query(scope, query)?;
        self.scalar_of(inner)
    }

    /// The one value of a query of one row and column.
    pub(super) fn scalar_of(&mut self, inner: BoundQuery) -> Result<Bound> {
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
        Ok(Bound::new(Expr::ScalarSubquery(subquery(inner.plan)), ty))
    }

    pub(super) fn exists(
        &mut self,
        scope: &Scope,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        let inner = self.inner_query(scope, query)?;
        if self.only_true_counts() {
            return Ok(boolean(exists(inner.plan, negated)));
        }
        let found = binary(matches(inner.plan)?, Operator::Gt, lit(0_i64));
        Ok(boolean(if negated { not(found) } else { found }))
    }

    pub(super) fn array_subquery(&mut self, scope: &Scope, query: &ast::Query) -> Result<Bound> {
        let inner = self.inner_query(scope, query)?;
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

    /// The subquery's only column and the value, in a type they compare in.
    fn against(&mut self, value: Bound, inner: BoundQuery) -> Result<(Expr, LogicalPlan)> {
        let ty = self.single_column(&inner)?;
        let Some(column) = inner.columns.first().map(|column| column.column.clone()) else {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "subquery must return only one column",
            ));
        };
        let name = column.name.clone();
        let bound = Bound::new(Expr::Column(column), ty);
        let before = bound.expr.clone();
        let (left, right) = self.comparable(value, bound, "=")?;
        let plan = if right == before {
            inner.plan
        } else {
            LogicalPlanBuilder::from(inner.plan)
                .project(vec![right.alias(name)])
                .told()?
                .build()
                .told()?
        };
        Ok((left, plan))
    }

    pub(super) fn in_subquery(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        if let Some(items) = row_items(expr) {
            return self.row_in_subquery(scope, &items, query, negated);
        }
        let value = self.expr(scope, expr)?;
        let inner = self.inner_query(scope, query)?;
        let (value, plan) = self.against(value, inner)?;
        self.among(scope, value, plan, negated)
    }

    /// `value [NOT] IN (the plan's only column)`.
    ///
    /// Where only true counts, IN is a semi-join. NOT IN is an anti-join, and besides
    /// asks whether a NULL on either side leaves the answer open: DataFusion does so
    /// only for some shapes. Elsewhere both are counted out.
    fn among(
        &mut self,
        scope: &Scope,
        value: Expr,
        plan: LogicalPlan,
        negated: bool,
    ) -> Result<Bound> {
        let filters = self.only_true_counts();
        if filters && !negated {
            let test = InSubquery::new(Box::new(value), subquery(plan), false);
            return Ok(boolean(Expr::InSubquery(test)));
        }
        let column = plan.schema().iter().next();
        let Some(column) = column.map(|(of, field)| Column::new(of.cloned(), field.name())) else {
            return Err(Error::internal("a subquery without a column"));
        };
        let column = Expr::Column(column);
        let same = binary(
            column.clone(),
            Operator::Eq,
            outer_of(scope, value.clone())?,
        );
        let equal = LogicalPlanBuilder::from(plan.clone())
            .filter(same)
            .told()?
            .build()
            .told()?;
        // 2: no rows. 1: rows, none of them NULL. 0: a NULL among them.
        let certainty = LogicalPlanBuilder::from(plan)
            .aggregate(
                Vec::<Expr>::new(),
                vec![count(lit(1_i64)).alias("all"), count(column).alias("known")],
            )
            .told()?
            .project(vec![
                when(col("\"all\"").eq(lit(0_i64)), lit(2_i64))
                    .when(col("\"all\"").eq(col("known")), lit(1_i64))
                    .otherwise(lit(0_i64))
                    .told()?
                    .alias("certainty"),
            ])
            .told()?
            .build()
            .told()?;
        let certainty = coalesce(vec![Expr::ScalarSubquery(subquery(certainty)), lit(2_i64)]);
        let needed = when(value.is_null(), lit(1_i64))
            .otherwise(lit(0_i64))
            .told()?;
        let certain = binary(certainty, Operator::Gt, needed);
        let unknown = lit(ScalarValue::Boolean(None));
        Ok(boolean(if filters {
            binary(
                exists(equal, true),
                Operator::And,
                binary(certain, Operator::Or, unknown),
            )
        } else {
            let found = binary(matches(equal)?, Operator::Gt, lit(0_i64));
            let absent = when(certain, lit(false)).otherwise(unknown).told()?;
            let among = binary(found, Operator::Or, absent);
            if negated { not(among) } else { among }
        }))
    }

    /// `(a, b) IN (SELECT x, y ...)` as EXISTS (... WHERE x = a AND y = b).
    fn row_in_subquery(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        let (values, plan, columns) = self.row_beside(scope, items, query)?;
        if !self.only_true_counts() {
            return self.row_among(scope, values, plan, columns, negated);
        }
        let mut conditions = Vec::with_capacity(values.len());
        for (value, column) in values.into_iter().zip(columns) {
            let value = Bound {
                expr: outer_of(scope, value.expr.clone())?,
                ..value
            };
            let (left, right) = self.comparable(value, column, "=")?;
            let same = binary(right, Operator::Eq, left);
            // A NULL on either side may be the value: the row is then not certainly absent.
            conditions.push(if negated {
                Expr::IsNotFalse(Box::new(same))
            } else {
                same
            });
        }
        let plan = LogicalPlanBuilder::from(plan)
            .filter(super::operator::balanced(conditions, Operator::And))
            .told()?
            .build()
            .told()?;
        Ok(boolean(exists(plan, negated)))
    }

    /// A row's items, and the plan and columns of the query it is compared with.
    fn row_beside(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        query: &ast::Query,
    ) -> Result<(Vec<Bound>, LogicalPlan, Vec<Bound>)> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.expr(scope, item)?);
        }
        let inner = self.inner_query(scope, query)?;
        super::rows::same_width(inner.columns.len(), values.len())?;
        let alias = self.unique_name("among");
        let plan = LogicalPlanBuilder::from(inner.plan)
            .alias(alias.as_str())
            .told()?
            .build()
            .told()?;
        let columns = inner.columns.iter().map(|column| {
            let here = Column::new(Some(alias.as_str()), column.column.name.clone());
            Bound::new(Expr::Column(here), column.ty.clone())
        });
        let columns = columns.collect();
        Ok((values, plan, columns))
    }

    /// `(a, b) op ANY/ALL (SELECT x, y ...)`.
    fn row_quantified(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        operator: Operator,
        query: &ast::Query,
        any: bool,
    ) -> Result<Bound> {
        let (values, plan, columns) = self.row_beside(scope, items, query)?;
        let mut pairs = Vec::with_capacity(values.len());
        for (value, column) in values.into_iter().zip(columns) {
            let (left, right) = self.comparable(value, column, &operator.to_string())?;
            pairs.push((outer_of(scope, left)?, right));
        }
        truth_of(super::rows::compare_rows(pairs, operator), plan, any)
    }

    /// `x op ANY (...)`, `x op ALL (...)` over a subquery or an array.
    pub(super) fn quantified(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        any: bool,
    ) -> Result<Bound> {
        let sign = super::operator::sign(op)
            .ok_or_else(|| Error::unsupported(format_args!("the operator {op}")))?;
        let operator = match sign.as_str() {
            "=" => Some(Operator::Eq),
            "<>" => Some(Operator::NotEq),
            "<" => Some(Operator::Lt),
            "<=" => Some(Operator::LtEq),
            ">" => Some(Operator::Gt),
            ">=" => Some(Operator::GtEq),
            _ => None,
        };
        if let ast::Expr::Subquery(query) = unnested(right) {
            if let Some(items) = row_items(left) {
                return match (operator, any) {
                    (Some(Operator::Eq), true) => self.row_in_subquery(scope, &items, query, false),
                    (Some(Operator::NotEq), false) => {
                        self.row_in_subquery(scope, &items, query, true)
                    }
                    (Some(operator), _) => self.row_quantified(scope, &items, operator, query, any),
                    (None, _) => Err(Error::unsupported(format_args!(
                        "a row {sign} ANY or ALL over a subquery"
                    ))),
                };
            }
            let operator = operator
                .ok_or_else(|| Error::unsupported(format_args!("{sign} ANY over a subquery")))?;
            let value = self.expr(scope, left)?;
            let inner = self.inner_query(scope, query)?;
            let (value, plan) = self.against(value, inner)?;
            return match (operator, any) {
                (Operator::Eq, true) => self.among(scope, value, plan, false),
                (Operator::NotEq, false) => self.among(scope, value, plan, true),
                _ if !self.only_true_counts() => {
                    let column = plan.schema().columns().into_iter().next();
                    let column =
                        column.ok_or_else(|| Error::internal("a subquery without a column"))?;
                    let value = outer_of(scope, value)?;
                    truth_of(binary(value, operator, Expr::Column(column)), plan, any)
                }
                _ => Ok(boolean(Expr::SetComparison(SetComparison {
                    expr: Box::new(value),
                    subquery: subquery(plan),
                    op: operator,
                    quantifier: if any {
                        SetQuantifier::Any
                    } else {
                        SetQuantifier::All
                    },
                }))),
            };
        }
        if let ast::Expr::Array(items) = unnested(right) {
            let value = self.expr(scope, left)?;
            let mut bounds = Vec::new();
            for item in &items.elem {
                bounds.push(self.expr(scope, item)?);
            }
            if operator == Some(Operator::Eq) && any {
                return self.is_among(value, bounds, false);
            }
            let mut terms = Vec::new();
            for bound in bounds {
                terms.push(self.operator(&sign, value.clone(), bound)?.expr);
            }
            return Ok(boolean(super::operator::balanced(
                terms,
                if any { Operator::Or } else { Operator::And },
            )));
        }
        self.over_array(scope, left, &sign, operator, right, any)
    }

    fn over_array(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        sign: &str,
        operator: Option<Operator>,
        right: &ast::Expr,
        any: bool,
    ) -> Result<Bound> {
        let value = self.expr(scope, left)?;
        let array = self.expr(scope, right)?;
        let array = if array.is_unknown() {
            let element = if value.is_unknown() {
                SqlType::Text
            } else {
                types::base(&value.ty)
            };
            self.coerce(array, &SqlType::Array(Box::new(element)))?
        } else {
            array
        };
        let SqlType::Array(element) = array.ty.clone() else {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                "op ANY/ALL (array) requires array on right side",
            ));
        };
        if let Some(orbit_core::value::Value::Array(items)) = &array.literal {
            let mut bounds = Vec::new();
            for item in items.items.clone() {
                bounds.push(literal::constant(item, (*element).clone())?);
            }
            if operator == Some(Operator::Eq) && any {
                return self.is_among(value, bounds, false);
            }
            let mut terms = Vec::new();
            for bound in bounds {
                terms.push(self.operator(sign, value.clone(), bound)?.expr);
            }
            return Ok(boolean(super::operator::balanced(
                terms,
                if any { Operator::Or } else { Operator::And },
            )));
        }
        let Some(operator) = operator else {
            return Err(Error::unsupported(format_args!(
                "{sign} ANY over an array that is not a constant"
            )));
        };
        let value = if types::same(&value.ty, &element) {
            value
        } else {
            self.coerce(value, &element)?
        };
        let value = if matches!(value.ty, SqlType::Numeric(_)) {
            Bound::new(
                numeric_key(self.to_carrier(value)?.expr),
                SqlType::Numeric(None),
            )
        } else {
            value
        };
        crate::planned::functions::array::quantified(value, array, operator, any)
    }
}

/// `value op ANY/ALL (the plan's columns)` as a value: of the three truths of `test`
/// over the plan's rows that which they allow.
fn truth_of(test: Expr, plan: LogicalPlan, any: bool) -> Result<Bound> {
    let some = |condition: Expr| -> Result<Expr> {
        let rows = LogicalPlanBuilder::from(plan.clone()).filter(condition);
        let rows = rows.told()?.build().told()?;
        Ok(binary(matches(rows)?, Operator::Gt, lit(0_i64)))
    };
    let decided = match any {
        true => test.clone().is_true(),
        false => test.clone().is_false(),
    };
    let truth = when(some(decided)?, lit(any))
        .when(some(test.is_unknown())?, lit(ScalarValue::Boolean(None)))
        .otherwise(lit(!any));
    Ok(boolean(truth.told()?))
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
