//! ALTER TABLE and its like: what names the object, then each action on what the
//! one before left.

mod add;
mod column;
mod constraint;
mod drop_column;
pub(super) mod follow;
mod rename;
mod retype;
mod wrong_kind;

pub(crate) use add::{default_value, is_volatile};
pub(super) use rename::in_views;

use super::{lock_if_exists, lock_named, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::alter_grammar::{Action, Alter, Altered};
use orbit_core::catalog::{CatalogChange, Table, TableDef};
use orbit_core::store::Space;
use orbit_core::txn::TableLock;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(crate) async fn run(session: &mut Session, alter: &Alter) -> Result<Outcome> {
    let done = Ok(Outcome::Done(Tag::Other(alter.kind.tag())));
    if alter.kind != Altered::Table {
        rename::other(session, alter).await?;
        return done;
    }
    let name = &alter.name;
    let mode = lock_mode(&alter.actions);
    let table = match lock_if_exists(session, name, mode).await? {
        Some(table) => table,
        // ALTER TABLE names indexes, views and sequences too, where it is the same for them.
        None if rename::is_other(session, alter)? => {
            rename::other(session, alter).await?;
            return done;
        }
        None if alter.if_exists => {
            let what = format!("relation \"{}\" does not exist", name.name);
            session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            return done;
        }
        None => {
            wrong_kind::check(session, alter)?;
            lock_named(session, name, mode).await?
        }
    };
    refuse_pending(session, &table, "ALTER TABLE")?;
    let id = table.id;
    // PostgreSQL's order: what is dropped, then types, then what is added.
    let mut actions: Vec<&Action> = alter.actions.iter().collect();
    actions.sort_by_key(|action| pass(action));
    for action in actions {
        let table = session
            .transaction()?
            .catalog()
            .table_by_id(id)
            .cloned()
            .ok_or_else(|| Error::internal("the altered table is gone"))?;
        step(session, &table, action).await?;
    }
    done
}

/// In which of its passes PostgreSQL carries out an action.
fn pass(action: &Action) -> u8 {
    use crate::statement::alter_grammar::ColumnAction;
    use sqlparser::ast::AlterTableOperation;
    match action {
        Action::DropColumn { .. }
        | Action::DropConstraint { .. }
        | Action::Column(
            _,
            ColumnAction::DropDefault
            | ColumnAction::DropNotNull
            | ColumnAction::DropExpression { .. }
            | ColumnAction::DropIdentity { .. },
        ) => 0,
        Action::Column(_, ColumnAction::Type { .. }) => 1,
        Action::Add { what, .. } if matches!(**what, AlterTableOperation::AddColumn { .. }) => 2,
        Action::Column(..) => 3,
        Action::Add { .. } => 4,
        _ => 5,
    }
}

/// Adding or validating a foreign key leaves readers alone.
fn lock_mode(actions: &[Action]) -> TableLock {
    use sqlparser::ast::{AlterTableOperation, TableConstraint};
    let gentle = |action: &Action| match action {
        Action::Add { what, .. } => matches!(
            **what,
            AlterTableOperation::AddConstraint {
                constraint: TableConstraint::ForeignKey(_),
                ..
            }
        ),
        Action::ValidateConstraint(_) => true,
        _ => false,
    };
    if actions.iter().all(gentle) {
        TableLock::ShareRowExclusive
    } else {
        TableLock::AccessExclusive
    }
}

async fn step(session: &mut Session, table: &Arc<Table>, action: &Action) -> Result<()> {
    match action {
        Action::Add { what, not_valid } => add::run(session, table, what, *not_valid).await,
        Action::DropColumn {
            name,
            if_exists,
            cascade,
        } => drop_column::run(session, table, name, *if_exists, *cascade).await,
        Action::DropConstraint {
            name,
            if_exists,
            cascade,
        } => constraint::drop(session, table, name, *if_exists, *cascade).await,
        Action::AlterConstraint { name, timing } => {
            constraint::alter(session, table, name, *timing)
        }
        Action::ValidateConstraint(name) => constraint::validate(session, table, name).await,
        Action::Column(name, action) => column::run(session, table, name, action).await,
        Action::RenameTo(to) => rename::table(session, table, to).await,
        Action::RenameColumn { from, to } => rename::column(session, table, from, to).await,
        Action::RenameConstraint { from, to } => rename::constraint(session, table, from, to).await,
        Action::SetSchema(schema) => rename::set_schema(session, table, schema).await,
        Action::OwnerTo(role) => check_owner(session, role),
        Action::Options(options) => set_options(session, table, options),
        Action::Nothing => Ok(()),
    }
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

/// Hands the transaction a changed definition.
fn put(session: &mut Session, target: TableDef) -> Result<()> {
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(target)))
}

/// Clears what indexes stored that the new definition has no more.
fn forget_indexes(session: &mut Session, table: &Table, target: &TableDef) -> Result<()> {
    let transaction = session.transaction()?;
    for index in &table.indexes {
        if !target.indexes.iter().any(|kept| kept.id == index.id) {
            transaction.clear_storage(table.partition, index.storage, Space::Index);
        }
    }
    Ok(())
}

/// OWNER TO the one who owns it already.
fn check_owner(session: &Session, role: &str) -> Result<()> {
    let own = matches!(role, "current_user" | "current_role" | "session_user");
    if own || role == session.facts().user {
        return Ok(());
    }
    Err(Error::new(
        state::UNDEFINED_OBJECT,
        format!("role \"{role}\" does not exist"),
    ))
}

fn set_options(
    session: &mut Session,
    table: &Table,
    options: &[(String, Option<String>)],
) -> Result<()> {
    let mut target = table.def.clone();
    for (name, value) in options {
        match value {
            Some(value) => {
                super::create_table::check_option(name, value)?;
                target.options.insert(name.clone(), value.clone());
            }
            None => {
                target.options.remove(name);
            }
        }
    }
    #[cfg(feature = "datafusion")]
    super::series::redeclare(table, &mut target)?;
    put(session, target)
}

/// A table emptied or dropped while rows of it wait for their check.
pub(super) fn refuse_pending(session: &mut Session, table: &Table, verb: &str) -> Result<()> {
    if !session.transaction()?.has_deferred_of(table.id) {
        return Ok(());
    }
    Err(Error::new(
        state::OBJECT_IN_USE,
        format!(
            "cannot {verb} \"{}\" because it has pending trigger events",
            table.name
        ),
    ))
}
