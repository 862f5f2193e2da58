//! Tokens to statements. Queries, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE, CREATE
//! INDEX and ALTER TABLE go through sqlparser; the small statements are read
//! here, in PostgreSQL's own grammar.

mod full;
mod read;

use super::dialect::OrbitDialect;
use super::names::Name;
use super::spelling::{self, Part};
use super::tokens::{self, Piece, Tokens};
use super::utility::{Dropped, Utility};
use super::{create_grammar, foreign_key_columns, included_columns, limits, row_locks};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, LockTableMode, ObjectName, Statement};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// How deep expressions and queries may nest.
const RECURSION_LIMIT: usize = 100;

#[derive(Debug)]
pub(crate) enum Parsed {
    /// SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE.
    Row(Box<Statement>),
    Utility(Box<Utility>),
}

/// Parses one statement. `text` is what the tokens' places count in.
pub(crate) fn parse(text: &str, piece: &Piece) -> Result<Parsed> {
    limits::check_tokens(&piece.tokens)?;
    let mut tokens = Tokens::new(text, &piece.tokens);
    if let Some(utility) = small(&mut tokens)? {
        tokens.expect_end()?;
        return Ok(Parsed::Utility(Box::new(utility)));
    }
    if let Some(utility) = full::positioned(text, piece)? {
        return Ok(Parsed::Utility(Box::new(utility)));
    }
    if let Some(making) = full::making(&piece.tokens) {
        return large(text, &making);
    }
    large(text, &piece.tokens)
}

/// Parses one expression on its own, such as a stored DEFAULT or CHECK.
pub fn expression(sql: &str) -> Result<ast::Expr> {
    let pieces = tokens::split(sql)?;
    let tokens = match pieces.as_slice() {
        [piece] => &piece.tokens,
        _ => return Err(tokens::unexpected(sql, None)),
    };
    limits::check_tokens(tokens)?;
    let respelled = spelling::respelled(sql, tokens, Part::Other)?;
    let mut parser = parser(respelled.as_deref().unwrap_or(tokens));
    let expr = parser
        .parse_expr()
        .map_err(|error| syntax_error(sql, tokens, error))?;
    at_end(sql, tokens, &mut parser)?;
    Ok(expr)
}

