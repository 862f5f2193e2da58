//! VALUES, UNION, INTERSECT, EXCEPT.

use super::peers::{distinct_rows, key_of, number_within};
use super::{Binder, Bound, BoundQuery, OutColumn};
use crate::planned::error::Told;
use crate::planned::types;
use crate::planned::unnest::asks;
use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};
use std::sync::Arc;

impl Binder<'_> {
    /// `wanted`: the types an INSERT's columns give to VALUES.
    pub(in crate::planned) fn set_expr(
        &mut self,
        body: &SetExpr,
        wanted: Option<&[SqlType]>,
    ) -> Result<BoundQuery> {
        match body {
            SetExpr::Select(select) => self.deeper(|binder| binder.select(select, &[])),
            SetExpr::Query(query) => self.deeper(|binder| binder.query(query)),
            SetExpr::Values(values) => self.values(values, wanted),
            SetExpr::Table(table) => {
                let name = table.table_name.clone().unwrap_or_default();
                let schema = table
                    .schema_name
                    .as_ref()
                    .map(|schema| format!("{schema}."));
                Err(Error::unsupported(format_args!(
                    "TABLE {}{name}",
                    schema.unwrap_or_default()
                )))
            }
            SetExpr::SetOperation {
                op,
                set_quantifier,
                left,
                right,
            } => self.set_operation(*op, *set_quantifier, left, right),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) => Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "WITH clause containing a data-modifying statement must be at the top level",
            )),
            SetExpr::Merge(_) => Err(Error::unsupported("MERGE")),
        }
    }

    fn values(&mut self, values: &ast::Values, wanted: Option<&[SqlType]>) -> Result<BoundQuery> {
        let scope = super::scope::Scope::default();
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let mut columns: Vec<Vec<Bound>> = (0..width)
            .map(|_| Vec::with_capacity(values.rows.len()))
            .collect();
        for row in &values.rows {
            if row.content.len() != width {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    "VALUES lists must all be the same length",
                ));
            }
            for (at, expr) in row.content.iter().enumerate() {
                let bound = self.within(super::Clause::plain("VALUES"), |binder| {
                    binder.expr(&scope, expr)
                })?;
                columns[at].push(bound);
            }
        }
        let mut types_of = Vec::with_capacity(width);
        let mut exprs: Vec<Vec<Expr>> = Vec::with_capacity(width);
        for (at, column) in columns.into_iter().enumerate() {
            let unknown = column.iter().all(Bound::is_unknown);
            let ty = match wanted.and_then(|wanted| wanted.get(at)) {
                // Without its length: a cast to it would cut what an INSERT must refuse.
                Some(want) if unknown => want.base(),
                _ => types::common(column.iter().map(|bound| &bound.ty), "VALUES").map_err(
                    |error| {
                        let items = values.rows.iter().filter_map(|row| row.content.get(at));
                        self.placed_misfit(error, &column, items)
                    },
                )?,
            };
            let branches = self.branches(column, &ty).map_err(|error| {
                let items = values.rows.iter().filter_map(|row| row.content.get(at));
                self.placed_literal(error, items)
            });
            exprs.push(branches?);
            types_of.push(ty);
        }
        let rows = values.rows.len();
        let mut by_row: Vec<Vec<Expr>> = (0..rows).map(|_| Vec::with_capacity(width)).collect();
        for column in exprs {
            for (row, expr) in by_row.iter_mut().zip(column) {
                row.push(expr);
            }
        }
        let fields: Vec<_> = types_of
            .iter()
            .enumerate()
            .map(|(i, ty)| crate::planned::arrow::field(&format!("column{}", i + 1), ty))
            .collect();
        let schema = datafusion::common::DFSchema::from_unqualified_fields(
            fields.into(),
            Default::default(),
        )
        .told()?;
        let plan = rows_of(by_row, schema)?;
        let columns = types_of
            .into_iter()
            .enumerate()
            .map(|(i, ty)| {
                let name = format!("column{}", i + 1);
                OutColumn {
                    column: Column::new_unqualified(name.clone()),
                    name,
                    ty,
                    origin: None,
                }
            })
            .collect();
        Ok(BoundQuery { plan, columns })
    }

    fn set_operation(
        &mut self,
        op: SetOperator,
        quantifier: SetQuantifier,
        left: &SetExpr,
        right: &SetExpr,
    ) -> Result<BoundQuery> {
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            other => return Err(Error::unsupported(format_args!("{op} {other}"))),
        };
        let what = match op {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except | SetOperator::Minus => "EXCEPT",
        };
        // `a UNION ALL b UNION ALL c ...` leans left as deep as it is long.
        let mut rest = vec![right];
        let mut first = left;
        while let SetExpr::SetOperation {
            op: inner,
            set_quantifier,
            left,
            right,
        } = first
        {
            if *inner != op || *set_quantifier != quantifier || op != SetOperator::Union {
                break;
            }
            rest.push(right);
            first = left;
        }
        let mut written = vec![first];
        written.extend(rest.iter().rev().copied());
        let mut sides = vec![self.deeper(|binder| binder.set_expr(first, None))?];
        for side in rest.into_iter().rev() {
            sides.push(self.deeper(|binder| binder.set_expr(side, None))?);
        }
        let width = sides[0].columns.len();
        if let Some(other) = sides.iter().position(|side| side.columns.len() != width) {
            let error = Error::new(
                state::SYNTAX_ERROR,
                format!("each {what} query must have the same number of columns"),
            );
            return Err(match written.get(other).and_then(|side| item_of(side, 0)) {
                Some(first) => self.placed_at(error, first),
                None => error,
            });
        }
        let mut wanted = Vec::with_capacity(width);
        for at in 0..width {
            let common = types::common(sides.iter().map(|side| &side.columns[at].ty), what);
            wanted.push(common.map_err(|error| {
                let of: Vec<&SqlType> = sides.iter().map(|side| &side.columns[at].ty).collect();
                let side = types::misfit(&of, what).and_then(|side| written.get(side));
                match side.and_then(|side| item_of(side, at)) {
                    Some(item) => self.placed_at(error, item),
                    None => error,
                }
            })?);
        }
        let names: Vec<String> = (0..width).map(|at| format!("c{}", at + 1)).collect();
        let shown: Vec<String> = sides[0]
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut plans = Vec::with_capacity(sides.len());
        for side in sides {
            plans.push(self.projected_as(side, &wanted, Some(&names))?.plan);
        }
        let mut plans = plans.into_iter();
        let Some(mut plan) = plans.next() else {
            return Err(Error::internal("a set operation without sides"));
        };
        for next in plans {
            plan = match op {
                SetOperator::Union => LogicalPlanBuilder::from(plan)
                    .union(next)
                    .told()?
                    .build()
                    .told()?,
                SetOperator::Intersect => matched(plan, next, JoinType::LeftSemi, all)?,
                SetOperator::Except | SetOperator::Minus => {
                    matched(plan, next, JoinType::LeftAnti, all)?
                }
            };
        }
        if op == SetOperator::Union && !all {
            plan = distinct_rows(plan)?;
        }
        // One set of unqualified names again, whatever the operation made of them.
        let schema = plan.schema().clone();
        let exprs: Vec<Expr> = schema
            .iter()
            .zip(&names)
            .map(|((qualifier, field), name)| {
                Expr::Column(Column::new(qualifier.cloned(), field.name())).alias(name)
            })
            .collect();
        let plan = LogicalPlanBuilder::from(plan)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        let columns = shown
            .into_iter()
            .zip(wanted)
            .zip(names)
            .map(|((name, ty), inner)| OutColumn {
                name,
                ty,
                column: Column::new_unqualified(inner),
                origin: None,
            })
            .collect();
        Ok(BoundQuery { plan, columns })
    }

    /// The result's columns in these types, under these names.
    pub(in crate::planned) fn projected_as(
        &mut self,
        query: BoundQuery,
        wanted: &[SqlType],
        names: Option<&[String]>,
    ) -> Result<BoundQuery> {
        let schema = query.plan.schema().clone();
        let mut exprs = Vec::with_capacity(wanted.len());
        let mut columns = Vec::with_capacity(wanted.len());
        let mut changed = false;
        for (at, (column, want)) in query.columns.into_iter().zip(wanted).enumerate() {
            let name = names
                .and_then(|names| names.get(at))
                .cloned()
                .unwrap_or_else(|| column.column.name.clone());
            let from = if column.ty == SqlType::Unknown {
                SqlType::Text
            } else {
                column.ty.clone()
            };
            let expr = self.cast_expr(Expr::Column(column.column.clone()), &from, want)?;
            changed |= name != column.column.name || !matches!(expr, Expr::Column(_));
            exprs.push(expr.alias(&name));
            columns.push(OutColumn {
                name: column.name,
                ty: want.clone(),
                column: Column::new_unqualified(name),
                origin: None,
            });
        }
        if !changed && schema.fields().len() == columns.len() {
            return Ok(BoundQuery {
                plan: query.plan,
                columns,
            });
        }
        let plan = LogicalPlanBuilder::from(query.plan)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        Ok(BoundQuery { plan, columns })
    }
}

