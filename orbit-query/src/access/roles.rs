//! CREATE, ALTER and DROP ROLE, and membership, by PostgreSQL 15's rules of who may.

use super::statement::{AccessStatement, RoleGrant, RoleName, RoleOption, SettingChange};
use super::{forbidden, grant, owned};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::settings::Settings;
use crate::statement::access_grammar::reserved;
use crate::statement::database_grammar::DatabaseStatement;
use orbit_core::catalog::{BOOTSTRAP_ROLE, Catalog, CatalogChange, Membership, Role, Verifier};
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, state};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stands before the names of roles among the names that are locked.
const ROLES: &str = "\0role";

pub(crate) async fn run(session: &mut Session, statement: &AccessStatement) -> Result<Outcome> {
    match statement {
        AccessStatement::CreateRole {
            name,
            word,
            options,
        } => create(session, name, word, options).await?,
        AccessStatement::AlterRole { role, options } => alter(session, role, options).await?,
        AccessStatement::RenameRole { from, to } => rename(session, from, to).await?,
        AccessStatement::RoleSetting {
            role,
            database,
            change,
        } => {
            if let Some(name) = database {
                grant::database(name)?;
            }
            match role {
                RoleName::Public => {
                    let all = DatabaseStatement::Setting {
                        database: None,
                        change: change.clone(),
                    };
                    crate::ddl::database::run(session, &all).await?;
                }
                role => set(session, role, change).await?,
            }
        }
        AccessStatement::DropRole { roles, if_exists } => {
            for role in roles {
                drop_one(session, role, *if_exists).await?;
            }
        }
        AccessStatement::GrantRoles(grant) => grant_roles(session, grant).await?,
        AccessStatement::Grant(statement) => grant::run(session, statement).await?,
        AccessStatement::DefaultPrivileges {
            makers,
            schemas,
            grant: statement,
        } => grant::defaults(session, makers, schemas, statement).await?,
        AccessStatement::ReassignOwned { from, to } => owned::reassign(session, from, to).await?,
        AccessStatement::DropOwned { roles, cascade } => {
            owned::drop(session, roles, *cascade).await?;
        }
        AccessStatement::CreateSchema {
            name,
            owner,
            if_not_exists,
        } => owned::create_schema(session, name.as_deref(), owner, *if_not_exists).await?,
        AccessStatement::Owner {
            object,
            if_exists,
            to,
        } => owned::alter_owner(session, object, *if_exists, to).await?,
    }
    Ok(Outcome::Done(Tag::Other(statement.tag())))
}

/// 42704
pub(crate) fn no_role(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("role \"{name}\" does not exist"),
    )
}

/// The role a statement means; PUBLIC is none.
pub(crate) fn resolve(session: &Session, catalog: &Catalog, role: &RoleName) -> Result<Arc<Role>> {
    let by_oid = |oid: Oid| {
        catalog
            .role(oid)
            .cloned()
            .ok_or_else(|| no_role(&catalog.role_name(oid)))
    };
    match role {
        RoleName::Named(name) => catalog
            .role_named(name)
            .cloned()
            .ok_or_else(|| no_role(name)),
        RoleName::Current => by_oid(session.rights().role),
        RoleName::Session => by_oid(session.rights().session_role),
        RoleName::Public => Err(no_role("public")),
    }
}

/// Locks a role against other changes, and reads it as it is then.
pub(crate) async fn locked(
    session: &mut Session,
    role: &RoleName,
) -> Result<(Arc<Role>, Arc<Catalog>)> {
    let catalog = session.current_catalog();
    let name = resolve(session, &catalog, role)?.name.clone();
    let transaction = session.transaction()?;
    transaction.lock_name(ROLES, &name).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let role = catalog
        .role_named(&name)
        .cloned()
        .ok_or_else(|| no_role(&name))?;
    Ok((role, catalog))
}

