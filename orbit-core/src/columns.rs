//! What a node knows of its tables' columnar copies. Rows are the truth; *segments*
//! repeat them column by column, each for one range of primary keys, as of one moment,
//! its *position*. The *delta* names every key that was written since:
//!
//! ```text
//! keys      ·········│·················│············>
//! segments    at 40  │      at 70      │   at 55        what each range was at its position
//! delta     41 k7 · 44 k2 · 56 k9 · 71 k5 …             commit time and key, in the order of time
//!
//! a scan = segments, without keys that the delta has after their segment's position
//!        + the rows that these keys have now
//! ```
//!
//! Both belong to a [`View`](crate::read::View), so a scan is exact at its moment. The
//! committer writes the delta with the rows, in the same batch; a segment is made from a
//! durable view and shown by a commit of its own, which drops the delta that no segment
//! needs any more. Nothing waits: a key written while its segment is made has a later time
//! than the segment's position.
//!
//! Here are the manifest, the delta and the decision what to seal. Files and formats are
//! the query layer's.

pub mod delta;
pub mod manifest;
pub mod policy;

pub use delta::{Changed, DeltaScan};
pub use manifest::{Group, Manifest, Segment, SegmentId};

use crate::clock::Hlc;
use crate::error::Result;
use crate::ids::{PartitionId, StorageId};
use crate::meta;
use crate::store::{Batch, Space, successor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The columnar copies there are at one moment.
#[derive(Clone, Default, Debug)]
pub struct Columns {
    by_storage: BTreeMap<StorageId, Arc<Manifest>>,
    /// Rises with every change of any manifest.
    pub version: u64,
}

/// A commit's change of them.
#[derive(Clone, Debug)]
pub enum ColumnsChange {
    /// From this commit on the delta names what is written there.
    Follow(PartitionId, StorageId),
    /// These are the segments now.
    Put(Arc<Manifest>),
    /// The copy is given up, and what is written is followed no longer.
    Forget(PartitionId, StorageId),
}

impl Columns {
    pub fn of(&self, storage: StorageId) -> Option<&Arc<Manifest>> {
        self.by_storage.get(&storage)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.by_storage.values()
    }

    /// The newest moment that any of them is of.
    pub(crate) fn newest(&self) -> Hlc {
        let positions = self.iter().flat_map(|manifest| {
            let segments = manifest.segments.iter().map(|segment| segment.position);
            segments.chain([manifest.since])
        });
        positions.max().unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.by_storage.is_empty()
    }

    pub(crate) fn insert(&mut self, manifest: Manifest) {
        self.by_storage.insert(manifest.storage, Arc::new(manifest));
    }

    /// Applies a change that commits at `now`, and adds to the batch what follows from it.
    pub(crate) fn apply(
        &mut self,
        change: &ColumnsChange,
        now: Hlc,
        batch: &mut Batch,
    ) -> Result<()> {
        self.version += 1;
        match change {
            ColumnsChange::Follow(partition, storage) => {
                let manifest = Manifest::new(*partition, *storage, now);
                self.put(Arc::new(manifest), batch)?;
            }
            ColumnsChange::Put(manifest) => {
                // Its storage may have been given up while segments were made of it.
                if self.by_storage.contains_key(&manifest.storage) {
                    let (first, end) = (manifest.delta_start(), manifest.needed_after());
                    batch.delete_range(
                        Space::Delta,
                        &first,
                        &delta::after(manifest.partition, manifest.storage, end),
                    );
                    self.put(manifest.clone(), batch)?;
                }
            }
            ColumnsChange::Forget(partition, storage) => {
                self.by_storage.remove(storage);
                let prefix = crate::key::data_prefix(*partition, *storage);
                batch.delete_range(Space::Delta, &prefix, &successor(&prefix));
                batch.delete(Space::Meta, &meta::columns_key(*storage));
            }
        }
        Ok(())
    }

    fn put(&mut self, manifest: Arc<Manifest>, batch: &mut Batch) -> Result<()> {
        let json = meta::json(manifest.as_ref())?;
        batch.put(Space::Meta, &meta::columns_key(manifest.storage), &json);
        self.by_storage.insert(manifest.storage, manifest);
        Ok(())
    }

    /// Whether writes to the range that a store key lies in are followed.
    #[inline]
    pub(crate) fn follows(&self, key: &[u8]) -> bool {
        if self.by_storage.is_empty() {
            return false;
        }
        match key.get(4..8).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => self
                .by_storage
                .contains_key(&StorageId(u32::from_be_bytes(bytes))),
            None => false,
        }
    }
}
