//! What of a plan gives another value every time.

use super::Fence;
use crate::planned::error::Told;
use crate::planned::unnest::subquery_of;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;

/// Whether two runs of the plan may have other rows, as its expressions go.
pub fn is_volatile(plan: &LogicalPlan) -> orbit_core::Result<bool> {
    any(plan, &|plan| match Fence::of(plan) {
        Some(fence) if fence.is_shared() => Look::Past,
        _ => Look::AtAll,
    })
}

/// Whether some column of the plan is volatile: an expression that isn't a condition.
pub(super) fn has_volatile_columns(plan: &LogicalPlan) -> orbit_core::Result<bool> {
    any(plan, &|plan| match plan {
        LogicalPlan::Extension(_) => Look::Past,
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_) => Look::Below,
        _ => Look::AtAll,
    })
}

/// What of a plan's node counts.
enum Look {
    AtAll,
    Below,
    Past,
}

/// Whether an expression that counts is volatile.
fn any(plan: &LogicalPlan, look: &dyn Fn(&LogicalPlan) -> Look) -> orbit_core::Result<bool> {
    let mut ahead = vec![plan];
    while let Some(plan) = ahead.pop() {
        let at_all = match look(plan) {
            Look::Past => continue,
            Look::Below => false,
            Look::AtAll => true,
        };
        ahead.extend(plan.inputs());
        if !at_all {
            continue;
        }
        let (mut found, mut inner) = (false, Vec::new());
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= expr.is_volatile_node();
                inner.extend(subquery_of(expr).map(|of| of.subquery.clone()));
                Ok(TreeNodeRecursion::Continue)
            })
        })
        .told()?;
        for inner in inner {
            found |= any(&inner, look)?;
        }
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
