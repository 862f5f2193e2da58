//! What PostgreSQL calls an output column that has no alias.

use crate::expr::scope::fold;
use crate::expr::types::sql_type;
use sqlparser::ast::{DataType, Expr, ObjectNamePart, TrimWhereField};

pub(crate) fn of(expr: &Expr) -> String {
    known(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A name, and whether it is a strong one: a cast takes the name of what it
/// casts only if that is a column's or a function's.
fn known(expr: &Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    // As deep as casts and brackets nest; the parser bounds that.
    match expr {
        Expr::Identifier(name) => Some((fold(name).into_owned(), true)),
        Expr::CompoundIdentifier(path) => path.last().map(|name| (fold(name).into_owned(), true)),
        Expr::Nested(inner) => known(inner),
        Expr::Function(function) => match function.name.0.last()? {
            ObjectNamePart::Identifier(name) => Some((fold(name).into_owned(), true)),
            _ => None,
        },
        Expr::Cast {
            expr, data_type, ..
        } => known(expr)
            .filter(|(_, strong)| *strong)
            .or_else(|| type_name(data_type)),
        Expr::TypedString(typed) => type_name(&typed.data_type),
        Expr::Case { else_result, .. } => else_result
            .as_deref()
            .and_then(known)
            .filter(|(_, strong)| *strong)
            .or_else(|| Some(("case".to_owned(), false))),
        Expr::Value(value) => match &value.value {
            sqlparser::ast::Value::Boolean(_) => Some(("bool".to_owned(), false)),
            _ => None,
        },
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::Substring { shorthand, .. } => {
            strong(if *shorthand { "substr" } else { "substring" })
        }
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        _ => None,
    }
}

fn type_name(data_type: &DataType) -> Option<(String, bool)> {
    let name = match sql_type(data_type)? {
        orbit_core::types::SqlType::Array(element) => element.name(),
        ty => ty.name(),
    };
    Some((name, false))
}
