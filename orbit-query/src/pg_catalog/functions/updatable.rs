//! Whether relations and their columns can be written.

use super::{Arg, Call, Function, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::{Kind, relations};
use crate::updatable;
use orbit_core::Result;
use orbit_core::catalog::Catalog;
use orbit_core::types::Oid;
use std::sync::Arc;

pub const FUNCTIONS: &[Function] = &[
    strict(
        "pg_relation_is_updatable",
        &[Arg::Oid, Arg::Bool],
        2,
        Kind::Int4,
        relation,
    ),
    strict(
        "pg_column_is_updatable",
        &[Arg::Oid, Arg::Int, Arg::Bool],
        3,
        Kind::Bool,
        column,
    ),
];

const UPDATE: i64 = 1 << 2;
const INSERT: i64 = 1 << 3;
const DELETE: i64 = 1 << 4;

fn events(catalog: &Arc<Catalog>, oid: Oid) -> i64 {
    let of_system = relations().iter().find(|relation| relation.oid == oid);
    if catalog.table_by_oid(oid).is_some() || of_system.is_some_and(|one| one.kind == "r") {
        return UPDATE | INSERT | DELETE;
    }
    let Some(view) = catalog.view_by_oid(oid) else {
        return 0;
    };
    let writable = updatable::writable(catalog, view);
    match (writable.writes(), writable.deletes) {
        (true, _) => UPDATE | INSERT | DELETE,
        (false, true) => DELETE,
        (false, false) => 0,
    }
}

fn relation(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?.unwrap_or(0);
    Ok(events(call.context.catalog(), oid).into())
}

fn column(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?.unwrap_or(0);
    let number = call.int(1).unwrap_or(0);
    let catalog = call.context.catalog();
    let Some(at) = usize::try_from(number)
        .ok()
        .and_then(|at| at.checked_sub(1))
    else {
        // System columns.
        return Ok(false.into());
    };
    if catalog.table_by_oid(oid).is_some() {
        return Ok(true.into());
    }
    let view = catalog.view_by_oid(oid);
    let columns = view.map(|view| updatable::writable(catalog, view).columns);
    let writable = columns.and_then(|columns| columns.get(at).copied());
    Ok(writable.unwrap_or(false).into())
}
