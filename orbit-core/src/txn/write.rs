//! Changing rows: what is stored, which index entries follow, which keys must
//! be locked so that nobody else can make them true or false meanwhile.

use super::{RowLock, Transaction, Wait};
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, Shown, ShownValues, state};
use crate::ids::IndexId;
use crate::key;
use crate::lock::{Acquired, LockKey};
use crate::read::{KeyBuffer, ReadView, store_key};
use crate::row::{self, PENDING, RowRef, Stamp};
use crate::store::{Direction, KeyRange};
use crate::value::{Value, text};
use std::sync::Arc;

/// What ON CONFLICT watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictTarget {
    Any,
    PrimaryKey,
    /// Any of these: several partial ones may be over the same columns.
    Indexes(Arc<[IndexId]>),
}

impl ConflictTarget {
    fn watches(&self, index: &Index) -> bool {
        match self {
            ConflictTarget::Any => true,
            ConflictTarget::PrimaryKey => false,
            ConflictTarget::Indexes(ids) => ids.contains(&index.id),
        }
    }
}

/// The row that stands in the way of an INSERT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub pk: Vec<u8>,
}

/// What became of a row that is inserted where nothing stands in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Under this key.
    Inserted(Vec<u8>),
    /// Nothing was written.
    Met(Conflict),
}

enum Unique {
    Free,
    Taken(Conflict),
}

impl Transaction {
    fn stamp(&self, table: &Table) -> Stamp {
        let lane = super::lane_of(table).max(self.lane());
        Stamp {
            hlc: PENDING,
            site: self
                .db
                .ordinals
                .get(&lane)
                .copied()
                .unwrap_or(crate::ids::SiteOrdinal(0)),
        }
    }

    /// Inserts a complete, typed row. NOT NULL and CHECK are the caller's
    /// business; keys are checked here (23505).
    pub async fn insert(&mut self, table: &Arc<Table>, values: Vec<Value>) -> Result<()> {
        match self.try_insert(table, &values, None).await? {
            Tried::Inserted(_) => Ok(()),
            Tried::Met(_) => Err(Error::internal("an insert without ON CONFLICT met one")),
        }
    }

    /// Where it met a row, that one's key is locked.
    pub async fn insert_unless_conflict(
        &mut self,
        table: &Arc<Table>,
        values: Vec<Value>,
        target: &ConflictTarget,
    ) -> Result<Tried> {
        self.try_insert(table, &values, Some(target)).await
    }

    async fn try_insert(
        &mut self,
        table: &Arc<Table>,
        values: &[Value],
        target: Option<&ConflictTarget>,
    ) -> Result<Tried> {
        let newer = self.lock_for_writing(table).await?;
        let table = newer.as_ref().unwrap_or(table);
        if let Some(met) = self.arbiter_conflict(table, values, target).await? {
            return Ok(Tried::Met(met));
        }
        let mut pk = Vec::new();
        let mut causal_length = 1;
        let mut base = None;
        if let Some(primary) = &table.primary_key {
            key::primary_key(&primary.columns, values, &mut pk)?;
            let lock = self.db.locks.row_key(table.storage.0, &pk);
            self.lock_key(table, lock).await?;
            let stored = self.newest_row(table, &pk)?;
            if let Some(stored) = stored {
                let row = RowRef::new(&stored)?;
                let newest = row.newest_hlc();
                self.know(newest);
                if row.is_live() {
                    if matches!(
                        target,
                        Some(ConflictTarget::Any | ConflictTarget::PrimaryKey)
                    ) {
                        self.require_in_snapshot(table, &pk)?;
                        return Ok(Tried::Met(Conflict { pk }));
                    }
                    self.wait_until_durable().await?;
                    return Err(duplicate(
                        table,
                        &primary.constraint,
                        &primary.columns,
                        values,
                    ));
                }
                causal_length = row.causal_length() + 1;
                base = self.stored_base(table, &pk, stored)?;
            }
        } else {
            let counter = self.db.new_hidden_key();
            self.hidden_keys = self.hidden_keys.max(Some(counter));
            let ordinal = self.stamp(table).site;
            key::hidden_key(ordinal, counter, &mut pk);
        }
        for index in &table.indexes {
            if !index.unique {
                continue;
            }
            // All are watched in turn, and what is looked at later can't be.
            if index.deferrable && matches!(target, Some(ConflictTarget::Any)) {
                return Err(no_arbiter(table, index));
            }
            if !index.holds(values) {
                continue;
            }
            let mut columns = Vec::new();
            if !index_columns(index, values, &mut columns)? && !index.nulls_not_distinct {
                continue;
            }
            match self.unique(table, index, &columns, &pk).await? {
                Unique::Free => {}
                Unique::Taken(_) if index.deferrable && target.is_none() => {
                    self.note_entered(table, index, &columns);
                }
                Unique::Taken(conflict) => {
                    if target.is_some_and(|target| target.watches(index)) {
                        self.require_in_snapshot(table, &conflict.pk)?;
                        return Ok(Tried::Met(conflict));
                    }
                    self.wait_until_durable().await?;
                    let positions: Vec<_> =
                        index.columns.iter().map(|column| column.column).collect();
                    return Err(duplicate(table, &index.name, &positions, values));
                }
            }
        }
        let mut new = Vec::new();
        let stamp = self.stamp(table);
        row::encode(&table.layout, values, causal_length, stamp, &mut new)?;
        for index in &table.indexes {
            self.put_entry(table, index, values, &pk)?;
        }
        self.put_row(table, &pk, base.as_deref(), &new)?;
        if !table.foreign_keys.is_empty() && self.note_refers(table, &pk, None, values) {
            Box::pin(self.thin_out()).await?;
        }
        Ok(Tried::Inserted(pk))
    }

