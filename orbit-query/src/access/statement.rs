//! Statements about roles and rights, as the parser hands them over.

use crate::statement::names::Name;
use orbit_core::catalog::Privileges;

#[derive(Clone, Debug)]
pub enum AccessStatement {
    CreateRole {
        name: String,
        /// The word it was created by: ROLE, USER, GROUP.
        word: &'static str,
        options: Vec<RoleOption>,
    },
    AlterRole {
        role: RoleName,
        options: Vec<RoleOption>,
    },
    RenameRole {
        from: String,
        to: String,
    },
    /// ALTER ROLE ... SET and RESET.
    RoleSetting {
        /// PUBLIC: ALTER ROLE ALL.
        role: RoleName,
        /// IN DATABASE.
        database: Option<String>,
        change: SettingChange,
    },
    DropRole {
        roles: Vec<RoleName>,
        if_exists: bool,
    },
    GrantRoles(RoleGrant),
    Grant(Grant),
    DefaultPrivileges {
        /// Of objects that these roles will make; empty: the current role.
        makers: Vec<RoleName>,
        schemas: Vec<String>,
        grant: Grant,
    },
    ReassignOwned {
        from: Vec<RoleName>,
        to: RoleName,
    },
    DropOwned {
        roles: Vec<RoleName>,
        cascade: bool,
    },
    /// CREATE SCHEMA ... AUTHORIZATION.
    CreateSchema {
        /// `None`: the role's.
        name: Option<String>,
        owner: RoleName,
        if_not_exists: bool,
    },
    /// ALTER ... OWNER TO.
    Owner {
        object: Object,
        if_exists: bool,
        to: RoleName,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleName {
    Named(String),
    Current,
    Session,
    Public,
}

#[derive(Clone, PartialEq, Eq)]
pub enum RoleOption {
    Superuser(bool),
    CreateDb(bool),
    CreateRole(bool),
    Inherit(bool),
    Login(bool),
    Replication(bool),
    BypassRls(bool),
    ConnectionLimit(i64),
    /// `None`: PASSWORD NULL.
    Password(Option<String>),
    ValidUntil(String),
    /// The new role becomes a member of these.
    InRole(Vec<RoleName>),
    /// These become members of the role: ROLE and USER.
    Members(Vec<RoleName>),
    Admins(Vec<RoleName>),
}

/// Never with the password: statements are printed where they fail.
impl std::fmt::Debug for RoleOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl RoleOption {
    pub fn word(&self) -> &'static str {
        match self {
            RoleOption::Superuser(true) => "SUPERUSER",
            RoleOption::Superuser(false) => "NOSUPERUSER",
            RoleOption::CreateDb(true) => "CREATEDB",
            RoleOption::CreateDb(false) => "NOCREATEDB",
            RoleOption::CreateRole(true) => "CREATEROLE",
            RoleOption::CreateRole(false) => "NOCREATEROLE",
            RoleOption::Inherit(true) => "INHERIT",
            RoleOption::Inherit(false) => "NOINHERIT",
            RoleOption::Login(true) => "LOGIN",
            RoleOption::Login(false) => "NOLOGIN",
            RoleOption::Replication(true) => "REPLICATION",
            RoleOption::Replication(false) => "NOREPLICATION",
            RoleOption::BypassRls(true) => "BYPASSRLS",
            RoleOption::BypassRls(false) => "NOBYPASSRLS",
            RoleOption::ConnectionLimit(_) => "CONNECTION LIMIT",
            RoleOption::Password(_) => "PASSWORD",
            RoleOption::ValidUntil(_) => "VALID UNTIL",
            RoleOption::InRole(_) => "IN ROLE",
            RoleOption::Members(_) => "ROLE",
            RoleOption::Admins(_) => "ADMIN",
        }
    }
}

#[derive(Clone, Debug)]
pub enum SettingChange {
    Set(String, String),
    Reset(String),
    ResetAll,
}

#[derive(Clone, Debug)]
pub struct RoleGrant {
    pub grant: bool,
    pub roles: Vec<String>,
    pub members: Vec<RoleName>,
    /// WITH ADMIN OPTION; of REVOKE: ADMIN OPTION FOR.
    pub admin: bool,
    pub by: Option<RoleName>,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub grant: bool,
    /// `None`: ALL.
    pub privileges: Option<Vec<Wanted>>,
    /// The columns of `ALL (a, b)`.
    pub all_columns: Vec<String>,
    pub on: Objects,
    pub to: Vec<RoleName>,
    /// WITH GRANT OPTION; of REVOKE: GRANT OPTION FOR.
    pub option: bool,
    pub cascade: bool,
    pub by: Option<RoleName>,
}

#[derive(Clone, Debug)]
pub struct Wanted {
    pub privilege: Privileges,
    pub word: String,
    /// Empty: the whole object.
    pub columns: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Objects {
    Relations(Vec<Name>),
    Sequences(Vec<Name>),
    Schemas(Vec<String>),
    Databases(Vec<String>),
    AllTablesIn(Vec<String>),
    AllSequencesIn(Vec<String>),
    AllFunctionsIn(Vec<String>),
    /// Of ALTER DEFAULT PRIVILEGES.
    Kind(orbit_core::catalog::ObjectKind),
}

#[derive(Clone, Debug)]
pub enum Object {
    Table(Name),
    View(Name),
    Sequence(Name),
    Schema(String),
    Database(String),
}

impl AccessStatement {
    pub fn tag(&self) -> &'static str {
        match self {
            AccessStatement::CreateRole { .. } => "CREATE ROLE",
            AccessStatement::AlterRole { .. }
            | AccessStatement::RenameRole { .. }
            | AccessStatement::RoleSetting { .. } => "ALTER ROLE",
            AccessStatement::DropRole { .. } => "DROP ROLE",
            AccessStatement::GrantRoles(grant) => match grant.grant {
                true => "GRANT ROLE",
                false => "REVOKE ROLE",
            },
            AccessStatement::Grant(grant) => match grant.grant {
                true => "GRANT",
                false => "REVOKE",
            },
            AccessStatement::DefaultPrivileges { .. } => "ALTER DEFAULT PRIVILEGES",
            AccessStatement::ReassignOwned { .. } => "REASSIGN OWNED",
            AccessStatement::DropOwned { .. } => "DROP OWNED",
            AccessStatement::CreateSchema { .. } => "CREATE SCHEMA",
            AccessStatement::Owner { object, .. } => match object {
                Object::Table(_) => "ALTER TABLE",
                Object::View(_) => "ALTER VIEW",
                Object::Sequence(_) => "ALTER SEQUENCE",
                Object::Schema(_) => "ALTER SCHEMA",
                Object::Database(_) => "ALTER DATABASE",
            },
        }
    }
}
