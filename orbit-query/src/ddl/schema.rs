//! CREATE SCHEMA and DROP SCHEMA.

use super::alter::follow;
use super::dependents::{self, Dependent};
use super::{drop, sequence, skipping, view};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::{BOOTSTRAP_ROLE, CatalogChange, SchemaDef};
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};

pub(crate) async fn create(
    session: &mut Session,
    name: &str,
    if_not_exists: bool,
) -> Result<Outcome> {
    if name.starts_with("pg_") || matches!(name, "information_schema" | "orbit") {
        return Err(Error::new(
            orbit_core::error::SqlState(*b"42939"),
            format!("unacceptable schema name \"{name}\""),
        )
        .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    let oid = session.engine().db().new_oid();
    let transaction = session.transaction()?;
    transaction.lock_name("", name).await?;
    transaction.begin_statement();
    if transaction.catalog().has_schema(name) {
        let what = format!("schema \"{name}\" already exists");
        if !if_not_exists {
            return Err(Error::new(state::DUPLICATE_SCHEMA, what));
        }
        session.notice(skipping(state::DUPLICATE_SCHEMA, what));
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

pub(crate) async fn rename(session: &mut Session, from: &str, to: &str) -> Result<Outcome> {
    let transaction = session.transaction()?;
    transaction.lock_name("", from).await?;
    transaction.lock_name("", to).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let Some(schema) = catalog.schema(from) else {
        return Err(Error::new(
            state::INVALID_SCHEMA_NAME,
            format!("schema \"{from}\" does not exist"),
        ));
    };
    if catalog.has_schema(to) {
        return Err(Error::new(
            state::DUPLICATE_SCHEMA,
            format!("schema \"{to}\" already exists"),
        ));
    }
    if to.starts_with("pg_") || matches!(to, "information_schema" | "orbit") {
        return Err(Error::new(
            orbit_core::error::SqlState(*b"42939"),
            format!("unacceptable schema name \"{to}\""),
        )
        .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    let mut def = (**schema).clone();
    let mut moved = Vec::new();
    for table in catalog.tables().filter(|table| table.schema == from) {
        moved.push(table.id);
    }
    transaction.change_catalog(CatalogChange::DropSchema {
        name: from.to_owned(),
    })?;
    def.name = to.to_owned();
    transaction.change_catalog(CatalogChange::PutSchema(def))?;
    for id in moved {
        let table = transaction
            .lock_table(id, TableLock::AccessExclusive, Wait::Block)
            .await?;
        let mut def = table.def.clone();
        def.schema = to.to_owned();
        transaction.change_catalog(CatalogChange::PutTable(Box::new(def)))?;
    }
    for sequence in catalog.sequences().filter(|one| one.schema == from) {
        let mut def = (**sequence).clone();
        def.schema = to.to_owned();
        transaction.change_catalog(CatalogChange::PutSequence(Box::new(def)))?;
    }
    for view in catalog.views().filter(|view| view.schema == from) {
        let mut def = (**view).clone();
        def.schema = to.to_owned();
        transaction.change_catalog(CatalogChange::PutView(Box::new(def)))?;
    }
    follow::schema(session, from, to)?;
    Ok(Outcome::Done(Tag::Other("ALTER SCHEMA")))
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
    let tables: Vec<_> = catalog
        .tables()
        .filter(|table| table.schema == name)
        .cloned()
        .collect();
    let views: Vec<_> = catalog
        .views()
        .filter(|view| view.schema == name)
        .cloned()
        .collect();
    let sequences: Vec<_> = catalog
        .sequences()
        .filter(|sequence| sequence.schema == name)
        .cloned()
        .collect();
    let free = sequences.iter().filter(|one| one.owned_by.is_none());
    let inside: Vec<String> = tables
        .iter()
        .map(|table| format!("table {name}.{}", table.name))
        .chain(free.map(|one| format!("sequence {name}.{}", one.name)))
        .chain(
            views
                .iter()
                .map(|view| format!("view {name}.{}", view.name)),
        )
        .collect();
    let outside = dependents::outside(session, &tables, &views)?;
    if !inside.is_empty() && !cascade {
        let lines = inside
            .iter()
            .map(|object| format!("{object} depends on schema {name}"))
            .chain(outside.iter().map(Dependent::line))
            .collect();
        return Err(dependents::needed(&format!("schema {name}"), lines));
    }
    let going = inside.iter().map(String::as_str);
    dependents::tell(session, going.chain(outside.iter().map(Dependent::shown)));
    dependents::drop_quietly(session, &outside).await?;
    for table in tables {
        let transaction = session.transaction()?;
        let table = transaction
            .lock_table(table.id, TableLock::AccessExclusive, Wait::Block)
            .await?;
        for view in view::readers(&transaction.catalog(), table.oid) {
            transaction.change_catalog(CatalogChange::DropView { oid: view.oid })?;
        }
        drop::clear(transaction, &table);
        transaction.change_catalog(CatalogChange::DropTable { id: table.id })?;
    }
    let transaction = session.transaction()?;
    for view in views {
        for reader in view::readers(&transaction.catalog(), view.oid) {
            transaction.change_catalog(CatalogChange::DropView { oid: reader.oid })?;
        }
        transaction.change_catalog(CatalogChange::DropView { oid: view.oid })?;
    }
    for one in sequences {
        sequence::forget(session, &one)?;
    }
    let transaction = session.transaction()?;
    transaction.change_catalog(CatalogChange::DropSchema {
        name: name.to_owned(),
    })
}
