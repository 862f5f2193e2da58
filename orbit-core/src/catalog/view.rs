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
    /// WITH CHECK OPTION: which conditions rows written through the view must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_option: Option<CheckOption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckOption {
    /// The view's own.
    Local,
    /// Those of the views below it, too.
    Cascaded,
}

impl CheckOption {
    pub fn word(self) -> &'static str {
        match self {
            CheckOption::Local => "local",
            CheckOption::Cascaded => "cascaded",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    pub sql_type: SqlType,
    /// Digits of a second, where the query shows a column that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u8>,
}

impl ViewColumn {
    pub fn modifier(&self) -> i32 {
        self.sql_type.modifier_with(self.precision)
    }
}
