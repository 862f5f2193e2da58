//! ALTER TABLE, and what ALTER INDEX, VIEW, SEQUENCE and SCHEMA share with it, in
//! PostgreSQL's own grammar. What ADD takes (a column, a constraint) is sqlparser's.

use super::names::Name;
use super::parse;
use super::sequence_grammar::{self, SequenceOptions};
use super::tokens::{self, Tokens};
use super::utility::Utility;
use crate::ddl::foreign_keys::Timing;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{AlterTableOperation, DataType, Expr};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// One ALTER of a relation: what it names, and what is done to it, in order.
#[derive(Clone, Debug)]
pub struct Alter {
    pub kind: Altered,
    pub name: Name,
    pub if_exists: bool,
    pub actions: Vec<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Altered {
    Table,
    Index,
    View,
    Sequence,
}

impl Altered {
    pub fn word(self) -> &'static str {
        match self {
            Altered::Table => "table",
            Altered::Index => "index",
            Altered::View => "view",
            Altered::Sequence => "sequence",
        }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Altered::Table => "ALTER TABLE",
            Altered::Index => "ALTER INDEX",
            Altered::View => "ALTER VIEW",
            Altered::Sequence => "ALTER SEQUENCE",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Action {
    /// ADD, of a column or a constraint.
    Add {
        what: Box<AlterTableOperation>,
        not_valid: bool,
    },
    DropColumn {
        name: String,
        if_exists: bool,
        cascade: bool,
    },
    DropConstraint {
        name: String,
        if_exists: bool,
        cascade: bool,
    },
    AlterConstraint {
        name: String,
        timing: Timing,
    },
    ValidateConstraint(String),
    Column(String, ColumnAction),
    RenameTo(String),
    RenameColumn {
        from: String,
        to: String,
    },
    RenameConstraint {
        from: String,
        to: String,
    },
    SetSchema(String),
    OwnerTo(String),
    /// `SET (...)` with values, `RESET (...)` without.
    Options(Vec<(String, Option<String>)>),
    /// What means nothing here: CLUSTER ON, REPLICA IDENTITY and their like.
    Nothing,
}

#[derive(Clone, Debug)]
pub enum ColumnAction {
    Type {
        data_type: DataType,
        using: Option<Expr>,
    },
    SetDefault(Expr),
    DropDefault,
    SetNotNull,
    DropNotNull,
    DropExpression {
        if_exists: bool,
    },
    DropIdentity {
        if_exists: bool,
    },
    /// ADD GENERATED ... AS IDENTITY, as a column definition's option would have it.
    AddIdentity(Box<AlterTableOperation>),
    /// `SET GENERATED ...`, `RESTART`, `SET START WITH 5` and their like.
    ChangeIdentity {
        always: Option<bool>,
        options: Box<SequenceOptions>,
    },
    Nothing,
}

/// `None`: another kind of ALTER, the tokens as they were.
pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if !tokens.is_word("ALTER") {
        return Ok(None);
    }
    let second = |word| tokens::is_word(tokens.peek_nth(1), word);
    if second("SCHEMA") {
        return schema(tokens);
    }
    let kind = if second("TABLE") {
        Altered::Table
    } else if second("INDEX") {
        Altered::Index
    } else if second("VIEW") && is_plain(tokens) {
        Altered::View
    } else if second("SEQUENCE") && is_plain(tokens) {
        Altered::Sequence
    } else {
        return Ok(None);
    };
    tokens.advance();
    tokens.advance();
    let if_exists = tokens.words(&["IF", "EXISTS"]);
    if matches!(tokens.peek_nth(1), Some(Token::Word(_))) {
        tokens.word("ONLY");
    }
    let name = tokens.name()?;
    tokens.take(&Token::Mul);
    if tokens.at_end() {
        return Err(tokens.unexpected());
    }
    let mut actions = Vec::new();
    for part in split(tokens.rest()) {
        let mut part = Tokens::new(tokens.text(), part);
        actions.push(action(&mut part, kind)?);
        part.expect_end()?;
    }
    let alone = |action: &Action| {
        matches!(
            action,
            Action::RenameTo(_)
                | Action::RenameColumn { .. }
                | Action::RenameConstraint { .. }
                | Action::SetSchema(_)
        )
    };
    if actions.len() > 1 && actions.iter().any(alone) {
        // PostgreSQL's grammar takes these by themselves.
        let comma = tokens
            .rest()
            .iter()
            .find(|token| token.token == Token::Comma);
        return Err(tokens::unexpected(tokens.text(), comma));
    }
    while tokens.advance().is_some() {}
    Ok(Some(Utility::Alter(Box::new(Alter {
        kind,
        name,
        if_exists,
        actions,
    }))))
}

/// Whether an ALTER of a view or sequence is one that tables have as well.
fn is_plain(tokens: &Tokens<'_>) -> bool {
    let is_view = tokens::is_word(tokens.peek_nth(1), "VIEW");
    let mut depth = 0usize;
    tokens.rest().windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        match first.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is = |token: &TokenWithSpan, word| tokens::is_word(Some(&token.token), word);
        depth == 0
            && (is(first, "RENAME")
                || (is(first, "SET") && is(second, "SCHEMA"))
                || (is_view && is(first, "ALTER") && !is(second, "VIEW"))
                || (is_view
                    && second.token == Token::LParen
                    && (is(first, "SET") || is(first, "RESET")))
                || (is(first, "OWNER") && is(second, "TO")))
    })
}

