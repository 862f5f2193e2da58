//! Locking for a transaction: tables, names, rows.

use super::{Isolation, RowLock, TableLock, Transaction, Wait, is_own};
use crate::catalog::Table;
use crate::error::{Error, Result, state};
use crate::ids::TableId;
use crate::lock::{Acquired, LockKey, Modes};
use crate::read::{ReadView, live, store_key, stored};
use crate::row::RowRef;
use std::sync::Arc;

/// A row as it is now that nobody else can change it.
#[derive(Clone, Debug, Default)]
pub struct Locked {
    /// The newest live row, own writes included.
    pub row: Option<Vec<u8>>,
    /// Somebody changed it since this statement's moment.
    pub changed: bool,
    /// Somebody else holds it and [`Wait::SkipLocked`] was asked for.
    pub skipped: bool,
}

impl Transaction {
    pub(super) async fn acquire(
        &mut self,
        key: LockKey,
        modes: Modes,
        wait: Wait,
        what: &(dyn Fn() -> String + Sync),
    ) -> Result<Acquired> {
        let locks = self.db.locks.clone();
        let acquired = locks
            .acquire(self.id, key, modes, wait, &self.limits, what)
            .await?;
        if acquired == Acquired::New {
            self.held.push((key, modes));
        }
        Ok(acquired)
    }

    /// Locks a table and returns its definition as it is now that it can't be
    /// changed by others. 42P01 if it was dropped meanwhile.
    pub async fn lock_table(
        &mut self,
        id: TableId,
        mode: TableLock,
        wait: Wait,
    ) -> Result<Arc<Table>> {
        let key = self.db.locks.table_key(id.0);
        if self.written_from.is_none() {
            self.written_from = Some(self.db.views.newest.load().position);
        }
        let catalog = self.catalog();
        let name = move || match catalog.table_by_id(id) {
            Some(table) => format!("relation \"{}\"", table.name),
            None => format!("relation {id}"),
        };
        self.acquire(key, mode.bit(), wait, &name).await?;
        let newest = self.db.newest();
        let found = newest.catalog.table_by_id(id);
        let table = match &self.own_catalog {
            None => found,
            Some(own) => match own.table_by_id(id) {
                // Others may have changed what this transaction's DDL hasn't: it knows
                // only from its next statement on.
                Some(table) if !is_own(table) => found,
                own => own,
            },
        };
        let Some(table) = table else {
            return Err(Error::new(
                state::UNDEFINED_TABLE,
                format!("{} does not exist", name()),
            ));
        };
        let table = table.clone();
        // The next statement must not plan with a catalog older than this one.
        let looked = match &self.view {
            Some(view) => view.catalog.version,
            None => self.db.durable().catalog.version,
        };
        if looked < newest.catalog.version {
            self.seen = self.seen.max(newest.position);
        }
        // SHARE stands beside another's SHARE, and so beside a CREATE INDEX that moves the table.
        let is_for_writing = mode >= TableLock::RowExclusive && mode != TableLock::Share;
        if is_for_writing && !self.writing.iter().any(|known| known.id == id) {
            self.writing.push(table.clone());
        }
        Ok(table)
    }

    /// Makes sure that the table is locked for writing and that the caller's definition
    /// is still the valid one. `Some`: the one to write by instead, where REPEATABLE READ
    /// keeps showing the older one and only its indexes are others by now.
    pub(super) async fn lock_for_writing(
        &mut self,
        table: &Arc<Table>,
    ) -> Result<Option<Arc<Table>>> {
        if let Some(known) = self.writing.iter().find(|known| known.id == table.id) {
            if Arc::ptr_eq(known, table) {
                return Ok(None);
            }
            if let Some(newer) = self.written_by(table) {
                return Ok(Some(newer));
            }
        }
        let known = self
            .lock_table(table.id, TableLock::RowExclusive, Wait::Block)
            .await?;
        let fits = self.fits(table, &known)?;
        let valid = if fits { table } else { &known };
        // Own DDL may have replaced the definition since it was locked.
        if let Some(place) = self.writing.iter().position(|held| held.id == table.id) {
            self.writing[place] = valid.clone();
        }
        if fits {
            return Ok(None);
        }
        self.standing_in
            .retain(|(planned, _)| !Arc::ptr_eq(planned, table));
        self.standing_in.push((table.clone(), known.clone()));
        Ok(Some(known))
    }

