//! What belongs to a role: ALTER ... OWNER TO, REASSIGN OWNED, DROP OWNED, and
//! what keeps a role from being dropped.

use super::roles::resolve;
use super::statement::{Object, RoleName};
use super::{denied, forbidden, grant, not_owner, rights};
use crate::session::Session;
use orbit_core::catalog::{Catalog, CatalogChange, Grant, ObjectKind, Privileges, Role, Securable};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// Everything that has an owner.
pub(crate) fn everything(catalog: &Catalog) -> Vec<Securable<'_>> {
    let tables = catalog.tables().map(|table| table.securable());
    let views = catalog.views().map(|view| view.securable());
    let sequences = catalog.sequences().map(|sequence| sequence.securable());
    let schemas = catalog
        .schema_definitions()
        .map(|schema| schema.securable());
    let mut all: Vec<_> = tables
        .chain(views)
        .chain(sequences)
        .chain(schemas)
        .collect();
    all.push(catalog.database_securable("orbit"));
    all
}

fn described(catalog: &Catalog, object: &Securable<'_>) -> String {
    let word = rights::word(catalog, object);
    match object.schema {
        Some(schema) if schema != "public" => format!("{word} {schema}.{}", object.name),
        _ => format!("{word} {}", object.name),
    }
}

/// What depends on a role, as DROP ROLE tells it.
pub(crate) fn depending(catalog: &Catalog, role: Oid) -> Vec<String> {
    let mut lines = Vec::new();
    let mut objects = everything(catalog);
    // As PostgreSQL tells them.
    objects.sort_by_key(|object| object.oid);
    for object in objects {
        if object.owner == role {
            lines.push(format!("owner of {}", described(catalog, &object)));
        } else if mentions(object.acl.unwrap_or_default(), role) {
            lines.push(format!("privileges for {}", described(catalog, &object)));
        }
    }
    for other in catalog.roles() {
        let own = other.oid == role && !other.defaults.is_empty();
        let mut defaults = other.defaults.iter();
        if own || defaults.any(|defaults| mentions(&defaults.acl, role)) {
            lines.push(format!(
                "privileges for default privileges belonging to role {}",
                other.name
            ));
        }
    }
    lines
}

fn mentions(acl: &[Grant], role: Oid) -> bool {
    acl.iter()
        .any(|grant| grant.grantee == role || grant.grantor == role)
}

/// A new owner takes over what the old one held and had granted.
fn handed_over(acl: Option<&[Grant]>, from: Oid, to: Oid) -> Option<Vec<Grant>> {
    let mut merged: Vec<Grant> = Vec::new();
    for grant in acl? {
        let mut grant = grant.clone();
        if grant.grantee == from {
            grant.grantee = to;
        }
        if grant.grantor == from {
            grant.grantor = to;
        }
        let known = merged.iter_mut().find(|known| {
            known.grantee == grant.grantee
                && known.grantor == grant.grantor
                && known.column == grant.column
        });
        match known {
            Some(known) => {
                known.privileges = known.privileges.with(grant.privileges);
                known.grantable = known.grantable.with(grant.grantable);
            }
            None => merged.push(grant),
        }
    }
    Some(merged)
}

fn give_to(session: &mut Session, catalog: &Catalog, oid: Oid, to: Oid) -> Result<()> {
    let Some(object) = catalog.securable(oid) else {
        return Ok(());
    };
    let change = CatalogChange::Access {
        object: oid,
        owner: to,
        acl: handed_over(object.acl, object.owner, to),
    };
    session.transaction()?.change_catalog(change)?;
    // Sequences that belong to a table's columns follow it.
    if let Some(table) = catalog.table_by_oid(oid) {
        let follow: Vec<Oid> = catalog
            .sequences()
            .filter(|sequence| sequence.owned_by.is_some_and(|by| by.table == table.id))
            .map(|sequence| sequence.oid)
            .collect();
        for sequence in follow {
            give_to(session, catalog, sequence, to)?;
        }
    }
    Ok(())
}

