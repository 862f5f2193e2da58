//! Building beside: a table's rows are read at the newest moment, checked, and
//! loaded sorted into fresh key ranges under the definition to come; COMMIT
//! switches over.

use crate::session::Session;
use orbit_core::catalog::{Table, TableDef};
use orbit_core::error::{Shown, ShownValues};
use orbit_core::read::RowScan;
use orbit_core::row::{self, RowRef};
use orbit_core::store::{Direction, KeyRange};
use orbit_core::value::Value;
use orbit_core::{Error, Result, key, state};
use std::sync::Arc;
use tokio::task::coop::consume_budget;

/// What a rebuild is for, where its errors must say so.
pub(crate) enum Purpose<'a> {
    PrimaryKey,
    /// The index that is new.
    Index(&'a str),
    /// Every row anew: whichever key it was.
    Rewrite,
}

/// All rows as of now, the newest commits included. The caller's lock keeps writers away.
pub(crate) fn scan_newest(session: &mut Session, table: &Table) -> Result<RowScan> {
    let transaction = session.transaction()?;
    transaction.see_newest()?;
    transaction
        .begin_statement()
        .scan(table, KeyRange::default(), Direction::Forward)
}

/// Whether the table holds no row.
pub(crate) fn is_empty(session: &mut Session, table: &Table) -> Result<bool> {
    Ok(scan_newest(session, table)?.next()?.is_none())
}

/// Visits all rows; `visit` gets the key and the stored row.
pub(crate) async fn each_row(
    session: &mut Session,
    table: &Table,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<u64> {
    let cancel = session.cancel_token();
    let mut scan = scan_newest(session, table)?;
    let mut count = 0u64;
    while let Some((pk, row)) = scan.next()? {
        // One row may take long: its expressions may.
        cancel.check()?;
        consume_budget().await;
        visit(pk, row)?;
        count += 1;
    }
    Ok(count)
}

/// 23502 if any of the columns holds a NULL.
pub(crate) fn check_not_null(table: &Table, row: &RowRef<'_>, columns: &[usize]) -> Result<()> {
    for column in columns {
        if row.is_null(&table.layout, *column, &table.missing) {
            let name = table.columns.get(*column).map_or("", |c| c.name.as_str());
            return Err(contains_nulls(table, name));
        }
    }
    Ok(())
}

/// Moves a table's rows to the definition `target`.
pub(crate) async fn run(
    session: &mut Session,
    table: &Arc<Table>,
    target: TableDef,
    purpose: Purpose<'_>,
) -> Result<()> {
    let mut load = session.transaction()?.begin_rebuild(target.clone()).await?;
    let key_columns = target.primary_key_columns().to_vec();
    let rekeyed = table.primary_key_columns() != key_columns;
    let not_null: Vec<usize> = target
        .columns
        .iter()
        .zip(&table.columns)
        .enumerate()
        .filter(|(_, (new, old))| new.not_null && !old.not_null)
        .map(|(place, _)| place)
        .collect();
    let mut new_pk = Vec::new();
    each_row(session, table, |pk, row| {
        let parsed = RowRef::new(row)?;
        check_not_null(table, &parsed, &not_null)?;
        if !rekeyed {
            return load.push_encoded(pk, row);
        }
        new_pk.clear();
        for column in &key_columns {
            let value = parsed.value(&table.layout, *column, &table.missing)?;
            key::push(&mut new_pk, &value, false, false)?;
        }
        load.push_encoded(&new_pk, row)
    })
    .await?;
    load.finish(session.transaction()?)
        .await
        .map_err(|error| explain(error, &target, &purpose))?;
    Ok(())
}

/// Writes every row anew under `target`, as `change` makes it of the old values.
pub(crate) async fn rewrite(
    session: &mut Session,
    table: &Arc<Table>,
    target: TableDef,
    mut change: impl FnMut(Vec<Value>) -> Result<Vec<Value>>,
) -> Result<()> {
    let mut load = session.transaction()?.begin_rebuild(target.clone()).await?;
    each_row(session, table, |_, row| {
        let values = RowRef::new(row)?.values(&table.layout, &table.missing)?;
        load.push(&change(values)?)
    })
    .await?;
    load.finish(session.transaction()?)
        .await
        .map_err(|error| explain(error, &target, &Purpose::Rewrite))?;
    Ok(())
}

/// Moves a table's rows to a definition whose new index keeps something of them: what it
/// keeps is as old as the row, and all else stays as it is.
pub(crate) async fn extend(
    session: &mut Session,
    table: &Arc<Table>,
    target: TableDef,
    purpose: Purpose<'_>,
    mut kept: impl FnMut(Vec<Value>) -> Result<Vec<(usize, Value)>>,
) -> Result<()> {
    let mut load = session.transaction()?.begin_rebuild(target.clone()).await?;
    let later = load.table().clone();
    let mut wider = Vec::new();
    each_row(session, table, |pk, row| {
        let parsed = RowRef::new(row)?;
        let changes = kept(parsed.values(&table.layout, &table.missing)?)?;
        let stamp = parsed.stamp();
        row::update(
            &later.layout,
            row,
            &changes,
            &later.missing,
            stamp,
            &mut wider,
        )?;
        load.push_encoded(pk, &wider)
    })
    .await?;
    load.finish(session.transaction()?)
        .await
        .map_err(|error| explain(error, &target, &purpose))?;
    Ok(())
}

/// 23502 if the value of a column that may not be NULL is.
pub(crate) fn check_values(target: &TableDef, values: &[Value], place: usize) -> Result<()> {
    let (Some(column), Some(value)) = (target.columns.get(place), values.get(place)) else {
        return Ok(());
    };
    if !column.not_null || !value.is_null() {
        return Ok(());
    }
    Err(contains_nulls(target, &column.name))
}

fn contains_nulls(table: &TableDef, column: &str) -> Error {
    Error::new(
        state::NOT_NULL_VIOLATION,
        format!(
            "column \"{column}\" of relation \"{}\" contains null values",
            table.name
        ),
    )
    .of_schema(&table.schema)
    .of_table(&table.name)
    .of_column(column)
}

/// A duplicate found while building, in PostgreSQL's words.
fn explain(mut error: Error, target: &TableDef, purpose: &Purpose<'_>) -> Error {
    if !error.is(state::UNIQUE_VIOLATION) {
        return error;
    }
    let name = match purpose {
        Purpose::PrimaryKey => target
            .primary_key
            .as_ref()
            .map_or("", |key| key.constraint.as_str()),
        Purpose::Index(name) => name,
        Purpose::Rewrite => &error.constraint().unwrap_or_default().to_owned(),
    };
    let explained = Error::new(
        state::UNIQUE_VIOLATION,
        format!("could not create unique index \"{name}\""),
    )
    .of_schema(&target.schema)
    .of_table(&target.name)
    .of_constraint(name);
    let detail = error.detail().map(str::to_owned);
    let Some(detail) = detail else {
        return explained;
    };
    let explained = explained.with_detail(detail.replace(" already exists.", " is duplicated."));
    match error.take_shown() {
        Some(Shown {
            table,
            values: ShownValues::Key { columns, .. },
        }) => explained.showing(Shown {
            table,
            values: ShownValues::Key {
                columns,
                otherwise: Some("Duplicate keys exist.".to_owned()),
            },
        }),
        _ => explained,
    }
}
