//! Whether a query reads so little that several threads would gain nothing and put its
//! rows into an order that nobody can foresee; and whether it reads so much that it has to
//! wait for a place among those that do.

use super::columns::scan::SegmentExec;
use super::error::{Told, to_datafusion};
use super::provider::OrbitTable;
use super::scan::ScanExec;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::database::{ReadView, RowScan};
use orbit_core::store::{Direction, KeyRange};
use std::sync::Arc;

/// Rows of a table that are little.
const LITTLE: u64 = 1000;

/// Whether what the query joins or groups comes from tables of few rows.
pub(super) fn reads_little(plan: &LogicalPlan, view: &ReadView) -> Result<bool> {
    let mut tables: Vec<Arc<Table>> = Vec::new();
    let (mut gathers, mut known) = (false, true);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Join(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => {
                gathers = true;
            }
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                match provider.downcast_ref::<OrbitTable>() {
                    Some(own) => tables.push(own.table().clone()),
                    None => known = false,
                }
            }
            _ => {}
        }
        Ok(match known {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })
    .told()?;
    if !gathers || !known || tables.is_empty() {
        return Ok(false);
    }
    for table in tables {
        if !is_little(&table, view)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What ANALYZE counted, else what a look shows.
fn is_little(table: &Arc<Table>, view: &ReadView) -> Result<bool> {
    if let Some(counted) = &table.statistics {
        return Ok(counted.rows <= LITTLE);
    }
    let mut scan = view.scan(table, KeyRange::default(), Direction::Forward)?;
    Ok(count(&mut scan, LITTLE)? <= LITTLE)
}

/// How many rows there are, counted until there are more than `most`. Blocks of time
/// series say how many they have, unread.
pub(super) fn count(scan: &mut RowScan, most: u64) -> Result<u64> {
    let mut rows = 0;
    while rows <= most {
        if let Some(block) = scan.next_block()? {
            rows += block.rows() as u64;
        } else if scan.next()?.is_some() {
            rows += 1;
        } else {
            break;
        }
    }
    Ok(rows)
}

/// Whether some scan of the plan gives more than a few rows. What the catalogs tell, and
/// what is made from nothing, is no scan.
pub(super) fn reads_much(plan: &Arc<dyn ExecutionPlan>, view: &ReadView) -> Result<bool> {
    let mut much = false;
    plan.apply(|node| {
        if node.is::<SegmentExec>() {
            much = true;
        } else if let Some(scan) = node.downcast_ref::<ScanExec>() {
            much = !scan.has_at_most(LITTLE, view).map_err(to_datafusion)?;
        }
        Ok(match much {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    Ok(much)
}
