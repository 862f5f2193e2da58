//! The distances of RANGE frames: which go with the type of what is ordered by.

use super::super::operator::unnested;
use super::{FRAME_OFFSET, interval_text};
use crate::planned::error::to_datafusion;
use crate::planned::operators::vector::VectorFn;
use crate::planned::types::{self, Category};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use datafusion::logical_expr::Expr;
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::value::{Value, datetime};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

pub(super) fn negative() -> Error {
    Error::new(
        FRAME_OFFSET,
        "invalid preceding or following size in window function",
    )
}

/// Whether a distance can be measured in this type.
pub(super) fn check(by: &ast::Expr, ty: &SqlType, format: &FormatSettings) -> Result<()> {
    let by = unnested(by);
    let is_number = types::category(ty) == Category::Numeric;
    let misfit = |offset: &str| {
        Err(Error::new(state::FEATURE_NOT_SUPPORTED, format!(
            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {} and offset type {offset}",
            ty.base()
        ))
        .with_hint("Cast the offset value to an appropriate type."))
    };
    let (number, minus) = match by {
        ast::Expr::UnaryOp {
            op: ast::UnaryOperator::Minus,
            expr,
        } => (unnested(expr), true),
        other => (other, false),
    };
    if let ast::Expr::Value(value) = number
        && let ast::Value::Number(digits, _) = &value.value
    {
        let whole = digits.bytes().all(|digit| digit.is_ascii_digit());
        let kind = if whole { "integer" } else { "numeric" };
        if !is_number || types::is_integer(ty) && !whole {
            return misfit(kind);
        }
        return if minus { Err(negative()) } else { Ok(()) };
    }
    let text = match by {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        ast::Expr::Interval(interval) => {
            let text = interval_text(&interval.value, interval.leading_field.as_ref());
            // A string alone is read as an interval, too.
            let is_interval = text
                .as_ref()
                .is_some_and(|text| text.trim().parse::<f64>().is_err());
            if is_number && is_interval {
                return misfit("interval");
            }
            text
        }
        _ => None,
    };
    let Some(text) = text else {
        return Ok(());
    };
    if is_number {
        return match text.trim_start().starts_with('-') {
            true => Err(negative()),
            false => Ok(()),
        };
    }
    match text::parse(&text, &SqlType::Interval, format)? {
        Value::Interval(distance) if distance.span() < 0 => Err(negative()),
        _ => Ok(()),
    }
}

/// Types with a first and a last value that no distance leads away from.
pub(super) fn is_unending(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz
    )
}

/// The value; refused if it is infinite, for distances from there are not computed.
pub(super) fn finite(expr: Expr, ty: &SqlType) -> Expr {
    VectorFn::new("finite_date", vec![ty.clone()], ty.clone(), |columns| {
        let column = columns.first().ok_or_else(|| {
            to_datafusion(Error::internal("a window without what it is ordered by"))
        })?;
        let endless = if *column.data_type() == DataType::Date32 {
            let days = column.as_primitive::<Date32Type>();
            let ends = [datetime::DATE_INFINITY, datetime::DATE_NEG_INFINITY];
            days.iter().flatten().any(|day| ends.contains(&day))
        } else {
            let moments = column.as_primitive::<TimestampMicrosecondType>();
            let ends = [datetime::INFINITY, datetime::NEG_INFINITY];
            moments
                .iter()
                .flatten()
                .any(|moment| ends.contains(&moment))
        };
        match endless {
            true => Err(to_datafusion(Error::unsupported(
                "RANGE with a distance over infinite dates",
            ))),
            false => Ok(column.clone()),
        }
    })
    .call(vec![expr])
}
