//! Sequences: what is declared. The values given out so far are `crate::sequence`'s.

use super::{CreationStamp, Grant, table::bootstrap_role};
use crate::ids::{SequenceId, StorageId, TableId};
use crate::types::{Oid, SqlType};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SequenceDef {
    pub id: SequenceId,
    pub oid: Oid,
    /// Where its position is kept. RESTART moves it to a fresh one, so that it can be undone.
    pub storage: StorageId,
    /// The first value from a fresh storage: START, or what RESTART named.
    pub first: i64,
    pub schema: String,
    pub name: String,
    /// smallint, integer or bigint.
    pub sql_type: SqlType,
    pub start: i64,
    pub increment: i64,
    pub min: i64,
    pub max: i64,
    pub cache: i64,
    pub cycle: bool,
    pub owned_by: Option<OwnedBy>,
    #[serde(default = "bootstrap_role")]
    pub owner: Oid,
    #[serde(default)]
    pub acl: Option<Vec<Grant>>,
    #[serde(default)]
    pub temporary: bool,
    pub created: CreationStamp,
}

/// The column with which a sequence is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedBy {
    pub table: TableId,
    /// The column's own stamp: positions and names change.
    pub column: CreationStamp,
    /// Made by GENERATED ... AS IDENTITY: part of the column rather than merely owned by it.
    pub identity: bool,
}
