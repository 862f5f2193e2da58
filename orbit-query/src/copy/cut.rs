//! Where a stream may be cut: after the last line that is complete for sure.

use memchr::{memchr_iter, memchr2, memrchr, memrchr2};

/// How lines are told apart from line breaks within a value.
#[derive(Clone, Copy, Debug)]
pub enum Lines {
    /// A line break after a backslash belongs to the value.
    Text,
    /// A line break between quotes belongs to the value.
    Csv { quote: u8, escape: u8 },
    /// No lines at all: tuples say how long they are.
    Binary,
}

impl Lines {
    /// The length of the longest beginning of `bytes` that ends with a whole
    /// line. `bytes` starts at the start of a line. 0: no line is complete.
    pub fn complete(self, bytes: &[u8]) -> usize {
        match self {
            Lines::Text => text(bytes),
            Lines::Binary => super::binary::complete(bytes),
            Lines::Csv { quote, escape } if quote == escape => csv(bytes, quote),
            Lines::Csv { quote, escape } => csv_with_escape(bytes, quote, escape),
        }
    }
}

fn text(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while let Some(place) = memrchr(b'\n', bytes.get(..end).unwrap_or_default()) {
        let before = bytes.get(..place).unwrap_or_default();
        let slashes = before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if slashes.is_multiple_of(2) {
            return place + 1;
        }
        end = place;
    }
    0
}

/// A doubled quote is two quotes: parity alone tells inside from outside.
fn csv(bytes: &[u8], quote: u8) -> usize {
    let mut inside = memchr_iter(quote, bytes).count() % 2 == 1;
    let mut end = bytes.len();
    while let Some(place) = memrchr2(quote, b'\n', bytes.get(..end).unwrap_or_default()) {
        if bytes.get(place) == Some(&quote) {
            inside = !inside;
        } else if !inside {
            return place + 1;
        }
        end = place;
    }
    0
}

fn csv_with_escape(bytes: &[u8], quote: u8, escape: u8) -> usize {
    let mut last = 0;
    let mut at = 0;
    let mut inside = false;
    while let Some(rest) = bytes.get(at..) {
        let found = if inside {
            memchr2(quote, escape, rest)
        } else {
            memchr2(quote, b'\n', rest)
        };
        let Some(step) = found else { break };
        let place = at + step;
        at = place + 1;
        match bytes.get(place) {
            Some(&byte) if inside && byte == escape && escape != quote => {
                // The escaped byte is no quote, unless the escape stands alone.
                if matches!(bytes.get(at), Some(&next) if next == quote || next == escape) {
                    at += 1;
                }
            }
            Some(&byte) if byte == quote => inside = !inside,
            _ => last = at,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_after_the_last_unescaped_line_break() {
        assert_eq!(Lines::Text.complete(b"a\nb\nc"), 4);
        assert_eq!(Lines::Text.complete(b"a\nb\\\nc"), 2);
        assert_eq!(Lines::Text.complete(b"a\nb\\\\\nc"), 6);
        assert_eq!(Lines::Text.complete(b"abc"), 0);
    }

    #[test]
    fn csv_is_cut_outside_of_quotes_only() {
        let lines = Lines::Csv {
            quote: b'"',
            escape: b'"',
        };
        assert_eq!(lines.complete(b"a,b\n1,\"x\ny"), 4);
        assert_eq!(lines.complete(b"a,b\n1,\"x\ny\"\n2"), 12);
        assert_eq!(lines.complete(b"1,\"x\"\"\n\"\n"), 9);
        assert_eq!(lines.complete(b"\"\n\n\n"), 0);
    }

    #[test]
    fn an_escaped_quote_does_not_end_the_quotes() {
        let lines = Lines::Csv {
            quote: b'"',
            escape: b'\\',
        };
        assert_eq!(lines.complete(b"\"a\\\"\n\"\nb"), 7);
        assert_eq!(lines.complete(b"\"a\\\\\"\nb"), 6);
    }
}
