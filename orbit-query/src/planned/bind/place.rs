//! Where in the statement's text an error belongs: PostgreSQL points at the column, the
//! function's name, the operator, the literal that doesn't fit.
//!
//! The place is given where an expression's error first comes by, so by the innermost
//! expression; whoever knows better (a column of INSERT's list) says so before.

use super::{Binder, Bound};
use crate::planned::types;
use crate::statement::tokens::{self, position};
use crate::statement::visit;
use orbit_core::Error;
use orbit_core::types::SqlType;
use sqlparser::ast::{self, Expr, Spanned, Value, Visitor};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};
use std::ops::ControlFlow;

/// A statement of more tokens isn't searched for an operator's place, nor one of a
/// longer text.
const SEARCHED: usize = 4000;
const SEARCHED_BYTES: usize = 64 << 10;

impl Binder<'_> {
    /// The error with the place of what is wrong in `expr`, unless it has one.
    pub(super) fn placed(&self, error: Error, expr: &Expr) -> Error {
        match self.text_for(&error) {
            Some(text) => at(text, error.clone(), place_of(text, expr, &error)),
            None => error,
        }
    }

    /// The error with the place where `expr` begins, unless it has one.
    pub(in crate::planned) fn placed_at(&self, error: Error, expr: &Expr) -> Error {
        match self.text_for(&error) {
            Some(text) if is_of_literal(&error) => {
                at(text, error.clone(), literal_in(expr, &error))
            }
            Some(text) => at(text, error, start_of(expr)),
            None => error,
        }
    }

    pub(in crate::planned) fn placed_in(&self, error: Error, span: Span) -> Error {
        match self.text_for(&error) {
            Some(text) => at(text, error, known(span)),
            None => error,
        }
    }

    /// The error with the place of the letter that stands last before a span.
    pub(in crate::planned) fn placed_before(
        &self,
        error: Error,
        span: Span,
        letter: char,
    ) -> Error {
        let (Some(text), Some(start)) = (self.text_for(&error), known(span)) else {
            return error;
        };
        let until = usize::try_from(position(text, start)).unwrap_or(0);
        let before: Vec<char> = text.chars().take(until.saturating_sub(1)).collect();
        let found = before.iter().rposition(|other| *other == letter);
        match found.and_then(|at| u32::try_from(at + 1).ok()) {
            Some(at) => error.at(at),
            None => error,
        }
    }

    /// The error of a column that isn't grouped by with the column's place: the first of
    /// its name that no aggregate is about.
    pub(super) fn placed_at_column(
        &self,
        error: Error,
        select: &ast::Select,
        order: &[ast::OrderByExpr],
    ) -> Error {
        let Some(text) = self.text_for(&error) else {
            return error;
        };
        let Some(name) = error.message().split('"').nth(1) else {
            return error;
        };
        let mut columns = Columns {
            name: name.rsplit('.').next().unwrap_or(name),
            inside: 0,
        };
        let found = visit::visit(&select.projection, &mut columns)
            .break_value()
            .or_else(|| visit::visit(&select.having, &mut columns).break_value())
            .or_else(|| visit::visit(&order.to_vec(), &mut columns).break_value());
        at(text, error.clone(), found)
    }

    /// The error of values without a common type with the place of the first that doesn't fit.
    pub(super) fn placed_misfit<'e>(
        &self,
        error: Error,
        bounds: &[Bound],
        mut exprs: impl Iterator<Item = &'e Expr>,
    ) -> Error {
        let types: Vec<&SqlType> = bounds.iter().map(|bound| &bound.ty).collect();
        let misfit = types::misfit(&types, "");
        match misfit.and_then(|at| exprs.nth(at)) {
            Some(expr) => self.placed_at(error, expr),
            None => error,
        }
    }

    /// The error of a literal among these with its place.
    pub(super) fn placed_literal<'e>(
        &self,
        error: Error,
        exprs: impl Iterator<Item = &'e Expr>,
    ) -> Error {
        if !is_of_literal(&error) {
            return error;
        }
        let mut error = error;
        for expr in exprs {
            if error.position().is_some() {
                break;
            }
            error = self.placed_at(error, expr);
        }
        error
    }

    fn text_for(&self, error: &Error) -> Option<&str> {
        if error.position().is_some() {
            return None;
        }
        let state = error.state();
        let analysed = match state.as_str() {
            // Not of a place: rights, and names given twice.
            "42501" | "42712" | "42P07" => false,
            "0A000" => false,
            state => state.starts_with("42") || is_of_literal(error),
        };
        self.text.as_deref().filter(|_| analysed)
    }
}

