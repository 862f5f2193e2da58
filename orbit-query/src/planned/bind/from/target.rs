//! What INSERT, UPDATE and DELETE write to: a table, or a view that shows rows of one.
//!
//! A view's columns are bound over the table's, so that the statement's other parts see
//! the view and the rows written are the table's.

use super::Relation;
use crate::access::need::{Named, Need, Relation as Needed};
use crate::planned::bind::scope::{Scope, ScopeColumn, ScopeRelation};
use crate::planned::bind::{Binder, Bound};
use crate::planned::error::Told;
use crate::statement::{dates, names};
use crate::updatable::{self, Shape};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use orbit_core::catalog::{Privileges, Table, ViewDef};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Spanned};
use std::sync::Arc;

/// What is done with a relation's rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::planned) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    fn privilege(self) -> Privileges {
        match self {
            Verb::Insert => Privileges::INSERT,
            Verb::Update => Privileges::UPDATE,
            Verb::Delete => Privileges::DELETE,
        }
    }

    /// 55000 for a view whose rows are not those of a table.
    fn refused(self, view: &ViewDef, why: &'static str) -> Error {
        let (what, doing, event) = match self {
            Verb::Insert => ("insert into", "inserting into", "INSERT"),
            Verb::Update => ("update", "updating", "UPDATE"),
            Verb::Delete => ("delete from", "deleting from", "DELETE"),
        };
        Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot {what} view \"{}\"", view.name),
        )
        .with_detail(why)
        .with_hint(format!(
            "To enable {doing} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule."
        ))
    }
}

/// Which of its views' conditions hold for the rows that a statement means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::planned) enum Conditions {
    None,
    /// Those WITH CHECK OPTION.
    Checked,
    All,
}

/// A relation that is written to.
pub(in crate::planned) struct Target {
    /// The table whose rows are written.
    pub table: Arc<Table>,
    /// The relation's name.
    pub name: String,
    schema: String,
    columns: Vec<TargetColumn>,
    /// The views between, the one that is named first.
    levels: Vec<Level>,
    need: usize,
}

struct TargetColumn {
    name: String,
    ty: SqlType,
    /// The table's column it is.
    base: Option<usize>,
}

struct Level {
    view: Arc<ViewDef>,
    shape: Shape,
    need: usize,
    /// Which columns of the relation below the view's are.
    columns: Vec<Option<usize>>,
}

impl Target {
    fn of(table: Arc<Table>, need: usize) -> Target {
        let columns = table.columns.iter().enumerate();
        Target {
            name: table.name.clone(),
            schema: table.schema.clone(),
            columns: columns
                .map(|(at, column)| TargetColumn {
                    name: column.name.clone(),
                    ty: column.sql_type.clone(),
                    base: Some(at),
                })
                .collect(),
            levels: Vec::new(),
            need,
            table,
        }
    }

    pub fn is_view(&self) -> bool {
        !self.levels.is_empty()
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// What the table itself needs to be allowed.
    pub fn need(&self) -> usize {
        self.need
    }

    pub fn column_position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub fn position(&self, name: &str) -> Result<usize> {
        self.column_position(name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    self.name
                ),
            )
        })
    }

    pub fn column_name(&self, at: usize) -> &str {
        self.columns.get(at).map_or("", |column| &column.name)
    }

    pub fn column_type(&self, at: usize) -> SqlType {
        let column = self.columns.get(at);
        column.map_or(SqlType::Text, |column| column.ty.clone())
    }

    /// The table's column that this one is, if it is one.
    pub fn base(&self, at: usize) -> Option<usize> {
        self.columns.get(at)?.base
    }

    /// The table's column that this one is, to be given a value.
    pub fn written(&self, at: usize, verb: Verb) -> Result<usize> {
        self.base(at).ok_or_else(|| {
            let what = match verb {
                Verb::Insert => "insert into",
                _ => "update",
            };
            Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!(
                    "cannot {what} column \"{}\" of view \"{}\"",
                    self.column_name(at),
                    self.name
                ),
            )
            .with_detail(
                "View columns that are not columns of their base relation are not updatable.",
            )
        })
    }

    /// The views and the table itself, each with the column that this one is there.
    fn needs(&self, at: usize) -> Vec<(usize, usize)> {
        let mut needs = Vec::with_capacity(self.levels.len() + 1);
        let mut at = Some(at);
        for level in &self.levels {
            let Some(here) = at else {
                return needs;
            };
            needs.push((level.need, here));
            at = level.columns.get(here).copied().flatten();
        }
        needs.extend(at.map(|at| (self.need, at)));
        needs
    }
}

/// A target, and the rows of it that there are.
pub(in crate::planned) struct Written {
    pub target: Target,
    pub relation: Relation,
    /// The stored row's key.
    pub key: Expr,
}

