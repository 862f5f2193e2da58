//! `SELECT DISTINCT ON (series) ... ORDER BY series, time DESC` over a time series: the last
//! reading of each series lies at the end of its keys, and the others needn't be read.

use super::{Item, SortItem};
use crate::planned::bind::Bound;
use crate::planned::error::Told;
use crate::planned::provider::OrbitTable;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::store::Direction;
use std::sync::Arc;

/// The plan, of whose series only the ends are read if nothing else is asked for. What is
/// read is enough for what stands above, which stays as it is.
pub(super) fn only_ends(
    plan: LogicalPlan,
    items: &[Item],
    on: &[Bound],
    sort: &[SortItem],
) -> Result<LogicalPlan> {
    let Some(direction) = wanted(&plan, items, on, sort).told()? else {
        return Ok(plan);
    };
    let plan = plan.transform_up(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            let Some(table) = own(&scan)? else {
                return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
            };
            let provider = Arc::new(table.only_ends(direction));
            scan.source = provider_as_source(provider);
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        node => Ok(Transformed::no(node)),
    });
    Ok(plan.told()?.data)
}

fn own(scan: &TableScan) -> datafusion::error::Result<Option<OrbitTable>> {
    let provider = source_as_provider(&scan.source)?;
    Ok(provider.downcast_ref::<OrbitTable>().cloned())
}

/// From which end the readings are asked for; `None`: that is not what is asked for.
fn wanted(
    plan: &LogicalPlan,
    items: &[Item],
    on: &[Bound],
    sort: &[SortItem],
) -> datafusion::error::Result<Option<Direction>> {
    // Conditions take whole series or leave them.
    let (scan, conditions) = match plan {
        LogicalPlan::TableScan(scan) => (scan, Vec::new()),
        LogicalPlan::Filter(filter) => match filter.input.as_ref() {
            LogicalPlan::TableScan(scan) => (scan, vec![&filter.predicate]),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(provider) = own(scan)? else {
        return Ok(None);
    };
    let table = provider.table();
    let Some((time, series)) = table.primary_key_columns().split_last() else {
        return Ok(None);
    };
    if table.series.is_none() || !scan.filters.is_empty() {
        return Ok(None);
    }
    let place = |bound: &Bound| column(table, &bound.expr);
    let is_series = |at: Option<usize>| at.is_some_and(|at| series.contains(&at));
    let names_series = on.iter().all(|bound| is_series(place(bound)))
        && series
            .iter()
            .all(|at| on.iter().any(|bound| place(bound) == Some(*at)));
    let mut rest = sort.iter().filter(|item| !is_series(place(item.of(items))));
    let (Some(last), None) = (rest.next(), rest.next()) else {
        return Ok(None);
    };
    let is_last = sort.last().is_some_and(|item| std::ptr::eq(item, last));
    if !names_series || !is_last || place(last.of(items)) != Some(*time) {
        return Ok(None);
    }
    for condition in conditions {
        let mut whole = !condition.is_volatile();
        condition.apply(|part| {
            use datafusion::common::tree_node::TreeNodeRecursion;
            match part {
                Expr::Column(_) => whole &= is_series(column(table, part)),
                Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_) => whole = false,
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !whole {
            return Ok(None);
        }
    }
    Ok(Some(match last.options.asc {
        Some(false) => Direction::Backward,
        _ => Direction::Forward,
    }))
}

fn column(table: &Table, expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => table.column_position(&column.name),
        _ => None,
    }
}
