//! GRANT and REVOKE of privileges.
//!
//! A grant is kept per grantee, grantor and column. Who revokes takes back what
//! was given by the role he acts for, and with it what was passed on from there:
//! RESTRICT refuses where something was, CASCADE takes that too.

mod acl;
mod defaults;
mod objects;

use super::denied;
use super::rights::word;
use super::roles::resolve;
use super::statement::{Grant as Statement, RoleName};
use crate::session::Session;
use acl::{give, grantor, take};
pub(crate) use defaults::defaults;
use objects::{SYSTEM_COLUMNS, columns, find, kind_word, system_column};
pub(crate) use objects::{database, relation};
use orbit_core::catalog::access::COLUMN_PRIVILEGES;
use orbit_core::catalog::{
    Catalog, CatalogChange, CreationStamp, Grant, Held, ObjectKind, PUBLIC, Privileges, Securable,
};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// Stands before the numbers of objects among the names that are locked.
const GRANTS: &str = "\0grants";

/// What is to be given or taken, once its words are understood for one kind of object.
struct Order {
    grant: bool,
    option: bool,
    cascade: bool,
    grantees: Vec<Oid>,
    /// ALL: what can't be given is left out rather than warned of.
    all: bool,
}

/// A change of an object's grants: on the whole of it, or on one column.
struct Part {
    privileges: Privileges,
    column: Option<(CreationStamp, String)>,
}

pub(crate) async fn run(session: &mut Session, statement: &Statement) -> Result<()> {
    let catalog = session.current_catalog();
    let objects = find(session, &catalog, &statement.on)?;
    let grantees = grantees(session, &catalog, statement)?;
    if let Some(by) = &statement.by
        && resolve(session, &catalog, by)?.oid != session.rights().role
    {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "grantor must be current user",
        ));
    }
    let order = Order {
        grant: statement.grant,
        option: statement.option,
        cascade: statement.cascade,
        grantees,
        all: statement.privileges.is_none(),
    };
    for oid in objects {
        change(session, oid, statement, &order).await?;
    }
    Ok(())
}

fn grantees(session: &Session, catalog: &Catalog, statement: &Statement) -> Result<Vec<Oid>> {
    let mut oids = Vec::with_capacity(statement.to.len());
    for role in &statement.to {
        let oid = match role {
            RoleName::Public if statement.grant && statement.option => {
                return Err(Error::new(
                    state::INVALID_GRANT_OPERATION,
                    "grant options can only be granted to roles",
                ));
            }
            RoleName::Public => PUBLIC,
            role => resolve(session, catalog, role)?.oid,
        };
        if !oids.contains(&oid) {
            oids.push(oid);
        }
    }
    Ok(oids)
}

/// One object's new grants.
async fn change(
    session: &mut Session,
    oid: Oid,
    statement: &Statement,
    order: &Order,
) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.lock_name(GRANTS, &oid.to_string()).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let object = catalog
        .securable(oid)
        .ok_or_else(|| Error::internal("an object that is gone"))?;
    let parts = parts(session, &catalog, &object, statement)?;
    let mut acl = object.grants();
    let mut changed = false;
    for part in &parts {
        changed |= apply(session, &catalog, &object, &mut acl, part, order)?;
    }
    if !changed {
        return Ok(());
    }
    let owner = object.owner;
    session
        .transaction()?
        .change_catalog(CatalogChange::Access {
            object: oid,
            owner,
            acl: Some(acl),
        })
}

