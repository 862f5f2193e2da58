//! A transaction of another site, merged with what is stored here.

use super::key::{Context, Key};
use super::note::Note;
use super::origins::Origins;
use super::side::{self, SideKey, SideValue};
use crate::catalog::Table;
use crate::clock::Hlc;
use crate::error::{Error, Result, state};
use crate::fingerprint;
use crate::ids::{Lane, PartitionId, Sequence, SiteOrdinal, TableId};
use crate::log::{Operation, OperationWriter, RowOperation};
use crate::read::{KeyBuffer, PREFIX_BYTES, View, store_key, stored};
use crate::row::{self, RowRef, Stamp};
use crate::store::{Batch, Direction, KeyRange, Snapshot, Space};
use crate::txn::{decode, entry_key};
use crate::vector::Vectors;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What another site committed, in this node's terms: its tables, its ordinals.
#[derive(Debug)]
pub struct Incoming {
    /// Who wrote it: a site, an incarnation of it, a lane.
    pub writer: SiteOrdinal,
    /// In which lane this node passes it on: its writer's.
    pub lane: Lane,
    /// Its place in its writer's log.
    pub sequence: Sequence,
    /// When its writer committed it.
    pub hlc: Hlc,
    pub epoch: u32,
    pub operations: OperationWriter,
}

impl Incoming {
    /// The tables whose rows it changes.
    pub fn tables(&self) -> Result<SmallVec<[TableId; 4]>> {
        let mut tables = SmallVec::new();
        for operation in self.operations.operations()? {
            if let Operation::Row { table, .. } = operation
                && !tables.contains(&table)
            {
                tables.push(table);
            }
        }
        Ok(tables)
    }
}

/// What was met under one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Met {
    pub table: TableId,
    pub pk: Vec<u8>,
    pub note: Note,
}

/// What is to be written for it.
#[derive(Default)]
pub(crate) struct Merged {
    pub batch: Batch,
    pub partitions: SmallVec<[PartitionId; 4]>,
    pub fingerprints: fingerprint::Deltas,
    pub met: Vec<Met>,
}

/// A key that a transaction has touched.
pub(crate) struct Touched {
    pub table: Arc<Table>,
    /// The row as it was.
    pub before: Vec<u8>,
    pub key: Key,
}

/// Merges it with what a moment has. Where a partition has it already, nothing happens there.
/// An error means that it can't be taken as it is.
pub(crate) fn merge(
    incoming: &Incoming,
    view: &View,
    origins: &Origins,
    vectors: &Vectors,
) -> Result<Merged> {
    let mut merged = Merged::default();
    let mut touched: BTreeMap<KeyBuffer, Touched> = BTreeMap::new();
    let stamp = Stamp {
        hlc: incoming.hlc,
        site: incoming.writer,
    };
    let mut notes = Vec::new();
    for operation in incoming.operations.operations()? {
        let Operation::Row { table, pk, what } = operation else {
            return Err(Error::unsupported(
                "a change of another site that is no change of rows",
            ));
        };
        let table = view
            .catalog
            .table_by_id(table)
            .ok_or_else(|| unknown_table(table))?;
        check(&what, stamp, table, origins)?;
        let is_derived = table
            .columns
            .iter()
            .any(|column| column.generated.is_some());
        let why = if is_derived || !table.computed.is_empty() {
            "has values that follow from others"
        } else if table.series.is_some() {
            "is a time series"
        } else if table.primary_key.is_none() {
            "has no primary key"
        } else {
            ""
        };
        if !why.is_empty() {
            return Err(Error::unsupported(format!(
                "a change of another site in table \"{}\", which {why}",
                table.name
            )));
        }
        let contains = |stamp: Stamp| vectors.contains(table.partition, stamp);
        if contains(stamp) {
            continue;
        }
        if !merged.partitions.contains(&table.partition) {
            merged.partitions.push(table.partition);
        }
        let whole = store_key(table.partition, table.storage, pk);
        let there = match touched.entry(whole) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let mut before = Vec::new();
                stored(&view.snapshot, table, place.key(), &mut before)?;
                let there = Touched::read(&view.snapshot, table, place.key(), before)?;
                place.insert(there)
            }
        };
        let context = Context {
            layout: &table.layout,
            kinds: &table.kinds,
            missing: &table.missing,
            origins,
            contains: &contains,
        };
        there.key.apply(&what, stamp, &context, &mut notes)?;
        merged.met.extend(notes.drain(..).map(|note| Met {
            table: table.id,
            pk: pk.to_vec(),
            note,
        }));
    }
    for (key, there) in &touched {
        there.write(key, None, &mut merged.batch, &mut merged.fingerprints)?;
    }
    Ok(merged)
}

