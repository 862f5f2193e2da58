//! MERGE, in PostgreSQL's grammar: sqlparser's own knows neither DO NOTHING nor OVERRIDING
//! nor DEFAULT VALUES, and lets pass what PostgreSQL has not.
//!
//! Its tree has no places for the three. DO NOTHING is an UPDATE of no columns there, DEFAULT
//! VALUES an INSERT ROW, and OVERRIDING is told by two marks of VALUES that no text of
//! PostgreSQL's sets.

use super::build::plain_query;
use super::overriding::Overriding;
use super::tokens::{is_word, outermost, position};
use orbit_core::{Error, Result, state};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertExpr, MergeInsertKind,
    MergeUpdateExpr, Parens, SetExpr, Statement, TableAlias, TableFactor, Values, With,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

type Read<T> = std::result::Result<T, ParserError>;

/// Whether a statement is a MERGE, which may stand behind a WITH.
pub(super) fn is_merge(tokens: &[TokenWithSpan]) -> bool {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if word(0, "MERGE") {
        return true;
    }
    if !word(0, "WITH") {
        return false;
    }
    for (at, _) in outermost(tokens) {
        if word(at, "MERGE") && word(at + 1, "INTO") {
            return true;
        }
        let others = ["SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE"];
        if others.iter().any(|other| word(at, other)) {
            return false;
        }
    }
    false
}

/// 0A000 for a WITH item that is a MERGE.
pub(super) fn refuse_in_with(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let found = (2..tokens.len()).find(|at| {
        word(*at, "MERGE")
            && word(at + 1, "INTO")
            && tokens.get(at - 1).map(|token| &token.token) == Some(&Token::LParen)
            && (word(at - 2, "AS") || word(at - 2, "MATERIALIZED"))
    });
    let Some(merge) = found else {
        return Ok(());
    };
    // The item's name: before AS, and before the names of its columns.
    let mut at = (0..merge).rev().find(|at| word(*at, "AS")).unwrap_or(merge);
    at = at.saturating_sub(1);
    if tokens.get(at).map(|token| &token.token) == Some(&Token::RParen) {
        let open = |at: &usize| tokens.get(*at).map(|token| &token.token) == Some(&Token::LParen);
        at = (0..at).rev().find(open).unwrap_or(at).saturating_sub(1);
    }
    let error = Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "MERGE not supported in WITH query",
    );
    Err(match tokens.get(at) {
        Some(name) => error.at(position(text, name.span.start)),
        None => error,
    })
}

/// Reads the statement, with the WITH items that may stand before it.
pub(super) fn statement(parser: &mut Parser<'_>) -> Read<Statement> {
    if !parser.parse_keyword(Keyword::WITH) {
        return merge(parser).map(Statement::Merge);
    }
    let with = With {
        with_token: parser.get_current_token().clone().into(),
        recursive: parser.parse_keyword(Keyword::RECURSIVE),
        cte_tables: parser.parse_comma_separated(Parser::parse_cte)?,
    };
    let body = SetExpr::Merge(Statement::Merge(merge(parser)?));
    Ok(Statement::Query(Box::new(plain_query(Some(with), body))))
}

fn merge(parser: &mut Parser<'_>) -> Read<Merge> {
    parser.expect_keyword_is(Keyword::MERGE)?;
    let merge_token = parser.get_current_token().clone();
    parser.expect_keyword_is(Keyword::INTO)?;
    let table = target(parser)?;
    parser.expect_keyword_is(Keyword::USING)?;
    let source = parser.parse_table_and_joins()?;
    parser.expect_keyword_is(Keyword::ON)?;
    let on = parser.parse_expr()?;
    let mut clauses = Vec::new();
    while parser.parse_keyword(Keyword::WHEN) {
        clauses.push(clause(parser)?);
    }
    if clauses.is_empty() {
        return expected(parser, "WHEN");
    }
    Ok(Merge {
        merge_token: merge_token.into(),
        optimizer_hints: Vec::new(),
        into: true,
        table,
        source: match source.joins.is_empty() {
            true => source.relation,
            false => TableFactor::NestedJoin {
                table_with_joins: Box::new(source),
                alias: None,
            },
        },
        on: Box::new(on),
        clauses,
        output: None,
    })
}

