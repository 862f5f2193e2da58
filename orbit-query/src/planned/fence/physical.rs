//! What fences are in a plan that runs.

use super::spool::Spooled;
use super::{Fence, Source, next_number};
use crate::planned::unary::{Unary, above, operator_of};
use ahash::AHashMap;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use std::sync::Arc;

/// What EXPLAIN calls a fence, and one whose rows several read.
pub const FENCE: &str = "FenceExec";
pub const SPOOL: &str = "SpoolExec";

/// DataFusion's planner, which knows fences, too.
#[derive(Debug)]
pub struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Fences)])
            .create_physical_plan(plan, session)
            .await
    }
}

struct Fences;

#[async_trait]
impl ExtensionPlanner for Fences {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical: &[&LogicalPlan],
        physical: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(fence), [input]) = (node.as_any().downcast_ref::<Fence>(), physical) else {
            return Ok(None);
        };
        let input = input.clone();
        Ok(Some(match fence.is_shared() {
            true => above(input, Spooled::new(fence.source, next_number())),
            false => above(input, Fenced),
        }))
    }
}

/// Rows that one alone reads aren't kept.
#[derive(Debug)]
pub struct SingleReaders;

impl PhysicalOptimizerRule for SingleReaders {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut readers: AHashMap<Source, usize> = AHashMap::new();
        plan.apply(|node| {
            if let Some((spooled, _)) = operator_of::<Spooled>(node) {
                *readers.entry(spooled.source).or_default() += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let plan = plan.transform_up(|node| {
            Ok(match operator_of::<Spooled>(&node) {
                Some((spooled, input)) if readers.get(&spooled.source) == Some(&1) => {
                    match spooled.source {
                        // Another part of the statement may read it, too.
                        Source::Item { .. } => Transformed::no(node),
                        _ => Transformed::yes(above(input.clone(), Fenced)),
                    }
                }
                _ => Transformed::no(node),
            })
        });
        Ok(plan?.data)
    }

    fn name(&self) -> &str {
        "SingleReaders"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What stands between two projections, and a projection and a sort, which would be one.
#[derive(Clone, Debug)]
struct Fenced;

impl Unary for Fenced {
    const NAME: &'static str = FENCE;
}
