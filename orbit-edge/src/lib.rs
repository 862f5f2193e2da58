//! The node: everything between a configuration and a running database.
//!
//! * [`config`]: what the operator may say, in layers, every key documented.

pub mod config;

pub use config::{NodeConfig, Sources};
