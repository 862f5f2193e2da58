//! The keys written since, in the order of their commits:
//!
//! ```text
//! partition u32 | storage u32 | commit's time u64 | nth of the commit u32 -> primary key
//! ```

use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{PartitionId, StorageId};
use crate::key;
use crate::read::PREFIX_BYTES;
use crate::store::{Batch, Cursor, Direction, KeyRange, Snapshot, Space, successor};
use std::sync::Arc;

const KEY_BYTES: usize = PREFIX_BYTES + 12;

/// Notes that the row under a store key was written by the commit at `now`.
pub(crate) fn note(batch: &mut Batch, store_key: &[u8], now: Hlc, nth: u32) {
    let mut key = [0; KEY_BYTES];
    if let Some((prefix, pk)) = store_key.split_at_checked(PREFIX_BYTES) {
        key[..PREFIX_BYTES].copy_from_slice(prefix);
        key[PREFIX_BYTES..PREFIX_BYTES + 8].copy_from_slice(&now.0.to_be_bytes());
        key[PREFIX_BYTES + 8..].copy_from_slice(&nth.to_be_bytes());
        batch.put(Space::Delta, &key, pk);
    }
}

/// The first key of the delta that is later than a moment.
pub(crate) fn after(partition: PartitionId, storage: StorageId, moment: Hlc) -> Vec<u8> {
    let mut key = key::data_prefix(partition, storage).to_vec();
    match moment.0.checked_add(1) {
        Some(next) => key.extend_from_slice(&next.to_be_bytes()),
        None => return successor(&key),
    }
    key
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    pub at: Hlc,
    pub pk: &'a [u8],
}

/// The delta of one storage, from after a moment to that of the snapshot.
pub struct DeltaScan {
    cursor: Box<dyn Cursor>,
}

impl DeltaScan {
    pub fn new(
        snapshot: Arc<dyn Snapshot>,
        partition: PartitionId,
        storage: StorageId,
        later_than: Hlc,
    ) -> Result<DeltaScan> {
        let range = KeyRange {
            start: after(partition, storage, later_than),
            end: successor(&key::data_prefix(partition, storage)),
        };
        Ok(DeltaScan {
            cursor: snapshot.scan(Space::Delta, range, Direction::Forward)?,
        })
    }

    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Changed<'_>>> {
        if !self.cursor.advance()? {
            return Ok(None);
        }
        let at = self
            .cursor
            .key()
            .get(PREFIX_BYTES..PREFIX_BYTES + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| Error::corrupted("an entry of the delta is damaged"))?;
        Ok(Some(Changed {
            at: Hlc(u64::from_be_bytes(at)),
            pk: self.cursor.value(),
        }))
    }
}
