//! JOIN: its kinds, ON, USING and NATURAL.

use super::{Relation, split};
use crate::planned::bind::operator::binary;
use crate::planned::bind::scope::{Scope, ScopeColumn};
use crate::planned::bind::{Binder, Bound, Clause};
use crate::planned::error::Told;
use crate::planned::types;
use crate::planned::unnest::outer_columns;
use datafusion::common::JoinType;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, JoinConstraint, JoinOperator};

impl Binder<'_> {
    pub(super) fn join(
        &mut self,
        left: Relation,
        join: &ast::Join,
        further: Option<&Scope>,
    ) -> Result<Relation> {
        let (kind, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
                (JoinType::Inner, constraint)
            }
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (JoinType::Left, constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinType::Right, constraint)
            }
            JoinOperator::FullOuter(constraint) => (JoinType::Full, constraint),
            JoinOperator::CrossJoin(_) => (JoinType::Inner, &JoinConstraint::None),
            other => return Err(Error::unsupported(format_args!("the join {other:?}"))),
        };
        let always = match constraint {
            JoinConstraint::None => true,
            JoinConstraint::On(ast::Expr::Value(value)) => {
                matches!(value.value, ast::Value::Boolean(true))
            }
            _ => false,
        };
        if let (true, Some(call)) = (always, self.function_of(&join.relation)) {
            if matches!(kind, JoinType::Inner | JoinType::Left) {
                return self.function_beside(Some(left), &call, kind == JoinType::Left);
            }
        }
        let mut seen = left.scope.clone();
        if let Some(further) = further {
            seen = further.clone().beside(seen)?;
        }
        let right = match self.function_of(&join.relation) {
            Some(call) => self.function_lateral(&seen, &call)?,
            None => self.factor(&join.relation, Some(&seen))?,
        };
        let nulls = |relation: Relation| Relation {
            scope: relation.scope.nulled(),
            ..relation
        };
        let (left, right) = match kind {
            JoinType::Left => (left, nulls(right)),
            JoinType::Right => (nulls(left), right),
            JoinType::Full => (nulls(left), nulls(right)),
            _ => (left, right),
        };
        if matches!(kind, JoinType::Right | JoinType::Full) {
            refuse_lateral(&left, &right)?;
        }
        let using: Option<Vec<String>> = match constraint {
            JoinConstraint::Using(names) => Some(names.iter().map(types::last_name).collect()),
            JoinConstraint::Natural => Some(
                left.scope
                    .visible
                    .iter()
                    .filter(|column| {
                        right
                            .scope
                            .visible
                            .iter()
                            .any(|other| other.name == column.name)
                    })
                    .map(|column| column.name.clone())
                    .collect(),
            ),
            _ => None,
        };
        if let Some(using) = using {
            return self.join_using(left, right, kind, &using);
        }
        let scope = left.scope.beside(right.scope)?;
        let condition = match constraint {
            JoinConstraint::On(on) => {
                let bound = self.within(Clause::plain("JOIN conditions"), |binder| {
                    binder.expr(&scope, on)
                })?;
                let bound = self.boolean_at(bound, "JOIN/ON", on)?;
                split(bound.expr)
            }
            _ => Vec::new(),
        };
        if kind == JoinType::Full {
            refuse_unmatchable(&left.plan, &right.plan, &condition)?;
        }
        let builder = LogicalPlanBuilder::from(left.plan);
        let plan = if condition.is_empty() && kind == JoinType::Inner {
            builder.cross_join(right.plan)
        } else {
            builder.join_on(right.plan, kind, condition)
        };
        Ok(Relation {
            plan: plan.told()?.build().told()?,
            scope,
        })
    }

    /// The table that a MERGE writes to, beside the rows it is given.
    pub(in crate::planned) fn merge_join(
        &mut self,
        source: Relation,
        target: Relation,
        kind: JoinType,
        on: &ast::Expr,
    ) -> Result<Relation> {
        let scope = source.scope.beside(target.scope)?;
        let bound = self.within(Clause::plain("JOIN conditions"), |binder| {
            binder.expr(&scope, on)
        })?;
        let condition = self.boolean_at(bound, "JOIN/ON", on)?;
        let plan = LogicalPlanBuilder::from(source.plan)
            .join_on(target.plan, kind, split(condition.expr))
            .told()?
            .build()
            .told()?;
        Ok(Relation { plan, scope })
    }

    fn join_using(
        &mut self,
        left: Relation,
        right: Relation,
        kind: JoinType,
        names: &[String],
    ) -> Result<Relation> {
        let find = |scope: &Scope, name: &str, side: &str| -> Result<ScopeColumn> {
            let mut hits = scope.visible.iter().filter(|column| column.name == *name);
            match (hits.next(), hits.next()) {
                (Some(hit), None) => Ok(hit.clone()),
                (Some(_), Some(_)) => Err(Error::new(
                    state::AMBIGUOUS_COLUMN,
                    format!("common column name \"{name}\" appears more than once in {side} table"),
                )),
                (None, _) => Err(Error::new(
                    state::UNDEFINED_COLUMN,
                    format!(
                        "column \"{name}\" specified in USING clause does not exist in {side} table"
                    ),
                )),
            }
        };
        let mut conditions = Vec::with_capacity(names.len());
        let mut merged = Vec::with_capacity(names.len());
        for name in names {
            let l = find(&left.scope, name, "left")?;
            let r = find(&right.scope, name, "right")?;
            self.note_read(&l.bound);
            self.note_read(&r.bound);
            let (a, b) = self.comparable(l.bound.clone(), r.bound.clone(), "=")?;
            conditions.push(binary(a, Operator::Eq, b));
            let bound = match kind {
                JoinType::Right => r.bound,
                JoinType::Full => {
                    let ty = types::common([&l.bound.ty, &r.bound.ty], "JOIN/USING")?;
                    let both = self.branches(vec![l.bound, r.bound], &ty)?;
                    Bound::new(datafusion::functions::core::expr_fn::coalesce(both), ty)
                }
                _ => l.bound,
            };
            merged.push(ScopeColumn {
                name: name.clone(),
                bound,
            });
        }
        let rest = |scope: &Scope| -> Vec<ScopeColumn> {
            scope
                .visible
                .iter()
                .filter(|column| !names.contains(&column.name))
                .cloned()
                .collect()
        };
        let mut visible = merged;
        visible.extend(rest(&left.scope));
        visible.extend(rest(&right.scope));
        let mut scope = left.scope.beside(right.scope)?;
        scope.visible = visible;
        let plan = LogicalPlanBuilder::from(left.plan)
            .join_on(right.plan, kind, conditions)
            .told()?
            .build()
            .told()?;
        Ok(Relation { plan, scope })
    }
}