    /// The row that has the values of an index which ON CONFLICT names. It is looked for
    /// first: the row may also stand against a key that isn't named.
    async fn arbiter_conflict(
        &mut self,
        table: &Arc<Table>,
        values: &[Value],
        target: Option<&ConflictTarget>,
    ) -> Result<Option<Conflict>> {
        let Some(target @ ConflictTarget::Indexes(_)) = target else {
            return Ok(None);
        };
        for index in table.indexes.iter().filter(|index| target.watches(index)) {
            if !index.holds(values) {
                continue;
            }
            let mut columns = Vec::new();
            let complete = index_columns(index, values, &mut columns)?;
            if !complete && !index.nulls_not_distinct {
                continue;
            }
            // No row has an empty key: every row that has the values is another one.
            if let Unique::Taken(conflict) = self.unique(table, index, &columns, &[]).await? {
                self.require_in_snapshot(table, &conflict.pk)?;
                return Ok(Some(conflict));
            }
        }
        Ok(None)
    }

    /// Changes columns of a live row that the caller has locked (or that is
    /// locked here). A changed primary key moves the row.
    pub async fn update(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        changes: Vec<(usize, Value)>,
    ) -> Result<()> {
        let newer = self.lock_for_writing(table).await?;
        let table = newer.as_ref().unwrap_or(table);
        let touches_key = changes
            .iter()
            .any(|(column, _)| is_key_column(table, *column));
        let mode = if touches_key {
            RowLock::Update
        } else {
            RowLock::NoKeyUpdate
        };
        let locked = self.lock_row(table, pk, mode, Wait::Block).await?;
        let Some(old) = locked.row else {
            return Err(Error::internal("an UPDATE of a row that is not there"));
        };
        self.update_locked(table, pk, old, changes).await
    }

    /// As [`Transaction::update`], of a row that was locked just now, in the mode
    /// its changes need, and is still as it was then.
    pub async fn update_locked(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        old: Vec<u8>,
        changes: Vec<(usize, Value)>,
    ) -> Result<()> {
        let newer = self.written_by(table);
        let touches_key = |table: &Table| {
            let mut columns = changes.iter().map(|(column, _)| *column);
            columns.any(|column| is_key_column(table, column))
        };
        // A key that only the newer definition has asks for a stronger lock.
        if let Some(newer) = &newer
            && touches_key(newer)
            && !touches_key(table)
        {
            self.lock_row(newer, pk, RowLock::Update, Wait::Block)
                .await?;
        }
        let table = newer.as_ref().unwrap_or(table);
        let touches_key = touches_key(table);
        if !touches_key && !touches_index(table, &changes) {
            let mut new = Vec::new();
            let stamp = self.stamp(table);
            row::update(
                &table.layout,
                &old,
                &changes,
                &table.missing,
                stamp,
                &mut new,
            )?;
            let refers = touches_reference(table, &changes);
            let before = refers.then(|| decode(table, &old)).transpose()?;
            let base = self.stored_base(table, pk, old)?;
            self.put_row(table, pk, base.as_deref(), &new)?;
            if let Some(before) = before {
                let after = decode(table, &new)?;
                if self.note_refers(table, pk, Some(&before), &after) {
                    Box::pin(self.thin_out()).await?;
                }
            }
            return Ok(());
        }
        self.update_keys(table, pk, old, changes).await
    }

