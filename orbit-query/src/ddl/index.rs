//! CREATE INDEX: keeps writers away, builds beside, switches at COMMIT.

use super::{constraints, lock_named, names, rebuild, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::{Name, fold};
use crate::statement::utility::Reindexed;
use orbit_core::catalog::{CatalogChange, Index, Relation, Table, TableDef};
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
    let include = included(&table, create)?;
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
                    .map(|column| column.column)
                    .chain(include.iter().copied())
                    .filter_map(|place| table.columns.get(place))
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
        include,
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

/// REINDEX: what is named must be there, and the role's own.
pub(crate) fn rebuilt(
    session: &mut Session,
    kind: Option<Reindexed>,
    name: Option<&Name>,
    concurrently: bool,
) -> Result<()> {
    if concurrently {
        session.check_outside_block("REINDEX CONCURRENTLY")?;
    }
    let settings = session.settings().clone();
    let catalog = session.transaction()?.catalog();
    let rights = session.rights().clone();
    match (kind, name) {
        (Some(Reindexed::Schema), Some(name)) => match catalog.schema(&name.name) {
            Some(schema) => rights.require_owner(&catalog, &schema.securable()),
            None => Err(Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{}\" does not exist", name.name),
            )),
        },
        (Some(kind), Some(name)) => {
            let found = name.relation(&catalog, &settings);
            let missing = || {
                Error::new(
                    state::UNDEFINED_TABLE,
                    format!("relation \"{}\" does not exist", name.name),
                )
            };
            let wrong = |what: &str| {
                Err(Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not {what}", name.name),
                ))
            };
            match (kind, found.ok_or_else(missing)?) {
                (Reindexed::Table, Relation::Table(table))
                | (Reindexed::Index, Relation::Index(table, _) | Relation::PrimaryKey(table)) => {
                    rights.require_owner(&catalog, &table.securable())
                }
                (Reindexed::Index, _) => wrong("an index"),
                (_, _) => wrong("a table or materialized view"),
            }
        }
        (None, Some(name)) if name.name != session.facts().database => Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "can only reindex the currently open database",
        )),
        (None, _) => {
            session.check_outside_block("REINDEX DATABASE")?;
            let database = catalog.database_securable(&session.facts().database);
            rights.require_owner(&catalog, &database)
        }
        (Some(_), None) => Err(Error::internal("REINDEX without a name")),
    }
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

/// The columns of INCLUDE.
fn included(table: &Table, create: &CreateIndex) -> Result<Vec<usize>> {
    let places = create.include.iter().map(|ident| {
        let name = fold(ident);
        table.column_position(&name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{name}\" does not exist"),
            )
        })
    });
    places.collect()
}

fn refuse_the_unbuilt(create: &CreateIndex) -> Result<()> {
    match &create.using {
        None | Some(IndexType::BTree) => {}
        Some(other) => return Err(Error::unsupported(format!("an index USING {other}"))),
    }
    if create.predicate.is_some() {
        return Err(Error::unsupported("a partial index"));
    }
    if !create.index_options.is_empty() || !create.alter_options.is_empty() {
        return Err(Error::unsupported("this option of CREATE INDEX"));
    }
    Ok(())
}