pub(crate) fn put(session: &mut Session, role: Role) -> Result<()> {
    session
        .transaction()?
        .change_catalog(CatalogChange::PutRole(Box::new(role)))
}

/// Superusers and roles with CREATEROLE.
fn makes_roles(session: &Session, catalog: &Catalog) -> bool {
    let rights = session.rights();
    rights.superuser
        || catalog
            .role(rights.role)
            .is_some_and(|role| role.create_role)
}

fn check_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        return Err(reserved(name).with_detail("Role names starting with \"pg_\" are reserved."));
    }
    if matches!(name, "public" | "none") {
        return Err(reserved(name));
    }
    Ok(())
}

async fn create(
    session: &mut Session,
    name: &str,
    word: &str,
    options: &[RoleOption],
) -> Result<()> {
    let catalog = session.current_catalog();
    let rights = session.rights().clone();
    for option in options {
        let what = match option {
            RoleOption::Superuser(true) => "superusers",
            RoleOption::Replication(true) => "replication users",
            RoleOption::BypassRls(true) => "bypassrls users",
            _ => continue,
        };
        if !rights.superuser {
            return Err(forbidden(format!("must be superuser to create {what}")));
        }
    }
    if !makes_roles(session, &catalog) {
        return Err(forbidden("permission denied to create role"));
    }
    check_name(name)?;
    let oid = session.engine().db().new_oid();
    let transaction = session.transaction()?;
    transaction.lock_name(ROLES, name).await?;
    transaction.begin_statement();
    if transaction.catalog().role_named(name).is_some() {
        return Err(exists(name));
    }
    let mut role = Role::new(oid, name);
    role.login = word == "USER";
    apply(session, &mut role, options)?;
    put(session, role)?;
    let me = RoleName::Named(name.to_owned());
    for option in options {
        match option {
            RoleOption::InRole(roles) => {
                for group in roles {
                    join(session, group, &me, false, rights.role).await?;
                }
            }
            RoleOption::Members(members) => {
                for member in members {
                    join(session, &me, member, false, rights.role).await?;
                }
            }
            RoleOption::Admins(members) => {
                for member in members {
                    join(session, &me, member, true, rights.role).await?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn exists(name: &str) -> Error {
    Error::new(
        state::DUPLICATE_OBJECT,
        format!("role \"{name}\" already exists"),
    )
}

/// Puts all options but memberships into a role.
fn apply(session: &mut Session, role: &mut Role, options: &[RoleOption]) -> Result<()> {
    for option in options {
        match option {
            RoleOption::Superuser(on) => role.superuser = *on,
            RoleOption::CreateDb(on) => role.create_db = *on,
            RoleOption::CreateRole(on) => role.create_role = *on,
            RoleOption::Inherit(on) => role.inherit = *on,
            RoleOption::Login(on) => role.login = *on,
            RoleOption::Replication(on) => role.replication = *on,
            RoleOption::BypassRls(on) => role.bypass_rls = *on,
            RoleOption::ConnectionLimit(limit) => {
                role.connection_limit = i32::try_from(*limit)
                    .ok()
                    .filter(|limit| *limit >= -1)
                    .ok_or_else(|| {
                        Error::new(
                            state::INVALID_PARAMETER_VALUE,
                            format!("invalid connection limit: {limit}"),
                        )
                    })?;
            }
            RoleOption::Password(password) => {
                role.verifier = match password {
                    None => None,
                    Some(password) => {
                        let stored = session.engine().password_to_store(password)?;
                        if stored.is_none() {
                            session.notice(Error::new(
                                state::SUCCESSFUL_COMPLETION,
                                "empty string is not a valid password, clearing password",
                            ));
                        }
                        stored.map(Verifier)
                    }
                };
            }
            RoleOption::ValidUntil(moment) => {
                let value = text::parse(moment, &SqlType::TimestampTz, session.format())?;
                role.valid_until = match value {
                    Value::TimestampTz(micros) if micros != i64::MAX => Some(micros),
                    _ => None,
                };
            }
            RoleOption::InRole(_) | RoleOption::Members(_) | RoleOption::Admins(_) => {}
        }
    }
    Ok(())
}

/// Who may change `role` by these options; PostgreSQL's `AlterRole`.
fn check_alter(
    session: &Session,
    catalog: &Catalog,
    role: &Role,
    options: &[RoleOption],
) -> Result<()> {
    let rights = session.rights();
    if rights.superuser {
        return Ok(());
    }
    let mentions = |wanted: fn(&RoleOption) -> bool| options.iter().any(wanted);
    if role.superuser || mentions(|option| matches!(option, RoleOption::Superuser(_))) {
        return Err(forbidden(
            "must be superuser to alter superuser roles or change superuser attribute",
        ));
    }
    if role.replication || mentions(|option| matches!(option, RoleOption::Replication(_))) {
        return Err(forbidden(
            "must be superuser to alter replication roles or change replication attribute",
        ));
    }
    if mentions(|option| matches!(option, RoleOption::BypassRls(_))) {
        return Err(forbidden("must be superuser to change bypassrls attribute"));
    }
    let own_password = role.oid == rights.role && matches!(options, [RoleOption::Password(_)]);
    if makes_roles(session, catalog) || own_password {
        return Ok(());
    }
    Err(forbidden("permission denied"))
}

async fn alter(session: &mut Session, name: &RoleName, options: &[RoleOption]) -> Result<()> {
    let (role, catalog) = locked(session, name).await?;
    not_predefined(&role)?;
    check_alter(session, &catalog, &role, options)?;
    let mut changed = (*role).clone();
    apply(session, &mut changed, options)?;
    if changed.oid == BOOTSTRAP_ROLE && !changed.superuser {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "permission denied to alter role",
        )
        .with_detail("The bootstrap user must have the SUPERUSER attribute."));
    }
    put(session, changed)?;
    let rights = session.rights().role;
    for option in options {
        if let RoleOption::Members(members) = option {
            for member in members {
                join(session, name, member, false, rights).await?;
            }
        }
    }
    Ok(())
}

fn not_predefined(role: &Role) -> Result<()> {
    if role.is_predefined() {
        return Err(reserved(&role.name).with_detail("Cannot alter reserved roles."));
    }
    Ok(())
}

async fn rename(session: &mut Session, from: &str, to: &str) -> Result<()> {
    let (role, catalog) = locked(session, &RoleName::Named(from.to_owned())).await?;
    not_predefined(&role)?;
    let rights = session.rights();
    for (oid, who) in [
        (rights.session_role, "session user"),
        (rights.role, "current user"),
    ] {
        if role.oid == oid {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("{who} cannot be renamed"),
            ));
        }
    }
    check_name(to)?;
    if role.superuser && !rights.superuser {
        return Err(forbidden("must be superuser to rename superusers"));
    }
    if !makes_roles(session, &catalog) {
        return Err(forbidden("permission denied to rename role"));
    }
    let transaction = session.transaction()?;
    transaction.lock_name(ROLES, to).await?;
    transaction.begin_statement();
    if transaction.catalog().role_named(to).is_some() {
        return Err(exists(to));
    }
    put(
        session,
        Role {
            name: to.to_owned(),
            ..(*role).clone()
        },
    )
}

async fn set(session: &mut Session, name: &RoleName, change: &SettingChange) -> Result<()> {
    let (role, catalog) = locked(session, name).await?;
    not_predefined(&role)?;
    let rights = session.rights();
    if role.superuser && !rights.superuser {
        return Err(forbidden("must be superuser to alter superusers"));
    }
    if role.oid != rights.role && !makes_roles(session, &catalog) {
        return Err(forbidden("permission denied"));
    }
    let mut changed = (*role).clone();
    change_settings(session, &mut changed.settings, change)?;
    put(session, changed)
}

/// What is kept with a role or database for its sessions to start with.
const MOST_SETTINGS_BYTES: usize = 64 << 10;

/// Limits, and what only superusers set.
pub(crate) fn is_protected(name: &str) -> bool {
    let setting = crate::settings::registry::find(name);
    Settings::is_granted(name) || setting.is_some_and(|setting| setting.by_superusers)
}

/// Puts a change into what sessions start with.
pub(crate) fn change_settings(
    session: &Session,
    settings: &mut BTreeMap<String, String>,
    change: &SettingChange,
) -> Result<()> {
    let superuser = session.rights().superuser;
    let canonical = |name: &str| {
        crate::settings::registry::find(name)
            .map_or_else(|| name.to_owned(), |setting| setting.name.to_owned())
    };
    match change {
        SettingChange::Set(name, value) => {
            let name = canonical(name);
            // A role of a role would be a way around the check of SET ROLE at its time.
            if matches!(name.as_str(), "role" | "session_authorization") {
                return Err(Error::unsupported(format_args!(
                    "ALTER ROLE ... SET {name}"
                )));
            }
            if is_protected(&name) && !superuser {
                return Err(forbidden(format!(
                    "permission denied to set parameter \"{name}\""
                )));
            }
            let mut trial = (**session.settings()).clone();
            trial.grant(&name, value)?;
            settings.insert(name, value.clone());
            let held: usize = settings
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum();
            if held > MOST_SETTINGS_BYTES {
                return Err(Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    format!(
                        "a role or database keeps {MOST_SETTINGS_BYTES} bytes of settings at the most"
                    ),
                ));
            }
        }
        SettingChange::Reset(name) => {
            let name = canonical(name);
            if is_protected(&name) && !superuser {
                return Err(forbidden(format!(
                    "permission denied to set parameter \"{name}\""
                )));
            }
            settings.remove(&name);
        }
        // A role can't free itself of its limits.
        SettingChange::ResetAll => {
            settings.retain(|name, _| is_protected(name) && !superuser);
        }
    }
    Ok(())
}

