//! Encoding of what the server says into one output buffer per connection.

use super::errors::Severity;
use super::rows::Formats;
use bytes::BufMut;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use orbit_query::{ColumnDesc, Tag};

/// Kept by a connection at rest.
const REST_BYTES: usize = 8 * 1024;

/// Messages not yet sent.
pub struct Output {
    bytes: Vec<u8>,
    /// How many of them the socket has taken.
    sent: usize,
    /// Where the message begins that is being written, if one is.
    open: Option<usize>,
}

/// A message being written; [`Output::end`] puts its length in place.
pub struct Open(usize);

impl Output {
    pub fn new() -> Self {
        Output {
            bytes: Vec::new(),
            sent: 0,
            open: None,
        }
    }

    pub fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub fn advance(&mut self, sent: usize) {
        self.sent += sent;
        if self.sent >= self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
    }

    /// Gives memory back before a wait that may be long.
    pub fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > REST_BYTES {
            self.bytes = Vec::new();
        }
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    pub fn begin(&mut self, tag: u8) -> Open {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[tag, 0, 0, 0, 0]);
        self.open = Some(at);
        Open(at)
    }

    /// What a message's body is written to.
    pub fn body(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A message whose length doesn't fit the protocol is taken back.
    pub fn end(&mut self, open: Open) -> Result<()> {
        let length = i32::try_from(self.bytes.len() - open.0 - 1);
        let place = self.bytes.get_mut(open.0 + 1..open.0 + 5);
        match (length, place) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(&length.to_be_bytes());
                self.open = None;
                Ok(())
            }
            _ => {
                self.take_back();
                Err(Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    "a row of the result is too long for one message",
                ))
            }
        }
    }

    /// Removes the message that was begun and can't be finished.
    pub fn take_back(&mut self) {
        if let Some(at) = self.open.take() {
            self.bytes.truncate(at);
        }
    }

    /// For messages whose size is bounded by what they say.
    fn message(&mut self, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
        let open = self.begin(tag);
        body(&mut self.bytes);
        // Fails only beyond two gigabytes, which none of these reach.
        let _ = self.end(open);
    }

    pub fn authentication_ok(&mut self) {
        self.message(b'R', |out| out.put_i32(0));
    }

    /// What a password may be proved with; ended by an empty name.
    pub fn sasl_mechanisms(&mut self, names: &[&str]) {
        self.message(b'R', |out| {
            out.put_i32(10);
            names.iter().for_each(|name| put_text(out, name));
            out.put_u8(0);
        });
    }

    pub fn sasl_continue(&mut self, message: &str) {
        self.message(b'R', |out| {
            out.put_i32(11);
            out.put_slice(message.as_bytes());
        });
    }

    pub fn sasl_final(&mut self, message: &str) {
        self.message(b'R', |out| {
            out.put_i32(12);
            out.put_slice(message.as_bytes());
        });
    }

    pub fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            put_text(out, name);
            put_text(out, value);
        });
    }

    pub fn backend_key(&mut self, pid: i32, secret: i32) {
        self.message(b'K', |out| {
            out.put_i32(pid);
            out.put_i32(secret);
        });
    }

    /// `version` is the newest the server speaks, `unknown` the options it doesn't know.
    pub fn negotiate_protocol_version(&mut self, version: i32, unknown: &[String]) {
        self.message(b'v', |out| {
            out.put_i32(version);
            out.put_i32(i32::try_from(unknown.len()).unwrap_or(i32::MAX));
            unknown.iter().for_each(|name| put_text(out, name));
        });
    }

    pub fn notification(&mut self, pid: i32, channel: &str, payload: &str) {
        self.message(b'A', |out| {
            out.put_i32(pid);
            put_text(out, channel);
            put_text(out, payload);
        });
    }

    /// `status` is I, T or E: idle, in a block, in a failed block.
    pub fn ready_for_query(&mut self, status: u8) {
        self.bytes.extend_from_slice(&[b'Z', 0, 0, 0, 5, status]);
    }

    pub fn parse_complete(&mut self) {
        self.bytes.extend_from_slice(b"1\0\0\0\x04");
    }

    pub fn bind_complete(&mut self) {
        self.bytes.extend_from_slice(b"2\0\0\0\x04");
    }

    pub fn close_complete(&mut self) {
        self.bytes.extend_from_slice(b"3\0\0\0\x04");
    }

    pub fn no_data(&mut self) {
        self.bytes.extend_from_slice(b"n\0\0\0\x04");
    }

    pub fn portal_suspended(&mut self) {
        self.bytes.extend_from_slice(b"s\0\0\0\x04");
    }

    pub fn empty_query(&mut self) {
        self.bytes.extend_from_slice(b"I\0\0\0\x04");
    }

    pub fn copy_done(&mut self) {
        self.bytes.extend_from_slice(b"c\0\0\0\x04");
    }

    pub fn command_complete(&mut self, tag: &Tag) {
        let counted: (&[u8], u64) = match tag {
            Tag::Select(rows) => (b"SELECT ", *rows),
            Tag::Insert(rows) => (b"INSERT 0 ", *rows),
            Tag::Update(rows) => (b"UPDATE ", *rows),
            Tag::Delete(rows) => (b"DELETE ", *rows),
            Tag::Merge(rows) => (b"MERGE ", *rows),
            Tag::Copy(rows) => (b"COPY ", *rows),
            Tag::Fetch(rows) => (b"FETCH ", *rows),
            Tag::Move(rows) => (b"MOVE ", *rows),
            Tag::Other(words) => {
                return self.message(b'C', |out| put_text(out, words));
            }
        };
        self.message(b'C', |out| {
            out.extend_from_slice(counted.0);
            put_unsigned(out, counted.1);
            out.push(0);
        });
    }

    pub fn parameter_description(&mut self, types: &[SqlType]) {
        self.message(b't', |out| {
            // Bind counts parameters with 16 bits too.
            out.put_u16(u16::try_from(types.len()).unwrap_or(u16::MAX));
            types.iter().for_each(|of| out.put_u32(of.oid()));
        });
    }

    pub fn row_description(&mut self, columns: &[ColumnDesc], formats: &Formats) {
        self.message(b'T', |out| {
            out.put_u16(u16::try_from(columns.len()).unwrap_or(u16::MAX));
            for (index, column) in columns.iter().enumerate() {
                put_text(out, &column.name);
                out.put_u32(column.table_oid);
                out.put_i16(column.attnum);
                out.put_u32(column.sql_type.oid());
                out.put_i16(column.sql_type.length());
                out.put_i32(column.modifier());
                out.put_i16(i16::from(formats.is_binary(index)));
            }
        });
    }

    /// Heads both COPY directions: always text lines, whatever their dialect.
    pub fn copy_response(&mut self, tag: u8, columns: usize, binary: bool) {
        self.message(tag, |out| {
            let columns = u16::try_from(columns).unwrap_or(u16::MAX);
            out.put_u8(u8::from(binary));
            out.put_u16(columns);
            (0..columns).for_each(|_| out.put_i16(i16::from(binary)));
        });
    }

    pub fn copy_data(&mut self, line: &[u8]) -> Result<()> {
        let open = self.begin(b'd');
        self.bytes.extend_from_slice(line);
        self.end(open)
    }

    pub fn error(&mut self, severity: Severity, error: &Error) {
        self.report(b'E', severity, error);
    }

    pub fn notice(&mut self, notice: &Error) {
        self.report(b'N', Severity::of_notice(notice.state()), notice);
    }

    fn report(&mut self, tag: u8, severity: Severity, error: &Error) {
        self.message(tag, |out| {
            let mut field = |name: u8, text: &str| {
                out.push(name);
                put_text(out, text);
            };
            field(b'S', severity.as_str());
            field(b'V', severity.as_str());
            field(b'C', error.state().as_str());
            field(b'M', error.message());
            let more = [
                (b'D', error.detail()),
                (b'H', error.hint()),
                (b'W', error.context()),
                (b's', error.schema()),
                (b't', error.table()),
                (b'c', error.column()),
                (b'n', error.constraint()),
            ];
            for (name, text) in more {
                if let Some(text) = text {
                    field(name, text);
                }
            }
            if error.message() == REPLANNED {
                // The one message that drivers know by the routine it comes from: asyncpg
                // and JDBC prepare again when they see it.
                out.push(b'R');
                put_text(out, "RevalidateCachedQuery");
            }
            if let Some(position) = error.position() {
                out.push(b'P');
                put_unsigned(out, u64::from(position));
                out.push(0);
            }
            out.push(0);
        });
    }
}

/// Says that a statement's columns are others now than when it was prepared.
const REPLANNED: &str = "cached plan must not change result type";

/// A zero inside would end the string early and unhinge the message, so it is left out.
fn put_text(out: &mut Vec<u8>, text: &str) {
    if memchr::memchr(0, text.as_bytes()).is_none() {
        out.extend_from_slice(text.as_bytes());
    } else {
        out.extend(text.bytes().filter(|byte| *byte != 0));
    }
    out.push(0);
}

/// Decimal digits, last one first into a small buffer: the numbers of a point
/// query's answer are a good part of its bytes.
pub fn put_unsigned(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

pub fn put_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    put_unsigned(out, number.unsigned_abs());
}

#[cfg(test)]
mod tests;
