//! Conditions over segments some of whose rows changed: they are asked while the columns
//! still lie as they were decoded, so that rows are left out once, those that changed and
//! those that don't pass together.

use crate::planned::in_turn::never_fails;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use std::sync::Arc;

/// Whether it may be asked of any row, those that are gone too: it can't fail.
pub fn is_harmless(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let itself = if let Some(of) = expr.downcast_ref::<BinaryExpr>() {
        matches!(
            of.op(),
            Operator::And
                | Operator::Or
                | Operator::Eq
                | Operator::NotEq
                | Operator::Lt
                | Operator::LtEq
                | Operator::Gt
                | Operator::GtEq
                | Operator::IsDistinctFrom
                | Operator::IsNotDistinctFrom
        )
    } else if let Some(call) = expr.downcast_ref::<ScalarFunctionExpr>() {
        never_fails(call.name())
    } else {
        expr.is::<Column>()
            || expr.is::<Literal>()
            || expr.is::<InListExpr>()
            || expr.is::<IsNullExpr>()
            || expr.is::<IsNotNullExpr>()
            || expr.is::<LikeExpr>()
            || expr.is::<NotExpr>()
    };
    itself && expr.children().into_iter().all(is_harmless)
}
