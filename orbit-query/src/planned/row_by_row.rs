//! Functions that do something, asked row by row.
//!
//! DataFusion works an expression out for all rows of a batch before the next one. A row's
//! `nextval(s)` and `currval(s)` would then be of different rows, and two `nextval(s)` not
//! follow each other; `WHERE state = 'new' AND pg_try_advisory_lock(id) LIMIT 1` would lock
//! whatever stands in the batch. So a select list that asks such functions several times, or
//! below a LIMIT, and a filter that asks one, have their rows one at a time; and a filter's
//! rows only those that its other conditions leave.

use super::bounded::Narrow;
use super::functions::{self, Effect};
use super::unary::{Unary, above};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::utils::{collect_columns, conjunction};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::async_func::AsyncFuncExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

#[derive(Debug)]
pub struct RowByRow;

impl PhysicalOptimizerRule for RowByRow {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let takes_first = plan.exists(|node| Ok(node.fetch().is_some()))?;
        let plan = plan.transform_up(|node| {
            if let Some(list) = node.downcast_ref::<ProjectionExec>() {
                let mut calls = Calls::waiting(list.input());
                for item in list.expr() {
                    calls.count(&item.expr)?;
                }
                if calls.acting > 0 && (takes_first || calls.all > 1) {
                    return over_single_rows(&node, &[]).map(Transformed::yes);
                }
            }
            if let Some(filter) = node.downcast_ref::<FilterExec>() {
                let mut calls = Calls::waiting(filter.input());
                calls.count(filter.predicate())?;
                if calls.acting > 0 {
                    let conditions = split_conjunction(filter.predicate());
                    return over_single_rows(&node, &conditions).map(Transformed::yes);
                }
            }
            Ok(Transformed::no(node))
        });
        Ok(plan?.data)
    }

    fn name(&self) -> &str {
        "RowByRow"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Calls of functions with effects: those that act, and all.
#[derive(Default)]
struct Calls {
    acting: usize,
    all: usize,
}

impl Calls {
    /// Those that have to wait were taken out of what is above.
    fn waiting(input: &Arc<dyn ExecutionPlan>) -> Calls {
        let calls = match input.downcast_ref::<AsyncFuncExec>() {
            Some(calls) => {
                let columns = |plan: &dyn ExecutionPlan| plan.schema().fields().len();
                columns(calls) - columns(calls.input().as_ref())
            }
            None => 0,
        };
        Calls {
            acting: calls,
            all: calls,
        }
    }

    fn count(&mut self, expr: &Arc<dyn PhysicalExpr>) -> Result<()> {
        expr.apply(|expr| {
            let call = expr.downcast_ref::<ScalarFunctionExpr>();
            let effect = call.map_or(Effect::None, |call| functions::effect(call.name()));
            self.acting += usize::from(effect == Effect::Acts);
            self.all += usize::from(effect != Effect::None);
            Ok(TreeNodeRecursion::Continue)
        })
        .map(drop)
    }
}

fn acts(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    let mut calls = Calls::default();
    calls.count(expr)?;
    Ok(calls.acting > 0)
}

/// The operator with one row in a batch, of those of which such conditions are true as do
/// nothing.
#[allow(deprecated)]
fn over_single_rows(
    node: &Arc<dyn ExecutionPlan>,
    conditions: &[&Arc<dyn PhysicalExpr>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let children = node.children();
    let Some(input) = children.first() else {
        return Ok(node.clone());
    };
    let calls = input.downcast_ref::<AsyncFuncExec>();
    let rows = calls.map_or_else(|| (*input).clone(), |calls| calls.input().clone());
    let mut plain = Vec::new();
    for condition in conditions {
        let width = rows.schema().fields().len();
        let is_known = collect_columns(condition)
            .iter()
            .all(|column| column.index() < width);
        if is_known && !acts(condition)? {
            plain.push((*condition).clone());
        }
    }
    let rows = match plain.is_empty() {
        true => rows,
        false => Arc::new(FilterExec::try_new(conjunction(plain), rows)?),
    };
    let mut single = above(rows, OneByOne);
    if calls.is_some() {
        // It gathers as many rows as a batch may have.
        let calls = (*input).clone().with_new_children(vec![single])?;
        single = above(calls, Narrow { rows: 1 });
    }
    node.clone().with_new_children(vec![single])
}

/// Its input's rows, each in a batch of its own.
#[derive(Clone, Debug)]
struct OneByOne;

impl Unary for OneByOne {
    const NAME: &'static str = "OneByOneExec";

    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        _context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let schema = rows.schema();
        let single = rows.map_ok(|batch| {
            let rows = 0..batch.num_rows();
            futures::stream::iter(rows.map(move |at| Ok(batch.slice(at, 1))))
        });
        let single = single.try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            single.boxed(),
        )))
    }
}
