//! Queries that are worked out as they are written.
//!
//! An optimiser may leave out columns that nobody reads, move conditions and expressions,
//! and run one query twice where its rows are wanted twice. Where a query calls something
//! that gives another value every time, or that does something, all of that can be seen.
//! So a fence stands around it: what is inside has all its columns, and nothing from
//! outside comes in. PostgreSQL draws the same line around a subquery whose select list is
//! volatile, and around a WITH item.
//!
//! A fence with a name ([`Source`]) stands in a plan several times, around the same query
//! each time. The first that is read runs it, and all have those rows ([`spool`]).

pub mod spool;

use super::error::Told;
use super::unary::{Unary, above, operator_of};
use super::unnest::subquery_of;
use super::work::WorkRows;
use ahash::AHashMap;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::DFSchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use spool::Spooled;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What EXPLAIN calls a fence, and one whose rows several read.
pub const FENCE: &str = "FenceExec";
pub const SPOOL: &str = "SpoolExec";

/// Which query's rows a fence has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub enum Source {
    /// Its own: no other fence shares them, though it be of the same text.
    Own(u64),
    /// One query's of this plan.
    Query(u64),
    /// The WITH item's that stands at this line and column of a statement with several
    /// parts, each of which has a plan.
    Item { line: u64, column: u64 },
    /// One query's, anew for each round of the recursion that it stands in.
    Round(u64),
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What nobody else shares.
pub fn own() -> Source {
    Source::Own(next())
}

/// What copies of a fence around the plan share.
pub fn shared(plan: &LogicalPlan) -> orbit_core::Result<Source> {
    let in_recursion = plan.exists(|node| {
        Ok(match node {
            LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)?
                .downcast_ref::<WorkRows>()
                .is_some(),
            _ => false,
        })
    });
    Ok(match in_recursion.told()? {
        true => Source::Round(next()),
        false => Source::Query(next()),
    })
}

/// Every use of the plan has the same rows from here on, if two runs of it might differ.
pub fn once(plan: LogicalPlan) -> orbit_core::Result<LogicalPlan> {
    if !is_volatile(&plan)? {
        return Ok(plan);
    }
    let source = shared(&plan)?;
    Ok(around(plan, source))
}

/// The plan keeps its columns, though nobody should read them, if some are volatile.
pub fn whole(plan: LogicalPlan) -> orbit_core::Result<LogicalPlan> {
    Ok(match has_volatile_columns(&plan)? {
        true => around(plan, own()),
        false => plan,
    })
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub struct Fence {
    pub source: Source,
    pub input: LogicalPlan,
}

impl Fence {
    /// Whether other fences have the same rows.
    pub fn is_shared(&self) -> bool {
        !matches!(self.source, Source::Own(_))
    }

    pub fn of(plan: &LogicalPlan) -> Option<&Fence> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }
}

/// The query with a fence around it.
pub fn around(input: LogicalPlan, source: Source) -> LogicalPlan {
    LogicalPlan::Extension(Extension {
        node: Arc::new(Fence { source, input }),
    })
}

impl UserDefinedLogicalNodeCore for Fence {
    fn name(&self) -> &str {
        "Fence"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// Conditions on what isn't volatile may come in where nobody else has these rows.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.input.schema().fields().iter();
        let names = fields.map(|field| field.name().clone());
        match &self.input {
            LogicalPlan::Projection(of) if !self.is_shared() => {
                let named = names.zip(&of.expr);
                let volatile = named.filter(|(_, expr)| expr.is_volatile());
                volatile.map(|(name, _)| name).collect()
            }
            _ => names.collect(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fence: {:?}", self.source)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Fence> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Fence {
                source: self.source,
                input,
            }),
            _ => Err(DataFusionError::Internal(
                "a fence has one input".to_owned(),
            )),
        }
    }
}

/// Whether two runs of the plan may have other rows, as its expressions go.
pub fn is_volatile(plan: &LogicalPlan) -> orbit_core::Result<bool> {
    any(plan, &|plan| match Fence::of(plan) {
        Some(fence) if fence.is_shared() => Look::Past,
        _ => Look::AtAll,
    })
}

/// Whether some column of the plan is volatile: an expression that isn't a condition.
fn has_volatile_columns(plan: &LogicalPlan) -> orbit_core::Result<bool> {
    any(plan, &|plan| match plan {
        LogicalPlan::Extension(_) => Look::Past,
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_) => Look::Below,
        _ => Look::AtAll,
    })
}

/// What of a plan's node counts.
enum Look {
    AtAll,
    Below,
    Past,
}

/// Whether an expression that counts is volatile.
fn any(plan: &LogicalPlan, look: &dyn Fn(&LogicalPlan) -> Look) -> orbit_core::Result<bool> {
    let mut ahead = vec![plan];
    while let Some(plan) = ahead.pop() {
        let at_all = match look(plan) {
            Look::Past => continue,
            Look::Below => false,
            Look::AtAll => true,
        };
        ahead.extend(plan.inputs());
        if !at_all {
            continue;
        }
        let (mut found, mut inner) = (false, Vec::new());
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= expr.is_volatile_node();
                inner.extend(subquery_of(expr).map(|of| of.subquery.clone()));
                Ok(TreeNodeRecursion::Continue)
            })
        })
        .told()?;
        for inner in inner {
            found |= any(&inner, look)?;
        }
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

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
            true => above(input, Spooled::new(fence.source, next())),
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