fn schema(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    tokens.advance();
    tokens.advance();
    let name = tokens.identifier()?;
    if tokens.words(&["RENAME", "TO"]) {
        let to = tokens.identifier()?;
        return Ok(Some(Utility::RenameSchema { from: name, to }));
    }
    Err(tokens.unexpected())
}

/// At the commas that stand in no bracket.
fn split(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let mut depth = 0usize;
    tokens
        .split(|token| {
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect()
}

fn cascade(tokens: &mut Tokens<'_>) -> bool {
    let cascade = tokens.word("CASCADE");
    if !cascade {
        tokens.word("RESTRICT");
    }
    cascade
}

fn action(tokens: &mut Tokens<'_>, kind: Altered) -> Result<Action> {
    if tokens.word("RENAME") {
        return rename(tokens);
    }
    if tokens.words(&["SET", "SCHEMA"]) {
        return Ok(Action::SetSchema(tokens.identifier()?));
    }
    if tokens.words(&["OWNER", "TO"]) {
        return Ok(Action::OwnerTo(tokens.identifier()?));
    }
    if tokens.is_word("SET") || tokens.is_word("RESET") {
        return options(tokens);
    }
    if kind != Altered::Table && kind != Altered::View {
        return Err(tokens.unexpected());
    }
    if tokens.word("ALTER") {
        return alter(tokens);
    }
    if kind != Altered::Table {
        return Err(tokens.unexpected());
    }
    if tokens.is_word("ADD") {
        let mut rest = tokens.rest();
        let is = |token: Option<&TokenWithSpan>, word| {
            tokens::is_word(token.map(|token| &token.token), word)
        };
        let not_valid = match rest.split_last_chunk::<2>() {
            Some((before, [not, valid])) if is(Some(not), "NOT") && is(Some(valid), "VALID") => {
                rest = before;
                true
            }
            _ => false,
        };
        let what = Box::new(parse::alter_operation(tokens.text(), rest)?);
        while tokens.advance().is_some() {}
        return Ok(Action::Add { what, not_valid });
    }
    if tokens.word("DROP") {
        if tokens.word("CONSTRAINT") {
            let if_exists = tokens.words(&["IF", "EXISTS"]);
            return Ok(Action::DropConstraint {
                name: tokens.identifier()?,
                if_exists,
                cascade: cascade(tokens),
            });
        }
        // COLUMN may be the column's own name.
        if matches!(tokens.peek_nth(1), Some(Token::Word(_))) {
            tokens.word("COLUMN");
        }
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        return Ok(Action::DropColumn {
            name: tokens.identifier()?,
            if_exists,
            cascade: cascade(tokens),
        });
    }
    if tokens.words(&["VALIDATE", "CONSTRAINT"]) {
        return Ok(Action::ValidateConstraint(tokens.identifier()?));
    }
    if tokens.words(&["CLUSTER", "ON"]) || tokens.words(&["REPLICA", "IDENTITY"]) {
        while tokens.advance().is_some() {}
        return Ok(Action::Nothing);
    }
    // There are none of users', and those that check foreign keys are never off.
    if tokens.words(&["ENABLE", "TRIGGER", "ALL"])
        || tokens.words(&["ENABLE", "TRIGGER", "USER"])
        || tokens.words(&["DISABLE", "TRIGGER", "USER"])
    {
        return Ok(Action::Nothing);
    }
    if tokens.words(&["DISABLE", "TRIGGER", "ALL"]) {
        return Err(Error::unsupported("ALTER TABLE ... DISABLE TRIGGER ALL")
            .with_hint("Load referenced tables first, or make the foreign keys deferrable."));
    }
    for (words, what) in [
        (["ENABLE"], "ALTER TABLE ... ENABLE"),
        (["DISABLE"], "ALTER TABLE ... DISABLE"),
        (["FORCE"], "row-level security"),
        (["NO"], "ALTER TABLE ... NO"),
        (["INHERIT"], "INHERIT"),
        (["ATTACH"], "ATTACH PARTITION"),
        (["DETACH"], "DETACH PARTITION"),
        (["OF"], "typed tables"),
    ] {
        if tokens.words(&words) {
            return Err(Error::unsupported(what));
        }
    }
    Err(tokens.unexpected())
}

fn rename(tokens: &mut Tokens<'_>) -> Result<Action> {
    if tokens.word("TO") {
        return Ok(Action::RenameTo(tokens.identifier()?));
    }
    if tokens.is_word("CONSTRAINT") && !tokens::is_word(tokens.peek_nth(1), "TO") {
        tokens.advance();
        let from = tokens.identifier()?;
        tokens.expect_word("TO")?;
        return Ok(Action::RenameConstraint {
            from,
            to: tokens.identifier()?,
        });
    }
    if !tokens::is_word(tokens.peek_nth(1), "TO") {
        tokens.expect_word("COLUMN")?;
    }
    let from = tokens.identifier()?;
    tokens.expect_word("TO")?;
    Ok(Action::RenameColumn {
        from,
        to: tokens.identifier()?,
    })
}

/// `SET (a = 1, b)`, `RESET (a)`, and SET LOGGED and its like.
fn options(tokens: &mut Tokens<'_>) -> Result<Action> {
    let set = tokens.word("SET");
    if !set {
        tokens.advance();
    }
    if tokens.take(&Token::LParen) {
        let inside = tokens.parenthesised()?;
        let mut options = Vec::new();
        for part in split(inside) {
            let mut part = Tokens::new(tokens.text(), part);
            let name = part.identifier()?;
            let value = if part.take(&Token::Eq) {
                let mut value = String::new();
                while let Some(token) = part.advance() {
                    match token {
                        Token::SingleQuotedString(text) => value.push_str(text),
                        Token::Word(word) if word.quote_style.is_none() => {
                            value.push_str(&word.value.to_ascii_lowercase());
                        }
                        other => value.push_str(&other.to_string()),
                    }
                }
                Some(value)
            } else {
                part.expect_end()?;
                set.then(|| "true".to_owned())
            };
            options.push((name, value));
        }
        return Ok(Action::Options(options));
    }
    let nothing = set
        && (tokens.words(&["WITHOUT", "CLUSTER"])
            || tokens.words(&["WITHOUT", "OIDS"])
            || tokens.words(&["LOGGED"]));
    if nothing {
        return Ok(Action::Nothing);
    }
    if set && tokens.word("UNLOGGED") {
        return Err(Error::unsupported("UNLOGGED"));
    }
    if set && tokens.word("TABLESPACE") {
        let name = tokens.identifier()?;
        if name != "pg_default" {
            return Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!("tablespace \"{name}\" does not exist"),
            ));
        }
        return Ok(Action::Nothing);
    }
    Err(tokens.unexpected())
}

