//! Names in FROM: stored tables, WITH items, views, sequences and the catalogs.

use super::Relation;
use crate::access::{Need, denied};
use crate::ddl::wrong_kind::{is_an_index, is_index};
use crate::planned::arrow::{arrow_type, sql_type_of};
use crate::planned::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use crate::planned::bind::{Binder, Bound, Cte};
use crate::planned::error::Told;
use crate::planned::indexed::Indexed;
use crate::planned::provider::{KEY_COLUMN, OrbitTable};
use crate::planned::types;
use crate::planned::work::WorkRows;
use crate::statement::names::{self, Name, along};
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use futures::FutureExt;
use orbit_core::catalog::{Privileges, Table};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

impl Binder<'_> {
    pub(super) fn table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Relation> {
        let (schema, table_name) = names::split(name)?;
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
        Err(self.not_readable(schema.as_deref(), &table_name))
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
            None => along(&self.catalog, &self.settings, name, |catalog, schema| {
                catalog.table(schema, name)
            })
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
        let provider = Arc::new(OrbitTable::new(
            table.clone(),
            Indexed::of(table, self),
            keyed,
        ));
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
                    origin: Some((table.oid, i16::try_from(table.attnum(i)).unwrap_or(0))),
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
        if !self.facts.rights.superuser {
            // What stands for passwords.
            match name {
                "pg_authid" => return Err(denied("table", name)),
                "pg_shadow" => return Err(denied("view", name)),
                _ => {}
            }
        }
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
                self.reads_itself = true;
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
}

impl Binder<'_> {
    /// A name that means no rows: an index's, or nobody's.
    pub(super) fn not_readable(&self, schema: Option<&str>, name: &str) -> Error {
        let known = Name {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
        };
        match known.relation(self.catalog, self.settings) {
            Some(relation) if is_index(&relation) => is_an_index(name),
            _ => no_relation(schema, name),
        }
    }
}

fn no_relation(schema: Option<&str>, name: &str) -> Error {
    let shown = match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    };
    Error::new(
        state::UNDEFINED_TABLE,
        format!("relation \"{shown}\" does not exist"),
    )
}