impl Binder<'_> {
    /// The relation that a statement names to write to.
    pub(in crate::planned) fn target(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        verb: Verb,
    ) -> Result<Written> {
        let (schema, shown) = names::split(name)?;
        let view = match self.find_table(schema.as_deref(), &shown) {
            Some(_) => None,
            None => self.find_view(schema.as_deref(), &shown),
        };
        let Some(view) = view else {
            return self.table_target(name, alias, verb.privilege());
        };
        let rights_of = self.rights_of;
        let mut levels = Vec::new();
        let opened = self.open(view.clone(), schema.is_some(), verb, &mut levels);
        self.rights_of = rights_of;
        let (table, base, need) = opened?;
        let key = Self::key_of(&base).ok_or_else(|| Error::internal("no key to write by"))?;
        let mut target = Target::of(table, need);
        target.levels = levels;
        target.name = view.name.clone();
        target.schema = view.schema.clone();
        target.columns = columns_of(&mut target, &view);
        if verb != Verb::Delete && !target.columns.iter().any(|column| column.base.is_some()) {
            return Err(verb.refused(&view, updatable::NO_COLUMNS));
        }
        // New rows are no rows of the view yet.
        let wanted = match verb {
            Verb::Insert => Conditions::None,
            _ => Conditions::All,
        };
        let (scope, conditions) = self.seen_through(&target, base.scope, alias, wanted, true)?;
        let mut plan = LogicalPlanBuilder::from(base.plan);
        for condition in conditions.into_iter().flatten() {
            plan = plan.filter(condition).told()?;
        }
        Ok(Written {
            target,
            relation: Relation {
                plan: plan.build().told()?,
                scope,
            },
            key,
        })
    }

    /// The same of a table; other relations aren't there.
    pub(in crate::planned) fn table_target(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        privileges: Privileges,
    ) -> Result<Written> {
        let (schema, shown) = names::split(name)?;
        let table = self.find_table(schema.as_deref(), &shown);
        let table = table.ok_or_else(|| {
            let error = match self.find_sequence(schema.as_deref(), &shown) {
                Some(_) => Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!("cannot change sequence \"{shown}\""),
                ),
                None => self.not_readable(schema.as_deref(), &shown),
            };
            self.placed_in(error, name.span())
        })?;
        let relation = self.stored(&table, alias, true)?;
        let need = self.needs_write(privileges, schema.is_some());
        let key = Self::key_of(&relation).ok_or_else(|| Error::internal("no key to write by"))?;
        Ok(Written {
            target: Target::of(table, need),
            relation,
            key,
        })
    }

    /// The table below a view, its rows, and what it needs; adds the views on the way.
    fn open(
        &mut self,
        view: Arc<ViewDef>,
        qualified: bool,
        verb: Verb,
        levels: &mut Vec<Level>,
    ) -> Result<(Arc<Table>, Relation, usize)> {
        self.reads(1)?;
        self.note_view(&view);
        let need = self.need(Need {
            named: Some(Named {
                schema: view.schema.clone(),
                name: view.name.clone(),
                qualified,
            }),
            ..Need::new(Needed::View(view.oid), verb.privilege())
        });
        let mut query = ast::Statement::Query(updatable::query_of(&view)?);
        dates::settle(&mut query);
        crate::pg_catalog::rewrite(&mut query);
        let ast::Statement::Query(query) = query else {
            return Err(Error::internal("a view's query is none any more"));
        };
        let shape = updatable::shape(*query).map_err(|why| verb.refused(&view, why))?;
        let (schema, name) = names::split(&shape.base)?;
        // What stands in it is its owner's affair.
        self.rights_of = Some(view.owner);
        let table = self.find_table(schema.as_deref(), &name);
        let below = match &table {
            Some(_) => None,
            None => self.find_view(schema.as_deref(), &name),
        };
        levels.push(Level {
            view: view.clone(),
            shape,
            need,
            columns: Vec::new(),
        });
        match (table, below) {
            (Some(table), _) => {
                let relation = self.stored(&table, None, true)?;
                let need = self.needs_write(verb.privilege(), false);
                Ok((table, relation, need))
            }
            (None, Some(below)) => self.deeper(|binder| binder.open(below, false, verb, levels)),
            (None, None) => {
                if self.find_sequence(schema.as_deref(), &name).is_some() {
                    return Err(verb.refused(&view, updatable::SEVERAL));
                }
                Err(Error::unsupported("writing to the system catalogs"))
            }
        }
    }

    /// What the target shows of a row of its table, whose columns are the scope's; and the
    /// wanted conditions of its views, of the one that is named last. `noted`: its columns
    /// are read there.
    pub(in crate::planned) fn seen_through(
        &mut self,
        target: &Target,
        base: Scope,
        alias: Option<&ast::TableAlias>,
        wanted: Conditions,
        noted: bool,
    ) -> Result<(Scope, Vec<Option<Expr>>)> {
        if !target.is_view() {
            return Ok((base, Vec::new()));
        }
        let checked = Self::checked_views(target);
        let mut conditions = Vec::with_capacity(target.levels.len());
        let mut below = ScopeRelation {
            alias: target.table.name.clone(),
            schema: Some(target.table.schema.clone()),
            columns: base.visible,
            primary_key: Vec::new(),
        };
        for (level, checked) in target.levels.iter().rev().zip(checked) {
            let is_wanted = match wanted {
                Conditions::None => false,
                Conditions::Checked => checked.is_some(),
                Conditions::All => true,
            };
            let scope = Scope::of(self.renamed(below, level.shape.alias.as_ref())?);
            let select = &level.shape.select;
            let (bounds, condition) = self.inside(&level.view, |binder| {
                let mut bounds = Vec::with_capacity(level.view.columns.len());
                for item in binder.items(&scope, &select.projection)? {
                    bounds.push(binder.standalone_bound(item.bound)?);
                }
                let relations = binder.needs.len();
                let condition = select.selection.as_ref();
                let condition = condition.map(|condition| binder.condition(&scope, condition));
                let condition = condition.transpose()?;
                if !is_wanted {
                    // Nor are the relations read that it asks.
                    binder.needs.truncate(relations);
                }
                Ok((bounds, condition))
            })?;
            conditions.push(condition.filter(|_| is_wanted));
            let columns = level.view.columns.iter().zip(bounds).enumerate();
            let columns = columns.map(|(at, (column, bound))| ScopeColumn {
                name: column.name.clone(),
                bound: Bound {
                    origin: Some((level.view.oid, i16::try_from(at + 1).unwrap_or(0))),
                    source: noted.then_some((level.need, at)),
                    ..Bound::new(bound.expr, bound.ty)
                },
            });
            below = ScopeRelation {
                alias: level.view.name.clone(),
                schema: Some(level.view.schema.clone()),
                columns: columns.collect(),
                primary_key: Vec::new(),
            };
        }
        Ok((Scope::of(self.renamed(below, alias)?), conditions))
    }

    /// The views of a target, in the order of [`Self::seen_through`]'s conditions, that new
    /// rows must fit.
    pub(in crate::planned) fn checked_views(target: &Target) -> Vec<Option<String>> {
        let mut cascades = false;
        let mut checked = Vec::with_capacity(target.levels.len());
        for level in &target.levels {
            let own = level.view.check_option;
            let is_checked = cascades || own.is_some();
            checked.push(is_checked.then(|| level.view.name.clone()));
            cascades |= own == Some(orbit_core::catalog::CheckOption::Cascaded);
        }
        checked.reverse();
        checked
    }

    pub(in crate::planned) fn gives(&mut self, target: &Target, at: usize) {
        for (need, column) in target.needs(at) {
            self.needs_insert(need, column);
        }
    }

    pub(in crate::planned) fn changes(&mut self, target: &Target, at: usize) {
        for (need, column) in target.needs(at) {
            self.needs_update(need, column);
        }
    }

    /// Once the statement is bound: what the owners of views are asked for is what the
    /// statement does to the first view. Only where it reads a column of that, they have
    /// to be allowed to read, and then all that their views are made of.
    pub(in crate::planned) fn settle_rights(&mut self, target: &Target) {
        let Some(first) = target.levels.first() else {
            return;
        };
        let named = self.needs.get(first.need);
        if named.is_none_or(|need| need.required.contains(Privileges::SELECT)) {
            return;
        }
        let below = target.levels.iter().skip(1).map(|level| level.need);
        for at in below.chain([target.need]) {
            if let Some(need) = self.needs.get_mut(at) {
                need.required = need.required.without(Privileges::SELECT);
                need.selected.clear();
            }
        }
    }

    pub(in crate::planned) fn reads_column(&mut self, target: &Target, at: usize) {
        for (need, column) in target.needs(at) {
            self.needs_select_of(need, column);
        }
    }
}

/// The columns of the view that was named; finds which are which on the way up.
fn columns_of(target: &mut Target, view: &ViewDef) -> Vec<TargetColumn> {
    let mut names: Vec<String> = target.columns.iter().map(|one| one.name.clone()).collect();
    let mut bases: Vec<Option<usize>> = (0..names.len()).map(Some).collect();
    for level in target.levels.iter_mut().rev() {
        level.columns = level.shape.columns(&level.view, &names);
        let columns = level.columns.iter();
        bases = columns
            .map(|at| bases.get((*at)?).copied().flatten())
            .collect();
        names = level
            .view
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
    }
    let columns = view.columns.iter().zip(bases);
    columns
        .map(|(column, base)| TargetColumn {
            name: column.name.clone(),
            ty: base
                .and_then(|at| target.table.columns.get(at))
                .map_or_else(|| column.sql_type.clone(), |of| of.sql_type.clone()),
            base,
        })
        .collect()
}
