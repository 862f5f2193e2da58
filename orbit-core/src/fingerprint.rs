//! Fingerprints: per partition a few hundred buckets, each the XOR of 128-bit
//! digests of its live rows (key and values, never stamps), so that two nodes
//! can tell equal from different, and where, without reading rows.

use crate::error::{Error, Result};
use crate::ids::PartitionId;
use crate::store::{Batch, Space};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

pub const BUCKETS: usize = 256;
pub const PREFIX: u8 = b'f';

/// What a transaction changes: (partition, bucket, XOR of old and new digests).
pub type Deltas = SmallVec<[(PartitionId, u16, u128); 4]>;

/// A row's bucket and digest. `table` is a number all sites share for the table.
pub fn digest(table: u64, pk: &[u8], body: &[u8]) -> (u16, u128) {
    let key = xxh3_64_with_seed(pk, table);
    ((key % BUCKETS as u64) as u16, xxh3_128_with_seed(body, key))
}

pub fn add(deltas: &mut Deltas, partition: PartitionId, bucket: u16, digest: u128) {
    let same = deltas
        .iter_mut()
        .find(|(of, at, _)| *of == partition && *at == bucket);
    match same {
        Some((_, _, sum)) => *sum ^= digest,
        None => deltas.push((partition, bucket, digest)),
    }
}

#[derive(Default)]
pub struct Fingerprints {
    partitions: BTreeMap<PartitionId, Box<[u128; BUCKETS]>>,
    dirty: BTreeSet<(PartitionId, u16)>,
}

impl Fingerprints {
    pub fn apply(&mut self, deltas: &[(PartitionId, u16, u128)]) {
        for (partition, bucket, delta) in deltas {
            if *delta == 0 {
                continue;
            }
            let buckets = self
                .partitions
                .entry(*partition)
                .or_insert_with(|| Box::new([0; BUCKETS]));
            buckets[usize::from(*bucket) % BUCKETS] ^= delta;
            self.dirty.insert((*partition, *bucket));
        }
    }

    /// All rows of the partition are gone.
    pub fn clear(&mut self, partition: PartitionId) {
        if let Some(buckets) = self.partitions.get_mut(&partition) {
            for (bucket, sum) in buckets.iter_mut().enumerate() {
                if *sum != 0 {
                    *sum = 0;
                    self.dirty.insert((partition, bucket as u16));
                }
            }
        }
    }

    pub fn of(&self, partition: PartitionId) -> [u128; BUCKETS] {
        let buckets = self.partitions.get(&partition);
        buckets.map_or([0; BUCKETS], |buckets| **buckets)
    }

    pub fn write(&mut self, batch: &mut Batch) {
        for (partition, bucket) in std::mem::take(&mut self.dirty) {
            let Some(buckets) = self.partitions.get(&partition) else {
                continue;
            };
            let mut key = [0; 7];
            key[0] = PREFIX;
            key[1..5].copy_from_slice(&partition.0.to_be_bytes());
            key[5..].copy_from_slice(&bucket.to_be_bytes());
            let mut value = [0; 17];
            value[1..].copy_from_slice(&buckets[usize::from(bucket)].to_le_bytes());
            batch.put(Space::Meta, &key, &value);
        }
    }

    pub fn read(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let damaged = || Error::corrupted("a fingerprint is damaged");
        let key: &[u8; 7] = key.try_into().map_err(|_| damaged())?;
        let value: &[u8; 17] = value.try_into().map_err(|_| damaged())?;
        let [_, p0, p1, p2, p3, b0, b1] = *key;
        let partition = PartitionId(u32::from_be_bytes([p0, p1, p2, p3]));
        let bucket = u16::from_be_bytes([b0, b1]);
        let mut sum = [0; 16];
        sum.copy_from_slice(&value[1..]);
        let buckets = self
            .partitions
            .entry(partition)
            .or_insert_with(|| Box::new([0; BUCKETS]));
        buckets[usize::from(bucket) % BUCKETS] = u128::from_le_bytes(sum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_added_and_taken_leaves_no_trace() {
        let mut prints = Fingerprints::default();
        let (bucket, digest) = digest(7, b"key", b"body");
        prints.apply(&[(PartitionId(1), bucket, digest)]);
        assert_ne!(prints.of(PartitionId(1)), [0; BUCKETS]);
        prints.apply(&[(PartitionId(1), bucket, digest)]);
        assert_eq!(prints.of(PartitionId(1)), [0; BUCKETS]);
    }

    #[test]
    fn survive_the_store() {
        let mut prints = Fingerprints::default();
        for key in 0..1000u32 {
            let (bucket, digest) = digest(7, &key.to_be_bytes(), b"body");
            prints.apply(&[(PartitionId(3), bucket, digest)]);
        }
        let mut batch = Batch::new();
        prints.write(&mut batch);
        let mut again = Fingerprints::default();
        for op in batch.iter() {
            if let crate::store::Op::Put { key, value, .. } = op {
                again.read(key, value).unwrap();
            }
        }
        assert_eq!(prints.of(PartitionId(3)), again.of(PartitionId(3)));
    }
}
