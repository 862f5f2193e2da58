//! Time and place: the state that only the writer thread touches.

#[cfg(feature = "sync")]
mod merging;

use super::Request;
use crate::catalog::Catalog;
use crate::clock::{Hlc, HlcClock};
#[cfg(feature = "columns")]
use crate::columns::{self, Columns};
use crate::error::Result;
use crate::fingerprint::Fingerprints;
use crate::ids::{Incarnation, Lane, Sequence, SiteId, SiteOrdinal};
use crate::log;
use crate::merge::recent::Recent;
use crate::merge::{Met, Origins};
use crate::meta;
use crate::row;
use crate::sequence::Sequences;
use crate::store::{Batch, Op, Space};
use crate::vector::{Entry, Vectors};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Told of what a merge met, once it is part of a group.
pub type OnMet = Arc<dyn Fn(&[Met]) + Send + Sync>;

pub struct Sequencer {
    pub site: SiteId,
    pub incarnation: Incarnation,
    pub ordinals: BTreeMap<Lane, SiteOrdinal>,
    pub clock: Arc<HlcClock>,
    pub sequences: BTreeMap<Lane, Sequence>,
    /// Who every ordinal stands for. Those up to `origins_written` are in the store.
    pub origins: Arc<RwLock<Origins>>,
    pub origins_written: SiteOrdinal,
    pub on_met: OnMet,
    /// What merges have touched while local transactions were under way.
    pub recent: Recent,
    pub merged_until: Arc<AtomicU64>,
    pub vectors: Vectors,
    pub fingerprints: Fingerprints,
    pub newest_catalog: Arc<Catalog>,
    #[cfg(feature = "columns")]
    pub columns: Arc<Columns>,
    /// Time series of which rows are being put away.
    #[cfg(feature = "columns")]
    pub watches: Vec<std::sync::Weak<crate::series::watch::Watch>>,
    pub hidden_keys: u64,
    /// What sequences have given out.
    pub values: Arc<Sequences>,
    pub hidden_keys_moved: bool,
    pub newest: Hlc,
    pub scratch: Vec<u8>,
}

