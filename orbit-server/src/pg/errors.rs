//! How a conversation fails: an [`Error`] told to the client, after which the
//! connection goes on, or an [`End`] of the connection itself.

use orbit_core::{Error, error::SqlState, state};

/// Why a connection ends.
#[derive(Debug)]
pub enum End {
    /// The client said goodbye, or its socket did.
    Gone,
    /// The server is shutting down: 57P01.
    Stop,
    /// The client broke the protocol so that the stream can't be followed any more.
    Fatal(Error),
}

/// What a message handler can fail with.
#[derive(Debug)]
pub enum Failure {
    Statement(Error),
    End(End),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Statement(error)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        Failure::End(end)
    }
}

impl From<std::io::Error> for End {
    /// A socket that fails has lost its client; there is nobody to tell more.
    fn from(_: std::io::Error) -> Self {
        End::Gone
    }
}

/// How a message is headed: the severity field of errors and notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Fatal,
    Warning,
    Notice,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
            Severity::Warning => "WARNING",
            Severity::Notice => "NOTICE",
        }
    }

    /// PostgreSQL's choice for messages that are not errors: BEGIN inside a
    /// block and COMMIT outside one are warnings although their codes are of
    /// an error class; "already exists, skipping" is a notice.
    pub fn of_notice(state: SqlState) -> Severity {
        let warns = state.0.starts_with(b"01")
            || state.0.starts_with(b"22")
            || state == state::ACTIVE_SQL_TRANSACTION
            || state == state::NO_ACTIVE_SQL_TRANSACTION;
        if warns {
            Severity::Warning
        } else {
            Severity::Notice
        }
    }
}

pub fn shutting_down() -> Error {
    Error::new(
        state::ADMIN_SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

pub fn protocol(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::PROTOCOL_VIOLATION, message)
}
