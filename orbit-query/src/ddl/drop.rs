//! DROP TABLE and DROP INDEX. Nothing depends on a table yet (no views, no
//! foreign keys), so CASCADE and RESTRICT do the same.

use super::{lock_if_exists, names, not_a_table, sequence, skipping, view};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, Table};
use orbit_core::store::Space;
use orbit_core::txn::{TableLock, Transaction, Wait};
use orbit_core::{Error, Result, state};

pub(crate) async fn tables(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    for name in names {
        match lock_if_exists(session, name, TableLock::AccessExclusive).await? {
            Some(table) => {
                let what = format!("table {}", table.name);
                view::drop_dependents(session, table.oid, &what, cascade)?;
                sequence::forget_owned(session, &table.def)?;
                let transaction = session.transaction()?;
                clear(transaction, &table);
                transaction.change_catalog(CatalogChange::DropTable { id: table.id })?;
            }
            None => {
                let settings = session.settings().clone();
                let catalog = session.transaction()?.catalog();
                if names::find_index(&catalog, &settings, name).is_some() {
                    return Err(
                        not_a_table(&name.name).with_hint("Use DROP INDEX to remove an index.")
                    );
                }
                missing(session, "table", name, if_exists)?;
            }
        }
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
) -> Result<Outcome> {
    for name in names {
        drop_index(session, name, if_exists).await?;
    }
    Ok(Outcome::Done(Tag::Other("DROP INDEX")))
}

async fn drop_index(session: &mut Session, name: &Name, if_exists: bool) -> Result<()> {
    let settings = session.settings().clone();
    let transaction = session.transaction()?;
    loop {
        transaction.begin_statement();
        let catalog = transaction.catalog();
        let Some((owner, _)) = names::find_index(&catalog, &settings, name) else {
            if name.find(&catalog, &settings).is_some() {
                return Err(Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not an index", name.name),
                )
                .with_hint("Use DROP TABLE to remove a table."));
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
        let Some(place) = table
            .indexes
            .iter()
            .position(|index| index.name == name.name)
        else {
            continue;
        };
        let mut def = table.def.clone();
        let index = def.indexes.remove(place);
        if index.constraint {
            return Err(Error::new(
                orbit_core::error::SqlState(*b"2BP01"),
                format!(
                    "cannot drop index {} because constraint {0} on table {} requires it",
                    index.name, table.name
                ),
            ));
        }
        transaction.clear_storage(table.partition, index.storage, Space::Index);
        return transaction.change_catalog(CatalogChange::PutTable(Box::new(def)));
    }
}
