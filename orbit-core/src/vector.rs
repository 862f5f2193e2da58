//! Version vectors: per partition and site, the prefix of that site's log that
//! the partition's rows contain.

use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{PartitionId, Sequence, SiteOrdinal};
use crate::row::Stamp;
use crate::store::{Batch, Space};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub sequence: Sequence,
    pub hlc: Hlc,
}

/// The vectors of every partition, and which entries the next batch must carry.
#[derive(Default)]
pub struct Vectors {
    entries: BTreeMap<(PartitionId, SiteOrdinal), Entry>,
    dirty: BTreeSet<(PartitionId, SiteOrdinal)>,
}

pub const PREFIX: u8 = b'v';

impl Vectors {
    pub fn raise(&mut self, partition: PartitionId, site: SiteOrdinal, entry: Entry) {
        self.entries.insert((partition, site), entry);
        self.dirty.insert((partition, site));
    }

    /// Whether a partition has what was written at a stamp.
    pub fn contains(&self, partition: PartitionId, stamp: Stamp) -> bool {
        let entry = self.entries.get(&(partition, stamp.site));
        entry.is_some_and(|entry| entry.hlc >= stamp.hlc)
    }

    pub fn of(&self, partition: PartitionId) -> impl Iterator<Item = (SiteOrdinal, Entry)> + '_ {
        self.entries
            .range((partition, SiteOrdinal(0))..=(partition, SiteOrdinal(u32::MAX)))
            .map(|((_, site), entry)| (*site, *entry))
    }

    /// The highest entry of one site over all partitions: where its log ends.
    pub fn highest(&self, site: SiteOrdinal) -> Option<Entry> {
        self.entries
            .iter()
            .filter(|((_, of), _)| *of == site)
            .map(|(_, entry)| *entry)
            .max_by_key(|entry| entry.sequence)
    }

    pub fn highest_hlc(&self) -> Hlc {
        let highest = self.entries.values().map(|entry| entry.hlc).max();
        highest.unwrap_or_default()
    }

    pub fn write(&mut self, batch: &mut Batch) {
        for (partition, site) in std::mem::take(&mut self.dirty) {
            let Some(entry) = self.entries.get(&(partition, site)) else {
                continue;
            };
            let mut key = [0; 9];
            key[0] = PREFIX;
            key[1..5].copy_from_slice(&partition.0.to_be_bytes());
            key[5..].copy_from_slice(&site.0.to_be_bytes());
            let mut value = [0; 17];
            value[1..9].copy_from_slice(&entry.sequence.0.to_le_bytes());
            value[9..].copy_from_slice(&entry.hlc.0.to_le_bytes());
            batch.put(Space::Meta, &key, &value);
        }
    }

    pub fn read(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let damaged = || Error::corrupted("a version vector entry is damaged");
        let key: &[u8; 9] = key.try_into().map_err(|_| damaged())?;
        let value: &[u8; 17] = value.try_into().map_err(|_| damaged())?;
        let [_, p0, p1, p2, p3, s0, s1, s2, s3] = *key;
        let partition = PartitionId(u32::from_be_bytes([p0, p1, p2, p3]));
        let site = SiteOrdinal(u32::from_be_bytes([s0, s1, s2, s3]));
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&value[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let entry = Entry {
            sequence: Sequence(word(1)),
            hlc: Hlc(word(9)),
        };
        self.entries.insert((partition, site), entry);
        Ok(())
    }
}
