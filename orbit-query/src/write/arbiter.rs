//! Expressions of indexes as they are compared: which unique index ON CONFLICT means,
//! and which of a table's values an index is over.

pub(crate) mod order;

use super::{check_arbiter, stored_expression};
use crate::statement::conflict_target::{CLASS, COLLATION, DIRECTION, EXPRESSION, PREDICATE};
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::{Column, Computed, Index, Table, TableDef};
use orbit_core::txn::ConflictTarget;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{BinaryOperator, Expr, Ident, UnaryOperator, Value};
use std::ops::ControlFlow;

/// What is computed for an index. An expression of a partial one is asked of rows
/// that are in it only: it may be an error for others.
pub fn computed_text(table: &TableDef, kept: &Computed) -> String {
    match predicate_of(table, kept) {
        Some(predicate) if predicate != kept.expression => {
            format!("CASE WHEN ({predicate}) THEN ({}) END", kept.expression)
        }
        _ => kept.expression.clone(),
    }
}

fn predicate_of<'a>(table: &'a TableDef, kept: &Computed) -> Option<&'a str> {
    let index = table.indexes.iter().find(|index| index.id == kept.index)?;
    predicate(table, index)
}

/// The condition of a partial index.
pub fn predicate<'a>(table: &'a TableDef, index: &Index) -> Option<&'a str> {
    let kept = table.computed_at(index.predicate?)?;
    Some(&kept.expression)
}

/// One spelling for expressions that are the same.
#[cfg(feature = "datafusion")]
fn canonical(columns: &[Column], expr: &Expr) -> String {
    crate::pg_catalog::expression_text(columns, &expr.to_string())
}

#[cfg(not(feature = "datafusion"))]
fn canonical(_: &[Column], expr: &Expr) -> String {
    expr.to_string()
}

/// An expression for columns of other types, which means by its literals and functions
/// what it meant: they keep the types that they had beside the old ones. Where that is
/// what they would get anyway, it stays as it was written.
pub fn as_it_was(sql: &str, old: &[Column], now: &[Column]) -> Result<Expr> {
    let written = stored_expression(sql)?;
    let meant = stored_expression(&canonical(old, &written))?;
    match canonical(now, &meant) == canonical(now, &written) {
        true => Ok(written),
        false => Ok(meant),
    }
}

/// The conditions that must all be true, each in one spelling. `a = true` and
/// `a IS TRUE` are `a` where nothing but truth counts.
fn conjuncts(columns: &[Column], expr: &Expr, found: &mut Vec<String>) {
    // As deep as the parser lets brackets nest.
    let is = |expr: &Expr, wanted: bool| matches!(expr, Expr::Value(value) if value.value == Value::Boolean(wanted));
    match expr {
        Expr::Nested(inner) | Expr::IsTrue(inner) => conjuncts(columns, inner, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            conjuncts(columns, left, found);
            conjuncts(columns, right, found);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if is(right, true) => conjuncts(columns, left, found),
        Expr::BinaryOp {
            left: inner,
            op: BinaryOperator::Eq,
            right,
        } if is(right, false) => found.push(negated(columns, inner)),
        Expr::IsFalse(inner)
        | Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: inner,
        } => found.push(negated(columns, inner)),
        other => found.push(canonical(columns, other)),
    }
}

fn negated(columns: &[Column], inner: &Expr) -> String {
    format!("NOT {}", canonical(columns, bare(inner)))
}

fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// What ON CONFLICT names.
pub struct Asked {
    /// Its plain columns.
    pub columns: Vec<usize>,
    /// Columns that its expressions use.
    pub used: Vec<usize>,
    expressions: Vec<String>,
    conditions: Vec<String>,
    /// Operator classes that are said of expressions.
    classes: Vec<(String, String)>,
    /// Another order is said than any index has.
    in_other_order: bool,
}

/// 42703 for columns that are not there.
pub fn asked(table: &Table, names: &[Ident]) -> Result<Asked> {
    let mut asked = Asked {
        columns: Vec::new(),
        used: Vec::new(),
        expressions: Vec::new(),
        conditions: Vec::new(),
        classes: Vec::new(),
        in_other_order: false,
    };
    let is_direction = |name: &&Ident| name.value.starts_with(DIRECTION);
    if let Some(direction) = names.iter().find(is_direction) {
        let words = direction.value.trim_start_matches(DIRECTION);
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            format!("{words} is not allowed in ON CONFLICT clause"),
        ));
    }
    // The part that was named last: a column, or an expression.
    let mut last: (Option<usize>, String) = (None, String::new());
    for name in names {
        if let Some(sql) = name.value.strip_prefix(EXPRESSION) {
            let expr = stored_expression(sql)?;
            refuse(&expr, false)?;
            use_columns(table, &expr, &mut asked.used)?;
            last = (None, canonical(&table.columns, bare(&expr)));
            asked.expressions.push(last.1.clone());
        } else if let Some(collation) = name.value.strip_prefix(COLLATION) {
            asked.in_other_order |= !order::is_default_collation(collation)?;
        } else if let Some(class) = name.value.strip_prefix(CLASS) {
            order::check_class(class)?;
            match last.0.and_then(|place| table.columns.get(place)) {
                Some(column) => {
                    asked.in_other_order |= !order::is_class_of(class, &column.sql_type);
                }
                None => asked.classes.push((last.1.clone(), class.to_owned())),
            }
        } else if let Some(sql) = name.value.strip_prefix(PREDICATE) {
            let expr = stored_expression(sql)?;
            refuse(&expr, true)?;
            use_columns(table, &expr, &mut asked.used)?;
            conjuncts(&table.columns, &expr, &mut asked.conditions);
        } else {
            let name = fold(name);
            let place = table.column_position(&name).ok_or_else(|| unknown(&name))?;
            last = (Some(place), String::new());
            if !asked.columns.contains(&place) {
                asked.columns.push(place);
            }
        }
    }
    asked.columns.sort_unstable();
    asked.expressions.sort_unstable();
    asked.expressions.dedup();
    Ok(asked)
}

