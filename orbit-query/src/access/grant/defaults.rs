//! ALTER DEFAULT PRIVILEGES.

use super::acl::{give, take};
use super::grantees;
use super::objects::kind_word;
use crate::access::statement::{Grant as Statement, Objects, RoleName};
use crate::access::{forbidden, roles};
use crate::session::Session;
use orbit_core::catalog::{CatalogChange, DefaultGrants, Grant, ObjectKind, Privileges, Securable};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// ALTER DEFAULT PRIVILEGES.
pub(crate) async fn defaults(
    session: &mut Session,
    makers: &[RoleName],
    schemas: &[String],
    statement: &Statement,
) -> Result<()> {
    let Objects::Kind(kind) = statement.on else {
        return Err(Error::internal(
            "default privileges are for kinds of objects",
        ));
    };
    if kind == ObjectKind::Schema && !schemas.is_empty() {
        return Err(Error::new(
            state::INVALID_GRANT_OPERATION,
            "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS",
        ));
    }
    let catalog = session.current_catalog();
    let grantees = grantees(session, &catalog, statement)?;
    let mut privileges = Privileges::default();
    match &statement.privileges {
        None => privileges = kind.all(),
        Some(wanted) => {
            for one in wanted {
                if !one.columns.is_empty() {
                    return Err(Error::new(
                        state::INVALID_GRANT_OPERATION,
                        "default privileges cannot be set for columns",
                    ));
                }
                if !kind.all().contains(one.privilege) {
                    return Err(Error::new(
                        state::INVALID_GRANT_OPERATION,
                        format!(
                            "invalid privilege type {} for {}",
                            one.word,
                            kind_word(kind)
                        ),
                    ));
                }
                privileges = privileges.with(one.privilege);
            }
        }
    }
    let mut places: Vec<Option<Oid>> = Vec::new();
    for schema in schemas {
        let found = catalog.schema(schema).ok_or_else(|| {
            Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{schema}\" does not exist"),
            )
        })?;
        places.push(Some(found.oid));
    }
    if places.is_empty() {
        places.push(None);
    }
    let own = [RoleName::Current];
    let makers = if makers.is_empty() { &own } else { makers };
    for maker in makers {
        let (role, _) = roles::locked(session, maker).await?;
        let rights = session.rights();
        if !catalog.is_member_of(rights.role, role.oid) {
            return Err(forbidden(format!(
                "must be member of role \"{}\"",
                role.name
            )));
        }
        let mut role = (*role).clone();
        for place in &places {
            let known = role
                .defaults
                .iter()
                .position(|known| known.schema == *place && known.kind == kind);
            let mut acl = match known {
                Some(known) => role.defaults.swap_remove(known).acl,
                // For every schema it is the whole of an object's first grants; for one
                // schema it is what is added to them.
                None if place.is_none() => built_in(kind, role.oid),
                None => Vec::new(),
            };
            for grantee in &grantees {
                match statement.grant {
                    true => give(
                        &mut acl,
                        *grantee,
                        role.oid,
                        privileges,
                        statement.option,
                        None,
                    ),
                    false => take(
                        &mut acl,
                        *grantee,
                        role.oid,
                        privileges,
                        statement.option,
                        None,
                        statement.cascade,
                        role.oid,
                    )?,
                }
            }
            let plain = match place {
                None => same(&acl, &built_in(kind, role.oid)),
                Some(_) => acl.is_empty(),
            };
            if !plain {
                role.defaults.push(DefaultGrants {
                    schema: *place,
                    kind,
                    acl,
                });
            }
        }
        session
            .transaction()?
            .change_catalog(CatalogChange::PutRole(Box::new(role)))?;
    }
    Ok(())
}

fn built_in(kind: ObjectKind, owner: Oid) -> Vec<Grant> {
    let object = Securable {
        oid: 0,
        kind,
        schema: None,
        name: "",
        owner,
        acl: None,
    };
    object.default_grants()
}

fn same(a: &[Grant], b: &[Grant]) -> bool {
    a.len() == b.len() && a.iter().all(|grant| b.contains(grant))
}
