//! Foreign keys as a transaction sees them: which of its writes must be looked
//! at when the statement (or, deferred, the transaction) ends, and the looks
//! themselves. What follows from a look (CASCADE and its like) is the caller's.
//!
//! A look is at the newest committed rows with the transaction's own over them,
//! as PostgreSQL's triggers have it. A row that is referred to is locked FOR KEY
//! SHARE, so it stays until this transaction ends.
//!
//! Here is the queue of what is to be looked at, now or deferred. `note` fills it;
//! `referenced` and `referring` look at a key's two sides.

mod note;
mod referenced;
mod referring;

use super::Transaction;
use super::write::decode;
use crate::catalog::{Catalog, ForeignKey, Index, Table};
use crate::error::{Error, Result, state};
use crate::ids::TableId;
use crate::read::ReadView;
use crate::row::RowRef;
use crate::store::{Direction, KeyRange};
use crate::types::{Oid, SqlType};
use crate::value::{Value, cast};
use imbl::{OrdMap, Vector};
use std::cmp::Ordering;
use std::sync::Arc;

/// What a transaction may leave for later in all.
const MAX_EVENTS: usize = 4 << 20;

/// Something that a foreign key must look at.
#[derive(Clone, Debug)]
pub struct Event {
    /// The constraint.
    pub key: Oid,
    /// The table that has the constraint.
    pub referring: TableId,
    pub what: Happened,
}

#[derive(Clone, Debug)]
pub enum Happened {
    /// A row that refers came, or refers to another row now: by its primary key.
    Refers(Arc<[u8]>),
    /// A row that may be referred to is gone, or has another key now. Values of
    /// the referenced columns, in the constraint's order.
    Released {
        old: Arc<[Value]>,
        new: Option<Arc<[Value]>>,
    },
    /// A row came into a key that a deferrable UNIQUE constraint guards: the key, as
    /// the index has it.
    Entered(Arc<[u8]>),
}

/// What an event asks of.
#[derive(Clone, Debug)]
pub enum Constraint {
    ForeignKey(ForeignKey),
    Unique(Index),
}

/// What a transaction's foreign keys still have to look at.
#[derive(Clone, Default)]
pub(crate) struct References {
    /// Of the statement that runs.
    pending: Vector<Event>,
    /// For COMMIT, or SET CONSTRAINTS ... IMMEDIATE.
    deferred: Vector<Event>,
    /// SET CONSTRAINTS: of all, then of single ones.
    all_deferred: Option<bool>,
    set_deferred: OrdMap<Oid, bool>,
}

impl References {
    fn is_deferred(&self, oid: Oid, deferrable: bool, initially: bool) -> bool {
        deferrable
            && match (self.set_deferred.get(&oid), self.all_deferred) {
                (Some(set), _) => *set,
                (None, Some(all)) => all,
                (None, None) => initially,
            }
    }
}

impl Transaction {
    /// Whether a statement left something for [`Transaction::next_event`].
    #[inline]
    pub fn has_events(&self) -> bool {
        match &self.references {
            None => false,
            Some(references) => !references.pending.is_empty(),
        }
    }

    /// Takes the oldest event that is not for later; those that are wait for COMMIT.
    /// Events of constraints that are no more are forgotten.
    pub fn next_event(&mut self) -> Result<Option<(Event, Arc<Table>, Constraint)>> {
        if !self.has_events() {
            return Ok(None);
        }
        let catalog = self.current_catalog()?;
        let Some(references) = self.references.as_mut().map(Arc::make_mut) else {
            return Ok(None);
        };
        while let Some(event) = references.pending.pop_front() {
            let (table, of, can_wait, deferred) = if let Happened::Entered(_) = &event.what {
                let Some((table, index)) = unique(&catalog, &event) else {
                    continue;
                };
                let deferred =
                    references.is_deferred(index.oid, index.deferrable, index.initially_deferred);
                (table, Constraint::Unique(index.clone()), true, deferred)
            } else {
                let Some((table, key)) = constraint(&catalog, &event) else {
                    continue;
                };
                // Only NO ACTION and the check of the referring row can wait.
                let can_wait = match &event.what {
                    Happened::Released { new, .. } => key.action(new.is_some()).is_no_action(),
                    _ => true,
                };
                let deferred =
                    references.is_deferred(key.oid, key.deferrable, key.initially_deferred);
                (
                    table,
                    Constraint::ForeignKey(key.clone()),
                    can_wait,
                    deferred,
                )
            };
            if can_wait && deferred {
                if references.deferred.len() >= MAX_EVENTS {
                    return Err(too_many());
                }
                references.deferred.push_back(event);
                continue;
            }
            return Ok(Some((event, table.clone(), of)));
        }
        Ok(None)
    }

    /// Whether the constraint is looked at later rather than at the statement's end.
    pub fn is_deferred(&self, key: &ForeignKey) -> bool {
        match &self.references {
            Some(references) => {
                references.is_deferred(key.oid, key.deferrable, key.initially_deferred)
            }
            None => key.deferrable && key.initially_deferred,
        }
    }

    /// Whether something waits for COMMIT.
    #[inline]
    pub fn has_deferred(&self) -> bool {
        match &self.references {
            None => false,
            Some(references) => !references.deferred.is_empty() || !references.pending.is_empty(),
        }
    }

