//! The full node: what turns the library of a node into a server and a command.
//!
//! * [`pg`]: PostgreSQL wire, one session per connection;
//! * `flight`: Arrow Flight SQL over the same sessions;
//! * [`grpc`] and [`http`]: the gRPC port, and what the node says about itself;
//! * [`running`]: a node with its listeners, from start to orderly end;
//! * [`scram`] and [`tls`]: how clients and the node prove who they are;
//! * [`cli`]: the command line over all of it.
//!
//! No storage code lives here, and no SQL is understood here.

pub mod cli;
mod flight;
pub mod grpc;
pub mod http;
pub mod pg;
pub mod running;
pub mod scram;
pub mod tls;
