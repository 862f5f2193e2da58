//! LIKE, ILIKE and SIMILAR TO, and the operators that they are.

use super::expr::boolean;
use super::scope::Scope;
use super::{Binder, Bound, literal};
use crate::planned::functions::are::{self, Options};
use crate::planned::functions::pattern;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::types;
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

/// The character behind ESCAPE, where one is written; `''` says that there is none.
fn escape_character(escape: Option<&ast::ValueWithSpan>) -> Result<Option<Option<char>>> {
    let Some(escape) = escape else {
        return Ok(None);
    };
    match &escape.value {
        ast::Value::SingleQuotedString(text) if text.chars().count() <= 1 => {
            Ok(Some(text.chars().next()))
        }
        _ => Err(
            Error::new(state::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                .with_hint("Escape string must be empty or one character."),
        ),
    }
}

impl Binder<'_> {
    pub(super) fn like(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Bound> {
        let subject = self.expr(scope, expr)?;
        let pattern = self.expr(scope, pattern)?;
        let escape = escape_character(escape)?;
        self.like_bound(subject, pattern, escape, negated, insensitive)
    }

    fn like_bound(
        &mut self,
        subject: Bound,
        pattern: Bound,
        escape: Option<Option<char>>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Bound> {
        for side in [&subject, &pattern] {
            if !side.is_unknown() && !types::is_text(&side.ty) {
                let sign = match (negated, insensitive) {
                    (false, false) => "~~",
                    (true, false) => "!~~",
                    (false, true) => "~~*",
                    (true, true) => "!~~*",
                };
                return Err(super::operator::no_operator(sign, &subject.ty, &pattern.ty));
            }
        }
        let subject = self.coerce(subject, &SqlType::Text)?;
        let pattern = self.coerce(pattern, &SqlType::Text)?;
        let pattern = match (&pattern.literal, escape) {
            (_, None) => pattern.expr,
            (Some(Value::Text(text)), Some(escape)) => {
                let text = pattern::with_backslash(text, escape)?;
                literal::constant(Value::Text(text), SqlType::Text)?.expr
            }
            (_, Some(escape)) => RowFn::new(
                "like_escape".to_owned(),
                format!("{escape:?}"),
                vec![SqlType::Text],
                SqlType::Text,
                move |args| match args.first() {
                    Some(ValueRef::Text(text)) => {
                        pattern::with_backslash(text, escape).map(Value::Text)
                    }
                    _ => Err(arity()),
                },
            )
            .call(vec![pattern.expr]),
        };
        Ok(boolean(Expr::Like(Like::new(
            negated,
            Box::new(subject.expr),
            Box::new(pattern),
            None,
            insensitive,
        ))))
    }

    pub(super) fn similar_to(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
    ) -> Result<Bound> {
        let escape = escape_character(escape)?.unwrap_or(Some('\\'));
        let subject = self.expr(scope, expr)?;
        let subject = self.coerce(subject, &SqlType::Text)?;
        let pattern = self.expr(scope, pattern)?;
        let pattern = self.coerce(pattern, &SqlType::Text)?;
        let row = RowFn::new(
            "similar_to".to_owned(),
            format!("{escape:?} {negated}"),
            vec![SqlType::Text, SqlType::Text],
            SqlType::Bool,
            move |args| match args {
                [ValueRef::Text(subject), ValueRef::Text(text)] => {
                    let text = pattern::of_similar(text, escape)?;
                    let regex = are::compiled(&text, Options::default())?;
                    Ok(Value::Bool(regex.is_match(subject) != negated))
                }
                _ => Err(arity()),
            },
        );
        Ok(boolean(row.call(vec![subject.expr, pattern.expr])))
    }

    /// `~~` and `~` and their kin; `None`: another operator.
    pub(super) fn like_operator(
        &mut self,
        sign: &str,
        left: &Bound,
        right: &Bound,
    ) -> Result<Option<Bound>> {
        let like = match sign {
            "~~" => Some((false, false)),
            "!~~" => Some((true, false)),
            "~~*" => Some((false, true)),
            "!~~*" => Some((true, true)),
            _ => None,
        };
        if let Some((negated, insensitive)) = like {
            return self
                .like_bound(left.clone(), right.clone(), None, negated, insensitive)
                .map(Some);
        }
        let operator = match sign {
            "~" => Operator::RegexMatch,
            "~*" => Operator::RegexIMatch,
            "!~" => Operator::RegexNotMatch,
            "!~*" => Operator::RegexNotIMatch,
            _ => return Ok(None),
        };
        let textual = |bound: &Bound| bound.is_unknown() || types::is_text(&bound.ty);
        if !textual(left) || !textual(right) {
            return Err(super::operator::no_operator(sign, &left.ty, &right.ty));
        }
        let subject = self.coerce(left.clone(), &SqlType::Text)?;
        let pattern = self.coerce(right.clone(), &SqlType::Text)?;
        if let Some(Value::Text(text)) = &pattern.literal {
            let translated = are::translated(text, Options::default())?;
            pattern::compiled(&translated, false)?;
            let constant = literal::constant(Value::Text(translated), SqlType::Text)?;
            return Ok(Some(boolean(super::operator::binary(
                subject.expr,
                operator,
                constant.expr,
            ))));
        }
        let options = match sign.ends_with('*') {
            true => Options::INSENSITIVE,
            false => Options::default(),
        };
        let negated = sign.starts_with('!');
        let row = RowFn::new(
            sign.to_owned(),
            String::new(),
            vec![SqlType::Text, SqlType::Text],
            SqlType::Bool,
            move |args| match args {
                [ValueRef::Text(subject), ValueRef::Text(text)] => {
                    let regex = are::compiled(text, options)?;
                    Ok(Value::Bool(regex.is_match(subject) != negated))
                }
                _ => Err(arity()),
            },
        );
        Ok(Some(boolean(row.call(vec![subject.expr, pattern.expr]))))
    }
}
