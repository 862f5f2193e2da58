//! The receiving buffer of one connection and the cutting of messages out of it.
//!
//! A message's length is judged before its body is buffered, and the buffer
//! grows with what has arrived, not with what a header promises. COPY data is
//! handed on in whatever pieces it comes.

use super::errors::protocol;
use super::frontend::tag;
use orbit_core::Result;

/// Held by every connection, idle or not.
const REST_BYTES: usize = 8 * 1024;
/// While a client sends COPY data: fewer system calls.
const COPY_BYTES: usize = 128 * 1024;
/// Messages that carry no more than a name and a number.
const SMALL_MESSAGE_BYTES: usize = 10_000;
/// Type and length.
const HEADER_BYTES: usize = 5;

pub struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What follows at `start` if not a header.
    body: Body,
    /// How many bytes the message at `start` takes, once known: so far must the buffer reach.
    wanted: usize,
    max_statement_bytes: usize,
    max_message_bytes: usize,
}

/// The rest of a message that isn't buffered whole.
enum Body {
    None,
    Copy(usize),
    Skipped(usize),
}

/// An [`Item`] by its place in the buffer.
enum Cut {
    Message(u8, usize, usize),
    CopyPiece(usize, usize),
    TooLong(u8, usize),
}

/// What the connection deals with next.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Message(u8, &'a [u8]),
    /// A part of a CopyData body.
    CopyPiece(&'a [u8]),
    /// A message over its limit; its body will pass by unread.
    TooLong(u8, usize),
}

impl Input {
    pub fn new(max_statement_bytes: usize, max_message_bytes: usize) -> Self {
        Input {
            buffer: Vec::new(),
            start: 0,
            end: 0,
            body: Body::None,
            wanted: 0,
            max_statement_bytes,
            max_message_bytes,
        }
    }

    /// The next thing to deal with; `None` when more must be read first, an
    /// error when the stream can't be followed any more.
    pub fn next(&mut self) -> Result<Option<Item<'_>>> {
        Ok(self.cut()?.map(|cut| match cut {
            Cut::Message(kind, from, length) => Item::Message(kind, self.slice(from, length)),
            Cut::CopyPiece(from, length) => Item::CopyPiece(self.slice(from, length)),
            Cut::TooLong(kind, length) => Item::TooLong(kind, length),
        }))
    }

    /// Every turn of the loop consumes bytes, so it ends.
    fn cut(&mut self) -> Result<Option<Cut>> {
        loop {
            let held = self.end - self.start;
            match self.body {
                Body::Copy(0) | Body::Skipped(0) => self.body = Body::None,
                Body::Copy(_) | Body::Skipped(_) if held == 0 => return Ok(None),
                Body::Copy(left) => {
                    let (from, taken) = (self.start, held.min(left));
                    self.start += taken;
                    self.body = Body::Copy(left - taken);
                    return Ok(Some(Cut::CopyPiece(from, taken)));
                }
                Body::Skipped(left) => {
                    let taken = held.min(left);
                    self.start += taken;
                    self.body = Body::Skipped(left - taken);
                }
                Body::None => {
                    let Some((kind, length)) = self.header()? else {
                        return Ok(None);
                    };
                    let limit = match kind {
                        tag::QUERY | tag::PARSE => Some(self.max_statement_bytes),
                        tag::BIND | tag::FUNCTION_CALL => Some(self.max_message_bytes),
                        _ => None,
                    };
                    if kind == tag::COPY_DATA {
                        self.start += HEADER_BYTES;
                        self.body = Body::Copy(length);
                        continue;
                    }
                    match limit {
                        Some(limit) if length > limit => {
                            self.start += HEADER_BYTES;
                            self.body = Body::Skipped(length);
                            return Ok(Some(Cut::TooLong(kind, length)));
                        }
                        None if length > SMALL_MESSAGE_BYTES => {
                            return Err(protocol("invalid message length"));
                        }
                        _ => {}
                    }
                    let whole = HEADER_BYTES + length;
                    if held < whole {
                        self.wanted = whole;
                        return Ok(None);
                    }
                    let from = self.start + HEADER_BYTES;
                    self.start += whole;
                    self.wanted = 0;
                    return Ok(Some(Cut::Message(kind, from, length)));
                }
            }
        }
    }

    /// Type and body length of the message at `start`, if that much is here.
    fn header(&self) -> Result<Option<(u8, usize)>> {
        let held = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some((&kind, rest)) = held.split_first() else {
            return Ok(None);
        };
        if !is_known(kind) {
            return Err(protocol(format!("invalid frontend message type {kind}")));
        }
        let Some(length) = rest.first_chunk::<4>() else {
            return Ok(None);
        };
        match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) if length >= 4 => Ok(Some((kind, length - 4))),
            _ => Err(protocol("invalid message length")),
        }
    }

    fn slice(&self, from: usize, length: usize) -> &[u8] {
        self.buffer.get(from..from + length).unwrap_or_default()
    }

    /// Where the next read goes; never empty.
    pub fn space(&mut self, copying: bool) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        let rest = if copying { COPY_BYTES } else { REST_BYTES };
        if self.start > 0 && self.start + self.wanted.max(rest) > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < rest {
            self.buffer.resize(rest, 0);
        }
        if self.end == self.buffer.len() {
            // Full, and the message isn't whole: at most doubled at a time.
            let larger = (self.buffer.len() * 2)
                .min(self.wanted.next_multiple_of(REST_BYTES))
                .max(self.buffer.len() + REST_BYTES);
            self.buffer.resize(larger, 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    pub fn received(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// Gives memory back before a wait that may be long.
    pub fn rest(&mut self, copying: bool) {
        if !copying && self.start == self.end && self.buffer.len() > REST_BYTES {
            self.buffer = Vec::new();
            self.start = 0;
            self.end = 0;
        }
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }
}

fn is_known(kind: u8) -> bool {
    matches!(
        kind,
        tag::BIND
            | tag::CLOSE
            | tag::COPY_DATA
            | tag::COPY_DONE
            | tag::COPY_FAIL
            | tag::DESCRIBE
            | tag::EXECUTE
            | tag::FLUSH
            | tag::FUNCTION_CALL
            | tag::PARSE
            | tag::QUERY
            | tag::SYNC
            | tag::TERMINATE
    )
}

#[cfg(test)]
mod tests;
