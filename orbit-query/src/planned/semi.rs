//! `WHERE a.k IN (SELECT k ... GROUP BY k HAVING ...)` beside joins: the groups are worked
//! out whatever happens, and few are left of them, so they are asked for before the rows of
//! `a` are joined to others, not after.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

/// The rule of DataFusion that this one comes behind: conditions have become joins by then.
pub const BEHIND: &str = "eliminate_cross_join";

#[derive(Debug)]
pub struct PushSemiJoin;

impl OptimizerRule for PushSemiJoin {
    fn name(&self) -> &str {
        "push_semi_join"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(semi) = &plan else {
            return Ok(Transformed::no(plan));
        };
        if semi.join_type != JoinType::LeftSemi || semi.filter.is_some() || !is_having(&semi.right)
        {
            return Ok(Transformed::no(plan));
        }
        let LogicalPlan::Join(host) = semi.left.as_ref() else {
            return Ok(Transformed::no(plan));
        };
        // Asked of fewer rows, a volatile condition would show it.
        let shows = host.filter.as_ref().is_some_and(Expr::is_volatile);
        if host.join_type != JoinType::Inner || shows {
            return Ok(Transformed::no(plan));
        }
        let pushed = |side: &Arc<LogicalPlan>,
                      other: &Arc<LogicalPlan>|
         -> Result<Option<Arc<LogicalPlan>>> {
            let mut seen = semi.on.iter().flat_map(|(left, _)| left.column_refs());
            // An unqualified name may be that of columns on both sides.
            let is_of = |of: &LogicalPlan, column: &Column| of.schema().has_column(column);
            if !seen.all(|column| is_of(side, column) && !is_of(other, column)) {
                return Ok(None);
            }
            let semi = Join::try_new(
                side.clone(),
                semi.right.clone(),
                semi.on.clone(),
                None,
                JoinType::LeftSemi,
                semi.join_constraint,
                semi.null_equality,
                semi.null_aware,
            )?;
            Ok(Some(Arc::new(LogicalPlan::Join(semi))))
        };
        let mut host = host.clone();
        if let Some(left) = pushed(&host.left, &host.right)? {
            host.left = left;
        } else if let Some(right) = pushed(&host.right, &host.left)? {
            host.right = right;
        } else {
            return Ok(Transformed::no(plan));
        }
        Ok(Transformed::yes(LogicalPlan::Join(host)))
    }
}

/// Whether the plan is one of groups, not all of which count.
fn is_having(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(of) => is_having(&of.input),
        LogicalPlan::SubqueryAlias(of) => is_having(&of.input),
        LogicalPlan::Filter(of) => {
            matches!(*of.input, LogicalPlan::Aggregate(_)) || is_having(&of.input)
        }
        _ => false,
    }
}
