//! Constants: numbers, strings that wait for a type, typed strings, intervals.

use super::{Binder, Bound};
use crate::planned::arrow::{arrow_type, scalar_of};
use crate::planned::functions::row::RowFn;
use crate::planned::types;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Placeholder;
use orbit_core::types::SqlType;
use orbit_core::value::{Numeric, Value};
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

/// A constant of a known type.
pub fn constant(value: Value, ty: SqlType) -> Result<Bound> {
    let carried = if ty == SqlType::Unknown {
        SqlType::Text
    } else {
        ty.clone()
    };
    let scalar = scalar_of(&carried, &value)?;
    Ok(Bound {
        literal: Some(value),
        ..Bound::new(Expr::Literal(scalar, None), ty)
    })
}

pub fn null() -> Result<Bound> {
    constant(Value::Null, SqlType::Unknown)
}

/// The smallest of int4, int8 and numeric that holds it, as PostgreSQL reads numbers.
pub fn number(text: &str) -> Result<Bound> {
    let digits = text.replace('_', "");
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(value) = digits.parse::<i32>() {
            return constant(Value::Int4(value), SqlType::Int4);
        }
        if let Ok(value) = digits.parse::<i64>() {
            return constant(Value::Int8(value), SqlType::Int8);
        }
    }
    numeric(Numeric::parse(&digits)?)
}

/// A numeric constant, with its scale in its type while it fits 38 digits.
pub fn numeric(value: Numeric) -> Result<Bound> {
    let ty = fixed_type(&value).unwrap_or(SqlType::Numeric(None));
    match constant(Value::Numeric(value.clone()), ty.clone()) {
        // It may become a float8 yet, which holds it.
        Err(error) => Ok(Bound {
            literal: Some(Value::Numeric(value)),
            ..Bound::new(refused(error), ty)
        }),
        bound => bound,
    }
}

/// A numeric that can't be computed with: the error whenever it is.
fn refused(error: Error) -> Expr {
    let (code, message) = (error.state(), error.message().to_owned());
    RowFn::new(
        "numeric".to_owned(),
        message.clone(),
        Vec::new(),
        SqlType::Numeric(None),
        move |_| Err(Error::new(code, message.clone())),
    )
    .call(Vec::new())
}

fn fixed_type(value: &Numeric) -> Option<SqlType> {
    let scale = value.scale();
    let unscaled = value
        .is_finite()
        .then(|| value.to_i128_scaled(scale))
        .flatten()?;
    let mut digits = 1u16;
    let mut rest = unscaled.unsigned_abs() / 10;
    while rest > 0 {
        digits += 1;
        rest /= 10;
    }
    let precision = digits.max(scale);
    (precision <= 38).then(|| SqlType::Numeric(Some((precision, scale as i16))))
}

impl Binder<'_> {
    pub(super) fn value(&mut self, value: &ast::ValueWithSpan) -> Result<Bound> {
        let bound = self.plain_value(&value.value)?;
        let waits = bound.is_unknown() && bound.param.is_none();
        Ok(Bound {
            written: waits.then_some(value.span.start),
            ..bound
        })
    }

    fn plain_value(&mut self, value: &ast::Value) -> Result<Bound> {
        use ast::Value as V;
        match value {
            V::Number(text, _) => number(text),
            V::SingleQuotedString(text)
            | V::EscapedStringLiteral(text)
            | V::UnicodeStringLiteral(text)
            | V::NationalStringLiteral(text) => {
                constant(Value::Text(text.clone()), SqlType::Unknown)
            }
            V::DollarQuotedString(text) => {
                constant(Value::Text(text.value.clone()), SqlType::Unknown)
            }
            V::Boolean(value) => constant(Value::Bool(*value), SqlType::Bool),
            V::Null => null(),
            V::Placeholder(name) => self.parameter(name),
            other => Err(Error::unsupported(format_args!("the literal {other}"))),
        }
    }

    fn parameter(&mut self, name: &str) -> Result<Bound> {
        let number = name
            .strip_prefix('$')
            .and_then(|digits| digits.parse::<usize>().ok())
            .filter(|number| (1..=65535).contains(number))
            .ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_PARAMETER,
                    format!("there is no parameter {name}"),
                )
            })?;
        self.has_parameters(number);
        let index = number - 1;
        match self
            .params
            .get(index)
            .cloned()
            .flatten()
            .filter(|ty| *ty != SqlType::Unknown)
        {
            Some(ty) => Ok(Bound::new(placeholder(name, &ty), ty)),
            None => Ok(Bound {
                param: Some(index),
                ..Bound::new(placeholder(name, &SqlType::Text), SqlType::Unknown)
            }),
        }
    }

    /// The statement has this many, even if fewer are left in what is planned.
    pub(in crate::planned) fn has_parameters(&mut self, count: usize) {
        if self.params.len() < count {
            self.params.resize(count, None);
        }
    }

    /// What JDBC's `{? = call f(?)}` puts in the place of a function's result: a parameter
    /// of type void, which PostgreSQL takes out of the arguments.
    pub(super) fn is_out_parameter(&self, expr: &ast::Expr) -> bool {
        let ast::Expr::Value(value) = expr else {
            return false;
        };
        let ast::Value::Placeholder(name) = &value.value else {
            return false;
        };
        let number = name
            .strip_prefix('$')
            .and_then(|number| number.parse().ok());
        number
            .and_then(|number: usize| self.params.get(number.checked_sub(1)?))
            .is_some_and(|ty| *ty == Some(SqlType::Void))
    }

    /// A parameter gets its type from where it stands first.
    pub(super) fn decide_parameter(&mut self, index: usize, ty: &SqlType) -> Bound {
        let name = format!("${}", index + 1);
        let decided = self
            .params
            .get(index)
            .cloned()
            .flatten()
            .filter(|ty| *ty != SqlType::Unknown);
        match decided {
            Some(known) => Bound::new(placeholder(&name, &known), known),
            None => {
                let ty = match ty {
                    SqlType::Unknown => SqlType::Text,
                    other => other.base(),
                };
                if let Some(slot) = self.params.get_mut(index) {
                    *slot = Some(ty.clone());
                }
                Bound::new(placeholder(&name, &ty), ty)
            }
        }
    }

    pub(super) fn typed_string(&mut self, typed: &ast::TypedString) -> Result<Bound> {
        let ty = types::named(&typed.data_type)?;
        let value = self.value(&typed.value)?;
        let value = self.interval_constant(value, &typed.data_type)?;
        let value = self.cast(value, &ty)?;
        self.rounded(value, &typed.data_type)
    }

    /// `INTERVAL '1 day'`, `INTERVAL '1' DAY`, `INTERVAL '1 2' DAY TO HOUR`.
    pub(super) fn interval(&mut self, interval: &ast::Interval) -> Result<Bound> {
        let ast::Expr::Value(written) = &*interval.value else {
            return Err(Error::unsupported("an INTERVAL of an expression"));
        };
        let ast::Value::SingleQuotedString(text) = &written.value else {
            return Err(Error::unsupported("an INTERVAL without quotes"));
        };
        let value = self.interval_value(text, written.span.start, interval)?;
        constant(value, SqlType::Interval)
    }
}

/// `$1` or one of our own, typed.
pub fn placeholder(name: &str, ty: &SqlType) -> Expr {
    Expr::Placeholder(Placeholder::new_with_field(
        name.to_owned(),
        Some(Arc::new(datafusion::arrow::datatypes::Field::new(
            "",
            arrow_type(ty),
            true,
        ))),
    ))
}
