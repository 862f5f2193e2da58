//! The values of its host's rows that a subquery looks at.

use super::project;
use crate::planned::bind::keys::forget_dependencies;
use crate::planned::error::Told;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};
use orbit_core::Result;

#[derive(Clone)]
pub(super) struct Domain {
    /// The first key's name when it was made.
    id: Option<String>,
    /// One row for every combination of values, one column for every key.
    pub plan: LogicalPlan,
    /// A column of the host and the key it is in the domain.
    keys: Vec<(Column, String)>,
}

impl Domain {
    pub fn of(
        host: &LogicalPlan,
        inner: &LogicalPlan,
        mut name: impl FnMut() -> String,
    ) -> Result<Domain> {
        let mut columns = outer_columns(inner)?;
        columns.retain(|column| host.schema().has_column(column));
        let keys: Vec<(Column, String)> =
            columns.into_iter().map(|column| (column, name())).collect();
        let exprs = keys
            .iter()
            .map(|(column, key)| Expr::Column(column.clone()).alias(key));
        let plan = LogicalPlanBuilder::from(project(host.clone(), exprs.collect())?)
            .distinct()
            .told()?
            .build()
            .told()?;
        Ok(Domain {
            id: keys.first().map(|(_, key)| key.clone()),
            plan: forget_dependencies(plan)?,
            keys,
        })
    }

    /// The subquery looks at rows further out, or at none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether it is the same, under whatever names.
    pub fn is(&self, other: &Domain) -> bool {
        self.id == other.id
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(_, key)| key.as_str())
    }

    pub fn keys(&self) -> Vec<Expr> {
        let names = self.keys.iter();
        names
            .map(|(_, key)| Expr::Column(Column::new_unqualified(key)))
            .collect()
    }

    /// The conditions that find a host's row's own rows.
    pub fn links(&self) -> Vec<Expr> {
        let keys = self.keys.iter();
        keys.map(|(column, key)| {
            same(
                Expr::Column(column.clone()),
                Expr::Column(Column::new_unqualified(key)),
            )
        })
        .collect()
    }

    fn key_of(&self, column: &Column) -> Option<Expr> {
        let known = self.keys.iter().find(|(known, _)| known == column);
        known.map(|(_, key)| Expr::Column(Column::new_unqualified(key)))
    }

    /// The expression with keys for what it sees of the host.
    pub fn inside(&self, expr: Expr) -> Result<Expr> {
        let whole = expr.transform(|expr| {
            let key = match &expr {
                Expr::OuterReferenceColumn(_, column) => self.key_of(column),
                _ => None,
            };
            Ok(key.map_or_else(|| Transformed::no(expr), Transformed::yes))
        });
        Ok(whole.told()?.data)
    }

    /// Whether the plan looks at the host.
    pub fn is_seen_by(&self, plan: &LogicalPlan) -> Result<bool> {
        let columns = outer_columns(plan)?;
        Ok(columns.iter().any(|column| self.key_of(column).is_some()))
    }

    /// The same domain under other names, to stand beside itself in a join.
    pub fn renamed(&self, mut name: impl FnMut() -> String) -> Result<Domain> {
        let mut keys = Vec::with_capacity(self.keys.len());
        let mut exprs = Vec::with_capacity(self.keys.len());
        for (column, key) in &self.keys {
            let other = name();
            exprs.push(Expr::Column(Column::new_unqualified(key)).alias(&other));
            keys.push((column.clone(), other));
        }
        Ok(Domain {
            id: self.id.clone(),
            plan: project(self.plan.clone(), exprs)?,
            keys,
        })
    }
}

/// NULL is a value like others here.
pub(super) fn same(left: Expr, right: Expr) -> Expr {
    binary_expr(left, Operator::IsNotDistinctFrom, right)
}

/// What a plan, with all queries inside it, sees of the rows around it.
pub(in crate::planned) fn outer_columns(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr {
                    if !found.contains(column) {
                        found.push(column.clone());
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .told()?;
    Ok(found)
}
