//! What is said of the database, and extensions that are there or never will be.

use crate::access::{not_owner, roles};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::absent_grammar::Absent;
use crate::statement::database_grammar::DatabaseStatement;
use crate::statement::names::undefined_table;
use orbit_core::catalog::role::DATABASE_OWNER;
use orbit_core::{Error, Result, state};

pub(crate) async fn run(session: &mut Session, statement: &DatabaseStatement) -> Result<Outcome> {
    match statement {
        DatabaseStatement::Setting { database, change } => {
            may_alter(session, database.as_deref())?;
            // The database's are kept with the role that stands for its owner.
            let catalog = session.current_catalog();
            let name = catalog.role_name(DATABASE_OWNER);
            let owner = crate::access::statement::RoleName::Named(name);
            let (role, _) = roles::locked(session, &owner).await?;
            let mut changed = (*role).clone();
            roles::change_settings(session, &mut changed.settings, change)?;
            roles::put(session, changed)?;
        }
        DatabaseStatement::Drop { name, if_exists } => drop(session, name, *if_exists)?,
        DatabaseStatement::CreateExtension {
            name,
            if_not_exists,
        } => create_extension(session, name, *if_not_exists)?,
        DatabaseStatement::DropExtension { names, if_exists } => {
            for name in names {
                drop_extension(session, name, *if_exists)?;
            }
        }
        DatabaseStatement::DropAbsent {
            absent, if_exists, ..
        } => {
            for one in absent {
                drop_absent(session, one, *if_exists)?;
            }
        }
        DatabaseStatement::CommentExtension { name, text } => {
            let own = known(name).ok_or_else(|| no_extension(name))?;
            // What dumps say of it is what is said of it already.
            if text.as_deref() != Some(own) {
                return Err(Error::unsupported("COMMENT ON EXTENSION"));
            }
        }
    }
    Ok(Outcome::Done(Tag::Other(statement.tag())))
}

fn no_database(name: &str) -> Error {
    Error::new(
        state::INVALID_CATALOG_NAME,
        format!("database \"{name}\" does not exist"),
    )
}

/// `None`: for all roles, which superusers alone may do.
fn may_alter(session: &mut Session, database: Option<&str>) -> Result<()> {
    let catalog = session.current_catalog();
    session.identify(&catalog);
    let Some(name) = database else {
        return match session.rights().superuser {
            true => Ok(()),
            false => Err(crate::access::forbidden(
                "must be superuser to alter settings globally",
            )),
        };
    };
    if name != session.facts().database {
        return Err(no_database(name));
    }
    match session.rights().owns(&catalog.database_securable(name)) {
        true => Ok(()),
        false => Err(not_owner("database", name)),
    }
}

fn drop(session: &mut Session, name: &str, if_exists: bool) -> Result<()> {
    session.check_outside_block("DROP DATABASE")?;
    if name == session.facts().database {
        return Err(Error::new(
            state::OBJECT_IN_USE,
            "cannot drop the currently open database",
        ));
    }
    if !if_exists {
        return Err(no_database(name));
    }
    session.notice(Error::new(
        state::SUCCESSFUL_COMPLETION,
        format!("database \"{name}\" does not exist, skipping"),
    ));
    Ok(())
}

fn drop_absent(session: &mut Session, absent: &Absent, if_exists: bool) -> Result<()> {
    let mut what = absent.what.clone();
    if let Some((name, kind)) = &absent.relation {
        let catalog = session.current_catalog();
        if let Some(other) = name.relation(&catalog, session.settings()) {
            return Err(super::wrong_kind::not_dropped(&name.name, kind, &other));
        }
    }
    if let Some(on) = &absent.on {
        let catalog = session.current_catalog();
        let of_relation = if_exists || absent.what.starts_with("rule");
        let kind = if of_relation { "relation" } else { "table" };
        match on.relation(&catalog, session.settings()) {
            Some(_) => what = format!("{what} for {kind} \"{}\"", on.name),
            None if if_exists => what = format!("relation \"{}\"", on.name),
            None => return Err(undefined_table(on.schema.as_deref(), &on.name)),
        }
    }
    if !if_exists {
        return Err(Error::new(absent.code, format!("{what} does not exist")));
    }
    session.notice(Error::new(
        state::SUCCESSFUL_COMPLETION,
        format!("{what} does not exist, skipping"),
    ));
    Ok(())
}

/// The extensions whose functions every node has, and what is said of them.
fn known(name: &str) -> Option<&'static str> {
    Some(match name {
        "plpgsql" => "PL/pgSQL procedural language",
        "pgcrypto" => "cryptographic functions",
        "uuid-ossp" => "generate universally unique identifiers (UUIDs)",
        _ => return None,
    })
}

fn no_extension(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("extension \"{name}\" does not exist"),
    )
}

fn create_extension(session: &mut Session, name: &str, if_not_exists: bool) -> Result<()> {
    match name {
        "plpgsql" => {
            let exists = format!("extension \"{name}\" already exists");
            if !if_not_exists {
                return Err(Error::new(state::DUPLICATE_OBJECT, exists));
            }
            session.notice(Error::new(
                state::DUPLICATE_OBJECT,
                format!("{exists}, skipping"),
            ));
            Ok(())
        }
        _ if known(name).is_some() => Ok(()),
        _ => {
            let hint = match name {
                "citext" => "Compare lower(x) instead.",
                _ => "Extensions can't be added to a node.",
            };
            Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("extension \"{name}\" is not available"),
            )
            .with_hint(hint))
        }
    }
}

fn drop_extension(session: &mut Session, name: &str, if_exists: bool) -> Result<()> {
    if name == "plpgsql" {
        return Err(Error::unsupported("DROP EXTENSION plpgsql"));
    }
    if !if_exists {
        return Err(no_extension(name));
    }
    session.notice(Error::new(
        state::SUCCESSFUL_COMPLETION,
        format!("extension \"{name}\" does not exist, skipping"),
    ));
    Ok(())
}