/// INTERSECT and EXCEPT: the left side's rows with, or without, an equal on the right.
fn matched(
    left: LogicalPlan,
    right: LogicalPlan,
    join: JoinType,
    all: bool,
) -> Result<LogicalPlan> {
    let left = if all { left } else { distinct_rows(left)? };
    let (left, left_keys) = comparable_rows(left, "l", all)?;
    let (right, right_keys) = comparable_rows(right, "r", all)?;
    LogicalPlanBuilder::from(left)
        .join_detailed(
            right,
            join,
            (left_keys, right_keys),
            None,
            NullEquality::NullEqualsNull,
        )
        .told()?
        .build()
        .told()
}

/// The rows, behind them what to compare them by. `numbered`: copies of a row
/// count one, two, three, so that each finds at most one on the other side.
fn comparable_rows(
    plan: LogicalPlan,
    prefix: &str,
    numbered: bool,
) -> Result<(LogicalPlan, Vec<Column>)> {
    let schema = plan.schema().clone();
    let mut shown = Vec::with_capacity(schema.fields().len() + 1);
    let mut added = Vec::new();
    let mut keys = Vec::with_capacity(schema.fields().len() + 1);
    for (at, (qualifier, field)) in schema.iter().enumerate() {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let mut name = format!("{prefix}{at}");
        shown.push(column.clone().alias(&name));
        if let Some(key) = key_of(&column, field.data_type()) {
            name = format!("{prefix}key{at}");
            added.push(key.alias(&name));
        }
        keys.push(Column::new_unqualified(name));
    }
    shown.append(&mut added);
    let plan = LogicalPlanBuilder::from(plan)
        .project(shown)
        .told()?
        .build()
        .told()?;
    if !numbered {
        return Ok((plan, keys));
    }
    let copy = number_within(keys.iter().cloned().map(Expr::Column).collect());
    let number = Column::new_unqualified(format!("{prefix}copy"));
    let mut exprs: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    exprs.push(
        Expr::Column(Column::new_unqualified(copy.schema_name().to_string())).alias(&number.name),
    );
    keys.push(number);
    let plan = LogicalPlanBuilder::window_plan(plan, vec![copy]).told()?;
    let plan = LogicalPlanBuilder::from(plan)
        .project(exprs)
        .told()?
        .build()
        .told()?;
    Ok((plan, keys))
}

