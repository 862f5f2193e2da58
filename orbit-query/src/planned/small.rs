//! Whether a query reads so little that several threads would gain nothing and put its
//! rows into an order that nobody can foresee.

use super::error::Told;
use super::provider::OrbitTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::database::ReadView;
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
    let everything = KeyRange {
        start: Vec::new(),
        end: Vec::new(),
    };
    let mut scan = view.scan(table, everything, Direction::Forward)?;
    for _ in 0..LITTLE {
        if scan.next()?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