pub(crate) async fn alter_owner(
    session: &mut Session,
    object: &Object,
    if_exists: bool,
    to: &RoleName,
) -> Result<()> {
    let catalog = session.current_catalog();
    let found = match object {
        Object::Table(name) => grant::relation(session, &catalog, name, false),
        Object::View(name) => match grant::relation(session, &catalog, name, false) {
            Ok(oid) if !catalog.views().any(|view| view.oid == oid) => {
                Err(crate::ddl::wrong_kind::is_not(&name.name, "a view"))
            }
            found => found,
        },
        Object::Sequence(name) => grant::relation(session, &catalog, name, true),
        Object::Schema(name) => match catalog.schema(name) {
            Some(schema) => Ok(schema.oid),
            None => Err(Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{name}\" does not exist"),
            )),
        },
        Object::Database(name) => grant::database(name),
    };
    let oid = match found {
        Ok(oid) => oid,
        Err(error) if if_exists && error.is(state::UNDEFINED_TABLE) => {
            let skipped = format!("{}, skipping", error.message());
            session.notice(Error::new(state::SUCCESSFUL_COMPLETION, skipped));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let to = resolve(session, &catalog, to)?;
    let Some(object) = catalog.securable(oid) else {
        return Ok(());
    };
    check_new_owner(session, &catalog, &object, &to)?;
    if object.owner == to.oid {
        return Ok(());
    }
    if let Some(by) = catalog.sequence_by_oid(oid).and_then(|one| one.owned_by) {
        let table = catalog
            .table_by_id(by.table)
            .map(|table| table.name.clone());
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "cannot change owner of sequence",
        )
        .with_detail(format!(
            "Sequence \"{}\" is linked to table \"{}\".",
            object.name,
            table.unwrap_or_default()
        )));
    }
    give_to(session, &catalog, oid, to.oid)
}

/// A schema for somebody whose member one is.
pub(crate) async fn create_schema(
    session: &mut Session,
    name: Option<&str>,
    owner: &RoleName,
    if_not_exists: bool,
) -> Result<()> {
    let catalog = session.current_catalog();
    let owner = resolve(session, &catalog, owner)?;
    let rights = session.rights();
    let database = catalog.database_securable(&session.facts().database);
    rights.require(&catalog, &database, Privileges::CREATE)?;
    if !catalog.is_member_of(rights.role, owner.oid) {
        return Err(forbidden(format!(
            "must be member of role \"{}\"",
            owner.name
        )));
    }
    session.transaction()?.set_creator(owner.oid);
    let name = name.unwrap_or(&owner.name);
    let done = crate::ddl::schema::create(session, name, if_not_exists).await;
    session.note_creator();
    done.map(std::mem::drop)
}

fn check_new_owner(
    session: &Session,
    catalog: &Catalog,
    object: &Securable<'_>,
    to: &Role,
) -> Result<()> {
    let rights = session.rights();
    if object.owner == to.oid || rights.superuser {
        return Ok(());
    }
    rights.require_owner(catalog, object)?;
    if !catalog.is_member_of(rights.role, to.oid) {
        return Err(forbidden(format!("must be member of role \"{}\"", to.name)));
    }
    let of_new = rights::Rights::of(catalog, to.oid, to.oid);
    match (object.kind, object.schema) {
        (_, Some(schema)) => of_new.require_in_schema(catalog, schema, Privileges::CREATE),
        (ObjectKind::Schema, None) => {
            let database = &session.facts().database;
            rights.require(
                catalog,
                &catalog.database_securable(database),
                Privileges::CREATE,
            )
        }
        _ => match catalog.role(rights.role).is_some_and(|role| role.create_db) {
            true => Ok(()),
            false => Err(forbidden("permission denied to change owner of database")),
        },
    }
}

pub(crate) async fn reassign(
    session: &mut Session,
    from: &[RoleName],
    to: &RoleName,
) -> Result<()> {
    let catalog = session.current_catalog();
    let to = resolve(session, &catalog, to)?;
    let mut roles = Vec::new();
    for role in from {
        roles.push(resolve(session, &catalog, role)?);
    }
    for role in roles.iter().chain([&to]) {
        if !session.rights().has_rights_of(role.oid) {
            return Err(forbidden("permission denied to reassign objects"));
        }
    }
    for role in roles {
        if role.oid == orbit_core::catalog::BOOTSTRAP_ROLE {
            return Err(Error::new(
                state::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot reassign ownership of objects owned by role {} because they are required by the database system",
                    role.name
                ),
            ));
        }
        let catalog = session.current_catalog();
        let mine: Vec<Oid> = everything(&catalog)
            .iter()
            .filter(|object| object.owner == role.oid)
            .map(|object| object.oid)
            .collect();
        for oid in mine {
            let catalog = session.current_catalog();
            give_to(session, &catalog, oid, to.oid)?;
        }
    }
    Ok(())
}

