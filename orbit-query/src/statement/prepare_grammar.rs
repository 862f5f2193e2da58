//! PREPARE, EXECUTE and DEALLOCATE.

use super::parse::list_of;
use super::tokens::Tokens;
use super::utility::Utility;
use crate::ddl::types::sql_type;
use orbit_core::Result;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// `None` if the statement begins otherwise.
pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if tokens.word("PREPARE") {
        return prepare(tokens).map(Some);
    }
    if tokens.word("EXECUTE") {
        return execute(tokens).map(Some);
    }
    if tokens.word("DEALLOCATE") {
        tokens.word("PREPARE");
        return Ok(Some(Utility::Deallocate(if tokens.word("ALL") {
            None
        } else {
            Some(tokens.identifier()?)
        })));
    }
    Ok(None)
}

fn prepare(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let name = tokens.identifier()?;
    let mut types = Vec::new();
    if tokens.take(&Token::LParen) {
        let inside = tokens.parenthesised()?;
        let parsed = list_of(tokens.text(), inside, Parser::parse_data_type)?;
        types = parsed.iter().map(sql_type).collect::<Result<_>>()?;
    }
    tokens.expect_word("AS")?;
    if tokens.at_end() {
        return Err(tokens.unexpected());
    }
    let sql = tokens.take_rest();
    Ok(Utility::Prepare { name, types, sql })
}

fn execute(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let name = tokens.identifier()?;
    let mut arguments = Vec::new();
    if tokens.take(&Token::LParen) {
        let inside = tokens.parenthesised()?;
        if !inside.is_empty() {
            arguments = list_of(tokens.text(), inside, Parser::parse_expr)?;
        }
    }
    Ok(Utility::Execute { name, arguments })
}
