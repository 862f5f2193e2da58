//! What was written to a table since its segments were made, decoded once and brought up
//! to date by whoever reads next: which rows of the segments are no longer so, and the rows
//! that the changed keys have now.

use super::ColumnStore;
use super::stored::KEY_NAME;
use crate::planned::arrow::Builder;
use ahash::{AHashMap, AHashSet};
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::{Array, ArrayRef, BinaryArray, BinaryBuilder, BooleanBufferBuilder};
use datafusion::arrow::buffer::BooleanBuffer;
use orbit_core::catalog::Table;
use orbit_core::clock::Hlc;
use orbit_core::columns::Manifest;
use orbit_core::database::ReadView;
use orbit_core::row::RowRef;
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;

/// The rows of a group or a chunk that count; `None`: all of them.
pub type Kept = Option<BooleanBuffer>;

/// A table's delta at one moment.
pub struct Changes {
    pub manifest: Arc<Manifest>,
    pub position: Hlc,
    /// By segment and group.
    pub kept: Vec<Vec<Kept>>,
    pub chunks: Vec<(Arc<Chunk>, Kept)>,
}

impl Changes {
    /// Nothing changed since the segments were made.
    fn none(manifest: &Arc<Manifest>) -> Changes {
        let groups = manifest
            .segments
            .iter()
            .map(|segment| vec![None; segment.groups.len()]);
        Changes {
            manifest: manifest.clone(),
            position: manifest.needed_after(),
            kept: groups.collect(),
            chunks: Vec::new(),
        }
    }

    /// With what the view's own transaction wrote; `None`: that is a lot.
    pub fn with_own(
        self: Arc<Changes>,
        store: &ColumnStore,
        view: &ReadView,
        table: &Table,
    ) -> Result<Option<Arc<Changes>>> {
        let own = view.own_keys(table);
        if own.is_empty() {
            return Ok(Some(self));
        }
        let most = store.most_followed();
        if own.len() * KEY_BYTES > most {
            return Ok(None);
        }
        let mut kept = self.kept.clone();
        let sorted: Vec<&[u8]> = own.iter().map(Vec::as_slice).collect();
        for (segment, group, keys) in by_group(&self.manifest, &sorted) {
            let rows = rows_of(store, &self.manifest, segment, group, keys)?;
            if let Some(kept) = kept.get_mut(segment).and_then(|all| all.get_mut(group)) {
                let all = self.manifest.segments[segment].groups[group].rows;
                *kept = without(kept.take(), usize::try_from(all).unwrap_or(0), &rows);
            }
        }
        let among: AHashSet<&[u8]> = sorted.iter().copied().collect();
        let mut chunks = Vec::with_capacity(self.chunks.len() + 1);
        for (chunk, kept) in &self.chunks {
            let gone: Vec<usize> = (0..chunk.rows())
                .filter(|row| among.contains(chunk.keys.value(*row)))
                .collect();
            chunks.push((chunk.clone(), without(kept.clone(), chunk.rows(), &gone)));
        }
        let mut builder = ChunkBuilder::default();
        let mut row = Vec::new();
        for key in &own {
            if view.get(table, key, &mut row)? {
                builder.push(key, &row);
                if builder.bytes.len() > most {
                    return Ok(None);
                }
            }
        }
        chunks.push((Arc::new(builder.finish()), None));
        Ok(Some(Arc::new(Changes {
            manifest: self.manifest.clone(),
            position: self.position,
            kept,
            chunks,
        })))
    }

    /// Rows of the segments that still count, and rows that changed.
    pub fn rows(&self) -> (u64, u64) {
        let count = |kept: &Kept, all: u64| match kept {
            Some(kept) => kept.count_set_bits() as u64,
            None => all,
        };
        let mut sealed = 0;
        for (segment, kept) in self.manifest.segments.iter().zip(&self.kept) {
            for (group, kept) in segment.groups.iter().zip(kept) {
                sealed += count(kept, group.rows);
            }
        }
        let changed = self.chunks.iter();
        let changed = changed.map(|(chunk, kept)| count(kept, chunk.rows() as u64));
        (sealed, changed.sum())
    }

    /// The keys that have other rows than their segments say.
    pub fn keys(&self) -> AHashSet<Vec<u8>> {
        let mut keys = AHashSet::new();
        for (chunk, kept) in &self.chunks {
            for row in 0..chunk.rows() {
                if kept.as_ref().is_none_or(|kept| kept.value(row)) {
                    keys.insert(chunk.keys.value(row).to_vec());
                }
            }
        }
        keys
    }
}

/// Rows as they are stored, whose columns are decoded when somebody reads them.
pub struct Chunk {
    pub keys: BinaryArray,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// By slot.
    columns: Mutex<AHashMap<usize, ArrayRef>>,
}

impl Chunk {
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    pub fn row(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(row).copied().unwrap_or(0);
        self.bytes
            .get(start.copied().unwrap_or(0)..end)
            .unwrap_or(&[])
    }

