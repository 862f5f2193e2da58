//! Casts, asked for or not.

use super::{Binder, Bound, literal};
use crate::planned::arrow::nested::flat;
use crate::planned::arrow::{arrow_type, fixed_scale};
use crate::planned::error::to_datafusion;
use crate::planned::functions::row::RowFn;
use crate::planned::operators::vector::VectorFn;
use crate::planned::{num, types};
use datafusion::arrow::array::{AsArray, Decimal256Array, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{Date32Type, Decimal128Type};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, ScalarUDF};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef, cast, text};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

fn arrow_cast(expr: Expr, to: &SqlType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), arrow_type(to)))
}

impl Binder<'_> {
    pub(super) fn parse_text(&mut self, input: &str, ty: &SqlType) -> Result<Value> {
        self.note_read_from(input, ty);
        text::parse(input, ty, &self.settings.format)
    }

    /// `CAST(x AS t)`, `x::t`.
    pub(super) fn cast(&mut self, bound: Bound, to: &SqlType) -> Result<Bound> {
        if let Some(index) = bound.param {
            let decided = self.decide_parameter(index, to);
            return self.cast_known(decided, to, true);
        }
        if !types::castable(&bound.ty, to) && !types::is_text(to) {
            return Err(Error::new(
                state::CANNOT_COERCE,
                format!("cannot cast type {} to {}", bound.ty.base(), to.base()),
            ));
        }
        self.cast_known(bound, to, true)
    }

    /// A cast nobody asked for: between types that meet by themselves.
    pub(super) fn coerce(&mut self, bound: Bound, to: &SqlType) -> Result<Bound> {
        if let Some(index) = bound.param {
            let decided = self.decide_parameter(index, to);
            return self.coerce(decided, to);
        }
        self.cast_known(bound, to, false)
    }

    /// The cast of INSERT and UPDATE: too long is an error, too precise is rounded.
    pub(super) fn assign(&mut self, bound: Bound, to: &SqlType) -> Result<Bound> {
        if let Some(index) = bound.param {
            let decided = self.decide_parameter(index, to);
            return self.assign(decided, to);
        }
        if bound.ty == *to {
            return Ok(bound);
        }
        // The writer checks lengths and precisions by value.
        let base = to.base();
        let bound = self.cast_known(bound, &base, true)?;
        if bound.ty == *to || arrow_type(&bound.ty) == arrow_type(to) {
            return Ok(Bound {
                ty: to.clone(),
                ..bound
            });
        }
        let held = to.clone();
        let row = RowFn::new(
            "assign".to_owned(),
            format!("{:?} {to:?}", bound.ty),
            vec![bound.ty.clone()],
            to.clone(),
            move |args: &[ValueRef<'_>]| match args.first() {
                Some(value) => cast::assign(value.to_owned(), &held),
                None => Ok(Value::Null),
            },
        );
        Ok(Bound::new(row.call(vec![bound.expr]), to.clone()))
    }

    /// What no place gave a type: text.
    pub(super) fn decided(&mut self, bound: Bound) -> Result<Bound> {
        if bound.is_unknown() {
            self.coerce(bound, &SqlType::Text)
        } else {
            Ok(bound)
        }
    }

    /// A condition.
    pub(super) fn boolean(&mut self, bound: Bound, what: &str) -> Result<Bound> {
        if bound.ty == SqlType::Bool || bound.is_unknown() {
            return self.coerce(bound, &SqlType::Bool);
        }
        Err(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "argument of {what} must be type boolean, not type {}",
                bound.ty.base()
            ),
        ))
    }

    /// [`Binder::boolean`] of what `expr` is.
    pub(super) fn boolean_at(
        &mut self,
        bound: Bound,
        what: &str,
        expr: &sqlparser::ast::Expr,
    ) -> Result<Bound> {
        self.boolean(bound, what)
            .map_err(|error| self.placed_at(error, expr))
    }

    fn cast_known(&mut self, bound: Bound, to: &SqlType, explicit: bool) -> Result<Bound> {
        if bound.ty == *to {
            return Ok(bound);
        }
        self.note_cast(&bound.ty, to);
        if let Some(value) = bound.literal {
            if let (Value::Text(read), true) = (&value, bound.ty == SqlType::Unknown) {
                self.note_string(bound.written, read, &to.base());
            }
            let value = self.cast_value(value, &bound.ty, to)?;
            let ty = match (to, &value) {
                // A constant's own scale is worth keeping: arithmetic stays in 128 bits.
                (SqlType::Numeric(None), Value::Numeric(number)) => {
                    return literal::numeric(number.clone());
                }
                _ => to.clone(),
            };
            return literal::constant(value, ty);
        }
        let origin = bound
            .origin
            .filter(|_| types::same(&bound.ty, to) && !explicit);
        let expr = self.cast_expr(bound.expr, &bound.ty, to)?;
        Ok(Bound {
            origin,
            ..Bound::new(expr, to.clone())
        })
    }

    fn cast_value(&mut self, value: Value, from: &SqlType, to: &SqlType) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        if let (SqlType::Unknown, Value::Text(text)) = (from, &value) {
            let parsed = self.parse_text(text, &to.base())?;
            return cast::explicit(parsed, to, &self.settings.format);
        }
        cast::explicit(value, to, &self.settings.format)
    }

    /// The cast as an expression over rows.
    pub(super) fn cast_expr(&self, expr: Expr, from: &SqlType, to: &SqlType) -> Result<Expr> {
        use SqlType as T;
        let unknown_as_text = if *from == T::Unknown { &T::Text } else { from };
        let from = unknown_as_text;
        if from == to {
            return Ok(expr);
        }
        // The text that is shown for rows says what they hold.
        if super::record::holds_records(from) && types::same(from, to) {
            return Ok(expr);
        }
        // One Arrow type, nothing to change: text to varchar, int arrays, ...
        let plain_text = |ty: &T| {
            matches!(
                ty,
                T::Text | T::Varchar(None) | T::Name | T::Json | T::Unknown
            )
        };
        Ok(match (from, to) {
            (a, b)
                if plain_text(a)
                    && plain_text(b)
                    && !matches!((a, b), (T::Text, T::Json | T::Name)) =>
            {
                expr
            }
            // Whatever its length, it has no blanks at its end.
            (T::Char(_), T::Char(0)) => expr,
            (T::Char(_) | T::Varchar(_), T::Text | T::Varchar(None))
                if arrow_type(from) == arrow_type(to) =>
            {
                expr
            }
            (T::Int2, T::Int4 | T::Int8 | T::Float4 | T::Float8)
            | (T::Int4, T::Int8 | T::Float8)
            | (T::Int8, T::Float8)
            | (T::Float4, T::Float8)
            | (T::Oid, T::Int8) => arrow_cast(expr, to),
            (T::Int2 | T::Int4 | T::Int8, T::Numeric(None)) => arrow_cast(expr, to),
            (T::Cidr, T::Inet) => expr,
            (T::Numeric(_), T::Numeric(None)) => match fixed_scale(from) {
                Some(_) => widen(expr, from),
                None => expr,
            },
            (T::Date, T::Timestamp) => midnight(expr),
            // A constraint on a carrier that has no room for one: PostgreSQL's rounding, by value.
            _ => self.row_cast(expr, from, to),
        })
    }

    fn row_cast(&self, expr: Expr, from: &SqlType, to: &SqlType) -> Expr {
        let format = self.settings.format.clone();
        let target = to.clone();
        let source = from.clone();
        let zone = format!("{:?} {:?}", format.time_zone, format.date_order);
        RowFn::new(
            format!("{}", to.base()),
            format!("cast {from:?} {to:?} {zone}"),
            vec![from.clone()],
            to.clone(),
            move |args: &[ValueRef<'_>]| {
                let Some(value) = args.first() else {
                    return Ok(Value::Null);
                };
                if let (ValueRef::Array(array), true) = (value, types::is_text(&target)) {
                    let whole = Value::Array(flat(array.clone()));
                    return cast::explicit(whole, &target, &format);
                }
                if let (
                    SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_),
                    ValueRef::Text(input),
                ) = (&source, value)
                {
                    if !types::is_text(&target) {
                        return text::parse(input, &target, &format);
                    }
                }
                cast::explicit(value.to_owned(), &target, &format)
            },
        )
        .call(vec![expr])
    }
}

