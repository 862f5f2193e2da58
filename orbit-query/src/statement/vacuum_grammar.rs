//! VACUUM and ANALYZE.

use super::names::Name;
use super::tokens::Tokens;
use super::utility::Utility;
use orbit_core::Result;
use sqlparser::tokenizer::Token;

/// What follows VACUUM.
pub(super) fn vacuum(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let mut wants_analyze = false;
    if tokens.take(&Token::LParen) {
        for option in tokens
            .parenthesised()?
            .split(|token| token.token == Token::Comma)
        {
            let mut option = Tokens::new(tokens.text(), option);
            let name = option.identifier()?;
            let on = option.boolean_option()?;
            wants_analyze |= on && matches!(name.as_str(), "analyze" | "analyse");
        }
    } else {
        loop {
            if tokens.word("ANALYZE") || tokens.word("ANALYSE") {
                wants_analyze = true;
            } else if !(tokens.word("FULL") || tokens.word("FREEZE") || tokens.word("VERBOSE")) {
                break;
            }
        }
    }
    Ok(Utility::Vacuum {
        tables: tables_with_columns(tokens)?,
        analyze: wants_analyze,
    })
}

/// What follows ANALYZE.
pub(super) fn analyze(tokens: &mut Tokens<'_>) -> Result<Utility> {
    if tokens.take(&Token::LParen) {
        tokens.parenthesised()?;
    }
    tokens.word("VERBOSE");
    Ok(Utility::Analyze(tables_with_columns(tokens)?))
}

/// `t, u (a, b)`; the columns are all analysed whatever is asked.
fn tables_with_columns(tokens: &mut Tokens<'_>) -> Result<Vec<Name>> {
    let mut tables = Vec::new();
    while !tokens.at_end() {
        tables.push(tokens.name()?);
        if tokens.take(&Token::LParen) {
            tokens.parenthesised()?;
        }
        if !tokens.take(&Token::Comma) {
            break;
        }
    }
    Ok(tables)
}
