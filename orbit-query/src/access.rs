//! Who may do what, asked of every statement.
//!
//! A row statement carries its [`Need`]s, found when it is planned: which
//! privileges on which relation and columns, for whom. They are held against the
//! [`Rights`] of the role that runs it, in the catalog it runs in. A statement
//! that was found good once for a role and a version of the catalog is not asked
//! again (see `Prepared::checked`), so a prepared point read pays one comparison.
//!
//! Statements that change what exists are asked in `ddl`, before they start.

pub mod audit;
pub(crate) mod ddl;
pub(crate) mod discretion;
pub(crate) mod grant;
pub(crate) mod need;
pub(crate) mod owned;
pub(crate) mod rights;
pub(crate) mod roles;
pub(crate) mod statement;

pub use need::Need;
pub use rights::Rights;

use orbit_core::{Error, state};

/// `permission denied for table t`
pub(crate) fn denied(kind: &str, name: &str) -> Error {
    Error::new(
        state::INSUFFICIENT_PRIVILEGE,
        format!("permission denied for {kind} {name}"),
    )
}

/// `must be owner of table t`
pub(crate) fn not_owner(kind: &str, name: &str) -> Error {
    Error::new(
        state::INSUFFICIENT_PRIVILEGE,
        format!("must be owner of {kind} {name}"),
    )
}

pub(crate) fn forbidden(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INSUFFICIENT_PRIVILEGE, message)
}
