//! TRUNCATE: the table moves to fresh, empty key ranges; the old ones are
//! dropped at COMMIT.

use super::{alter, drop, lock_named, sequence};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{CatalogChange, Privileges, Table};
use orbit_core::database::Database;
use orbit_core::txn::{TableLock, Transaction, Wait};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(crate) async fn run(
    session: &mut Session,
    names: &[Name],
    restart_identity: bool,
    cascade: bool,
) -> Result<Outcome> {
    let mut tables: Vec<Arc<Table>> = Vec::with_capacity(names.len());
    for name in names {
        let table = lock_named(session, name, TableLock::AccessExclusive).await?;
        if !tables.iter().any(|known| known.id == table.id) {
            tables.push(table);
        }
    }
    add_referring(session, &mut tables, cascade).await?;
    for table in &tables {
        alter::refuse_pending(session, table, "TRUNCATE")?;
    }
    let db = session.engine().db().clone();
    for table in tables {
        empty(session.transaction()?, &db, &table)?;
        if restart_identity {
            sequence::restart_owned(session, &table.def)?;
        }
    }
    Ok(Outcome::Done(Tag::Other("TRUNCATE TABLE")))
}

/// Tables that refer to those emptied: emptied too, or in the way.
async fn add_referring(
    session: &mut Session,
    tables: &mut Vec<Arc<Table>>,
    cascade: bool,
) -> Result<()> {
    let mut next = 0;
    while let Some(table) = tables.get(next).cloned() {
        next += 1;
        let catalog = session.transaction()?.current_catalog()?;
        let referring: Vec<_> = catalog.referring(table.id).cloned().collect();
        for other in referring {
            if tables.iter().any(|known| known.id == other.id) {
                continue;
            }
            if !cascade {
                return Err(Error::new(
                    state::FEATURE_NOT_SUPPORTED,
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_detail(format!(
                    "Table \"{}\" references \"{}\".",
                    other.name, table.name
                ))
                .with_hint(format!(
                    "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                    other.name
                )));
            }
            let locked = session
                .transaction()?
                .lock_table(other.id, TableLock::AccessExclusive, Wait::Block)
                .await?;
            session.notice(Error::new(
                state::SUCCESSFUL_COMPLETION,
                format!("truncate cascades to table \"{}\"", locked.name),
            ));
            let catalog = session.transaction()?.current_catalog()?;
            session
                .rights()
                .require(&catalog, &locked.securable(), Privileges::TRUNCATE)?;
            tables.push(locked);
        }
    }
    Ok(())
}

/// Empties a table that is locked against everybody.
pub(crate) fn empty(
    transaction: &mut Transaction,
    db: &Arc<Database>,
    table: &Arc<Table>,
) -> Result<()> {
    let mut def = table.def.clone();
    def.storage = db.new_storage_id();
    for index in &mut def.indexes {
        index.storage = db.new_storage_id();
    }
    def.statistics = None;
    drop::clear(transaction, table);
    transaction.note_truncate(table.id, table.partition);
    transaction.change_catalog(CatalogChange::PutTable(Box::new(def)))
}
