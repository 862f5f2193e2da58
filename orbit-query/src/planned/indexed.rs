//! What indexes are over besides columns, and which rows partial ones have, as the
//! planner's own expressions: a scan's conditions are held against them as they are.

use super::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use super::bind::{Binder, Bound};
use crate::write::{arbiter, stored_expression};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::catalog::Table;

#[derive(Clone, Debug, Default)]
pub struct Indexed {
    /// Positions of computed values, and what they are.
    values: Vec<(usize, Expr)>,
    /// By the places of partial indexes, the conditions of their rows; `None`: can't be told.
    predicates: Vec<(usize, Option<Vec<Expr>>)>,
}

impl Indexed {
    pub fn of(table: &Table, binder: &mut Binder<'_>) -> Indexed {
        let mut indexed = Indexed::default();
        if table.computed.is_empty() {
            return indexed;
        }
        let columns = table.columns.iter().map(|column| ScopeColumn {
            name: column.name.clone(),
            bound: Bound::new(
                Expr::Column(Column::new_unqualified(&column.name)),
                column.sql_type.clone(),
            ),
        });
        let scope = Scope::of(ScopeRelation {
            alias: table.name.clone(),
            schema: None,
            columns: columns.collect(),
            primary_key: Vec::new(),
        });
        let mut bound = |sql: &str| {
            let expr = stored_expression(sql).ok()?;
            Some(binder.standalone(&scope, &expr).ok()?.expr)
        };
        for (at, kept) in table.computed.iter().enumerate() {
            if let Some(expr) = bound(&kept.expression) {
                indexed.values.push((table.columns.len() + at, expr));
            }
        }
        for (place, index) in table.indexes.iter().enumerate() {
            if let Some(sql) = arbiter::predicate(table, index) {
                let needed = bound(sql);
                let needed = needed.map(|expr| {
                    let mut needed = Vec::new();
                    conditions(&expr, &mut needed);
                    needed
                });
                indexed.predicates.push((place, needed));
            }
        }
        indexed
    }

    /// Positions of the values that an expression of a scan's conditions is.
    pub fn places_of(&self, expr: &Expr) -> Vec<usize> {
        if self.values.is_empty() || matches!(expr, Expr::Column(_)) {
            return Vec::new();
        }
        let expr = unqualified(expr);
        let same = self.values.iter().filter(|(_, known)| *known == expr);
        same.map(|(place, _)| *place).collect()
    }

    /// Whether a condition is one of those of some partial index's rows.
    pub fn names(&self, term: &Expr) -> bool {
        if self.predicates.is_empty() {
            return false;
        }
        let mut given = Vec::new();
        conditions(&unqualified(term), &mut given);
        let mut needed = self
            .predicates
            .iter()
            .filter_map(|(_, needed)| needed.as_ref());
        needed.any(|needed| needed.iter().any(|one| given.contains(one)))
    }

    /// Whether an index has every row that the conditions let through.
    pub fn has_all(&self, index: usize, filters: &[Expr]) -> bool {
        let mut predicates = self.predicates.iter();
        let Some((_, needed)) = predicates.find(|(place, _)| *place == index) else {
            return false;
        };
        let Some(needed) = needed else {
            return false;
        };
        let mut given = Vec::new();
        filters
            .iter()
            .for_each(|filter| conditions(&unqualified(filter), &mut given));
        needed
            .iter()
            .all(|one| given.contains(one) || given.iter().any(|known| excludes_null(known, one)))
    }
}

fn unqualified(expr: &Expr) -> Expr {
    let bare = expr.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    });
    bare.map_or_else(|_| expr.clone(), |bare| bare.data)
}

/// The conditions that must all be true, each in one form.
fn conditions(expr: &Expr, found: &mut Vec<Expr>) {
    for term in split_conjunction(expr) {
        match term {
            Expr::IsTrue(inner) => conditions(inner, found),
            Expr::IsFalse(inner) => found.push(Expr::Not(inner.clone())),
            other => found.push(other.clone()),
        }
    }
}

/// Whether a condition that is true shows that `x IS NOT NULL`.
fn excludes_null(known: &Expr, wanted: &Expr) -> bool {
    let (Expr::BinaryExpr(known), Expr::IsNotNull(wanted)) = (known, wanted) else {
        return false;
    };
    let strict = matches!(
        known.op,
        Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
    );
    strict && (known.left == *wanted || known.right == *wanted)
}