    /// The slower half of UPDATE: index entries change, perhaps the key itself.
    async fn update_keys(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        old: Vec<u8>,
        changes: Vec<(usize, Value)>,
    ) -> Result<()> {
        let before = decode(table, &old)?;
        let mut after = before.clone();
        for (column, value) in &changes {
            if let Some(slot) = after.get_mut(*column) {
                *slot = value.clone();
            }
        }
        if let Some(primary) = &table.primary_key {
            let mut new_pk = Vec::new();
            key::primary_key(&primary.columns, &after, &mut new_pk)?;
            if new_pk != pk {
                self.remove(table, pk, false).await?;
                self.insert(table, after.clone()).await?;
                let catalog = self.current_catalog()?;
                self.note_released(table, &catalog, &before, Some(&after));
                return Ok(());
            }
        }
        for index in &table.indexes {
            let (mut was, mut is) = (Vec::new(), Vec::new());
            index_columns(index, &before, &mut was)?;
            let complete = index_columns(index, &after, &mut is)?;
            let holds = index.holds(&after);
            if was == is && holds == index.holds(&before) {
                continue;
            }
            if index.unique
                && holds
                && (complete || index.nulls_not_distinct)
                && let Unique::Taken(_) = self.unique(table, index, &is, pk).await?
            {
                if index.deferrable {
                    self.note_entered(table, index, &is);
                    self.remove_entry(table, index, &before, pk)?;
                    self.put_entry(table, index, &after, pk)?;
                    continue;
                }
                self.wait_until_durable().await?;
                let positions: Vec<_> = index.columns.iter().map(|column| column.column).collect();
                return Err(duplicate(table, &index.name, &positions, &after));
            }
            self.remove_entry(table, index, &before, pk)?;
            self.put_entry(table, index, &after, pk)?;
        }
        let mut new = Vec::new();
        let stamp = self.stamp(table);
        row::update(
            &table.layout,
            &old,
            &changes,
            &table.missing,
            stamp,
            &mut new,
        )?;
        let base = self.stored_base(table, pk, old)?;
        self.put_row(table, pk, base.as_deref(), &new)?;
        if touches_reference(table, &changes) && self.note_refers(table, pk, Some(&before), &after)
        {
            Box::pin(self.thin_out()).await?;
        }
        let catalog = self.current_catalog()?;
        self.note_released(table, &catalog, &before, Some(&after));
        Ok(())
    }

    /// `false`: there was no live row.
    pub async fn delete(&mut self, table: &Arc<Table>, pk: &[u8]) -> Result<bool> {
        self.remove(table, pk, true).await
    }

    /// Deletes a row; `tell`: those that refer to it are to be looked at.
    async fn remove(&mut self, table: &Arc<Table>, pk: &[u8], tell: bool) -> Result<bool> {
        let newer = self.lock_for_writing(table).await?;
        let table = newer.as_ref().unwrap_or(table);
        let locked = self
            .lock_row(table, pk, RowLock::Update, Wait::Block)
            .await?;
        let Some(old) = locked.row else {
            return Ok(false);
        };
        if !table.indexes.is_empty() {
            let values = decode(table, &old)?;
            for index in &table.indexes {
                self.remove_entry(table, index, &values, pk)?;
            }
        }
        if tell {
            let catalog = self.current_catalog()?;
            if catalog.referring(table.id).next().is_some() {
                let values = decode(table, &old)?;
                self.note_released(table, &catalog, &values, None);
            }
        }
        let mut dead = Vec::new();
        let causal_length = RowRef::new(&old)?.causal_length() + 1;
        row::tombstone(causal_length, self.stamp(table), &mut dead);
        let base = self.stored_base(table, pk, old)?;
        self.put_row(table, pk, base.as_deref(), &dead)?;
        Ok(true)
    }

