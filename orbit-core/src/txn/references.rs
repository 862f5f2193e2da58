//! Foreign keys as a transaction sees them: which of its writes must be looked
//! at when the statement (or, deferred, the transaction) ends, and the looks
//! themselves. What follows from a look (CASCADE and its like) is the caller's.
//!
//! A look is at the newest committed rows with the transaction's own over them,
//! as PostgreSQL's triggers have it. A row that is referred to is locked FOR KEY
//! SHARE, so it stays until this transaction ends.

use super::lock::serialization_failure;
use super::write::{decode, settled};
use super::{Isolation, RowLock, TableLock, Transaction, Wait};
use crate::catalog::{Catalog, ForeignKey, Index, Table};
use crate::error::{Error, Result, state};
use crate::ids::TableId;
use crate::key;
use crate::lock::Acquired;
use crate::read::{ReadView, live, store_key};
use crate::row::RowRef;
use crate::store::{Direction, KeyRange, Space};
use crate::types::{Oid, SqlType};
use crate::value::{Value, cast};
use imbl::{OrdMap, Vector};
use std::cmp::Ordering;
use std::sync::Arc;

/// Beyond so many, those that hold already are looked at and forgotten.
const MANY_EVENTS: usize = 1 << 16;
/// What a transaction may leave for later in all.
const MAX_EVENTS: usize = 4 << 20;
/// Rows that refer, found in one go.
pub const REFERRING_BATCH: usize = 1024;
/// Rows between two looks at the cancel token, and a breath for other tasks.
const BREATH_ROWS: u64 = 4096;
/// How often a referenced row is looked for again because it keeps changing.
const MAX_LOOKS: usize = 100;

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

