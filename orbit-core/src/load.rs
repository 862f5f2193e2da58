//! Large loads: rows (and the index entries that follow) go into sorted files
//! in a fresh key range, which the table moves to at COMMIT. Nobody sees the
//! range before; a crash or ROLLBACK leaves only a note of what to clear.
//!
//! The log says "loaded, under this stamp" instead of repeating every row: the
//! rows themselves are the state that a receiver is sent.

mod sort;

use crate::catalog::{CatalogChange, Index, Table};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::fingerprint;
use crate::ids::{PartitionId, SiteOrdinal, StorageId};
use crate::key;
use crate::meta;
use crate::read::{PREFIX_BYTES, View};
use crate::row::{self, PENDING, RowRef, Stamp};
use crate::store::{Batch, Direction, KeyRange, Space, successor};
use crate::txn::{LoadedTable, TableLock, Transaction, Wait};
use crate::value::{Value, ValueRef};
use sort::{Duplicate, Sorter, Target};
use std::sync::Arc;

/// A load in progress. Give it rows, then [`Load::finish`] it.
pub struct Load {
    db: Arc<Database>,
    table: Arc<Table>,
    /// The definition the table will have: the same with fresh storages.
    target: crate::catalog::TableDef,
    stamp: Stamp,
    rows: Sorter,
    indexes: Vec<Sorter>,
    fingerprints: Box<[u128; fingerprint::BUCKETS]>,
    count: u64,
    /// Of all its rows' keys.
    prefix: [u8; PREFIX_BYTES],
    key: Vec<u8>,
    pk: Vec<u8>,
    encoded: Vec<u8>,
    entry: Vec<u8>,
    hidden_ordinal: SiteOrdinal,
    last_hidden: Option<u64>,
}

impl Transaction {
    /// Starts a sorted load if the table holds nothing yet and nobody else is
    /// writing it. `None`: insert row by row instead.
    pub async fn begin_load(&mut self, table: &Arc<Table>) -> Result<Option<Load>> {
        let locked = self
            .lock_table(table.id, TableLock::ShareRowExclusive, Wait::NoWait)
            .await;
        let table = match locked {
            Ok(table) => table,
            Err(error) if error.is(crate::state::LOCK_NOT_AVAILABLE) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !self.is_untouched(&table)? {
            return Ok(None);
        }
        let load = self.begin_rebuild((*table).def.clone()).await?;
        Ok(Some(load))
    }

    /// Loads rows for a table under the definition it will have at COMMIT
    /// (another key, another index): fresh storages are given to all of it.
    /// The caller holds the lock that keeps writers away.
    pub async fn begin_rebuild(&mut self, mut target: crate::catalog::TableDef) -> Result<Load> {
        #[cfg(feature = "sync")]
        self.check_nothing_beside(&target)?;
        target.storage = self.db.new_storage_id();
        for index in &mut target.indexes {
            index.storage = self.db.new_storage_id();
        }
        let target_table = Arc::new(Table::new(target.clone(), 0)?);
        let storages: Vec<_> = [target.storage]
            .into_iter()
            .chain(target.indexes.iter().map(|index| index.storage))
            .collect();
        let mut batch = Batch::new();
        for storage in &storages {
            let pending = meta::pending_load_key(target.partition, *storage);
            batch.put(Space::Meta, &pending, &[]);
        }
        self.db.write_next(&mut batch)?;
        self.db.upkeep(batch).await?;
        for storage in &storages {
            self.filled.push((target.partition, *storage));
        }
        let lane = crate::txn::lane_of(&target_table);
        let site = self
            .db
            .ordinals
            .get(&lane)
            .copied()
            .unwrap_or(SiteOrdinal(0));
        let scratch = self.db.options.scratch_directory.clone();
        let room = self.db.room();
        // Before anything is read or sorted for it.
        room.check_open()?;
        let sorter = |target, unique| {
            let (store, scratch) = (self.db.store.clone(), scratch.clone());
            Sorter::new(store, target, scratch, room.clone(), unique)
        };
        let rows = Target::Space(Space::Data);
        #[cfg(feature = "columns")]
        let rows = match &target_table.form {
            Some(form) => {
                let prefix = key::data_prefix(target.partition, target.storage);
                Target::Blocks(form.clone(), prefix)
            }
            None => rows,
        };
        let indexes = target.indexes.iter();
        Ok(Load {
            db: self.db.clone(),
            stamp: Stamp {
                hlc: self.db.clock.tick(),
                site,
            },
            rows: sorter(rows, Duplicate::Whole),
            indexes: indexes
                .map(|index| {
                    let unique = if index.unique {
                        Duplicate::Columns
                    } else {
                        Duplicate::Whole
                    };
                    sorter(Target::Space(Space::Index), unique)
                })
                .collect(),
            table: target_table,
            prefix: key::data_prefix(target.partition, target.storage),
            target,
            fingerprints: Box::new([0; fingerprint::BUCKETS]),
            count: 0,
            key: Vec::new(),
            pk: Vec::new(),
            encoded: Vec::new(),
            entry: Vec::new(),
            hidden_ordinal: site,
            last_hidden: None,
        })
    }

    /// No row, living or dead, stored or written by this transaction.
    fn is_untouched(&mut self, table: &Arc<Table>) -> Result<bool> {
        let prefix = key::data_prefix(table.partition, table.storage);
        let own = self
            .writes
            .rows
            .range::<_, [u8]>((
                std::ops::Bound::Included(prefix.as_slice()),
                std::ops::Bound::Excluded(successor(&prefix).as_slice()),
            ))
            .next()
            .is_some();
        if own
            || self
                .filled
                .iter()
                .any(|(_, storage)| *storage == table.storage)
        {
            return Ok(false);
        }
        let snapshot = self.db.newest().snapshot.clone();
        for space in [Space::Data, Space::Side] {
            let range = KeyRange::prefix(&prefix);
            let mut cursor = snapshot.clone().scan(space, range, Direction::Forward)?;
            if cursor.advance()? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Load {
    /// The stamp every loaded row carries; encode rows for [`Load::push_encoded`] with it.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The table as the rows will be stored.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub fn rows(&self) -> u64 {
        self.count
    }

    /// Takes one complete, typed and checked row.
    pub fn push(&mut self, values: &[Value]) -> Result<()> {
        let mut row = std::mem::take(&mut self.encoded);
        let mut pk = std::mem::take(&mut self.pk);
        row::encode(&self.table.layout, values, 1, self.stamp, &mut row)?;
        pk.clear();
        if let Some(primary) = &self.table.primary_key {
            key::primary_key(&primary.columns, values, &mut pk)?;
        }
        let pushed = self.push_encoded(&pk, &row);
        self.encoded = row;
        self.pk = pk;
        pushed
    }

    /// Takes one row already encoded, with [`Load::stamp`] or as it is stored. One that
    /// this transaction wrote itself, whose time is open until COMMIT, gets the load's:
    /// COMMIT doesn't look at loaded rows. `pk` is ignored for tables with a hidden key.
    pub fn push_encoded(&mut self, pk: &[u8], row: &[u8]) -> Result<()> {
        let read = RowRef::new(row)?;
        if read.newest_hlc() != PENDING {
            return self.push_stamped(pk, &read, row);
        }
        let mut row = row.to_vec();
        row::assign_hlc(&mut row, self.stamp.hlc);
        self.push_stamped(pk, &RowRef::new(&row)?, &row)
    }

    /// Takes many, each as [`Load::push_encoded`] does. Those that come in order are
    /// copied once less.
    pub fn push_all<'r>(
        &mut self,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])> + Clone,
    ) -> Result<()> {
        let in_order = self.table.primary_key.is_none() || {
            let mut keys = rows.clone().map(|(pk, _)| pk);
            let mut last = keys.next();
            keys.all(|pk| last.replace(pk) < Some(pk))
        };
        self.rows.foresee(in_order)?;
        for (pk, row) in rows {
            self.push_encoded(pk, row)?;
        }
        self.rows.foresee(false)
    }

