//! DROP, ALTER and VALIDATE CONSTRAINT.

use super::{forget_indexes, put};
use crate::ddl::constraints::Timing;
use crate::ddl::{dependents, foreign_keys, rebuild, skipping};
use crate::session::Session;
use orbit_core::catalog::Table;
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

fn missing(table: &Table, name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!(
            "constraint \"{name}\" of relation \"{}\" does not exist",
            table.name
        ),
    )
}

pub(super) async fn drop(
    session: &mut Session,
    table: &Arc<Table>,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Result<()> {
    let mut target = table.def.clone();
    let checks = target.checks.len();
    target.checks.retain(|check| check.name != name);
    let keys = target.foreign_keys.len();
    target.foreign_keys.retain(|key| key.name != name);
    if target.checks.len() < checks || target.foreign_keys.len() < keys {
        return put(session, target);
    }
    let shown = dependents::relation_name(session, &table.schema, &table.name);
    let named = format!("constraint {name} on table {shown}");
    let primary = table.primary_key.as_ref();
    if primary.is_some_and(|key| key.constraint == name) {
        let needed = dependents::of_key(session, table, None, name, &named)?;
        dependents::drop(session, &needed, 1, cascade).await?;
        // A foreign key of the table itself may have gone with it.
        let table = &super::again(session, table)?;
        let mut target = table.def.clone();
        target.primary_key = None;
        // Rows are kept by their key: without one each gets a hidden one.
        if rebuild::is_empty(session, table)? {
            return put(session, target);
        }
        return rebuild::run(session, table, target, rebuild::Purpose::PrimaryKey).await;
    }
    let mut indexes = table.indexes.iter();
    if let Some(index) = indexes.find(|index| index.constraint && index.name == name) {
        let needed = dependents::of_key(session, table, Some(index.id), name, &named)?;
        dependents::drop(session, &needed, 1, cascade).await?;
        let table = &super::again(session, table)?;
        let mut target = table.def.clone();
        target.indexes.retain(|known| known.id != index.id);
        forget_indexes(session, table, &target)?;
        return put(session, target);
    }
    if if_exists {
        let what = missing(table, name).message().to_owned();
        session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
        return Ok(());
    }
    Err(missing(table, name))
}

pub(super) fn alter(
    session: &mut Session,
    table: &Arc<Table>,
    name: &str,
    timing: Timing,
) -> Result<()> {
    let mut target = table.def.clone();
    let mut keys = target.foreign_keys.iter_mut();
    let Some(key) = keys.find(|key| key.name == name) else {
        if crate::ddl::constraints::constraint_is_taken(table, name) {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!(
                    "constraint \"{name}\" of relation \"{}\" is not a foreign key constraint",
                    table.name
                ),
            ));
        }
        return Err(missing(table, name));
    };
    key.deferrable = timing.deferrable;
    key.initially_deferred = timing.initially_deferred;
    put(session, target)
}

pub(super) async fn validate(session: &mut Session, table: &Arc<Table>, name: &str) -> Result<()> {
    let Some(key) = table.foreign_keys.iter().find(|key| key.name == name) else {
        if let Some(place) = table.checks.iter().position(|check| check.name == name) {
            let mut target = table.def.clone();
            // The one that is asked is the last.
            let mut check = target.checks.remove(place);
            if check.validated {
                return Ok(());
            }
            check.validated = true;
            target.checks.push(check);
            return super::add::add_check(session, table, target).await;
        }
        if crate::ddl::constraints::constraint_is_taken(table, name) {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!(
                    "constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint",
                    table.name
                ),
            ));
        }
        return Err(missing(table, name));
    };
    if key.validated {
        return Ok(());
    }
    session
        .transaction()?
        .lock_table(key.referenced, TableLock::ShareRowExclusive, Wait::Block)
        .await?;
    foreign_keys::validate(session, table, key).await?;
    let mut target = table.def.clone();
    for known in &mut target.foreign_keys {
        if known.oid == key.oid {
            known.validated = true;
        }
    }
    put(session, target)
}