/// An ADD of ALTER TABLE.
pub(super) fn alter_operation(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Result<ast::AlterTableOperation> {
    part_of(text, tokens, Parser::parse_alter_table_operation)
}

/// `ADD GENERATED ...`, of a column.
pub(super) fn alter_column(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Result<ast::AlterTableOperation> {
    let word = |value: &str| {
        let span = tokens.first().map(|token| token.span);
        TokenWithSpan {
            token: Token::make_word(value, None),
            span: span.unwrap_or_else(sqlparser::tokenizer::Span::empty),
        }
    };
    let mut whole = vec![word("ALTER"), word("COLUMN"), word("c")];
    whole.extend_from_slice(tokens);
    part_of(text, &whole, Parser::parse_alter_table_operation)
}

/// An expression that is part of a statement.
pub(super) fn expression_of(text: &str, tokens: &[TokenWithSpan]) -> Result<ast::Expr> {
    part_of(text, tokens, Parser::parse_expr)
}

pub(super) fn data_type_of(text: &str, tokens: &[TokenWithSpan]) -> Result<ast::DataType> {
    part_of(text, tokens, Parser::parse_data_type)
}

fn part_of<T>(
    text: &str,
    tokens: &[TokenWithSpan],
    read: impl FnOnce(&mut Parser<'static>) -> std::result::Result<T, ParserError>,
) -> Result<T> {
    if tokens.is_empty() {
        return Err(tokens::unexpected(text, None));
    }
    let respelled = spelling::respelled(text, tokens, Part::Other)?;
    let readable = respelled.as_deref().unwrap_or(tokens);
    let ordered = super::sequence_grammar::ordered(text, readable)?;
    let readable = ordered.as_deref().unwrap_or(readable);
    let lifted = foreign_key_columns::lift(readable);
    let readable = lifted.as_deref().unwrap_or(readable);
    let included = included_columns::lift(readable);
    let mut parser = parser(included.as_deref().unwrap_or(readable));
    let part = read(&mut parser).map_err(|error| syntax_error(text, tokens, error))?;
    at_end(text, tokens, &mut parser)?;
    Ok(part)
}

/// What stands between commas.
pub(super) fn list_of<T>(
    text: &str,
    tokens: &[TokenWithSpan],
    read: fn(&mut Parser<'static>) -> std::result::Result<T, ParserError>,
) -> Result<Vec<T>> {
    let mut parser = parser(tokens);
    let parts = parser
        .parse_comma_separated(read)
        .map_err(|error| syntax_error(text, tokens, error))?;
    at_end(text, tokens, &mut parser)?;
    Ok(parts)
}

/// Parses one row statement on its own.
pub fn row_statement(sql: &str) -> Result<Statement> {
    let pieces = tokens::split(sql)?;
    match pieces.as_slice() {
        [piece] => match parse(sql, piece)? {
            Parsed::Row(statement) => Ok(*statement),
            Parsed::Utility(_) => Err(tokens::unexpected(sql, piece.tokens.first())),
        },
        _ => Err(tokens::unexpected(sql, None)),
    }
}

/// The text's only statement, as it stands; `None` if it can't be read so.
pub(crate) fn alone(sql: &str) -> Option<Statement> {
    let mut parser = OrbitDialect::parser(sql.len()).try_with_sql(sql).ok()?;
    let statement = read::statement(&mut parser).ok()??;
    let _ = parser.consume_token(&Token::SemiColon);
    (parser.peek_token().token == Token::EOF).then_some(statement)
}

fn parser(tokens: &[TokenWithSpan]) -> Parser<'static> {
    OrbitDialect::parser(tokens.len())
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens.to_vec())
}

fn at_end(text: &str, tokens: &[TokenWithSpan], parser: &mut Parser<'_>) -> Result<()> {
    match parser.peek_token().token {
        Token::EOF => Ok(()),
        _ => {
            let place = parser.peek_token().span.start;
            Err(at_place(text, tokens, place))
        }
    }
}

fn at_place(text: &str, tokens: &[TokenWithSpan], place: Location) -> Error {
    if limits::is_deep(tokens) {
        return limits::too_deep();
    }
    let token = tokens.iter().find(|token| token.span.start == place);
    let is = |token: Option<&TokenWithSpan>, word| {
        tokens::is_word(token.map(|token| &token.token), word)
    };
    if is(tokens.first(), "CREATE") || is(tokens.first(), "ALTER") {
        if is(token, "UNLOGGED") {
            return Error::unsupported("CREATE UNLOGGED TABLE");
        }
    }
    tokens::unexpected(text, token)
}

/// sqlparser's complaint in PostgreSQL's words: `syntax error at or near "x"`.
fn syntax_error(text: &str, tokens: &[TokenWithSpan], error: ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => return limits::too_deep(),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    if let Some(place) = place_in(&message) {
        return at_place(text, tokens, place);
    }
    if limits::is_deep(tokens) {
        return limits::too_deep();
    }
    if message.contains("EOF") {
        return tokens::unexpected(text, None);
    }
    Error::new(state::SYNTAX_ERROR, format!("syntax error: {message}"))
}

/// `... at Line: 1, Column: 10`
fn place_in(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location {
        line: line.trim().parse().ok()?,
        column: column.trim().parse().ok()?,
    })
}

/// What PostgreSQL makes and alters, and a node doesn't.
const UNBUILT: &[&str] = &[
    "ACCESS",
    "AGGREGATE",
    "CAST",
    "CONVERSION",
    "EVENT",
    "FOREIGN",
    "LANGUAGE",
    "LARGE",
    "OPERATOR",
    "PUBLICATION",
    "RULE",
    "STATISTICS",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLESPACE",
    "TEXT",
    "TRANSFORM",
];

/// Statements sqlparser reads.
fn large(text: &str, tokens: &[TokenWithSpan]) -> Result<Parsed> {
    let first = tokens.first();
    let known = [
        "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE",
        "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "CALL",
    ];
    let starts_known = first.is_some_and(|token| token.token == Token::LParen)
        || known
            .iter()
            .any(|word| tokens::is_word(first.map(|token| &token.token), word));
    if !starts_known {
        return Err(tokens::unexpected(text, first));
    }
    let second = tokens.get(1).map(|token| &token.token);
    let made = tokens::is_word(first.map(|token| &token.token), "CREATE")
        || tokens::is_word(first.map(|token| &token.token), "ALTER");
    if made && UNBUILT.iter().any(|word| tokens::is_word(second, word)) {
        return Err(Error::unsupported(first_words(tokens)));
    }
    let over_rows = ![
        "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "CALL",
    ]
    .iter()
    .any(|word| tokens::is_word(first.map(|token| &token.token), word));
    let part = if over_rows {
        Part::Row
    } else {
        Part::Definition
    };
    let respelled = spelling::respelled(text, tokens, part)?;
    let mut readable = respelled.as_deref().unwrap_or(tokens);
    let placed = create_grammar::cut_tablespace(readable);
    readable = placed.as_deref().unwrap_or(readable);
    let data = create_grammar::cut_data(readable);
    readable = data.as_ref().map_or(readable, |(tokens, _)| tokens);
    let named = create_grammar::named_columns(readable);
    readable = named.as_deref().unwrap_or(readable);
    let checked = create_grammar::cut_check_option(readable);
    readable = checked.as_ref().map_or(readable, |(tokens, _)| tokens);
    let recursive = create_grammar::recursive_view(readable);
    readable = recursive.as_deref().unwrap_or(readable);
    let ordered;
    if !over_rows {
        ordered = super::sequence_grammar::ordered(text, readable)?;
        readable = ordered.as_deref().unwrap_or(readable);
    }
    let merges = over_rows && full::merges(text, readable)?;
    let overriding = (over_rows && !merges)
        .then(|| super::overriding::cut(readable))
        .flatten();
    if let Some((tokens, _)) = &overriding {
        readable = tokens;
    }
    let lifted = if over_rows {
        super::conflict_target::cut(readable)
    } else {
        foreign_key_columns::lift(readable)
    };
    let readable = lifted.as_deref().unwrap_or(readable);
    let included = match over_rows {
        true => None,
        false => included_columns::lift(readable),
    };
    let readable = included.as_deref().unwrap_or(readable);
    let (cut, clauses) = full::cut(text, readable)?.unzip();
    let readable = cut.as_deref().unwrap_or(readable);
    let likes = match over_rows {
        true => None,
        false => super::like_grammar::cut(text, readable)?,
    };
    let readable = likes.as_ref().map_or(readable, |(tokens, _)| tokens);
    let strengthened = row_locks::strengthen(readable);
    let mut parser = parser(strengthened.as_ref().map_or(readable, |(tokens, _)| tokens));
    let read = match merges {
        true => full::merge(&mut parser),
        false => read::statement(&mut parser),
    };
    let read = read.map_err(|error| {
        // What PostgreSQL has and sqlparser can't read is unsupported rather than wrong,
        // but the two can't be told apart: the place is what helps.
        syntax_error(text, tokens, error)
    })?;
    let Some(mut statement) = create_grammar::marked(read, data.as_ref()) else {
        return Err(Error::unsupported(first_words(tokens)));
    };
    at_end(text, tokens, &mut parser)?;
    full::rewrite(&mut statement, clauses, readable)?;
    if let Some((_, how)) = &overriding {
        super::overriding::mark(&mut statement, *how);
    }
    if let Some((_, weaker)) = &strengthened {
        row_locks::mark(&mut statement, weaker);
    }
    let utility = match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => {
            return Ok(Parsed::Row(Box::new(statement)));
        }
        Statement::CreateTable(create) => match likes {
            Some((_, likes)) => Utility::CreateTableLike {
                create: Box::new(create),
                likes,
            },
            None => Utility::CreateTable(Box::new(create)),
        },
        Statement::CreateIndex(create) => Utility::CreateIndex(Box::new(create)),
        Statement::CreateView(mut create) => {
            if let Some((_, option)) = checked {
                if recursive.is_some() {
                    return Err(create_grammar::checked_recursion());
                }
                create_grammar::mark_check_option(&mut create, option);
            }
            Utility::CreateView(Box::new(create))
        }
        Statement::CreateSchema {
            schema_name,
            if_not_exists,
            ..
        } => match schema_name {
            ast::SchemaName::Simple(name) => Utility::CreateSchema {
                name: only_name(&name)?,
                if_not_exists,
            },
            _ => return Err(Error::unsupported("CREATE SCHEMA ... AUTHORIZATION")),
        },
        _ => return Err(Error::unsupported(first_words(tokens))),
    };
    Ok(Parsed::Utility(Box::new(utility)))
}

