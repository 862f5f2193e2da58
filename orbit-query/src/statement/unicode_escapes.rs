//! `U&'d!0061t' UESCAPE '!'` and `U&"d\0061t"`, which the tokenizer doesn't read: written as
//! plain literals and names, blanks in the place of what they are shorter by, so that all
//! that follows keeps its place.

use orbit_core::{Error, Result, state};

/// The text with such literals decoded; `None`: it has none.
pub(super) fn decoded(sql: &str) -> Result<Option<String>> {
    let bytes = sql.as_bytes();
    let marked = |(at, byte): (usize, &u8)| {
        *byte == b'&'
            && matches!(bytes.get(at + 1), Some(b'\'' | b'"'))
            && at
                .checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte.eq_ignore_ascii_case(&b'u'))
    };
    if !bytes.iter().enumerate().any(marked) {
        return Ok(None);
    }
    let mut reader = Reader {
        letters: sql.chars().collect(),
        at: 0,
        out: String::with_capacity(sql.len()),
        changed: false,
    };
    while reader.at < reader.letters.len() {
        reader.next()?;
    }
    Ok(reader.changed.then_some(reader.out))
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    out: String,
    changed: bool,
}

fn refused(message: impl Into<std::borrow::Cow<'static, str>>, at: usize) -> Error {
    let position = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
    Error::new(state::SYNTAX_ERROR, message).at(position)
}

fn of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

impl Reader {
    fn letter(&self, at: usize) -> Option<char> {
        self.letters.get(at).copied()
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.letters
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .collect()
    }

    /// Copies what is read elsewhere.
    fn copy_to(&mut self, end: usize) {
        let copied = self.text(self.at, end);
        self.out.push_str(&copied);
        self.at = end;
    }

    fn next(&mut self) -> Result<()> {
        let Some(letter) = self.letter(self.at) else {
            return Ok(());
        };
        let next = self.letter(self.at + 1);
        let end = match (letter, next) {
            ('-', Some('-')) => self.behind(|letter| letter == '\n'),
            ('/', Some('*')) => self.comment(),
            ('\'' | '"', _) => self.quoted(self.at, false),
            ('$', _) => self.dollars(),
            ('u' | 'U', Some('&')) if matches!(self.letter(self.at + 2), Some('\'' | '"')) => {
                return self.escaped();
            }
            ('e' | 'E', Some('\'')) => self.quoted(self.at + 1, true),
            _ if of_name(letter) => {
                let rest = self.letters.get(self.at..).unwrap_or_default();
                self.at + rest.iter().take_while(|letter| of_name(**letter)).count()
            }
            _ => self.at + 1,
        };
        self.copy_to(end);
        Ok(())
    }

    fn behind(&self, ends: impl Fn(char) -> bool) -> usize {
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let found = rest.iter().position(|letter| ends(*letter));
        found.map_or(self.letters.len(), |found| self.at + found + 1)
    }

