//! `ON CONFLICT (lower(a), b) WHERE condition`: the parser knows names of columns
//! only. Expressions and the condition go through it as names that no column can
//! have by being written, their SQL text behind a mark; `write::arbiter` reads them.

use super::dialect::OrbitDialect;
use super::tokens::is_word;
use sqlparser::ast::{CastKind, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Before the text of an expression.
pub(crate) const EXPRESSION: char = '\u{1}';
/// Before the text of the condition.
pub(crate) const PREDICATE: char = '\u{2}';

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
        match part(item)? {
            Expr::Identifier(_) => rest.push(bare(item)?.clone()),
            expr => rest.push(named(EXPRESSION, &expr, item.first()?)),
        }
    }
    if let Some(predicate) = predicate {
        let condition = tokens.get(predicate + 1..end)?;
        rest.push(comma);
        let (expr, read) = expression(condition)?;
        if read < condition.len() {
            return None;
        }
        rest.push(named(PREDICATE, &expr, condition.first()?));
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

/// A column, a call, or anything in brackets, as CREATE INDEX takes them.
fn part(tokens: &[TokenWithSpan]) -> Option<Expr> {
    let (mut expr, read) = expression(tokens)?;
    let is_class = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.value.ends_with("_ops"));
    let behind = tokens.get(read..)?;
    if !matches!(behind, []) && !matches!(behind, [class] if is_class(class)) {
        return None;
    }
    let mut in_brackets = false;
    loop {
        match expr {
            // Texts lie in the order of their bytes, whatever they are compared by.
            Expr::Collate { expr: inner, .. } => expr = *inner,
            Expr::Nested(inner) => {
                in_brackets = true;
                expr = *inner;
            }
            other => return (in_brackets || is_call(&other)).then_some(other),
        }
    }
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

fn named(mark: char, expr: &Expr, place: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan {
        token: Token::Word(Word {
            value: format!("{mark}{expr}"),
            quote_style: Some('"'),
            keyword: Keyword::NoKeyword,
        }),
        span: place.span,
    }
}
