//! COPY's binary format: a signature, tuples of counted fields, a trailer.

use super::encode::{Failure, Plan, Rows, Sink};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef, binary, cast};
use orbit_core::{Error, Result, state};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of an extension.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
const TRAILER: [u8; 2] = (-1i16).to_be_bytes();
/// Flags by which a file says that it can't be read without knowing them.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

fn bad(message: &'static str) -> Error {
    Error::new(state::BAD_COPY_FILE_FORMAT, message)
}

pub fn put_header(out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[0; 8]);
}

pub fn put_trailer(out: &mut Vec<u8>) {
    out.extend_from_slice(&TRAILER);
}

pub fn put_count(columns: usize, out: &mut Vec<u8>) {
    let columns = i16::try_from(columns).unwrap_or(i16::MAX);
    out.extend_from_slice(&columns.to_be_bytes());
}

pub fn put_field(value: &ValueRef<'_>, of: &SqlType, out: &mut Vec<u8>) -> Result<()> {
    if value.is_null() {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    binary::encode(value, of, out)?;
    let length = i32::try_from(out.len() - at - 4).map_err(|_| {
        Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            "a value is too long for COPY's binary format",
        )
    })?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// How long the header is; `None`: it has not all come yet.
pub fn header_length(bytes: &[u8]) -> Result<Option<usize>> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes.get(..seen) != SIGNATURE.get(..seen) {
        return Err(bad("COPY file signature not recognized"));
    }
    let Some(rest) = bytes.get(SIGNATURE.len()..HEADER_BYTES) else {
        return Ok(None);
    };
    let mut reader = Reader { bytes: rest };
    let (Some(flags), Some(extension)) = (reader.i32(), reader.i32()) else {
        return Ok(None);
    };
    if flags.cast_unsigned() & (1 << 16) != 0 {
        return Err(bad("invalid COPY file header (WITH OIDS)"));
    }
    if flags.cast_unsigned() & CRITICAL_FLAGS != 0 {
        return Err(bad("unrecognized critical flags in COPY file header"));
    }
    let extension =
        usize::try_from(extension).map_err(|_| bad("invalid COPY file header (missing length)"))?;
    let whole = HEADER_BYTES.saturating_add(extension);
    Ok((bytes.len() >= whole).then_some(whole))
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        let bytes = self.take(2)?;
        bytes.first_chunk().map(|bytes| i16::from_be_bytes(*bytes))
    }

    fn i32(&mut self) -> Option<i32> {
        let bytes = self.take(4)?;
        bytes.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
    }
}

/// The length of the first tuple or of the trailer; `None`: it is cut short.
/// Nonsense counts as whole: whoever reads it complains.
pub fn tuple_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader { bytes };
    for _ in 0..reader.i16()?.max(0) {
        let length = reader.i32()?;
        reader.take(usize::try_from(length).unwrap_or(0))?;
    }
    Some(bytes.len() - reader.bytes.len())
}

/// The header, if `first`, and the first tuple: what goes out as one message.
pub fn message_length(bytes: &[u8], first: bool) -> usize {
    let header = if first { HEADER_BYTES } else { 0 };
    let rest = bytes.get(header..).unwrap_or_default();
    tuple_length(rest).map_or(bytes.len(), |length| header + length)
}

/// The length of all whole tuples; what follows the trailer belongs to it.
pub fn complete(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        if rest.starts_with(&TRAILER) {
            return bytes.len();
        }
        match tuple_length(rest) {
            Some(length) => at += length,
            None => return at,
        }
    }
    at
}

/// Tuples to rows.
pub fn run(plan: &Plan, chunk: &[u8]) -> std::result::Result<Rows, Box<Failure>> {
    let mut sink = Sink::new(plan, chunk.len());
    let mut reader = Reader { bytes: chunk };
    let mut values = vec![Value::Null; plan.table.columns.len()];
    while !reader.bytes.is_empty() {
        let line = sink.rows.lines + 1;
        let fail = |error: Error, place: String| Box::new(Failure { line, error, place });
        let Some(count) = reader.i16() else {
            return Err(fail(bad("unexpected EOF in COPY data"), String::new()));
        };
        if count == -1 {
            if !reader.bytes.is_empty() {
                let late = bad("received copy data after EOF marker");
                return Err(fail(late, String::new()));
            }
            sink.rows.over = true;
            break;
        }
        if usize::try_from(count) != Ok(plan.places.len()) {
            let error = Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!("row field count is {count}, expected {}", plan.places.len()),
            );
            return Err(fail(error, String::new()));
        }
        sink.rows.lines = line;
        for place in &plan.places {
            let (Some(slot), Some(column)) =
                (values.get_mut(*place), plan.table.columns.get(*place))
            else {
                return Err(fail(
                    Error::internal("a field without its column"),
                    String::new(),
                ));
            };
            *slot = field(&mut reader, &column.sql_type)
                .map_err(|error| fail(error, format!(", column {}", column.name)))?;
        }
        sink.take(&mut values, line)
            .map_err(|error| fail(error, String::new()))?;
    }
    Ok(sink.rows)
}

fn field(reader: &mut Reader<'_>, of: &SqlType) -> Result<Value> {
    let cut = || bad("unexpected EOF in COPY data");
    let length = reader.i32().ok_or_else(cut)?;
    if length == -1 {
        return Ok(Value::Null);
    }
    let length = usize::try_from(length).map_err(|_| bad("invalid field size"))?;
    let bytes = reader.take(length).ok_or_else(cut)?;
    let value = binary::decode(bytes, of)?;
    // A precision is the column's affair; the wire's form knows none.
    match of {
        SqlType::Numeric(Some(_)) => cast::assign(value, of),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_when_it_is_whole() {
        let mut header = Vec::new();
        put_header(&mut header);
        for length in 0..header.len() {
            assert_eq!(header_length(&header[..length]).unwrap(), None);
        }
        assert_eq!(header_length(&header).unwrap(), Some(19));
        assert!(header_length(b"PGCOPY\r\n").is_err());
        header[11] = 0x80;
        assert!(header_length(&header).is_err());
    }

    #[test]
    fn tuples_are_cut_where_they_end() {
        let tuple = b"\0\x02\0\0\0\x01a\xff\xff\xff\xff";
        let mut bytes = [&tuple[..], tuple].concat();
        assert_eq!(complete(&bytes), 22);
        assert_eq!(complete(&bytes[..15]), 11);
        assert_eq!(tuple_length(tuple), Some(11));
        put_trailer(&mut bytes);
        assert_eq!(complete(&bytes), 24);
        assert_eq!(complete(&bytes[..23]), 22);
    }
}
