//! What a scan of a table's columns needs of its moment: the manifest, the keys written
//! since, and the rows they have.

use super::{PREFIX_BYTES, ReadView, View};
use crate::catalog::Table;
use crate::clock::Hlc;
use crate::columns::{DeltaScan, Manifest};
use crate::error::Result;
use crate::ids::StorageId;
use crate::key;
use crate::store::successor;
use std::ops::Bound;
use std::sync::Arc;

impl ReadView {
    fn moment_of(&self, storage: StorageId) -> &Arc<View> {
        match &self.loaded {
            Some(loaded) if loaded.0.contains(&storage) => &loaded.1,
            _ => &self.view,
        }
    }

    /// The columnar copy of a table, if there is one to read at this moment.
    pub fn columns(&self, table: &Table) -> Option<&Arc<Manifest>> {
        let manifest = self.moment_of(table.storage).columns.of(table.storage)?;
        manifest.is_complete().then_some(manifest)
    }

    /// The moment at which a table's rows are read.
    pub fn position_of(&self, table: &Table) -> Hlc {
        self.moment_of(table.storage).position
    }

    /// The keys of a table written after a moment and up to this one, in the order of
    /// time; a key as often as it was written.
    pub fn delta(&self, table: &Table, later_than: Hlc) -> Result<DeltaScan> {
        let snapshot = self.moment_of(table.storage).snapshot.clone();
        DeltaScan::new(snapshot, table.partition, table.storage, later_than)
    }

    /// The keys of a table that the own transaction wrote, in their order.
    pub fn own_keys(&self, table: &Table) -> Vec<Vec<u8>> {
        let Some(writes) = &self.writes else {
            return Vec::new();
        };
        let prefix = key::data_prefix(table.partition, table.storage);
        let end = successor(&prefix);
        let range = writes.rows.range::<_, [u8]>((
            Bound::Included(prefix.as_slice()),
            Bound::Excluded(end.as_slice()),
        ));
        range
            .filter_map(|(key, _)| key.get(PREFIX_BYTES..).map(<[u8]>::to_vec))
            .collect()
    }

    /// This moment without the own writes: what is committed.
    pub fn committed(&self) -> ReadView {
        ReadView {
            writes: None,
            ..self.clone()
        }
    }
}
