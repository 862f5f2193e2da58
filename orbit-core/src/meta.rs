//! The meta space, key by key: the first byte says what a key is about.
//!
//! ```text
//! "i"                              identity: JSON {site, incarnation}
//! "t" | table u32 BE               a table's definition: JSON
//! "s" | schema name                a schema: JSON (oid u32 LE, before there were owners)
//! "w" | oid u32 BE                 a view: JSON
//! "d" | sequence u32 BE            a sequence's definition: JSON
//! "q" | storage u32 BE             where a sequence stands: JSON
//! "c" | oid u32 BE | column i32 BE a comment: text
//! "n"                              next ordinals: JSON
//! "h"                              hidden keys given out so far: u64 LE
//! "o" | ordinal u32 BE             site u64 | incarnation u64 | lane u8, LE
//! "v" | partition u32 BE | ordinal u32 BE   version vector entry (vector.rs)
//! "f" | partition u32 BE | bucket u16 BE    fingerprint (fingerprint.rs)
//! "p" | partition u32 BE | storage u32 BE   a load that has not committed: to be cleared
//! "g" | lane u8                    log collected up to: sequence u64 LE
//! ```

use crate::catalog::{Catalog, CatalogChange, SchemaDef, SequenceDef, TableDef, ViewDef};
use crate::error::{Error, Result};
use crate::ids::{
    Incarnation, Lane, PartitionId, SequenceId, SiteId, SiteOrdinal, StorageId, TableId,
};
use crate::sequence::Position;
use crate::store::{Batch, Space};
use crate::types::Oid;
use serde::{Deserialize, Serialize};

pub const IDENTITY: &[u8] = b"i";
pub const NEXT: &[u8] = b"n";
pub const HIDDEN_KEYS: &[u8] = b"h";
pub const TABLE: u8 = b't';
pub const SCHEMA: u8 = b's';
pub const VIEW: u8 = b'w';
pub const SEQUENCE: u8 = b'd';
pub const POSITION: u8 = b'q';
pub const COMMENT: u8 = b'c';
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
    #[serde(default = "one")]
    pub sequence: u32,
}

fn one() -> u32 {
    1
}

impl Default for Next {
    fn default() -> Self {
        Next {
            table: 1,
            index: 1,
            storage: 1,
            partition: 1,
            oid: crate::catalog::FIRST_USER_OID,
            sequence: 1,
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

fn numbered_key(kind: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, a, b, c, d]
}

fn table_key(id: TableId) -> [u8; 5] {
    numbered_key(TABLE, id.0)
}

fn sequence_key(id: SequenceId) -> [u8; 5] {
    numbered_key(SEQUENCE, id.0)
}

fn view_key(oid: Oid) -> [u8; 5] {
    numbered_key(VIEW, oid)
}

fn comment_key(object: Oid, column: i32) -> [u8; 9] {
    let mut key = [COMMENT; 9];
    key[1..5].copy_from_slice(&object.to_be_bytes());
    key[5..].copy_from_slice(&column.to_be_bytes());
    key
}

/// Where a sequence stands, written with the commit that moved it.
pub fn write_position(batch: &mut Batch, storage: StorageId, position: &Position) -> Result<()> {
    let key = numbered_key(POSITION, storage.0);
    batch.put(Space::Meta, &key, &json(position)?);
    Ok(())
}

pub fn forget_position(batch: &mut Batch, storage: StorageId) {
    batch.delete(Space::Meta, &numbered_key(POSITION, storage.0));
}

pub fn ordinal_key(ordinal: SiteOrdinal) -> [u8; 5] {
    numbered_key(ORDINAL, ordinal.0)
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
    before: &Catalog,
    after: &Catalog,
) -> Result<()> {
    for (object, column, _) in before.comments() {
        if after.comment(object, column).is_none() {
            batch.delete(Space::Meta, &comment_key(object, column));
        }
    }
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
        CatalogChange::PutSchema(def) => {
            let key = [&[SCHEMA], def.name.as_bytes()].concat();
            batch.put(Space::Meta, &key, &json::<SchemaDef>(def)?);
        }
        CatalogChange::DropSchema { name } => {
            batch.delete(Space::Meta, &[&[SCHEMA], name.as_bytes()].concat());
        }
        CatalogChange::PutSequence(def) => {
            batch.put(
                Space::Meta,
                &sequence_key(def.id),
                &json::<SequenceDef>(def)?,
            );
        }
        CatalogChange::DropSequence { id } => batch.delete(Space::Meta, &sequence_key(*id)),
        CatalogChange::PutView(def) => {
            batch.put(Space::Meta, &view_key(def.oid), &json::<ViewDef>(def)?);
        }
        CatalogChange::DropView { oid } => batch.delete(Space::Meta, &view_key(*oid)),
        CatalogChange::Comment {
            object,
            column,
            text: Some(text),
        } => batch.put(Space::Meta, &comment_key(*object, *column), text.as_bytes()),
        // Removed above.
        CatalogChange::Comment { text: None, .. } => {}
    }
    Ok(())
}
