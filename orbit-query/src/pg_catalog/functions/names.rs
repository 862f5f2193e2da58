//! Names for oids and oids for names: what casts to `regclass` and its like are turned into.

use super::Arg::{Any, Oid, Text};
use super::{Call, Function, procedures, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::objects::{quote, split_name};
use crate::pg_catalog::relations::Kind;
use crate::pg_catalog::tables::namespace;
use crate::pg_catalog::types;
use orbit_core::types::Oid as ObjectId;
use orbit_core::{Error, Result, state};

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("orbit_oid", &[Any], 1, Kind::Oid, oid),
    strict("orbit_regclass_name", &[Oid], 1, Kind::Text, class_name),
    strict("orbit_regclass_oid", &[Oid], 1, Kind::Oid, class_oid),
    strict("orbit_regnamespace_name", &[Oid], 1, Kind::Text, namespace_name),
    strict("orbit_regnamespace_oid", &[Oid], 1, Kind::Oid, namespace_oid),
    strict("orbit_regoperator_name", &[Oid], 1, Kind::Text, operator_name),
    strict("orbit_regoperator_oid", &[Oid], 1, Kind::Oid, oid),
    strict("orbit_regproc_name", &[Oid], 1, Kind::Text, procedure_name),
    strict("orbit_regproc_oid", &[Oid], 1, Kind::Oid, procedure_oid),
    strict("orbit_regrole_name", &[Oid], 1, Kind::Text, role_name),
    strict("orbit_regrole_oid", &[Oid], 1, Kind::Oid, role_oid),
    strict("orbit_regtype_name", &[Oid], 1, Kind::Text, type_name),
    strict("orbit_regtype_oid", &[Oid], 1, Kind::Oid, type_oid),
    strict("orbit_to_regclass_oid", &[Text], 1, Kind::Oid, to_regclass_oid),
    strict("orbit_to_regnamespace_oid", &[Text], 1, Kind::Oid, to_regnamespace_oid),
    strict("orbit_to_regproc_oid", &[Text], 1, Kind::Oid, to_regproc_oid),
    strict("orbit_to_regtype_oid", &[Text], 1, Kind::Oid, to_regtype_oid),
    strict("pg_get_userbyid", &[Oid], 1, Kind::Text, pg_get_userbyid),
    strict("to_regclass", &[Text], 1, Kind::Text, to_regclass),
    strict("to_regnamespace", &[Text], 1, Kind::Text, to_regnamespace),
    strict("to_regproc", &[Text], 1, Kind::Text, to_regproc),
    strict("to_regrole", &[Text], 1, Kind::Text, to_regrole),
    strict("to_regtype", &[Text], 1, Kind::Text, to_regtype),
];

fn oid(call: &Call<'_>) -> Result<Cell> {
    match (call.oid(0), call.text(0)) {
        (Some(oid), _) => Ok(oid.into()),
        // Columns of type regproc hold names.
        (None, Some("-")) => Ok(0.into()),
        (None, Some(text)) if procedures::named(text).is_some() => {
            Ok(procedures::named(text).into())
        }
        (None, Some(text)) => Err(Error::new(
            state::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type oid: \"{text}\""),
        )),
        (None, None) => Ok(Cell::Null),
    }
}

fn class_oid(call: &Call<'_>) -> Result<Cell> {
    Ok(call.relation(0)?.into())
}

fn class_name(call: &Call<'_>) -> Result<Cell> {
    let path = call.context.search_path();
    let oid = call.relation(0)?;
    let written = oid.map(|oid| call.context.objects().written(oid, &path));
    Ok(written.into())
}

fn to_regclass(call: &Call<'_>) -> Result<Cell> {
    let path = call.context.search_path();
    let objects = call.context.objects();
    let found = call.text(0).and_then(|name| objects.find(name, &path));
    Ok(found.map(|oid| objects.written(oid, &path)).into())
}

fn to_regclass_oid(call: &Call<'_>) -> Result<Cell> {
    let path = call.context.search_path();
    let found = call
        .text(0)
        .and_then(|name| call.context.objects().find(name, &path));
    Ok(found.into())
}

fn to_regtype_oid(call: &Call<'_>) -> Result<Cell> {
    Ok(call
        .text(0)
        .and_then(types::parse)
        .map(|row| row.oid)
        .into())
}

fn to_regproc_oid(call: &Call<'_>) -> Result<Cell> {
    Ok(call.text(0).and_then(procedures::named).into())
}

fn to_regnamespace_oid(call: &Call<'_>) -> Result<Cell> {
    Ok(find_schema(call).into())
}

/// A type by its oid or by any of its names.
fn find_type(call: &Call<'_>) -> Result<Option<ObjectId>> {
    if let Some(oid) = call.oid(0) {
        return Ok(Some(oid));
    }
    let Some(name) = call.text(0) else {
        return Ok(None);
    };
    match types::parse(name) {
        Some(row) => Ok(Some(row.oid)),
        None if name == "-" => Ok(Some(0)),
        None => Err(missing("type", name)),
    }
}

fn missing(what: &str, name: &str) -> Error {
    let message = format!("{what} \"{name}\" does not exist");
    match what {
        "schema" => Error::new(state::INVALID_SCHEMA_NAME, message),
        "function" => Error::new(state::UNDEFINED_FUNCTION, message),
        _ => Error::new(state::UNDEFINED_OBJECT, message),
    }
}

