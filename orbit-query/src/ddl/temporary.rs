//! Temporary tables: tables of a schema `pg_temp_n` that is the session's own.
//! They are stored like any other, but never logged for other sites; they go
//! with their session, and what a crash left is dropped when the node opens.

use super::{drop, truncate};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, SchemaDef, is_temporary_schema};
use orbit_core::database::Database;
use orbit_core::ids::TableId;
use orbit_core::txn::{Isolation, TableLock, Transaction, Wait};
use orbit_core::{Error, Result, state};
use sqlparser::ast::OnCommit;
use std::sync::Arc;

/// How a name may call the session's own schema.
const OWN: &str = "pg_temp";

/// What becomes of a table's rows at COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtCommit {
    Empty,
    Drop,
}

/// Whether a new relation is to be temporary, by its words or by its schema.
pub(crate) fn is_wanted(session: &Session, name: &Name, said: bool) -> Result<bool> {
    let own = session.settings().temporary_schema();
    let by_schema = name
        .schema
        .as_deref()
        .is_some_and(|schema| schema == OWN || Some(schema) == own);
    if said && name.schema.is_some() && !by_schema {
        return Err(Error::new(
            state::INVALID_TABLE_DEFINITION,
            "cannot create temporary relation in non-temporary schema",
        ));
    }
    Ok(said || by_schema)
}

/// The session's own schema, made at its first use.
pub(crate) async fn schema(session: &mut Session) -> Result<String> {
    let name = format!("pg_temp_{}", session.facts().pid);
    let oid = session.engine().db().new_oid();
    let owner = session.settings().identity().1;
    let transaction = session.transaction()?;
    transaction.lock_name("", &name).await?;
    transaction.begin_statement();
    if !transaction.catalog().has_schema(&name) {
        transaction.change_catalog(CatalogChange::PutSchema(SchemaDef {
            name: name.clone(),
            oid,
            owner,
            acl: None,
        }))?;
    }
    // Every new temporary relation may hide another: plans are made anew.
    session.use_temporary_schema(&name)?;
    Ok(name)
}

pub(crate) fn at_commit(said: Option<&OnCommit>, temporary: bool) -> Result<Option<AtCommit>> {
    if said.is_some() && !temporary {
        return Err(Error::new(
            state::INVALID_TABLE_DEFINITION,
            "ON COMMIT can only be used on temporary tables",
        ));
    }
    Ok(match said {
        Some(OnCommit::DeleteRows) => Some(AtCommit::Empty),
        Some(OnCommit::Drop) => Some(AtCommit::Drop),
        Some(OnCommit::PreserveRows) | None => None,
    })
}

/// Does at COMMIT what was said of these tables; those that are no more are left out.
pub(crate) async fn commit(
    transaction: &mut Transaction,
    tables: &mut Vec<(TableId, AtCommit)>,
) -> Result<()> {
    let db = transaction.database().clone();
    let mut kept = Vec::with_capacity(tables.len());
    for (id, action) in tables.iter() {
        let catalog = transaction.catalog();
        let Some(table) = catalog.table_by_id(*id) else {
            continue;
        };
        if *action == AtCommit::Empty {
            kept.push((*id, *action));
            if !transaction.holds_rows_of(table) {
                continue;
            }
        }
        let table = transaction
            .lock_table(*id, TableLock::AccessExclusive, Wait::Block)
            .await?;
        match action {
            AtCommit::Empty => truncate::empty(transaction, &db, &table)?,
            AtCommit::Drop => {
                drop::clear(transaction, &table);
                transaction.change_catalog(CatalogChange::DropTable { id: *id })?;
            }
        }
    }
    *tables = kept;
    Ok(())
}

/// Drops everything in a temporary schema, but not itself.
pub(crate) async fn clear(transaction: &mut Transaction, schema: &str) -> Result<()> {
    transaction.begin_statement();
    let catalog = transaction.catalog();
    for view in catalog.views().filter(|view| view.schema == schema) {
        transaction.change_catalog(CatalogChange::DropView { oid: view.oid })?;
    }
    for table in catalog.tables().filter(|table| table.schema == schema) {
        let table = transaction
            .lock_table(table.id, TableLock::AccessExclusive, Wait::Block)
            .await?;
        drop::clear(transaction, &table);
        transaction.change_catalog(CatalogChange::DropTable { id: table.id })?;
    }
    let sequences = catalog.sequences();
    for sequence in sequences.filter(|sequence| sequence.schema == schema) {
        transaction.forget_sequence(sequence.storage);
        transaction.change_catalog(CatalogChange::DropSequence { id: sequence.id })?;
    }
    Ok(())
}

/// Drops a session's schema after its end.
pub(crate) async fn remove(db: &Arc<Database>, schema: &str) -> Result<()> {
    let mut transaction = db.begin(Isolation::ReadCommitted);
    transaction.lock_name("", schema).await?;
    transaction.begin_statement();
    if !transaction.catalog().has_schema(schema) {
        return Ok(());
    }
    clear(&mut transaction, schema).await?;
    transaction.change_catalog(CatalogChange::DropSchema {
        name: schema.to_owned(),
    })?;
    transaction.commit().await
}

/// What sessions before a crash left behind.
pub(crate) async fn remove_leftovers(db: &Arc<Database>) -> Result<()> {
    let view = db.read();
    let names = view.catalog().schemas().map(|(name, _)| name.to_owned());
    let left: Vec<String> = names.filter(|name| is_temporary_schema(name)).collect();
    for schema in left {
        remove(db, &schema).await?;
    }
    Ok(())
}
