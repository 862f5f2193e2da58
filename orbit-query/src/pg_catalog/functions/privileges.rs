//! `has_table_privilege` and its family: what a role may do, asked of the grants.
//!
//! They answer for the catalog of the statement, whatever was folded into a plan
//! before: they are called anew each time.

use super::Arg::Any;
use super::call::relation_named;
use super::{Call, Function, strict, volatile};
use crate::access::Rights;
use crate::access::need::view_column;
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::context::DATABASE;
use crate::pg_catalog::relations::Kind;
use crate::statement::access_grammar::privilege;
use orbit_core::catalog::access::COLUMN_PRIVILEGES;
use orbit_core::catalog::{Catalog, CreationStamp, Privileges, Securable};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

const fn asked(name: &'static str, least: usize, body: fn(&Call<'_>) -> Result<Cell>) -> Function {
    volatile(name, &[Any, Any, Any, Any], least, Kind::Bool, body)
}

pub const FUNCTIONS: &[Function] = &[
    asked("has_any_column_privilege", 2, any_column),
    asked("has_column_privilege", 3, column),
    asked("has_database_privilege", 2, database),
    asked("has_foreign_data_wrapper_privilege", 2, superuser),
    asked("has_function_privilege", 2, everybody),
    asked("has_language_privilege", 2, everybody),
    asked("has_parameter_privilege", 2, superuser),
    asked("has_schema_privilege", 2, schema),
    asked("has_sequence_privilege", 2, sequence),
    asked("has_server_privilege", 2, superuser),
    asked("has_table_privilege", 2, table),
    asked("has_tablespace_privilege", 2, superuser),
    asked("has_type_privilege", 2, everybody),
    asked("pg_has_role", 2, has_role),
    strict("row_security_active", &[Any], 1, Kind::Bool, no),
];

fn no(_call: &Call<'_>) -> Result<Cell> {
    Ok(false.into())
}

/// The role asked about, and where the rest of the arguments begins. `least`: how
/// many there are without the role.
fn asked_for(call: &Call<'_>, least: usize) -> Result<(Rights, usize)> {
    let catalog = call.context.catalog();
    if call.args.len() <= least {
        let own = (*call.context.facts().rights).clone();
        return Ok((own, 0));
    }
    let oid = role_at(call, 0)?;
    Ok((Rights::of(catalog, oid, oid), 1))
}

/// PUBLIC by its name; 42704 for a name that is no role's.
fn role_at(call: &Call<'_>, place: usize) -> Result<Oid> {
    let catalog = call.context.catalog();
    match call.text(place) {
        Some("public") => Ok(0),
        Some(name) => match catalog.role_named(name) {
            Some(role) => Ok(role.oid),
            None => Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!("role \"{name}\" does not exist"),
            )),
        },
        None => Ok(call.oid(place).unwrap_or(u32::MAX)),
    }
}

/// `SELECT, INSERT WITH GRANT OPTION`: true if one of them is held.
fn wanted(call: &Call<'_>, place: usize, known: Privileges) -> Result<Vec<(Privileges, bool)>> {
    let text = call.text(place).unwrap_or_default();
    let mut list = Vec::new();
    for item in text.split(',') {
        let item = item.trim();
        let upper = item.to_ascii_uppercase();
        let (word, option) = match upper.strip_suffix("WITH GRANT OPTION") {
            Some(word) => (word.trim_end(), true),
            None => (upper.as_str(), false),
        };
        let found = privilege(word).filter(|one| known.contains(*one));
        list.push((
            found.ok_or_else(|| {
                Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("unrecognized privilege type: \"{item}\""),
                )
            })?,
            option,
        ));
    }
    Ok(list)
}

