//! Volatile conditions, and where they may go.
//!
//! DataFusion brings a condition to both sides of a join whose columns are equal, and past
//! a [`Fence`] if it looks at no column. One that is volatile says something else each time,
//! or does something; so it goes to the side that it looks at, or stays above the join.

use super::Taken;
use crate::planned::fence::{self, Fence};
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, Filter, Join, JoinType, LogicalPlan, UserDefinedLogicalNodeCore,
};
use std::sync::Arc;

/// The plan with its volatile conditions where they stay.
pub(super) fn volatile_apart(plan: LogicalPlan) -> Result<Taken> {
    match plan {
        LogicalPlan::Join(mut join) if join.filter.as_ref().is_some_and(Expr::is_volatile) => {
            if join.join_type != JoinType::Inner {
                return Ok(Taken::Not(Transformed::no(LogicalPlan::Join(join))));
            }
            let conditions = join.filter.take().map(split_conjunction_owned);
            over_join(conditions.unwrap_or_default(), join)
        }
        LogicalPlan::Filter(_) => filtered(plan),
        plan => Ok(Taken::By(Transformed::no(plan))),
    }
}

/// A filter and those right below, which DataFusion makes one of.
fn filtered(plan: LogicalPlan) -> Result<Taken> {
    let mut base = &plan;
    let mut odd = false;
    while let LogicalPlan::Filter(filter) = base {
        odd |= filter.predicate.is_volatile() || is_blind(&filter.predicate);
        base = &filter.input;
    }
    let over_fence = Fence::of(base).is_some();
    if !odd || !(over_fence || matches!(base, LogicalPlan::Join(_))) {
        return Ok(Taken::By(Transformed::no(plan)));
    }
    let mut conditions = Vec::new();
    let mut base = plan;
    while let LogicalPlan::Filter(filter) = base {
        conditions.extend(split_conjunction_owned(filter.predicate));
        base = Arc::unwrap_or_clone(filter.input);
    }
    match base {
        LogicalPlan::Join(join) => over_join(conditions, join),
        base => Ok(over_fence_alone(conditions, base)),
    }
}

/// Whether one of the conditions looks at no column.
fn is_blind(predicate: &Expr) -> bool {
    let mut conditions = split_conjunction(predicate).into_iter();
    conditions.any(|condition| condition.column_refs().is_empty())
}

/// What isn't volatile may come behind a fence that nobody shares.
fn over_fence_alone(conditions: Vec<Expr>, base: LogicalPlan) -> Taken {
    let Some(fence) = Fence::of(&base).filter(|fence| !fence.is_shared()) else {
        return Taken::Not(Transformed::no(with_conditions(base, conditions)));
    };
    let kept_out = fence.prevent_predicate_push_down_columns();
    let (within, above): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(|condition| {
        let columns = condition.column_refs();
        !condition.is_volatile()
            && !columns.is_empty()
            && !columns.iter().any(|column| kept_out.contains(&column.name))
    });
    if within.is_empty() {
        return Taken::Not(Transformed::no(with_conditions(base, above)));
    }
    let input = with_conditions(fence.input.clone(), within);
    let fence = fence::around(input, fence.source);
    Taken::Not(Transformed::yes(with_conditions(fence, above)))
}

fn over_join(conditions: Vec<Expr>, mut join: Join) -> Result<Taken> {
    let (left_kept, right_kept) = match join.join_type {
        JoinType::Inner => (true, true),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, false),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => (false, true),
        _ => (false, false),
    };
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let (mut above, mut rest) = (Vec::new(), Vec::new());
    for condition in conditions {
        if !condition.is_volatile() {
            rest.push(condition);
            continue;
        }
        let columns = condition.column_refs();
        let all_of = |side: &LogicalPlan| {
            let mut columns = columns.iter();
            columns.len() > 0 && columns.all(|column| side.schema().has_column(column))
        };
        let is_left = left_kept && all_of(&join.left);
        let is_right = right_kept && all_of(&join.right);
        drop(columns);
        match (is_left, is_right) {
            (true, _) => left.push(condition),
            (_, true) => right.push(condition),
            _ => above.push(condition),
        }
    }
    if left.is_empty() && right.is_empty() && above.is_empty() {
        let plan = with_conditions(LogicalPlan::Join(join), rest);
        return Ok(Taken::By(Transformed::no(plan)));
    }
    join.left = Arc::new(with_conditions(Arc::unwrap_or_clone(join.left), left));
    join.right = Arc::new(with_conditions(Arc::unwrap_or_clone(join.right), right));
    let plan = with_conditions(LogicalPlan::Join(join), rest);
    if above.is_empty() {
        return Ok(Taken::By(Transformed::yes(plan)));
    }
    let plan = with_conditions(fence::around(plan, fence::own()), above);
    Ok(Taken::Not(Transformed::yes(plan)))
}

fn with_conditions(plan: LogicalPlan, conditions: Vec<Expr>) -> LogicalPlan {
    match conjunction(conditions) {
        Some(predicate) => LogicalPlan::Filter(Filter::new(predicate, Arc::new(plan))),
        None => plan,
    }
}
