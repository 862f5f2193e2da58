//! Whether a value is in a list, and whether it is between two, whichever is the lower.

use super::expr::boolean;
use super::operator::{balanced, binary, numeric_key};
use super::peers::sortable;
use super::rows::row_items;
use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::{lists, types};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr, Operator, lit};
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn in_list(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
    ) -> Result<Bound> {
        if row_items(expr).is_some() {
            let any = list
                .iter()
                .map(|item| {
                    self.binary_op(scope, expr, &ast::BinaryOperator::Eq, item)
                        .map(|bound| bound.expr)
                })
                .collect::<Result<Vec<_>>>()?;
            let any = balanced(any, Operator::Or);
            return Ok(boolean(if negated {
                Expr::Not(Box::new(any))
            } else {
                any
            }));
        }
        let value = self.expr(scope, expr)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(self.expr(scope, item)?);
        }
        self.is_among(value, items, negated)
    }

    /// Between the two, whichever is the lower.
    pub(super) fn between_symmetric(
        &mut self,
        scope: &Scope,
        value: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
    ) -> Result<Bound> {
        let value = self.expr(scope, value)?;
        let one = self.expr(scope, low)?;
        let other = self.expr(scope, high)?;
        let mut within = |low: &Bound, high: &Bound| -> Result<Expr> {
            let from = self.compare(value.clone(), Operator::GtEq, low.clone())?;
            let to = self.compare(value.clone(), Operator::LtEq, high.clone())?;
            Ok(binary(from.expr, Operator::And, to.expr))
        };
        let either = binary(within(&one, &other)?, Operator::Or, within(&other, &one)?);
        Ok(boolean(if negated {
            Expr::Not(Box::new(either))
        } else {
            either
        }))
    }

    pub(super) fn is_among(
        &mut self,
        value: Bound,
        mut items: Vec<Bound>,
        negated: bool,
    ) -> Result<Bound> {
        let equal = match negated {
            true => Operator::NotEq,
            false => Operator::Eq,
        };
        if items.len() == 1
            && let Some(only) = items.pop()
        {
            return self.compare(value, equal, only);
        }
        let common = types::common(
            std::iter::once(&value.ty).chain(items.iter().map(|item| &item.ty)),
            "IN",
        );
        let Ok(ty) = common else {
            // Comparable one by one at most: then PostgreSQL's error comes from the first that isn't.
            let join = match negated {
                true => Operator::And,
                false => Operator::Or,
            };
            let mut terms = Vec::with_capacity(items.len());
            for item in items {
                terms.push(self.compare(value.clone(), equal, item)?.expr);
            }
            return Ok(boolean(balanced(terms, join)));
        };
        let ty = ty.base();
        let numeric = matches!(ty, SqlType::Numeric(_));
        // So few are compared one by one, by which keys are found.
        let few = items.len() <= 3
            && matches!(value.expr, Expr::Column(_))
            && items.iter().all(|item| item.literal.is_some());
        let to_common = |binder: &mut Self, bound: Bound| -> Result<Expr> {
            Ok(if numeric {
                numeric_key(binder.to_carrier(bound)?.expr)
            } else if few && matches!(ty, SqlType::Float4 | SqlType::Float8) {
                lists::with_one_zero(binder.coerce(bound, &ty)?.expr)
            } else {
                sortable(binder.coerce(bound, &ty)?.expr, &ty)
            })
        };
        let value = to_common(self, value)?;
        // DataFusion takes a NULL in a list for a value.
        let all = items.len();
        if all == 0 {
            return Ok(boolean(lit(negated)));
        }
        let list = items
            .into_iter()
            .filter(|item| item.literal != Some(Value::Null))
            .map(|item| to_common(self, item))
            .collect::<Result<Vec<_>>>()?;
        let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
        if list.is_empty() {
            return Ok(boolean(unknown));
        }
        let nulls = list.len() < all;
        let among = lists::alone(InList::new(Box::new(value), list, negated));
        Ok(boolean(match (nulls, negated) {
            (false, _) => among,
            (true, false) => binary(among, Operator::Or, unknown),
            (true, true) => binary(among, Operator::And, unknown),
        }))
    }
}
