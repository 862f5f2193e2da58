//! What an index may be computed from: functions of the row alone, which give the same
//! for the same row for ever.

use crate::ddl::expressions::named;
use crate::ddl::{functions, types};
use crate::session::Session;
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::Table;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{
    self, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Visitor,
};
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
    check_immutable(session, table, &expr, Place::Expression).await?;
    // Lengths are a column's affair.
    let sql_type = match sql_type {
        SqlType::Varchar(_) => SqlType::Varchar(None),
        SqlType::Numeric(_) => SqlType::Numeric(None),
        SqlType::Char(_) => SqlType::Char(0),
        SqlType::Unknown => SqlType::Text,
        other => other,
    };
    Ok((expr.to_string(), sql_type))
}

/// The text that is kept of a partial index's condition.
pub(super) async fn condition(session: &mut Session, table: &Table, expr: &Expr) -> Result<String> {
    let expr = unqualified(table, expr);
    refuse(&expr, Place::Predicate)?;
    let sql = format!("SELECT 1 FROM {} WHERE {expr}", written(table));
    prepared(session, &sql).await?;
    check_immutable(session, table, &expr, Place::Predicate).await?;
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

/// What has to be known of types to tell whether an expression may change its mind.
enum Question {
    Cast(Expr, DataType),
    Pair(Expr, BinaryOperator, Expr),
    /// A function that reads a moment by the session's time zone; whether dates are moments to it.
    Zoned(Vec<Expr>, bool),
    /// A literal without a time zone beside it, which the session's would complete.
    Literal(Expr),
}

async fn check_immutable(
    session: &mut Session,
    table: &Table,
    expr: &Expr,
    place: Place,
) -> Result<()> {
    let mut questions = Vec::new();
    let found = visit::expressions(expr, |expr| {
        for (beside, literal) in compared(expr) {
            if is_unzoned(literal) {
                questions.push(Question::Literal(beside.clone()));
            }
        }
        match expr {
            Expr::Identifier(name) if table.column_position(&fold(name)).is_none() => {
                // CURRENT_DATE and its like: the binder found no other names.
                return ControlFlow::Break(());
            }
            Expr::Function(function) => {
                let name = functions::name_of(function);
                if functions::is_changing(function) {
                    return ControlFlow::Break(());
                }
                match name.as_str() {
                    "date_part" => questions.push(Question::Zoned(arguments(function), false)),
                    "date_trunc" => questions.push(Question::Zoned(arguments(function), true)),
                    _ => {}
                }
            }
            Expr::Extract { expr, .. } => {
                questions.push(Question::Zoned(vec![(**expr).clone()], false))
            }
            Expr::Cast {
                expr, data_type, ..
            } if !matches!(**expr, Expr::Value(_)) => {
                questions.push(Question::Cast((**expr).clone(), data_type.clone()));
            }
            Expr::BinaryOp { left, op, right }
                if !matches!(op, BinaryOperator::And | BinaryOperator::Or)
                    && !matches!(**left, Expr::Value(_))
                    && !(matches!(**right, Expr::Value(_))
                        && *op != BinaryOperator::StringConcat) =>
            {
                questions.push(Question::Pair(
                    (**left).clone(),
                    op.clone(),
                    (**right).clone(),
                ));
            }
            Expr::BinaryOp { left, op, right } if *op == BinaryOperator::StringConcat => {
                questions.push(Question::Pair(
                    (**left).clone(),
                    op.clone(),
                    (**right).clone(),
                ));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let mut changes = found.is_break();
    for question in questions {
        if changes {
            break;
        }
        changes = match question {
            Question::Cast(inner, to) => {
                let from = type_of(session, table, &inner).await?;
                types::sql_type(&to).is_ok_and(|to| cast_changes(&from, &to))
            }
            Question::Pair(left, op, right) => {
                let a = type_of(session, table, &left).await?;
                let b = type_of(session, table, &right).await?;
                let literal = |expr: &Expr| {
                    matches!(expr, Expr::Value(value)
                        if !matches!(value.value, ast::Value::Number(..) | ast::Value::Boolean(_)))
                };
                !literal(&left) && !literal(&right) && pair_changes(&a, &op, &b)
            }
            Question::Literal(beside) => {
                if type_of(session, table, &beside).await? == SqlType::TimestampTz {
                    return Err(Error::unsupported(format!(
                        "a time without its zone in an index {}",
                        place.word()
                    ))
                    .with_hint("Write it with an offset: '2024-01-01 00:00+00'."));
                }
                false
            }
            Question::Zoned(arguments, dates) => {
                let mut zoned = false;
                for argument in arguments {
                    let sql_type = type_of(session, table, &argument).await?;
                    zoned |= sql_type == SqlType::TimestampTz;
                    zoned |= dates && sql_type == SqlType::Date;
                }
                zoned
            }
        };
    }
    if !changes {
        return Ok(());
    }
    Err(Error::new(
        state::INVALID_OBJECT_DEFINITION,
        format!(
            "functions in index {} must be marked IMMUTABLE",
            place.word()
        ),
    ))
}

/// What stands beside each literal that an expression compares or computes with.
fn compared(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    match expr {
        Expr::BinaryOp { left, right, .. } => vec![(left, right), (right, left)],
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            vec![(left, right), (right, left)]
        }
        Expr::Between {
            expr, low, high, ..
        } => vec![(expr, low), (expr, high)],
        Expr::InList { expr, list, .. } => list.iter().map(|item| (&**expr, item)).collect(),
        _ => Vec::new(),
    }
}

/// A quoted literal that would be a time without a zone.
fn is_unzoned(expr: &Expr) -> bool {
    let value = match expr {
        Expr::Cast { expr, .. } => return is_unzoned(expr),
        Expr::TypedString(typed) => &typed.value.value,
        Expr::Value(value) => &value.value,
        _ => return false,
    };
    let ast::Value::SingleQuotedString(text) = value else {
        return false;
    };
    let text = text.trim();
    let offset = text.rfind(['+', '-']).is_some_and(|at| {
        let before = text.get(..at).unwrap_or_default();
        // Of a date's own dashes there is no time of day before.
        text.get(at..).is_some_and(|offset| offset.starts_with('+')) || before.contains(':')
    });
    let named = text.ends_with(|c: char| c.is_ascii_alphabetic());
    text.starts_with(|c: char| c.is_ascii_digit()) && !offset && !named
}

fn arguments(function: &Function) -> Vec<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    let expressions = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    expressions.collect()
}

fn is_string(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name | SqlType::Unknown
    )
}

/// DateStyle and TimeZone decide about it.
fn cast_changes(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::*;
    match (from, to) {
        (from, Date | Time | Timestamp | TimestampTz | Interval) if is_string(from) => true,
        (Date | Timestamp | TimestampTz, to) if is_string(to) => true,
        (TimestampTz, Date | Time | Timestamp) => true,
        (Date | Timestamp, TimestampTz) => true,
        _ => false,
    }
}

fn pair_changes(left: &SqlType, op: &BinaryOperator, right: &SqlType) -> bool {
    use SqlType::*;
    match op {
        BinaryOperator::StringConcat => {
            // What is no text is made one.
            (is_string(left) && cast_changes(right, left))
                || (is_string(right) && cast_changes(left, right))
        }
        BinaryOperator::Plus | BinaryOperator::Minus => matches!(
            (left, right),
            (TimestampTz, Interval) | (Interval, TimestampTz)
        ),
        _ => matches!(
            (left, right),
            (TimestampTz, Date | Timestamp) | (Date | Timestamp, TimestampTz)
        ),
    }
}
