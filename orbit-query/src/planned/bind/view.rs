//! Relations that are not stored as rows: views and the one row of a sequence.

use super::from::Relation;
use super::literal;
use super::{Binder, Bound, BoundQuery, Clause, OutColumn};
use crate::access::need::Relation::{Sequence as SequenceNeed, View as ViewNeed};
use crate::access::need::{Named, Need};
use crate::planned::error::Told;
use crate::statement::dates;
use crate::statement::names::along;
use crate::statement::parse::row_statement;
use datafusion::common::Column;
use datafusion::logical_expr::LogicalPlanBuilder;
use orbit_core::catalog::{Privileges, SequenceDef, ViewDef};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use sqlparser::ast::{Ident, Statement, TableAlias};
use std::sync::Arc;

impl Binder<'_> {
    pub(in crate::planned) fn find_view(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Option<Arc<ViewDef>> {
        let found = match schema {
            Some(schema) => self.catalog.view(schema, name),
            None => along(&self.catalog, &self.settings, name, |catalog, schema| {
                catalog.view(schema, name)
            }),
        };
        found.cloned()
    }

    pub(in crate::planned) fn find_sequence(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Option<Arc<SequenceDef>> {
        let found = match schema {
            Some(schema) => self.catalog.sequence(schema, name),
            None => along(&self.catalog, &self.settings, name, |catalog, schema| {
                catalog.sequence(schema, name)
            }),
        };
        found.cloned()
    }

    /// A view: its query, bound as if nothing stood around it.
    pub(super) fn view(
        &mut self,
        view: &Arc<ViewDef>,
        alias: Option<&TableAlias>,
        qualified: bool,
    ) -> Result<Relation> {
        self.note_view(view);
        let seen = self.need(Need {
            named: Some(Named {
                schema: view.schema.clone(),
                name: view.name.clone(),
                qualified,
            }),
            ..Need::new(ViewNeed(view.oid), Privileges::SELECT)
        });
        let mut statement = row_statement(&view.query)?;
        dates::settle(&mut statement);
        crate::pg_catalog::rewrite(&mut statement);
        let Statement::Query(query) = statement else {
            return Err(Error::corrupted(format!(
                "the stored query of view \"{}\" is none",
                view.name
            )));
        };
        let bound = self.inside(view, |binder| binder.deeper(|binder| binder.query(&query)));
        let mut bound = bound?;
        if bound.columns.len() < view.columns.len() {
            return Err(Error::internal(format!(
                "view \"{}\" has fewer columns than when it was made",
                view.name
            )));
        }
        bound.columns.truncate(view.columns.len());
        for (column, named) in bound.columns.iter_mut().zip(&view.columns) {
            column.name = named.name.clone();
        }
        let mut relation = self.derived(bound, Some(&named(&view.name, alias)), false)?;
        let scope = &mut relation.scope;
        let direct = scope.relations.iter_mut().flat_map(|of| &mut of.columns);
        // A client is told of the view, not of what lies behind it.
        let shown = |at: usize| Some((view.oid, i16::try_from(at + 1).unwrap_or(0)));
        for (at, column) in direct.enumerate() {
            column.bound.source = Some((seen, at));
            column.bound.origin = shown(at);
        }
        for (at, column) in scope.visible.iter_mut().enumerate() {
            column.bound.source = Some((seen, at));
            column.bound.origin = shown(at);
        }
        Ok(relation)
    }

    /// Binds a part of a view, as if nothing stood around it.
    pub(super) fn inside<T>(
        &mut self,
        view: &ViewDef,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let ctes = std::mem::take(&mut self.ctes);
        let outer = std::mem::take(&mut self.outer);
        let aliases = std::mem::take(&mut self.aliases);
        let windows = std::mem::take(&mut self.windows);
        let key_wanted = std::mem::take(&mut self.key_wanted);
        let clause = std::mem::replace(&mut self.clause, Clause::SELECT);
        // What stands in it is its owner's affair.
        let rights_of = self.rights_of.replace(view.owner);
        let text = self.text.take();
        // The places in it are of another text.
        let names = self.named.take();
        let done = work(self);
        self.named = names;
        self.text = text;
        self.rights_of = rights_of;
        self.clause = clause;
        self.key_wanted = key_wanted;
        self.windows = windows;
        self.aliases = aliases;
        self.outer = outer;
        self.ctes = ctes;
        done
    }

    /// `SELECT * FROM a_sequence`: where it stands.
    pub(super) fn sequence_row(
        &mut self,
        sequence: &SequenceDef,
        alias: Option<&TableAlias>,
        qualified: bool,
    ) -> Result<Relation> {
        self.need(Need {
            named: Some(Named {
                schema: sequence.schema.clone(),
                name: sequence.name.clone(),
                qualified,
            }),
            ..Need::new(SequenceNeed(sequence.oid), Privileges::SELECT)
        });
        // The row is part of the plan: it holds for this run only.
        self.reads_catalogs = true;
        (self.system)("pg_catalog");
        let (last, called) = self.facts.sequences.position(sequence)?;
        let row = [
            ("last_value", Value::Int8(last), SqlType::Int8),
            ("log_cnt", Value::Int8(0), SqlType::Int8),
            ("is_called", Value::Bool(called), SqlType::Bool),
        ];
        let mut exprs = Vec::with_capacity(row.len());
        let mut columns = Vec::with_capacity(row.len());
        for (name, value, ty) in row {
            let Bound { expr, .. } = literal::constant(value, ty.clone())?;
            exprs.push(expr.alias(name));
            columns.push(OutColumn {
                name: name.to_owned(),
                ty,
                column: Column::new_unqualified(name),
                origin: None,
            });
        }
        let plan = LogicalPlanBuilder::empty(true)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        let bound = BoundQuery { plan, columns };
        self.derived(bound, Some(&named(&sequence.name, alias)), false)
    }
}

/// The relation's own name where the query gives it none.
fn named(name: &str, alias: Option<&TableAlias>) -> TableAlias {
    alias.cloned().unwrap_or_else(|| TableAlias {
        explicit: false,
        name: Ident::with_quote('"', name),
        columns: Vec::new(),
        at: None,
    })
}
