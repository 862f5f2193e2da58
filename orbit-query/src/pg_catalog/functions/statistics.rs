//! What PostgreSQL's own views of statistics are made of, as tools call it. What isn't
//! counted is NULL.

use super::Arg::{Any, Oid};
use super::{Call, Function, null, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::objects::Object;
use crate::pg_catalog::relations::Kind;
use orbit_core::Result;

const fn uncounted(name: &'static str) -> Function {
    strict(name, &[Oid], 1, Kind::Int8, null)
}

const fn never(name: &'static str) -> Function {
    strict(name, &[Oid], 1, Kind::Timestamp, null)
}

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("mxid_age", &[Any], 1, Kind::Int4, unworn),
    uncounted("pg_stat_get_blocks_fetched"),
    uncounted("pg_stat_get_blocks_hit"),
    strict("pg_stat_get_dead_tuples", &[Oid], 1, Kind::Int8, dead),
    never("pg_stat_get_last_analyze_time"),
    never("pg_stat_get_last_autoanalyze_time"),
    never("pg_stat_get_last_autovacuum_time"),
    never("pg_stat_get_last_vacuum_time"),
    strict("pg_stat_get_live_tuples", &[Oid], 1, Kind::Int8, live),
    uncounted("pg_stat_get_mod_since_analyze"),
    uncounted("pg_stat_get_numscans"),
    uncounted("pg_stat_get_tuples_deleted"),
    uncounted("pg_stat_get_tuples_fetched"),
    uncounted("pg_stat_get_tuples_hot_updated"),
    uncounted("pg_stat_get_tuples_inserted"),
    uncounted("pg_stat_get_tuples_returned"),
    uncounted("pg_stat_get_tuples_updated"),
];

/// Transactions are numbered so that no number ever comes round: nothing has to be frozen.
fn unworn(_call: &Call<'_>) -> Result<Cell> {
    Ok(0.into())
}

fn dead(call: &Call<'_>) -> Result<Cell> {
    Ok(match call.relation(0)? {
        Some(_) => 0.into(),
        None => Cell::Null,
    })
}

/// As ANALYZE counted them.
fn live(call: &Call<'_>) -> Result<Cell> {
    let Some(oid) = call.relation(0)? else {
        return Ok(Cell::Null);
    };
    let rows = match call.context.objects().get(oid) {
        Some(Object::Table(table)) => table.statistics.as_ref().map_or(0, |counted| counted.rows),
        _ => 0,
    };
    Ok(i64::try_from(rows).unwrap_or(i64::MAX).into())
}
