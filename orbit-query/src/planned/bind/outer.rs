//! Expressions of a query as the queries inside it see them, and aggregates that
//! stand in a query but belong to one around it, because all that they look at does.

use super::call::Args;
use super::expr::not_allowed;
use super::scope::Scope;
use super::{Binder, Bound, Clause};
use crate::planned::arrow::arrow_type;
use crate::planned::error::Told;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable};
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::collections::HashMap;
use std::sync::Arc;

/// The expression with every column seen from inside. `type_of` says what is known of
/// a column's type; the plan it is put into finds out by itself.
pub(in crate::planned) fn outer_expr(
    expr: Expr,
    type_of: impl Fn(&Column) -> Option<DataType>,
) -> Result<Expr> {
    let outer = expr.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                let ty = type_of(&column).unwrap_or(DataType::Null);
                let field = Arc::new(Field::new(&column.name, ty, true));
                Transformed::yes(Expr::OuterReferenceColumn(field, column))
            }
            other => Transformed::no(other),
        })
    });
    Ok(outer.told()?.data)
}

/// An expression over `scope`.
pub(super) fn outer_of(scope: &Scope, expr: Expr) -> Result<Expr> {
    outer_expr(expr, |column| {
        let mut columns = scope.relations.iter().flat_map(|of| &of.columns);
        let known = columns
            .find(|known| matches!(&known.bound.expr, Expr::Column(known) if known == column));
        known.map(|known| arrow_type(&known.bound.ty))
    })
}

/// What a name means, for a query inside the one that has it.
pub(super) fn outer_bound(bound: &Bound) -> Result<Bound> {
    let ty = arrow_type(&bound.ty);
    Ok(Bound {
        expr: outer_expr(bound.expr.clone(), |_| Some(ty.clone()))?,
        ..bound.clone()
    })
}

/// A query around the one being bound.
pub(in crate::planned) struct Around {
    pub scope: Scope,
    /// Where in it the inner query stands.
    pub clause: Clause,
    pub owed: Vec<Owed>,
}

/// An aggregate that a query inside asks for, and the column it finds it under.
pub(in crate::planned) struct Owed {
    pub call: Expr,
    pub name: String,
}

/// Moving an aggregate out binds its arguments again.
const MAX_MOVED: usize = 1000;

impl Binder<'_> {
    /// The enclosing query that an aggregate of these arguments belongs to: the innermost
    /// one it looks at. `None`: the current one.
    pub(super) fn owner_of(&self, args: &[&Expr]) -> Result<Option<usize>> {
        let mut owner = None;
        let mut here = false;
        for arg in args {
            arg.apply(|expr| {
                match expr {
                    Expr::OuterReferenceColumn(_, column) => {
                        let level = self
                            .outer
                            .iter()
                            .rposition(|outer| has(&outer.scope, column));
                        owner = owner.max(level);
                        here |= level.is_none();
                    }
                    Expr::Column(_)
                    | Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::SetComparison(_) => here = true,
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .told()?;
        }
        Ok(owner.filter(|_| !here))
    }

    /// An aggregate of the enclosing query `level`, as the current query sees it.
    pub(super) fn outer_aggregate(
        &mut self,
        level: usize,
        name: &str,
        function: &ast::Function,
        args: Args<'_>,
    ) -> Result<Bound> {
        self.moved += 1;
        if self.moved > MAX_MOVED {
            return Err(Error::new(
                state::STATEMENT_TOO_COMPLEX,
                "too many aggregates in subqueries that belong to queries around them",
            ));
        }
        let between = self.outer.split_off(level + 1);
        let Some(mut around) = self.outer.pop() else {
            return Err(Error::internal("an aggregate of no query"));
        };
        let owed = std::mem::replace(&mut self.owed, std::mem::take(&mut around.owed));
        let order = std::mem::take(&mut self.rows_order);
        let bound = self.within(around.clause, |binder| {
            if !binder.clause.aggregates {
                return Err(not_allowed("aggregate", binder.clause.name));
            }
            let bound = binder.aggregate_call(&around.scope, name, function, args)?;
            binder.owed_to_inside(&around.scope, bound)
        });
        self.rows_order = order;
        around.owed = std::mem::replace(&mut self.owed, owed);
        self.outer.push(around);
        self.outer.extend(between);
        bound
    }

    /// The expression with a column from outside for every aggregate in it.
    fn owed_to_inside(&mut self, scope: &Scope, bound: Bound) -> Result<Bound> {
        let schema = schema_of(scope)?;
        let expr = bound.expr.clone().transform_down(|expr| {
            if !matches!(expr, Expr::AggregateFunction(_)) {
                return Ok(Transformed::no(expr));
            }
            let ty = expr.get_type(&schema)?;
            let known = self.owed.iter().find(|owed| owed.call == expr);
            let name = match known {
                Some(owed) => owed.name.clone(),
                None => {
                    let name = self.unique_name("__aggregate");
                    self.owed.push(Owed {
                        call: expr,
                        name: name.clone(),
                    });
                    name
                }
            };
            let field = Arc::new(Field::new(&name, ty, true));
            let column = Expr::OuterReferenceColumn(field, Column::new_unqualified(name));
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        });
        Ok(Bound::new(expr.told()?.data, bound.ty))
    }
}

fn has(scope: &Scope, column: &Column) -> bool {
    let mut columns = scope.relations.iter().flat_map(|of| &of.columns);
    columns.any(|known| matches!(&known.bound.expr, Expr::Column(known) if known == column))
}

fn schema_of(scope: &Scope) -> Result<DFSchema> {
    let columns = scope.relations.iter().flat_map(|of| &of.columns);
    let fields = columns.filter_map(|column| match &column.bound.expr {
        Expr::Column(own) => {
            let of: Option<TableReference> = own.relation.clone();
            let ty = arrow_type(&column.bound.ty);
            Some((of, Arc::new(Field::new(&own.name, ty, true))))
        }
        _ => None,
    });
    DFSchema::new_with_metadata(fields.collect(), HashMap::new()).told()
}
