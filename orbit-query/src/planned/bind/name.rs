//! What PostgreSQL calls a column nobody named.

use crate::planned::types::{fold, last_name, named};
use sqlparser::ast::{self, Expr};

pub const UNNAMED: &str = "?column?";

pub fn of_expr(expr: &Expr) -> String {
    figured(expr).map_or_else(|| UNNAMED.to_owned(), |(name, _)| name)
}

/// A name and how good it is: 2 from a column or function, 1 from a type.
fn figured(expr: &Expr) -> Option<(String, u8)> {
    let own = |name: &str| Some((name.to_owned(), 2));
    match expr {
        Expr::Identifier(ident) => Some((fold(ident), 2)),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| (fold(ident), 2)),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(Expr::Identifier(ident))) => Some((fold(ident), 2)),
            _ => figured(root),
        },
        Expr::QualifiedWildcard(name, _) => Some((last_name(name), 2)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figured(inner),
        Expr::Function(function) => Some((last_name(&function.name), 2)),
        Expr::Cast {
            expr, data_type, ..
        } => match figured(expr) {
            Some((name, 2)) => Some((name, 2)),
            _ => named(data_type).ok().map(|ty| (type_name(&ty), 1)),
        },
        Expr::TypedString(typed) => named(&typed.data_type).ok().map(|ty| (type_name(&ty), 1)),
        Expr::Interval(_) => Some(("interval".to_owned(), 1)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figured) {
            Some((name, 2)) => Some((name, 2)),
            _ => Some(("case".to_owned(), 1)),
        },
        Expr::Extract { .. } => own("extract"),
        Expr::Ceil { .. } => own("ceil"),
        Expr::Floor { .. } => own("floor"),
        Expr::Position { .. } => own("position"),
        Expr::Substring {
            shorthand: true, ..
        } => own("substr"),
        Expr::Substring { .. } => own("substring"),
        Expr::Overlay { .. } => own("overlay"),
        Expr::Trim { trim_where, .. } => own(match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::AtTimeZone { .. } => own("timezone"),
        Expr::Exists { negated: false, .. } => own("exists"),
        Expr::Exists { .. } => None,
        Expr::Subquery(query) => of_query(query),
        Expr::Array(_) => own("array"),
        Expr::Tuple(_) => own("row"),
        Expr::BinaryOp {
            op: ast::BinaryOperator::Overlaps,
            ..
        } => own("overlaps"),
        _ => None,
    }
}

fn type_name(ty: &orbit_core::types::SqlType) -> String {
    match ty {
        orbit_core::types::SqlType::Array(element) => element.name(),
        other => other.name(),
    }
}

fn of_query(query: &ast::Query) -> Option<(String, u8)> {
    let mut body = &*query.body;
    loop {
        match body {
            ast::SetExpr::Select(select) => {
                return match select.projection.first()? {
                    ast::SelectItem::UnnamedExpr(expr) => figured(expr),
                    ast::SelectItem::ExprWithAlias { alias, .. } => Some((fold(alias), 2)),
                    _ => None,
                };
            }
            ast::SetExpr::Query(inner) => body = &inner.body,
            ast::SetExpr::SetOperation { left, .. } => body = left,
            ast::SetExpr::Values(_) => return Some(("column1".to_owned(), 2)),
            _ => return None,
        }
    }
}
