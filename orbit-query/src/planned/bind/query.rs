//! WITH, ORDER BY and LIMIT around a query's body.

use super::aggregate::sort_key;
use super::peers::sortable;
use super::scope::Scope;
use super::{Binder, BoundQuery, Clause, Cte, OutColumn};
use crate::planned::error::Told;
use crate::planned::types;
use ahash::AHashMap;
use datafusion::common::Column;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
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
        self.ctes.push(AHashMap::new());
        for item in &with.cte_tables {
            let name = types::fold(&item.alias.name);
            let bound = if with.recursive && mentions(&item.query, &name) {
                self.recursive(&name, item)
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
                    return Err(error);
                }
            };
            if let Some(frame) = self.ctes.last_mut() {
                if frame
                    .insert(name.clone(), Cte::Query(Arc::new(bound)))
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
        if item.query.order_by.is_some()
            || item.query.limit_clause.is_some()
            || item.query.fetch.is_some()
        {
            return Err(Error::unsupported("ORDER BY or LIMIT in a recursive query"));
        }
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
                    other => types::base(other),
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
            if column.ty != SqlType::Unknown
                && !types::same(&column.ty, want)
                && !types::implicit(&column.ty, want)
            {
                return Err(Error::new(
                    state::DATATYPE_MISMATCH,
                    format!(
                        "recursive query \"{name}\" column {} has type {} in non-recursive term but type {} overall",
                        at + 1,
                        types::base(want),
                        types::base(&column.ty)
                    ),
                ));
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
            let expr = match ordinal(&key.expr, bound.columns.len(), "ORDER BY")? {
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

    fn limited(&mut self, bound: BoundQuery, query: &ast::Query) -> Result<BoundQuery> {
        let (limit, offset) = self.row_counts(query)?;
        if limit.is_none() && offset.is_none() {
            return Ok(bound);
        }
        let plan = LogicalPlanBuilder::from(bound.plan)
            .limit_by_expr(offset, limit)
            .told()?
            .build()
            .told()?;
        Ok(BoundQuery {
            plan,
            columns: bound.columns,
        })
    }

    /// LIMIT and OFFSET.
    pub(in crate::planned) fn row_counts(
        &mut self,
        query: &ast::Query,
    ) -> Result<(Option<Expr>, Option<Expr>)> {
        let (limit, offset) = match &query.limit_clause {
            None => (None, None),
            Some(ast::LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if !limit_by.is_empty() {
                    return Err(Error::unsupported("LIMIT BY"));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
                return Err(
                    Error::new(state::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                        .with_hint("Use separate LIMIT and OFFSET clauses."),
                );
            }
        };
        let one = ast::Expr::Value(ast::Value::Number("1".into(), false).into());
        let fetch = match &query.fetch {
            Some(fetch) if fetch.with_ties => {
                return Err(Error::unsupported("FETCH ... WITH TIES"));
            }
            Some(fetch) if fetch.percent => return Err(Error::unsupported("FETCH ... PERCENT")),
            Some(fetch) => Some(fetch.quantity.as_ref().unwrap_or(&one)),
            None => None,
        };
        let limit = self.row_count(
            limit.or(fetch),
            "LIMIT",
            state::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
        )?;
        let offset = self.row_count(
            offset,
            "OFFSET",
            state::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
        )?;
        Ok((limit, offset))
    }

    fn row_count(
        &mut self,
        expr: Option<&ast::Expr>,
        what: &'static str,
        code: orbit_core::error::SqlState,
    ) -> Result<Option<Expr>> {
        let Some(expr) = expr else {
            return Ok(None);
        };
        if matches!(expr, ast::Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case("all")) {
            return Ok(None);
        }
        let bound = self
            .within(Clause::plain(what), |binder| {
                binder.expr(&Scope::default(), expr)
            })
            .map_err(|error| {
                if error.is(state::UNDEFINED_COLUMN) {
                    return Error::new(
                        state::INVALID_COLUMN_REFERENCE,
                        format!("argument of {what} must not contain variables"),
                    );
                }
                error
            })?;
        let bound = self.coerce_count(bound)?;
        match &bound.literal {
            Some(Value::Null) => Ok(None),
            Some(Value::Int8(rows)) if *rows < 0 => {
                Err(Error::new(code, format!("{what} must not be negative")))
            }
            _ => Ok(Some(bound.expr)),
        }
    }

    fn coerce_count(&mut self, bound: super::Bound) -> Result<super::Bound> {
        if types::category(&bound.ty) != types::Category::Numeric && !bound.is_unknown() {
            return Err(Error::new(
                state::DATATYPE_MISMATCH,
                format!(
                    "argument of LIMIT must be type bigint, not type {}",
                    types::base(&bound.ty)
                ),
            ));
        }
        self.cast(bound, &SqlType::Int8)
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

/// Whether a query's text names a relation, at any depth.
fn mentions(query: &ast::Query, name: &str) -> bool {
    use std::ops::ControlFlow;
    ast::visit_relations(query, |relation| {
        if relation.0.len() == 1 && types::last_name(relation) == name {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .is_break()
}

fn only_result_columns() -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
    )
    .with_detail("Only result column names can be used, not expressions or functions.")
    .with_hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
}
