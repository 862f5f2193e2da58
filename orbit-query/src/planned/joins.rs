//! Joins that fit: by hashing where the smaller side has room in the pool, by sorting else.
//!
//! DataFusion's hash join keeps the whole of one side in memory and can't spill
//! (apache/datafusion#24768); its sort-merge join sorts both sides, and sorts spill. So a
//! join of which it is known that the kept side is larger than the pool is planned as a
//! sort-merge join, and so are all joins of a statement that is planned once more because
//! it ran out of memory ([`super::again`]).

use super::error::Told;
use super::opaque::Opaque;
use super::scan::ScanExec;
use super::unary::above;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::JoinSide;
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionState;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, JoinOn, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use std::any::Any;
use std::sync::Arc;

/// What a row takes in the table of hashes.
const HASHED_BYTES: usize = 24;
/// About what a value takes whose length only its row knows.
const TEXT_BYTES: usize = 24;

/// What is small takes no more than such a part of the pool.
const SMALL: usize = 32;

/// How statements join; part of a session state's options.
#[derive(Clone, Copy, Debug)]
pub struct Joins {
    /// What all queries may hold.
    pool_bytes: usize,
    /// Every join that may keep much is a sort-merge join, if it can be one.
    sorted: bool,
}

impl Joins {
    pub fn of_pool(pool_bytes: usize) -> Joins {
        Joins {
            pool_bytes,
            sorted: false,
        }
    }
}

/// Has what is planned with this state join by sorting.
pub fn by_sorting(state: &mut SessionState) {
    let extensions = &mut state.config_mut().options_mut().extensions;
    if let Some(joins) = extensions.get_mut::<Joins>() {
        joins.sorted = true;
    }
}

/// Whether some join of the plan may keep much that it would not by sorting.
pub fn hashes_much(
    plan: &Arc<dyn ExecutionPlan>,
    state: &SessionState,
) -> orbit_core::Result<bool> {
    let extensions = &state.config_options().extensions;
    let Some(joins) = extensions.get::<Joins>() else {
        return Ok(false);
    };
    let asked = Joins {
        sorted: true,
        ..*joins
    };
    let mut found = false;
    plan.apply(|node| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            found |= asked.sorts(kept(join)) && sortable(join)?.is_some();
        }
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    Ok(found)
}

/// Puts sort-merge joins in the place of hash joins. The sorts themselves come where
/// DataFusion sees to what operators require of their inputs.
#[derive(Debug)]
pub struct SortedJoins;