fn alter(tokens: &mut Tokens<'_>) -> Result<Action> {
    if tokens.is_word("CONSTRAINT") && matches!(tokens.peek_nth(1), Some(Token::Word(_))) {
        tokens.advance();
        let name = tokens.identifier()?;
        return Ok(Action::AlterConstraint {
            name,
            timing: timing(tokens)?,
        });
    }
    let keyword = tokens.is_word("COLUMN") && matches!(tokens.peek_nth(1), Some(Token::Word(_)));
    if keyword {
        tokens.advance();
    }
    let column = tokens.identifier()?;
    let at = tokens.rest();
    let action = column_action(tokens, at)?;
    Ok(Action::Column(column, action))
}

fn column_action(tokens: &mut Tokens<'_>, all: &[TokenWithSpan]) -> Result<ColumnAction> {
    if tokens.words(&["SET", "DATA", "TYPE"]) || tokens.word("TYPE") {
        return column_type(tokens);
    }
    if tokens.words(&["SET", "DEFAULT"]) {
        let value = parse::expression_of(tokens.text(), tokens.rest())?;
        while tokens.advance().is_some() {}
        return Ok(ColumnAction::SetDefault(value));
    }
    if tokens.words(&["DROP", "DEFAULT"]) {
        return Ok(ColumnAction::DropDefault);
    }
    if tokens.words(&["SET", "NOT", "NULL"]) {
        return Ok(ColumnAction::SetNotNull);
    }
    if tokens.words(&["DROP", "NOT", "NULL"]) {
        return Ok(ColumnAction::DropNotNull);
    }
    if tokens.words(&["DROP", "EXPRESSION"]) {
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        return Ok(ColumnAction::DropExpression { if_exists });
    }
    if tokens.words(&["DROP", "IDENTITY"]) {
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        return Ok(ColumnAction::DropIdentity { if_exists });
    }
    if tokens.words(&["ADD", "GENERATED"]) {
        // Read as ALTER COLUMN x ADD GENERATED ... by sqlparser.
        let what = parse::alter_column(tokens.text(), all)?;
        while tokens.advance().is_some() {}
        return Ok(ColumnAction::AddIdentity(Box::new(what)));
    }
    // How much is sampled, and how large values are kept, is decided here otherwise.
    let nothing = tokens.words(&["SET", "STATISTICS"])
        || tokens.words(&["SET", "STORAGE"])
        || tokens.words(&["SET", "COMPRESSION"])
        || (tokens.is_word("SET") && tokens.peek_nth(1) == Some(&Token::LParen))
        || (tokens.is_word("RESET") && tokens.peek_nth(1) == Some(&Token::LParen));
    if nothing {
        while tokens.advance().is_some() {}
        return Ok(ColumnAction::Nothing);
    }
    if tokens.is_word("RESTART") || tokens.is_word("SET") {
        return change_identity(tokens);
    }
    Err(tokens.unexpected())
}