/// DROP OWNED: what the roles own goes, and what was granted to them.
pub(crate) async fn drop(session: &mut Session, roles: &[RoleName], cascade: bool) -> Result<()> {
    let catalog = session.current_catalog();
    let mut gone = Vec::new();
    for role in roles {
        let role = resolve(session, &catalog, role)?;
        if !session.rights().has_rights_of(role.oid) {
            return Err(forbidden("permission denied to drop objects"));
        }
        if role.oid == orbit_core::catalog::BOOTSTRAP_ROLE {
            return Err(Error::new(
                state::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop objects owned by role {} because they are required by the database system",
                    role.name
                ),
            ));
        }
        gone.push(role.oid);
    }
    drop_objects(session, &catalog, &gone, cascade).await?;
    let catalog = session.current_catalog();
    for object in everything(&catalog) {
        let Some(acl) = object.acl.filter(|acl| {
            let mut roles = gone.iter();
            roles.any(|role| mentions(acl, *role))
        }) else {
            continue;
        };
        let mut acl = acl.to_vec();
        acl.retain(|grant| !gone.contains(&grant.grantee) && !gone.contains(&grant.grantor));
        session
            .transaction()?
            .change_catalog(CatalogChange::Access {
                object: object.oid,
                owner: object.owner,
                acl: Some(acl),
            })?;
    }
    for role in catalog.roles() {
        let own = gone.contains(&role.oid);
        let mut changed = (**role).clone();
        if own {
            changed.defaults.clear();
        }
        for defaults in &mut changed.defaults {
            defaults.acl.retain(|grant| !gone.contains(&grant.grantee));
        }
        if changed != **role {
            session
                .transaction()?
                .change_catalog(CatalogChange::PutRole(Box::new(changed)))?;
        }
    }
    Ok(())
}

/// By the statements that drop such things, so that all that hangs on them is seen to.
async fn drop_objects(
    session: &mut Session,
    catalog: &Catalog,
    roles: &[Oid],
    cascade: bool,
) -> Result<()> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut statements: Vec<(u8, String)> = Vec::new();
    for object in everything(catalog) {
        if !roles.contains(&object.owner) {
            continue;
        }
        let (order, what) = match rights::word(catalog, &object) {
            "view" => (0, "VIEW"),
            "table" => (1, "TABLE"),
            // Those of columns go with their tables.
            "sequence"
                if catalog
                    .sequence_by_oid(object.oid)
                    .is_some_and(|sequence| sequence.owned_by.is_some()) =>
            {
                continue;
            }
            "sequence" => (2, "SEQUENCE"),
            "schema" => (3, "SCHEMA"),
            // Databases are shared by all; PostgreSQL leaves them, too.
            _ => continue,
        };
        let name = match object.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(object.name)),
            None => quoted(object.name),
        };
        let end = if cascade { "CASCADE" } else { "RESTRICT" };
        statements.push((order, format!("DROP {what} IF EXISTS {name} {end}")));
    }
    statements.sort();
    for (_, sql) in statements {
        let statement = session.prepare_inner(&sql, &[]).await?;
        session.run_inner(&statement).await?;
    }
    Ok(())
}

/// 42501 unless the table's schema may be created in.
pub(crate) fn require_create(session: &Session, catalog: &Catalog, schema: &str) -> Result<()> {
    let rights = session.rights();
    if schema == super::need::NODE_SCHEMA && !rights.internal {
        return Err(denied("schema", schema));
    }
    // A schema that isn't there is told of by whoever looks for it.
    match catalog.schema(schema) {
        Some(schema) => rights.require(catalog, &schema.securable(), Privileges::CREATE),
        None => Ok(()),
    }
}

/// Whether a role may drop an object: its owner may, and that of its schema.
pub(crate) fn require_drop(
    session: &Session,
    catalog: &Catalog,
    object: &Securable<'_>,
) -> Result<()> {
    let rights = session.rights();
    let schema = object.schema.and_then(|schema| catalog.schema(schema));
    let of_schema = schema.is_some_and(|schema| rights.owns(&schema.securable()));
    if rights.owns(object) || of_schema {
        return Ok(());
    }
    Err(not_owner(rights::word(catalog, object), object.name))
}