fn unknown(column: &str) -> Error {
    Error::new(
        state::UNDEFINED_COLUMN,
        format!("column \"{column}\" does not exist"),
    )
}

/// What no index is made of.
#[cfg(feature = "datafusion")]
fn refuse(expr: &Expr, predicate: bool) -> Result<()> {
    crate::ddl::index::refuse_in_index(expr, predicate)
}

/// Such a node makes no indexes that it could be of.
#[cfg(not(feature = "datafusion"))]
fn refuse(_: &Expr, _: bool) -> Result<()> {
    Ok(())
}

fn use_columns(table: &Table, expr: &Expr, used: &mut Vec<usize>) -> Result<()> {
    let looked = visit::expressions(expr, |expr| {
        let name = match expr {
            Expr::Identifier(name) => fold(name),
            Expr::CompoundIdentifier(path) => match path.as_slice() {
                [.., of, _] if fold(of) == "excluded" && table.name != "excluded" => {
                    return ControlFlow::Break(Error::new(
                        state::UNDEFINED_TABLE,
                        "missing FROM-clause entry for table \"excluded\"",
                    ));
                }
                [.., name] => fold(name),
                [] => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        match table.column_position(&name) {
            Some(place) => used.push(place),
            None => return ControlFlow::Break(unknown(&name)),
        }
        ControlFlow::Continue(())
    });
    match looked {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The key or the unique indexes over exactly what is named that have every row which the
/// condition lets through; 42P10 if there is none. A row that one of several has isn't in
/// all of them: each is watched.
pub fn infer(table: &Table, asked: &Asked) -> Result<ConflictTarget> {
    if asked.in_other_order {
        return Err(no_index());
    }
    let key = table.primary_key_columns();
    if !key.is_empty() && asked.expressions.is_empty() && same(key.to_vec(), &asked.columns) {
        return Ok(ConflictTarget::PrimaryKey);
    }
    let mut found = Vec::new();
    for index in table.indexes.iter().filter(|index| index.unique) {
        if is_over(table, index, asked)? && is_implied(table, index, &asked.conditions)? {
            check_arbiter(table, index)?;
            found.push(index.id);
        }
    }
    if found.is_empty() {
        return Err(no_index());
    }
    Ok(ConflictTarget::Indexes(found.into()))
}

fn no_index() -> Error {
    Error::new(
        state::INVALID_COLUMN_REFERENCE,
        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    )
}

/// The key or the constraint of this name; 42704 if there is none.
pub fn named(table: &Table, name: &str) -> Result<ConflictTarget> {
    if table
        .primary_key
        .as_ref()
        .is_some_and(|key| key.constraint == name)
    {
        return Ok(ConflictTarget::PrimaryKey);
    }
    let index = table.index_named(name);
    let index = index.filter(|index| index.unique && index.constraint);
    let index = index.ok_or_else(|| no_constraint(name, &table.name))?;
    check_arbiter(table, index)?;
    Ok(ConflictTarget::Indexes([index.id].into()))
}

pub fn no_constraint(name: &str, relation: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("constraint \"{name}\" for table \"{relation}\" does not exist"),
    )
}

fn same(mut columns: Vec<usize>, wanted: &[usize]) -> bool {
    columns.sort_unstable();
    columns.dedup();
    columns == wanted
}

fn is_over(table: &Table, index: &Index, asked: &Asked) -> Result<bool> {
    let mut columns = Vec::new();
    let mut expressions = Vec::new();
    for part in &index.columns {
        match table.computed_at(part.column) {
            None => columns.push(part.column),
            Some(kept) => {
                let expr = stored_expression(&kept.expression)?;
                let expression = canonical(&table.columns, bare(&expr));
                let mut classes = asked.classes.iter().filter(|(of, _)| *of == expression);
                if !classes.all(|(_, class)| order::is_class_of(class, &kept.sql_type)) {
                    return Ok(false);
                }
                expressions.push(expression);
            }
        }
    }
    expressions.sort_unstable();
    expressions.dedup();
    Ok(same(columns, &asked.columns) && expressions == asked.expressions)
}

fn is_implied(table: &Table, index: &Index, conditions: &[String]) -> Result<bool> {
    let Some(sql) = predicate(table, index) else {
        return Ok(true);
    };
    let mut needed = Vec::new();
    conjuncts(&table.columns, &stored_expression(sql)?, &mut needed);
    Ok(needed.iter().all(|one| conditions.contains(one)))
}