/// A FULL JOIN finds the rows of both sides by something that is equal, in PostgreSQL.
fn refuse_unmatchable(left: &LogicalPlan, right: &LogicalPlan, conditions: &[Expr]) -> Result<()> {
    let is_of = |expr: &Expr, side: &LogicalPlan| {
        let columns = expr.column_refs();
        !columns.is_empty()
            && columns
                .iter()
                .all(|column| side.schema().has_column(column))
    };
    let across = |one: &Expr, other: &Expr| {
        is_of(one, left) && is_of(other, right) || is_of(one, right) && is_of(other, left)
    };
    let matches = |condition: &Expr| match condition {
        Expr::BinaryExpr(compared) if compared.op == Operator::Eq => {
            across(&compared.left, &compared.right)
        }
        _ => false,
    };
    let looks = |condition: &Expr| {
        let is_query = |expr: &Expr| Ok(crate::planned::unnest::subquery_of(expr).is_some());
        !condition.column_refs().is_empty() || condition.exists(is_query).unwrap_or(true)
    };
    if conditions.iter().any(matches) || !conditions.iter().any(looks) {
        return Ok(());
    }
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions",
    ))
}

/// What a RIGHT or FULL join keeps can't depend on its other side.
fn refuse_lateral(left: &Relation, right: &Relation) -> Result<()> {
    let seen = outer_columns(&right.plan)?;
    let relation = left.scope.relations.iter().find(|relation| {
        relation
            .columns
            .iter()
            .any(|known| matches!(&known.bound.expr, Expr::Column(known) if seen.contains(known)))
    });
    let Some(relation) = relation else {
        return Ok(());
    };
    Err(Error::new(
        state::INVALID_COLUMN_REFERENCE,
        format!(
            "invalid reference to FROM-clause entry for table \"{}\"",
            relation.alias
        ),
    )
    .with_detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."))
}
