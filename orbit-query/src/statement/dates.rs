//! Dates in definitions that were kept as they were written: there, a date of numbers means
//! month, day, year. New ones are settled when they are made, see `ddl/moments.rs`.

#[cfg(not(feature = "datafusion"))]
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::datetime::{DateOrder, parse_timestamp};
use orbit_core::value::text::{self, FormatSettings};
use sqlparser::ast::{Expr, Value};

fn format(order: DateOrder) -> FormatSettings {
    FormatSettings {
        date_order: order,
        ..FormatSettings::default()
    }
}

/// Whether it is a date, and another one for somebody else.
fn is_ambiguous(text: &str) -> bool {
    let read = |order| parse_timestamp(text, &format(order)).ok();
    let first = text.trim_start().as_bytes().first();
    if !first.is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let plain = read(DateOrder::Mdy);
    read(DateOrder::Dmy) != plain || read(DateOrder::Ymd) != plain
}

/// 0A000 for a definition with such a date, on a node that can't settle them.
#[cfg(not(feature = "datafusion"))]
pub(crate) fn refuse_ambiguous(sql: &str) -> Result<()> {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::tokenizer::{Token, Tokenizer};

    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
        return Ok(());
    };
    for token in tokens {
        if let Token::SingleQuotedString(text) = token
            && is_ambiguous(&text)
        {
            return Err(orbit_core::Error::unsupported(format!(
                "the date \"{text}\" in a definition under this DateStyle"
            ))
            .with_hint("Write it as YYYY-MM-DD."));
        }
    }
    Ok(())
}

/// Gives such dates a form that every session reads alike.
#[cfg(feature = "datafusion")]
pub(crate) fn settle(node: &mut impl sqlparser::ast::VisitMut) {
    use crate::ddl::types::sql_type;
    use sqlparser::ast::VisitorMut;
    use std::ops::ControlFlow;

    struct Dates;
    impl VisitorMut for Dates {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Cast {
                    expr: inner,
                    data_type,
                    ..
                } => {
                    if let Ok(ty) = sql_type(data_type) {
                        settle_literal(inner, &ty);
                    }
                }
                Expr::TypedString(typed) => {
                    if let Ok(ty) = sql_type(&typed.data_type) {
                        settle_value(&mut typed.value.value, &ty);
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let _ = super::visit::visit_mut(node, &mut Dates);
}

/// Nothing to settle: no such date has been taken.
#[cfg(not(feature = "datafusion"))]
pub(crate) fn settle(_: &mut Expr) {}

/// The same for a literal that is to be of the type.
pub(crate) fn settle_literal(expr: &mut Expr, ty: &SqlType) {
    if let Expr::Value(value) = expr {
        settle_value(&mut value.value, ty);
    }
}

fn settle_value(value: &mut Value, ty: &SqlType) {
    let Value::SingleQuotedString(written) = value else {
        return;
    };
    // Of timestamptz it can't be told without the session's zone.
    let of_date = matches!(ty, SqlType::Date | SqlType::Timestamp);
    if !of_date || !is_ambiguous(written) {
        return;
    }
    let mut bytes = Vec::new();
    let read = text::parse(written, ty, &format(DateOrder::Mdy));
    let shown = read.and_then(|value| {
        text::format(&value.as_ref(), ty, &FormatSettings::default(), &mut bytes)
    });
    if let (Ok(()), Ok(shown)) = (shown, String::from_utf8(bytes)) {
        *written = shown;
    }
}
