//! `UNIQUE (a) INCLUDE (b)` of a constraint: sqlparser reads INCLUDE in CREATE INDEX only. The
//! columns are moved to where MySQL names an index (`UNIQUE name (a)`), as one name.

use super::names::fold;
use super::tokens::is_word;
use sqlparser::ast::Ident;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Stands before each of the names.
const MARK: char = '\0';

/// The columns that such a name tells of.
pub(crate) fn of(name: Option<&Ident>) -> Vec<String> {
    let told = name.and_then(|name| name.value.strip_prefix(MARK));
    told.map_or_else(Vec::new, |names| {
        names.split(MARK).map(str::to_owned).collect()
    })
}

/// The tokens with such columns moved; `None`: there are none.
pub(super) fn lift(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let is = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let token = |at: usize| tokens.get(at).map(|token| &token.token);
    if !(0..tokens.len()).any(|at| is(at, "INCLUDE")) || is(1, "INDEX") || is(2, "INDEX") {
        return None;
    }
    let mut out = Vec::with_capacity(tokens.len());
    let mut changed = false;
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        out.push(first.clone());
        at += 1;
        if !(is(at - 1, "PRIMARY") && is(at, "KEY") || is(at - 1, "UNIQUE")) {
            continue;
        }
        let mut open = at;
        while is(open, "KEY") || is(open, "NULLS") || is(open, "NOT") || is(open, "DISTINCT") {
            open += 1;
        }
        if token(open) != Some(&Token::LParen) {
            continue;
        }
        let closing = |open: usize| {
            let rest = tokens.get(open..)?;
            let length = rest.iter().position(|token| token.token == Token::RParen)?;
            Some(open + length)
        };
        let Some(close) = closing(open) else {
            continue;
        };
        if !is(close + 1, "INCLUDE") || token(close + 2) != Some(&Token::LParen) {
            continue;
        }
        let Some(end) = closing(close + 2) else {
            continue;
        };
        let mut value = String::new();
        for (n, listed) in tokens.get(close + 3..end)?.iter().enumerate() {
            match &listed.token {
                Token::Word(word) if n % 2 == 0 => {
                    value.push(MARK);
                    value.push_str(&fold(&Ident {
                        value: word.value.clone(),
                        quote_style: word.quote_style,
                        span: listed.span,
                    }));
                }
                Token::Comma if n % 2 == 1 => {}
                _ => return None,
            }
        }
        out.extend_from_slice(tokens.get(at..open)?);
        out.push(TokenWithSpan {
            token: Token::Word(Word {
                value,
                quote_style: Some('"'),
                keyword: Keyword::NoKeyword,
            }),
            span: first.span,
        });
        out.extend_from_slice(tokens.get(open..=close)?);
        at = end + 1;
        changed = true;
    }
    changed.then_some(out)
}