/// Where in a table or index a search for referring rows goes on.
pub type Resume = Vec<u8>;

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
            Some(_) => {
                let mut rebased = (*newest).clone();
                for change in &self.changes.catalog {
                    rebased = rebased.with(change)?;
                }
                Ok(Arc::new(rebased))
            }
        }
    }

    /// A row was inserted, or changed from `old`. Gives whether the events have
    /// become many: [`Transaction::thin_out`] is due.
    pub(super) fn note_refers(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        old: Option<&[Value]>,
        new: &[Value],
    ) -> bool {
        let mut pk_shared: Option<Arc<[u8]>> = None;
        for key in &table.foreign_keys {
            let values = key.columns.iter().map(|column| new.get(*column));
            let nulls = values
                .filter(|value| value.is_none_or(Value::is_null))
                .count();
            if nulls == key.columns.len() || (nulls > 0 && !key.match_full) {
                continue;
            }
            if let Some(old) = old
                && key
                    .columns
                    .iter()
                    .all(|column| old.get(*column) == new.get(*column))
            {
                continue;
            }
            let pk = pk_shared.get_or_insert_with(|| pk.into()).clone();
            self.note(Event {
                key: key.oid,
                referring: table.id,
                what: Happened::Refers(pk),
            });
        }
        match &self.references {
            Some(references) => {
                let many = references.pending.len();
                many >= MANY_EVENTS && many.is_multiple_of(MANY_EVENTS)
            }
            None => false,
        }
    }

    /// A row was deleted (`new`: none) or changed; others may refer to it.
    pub(super) fn note_released(
        &mut self,
        table: &Table,
        catalog: &Catalog,
        old: &[Value],
        new: Option<&[Value]>,
    ) {
        let mut events = Vec::new();
        for referring in catalog.referring(table.id) {
            for key in &referring.foreign_keys {
                if key.referenced != table.id {
                    continue;
                }
                let pick = |values: &[Value]| -> Arc<[Value]> {
                    let columns = key.referenced_columns.iter();
                    columns
                        .map(|column| values.get(*column).cloned().unwrap_or_default())
                        .collect()
                };
                let was = pick(old);
                // Nobody refers to a NULL.
                if was.iter().any(Value::is_null) {
                    continue;
                }
                let is = new.map(pick);
                if is.as_ref().is_some_and(|is| *is == was) {
                    continue;
                }
                events.push(Event {
                    key: key.oid,
                    referring: referring.id,
                    what: Happened::Released { old: was, new: is },
                });
            }
        }
        for event in events {
            self.note(event);
        }
    }

    fn note(&mut self, event: Event) {
        let references = Arc::make_mut(self.references.get_or_insert_default());
        references.pending.push_back(event);
    }

    /// A row came into a key of a deferrable UNIQUE constraint.
    pub(super) fn note_entered(&mut self, table: &Table, index: &Index, columns: &[u8]) {
        self.note(Event {
            key: index.oid,
            referring: table.id,
            what: Happened::Entered(columns.into()),
        });
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

    /// Notes that a row is to be looked at whatever it was before.
    pub fn note_reference(&mut self, key: &ForeignKey, referring: TableId, pk: &[u8]) {
        self.note(Event {
            key: key.oid,
            referring,
            what: Happened::Refers(pk.into()),
        });
    }

    /// Keeps the memory of a large statement bounded: events of rows whose
    /// referenced row is there are done with.
    pub(super) async fn thin_out(&mut self) -> Result<()> {
        let catalog = self.current_catalog()?;
        let events = match self.references.as_mut().map(Arc::make_mut) {
            Some(references) => std::mem::take(&mut references.pending),
            None => return Ok(()),
        };
        let mut kept = Vector::new();
        for event in events {
            self.limits.cancel.check()?;
            if let (Happened::Refers(pk), Some((table, key))) =
                (&event.what, constraint(&catalog, &event))
                && self.look(table, key, pk).await?.is_none()
            {
                continue;
            }
            kept.push_back(event);
        }
        if kept.len() >= MAX_EVENTS {
            return Err(too_many());
        }
        if let Some(references) = self.references.as_mut().map(Arc::make_mut) {
            references.pending = kept;
        }
        Ok(())
    }

    /// Looks whether the row that one refers to is there, and locks it. `None`:
    /// it is, or the row itself is no more. Otherwise the values of the referring row.
    pub async fn look(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        pk: &[u8],
    ) -> Result<Option<Vec<Value>>> {
        let Some(row) = self.newest_row(table, pk)? else {
            return Ok(None);
        };
        if !RowRef::new(&row)?.is_live() {
            return Ok(None);
        }
        let row = decode(table, &row)?;
        let values: Vec<Value> = key
            .columns
            .iter()
            .map(|column| row.get(*column).cloned().unwrap_or_default())
            .collect();
        let nulls = values.iter().filter(|value| value.is_null()).count();
        if nulls == values.len() || (nulls > 0 && !key.match_full) {
            return Ok(None);
        }
        if nulls > 0 {
            return Ok(Some(row));
        }
        let referenced = self
            .lock_table(key.referenced, TableLock::RowShare, Wait::Block)
            .await?;
        // The referenced columns may have moved while the lock was waited for.
        let catalog = self.current_catalog()?;
        let key = match catalog.table_by_id(table.id) {
            Some(table) => match table.foreign_keys.iter().find(|now| now.oid == key.oid) {
                Some(now) => now.clone(),
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        let found = self.lock_referenced(&referenced, &key, &values).await?;
        Ok((!found).then_some(row))
    }

    /// Locks the row with these values in the referenced columns FOR KEY SHARE.
    /// `false`: there is none.
    pub async fn lock_referenced(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
    ) -> Result<bool> {
        for _ in 0..MAX_LOOKS {
            let Some(pk) = self.find_referenced(table, key, values)? else {
                return Ok(false);
            };
            if self.isolation == Isolation::RepeatableRead && !self.is_visible(table, &pk)? {
                return Ok(false);
            }
            let row = self.lock_newest(table, &pk, RowLock::KeyShare).await?;
            match row {
                // Its key can't change any more, but may have while we waited.
                Some(row) if has_key(table, &key.referenced_columns, &row, values)? => {
                    return Ok(true);
                }
                _ if self.isolation == Isolation::RepeatableRead => {
                    return Err(serialization_failure());
                }
                _ => {}
            }
        }
        Err(Error::new(
            state::OBJECT_IN_USE,
            format!("the referenced row of \"{}\" keeps changing", table.name),
        ))
    }

    /// The key of the live row that has these values, by primary key or unique index.
    pub fn find_referenced(
        &self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
    ) -> Result<Option<Vec<u8>>> {
        let Some(values) = converted(table, &key.referenced_columns, values)? else {
            return Ok(None);
        };
        let value_of = |column: usize| {
            let place = key.referenced_columns.iter().position(|of| *of == column);
            place.and_then(|place| values.get(place))
        };
        let Some(index) = key.referenced_index else {
            let mut pk = Vec::new();
            for column in table.primary_key_columns() {
                let Some(value) = value_of(*column) else {
                    return Err(changed_key(table));
                };
                key::push(&mut pk, &value.as_ref(), false, false)?;
            }
            let live = match self.newest_row(table, &pk)? {
                Some(row) => RowRef::new(&row)?.is_live(),
                None => false,
            };
            return Ok(live.then_some(pk));
        };
        let Some(index) = table.indexes.iter().find(|known| known.id == index) else {
            return Err(changed_key(table));
        };
        let mut columns = Vec::new();
        for part in &index.columns {
            let Some(value) = value_of(part.column) else {
                return Err(changed_key(table));
            };
            key::push(&mut columns, &value.as_ref(), part.descending, true)?;
        }
        let view = self.newest_view();
        let range = KeyRange::prefix(&columns);
        let mut scan = view.scan_index(table, index, range, Direction::Forward)?;
        while let Some((key, pk)) = scan.next_entry()? {
            if key == columns {
                return Ok(Some(pk.to_vec()));
            }
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

    /// Whether this transaction's (repeatable) moment shows the row at all.
    fn is_visible(&self, table: &Table, pk: &[u8]) -> Result<bool> {
        self.view().get(table, pk, &mut Vec::new())
    }

    /// As [`Transaction::lock_row`], of the newest version whatever this
    /// transaction's moment shows.
    pub async fn lock_newest(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        mode: RowLock,
    ) -> Result<Option<Vec<u8>>> {
        let key = self.db.locks.row_key(table.storage.0, pk);
        let what = || format!("row in relation \"{}\"", table.name);
        if self.acquire(key, mode.bit(), Wait::Block, &what).await? == Acquired::Skipped {
            return Ok(None);
        }
        let store_key = store_key(table.partition, table.storage, pk);
        let mut row = Vec::new();
        if let Some(pending) = self.writes.rows.get(store_key.as_slice()) {
            self.writes.load(&pending.row, &mut row)?;
        } else if self.db.store.get(Space::Data, &store_key, &mut row)? {
            self.seen = self.seen.max(settled(RowRef::new(&row)?.newest_hlc()));
        } else {
            return Ok(None);
        }
        Ok(live(&mut row)?.then_some(row))
    }

    /// Keys of rows that refer by `key` to a row with these values, some at a
    /// time. An index (or primary key) that begins with columns of the constraint
    /// finds them; without one every row is looked at.
    pub async fn referring_rows(
        &self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
        from: Option<Resume>,
    ) -> Result<(Vec<Vec<u8>>, Option<Resume>)> {
        let Some(values) = converted(table, &key.columns, values)? else {
            return Ok((Vec::new(), None));
        };
        let view = self.newest_view();
        let mut found = Vec::new();
        let mut looked_at = 0u64;
        let value_of = |column: usize| {
            let place = key.columns.iter().position(|of| *of == column);
            place.and_then(|place| values.get(place))
        };
        match best_path(table, key) {
            Path::Index(index, length) => {
                let mut prefix = Vec::new();
                for part in index.columns.iter().take(length) {
                    if let Some(value) = value_of(part.column) {
                        key::push(&mut prefix, &value.as_ref(), part.descending, true)?;
                    }
                }
                let mut range = KeyRange::prefix(&prefix);
                if let Some(from) = from {
                    range.start = from;
                }
                let mut scan = view.scan_index(table, index, range, Direction::Forward)?;
                let mut row = Vec::new();
                while let Some((columns, pk)) = scan.next_entry()? {
                    if view.get(table, pk, &mut row)?
                        && has_key(table, &key.columns, &row, &values)?
                    {
                        found.push(pk.to_vec());
                        if found.len() >= REFERRING_BATCH {
                            return Ok((found, Some([columns, pk, &[0]].concat())));
                        }
                    }
                    looked_at += 1;
                    if looked_at.is_multiple_of(BREATH_ROWS) {
                        self.limits.cancel.check()?;
                        tokio::task::yield_now().await;
                    }
                }
            }
            Path::Rows(length) => {
                let mut prefix = Vec::new();
                for column in table.primary_key_columns().iter().take(length) {
                    if let Some(value) = value_of(*column) {
                        key::push(&mut prefix, &value.as_ref(), false, false)?;
                    }
                }
                let mut range = KeyRange::prefix(&prefix);
                if let Some(from) = from {
                    range.start = from;
                }
                let mut scan = view.scan(table, range, Direction::Forward)?;
                while let Some((pk, row)) = scan.next()? {
                    if has_key(table, &key.columns, row, &values)? {
                        found.push(pk.to_vec());
                        if found.len() >= REFERRING_BATCH {
                            return Ok((found, Some([pk, &[0]].concat())));
                        }
                    }
                    looked_at += 1;
                    if looked_at.is_multiple_of(BREATH_ROWS) {
                        self.limits.cancel.check()?;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        Ok((found, None))
    }

    /// Locks a row that refers, if it still does, and gives it. `strict`: what a
    /// repeatable moment doesn't show may not be changed (40001).
    pub async fn lock_referring(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        values: &[Value],
        pk: &[u8],
        mode: RowLock,
        strict: bool,
    ) -> Result<Option<Vec<u8>>> {
        let row = if strict {
            self.lock_row(table, pk, mode, Wait::Block).await?.row
        } else {
            self.lock_newest(table, pk, mode).await?
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let still = match converted(table, &key.columns, values)? {
            Some(values) => has_key(table, &key.columns, &row, &values)?,
            None => false,
        };
        Ok(still.then_some(row))
    }
}

/// How rows that refer are found.
enum Path<'a> {
    /// By an index whose first columns (so many) are of the constraint.
    Index(&'a Index, usize),
    /// In the table itself, whose key begins with so many columns of the constraint.
    Rows(usize),
}

fn best_path<'a>(table: &'a Table, key: &ForeignKey) -> Path<'a> {
    let leading = |columns: &mut dyn Iterator<Item = usize>| {
        columns
            .take_while(|column| key.columns.contains(column))
            .count()
    };
    let own = leading(&mut table.primary_key_columns().iter().copied());
    let mut best = Path::Rows(own);
    let mut most = own;
    for index in &table.indexes {
        let length = leading(&mut index.columns.iter().map(|part| part.column));
        if length > most {
            most = length;
            best = Path::Index(index, length);
        }
    }
    best
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
