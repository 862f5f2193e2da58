//! Which of sqlparser's rules reads a statement.
//!
//! Its own `parse_statement` knows every statement of every dialect. Those that Orbit
//! has are read by their rules; a micro node is built without all the others.

use sqlparser::ast::{CreateTable, Statement};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// `None`: no statement of Orbit's.
pub(super) fn statement(parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    let first = parser.next_token();
    let keyword = match &first.token {
        Token::Word(word) => word.keyword,
        Token::LParen => Keyword::SELECT,
        _ => Keyword::NoKeyword,
    };
    let statement = match keyword {
        Keyword::SELECT | Keyword::WITH | Keyword::VALUES => {
            parser.prev_token();
            Statement::Query(parser.parse_query()?)
        }
        Keyword::INSERT => parser.parse_insert(first)?,
        Keyword::UPDATE => parser.parse_update(first)?,
        Keyword::DELETE => parser.parse_delete(first)?,
        Keyword::CREATE => match created(parser)? {
            Some(statement) => statement,
            None => return other(parser),
        },
        _ => {
            parser.prev_token();
            return other(parser);
        }
    };
    Ok(Some(statement))
}

/// What follows CREATE; if it isn't known, the parser is back before that word.
fn created(parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    let start = parser.index();
    let global = match parser.parse_one_of_keywords(&[Keyword::LOCAL, Keyword::GLOBAL]) {
        Some(Keyword::GLOBAL) => Some(true),
        Some(_) => Some(false),
        None => None,
    };
    let temporary = parser
        .parse_one_of_keywords(&[Keyword::TEMP, Keyword::TEMPORARY])
        .is_some();
    if parser.parse_keyword(Keyword::TABLE) {
        let table: CreateTable = parser.parse_create_table(false, temporary, global, false)?;
        return Ok(Some(Statement::CreateTable(table)));
    }
    if !temporary && global.is_none() {
        if parser.parse_keyword(Keyword::INDEX) {
            return Ok(Some(Statement::CreateIndex(
                parser.parse_create_index(false)?,
            )));
        }
        if parser.parse_keywords(&[Keyword::UNIQUE, Keyword::INDEX]) {
            return Ok(Some(Statement::CreateIndex(
                parser.parse_create_index(true)?,
            )));
        }
        if parser.parse_keyword(Keyword::SCHEMA) {
            return parser.parse_create_schema().map(Some);
        }
    }
    while parser.index() >= start {
        parser.prev_token();
    }
    Ok(None)
}

/// Statements that only the whole of Orbit has, or that sqlparser tells from mistakes.
#[cfg(feature = "datafusion")]
fn other(parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    parser.parse_statement().map(Some)
}

#[cfg(not(feature = "datafusion"))]
fn other(_parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    Ok(None)
}
