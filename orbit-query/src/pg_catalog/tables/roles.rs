//! Roles, memberships, and what sessions of a role start with.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{CatalogContext, DATABASE};
use crate::pg_catalog::definitions::acl;
use orbit_core::catalog::role::DATABASE_OWNER;
use orbit_core::catalog::{ObjectKind, Role};

/// Shown to everybody in place of whatever stands for a password.
const HIDDEN: &str = "********";

fn valid_until(role: &Role) -> Cell {
    role.valid_until.map_or(Cell::Null, Cell::Micros)
}

/// `name=value`, one a setting.
fn settings(role: &Role) -> Cell {
    if role.settings.is_empty() {
        return Cell::Null;
    }
    let pairs = role.settings.iter();
    Cell::Texts(
        pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
    )
}

/// What stands for a password, where only superusers look: dumps of roles carry it on.
fn verifier(role: &Role) -> Cell {
    match &role.verifier {
        Some(verifier) => verifier.0.as_str().into(),
        None => Cell::Null,
    }
}

pub fn pg_authid(context: &CatalogContext, rows: &mut Rows) {
    for role in context.catalog().roles() {
        rows.add([
            ("oid", role.oid.into()),
            ("rolname", role.name.as_str().into()),
            ("rolsuper", role.superuser.into()),
            ("rolinherit", role.inherit.into()),
            ("rolcreaterole", role.create_role.into()),
            ("rolcreatedb", role.create_db.into()),
            ("rolcanlogin", role.login.into()),
            ("rolreplication", role.replication.into()),
            ("rolbypassrls", role.bypass_rls.into()),
            ("rolconnlimit", role.connection_limit.into()),
            ("rolpassword", verifier(role)),
            ("rolvaliduntil", valid_until(role)),
        ]);
    }
}

pub fn pg_roles(context: &CatalogContext, rows: &mut Rows) {
    for role in context.catalog().roles() {
        rows.add([
            ("oid", role.oid.into()),
            ("rolname", role.name.as_str().into()),
            ("rolsuper", role.superuser.into()),
            ("rolinherit", role.inherit.into()),
            ("rolcreaterole", role.create_role.into()),
            ("rolcreatedb", role.create_db.into()),
            ("rolcanlogin", role.login.into()),
            ("rolreplication", role.replication.into()),
            ("rolbypassrls", role.bypass_rls.into()),
            ("rolconnlimit", role.connection_limit.into()),
            ("rolpassword", HIDDEN.into()),
            ("rolvaliduntil", valid_until(role)),
            ("rolconfig", settings(role)),
        ]);
    }
}

pub fn pg_user(context: &CatalogContext, rows: &mut Rows) {
    users(context, rows, |_| HIDDEN.into());
}

pub fn pg_shadow(context: &CatalogContext, rows: &mut Rows) {
    users(context, rows, verifier);
}

fn users(context: &CatalogContext, rows: &mut Rows, password: impl Fn(&Role) -> Cell) {
    for role in context.catalog().roles().filter(|role| role.login) {
        rows.add([
            ("usename", role.name.as_str().into()),
            ("usesysid", role.oid.into()),
            ("usecreatedb", role.create_db.into()),
            ("usesuper", role.superuser.into()),
            ("userepl", role.replication.into()),
            ("usebypassrls", role.bypass_rls.into()),
            ("passwd", password(role)),
            ("valuntil", valid_until(role)),
            ("useconfig", settings(role)),
        ]);
    }
}

pub fn pg_group(context: &CatalogContext, rows: &mut Rows) {
    let catalog = context.catalog();
    for role in catalog.roles().filter(|role| !role.login) {
        let members = catalog.roles().filter(|member| {
            let mut of = member.member_of.iter();
            of.any(|of| of.role == role.oid)
        });
        rows.add([
            ("groname", role.name.as_str().into()),
            ("grosysid", role.oid.into()),
            (
                "grolist",
                Cell::Ints(members.map(|member| i64::from(member.oid)).collect()),
            ),
        ]);
    }
}

pub fn pg_auth_members(context: &CatalogContext, rows: &mut Rows) {
    for member in context.catalog().roles() {
        for of in &member.member_of {
            rows.add([
                ("roleid", of.role.into()),
                ("member", member.oid.into()),
                ("grantor", of.grantor.into()),
                ("admin_option", of.admin.into()),
            ]);
        }
    }
}

pub fn pg_db_role_setting(context: &CatalogContext, rows: &mut Rows) {
    for role in context.catalog().roles() {
        if !role.settings.is_empty() {
            let (database, of) = match role.oid {
                DATABASE_OWNER => (DATABASE, 0),
                of => (0, of),
            };
            rows.add([
                ("setdatabase", database.into()),
                ("setrole", of.into()),
                ("setconfig", settings(role)),
            ]);
        }
    }
}

/// What ALTER DEFAULT PRIVILEGES changed: a row for each role, schema and kind of object.
pub fn pg_default_acl(context: &CatalogContext, rows: &mut Rows) {
    for role in context.catalog().roles() {
        for (nth, defaults) in role.defaults.iter().enumerate() {
            let (place, kind) = match defaults.kind {
                ObjectKind::Relation => (0, "r"),
                ObjectKind::Sequence => (1, "S"),
                ObjectKind::Function => (2, "f"),
                ObjectKind::Type => (3, "T"),
                ObjectKind::Schema => (4, "n"),
                ObjectKind::Database => continue,
            };
            // It has no oid of its own; nothing refers to it, and no two are alike.
            let own = u32::try_from(nth * 8 + place).unwrap_or(u32::MAX);
            rows.add([
                ("oid", role.oid.rotate_left(12).wrapping_add(own).into()),
                ("defaclrole", role.oid.into()),
                ("defaclnamespace", defaults.schema.unwrap_or(0).into()),
                ("defaclobjtype", kind.into()),
                ("defaclacl", acl(context, defaults.acl.iter()).into()),
            ]);
        }
    }
}
