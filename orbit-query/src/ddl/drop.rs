//! DROP TABLE and DROP INDEX.

use super::wrong_kind::not_dropped;
use super::{alter, dependents, lock_if_exists, names, sequence, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, Column, Relation, Table};
use orbit_core::store::Space;
use orbit_core::txn::{TableLock, Transaction, Wait};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(crate) async fn tables(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    let mut found: Vec<Arc<Table>> = Vec::with_capacity(names.len());
    for name in names {
        match lock_if_exists(session, name, TableLock::AccessExclusive).await? {
            Some(table) if found.iter().any(|known| known.id == table.id) => {}
            Some(table) => found.push(table),
            None => {
                let settings = session.settings().clone();
                let catalog = session.transaction()?.catalog();
                if let Some(relation) = name.relation(&catalog, &settings) {
                    return Err(not_dropped(&name.name, "a table", &relation));
                }
                missing(session, "table", name, if_exists)?;
            }
        }
    }
    for table in &found {
        alter::refuse_pending(session, table, "DROP TABLE")?;
    }
    let dependents = dependents::of_tables(session, &found)?;
    dependents::drop(session, &dependents, found.len(), cascade).await?;
    for table in found {
        sequence::forget_owned(session, &table.def)?;
        let transaction = session.transaction()?;
        clear(transaction, &table);
        transaction.change_catalog(CatalogChange::DropTable { id: table.id })?;
    }
    Ok(Outcome::Done(Tag::Other("DROP TABLE")))
}

/// Marks everything a table stores to be dropped at COMMIT.
pub(super) fn clear(transaction: &mut Transaction, table: &Table) {
    transaction.clear_storage(table.partition, table.storage, Space::Data);
    for index in &table.indexes {
        transaction.clear_storage(table.partition, index.storage, Space::Index);
    }
}

/// The sequences that go with a column.
pub(super) fn forget_sequences(
    session: &mut Session,
    table: &Table,
    column: &Column,
) -> Result<()> {
    let catalog = session.transaction()?.catalog();
    for one in catalog.sequences_of(table.id, column.created) {
        sequence::forget(session, one)?;
    }
    Ok(())
}

fn missing(session: &mut Session, kind: &str, name: &Name, if_exists: bool) -> Result<()> {
    let schema_missing = match &name.schema {
        Some(schema) => !session.transaction()?.catalog().has_schema(schema),
        None => false,
    };
    let what = match &name.schema {
        Some(schema) if schema_missing && if_exists => {
            format!("schema \"{schema}\" does not exist")
        }
        _ => format!("{kind} \"{}\" does not exist", name.name),
    };
    if if_exists {
        session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
        return Ok(());
    }
    let state = if kind == "table" {
        state::UNDEFINED_TABLE
    } else {
        state::UNDEFINED_OBJECT
    };
    Err(Error::new(state, what))
}

pub(crate) async fn indexes(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    for name in names {
        drop_index(session, name, if_exists, cascade).await?;
    }
    Ok(Outcome::Done(Tag::Other("DROP INDEX")))
}

fn needed_by_constraint(index: &str, table: &str) -> Error {
    Error::new(
        state::DEPENDENT_OBJECTS_STILL_EXIST,
        format!(
            "cannot drop index {index} because constraint {index} on table {table} requires it"
        ),
    )
    .with_hint(format!(
        "You can drop constraint {index} on table {table} instead."
    ))
}

async fn drop_index(
    session: &mut Session,
    name: &Name,
    if_exists: bool,
    cascade: bool,
) -> Result<()> {
    let settings = session.settings().clone();
    loop {
        let transaction = session.transaction()?;
        transaction.begin_statement();
        let catalog = transaction.catalog();
        let Some((owner, _)) = names::find_index(&catalog, &settings, name) else {
            match name.relation(&catalog, &settings) {
                Some(Relation::PrimaryKey(table)) => {
                    return Err(needed_by_constraint(&name.name, &table.name));
                }
                Some(relation) => return Err(not_dropped(&name.name, "an index", &relation)),
                None => {}
            }
            return missing(session, "index", name, if_exists);
        };
        let table = match transaction
            .lock_table(owner.id, TableLock::AccessExclusive, Wait::Block)
            .await
        {
            Ok(table) => table,
            Err(error) if error.is(state::UNDEFINED_TABLE) => continue,
            Err(error) => return Err(error),
        };
        let Some(index) = table
            .indexes
            .iter()
            .find(|index| index.name == name.name)
            .cloned()
        else {
            continue;
        };
        if index.constraint {
            return Err(needed_by_constraint(&index.name, &table.name));
        }
        let named = format!("index {}", index.name);
        let needed = dependents::of_key(session, &table, Some(index.id), &index.name, &named)?;
        dependents::drop(session, &needed, 1, cascade).await?;
        let transaction = session.transaction()?;
        let mut def = match transaction.catalog().table_by_id(table.id) {
            Some(table) => table.def.clone(),
            None => return Err(Error::internal("the index's table is gone")),
        };
        def.remove_index(index.id);
        transaction.clear_storage(table.partition, index.storage, Space::Index);
        return transaction.change_catalog(CatalogChange::PutTable(Box::new(def)));
    }
}
