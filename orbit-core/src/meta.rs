//! The meta space, key by key: the first byte says what a key is about.
//!
//! ```text
//! "i"                              identity: JSON {site, incarnation}
//! "t" | table u32 BE               a table's definition: JSON
//! "s" | schema name                a schema: oid u32 LE
//! "n"                              next ordinals: JSON
//! "h"                              hidden keys given out so far: u64 LE
//! "o" | ordinal u32 BE             site u64 | incarnation u64 | lane u8, LE
//! "v" | partition u32 BE | ordinal u32 BE   version vector entry (vector.rs)
//! "f" | partition u32 BE | bucket u16 BE    fingerprint (fingerprint.rs)
//! "p" | partition u32 BE | storage u32 BE   a load that has not committed: to be cleared
//! "g" | lane u8                    log collected up to: sequence u64 LE
//! ```

use crate::catalog::{Catalog, CatalogChange, TableDef};
use crate::error::{Error, Result};
use crate::ids::{Incarnation, Lane, PartitionId, SiteId, SiteOrdinal, StorageId, TableId};
use crate::store::{Batch, Space};
use serde::{Deserialize, Serialize};

pub const IDENTITY: &[u8] = b"i";
pub const NEXT: &[u8] = b"n";
pub const HIDDEN_KEYS: &[u8] = b"h";
pub const TABLE: u8 = b't';
pub const SCHEMA: u8 = b's';
pub const ORDINAL: u8 = b'o';
pub const PENDING_LOAD: u8 = b'p';
pub const LOG_COLLECTED: u8 = b'g';

/// Where the node's own log position is kept among the vectors.
pub const NODE_PARTITION: PartitionId = PartitionId(0);

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Identity {
    pub site: SiteId,
    pub incarnation: Incarnation,
}

/// The next number of each kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Next {
    pub table: u32,
    pub index: u32,
    pub storage: u32,
    pub partition: u32,
    pub oid: u32,
}

impl Default for Next {
    fn default() -> Self {
        Next {
            table: 1,
            index: 1,
            storage: 1,
            partition: 1,
            oid: crate::catalog::FIRST_USER_OID,
        }
    }
}

pub fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal(format!("meta: {error}")))
}

pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::corrupted(format!("the stored {what} is damaged: {error}")))
}

fn table_key(id: TableId) -> [u8; 5] {
    let [a, b, c, d] = id.0.to_be_bytes();
    [TABLE, a, b, c, d]
}

pub fn ordinal_key(ordinal: SiteOrdinal) -> [u8; 5] {
    let [a, b, c, d] = ordinal.0.to_be_bytes();
    [ORDINAL, a, b, c, d]
}

pub fn ordinal_value(site: SiteId, incarnation: Incarnation, lane: Lane) -> [u8; 17] {
    let mut value = [0; 17];
    value[..8].copy_from_slice(&site.0.to_le_bytes());
    value[8..16].copy_from_slice(&incarnation.0.to_le_bytes());
    value[16] = lane.0;
    value
}

pub fn pending_load_key(partition: PartitionId, storage: StorageId) -> [u8; 9] {
    let mut key = [PENDING_LOAD; 9];
    key[1..5].copy_from_slice(&partition.0.to_be_bytes());
    key[5..].copy_from_slice(&storage.0.to_be_bytes());
    key
}

/// Writes one catalog change as the new state of what it changed.
pub fn write_catalog_change(
    batch: &mut Batch,
    change: &CatalogChange,
    after: &Catalog,
) -> Result<()> {
    match change {
        CatalogChange::PutTable(def) => {
            batch.put(Space::Meta, &table_key(def.id), &json::<TableDef>(def)?);
        }
        CatalogChange::Statistics { table, .. } => {
            if let Some(current) = after.table_by_id(*table) {
                batch.put(Space::Meta, &table_key(*table), &json(&current.def)?);
            }
        }
        CatalogChange::DropTable { id } => batch.delete(Space::Meta, &table_key(*id)),
        CatalogChange::CreateSchema { name, oid } => {
            let key = [&[SCHEMA], name.as_bytes()].concat();
            batch.put(Space::Meta, &key, &oid.to_le_bytes());
        }
        CatalogChange::DropSchema { name } => {
            batch.delete(Space::Meta, &[&[SCHEMA], name.as_bytes()].concat());
        }
    }
    Ok(())
}
