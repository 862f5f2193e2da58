//! CREATE SCHEMA and DROP SCHEMA.

use super::{drop, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{BOOTSTRAP_ROLE, CatalogChange, SchemaDef};
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};

const DUPLICATE_SCHEMA: orbit_core::error::SqlState = orbit_core::error::SqlState(*b"42P06");
const DEPENDENT_OBJECTS: orbit_core::error::SqlState = orbit_core::error::SqlState(*b"2BP01");

pub(crate) async fn create(
    session: &mut Session,
    name: &str,
    if_not_exists: bool,
) -> Result<Outcome> {
    if name.starts_with("pg_") || matches!(name, "information_schema" | "orbit") {
        return Err(Error::new(
            orbit_core::error::SqlState(*b"42939"),
            format!("unacceptable schema name \"{name}\""),
        ));
    }
    let oid = session.engine().db().new_oid();
    let transaction = session.transaction()?;
    transaction.lock_name("", name).await?;
    transaction.begin_statement();
    if transaction.catalog().has_schema(name) {
        let what = format!("schema \"{name}\" already exists");
        if !if_not_exists {
            return Err(Error::new(DUPLICATE_SCHEMA, what));
        }
        session.notice(skipping(DUPLICATE_SCHEMA, what));
        return Ok(Outcome::Done(Tag::Other("CREATE SCHEMA")));
    }
    transaction.change_catalog(CatalogChange::PutSchema(SchemaDef {
        name: name.to_owned(),
        oid,
        owner: BOOTSTRAP_ROLE,
        acl: None,
    }))?;
    Ok(Outcome::Done(Tag::Other("CREATE SCHEMA")))
}

pub(crate) async fn drop(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    for name in names {
        drop_one(session, &name.name, if_exists, cascade).await?;
    }
    Ok(Outcome::Done(Tag::Other("DROP SCHEMA")))
}

async fn drop_one(session: &mut Session, name: &str, if_exists: bool, cascade: bool) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.lock_name("", name).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    if !catalog.has_schema(name) {
        let what = format!("schema \"{name}\" does not exist");
        if if_exists {
            session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            return Ok(());
        }
        return Err(Error::new(state::INVALID_SCHEMA_NAME, what));
    }
    let inside: Vec<_> = catalog
        .tables()
        .filter(|table| table.schema == name)
        .cloned()
        .collect();
    if let (Some(first), false) = (inside.first(), cascade) {
        return Err(Error::new(
            DEPENDENT_OBJECTS,
            format!("cannot drop schema {name} because other objects depend on it"),
        )
        .with_detail(format!(
            "table {name}.{} depends on schema {name}",
            first.name
        ))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    for table in inside {
        let table = transaction
            .lock_table(table.id, TableLock::AccessExclusive, Wait::Block)
            .await?;
        drop::clear(transaction, &table);
        transaction.change_catalog(CatalogChange::DropTable { id: table.id })?;
    }
    transaction.change_catalog(CatalogChange::DropSchema {
        name: name.to_owned(),
    })
}
