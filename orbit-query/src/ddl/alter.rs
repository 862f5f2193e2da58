//! ALTER TABLE: ADD COLUMN (writes no row) and ADD CONSTRAINT.

use super::constraints::{self, KeyRequest, TableRequest};
use super::{index, lock_if_exists, lock_named, names, rebuild, skipping};
use crate::expr::Env;
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, Table, TableDef};
use orbit_core::row::RowRef;
use orbit_core::txn::TableLock;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, cast, text};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, AlterTable, AlterTableOperation, Expr, Visit, Visitor};
use std::ops::ControlFlow;
use std::sync::Arc;

pub(crate) async fn run(session: &mut Session, alter: &AlterTable) -> Result<Outcome> {
    let name = Name::of(&alter.name)?;
    let table = if alter.if_exists {
        match lock_if_exists(session, &name, TableLock::AccessExclusive).await? {
            Some(table) => table,
            None => {
                let what = format!("relation \"{}\" does not exist", name.name);
                session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
                return Ok(Outcome::Done(Tag::Other("ALTER TABLE")));
            }
        }
    } else {
        lock_named(session, &name, TableLock::AccessExclusive).await?
    };
    let id = table.id;
    for operation in &alter.operations {
        // Each step works on what the one before left.
        let table = session
            .transaction()?
            .catalog()
            .table_by_id(id)
            .cloned()
            .ok_or_else(|| Error::internal("the altered table is gone"))?;
        step(session, &table, operation).await?;
    }
    Ok(Outcome::Done(Tag::Other("ALTER TABLE")))
}

async fn step(
    session: &mut Session,
    table: &Arc<Table>,
    operation: &AlterTableOperation,
) -> Result<()> {
    match operation {
        AlterTableOperation::AddColumn {
            if_not_exists,
            column_def,
            ..
        } => add_column(session, table, column_def, *if_not_exists).await,
        AlterTableOperation::AddConstraint {
            not_valid: true, ..
        } => Err(Error::unsupported("NOT VALID")),
        AlterTableOperation::AddConstraint { constraint, .. } => {
            match constraints::table_constraint(&table.def, constraint)? {
                TableRequest::Key(key) => add_key(session, table, key).await,
                TableRequest::Check(check) => {
                    let mut target = table.def.clone();
                    constraints::add_check(&mut target, check)?;
                    add_check(session, table, target).await
                }
            }
        }
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(Error::unsupported(format!(
                "ALTER TABLE ... {}",
                words.join(" ")
            )))
        }
    }
}

async fn add_column(
    session: &mut Session,
    table: &Arc<Table>,
    definition: &ast::ColumnDef,
    if_not_exists: bool,
) -> Result<()> {
    let db = session.engine().db().clone();
    let mut request = constraints::column(&db, definition)?;
    let name = request.column.name.clone();
    if table.column_position(&name).is_some() {
        let what = format!(
            "column \"{name}\" of relation \"{}\" already exists",
            table.name
        );
        if if_not_exists {
            session.notice(skipping(state::DUPLICATE_COLUMN, what));
            return Ok(());
        }
        return Err(Error::new(state::DUPLICATE_COLUMN, what));
    }
    if request.sequence.is_some() {
        return Err(Error::unsupported("ADD COLUMN with a sequence"));
    }
    let mut value = Value::Null;
    if let Some(default) = &request.default {
        if is_volatile(default) {
            return Err(Error::unsupported("ADD COLUMN with a volatile DEFAULT")
                .with_hint("Add the column, then its values with UPDATE."));
        }
        value = default_value(session, default, &request.column.sql_type).await?;
    }
    if !value.is_null() {
        let mut shown = Vec::new();
        text::format(
            &value.as_ref(),
            &request.column.sql_type,
            &Default::default(),
            &mut shown,
        )?;
        request.column.missing = Some(String::from_utf8_lossy(&shown).into_owned());
    } else if (request.column.not_null || request.primary.is_some())
        && !rebuild::is_empty(session, table)?
    {
        return Err(Error::new(
            state::NOT_NULL_VIOLATION,
            format!(
                "column \"{name}\" of relation \"{}\" contains null values",
                table.name
            ),
        ));
    }
    let mut target = table.def.clone();
    let place = target.columns.len();
    target.columns.push(request.column);
    target.statistics = None;
    let checks = request.checks;
    let keys: Vec<KeyRequest> = request
        .primary
        .into_iter()
        .map(|name| (name, true))
        .chain(request.unique.into_iter().map(|name| (name, false)))
        .map(|(name, primary)| KeyRequest {
            name,
            columns: vec![place],
            primary,
        })
        .collect();
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(target)))?;
    for check in checks {
        let table = again(session, table)?;
        let mut target = table.def.clone();
        constraints::add_check(&mut target, check)?;
        add_check(session, &table, target).await?;
    }
    for key in keys {
        let table = again(session, table)?;
        add_key(session, &table, key).await?;
    }
    Ok(())
}

