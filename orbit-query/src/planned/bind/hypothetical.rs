//! `rank(100) WITHIN GROUP (ORDER BY x)`: where a row would stand that is not there.
//! It is counted out: rows that sort before it, and rows that sort with it.

use super::call::Args;
use super::expr::not_allowed;
use super::operator::{balanced, binary};
use super::peers::sortable;
use super::scope::Scope;
use super::{Binder, Bound, Clause};
use crate::planned::error::Told;
use crate::planned::functions::row::{RowFn, arity};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, Operator, lit, when};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

/// Functions that mean this with WITHIN GROUP.
pub(super) fn is_hypothetical(name: &str) -> bool {
    matches!(name, "rank" | "dense_rank" | "percent_rank" | "cume_dist")
}

/// One column to sort by and the value the row would have there.
struct Key {
    column: Expr,
    ty: SqlType,
    before: Expr,
    peer: Expr,
}

impl Binder<'_> {
    pub(super) fn hypothetical(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: &Args<'_>,
    ) -> Result<Bound> {
        if !self.clause.aggregates {
            return Err(not_allowed("aggregate", self.clause.name));
        }
        if function.over.is_some() {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("OVER is not supported for ordered-set aggregate {name}"),
            ));
        }
        let inside = Clause {
            name: "aggregate function calls",
            aggregates: false,
            windows: false,
        };
        self.within(inside, |binder| {
            binder.hypothetical_inside(scope, name, function, args)
        })
    }

    fn hypothetical_inside(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: &Args<'_>,
    ) -> Result<Bound> {
        let mut direct = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            direct.push(self.expr(scope, arg)?);
        }
        let mut columns = Vec::with_capacity(function.within_group.len());
        for key in &function.within_group {
            columns.push(self.expr(scope, &key.expr)?);
        }
        if direct.len() != columns.len() {
            let have: Vec<SqlType> = direct
                .iter()
                .chain(&columns)
                .map(|bound| bound.ty.clone())
                .collect();
            return Err(super::special::no_function(name, &have).with_hint(format!(
                "To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments (here {}) must match the number of ordering columns (here {}).",
                direct.len(),
                columns.len()
            )));
        }
        let mut keys = Vec::with_capacity(columns.len());
        for ((column, value), order) in columns.into_iter().zip(direct).zip(&function.within_group)
        {
            if !value.expr.column_refs().is_empty() {
                return Err(Error::unsupported(format_args!(
                    "{name} of a value that differs from row to row"
                )));
            }
            keys.push(self.sort_place(column, value, &order.options)?);
        }
        let filter = match &function.filter {
            Some(filter) => {
                let bound = self.expr(scope, filter)?;
                Some(self.boolean(bound, "FILTER")?.expr)
            }
            None => None,
        };
        let counted = |condition: Option<Expr>| {
            let terms: Vec<Expr> = filter.clone().into_iter().chain(condition).collect();
            let filter = (!terms.is_empty()).then(|| Box::new(balanced(terms, Operator::And)));
            Expr::AggregateFunction(AggregateFunction::new_udf(
                count_udaf(),
                vec![lit(1_i64)],
                false,
                filter,
                Vec::new(),
                None,
            ))
        };
        let before = before(&keys);
        let plus_one = |count: Expr| binary(count, Operator::Plus, lit(1_i64));
        Ok(match name {
            "rank" => Bound::new(plus_one(counted(Some(before))), SqlType::Int8),
            "percent_rank" => share(counted(Some(before)), counted(None), 0.0),
            "cume_dist" => {
                let peers = balanced(
                    keys.iter().map(|key| key.peer.clone()).collect(),
                    Operator::And,
                );
                let not_behind = binary(before, Operator::Or, peers);
                share(
                    plus_one(counted(Some(not_behind))),
                    plus_one(counted(None)),
                    1.0,
                )
            }
            _ => {
                let [key] = keys.as_slice() else {
                    return Err(Error::unsupported("dense_rank within several columns"));
                };
                let terms: Vec<Expr> = filter.clone().into_iter().chain([before.clone()]).collect();
                let values = Expr::AggregateFunction(AggregateFunction::new_udf(
                    count_udaf(),
                    vec![sortable(key.column.clone(), &key.ty)],
                    true,
                    Some(Box::new(balanced(terms, Operator::And))),
                    Vec::new(),
                    None,
                ));
                // NULLs are one more value.
                let null = Expr::IsNull(Box::new(key.column.clone()));
                let nulls = counted(Some(binary(before, Operator::And, null)));
                let nulls = when(binary(nulls, Operator::Gt, lit(0_i64)), lit(1_i64))
                    .otherwise(lit(0_i64))
                    .told()?;
                Bound::new(
                    plus_one(binary(values, Operator::Plus, nulls)),
                    SqlType::Int8,
                )
            }
        })
    }

    fn sort_place(
        &mut self,
        column: Bound,
        value: Bound,
        options: &ast::OrderByOptions,
    ) -> Result<Key> {
        let column = if column.is_unknown() && value.is_unknown() {
            self.coerce(column, &SqlType::Text)?
        } else {
            column
        };
        if column.ty.base() == SqlType::Json {
            return Err(Error::new(
                state::UNDEFINED_FUNCTION,
                "could not identify an ordering operator for type json",
            ));
        }
        let (column, value, ty) = self.comparable_as(column, value, "=")?;
        let ascending = options.asc.unwrap_or(true);
        let nulls_first = options.nulls_first.unwrap_or(!ascending);
        let sign = if ascending {
            Operator::Lt
        } else {
            Operator::Gt
        };
        let not_null = |expr: &Expr| Expr::IsNotNull(Box::new(expr.clone()));
        let is_null = |expr: &Expr| Expr::IsNull(Box::new(expr.clone()));
        let null_before = binary(lit(nulls_first), Operator::And, not_null(&value));
        let before = when(is_null(&column), null_before)
            .when(is_null(&value), lit(!nulls_first))
            .otherwise(binary(column.clone(), sign, value.clone()))
            .told()?;
        let peer = binary(column.clone(), Operator::IsNotDistinctFrom, value);
        Ok(Key {
            column,
            ty,
            before,
            peer,
        })
    }
}

/// Whether a row sorts before the one that is not there. Never NULL.
fn before(keys: &[Key]) -> Expr {
    let mut rest: Option<Expr> = None;
    for key in keys.iter().rev() {
        rest = Some(match rest {
            None => key.before.clone(),
            Some(rest) => binary(
                key.before.clone(),
                Operator::Or,
                binary(key.peer.clone(), Operator::And, rest),
            ),
        });
    }
    rest.unwrap_or_else(|| lit(false))
}

/// A part of a whole; what an empty whole gives is said.
fn share(part: Expr, whole: Expr, of_nothing: f64) -> Bound {
    let row = RowFn::new(
        "share".to_owned(),
        of_nothing.to_string(),
        vec![SqlType::Int8, SqlType::Int8],
        SqlType::Float8,
        move |args| match args {
            [ValueRef::Int8(_), ValueRef::Int8(0)] => Ok(Value::Float8(of_nothing)),
            [ValueRef::Int8(part), ValueRef::Int8(whole)] => {
                Ok(Value::Float8(*part as f64 / *whole as f64))
            }
            _ => Err(arity()),
        },
    );
    Bound::new(row.call(vec![part, whole]), SqlType::Float8)
}
