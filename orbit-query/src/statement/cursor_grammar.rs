//! DECLARE, FETCH, MOVE, CLOSE, and UPDATE and DELETE at a cursor's row.

use super::parse;
use super::tokens::{self, Piece, Tokens};
use super::utility::{Declare, Direction, Utility};
use orbit_core::{Error, Result, error::SqlState, state};
use sqlparser::ast::{self, Statement};
use sqlparser::tokenizer::Token;

const INVALID_CURSOR_DEFINITION: SqlState = SqlState(*b"42P11");

pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if tokens.word("DECLARE") {
        return declare(tokens).map(Some);
    }
    if tokens.word("FETCH") {
        let (direction, cursor) = direction(tokens)?;
        return Ok(Some(Utility::Fetch {
            cursor,
            direction,
            moves: false,
        }));
    }
    if tokens.word("MOVE") {
        let (direction, cursor) = direction(tokens)?;
        return Ok(Some(Utility::Fetch {
            cursor,
            direction,
            moves: true,
        }));
    }
    if tokens.word("CLOSE") {
        return Ok(Some(Utility::CloseCursor(if tokens.word("ALL") {
            None
        } else {
            Some(tokens.identifier()?)
        })));
    }
    Ok(None)
}

fn declare(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let name = tokens.identifier()?;
    let mut declare = Declare {
        name,
        ..Declare::default()
    };
    let (mut scroll, mut no_scroll) = (false, false);
    let (mut insensitive, mut asensitive) = (false, false);
    loop {
        if tokens.words(&["NO", "SCROLL"]) {
            no_scroll = true;
        } else if tokens.word("SCROLL") {
            scroll = true;
        } else if tokens.word("BINARY") {
            declare.binary = true;
        } else if tokens.word("INSENSITIVE") {
            insensitive = true;
        } else if tokens.word("ASENSITIVE") {
            asensitive = true;
        } else {
            break;
        }
    }
    tokens.expect_word("CURSOR")?;
    if tokens.words(&["WITH", "HOLD"]) {
        declare.hold = true;
    } else {
        let _ = tokens.words(&["WITHOUT", "HOLD"]);
    }
    tokens.expect_word("FOR")?;
    let queries = ["SELECT", "WITH", "VALUES", "TABLE"];
    let is_query =
        tokens.peek() == Some(&Token::LParen) || queries.iter().any(|word| tokens.is_word(word));
    if !is_query {
        return Err(tokens.unexpected());
    }
    for (both, first, second) in [
        (scroll && no_scroll, "SCROLL", "NO SCROLL"),
        (insensitive && asensitive, "INSENSITIVE", "ASENSITIVE"),
    ] {
        if both {
            return Err(Error::new(
                INVALID_CURSOR_DEFINITION,
                format!("cannot specify both {first} and {second}"),
            ));
        }
    }
    declare.scroll = match (scroll, no_scroll) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let query = tokens.rest();
    declare.sql = tokens::text_of(tokens.text(), query).to_owned();
    declare.from = from_clause(tokens);
    while tokens.advance().is_some() {}
    let Statement::Query(query) = parse::row_statement(&declare.sql)? else {
        return Err(tokens::unexpected(&declare.sql, None));
    };
    check_query(&declare, insensitive, &query)?;
    declare.query = Some(query);
    Ok(Utility::Declare(Box::new(declare)))
}

fn check_query(declare: &Declare, insensitive: bool, query: &ast::Query) -> Result<()> {
    if writes(query) {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "DECLARE CURSOR must not contain data-modifying statements in WITH",
        ));
    }
    if query.locks.is_empty() {
        return Ok(());
    }
    let locks = query.locks.iter().find_map(|lock| match lock.lock_type {
        ast::LockType::Share => Some("FOR SHARE"),
        ast::LockType::Update => Some("FOR UPDATE"),
        #[allow(unreachable_patterns)]
        _ => None,
    });
    let locks = locks.unwrap_or("FOR UPDATE");
    let refused = |state, what: &str, verdict: &str, kind: &str| {
        Err(Error::new(
            state,
            format!("DECLARE {what} ... {locks} is not {verdict}"),
        )
        .with_detail(format!("{kind} cursors must be READ ONLY.")))
    };
    let unsupported = state::FEATURE_NOT_SUPPORTED;
    if declare.hold {
        return refused(unsupported, "CURSOR WITH HOLD", "supported", "Holdable");
    }
    if declare.scroll == Some(true) {
        return refused(unsupported, "SCROLL CURSOR", "supported", "Scrollable");
    }
    if insensitive {
        let state = INVALID_CURSOR_DEFINITION;
        return refused(state, "INSENSITIVE CURSOR", "valid", "Insensitive");
    }
    Ok(())
}

fn writes(query: &ast::Query) -> bool {
    let is_write = |body: &ast::SetExpr| {
        matches!(
            body,
            ast::SetExpr::Insert(_)
                | ast::SetExpr::Update(_)
                | ast::SetExpr::Delete(_)
                | ast::SetExpr::Merge(_)
        )
    };
    let with = query.with.iter().flat_map(|with| &with.cte_tables);
    is_write(&query.body) || with.into_iter().any(|item| is_write(&item.query.body))
}

