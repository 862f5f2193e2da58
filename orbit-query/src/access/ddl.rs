//! Asked before a statement that is no query starts: who may create, change, drop,
//! empty, lock, copy.
//!
//! The match names every kind of statement there is, so one that is added has to
//! say here what it needs.

use super::need::{NODE_SCHEMA, Need, check as hold};
use super::rights::Rights;
use super::{denied, forbidden, owned};
use crate::copy::options::CopySource;
use crate::ddl::names as made;
use crate::session::Session;
use crate::statement::alter_grammar::Action;
use crate::statement::comment_grammar::Commented;
use crate::statement::names::{self, Name};
use crate::statement::utility::{Dropped, Utility};
use orbit_core::catalog::{Catalog, Privileges, Relation, Securable};
use orbit_core::{Error, Result, state};
use sqlparser::ast::LockTableMode;
use std::sync::Arc;

pub(crate) fn check(session: &mut Session, utility: &Utility) -> Result<()> {
    match utility {
        Utility::Begin { .. }
        | Utility::Commit { .. }
        | Utility::Rollback { .. }
        | Utility::Savepoint(_)
        | Utility::Release(_)
        | Utility::RollbackTo(_)
        | Utility::SetTransaction(_)
        | Utility::SetSnapshot(_)
        | Utility::SetCharacteristics(_)
        | Utility::SetConstraints { .. }
        | Utility::Set { .. }
        | Utility::SetConfig { .. }
        | Utility::Sleep(_)
        | Utility::ExportSnapshot
        | Utility::Reset(_)
        | Utility::Show(_)
        | Utility::Discard { .. }
        | Utility::Prepare { .. }
        | Utility::Deallocate(_)
        // Their statements are asked when they run.
        | Utility::Execute { .. }
        | Utility::Explain(_)
        | Utility::Do(_)
        | Utility::PrepareTransaction
        | Utility::FinishPrepared { .. }
        // So is a cursor's query when it is declared.
        | Utility::Declare(_)
        | Utility::Fetch { .. }
        | Utility::CloseCursor(_)
        | Utility::Positioned { .. }
        | Utility::Listen(_)
        | Utility::Unlisten(_)
        | Utility::Notify { .. }
        // Tables that others own are left out with a warning.
        | Utility::Vacuum { .. }
        // Asked for where it is looked up.
        | Utility::Reindex { .. }
        | Utility::Analyze(_)
        | Utility::Database(_)
        | Utility::Nothing(_) => Ok(()),
        // It holds everything, passwords' verifiers too.
        Utility::Backup => {
            let catalog = know(session);
            let rights = session.rights();
            let role = catalog.role(rights.role);
            match rights.superuser || role.is_some_and(|role| role.replication) {
                true => Ok(()),
                false => Err(forbidden("must be superuser or replication role to back up")),
            }
        }
        // Each of them has rules of its own.
        Utility::Access(_) => {
            know(session);
            Ok(())
        }
        // Everybody may have tables of their own for as long as they are connected.
        Utility::CreateTable(create) if create.temporary => {
            know(session);
            Ok(())
        }
        Utility::CreateTable(create) | Utility::CreateTableLike { create, .. } => {
            creates(session, &Name::of(&create.name)?)
        }
        Utility::CreateIndex(create) => {
            let name = Name::of(&create.table_name)?;
            owns(session, &name)?;
            let catalog = know(session);
            match look_up(session, &catalog, &name)?.and_then(|object| object.schema) {
                Some(schema) => owned::require_create(session, &catalog, schema),
                None => Ok(()),
            }
        }
        Utility::Alter(alter) => {
            owns(session, &alter.name)?;
            let catalog = know(session);
            let object = look_up(session, &catalog, &alter.name)?;
            // A new name is made in a schema, as a new table is.
            alter.actions.iter().try_for_each(|action| match action {
                Action::RenameTo(_) => match object.as_ref().and_then(|object| object.schema) {
                    Some(schema) => owned::require_create(session, &catalog, schema),
                    None => Ok(()),
                },
                Action::SetSchema(schema) => owned::require_create(session, &catalog, schema),
                _ => Ok(()),
            })
        }
        Utility::RenameSchema { from, .. } => {
            let catalog = know(session);
            match catalog.schema(from) {
                Some(schema) => {
                    let rights = session.rights();
                    rights.require_owner(&catalog, &schema.securable())?;
                    // The new name is made in the database, as a new schema is.
                    let database = catalog.database_securable(&session.facts().database);
                    rights.require(&catalog, &database, Privileges::CREATE)
                }
                None => Ok(()),
            }
        }
        Utility::Drop { kind, names, .. } => match kind {
            Dropped::Table | Dropped::Index | Dropped::Sequence | Dropped::View => {
                names.iter().try_for_each(|name| drops(session, name))
            }
            Dropped::Schema => names.iter().try_for_each(|name| {
                let catalog = know(session);
                match catalog.schema(&name.name) {
                    Some(schema) => session
                        .rights()
                        .require_owner(&catalog, &schema.securable()),
                    None => Ok(()),
                }
            }),
        },
        Utility::CreateSchema { .. } => {
            let catalog = know(session);
            let database = session.facts().database.clone();
            let object = catalog.database_securable(&database);
            session
                .rights()
                .require(&catalog, &object, Privileges::CREATE)
        }
        Utility::CreateView(create) if create.temporary => {
            know(session);
            Ok(())
        }
        Utility::CreateView(create) => {
            let name = Name::of(&create.name)?;
            creates(session, &name)?;
            match create.or_replace {
                true => owns(session, &name),
                false => Ok(()),
            }
        }
        Utility::CreateSequence { name, .. } => creates(session, name),
        Utility::AlterSequence { name, .. } => owns(session, name),
        Utility::Comment { object, .. } => comments(session, object),
        Utility::Truncate { tables, .. } => tables.iter().try_for_each(|name| {
            with_relation(session, name, |rights, catalog, object| {
                match catalog.table_by_oid(object.oid) {
                    Some(_) => rights.require(catalog, object, Privileges::TRUNCATE),
                    // The statement itself says that it is no table.
                    None => Ok(()),
                }
            })
        }),
        Utility::Copy(copy) => match &copy.source {
            CopySource::Query(_) => Ok(()),
            CopySource::Table { name, columns } => {
                copies(session, name, columns.as_deref(), copy.from)
            }
        },
        Utility::Lock { tables, mode, .. } => {
            let any = match mode {
                LockTableMode::AccessShare => Privileges::SELECT,
                LockTableMode::RowExclusive => Privileges(
                    Privileges::INSERT.0
                        | Privileges::UPDATE.0
                        | Privileges::DELETE.0
                        | Privileges::TRUNCATE.0,
                ),
                _ => Privileges(
                    Privileges::UPDATE.0 | Privileges::DELETE.0 | Privileges::TRUNCATE.0,
                ),
            };
            tables.iter().try_for_each(|name| {
                with_relation(session, name, |rights, catalog, object| {
                    rights.require_any(catalog, object, any)
                })
            })
        }
    }
}

