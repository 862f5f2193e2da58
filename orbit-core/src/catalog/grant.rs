//! Who may do what with an object.

use crate::types::Oid;
use serde::{Deserialize, Serialize};

/// The superuser that a new database starts with.
pub const BOOTSTRAP_ROLE: Oid = 10;

/// Stands for PUBLIC, every role.
pub const PUBLIC: Oid = 0;

/// Privileges that one role gave another, each a bit: PostgreSQL's letters in its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileges(pub u16);

impl Privileges {
    pub const INSERT: Privileges = Privileges(1);
    pub const SELECT: Privileges = Privileges(1 << 1);
    pub const UPDATE: Privileges = Privileges(1 << 2);
    pub const DELETE: Privileges = Privileges(1 << 3);
    pub const TRUNCATE: Privileges = Privileges(1 << 4);
    pub const REFERENCES: Privileges = Privileges(1 << 5);
    pub const TRIGGER: Privileges = Privileges(1 << 6);
    pub const EXECUTE: Privileges = Privileges(1 << 7);
    pub const USAGE: Privileges = Privileges(1 << 8);
    pub const CREATE: Privileges = Privileges(1 << 9);
    pub const TEMPORARY: Privileges = Privileges(1 << 10);
    pub const CONNECT: Privileges = Privileges(1 << 11);

    pub fn contains(self, other: Privileges) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersects(self, other: Privileges) -> bool {
        self.0 & other.0 != 0
    }

    pub fn with(self, other: Privileges) -> Privileges {
        Privileges(self.0 | other.0)
    }

    pub fn without(self, other: Privileges) -> Privileges {
        Privileges(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// [`PUBLIC`] or a role.
    pub grantee: Oid,
    pub grantor: Oid,
    pub privileges: Privileges,
    /// Of these, the ones that may be passed on.
    pub grantable: Privileges,
    /// Columns (by the stamp of their creation) that it is limited to; `None`: the whole object.
    #[serde(default)]
    pub column: Option<super::CreationStamp>,
}