    /// The newer definition that a locked table is written by, if there is one.
    pub(super) fn written_by(&self, table: &Arc<Table>) -> Option<Arc<Table>> {
        let mut pairs = self.standing_in.iter();
        let (_, newer) = pairs.find(|(planned, _)| Arc::ptr_eq(planned, table))?;
        let held = self.writing.iter().any(|held| Arc::ptr_eq(held, newer));
        held.then(|| newer.clone())
    }

    /// Whether the caller's definition of a table that is locked now is still the valid
    /// one; `false`: it stands for the same rows. An error where it doesn't: planning
    /// again helps, unless the transaction sees the older one to its end.
    fn fits(&self, table: &Table, now: &Table) -> Result<bool> {
        if now.version == table.version && now.storage == table.storage {
            return Ok(true);
        }
        let catalog = self.catalog();
        let shown = catalog.table_by_id(table.id);
        let keeps = self.isolation == Isolation::RepeatableRead
            && shown.is_some_and(|shown| shown.version == table.version);
        if !keeps {
            return Err(changed_meanwhile(table));
        }
        match now.has_rows_of(table) {
            true => Ok(false),
            false => Err(serialization_failure()),
        }
    }

    /// Makes sure that the table stays as the caller knows it while its rows are locked
    /// by SELECT.
    async fn lock_for_selecting(&mut self, table: &Arc<Table>) -> Result<()> {
        let known = |tables: &[Arc<Table>]| tables.iter().any(|known| Arc::ptr_eq(known, table));
        if known(&self.selecting) || known(&self.writing) {
            return Ok(());
        }
        let now = self
            .lock_table(table.id, TableLock::RowShare, Wait::Block)
            .await?;
        // Rows are locked by where they lie, whatever the indexes are.
        self.fits(table, &now)?;
        self.selecting.push(table.clone());
        Ok(())
    }

    /// Guards a relation's name while DDL checks and takes it.
    pub async fn lock_name(&mut self, schema: &str, name: &str) -> Result<()> {
        let key = self.db.locks.name_key(schema, name);
        let modes = TableLock::AccessExclusive.bit();
        let what = || format!("the name \"{name}\"");
        self.acquire(key, modes, Wait::Block, &what).await?;
        Ok(())
    }