fn rows_of(rows: Vec<Vec<Expr>>, schema: DFSchema) -> Result<LogicalPlan> {
    let names = schema.columns();
    let mut is_asking = false;
    for expr in rows.iter().flatten() {
        is_asking |= asks(expr)?;
    }
    if !is_asking {
        // DataFusion wants to see what the column of a subquery is: a projection tells.
        let shown: Vec<Expr> = names.into_iter().map(Expr::Column).collect();
        return LogicalPlanBuilder::values_with_schema(rows, &Arc::new(schema))
            .told()?
            .project(shown)
            .told()?
            .build()
            .told();
    }
    // DataFusion computes VALUES while it plans, before any subquery could run.
    let mut plans = Vec::with_capacity(rows.len());
    for row in rows {
        let named = row.into_iter().zip(&names);
        let plan = LogicalPlanBuilder::empty(true)
            .project(named.map(|(expr, name)| expr.alias(&name.name)))
            .told()?
            .build()
            .told()?;
        plans.push(Arc::new(plan));
    }
    match plans.len() {
        1 => Ok(Arc::unwrap_or_clone(plans.swap_remove(0))),
        _ => Union::try_new_with_loose_types(plans)
            .map(LogicalPlan::Union)
            .told(),
    }
}

/// What a side of a set operation says for its column at this place.
fn item_of(side: &SetExpr, at: usize) -> Option<&ast::Expr> {
    match side {
        SetExpr::Select(select) => {
            let items = select.projection.get(..=at)?;
            let spelled = |item: &ast::SelectItem| {
                matches!(
                    item,
                    ast::SelectItem::UnnamedExpr(_) | ast::SelectItem::ExprWithAlias { .. }
                )
            };
            if !items.iter().all(spelled) {
                return None;
            }
            match items.last()? {
                ast::SelectItem::UnnamedExpr(expr)
                | ast::SelectItem::ExprWithAlias { expr, .. } => Some(expr),
                _ => None,
            }
        }
        SetExpr::Values(values) => values.rows.first()?.content.get(at),
        SetExpr::Query(query) => item_of(&query.body, at),
        SetExpr::SetOperation { left, .. } => item_of(left, at),
        _ => None,
    }
}
