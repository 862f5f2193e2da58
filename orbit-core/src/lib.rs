//! The heart of an Orbit node: values, rows, the store, transactions and the log.
//!
//! What it is not: it knows no sockets, no protobuf, no SQL text.
//!
//! Reading order:
//!
//! | module | what |
//! |---|---|
//! | [`ids`], [`clock`], [`error`], [`types`], [`value`] | the vocabulary |
//! | [`key`], [`row`] | bytes of keys and rows |
//! | [`catalog`], [`sequence`] | what exists, and the values of sequences |
//! | [`store`] | the ordered store, as a contract, with its backends |
//! | [`lock`], [`write_set`], [`read`], [`txn`] | transactions |
//! | [`log`], [`vector`], [`fingerprint`] | what sync will need |
//! | [`merge`] | how what several sites did to one row comes together |
//! | [`actor`], [`committer`] | the way of a commit |
//! | [`load`] | large loads |
//! | `columns` | what is known of columnar copies, and what changed since |
//! | `series` | time series, whose settled rows are put away in blocks |
//! | [`backup`] | the whole store as checked pieces, and back |
//! | [`database`] | all of it, opened |
//! | [`profile`] | what a device can bear |
//! | [`pressure`] | what follows when it can't bear more |

pub mod actor;
pub mod backup;
pub mod cancel;
pub mod catalog;
pub mod clock;
#[cfg(feature = "columns")]
pub mod columns;
pub mod committer;
pub mod database;
pub mod disk;
pub mod error;
pub mod events;
pub mod fingerprint;
pub mod ids;
pub mod key;
pub mod load;
pub mod lock;
pub mod log;
pub mod memory;
pub mod merge;
pub mod meta;
#[cfg(feature = "columns")]
pub mod pace;
pub mod pressure;
#[cfg(feature = "columns")]
pub mod priority;
pub mod profile;
pub mod read;
pub mod row;
pub mod sequence;
#[cfg(feature = "columns")]
pub mod series;
pub mod store;
pub mod txn;
pub mod types;
pub mod value;
pub mod vector;
pub mod write_set;

pub use error::{Error, Result, state};