    /// Locks a row or the place of an absent one, and reads its newest version.
    pub async fn lock_row(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<Locked> {
        if mode >= RowLock::NoKeyUpdate {
            self.lock_for_writing(table).await?;
        }
        self.lock_only_row(table, pk, mode, wait).await
    }

    /// As [`Transaction::lock_row`], for a SELECT: the table is not locked against what
    /// only writers must wait for.
    pub async fn select_row(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<Locked> {
        self.lock_for_selecting(table).await?;
        self.lock_only_row(table, pk, mode, wait).await
    }

    async fn lock_only_row(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<Locked> {
        let key = self.db.locks.row_key(table.storage.0, pk);
        let what = || format!("row in relation \"{}\"", table.name);
        if self.acquire(key, mode.bit(), wait, &what).await? == Acquired::Skipped {
            return Ok(Locked {
                skipped: true,
                ..Locked::default()
            });
        }
        let store_key = store_key(table.partition, table.storage, pk);
        let mut row = Vec::new();
        if let Some(pending) = self.writes.rows.get(store_key.as_slice()) {
            self.writes.load(&pending.row, &mut row)?;
            let row = live(&mut row)?.then_some(row);
            return Ok(Locked {
                row,
                changed: false,
                skipped: false,
            });
        }
        let there = self.db.newest_stored(table, &store_key, &mut row)?;
        let changed = if there {
            let newest = RowRef::new(&row)?.newest_hlc();
            let moment = self
                .view
                .as_ref()
                .map_or(crate::clock::Hlc::MAX, |view| view.position);
            self.know(newest);
            // What was merged may be older than the moment, and have come after it.
            (newest > moment || self.db.has_merged_since(moment))
                && self.differs(table, &store_key, Some(&row))?
        } else {
            // Even a tombstone may have been vacuumed since the statement's moment.
            self.differs(table, &store_key, None)?
        };
        if changed && self.isolation == Isolation::RepeatableRead {
            return Err(serialization_failure());
        }
        let row = (there && live(&mut row)?).then_some(row);
        Ok(Locked {
            row,
            changed,
            skipped: false,
        })
    }

    /// Locks a row that nobody holds and that is as this statement's moment
    /// shows it, and gives it: one look at the store instead of two. `None`:
    /// nothing was locked, and the row must be looked for at the statement's
    /// moment before it may be waited for.
    pub async fn lock_unchanged_row(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        mode: RowLock,
    ) -> Result<Option<Vec<u8>>> {
        if mode >= RowLock::NoKeyUpdate {
            self.lock_for_writing(table).await?;
        }
        let key = self.db.locks.row_key(table.storage.0, pk);
        let what = || format!("row in relation \"{}\"", table.name);
        let acquired = self
            .acquire(key, mode.bit(), Wait::SkipLocked, &what)
            .await?;
        if acquired == Acquired::Skipped {
            return Ok(None);
        }
        let row = self.unchanged_row(table, pk);
        // An absent row, or one that came later, is not this statement's to lock.
        if !matches!(row, Ok(Some(_))) && acquired == Acquired::New {
            let last = self.held.pop();
            self.db.locks.release_all(self.id, last);
        }
        row
    }

    fn unchanged_row(&self, table: &Table, pk: &[u8]) -> Result<Option<Vec<u8>>> {
        let store_key = store_key(table.partition, table.storage, pk);
        let mut row = Vec::new();
        if let Some(pending) = self.writes.rows.get(store_key.as_slice()) {
            self.writes.load(&pending.row, &mut row)?;
            return Ok(live(&mut row)?.then_some(row));
        }
        let Some(view) = &self.view else {
            return Ok(None);
        };
        if !self.db.newest_stored(table, &store_key, &mut row)?
            || RowRef::new(&row)?.newest_hlc() > view.position
            || self.db.has_merged_since(view.position)
        {
            return Ok(None);
        }
        Ok(live(&mut row)?.then_some(row))
    }

    /// 40001 where a snapshot is kept that doesn't show a row as it is now: as
    /// PostgreSQL, for ON CONFLICT, which would speak of a row nobody can see.
    pub(super) fn require_in_snapshot(&self, table: &Table, pk: &[u8]) -> Result<()> {
        if self.isolation != Isolation::RepeatableRead {
            return Ok(());
        }
        let key = store_key(table.partition, table.storage, pk);
        if self.writes.rows.contains_key(key.as_slice()) {
            return Ok(());
        }
        let mut row = Vec::new();
        let there = self.db.newest_stored(table, &key, &mut row)?;
        if self.differs(table, &key, there.then_some(row.as_slice()))? {
            return Err(serialization_failure());
        }
        Ok(())
    }

    /// Whether somebody else writes this row now; waits until that has ended.
    /// `false`: nobody did.
    pub(super) async fn outwait_writer(
        &mut self,
        table: &Table,
        pk: &[u8],
        wait: Wait,
    ) -> Result<bool> {
        let key = self.db.locks.row_key(table.storage.0, pk);
        let what = || format!("row in relation \"{}\"", table.name);
        // What stands beside no write stands beside every other lock of a reader.
        let mode = RowLock::Share.bit();
        match self.acquire(key, mode, wait, &what).await? {
            Acquired::Held => Ok(false),
            Acquired::Skipped => Ok(true),
            Acquired::New => {
                let last = self.held.pop();
                self.db.locks.release_all(self.id, last);
                Ok(false)
            }
        }
    }

    /// Whether this transaction itself has changed a row since the view was taken.
    pub fn has_changed_since(&self, view: &ReadView, table: &Table, pk: &[u8]) -> bool {
        let key = store_key(table.partition, table.storage, pk);
        let Some(now) = self.writes.rows.get(key.as_slice()) else {
            return false;
        };
        let then = view.writes.as_ref();
        let then = then.and_then(|writes| writes.rows.get(key.as_slice()));
        then.is_none_or(|then| !then.row.is_same(&now.row))
    }

    /// Compares bytes, not stamps: a merged write may carry an older stamp.
    fn differs(&self, table: &Table, key: &[u8], now: Option<&[u8]>) -> Result<bool> {
        let Some(view) = &self.view else {
            return Ok(false);
        };
        // What this transaction loaded is newer than its own moment.
        let view = match &self.loaded {
            Some(loaded) if loaded.0.contains(&table.storage) => &loaded.1,
            _ => view,
        };
        let mut then = Vec::new();
        let there = stored(&view.snapshot, table, key, &mut then)?;
        Ok(there.then_some(then.as_slice()) != now)
    }
}

fn changed_meanwhile(table: &Table) -> Error {
    Error::new(
        state::STALE_PLAN,
        format!("relation \"{}\" was changed meanwhile", table.name),
    )
    .with_hint("Run the statement again.")
}

pub(super) fn serialization_failure() -> Error {
    Error::new(
        state::SERIALIZATION_FAILURE,
        "could not serialize access due to concurrent update",
    )
    .with_hint("Run the transaction again.")
}