    fn push_stamped(&mut self, pk: &[u8], read: &RowRef<'_>, row: &[u8]) -> Result<()> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        key.extend_from_slice(&self.prefix);
        if self.table.primary_key.is_some() {
            key.extend_from_slice(pk);
        } else {
            let counter = self.db.new_hidden_key();
            self.last_hidden = Some(counter);
            key::hidden_key(self.hidden_ordinal, counter, &mut key);
        }
        let pk = key.get(PREFIX_BYTES..).unwrap_or_default();
        self.rows.push(&key, row, key.len())?;
        self.push_entries(pk, read)?;
        let table = self.table.fingerprint_seed();
        let (bucket, digest) = fingerprint::digest(table, pk, read.body());
        if let Some(sum) = self.fingerprints.get_mut(usize::from(bucket)) {
            *sum ^= digest;
        }
        self.count += 1;
        self.key = key;
        Ok(())
    }

    fn push_entries(&mut self, pk: &[u8], row: &RowRef<'_>) -> Result<()> {
        if self.indexes.is_empty() {
            return Ok(());
        }
        let table = self.table.clone();
        for (index, sorter) in table.indexes.iter().zip(&mut self.indexes) {
            if !is_held(&table, index, row)? {
                continue;
            }
            let prefix = key::data_prefix(table.partition, index.storage);
            self.entry.clear();
            self.entry.extend_from_slice(&prefix);
            let complete = push_columns(&table, index, row, &mut self.entry)?;
            let columns = self.entry.len();
            self.entry.extend_from_slice(pk);
            let length = ((columns - PREFIX_BYTES) as u32).to_le_bytes();
            // Entries with a NULL are no duplicates of each other, unless it was asked for.
            let compared = if complete || index.nulls_not_distinct {
                columns
            } else {
                self.entry.len()
            };
            sorter.push(&self.entry, &length, compared)?;
        }
        Ok(())
    }

