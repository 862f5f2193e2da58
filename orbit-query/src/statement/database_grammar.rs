//! Statements about databases and extensions. A node has one database and no extensions to
//! load; what setup scripts write as a matter of course is taken where it already holds.

use super::set_grammar;
use super::tokens::{Tokens, is_word};
use super::utility::Utility;
use crate::access::statement::SettingChange;
use orbit_core::{Error, Result};
use sqlparser::tokenizer::Token;

#[derive(Clone, Debug)]
pub enum DatabaseStatement {
    /// ALTER DATABASE ... SET and RESET; `None`: ALTER ROLE ALL.
    Setting {
        database: Option<String>,
        change: SettingChange,
    },
    Drop {
        name: String,
        if_exists: bool,
    },
    CreateExtension {
        name: String,
        if_not_exists: bool,
    },
    DropExtension {
        names: Vec<String>,
        if_exists: bool,
    },
    /// COMMENT ON EXTENSION.
    CommentExtension {
        name: String,
        text: Option<String>,
    },
}

impl DatabaseStatement {
    pub fn tag(&self) -> &'static str {
        match self {
            DatabaseStatement::Setting {
                database: Some(_), ..
            } => "ALTER DATABASE",
            DatabaseStatement::Setting { database: None, .. } => "ALTER ROLE",
            DatabaseStatement::Drop { .. } => "DROP DATABASE",
            DatabaseStatement::CreateExtension { .. } => "CREATE EXTENSION",
            DatabaseStatement::DropExtension { .. } => "DROP EXTENSION",
            DatabaseStatement::CommentExtension { .. } => "COMMENT",
        }
    }
}

pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    let statement = if tokens.words(&["CREATE", "DATABASE"]) {
        return Err(Error::unsupported("CREATE DATABASE").with_hint(
            "A node has one database. Make a schema in it (CREATE SCHEMA), or start another node; \
             test runners can keep to a database that is there (Django: --keepdb).",
        ));
    } else if tokens.words(&["DROP", "DATABASE"]) {
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        let name = tokens.identifier()?;
        tokens.word("WITH");
        if tokens.take(&Token::LParen) {
            tokens.parenthesised()?;
        }
        DatabaseStatement::Drop { name, if_exists }
    } else if is_word(tokens.peek(), "ALTER") && is_word(tokens.peek_nth(1), "DATABASE") {
        return alter(tokens);
    } else if tokens.words(&["CREATE", "EXTENSION"]) {
        let if_not_exists = tokens.words(&["IF", "NOT", "EXISTS"]);
        let name = tokens.identifier()?;
        tokens.word("WITH");
        loop {
            if tokens.word("SCHEMA") || tokens.word("VERSION") {
                // A name, or a text.
                if tokens.identifier().is_err() {
                    tokens.string()?;
                }
            } else if !tokens.word("CASCADE") {
                break;
            }
        }
        DatabaseStatement::CreateExtension {
            name,
            if_not_exists,
        }
    } else if tokens.words(&["DROP", "EXTENSION"]) {
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        let mut names = vec![tokens.identifier()?];
        while tokens.take(&Token::Comma) {
            names.push(tokens.identifier()?);
        }
        if !tokens.word("CASCADE") {
            tokens.word("RESTRICT");
        }
        DatabaseStatement::DropExtension { names, if_exists }
    } else if tokens.words(&["ALTER", "EXTENSION"]) {
        return Err(Error::unsupported("ALTER EXTENSION"));
    } else if tokens.words(&["COMMENT", "ON", "EXTENSION"]) {
        let name = tokens.identifier()?;
        tokens.expect_word("IS")?;
        let text = match tokens.word("NULL") {
            true => None,
            false => Some(tokens.string()?),
        };
        DatabaseStatement::CommentExtension { name, text }
    } else {
        return Ok(None);
    };
    Ok(Some(Utility::Database(Box::new(statement))))
}

/// OWNER TO is read elsewhere.
fn alter(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    let mut ahead = Tokens::new(tokens.text(), tokens.rest());
    ahead.words(&["ALTER", "DATABASE"]);
    let database = ahead.identifier()?;
    if ahead.is_word("OWNER") {
        return Ok(None);
    }
    if is_word(ahead.peek(), "SET") && is_word(ahead.peek_nth(1), "TABLESPACE") {
        return Err(Error::unsupported("ALTER DATABASE ... SET TABLESPACE"));
    }
    let Some(change) = change(&mut ahead)? else {
        return Err(Error::unsupported(
            "ALTER DATABASE but for SET, RESET and OWNER TO",
        ));
    };
    ahead.expect_end()?;
    while tokens.advance().is_some() {}
    Ok(Some(Utility::Database(Box::new(
        DatabaseStatement::Setting {
            database: Some(database),
            change,
        },
    ))))
}

/// `SET x TO v`, `RESET x`, `RESET ALL`.
pub(super) fn change(tokens: &mut Tokens<'_>) -> Result<Option<SettingChange>> {
    Ok(if tokens.word("SET") {
        Some(match set_grammar::assignment(tokens)? {
            (name, Some(value)) => SettingChange::Set(name, value),
            (name, None) => SettingChange::Reset(name),
        })
    } else if tokens.words(&["RESET", "ALL"]) {
        Some(SettingChange::ResetAll)
    } else if tokens.word("RESET") {
        Some(SettingChange::Reset(set_grammar::variable(tokens)?))
    } else {
        None
    })
}
