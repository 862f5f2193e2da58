//! The grammar of the statements that the micro node is built without (see
//! `session/full.rs`), and of what is written into a statement once it has been read:
//! changing a tree in place needs a copy of sqlparser's whole traversal.

use crate::statement::tokens::{Piece, Tokens};
use crate::statement::utility::Utility;
use orbit_core::Result;
use sqlparser::ast::Statement;
use sqlparser::tokenizer::TokenWithSpan;

#[cfg(feature = "datafusion")]
pub(super) use whole::*;

#[cfg(feature = "datafusion")]
mod whole {
    use super::*;
    use crate::statement::{
        access_grammar, alter_grammar, comment_grammar, cursor_grammar, database_grammar,
        do_grammar, merge_grammar, search_cycle, spelling,
    };
    use sqlparser::parser::{Parser, ParserError};
    use sqlparser::tokenizer::Token;

    /// Statements with a grammar of their own; `None` leaves the tokens as they were.
    pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
        if tokens.word("DO") {
            return do_grammar::parse(tokens).map(Some);
        }
        for grammar in [
            database_grammar::parse,
            crate::statement::absent_grammar::parse,
            comment_grammar::parse,
            access_grammar::parse,
            alter_grammar::parse,
            cursor_grammar::parse,
        ] {
            if let Some(utility) = grammar(tokens)? {
                return Ok(Some(utility));
            }
        }
        Ok(None)
    }

    /// A SELECT that makes a table, as the statement that does so.
    pub fn making(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
        crate::statement::select_into::respelled(tokens)
    }

    /// `UPDATE` and `DELETE ... WHERE CURRENT OF`.
    pub fn positioned(text: &str, piece: &Piece) -> Result<Option<Utility>> {
        cursor_grammar::positioned(text, piece)
    }

    /// Whether the statement is a MERGE.
    pub fn merges(text: &str, tokens: &[TokenWithSpan]) -> Result<bool> {
        merge_grammar::refuse_in_with(text, tokens)?;
        Ok(merge_grammar::is_merge(tokens))
    }

    pub fn merge(parser: &mut Parser<'_>) -> std::result::Result<Option<Statement>, ParserError> {
        merge_grammar::statement(parser).map(Some)
    }

    pub type Clauses = Vec<search_cycle::Clauses>;

    /// The tokens without clauses that sqlparser can't read, and those.
    pub fn cut(
        text: &str,
        tokens: &[TokenWithSpan],
    ) -> Result<Option<(Vec<TokenWithSpan>, Clauses)>> {
        search_cycle::cut(text, tokens)
    }

    /// Writes into the statement what its tokens couldn't say.
    pub fn rewrite(
        statement: &mut Statement,
        clauses: Option<Clauses>,
        tokens: &[TokenWithSpan],
    ) -> Result<()> {
        if let Some(clauses) = clauses {
            search_cycle::apply(statement, clauses)?;
        }
        let is_no_item = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.value == spelling::NO_ITEM);
        if tokens.iter().any(is_no_item) {
            spelling::empty_lists(statement);
        }
        Ok(())
    }
}

#[cfg(not(feature = "datafusion"))]
pub(super) use micro::*;

#[cfg(not(feature = "datafusion"))]
mod micro {
    use super::*;
    use orbit_core::Error;
    use sqlparser::parser::{Parser, ParserError};

    pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
        let absent = [
            "COMMENT", "GRANT", "REVOKE", "DO", "DECLARE", "FETCH", "MOVE", "CLOSE",
        ];
        match absent.iter().find(|word| tokens.is_word(word)) {
            Some(word) => Err(Error::unsupported(format!("{word} on a micro node"))),
            None => Ok(None),
        }
    }

    pub fn making(_tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
        None
    }

    pub fn positioned(_text: &str, _piece: &Piece) -> Result<Option<Utility>> {
        Ok(None)
    }

    pub fn merges(_text: &str, _tokens: &[TokenWithSpan]) -> Result<bool> {
        Ok(false)
    }

    pub fn merge(_parser: &mut Parser<'_>) -> std::result::Result<Option<Statement>, ParserError> {
        Ok(None)
    }

    pub fn cut(_text: &str, _tokens: &[TokenWithSpan]) -> Result<Option<(Vec<TokenWithSpan>, ())>> {
        Ok(None)
    }

    pub fn rewrite(
        _statement: &mut Statement,
        _clauses: Option<()>,
        _tokens: &[TokenWithSpan],
    ) -> Result<()> {
        Ok(())
    }
}
