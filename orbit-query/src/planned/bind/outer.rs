//! Expressions of a query as the queries inside it see them.

use super::Bound;
use super::scope::Scope;
use crate::planned::arrow::arrow_type;
use crate::planned::error::Told;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use orbit_core::Result;
use std::sync::Arc;

/// The expression with every column seen from inside. `type_of` says what is known of
/// a column's type; the plan it is put into finds out by itself.
pub(in crate::planned) fn outer_expr(
    expr: Expr,
    type_of: impl Fn(&Column) -> Option<DataType>,
) -> Result<Expr> {
    let outer = expr.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                let ty = type_of(&column).unwrap_or(DataType::Null);
                let field = Arc::new(Field::new(&column.name, ty, true));
                Transformed::yes(Expr::OuterReferenceColumn(field, column))
            }
            other => Transformed::no(other),
        })
    });
    Ok(outer.told()?.data)
}

/// An expression over `scope`.
pub(super) fn outer_of(scope: &Scope, expr: Expr) -> Result<Expr> {
    outer_expr(expr, |column| {
        let mut columns = scope.relations.iter().flat_map(|of| &of.columns);
        let known = columns
            .find(|known| matches!(&known.bound.expr, Expr::Column(known) if known == column));
        known.map(|known| arrow_type(&known.bound.ty))
    })
}

/// What a name means, for a query inside the one that has it.
pub(super) fn outer_bound(bound: &Bound) -> Result<Bound> {
    let ty = arrow_type(&bound.ty);
    Ok(Bound {
        expr: outer_expr(bound.expr.clone(), |_| Some(ty.clone()))?,
        ..bound.clone()
    })
}
