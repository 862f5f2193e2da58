//! CREATE, DROP, TRUNCATE, ALTER, VACUUM, ANALYZE: each takes its locks, checks,
//! and hands the transaction a change of the catalog. All but VACUUM are part of
//! the transaction like any write.

pub mod alter;
pub mod analyze;
pub mod comment;
pub mod constraints;
pub mod create_table;
pub mod database;
mod defaults;
pub mod deferral;
pub mod dependents;
pub mod drop;
pub mod expressions;
pub mod foreign_keys;
pub mod functions;
pub mod index;
pub mod like;
#[cfg(feature = "datafusion")]
pub mod moments;
pub mod names;
pub mod rebuild;
pub mod schema;
pub mod sequence;
#[cfg(feature = "datafusion")]
mod series;
pub(crate) mod settled;
pub mod temporary;
pub mod truncate;
pub mod types;
pub mod vacuum;
pub mod view;
pub(crate) mod wrong_kind;

use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::Table;
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// Finds a table and locks it; the definition returned is the one the lock protects.
pub(crate) async fn lock_named(
    session: &mut Session,
    name: &Name,
    mode: TableLock,
) -> Result<Arc<Table>> {
    match lock_if_exists(session, name, mode).await? {
        Some(table) => Ok(table),
        None => {
            // An index, a view or a sequence of this name is no table.
            let settings = session.settings().clone();
            let catalog = session.transaction()?.catalog();
            if names::find_index(&catalog, &settings, name).is_some()
                || name.relation(&catalog, &settings).is_some()
            {
                return Err(not_a_table(&name.name));
            }
            Err(crate::statement::names::undefined_table(
                name.schema.as_deref(),
                &name.name,
            ))
        }
    }
}

pub(crate) fn not_a_table(name: &str) -> Error {
    wrong_kind::is_not(name, "a table")
}

pub(crate) async fn lock_if_exists(
    session: &mut Session,
    name: &Name,
    mode: TableLock,
) -> Result<Option<Arc<Table>>> {
    let settings = session.settings().clone();
    let transaction = session.transaction()?;
    // While we wait, the table may be dropped and made anew under the same name.
    loop {
        transaction.begin_statement();
        let catalog = transaction.catalog();
        let Some(found) = name.find(&catalog, &settings) else {
            return Ok(None);
        };
        if matches!(found.schema.as_str(), "pg_catalog" | "information_schema") {
            return Err(Error::new(
                orbit_core::error::SqlState(*b"42501"),
                format!("permission denied: \"{}\" is a system catalog", found.name),
            ));
        }
        match transaction.lock_table(found.id, mode, Wait::Block).await {
            Ok(table) => {
                session.check_again()?;
                return Ok(Some(table));
            }
            Err(error) if error.is(state::UNDEFINED_TABLE) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A notice such as `relation "t" already exists, skipping`.
pub(crate) fn skipping(state: orbit_core::error::SqlState, what: String) -> Error {
    Error::new(state, format!("{what}, skipping"))
}

#[cfg(test)]
mod tests;
