//! The row that is referred to: found by its key, looked at in its newest version, locked.

use super::{changed_key, converted, has_key};
use crate::catalog::{ForeignKey, Table};
use crate::error::{Error, Result, state};
use crate::key;
use crate::lock::Acquired;
use crate::read::{live, store_key};
use crate::row::RowRef;
use crate::store::{Direction, KeyRange};
use crate::txn::lock::serialization_failure;
use crate::txn::write::decode;
use crate::txn::{Isolation, RowLock, TableLock, Transaction, Wait};
use crate::value::Value;
use std::sync::Arc;

/// How often a referenced row is looked for again because it keeps changing.
const MAX_LOOKS: usize = 100;

impl Transaction {
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
        } else if self.db.newest_stored(table, &store_key, &mut row)? {
            self.know(RowRef::new(&row)?.newest_hlc());
        } else {
            return Ok(None);
        }
        Ok(live(&mut row)?.then_some(row))
    }
}
