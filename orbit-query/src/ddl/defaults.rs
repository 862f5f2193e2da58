//! What the catalog keeps of a DEFAULT.

use super::types;
use orbit_core::catalog::Column;
use orbit_core::types::SqlType;
use sqlparser::ast::{Expr, Value};

/// A default's text. `DEFAULT NULL` is none, unless the column's type has a length or
/// precision that the NULL would be fitted to: tools compare what they asked for.
pub(super) fn kept(expr: &Expr, column: &Column) -> Option<String> {
    let fitted = column.modifier() != -1 && column.sql_type != SqlType::Interval;
    (fitted || !is_null(expr)).then(|| expr.to_string())
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_null(inner),
        Expr::Value(value) => value.value == Value::Null,
        Expr::Cast {
            expr, data_type, ..
        } => is_null(expr) && types::sql_type(data_type).is_ok_and(|ty| ty.modifier() == -1),
        _ => false,
    }
}
