//! The heart of an Orbit node: values, rows, the store, transactions and the log.
//!
//! Reading order: [`ids`], [`clock`], [`error`], [`types`], [`value`], [`key`],
//! [`row`], [`catalog`], [`store`].

pub mod catalog;
pub mod clock;
pub mod error;
pub mod ids;
pub mod key;
pub mod profile;
pub mod row;
pub mod store;
pub mod types;
pub mod value;

pub use error::{Error, Result, state};