    /// Whether rows of a table wait for a look at COMMIT.
    pub fn has_deferred_of(&self, table: TableId) -> bool {
        self.references.as_ref().is_some_and(|references| {
            let mut deferred = references.deferred.iter();
            deferred.any(|event| event.referring == table)
        })
    }

    /// COMMIT: what was deferred is due.
    pub fn end_deferral(&mut self) {
        if let Some(references) = self.references.as_mut().map(Arc::make_mut) {
            references.all_deferred = Some(false);
            references.set_deferred = OrdMap::new();
            let due = std::mem::take(&mut references.deferred);
            references.pending.append(due);
        }
    }

    /// SET CONSTRAINTS; `keys` empty: all of them. What becomes IMMEDIATE is due now.
    pub fn set_deferred(&mut self, keys: &[Oid], deferred: bool) {
        let references = Arc::make_mut(self.references.get_or_insert_default());
        if keys.is_empty() {
            references.all_deferred = Some(deferred);
            references.set_deferred = OrdMap::new();
        }
        for key in keys {
            references.set_deferred.insert(*key, deferred);
        }
        if !deferred {
            // Those that may still wait are put back when they are taken.
            let due = std::mem::take(&mut references.deferred);
            references.pending.append(due);
        }
    }

    /// What exists now, other transactions' commits and own changes alike.
    pub fn current_catalog(&self) -> Result<Arc<Catalog>> {
        let newest = self.db.newest().catalog.clone();
        match &self.own_catalog {
            None => Ok(newest),
            Some(own) if self.own_catalog_base == newest.version => Ok(own.clone()),
            Some(_) => Ok(Arc::new(self.on_top_of(&newest)?)),
        }
    }

    /// The first of several rows that share a unique key, if they do.
    pub fn shared_key(
        &self,
        table: &Table,
        index: &Index,
        columns: &[u8],
    ) -> Result<Option<Vec<Value>>> {
        let view = self.newest_view();
        let range = KeyRange::prefix(columns);
        let mut scan = view.scan_index(table, index, range, Direction::Forward)?;
        let mut first: Option<Vec<u8>> = None;
        while let Some((key, pk)) = scan.next_entry()? {
            if key != columns {
                continue;
            }
            if let Some(first) = first {
                let mut row = Vec::new();
                view.get(table, &first, &mut row)?;
                return decode(table, &row).map(Some);
            }
            first = Some(pk.to_vec());
        }
        Ok(None)
    }

    /// Newest commits with own writes over them.
    pub(super) fn newest_view(&self) -> ReadView {
        let newest = self.db.newest();
        ReadView {
            catalog: newest.catalog.clone(),
            view: newest,
            writes: (!self.writes.is_empty()).then(|| self.writes.clone()),
            loaded: self.loaded.clone(),
        }
    }
}

fn unique<'a>(catalog: &'a Catalog, event: &Event) -> Option<(&'a Arc<Table>, &'a Index)> {
    let table = catalog.table_by_id(event.referring)?;
    let index = table.indexes.iter().find(|index| index.oid == event.key)?;
    Some((table, index))
}

fn constraint<'a>(catalog: &'a Catalog, event: &Event) -> Option<(&'a Arc<Table>, &'a ForeignKey)> {
    let table = catalog.table_by_id(event.referring)?;
    let key = table.foreign_keys.iter().find(|key| key.oid == event.key)?;
    Some((table, key))
}

/// Values of one side's columns as the other side's types have them. `None`: some
/// value has no equal there.
fn converted(table: &Table, columns: &[usize], values: &[Value]) -> Result<Option<Vec<Value>>> {
    let mut converted = Vec::with_capacity(values.len());
    for (column, value) in columns.iter().zip(values) {
        let Some(column) = table.columns.get(*column) else {
            return Err(changed_key(table));
        };
        let here = match (&column.sql_type, value) {
            // A modifier rounds or refuses; the value as it is compares better.
            (SqlType::Numeric(_), _) => cast::assign(value.clone(), &SqlType::Numeric(None)),
            (SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_), Value::Text(_)) => {
                Ok(value.clone())
            }
            (sql_type, _) => cast::assign(value.clone(), sql_type),
        };
        match here {
            Ok(here) if cast::compare(&here.as_ref(), &value.as_ref()) == Some(Ordering::Equal) => {
                converted.push(here);
            }
            // Out of the type's range, or rounded.
            _ => return Ok(None),
        }
    }
    Ok(Some(converted))
}

/// Whether a stored row has these values in these columns.
fn has_key(table: &Table, columns: &[usize], row: &[u8], values: &[Value]) -> Result<bool> {
    let row = RowRef::new(row)?;
    for (column, value) in columns.iter().zip(values) {
        let stored = row.value(&table.layout, *column, &table.missing)?;
        if cast::compare(&stored, &value.as_ref()) != Some(Ordering::Equal) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn changed_key(table: &Table) -> Error {
    Error::new(
        state::STALE_PLAN,
        format!(
            "the referenced key of \"{}\" was changed meanwhile",
            table.name
        ),
    )
}

fn too_many() -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "too many rows wait for their foreign keys to be checked",
    )
    .with_hint("Commit in smaller steps, or SET CONSTRAINTS ALL IMMEDIATE.")
}