fn type_oid(call: &Call<'_>) -> Result<Cell> {
    Ok(find_type(call)?.into())
}

fn type_name(call: &Call<'_>) -> Result<Cell> {
    Ok(find_type(call)?.map(|oid| types::format(oid, None)).into())
}

fn to_regtype(call: &Call<'_>) -> Result<Cell> {
    let found = call.text(0).and_then(types::parse);
    Ok(found.map(|row| types::format(row.oid, None)).into())
}

fn procedure_oid(call: &Call<'_>) -> Result<Cell> {
    let Some(name) = call.text(0) else {
        return Ok(call.oid(0).into());
    };
    match procedures::named(name) {
        Some(oid) => Ok(oid.into()),
        None if name == "-" => Ok(0.into()),
        None => Err(missing("function", name)),
    }
}

fn procedure_name(call: &Call<'_>) -> Result<Cell> {
    // A column of type regproc holds the name already.
    if let Some(name) = call.text(0) {
        let bare = name.strip_prefix("pg_catalog.").unwrap_or(name);
        return Ok(bare.into());
    }
    Ok(call.oid(0).map(procedures::written).into())
}

/// `=(integer,integer)`.
fn operator_name(call: &Call<'_>) -> Result<Cell> {
    let Some(oid) = call.oid(0) else {
        return Ok(call.arg(0).clone());
    };
    let wanted = oid.to_string();
    let lines = include_str!("../system/pg_operator.tsv").lines();
    let written = lines.map(|line| line.split('\t')).find_map(|mut fields| {
        // oid, name, namespace, owner, kind, can merge, can hash, left, right
        (fields.next()? == wanted).then_some(())?;
        let name = fields.next()?;
        let mut operand = |skipped: usize| fields.nth(skipped)?.parse::<ObjectId>().ok();
        let (left, right) = (operand(5)?, operand(0)?);
        let shown = |oid| match oid {
            0 => "NONE".to_owned(),
            oid => types::format(oid, None),
        };
        Some(format!("{name}({},{})", shown(left), shown(right)))
    });
    Ok(written.unwrap_or(wanted).into())
}

fn to_regproc(call: &Call<'_>) -> Result<Cell> {
    let found = call.text(0).and_then(procedures::named);
    Ok(found.map(procedures::written).into())
}

fn find_schema(call: &Call<'_>) -> Option<ObjectId> {
    let name = split_name(call.text(0)?)?.pop()?;
    let system = crate::pg_catalog::objects::is_system_schema(&name);
    let exists = system || call.context.catalog().has_schema(&name);
    exists.then(|| namespace(call.context, &name))
}

fn namespace_oid(call: &Call<'_>) -> Result<Cell> {
    if let Some(oid) = call.oid(0) {
        return Ok(oid.into());
    }
    match (find_schema(call), call.text(0)) {
        (Some(oid), _) => Ok(oid.into()),
        (None, Some(name)) => Err(missing("schema", name)),
        (None, None) => Ok(Cell::Null),
    }
}

fn namespace_name(call: &Call<'_>) -> Result<Cell> {
    let Some(oid) = namespace_oid(call)?.int() else {
        return Ok(Cell::Null);
    };
    let context = call.context;
    let system = ["pg_catalog", "information_schema"];
    let mut names = system
        .into_iter()
        .chain(context.catalog().schemas().map(|(name, _)| name));
    let found = names.find(|name| i64::from(namespace(context, name)) == oid);
    Ok(found.map_or_else(|| oid.to_string(), quote).into())
}

fn to_regnamespace(call: &Call<'_>) -> Result<Cell> {
    match find_schema(call) {
        Some(_) => namespace_name(call),
        None => Ok(Cell::Null),
    }
}

/// The role of the name that the first argument is.
fn named_role(call: &Call<'_>) -> Option<ObjectId> {
    let name = call.text(0).and_then(|text| split_name(text)?.pop())?;
    let role = call.context.catalog().role_named(&name)?;
    Some(role.oid)
}

fn role_oid(call: &Call<'_>) -> Result<Cell> {
    match call.text(0) {
        Some(text) if call.oid(0).is_none() => match named_role(call) {
            Some(oid) => Ok(oid.into()),
            None => Err(missing("role", text)),
        },
        _ => Ok(call.oid(0).into()),
    }
}

fn role_name(call: &Call<'_>) -> Result<Cell> {
    let oid = role_oid(call)?;
    Ok(match oid.int() {
        Some(oid) => {
            let known = ObjectId::try_from(oid).ok();
            let role = known.and_then(|oid| call.context.catalog().role(oid));
            role.map_or_else(|| oid.to_string(), |role| quote(&role.name))
                .into()
        }
        None => Cell::Null,
    })
}

fn to_regrole(call: &Call<'_>) -> Result<Cell> {
    match named_role(call) {
        Some(_) => role_name(call),
        None => Ok(Cell::Null),
    }
}

fn pg_get_userbyid(call: &Call<'_>) -> Result<Cell> {
    Ok(match call.oid(0) {
        Some(oid) => call.context.catalog().role_name(oid).into(),
        None => Cell::Null,
    })
}