    fn comment(&self) -> usize {
        let (mut at, mut depth) = (self.at, 0usize);
        while at < self.letters.len() {
            match (self.letter(at), self.letter(at + 1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth = depth.saturating_sub(1),
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
            if depth == 0 {
                return at;
            }
        }
        self.letters.len()
    }

    /// Behind the quotes that begin at `open`.
    fn quoted(&self, open: usize, backslashes: bool) -> usize {
        let quote = self.letter(open);
        let mut at = open + 1;
        while let Some(letter) = self.letter(at) {
            if backslashes && letter == '\\' {
                at += 2;
            } else if Some(letter) == quote {
                if self.letter(at + 1) != quote {
                    return at + 1;
                }
                at += 2;
            } else {
                at += 1;
            }
        }
        self.letters.len()
    }

    /// Behind `$tag$ ... $tag$`, or the sign that is none.
    fn dollars(&self) -> usize {
        let rest = self.letters.get(self.at + 1..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|letter| **letter != '$' && of_name(**letter))
            .count();
        let tagged = rest.get(length) == Some(&'$')
            && !rest.first().is_some_and(|letter| letter.is_ascii_digit());
        if !tagged {
            return self.at + 1;
        }
        let open = self.at + length + 2;
        let tag = self.letters.get(self.at..open).unwrap_or_default();
        let inside = self.letters.get(open..).unwrap_or_default();
        inside
            .windows(tag.len())
            .position(|found| found == tag)
            .map_or(self.letters.len(), |found| open + found + tag.len())
    }

    fn blanks(&self, mut at: usize) -> usize {
        while self.letter(at).is_some_and(char::is_whitespace) {
            at += 1;
        }
        at
    }

    /// A literal with such escapes, if it is one of those that the tokenizer can't read.
    fn escaped(&mut self) -> Result<()> {
        let start = self.at;
        let quote = self.letter(start + 2).unwrap_or('\'');
        let end = self.quoted(start + 2, false);
        let word = self.blanks(end);
        let said = self.text(word, word + 7).eq_ignore_ascii_case("uescape")
            && !self.letter(word + 7).is_some_and(of_name);
        if !said && quote == '\'' || end < start + 4 {
            self.copy_to(end);
            return Ok(());
        }
        let (escape, behind) = match said {
            true => self.escape(self.blanks(word + 7))?,
            false => ('\\', end),
        };
        let decoded = self.decode(start + 3, end - 1, quote, escape)?;
        let written: String = match quote {
            '"' => format!("\"{}\"", decoded.replace('"', "\"\"")),
            _ => format!("'{}'", decoded.replace('\'', "''")),
        };
        let length = behind - start;
        let lines = |text: &str| text.matches('\n').count();
        let between = self.text(end, behind);
        let padding = length.checked_sub(written.chars().count() + lines(&between));
        let (Some(padding), true) = (padding, lines(&self.text(start, end)) == lines(&written))
        else {
            return Err(Error::unsupported(
                "a line's end as an escape of a literal with UESCAPE",
            ));
        };
        self.out.push_str(&written);
        self.out.extend(std::iter::repeat_n('\n', lines(&between)));
        self.out.extend(std::iter::repeat_n(' ', padding));
        self.at = behind;
        self.changed = true;
        Ok(())
    }

    /// The letter that UESCAPE names, and where that ends.
    fn escape(&self, open: usize) -> Result<(char, usize)> {
        if self.letter(open) != Some('\'') {
            let rest = self.letters.get(open..).unwrap_or_default();
            let ends = |letter: char| letter.is_whitespace() || ";,)".contains(letter);
            let length = rest.iter().take_while(|letter| !ends(**letter)).count();
            let found = self.text(open, open + length);
            let place = match found.is_empty() {
                true => "at end of input".to_owned(),
                false => format!("at or near \"{found}\""),
            };
            let message = format!("UESCAPE must be followed by a simple string literal {place}");
            return Err(refused(message, open));
        }
        let end = self.quoted(open, false);
        let inside = self.letters.get(open + 1..end.saturating_sub(1));
        match inside {
            Some([letter])
                if !letter.is_ascii_hexdigit()
                    && !letter.is_whitespace()
                    && !matches!(letter, '+' | '\'' | '"') =>
            {
                Ok((*letter, end))
            }
            _ => {
                let found = self.text(open, end);
                let message = format!("invalid Unicode escape character at or near \"{found}\"");
                Err(refused(message, open))
            }
        }
    }

    fn decode(&self, from: usize, to: usize, quote: char, escape: char) -> Result<String> {
        let mut out = String::new();
        let mut high: Option<u32> = None;
        let mut at = from;
        while at < to {
            let Some(letter) = self.letter(at) else {
                break;
            };
            let pair = || refused("invalid Unicode surrogate pair", at);
            if letter != escape || self.letter(at + 1) == Some(escape) {
                if high.is_some() {
                    return Err(pair());
                }
                out.push(letter);
                // Quotes and the escape itself stand twice.
                at += if letter == escape || letter == quote {
                    2
                } else {
                    1
                };
                continue;
            }
            let (digits, length) = match self.letter(at + 1) {
                Some('+') => (at + 2, 6),
                _ => (at + 1, 4),
            };
            let digits = self.text(digits.min(to), (digits + length).min(to));
            let hexadecimal =
                digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let code = u32::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| hexadecimal);
            let Some(code) = code else {
                return Err(refused("invalid Unicode escape", at)
                    .with_hint("Unicode escapes must be \\XXXX or \\+XXXXXX."));
            };
            if code == 0 || code > 0x0010_ffff {
                return Err(refused("invalid Unicode escape value", at));
            }
            let code = match (high.take(), code) {
                (Some(high), 0xdc00..=0xdfff) => {
                    Some(0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00))
                }
                (None, 0xd800..=0xdbff) => {
                    high = Some(code);
                    None
                }
                (Some(_), _) | (None, 0xdc00..=0xdfff) => return Err(pair()),
                (None, code) => Some(code),
            };
            out.extend(code.and_then(char::from_u32));
            at += if length == 6 { 8 } else { 5 };
        }
        match high {
            Some(_) => Err(refused("invalid Unicode surrogate pair", to)),
            None => Ok(out),
        }
    }
}
