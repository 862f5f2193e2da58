//! Tokens of a JSON text, with PostgreSQL's words for what is wrong with one.

use super::UNTRANSLATABLE;
use crate::error::{Error, Result, SqlState, state};
use crate::value::text::scalar::hex_digit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
    End,
}

/// Steps through a text; the current token is `text[start..end]`.
pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub token: Token,
    start: usize,
    end: usize,
    /// Whether strings are decoded into `string`: jsonb wants them, json only checks.
    decode: bool,
    pub string: String,
}

impl<'a> Scanner<'a> {
    /// Stands on the first token.
    pub fn new(text: &'a str, decode: bool) -> Result<Scanner<'a>> {
        let mut scanner = Scanner {
            text,
            token: Token::End,
            start: 0,
            end: 0,
            decode,
            string: String::new(),
        };
        scanner.advance()?;
        Ok(scanner)
    }

    pub fn source(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    pub fn advance(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.end;
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        self.start = at;
        self.end = at + 1;
        self.token = match bytes.get(at) {
            None => {
                self.end = at;
                Token::End
            }
            Some(b'{') => Token::ObjectStart,
            Some(b'}') => Token::ObjectEnd,
            Some(b'[') => Token::ArrayStart,
            Some(b']') => Token::ArrayEnd,
            Some(b',') => Token::Comma,
            Some(b':') => Token::Colon,
            Some(b'"') => {
                self.scan_string()?;
                Token::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.scan_number()?;
                Token::Number
            }
            Some(_) => self.scan_word()?,
        };
        Ok(())
    }

    fn scan_word(&mut self) -> Result<Token> {
        let rest = &self.text[self.start..];
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()))
            .unwrap_or(rest.len());
        if length == 0 {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            self.end = self.start + first;
            return Err(self.invalid_token());
        }
        self.end = self.start + length;
        match self.source() {
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(self.invalid_token()),
        }
    }

    fn scan_number(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.start;
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > from
        };
        let mut valid = true;
        if bytes.get(at) == Some(&b'-') {
            at += 1;
        }
        if bytes.get(at) == Some(&b'0') {
            at += 1;
        } else {
            valid &= digits(&mut at);
        }
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            valid &= digits(&mut at);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(bytes.get(at), Some(b'+' | b'-')) {
                at += 1;
            }
            valid &= digits(&mut at);
        }
        // Letters or digits that hang on are part of a wrong token.
        while let Some(byte) = bytes.get(at)
            && (byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii())
        {
            valid = false;
            at += 1;
        }
        self.end = at;
        if valid {
            Ok(())
        } else {
            Err(self.invalid_token())
        }
    }

    fn scan_string(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.start + 1;
        let mut copied = at;
        self.string.clear();
        loop {
            match bytes.get(at) {
                None => {
                    self.end = at;
                    return Err(self.invalid_token());
                }
                Some(b'"') => break,
                Some(byte @ 0..0x20) => {
                    self.end = at;
                    return Err(self.wrong(format!(
                        "Character with value 0x{byte:02x} must be escaped."
                    )));
                }
                Some(b'\\') => {
                    if self.decode {
                        self.string.push_str(&self.text[copied..at]);
                    }
                    at = self.scan_escape(at + 1)?;
                    copied = at;
                }
                Some(_) => at += 1,
            }
        }
        if self.decode {
            self.string.push_str(&self.text[copied..at]);
        }
        self.end = at + 1;
        Ok(())
    }

    /// `at` is behind the backslash; the result is behind the escape.
    fn scan_escape(&mut self, at: usize) -> Result<usize> {
        let decoded = match self.text.as_bytes().get(at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.scan_unicode(at + 1),
            None => {
                self.end = at;
                return Err(self.invalid_token());
            }
            Some(_) => {
                let wrong = self.text[at..].chars().next().unwrap_or_default();
                self.end = at + wrong.len_utf8();
                return Err(self.wrong(format!("Escape sequence \"\\{wrong}\" is invalid.")));
            }
        };
        if self.decode {
            self.string.push(decoded);
        }
        Ok(at + 1)
    }

    fn four_digits(&mut self, at: usize) -> Result<u32> {
        let mut code = 0;
        for place in at..at + 4 {
            match self.text.as_bytes().get(place).and_then(|b| hex_digit(*b)) {
                Some(digit) => code = code << 4 | u32::from(digit),
                None => {
                    self.end = place.min(self.text.len());
                    return Err(self.wrong("\"\\u\" must be followed by four hexadecimal digits."));
                }
            }
        }
        Ok(code)
    }

    fn scan_unicode(&mut self, at: usize) -> Result<usize> {
        let high = self.four_digits(at)?;
        let mut at = at + 4;
        self.end = at;
        if !self.decode {
            // json keeps the text, so only the digits are checked.
            return Ok(at);
        }
        let code = match high {
            0 => {
                return Err(
                    Error::new(UNTRANSLATABLE, "unsupported Unicode escape sequence")
                        .with_detail("\\u0000 cannot be converted to text.")
                        .in_context(self.context()),
                );
            }
            0xdc00..=0xdfff => {
                return Err(self.wrong("Unicode low surrogate must follow a high surrogate."));
            }
            0xd800..=0xdbff => {
                let low = match self.text.as_bytes().get(at..at + 2) {
                    Some(b"\\u") => self.four_digits(at + 2)?,
                    _ => 0,
                };
                self.end = at;
                match low {
                    0xdc00..=0xdfff => {}
                    0xd800..=0xdbff => {
                        return Err(
                            self.wrong("Unicode high surrogate must not follow a high surrogate.")
                        );
                    }
                    _ => {
                        return Err(
                            self.wrong("Unicode low surrogate must follow a high surrogate.")
                        );
                    }
                }
                at += 6;
                0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)
            }
            code => code,
        };
        self.string.push(char::from_u32(code).unwrap_or_default());
        Ok(at)
    }

    fn invalid_token(&self) -> Error {
        self.wrong(format!("Token \"{}\" is invalid.", self.source()))
    }

    /// The current token is not what had to follow.
    pub fn expected(&self, what: &str) -> Error {
        if self.token == Token::End {
            return self.wrong("The input string ended unexpectedly.");
        }
        self.wrong(format!("Expected {what}, but found \"{}\".", self.source()))
    }

    fn wrong(&self, detail: impl Into<String>) -> Error {
        json_error(
            state::INVALID_TEXT_REPRESENTATION,
            detail.into(),
            self.context(),
        )
    }

    /// The line up to the wrong token, as PostgreSQL shows it.
    fn context(&self) -> String {
        let end = self.end.min(self.text.len());
        let before = &self.text.as_bytes()[..end];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let mut shown_start = line_start;
        // Long lines are cut at the front.
        while end - shown_start >= 50 {
            shown_start += 1;
            while !self.text.is_char_boundary(shown_start) {
                shown_start += 1;
            }
        }
        if shown_start - line_start <= 3 {
            shown_start = line_start;
        }
        let mut shown_end = end;
        while !self.text.is_char_boundary(shown_end) {
            shown_end -= 1;
        }
        let prefix = if shown_start > line_start { "..." } else { "" };
        let more = self.token != Token::End
            && shown_end < self.text.len()
            && !matches!(self.text.as_bytes()[shown_end], b'\n' | b'\r');
        format!(
            "JSON data, line {line}: {prefix}{}{}",
            &self.text[shown_start..shown_end],
            if more { "..." } else { "" }
        )
    }
}

#[cold]
fn json_error(state: SqlState, detail: String, context: String) -> Error {
    Error::new(state, "invalid input syntax for type json")
        .with_detail(detail)
        .in_context(context)
}
