//! From syntax to a point plan. Anything not understood in full is left to the planner.

use super::access::{Computed, OrderColumn, Path, Wanted, choose};
use super::change::{Change, Delete, Set, Update};
use super::insert::{Cell, Insert, OnConflict};
use super::rows::{Output, OutputColumn};
use super::select::Select;
use super::{Kind, PointPlan};
use crate::expr::{Compiler, Node, Params, RowExpr, Scope, Stop, scope::fold};
use crate::rows::ColumnDesc;
use crate::settings::Settings;
use crate::statement::limits::MAX_RESULT_COLUMNS;
use crate::statement::names;
use crate::write::TableWriter;
use orbit_core::catalog::{Catalog, Table};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Expr, ObjectName, SetExpr, Statement, TableFactor};
use std::sync::Arc;

pub(super) mod name;
mod output;
mod query;
mod write;

pub(super) use output::output;

/// Longer statements cost more to plan than the planner's own overhead.
const MAX_CONDITIONS: usize = 64;

pub(super) struct Context<'a> {
    pub catalog: &'a Catalog,
    pub settings: &'a Settings,
    pub params: Params,
}

/// `Ok(None)`: the planner's. `Err`: PostgreSQL refuses the statement too.
pub(super) fn compile(
    catalog: &Catalog,
    settings: &Settings,
    statement: &Statement,
    declared: &[Option<SqlType>],
) -> Result<Option<PointPlan>> {
    let mut context = Context {
        catalog,
        settings,
        params: Params::new(declared),
    };
    let plan = match statement {
        Statement::Query(query) => query::query(&mut context, query),
        Statement::Insert(insert) => write::insert(&mut context, insert),
        Statement::Update(update) => write::update(&mut context, update),
        Statement::Delete(delete) => write::delete(&mut context, delete),
        _ => Err(Stop::Unknown),
    };
    let Some((table, columns, kind)) = Stop::catch(plan)? else {
        return Ok(None);
    };
    let needs = match &table {
        Some(table) => super::needs::of(statement, table, &kind),
        None => Vec::new(),
    };
    Ok(Some(PointPlan {
        needs,
        table,
        params: context.params.finish()?,
        columns,
        kind,
    }))
}

type Compiled = Result<(Option<Arc<Table>>, Option<Arc<[ColumnDesc]>>, Kind), Stop>;

/// The base table that a name means; anything else is the planner's.
fn table(context: &Context<'_>, name: &ObjectName) -> Result<Arc<Table>, Stop> {
    let (schema, table) = names::split(name).map_err(|_| Stop::Unknown)?;
    names::look_up(context.catalog, context.settings, schema.as_deref(), &table)
        .cloned()
        .ok_or(Stop::Unknown)
}

/// A plain table in FROM or UPDATE, with its alias.
fn plain_table(
    context: &Context<'_>,
    from: &ast::TableWithJoins,
) -> Result<(Arc<Table>, Option<String>), Stop> {
    if !from.joins.is_empty() {
        return Err(Stop::Unknown);
    }
    let TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints,
        version: None,
        with_ordinality: false,
        partitions,
        json_path: None,
        sample: None,
        index_hints,
    } = &from.relation
    else {
        return Err(Stop::Unknown);
    };
    if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
        return Err(Stop::Unknown);
    }
    let alias = match alias {
        None => None,
        Some(alias) if alias.columns.is_empty() && alias.at.is_none() => {
            Some(fold(&alias.name).into_owned())
        }
        Some(_) => return Err(Stop::Unknown),
    };
    Ok((table(context, name)?, alias))
}

/// WHERE as the list of conditions that must all hold, and as one expression.
fn conditions(
    scope: &Scope<'_>,
    params: &mut Params,
    selection: Option<&Expr>,
) -> Result<(Vec<Node>, Option<RowExpr>), Stop> {
    let Some(selection) = selection else {
        return Ok((Vec::new(), None));
    };
    let whole = Compiler::new(scope, params).condition(selection)?;
    let mut list = Vec::new();
    flatten(&whole.node, &mut list)?;
    Ok((list, Some(whole)))
}

fn flatten(node: &Node, list: &mut Vec<Node>) -> Result<(), Stop> {
    match node {
        // Not deeper than the compiler let the expression be.
        Node::And(terms) => terms.iter().try_for_each(|term| flatten(term, list)),
        _ if list.len() >= MAX_CONDITIONS => Err(Stop::Unknown),
        node => {
            list.push(node.clone());
            Ok(())
        }
    }
}

fn path(
    context: &Context<'_>,
    table: &Table,
    conditions: Vec<Node>,
    order: &[OrderColumn],
    limited: bool,
) -> Result<Path, Stop> {
    let param_types = |number: usize| context.params.sql_type(number).cloned();
    choose(&Wanted {
        table,
        conditions,
        param_types: &param_types,
        order,
        limited,
        whole_table: !cfg!(feature = "datafusion"),
        computed: Computed::of(table),
    })
    .ok_or(Stop::Unknown)
}
