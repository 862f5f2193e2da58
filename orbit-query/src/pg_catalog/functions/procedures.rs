//! Functions about functions, from `pg_proc`'s rows.

use super::Arg::{Any, Oid};
use super::{Call, Function, lenient, null, strict};
use crate::pg_catalog::cells::{Cell, split_list};
use crate::pg_catalog::relations::{Kind, PG_CATALOG, relations};
use crate::pg_catalog::types;
use orbit_core::Result;
use orbit_core::types::Oid as ObjectId;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    lenient("pg_get_function_arg_default", &[Any, Any], 2, Kind::Text, null),
    strict("oidvectortypes", &[Any], 1, Kind::Text, vector_types),
    strict("pg_get_function_arguments", &[Oid], 1, Kind::Text, arguments),
    strict("pg_get_function_identity_arguments", &[Oid], 1, Kind::Text, arguments),
    strict("pg_get_function_result", &[Oid], 1, Kind::Text, result),
    lenient("pg_get_function_sqlbody", &[Any], 1, Kind::Text, null),
    lenient("pg_get_functiondef", &[Any], 1, Kind::Text, null),
];

struct Procedure {
    name: &'static str,
    arguments: Vec<ObjectId>,
    returns: ObjectId,
    returns_set: bool,
}

fn procedures() -> &'static BTreeMap<ObjectId, Procedure> {
    static ALL: LazyLock<BTreeMap<ObjectId, Procedure>> = LazyLock::new(|| {
        let lines = include_str!("../system/pg_proc.tsv").lines();
        lines.filter_map(read).collect()
    });
    &ALL
}

fn read(line: &'static str) -> Option<(ObjectId, Procedure)> {
    let relation = relations().named(PG_CATALOG, "pg_proc")?;
    let fields: Vec<&'static str> = line.split('\t').collect();
    let field = |name| Some(*fields.get(relation.position(name)?)?);
    let arguments = split_list(field("proargtypes")?);
    let procedure = Procedure {
        name: field("proname")?,
        arguments: arguments
            .iter()
            .filter_map(|oid| oid.parse().ok())
            .collect(),
        returns: field("prorettype")?.parse().ok()?,
        returns_set: field("proretset")? == "t",
    };
    Some((field("oid")?.parse().ok()?, procedure))
}

/// What PostgreSQL says of a function of its own.
pub fn description(oid: ObjectId) -> Option<&'static str> {
    static ALL: LazyLock<BTreeMap<ObjectId, &'static str>> = LazyLock::new(|| {
        let lines = include_str!("../system/pg_description.tsv").lines();
        lines
            .filter_map(|line| {
                let mut fields = line.split('\t');
                Some((fields.next()?.parse().ok()?, fields.nth(2)?))
            })
            .collect()
    });
    ALL.get(&oid).copied()
}

/// The first function of this name.
pub fn named(name: &str) -> Option<ObjectId> {
    let bare = name.strip_prefix("pg_catalog.").unwrap_or(name);
    let mut all = procedures().iter();
    all.find_map(|(oid, procedure)| (procedure.name == bare).then_some(*oid))
}

pub fn written(oid: ObjectId) -> String {
    match procedures().get(&oid) {
        Some(procedure) => procedure.name.to_owned(),
        None if oid == 0 => "-".to_owned(),
        None => oid.to_string(),
    }
}

fn arguments(call: &Call<'_>) -> Result<Cell> {
    let procedure = call.oid(0).and_then(|oid| procedures().get(&oid));
    let list = procedure.map(|procedure| {
        let names = procedure.arguments.iter();
        let names: Vec<String> = names.map(|oid| types::format(*oid, None)).collect();
        names.join(", ")
    });
    Ok(list.into())
}

/// `oidvectortypes(proargtypes)`: types by their names.
fn vector_types(call: &Call<'_>) -> Result<Cell> {
    let oids = match call.arg(0) {
        Cell::Texts(items) => items.clone(),
        Cell::Text(text) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        _ => return Ok(Cell::Null),
    };
    let names: Vec<String> = oids
        .iter()
        .filter_map(|oid| oid.parse().ok())
        .map(|oid| types::format(oid, None))
        .collect();
    Ok(names.join(", ").into())
}

fn result(call: &Call<'_>) -> Result<Cell> {
    let procedure = call.oid(0).and_then(|oid| procedures().get(&oid));
    let written = procedure.map(|procedure| {
        let name = types::format(procedure.returns, None);
        match procedure.returns_set {
            true => format!("SETOF {name}"),
            false => name,
        }
    });
    Ok(written.into())
}