fn holds(
    catalog: &Catalog,
    rights: &Rights,
    object: &Securable<'_>,
    column: Option<CreationStamp>,
    wanted: &[(Privileges, bool)],
) -> bool {
    let held = catalog.held_by(&rights.roles, object, column);
    wanted.iter().any(|(privilege, option)| match option {
        true => held.grantable.contains(*privilege),
        false => held.privileges.contains(*privilege),
    })
}

fn is_null(call: &Call<'_>) -> bool {
    call.args.contains(&Cell::Null)
}

/// A relation by name or oid; `None`: an oid of nothing.
fn relation<'a>(call: &'a Call<'_>, place: usize) -> Result<Option<Securable<'a>>> {
    let oid = match call.arg(place) {
        Cell::Text(name) => relation_named(call.context, name)?,
        _ => match call.oid(place) {
            Some(oid) => oid,
            None => return Ok(None),
        },
    };
    Ok(call.context.catalog().securable(oid))
}

/// Relations of the system are everybody's to read.
fn of_system(rights: &Rights, wanted: &[(Privileges, bool)]) -> Cell {
    let read = |(privilege, option): &(Privileges, bool)| {
        rights.superuser || (*privilege == Privileges::SELECT && !option)
    };
    wanted.iter().any(read).into()
}

fn table(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let found = relation(call, at)?;
    let all = orbit_core::catalog::ObjectKind::Relation.all();
    let wanted = wanted(call, at + 1, all)?;
    let catalog = call.context.catalog();
    Ok(match found {
        Some(object) => holds(catalog, &rights, &object, None, &wanted).into(),
        None => of_system(&rights, &wanted),
    })
}

fn sequence(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let found = relation(call, at)?;
    let all = orbit_core::catalog::ObjectKind::Sequence.all();
    let wanted = wanted(call, at + 1, all)?;
    let catalog = call.context.catalog();
    match found {
        Some(object) if object.kind == orbit_core::catalog::ObjectKind::Sequence => {
            Ok(holds(catalog, &rights, &object, None, &wanted).into())
        }
        Some(object) => Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", object.name),
        )),
        None => Ok(Cell::Null),
    }
}

/// The columns of a relation: name and stamp.
fn columns(catalog: &Catalog, oid: Oid) -> Vec<(String, CreationStamp)> {
    if let Some(table) = catalog.table_by_oid(oid) {
        let columns = table.columns.iter();
        return columns
            .map(|column| (column.name.clone(), column.created))
            .collect();
    }
    let Some(view) = catalog.view_by_oid(oid) else {
        return Vec::new();
    };
    let columns = view.columns.iter().enumerate();
    columns
        .map(|(place, column)| (column.name.clone(), view_column(view, place)))
        .collect()
}

fn column(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 3)?;
    let found = relation(call, at)?;
    let wanted = wanted(call, at + 2, COLUMN_PRIVILEGES)?;
    let catalog = call.context.catalog();
    let Some(object) = found else {
        return Ok(of_system(&rights, &wanted));
    };
    let columns = columns(catalog, object.oid);
    let column = match call.arg(at + 1) {
        Cell::Text(name) => match columns.iter().find(|(known, _)| known == name) {
            Some((_, stamp)) => *stamp,
            None => {
                return Err(Error::new(
                    state::UNDEFINED_COLUMN,
                    format!(
                        "column \"{name}\" of relation \"{}\" does not exist",
                        object.name
                    ),
                ));
            }
        },
        _ => {
            let place = call
                .int(at + 1)
                .and_then(|place| usize::try_from(place).ok());
            // A table's numbers have gaps where columns were dropped.
            let place = match catalog.table_by_oid(object.oid) {
                Some(table) => {
                    let mut places = 0..table.columns.len();
                    place.and_then(|number| places.find(|place| table.attnum(*place) == number))
                }
                None => place.map(|place| place.wrapping_sub(1)),
            };
            match place.and_then(|place| columns.get(place)) {
                Some((_, stamp)) => *stamp,
                None => return Ok(Cell::Null),
            }
        }
    };
    let whole = holds(catalog, &rights, &object, None, &wanted);
    Ok((whole || holds(catalog, &rights, &object, Some(column), &wanted)).into())
}

