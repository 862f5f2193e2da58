//! Cuts the text of a date, time or interval into fields.

use super::decode::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// Digits, perhaps with a fraction.
    Number(&'a str),
    /// Parts joined by `-`, `/` or `.`, or a zone's name such as `europe/paris`.
    Date(&'a str),
    /// Digits with colons.
    Time(&'a str),
    /// A sign (`true`: minus) and what follows it: an offset, or a number of an interval.
    Signed(bool, &'a str),
    Word(&'a str),
    /// `-infinity`.
    SignedWord(bool, &'a str),
}

/// More fields than this are no date.
const MAX_FIELDS: usize = 25;

/// `text` is in lower case already.
pub(super) fn split(text: &str) -> Result<Vec<Field<'_>>, Fault> {
    let bytes = text.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    let run = |from: usize, accept: &dyn Fn(u8) -> bool| {
        from + bytes[from..]
            .iter()
            .take_while(|byte| accept(**byte))
            .count()
    };
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() || byte == 0x0b {
            at += 1;
            continue;
        }
        if fields.len() == MAX_FIELDS {
            return Err(Fault::Format);
        }
        let start = at;
        if byte.is_ascii_digit() {
            at = run(at, &|b| b.is_ascii_digit());
            let field = match bytes.get(at) {
                Some(b':') => {
                    at = run(at, &|b| b.is_ascii_digit() || matches!(b, b':' | b'.'));
                    Field::Time
                }
                Some(&delimiter @ (b'-' | b'/' | b'.')) => {
                    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
                    if next.is_ascii_digit() {
                        at = run(at + 1, &|b| b.is_ascii_digit());
                        if bytes.get(at) == Some(&delimiter) {
                            at = run(at, &|b| b.is_ascii_digit() || b == delimiter);
                            Field::Date
                        } else if delimiter == b'.' {
                            Field::Number
                        } else {
                            Field::Date
                        }
                    } else if delimiter == b'.' && !next.is_ascii_alphanumeric() {
                        at += 1;
                        Field::Number
                    } else {
                        at = run(at, &|b| b.is_ascii_alphanumeric() || b == delimiter);
                        Field::Date
                    }
                }
                _ => Field::Number,
            };
            fields.push(field(&text[start..at]));
        } else if byte == b'.' {
            at = run(at + 1, &|b| b.is_ascii_digit());
            fields.push(Field::Number(&text[start..at]));
        } else if byte.is_ascii_alphabetic() {
            at = run(at, &|b| b.is_ascii_alphabetic());
            let joined = match bytes.get(at) {
                Some(b'-' | b'/' | b'.') => true,
                Some(b'+' | b'0'..=b'9') => !is_core_word(&text[start..at]),
                _ => false,
            };
            if joined {
                at = run(at, &|b| {
                    b.is_ascii_alphanumeric()
                        || matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
                });
                fields.push(Field::Date(&text[start..at]));
            } else {
                fields.push(Field::Word(&text[start..at]));
            }
        } else if matches!(byte, b'+' | b'-') {
            let minus = byte == b'-';
            let start = run(at + 1, &|b| b.is_ascii_whitespace());
            match bytes.get(start) {
                Some(b) if b.is_ascii_digit() || *b == b'.' => {
                    at = run(start, &|b| {
                        b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-')
                    });
                    fields.push(Field::Signed(minus, &text[start..at]));
                }
                Some(b) if b.is_ascii_alphabetic() => {
                    at = run(start, &|b| b.is_ascii_alphabetic());
                    fields.push(Field::SignedWord(minus, &text[start..at]));
                }
                _ => return Err(Fault::Format),
            }
        } else if byte.is_ascii_punctuation() {
            // Other punctuation only separates.
            at += 1;
        } else {
            return Err(Fault::Format);
        }
    }
    Ok(fields)
}

/// Words that a digit may follow at once without making them a zone's name.
fn is_core_word(word: &str) -> bool {
    super::words::month(word).is_some()
        || super::words::is_weekday(word)
        || super::words::unit(word).is_some()
        || matches!(
            word,
            "t" | "j" | "jd" | "julian" | "am" | "pm" | "bc" | "ad" | "at" | "on"
        )
}