    /// Sorts, writes and flushes the files, and makes the table's move part of
    /// the transaction. 23505 if a key came twice. Returns the number of rows.
    pub async fn finish(self, txn: &mut Transaction) -> Result<u64> {
        let Load {
            db,
            table,
            target,
            stamp,
            rows,
            indexes,
            fingerprints,
            count,
            last_hidden,
            ..
        } = self;
        let finishing = table.clone();
        let finished = tokio::task::spawn_blocking(move || {
            rows.finish()
                .map_err(|stop| stop.explain(&finishing, None))?;
            for (index, sorter) in finishing.indexes.iter().zip(indexes) {
                sorter
                    .finish()
                    .map_err(|stop| stop.explain(&finishing, Some(index)))?;
            }
            Ok::<_, Error>(())
        });
        finished
            .await
            .map_err(|_| Error::internal("the sorted load stopped half way"))??;
        txn.hidden_keys = txn.hidden_keys.max(last_hidden);
        // Views taken from now on see the files.
        db.upkeep(Batch::new()).await?;
        txn.adopt_load(&db, target, stamp, &fingerprints, count)?;
        Ok(count)
    }
}

#[cfg(feature = "sync")]
impl Transaction {
    /// 0A000 where more than rows is known of a table's keys: it would stay behind.
    fn check_nothing_beside(&self, target: &crate::catalog::TableDef) -> Result<()> {
        let catalog = self.catalog();
        let Some(table) = catalog.table_by_id(target.id) else {
            return Ok(());
        };
        let prefix = crate::merge::side::prefix(table, &[]);
        let snapshot = self.db.newest().snapshot.clone();
        let range = KeyRange::prefix(&prefix);
        let mut cursor = snapshot.scan(Space::Side, range, Direction::Forward)?;
        if cursor.advance()? {
            return Err(Error::unsupported(format!(
                "writing all rows of \"{}\" anew, some of which several sites have written",
                table.name
            )));
        }
        Ok(())
    }
}

impl Transaction {
    fn adopt_load(
        &mut self,
        db: &Arc<Database>,
        target: crate::catalog::TableDef,
        stamp: Stamp,
        fingerprints: &[u128; fingerprint::BUCKETS],
        rows: u64,
    ) -> Result<()> {
        let mut storages: Vec<_> = [target.storage]
            .into_iter()
            .chain(target.indexes.iter().map(|index| index.storage))
            .collect();
        let current = self.catalog();
        if let Some(old) = current.table_by_id(target.id) {
            self.clear_storage(old.partition, old.storage, Space::Data);
            for index in &old.indexes {
                self.clear_storage(old.partition, index.storage, Space::Index);
            }
        }
        let partition = target.partition;
        let table = target.id;
        self.change_catalog(CatalogChange::PutTable(Box::new(target)))?;
        let deltas = fingerprints
            .iter()
            .enumerate()
            .filter(|(_, digest)| **digest != 0)
            .map(|(bucket, digest)| (partition, bucket as u16, *digest))
            .collect();
        // An earlier load of the table is cleared above; only its notes are left to remove.
        self.changes.loads.retain(|earlier| {
            let replaced = earlier.table == table;
            if replaced {
                storages.extend(&earlier.storages);
            }
            !replaced
        });
        self.changes.loads.push(LoadedTable {
            table,
            partition,
            storages: storages.clone(),
            stamp,
            rows,
            fingerprints: deltas,
        });
        // The statement's moment may be older than the files.
        let view: Arc<View> = db.durable();
        let mut known = match &self.loaded {
            Some(loaded) => loaded.0.clone(),
            None => Vec::new(),
        };
        known.extend(storages);
        self.loaded = Some(Arc::new((known, view)));
        Ok(())
    }
}

/// Whether the row has an entry in the index.
fn is_held(table: &Table, index: &Index, row: &RowRef<'_>) -> Result<bool> {
    let Some(place) = index.predicate else {
        return Ok(true);
    };
    let value = row.value(&table.layout, place, &table.missing)?;
    Ok(matches!(value, ValueRef::Bool(true)))
}

fn push_columns(table: &Table, index: &Index, row: &RowRef<'_>, out: &mut Vec<u8>) -> Result<bool> {
    let mut complete = true;
    for column in &index.columns {
        let value: ValueRef<'_> = row.value(&table.layout, column.column, &table.missing)?;
        complete &= !value.is_null();
        key::push(out, &value, column.descending, true)?;
    }
    Ok(complete)
}

/// Clears storages of a load that did not commit, in the background; if the
/// process ends first, opening does it.
pub(crate) fn clear_later(db: &Arc<Database>, filled: Vec<(PartitionId, StorageId)>) {
    if filled.is_empty() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let db = db.clone();
    runtime.spawn(async move {
        let mut batch = Batch::new();
        let mut cleared = Vec::new();
        for (partition, storage) in filled {
            let prefix = key::data_prefix(partition, storage);
            for space in [Space::Data, Space::Index, Space::Side] {
                batch.delete_range(space, &prefix, &successor(&prefix));
                cleared.push((space, KeyRange::prefix(&prefix)));
            }
            batch.delete(Space::Meta, &meta::pending_load_key(partition, storage));
        }
        // An error here is a stopping node; opening clears what is left.
        if let Err(error) = db.upkeep(batch).await {
            tracing::debug!(%error, "a rolled-back load is cleared on the next start");
            return;
        }
        db.reclaim_later(cleared);
    });
}