/// Of a schema, which stands in nothing.
fn only_name(name: &ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [ast::ObjectNamePart::Identifier(only)] => Ok(super::names::fold(only)),
        _ => Err(Error::new(
            state::SYNTAX_ERROR,
            "syntax error at or near \".\"",
        )),
    }
}

/// The words by which PostgreSQL would call the statement: `CREATE VIEW`.
fn first_words(tokens: &[TokenWithSpan]) -> String {
    let pair = |word: &str| matches!(word, "CREATE" | "ALTER" | "DROP" | "COMMENT");
    let mut words = tokens.iter().map_while(|token| match &token.token {
        Token::Word(word) => Some(word.value.to_ascii_uppercase()),
        _ => None,
    });
    let first = words.next().unwrap_or_default();
    if !pair(&first) {
        return first;
    }
    let skip = ["OR", "REPLACE", "TEMP", "TEMPORARY"];
    match words.find(|word| !skip.contains(&word.as_str())) {
        Some(second) => format!("{first} {second}"),
        None => first,
    }
}

/// Statements read here; `None` leaves the tokens as they were.
fn small(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    use super::{copy_grammar, explain_grammar, prepare_grammar, vacuum_grammar};
    use super::{sequence_grammar, set_grammar, transaction_grammar};
    if let Some(utility) = transaction_grammar::parse(tokens)? {
        return Ok(Some(utility));
    }
    if let Some(utility) = set_grammar::parse(tokens)? {
        return Ok(Some(utility));
    }
    if let Some(utility) = full::parse(tokens)? {
        return Ok(Some(utility));
    }
    if let Some(utility) = sequence_grammar::parse(tokens)? {
        return Ok(Some(utility));
    }
    if let Some(utility) = prepare_grammar::parse(tokens)? {
        return Ok(Some(utility));
    }
    if tokens.word("COPY") {
        return copy_grammar::parse(tokens).map(Some);
    }
    if tokens.word("EXPLAIN") {
        return explain_grammar::parse(tokens).map(Some);
    }
    if tokens.word("TRUNCATE") {
        return truncate(tokens).map(Some);
    }
    if tokens.word("VACUUM") {
        return vacuum_grammar::vacuum(tokens).map(Some);
    }
    if tokens.word("ANALYZE") || tokens.word("ANALYSE") {
        return vacuum_grammar::analyze(tokens).map(Some);
    }
    if tokens.word("LOCK") {
        return lock(tokens).map(Some);
    }
    if tokens.words(&["BACKUP", "TO", "STDOUT"]) {
        return Ok(Some(Utility::Backup));
    }
    if tokens.word("CHECKPOINT") {
        return Ok(Some(Utility::Nothing("CHECKPOINT")));
    }
    if tokens.word("LISTEN") {
        return Ok(Some(Utility::Listen(tokens.identifier()?)));
    }
    if tokens.word("UNLISTEN") {
        return Ok(Some(Utility::Unlisten(if tokens.take(&Token::Mul) {
            None
        } else {
            Some(tokens.identifier()?)
        })));
    }
    if tokens.word("NOTIFY") {
        let channel = tokens.identifier()?;
        let payload = if tokens.take(&Token::Comma) {
            tokens.string()?
        } else {
            String::new()
        };
        return Ok(Some(Utility::Notify { channel, payload }));
    }
    for (words, kind) in [
        (["DROP", "TABLE"], Dropped::Table),
        (["DROP", "INDEX"], Dropped::Index),
        (["DROP", "SCHEMA"], Dropped::Schema),
        (["DROP", "SEQUENCE"], Dropped::Sequence),
        (["DROP", "VIEW"], Dropped::View),
    ] {
        if tokens.words(&words) {
            return drop(tokens, kind).map(Some);
        }
    }
    if tokens.word("REINDEX") {
        return super::reindex_grammar::parse(tokens).map(Some);
    }
    for word in [
        "CLUSTER", "LOAD", "REFRESH", "REASSIGN", "SECURITY", "IMPORT",
    ] {
        if tokens.is_word(word) {
            return Err(Error::unsupported(word));
        }
    }
    Ok(None)
}

