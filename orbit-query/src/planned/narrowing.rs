//! Scans that are narrowed while a query runs, group by group of a table's segments: by the
//! keys that a hash join has gathered before it asks for its other side, and by the rows
//! that an ORDER BY with a LIMIT has found so far. DataFusion's own way there would have a
//! join wait until all its partitions have begun, some of which we read one after the
//! other; and it tells columns by their names. What is known is carried by the same
//! expressions (`DynamicFilterPhysicalExpr`); who asks for a group looks at what they say
//! by then, and waits for nobody.

mod keys;

use super::columns::scan::SegmentExec;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};
use keys::GatherKeys;
use std::sync::Arc;

#[derive(Debug)]
pub struct Narrowing;

impl PhysicalOptimizerRule for Narrowing {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // What runs again and again would go by what it found before.
        if plan.exists(|node| Ok(node.name() == "RecursiveQueryExec"))? {
            return Ok(plan);
        }
        let plan = plan.transform_up(|node| {
            let narrowed = match (node.downcast_ref(), node.downcast_ref()) {
                (Some(join), _) => by_keys(join)?,
                (_, Some(sort)) => by_threshold(sort)?,
                _ => None,
            };
            Ok(match narrowed {
                Some(children) => Transformed::yes(replace_children_if_necessary(node, children)?),
                None => Transformed::no(node),
            })
        });
        Ok(plan?.data)
    }

    fn name(&self) -> &str {
        "Narrowing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a scan is told, in the columns of the operator that it has come to.
#[derive(Clone)]
struct Bound {
    /// What it may leave out changes as the query runs.
    filter: Arc<dyn PhysicalExpr>,
    /// The column by which groups are best read first the greatest or, `false`, the least.
    first: Option<(Column, bool)>,
}

/// The sides of a join whose probe side leaves out what no key lies in the range of.
fn by_keys(join: &HashJoinExec) -> Result<Option<Vec<Arc<dyn ExecutionPlan>>>> {
    use JoinType::{Inner, Left, LeftAnti, LeftMark, LeftSemi, RightSemi};
    let needs_no_others = matches!(
        join.join_type(),
        Inner | Left | LeftAnti | LeftMark | LeftSemi | RightSemi
    );
    if !needs_no_others
        || join.null_aware
        || join.null_equality() != NullEquality::NullEqualsNothing
        || *join.partition_mode() != PartitionMode::CollectLeft
    {
        return Ok(None);
    }
    let Some(gather) = GatherKeys::of(join) else {
        return Ok(None);
    };
    let bound = Bound {
        filter: gather.filter(),
        first: None,
    };
    let right = narrowed(join.right(), &bound)?;
    Ok(right.map(|right| vec![gather.above(join.left().clone()), right]))
}

/// The input of a sort that keeps few rows, without those that can't be among them.
fn by_threshold(sort: &SortExec) -> Result<Option<Vec<Arc<dyn ExecutionPlan>>>> {
    let produced = sort.dynamic_expressions_produced();
    let (Some(_), [filter]) = (sort.fetch(), &produced[..]) else {
        return Ok(None);
    };
    let first = sort.expr().first();
    let bound = Bound {
        filter: filter.clone(),
        first: first.expr.downcast_ref::<Column>().map(|column| {
            let descending = first.options.descending;
            (column.clone(), descending)
        }),
    };
    Ok(narrowed(sort.input(), &bound)?.map(|input| vec![input]))
}

/// A plan whose scans are told; `None`: it has none that would gain by it.
fn narrowed(
    plan: &Arc<dyn ExecutionPlan>,
    bound: &Bound,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(segments) = plan.downcast_ref::<SegmentExec>() {
        let segments = segments.narrowed_by(&bound.filter, bound.first.as_ref());
        return Ok(segments.map(|segments| Arc::new(segments) as Arc<dyn ExecutionPlan>));
    }
    // The rows that changed since they were sealed stand beside the segments.
    if plan.is::<UnionExec>() {
        return in_each(plan, |child| {
            match child.is::<SegmentExec>() || child.is::<CooperativeExec>() {
                true => narrowed_below(child, bound, Some),
                false => Ok(None),
            }
        });
    }
    // Rows left out below a limit would let others in.
    if plan.fetch().is_some() {
        return Ok(None);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        // What is volatile is asked of every row.
        if is_volatile(filter.predicate()) {
            return Ok(None);
        }
        let from = |place: usize| match filter.projection() {
            Some(columns) => columns.get(place).copied(),
            None => Some(place),
        };
        return in_each(plan, |child| narrowed_below(child, bound, from));
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let columns = projection.expr();
        if columns.iter().any(|column| is_volatile(&column.expr)) {
            return Ok(None);
        }
        let from = |place: usize| {
            let of = columns.get(place)?.expr.downcast_ref::<Column>()?;
            Some(of.index())
        };
        return in_each(plan, |child| narrowed_below(child, bound, from));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return below_probe(join, plan, bound);
    }
    let hands_on = plan.is::<RepartitionExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>();
    match hands_on {
        true => in_each(plan, |child| narrowed_below(child, bound, Some)),
        false => Ok(None),
    }
}

/// An operator's input, where each of the operator's columns comes from a place in it, or
/// from none alone.
fn narrowed_below(
    input: &Arc<dyn ExecutionPlan>,
    bound: &Bound,
    from: impl Fn(usize) -> Option<usize>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    match bound.below(&input.schema(), from) {
        Some(bound) => narrowed(input, &bound),
        None => Ok(None),
    }
}

/// Through an inner join, if all that is asked of are columns of its probe side.
fn below_probe(
    join: &HashJoinExec,
    plan: &Arc<dyn ExecutionPlan>,
    bound: &Bound,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let asks_all = join.filter().map(|filter| filter.expression());
    if *join.join_type() != JoinType::Inner || asks_all.is_some_and(is_volatile) {
        return Ok(None);
    }
    let left = join.left().schema().fields().len();
    let from = |place: usize| {
        let place = match &join.projection {
            Some(columns) => *columns.get(place)?,
            None => place,
        };
        place.checked_sub(left)
    };
    Ok(match narrowed_below(join.right(), bound, from)? {
        Some(right) => Some(replace_children_if_necessary(
            plan.clone(),
            vec![join.left().clone(), right],
        )?),
        None => None,
    })
}

/// With the children that there is something else for; `None`: there is for none.
pub(super) fn in_each(
    plan: &Arc<dyn ExecutionPlan>,
    replace: impl Fn(&Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let mut any = false;
    let mut children = Vec::with_capacity(plan.children().len());
    for child in plan.children() {
        let replaced = replace(child)?;
        any |= replaced.is_some();
        children.push(replaced.unwrap_or_else(|| child.clone()));
    }
    Ok(match any {
        true => Some(replace_children_if_necessary(plan.clone(), children)?),
        false => None,
    })
}

impl Bound {
    /// In the columns of an operator's input; `None`: one of them comes from none alone.
    fn below(&self, input: &Schema, from: impl Fn(usize) -> Option<usize>) -> Option<Bound> {
        let column_below = |column: &Column| {
            let place = from(column.index())?;
            Some(Column::new(input.fields().get(place)?.name(), place))
        };
        let first = match &self.first {
            Some((column, descending)) => Some((column_below(column)?, *descending)),
            None => None,
        };
        let mut all = true;
        let filter = self.filter.clone().transform_up(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else {
                return Ok(Transformed::no(expr));
            };
            let Some(column) = column_below(column) else {
                all = false;
                return Ok(Transformed::no(expr));
            };
            Ok(Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>))
        });
        let filter = filter.ok()?.data;
        all.then_some(Bound { filter, first })
    }
}
