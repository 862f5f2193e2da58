//! `pg_get_...def`, `format_type`, descriptions: catalog objects written as SQL.

use super::Arg::{Any, Bool, Int, Oid, Text};
use super::{Call, Function, lenient, null, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::objects::{constraint_definition, index_column, index_definition, quote};
use crate::pg_catalog::relations::Kind;
use crate::pg_catalog::types;
use orbit_core::Result;

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    lenient("col_description", &[Any, Any], 2, Kind::Text, null),
    lenient("format_type", &[Oid, Int], 2, Kind::Text, format_type),
    lenient("obj_description", &[Any, Any], 1, Kind::Text, null),
    lenient("pg_describe_object", &[Any, Any, Any], 3, Kind::Text, null),
    strict("pg_get_constraintdef", &[Oid, Bool], 1, Kind::Text, pg_get_constraintdef),
    strict("pg_get_expr", &[Text, Oid, Bool], 2, Kind::Text, pg_get_expr),
    strict("pg_get_indexdef", &[Oid, Int, Bool], 1, Kind::Text, pg_get_indexdef),
    lenient("pg_get_partition_constraintdef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_partkeydef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_ruledef", &[Any, Any], 1, Kind::Text, null),
    lenient("pg_get_statisticsobjdef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_statisticsobjdef_columns", &[Any], 1, Kind::Text, null),
    lenient("pg_get_triggerdef", &[Any, Any], 1, Kind::Text, null),
    lenient("pg_get_viewdef", &[Any, Any], 1, Kind::Text, null),
    strict("pg_index_column_has_property", &[Oid, Int, Text], 3, Kind::Bool, pg_index_column_has_property),
    lenient("shobj_description", &[Any, Any], 2, Kind::Text, null),
];

fn format_type(call: &Call<'_>) -> Result<Cell> {
    let modifier = call.int(1).and_then(|m| i32::try_from(m).ok());
    Ok(call.oid(0).map(|oid| types::format(oid, modifier)).into())
}

fn pg_get_constraintdef(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let constraint = call.oid(0).and_then(|oid| objects.constraint(oid));
    Ok(constraint.and_then(constraint_definition).into())
}

/// Expressions are stored as the text they were written in.
fn pg_get_expr(call: &Call<'_>) -> Result<Cell> {
    Ok(call.arg(0).clone())
}

fn pg_get_indexdef(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let Some(object) = call.relation(0)?.and_then(|oid| objects.get(oid)) else {
        return Ok(Cell::Null);
    };
    let (Some(table), Some(columns)) = (object.table(), object.index_columns()) else {
        return Ok(Cell::Null);
    };
    // With a column's number, that column alone; 0 is the whole.
    if let Some(number) = call.int(1).filter(|number| *number > 0) {
        let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let column = columns.get(place).map(|column| index_column(table, column));
        return Ok(column.unwrap_or_default().into());
    }
    let path = call.context.search_path();
    let name = match call.bool(2).unwrap_or(false) {
        true => objects.written(table.oid, &path),
        false => format!("{}.{}", quote(&table.schema), quote(&table.name)),
    };
    Ok(index_definition(object, &name).into())
}

fn pg_index_column_has_property(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let object = call.relation(0)?.and_then(|oid| objects.get(oid));
    let Some(columns) = object.and_then(|object| object.index_columns()) else {
        return Ok(Cell::Null);
    };
    let place = call.int(1).and_then(|n| usize::try_from(n - 1).ok());
    let Some(column) = place.and_then(|place| columns.get(place)) else {
        return Ok(Cell::Null);
    };
    Ok(match call.text(2) {
        Some("asc" | "nulls_last") => (!column.descending).into(),
        Some("desc" | "nulls_first") => column.descending.into(),
        Some("orderable" | "returnable" | "search_array" | "search_nulls") => true.into(),
        Some("distance_orderable") => false.into(),
        _ => Cell::Null,
    })
}
