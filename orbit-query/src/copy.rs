//! COPY between a table and the client.

use crate::session::Session;
use crate::rows::Tag;
use orbit_core::{Error, Result};

/// A COPY FROM STDIN that waits for data. Dropped unfinished it leaves nothing.
pub struct CopyIn {
    pub columns: usize,
    pub csv: bool,
}

impl CopyIn {
    /// Takes any piece of the stream; pieces need not end at lines.
    pub async fn push(&mut self, _session: &mut Session, _bytes: &[u8]) -> Result<()> {
        Err(Error::unsupported("COPY"))
    }

    pub async fn finish(self, _session: &mut Session) -> Result<Tag> {
        Err(Error::unsupported("COPY"))
    }

    /// The client gave up (CopyFail): 57014 with its reason.
    pub fn fail(self, session: &mut Session, reason: &str) -> Error {
        session.fail();
        Error::new(
            orbit_core::state::QUERY_CANCELED,
            format!("COPY from stdin failed: {reason}"),
        )
    }
}

/// A COPY TO STDOUT under way.
pub struct CopyOut {
    pub columns: usize,
    pub csv: bool,
}

impl CopyOut {
    /// Whole lines, some kilobytes at a time; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        0
    }

    pub fn tag(&self) -> Tag {
        Tag::Copy(self.rows())
    }
}