/// The catalog as it is now, and the session's rights in it.
pub(crate) fn know(session: &mut Session) -> Arc<Catalog> {
    let catalog = session.current_catalog();
    session.identify(&catalog);
    session.note_creator();
    catalog
}

fn creates(session: &mut Session, name: &Name) -> Result<()> {
    let catalog = know(session);
    // What stands in the way besides is told of by the statement itself.
    match made::creation_schema(session, &catalog, name) {
        Ok(schema) => owned::require_create(session, &catalog, &schema),
        Err(_) => Ok(()),
    }
}

/// The relation of that name, its schema open to the session.
fn look_up<'a>(
    session: &Session,
    catalog: &'a Catalog,
    name: &Name,
) -> Result<Option<Securable<'a>>> {
    let rights = session.rights();
    let securable = |relation: Relation<'a>| match relation {
        Relation::Table(table) => table.securable(),
        Relation::View(view) => view.securable(),
        Relation::Sequence(sequence) => sequence.securable(),
        // An index is its table's owner's.
        Relation::Index(table, place) => Securable {
            name: table
                .indexes
                .get(place)
                .map_or("", |index| index.name.as_str()),
            oid: 0,
            ..table.securable()
        },
        Relation::PrimaryKey(table) => Securable {
            name: table
                .primary_key
                .as_ref()
                .map_or("", |key| key.constraint.as_str()),
            oid: 0,
            ..table.securable()
        },
    };
    match &name.schema {
        Some(schema) => {
            rights.require_in_schema(catalog, schema, Privileges::USAGE)?;
            Ok(catalog.relation(schema, &name.name).map(securable))
        }
        None => {
            // The statement itself takes the first of that name, and so must this.
            let mut path = session.settings().search_path().iter();
            let found = path.find_map(|schema| {
                let relation = catalog.relation(schema, &name.name)?;
                Some((schema, relation))
            });
            match found {
                None => Ok(None),
                Some((schema, relation)) if rights.may_use_schema(catalog, schema) => {
                    Ok(Some(securable(relation)))
                }
                // It is there, behind a schema that is closed: as if it weren't.
                Some(_) => Err(names::undefined_table(None, &name.name)),
            }
        }
    }
}

