//! Decoding of what clients send, straight from the input buffer: nothing is
//! copied and nothing is allocated. A malformed message is 08P01, whatever it says.

use orbit_core::{Error, Result, state};

/// Message types, by their letter on the wire.
pub mod tag {
    pub const BIND: u8 = b'B';
    pub const CLOSE: u8 = b'C';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const FLUSH: u8 = b'H';
    pub const FUNCTION_CALL: u8 = b'F';
    pub const PARSE: u8 = b'P';
    pub const QUERY: u8 = b'Q';
    pub const SYNC: u8 = b'S';
    pub const TERMINATE: u8 = b'X';
}

/// A cursor over one message's body.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

fn insufficient() -> Error {
    Error::new(
        state::PROTOCOL_VIOLATION,
        "insufficient data left in message",
    )
}

impl<'a> Reader<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Reader(body)
    }

    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(insufficient)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(insufficient)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// Counts are unsigned on the wire, although the documents call them Int16.
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Bytes up to a zero, which is consumed.
    pub fn name(&mut self) -> Result<&'a [u8]> {
        let end = memchr::memchr(0, self.0)
            .ok_or_else(|| Error::new(state::PROTOCOL_VIOLATION, "invalid string in message"))?;
        let name = self.bytes(end)?;
        self.bytes(1)?;
        Ok(name)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        utf8(self.name()?)
    }

    /// Every message must be used up exactly.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::new(
                state::PROTOCOL_VIOLATION,
                "invalid message format",
            ))
        }
    }
}

/// Text as PostgreSQL takes it: UTF-8 or 22021, naming the bytes that are wrong.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let from = error.valid_up_to();
        let wrong = bytes.get(from..).unwrap_or_default();
        let count = error.error_len().unwrap_or(wrong.len()).clamp(1, 4);
        let shown: Vec<String> = wrong
            .iter()
            .take(count)
            .map(|byte| format!("0x{byte:02x}"))
            .collect();
        Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            format!(
                "invalid byte sequence for encoding \"UTF8\": {}",
                shown.join(" ")
            ),
        )
    })
}

/// A list of format codes as it lies in the message, two bytes each.
#[derive(Clone, Copy, Debug)]
pub struct Codes<'a>(&'a [[u8; 2]]);

impl<'a> Codes<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let count = usize::from(reader.u16()?);
        let bytes = reader.bytes(count * 2)?;
        Ok(Codes(bytes.as_chunks().0))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The code given at `index`, without the rules of "none" and "one for all".
    pub fn at(&self, index: usize) -> Option<u16> {
        self.0.get(index).map(|code| u16::from_be_bytes(*code))
    }
}

#[derive(Debug)]
pub struct Parse<'a> {
    pub name: &'a [u8],
    pub sql: &'a [u8],
    pub types: Oids<'a>,
}

/// Parameter types given with a Parse message, four bytes each.
#[derive(Clone, Copy, Debug)]
pub struct Oids<'a>(&'a [[u8; 4]]);

impl Oids<'_> {
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().map(|oid| u32::from_be_bytes(*oid))
    }
}

pub fn parse(body: &[u8]) -> Result<Parse<'_>> {
    let mut reader = Reader::new(body);
    let name = reader.name()?;
    let sql = reader.name()?;
    let count = usize::from(reader.u16()?);
    let types = Oids(reader.bytes(count * 4)?.as_chunks().0);
    reader.finish()?;
    Ok(Parse { name, sql, types })
}

#[derive(Debug)]
pub struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    pub param_formats: Codes<'a>,
    pub params: Params<'a>,
    pub result_formats: Codes<'a>,
}

/// The parameter values of a Bind message: `None` is NULL.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    count: usize,
    reader: Reader<'a>,
}

impl<'a> Params<'a> {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn next(&mut self) -> Result<Option<&'a [u8]>> {
        match self.reader.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| insufficient())?;
                Ok(Some(self.reader.bytes(length)?))
            }
        }
    }
}

pub fn bind(body: &[u8]) -> Result<Bind<'_>> {
    let mut reader = Reader::new(body);
    let portal = reader.name()?;
    let statement = reader.name()?;
    let param_formats = Codes::read(&mut reader)?;
    let count = usize::from(reader.u16()?);
    // Walked once here to find their end and to know that none is cut short.
    let params = Params { count, reader };
    let mut walk = params;
    for _ in 0..count {
        walk.next()?;
    }
    let mut reader = walk.reader;
    let result_formats = Codes::read(&mut reader)?;
    reader.finish()?;
    Ok(Bind {
        portal,
        statement,
        param_formats,
        params,
        result_formats,
    })
}

/// Portal name and row limit; zero and negative limits mean all rows.
pub fn execute(body: &[u8]) -> Result<(&[u8], Option<u64>)> {
    let mut reader = Reader::new(body);
    let portal = reader.name()?;
    let limit = u64::try_from(reader.i32()?).ok().filter(|limit| *limit > 0);
    reader.finish()?;
    Ok((portal, limit))
}

/// What Describe and Close speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    Statement(&'a [u8]),
    Portal(&'a [u8]),
}

pub fn target<'a>(message: &str, body: &'a [u8]) -> Result<Target<'a>> {
    let mut reader = Reader::new(body);
    let kind = reader.u8()?;
    let name = reader.name()?;
    reader.finish()?;
    match kind {
        b'S' => Ok(Target::Statement(name)),
        b'P' => Ok(Target::Portal(name)),
        other => Err(Error::new(
            state::PROTOCOL_VIOLATION,
            format!("invalid {message} message subtype {other}"),
        )),
    }
}

/// The single string of Query and CopyFail.
pub fn string(body: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(body);
    let text = reader.name()?;
    reader.finish()?;
    Ok(text)
}

#[cfg(test)]
mod tests;
