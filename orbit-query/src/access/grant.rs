//! GRANT and REVOKE of privileges.
//!
//! A grant is kept per grantee, grantor and column. Who revokes takes back what
//! was given by the role he acts for, and with it what was passed on from there:
//! RESTRICT refuses where something was, CASCADE takes that too.

use super::need::view_column;
use super::rights::word;
use super::roles::resolve;
use super::statement::{Grant as Statement, Objects, RoleName};
use super::{denied, roles};
use crate::session::Session;
use crate::statement::names::{self, Name};
use orbit_core::catalog::access::COLUMN_PRIVILEGES;
use orbit_core::catalog::{
    Catalog, CatalogChange, CreationStamp, DefaultGrants, Grant, Held, ObjectKind, PUBLIC,
    Privileges, Relation, Securable,
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

/// The oids of what a statement names.
fn find(session: &Session, catalog: &Catalog, on: &Objects) -> Result<Vec<Oid>> {
    let schema_named = |name: &String| {
        catalog.schema(name).cloned().ok_or_else(|| {
            Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{name}\" does not exist"),
            )
        })
    };
    match on {
        Objects::Relations(names) => names
            .iter()
            .map(|name| relation(session, catalog, name, false))
            .collect(),
        Objects::Sequences(names) => names
            .iter()
            .map(|name| relation(session, catalog, name, true))
            .collect(),
        Objects::Schemas(names) => names
            .iter()
            .map(|name| Ok(schema_named(name)?.oid))
            .collect(),
        Objects::Databases(names) => names.iter().map(|name| database(session, name)).collect(),
        Objects::AllTablesIn(schemas) => {
            let mut oids = Vec::new();
            for schema in schemas {
                schema_named(schema)?;
                let tables = catalog.tables().filter(|table| table.schema == *schema);
                oids.extend(tables.map(|table| table.oid));
                let views = catalog.views().filter(|view| view.schema == *schema);
                oids.extend(views.map(|view| view.oid));
            }
            // As they came to be.
            oids.sort_unstable();
            Ok(oids)
        }
        Objects::AllSequencesIn(schemas) => {
            let mut oids = Vec::new();
            for schema in schemas {
                schema_named(schema)?;
                let sequences = catalog.sequences();
                let inside = sequences.filter(|sequence| sequence.schema == *schema);
                oids.extend(inside.map(|sequence| sequence.oid));
            }
            Ok(oids)
        }
        // There are no functions but the system's.
        Objects::AllFunctionsIn(schemas) => {
            schemas
                .iter()
                .try_for_each(|name| schema_named(name).map(drop))?;
            Ok(Vec::new())
        }
        Objects::Kind(_) => Err(Error::internal("a kind is no object")),
    }
}

/// The one database goes by the name that the client gave it.
pub(crate) fn database(session: &Session, name: &str) -> Result<Oid> {
    if name == session.facts().database || name == "orbit" {
        return Ok(orbit_core::catalog::role::DATABASE);
    }
    Err(Error::new(
        state::INVALID_CATALOG_NAME,
        format!("database \"{name}\" does not exist"),
    ))
}

pub(crate) fn relation(
    session: &Session,
    catalog: &Catalog,
    name: &Name,
    sequence: bool,
) -> Result<Oid> {
    let rights = session.rights();
    let found = match &name.schema {
        Some(schema) => {
            rights.require_in_schema(catalog, schema, Privileges::USAGE)?;
            catalog.relation(schema, &name.name)
        }
        None => {
            let path = session.settings().search_path().iter();
            let mut open = path.filter(|schema| rights.may_use_schema(catalog, schema));
            open.find_map(|schema| catalog.relation(schema, &name.name))
        }
    };
    let wrong = |what: &str| {
        Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is {what}", name.name),
        ))
    };
    match found {
        Some(Relation::Table(_) | Relation::View(_)) if sequence => wrong("not a sequence"),
        Some(Relation::Table(table)) => Ok(table.oid),
        Some(Relation::View(view)) => Ok(view.oid),
        Some(Relation::Sequence(sequence)) => Ok(sequence.oid),
        Some(Relation::Index(..) | Relation::PrimaryKey(_)) => wrong("an index"),
        None => Err(names::undefined_table(name.schema.as_deref(), &name.name)),
    }
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

/// The columns of a table or view: name and stamp.
fn columns(catalog: &Catalog, oid: Oid) -> Vec<(String, CreationStamp)> {
    if let Some(table) = catalog.table_by_oid(oid) {
        let columns = table.columns.iter();
        return columns
            .map(|column| (column.name.clone(), column.created))
            .collect();
    }
    match catalog.view_by_oid(oid) {
        Some(view) => view
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| (column.name.clone(), view_column(view, place)))
            .collect(),
        None => Vec::new(),
    }
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

/// PostgreSQL has them in every table, and REVOKE tells of each.
const SYSTEM_COLUMNS: &[&str] = &["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// A stamp that no grant has.
fn system_column(nth: usize) -> CreationStamp {
    CreationStamp {
        hlc: 0,
        site: orbit_core::ids::SiteId(0),
        nth: u32::try_from(nth).unwrap_or(u32::MAX),
    }
}

fn kind_word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Relation => "relation",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Schema => "schema",
        ObjectKind::Database => "database",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
    }
}

/// Who grants: the role itself, or a role it has the rights of that may; PostgreSQL's
/// `select_best_grantor`. Returns who, and what he may give.
fn grantor(
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

fn give(
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
fn take(
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
            return Err(super::forbidden(format!(
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
