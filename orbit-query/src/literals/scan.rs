//! One pass over a statement's bytes: its shape, and the literals that stand in it.
//!
//! In doubt the answer is `None`: the statement is then parsed in full.

use smallvec::SmallVec;
use std::ops::Range;

/// Longer shapes are bulk INSERTs and generated lists: each its own, none worth keeping.
const MAX_SHAPE_BYTES: usize = 4096;
const MAX_LITERALS: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiteralKind {
    Int4,
    Int8,
    Numeric,
    /// `doubled`: contains `''`.
    Text {
        doubled: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    /// The literal with its quotes: `start..end` in the text.
    pub start: usize,
    pub end: usize,
    /// Without its quotes.
    pub content: Range<usize>,
    pub kind: LiteralKind,
    /// The value of `Int4` and `Int8`.
    pub number: i64,
}

pub(super) struct Scan {
    /// The text with blanks folded and each literal replaced by its kind.
    pub key: SmallVec<[u8; 512]>,
    pub literals: SmallVec<[Literal; 8]>,
}

/// Stands in keys where a literal stood; never part of a statement outside quotes.
const MARK: u8 = 1;

fn starts_identifier(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_identifier(byte: u8) -> bool {
    starts_identifier(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// `None`: not a single SELECT, INSERT, UPDATE or DELETE, or one with
/// something in it that only the parser may judge.
pub(super) fn scan(sql: &str) -> Option<Scan> {
    let bytes = sql.as_bytes();
    let mut scanner = Scanner {
        bytes,
        at: 0,
        scan: Scan {
            key: SmallVec::new(),
            literals: SmallVec::new(),
        },
    };
    scanner.blanks()?;
    let first = scanner.word();
    let first = bytes.get(first)?;
    let known = [&b"select"[..], b"insert", b"update", b"delete"];
    if !known.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return None;
    }
    scanner.scan.key.extend_from_slice(first);
    while scanner.step()? {}
    Some(scanner.scan)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    scan: Scan,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Skips blanks and comments; whether there were any. `None`: an open comment.
    fn blanks(&mut self) -> Option<bool> {
        let start = self.at;
        loop {
            match self.peek(0) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c) => self.at += 1,
                Some(b'-') if self.peek(1) == Some(b'-') => {
                    while self
                        .peek(0)
                        .is_some_and(|byte| byte != b'\n' && byte != b'\r')
                    {
                        self.at += 1;
                    }
                }
                Some(b'/') if self.peek(1) == Some(b'*') => {
                    let mut depth = 1;
                    self.at += 2;
                    while depth > 0 {
                        match (self.peek(0)?, self.peek(1)) {
                            (b'*', Some(b'/')) => {
                                depth -= 1;
                                self.at += 2;
                            }
                            (b'/', Some(b'*')) => {
                                depth += 1;
                                self.at += 2;
                            }
                            _ => self.at += 1,
                        }
                    }
                }
                _ => return Some(self.at > start),
            }
        }
    }

    fn word(&mut self) -> Range<usize> {
        let start = self.at;
        while self.peek(0).is_some_and(continues_identifier) {
            self.at += 1;
        }
        start..self.at
    }

    /// Takes one token; `false` at the end.
    fn step(&mut self) -> Option<bool> {
        if self.blanks()? {
            self.scan.key.push(b' ');
        }
        let Some(byte) = self.peek(0) else {
            return Some(false);
        };
        if self.scan.key.len() > MAX_SHAPE_BYTES || self.scan.literals.len() > MAX_LITERALS {
            return None;
        }
        match byte {
            byte if starts_identifier(byte) => {
                let word = self.word();
                if self.peek(0) == Some(b'\'') && word.len() == 1 {
                    // E'', B'', X'', N'' read their text in ways of their own.
                    let escape = byte.eq_ignore_ascii_case(&b'e');
                    return if escape {
                        self.escape_string(word.start)
                    } else {
                        None
                    };
                }
                if self.peek(0) == Some(b'&') && byte.eq_ignore_ascii_case(&b'u') && word.len() == 1
                {
                    return None;
                }
                self.scan.key.extend_from_slice(self.bytes.get(word)?);
            }
            b'0'..=b'9' => self.number()?,
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number()?,
            b'\'' => {
                let start = self.at;
                self.string(start)?;
            }
            b'"' => {
                let start = self.at;
                self.at += 1;
                loop {
                    let byte = self.peek(0)?;
                    self.at += 1;
                    if byte == b'"' {
                        if self.peek(0) != Some(b'"') {
                            break;
                        }
                        self.at += 1;
                    }
                }
                self.scan
                    .key
                    .extend_from_slice(self.bytes.get(start..self.at)?);
            }
            b'$' => self.dollar()?,
            b';' => {
                // The end, or another statement.
                while self.peek(0) == Some(b';') {
                    self.at += 1;
                    self.blanks()?;
                }
                return if self.peek(0).is_none() {
                    Some(false)
                } else {
                    None
                };
            }
            // Other dialects' quotes and places for parameters; control bytes.
            b'`' | b'?' | b'@' | b'{' | b'}' | b'\\' => return None,
            byte if byte < b' ' || byte == 0x7f => return None,
            byte => {
                self.at += 1;
                self.scan.key.push(byte);
            }
        }
        Some(true)
    }

    fn push(&mut self, literal: Literal) {
        let kind = match literal.kind {
            LiteralKind::Int4 => b'i',
            LiteralKind::Int8 => b'l',
            LiteralKind::Numeric => b'n',
            LiteralKind::Text { .. } => b's',
        };
        self.scan.key.extend_from_slice(&[MARK, kind]);
        self.scan.literals.push(literal);
    }

    fn digits(&mut self) {
        while self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.digits();
        let mut plain = true;
        if self.peek(0) == Some(b'.') {
            // `1..2` and `1.` are for the parser.
            if !self.peek(1).is_some_and(|next| next.is_ascii_digit()) {
                return None;
            }
            plain = false;
            self.at += 1;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek(0) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if !self
                .peek(1 + sign)
                .is_some_and(|next| next.is_ascii_digit())
            {
                return None;
            }
            plain = false;
            self.at += 1 + sign;
            self.digits();
        }
        if self
            .peek(0)
            .is_some_and(|next| continues_identifier(next) || next == b'.')
        {
            return None;
        }
        let text = std::str::from_utf8(self.bytes.get(start..self.at)?).ok()?;
        let (kind, number) = if !plain {
            (LiteralKind::Numeric, 0)
        } else {
            match text.parse::<i64>() {
                Ok(number) if number <= i64::from(i32::MAX) => (LiteralKind::Int4, number),
                // With a minus before it this is the least integer.
                Ok(2_147_483_648) => return None,
                Ok(number) => (LiteralKind::Int8, number),
                // Likewise the least bigint.
                Err(_) if text.trim_start_matches('0') == "9223372036854775808" => return None,
                Err(_) => (LiteralKind::Numeric, 0),
            }
        };
        self.push(Literal {
            start,
            end: self.at,
            content: start..self.at,
            kind,
            number,
        });
        Some(())
    }

    /// At the opening quote; `start` is where the literal begins.
    fn string(&mut self, start: usize) -> Option<()> {
        self.at += 1;
        let content = self.at;
        let mut doubled = false;
        loop {
            let length = memchr::memchr(b'\'', self.bytes.get(self.at..)?)?;
            self.at += length + 1;
            if self.peek(0) != Some(b'\'') {
                break;
            }
            doubled = true;
            self.at += 1;
        }
        let literal = Literal {
            start,
            end: self.at,
            content: content..self.at - 1,
            kind: LiteralKind::Text { doubled },
            number: 0,
        };
        // 'a' and on the next line 'b' are one literal to PostgreSQL.
        let end = self.at;
        self.blanks()?;
        if self.peek(0) == Some(b'\'') {
            return None;
        }
        self.at = end;
        self.push(literal);
        Some(())
    }

    /// E'...' without anything to unescape is a plain string.
    fn escape_string(&mut self, start: usize) -> Option<bool> {
        let content = self.at;
        self.string(start)?;
        if memchr::memchr(b'\\', self.bytes.get(content..self.at)?).is_some() {
            return None;
        }
        Some(true)
    }

    /// `$tag$...$tag$`; a parameter is for the parser.
    fn dollar(&mut self) -> Option<()> {
        let start = self.at;
        self.at += 1;
        if self.peek(0).is_some_and(starts_identifier) {
            while self
                .peek(0)
                .is_some_and(|byte| continues_identifier(byte) && byte != b'$')
            {
                self.at += 1;
            }
        }
        if self.peek(0) != Some(b'$') {
            return None;
        }
        self.at += 1;
        let tag = self.bytes.get(start..self.at)?;
        let content = self.at;
        let length = memchr::memmem::find(self.bytes.get(content..)?, tag)?;
        self.at = content + length + tag.len();
        self.push(Literal {
            start,
            end: self.at,
            content: content..content + length,
            kind: LiteralKind::Text { doubled: false },
            number: 0,
        });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(sql: &str) -> Option<Vec<(String, LiteralKind)>> {
        Some(
            scan(sql)?
                .literals
                .iter()
                .map(|literal| (sql[literal.content.clone()].to_owned(), literal.kind))
                .collect(),
        )
    }

    #[test]
    fn takes_literals_and_nothing_else() {
        let text = LiteralKind::Text { doubled: false };
        assert_eq!(
            literals(
                "SELECT a1, \"b 2\", t3.c4 FROM t5 -- 6\n WHERE x = 7 /* 8 /* 9 */ */ AND y<-1.50 AND z = 'it' AND q=$$r'$$ LIMIT 3;"
            ),
            Some(vec![
                ("7".into(), LiteralKind::Int4),
                ("1.50".into(), LiteralKind::Numeric),
                ("it".into(), text),
                ("r'".into(), text),
                ("3".into(), LiteralKind::Int4),
            ])
        );
        assert_eq!(
            literals(
                "select 2147483647, 2147483649, 9223372036854775807, 9223372036854775809, 1e3, .5"
            ),
            Some(vec![
                ("2147483647".into(), LiteralKind::Int4),
                ("2147483649".into(), LiteralKind::Int8),
                ("9223372036854775807".into(), LiteralKind::Int8),
                ("9223372036854775809".into(), LiteralKind::Numeric),
                ("1e3".into(), LiteralKind::Numeric),
                (".5".into(), LiteralKind::Numeric),
            ])
        );
        assert_eq!(
            literals("select 'a''b', E'plain', ''"),
            Some(vec![
                ("a''b".into(), LiteralKind::Text { doubled: true }),
                ("plain".into(), text),
                ("".into(), text),
            ])
        );
    }

    #[test]
    fn leaves_doubtful_texts_alone() {
        for sql in [
            "",
            "   ",
            "BEGIN",
            "selectx 1",
            "select $1",
            "select -2147483648",
            "select -9223372036854775808",
            "select 1.",
            "select 0x1f",
            "select 1_000",
            "select 'open",
            "select \"open",
            "select /* open",
            "select E'a\\n'",
            "select B'01'",
            "select x'ff'",
            "select U&'d'",
            "select 'a'\n'b'",
            "select 1; select 2",
            "select `a`",
            "select $a$ open",
            "select a ? b",
        ] {
            assert!(scan(sql).is_none(), "{sql}");
        }
        assert!(scan("select 1 ; ; -- done").is_some());
    }

    #[test]
    fn shapes_differ_where_meanings_do() {
        let key = |sql: &str| scan(sql).unwrap().key.to_vec();
        assert_eq!(key("select  1"), key("select /**/ 2"));
        assert_ne!(key("select 1"), key("select 1.0"));
        assert_ne!(key("select 1"), key("select '1'"));
        assert_ne!(key("select 1"), key("select 3000000000"));
        assert_ne!(key("select a from t"), key("select \"a\" from t"));
        assert_ne!(
            key("select x from t where a=1"),
            key("select x from t where a=-1")
        );
    }
}
