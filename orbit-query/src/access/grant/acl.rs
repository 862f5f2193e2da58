//! Privileges given and taken in one list of grants, as PostgreSQL keeps an `aclitem[]`.

use super::Part;
use crate::session::Session;
use orbit_core::catalog::{Catalog, CreationStamp, Grant, PUBLIC, Privileges, Securable};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// Who grants: the role itself, or a role it has the rights of that may; PostgreSQL's
/// `select_best_grantor`. Returns who, and what he may give.
pub(super) fn grantor(
    session: &Session,
    catalog: &Catalog,
    object: &Securable<'_>,
    acl: &[Grant],
    part: &Part,
) -> (Oid, Privileges) {
    let rights = session.rights();
    let wanted = part.privileges;
    if rights.owns(object) {
        return (object.owner, wanted);
    }
    let stamp = part.column.as_ref().map(|(stamp, _)| *stamp);
    let of = |role: Oid| {
        let mut may = Privileges::default();
        for grant in acl {
            let covers = grant.column.is_none() || grant.column == stamp;
            if grant.grantee == role && covers {
                may = may.with(grant.grantable);
            }
        }
        Privileges(may.0 & wanted.0)
    };
    let best = rights
        .roles
        .iter()
        .map(|role| (*role, of(*role)))
        .max_by_key(|(role, may)| (may.0.count_ones(), *role == rights.role));
    let _ = catalog;
    best.unwrap_or((rights.role, Privileges::default()))
}

pub(super) fn give(
    acl: &mut Vec<Grant>,
    grantee: Oid,
    grantor: Oid,
    privileges: Privileges,
    option: bool,
    column: Option<CreationStamp>,
) {
    let grantable = if option { privileges } else { Privileges(0) };
    let known = acl.iter_mut().find(|grant| {
        grant.grantee == grantee && grant.grantor == grantor && grant.column == column
    });
    match known {
        Some(grant) => {
            grant.privileges = grant.privileges.with(privileges);
            grant.grantable = grant.grantable.with(grantable);
        }
        None => acl.push(Grant {
            grantee,
            grantor,
            privileges,
            grantable,
            column,
        }),
    }
}

#[allow(clippy::too_many_arguments)]
pub(super) fn take(
    acl: &mut Vec<Grant>,
    grantee: Oid,
    grantor: Oid,
    privileges: Privileges,
    option_only: bool,
    column: Option<CreationStamp>,
    cascade: bool,
    owner: Oid,
) -> Result<()> {
    let Some(grant) = acl.iter_mut().find(|grant| {
        grant.grantee == grantee && grant.grantor == grantor && grant.column == column
    }) else {
        return Ok(());
    };
    if !option_only {
        grant.privileges = grant.privileges.without(privileges);
    }
    grant.grantable = grant.grantable.without(privileges);
    acl.retain(|grant| !grant.privileges.is_empty());
    // What the grantee passed on and may not pass on any more. An owner always may.
    if grantee == owner || grantee == PUBLIC {
        return Ok(());
    }
    let still = acl
        .iter()
        .filter(|grant| {
            grant.grantee == grantee && (grant.column.is_none() || grant.column == column)
        })
        .fold(Privileges(0), |sum, grant| sum.with(grant.grantable));
    let lost = privileges.without(still);
    let below: Vec<_> = acl
        .iter()
        .filter(|grant| {
            grant.grantor == grantee
                && (grant.column == column || column.is_none())
                && grant.privileges.intersects(lost)
        })
        .map(|grant| (grant.grantee, grant.column))
        .collect();
    if below.is_empty() {
        return Ok(());
    }
    if !cascade {
        return Err(Error::new(
            state::DEPENDENT_OBJECTS_STILL_EXIST,
            "dependent privileges exist",
        )
        .with_hint("Use CASCADE to revoke them too."));
    }
    // Every step takes something away, so circles end.
    for (next, at) in below {
        take(acl, next, grantee, lost, false, at, true, owner)?;
    }
    Ok(())
}
