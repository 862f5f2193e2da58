//! Which columns of a result an outer join may leave empty.

use super::fence::Fence;
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

/// For each column of the plan, in order.
pub(super) fn made_null(plan: &LogicalPlan) -> Vec<bool> {
    plan.schema()
        .columns()
        .iter()
        .map(|column| is_made_null(plan, column))
        .collect()
}

fn is_made_null(plan: &LogicalPlan, column: &Column) -> bool {
    let (mut plan, mut column) = (plan, column.clone());
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) => {
                let Some(at) = place(plan, &column) else {
                    return false;
                };
                match projection.expr.get(at).and_then(plain) {
                    Some(inner) => column = inner,
                    None => return false,
                }
                &projection.input
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let inner = place(plan, &column)
                    .and_then(|at| alias.input.schema().columns().get(at).cloned());
                match inner {
                    Some(inner) => column = inner,
                    None => return false,
                }
                &alias.input
            }
            LogicalPlan::Aggregate(aggregate) => {
                let at = place(plan, &column);
                match at
                    .and_then(|at| aggregate.group_expr.get(at))
                    .and_then(plain)
                {
                    Some(inner) => column = inner,
                    None => return false,
                }
                &aggregate.input
            }
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::Sort(sort) => &sort.input,
            LogicalPlan::Limit(limit) => &limit.input,
            LogicalPlan::Window(window) => &window.input,
            LogicalPlan::Distinct(Distinct::All(input)) => input,
            LogicalPlan::Join(join) => {
                let left = join.left.schema().has_column(&column);
                let emptied = match join.join_type {
                    JoinType::Left => !left,
                    JoinType::Right => left,
                    JoinType::Full => true,
                    _ => false,
                };
                if emptied {
                    return true;
                }
                match left {
                    true => &join.left,
                    false => &join.right,
                }
            }
            other => match Fence::of(other) {
                Some(fence) => &fence.input,
                None => return false,
            },
        };
    }
}

fn place(plan: &LogicalPlan, column: &Column) -> Option<usize> {
    plan.schema().columns().iter().position(|own| own == column)
}

/// The column that an expression is, by another name at most.
fn plain(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Column(column) => Some(column.clone()),
        Expr::Alias(alias) => plain(&alias.expr),
        _ => None,
    }
}
