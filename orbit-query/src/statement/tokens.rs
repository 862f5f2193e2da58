//! A message as tokens, cut into statements, and a cursor for the small
//! grammars we read ourselves.

use super::names::{self, Name};
use orbit_core::{Error, Result, state};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

/// One statement of a message: its text and its tokens without white space.
pub struct Piece {
    pub sql: String,
    pub tokens: Vec<TokenWithSpan>,
}

/// Cuts a message at its semicolons. Empty statements are left out.
pub fn split(sql: &str) -> Result<Vec<Piece>> {
    let mut tokens = Vec::new();
    let decoded = super::unicode_escapes::decoded(sql)?;
    Tokenizer::new(&PostgreSqlDialect {}, decoded.as_deref().unwrap_or(sql))
        .tokenize_with_location_into_buf(&mut tokens)
        .map_err(|error| unreadable(sql, &error))?;
    let mut offsets = Offsets::new(sql);
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    // Whether a line has ended since the last token, with nothing but blanks between.
    let mut new_line = false;
    for token in tokens {
        let after_line = new_line;
        new_line = false;
        match token.token {
            Token::Whitespace(Whitespace::MultiLineComment(_)) | Token::EOF => {}
            Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }) => {
                new_line = true;
            }
            Token::Whitespace(_) => new_line = after_line,
            // Two literals on two lines are one.
            Token::SingleQuotedString(text) if after_line && is_literal(piece.last()) => {
                if let Some(TokenWithSpan {
                    token: Token::SingleQuotedString(joined),
                    span,
                }) = piece.last_mut()
                {
                    joined.push_str(&text);
                    span.end = token.span.end;
                }
            }
            Token::SemiColon => close(&mut piece, &mut offsets, &mut pieces),
            Token::Word(word) if word.quote_style.is_some() && word.value.is_empty() => {
                let message = "zero-length delimited identifier at or near \"\"\"\"";
                return Err(
                    Error::new(state::SYNTAX_ERROR, message).at(position(sql, token.span.start))
                );
            }
            _ => piece.push(token),
        }
    }
    close(&mut piece, &mut offsets, &mut pieces);
    Ok(pieces)
}

/// The tokens outside all parentheses, with their places; a closing one that ends the
/// last is among them.
pub(super) fn outermost(tokens: &[TokenWithSpan]) -> impl Iterator<Item = (usize, &TokenWithSpan)> {
    let mut depth = 0usize;
    tokens.iter().enumerate().filter(move |(_, token)| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

fn is_literal(token: Option<&TokenWithSpan>) -> bool {
    matches!(
        token.map(|token| &token.token),
        Some(Token::SingleQuotedString(_))
    )
}

/// What PostgreSQL says of names longer than are kept.
pub fn cut_names(piece: &Piece) -> impl Iterator<Item = Error> {
    piece.tokens.iter().filter_map(|token| {
        let Token::Word(word) = &token.token else {
            return None;
        };
        if word.value.len() <= names::MAX_NAME_BYTES {
            return None;
        }
        let name = match word.quote_style {
            Some(_) => word.value.clone(),
            None => word.value.to_ascii_lowercase(),
        };
        let mut kept = name.clone();
        names::truncate(&mut kept);
        Some(Error::new(
            state::NAME_TOO_LONG,
            format!("identifier \"{name}\" will be truncated to \"{kept}\""),
        ))
    })
}

/// The tokenizer's complaint in PostgreSQL's words.
fn unreadable(sql: &str, error: &TokenizerError) -> Error {
    let from = Offsets::new(sql).byte(error.location);
    let rest = sql.get(from..).unwrap_or_default();
    // It says the same of a zero byte as of a missing quote.
    if error.message.starts_with("Unterminated encoded") && escapes_zero(rest) {
        return Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        );
    }
    Error::new(state::SYNTAX_ERROR, lower_first(&error.message)).at(position(sql, error.location))
}

/// Whether the first string literal of `text` has an escape that means a zero byte.
fn escapes_zero(text: &str) -> bool {
    let Some((_, literal)) = text.split_once('\'') else {
        return false;
    };
    let mut rest = literal.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' if rest.next_if_eq(&'\'').is_none() => return false,
            '\\' => {}
            _ => continue,
        }
        let (radix, most) = match rest.peek() {
            Some('x') => (16, 2),
            Some('u') => (16, 4),
            Some('U') => (16, 8),
            Some('0'..='7') => (8, 3),
            _ => {
                rest.next();
                continue;
            }
        };
        if radix == 16 {
            rest.next();
        }
        let mut digits = 0;
        let mut zero = true;
        while digits < most
            && let Some(digit) = rest.next_if(|digit| digit.is_digit(radix))
        {
            zero &= digit == '0';
            digits += 1;
        }
        if digits > 0 && zero {
            return true;
        }
    }
    false
}

fn close(piece: &mut Vec<TokenWithSpan>, offsets: &mut Offsets<'_>, pieces: &mut Vec<Piece>) {
    let tokens = std::mem::take(piece);
    if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
        let start = offsets.byte(first.span.start);
        let end = offsets.byte(last.span.end);
        pieces.push(Piece {
            sql: offsets.sql.get(start..end).unwrap_or_default().to_owned(),
            tokens,
        });
    }
}

fn lower_first(message: &str) -> String {
    let mut characters = message.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

/// Turns ascending (line, column) places into byte offsets in one walk.
struct Offsets<'a> {
    sql: &'a str,
    byte: usize,
    line: u64,
    column: u64,
}

impl<'a> Offsets<'a> {
    fn new(sql: &'a str) -> Self {
        Offsets {
            sql,
            byte: 0,
            line: 1,
            column: 1,
        }
    }