/// Any number of `RESTART`, `SET GENERATED` and `SET` with a sequence's option.
fn change_identity(tokens: &mut Tokens<'_>) -> Result<ColumnAction> {
    let again = || Error::new(state::SYNTAX_ERROR, "conflicting or redundant options");
    let mut always = None;
    let mut rest = Vec::new();
    while !tokens.at_end() {
        let kind = if tokens.words(&["SET", "GENERATED", "ALWAYS"]) {
            Some(true)
        } else if tokens.words(&["SET", "GENERATED", "BY", "DEFAULT"]) {
            Some(false)
        } else {
            None
        };
        if kind.is_some() {
            if always.is_some() {
                return Err(again());
            }
            always = kind;
            continue;
        }
        if !tokens.word("SET") {
            rest.extend(tokens.rest().first().cloned());
            tokens.advance();
        } else if tokens.at_end() {
            return Err(tokens.unexpected());
        }
    }
    let mut rest = Tokens::new(tokens.text(), &rest);
    let options = sequence_grammar::options(&mut rest)?;
    rest.expect_end()?;
    Ok(ColumnAction::ChangeIdentity {
        always,
        options: Box::new(options),
    })
}

fn column_type(tokens: &mut Tokens<'_>) -> Result<ColumnAction> {
    let rest = tokens.rest();
    let mut end = rest.len();
    let mut using = None;
    for (at, token) in tokens::outermost(rest) {
        if tokens::is_word(Some(&token.token), "COLLATE") {
            end = end.min(at);
        }
        if tokens::is_word(Some(&token.token), "USING") {
            end = end.min(at);
            using = Some(rest.get(at + 1..).unwrap_or_default());
            break;
        }
    }
    let data_type = parse::data_type_of(tokens.text(), rest.get(..end).unwrap_or_default())?;
    let using = using
        .map(|using| parse::expression_of(tokens.text(), using))
        .transpose()?;
    while tokens.advance().is_some() {}
    Ok(ColumnAction::Type { data_type, using })
}

fn timing(tokens: &mut Tokens<'_>) -> Result<Timing> {
    let mut timing = Timing::default();
    let mut not_deferrable = false;
    while !tokens.at_end() {
        if tokens.words(&["NOT", "DEFERRABLE"]) {
            not_deferrable = true;
        } else if tokens.word("DEFERRABLE") || tokens.words(&["INITIALLY", "IMMEDIATE"]) {
            timing.deferrable |= !not_deferrable;
        } else if tokens.words(&["INITIALLY", "DEFERRED"]) {
            timing.deferrable = true;
            timing.initially_deferred = true;
        } else {
            return Err(tokens.unexpected());
        }
    }
    if not_deferrable && timing.initially_deferred {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
        ));
    }
    timing.deferrable &= !not_deferrable;
    Ok(timing)
}