async fn drop_one(session: &mut Session, name: &RoleName, if_exists: bool) -> Result<()> {
    let catalog = session.current_catalog();
    if !makes_roles(session, &catalog) {
        return Err(forbidden("permission denied to drop role"));
    }
    let RoleName::Named(text) = name else {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "cannot use special role specifier in DROP ROLE",
        ));
    };
    if catalog.role_named(text).is_none() {
        if if_exists {
            session.notice(Error::new(
                state::SUCCESSFUL_COMPLETION,
                format!("role \"{text}\" does not exist, skipping"),
            ));
            return Ok(());
        }
        return Err(no_role(text));
    }
    let (role, catalog) = locked(session, name).await?;
    let rights = session.rights();
    for (oid, who) in [
        (rights.role, "current user"),
        (rights.session_role, "session user"),
    ] {
        if role.oid == oid {
            return Err(Error::new(
                state::OBJECT_IN_USE,
                format!("{who} cannot be dropped"),
            ));
        }
    }
    if role.superuser && !rights.superuser {
        return Err(forbidden("must be superuser to drop superusers"));
    }
    if role.oid == BOOTSTRAP_ROLE || role.is_predefined() {
        return Err(Error::new(
            state::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "cannot drop role {} because it is required by the database system",
                role.name
            ),
        ));
    }
    let depending = owned::depending(&catalog, role.oid);
    if !depending.is_empty() {
        return Err(Error::new(
            state::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "role \"{}\" cannot be dropped because some objects depend on it",
                role.name
            ),
        )
        .with_detail(depending.join("\n")));
    }
    // Memberships in it go with it.
    let members: Vec<_> = catalog
        .roles()
        .filter(|other| other.member_of.iter().any(|of| of.role == role.oid))
        .map(|other| RoleName::Named(other.name.clone()))
        .collect();
    for member in members {
        let (member, _) = locked(session, &member).await?;
        let mut member = (*member).clone();
        member.member_of.retain(|of| of.role != role.oid);
        put(session, member)?;
    }
    session
        .transaction()?
        .change_catalog(CatalogChange::DropRole { oid: role.oid })
}

