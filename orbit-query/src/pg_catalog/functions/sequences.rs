//! Sequences: `nextval` and its family.

use super::super::objects::{Object, quote};
use super::{Arg, Call, Function, lenient, strict, volatile};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::Kind;
use orbit_core::catalog::{Privileges, SequenceDef};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

fn sequence(call: &Call<'_>) -> Result<Option<Arc<SequenceDef>>> {
    let Some(oid) = call.relation(0)? else {
        return Ok(None);
    };
    if let Some(def) = call.context.catalog().sequence_by_oid(oid) {
        return Ok(Some(def.clone()));
    }
    Err(match call.context.objects().get(oid) {
        Some(object) => Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", object.name()),
        ),
        None => Error::new(
            state::UNDEFINED_TABLE,
            format!("could not open relation with OID {oid}"),
        ),
    })
}

/// 42501 unless the session's role has one of the privileges.
fn allowed(call: &Call<'_>, def: &SequenceDef, any: Privileges) -> Result<()> {
    let context = call.context;
    let rights = &context.facts().rights;
    rights.require_any(context.catalog(), &def.securable(), any)
}

fn nextval(call: &Call<'_>) -> Result<Cell> {
    match sequence(call)? {
        Some(def) => {
            allowed(call, &def, Privileges::USAGE.with(Privileges::UPDATE))?;
            Ok(call.context.facts().sequences.next(&def)?.into())
        }
        None => Ok(Cell::Null),
    }
}

fn currval(call: &Call<'_>) -> Result<Cell> {
    match sequence(call)? {
        Some(def) => {
            allowed(call, &def, Privileges::USAGE.with(Privileges::SELECT))?;
            Ok(call.context.facts().sequences.current(&def)?.into())
        }
        None => Ok(Cell::Null),
    }
}

fn lastval(call: &Call<'_>) -> Result<Cell> {
    let context = call.context;
    Ok(context.facts().sequences.last(context.catalog())?.into())
}

fn setval(call: &Call<'_>) -> Result<Cell> {
    let (Some(def), Some(value)) = (sequence(call)?, call.int(1)) else {
        return Ok(Cell::Null);
    };
    allowed(call, &def, Privileges::UPDATE)?;
    let called = call.bool(2).unwrap_or(true);
    call.context.facts().sequences.set(&def, value, called)?;
    Ok(value.into())
}

fn pg_sequence_last_value(call: &Call<'_>) -> Result<Cell> {
    let Some(def) = sequence(call)? else {
        return Ok(Cell::Null);
    };
    // As PostgreSQL: who may not look sees nothing rather than an error.
    if allowed(call, &def, Privileges::USAGE.with(Privileges::SELECT)).is_err() {
        return Ok(Cell::Null);
    }
    let (last, called) = call.context.facts().sequences.position(&def)?;
    Ok(called.then_some(last).into())
}

/// The sequence that a column owns, under the name that finds it anywhere.
fn pg_get_serial_sequence(call: &Call<'_>) -> Result<Cell> {
    let (Some(oid), Some(name)) = (call.relation(0)?, call.text(1)) else {
        return Ok(Cell::Null);
    };
    let Some(Object::Table(table)) = call.context.objects().get(oid) else {
        return Ok(Cell::Null);
    };
    let Some(column) = table.columns.iter().find(|column| column.name == name) else {
        return Err(Error::new(
            state::UNDEFINED_COLUMN,
            format!(
                "column \"{name}\" of relation \"{}\" does not exist",
                table.name
            ),
        ));
    };
    let mut owned = call
        .context
        .catalog()
        .sequences_of(table.id, column.created);
    let written = owned
        .next()
        .map(|def| format!("{}.{}", quote(&def.schema), quote(&def.name)));
    Ok(written.map_or(Cell::Null, Cell::from))
}

pub const FUNCTIONS: &[Function] = &[
    volatile("currval", &[Arg::Oid], 1, Kind::Int8, currval),
    volatile("lastval", &[], 0, Kind::Int8, lastval),
    volatile("nextval", &[Arg::Oid], 1, Kind::Int8, nextval),
    lenient(
        "pg_get_serial_sequence",
        &[Arg::Oid, Arg::Text],
        2,
        Kind::Text,
        pg_get_serial_sequence,
    ),
    strict(
        "pg_sequence_last_value",
        &[Arg::Oid],
        1,
        Kind::Int8,
        pg_sequence_last_value,
    ),
    volatile(
        "setval",
        &[Arg::Oid, Arg::Int, Arg::Bool],
        2,
        Kind::Int8,
        setval,
    ),
];
