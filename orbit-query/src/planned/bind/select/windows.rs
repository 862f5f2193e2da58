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
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator};
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
    let mut known = Known::named("__key");
    let mut settled = Vec::with_capacity(calls.len());
    for call in calls {
        let call = call.clone().transform_down(|expr| {
            let Expr::WindowFunction(mut call) = expr else {
                return Ok(Transformed::no(expr));
            };
            let params = &mut call.params;
            let ordered = params.order_by.iter_mut().map(|key| &mut key.expr);
            let mut changed = false;
            for key in params.partition_by.iter_mut().chain(ordered) {
                changed |= known.settle(key);
            }
            let call = Expr::WindowFunction(call);
            Ok(Transformed::new(call, changed, TreeNodeRecursion::Jump))
        });
        settled.push(call.told()?.data);
    }
    Ok((known.beside(plan)?, settled))
}

/// Expressions that are worked out once for all that ask for them.
pub(super) struct Known {
    /// What their columns are called, but for a number.
    name: &'static str,
    exprs: Vec<Expr>,
}

impl Known {
    pub(super) fn named(name: &'static str) -> Known {
        Known {
            name,
            exprs: Vec::new(),
        }
    }

    /// Puts a column there, if it is volatile, or has parts that are worked out only
    /// where others say so: below the operator that reads it that is seen to.
    pub(super) fn settle(&mut self, expr: &mut Expr) -> bool {
        if !expr.is_volatile() && !is_logical(expr) {
            return false;
        }
        let at = self.exprs.iter().position(|known| known == expr);
        let at = at.unwrap_or_else(|| {
            self.exprs.push(expr.clone());
            self.exprs.len() - 1
        });
        *expr = Expr::Column(Column::new_unqualified(format!("{}_{at}", self.name)));
        true
    }

    /// The plan with those columns.
    pub(super) fn beside(self, plan: LogicalPlan) -> Result<LogicalPlan> {
        if self.exprs.is_empty() {
            return Ok(plan);
        }
        let mut exprs = columns_of(&plan);
        let known = self.exprs.into_iter().enumerate();
        exprs.extend(known.map(|(at, expr)| expr.alias(format!("{}_{at}", self.name))));
        let volatile = exprs.iter().any(Expr::is_volatile);
        let plan = LogicalPlanBuilder::from(plan).project(exprs).told()?;
        let plan = plan.build().told()?;
        Ok(match volatile {
            true => fence::around(plan, fence::own()),
            false => plan,
        })
    }
}

fn is_logical(expr: &Expr) -> bool {
    let found = expr.exists(|expr| {
        Ok(matches!(expr, Expr::BinaryExpr(of) if matches!(of.op, Operator::And | Operator::Or)))
    });
    found.unwrap_or(false)
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
