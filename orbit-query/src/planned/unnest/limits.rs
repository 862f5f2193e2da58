//! Which subqueries DataFusion would take apart wrongly, without an error.

use super::domain::outer_columns;
use super::subquery_of;
use crate::planned::error::{Told, to_datafusion};
use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::utils::split_conjunction;
use orbit_core::Result;

/// Whether the plan holds a subquery
///
/// * in LATERAL: the conditions it takes out of one lose their tables' names, and one
///   that looks at nothing it leaves as it is;
/// * that looks past the rows it stands beside, to those around them: it takes all
///   that a subquery looks at for its own host's;
/// * that compares columns of one name and several tables: it confuses them.
pub(in crate::planned) fn is_beyond_datafusion(plan: &LogicalPlan) -> Result<bool> {
    let mut beyond = false;
    plan.apply_with_subqueries(|node| {
        beyond |= matches!(node, LogicalPlan::Subquery(_));
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Some(inner) = subquery_of(expr) {
                    let is_hard = looks_past(node, &inner.subquery)
                        .and_then(|past| Ok(past || confuses(&inner.subquery)?));
                    beyond |= is_hard.map_err(to_datafusion)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(match beyond {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    Ok(beyond)
}

fn looks_past(host: &LogicalPlan, inner: &LogicalPlan) -> Result<bool> {
    let columns = outer_columns(inner)?;
    let inputs = host.inputs();
    let is_known = |column: &Column| {
        let mut inputs = inputs.iter();
        inputs.any(|input| input.schema().has_column(column))
    };
    Ok(!columns.iter().all(is_known))
}

/// Whether two of the columns that get beside each other, those of the answer and
/// those of the conditions it takes out, differ by nothing but their tables.
fn confuses(inner: &LogicalPlan) -> Result<bool> {
    let mut columns: Vec<Column> = inner
        .schema()
        .iter()
        .map(|(of, field)| Column::new(of.cloned(), field.name()))
        .collect();
    inner
        .apply(|node| {
            node.apply_expressions(|expr| {
                for condition in split_conjunction(expr) {
                    if condition.contains_outer() {
                        columns.extend(condition.column_refs().into_iter().cloned());
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
        .told()?;
    Ok(columns.iter().enumerate().any(|(place, column)| {
        let mut before = columns.iter().take(place);
        before.any(|other| other.name == column.name && other.relation != column.relation)
    }))
}
