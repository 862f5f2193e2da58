//! The PostgreSQL wire server: sockets on one side, [`orbit_query`]'s sessions
//! on the other. One task and one session per connection.
//!
//! It is not a query engine and holds no data: a message is decoded, a session
//! does the work, the answer is encoded into the connection's output buffer.
//! That buffer goes to the socket when no complete message is left to read, or
//! when it passes `FLUSH_BYTES`; never a send per message.
//!
//! Reading order: `listener` accepts and counts, `startup` greets,
//! `connection` is the loop, `simple`, `extended` and `copy` are the
//! three conversations. `frontend`, `backend`, `params` and `rows` turn
//! bytes into values and back without any I/O; `input` and `socket` are the
//! two ends of the connection's buffers; `cancel` ends what runs too long.

mod attempts;
mod auth;
mod backend;
mod cancel;
mod connection;
mod copy;
mod errors;
mod extended;
mod frontend;
mod input;
mod listener;
mod params;
mod reception;
mod rows;
mod simple;
mod socket;
mod startup;
mod stream;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use auth::{Access, Loopback, Remote};
pub use listener::serve;
pub use reception::Reception;
pub(crate) use {
    auth::{Door, Plain},
    cancel::{Key, Registered, Stop},
    connection::idle_limit,
    errors::shutting_down,
    reception::{DATABASE, Seat, Visitor, encryption},
    stream::Stream,
};

/// Output is sent, and a streaming statement waits for the socket, once this
/// much has gathered.
const FLUSH_BYTES: usize = 64 * 1024;

/// What the server allows its clients.
#[derive(Clone)]
pub struct ServeOptions {
    /// Sessions at one time; the next client is told 53300.
    pub max_connections: usize,
    /// How clients are known.
    pub access: Access,
    /// How long a client may take from connecting to the end of its authentication.
    pub startup_timeout: Duration,
    /// The longest Query or Parse message; longer ones are skipped with 54000.
    pub max_statement_bytes: usize,
    /// The longest message of any other kind (Bind above all). COPY data is
    /// consumed as it arrives and needs no limit.
    pub max_message_bytes: usize,
    /// Prepared statements, and as many portals, one session may hold.
    pub max_prepared_statements: usize,
    /// Settings every session begins with.
    pub settings: Vec<(&'static str, String)>,
    /// How long sessions have to finish after shutdown was asked for.
    pub shutdown_grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        ServeOptions {
            max_connections: 100,
            access: Access::default(),
            startup_timeout: Duration::from_secs(60),
            max_statement_bytes: 16 << 20,
            max_message_bytes: 64 << 20,
            max_prepared_statements: 10_000,
            settings: Vec::new(),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
