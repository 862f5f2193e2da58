//! `ON DELETE SET NULL (a, b)`: sqlparser reads no columns there. For a
//! constraint of a table they are moved to where MySQL names an index
//! (`FOREIGN KEY name (...)`), as one name; for a column's own constraint they can
//! only name that column, and are left out.

use super::names;
use super::tokens::is_word;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The tokens with such columns moved; `None`: there are none.
pub(super) fn lift(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let is = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let has_columns = |at: usize| {
        is(at, "DELETE")
            && is(at + 1, "SET")
            && (is(at + 2, "NULL") || is(at + 2, "DEFAULT"))
            && matches!(tokens.get(at + 3), Some(open) if open.token == Token::LParen)
    };
    if !(0..tokens.len()).any(has_columns) {
        return None;
    }
    let mut out: Vec<TokenWithSpan> = Vec::new();
    let mut depth = 0usize;
    // Where a name goes: behind the last FOREIGN KEY, unless a column's REFERENCES came since.
    let mut behind_key = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is(at, "FOREIGN") && is(at + 1, "KEY") {
            behind_key = Some(out.len() + 2);
        }
        if !has_columns(at) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                // The next column or constraint.
                Token::Comma if depth <= 1 => behind_key = None,
                _ => {}
            }
            out.push(token.clone());
            at += 1;
            continue;
        }
        let close = tokens
            .iter()
            .skip(at)
            .position(|token| token.token == Token::RParen)?;
        out.extend_from_slice(tokens.get(at..at + 3)?);
        let listed = tokens.get(at + 4..at + close)?;
        let mut columns: Vec<String> = Vec::new();
        for column in listed {
            match &column.token {
                Token::Word(word) => columns.push(names::fold(&sqlparser::ast::Ident {
                    value: word.value.clone(),
                    quote_style: word.quote_style,
                    span: column.span,
                })),
                Token::Comma => {}
                _ => return None,
            }
        }
        if let Some(place) = behind_key {
            let name = Word {
                value: columns.join("\0"),
                quote_style: Some('"'),
                keyword: Keyword::NoKeyword,
            };
            out.insert(
                place,
                TokenWithSpan {
                    token: Token::Word(name),
                    span: token.span,
                },
            );
        }
        at += close + 1;
    }
    Some(out)
}
