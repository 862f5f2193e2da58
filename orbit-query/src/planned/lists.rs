//! `x IN (...)` beside `x IN (...)`.
//!
//! DataFusion makes one list of two that are about the same value. Where nothing is in
//! both, it says that the value isn't in them: of NULL that isn't known, and of something
//! volatile there are two values. So lists stand where its simplifier doesn't see them,
//! but for those that are a condition of their own: there what isn't known counts as
//! false, and scans and joins want to see them.

use super::error::Told;
use super::operators::identity::{identity, within_identity};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, lit};
use orbit_core::Result;

/// Where the simplifier doesn't see it.
pub(super) fn alone(list: InList) -> Expr {
    identity(Expr::InList(list))
}

/// Lists that are conditions of their own, shown again.
pub(super) fn shown(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut any = false;
    let look = plan.apply_with_subqueries(|plan| {
        any = condition_of(plan).is_some_and(hides);
        Ok(match any {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    });
    look.told()?;
    if !any {
        return Ok(plan);
    }
    let shown = plan.transform_up_with_subqueries(|plan| {
        if !condition_of(&plan).is_some_and(hides) {
            return Ok(Transformed::no(plan));
        }
        Ok(match plan {
            LogicalPlan::Filter(filter) => {
                let predicate = shown_in(filter.predicate);
                Transformed::yes(LogicalPlan::Filter(Filter::new(predicate, filter.input)))
            }
            LogicalPlan::Join(mut join) => {
                join.filter = join.filter.map(shown_in);
                Transformed::yes(LogicalPlan::Join(join))
            }
            plan => Transformed::no(plan),
        })
    });
    Ok(shown.told()?.data)
}

/// What must be true of a row for it to go on.
fn condition_of(plan: &LogicalPlan) -> Option<&Expr> {
    match plan {
        LogicalPlan::Filter(filter) => Some(&filter.predicate),
        LogicalPlan::Join(join) => join.filter.as_ref(),
        _ => None,
    }
}

/// The list that a condition is, where it may be shown.
fn hidden(condition: &Expr) -> Option<&Expr> {
    within_identity(condition)
        .filter(|inner| matches!(inner, Expr::InList(list) if !list.expr.is_volatile()))
}

fn hides(predicate: &Expr) -> bool {
    let mut conditions = split_conjunction(predicate).into_iter();
    conditions.any(|condition| hidden(condition).is_some())
}

fn shown_in(predicate: Expr) -> Expr {
    let conditions = split_conjunction_owned(predicate);
    let shown = conditions
        .into_iter()
        .map(|condition| hidden(&condition).cloned().unwrap_or(condition));
    conjunction(shown).unwrap_or_else(|| lit(true))
}

/// Zeros of both signs are one number, and told apart by their bits.
pub(super) fn with_one_zero(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(mut value, metadata) => {
            without_negative_zero(&mut value);
            Expr::Literal(value, metadata)
        }
        expr => expr,
    }
}

/// Whether it was negative.
pub(super) fn without_negative_zero(value: &mut ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(float)) if *float == 0.0 && float.is_sign_negative() => {
            *float = 0.0;
            true
        }
        ScalarValue::Float64(Some(float)) if *float == 0.0 && float.is_sign_negative() => {
            *float = 0.0;
            true
        }
        _ => false,
    }
}
