//! TRUNCATE: the table moves to fresh, empty key ranges; the old ones are
//! dropped at COMMIT.

use super::{drop, lock_named, sequence};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::Result;
use orbit_core::catalog::CatalogChange;
use orbit_core::txn::TableLock;

pub(crate) async fn run(
    session: &mut Session,
    names: &[Name],
    restart_identity: bool,
) -> Result<Outcome> {
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        tables.push(lock_named(session, name, TableLock::AccessExclusive).await?);
    }
    let db = session.engine().db().clone();
    for table in tables {
        let mut def = table.def.clone();
        def.storage = db.new_storage_id();
        for index in &mut def.indexes {
            index.storage = db.new_storage_id();
        }
        def.statistics = None;
        let transaction = session.transaction()?;
        drop::clear(transaction, &table);
        transaction.note_truncate(table.id, table.partition);
        transaction.change_catalog(CatalogChange::PutTable(Box::new(def)))?;
        if restart_identity {
            sequence::restart_owned(session, &table.def)?;
        }
    }
    Ok(Outcome::Done(Tag::Other("TRUNCATE TABLE")))
}