fn parts(
    session: &Session,
    catalog: &Catalog,
    object: &Securable<'_>,
    statement: &Statement,
) -> Result<Vec<Part>> {
    let _ = session;
    let all = object.kind.all();
    let columns = columns(catalog, object.oid);
    let column = |name: &String| {
        let found = columns.iter().find(|(known, _)| known == name);
        let (name, stamp) = found.ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    object.name
                ),
            )
        })?;
        Ok::<_, Error>(Some((*stamp, name.clone())))
    };
    let mut whole = Privileges::default();
    let mut parts: Vec<Part> = Vec::new();
    let mut on_column = |name: &String, privileges: Privileges| -> Result<()> {
        if object.kind != ObjectKind::Relation {
            return Err(Error::new(
                state::INVALID_GRANT_OPERATION,
                "column privileges are only valid for relations",
            ));
        }
        parts.push(Part {
            privileges,
            column: column(name)?,
        });
        Ok(())
    };
    match &statement.privileges {
        None if statement.all_columns.is_empty() => whole = all,
        None => {
            for name in &statement.all_columns {
                on_column(name, COLUMN_PRIVILEGES)?;
            }
        }
        Some(wanted) => {
            for one in wanted {
                if one.columns.is_empty() {
                    if !all.contains(one.privilege) {
                        let kind = match (object.kind, one.privilege) {
                            // It might have been a sequence.
                            (ObjectKind::Relation, Privileges::USAGE) => "table",
                            (kind, _) => kind_word(kind),
                        };
                        return Err(Error::new(
                            state::INVALID_GRANT_OPERATION,
                            format!("invalid privilege type {} for {kind}", one.word),
                        ));
                    }
                    whole = whole.with(one.privilege);
                    continue;
                }
                if !COLUMN_PRIVILEGES.contains(one.privilege) {
                    return Err(Error::new(
                        state::INVALID_GRANT_OPERATION,
                        format!("invalid privilege type {} for column", one.word),
                    ));
                }
                for name in &one.columns {
                    on_column(name, one.privilege)?;
                }
            }
        }
    }
    if !whole.is_empty() {
        parts.insert(
            0,
            Part {
                privileges: whole,
                column: None,
            },
        );
        // What is taken of the whole is taken of every column.
        if !statement.grant && object.kind == ObjectKind::Relation {
            let by_column = Privileges(whole.0 & COLUMN_PRIVILEGES.0);
            let system = match catalog.view_by_oid(object.oid) {
                Some(_) => &[][..],
                None => SYSTEM_COLUMNS,
            };
            let system = system.iter().enumerate();
            let system = system.map(|(nth, name)| ((*name).to_owned(), system_column(nth)));
            for (name, stamp) in system.chain(columns.iter().cloned()) {
                if !by_column.is_empty() {
                    parts.push(Part {
                        privileges: by_column,
                        column: Some((stamp, name)),
                    });
                }
            }
        }
    }
    Ok(parts)
}

/// Changes `acl`; false where there was nothing to change.
fn apply(
    session: &mut Session,
    catalog: &Catalog,
    object: &Securable<'_>,
    acl: &mut Vec<Grant>,
    part: &Part,
    order: &Order,
) -> Result<bool> {
    let (grantor, may) = grantor(session, catalog, object, acl, part);
    if may.is_empty() {
        // Who has nothing at all there isn't told more.
        let rights = session.rights();
        let stamp = part.column.as_ref().map(|(stamp, _)| *stamp);
        let whole: Held = catalog.held_by(&rights.roles, object, None);
        let here = catalog.held_by(&rights.roles, object, stamp);
        let counts = match part.column {
            Some(_) => COLUMN_PRIVILEGES,
            None => object.kind.all(),
        };
        let held = whole.privileges.with(here.privileges);
        let nothing = !held.intersects(counts);
        if nothing {
            return Err(match &part.column {
                Some((_, column)) => Error::new(
                    state::INSUFFICIENT_PRIVILEGE,
                    format!(
                        "permission denied for column \"{column}\" of relation \"{}\"",
                        object.name
                    ),
                ),
                // Whatever kind of relation it is.
                None => denied(
                    match object.kind {
                        ObjectKind::Relation => "table",
                        _ => word(catalog, object),
                    },
                    object.name,
                ),
            });
        }
    }
    if !may.contains(part.privileges) {
        let (code, what) = match (order.grant, may.is_empty()) {
            (true, true) => (state::PRIVILEGE_NOT_GRANTED, "no privileges were granted"),
            (true, false) => (
                state::PRIVILEGE_NOT_GRANTED,
                "not all privileges were granted",
            ),
            (false, true) => (
                state::PRIVILEGE_NOT_REVOKED,
                "no privileges could be revoked",
            ),
            (false, false) => (
                state::PRIVILEGE_NOT_REVOKED,
                "not all privileges could be revoked",
            ),
        };
        if !(order.all && !may.is_empty()) {
            let place = match &part.column {
                Some((_, column)) => {
                    format!("column \"{column}\" of relation \"{}\"", object.name)
                }
                None => format!("\"{}\"", object.name),
            };
            session.notice(Error::new(code, format!("{what} for {place}")));
        }
    }
    if may.is_empty() {
        return Ok(false);
    }
    let stamp = part.column.as_ref().map(|(stamp, _)| *stamp);
    for grantee in &order.grantees {
        match order.grant {
            true => give(acl, *grantee, grantor, may, order.option, stamp),
            false => take(
                acl,
                *grantee,
                grantor,
                may,
                order.option,
                stamp,
                order.cascade,
                object.owner,
            )?,
        }
    }
    Ok(true)
}
