//! EXPLAIN.

use super::tokens::{self, Tokens};
use super::utility::{Explain, ExplainFormat, Utility};
use orbit_core::{Error, Result, state};
use sqlparser::tokenizer::Token;

/// What follows the word itself.
pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let mut explain = Explain {
        analyze: false,
        verbose: false,
        timing: true,
        format: ExplainFormat::Text,
        sql: String::new(),
    };
    if tokens.peek() == Some(&Token::LParen) && !tokens::is_word(tokens.peek_nth(1), "SELECT") {
        tokens.advance();
        for option in tokens
            .parenthesised()?
            .split(|token| token.token == Token::Comma)
        {
            let mut option = Tokens::new(tokens.text(), option);
            let name = option.identifier()?;
            match name.as_str() {
                "analyze" | "analyse" => explain.analyze = option.boolean_option()?,
                "verbose" => explain.verbose = option.boolean_option()?,
                "timing" => explain.timing = option.boolean_option()?,
                "costs" | "buffers" | "settings" | "summary" | "wal" => {
                    option.boolean_option()?;
                }
                "format" => {
                    explain.format = if option.word("JSON") {
                        ExplainFormat::Json
                    } else if option.word("TEXT") {
                        ExplainFormat::Text
                    } else {
                        return Err(Error::unsupported("this format of EXPLAIN"));
                    };
                }
                _ => {
                    return Err(Error::new(
                        state::SYNTAX_ERROR,
                        format!("unrecognized EXPLAIN option \"{name}\""),
                    ));
                }
            }
        }
    } else {
        explain.analyze = tokens.word("ANALYZE") || tokens.word("ANALYSE");
        explain.verbose = tokens.word("VERBOSE");
    }
    if tokens.at_end() {
        return Err(tokens.unexpected());
    }
    explain.sql = tokens.take_rest();
    Ok(Utility::Explain(explain))
}
