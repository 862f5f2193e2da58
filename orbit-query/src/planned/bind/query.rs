//! WITH and ORDER BY around a query's body; what LIMIT does is in `query/limit.rs`.

mod limit;

use super::aggregate::sort_key;
use super::peers::sortable;
use super::scope::Scope;
use super::{Binder, BoundQuery, Clause, Cte, OutColumn};
use crate::planned::error::Told;
use crate::planned::fence;
use crate::planned::types;
use crate::statement::visit;
use ahash::AHashMap;
use datafusion::common::Column;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SetExpr};
use std::sync::Arc;

impl Binder<'_> {
    pub fn query(&mut self, query: &ast::Query) -> Result<BoundQuery> {
        let named = query.with.as_ref();
        if let Some(with) = named {
            self.with_clause(with)?;
        }
        let result = self.query_body(query);
        if named.is_some() {
            self.ctes.pop();
        }
        result
    }

    fn query_body(&mut self, query: &ast::Query) -> Result<BoundQuery> {
        let order: &[ast::OrderByExpr] = match &query.order_by {
            None => &[],
            Some(order) => match &order.kind {
                ast::OrderByKind::Expressions(keys) => keys,
                ast::OrderByKind::All(_) => return Err(Error::unsupported("ORDER BY ALL")),
            },
        };
        let bound = match &*query.body {
            SetExpr::Select(select) => self.select(select, order)?,
            other => {
                let bound = self.set_expr(other, None)?;
                let among_sets = matches!(other, SetExpr::SetOperation { .. });
                self.order_output(bound, order, among_sets)?
            }
        };
        self.limited(bound, query)
    }

    /// WITH: each item in turn sees the ones before it.
    pub(in crate::planned) fn with_clause(&mut self, with: &ast::With) -> Result<()> {
        // Its queries have no rows that are to be locked.
        let key_wanted = std::mem::take(&mut self.key_wanted);
        let lock_wanted = std::mem::take(&mut self.lock_wanted);
        let result = self.with_items(with);
        self.lock_wanted = lock_wanted;
        self.key_wanted = key_wanted;
        result
    }

    fn with_items(&mut self, with: &ast::With) -> Result<()> {
        self.ctes.push(AHashMap::new());
        for item in &with.cte_tables {
            let name = types::fold(&item.alias.name);
            let before = self.relations();
            let bound = if with.recursive && mentions(&item.query, &name) {
                self.recursive_item(&name, item)
            } else {
                let clause = std::mem::replace(&mut self.clause, Clause::SELECT);
                let bound = self.deeper(|binder| binder.query(&item.query));
                self.clause = clause;
                bound
            };
            let bound = match bound.and_then(|bound| renamed(bound, &item.alias)) {
                Ok(bound) => bound,
                Err(error) => {
                    self.ctes.pop();
                    return Err(forward(error, with));
                }
            };
            let bound = self.once(bound, item)?;
            let size = self.relations() - before;
            if let Some(frame) = self.ctes.last_mut() {
                if frame
                    .insert(name.clone(), Cte::Query(Arc::new(bound), size))
                    .is_some()
                {
                    self.ctes.pop();
                    return Err(Error::new(
                        state::DUPLICATE_ALIAS,
                        format!("WITH query name \"{name}\" specified more than once"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// A WITH item whose rows all that name it share, if two runs of it might differ.
    fn once(&self, bound: BoundQuery, item: &ast::Cte) -> Result<BoundQuery> {
        if !fence::is_volatile(&bound.plan)? {
            return Ok(bound);
        }
        let start = item.alias.name.span.start;
        let source = match fence::shared(&bound.plan)? {
            fence::Source::Query(_)
                if self.is_part && self.rights_of.is_none() && start.line > 0 =>
            {
                let (line, column) = (start.line, start.column);
                fence::Source::Item { line, column }
            }
            source => source,
        };
        let plan = fence::around(bound.plan, source);
        Ok(BoundQuery { plan, ..bound })
    }

    /// A recursive item, which may have WITH items of its own.
    fn recursive_item(&mut self, name: &str, item: &ast::Cte) -> Result<BoundQuery> {
        let Some(with) = &item.query.with else {
            return self.recursive(name, item);
        };
        self.with_clause(with)?;
        let bound = self.recursive(name, item);
        self.ctes.pop();
        bound
    }

    fn recursive(&mut self, name: &str, item: &ast::Cte) -> Result<BoundQuery> {
        let SetExpr::SetOperation {
            op: ast::SetOperator::Union,
            set_quantifier,
            left,
            right,
        } = &*item.query.body
        else {
            return Err(Error::new(
                state::INVALID_RECURSION,
                format!(
                    "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
                ),
            ));
        };
        if let Some(clause) = beside_the_union(&item.query) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("{clause} in a recursive query is not implemented"),
            ));
        }
        check_references(name, left, right)?;
        let all = matches!(set_quantifier, ast::SetQuantifier::All);
        let first = self.set_expr(left, None)?;
        let first = renamed(first, &item.alias)?;
        let columns: Vec<(String, SqlType)> = first
            .columns
            .iter()
            .map(|column| {
                let ty = match &column.ty {
                    SqlType::Unknown => SqlType::Text,
                    // A step may give another scale.
                    SqlType::Numeric(_) => SqlType::Numeric(None),
                    SqlType::Varchar(_) | SqlType::Char(_) => column.ty.clone(),
                    other => other.base(),
                };
                (column.name.clone(), ty)
            })
            .collect();
        let wanted: Vec<SqlType> = columns.iter().map(|(_, ty)| ty.clone()).collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let first = self.projected_as(first, &wanted, Some(&names))?;
        let table = self.unique_name(&format!("{name}_work"));
        if let Some(frame) = self.ctes.last_mut() {
            frame.insert(
                name.to_owned(),
                Cte::Working {
                    table: table.clone(),
                    columns,
                },
            );
        }
        let step = self.set_expr(right, None);
        if let Some(frame) = self.ctes.last_mut() {
            frame.remove(name);
        }
        let step = step?;
        if step.columns.len() != wanted.len() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "each UNION query must have the same number of columns",
            ));
        }
        for (at, (column, want)) in step.columns.iter().zip(&wanted).enumerate() {
            let limited = matches!(want, SqlType::Varchar(Some(_)))
                || matches!(want, SqlType::Char(length) if *length > 0);
            if limited && column.ty != *want && types::is_text(&column.ty) {
                let overall = match want {
                    SqlType::Char(_) => "bpchar".to_owned(),
                    other => other.base().to_string(),
                };
                return Err(mismatched(name, at, want, &overall));
            }
            if column.ty != SqlType::Unknown
                && !types::same(&column.ty, want)
                && !types::implicit(&column.ty, want)
            {
                let want = want.base();
                let overall = column.ty.base().to_string();
                return Err(mismatched(name, at, &want, &overall));
            }
        }
        let step = self.projected_as(step, &wanted, Some(&names))?;
        let plan = LogicalPlanBuilder::from(first.plan)
            .to_recursive_query(table, step.plan, !all)
            .told()?
            .build()
            .told()?;
        let schema = plan.schema().clone();
        let columns = first
            .columns
            .into_iter()
            .zip(schema.iter())
            .map(|(column, (qualifier, field))| OutColumn {
                column: Column::new(qualifier.cloned(), field.name()),
                ..column
            })
            .collect();
        Ok(BoundQuery { plan, columns })
    }

    /// ORDER BY over a result: its columns by name or place, and expressions of them.
    fn order_output(
        &mut self,
        bound: BoundQuery,
        order: &[ast::OrderByExpr],
        among_sets: bool,
    ) -> Result<BoundQuery> {
        if order.is_empty() {
            return Ok(bound);
        }
        let scope = scope_of(&bound);
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            let place = ordinal(&key.expr, bound.columns.len(), "ORDER BY")
                .map_err(|error| self.placed_at(error, &key.expr))?;
            let expr = match place {
                Some(place) => {
                    let column = &bound.columns[place];
                    sortable(Expr::Column(column.column.clone()), &column.ty)
                }
                None => {
                    if among_sets && !matches!(&key.expr, ast::Expr::Identifier(_)) {
                        return Err(only_result_columns());
                    }
                    let bound = self.expr(&scope, &key.expr)?;
                    let bound = self.decided(bound)?;
                    sortable(bound.expr, &bound.ty)
                }
            };
            keys.push(sort_key(expr, &key.options));
        }
        Ok(BoundQuery {
            plan: sorted(bound.plan, keys)?,
            columns: bound.columns,
        })
    }
}

