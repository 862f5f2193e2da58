//! Window functions of a select list: run once each, and read as columns from there.

use super::projection::{Item, distinct_name};
use super::{SortItem, SortTarget};
use crate::planned::bind::Binder;
use crate::planned::error::Told;
use crate::planned::fence;
use crate::planned::unnest::columns_of;
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
        let (plan, known) = with_known_keys(plan, &calls)?;
        let (plan, columns) = with_windows(plan, &known)?;
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

/// The calls with columns for what is volatile among the keys of their windows, and the
/// plan that has those: what rows are sorted by is what tells them apart.
fn with_known_keys(plan: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<Expr>)> {
    let mut keys: Vec<Expr> = Vec::new();
    let mut known = |expr: &mut Expr| {
        if !expr.is_volatile() {
            return false;
        }
        let at = keys.iter().position(|key| key == expr);
        let at = at.unwrap_or_else(|| {
            keys.push(expr.clone());
            keys.len() - 1
        });
        *expr = Expr::Column(Column::new_unqualified(format!("__key_{at}")));
        true
    };
    let mut settled = Vec::with_capacity(calls.len());
    for call in calls {
        let call = call.clone().transform_down(|expr| {
            let Expr::WindowFunction(mut call) = expr else {
                return Ok(Transformed::no(expr));
            };
            let mut changed = false;
            for key in &mut call.params.partition_by {
                changed |= known(key);
            }
            for key in &mut call.params.order_by {
                changed |= known(&mut key.expr);
            }
            let call = Expr::WindowFunction(call);
            Ok(Transformed::new(call, changed, TreeNodeRecursion::Jump))
        });
        settled.push(call.told()?.data);
    }
    if keys.is_empty() {
        return Ok((plan, settled));
    }
    let mut exprs = columns_of(&plan);
    let keys = keys.into_iter().enumerate();
    exprs.extend(keys.map(|(at, key)| key.alias(format!("__key_{at}"))));
    let plan = LogicalPlanBuilder::from(plan).project(exprs).told()?;
    let plan = fence::around(plan.build().told()?, fence::own());
    Ok((plan, settled))
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
