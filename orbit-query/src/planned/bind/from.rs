//! FROM: tables, subqueries, functions, joins.

use super::keys::forget_dependencies;
use super::operator::{balanced, binary};
use super::scope::{Scope, ScopeColumn, ScopeRelation};
use super::subquery::subquery;
use super::{Binder, Bound, BoundQuery, Clause, Cte};
use crate::access::Need;
use crate::planned::arrow::{arrow_type, sql_type_of};
use crate::planned::error::Told;
use crate::planned::provider::{KEY_COLUMN, OrbitTable};
use crate::planned::types;
use crate::planned::unnest::outer_columns;
use crate::planned::work::WorkRows;
use datafusion::common::{Column, JoinType};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator};
use futures::FutureExt;
use orbit_core::catalog::{Privileges, Table};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, Spanned, TableFactor};
use std::sync::Arc;

/// A part of FROM, resolved.
pub(in crate::planned) struct Relation {
    pub plan: LogicalPlan,
    pub scope: Scope,
}

impl Binder<'_> {
    pub(super) fn from_clause(&mut self, from: &[ast::TableWithJoins]) -> Result<Relation> {
        let mut whole: Option<Relation> = None;
        for item in from {
            let left = whole.take();
            whole = Some(self.table_with_joins(item, left)?);
        }
        match whole {
            Some(relation) => Ok(relation),
            None => Ok(Relation {
                plan: LogicalPlanBuilder::empty(true).build().told()?,
                scope: Scope::default(),
            }),
        }
    }

    /// One comma-separated item, put beside what stands left of it.
    pub(in crate::planned) fn table_with_joins(
        &mut self,
        item: &ast::TableWithJoins,
        left: Option<Relation>,
    ) -> Result<Relation> {
        if item.joins.is_empty() {
            return match left {
                None => self.factor(&item.relation, None),
                Some(left) => self.cross(left, &item.relation),
            };
        }
        // `a, b JOIN c` binds b JOIN c first; b and c may look at a only if LATERAL.
        let lateral = left.as_ref().map(|left| left.scope.clone());
        let mut right = match &left {
            Some(_) if is_lateral(&item.relation) => {
                let left = left.ok_or_else(|| Error::internal("no left side"))?;
                let mut whole = self.cross(left, &item.relation)?;
                for join in &item.joins {
                    whole = self.join(whole, join, None)?;
                }
                return Ok(whole);
            }
            _ => self.factor(&item.relation, None)?,
        };
        for join in &item.joins {
            right = self.join(right, join, lateral.as_ref())?;
        }
        match left {
            None => Ok(right),
            Some(left) => Ok(Relation {
                plan: LogicalPlanBuilder::from(left.plan)
                    .cross_join(right.plan)
                    .told()?
                    .build()
                    .told()?,
                scope: left.scope.beside(right.scope)?,
            }),
        }
    }

    fn cross(&mut self, left: Relation, factor: &TableFactor) -> Result<Relation> {
        if let Some(call) = self.function_of(factor) {
            return self.function_beside(Some(left), &call, false);
        }
        let right = self.factor(factor, Some(&left.scope))?;
        Ok(Relation {
            plan: LogicalPlanBuilder::from(left.plan)
                .cross_join(right.plan)
                .told()?
                .build()
                .told()?,
            scope: left.scope.beside(right.scope)?,
        })
    }

    fn join(
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

    fn factor(&mut self, factor: &TableFactor, left: Option<&Scope>) -> Result<Relation> {
        if let Some(call) = self.function_of(factor) {
            return self.function_beside(None, &call, false);
        }
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                sample: None,
                ..
            } => self
                .table(name, alias.as_ref())
                .map_err(|error| self.placed_in(error, name.span())),
            TableFactor::Derived {
                lateral,
                subquery: query,
                alias,
                ..
            } => {
                if alias.is_none() {
                    return Err(without_alias(query));
                }
                let bound = match left.filter(|_| *lateral) {
                    Some(left) => {
                        let clause = Clause::plain("FROM clause of their own query level");
                        self.within(clause, |binder| binder.inner_query(left, query))?
                    }
                    None => {
                        let clause = std::mem::replace(&mut self.clause, Clause::SELECT);
                        let hidden = self.hidden.len();
                        self.hidden.extend(left.cloned());
                        let bound = self.deeper(|binder| binder.query(query));
                        self.hidden.truncate(hidden);
                        self.clause = clause;
                        bound?
                    }
                };
                self.derived(bound, alias.as_ref(), *lateral)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let relation = self.table_with_joins(table_with_joins, None)?;
                let Some(alias) = alias else {
                    return Ok(relation);
                };
                // One relation from here on; those in it can't be named any more.
                let joined = ScopeRelation {
                    alias: String::new(),
                    schema: None,
                    columns: relation.scope.visible,
                    primary_key: Vec::new(),
                };
                Ok(Relation {
                    plan: relation.plan,
                    scope: Scope::of(self.renamed(joined, Some(alias))?),
                })
            }
            other => Err(Error::unsupported(format_args!("{other} in FROM"))),
        }
    }

    pub(in crate::planned) fn derived(
        &mut self,
        query: BoundQuery,
        alias: Option<&ast::TableAlias>,
        lateral: bool,
    ) -> Result<Relation> {
        let visible_alias = alias
            .map(|alias| types::fold(&alias.name))
            .unwrap_or_default();
        let wish = if visible_alias.is_empty() {
            "subquery"
        } else {
            &visible_alias
        };
        let unique = self.unique_name(wish);
        let plan = forget_dependencies(query.plan)?;
        let plan = if lateral {
            LogicalPlan::Subquery(subquery(plan))
        } else {
            plan
        };
        let plan = LogicalPlanBuilder::from(plan)
            .alias(unique.as_str())
            .told()?
            .build()
            .told()?;
        let columns = query
            .columns
            .iter()
            .map(|column| ScopeColumn {
                name: column.name.clone(),
                bound: Bound {
                    origin: column.origin,
                    ..Bound::new(
                        Expr::Column(Column::new(
                            Some(unique.as_str()),
                            column.column.name.clone(),
                        )),
                        if column.ty == SqlType::Unknown {
                            SqlType::Text
                        } else {
                            column.ty.clone()
                        },
                    )
                },
            })
            .collect();
        let relation = self.renamed(
            ScopeRelation {
                alias: visible_alias,
                schema: None,
                columns,
                primary_key: Vec::new(),
            },
            alias,
        )?;
        Ok(Relation {
            plan,
            scope: Scope::of(relation),
        })
    }

    fn renamed(
        &self,
        mut relation: ScopeRelation,
        alias: Option<&ast::TableAlias>,
    ) -> Result<ScopeRelation> {
        let Some(alias) = alias else {
            return Ok(relation);
        };
        relation.alias = types::fold(&alias.name);
        relation.schema = None;
        if alias.columns.len() > relation.columns.len() {
            return Err(Error::new(
                state::INVALID_COLUMN_REFERENCE,
                format!(
                    "table \"{}\" has {} columns available but {} columns specified",
                    relation.alias,
                    relation.columns.len(),
                    alias.columns.len()
                ),
            ));
        }
        for (column, name) in relation.columns.iter_mut().zip(&alias.columns) {
            column.name = types::fold(&name.name);
        }
        Ok(relation)
    }

    fn table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Relation> {
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(types::fold)
            .collect();
        let (schema, table_name) = match parts.as_slice() {
            [table] => (None, table.clone()),
            [schema, table] => (Some(schema.clone()), table.clone()),
            [database, schema, table] if *database == self.facts.database => {
                (Some(schema.clone()), table.clone())
            }
            _ => {
                return Err(Error::unsupported(format_args!(
                    "cross-database references: {name}"
                )));
            }
        };
        self.reads(1)?;
        if schema.is_none() {
            if let Some(cte) = self
                .ctes
                .iter()
                .rev()
                .find_map(|frame| frame.get(&table_name))
                .cloned()
            {
                return self.cte_reference(&table_name, cte, alias);
            }
        }
        if let Some(table) = self.find_table(schema.as_deref(), &table_name) {
            let shown = alias.map_or_else(|| table_name.clone(), |alias| types::fold(&alias.name));
            let locking = self.locking.iter().position(|wanted| *wanted == shown);
            if let Some(at) = locking {
                self.locking.remove(at);
                let relation = self.stored(&table, alias, true)?;
                self.needs_select(schema.is_some());
                if let Some(key) = Self::key_of(&relation) {
                    self.lock_keys.push((shown, table.clone(), key));
                }
                return Ok(relation);
            }
            let keyed = std::mem::take(&mut self.key_wanted);
            let relation = self.stored(&table, alias, keyed)?;
            self.needs_select(schema.is_some());
            if keyed {
                self.key = Self::key_of(&relation);
            }
            return Ok(relation);
        }
        if let Some(view) = self.find_view(schema.as_deref(), &table_name) {
            return self.view(&view, alias, schema.is_some());
        }
        if let Some(sequence) = self.find_sequence(schema.as_deref(), &table_name) {
            return self.sequence_row(&sequence, alias, schema.is_some());
        }
        if let Some(relation) = self.system_table(schema.as_deref(), &table_name, alias)? {
            return Ok(relation);
        }
        Err(no_relation(schema.as_deref(), &table_name))
    }

    /// The relation noted last is read, under its schema's name or not.
    pub(in crate::planned) fn needs_select(&mut self, qualified: bool) {
        if let Some(need) = self.needs.last_mut() {
            need.required = need.required.with(Privileges::SELECT);
            if let Some(named) = &mut need.named {
                named.qualified = qualified;
            }
        }
    }

    pub(in crate::planned) fn find_table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Option<Arc<Table>> {
        match schema {
            Some(schema) => {
                let schema = self.settings.schema(schema)?;
                self.catalog.table(schema, name).cloned()
            }
            None => self
                .settings
                .search_path()
                .iter()
                .find_map(|schema| self.catalog.table(schema, name))
                .cloned(),
        }
    }

    /// A table of ours; `keyed` adds the row's key as a hidden column.
    pub(in crate::planned) fn stored(
        &mut self,
        table: &Arc<Table>,
        alias: Option<&ast::TableAlias>,
        keyed: bool,
    ) -> Result<Relation> {
        self.note_table(table);
        let need = self.need(Need::table(table, Privileges(0), false));
        let wish = alias.map_or_else(|| table.name.clone(), |alias| types::fold(&alias.name));
        let unique = self.unique_name(&wish);
        let provider = Arc::new(OrbitTable::new(table.clone(), keyed));
        let plan = LogicalPlanBuilder::scan(unique.as_str(), provider_as_source(provider), None)
            .told()?
            .build()
            .told()?;
        let columns = table
            .columns
            .iter()
            .enumerate()
            .map(|(i, column)| ScopeColumn {
                name: column.name.clone(),
                bound: Bound {
                    origin: Some((table.oid, i16::try_from(i + 1).unwrap_or(0))),
                    source: Some((need, i)),
                    ..Bound::new(
                        Expr::Column(Column::new(Some(unique.as_str()), column.name.clone())),
                        column.sql_type.clone(),
                    )
                },
            })
            .collect();
        let relation = self.renamed(
            ScopeRelation {
                alias: table.name.clone(),
                schema: Some(table.schema.clone()),
                columns,
                primary_key: table.primary_key_columns().to_vec(),
            },
            alias,
        )?;
        Ok(Relation {
            plan,
            scope: Scope::of(relation),
        })
    }

    /// The hidden column of the relation that [`Self::stored`] made first with a key.
    pub(in crate::planned) fn key_of(relation: &Relation) -> Option<Expr> {
        relation
            .plan
            .schema()
            .iter()
            .find(|(_, field)| field.name() == KEY_COLUMN)
            .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
    }

    fn system_table(
        &mut self,
        schema: Option<&str>,
        name: &str,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Option<Relation>> {
        let schema = schema.unwrap_or("pg_catalog");
        let Some(provider) = (self.system)(schema) else {
            return Ok(None);
        };
        let found = provider.table(name).now_or_never();
        let Some(Ok(Some(table))) = found else {
            return Ok(None);
        };
        self.reads_catalogs = true;
        let unique = self.unique_name(alias.map_or(name, |alias| alias.name.value.as_str()));
        let fields = crate::pg_catalog::fields(schema, name).unwrap_or_else(|| table.schema());
        let mut plan =
            LogicalPlanBuilder::scan(unique.as_str(), provider_as_source(table), None).told()?;
        let types: Vec<SqlType> = fields
            .fields()
            .iter()
            .map(|field| sql_type_of(field))
            .collect();
        let fits = fields
            .fields()
            .iter()
            .zip(&types)
            .all(|(field, ty)| *field.data_type() == arrow_type(ty));
        if !fits {
            let casts: Vec<Expr> = fields
                .fields()
                .iter()
                .zip(&types)
                .map(|(field, ty)| {
                    let column = Expr::Column(Column::new(Some(unique.as_str()), field.name()));
                    Expr::Cast(Cast::new(Box::new(column), arrow_type(ty))).alias(field.name())
                })
                .collect();
            plan = plan.project(casts).told()?.alias(unique.as_str()).told()?;
        }
        let columns = fields
            .fields()
            .iter()
            .zip(types)
            .map(|(field, ty)| ScopeColumn {
                name: field.name().clone(),
                bound: Bound::new(
                    Expr::Column(Column::new(Some(unique.as_str()), field.name())),
                    ty,
                ),
            })
            .collect();
        let relation = self.renamed(
            ScopeRelation {
                alias: name.to_owned(),
                schema: Some(schema.to_owned()),
                columns,
                primary_key: Vec::new(),
            },
            alias,
        )?;
        Ok(Some(Relation {
            plan: plan.build().told()?,
            scope: Scope::of(relation),
        }))
    }

    fn cte_reference(
        &mut self,
        name: &str,
        cte: Cte,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Relation> {
        match cte {
            Cte::Query(query, size) => {
                self.reads(size)?;
                let mut relation = self.derived((*query).clone(), None, false)?;
                if let Some(only) = relation.scope.relations.pop() {
                    let mut only = only;
                    only.alias = name.to_owned();
                    relation.scope = Scope::of(self.renamed(only, alias)?);
                }
                Ok(relation)
            }
            Cte::Working { table, columns } => {
                let unique = self.unique_name(name);
                let schema = datafusion::arrow::datatypes::Schema::new(
                    columns
                        .iter()
                        .map(|(name, ty)| crate::planned::arrow::field(name, ty))
                        .collect::<Vec<_>>(),
                );
                let work = WorkRows::new(&table, Arc::new(schema));
                let plan = LogicalPlanBuilder::scan(
                    table.as_str(),
                    provider_as_source(Arc::new(work)),
                    None,
                )
                .told()?
                .alias(unique.as_str())
                .told()?
                .build()
                .told()?;
                let columns = columns
                    .into_iter()
                    .map(|(name, ty)| ScopeColumn {
                        bound: Bound::new(
                            Expr::Column(Column::new(Some(unique.as_str()), name.clone())),
                            ty,
                        ),
                        name,
                    })
                    .collect();
                let relation = self.renamed(
                    ScopeRelation {
                        alias: name.to_owned(),
                        schema: None,
                        columns,
                        primary_key: Vec::new(),
                    },
                    alias,
                )?;
                Ok(Relation {
                    plan,
                    scope: Scope::of(relation),
                })
            }
            Cte::Given(rows) => {
                let mut relation = self.derived((*rows).clone(), None, false)?;
                if let Some(mut only) = relation.scope.relations.pop() {
                    only.alias = name.to_owned();
                    relation.scope = Scope::of(self.renamed(only, alias)?);
                }
                Ok(relation)
            }
            Cte::Nothing => Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("WITH query \"{name}\" does not have a RETURNING clause"),
            )),
        }
    }

    /// What of the left side a function in FROM may use, once it is part of the plan.
    pub(super) fn lateral_scope(left: Option<&Relation>) -> Scope {
        left.map(|left| left.scope.clone()).unwrap_or_default()
    }
}

pub(in crate::planned) fn no_relation(schema: Option<&str>, name: &str) -> Error {
    let shown = match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    };
    Error::new(
        state::UNDEFINED_TABLE,
        format!("relation \"{shown}\" does not exist"),
    )
}

fn without_alias(query: &ast::Query) -> Error {
    let (what, example) = match &*query.body {
        ast::SetExpr::Values(_) => ("VALUES", "VALUES"),
        _ => ("subquery", "SELECT"),
    };
    Error::new(
        state::SYNTAX_ERROR,
        format!("{what} in FROM must have an alias"),
    )
    .with_hint(format!("For example, FROM ({example} ...) [AS] foo."))
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

fn is_lateral(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Derived { lateral, .. } | TableFactor::Function { lateral, .. } => *lateral,
        _ => false,
    }
}

/// The conjuncts of a condition: joins find their keys among them.
pub(super) fn split(expr: Expr) -> Vec<Expr> {
    datafusion::logical_expr::utils::split_conjunction_owned(expr)
}

pub(super) fn all_of(terms: Vec<Expr>) -> Expr {
    balanced(terms, Operator::And)
}
