//! A filter over segments some of whose rows changed: its condition is asked while the
//! columns still lie as they were decoded, so that rows are left out once, those that
//! changed and those that don't pass together. The filter stays where it is and asks the
//! few that are left again.

use super::scan::{SegmentExec, with_segments};
use crate::planned::in_turn::never_fails;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};
use std::sync::Arc;

#[derive(Debug)]
pub struct FilterWithMask;

impl PhysicalOptimizerRule for FilterWithMask {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let Some(filter) = node.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(node));
            };
            let condition = filter.predicate();
            if !is_harmless(condition) {
                return Ok(Transformed::no(node));
            }
            let told = |segments: &SegmentExec| segments.with_condition(condition);
            Ok(match with_segments(filter.input(), told)? {
                Some(input) => Transformed::yes(replace_children_if_necessary(node, vec![input])?),
                None => Transformed::no(node),
            })
        });
        Ok(plan?.data)
    }

    fn name(&self) -> &str {
        "FilterWithMask"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether it may be asked of any row, those that are gone too: it can't fail.
fn is_harmless(expr: &Arc<dyn PhysicalExpr>) -> bool {
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