/// A Decimal128 into the carrier that knows each value's scale.
fn widen(expr: Expr, from: &SqlType) -> Expr {
    let carrier = SqlType::Numeric(None);
    VectorFn::new(WIDEN, vec![from.clone()], carrier, |columns| {
        let decimals = columns[0].as_primitive::<Decimal128Type>();
        let scale = u16::try_from(decimals.scale()).unwrap_or(0);
        let carried: Decimal256Array =
            decimals.try_unary(|units| num::of_fixed(units, scale).map_err(to_datafusion))?;
        Ok(Arc::new(carried.with_data_type(num::carrier())))
    })
    .call(vec![expr])
}

/// What [`widen`] was given, and its scale.
pub(super) fn widened(expr: &Expr) -> Option<(&Expr, u16)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let function = call.func.inner().downcast_ref::<VectorFn>()?;
    let [from @ SqlType::Numeric(_)] = function.args() else {
        return None;
    };
    let (_, scale) = fixed_scale(from).filter(|_| call.func.name() == WIDEN)?;
    Some((call.args.first()?, u16::try_from(scale).ok()?))
}

const WIDEN: &str = "numeric";
const MIDNIGHT: &str = "timestamp without time zone";

/// A date as the moment it begins.
fn midnight(expr: Expr) -> Expr {
    let (from, to) = (SqlType::Date, SqlType::Timestamp);
    VectorFn::new(MIDNIGHT, vec![from], to, |columns| {
        let dates = columns[0].as_primitive::<Date32Type>();
        let moments: TimestampMicrosecondArray =
            dates.try_unary(|day| cast::midnight(day).map_err(to_datafusion))?;
        Ok(Arc::new(moments))
    })
    .call(vec![expr])
}

/// Whether it is the function that makes midnights of dates.
pub(in crate::planned) fn is_midnight(function: &ScalarUDF) -> bool {
    let inner = function.inner().downcast_ref::<VectorFn>();
    inner.is_some_and(|function| function.is(MIDNIGHT, &[SqlType::Date]))
}
