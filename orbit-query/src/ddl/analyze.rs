//! ANALYZE: counts rows and describes columns from a sample, for the planner.

use super::rebuild::each_row;
use crate::session::Session;
use crate::statement::names::Name;
use ahash::AHashMap;
use orbit_core::catalog::{Catalog, CatalogChange, ColumnStatistics, Relation, Statistics, Table};
use orbit_core::row::RowRef;
use orbit_core::txn::{TableLock, Wait};
use orbit_core::types::SqlType;
use orbit_core::value::{ValueRef, cast, text};
use orbit_core::{Error, Result, state};
use std::cmp::Ordering;
use std::sync::Arc;

/// Rows whose values are looked at; PostgreSQL's default too.
const SAMPLE_ROWS: usize = 30_000;
/// Bytes of sampled rows, where rows are large.
const SAMPLE_BYTES: usize = 16 << 20;

/// `tables` empty: all of them.
pub(crate) async fn run(session: &mut Session, tables: &[Name]) -> Result<()> {
    let settings = session.settings().clone();
    session.transaction()?.begin_statement();
    let catalog = session.transaction()?.catalog();
    let found: Vec<Arc<Table>> = if tables.is_empty() {
        catalog.tables().cloned().collect()
    } else {
        let mut found = Vec::with_capacity(tables.len());
        for name in tables {
            if !is_skipped(session, &catalog, name, "analyze") {
                found.push(name.require(&catalog, &settings)?.clone());
            }
        }
        found
    };
    for table in found {
        // A table dropped meanwhile needs no statistics.
        let locked = session
            .transaction()?
            .lock_table(table.id, TableLock::AccessShare, Wait::Block)
            .await;
        match locked {
            Ok(table) => one(session, &table).await?,
            Err(error) if error.is(orbit_core::state::UNDEFINED_TABLE) && tables.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether it is a relation that has no rows of its own, which is told.
pub(super) fn is_skipped(
    session: &mut Session,
    catalog: &Catalog,
    name: &Name,
    verb: &str,
) -> bool {
    let skipped = !matches!(
        name.relation(catalog, session.settings()),
        None | Some(Relation::Table(_))
    );
    if skipped {
        let message = format!(
            "skipping \"{}\" --- cannot {verb} non-tables or special system tables",
            name.name
        );
        session.notice(Error::new(state::WARNING, message));
    }
    skipped
}

async fn one(session: &mut Session, table: &Arc<Table>) -> Result<()> {
    let mut sample = Sample::default();
    let rows = each_row(session, table, |_, row| {
        sample.offer(row);
        Ok(())
    })
    .await?;
    let statistics = Statistics {
        rows,
        columns: (0..table.columns.len())
            .map(|column| describe(table, column, &sample.rows, rows))
            .collect::<Result<_>>()?,
    };
    session
        .transaction()?
        .change_catalog(CatalogChange::Statistics {
            table: table.id,
            statistics,
        })
}

/// Every n-th row, with n doubled whenever the sample is full: bounded, and
/// spread evenly whatever the size turns out to be.
#[derive(Default)]
struct Sample {
    rows: Vec<Vec<u8>>,
    bytes: usize,
    seen: u64,
    /// Rows are taken where `seen` is a multiple of two to this power.
    shift: u32,
}

impl Sample {
    fn offer(&mut self, row: &[u8]) {
        let place = self.seen;
        self.seen += 1;
        if !place.is_multiple_of(1 << self.shift) {
            return;
        }
        self.rows.push(row.to_vec());
        self.bytes += row.len();
        if self.rows.len() > SAMPLE_ROWS || (self.bytes > SAMPLE_BYTES && self.rows.len() > 100) {
            let mut even = false;
            self.rows.retain(|_| {
                even = !even;
                even
            });
            self.bytes = self.rows.iter().map(Vec::len).sum();
            self.shift += 1;
        }
    }
}

fn describe(
    table: &Table,
    column: usize,
    sample: &[Vec<u8>],
    rows: u64,
) -> Result<ColumnStatistics> {
    let mut counts: AHashMap<Vec<u8>, u32> = AHashMap::default();
    let mut nulls = 0u64;
    let mut least: Option<orbit_core::value::Value> = None;
    let mut most: Option<orbit_core::value::Value> = None;
    let Some(definition) = table.columns.get(column) else {
        return Ok(ColumnStatistics::default());
    };
    let ordered = !matches!(
        definition.sql_type,
        SqlType::Json | SqlType::Jsonb | SqlType::Array(_)
    );
    let mut bytes = Vec::new();
    for row in sample {
        let row = RowRef::new(row)?;
        let value: ValueRef<'_> = row.value(&table.layout, column, &table.missing)?;
        if value.is_null() {
            nulls += 1;
            continue;
        }
        bytes.clear();
        orbit_core::row::encode_value(&value, &mut bytes);
        match counts.get_mut(&bytes) {
            Some(count) => *count += 1,
            None => {
                counts.insert(bytes.clone(), 1);
            }
        }
        if !ordered {
            continue;
        }
        let beyond = |known: &Option<orbit_core::value::Value>, wanted: Ordering| match known {
            None => true,
            Some(known) => cast::compare(&value, &known.as_ref()) == Some(wanted),
        };
        if beyond(&least, Ordering::Less) {
            least = Some(value.to_owned());
        }
        if beyond(&most, Ordering::Greater) {
            most = Some(value.to_owned());
        }
    }
    let shown = |value: Option<orbit_core::value::Value>| -> Result<Option<String>> {
        let Some(value) = value else { return Ok(None) };
        let mut out = Vec::new();
        text::format(
            &value.as_ref(),
            &definition.sql_type,
            &Default::default(),
            &mut out,
        )?;
        Ok(Some(String::from_utf8_lossy(&out).into_owned()))
    };
    let sampled = sample.len() as u64;
    Ok(ColumnStatistics {
        distinct: estimate_distinct(
            &counts,
            sampled - nulls,
            scale(rows, sampled - nulls, sampled),
        ),
        nulls: scale(nulls, rows, sampled),
        min: shown(least)?,
        max: shown(most)?,
    })
}

fn scale(part: u64, whole: u64, sampled: u64) -> u64 {
    if sampled == 0 {
        return 0;
    }
    u64::try_from(u128::from(part) * u128::from(whole) / u128::from(sampled)).unwrap_or(u64::MAX)
}

/// Haas and Stokes' estimator, as PostgreSQL uses it: n*d / (n - f1 + f1*n/N).
fn estimate_distinct(counts: &AHashMap<Vec<u8>, u32>, sampled: u64, rows: u64) -> u64 {
    let distinct = counts.len() as u64;
    if sampled >= rows || distinct == 0 {
        return distinct;
    }
    let once = counts.values().filter(|count| **count == 1).count() as f64;
    let (n, d, all) = (sampled as f64, distinct as f64, rows as f64);
    let estimate = n * d / (n - once + once * n / all);
    (estimate.round() as u64).clamp(distinct, rows)
}