    /// One of the table's columns.
    pub fn column(&self, table: &Table, at: usize) -> Result<ArrayRef> {
        let column = table
            .columns
            .get(at)
            .ok_or_else(|| Error::internal("a scan of a column that is not there"))?;
        let slot = table.layout.slot_of(at);
        let wanted = crate::planned::arrow::arrow_type(&column.sql_type);
        if let Some(array) = self.columns.lock().get(&slot)
            && *array.data_type() == wanted
        {
            return Ok(array.clone());
        }
        let mut builder = Builder::new(&column.sql_type, self.rows());
        for row in 0..self.rows() {
            let row = RowRef::new(self.row(row))?;
            builder.push(row.value(&table.layout, at, &table.missing)?)?;
        }
        let array = builder.finish();
        self.columns.lock().insert(slot, array.clone());
        Ok(array)
    }
}

#[derive(Default)]
struct ChunkBuilder {
    keys: BinaryBuilder,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ChunkBuilder {
    fn push(&mut self, key: &[u8], row: &[u8]) {
        self.keys.append_value(key);
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    fn finish(mut self) -> Chunk {
        Chunk {
            keys: self.keys.finish(),
            bytes: self.bytes,
            ends: self.ends,
            columns: Mutex::default(),
        }
    }
}

/// What a changed key costs while it is followed, beside its row.
const KEY_BYTES: usize = 256;
/// Small chunks are put together when there are more.
const CHUNKS: usize = 8;
/// Changed keys looked up in one group at a time by walking it, rather than by search.
const WORTH_WALKING: usize = 8;

/// A table's delta as far as it was read, to be read on from there.
pub struct Followed {
    manifest: Arc<Manifest>,
    position: Hlc,
    /// Every changed key: its row, if it has one.
    places: AHashMap<Box<[u8]>, Option<(u32, u32)>>,
    kept: Vec<Vec<Kept>>,
    chunks: Vec<(Arc<Chunk>, Kept)>,
    shown: Arc<Changes>,
}

impl Followed {
    pub fn new(manifest: &Arc<Manifest>) -> Followed {
        let shown = Changes::none(manifest);
        Followed {
            manifest: manifest.clone(),
            position: shown.position,
            places: AHashMap::new(),
            kept: shown.kept.clone(),
            chunks: Vec::new(),
            shown: Arc::new(shown),
        }
    }

    /// Whether what a view reads lies ahead of what is known here.
    pub fn leads_to(&self, manifest: &Arc<Manifest>, position: Hlc) -> bool {
        Arc::ptr_eq(&self.manifest, manifest) && self.position <= position
    }

    /// Whether it has gone past a view that reads what it reads, or what was before that.
    pub fn is_ahead_of(&self, manifest: &Arc<Manifest>, position: Hlc) -> bool {
        let same = Arc::ptr_eq(&self.manifest, manifest);
        same && self.position > position
            || !same && self.manifest.needed_after() > manifest.needed_after()
    }

    /// Everything up to the view's moment. `None`: it takes more than `most` bytes, and
    /// this is to be thrown away.
    pub fn advance(
        &mut self,
        store: &ColumnStore,
        view: &ReadView,
        table: &Table,
        most: usize,
    ) -> Result<Option<Arc<Changes>>> {
        let position = view.position_of(table);
        let mut fresh: Vec<Vec<u8>> = Vec::new();
        let mut delta = view.delta(table, self.position)?;
        while let Some(changed) = delta.next()? {
            let place = self.manifest.segment_of(changed.pk);
            let sealed = self.manifest.segments.get(place);
            if sealed.is_some_and(|segment| changed.at > segment.position) {
                fresh.push(changed.pk.to_vec());
                if (fresh.len() + self.places.len()) * KEY_BYTES > most {
                    return Ok(None);
                }
            }
        }
        if fresh.is_empty() {
            self.position = position;
            return Ok(Some(self.shown.clone()));
        }
        fresh.sort_unstable();
        fresh.dedup();
        self.mask(store, &fresh)?;
        if !self.read(&view.committed(), table, &fresh, most)? {
            return Ok(None);
        }
        if self.chunks.len() > CHUNKS {
            self.put_together();
        }
        self.position = position;
        self.shown = Arc::new(Changes {
            manifest: self.manifest.clone(),
            position,
            kept: self.kept.clone(),
            chunks: self.chunks.clone(),
        });
        Ok(Some(self.shown.clone()))
    }

    /// Takes the segments' rows of keys that change for the first time out.
    fn mask(&mut self, store: &ColumnStore, sorted: &[Vec<u8>]) -> Result<()> {
        let unknown: Vec<&[u8]> = sorted
            .iter()
            .map(Vec::as_slice)
            .filter(|key| !self.places.contains_key(*key))
            .collect();
        for (segment, group, keys) in by_group(&self.manifest, &unknown) {
            let rows = rows_of(store, &self.manifest, segment, group, keys)?;
            if let Some(kept) = self
                .kept
                .get_mut(segment)
                .and_then(|all| all.get_mut(group))
            {
                let all = self.manifest.segments[segment].groups[group].rows;
                *kept = without(kept.take(), usize::try_from(all).unwrap_or(0), &rows);
            }
        }
        Ok(())
    }

    /// Reads the rows that the keys have now; `false`: they take more than `most` bytes.
    fn read(
        &mut self,
        view: &ReadView,
        table: &Table,
        sorted: &[Vec<u8>],
        most: usize,
    ) -> Result<bool> {
        let held: usize = self.chunks.iter().map(|(chunk, _)| chunk.bytes.len()).sum();
        let chunk = u32::try_from(self.chunks.len()).unwrap_or(u32::MAX);
        let mut builder = ChunkBuilder::default();
        let mut gone: AHashMap<u32, Vec<usize>> = AHashMap::new();
        let mut row = Vec::new();
        for key in sorted {
            let place = match view.get(table, key, &mut row)? {
                true => {
                    builder.push(key, &row);
                    if held + builder.bytes.len() > most {
                        return Ok(false);
                    }
                    Some((chunk, (builder.ends.len() - 1) as u32))
                }
                false => None,
            };
            if let Some(Some((chunk, row))) = self.places.insert(key.as_slice().into(), place) {
                gone.entry(chunk).or_default().push(row as usize);
            }
        }
        for (chunk, rows) in gone {
            if let Some((chunk, kept)) = self.chunks.get_mut(chunk as usize) {
                *kept = without(kept.take(), chunk.rows(), &rows);
            }
        }
        if !builder.ends.is_empty() {
            self.chunks.push((Arc::new(builder.finish()), None));
        }
        Ok(true)
    }

    fn put_together(&mut self) {
        let mut builder = ChunkBuilder::default();
        for (chunk, kept) in self.chunks.drain(..) {
            for row in 0..chunk.rows() {
                if kept.as_ref().is_none_or(|kept| kept.value(row)) {
                    let key = chunk.keys.value(row);
                    if let Some(place) = self.places.get_mut(key) {
                        *place = Some((0, builder.ends.len() as u32));
                    }
                    builder.push(key, chunk.row(row));
                }
            }
        }
        self.chunks.push((Arc::new(builder.finish()), None));
    }
}

/// Sorted keys, cut where groups end.
pub fn by_group<'a, 'k>(
    manifest: &'a Manifest,
    sorted: &'a [&'k [u8]],
) -> impl Iterator<Item = (usize, usize, &'a [&'k [u8]])> {
    let mut rest = sorted;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let segment = manifest.segment_of(first);
        let groups = &manifest.segments.get(segment)?.groups;
        let group = groups
            .partition_point(|group| group.first_key.as_slice() <= *first)
            .saturating_sub(1);
        let end = manifest.range_of_group(segment, group).end;
        let count = match end.is_empty() {
            true => rest.len(),
            false => rest.partition_point(|key| *key < end.as_slice()),
        };
        let (keys, behind) = rest.split_at(count.max(1));
        rest = behind;
        Some((segment, group, keys))
    })
}

