//! Rules of DataFusion that hold less often than it thinks, and what is done about them.
//!
//! It drops sort keys that are constant. What is constant in an arm of a UNION, or in the
//! side of an outer join that NULLs stand in for, is carried up as constant in the whole
//! result; the rows then come unsorted. [`HideConstants`] puts a node above such results
//! of which nothing is known but its columns. So it does above `nextval('s')`, which passes
//! for constant since what it is given is.
//!
//! `count(DISTINCT x)` beside `sum(y)` is rewritten to a sum of sums, whose numeric is
//! wider than what the plan above was promised. [`only_distinct`] keeps it from such a plan.
//!
//! Comparisons of one column with constants are told apart by how they are written: two
//! that say the same, `1 = x` and `x = 1`, pass for a contradiction, and of `5 <= x` and
//! `5 < x` the wrong one is kept. A condition of an outer join gets there with its
//! constant on the left, and a zero may be negative. [`turned`] writes all of them in one
//! way before.
//!
//! What conditions have in common is worked out ahead of them if the first has it:
//! [`cheapest_first`] sees to it that this is none that another keeps from failing.
//!
//! Volatile conditions are copied from one side of a join to the other, and asked twice;
//! [`apart`] keeps them where they are asked once.

mod apart;

use super::fence::physical::SingleReaders;
use super::in_turn;
use super::joins::SortedJoins;
use super::lists::without_negative_zero;
use super::narrowing::Narrowing;
use super::row_by_row::RowByRow;
use super::semi;
use super::sorted::KeepSorts;
use super::told::TellScans;
use super::unary::{Unary, above};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeContainer};
use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, JoinType, LogicalPlan, lit};
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use std::sync::Arc;

/// The rules for physical plans. Left out are those that push filters once the plan is
/// physical: they tell columns by their names alone, and hand a filter over one side of a
/// join to the other side's column of the same name. Our scans take no filters at that
/// stage.
///
/// Projections are pushed down once, not twice: the second time the rule would put a
/// projection below a filter that has one of its own already, and read places in the
/// filter's output as places in its input. Columns of other names end the query; columns
/// of one name, as two tables in a join have them, would be compared in each other's stead.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let mut projections = 0;
    rules.retain(|rule| {
        projections += usize::from(rule.name() == "ProjectionPushdown");
        !rule.name().starts_with("FilterPushdown")
            && (rule.name() != "ProjectionPushdown" || projections == 1)
    });
    let sorts =
        |rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| rule.name() == "EnsureRequirements";
    let before = rules.iter().position(sorts).unwrap_or(0);
    rules.push(Arc::new(RowByRow));
    rules.push(Arc::new(SingleReaders));
    rules.push(Arc::new(Narrowing));
    rules.insert(before, Arc::new(KeepSorts));
    rules.insert(before, Arc::new(HideConstants));
    rules.insert(before, Arc::new(SortedJoins));
    // First: nothing stands between filters and scans yet.
    rules.insert(0, Arc::new(TellScans));
    rules
}

pub fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let distinct = SingleDistinctToGroupBy::new();
    let conditions = PushDownFilter::new();
    let common = CommonSubexprEliminate::new();
    let mut rules = Optimizer::new().rules;
    let behind = rules.iter().position(|rule| rule.name() == semi::BEHIND);
    rules.insert(behind.map_or(0, |at| at + 1), Arc::new(semi::PushSemiJoin));
    rules
        .into_iter()
        .map(|inner| {
            let prepare = match inner.name() {
                name if name == distinct.name() => {
                    only_distinct as fn(LogicalPlan) -> Result<Taken>
                }
                name if name == conditions.name() => conditions_in_place,
                name if name == common.name() => cheapest_first,
                _ => return inner,
            };
            Arc::new(Prepared { inner, prepare })
        })
        .collect()
}

#[derive(Debug)]
struct HideConstants;

