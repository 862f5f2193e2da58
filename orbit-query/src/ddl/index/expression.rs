//! What an index may be computed from: functions of the row alone, which give the same
//! for the same row for ever.

use crate::ddl::expressions::named;
use crate::ddl::functions;
use crate::planned::Literal;
use crate::session::Session;
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Expr, Visitor};
use std::ops::ControlFlow;

#[derive(Clone, Copy)]
enum Place {
    Expression,
    Predicate,
}

impl Place {
    fn word(self) -> &'static str {
        match self {
            Place::Expression => "expression",
            Place::Predicate => "predicate",
        }
    }
}

/// The text that is kept of an index's expression, and its type.
pub(super) async fn value(
    session: &mut Session,
    table: &Table,
    expr: &Expr,
) -> Result<(String, SqlType)> {
    let expr = unqualified(table, expr);
    refuse(&expr, Place::Expression)?;
    let sql_type = type_of(session, table, &expr).await?;
    check_immutable(session, table, &expr, Place::Expression)?;
    // Lengths are a column's affair.
    let sql_type = match sql_type {
        SqlType::Unknown => SqlType::Text,
        other => other.base(),
    };
    Ok((expr.to_string(), sql_type))
}

/// The text that is kept of a partial index's condition.
pub(super) async fn condition(session: &mut Session, table: &Table, expr: &Expr) -> Result<String> {
    let expr = unqualified(table, expr);
    refuse(&expr, Place::Predicate)?;
    let sql = format!("SELECT 1 FROM {} WHERE {expr}", written(table));
    prepared(session, &sql).await?;
    check_immutable(session, table, &expr, Place::Predicate)?;
    Ok(expr.to_string())
}

fn written(table: &Table) -> String {
    format!("{}.{}", named(&table.schema), named(&table.name))
}

async fn prepared(
    session: &mut Session,
    sql: &str,
) -> Result<std::sync::Arc<crate::statement::Prepared>> {
    let prepared = session.prepare_inner(sql, &[]).await;
    // It would be one in a text that nobody wrote.
    prepared.map_err(Error::without_position)
}

async fn type_of(session: &mut Session, table: &Table, expr: &Expr) -> Result<SqlType> {
    let sql = format!("SELECT ({expr}) FROM {}", written(table));
    let prepared = prepared(session, &sql).await?;
    let columns = prepared.columns.as_deref().unwrap_or_default();
    let column = columns.first().map(|column| column.sql_type.clone());
    column.ok_or_else(|| Error::internal("an expression without a type"))
}

/// Names of columns without their table's.
fn unqualified(table: &Table, expr: &Expr) -> Expr {
    let mut expr = expr.clone();
    let _ = visit::expressions_mut(&mut expr, |expr| {
        if let Expr::CompoundIdentifier(path) = expr
            && let [.., of, column] = path.as_slice()
            && fold(of) == table.name
        {
            *expr = Expr::Identifier(column.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    expr
}

/// The same of an expression that ON CONFLICT means an index by.
pub(crate) fn refuse_in_index(expr: &Expr, predicate: bool) -> Result<()> {
    refuse(
        expr,
        match predicate {
            true => Place::Predicate,
            false => Place::Expression,
        },
    )
}

/// Refuses what no row by itself can answer.
fn refuse(expr: &Expr, place: Place) -> Result<()> {
    struct Look(Place);
    impl Visitor for Look {
        type Break = Error;
        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<Error> {
            ControlFlow::Break(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("cannot use subquery in index {}", self.0.word()),
            ))
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            let Expr::Function(function) = expr else {
                return ControlFlow::Continue(());
            };
            let name = functions::name_of(function);
            let (state, what) = if function.over.is_some() {
                (state::WINDOWING_ERROR, "window")
            } else if functions::AGGREGATES.contains(&name.as_str()) {
                (state::GROUPING_ERROR, "aggregate")
            } else if functions::SETS.contains(&name.as_str()) {
                (state::FEATURE_NOT_SUPPORTED, "set-returning")
            } else {
                return ControlFlow::Continue(());
            };
            ControlFlow::Break(Error::new(
                state,
                format!(
                    "{what} functions are not allowed in index {}s",
                    self.0.word()
                ),
            ))
        }
    }
    match visit::visit(expr, &mut Look(place)) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn check_immutable(session: &mut Session, table: &Table, expr: &Expr, place: Place) -> Result<()> {
    let found = visit::expressions(expr, |expr| match expr {
        Expr::Identifier(name) if table.column_position(&fold(name)).is_none() => {
            // CURRENT_DATE and its like: the binder found no other names.
            ControlFlow::Break(())
        }
        Expr::Function(function) if functions::is_changing(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let leaning = match found {
        ControlFlow::Break(()) => None,
        ControlFlow::Continue(()) => Some(session.leaning(&table.def, expr)?),
    };
    let Some(leaning) = leaning.filter(|leaning| !leaning.on_settings) else {
        return Err(Error::new(
            state::INVALID_OBJECT_DEFINITION,
            format!(
                "functions in index {} must be marked IMMUTABLE",
                place.word()
            ),
        ));
    };
    let Some(literal) = leaning.literal else {
        return Ok(());
    };
    let (what, hint) = match literal {
        Literal::Zone => (
            "a time without its zone",
            "Write it with an offset: '2024-01-01 00:00+00'.",
        ),
        Literal::Date => (
            "a date that DateStyle has a part in",
            "Write it as YYYY-MM-DD.",
        ),
        Literal::Interval => (
            "an interval that IntervalStyle has a part in",
            "Give each of its fields a sign of its own.",
        ),
        Literal::Moment => (
            "a moment named by a word",
            "Write the date or the time that it is.",
        ),
        Literal::Name => ("the name of a relation", "Write its oid."),
    };
    let place = place.word();
    Err(Error::unsupported(format_args!("{what} in an index {place}")).with_hint(hint))
}
