//! DROP COLUMN: the column leaves the definition, its slot stays in the rows. No
//! row is written, unless the primary key goes with the column.

use super::{forget_indexes, put};
use crate::ddl::dependents;
use crate::ddl::expressions;
use crate::ddl::{rebuild, skipping};
use crate::session::Session;
use orbit_core::catalog::{
    CatalogChange, DroppedColumn, ForeignKey, ReferentialAction, Table, TableDef,
};
use orbit_core::ids::IndexId;
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(super) async fn run(
    session: &mut Session,
    table: &Arc<Table>,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Result<()> {
    let Some(place) = table.column_position(name) else {
        let what = format!(
            "column \"{name}\" of relation \"{}\" does not exist",
            table.name
        );
        if if_exists {
            session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            return Ok(());
        }
        return Err(Error::new(state::UNDEFINED_COLUMN, what));
    };
    let shown = dependents::relation_name(session, &table.schema, &table.name);
    let on = format!("column {name} of table {shown}");
    let dependents = dependents::of_column(session, table, place, &on)?;
    dependents::drop(session, &dependents, 1, cascade).await?;
    // Generated columns that are computed from it go first; none is from another.
    while let Some(other) = generated_from(&super::again(session, table)?.def, name)? {
        drop_one(session, table, &other).await?;
    }
    drop_one(session, table, name).await
}

async fn drop_one(session: &mut Session, table: &Arc<Table>, name: &str) -> Result<()> {
    let table = &super::again(session, table)?;
    let Some(place) = table.column_position(name) else {
        return Err(Error::internal("the dropped column is gone"));
    };
    let target = without(&table.def, place)?;
    if let Some(column) = table.columns.get(place) {
        crate::ddl::drop::forget_sequences(session, table, column)?;
    }
    move_comments(session, table, place)?;
    move_references(session, table, place).await?;
    forget_indexes(session, table, &target)?;
    let rekeyed = table.primary_key.is_some() && target.primary_key.is_none();
    if rekeyed && !rebuild::is_empty(session, table)? {
        let mut keyless = table.def.clone();
        keyless.primary_key = None;
        keyless.foreign_keys = super::again(session, table)?.foreign_keys.clone();
        rebuild::run(session, table, keyless, rebuild::Purpose::PrimaryKey).await?;
        let now = super::again(session, table)?;
        let Some(place) = now.column_position(name) else {
            return Err(Error::internal("the dropped column is gone"));
        };
        let target = without(&now.def, place)?;
        return put(session, target);
    }
    put(session, target)
}

/// A generated column that is computed from the column `name`.
pub(super) fn generated_from(table: &TableDef, name: &str) -> Result<Option<String>> {
    for column in &table.columns {
        if let Some(sql) = &column.generated
            && column.name != name
            && expressions::uses(sql, name)?
        {
            return Ok(Some(column.name.clone()));
        }
    }
    Ok(None)
}

/// The indexes that a column is part of, or that are computed from it.
pub(super) fn over(table: &TableDef, place: usize) -> Result<Vec<IndexId>> {
    let name = table.columns.get(place).map_or("", |column| &column.name);
    let mut found = Vec::new();
    for index in &table.indexes {
        let mut named = index.columns.iter().map(|part| &part.column);
        if named.any(|column| *column == place) || index.include.contains(&place) {
            found.push(index.id);
        }
    }
    for kept in &table.computed {
        if !found.contains(&kept.index) && expressions::uses(&kept.expression, name)? {
            found.push(kept.index);
        }
    }
    Ok(found)
}

/// The definition without a column, and without what was made of it.
fn without(table: &TableDef, place: usize) -> Result<TableDef> {
    let mut target = table.clone();
    for index in over(table, place)? {
        target.remove_index(index);
    }
    let slot = table.layout().slot_of(place);
    let column = target.columns.remove(place);
    let slot = u16::try_from(slot).map_err(|_| Error::internal("a column without a slot"))?;
    let at = target
        .dropped
        .partition_point(|dropped| dropped.slot < slot);
    target.dropped.insert(
        at,
        DroppedColumn {
            slot,
            sql_type: column.sql_type,
            computed: false,
        },
    );
    target.statistics = None;
    let keyed = target
        .primary_key
        .as_ref()
        .is_some_and(|key| key.columns.contains(&place) || key.include.contains(&place));
    if keyed {
        target.primary_key = None;
    }
    let mut checks = Vec::with_capacity(target.checks.len());
    for check in target.checks {
        if !expressions::uses(&check.expression, &column.name)? {
            checks.push(check);
        }
    }
    target.checks = checks;
    target
        .foreign_keys
        .retain(|key| !key.columns.contains(&place));
    // Later columns move up by one.
    let moved = |column: &mut usize| {
        if *column > place {
            *column -= 1;
        }
    };
    if let Some(key) = &mut target.primary_key {
        key.columns.iter_mut().for_each(moved);
        key.include.iter_mut().for_each(moved);
    }
    for index in &mut target.indexes {
        for part in &mut index.columns {
            moved(&mut part.column);
        }
        index.predicate.iter_mut().for_each(moved);
        index.include.iter_mut().for_each(moved);
    }
    for key in &mut target.foreign_keys {
        key.columns.iter_mut().for_each(moved);
        for action in [&mut key.on_delete, &mut key.on_update] {
            match action {
                ReferentialAction::SetNull(columns) | ReferentialAction::SetDefault(columns) => {
                    columns.iter_mut().for_each(moved);
                }
                _ => {}
            }
        }
        if key.referenced == target.id {
            key.referenced_columns.iter_mut().for_each(moved);
        }
    }
    Ok(target)
}

/// Comments are kept by a column's number, counted from 1.
fn move_comments(session: &mut Session, table: &Table, place: usize) -> Result<()> {
    let transaction = session.transaction()?;
    let catalog = transaction.catalog();
    let number = |place: usize| i32::try_from(place + 1).unwrap_or(i32::MAX);
    for column in place..table.columns.len() {
        let next = catalog.comment(table.oid, number(column + 1));
        if next.is_some() || catalog.comment(table.oid, number(column)).is_some() {
            transaction.change_catalog(CatalogChange::Comment {
                object: table.oid,
                column: number(column),
                text: next.map(str::to_owned),
            })?;
        }
    }
    Ok(())
}

/// Other tables' foreign keys name referenced columns by their positions.
async fn move_references(session: &mut Session, table: &Table, place: usize) -> Result<()> {
    let catalog = session.transaction()?.current_catalog()?;
    let concerned = |key: &ForeignKey| {
        key.referenced == table.id && key.referenced_columns.iter().any(|at| *at > place)
    };
    let others: Vec<_> = catalog
        .referring(table.id)
        .filter(|other| other.id != table.id && other.foreign_keys.iter().any(concerned))
        .map(|other| other.id)
        .collect();
    for id in others {
        let transaction = session.transaction()?;
        let other = transaction
            .lock_table(id, TableLock::ShareUpdateExclusive, Wait::Block)
            .await?;
        let mut def = other.def.clone();
        for key in &mut def.foreign_keys {
            if key.referenced == table.id {
                for column in &mut key.referenced_columns {
                    if *column > place {
                        *column -= 1;
                    }
                }
            }
        }
        put(session, def)?;
    }
    Ok(())
}