fn any_column(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let found = relation(call, at)?;
    let wanted = wanted(call, at + 1, COLUMN_PRIVILEGES)?;
    let catalog = call.context.catalog();
    let Some(object) = found else {
        return Ok(of_system(&rights, &wanted));
    };
    let mut columns = columns(catalog, object.oid).into_iter();
    let whole = holds(catalog, &rights, &object, None, &wanted);
    let one = |stamp| holds(catalog, &rights, &object, Some(stamp), &wanted);
    Ok((whole || columns.any(|(_, stamp)| one(stamp))).into())
}

fn schema(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let catalog = call.context.catalog();
    let all = orbit_core::catalog::ObjectKind::Schema.all();
    let wanted = wanted(call, at + 1, all)?;
    let found = match call.arg(at) {
        Cell::Text(name) => match catalog.schema(name) {
            Some(schema) => Some(schema),
            None if matches!(name.as_str(), "pg_catalog" | "information_schema") => None,
            None => {
                return Err(Error::new(
                    state::INVALID_SCHEMA_NAME,
                    format!("schema \"{name}\" does not exist"),
                ));
            }
        },
        _ => {
            let oid = call.oid(at);
            let mut schemas = catalog.schema_definitions();
            schemas.find(|schema| Some(schema.oid) == oid)
        }
    };
    Ok(match found {
        Some(schema) => holds(catalog, &rights, &schema.securable(), None, &wanted).into(),
        None => {
            let usage = |(one, option): &(Privileges, bool)| {
                rights.superuser || (*one == Privileges::USAGE && !option)
            };
            wanted.iter().any(usage).into()
        }
    })
}

fn database(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let own = &call.context.facts().database;
    match call.arg(at) {
        Cell::Text(name) if name != own => {
            return Err(Error::new(
                state::INVALID_CATALOG_NAME,
                format!("database \"{name}\" does not exist"),
            ));
        }
        Cell::Text(_) => {}
        _ if call.oid(at) == Some(DATABASE) => {}
        _ => return Ok(Cell::Null),
    }
    let catalog = call.context.catalog();
    let object = catalog.database_securable(own);
    let wanted = wanted(call, at + 1, object.kind.all())?;
    Ok(holds(catalog, &rights, &object, None, &wanted).into())
}

/// Functions and types are the system's, for all to use.
fn everybody(call: &Call<'_>) -> Result<Cell> {
    Ok(match is_null(call) {
        true => Cell::Null,
        false => true.into(),
    })
}

/// There is nothing of the kind that could have been granted.
fn superuser(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    Ok(asked_for(call, 2)?.0.superuser.into())
}

/// `MEMBER`: may SET ROLE; `USAGE`: has its rights without.
fn has_role(call: &Call<'_>) -> Result<Cell> {
    if is_null(call) {
        return Ok(Cell::Null);
    }
    let (rights, at) = asked_for(call, 2)?;
    let catalog = call.context.catalog();
    let of = role_at(call, at)?;
    let text = call.text(at + 1).unwrap_or_default();
    for item in text.split(',') {
        let upper = item.trim().to_ascii_uppercase();
        let (word, admin) = match upper
            .strip_suffix("WITH ADMIN OPTION")
            .or_else(|| upper.strip_suffix("WITH GRANT OPTION"))
        {
            Some(word) => (word.trim_end(), true),
            None => (upper.as_str(), false),
        };
        let yes = match word {
            "MEMBER" | "USAGE" if admin => catalog.is_admin_of(rights.role, of),
            "MEMBER" => catalog.is_member_of(rights.role, of),
            "USAGE" => catalog.has_rights_of(rights.role, of),
            _ => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("unrecognized privilege type: \"{}\"", item.trim()),
                ));
            }
        };
        if yes {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}
