//! Views: a query under a name.

use super::{CreationStamp, Grant, table::bootstrap_role};
use crate::types::{Oid, SqlType};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ViewDef {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    pub columns: Vec<ViewColumn>,
    /// SQL text of the query; every relation in it is named with its schema.
    pub query: String,
    /// Relations that the query reads, which can't be dropped while it is there.
    pub reads: Vec<Oid>,
    #[serde(default = "bootstrap_role")]
    pub owner: Oid,
    #[serde(default)]
    pub acl: Option<Vec<Grant>>,
    #[serde(default)]
    pub temporary: bool,
    pub created: CreationStamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    pub sql_type: SqlType,
}
