//! How big things are, as far as ANALYZE has counted rows.

use super::Arg::{Any, Int, Oid};
use super::{Call, Function, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::objects::Object;
use crate::pg_catalog::relations::Kind;
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("pg_database_size", &[Any], 1, Kind::Int8, database_size),
    strict("pg_indexes_size", &[Oid], 1, Kind::Int8, indexes_size),
    strict("pg_relation_filenode", &[Oid], 1, Kind::Oid, filenode),
    strict("pg_relation_size", &[Oid, Any], 1, Kind::Int8, relation_size),
    strict("pg_size_pretty", &[Int], 1, Kind::Text, pg_size_pretty),
    strict("pg_table_size", &[Oid], 1, Kind::Int8, relation_size),
    strict("pg_tablespace_size", &[Any], 1, Kind::Int8, database_size),
    strict("pg_total_relation_size", &[Oid], 1, Kind::Int8, total_size),
];

/// What a stored row carries besides its values.
const ROW_HEAD_BYTES: u64 = 32;
/// A value of varying length, on average.
const VARYING_BYTES: u64 = 16;

fn width(sql_type: &SqlType) -> u64 {
    let width = sql_type
        .stored_width()
        .and_then(|width| u64::try_from(width).ok());
    width.unwrap_or(VARYING_BYTES)
}

fn rows(table: &Table) -> u64 {
    table.statistics.as_ref().map_or(0, |counted| counted.rows)
}

fn table_size(table: &Table) -> u64 {
    let row: u64 = table
        .columns
        .iter()
        .map(|column| width(&column.sql_type))
        .sum();
    rows(table).saturating_mul(row + ROW_HEAD_BYTES)
}

fn index_size(table: &Table, columns: &[orbit_core::catalog::IndexColumn]) -> u64 {
    let key: u64 = columns
        .iter()
        .filter_map(|column| table.columns.get(column.column))
        .map(|column| width(&column.sql_type))
        .sum();
    rows(table).saturating_mul(key + VARYING_BYTES)
}

/// Secondary indexes; rows lie in the order of the primary key, which takes no space of its own.
fn all_indexes(table: &Table) -> u64 {
    let sizes = table
        .indexes
        .iter()
        .map(|index| index_size(table, &index.columns));
    sizes.sum()
}

fn bytes(size: u64) -> Cell {
    i64::try_from(size).unwrap_or(i64::MAX).into()
}

/// Relations are known by their own number in the store, too.
fn filenode(call: &Call<'_>) -> Result<Cell> {
    Ok(call.relation(0)?.into())
}

fn relation_size(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?;
    Ok(match oid.and_then(|oid| call.context.objects().get(oid)) {
        Some(Object::Table(table)) => bytes(table_size(table)),
        Some(Object::Index(table, place)) => {
            let index = table.indexes.get(*place);
            bytes(index.map_or(0, |index| index_size(table, &index.columns)))
        }
        Some(Object::PrimaryKey(_) | Object::Sequence(_) | Object::View(_) | Object::System(_)) => {
            0.into()
        }
        None => Cell::Null,
    })
}

fn indexes_size(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?;
    Ok(match oid.and_then(|oid| call.context.objects().get(oid)) {
        Some(Object::Table(table)) => bytes(all_indexes(table)),
        Some(_) => 0.into(),
        None => Cell::Null,
    })
}

fn total_size(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?;
    match oid.and_then(|oid| call.context.objects().get(oid)) {
        Some(Object::Table(table)) => Ok(bytes(table_size(table) + all_indexes(table))),
        _ => relation_size(call),
    }
}

fn database_size(call: &Call<'_>) -> Result<Cell> {
    let tables = call.context.catalog().tables();
    Ok(bytes(
        tables
            .map(|table| table_size(table) + all_indexes(table))
            .sum(),
    ))
}

/// `8192 bytes`, `12 kB`: the largest unit that leaves fewer than 10,240 of it, rounded half up.
fn pg_size_pretty(call: &Call<'_>) -> Result<Cell> {
    Ok(call.int(0).map(pretty).into())
}

fn pretty(size: i64) -> String {
    const LIMIT: u64 = 10 * 1024;
    let sign = if size < 0 { "-" } else { "" };
    let magnitude = size.unsigned_abs();
    if magnitude < LIMIT {
        return format!("{size} bytes");
    }
    // One bit more than the unit's own is kept until the end, for rounding.
    let mut halves = magnitude >> 9;
    let units = ["kB", "MB", "GB", "TB", "PB"];
    for (place, unit) in units.iter().enumerate() {
        let whole = halves.div_ceil(2);
        let last = place + 1 == units.len();
        if last || halves < LIMIT * 2 - 1 {
            return format!("{sign}{whole} {unit}");
        }
        halves >>= 10;
    }
    format!("{size} bytes")
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_rounded_as_postgresql_rounds_them() {
        // From SELECT pg_size_pretty(...) of PostgreSQL 15.
        for (size, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_752, "11 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (-10_240, "-10 kB"),
            (1_000_000_000, "954 MB"),
            (1_000_000_000_000, "931 GB"),
        ] {
            assert_eq!(pretty(size), text, "{size}");
        }
    }
}
