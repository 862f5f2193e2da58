//! COMMIT: the write set becomes one request to the committer. The log's
//! operations follow from the difference between what was stored and what the
//! transaction leaves, so a row touched ten times is logged once.

#[cfg(not(feature = "sync"))]
mod alone;
#[cfg(feature = "sync")]
mod together;

use super::{Local, Transaction};
use crate::catalog::{AUDIT_TABLE, EVENTS_TABLE, NODE_SCHEMA, REMINDERS_TABLE};
use crate::clock::Hlc;
use crate::committer::Request;
use crate::error::{Error, Result, state};
use crate::fingerprint;
use crate::ids::{PartitionId, SiteOrdinal, StorageId};
use crate::key;
use crate::lock::HeldLocks;
use crate::log::{Cell, Life, OperationWriter};
use crate::merge::{ColumnKind, Met};
use crate::read::PREFIX_BYTES;
use crate::row::{self, PENDING, RowRef, Stamp};
use crate::store::{Batch, KeyRange, Space, successor};
use crate::value::ValueRef;
use crate::write_set::Pending;
#[cfg(not(feature = "sync"))]
use alone::Together;
use smallvec::{SmallVec, smallvec};
#[cfg(feature = "sync")]
use together::Together;
use tokio::sync::oneshot;

impl Transaction {
    /// Durable when it returns `Ok`. An error of class 40, 53, 54 or 57P03
    /// means that nothing was written.
    pub async fn commit(mut self) -> Result<()> {
        if !self.has_writes() {
            self.end();
            return Ok(());
        }
        let local = Local::of(&self.changes, &self.db.newest().catalog);
        self.changes
            .truncated
            .retain(|(table, _)| !local.tables.contains(table));
        let built = self.build(&local)?;
        let kept = std::mem::take(&mut self.held);
        let (reply, answer) = oneshot::channel();
        let request = Request {
            batch: built.batch,
            operations: built.operations,
            lane: self.lane(),
            epoch: 0,
            partitions: built.partitions,
            fingerprints: built.fingerprints,
            reloaded: built.reloaded,
            truncated: self.changes.truncated.clone(),
            catalog: self.changes.catalog.clone(),
            #[cfg(feature = "columns")]
            columns: None,
            #[cfg(feature = "columns")]
            watch: None,
            #[cfg(feature = "columns")]
            settling: None,
            sequences: std::mem::take(&mut self.sequences),
            forgotten_sequences: std::mem::take(&mut self.changes.forgotten_sequences),
            hidden_keys: self.hidden_keys,
            locks: Some(HeldLocks::new(self.db.locks.clone(), self.id, kept)),
            since: built.since,
            met: built.met,
            incoming: None,
            reply,
        };
        // From here on the locks are the committer's to release.
        self.ended = true;
        let filled = std::mem::take(&mut self.filled);
        let abandoned = self.changes.abandoned(&filled);
        let cleared = std::mem::take(&mut self.changes.cleared);
        let db = self.db.clone();
        let refusal = self.submit(request, answer, &local, &cleared).await?;
        match refusal {
            None => {
                crate::load::clear_later(&db, abandoned);
                let range = |(partition, storage, space): (PartitionId, StorageId, Space)| {
                    (
                        space,
                        KeyRange::prefix(&key::data_prefix(partition, storage)),
                    )
                };
                db.reclaim_later(cleared.into_iter().map(range).collect());
                Ok(())
            }
            Some(refusal) => {
                crate::load::clear_later(&db, filled);
                Err(refusal)
            }
        }
    }
}

/// What the rows of a transaction come to.
struct Built {
    batch: Batch,
    operations: OperationWriter,
    partitions: SmallVec<[PartitionId; 4]>,
    fingerprints: fingerprint::Deltas,
    reloaded: SmallVec<[PartitionId; 1]>,
    met: Vec<Met>,
    /// What is stored was looked at, at this moment or later.
    since: Hlc,
}

