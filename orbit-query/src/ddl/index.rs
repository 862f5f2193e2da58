//! CREATE INDEX: keeps writers away, builds beside, switches at COMMIT.

use super::{constraints, lock_named, names, rebuild, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, Index, Table, TableDef};
use orbit_core::txn::TableLock;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{CreateIndex, IndexType};
use std::sync::Arc;

pub(crate) async fn create(session: &mut Session, create: &CreateIndex) -> Result<Outcome> {
    if create.concurrently {
        session.check_outside_block("CREATE INDEX CONCURRENTLY")?;
    }
    refuse_the_unbuilt(create)?;
    let table = lock_named(session, &Name::of(&create.table_name)?, TableLock::Share).await?;
    let columns = constraints::index_columns(&table, &create.columns)?;
    let named = create.name.as_ref().map(Name::of).transpose()?;
    let mut catalog = session.transaction()?.catalog();
    let name = match named {
        Some(name) => {
            session
                .transaction()?
                .lock_name(&table.schema, &name.name)
                .await?;
            session.transaction()?.begin_statement();
            catalog = session.transaction()?.catalog();
            if names::is_taken(&catalog, &table.schema, &name.name) {
                let what = format!("relation \"{}\" already exists", name.name);
                if create.if_not_exists {
                    session.notice(skipping(state::DUPLICATE_TABLE, what));
                    return Ok(Outcome::Done(Tag::Other("CREATE INDEX")));
                }
                return Err(Error::new(state::DUPLICATE_TABLE, what));
            }
            name.name
        }
        None => {
            let joined = names::joined(
                columns
                    .iter()
                    .filter_map(|column| table.columns.get(column.column))
                    .map(|column| column.name.as_str()),
            );
            names::choose(&table.name, Some(&joined), "idx", |name| {
                names::is_taken(&catalog, &table.schema, name)
            })
        }
    };
    let db = session.engine().db().clone();
    let index = Index {
        id: db.new_index_id(),
        oid: db.new_oid(),
        storage: db.new_storage_id(),
        name,
        columns,
        unique: create.unique,
        constraint: false,
        nulls_not_distinct: create.nulls_distinct == Some(false),
        deferrable: false,
        initially_deferred: false,
        created: db.new_creation_stamp(),
    };
    add(session, &table, index).await?;
    Ok(Outcome::Done(Tag::Other("CREATE INDEX")))
}

/// Adds an index to a locked table and fills it.
pub(super) async fn add(session: &mut Session, table: &Arc<Table>, index: Index) -> Result<()> {
    let name = index.name.clone();
    let mut target: TableDef = table.def.clone();
    target.indexes.push(index);
    if rebuild::is_empty(session, table)? {
        return session
            .transaction()?
            .change_catalog(CatalogChange::PutTable(Box::new(target)));
    }
    rebuild::run(session, table, target, rebuild::Purpose::Index(&name)).await
}

fn refuse_the_unbuilt(create: &CreateIndex) -> Result<()> {
    match &create.using {
        None | Some(IndexType::BTree) => {}
        Some(other) => return Err(Error::unsupported(format!("an index USING {other}"))),
    }
    if create.predicate.is_some() {
        return Err(Error::unsupported("a partial index"));
    }
    if !create.include.is_empty() {
        return Err(Error::unsupported("INCLUDE"));
    }
    if !create.index_options.is_empty() || !create.alter_options.is_empty() {
        return Err(Error::unsupported("this option of CREATE INDEX"));
    }
    Ok(())
}