    fn put_row(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        base: Option<&[u8]>,
        row: &[u8],
    ) -> Result<()> {
        // A statement of many rows waits for nobody, and must be stoppable all the same.
        self.limits.cancel.check()?;
        let key = store_key(table.partition, table.storage, pk);
        let limit = self.db.options.max_transaction_bytes;
        if self.writes.bytes() > limit {
            return Err(
                Error::new(state::PROGRAM_LIMIT_EXCEEDED, "transaction is too large")
                    .with_detail(format!("A transaction may write up to {} MB.", limit >> 20))
                    .with_hint("Commit in smaller steps, or load into an empty table with COPY."),
            );
        }
        let writes = Arc::make_mut(&mut self.writes);
        writes.put_row(&key, table, base, row, &self.db.options.scratch_directory)
    }

    /// What was stored under a key before this transaction: the base of an
    /// earlier own write if there is one, otherwise `now`.
    fn stored_base(&self, table: &Table, pk: &[u8], now: Vec<u8>) -> Result<Option<Vec<u8>>> {
        let key = store_key(table.partition, table.storage, pk);
        match self.writes.rows.get(key.as_slice()) {
            None => Ok(Some(now)),
            Some(pending) => match &pending.base {
                None => Ok(None),
                Some(base) => {
                    let mut bytes = Vec::new();
                    self.writes.load(base, &mut bytes)?;
                    Ok(Some(bytes))
                }
            },
        }
    }

    /// The newest bytes under a key, dead or alive, own writes first.
    pub(super) fn newest_row(&self, table: &Table, pk: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = store_key(table.partition, table.storage, pk);
        let mut row = Vec::new();
        if let Some(pending) = self.writes.rows.get(key.as_slice()) {
            self.writes.load(&pending.row, &mut row)?;
            return Ok(Some(row));
        }
        let there = self.db.newest_stored(table, &key, &mut row)?;
        Ok(there.then_some(row))
    }

    async fn lock_key(&mut self, table: &Table, lock: LockKey) -> Result<Acquired> {
        let what = || format!("row in relation \"{}\"", table.name);
        self.acquire(lock, RowLock::Update.bit(), Wait::Block, &what)
            .await
    }

    /// Locks a unique key and looks whether another row has it. A row that somebody is
    /// changing or deleting is waited for, as PostgreSQL does: it may give the key up.
    async fn unique(
        &mut self,
        table: &Arc<Table>,
        index: &Index,
        columns: &[u8],
        own_pk: &[u8],
    ) -> Result<Unique> {
        let lock = self.db.locks.row_key(index.storage.0, columns);
        loop {
            let acquired = self.lock_key(table, lock).await?;
            let Some(pk) = self.owner_of(table, index, columns, own_pk)? else {
                return Ok(Unique::Free);
            };
            if !self.outwait_writer(table, &pk, Wait::SkipLocked).await? {
                return Ok(Unique::Taken(Conflict { pk }));
            }
            // Not with the key locked: its owner may be about to ask for it.
            if acquired == Acquired::New {
                let last = self.held.pop();
                self.db.locks.release_all(self.id, last);
            }
            self.outwait_writer(table, &pk, Wait::Block).await?;
        }
    }

    /// The row, other than one's own, that has a unique key now.
    fn owner_of(
        &mut self,
        table: &Arc<Table>,
        index: &Index,
        columns: &[u8],
        own_pk: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let newest = self.db.newest();
        let view = ReadView {
            catalog: newest.catalog.clone(),
            view: newest,
            writes: Some(self.writes.clone()),
            loaded: self.loaded.clone(),
        };
        let range = KeyRange::prefix(columns);
        let mut scan = view.scan_index(table, index, range, Direction::Forward)?;
        while let Some((key, pk)) = scan.next_entry()? {
            if key == columns && pk != own_pk {
                let pk = pk.to_vec();
                let mut row = Vec::new();
                if view.get(table, &pk, &mut row)? {
                    self.know(RowRef::new(&row)?.newest_hlc());
                }
                return Ok(Some(pk));
            }
        }
        Ok(None)
    }