fn at(text: &str, error: Error, place: Option<Location>) -> Error {
    match place {
        Some(place) => error.at(position(text, place)),
        None => error,
    }
}

fn known(span: Span) -> Option<Location> {
    (span.start.line > 0).then_some(span.start)
}

/// An error of reading a literal: what it is about stands in its message.
fn is_of_literal(error: &Error) -> bool {
    matches!(
        error.state().as_str(),
        "22P02" | "22003" | "22007" | "22008" | "22P03"
    ) && error.message().contains('"')
}

/// Where the expression's first token stands that is part of a name or a value. Walks:
/// `1 + 1 + ...` is as deep as it is long.
fn start_of(expr: &Expr) -> Option<Location> {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Nested(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::UnaryOp { expr: inner, .. } => inner,
            Expr::BinaryOp { left, .. }
            | Expr::IsDistinctFrom(left, _)
            | Expr::IsNotDistinctFrom(left, _)
            | Expr::AnyOp { left, .. }
            | Expr::AllOp { left, .. } => left,
            Expr::InList { expr, .. }
            | Expr::InSubquery { expr, .. }
            | Expr::Between { expr, .. }
            | Expr::Like { expr, .. }
            | Expr::ILike { expr, .. }
            | Expr::SimilarTo { expr, .. }
            | Expr::AtTimeZone {
                timestamp: expr, ..
            } => expr,
            Expr::CompoundFieldAccess { root, .. } => root,
            Expr::Function(function) => {
                return function.name.0.first().and_then(|part| known(part.span()));
            }
            Expr::Identifier(ident) => return known(ident.span),
            Expr::CompoundIdentifier(parts) => {
                return parts.first().and_then(|part| known(part.span));
            }
            Expr::Value(value) => return known(value.span),
            Expr::TypedString(typed) => return known(typed.value.span),
            Expr::Case { case_token, .. } => return known(case_token.0.span),
            _ => return None,
        };
    }
}

fn place_of(text: &str, expr: &Expr, error: &Error) -> Option<Location> {
    if is_of_literal(error) {
        return literal_in(expr, error);
    }
    let message = error.message();
    match expr {
        Expr::Cast {
            kind,
            expr: inner,
            data_type,
            ..
        } => {
            let tokens = tokens_of(text)?;
            if message.starts_with("type ") {
                let name = named_by(data_type)?;
                let from = first_from(&tokens, inner.span().end)?;
                return after(&tokens, from, |token| is_named(token, &name));
            }
            match kind {
                ast::CastKind::DoubleColon => {
                    let from = first_from(&tokens, inner.span().end)?;
                    after(&tokens, from, |token| *token == Token::DoubleColon)
                }
                _ => {
                    let until = first_from(&tokens, start_of(inner)?)?;
                    before(&tokens, until, 0, |token| {
                        tokens::is_word(Some(token), "cast")
                    })
                }
            }
        }
        Expr::UnaryOp { op, expr: inner } if message.starts_with("operator ") => {
            let tokens = tokens_of(text)?;
            let until = first_from(&tokens, start_of(inner)?)?;
            let sign = op.to_string();
            before(&tokens, until, 0, |token| token.to_string() == sign)
        }
        Expr::BinaryOp { op, right, .. }
        | Expr::AnyOp {
            compare_op: op,
            right,
            ..
        }
        | Expr::AllOp {
            compare_op: op,
            right,
            ..
        } if message.starts_with("operator ") => {
            let tokens = tokens_of(text)?;
            let until = first_from(&tokens, start_of(right)?)?;
            let sign = op.to_string();
            let skipped = signs(right, &sign);
            before(&tokens, until, skipped, |token| {
                token.to_string().eq_ignore_ascii_case(&sign)
                    || (sign == "<>" && *token == Token::Neq)
            })
        }
        Expr::IsDistinctFrom(left, _) | Expr::IsNotDistinctFrom(left, _)
            if message.starts_with("operator ") =>
        {
            word_after(text, left, &["is"])
        }
        Expr::InList { expr: left, .. }
        | Expr::InSubquery { expr: left, .. }
        | Expr::Between { expr: left, .. }
        | Expr::Like { expr: left, .. }
        | Expr::ILike { expr: left, .. }
        | Expr::SimilarTo { expr: left, .. }
            if message.starts_with("operator ") =>
        {
            word_after(
                text,
                left,
                &["not", "in", "between", "like", "ilike", "similar"],
            )
        }
        _ => start_of(expr),
    }
}

