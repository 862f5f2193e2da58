//! SQL text to rows.
//!
//! A [`Session`] takes statements and answers with rows, in PostgreSQL's dialect
//! and with PostgreSQL's transaction rules. It knows no sockets: the wire
//! protocol, the shell and tests drive it alike.
//!
//! A statement goes one of three ways, all over the same rows:
//!
//! 1. the *point path* ([`point`]): key look-ups and single-row writes, compiled
//!    once, straight to the store;
//! 2. a *cached plan* or 3. a *full plan* ([`planned`], feature `datafusion`).
//!
//! Without the feature `datafusion` only the point path and the utility statements
//! that a micro node needs are built; everything else answers 0A000.
//!
//! Reading order: [`engine`] (what all sessions share), [`session`] (one
//! connection: blocks, settings, execution), [`statement`] (text to a prepared
//! statement), [`rows`] (what comes back), [`settings`], `ddl`, `copy`, `explain`.

// A micro node leaves much unused that is read and kept all the same.
#![cfg_attr(not(feature = "datafusion"), allow(dead_code))]

pub mod access;
#[cfg(feature = "datafusion")]
mod admission;
pub mod backend;
pub mod copy;
mod ddl;
pub mod engine;
mod explain;
pub mod expr;
pub mod literals;
#[cfg(feature = "datafusion")]
pub mod pg_catalog;
#[cfg(feature = "datafusion")]
pub mod planned;
pub mod point;
pub mod rows;
pub mod session;
pub mod settings;
pub mod statement;
#[cfg(test)]
mod testing;
#[cfg(feature = "datafusion")]
mod updatable;
pub mod write;

pub use backend::{Backend, Backends, Encryption, Ends, Stopper};
pub use engine::{Engine, EngineOptions, STACK_BYTES, SessionInit};
pub use rows::{ColumnDesc, CopyIn, CopyOut, Outcome, RowBatch, Rows, Tag};
pub use session::{Block, Session, SessionFacts};
pub use settings::Settings;
pub use statement::{Prepared, Script};