    fn put_entry(
        &mut self,
        table: &Table,
        index: &Index,
        values: &[Value],
        pk: &[u8],
    ) -> Result<()> {
        if !index.holds(values) {
            return Ok(());
        }
        let (key, length) = entry_key(table, index, values, pk)?;
        Arc::make_mut(&mut self.writes).put_entry(&key, Some(length));
        Ok(())
    }

    fn remove_entry(
        &mut self,
        table: &Table,
        index: &Index,
        values: &[Value],
        pk: &[u8],
    ) -> Result<()> {
        if !index.holds(values) {
            return Ok(());
        }
        let (key, _) = entry_key(table, index, values, pk)?;
        Arc::make_mut(&mut self.writes).put_entry(&key, None);
        Ok(())
    }
}

/// The whole store key of an index entry, and how long its columns are.
pub(crate) fn entry_key(
    table: &Table,
    index: &Index,
    values: &[Value],
    pk: &[u8],
) -> Result<(KeyBuffer, u32)> {
    let mut columns = Vec::new();
    index_columns(index, values, &mut columns)?;
    let length = u32::try_from(columns.len()).unwrap_or(u32::MAX);
    let mut key = store_key(table.partition, index.storage, &columns);
    key.extend_from_slice(pk);
    Ok((key, length))
}

/// Encodes a row's columns of an index. `false`: one of them is NULL.
pub fn index_columns(index: &Index, values: &[Value], out: &mut Vec<u8>) -> Result<bool> {
    let mut complete = true;
    for column in &index.columns {
        let value = values.get(column.column).unwrap_or(&Value::Null);
        complete &= !value.is_null();
        key::push(out, &value.as_ref(), column.descending, true)?;
    }
    Ok(complete)
}

fn is_key_column(table: &Table, column: usize) -> bool {
    table.primary_key_columns().contains(&column)
        || table
            .indexes
            .iter()
            .filter(|index| index.unique && table.is_plain(index))
            .any(|index| index.columns.iter().any(|of| of.column == column))
}

fn touches_reference(table: &Table, changes: &[(usize, Value)]) -> bool {
    table.foreign_keys.iter().any(|key| {
        let columns = key.columns.iter();
        columns
            .into_iter()
            .any(|column| changes.iter().any(|(changed, _)| changed == column))
    })
}

fn touches_index(table: &Table, changes: &[(usize, Value)]) -> bool {
    table.indexes.iter().any(|index| {
        let columns = index.columns.iter();
        columns
            .map(|column| column.column)
            .chain(index.predicate)
            .any(|column| changes.iter().any(|(changed, _)| *changed == column))
    })
}

/// All values of a stored row.
pub fn decode(table: &Table, row: &[u8]) -> Result<Vec<Value>> {
    let row = RowRef::new(row)?;
    (0..table.width())
        .map(|column| Ok(row.value(&table.layout, column, &table.missing)?.to_owned()))
        .collect()
}

/// 55000 for ON CONFLICT over a constraint that is looked at later.
pub fn no_arbiter(table: &Table, index: &Index) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters",
    )
    .of_schema(&table.schema)
    .of_table(&table.name)
    .of_constraint(&index.name)
}

/// 23505 for a key that a row has already; `values`: those of the row.
pub fn duplicate(table: &Table, constraint: &str, columns: &[usize], values: &[Value]) -> Error {
    let mut names = String::new();
    let mut shown = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            names.push_str(", ");
            shown.extend_from_slice(b", ");
        }
        if let (Some(kind), Some(value)) = (table.type_at(*column), values.get(*column)) {
            names.push_str(table.shown_at(*column));
            let settings = text::FormatSettings::default();
            if value.is_null() {
                shown.extend_from_slice(b"null");
            } else if text::format(&value.as_ref(), kind, &settings, &mut shown).is_err() {
                shown.push(b'?');
            }
        }
    }
    Error::new(
        state::UNIQUE_VIOLATION,
        format!("duplicate key value violates unique constraint \"{constraint}\""),
    )
    .with_detail(format!(
        "Key ({names})=({}) already exists.",
        String::from_utf8_lossy(&shown)
    ))
    .of_schema(table.schema.clone())
    .of_table(table.name.clone())
    .of_constraint(constraint)
    .showing(Shown {
        table: table.id,
        values: ShownValues::Key {
            columns: columns.to_vec(),
            otherwise: None,
        },
    })
}
