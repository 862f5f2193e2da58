//! The lines of COPY's text format, taken apart into fields.

use crate::cli::Failure;
use orbit_core::{Error, state};
use std::borrow::Cow;

/// Pieces of the stream, which need not end at lines.
#[derive(Default)]
pub struct Lines {
    waiting: Vec<u8>,
}

impl Lines {
    /// Hands over every whole line: its fields, `None` for NULL.
    pub fn push(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(&[Option<Cow<'_, str>>]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.waiting.extend_from_slice(piece);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &self.waiting) {
            let line = self.waiting.get(start..end).unwrap_or_default();
            let line = std::str::from_utf8(line).map_err(|_| {
                Failure::Work(Error::new(
                    state::CHARACTER_NOT_IN_REPERTOIRE,
                    "the node sent text that is no UTF-8",
                ))
            })?;
            let fields: Vec<_> = line.split('\t').map(field).collect();
            each(&fields)?;
            start = end + 1;
        }
        self.waiting.drain(..start);
        Ok(())
    }
}

fn field(text: &str) -> Option<Cow<'_, str>> {
    if text == "\\N" {
        return None;
    }
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(match characters.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some(other) => other,
                None => '\\',
            }),
            character => out.push(character),
        }
    }
    Some(Cow::Owned(out))
}

/// Rows of a CSV stream: line ends outside of quotes.
pub fn csv_rows(piece: &[u8], quoted: &mut bool) -> u64 {
    let mut rows = 0;
    for at in memchr::memchr2_iter(b'\n', b'"', piece) {
        match piece.get(at) {
            Some(b'"') => *quoted = !*quoted,
            _ if !*quoted => rows += 1,
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_pieces_and_fields_lose_their_backslashes() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in ["1\ta\\tb", "\\\\\\n\t\\N\n2\t", "\té\n"] {
            lines
                .push(piece.as_bytes(), |fields| {
                    found.push(
                        fields
                            .iter()
                            .map(|f| f.as_deref().map(str::to_owned))
                            .collect::<Vec<_>>(),
                    );
                    Ok(())
                })
                .unwrap();
        }
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                vec![text("1"), text("a\tb\\\n"), None],
                vec![text("2"), text(""), text("é")],
            ]
        );
    }

    #[test]
    fn rows_of_csv_may_have_lines_in_them() {
        let mut quoted = false;
        let rows = csv_rows(b"a,\"b\n", &mut quoted) + csv_rows(b"c\"\nd\n", &mut quoted);
        assert_eq!((rows, quoted), (2, false));
    }
}
