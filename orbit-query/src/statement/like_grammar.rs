//! `CREATE TABLE t (LIKE other INCLUDING ALL, ...)`: the parser knows one such
//! element with one option. They are taken out before it and kept beside the tree.

use super::names::Name;
use super::tokens::{Tokens, is_word};
use orbit_core::Result;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// One LIKE.
#[derive(Clone, Debug)]
pub struct Like {
    pub source: Name,
    /// How many of the statement's own columns stand before it.
    pub before: usize,
    pub what: Copied,
}

/// What is copied beside names, types and NOT NULL.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied {
    pub constraints: bool,
    pub defaults: bool,
    pub generated: bool,
    pub identity: bool,
    pub indexes: bool,
    pub comments: bool,
}

type Cut = (Vec<TokenWithSpan>, Vec<Like>);

/// The tokens without their LIKEs; `None`: there are none.
pub(super) fn cut(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Cut>> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if !word(0, "CREATE") {
        return Ok(None);
    }
    let Some(open) = tokens.iter().position(|token| token.token == Token::LParen) else {
        return Ok(None);
    };
    let named = tokens.get(..open).unwrap_or_default();
    let is_table = named
        .iter()
        .any(|token| is_word(Some(&token.token), "TABLE"))
        && !named.iter().any(|token| is_word(Some(&token.token), "AS"));
    if !is_table {
        return Ok(None);
    }
    let mut rest = Tokens::new(text, tokens.get(open + 1..).unwrap_or_default());
    let inside = rest.parenthesised()?;
    let mut depth = 0usize;
    let elements: Vec<&[TokenWithSpan]> = inside
        .split(|token| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect();
    let first = |element: &[TokenWithSpan], word: &str| {
        is_word(element.first().map(|token| &token.token), word)
    };
    let is_like = |element: &[TokenWithSpan]| {
        first(element, "LIKE")
            && matches!(element.get(1), Some(name) if matches!(name.token, Token::Word(_)))
    };
    if !elements.iter().any(|element| is_like(element)) {
        return Ok(None);
    }
    let mut out = tokens.get(..=open).unwrap_or_default().to_vec();
    let mut likes = Vec::new();
    let mut columns = 0;
    let mut any = false;
    let comma = inside.iter().find(|token| token.token == Token::Comma);
    for element in elements {
        if is_like(element) {
            let mut reader = Tokens::new(text, element);
            reader.advance();
            likes.push(like(&mut reader, columns)?);
            reader.expect_end()?;
            continue;
        }
        let constraint = [
            "CONSTRAINT",
            "PRIMARY",
            "UNIQUE",
            "CHECK",
            "FOREIGN",
            "EXCLUDE",
        ];
        if !constraint.iter().any(|word| first(element, word)) {
            columns += 1;
        }
        if let (true, Some(comma)) = (any, comma) {
            out.push(comma.clone());
        }
        out.extend_from_slice(element);
        any = true;
    }
    out.extend_from_slice(tokens.get(open + 1 + inside.len()..).unwrap_or_default());
    Ok(Some((out, likes)))
}

fn like(tokens: &mut Tokens<'_>, before: usize) -> Result<Like> {
    let source = tokens.name()?;
    let mut what = Copied::default();
    while !tokens.at_end() {
        let including = tokens.word("INCLUDING");
        if !including {
            tokens.expect_word("EXCLUDING")?;
        }
        let option = tokens.identifier()?;
        match option.as_str() {
            "all" => {
                what = Copied {
                    constraints: including,
                    defaults: including,
                    generated: including,
                    identity: including,
                    indexes: including,
                    comments: including,
                };
            }
            "constraints" => what.constraints = including,
            "defaults" => what.defaults = including,
            "generated" => what.generated = including,
            "identity" => what.identity = including,
            "indexes" => what.indexes = including,
            "comments" => what.comments = including,
            // Nothing of the kind is kept by a table.
            "compression" | "statistics" | "storage" => {}
            _ => return Err(tokens.unexpected()),
        }
    }
    Ok(Like {
        source,
        before,
        what,
    })
}
