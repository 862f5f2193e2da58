//! `ON CONFLICT (columns) WHERE predicate`, which the parser doesn't know. The
//! predicate chooses among partial indexes; an index over all rows fits whatever it
//! says, and there are no others, so it is left out.

use super::tokens::is_word;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens without the predicate; `None`: there is none.
pub(super) fn cut(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let start = (0..tokens.len()).find(|at| {
        word(*at, "ON")
            && word(at + 1, "CONFLICT")
            && matches!(tokens.get(at + 2), Some(open) if open.token == Token::LParen)
    })?;
    let mut depth = 0usize;
    let mut predicate = None;
    for (at, token) in tokens.iter().enumerate().skip(start + 2) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 {
            continue;
        }
        if predicate.is_none() && at > start + 2 && word(at, "WHERE") {
            predicate = Some(at);
        }
        if word(at, "DO") {
            let mut rest = tokens.to_vec();
            rest.drain(predicate?..at);
            return Some(rest);
        }
    }
    None
}