fn word_after(text: &str, left: &Expr, words: &[&str]) -> Option<Location> {
    let tokens = tokens_of(text)?;
    let from = first_from(&tokens, left.span().end)?;
    after(&tokens, from, |token| {
        words.iter().any(|word| tokens::is_word(Some(token), word))
    })
}

/// How many signs like `sign` stand before the expression's first name or value.
fn signs(expr: &Expr, sign: &str) -> usize {
    let mut count = 0;
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::UnaryOp { op, expr } => {
                count += usize::from(op.to_string() == sign);
                expr
            }
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => inner,
            Expr::BinaryOp { left, .. } => left,
            _ => return count,
        };
    }
}

fn tokens_of(text: &str) -> Option<Vec<TokenWithSpan>> {
    if text.len() > SEARCHED_BYTES {
        return None;
    }
    let tokens: Vec<TokenWithSpan> = tokens::split(text)
        .ok()?
        .into_iter()
        .flat_map(|piece| piece.tokens)
        .collect();
    (tokens.len() <= SEARCHED).then_some(tokens)
}

/// The first token that begins at `place` or behind it.
fn first_from(tokens: &[TokenWithSpan], place: Location) -> Option<usize> {
    let at = tokens.partition_point(|token| token.span.start < place);
    (place.line > 0 && at <= tokens.len()).then_some(at)
}

fn after(tokens: &[TokenWithSpan], from: usize, is: impl Fn(&Token) -> bool) -> Option<Location> {
    let found = tokens.get(from..)?.iter().find(|token| is(&token.token))?;
    known(found.span)
}

fn before(
    tokens: &[TokenWithSpan],
    until: usize,
    skipped: usize,
    is: impl Fn(&Token) -> bool,
) -> Option<Location> {
    let tokens = tokens.get(..until)?.iter().rev();
    let found = tokens.filter(|token| is(&token.token)).nth(skipped)?;
    known(found.span)
}

/// The first word of a type's name.
fn named_by(data_type: &ast::DataType) -> Option<String> {
    match data_type {
        ast::DataType::Custom(name, _) => {
            let first = name.0.first()?.as_ident()?;
            Some(first.value.clone())
        }
        ast::DataType::Array(_) => None,
        other => other
            .to_string()
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .next()
            .map(str::to_owned),
    }
}

fn is_named(token: &Token, name: &str) -> bool {
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name))
}

/// The literal that the message quotes.
fn literal_in(expr: &Expr, error: &Error) -> Option<Location> {
    struct Literals<'e>(&'e str);
    impl Visitor for Literals<'_> {
        type Break = Location;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Location> {
            let value = match expr {
                Expr::Value(value) => value,
                Expr::TypedString(typed) => &typed.value,
                _ => return ControlFlow::Continue(()),
            };
            let (Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)) = &value.value
            else {
                return ControlFlow::Continue(());
            };
            match known(value.span) {
                Some(place) if self.0.contains(&format!("\"{text}\"")) => ControlFlow::Break(place),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match visit::visit(expr, &mut Literals(error.message())) {
        ControlFlow::Break(place) => Some(place),
        ControlFlow::Continue(()) => None,
    }
}

struct Columns<'n> {
    name: &'n str,
    /// How many aggregates are around.
    inside: usize,
}

impl Columns<'_> {
    fn aggregates(expr: &Expr) -> bool {
        matches!(expr, Expr::Function(function)
            if crate::planned::aggregates::is_aggregate(&types::last_name(&function.name)))
    }
}

impl Visitor for Columns<'_> {
    type Break = Location;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Location> {
        self.inside += usize::from(Columns::aggregates(expr));
        let (first, last) = match expr {
            Expr::Identifier(ident) => (Some(ident), Some(ident)),
            Expr::CompoundIdentifier(parts) => (parts.first(), parts.last()),
            _ => return ControlFlow::Continue(()),
        };
        let is = last.is_some_and(|last| types::fold(last) == self.name);
        match first.and_then(|first| known(first.span)) {
            Some(place) if is && self.inside == 0 => ControlFlow::Break(place),
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Location> {
        self.inside -= usize::from(Columns::aggregates(expr)).min(self.inside);
        ControlFlow::Continue(())
    }
}