/// Refuses what no site would have written.
fn check(what: &RowOperation<'_>, stamp: Stamp, table: &Table, origins: &Origins) -> Result<()> {
    let nonsense = |why: &str| {
        Err(Error::new(
            state::PROTOCOL_VIOLATION,
            format!("a change of another site {why}"),
        )
        .of_table(&table.name))
    };
    match what {
        RowOperation::Insert {
            causal_length,
            columns,
            wide,
            body,
            ..
        } => {
            if causal_length.is_multiple_of(2) {
                return nonsense("inserts a row that is dead");
            }
            if usize::from(*columns) > table.layout.slot_count() {
                return nonsense("has columns that are not here");
            }
            let mut bytes = Vec::with_capacity(row::HEAD_BYTES + body.len());
            row::with_body(*columns, *causal_length, stamp, *wide, body, &mut bytes);
            let row = RowRef::new(&bytes)?;
            for slot in 0..row.columns() {
                row.slot_value(&table.layout, slot)?;
            }
            Ok(())
        }
        RowOperation::Update { life, .. } | RowOperation::Delete { life, .. } => {
            if life.stamp.hlc > stamp.hlc || origins.origin(life.stamp.site).is_none() {
                return nonsense("is of a row that nobody can have seen");
            }
            Ok(())
        }
    }
}

impl Touched {
    /// All that a moment has of a key; `before`: its row.
    pub fn read(
        snapshot: &Arc<dyn Snapshot>,
        table: &Arc<Table>,
        key: &[u8],
        before: Vec<u8>,
    ) -> Result<Touched> {
        let mut known = Key::default();
        known.read(&before);
        if !before.is_empty() && RowRef::new(&before)?.has_side() {
            let prefix = side::prefix(table, key.get(PREFIX_BYTES..).unwrap_or_default());
            let range = KeyRange::prefix(&prefix);
            let mut cursor = snapshot
                .clone()
                .scan(Space::Side, range, Direction::Forward)?;
            while cursor.advance()? {
                let of = cursor.key().get(prefix.len()..).unwrap_or_default();
                known.read_side(SideKey::read(of)?, SideValue::read(cursor.value())?);
            }
        }
        Ok(Touched {
            table: table.clone(),
            before,
            key: known,
        })
    }

    /// Adds its row, side cells and index entries, and its part of the fingerprint. `meant`:
    /// what a transaction of this node would have left here, whose entries the batch has
    /// already.
    pub fn write(
        &self,
        key: &[u8],
        meant: Option<&[u8]>,
        batch: &mut Batch,
        fingerprints: &mut fingerprint::Deltas,
    ) -> Result<()> {
        let table = &self.table;
        let pk = key.get(PREFIX_BYTES..).unwrap_or_default();
        let prefix = side::prefix(table, pk);
        let mut is_beside = false;
        for (of, value) in self.key.side_changes() {
            is_beside = true;
            let mut whole = prefix.clone();
            of.push(&mut whole);
            match value {
                Some(value) => {
                    let mut bytes = Vec::new();
                    value.push(&mut bytes);
                    batch.put(Space::Side, &whole, &bytes);
                }
                None => batch.delete(Space::Side, &whole),
            }
        }
        let (before, after) = (self.before.as_slice(), self.key.row());
        // Who looks for what was touched looks for rows.
        if before == after && meant.is_none() && !is_beside {
            return Ok(());
        }
        match after.is_empty() {
            true => batch.delete(Space::Data, key),
            false => batch.put(Space::Data, key, after),
        }
        for row in [before, after] {
            if !row.is_empty() && RowRef::new(row)?.is_live() {
                let body = RowRef::new(row)?.body();
                let (bucket, digest) = fingerprint::digest(table.fingerprint_seed(), pk, body);
                fingerprint::add(fingerprints, table.partition, bucket, digest);
            }
        }
        if table.indexes.is_empty() {
            return Ok(());
        }
        let mut entries: BTreeMap<KeyBuffer, (bool, bool, u32)> = BTreeMap::new();
        let rows = [
            (before, false),
            (meant.unwrap_or_default(), false),
            (after, true),
        ];
        for (row, is_after) in rows {
            if row.is_empty() || !RowRef::new(row)?.is_live() {
                continue;
            }
            let values = decode(table, row)?;
            for index in table.indexes.iter().filter(|index| index.holds(&values)) {
                let (entry, length) = entry_key(table, index, &values, pk)?;
                let known = entries.entry(entry).or_default();
                match is_after {
                    true => known.1 = true,
                    false => known.0 = true,
                }
                known.2 = length;
            }
        }
        for (entry, (was, is, length)) in &entries {
            match (was, is) {
                (false, true) => batch.put(Space::Index, entry, &length.to_le_bytes()),
                (true, true) if meant.is_some() => {
                    batch.put(Space::Index, entry, &length.to_le_bytes())
                }
                (_, false) => batch.delete(Space::Index, entry),
                (true, true) => {}
            }
        }
        Ok(())
    }
}

fn unknown_table(table: TableId) -> Error {
    Error::new(
        state::UNDEFINED_TABLE,
        format!("a change of another site is of table {table}, which is not here"),
    )
}