/// Where the outermost FROM of the query that is left begins, in bytes from
/// the query's start. `None`: there is none, or the query doesn't begin with SELECT.
fn from_clause(tokens: &Tokens<'_>) -> Option<usize> {
    let query = tokens.rest();
    if !tokens.is_word("SELECT") {
        return None;
    }
    let mut depth = 0usize;
    let mut before = None;
    for (place, token) in query.iter().enumerate() {
        match &token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_from = depth == 0 && tokens::is_word(Some(&token.token), "FROM");
        // IS DISTINCT FROM begins no clause.
        if is_from && !tokens::is_word(before, "DISTINCT") {
            let items = query.get(..place)?;
            return Some(tokens::text_of(tokens.text(), items).len());
        }
        before = Some(&token.token);
    }
    None
}

/// `[direction [FROM | IN]] cursor`
fn direction(tokens: &mut Tokens<'_>) -> Result<(Direction, String)> {
    // A cursor may have any of these names.
    if tokens.rest().len() > 1 {
        for (word, direction) in [
            ("NEXT", Direction::Forward(1)),
            ("PRIOR", Direction::Backward(1)),
            ("FIRST", Direction::Absolute(1)),
            ("LAST", Direction::Absolute(-1)),
            ("ALL", Direction::Forward(Direction::ALL)),
        ] {
            if tokens.word(word) {
                return named(tokens, direction);
            }
        }
        for (word, direction) in [
            ("ABSOLUTE", Direction::Absolute as fn(i64) -> Direction),
            ("RELATIVE", Direction::Relative),
        ] {
            if tokens.word(word) {
                let count = signed(tokens)?.ok_or_else(|| tokens.unexpected())?;
                return named(tokens, direction(count));
            }
        }
        for (word, direction) in [
            ("FORWARD", Direction::Forward as fn(i64) -> Direction),
            ("BACKWARD", Direction::Backward),
        ] {
            if tokens.word(word) {
                let count = if tokens.rest().len() > 1 && tokens.word("ALL") {
                    Direction::ALL
                } else {
                    signed(tokens)?.unwrap_or(1)
                };
                return named(tokens, direction(count));
            }
        }
        if let Some(count) = signed(tokens)? {
            return named(tokens, Direction::Forward(count));
        }
    }
    named(tokens, Direction::Forward(1))
}

fn named(tokens: &mut Tokens<'_>, direction: Direction) -> Result<(Direction, String)> {
    let _ = tokens.word("FROM") || tokens.word("IN");
    Ok((direction, tokens.identifier()?))
}

/// A number of 32 bits with its sign.
fn signed(tokens: &mut Tokens<'_>) -> Result<Option<i64>> {
    let minus = tokens.peek() == Some(&Token::Minus);
    let signs = usize::from(minus || tokens.peek() == Some(&Token::Plus));
    let Some(Token::Number(digits, _)) = tokens.peek_nth(signs) else {
        return Ok(None);
    };
    let Ok(number) = digits.parse::<i32>() else {
        return Err(tokens.unexpected());
    };
    for _ in 0..=signs {
        tokens.advance();
    }
    let number = i64::from(number);
    Ok(Some(if minus { -number } else { number }))
}

/// UPDATE or DELETE ... WHERE CURRENT OF cursor, taken apart; `None` if it is none.
pub fn positioned(text: &str, piece: &Piece) -> Result<Option<Utility>> {
    let tokens = &piece.tokens;
    let is = |place: usize, word: &str| {
        tokens::is_word(tokens.get(place).map(|token| &token.token), word)
    };
    if !(is(0, "UPDATE") || is(0, "DELETE")) {
        return Ok(None);
    }
    let found = (1..tokens.len())
        .find(|place| is(*place, "WHERE") && is(place + 1, "CURRENT") && is(place + 2, "OF"));
    let Some(place) = found else {
        return Ok(None);
    };
    let after = tokens.get(place + 3..).unwrap_or_default();
    let mut rest = Tokens::new(text, after);
    let cursor = rest.identifier()?;
    let after = tokens.get(place + 4..).unwrap_or_default();
    let before = tokens.get(..=place).unwrap_or_default();
    let before = tokens::text_of(text, before).to_owned();
    let after = tokens::text_of(text, after).to_owned();
    // Found wrong here rather than when it runs.
    let target = match parse::row_statement(&format!("{before} true {after}"))? {
        Statement::Update(update) => update.table.relation,
        Statement::Delete(delete) => {
            let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
                delete.from;
            match from.into_iter().next() {
                Some(first) => first.relation,
                None => return Err(tokens::unexpected(text, None)),
            }
        }
        _ => return Err(tokens::unexpected(text, piece.tokens.first())),
    };
    let ast::TableFactor::Table { name, alias, .. } = target else {
        return Err(Error::unsupported(
            "WHERE CURRENT OF on anything but a table",
        ));
    };
    Ok(Some(Utility::Positioned {
        before,
        after,
        cursor,
        table: super::names::Name::of(&name)?,
        alias: alias.map(|alias| super::names::fold(&alias.name)),
        deletes: is(0, "DELETE"),
    }))
}