/// Where sorted keys stand in a group; those that it doesn't have are left out.
pub fn rows_of(
    store: &ColumnStore,
    manifest: &Manifest,
    segment: usize,
    group: usize,
    keys: &[&[u8]],
) -> Result<Vec<usize>> {
    let segment = manifest
        .segments
        .get(segment)
        .ok_or_else(|| Error::internal("a segment that is not in its manifest"))?;
    if segment
        .groups
        .get(group)
        .is_none_or(|group| group.rows == 0)
    {
        return Ok(Vec::new());
    }
    let stored = store.stored(segment, group, KEY_NAME)?;
    let stored = stored
        .as_ref()
        .and_then(|array| array.as_binary_opt::<i32>())
        .ok_or_else(|| Error::corrupted(format!("segment {} has no keys", segment.id)))?;
    let mut rows = Vec::with_capacity(keys.len());
    let mut from = 0;
    let walk = keys.len() > stored.len() / WORTH_WALKING;
    for key in keys {
        if walk {
            while from < stored.len() && stored.value(from) < *key {
                from += 1;
            }
        } else {
            from += lower_bound(stored, from, key);
        }
        if from >= stored.len() {
            break;
        }
        if stored.value(from) == *key {
            rows.push(from);
        }
    }
    Ok(rows)
}

/// How many keys from `from` on are below `key`.
fn lower_bound(stored: &BinaryArray, from: usize, key: &[u8]) -> usize {
    let (mut low, mut high) = (from, stored.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if stored.value(middle) < key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low - from
}

/// The same rows without some.
pub fn without(kept: Kept, all: usize, rows: &[usize]) -> Kept {
    if rows.is_empty() {
        return kept;
    }
    let mut bits = BooleanBufferBuilder::new(all);
    match kept {
        Some(kept) => bits.append_buffer(&kept),
        None => bits.append_n(all, true),
    }
    for row in rows {
        if *row < all {
            bits.set_bit(*row, false);
        }
    }
    Some(bits.finish())
}
