//! Window functions of a select list: run once each, and read as columns from there.

use super::projection::{Item, distinct_name};
use super::{SortItem, SortTarget};
use crate::planned::bind::Binder;
use crate::planned::error::Told;
use ahash::AHashSet;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::Result;

impl Binder<'_> {
    pub(super) fn windows_of(
        &mut self,
        plan: LogicalPlan,
        items: &mut [Item],
        sort: &mut [SortItem],
        above: &mut [Expr],
    ) -> Result<LogicalPlan> {
        let mut calls: Vec<Expr> = Vec::new();
        let mut collect = |expr: &Expr| -> Result<()> {
            expr.apply(|expr| {
                if matches!(expr, Expr::WindowFunction(_)) {
                    if !calls.contains(expr) {
                        calls.push(expr.clone());
                    }
                    return Ok(TreeNodeRecursion::Jump);
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .told()
            .map(drop)
        };
        for item in items.iter() {
            collect(&item.bound.expr)?;
        }
        for item in sort.iter() {
            if let SortTarget::Expr(bound) = &item.target {
                collect(&bound.expr)?;
            }
        }
        for expr in above.iter() {
            collect(expr)?;
        }
        if calls.is_empty() {
            return Ok(plan);
        }
        let (plan, columns) = with_windows(plan, &calls)?;
        let rewrite = |expr: &mut Expr| -> Result<()> {
            let rewritten = std::mem::take(expr)
                .transform_down(|expr| {
                    let at = calls.iter().position(|call| *call == expr);
                    Ok(match at.and_then(|at| columns.get(at)) {
                        Some(column) => Transformed::new(
                            Expr::Column(column.clone()),
                            true,
                            TreeNodeRecursion::Jump,
                        ),
                        None => Transformed::no(expr),
                    })
                })
                .told()?
                .data;
            *expr = rewritten;
            Ok(())
        };
        for item in items.iter_mut() {
            rewrite(&mut item.bound.expr)?;
        }
        for item in sort.iter_mut() {
            if let SortTarget::Expr(bound) = &mut item.target {
                rewrite(&mut bound.expr)?;
            }
        }
        for expr in above.iter_mut() {
            rewrite(expr)?;
        }
        Ok(plan)
    }
}

/// The plan with these window functions, and the column each became.
fn with_windows(plan: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<Column>)> {
    let mut used = AHashSet::new();
    let mut plain = Vec::with_capacity(calls.len());
    // DataFusion's names leave casts out: sum(x) and sum(x::numeric) would be one.
    let mut renamed = Vec::new();
    let mut columns = Vec::with_capacity(calls.len());
    for call in calls {
        let own = call.schema_name().to_string();
        let name = distinct_name(&mut used, &own);
        if name == own {
            plain.push(call.clone());
        } else {
            renamed.push(call.clone().alias(&name));
        }
        columns.push(Column::new_unqualified(name));
    }
    let mut plan = LogicalPlanBuilder::window_plan(plan, plain).told()?;
    for call in renamed {
        plan = LogicalPlanBuilder::from(plan)
            .window([call])
            .told()?
            .build()
            .told()?;
    }
    Ok((plan, columns))
}
