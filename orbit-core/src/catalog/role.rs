//! Roles: who there is, what each may do beyond its grants, and whose member it is.

use super::{BOOTSTRAP_ROLE, Grant};
use crate::types::Oid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The name of the superuser that a new database starts with. It has no password.
pub const BOOTSTRAP_ROLE_NAME: &str = "orbit";

/// What stands in place of a password. Opaque here, and never printed by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier(pub String);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub oid: Oid,
    pub name: String,
    pub superuser: bool,
    /// Uses what the roles may do that it is a member of, without SET ROLE.
    pub inherit: bool,
    pub create_role: bool,
    pub create_db: bool,
    pub login: bool,
    pub replication: bool,
    pub bypass_rls: bool,
    /// -1: none.
    pub connection_limit: i32,
    /// `None`: there is no password that would let it in.
    pub verifier: Option<Verifier>,
    /// Microseconds since 1970 after which the password isn't good any more.
    pub valid_until: Option<i64>,
    /// ALTER ROLE ... SET: what its sessions start with.
    pub settings: BTreeMap<String, String>,
    pub member_of: Vec<Membership>,
    /// ALTER DEFAULT PRIVILEGES: what objects that it makes start with.
    pub defaults: Vec<DefaultGrants>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub role: Oid,
    pub grantor: Oid,
    /// WITH ADMIN OPTION: may give the membership on.
    pub admin: bool,
}

/// What kind of object a grant is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectKind {
    /// Tables and views.
    Relation,
    Sequence,
    Schema,
    Database,
    Function,
    Type,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultGrants {
    /// `None`: in every schema.
    pub schema: Option<Oid>,
    pub kind: ObjectKind,
    pub acl: Vec<Grant>,
}

/// The one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDef {
    pub owner: Oid,
    pub acl: Option<Vec<Grant>>,
}

impl Default for DatabaseDef {
    fn default() -> Self {
        DatabaseDef {
            owner: BOOTSTRAP_ROLE,
            acl: None,
        }
    }
}

/// The oid of the database, as pg_database shows it.
pub const DATABASE: Oid = 5;

/// Every relation may be read by its members.
pub const READ_ALL_DATA: Oid = 6181;
/// Every relation may be written by its members.
pub const WRITE_ALL_DATA: Oid = 6182;
/// Its one member is the owner of the database.
pub const DATABASE_OWNER: Oid = 6171;
pub const MONITOR: Oid = 3373;
pub const READ_ALL_STATS: Oid = 3375;
pub const SIGNAL_BACKEND: Oid = 4200;

/// Roles that are always there, with PostgreSQL's oids.
const PREDEFINED: &[(Oid, &str, &[Oid])] = &[
    (DATABASE_OWNER, "pg_database_owner", &[]),
    (READ_ALL_DATA, "pg_read_all_data", &[]),
    (WRITE_ALL_DATA, "pg_write_all_data", &[]),
    (MONITOR, "pg_monitor", &[3374, READ_ALL_STATS, 3377]),
    (3374, "pg_read_all_settings", &[]),
    (READ_ALL_STATS, "pg_read_all_stats", &[]),
    (3377, "pg_stat_scan_tables", &[]),
    (4569, "pg_read_server_files", &[]),
    (4570, "pg_write_server_files", &[]),
    (4571, "pg_execute_server_program", &[]),
    (SIGNAL_BACKEND, "pg_signal_backend", &[]),
    (4544, "pg_checkpoint", &[]),
];

impl Role {
    /// What CREATE ROLE makes when it says nothing.
    pub fn new(oid: Oid, name: &str) -> Role {
        Role {
            oid,
            name: name.to_owned(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: false,
            replication: false,
            bypass_rls: false,
            connection_limit: -1,
            verifier: None,
            valid_until: None,
            settings: BTreeMap::new(),
            member_of: Vec::new(),
            defaults: Vec::new(),
        }
    }

    pub fn bootstrap() -> Role {
        Role {
            superuser: true,
            create_role: true,
            create_db: true,
            login: true,
            replication: true,
            bypass_rls: true,
            ..Role::new(BOOTSTRAP_ROLE, BOOTSTRAP_ROLE_NAME)
        }
    }

    pub(super) fn predefined() -> impl Iterator<Item = Role> {
        PREDEFINED.iter().map(|(oid, name, member_of)| Role {
            member_of: member_of
                .iter()
                .map(|role| Membership {
                    role: *role,
                    grantor: BOOTSTRAP_ROLE,
                    admin: false,
                })
                .collect(),
            ..Role::new(*oid, name)
        })
    }

    /// One of those that are always there and that nobody may change.
    pub fn is_predefined(&self) -> bool {
        PREDEFINED.iter().any(|(oid, _, _)| *oid == self.oid)
    }
}
