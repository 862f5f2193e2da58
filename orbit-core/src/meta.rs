//! The meta space, key by key: the first byte says what a key is about.
//!
//! ```text
//! "i"                              identity: JSON {site, incarnation}
//! "t" | table u32 BE               a table's definition: JSON
//! "s" | schema name                a schema: JSON (oid u32 LE, before there were owners)
//! "w" | oid u32 BE                 a view: JSON
//! "d" | sequence u32 BE            a sequence's definition: JSON
//! "q" | storage u32 BE             where a sequence stands: JSON
//! "r" | oid u32 BE                 a role: JSON
//! "b"                              the database's owner and grants: JSON
//! "c" | oid u32 BE | column i32 BE a comment: text
//! "n"                              next ordinals: JSON
//! "h"                              hidden keys given out so far: u64 LE
//! "o" | ordinal u32 BE             site u64 | incarnation u64 | lane u8, LE
//! "v" | partition u32 BE | ordinal u32 BE   version vector entry (vector.rs)
//! "f" | partition u32 BE | bucket u16 BE    fingerprint (fingerprint.rs)
//! "p" | partition u32 BE | storage u32 BE   a load that has not committed: to be cleared
//! "g" | lane u8                    log collected up to: sequence u64 LE
//! "m" | storage u32 BE             the columnar copy of a table: JSON
//! ```

use crate::catalog::{Catalog, CatalogChange, DatabaseDef, Role, SchemaDef, SequenceDef, ViewDef};
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
pub const ROLE: u8 = b'r';
pub const DATABASE: &[u8] = b"b";
pub const ORDINAL: u8 = b'o';
pub const PENDING_LOAD: u8 = b'p';
pub const LOG_COLLECTED: u8 = b'g';
pub const COLUMNS: u8 = b'm';

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

#[cfg(feature = "columns")]
pub(crate) fn columns_key(storage: StorageId) -> [u8; 5] {
    numbered_key(COLUMNS, storage.0)
}

fn role_key(oid: Oid) -> [u8; 5] {
    numbered_key(ROLE, oid)
}

// What is written is the object as it is now, not as the change has it: owner and
// grants are changed apart from the rest.

fn put_table(batch: &mut Batch, id: TableId, after: &Catalog) -> Result<()> {
    if let Some(table) = after.table_by_id(id) {
        batch.put(Space::Meta, &table_key(id), &json(&table.def)?);
    }
    Ok(())
}

fn put_schema(batch: &mut Batch, name: &str, after: &Catalog) -> Result<()> {
    if let Some(schema) = after.schema(name) {
        let key = [&[SCHEMA], name.as_bytes()].concat();
        batch.put(Space::Meta, &key, &json::<SchemaDef>(schema)?);
    }
    Ok(())
}

fn put_sequence(batch: &mut Batch, id: SequenceId, after: &Catalog) -> Result<()> {
    if let Some(sequence) = after.sequence_by_id(id) {
        let json = json::<SequenceDef>(sequence)?;
        batch.put(Space::Meta, &sequence_key(id), &json);
    }
    Ok(())
}

fn put_view(batch: &mut Batch, oid: Oid, after: &Catalog) -> Result<()> {
    if let Some(view) = after.view_by_oid(oid) {
        batch.put(Space::Meta, &view_key(oid), &json::<ViewDef>(view)?);
    }
    Ok(())
}

fn put_access(batch: &mut Batch, object: Oid, after: &Catalog) -> Result<()> {
    if object == crate::catalog::role::DATABASE {
        let json = json::<DatabaseDef>(after.database())?;
        batch.put(Space::Meta, DATABASE, &json);
        return Ok(());
    }
    if let Some(table) = after.table_by_oid(object) {
        return put_table(batch, table.id, after);
    }
    if let Some(sequence) = after.sequence_by_oid(object) {
        return put_sequence(batch, sequence.id, after);
    }
    if after.view_by_oid(object).is_some() {
        return put_view(batch, object, after);
    }
    let mut schemas = after.schema_definitions();
    match schemas.find(|schema| schema.oid == object) {
        Some(schema) => put_schema(batch, &schema.name, after),
        None => Ok(()),
    }
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
            put_table(batch, def.id, after)?;
        }
        CatalogChange::Statistics { table, .. } => {
            put_table(batch, *table, after)?;
        }
        CatalogChange::DropTable { id } => batch.delete(Space::Meta, &table_key(*id)),
        CatalogChange::PutSchema(def) => {
            put_schema(batch, &def.name, after)?;
        }
        CatalogChange::DropSchema { name } => {
            batch.delete(Space::Meta, &[&[SCHEMA], name.as_bytes()].concat());
        }
        CatalogChange::PutSequence(def) => {
            put_sequence(batch, def.id, after)?;
        }
        CatalogChange::DropSequence { id } => batch.delete(Space::Meta, &sequence_key(*id)),
        CatalogChange::PutView(def) => {
            put_view(batch, def.oid, after)?;
        }
        CatalogChange::DropView { oid } => batch.delete(Space::Meta, &view_key(*oid)),
        CatalogChange::PutRole(role) => {
            batch.put(Space::Meta, &role_key(role.oid), &json::<Role>(role)?);
        }
        CatalogChange::DropRole { oid } => batch.delete(Space::Meta, &role_key(*oid)),
        CatalogChange::Access { object, .. } => put_access(batch, *object, after)?,
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
