//! `ON CONFLICT (lower(a), b) WHERE condition`: the parser knows names of columns
//! only. Expressions and the condition go through it as names that no column can
//! have by being written, their SQL text behind a mark; `write::arbiter` reads them.

use super::dialect::OrbitDialect;
use super::names::fold;
use super::tokens::is_word;
use sqlparser::ast::{CastKind, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Before the text of an expression.
pub(crate) const EXPRESSION: char = '\u{1}';
/// Before the text of the condition.
pub(crate) const PREDICATE: char = '\u{2}';
/// Before a collation's name, behind the part that it is said of.
pub(crate) const COLLATION: char = '\u{3}';
/// Before an operator class's name, likewise.
pub(crate) const CLASS: char = '\u{4}';
/// Before words that CREATE INDEX takes and ON CONFLICT doesn't.
pub(crate) const DIRECTION: char = '\u{5}';

#[cfg(feature = "datafusion")]
pub(crate) const MARKS: [char; 5] = [EXPRESSION, PREDICATE, COLLATION, CLASS, DIRECTION];

/// The tokens with such names instead; `None`: there is nothing to replace.
pub(super) fn cut(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let start = (0..tokens.len()).find(|at| {
        word(*at, "ON")
            && word(at + 1, "CONFLICT")
            && matches!(tokens.get(at + 2), Some(open) if open.token == Token::LParen)
    })? + 3;
    let mut depth = 1usize;
    let mut items = Vec::new();
    let mut begin = start;
    let mut close = None;
    let mut predicate = None;
    let mut end = None;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.saturating_sub(1);
                if depth == 0 && close.is_none() {
                    items.push(begin..at);
                    close = Some(at);
                }
            }
            Token::Comma if depth == 1 && close.is_none() => {
                items.push(begin..at);
                begin = at + 1;
            }
            _ => {}
        }
        if depth > 0 || close.is_none() {
            continue;
        }
        if predicate.is_none() && word(at, "WHERE") {
            predicate = Some(at);
        }
        if word(at, "DO") {
            end = Some(at);
            break;
        }
    }
    let (close, end) = (close?, end?);
    if predicate.is_none() && items.iter().all(|item| item.len() == 1) {
        return None;
    }
    let mut rest = tokens.get(..start)?.to_vec();
    let place = tokens.get(start)?;
    let comma = TokenWithSpan {
        token: Token::Comma,
        span: place.span,
    };
    for (nth, item) in items.into_iter().enumerate() {
        if nth > 0 {
            rest.push(comma.clone());
        }
        let item = tokens.get(item)?;
        let (expr, order) = part(item)?;
        match expr {
            Expr::Identifier(_) => rest.push(bare(item)?.clone()),
            expr => rest.push(named(EXPRESSION, expr.to_string(), item.first()?)),
        }
        for (mark, name) in order {
            rest.push(comma.clone());
            rest.push(named(mark, name, item.first()?));
        }
    }
    if let Some(predicate) = predicate {
        let condition = tokens.get(predicate + 1..end)?;
        rest.push(comma);
        let (expr, read) = expression(condition)?;
        if read < condition.len() {
            return None;
        }
        rest.push(named(PREDICATE, expr.to_string(), condition.first()?));
    }
    rest.push(tokens.get(close)?.clone());
    rest.extend_from_slice(tokens.get(end..)?);
    Some(rest)
}

/// The column's name among its brackets.
fn bare(item: &[TokenWithSpan]) -> Option<&TokenWithSpan> {
    item.iter()
        .find(|token| matches!(token.token, Token::Word(_)))
}

/// An expression and how many of the tokens it is. `None`: it can't be read; the parser
/// will say where.
fn expression(tokens: &[TokenWithSpan]) -> Option<(Expr, usize)> {
    let mut parser = OrbitDialect::parser(tokens.len()).with_tokens_with_locations(tokens.to_vec());
    let expr = parser.parse_expr().ok()?;
    Some((expr, parser.index().min(tokens.len())))
}

/// A column, a call, or anything in brackets, as CREATE INDEX takes them, and what is said
/// of its order.
fn part(tokens: &[TokenWithSpan]) -> Option<(Expr, Vec<(char, String)>)> {
    let (mut expr, read) = expression(tokens)?;
    let mut said = order(tokens.get(read..)?)?;
    let mut in_brackets = false;
    loop {
        match expr {
            Expr::Collate {
                expr: inner,
                collation,
            } => {
                let name = collation.0.last()?.as_ident()?;
                said.push((COLLATION, fold(name)));
                expr = *inner;
            }
            Expr::Nested(inner) => {
                in_brackets = true;
                expr = *inner;
            }
            other => return (in_brackets || is_call(&other)).then_some((other, said)),
        }
    }
}

/// What stands behind a part: an operator class, and what only CREATE INDEX takes.
fn order(mut rest: &[TokenWithSpan]) -> Option<Vec<(char, String)>> {
    let mut said = Vec::new();
    let is = |token: &TokenWithSpan, words: &[&str]| {
        let mut words = words.iter();
        words.any(|word| is_word(Some(&token.token), word))
    };
    let class = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if !is(token, &["ASC", "DESC", "NULLS"]) => {
            Some(match word.quote_style {
                Some(_) => word.value.clone(),
                None => word.value.to_lowercase(),
            })
        }
        _ => None,
    };
    let after = match rest {
        [schema, dot, name, after @ ..]
            if dot.token == Token::Period && class(schema).is_some() =>
        {
            said.push((CLASS, class(name)?));
            after
        }
        [name, after @ ..] if class(name).is_some() => {
            said.push((CLASS, class(name)?));
            after
        }
        rest => rest,
    };
    rest = after;
    if let [word, after @ ..] = rest
        && is(word, &["ASC", "DESC"])
    {
        said.push((DIRECTION, "ASC/DESC".to_owned()));
        rest = after;
    }
    if let [word, end, after @ ..] = rest
        && is(word, &["NULLS"])
        && is(end, &["FIRST", "LAST"])
    {
        said.push((DIRECTION, "NULLS FIRST/LAST".to_owned()));
        rest = after;
    }
    rest.is_empty().then_some(said)
}

fn is_call(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Identifier(_)
            | Expr::Function(_)
            | Expr::Ceil { .. }
            | Expr::Extract { .. }
            | Expr::Floor { .. }
            | Expr::Overlay { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Cast {
                kind: CastKind::Cast,
                ..
            }
    )
}

fn named(mark: char, text: String, place: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan {
        token: Token::Word(Word {
            value: format!("{mark}{text}"),
            quote_style: Some('"'),
            keyword: Keyword::NoKeyword,
        }),
        span: place.span,
    }
}
