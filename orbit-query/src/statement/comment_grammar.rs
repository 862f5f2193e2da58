//! COMMENT ON.

use super::names::Name;
use super::tokens::{Tokens, is_word};
use super::utility::Utility;
use orbit_core::{Error, Result};
use sqlparser::tokenizer::Token;

/// What a comment is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commented {
    Table(Name),
    View(Name),
    Sequence(Name),
    Index(Name),
    Column { relation: Name, column: String },
    Constraint { name: String, table: Name },
    Schema(String),
    Database(String),
    Role(String),
}

pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if !tokens.words(&["COMMENT", "ON"]) {
        return Ok(None);
    }
    let object = if tokens.word("TABLE") {
        Commented::Table(tokens.name()?)
    } else if tokens.word("VIEW") {
        Commented::View(tokens.name()?)
    } else if tokens.word("SEQUENCE") {
        Commented::Sequence(tokens.name()?)
    } else if tokens.word("INDEX") {
        Commented::Index(tokens.name()?)
    } else if tokens.word("SCHEMA") {
        Commented::Schema(tokens.identifier()?)
    } else if tokens.word("DATABASE") {
        Commented::Database(tokens.identifier()?)
    } else if tokens.word("ROLE") {
        Commented::Role(tokens.identifier()?)
    } else if tokens.word("CONSTRAINT") {
        let name = tokens.identifier()?;
        tokens.expect_word("ON")?;
        let table = tokens.name()?;
        Commented::Constraint { name, table }
    } else if tokens.word("COLUMN") {
        let mut parts = vec![tokens.identifier()?];
        while tokens.take(&Token::Period) {
            parts.push(tokens.identifier()?);
        }
        let column = parts.pop().unwrap_or_default();
        let Some(name) = parts.pop() else {
            return Err(Error::new(
                orbit_core::state::SYNTAX_ERROR,
                "column name must be qualified",
            ));
        };
        let schema = parts.pop();
        let relation = Name { schema, name };
        Commented::Column { relation, column }
    } else {
        return Err(Error::unsupported("COMMENT ON this kind of object"));
    };
    tokens.expect_word("IS")?;
    let text = if is_word(tokens.peek(), "NULL") {
        tokens.advance();
        None
    } else {
        Some(tokens.string()?)
    };
    Ok(Some(Utility::Comment { object, text }))
}