impl Transaction {
    fn build(&self, local: &Local) -> Result<Built> {
        let mut together = Together::new(self);
        let mut batch = Batch::new();
        let mut operations = OperationWriter::default();
        let mut partitions: SmallVec<[PartitionId; 4]> = SmallVec::new();
        let mut fingerprints = fingerprint::Deltas::new();
        let mut reloaded = SmallVec::new();

        for (partition, storage, space) in &self.changes.cleared {
            let prefix = key::data_prefix(*partition, *storage);
            batch.delete_range(*space, &prefix, &successor(&prefix));
        }
        self.changes.log(&mut operations, local)?;
        for load in &self.changes.loads {
            if !local.tables.contains(&load.table) {
                note(&mut partitions, load.partition);
                reloaded.push(load.partition);
                for (partition, bucket, digest) in &load.fingerprints {
                    fingerprint::add(&mut fingerprints, *partition, *bucket, *digest);
                }
            }
            for storage in &load.storages {
                let pending = crate::meta::pending_load_key(load.partition, *storage);
                batch.delete(Space::Meta, &pending);
            }
        }
        if !self.changes.catalog.is_empty() {
            self.db.write_next(&mut batch)?;
        }
        for (_, partition) in &self.changes.truncated {
            note(&mut partitions, *partition);
        }

        let site = self.db.ordinals.get(&self.lane()).copied();
        let (mut new, mut old, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        for (key, pending) in &self.writes.rows {
            // Written before this transaction emptied or dropped the table:
            // the range is gone, and the log must not bring its rows back.
            if self.changes.clears(key, Space::Data) {
                continue;
            }
            self.writes.load(&pending.row, &mut new)?;
            let base = match &pending.base {
                None => None,
                Some(base) => {
                    self.writes.load(base, &mut old)?;
                    Some(old.as_slice())
                }
            };
            let was_live = match base {
                Some(base) => RowRef::new(base)?.is_live(),
                None => false,
            };
            // Made and removed by this transaction: nobody ever saw it.
            if !was_live && base.is_none() && !RowRef::new(&new)?.is_live() {
                continue;
            }
            let site = site.ok_or_else(|| Error::internal("a lane that is nobody's"))?;
            assign_site(&mut new, site)?;
            if pending.table.temporary {
                // Nobody else will ever ask for it.
                operations.adds_rows |= RowRef::new(&new)?.is_live();
                batch.put(Space::Data, key, &new);
                continue;
            }
            let pk = key.get(PREFIX_BYTES..).unwrap_or(&[]);
            note(&mut partitions, pending.table.partition);
            if together.takes(pending, key, base, &new, site, &mut operations)? {
                continue;
            }
            log_row(
                &mut operations,
                pending,
                pk,
                base,
                &new,
                &mut scratch,
                &|_| Ok(0),
            )?;
            let table = pending.table.fingerprint_seed();
            for row in base.into_iter().chain([new.as_slice()]) {
                let row = RowRef::new(row)?;
                if row.is_live() {
                    let (bucket, digest) = fingerprint::digest(table, pk, row.body());
                    let partition = pending.table.partition;
                    fingerprint::add(&mut fingerprints, partition, bucket, digest);
                }
            }
            batch.put(Space::Data, key, &new);
        }
        for (key, entry) in &self.writes.entries {
            if self.changes.clears(key, Space::Index) {
                continue;
            }
            match entry {
                Some(length) => batch.put(Space::Index, key, &length.to_le_bytes()),
                None => batch.delete(Space::Index, key),
            }
        }
        // Behind the entries: what comes up from under a row has entries of its own.
        let (since, met) = together.write(&mut batch, &mut fingerprints)?;
        Ok(Built {
            batch,
            operations,
            partitions,
            fingerprints,
            reloaded,
            met,
            since,
        })
    }
}

fn note(partitions: &mut SmallVec<[PartitionId; 4]>, partition: PartitionId) {
    if !partitions.contains(&partition) {
        partitions.push(partition);
    }
}

/// Says what became of one row, from what was stored to what will be. `added` says what this
/// site has added to a counted column so far.
fn log_row(
    operations: &mut OperationWriter,
    pending: &Pending,
    pk: &[u8],
    base: Option<&[u8]>,
    new: &[u8],
    scratch: &mut Vec<u8>,
    added: &dyn Fn(u16) -> Result<i64>,
) -> Result<()> {
    let table = &pending.table;
    let new = RowRef::new(new)?;
    let base = base.map(RowRef::new).transpose()?;
    let same_life = base
        .as_ref()
        .is_some_and(|base| base.is_live() && base.causal_length() == new.causal_length());
    if let Some(base) = &base
        && same_life
    {
        let changed: SmallVec<[usize; 8]> = (0..new.columns())
            .filter(|column| new.column_stamp(*column).hlc == PENDING)
            .collect();
        let adds_rows = operations.adds_rows;
        operations.update(table.id, pk, life(base), changed.len() as u16);
        // That one is put off makes nothing larger.
        if table.schema == NODE_SCHEMA && table.name == REMINDERS_TABLE {
            operations.adds_rows = adds_rows;
        }
        for column in changed {
            scratch.clear();
            let mut value = new.slot_value(&table.layout, column)?;
            let kind = table.kinds.get(column).copied().unwrap_or_default();
            if kind == ColumnKind::Counter {
                let before = base.slot_or_missing(&table.layout, column, &table.missing)?;
                let so_far = added(column as u16)?;
                value = ValueRef::Int8(counted(so_far, &before, &value)?);
            }
            row::encode_value(&value, scratch);
            operations.cell(&Cell {
                column: column as u16,
                kind,
                replaced: smallvec![base.column_stamp(column)],
                value: scratch,
            });
        }
        return Ok(());
    }
    let mut replaced = None;
    if let Some(base) = &base {
        if base.is_live() {
            let mut newer: SmallVec<[Stamp; 4]> = SmallVec::new();
            for column in 0..base.columns() {
                let stamp = base.column_stamp(column);
                if stamp != base.stamp() && !newer.contains(&stamp) {
                    newer.push(stamp);
                }
            }
            operations.delete(table.id, pk, life(base), &newer);
        } else if base.causal_length() > 0 {
            replaced = Some(base.stamp());
        }
    }
    if new.is_live() {
        let adds_rows = operations.adds_rows;
        operations.insert(
            table.id,
            pk,
            new.causal_length(),
            replaced,
            new.columns() as u16,
            new.is_wide(),
            new.body(),
        );
        // What is noted of a DROP must not keep a full disk from having room, nor may
        // nobody learn that the disk is full.
        let is_note = [AUDIT_TABLE, EVENTS_TABLE].contains(&table.name.as_str());
        if table.schema == NODE_SCHEMA && is_note {
            operations.adds_rows = adds_rows;
        }
    }
    Ok(())
}

/// What a site has added in all, when it changes a counted column from one value to another.
fn counted(so_far: i64, before: &ValueRef<'_>, after: &ValueRef<'_>) -> Result<i64> {
    let number = |value: &ValueRef<'_>| match value {
        ValueRef::Int8(number) => i128::from(*number),
        _ => 0,
    };
    let total = i128::from(so_far) + number(after) - number(before);
    i64::try_from(total).map_err(|_| {
        Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            "what this node has added to the counter is out of range",
        )
    })
}

fn life(row: &RowRef<'_>) -> Life {
    Life {
        causal_length: row.causal_length(),
        stamp: row.stamp(),
    }
}

/// Gives pending stamps the site ordinal of the lane that the whole
/// transaction ends up in.
fn assign_site(row: &mut [u8], site: SiteOrdinal) -> Result<()> {
    let body = row.len() - RowRef::new(row)?.body().len();
    let stamps = RowRef::new(row)?.stamp_bitmap().len() + row::HEAD_BYTES;
    let places = [row::HEAD_BYTES - row::STAMP_BYTES].into_iter();
    for at in places.chain((stamps..body).step_by(row::STAMP_BYTES)) {
        if let Some(stamp) = row.get_mut(at..at + row::STAMP_BYTES)
            && stamp[..8] == PENDING.0.to_le_bytes()
        {
            stamp[8..].copy_from_slice(&site.0.to_le_bytes());
        }
    }
    Ok(())
}
