//! A JSON text as the texts of its parts: nothing is parsed further than asked for,
//! and what is taken out is written as it was.

use orbit_core::{Error, Result, state};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    pub fn is_scalar(self) -> bool {
        !matches!(self, Kind::Array | Kind::Object)
    }
}

/// A member of an object.
pub struct Member<'t> {
    pub key: String,
    /// The key with its quotes and escapes.
    pub quoted: &'t str,
    pub value: &'t str,
}

#[cold]
fn invalid() -> Error {
    Error::new(
        state::INVALID_TEXT_REPRESENTATION,
        "invalid input syntax for type json",
    )
}

pub fn kind(text: &str) -> Result<Kind> {
    Ok(match text.trim_start().bytes().next() {
        Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'"') => Kind::String,
        Some(b'[') => Kind::Array,
        Some(b'{') => Kind::Object,
        Some(b'-' | b'0'..=b'9') => Kind::Number,
        _ => return Err(invalid()),
    })
}

/// What a quoted text says.
pub fn string(quoted: &str) -> Result<String> {
    serde_json::from_str(quoted).map_err(|_| invalid())
}

/// A text in quotes.
pub fn quote(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// Past the bracket that opens `text`.
    fn inside(text: &'t str, open: u8) -> Result<Reader<'t>> {
        let mut reader = Reader { text, at: 0 };
        if reader.take(open) {
            Ok(reader)
        } else {
            Err(invalid())
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, sign: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn quoted(&mut self) -> Result<&'t str> {
        self.blanks();
        let start = self.at;
        if !self.take(b'"') {
            return Err(invalid());
        }
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(invalid()),
            }
        }
        self.at += 1;
        self.text.get(start..self.at).ok_or_else(invalid)
    }

    fn value(&mut self) -> Result<&'t str> {
        self.blanks();
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.quoted()?;
                }
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b']' | b'}') if depth == 0 => break,
                Some(_) => {
                    self.at += 1;
                    continue;
                }
                None => return Err(invalid()),
            }
            if depth == 0 && self.ends_value() {
                break;
            }
        }
        let value = self
            .text
            .get(start..self.at)
            .ok_or_else(invalid)?
            .trim_end();
        if value.is_empty() {
            return Err(invalid());
        }
        Ok(value)
    }

    /// Whether the character before closed a string, an array or an object.
    fn ends_value(&self) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.text.as_bytes().get(at));
        matches!(before, Some(b'"' | b']' | b'}'))
    }
}

/// The elements of an array.
pub fn items(text: &str) -> Result<Vec<&str>> {
    let mut reader = Reader::inside(text, b'[')?;
    let mut items = Vec::new();
    if reader.take(b']') {
        return Ok(items);
    }
    loop {
        items.push(reader.value()?);
        if reader.take(b']') {
            return Ok(items);
        }
        if !reader.take(b',') {
            return Err(invalid());
        }
    }
}

/// The members of an object as they are written.
pub fn members(text: &str) -> Result<Vec<Member<'_>>> {
    let mut reader = Reader::inside(text, b'{')?;
    let mut members = Vec::new();
    if reader.take(b'}') {
        return Ok(members);
    }
    loop {
        let quoted = reader.quoted()?;
        if !reader.take(b':') {
            return Err(invalid());
        }
        members.push(Member {
            key: string(quoted)?,
            quoted,
            value: reader.value()?,
        });
        if reader.take(b'}') {
            return Ok(members);
        }
        if !reader.take(b',') {
            return Err(invalid());
        }
    }
}

/// The value of a key: of the last, if several are so called.
pub fn member<'t>(text: &'t str, key: &str) -> Result<Option<&'t str>> {
    let found = members(text)?.into_iter().rev().find(|m| m.key == key);
    Ok(found.map(|member| member.value))
}

/// An element by place, from the end if negative.
pub fn item(text: &str, index: i64) -> Result<Option<&str>> {
    let items = items(text)?;
    let at = if index < 0 {
        i64::try_from(items.len()).unwrap_or(i64::MAX) + index
    } else {
        index
    };
    Ok(usize::try_from(at)
        .ok()
        .and_then(|at| items.get(at).copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_out_as_written() {
        assert_eq!(
            items(" [1 , \"a]\\\"\" , [2, [3]] ,{\"b\" : [ ]}, null ] ").unwrap(),
            ["1", "\"a]\\\"\"", "[2, [3]]", "{\"b\" : [ ]}", "null"]
        );
        assert!(items("[]").unwrap().is_empty() && items("[ ]").unwrap().is_empty());
        let members = members("{\"a\" : 1.50, \"b\\n\":{\"c\": 2}}").unwrap();
        let shown: Vec<_> = members.iter().map(|m| (m.key.as_str(), m.value)).collect();
        assert_eq!(shown, [("a", "1.50"), ("b\n", "{\"c\": 2}")]);
        assert_eq!(member("{\"a\":1,\"a\":2}", "a").unwrap(), Some("2"));
        assert_eq!(item("[1,2,3]", -1).unwrap(), Some("3"));
        assert_eq!(item("[1,2,3]", -4).unwrap(), None);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "", "[", "[1", "[1,", "[,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[\"a]", "[",
        ] {
            assert!(items(text).is_err() && members(text).is_err(), "{text}");
        }
    }
}
