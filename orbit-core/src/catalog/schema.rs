//! Schemas: names for groups of relations.

use super::{Grant, table::bootstrap_role};
use crate::types::Oid;
use serde::{Deserialize, Serialize};

/// The schema that a new database starts with has PostgreSQL's own oid.
pub const PUBLIC_SCHEMA: Oid = 2200;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SchemaDef {
    pub name: String,
    pub oid: Oid,
    #[serde(default = "bootstrap_role")]
    pub owner: Oid,
    #[serde(default)]
    pub acl: Option<Vec<Grant>>,
}