/// The table as the transaction's own changes left it.
fn again(session: &mut Session, table: &Table) -> Result<Arc<Table>> {
    session
        .transaction()?
        .catalog()
        .table_by_id(table.id)
        .cloned()
        .ok_or_else(|| Error::internal("the altered table is gone"))
}

async fn add_key(session: &mut Session, table: &Arc<Table>, request: KeyRequest) -> Result<()> {
    let db = session.engine().db().clone();
    let catalog = session.transaction()?.catalog();
    let schema = table.schema.clone();
    let taken = |name: &str| names::is_taken(&catalog, &schema, name);
    let primary = request.primary;
    let mut target = table.def.clone();
    constraints::add_key(&db, &mut target, request, &taken)?;
    if !primary {
        return match target.indexes.pop() {
            Some(new) => index::add(session, table, new).await,
            None => Err(Error::internal("the new index is not there")),
        };
    }
    rebuild::run(session, table, target, rebuild::Purpose::PrimaryKey).await
}

/// Takes over a definition with a new CHECK (its last) if all rows pass it.
async fn add_check(session: &mut Session, table: &Arc<Table>, target: TableDef) -> Result<()> {
    let Some(new) = target.checks.last().cloned() else {
        return Err(Error::internal("the new CHECK is not there"));
    };
    // Only the new condition is asked, of each row as it is stored.
    let mut asked = target.clone();
    asked.checks = vec![new.clone()];
    for column in &mut asked.columns {
        column.not_null = false;
        column.default = None;
    }
    let writer = session.table_writer(&Arc::new(Table::new(asked, 0)?))?;
    let moment = session.moment();
    let env = Env {
        params: &[],
        facts: &moment,
    };
    rebuild::each_row(session, table, |_, row| {
        let values = RowRef::new(row)?.values(&table.layout, &table.missing)?;
        writer.check(&values, &env).map_err(|error| {
            if !error.is(state::CHECK_VIOLATION) {
                return error;
            }
            Error::new(
                state::CHECK_VIOLATION,
                format!(
                    "check constraint \"{}\" of relation \"{}\" is violated by some row",
                    new.name, table.name
                ),
            )
            .of_schema(&table.schema)
            .of_table(&table.name)
            .of_constraint(&new.name)
        })
    })
    .await?;
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(target)))
}

/// A DEFAULT's value now, as the column would store it; also how DDL finds one that can't be right.
pub(super) async fn default_value(
    session: &mut Session,
    default: &Expr,
    sql_type: &SqlType,
) -> Result<Value> {
    let value = session.constant(default).await?;
    let value = match value {
        // A quoted literal has no type of its own.
        Value::Text(literal) => text::parse(&literal, sql_type, &session.settings().format)?,
        other => other,
    };
    cast::assign(value, sql_type)
}

/// Whether each row would get a value of its own.
fn is_volatile(expr: &Expr) -> bool {
    struct Volatile;
    impl Visitor for Volatile {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let Expr::Function(function) = expr else {
                return ControlFlow::Continue(());
            };
            let name = function.name.to_string().to_ascii_lowercase();
            match name.trim_start_matches("pg_catalog.") {
                "random" | "gen_random_uuid" | "uuid_generate_v4" | "clock_timestamp"
                | "timeofday" | "nextval" | "setseed" => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Volatile).is_break()
}
