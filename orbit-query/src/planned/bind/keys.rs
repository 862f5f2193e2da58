//! Functional dependencies, which DataFusion carries further than they hold.
//!
//! Where a grouped query is grouped again (`WITH t AS (... GROUP BY k) SELECT
//! ... FROM t JOIN u ... GROUP BY k, u.x`), the inner "k determines all" becomes
//! "k determines u.x too", and the optimizer drops group and sort keys and whole
//! joins by it. UNNEST keeps its input's dependencies although it repeats rows.

use crate::planned::error::Told;
use crate::planned::operators::identity::identity;
use datafusion::common::Column;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::Result;
use std::collections::BTreeSet;

/// The same rows and columns, known to depend on nothing.
pub(in crate::planned) fn forget_dependencies(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema().clone();
    // DISTINCT becomes a GROUP BY of all columns, dependencies and all, later on.
    let distinct = plan
        .exists(|node| Ok(matches!(node, LogicalPlan::Distinct(_))))
        .told()?;
    let determinants: BTreeSet<usize> = schema
        .functional_dependencies()
        .iter()
        .flat_map(|dependency| dependency.source_indices.iter().copied())
        .collect();
    if determinants.is_empty() && !distinct {
        return Ok(plan);
    }
    let columns = schema
        .iter()
        .enumerate()
        .map(|(place, (qualifier, field))| {
            let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
            if distinct || determinants.contains(&place) {
                identity(column).alias_qualified(qualifier.cloned(), field.name())
            } else {
                column
            }
        });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan)
        .project(columns)
        .told()?
        .build()
        .told()
}
