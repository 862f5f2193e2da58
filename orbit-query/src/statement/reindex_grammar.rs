//! REINDEX.

use super::tokens::Tokens;
use super::utility::{Reindexed, Utility};
use orbit_core::Result;
use sqlparser::tokenizer::Token;

/// What follows the word itself.
pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let mut concurrently = false;
    if tokens.take(&Token::LParen) {
        for option in tokens
            .parenthesised()?
            .split(|token| token.token == Token::Comma)
        {
            let mut option = Tokens::new(tokens.text(), option);
            concurrently |= option.identifier()? == "concurrently";
        }
    }
    let kind = if tokens.word("TABLE") {
        Some(Reindexed::Table)
    } else if tokens.word("INDEX") {
        Some(Reindexed::Index)
    } else if tokens.word("SCHEMA") {
        Some(Reindexed::Schema)
    } else if tokens.word("DATABASE") || tokens.word("SYSTEM") {
        None
    } else {
        return Err(tokens.unexpected());
    };
    concurrently |= tokens.word("CONCURRENTLY");
    let name = match tokens.at_end() && kind.is_none() {
        true => None,
        false => Some(tokens.name()?),
    };
    Ok(Utility::Reindex {
        kind,
        name,
        concurrently,
    })
}
