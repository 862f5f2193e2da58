//! What ANALYZE counted.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::tables::relation::indexes;
use orbit_core::catalog::{Column, ColumnStatistics, Privileges, Table};

pub fn pg_stat_user_tables(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        let live = table.statistics.as_ref();
        let live = live.map_or(0, |counted| i64::try_from(counted.rows).unwrap_or(i64::MAX));
        rows.add([
            ("relid", table.oid.into()),
            ("schemaname", table.schema.as_str().into()),
            ("relname", table.name.as_str().into()),
            ("n_live_tup", live.into()),
            ("n_dead_tup", 0.into()),
        ]);
    }
}

/// Which tables there are: blocks aren't counted.
pub fn pg_statio_user_tables(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        rows.add([
            ("relid", table.oid.into()),
            ("schemaname", table.schema.as_str().into()),
            ("relname", table.name.as_str().into()),
        ]);
    }
}

pub fn pg_stat_user_indexes(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for (oid, name, _, _, _) in indexes(table) {
            rows.add([
                ("relid", table.oid.into()),
                ("indexrelid", oid.into()),
                ("schemaname", table.schema.as_str().into()),
                ("relname", table.name.as_str().into()),
                ("indexrelname", name.into()),
            ]);
        }
    }
}

#[allow(clippy::cast_precision_loss)] // statistics
pub fn pg_stats(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        let Some(counted) = &table.statistics else {
            continue;
        };
        for (column, known) in table.columns.iter().zip(&counted.columns) {
            // They tell of values: of such as the role may read.
            if !readable(context, table, column) {
                continue;
            }
            let null_share = match counted.rows {
                0 => 0.0,
                total => known.nulls as f64 / total as f64,
            };
            rows.add([
                ("schemaname", table.schema.as_str().into()),
                ("tablename", table.name.as_str().into()),
                ("attname", column.name.as_str().into()),
                ("inherited", false.into()),
                ("null_frac", null_share.into()),
                ("n_distinct", (known.distinct as f64).into()),
                ("histogram_bounds", bounds(known)),
            ]);
        }
    }
}

fn readable(context: &CatalogContext, table: &Table, column: &Column) -> bool {
    let (catalog, rights) = (context.catalog(), &context.facts().rights);
    let object = table.securable();
    let here = catalog.held_by(&rights.roles, &object, Some(column.created));
    let held = rights.on(catalog, &object).with(here.privileges);
    held.contains(Privileges::SELECT)
}

fn bounds(known: &ColumnStatistics) -> Cell {
    match (&known.min, &known.max) {
        (Some(min), Some(max)) => format!("{{{min},{max}}}").into(),
        _ => Cell::Null,
    }
}