/// Columns of a result as names to refer to.
pub(super) fn scope_of(bound: &BoundQuery) -> Scope {
    let columns = bound
        .columns
        .iter()
        .map(|column| super::scope::ScopeColumn {
            name: column.name.clone(),
            bound: super::Bound::new(
                Expr::Column(column.column.clone()),
                if column.ty == SqlType::Unknown {
                    SqlType::Text
                } else {
                    column.ty.clone()
                },
            ),
        })
        .collect();
    Scope::of(super::scope::ScopeRelation {
        alias: String::new(),
        schema: None,
        columns,
        primary_key: Vec::new(),
    })
}

/// A number in ORDER BY or GROUP BY is a place in the select list.
pub(super) fn ordinal(expr: &ast::Expr, columns: usize, clause: &str) -> Result<Option<usize>> {
    let ast::Expr::Value(value) = expr else {
        return Ok(None);
    };
    match &value.value {
        ast::Value::Number(text, _) => match text.parse::<usize>() {
            Ok(place) if (1..=columns).contains(&place) => Ok(Some(place - 1)),
            Ok(_) => Err(Error::new(
                state::INVALID_COLUMN_REFERENCE,
                format!("{clause} position {text} is not in select list"),
            )),
            Err(_) => Err(Error::new(
                state::SYNTAX_ERROR,
                format!("non-integer constant in {clause}"),
            )),
        },
        ast::Value::SingleQuotedString(_) => Err(Error::new(
            state::SYNTAX_ERROR,
            format!("non-integer constant in {clause}"),
        )),
        _ => Ok(None),
    }
}

