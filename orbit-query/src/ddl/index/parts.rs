//! The parts of CREATE INDEX's list, as they are written.

use crate::statement::names::{self, find_column, fold};
use crate::write::arbiter::order;
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, key, state};
use sqlparser::ast::{self, Expr};

pub(super) struct Written {
    pub over: Over,
    /// The operator class that is named.
    class: Option<String>,
    pub descending: bool,
    /// Where NULLs are asked for, if the direction has them elsewhere.
    pub nulls_first: Option<bool>,
}

pub(super) enum Over {
    Column(usize),
    Expression(Expr),
}

impl Written {
    /// Whether what it is over may be a key, in the order that is named.
    pub fn check_type(&self, ty: &SqlType) -> Result<()> {
        if let Some(class) = &self.class {
            order::check_accepts(class, ty)?;
        }
        key::check_type(ty)
    }
}

pub(super) fn parts(table: &Table, columns: &[ast::IndexColumn]) -> Result<Vec<Written>> {
    if columns.len() > 32 {
        return Err(Error::new(
            state::TOO_MANY_COLUMNS,
            "cannot use more than 32 columns in an index",
        ));
    }
    columns.iter().map(|column| part(table, column)).collect()
}

fn part(table: &Table, column: &ast::IndexColumn) -> Result<Written> {
    // Texts lie in the order of their bytes, which is what the classes of patterns are for.
    let class = column.operator_class.as_ref();
    let class = class.map(names::split).transpose()?.map(|(_, name)| name);
    if let Some(sign) = first_sign(&column.column.expr) {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            format!("syntax error at or near \"{sign}\""),
        ));
    }
    let over = match bare(&column.column.expr) {
        Expr::Identifier(ident) => {
            let place = find_column(table, &fold(ident)).map_err(|_| {
                Error::new(
                    state::UNDEFINED_COLUMN,
                    format!("column \"{}\" does not exist", fold(ident)),
                )
            })?;
            Over::Column(place)
        }
        Expr::Collate { .. } => return Err(Error::unsupported("COLLATE in an index")),
        expr => Over::Expression(expr.clone()),
    };
    let descending = column.column.options.asc == Some(false);
    let nulls_first = column.column.options.nulls_first;
    Ok(Written {
        over,
        class,
        descending,
        nulls_first: nulls_first.filter(|first| *first != descending),
    })
}

/// The first operator of an expression that needs brackets to be one of an index.
fn first_sign(expr: &Expr) -> Option<String> {
    match expr {
        Expr::BinaryOp { left, op, .. } => first_sign(left).or_else(|| Some(op.to_string())),
        Expr::Cast {
            kind: ast::CastKind::DoubleColon,
            expr,
            ..
        } => first_sign(expr).or_else(|| Some("::".to_owned())),
        _ => None,
    }
}

/// Without brackets around it.
fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}
