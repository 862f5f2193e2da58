//! The node: everything between a configuration and a running database.
//!
//! * [`config`]: what the operator may say, in layers, every key documented;
//! * [`directory`]: the data directory, its lock and its version;
//! * [`identity`], [`place`]: whose directory it is, and whether it is a copy;
//! * [`machine`]: how much memory there is for it here, and how its parts are doing;
//! * `monitor`: what is left of everything, and what follows;
//! * `links`: to other nodes, where it is built with them;
//! * [`restore`]: a backup into a directory;
//! * [`node`]: both put together with a store, a database and an engine.
//!
//! What it is not: it listens on no sockets. A server is a node that also listens.

pub mod config;
pub mod directory;
pub mod identity;
#[cfg(feature = "links")]
pub mod links;
pub mod machine;
mod monitor;
pub mod node;
pub mod place;
pub mod restore;

pub use config::{NodeConfig, Sources};
pub use node::limits::with_limits;
pub use node::{NewLife, Node};