fn drop(tokens: &mut Tokens<'_>, kind: Dropped) -> Result<Utility> {
    let concurrently = kind == Dropped::Index && tokens.word("CONCURRENTLY");
    let if_exists = tokens.words(&["IF", "EXISTS"]);
    let mut names = Vec::new();
    loop {
        names.push(match kind {
            Dropped::Schema => Name {
                schema: None,
                name: tokens.identifier()?,
            },
            _ => tokens.name()?,
        });
        if !tokens.take(&Token::Comma) {
            break;
        }
    }
    let cascade = tokens.word("CASCADE");
    if !cascade {
        tokens.word("RESTRICT");
    }
    if concurrently && (names.len() > 1 || cascade) {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            match names.len() {
                1 => "DROP INDEX CONCURRENTLY does not support CASCADE",
                _ => "DROP INDEX CONCURRENTLY does not support dropping multiple objects",
            },
        ));
    }
    Ok(Utility::Drop {
        kind,
        names,
        if_exists,
        cascade,
    })
}

fn truncate(tokens: &mut Tokens<'_>) -> Result<Utility> {
    tokens.word("TABLE");
    let names = tokens.relations()?;
    let restart_identity = tokens.words(&["RESTART", "IDENTITY"]);
    if !restart_identity {
        tokens.words(&["CONTINUE", "IDENTITY"]);
    }
    let cascade = tokens.word("CASCADE");
    if !cascade {
        tokens.word("RESTRICT");
    }
    Ok(Utility::Truncate {
        tables: names,
        restart_identity,
        cascade,
    })
}