impl PhysicalOptimizerRule for SortedJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(joins) = config.extensions.get::<Joins>() else {
            return Ok(plan);
        };
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(node));
            };
            if !joins.sorts(kept(join)) {
                return Ok(Transformed::no(node));
            }
            Ok(match sorted(join)? {
                Some(sorted) => Transformed::yes(sorted),
                None => Transformed::no(node),
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "SortedJoins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What is known of how much a join keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kept {
    /// A good guess; `None` where there is none.
    about: Option<usize>,
    at_most: Option<usize>,
}

impl Joins {
    /// Decides by what is known: a guess that is too high would have a join sorted that
    /// fits, and one that is too low is found out when it runs. Where sorting is asked
    /// for, a side that is small for certain is hashed all the same: each sort less
    /// leaves the others more room.
    fn sorts(&self, kept: Kept) -> bool {
        match self.sorted {
            true => kept
                .at_most
                .is_none_or(|bytes| bytes > self.pool_bytes / SMALL),
            false => kept.about.is_some_and(|bytes| bytes > self.pool_bytes),
        }
    }
}

/// What is known where the kept side comes from one table whose rows were counted; what
/// joins give is guessed too badly.
fn kept(join: &HashJoinExec) -> Kept {
    let side = join.left();
    let (mut whole, mut joins): (Option<Option<usize>>, bool) = (None, false);
    let walked = side.apply(|node| {
        let children = node.children().len();
        joins |= node.name().ends_with("JoinExec") || node.name() == "UnnestExec";
        if children == 0 {
            // Of the parts of a union none may be unknown.
            whole = Some(match (whole, counted_rows_of(node)) {
                (None, rows) => rows,
                (Some(sum), rows) => sum.zip(rows).map(|(sum, rows)| sum + rows),
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if joins || walked.is_err() {
        return Kept::default();
    }
    let row = row_bytes(&side.schema()) + HASHED_BYTES;
    let bytes = |rows: usize| rows.saturating_mul(row);
    Kept {
        about: rows_of(side).map(bytes),
        at_most: whole.flatten().map(bytes),
    }
}

#[allow(deprecated)]
fn rows_of(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    match plan.partition_statistics(None).ok()?.num_rows {
        Precision::Exact(rows) | Precision::Inexact(rows) => Some(rows),
        Precision::Absent => None,
    }
}

/// Of a scan; what was only seen in passing is no bound.
fn counted_rows_of(node: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    match node.downcast_ref::<ScanExec>() {
        Some(scan) if !scan.is_counted() => None,
        _ => rows_of(node),
    }
}

fn row_bytes(schema: &Schema) -> usize {
    let fields = schema.fields().iter();
    fields
        .map(|field| field.data_type().primitive_width().unwrap_or(TEXT_BYTES))
        .sum()
}

/// The join by sorting; `None` where it can't be one.
#[allow(deprecated)]
fn sorted(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(on) = sortable(join)? else {
        return Ok(None);
    };
    let options = vec![SortOptions::default(); on.len()];
    let sorted = SortMergeJoinExec::try_new(
        sorted_here(join.left()),
        sorted_here(join.right()),
        on,
        join.filter().map(left_first).transpose()?,
        *join.join_type(),
        options,
        join.null_equality(),
    )?;
    let sorted: Arc<dyn ExecutionPlan> = Arc::new(sorted);
    let Some(columns) = &join.projection else {
        return Ok(Some(sorted));
    };
    let schema = sorted.schema();
    let columns = columns.iter().map(|at| {
        let name = schema.field(*at).name().clone();
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(&name, *at));
        (column, name)
    });
    let columns: Vec<_> = columns.collect();
    Ok(Some(Arc::new(ProjectionExec::try_new(columns, sorted)?)))
}

/// A filter that names the left side's columns before the right side's. DataFusion's
/// sort-merge join hands them over in that order, whatever the filter says of them.
fn left_first(filter: &JoinFilter) -> Result<JoinFilter> {
    let named = filter.column_indices().iter().enumerate();
    let mut named: Vec<(usize, &ColumnIndex)> = named.collect();
    named.sort_by_key(|(_, column)| column.side != JoinSide::Left);
    let places: Vec<usize> = named.iter().map(|(place, _)| *place).collect();
    let expression = filter.expression().clone().transform_up(|expr| {
        let Some(column) = expr.downcast_ref::<Column>() else {
            return Ok(Transformed::no(expr));
        };
        let place = places.iter().position(|place| *place == column.index());
        let place = place.ok_or_else(|| {
            DataFusionError::Internal(format!("a filter without its column {column}"))
        })?;
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(column.name(), place));
        Ok(Transformed::yes(column))
    })?;
    let schema = filter.schema().project(&places)?;
    let columns = named.into_iter().map(|(_, column)| column.clone());
    Ok(JoinFilter::new(
        expression.data,
        columns.collect(),
        Arc::new(schema),
    ))
}

/// A side that is sorted above its own joins: DataFusion would put the sort below a join by
/// hashing, which keeps the order of one side, and sort all rows that the join throws away.
fn sorted_here(side: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let mut node = side;
    while let [below] = node.children()[..] {
        node = below;
    }
    match node.is::<HashJoinExec>() {
        true => above(side.clone(), Opaque),
        false => side.clone(),
    }
}

/// What the sides are to be sorted and compared by; `None` where DataFusion can't compare
/// it in order, or where NOT IN asks for more than comparing.
fn sortable(join: &HashJoinExec) -> Result<Option<JoinOn>> {
    if join.null_aware {
        return Ok(None);
    }
    let (left, right) = (join.left().schema(), join.right().schema());
    let mut on = JoinOn::with_capacity(join.on().len());
    for (ours, theirs) in join.on() {
        let (ty, other) = (ours.data_type(&left)?, theirs.data_type(&right)?);
        if ty != other {
            return Ok(None);
        }
        let (Some(ours), Some(theirs)) = (in_order(ours, &ty), in_order(theirs, &ty)) else {
            return Ok(None);
        };
        on.push((ours, theirs));
    }
    Ok((!on.is_empty()).then_some(on))
}

/// The value as the sort-merge join knows to compare it. Floats stay with hashing: a NaN
/// equals itself there, and compared in order it would be an error.
fn in_order(expr: &Arc<dyn PhysicalExpr>, ty: &DataType) -> Option<Arc<dyn PhysicalExpr>> {
    match ty {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Binary
        | DataType::Utf8
        | DataType::Decimal128(..)
        | DataType::Date32
        | DataType::Timestamp(_, None) => Some(expr.clone()),
        DataType::Timestamp(_, Some(_)) | DataType::Time64(_) => {
            Some(Arc::new(CastExpr::new(expr.clone(), DataType::Int64, None)))
        }
        _ => None,
    }
}

impl ConfigExtension for Joins {
    const PREFIX: &'static str = "orbit_joins";
}

impl ExtensionOptions for Joins {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<()> {
        Err(DataFusionError::Configuration(format!(
            "orbit_joins.{key} cannot be set"
        )))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(about: Option<usize>, at_most: Option<usize>) -> Kept {
        Kept { about, at_most }
    }

    #[test]
    fn a_join_is_sorted_where_it_is_known_not_to_fit() {
        let joins = Joins::of_pool(32 << 20);
        assert!(!joins.sorts(Kept::default()), "a guess is no reason");
        assert!(!joins.sorts(kept(Some(30 << 20), Some(90 << 20))));
        assert!(joins.sorts(kept(Some(33 << 20), Some(33 << 20))));
    }

    #[test]
    fn once_it_ran_out_only_what_is_surely_small_is_hashed() {
        let joins = Joins {
            sorted: true,
            ..Joins::of_pool(32 << 20)
        };
        assert!(joins.sorts(Kept::default()));
        assert!(joins.sorts(kept(Some(1 << 10), Some(2 << 20))));
        assert!(!joins.sorts(kept(Some(1 << 10), Some(1 << 20))));
    }
}