impl PhysicalOptimizerRule for HideConstants {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(if carries_constants_too_far(node.as_ref()) {
                Transformed::yes(above(node, Opaque))
            } else {
                Transformed::no(node)
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "HideConstants"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn carries_constants_too_far(node: &dyn ExecutionPlan) -> bool {
    let children = node.children();
    let constant = |at: usize| {
        children
            .get(at)
            .is_some_and(|child| !child.equivalence_properties().constants().is_empty())
    };
    if node.is::<UnionExec>() {
        return (0..children.len()).any(constant);
    }
    if let Some(list) = node.downcast_ref::<ProjectionExec>() {
        return list.expr().iter().any(|item| is_volatile(&item.expr));
    }
    let join = node
        .downcast_ref::<HashJoinExec>()
        .map(|join| *join.join_type())
        .or_else(|| {
            let join = node.downcast_ref::<NestedLoopJoinExec>()?;
            Some(*join.join_type())
        })
        .or_else(|| {
            let join = node.downcast_ref::<SortMergeJoinExec>()?;
            Some(join.join_type())
        });
    match join {
        Some(JoinType::Left) => constant(1),
        Some(JoinType::Right) => constant(0),
        Some(JoinType::Full) => constant(0) || constant(1),
        _ => false,
    }
}

/// Its input's rows, of which nothing more is known.
#[derive(Clone, Debug)]
pub struct Opaque;

impl Unary for Opaque {
    const NAME: &'static str = "OpaqueExec";
    /// It would not be known above.
    const KEEPS_ORDER: bool = false;
    const PASSES_LIMITS: bool = true;

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        let known = input.properties();
        Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            known.partitioning.clone(),
            known.emission_type,
            known.boundedness,
        ))
    }
}

/// A rule of DataFusion, and what comes before it.
#[derive(Debug)]
struct Prepared {
    inner: Arc<dyn OptimizerRule + Send + Sync>,
    prepare: fn(LogicalPlan) -> Result<Taken>,
}

/// What a rule may do with a plan.
enum Taken {
    /// Nothing.
    Not(Transformed<LogicalPlan>),
    /// What it does.
    By(Transformed<LogicalPlan>),
}

impl OptimizerRule for Prepared {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match (self.prepare)(plan)? {
            Taken::Not(plan) => Ok(plan),
            Taken::By(plan) => plan.transform_data(|plan| self.inner.rewrite(plan, config)),
        }
    }
}

/// Aggregates that are all DISTINCT.
fn only_distinct(plan: LogicalPlan) -> Result<Taken> {
    let is_distinct =
        |expr: &Expr| matches!(expr, Expr::AggregateFunction(call) if call.params.distinct);
    Ok(match &plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().all(is_distinct) => {
            Taken::By(Transformed::no(plan))
        }
        _ => Taken::Not(Transformed::no(plan)),
    })
}

fn cheapest_first(plan: LogicalPlan) -> Result<Taken> {
    Ok(Taken::By(match plan {
        LogicalPlan::Filter(filter) => {
            in_turn::cheapest_first(filter).update_data(LogicalPlan::Filter)
        }
        plan => Transformed::no(plan),
    }))
}

fn conditions_in_place(plan: LogicalPlan) -> Result<Taken> {
    match apart::volatile_apart(plan)? {
        Taken::By(plan) => {
            let turned = turned(plan.data)?;
            let changed = plan.transformed || turned.transformed;
            Ok(Taken::By(Transformed::new_transformed(
                turned.data,
                changed,
            )))
        }
        not => Ok(not),
    }
}

/// In a filter's conditions, and in those of filters right below, with which it is merged.
fn turned(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(Filter {
        predicate, input, ..
    }) = plan
    else {
        return Ok(Transformed::no(plan));
    };
    let mut changed = false;
    let conditions = split_conjunction_owned(predicate)
        .into_iter()
        .map(|condition| {
            let turned = literal_right(condition);
            changed |= turned.transformed;
            turned.data
        });
    let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
    let input = input.map_elements(turned)?;
    let plan = LogicalPlan::Filter(Filter::new(predicate, input.data));
    Ok(Transformed::new_transformed(
        plan,
        changed || input.transformed,
    ))
}

fn literal_right(condition: Expr) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr {
        mut left,
        mut op,
        mut right,
    }) = condition
    else {
        return Transformed::no(condition);
    };
    let mut changed = false;
    if matches!((&*left, &*right), (Expr::Literal(..), Expr::Column(_)))
        && let Some(swapped) = op.swap()
    {
        (left, op, right) = (right, swapped, left);
        changed = true;
    }
    if let (Expr::Column(_), Expr::Literal(value, _)) = (&*left, &mut *right) {
        changed |= without_negative_zero(value);
    }
    let condition = Expr::BinaryExpr(BinaryExpr { left, op, right });
    Transformed::new_transformed(condition, changed)
}