fn lock(tokens: &mut Tokens<'_>) -> Result<Utility> {
    tokens.word("TABLE");
    let tables = tokens.relations()?;
    let mut mode = LockTableMode::AccessExclusive;
    if tokens.word("IN") {
        mode = [
            (&["ACCESS", "SHARE"][..], LockTableMode::AccessShare),
            (&["ROW", "SHARE"], LockTableMode::RowShare),
            (&["ROW", "EXCLUSIVE"], LockTableMode::RowExclusive),
            (
                &["SHARE", "UPDATE", "EXCLUSIVE"],
                LockTableMode::ShareUpdateExclusive,
            ),
            (
                &["SHARE", "ROW", "EXCLUSIVE"],
                LockTableMode::ShareRowExclusive,
            ),
            (&["SHARE"], LockTableMode::Share),
            (&["EXCLUSIVE"], LockTableMode::Exclusive),
            (&["ACCESS", "EXCLUSIVE"], LockTableMode::AccessExclusive),
        ]
        .into_iter()
        .find_map(|(words, mode)| tokens.words(words).then_some(mode))
        .ok_or_else(|| tokens.unexpected())?;
        tokens.expect_word("MODE")?;
    }
    Ok(Utility::Lock {
        tables,
        mode,
        nowait: tokens.word("NOWAIT"),
    })
}

#[cfg(test)]
mod tests;
