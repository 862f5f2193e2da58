//! ANY and ALL, over a subquery or an array.

use super::{matches, subquery};
use crate::planned::bind::expr::boolean;
use crate::planned::bind::operator::{binary, numeric_key, unnested};
use crate::planned::bind::outer::outer_of;
use crate::planned::bind::rows::{compare_rows, row_items};
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound, literal, operator};
use crate::planned::error::Told;
use crate::planned::types;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{SetComparison, SetQuantifier};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit, when};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
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
        truth_of(compare_rows(pairs, operator), plan, any)
    }

    /// `x op ANY (...)`, `x op ALL (...)` over a subquery or an array.
    pub(in crate::planned::bind) fn quantified(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        any: bool,
    ) -> Result<Bound> {
        let sign = operator::sign(op)
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
            let value = self.expr(scope, left)?;
            let inner = self.query_of_expr(scope, query)?;
            let Some(operator) = operator else {
                let ty = self.single_column(&inner)?;
                let Some(column) = inner.columns.first() else {
                    return Err(Error::internal("a subquery without a column"));
                };
                let ty = match ty {
                    SqlType::Unknown => SqlType::Text,
                    ty => ty,
                };
                let column = Bound::new(Expr::Column(column.column.clone()), ty);
                let value = Bound {
                    expr: outer_of(scope, value.expr.clone())?,
                    ..value
                };
                let test = self.operator(&sign, value, column)?;
                let test = self.boolean(test, "op ANY/ALL")?;
                return truth_of(test.expr, inner.plan, any);
            };
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
            return Ok(boolean(operator::balanced(
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
                value.ty.base()
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
            return Ok(boolean(operator::balanced(
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