/// Asks of a relation, if there is one; the schema `orbit` is the node's.
fn with_relation(
    session: &mut Session,
    name: &Name,
    ask: impl Fn(&Rights, &Catalog, &Securable<'_>) -> Result<()>,
) -> Result<()> {
    let catalog = know(session);
    let Some(object) = look_up(session, &catalog, name)? else {
        return Ok(());
    };
    let rights = session.rights();
    if object.schema == Some(NODE_SCHEMA) && !rights.internal {
        return Err(denied("table", object.name));
    }
    ask(rights, &catalog, &object)
}

/// Only the owner may.
pub(crate) fn owns(session: &mut Session, name: &Name) -> Result<()> {
    with_relation(session, name, |rights, catalog, object| {
        if object.oid == 0 && !rights.owns(object) {
            return Err(super::not_owner("index", object.name));
        }
        rights.require_owner(catalog, object)
    })
}

fn comments(session: &mut Session, object: &Commented) -> Result<()> {
    match object {
        Commented::Table(name)
        | Commented::View(name)
        | Commented::Sequence(name)
        | Commented::Index(name) => owns(session, name),
        Commented::Column { relation, .. }
        | Commented::Constraint {
            table: relation, ..
        } => with_relation(session, relation, |rights, _, object| {
            match rights.owns(object) {
                true => Ok(()),
                false => Err(super::not_owner("relation", object.name)),
            }
        }),
        Commented::Schema(name) => {
            let catalog = know(session);
            match catalog.schema(name) {
                Some(schema) => session
                    .rights()
                    .require_owner(&catalog, &schema.securable()),
                None => Ok(()),
            }
        }
        Commented::Database(name) => {
            let catalog = know(session);
            let object = catalog.database_securable(name);
            session.rights().require_owner(&catalog, &object)
        }
        Commented::Role(name) => {
            let catalog = know(session);
            let rights = session.rights();
            let makes = catalog
                .role(rights.role)
                .is_some_and(|role| role.create_role);
            let Some(role) = catalog.role_named(name) else {
                return Err(super::roles::no_role(name));
            };
            match rights.superuser || (makes && !role.superuser) {
                true => Ok(()),
                false if role.superuser => Err(forbidden("must be superuser")),
                false => Err(forbidden("must have CREATEROLE privilege")),
            }
        }
    }
}

/// The owner may, and the owner of the schema.
pub(crate) fn drops(session: &mut Session, name: &Name) -> Result<()> {
    let catalog = know(session);
    let Some(object) = look_up(session, &catalog, name)? else {
        return Ok(());
    };
    if object.schema == Some(NODE_SCHEMA) && !session.rights().internal {
        return Err(denied("table", object.name));
    }
    match owned::require_drop(session, &catalog, &object) {
        Err(_) if object.oid == 0 => Err(super::not_owner("index", object.name)),
        other => other,
    }
}

fn copies(
    session: &mut Session,
    name: &Name,
    columns: Option<&[String]>,
    from: bool,
) -> Result<()> {
    let catalog = know(session);
    let Some(table) = name.find(&catalog, session.settings()) else {
        return Ok(());
    };
    let required = match from {
        true => Privileges::INSERT,
        false => Privileges::SELECT,
    };
    let mut need = Need::table(table, required, name.schema.is_some());
    let places = match columns {
        None => (0..table.columns.len()).collect(),
        Some(columns) => columns
            .iter()
            .filter_map(|name| table.column_position(name))
            .collect::<Vec<_>>(),
    };
    for place in places {
        match from {
            true => need.insert(place),
            false => need.select(place),
        }
    }
    hold(&[need], session.rights(), &catalog)
}

/// The tables that VACUUM or ANALYZE may work on; the others with a warning each.
/// `None`: all there are.
pub(crate) fn maintained(
    session: &mut Session,
    names: &[Name],
    verb: &str,
) -> Result<Option<Vec<Name>>> {
    let catalog = know(session);
    let rights = session.rights().clone();
    // The catalogs are made anew for whoever reads them: there is nothing to do for them.
    let stored: Vec<Name> = names
        .iter()
        .filter(|name| !is_of_catalogs(session, &catalog, name))
        .cloned()
        .collect();
    if rights.superuser {
        return Ok((!names.is_empty()).then_some(stored));
    }
    let database = catalog.database_securable("");
    let may = |object: &Securable<'_>| rights.owns(object) || rights.owns(&database);
    if names.is_empty() {
        let own = catalog.tables().filter(|table| may(&table.securable()));
        let own = own.map(|table| Name {
            schema: Some(table.schema.clone()),
            name: table.name.clone(),
        });
        return Ok(Some(own.collect()));
    }
    let mut kept = Vec::new();
    for name in &stored {
        match look_up(session, &catalog, name)? {
            Some(object) if !may(&object) => session.notice(Error::new(
                state::WARNING,
                format!(
                    "permission denied to {verb} \"{}\", skipping it",
                    object.name
                ),
            )),
            _ => kept.push(name.clone()),
        }
    }
    Ok(Some(kept))
}

fn is_of_catalogs(session: &Session, catalog: &Catalog, name: &Name) -> bool {
    match name.schema.as_deref() {
        Some(schema) => matches!(schema, "pg_catalog" | "information_schema"),
        None => {
            name.name.starts_with("pg_")
                && names::look_up(catalog, session.settings(), None, &name.name).is_none()
        }
    }
}