impl Sequencer {
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.newest_catalog
    }

    pub fn position(&self) -> Hlc {
        self.newest
    }

    /// Adds a request to the group's batch: its rows with their time, its log
    /// record, and in memory what `finish` will write once for the group.
    pub fn add(&mut self, request: &mut Request, batch: &mut Batch) -> Result<Hlc> {
        let hlc = self.clock.tick();
        self.newest = hlc;
        #[cfg(feature = "sync")]
        self.tell(request, hlc);
        #[cfg(feature = "columns")]
        let mut followed = 0;
        for op in request.batch.iter() {
            #[cfg(feature = "columns")]
            for watch in self.watches.iter().filter_map(std::sync::Weak::upgrade) {
                watch.note(&op);
            }
            match op {
                Op::Put { space, key, value } => {
                    batch.put(space, key, value);
                    #[cfg(feature = "sync")]
                    self.follow(request.incoming.is_some(), space, key, hlc, batch);
                    if space == Space::Data
                        && let Some(row) = batch.last_value_mut()
                    {
                        row::assign_hlc(row, hlc);
                        #[cfg(feature = "columns")]
                        if self.columns.follows(key) {
                            columns::delta::note(batch, key, hlc, followed);
                            followed += 1;
                        }
                    }
                }
                Op::Delete { space, key } => batch.delete(space, key),
                Op::DeleteRange { space, start, end } => batch.delete_range(space, start, end),
            }
        }
        if !request.catalog.is_empty() {
            let mut catalog = (*self.newest_catalog).clone();
            for change in &request.catalog {
                let before = catalog;
                catalog = before.with(change)?;
                meta::write_catalog_change(batch, change, &before, &catalog)?;
            }
            self.newest_catalog = Arc::new(catalog);
        }
        #[cfg(feature = "columns")]
        if let Some(change) = &request.columns {
            let mut columns = (*self.columns).clone();
            columns.apply(change, hlc, batch)?;
            self.columns = Arc::new(columns);
        }
        #[cfg(feature = "columns")]
        self.settle(request, batch);
        // Positions as they are now: they cover what any transaction has been given.
        for storage in &request.sequences {
            if let Some(position) = self.values.of_storage(*storage) {
                meta::write_position(batch, *storage, &position)?;
            }
        }
        for storage in &request.forgotten_sequences {
            self.values.forget(*storage);
            meta::forget_position(batch, *storage);
        }
        if let Some(given) = request.hidden_keys
            && given > self.hidden_keys
        {
            self.hidden_keys = given;
            self.hidden_keys_moved = true;
        }
        if request.operations.count == 0 && request.truncated.is_empty() {
            return Ok(hlc);
        }
        for (table, partition) in &request.truncated {
            let seen: Vec<_> = self
                .vectors
                .of(*partition)
                .map(|(site, entry)| (site, entry.sequence, entry.hlc))
                .collect();
            request.operations.truncate(*table, *partition, &seen);
            self.fingerprints.clear(*partition);
        }
        for partition in &request.reloaded {
            self.fingerprints.clear(*partition);
        }
        self.fingerprints.apply(&request.fingerprints);
        let sequence = self.sequences.entry(request.lane).or_default();
        sequence.0 += 1;
        let place = *sequence;
        #[cfg_attr(not(feature = "sync"), expect(unused_mut))]
        let mut header = log::Header {
            site: self.site,
            incarnation: self.incarnation,
            lane: request.lane,
            sequence: place,
            hlc,
            epoch: request.epoch,
            catalog_version: self.newest_catalog.version,
        };
        let own = self.ordinals.get(&request.lane).copied();
        #[cfg(feature = "sync")]
        let writer = self.name_writer(request, &mut header, batch)?.or(own);
        #[cfg(not(feature = "sync"))]
        let writer = own;
        log::append(
            batch,
            place,
            &header,
            &request.operations,
            &mut self.scratch,
        );
        if let Some(own) = own {
            // The node's own entry says where its log ends, whatever was touched.
            let sequence = place;
            self.vectors
                .raise(meta::NODE_PARTITION, own, Entry { sequence, hlc });
        }
        if let Some(writer) = writer {
            let entry = Entry {
                sequence: header.sequence,
                hlc: header.hlc,
            };
            for partition in &request.partitions {
                self.vectors.raise(*partition, writer, entry);
            }
        }
        Ok(hlc)
    }

    /// Watches from here on, and does those parts of a sealing that nobody has touched.
    #[cfg(feature = "columns")]
    fn settle(&mut self, request: &mut Request, batch: &mut Batch) {
        self.watches.retain(|watch| watch.strong_count() > 0);
        if let Some(watch) = request.watch.take() {
            self.watches.push(Arc::downgrade(&watch));
        }
        let Some(settling) = request.settling.take() else {
            return;
        };
        let table = self.newest_catalog.table_by_id(settling.table);
        // Emptied, rebuilt or dropped meanwhile: its rows lie elsewhere, or nowhere.
        if table.is_none_or(|table| table.storage != settling.watch.storage()) {
            return;
        }
        for part in settling.parts {
            if settling.watch.touches(&part.first, &part.last) {
                continue;
            }
            batch.append(&part.batch);
            self.fingerprints.apply(&part.fingerprints);
            settling
                .done
                .fetch_add(part.rows, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Writes what the group changed of vectors, fingerprints and counters, once.
    pub fn finish(&mut self, batch: &mut Batch) {
        self.vectors.write(batch);
        self.fingerprints.write(batch);
        if std::mem::take(&mut self.hidden_keys_moved) {
            batch.put(
                Space::Meta,
                meta::HIDDEN_KEYS,
                &self.hidden_keys.to_le_bytes(),
            );
        }
        // A huge transaction's scratch isn't kept for the small ones after it.
        if self.scratch.capacity() > 1 << 20 {
            self.scratch = Vec::new();
        }
    }
}