pub(super) fn sorted(plan: LogicalPlan, keys: Vec<Sort>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan)
        .sort(keys)
        .told()?
        .build()
        .told()
}

/// Column names given to a WITH item.
fn renamed(mut bound: BoundQuery, alias: &ast::TableAlias) -> Result<BoundQuery> {
    if alias.columns.len() > bound.columns.len() {
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            format!(
                "WITH query \"{}\" has {} columns available but {} columns specified",
                types::fold(&alias.name),
                bound.columns.len(),
                alias.columns.len()
            ),
        ));
    }
    for (column, name) in bound.columns.iter_mut().zip(&alias.columns) {
        column.name = types::fold(&name.name);
    }
    Ok(bound)
}

/// A step that gives another type than the rows it began with.
fn mismatched(name: &str, at: usize, first: &SqlType, overall: &str) -> Error {
    Error::new(
        state::DATATYPE_MISMATCH,
        format!(
            "recursive query \"{name}\" column {} has type {first} in non-recursive term but type {overall} overall",
            at + 1,
        ),
    )
    .with_hint("Cast the output of the non-recursive term to the correct type.")
}

/// Whether a query's text names a relation, at any depth.
fn mentions(query: &impl ast::Visit, name: &str) -> bool {
    count_mentions(query, name) > 0
}

fn count_mentions(query: &impl ast::Visit, name: &str) -> usize {
    let mut count = 0;
    let _ = visit::relations(query, |relation| {
        count += usize::from(relation.0.len() == 1 && types::last_name(relation) == name);
        std::ops::ControlFlow::<()>::Continue(())
    });
    count
}

/// A relation that isn't there, and is a WITH item that can't be seen from where it is named.
fn forward(error: Error, with: &ast::With) -> Error {
    if !error.is(state::UNDEFINED_TABLE) || with.recursive {
        return error;
    }
    let named = with
        .cte_tables
        .iter()
        .map(|item| types::fold(&item.alias.name));
    let mut named =
        named.filter(|name| error.message() == format!("relation \"{name}\" does not exist"));
    match named.next() {
        None => error,
        Some(name) => error
            .with_detail(format!(
                "There is a WITH item named \"{name}\", but it cannot be referenced from this part of the query."
            ))
            .with_hint(
                "Use WITH RECURSIVE, or re-order the WITH items to remove forward references.",
            ),
    }
}

/// What stands behind a recursive query's UNION and would be the whole result's.
fn beside_the_union(query: &ast::Query) -> Option<&'static str> {
    let offset = match &query.limit_clause {
        Some(ast::LimitClause::LimitOffset { offset, .. }) => offset.is_some(),
        _ => false,
    };
    match query {
        query if query.order_by.is_some() => Some("ORDER BY"),
        _ if offset => Some("OFFSET"),
        query if query.limit_clause.is_some() || query.fetch.is_some() => Some("LIMIT"),
        query if !query.locks.is_empty() => Some("FOR UPDATE/SHARE"),
        _ => None,
    }
}

/// Where a recursive query may name itself.
fn check_references(name: &str, first: &SetExpr, step: &SetExpr) -> Result<()> {
    let refused = |what: &str| {
        Err(Error::new(
            state::INVALID_RECURSION,
            format!("recursive reference to query \"{name}\" must not appear {what}"),
        ))
    };
    if mentions(first, name) {
        return refused("within its non-recursive term");
    }
    let mut in_query = false;
    let _ = visit::expressions(step, |expr| {
        in_query |= match expr {
            ast::Expr::Subquery(query)
            | ast::Expr::Exists {
                subquery: query, ..
            }
            | ast::Expr::InSubquery {
                subquery: query, ..
            } => mentions(query.as_ref(), name),
            _ => false,
        };
        std::ops::ControlFlow::<()>::Continue(())
    });
    if in_query {
        return refused("within a subquery");
    }
    if let SetExpr::Select(select) = step {
        for join in select.from.iter().flat_map(|from| &from.joins) {
            use ast::JoinOperator as J;
            let nullable = matches!(
                join.join_operator,
                J::Left(_) | J::LeftOuter(_) | J::FullOuter(_)
            );
            if nullable && mentions(&join.relation, name) {
                return refused("within an outer join");
            }
        }
        for from in &select.from {
            use ast::JoinOperator as J;
            let mut joins = from.joins.iter();
            let nullable = joins.any(|join| {
                matches!(
                    join.join_operator,
                    J::Right(_) | J::RightOuter(_) | J::FullOuter(_)
                )
            });
            if nullable && mentions(&from.relation, name) {
                return refused("within an outer join");
            }
        }
    }
    match count_mentions(step, name) {
        0 | 1 => Ok(()),
        _ => refused("more than once"),
    }
}

fn only_result_columns() -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
    )
    .with_detail("Only result column names can be used, not expressions or functions.")
    .with_hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
}