/// A table's name, and an alias without names of columns.
fn target(parser: &mut Parser<'_>) -> Read<TableFactor> {
    let name = parser.parse_object_name(false)?;
    let explicit = parser.parse_keyword(Keyword::AS);
    let alias = if explicit || !is_next(parser, "USING") {
        Some(TableAlias {
            explicit,
            name: parser.parse_identifier()?,
            columns: Vec::new(),
            at: None,
        })
    } else {
        None
    };
    Ok(TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    })
}

fn clause(parser: &mut Parser<'_>) -> Read<MergeClause> {
    let clause_kind = match parser.parse_keyword(Keyword::NOT) {
        true => MergeClauseKind::NotMatched,
        false => MergeClauseKind::Matched,
    };
    parser.expect_keyword_is(Keyword::MATCHED)?;
    let predicate = match parser.parse_keyword(Keyword::AND) {
        true => Some(parser.parse_expr()?),
        false => None,
    };
    parser.expect_keyword_is(Keyword::THEN)?;
    let matched = clause_kind == MergeClauseKind::Matched;
    let action = if parser.parse_keyword(Keyword::DO) {
        parser.expect_keyword_is(Keyword::NOTHING)?;
        update(Vec::new())
    } else if matched && parser.parse_keyword(Keyword::UPDATE) {
        parser.expect_keyword_is(Keyword::SET)?;
        update(parser.parse_comma_separated(Parser::parse_assignment)?)
    } else if matched && parser.parse_keyword(Keyword::DELETE) {
        MergeAction::Delete {
            delete_token: AttachedToken::empty(),
        }
    } else if !matched && parser.parse_keyword(Keyword::INSERT) {
        MergeAction::Insert(insert(parser)?)
    } else {
        return expected(parser, "an action");
    };
    Ok(MergeClause {
        when_token: AttachedToken::empty(),
        clause_kind,
        predicate,
        action,
    })
}

fn update(assignments: Vec<sqlparser::ast::Assignment>) -> MergeAction {
    MergeAction::Update(MergeUpdateExpr {
        update_token: AttachedToken::empty(),
        assignments,
        update_predicate: None,
        delete_predicate: None,
    })
}

fn insert(parser: &mut Parser<'_>) -> Read<MergeInsertExpr> {
    let mut columns = Vec::new();
    if parser.consume_token(&Token::LParen) {
        columns = parser.parse_comma_separated(|parser| parser.parse_object_name(false))?;
        parser.expect_token(&Token::RParen)?;
    }
    let mut how = None;
    if is_next(parser, "OVERRIDING") {
        parser.next_token();
        how = if is_next(parser, "SYSTEM") {
            Some(Overriding::System)
        } else if is_next(parser, "USER") {
            Some(Overriding::User)
        } else {
            return expected(parser, "SYSTEM or USER");
        };
        parser.next_token();
        parser.expect_keyword_is(Keyword::VALUE)?;
    }
    let kind = if columns.is_empty() && how.is_none() && parser.parse_keyword(Keyword::DEFAULT) {
        parser.expect_keyword_is(Keyword::VALUES)?;
        MergeInsertKind::Row
    } else {
        parser.expect_keyword_is(Keyword::VALUES)?;
        parser.expect_token(&Token::LParen)?;
        let content = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
        MergeInsertKind::Values(Values {
            explicit_row: how == Some(Overriding::System),
            value_keyword: how == Some(Overriding::User),
            rows: vec![Parens {
                opening_token: AttachedToken::empty(),
                content,
                closing_token: AttachedToken::empty(),
            }],
        })
    };
    Ok(MergeInsertExpr {
        insert_token: AttachedToken::empty(),
        columns,
        kind_token: AttachedToken::empty(),
        kind,
        insert_predicate: None,
    })
}

fn is_next(parser: &Parser<'_>, word: &str) -> bool {
    is_word(Some(&parser.peek_token_ref().token), word)
}

fn expected<T>(parser: &Parser<'_>, what: &str) -> Read<T> {
    parser.expected(what, parser.peek_token())
}

/// What the INSERT of a WHEN says about columns that make their own values.
pub(crate) fn overriding(values: &Values) -> Option<Overriding> {
    match (values.explicit_row, values.value_keyword) {
        (true, _) => Some(Overriding::System),
        (_, true) => Some(Overriding::User),
        _ => None,
    }
}

/// Whether an action is DO NOTHING.
pub(crate) fn does_nothing(action: &MergeAction) -> bool {
    matches!(action, MergeAction::Update(update) if update.assignments.is_empty())
}