    fn byte(&mut self, place: Location) -> usize {
        for character in self.sql.get(self.byte..).unwrap_or_default().chars() {
            if (self.line, self.column) >= (place.line, place.column) {
                break;
            }
            self.byte += character.len_utf8();
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.byte
    }
}

/// The 1-based character position of a place, as error messages carry it.
pub fn position(sql: &str, place: Location) -> u32 {
    let (mut line, mut column, mut count) = (1, 1, 1u32);
    for character in sql.chars() {
        if (line, column) >= (place.line, place.column) {
            break;
        }
        count = count.saturating_add(1);
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    count
}

/// The text from a token on to the end of a statement's last token.
pub fn text_of<'a>(text: &'a str, tokens: &[TokenWithSpan]) -> &'a str {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return "";
    };
    let mut offsets = Offsets::new(text);
    let start = offsets.byte(first.span.start);
    let end = offsets.byte(last.span.end);
    text.get(start..end).unwrap_or_default()
}

/// Reads a statement's tokens one by one.
pub struct Tokens<'a> {
    /// The text the tokens' places count in.
    text: &'a str,
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        Tokens {
            text,
            tokens,
            at: 0,
        }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    pub fn peek_nth(&self, n: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + n).map(|token| &token.token)
    }

    pub fn rest(&self) -> &'a [TokenWithSpan] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    pub fn advance(&mut self) -> Option<&'a Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub fn is_word(&self, word: &str) -> bool {
        is_word(self.peek(), word)
    }

    /// Takes the unquoted word if it comes next.
    pub fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// Takes all the words or none.
    pub fn words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(n, word)| is_word(self.peek_nth(n), word));
        if found {
            self.at += words.len();
        }
        found
    }

    pub fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, token: &Token) -> Result<()> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// An identifier, folded.
    pub fn identifier(&mut self) -> Result<String> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.unexpected());
        };
        self.at += 1;
        let mut name = if word.quote_style.is_some() {
            word.value.clone()
        } else {
            word.value.to_ascii_lowercase()
        };
        names::truncate(&mut name);
        Ok(name)
    }

    /// `[[database.]schema.]name`
    pub fn name(&mut self) -> Result<Name> {
        let mut name = self.identifier()?;
        let mut schema = None;
        if self.take(&Token::Period) {
            schema = Some(std::mem::replace(&mut name, self.identifier()?));
        }
        if let Some(database) = schema.take_if(|_| self.take(&Token::Period)) {
            let own = std::mem::replace(&mut name, self.identifier()?);
            names::check_database(&database, &own, &name)?;
            schema = Some(own);
        }
        Ok(Name { schema, name })
    }

    /// `a, b, c`, with PostgreSQL's `ONLY` and `*`, which mean nothing without inheritance.
    pub fn relations(&mut self) -> Result<Vec<Name>> {
        let mut relations = Vec::new();
        loop {
            if matches!(self.peek_nth(1), Some(Token::Word(_))) {
                self.word("ONLY");
            }
            relations.push(self.name()?);
            self.take(&Token::Mul);
            if !self.take(&Token::Comma) {
                return Ok(relations);
            }
        }
    }

    /// A string literal of any form.
    pub fn string(&mut self) -> Result<String> {
        let text = match self.peek() {
            Some(
                Token::SingleQuotedString(text)
                | Token::EscapedStringLiteral(text)
                | Token::UnicodeStringLiteral(text),
            ) => text.clone(),
            Some(Token::DollarQuotedString(text)) => text.value.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(text)
    }

    /// The tokens up to the parenthesis that closes one already taken, which is taken too.
    pub fn parenthesised(&mut self) -> Result<&'a [TokenWithSpan]> {
        let start = self.at;
        let mut depth = 1usize;
        loop {
            match self.advance() {
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) => depth -= 1,
                Some(_) => {}
                None => return Err(self.unexpected()),
            }
            if depth == 0 {
                return Ok(self.tokens.get(start..self.at - 1).unwrap_or_default());
            }
        }
    }

    pub fn at_end(&self) -> bool {
        self.peek().is_none()
    }

    pub fn expect_end(&self) -> Result<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The error of a token that should not be here.
    /// The text of all tokens left.
    pub fn take_rest(&mut self) -> String {
        let sql = text_of(self.text, self.rest()).to_owned();
        self.at = self.tokens.len();
        sql
    }

    /// An option's value, to its end; on where none is written.
    pub fn boolean_option(&mut self) -> Result<bool> {
        if self.at_end() {
            return Ok(true);
        }
        let off = self.word("OFF")
            || self.word("FALSE")
            || self.take(&Token::Number("0".to_owned(), false));
        if !off {
            self.advance();
        }
        self.expect_end()?;
        Ok(!off)
    }

    pub fn unexpected(&self) -> Error {
        unexpected(self.text, self.tokens.get(self.at))
    }
}

pub fn is_word(token: Option<&Token>, expected: &str) -> bool {
    matches!(token, Some(Token::Word(word))
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// PostgreSQL's words for a token that should not be there, or for an end too soon.
pub fn unexpected(text: &str, token: Option<&TokenWithSpan>) -> Error {
    match token {
        Some(token) => Error::new(
            state::SYNTAX_ERROR,
            format!("syntax error at or near \"{}\"", as_written(&token.token)),
        )
        .at(position(text, token.span.start)),
        None => Error::new(state::SYNTAX_ERROR, "syntax error at end of input").at(u32::try_from(
            text.chars().count(),
        )
        .unwrap_or(u32::MAX - 1)
            + 1),
    }
}

fn as_written(token: &Token) -> String {
    match token {
        Token::Word(word) if word.keyword == Keyword::NoKeyword || word.quote_style.is_some() => {
            token.to_string()
        }
        Token::Word(word) => word.value.clone(),
        other => other.to_string(),
    }
}