async fn grant_roles(session: &mut Session, grant: &RoleGrant) -> Result<()> {
    let catalog = session.current_catalog();
    let rights = session.rights().clone();
    let grantor = match &grant.by {
        None => rights.role,
        Some(by) => {
            let by = resolve(session, &catalog, by)?;
            if by.oid != rights.role && !rights.superuser {
                return Err(forbidden("must be superuser to set grantor"));
            }
            by.oid
        }
    };
    for name in &grant.roles {
        let name = RoleName::Named(name.clone());
        let role = resolve(session, &catalog, &name)?;
        if role.superuser {
            if !rights.superuser {
                return Err(forbidden("must be superuser to alter superusers"));
            }
        } else if !makes_roles(session, &catalog) && !catalog.is_admin_of(rights.role, role.oid) {
            return Err(forbidden(format!(
                "must have admin option on role \"{}\"",
                role.name
            )));
        }
        for member in &grant.members {
            match grant.grant {
                true => join(session, &name, member, grant.admin, grantor).await?,
                false => leave(session, &name, member, grant.admin).await?,
            }
        }
    }
    Ok(())
}

/// Makes `member` a member of `role`. The caller has checked who may.
async fn join(
    session: &mut Session,
    role: &RoleName,
    member: &RoleName,
    admin: bool,
    grantor: Oid,
) -> Result<()> {
    // One lock for all memberships: circles are seen whoever closes them.
    let transaction = session.transaction()?;
    transaction.lock_name(ROLES, "").await?;
    let (member, _) = locked(session, member).await?;
    let (role, catalog) = locked(session, role).await?;
    let rights = session.rights();
    if role.superuser && !rights.superuser {
        return Err(forbidden("must be superuser to alter superusers"));
    }
    if !makes_roles(session, &catalog) && !catalog.is_admin_of(rights.role, role.oid) {
        return Err(forbidden(format!(
            "must have admin option on role \"{}\"",
            role.name
        )));
    }
    if role.oid == orbit_core::catalog::role::DATABASE_OWNER {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!("role \"{}\" cannot have explicit members", role.name),
        ));
    }
    if catalog.memberships_of(role.oid).contains(&member.oid) {
        return Err(Error::new(
            state::INVALID_GRANT_OPERATION,
            format!(
                "role \"{}\" is a member of role \"{}\"",
                role.name, member.name
            ),
        ));
    }
    let mut changed = (*member).clone();
    let known = changed.member_of.iter_mut().find(|of| of.role == role.oid);
    match known {
        Some(known) if known.admin || !admin => {
            session.notice(Error::new(
                state::SUCCESSFUL_COMPLETION,
                format!(
                    "role \"{}\" is already a member of role \"{}\"",
                    member.name, role.name
                ),
            ));
            return Ok(());
        }
        Some(known) => known.admin = true,
        None => changed.member_of.push(Membership {
            role: role.oid,
            grantor,
            admin,
        }),
    }
    put(session, changed)
}

async fn leave(
    session: &mut Session,
    role: &RoleName,
    member: &RoleName,
    admin_only: bool,
) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.lock_name(ROLES, "").await?;
    let (member, catalog) = locked(session, member).await?;
    let role = resolve(session, &catalog, role)?;
    let mut changed = (*member).clone();
    let Some(place) = changed.member_of.iter().position(|of| of.role == role.oid) else {
        session.notice(Error::new(
            state::WARNING,
            format!(
                "role \"{}\" is not a member of role \"{}\"",
                member.name, role.name
            ),
        ));
        return Ok(());
    };
    match (admin_only, changed.member_of.get_mut(place)) {
        (true, Some(known)) => known.admin = false,
        _ => {
            changed.member_of.remove(place);
        }
    }
    put(session, changed)
}
