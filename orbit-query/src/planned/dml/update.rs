//! UPDATE.

use super::check::Checks;
use super::returning::{Others, Returning};
use super::{Kind, Prepared, Running, Write, chosen, key_of, prepared, projected};
use crate::expr::StoredRow;
use crate::planned::bind::from::target::{Target, Verb, Written};
use crate::planned::bind::rows::row_items;
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound, Clause};
use crate::planned::statement::optimized;
use crate::planned::types;
use crate::rows::{Rows, Tag};
use ahash::AHashSet;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use orbit_core::catalog::Table;
use orbit_core::lock::{RowLock, Wait};
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, AssignmentTarget, Spanned, TableFactor};
use sqlparser::tokenizer::Span;
use std::sync::Arc;

pub struct Update {
    /// Positions of the columns set, in the input's order (after the key).
    set: Vec<usize>,
    mode: RowLock,
    checks: Option<Checks>,
}

/// The relation a write names, and its alias.
pub(super) fn named_target(
    factor: &TableFactor,
) -> Result<(&ast::ObjectName, Option<&ast::TableAlias>)> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => Ok((name, alias.as_ref())),
        _ => Err(Error::unsupported("writing to anything but a table")),
    }
}

/// The new value for a column, or why it doesn't fit.
pub(super) fn assigned(
    binder: &mut Binder<'_>,
    target: &Target,
    at: usize,
    bound: crate::planned::bind::Bound,
) -> Result<Expr> {
    let ty = target.column_type(at);
    if !types::assignable(&bound.ty, &ty) {
        return Err(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "column \"{}\" is of type {} but expression is of type {}",
                target.column_name(at),
                ty.base(),
                bound.ty.base()
            ),
        )
        .with_hint("You will need to rewrite or cast the expression."));
    }
    binder.assignment(bound, &ty)
}

pub fn prepare(binder: &mut Binder<'_>, state: &SessionState, update: &ast::Update) -> Prepared {
    if !update.table.joins.is_empty() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "syntax error at or near \"JOIN\"",
        ));
    }
    let (name, alias) = named_target(&update.table.relation)?;
    let Written {
        target,
        mut relation,
        key,
    } = binder.target(name, alias, Verb::Update)?;
    let table = target.table.clone();
    if let Some(from) = &update.from {
        let (ast::UpdateTableFromKind::BeforeSet(from) | ast::UpdateTableFromKind::AfterSet(from)) =
            from;
        for item in from {
            relation = binder.table_with_joins(item, Some(relation))?;
        }
    }
    let (plan, scope) = chosen(binder, relation, update.selection.as_ref())?;
    let mut exprs = vec![key.alias("key")];
    let mut column_types = vec![SqlType::Bytea];
    let mut set = Vec::new();
    let new = assignments(binder, &target, &scope, &update.assignments)?;
    for (at, expr, ty) in new {
        exprs.push(expr.alias(format!("v{}", set.len())));
        column_types.push(ty);
        set.push(at);
    }
    let items = update.returning.as_deref();
    let others = items.map(|_| Others::of(&scope, &target));
    if let Some(others) = &others {
        others.select(&mut exprs, &mut column_types);
    }
    let plan = projected(plan, exprs)?;
    let returning = Returning::prepare(binder, state, &target, alias, items, others.as_ref())?;
    let checks = Checks::prepare(binder, state, &target)?;
    binder.settle_rights(&target);
    prepared(Write {
        input: Arc::new(optimized(state, plan)?),
        types: column_types.into(),
        table: table.clone(),
        kind: Kind::Update(Update {
            mode: lock_mode(&table, &set),
            set,
            checks,
        }),
        returning,
    })
}

/// The table's columns that SET names, each with its new value and type.
pub(super) fn assignments(
    binder: &mut Binder<'_>,
    target: &Target,
    scope: &Scope,
    assignments: &[ast::Assignment],
) -> Result<Vec<(usize, Expr, SqlType)>> {
    let table = &target.table;
    let mut set: Vec<(usize, Expr, SqlType)> = Vec::new();
    for assignment in assignments {
        if let AssignmentTarget::ColumnName(name) = &assignment.target {
            whole_name(name, &target.name)?;
        }
        for (name, value) in pairs(binder, scope, assignment)? {
            let named = target
                .position(&name)
                .map_err(|error| binder.placed_in(error, target_span(assignment, &name)))?;
            let at = target.written(named, Verb::Update)?;
            if set.iter().any(|(other, ..)| *other == at) {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    format!("multiple assignments to same column \"{name}\""),
                ));
            }
            // A view's columns have defaults of their own: none.
            let is_default_value =
                !target.is_view() && matches!(value, New::Expr(value) if is_default(value));
            if let Some(column) = table.columns.get(at).filter(|_| !is_default_value) {
                crate::write::check_set(column)?;
            }
            let written = match &value {
                New::Expr(value) => Some(*value),
                New::Known(_) => None,
            };
            let bound = match value {
                New::Known(bound) => bound,
                New::Expr(value) if is_default(value) => default_of(binder, target, at)?,
                New::Expr(value) => binder.within_clause(Clause::plain("UPDATE"), scope, value)?,
            };
            let expr = assigned(binder, target, named, bound).map_err(|error| match written {
                Some(written) => binder.placed_at(error, written),
                None => error,
            })?;
            binder.changes(target, named);
            set.push((at, expr, target.column_type(named)));
        }
    }
    Ok(set)
}

/// How rows whose columns change are locked: rows that others point at may only change
/// alone.
pub(super) fn lock_mode(table: &Table, set: &[usize]) -> RowLock {
    let key_columns = table.primary_key_columns();
    let computed = (0..table.columns.len()).filter(|at| {
        table
            .columns
            .get(*at)
            .is_some_and(|column| column.generated.is_some())
    });
    let touches_key = set.iter().copied().chain(computed).any(|at| {
        let at = &at;
        key_columns.contains(at)
            || table
                .indexes
                .iter()
                .filter(|index| index.unique && table.is_plain(index))
                .any(|index| index.columns.iter().any(|part| part.column == *at))
    });
    match touches_key {
        true => RowLock::Update,
        false => RowLock::NoKeyUpdate,
    }
}

/// Where an assignment names this column.
fn target_span(assignment: &ast::Assignment, name: &str) -> Span {
    match &assignment.target {
        AssignmentTarget::ColumnName(target) => target.span(),
        AssignmentTarget::Tuple(targets) => {
            let found = targets
                .iter()
                .find(|target| types::last_name(target) == name);
            found.map_or_else(Span::empty, Spanned::span)
        }
    }
}

/// A column's new value.
enum New<'q> {
    Expr(&'q ast::Expr),
    Known(Bound),
}

/// `SET t.a = 1` would be the field `a` of a column `t`.
fn whole_name(name: &ast::ObjectName, table: &str) -> Result<()> {
    match name.0.as_slice() {
        [_] | [] => Ok(()),
        [first, ..] => {
            let first = first.as_ident().map(types::fold).unwrap_or_default();
            Err(Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{first}\" of relation \"{table}\" does not exist"),
            ))
        }
    }
}

/// The columns an assignment names, each with its value.
fn pairs<'q>(
    binder: &mut Binder<'_>,
    scope: &Scope,
    assignment: &'q ast::Assignment,
) -> Result<Vec<(String, New<'q>)>> {
    let names = match &assignment.target {
        AssignmentTarget::ColumnName(name) => {
            return Ok(vec![(types::last_name(name), New::Expr(&assignment.value))]);
        }
        AssignmentTarget::Tuple(names) => names.iter().map(types::last_name),
    };
    let values: Vec<New<'q>> = match (&assignment.value, row_items(&assignment.value)) {
        (_, Some(items)) => items.into_iter().map(New::Expr).collect(),
        (ast::Expr::Subquery(query), None) => binder
            .row_subquery(Clause::plain("UPDATE"), scope, query)?
            .into_iter()
            .map(New::Known)
            .collect(),
        _ => {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            ));
        }
    };
    if names.len() != values.len() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "number of columns does not match number of values",
        ));
    }
    Ok(names.zip(values).collect())
}

pub(super) fn is_default(value: &ast::Expr) -> bool {
    matches!(value, ast::Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// A column's DEFAULT as an expression; a view's columns have none.
pub(super) fn default_of(
    binder: &mut Binder<'_>,
    target: &Target,
    at: usize,
) -> Result<crate::planned::bind::Bound> {
    if target.is_view() {
        return crate::planned::bind::literal::null();
    }
    let column = target.table.columns.get(at);
    let default = column.map(|column| crate::write::default_expression(binder.catalog, column));
    match default.transpose()?.flatten() {
        None => crate::planned::bind::literal::null(),
        Some(expr) => binder.within_clause(Clause::plain("DEFAULT"), &Default::default(), &expr),
    }
}

impl Running<'_> {
    pub(super) async fn update(
        &self,
        txn: &mut Transaction,
        update: &Update,
    ) -> Result<(Tag, Option<Rows>)> {
        let table = &self.write.table;
        let writer = self.writer()?;
        let env = self.env();
        let (rows, stored) = self.locked(txn, update.mode).await?;
        let mut shown = self.write.returning.as_ref().map(|_| Vec::new());
        let mut count = 0;
        for (mut row, old) in rows.into_iter().zip(stored) {
            self.breathe().await?;
            let key = key_of(&row)?.to_vec();
            let others = row.split_off(row.len().min(1 + update.set.len()));
            let mut changes: Vec<(usize, Value)> = update
                .set
                .iter()
                .copied()
                .zip(row.into_iter().skip(1))
                .collect();
            let mut new = None;
            {
                let source = StoredRow::new(&old, table)?;
                writer.change(&source, &mut changes, &env)?;
                if shown.is_some() || update.checks.is_some() {
                    new = Some(writer.changed_row(&source, &changes)?);
                }
            }
            txn.update(table, &key, changes).await?;
            if let Some(mut new) = new {
                if let Some(checks) = &update.checks {
                    self.fits(checks, &writer, &new)?;
                }
                if let Some(shown) = &mut shown {
                    new.extend(others);
                    shown.push(new);
                }
            }
            count += 1;
        }
        let answer = self.returned(shown)?;
        Ok(self.answer(Tag::Update(count), answer))
    }

    /// Rows of the input with their keys locked, as nobody else has changed them
    /// since; and each row as it is stored.
    pub(super) async fn locked(
        &self,
        txn: &mut Transaction,
        mode: RowLock,
    ) -> Result<(Vec<Vec<Value>>, Vec<Vec<u8>>)> {
        let mut view = self.ctx.view.clone();
        // A row that fits only since the statement began is none of its rows, as in
        // PostgreSQL, which looks again at those it waited for and at no others.
        let mut first: Option<AHashSet<Vec<u8>>> = None;
        loop {
            let mark = txn.statement_mark();
            let found = self.gather(view).await?;
            let mut seen: AHashSet<Vec<u8>> = AHashSet::with_capacity(found.len());
            let mut rows = Vec::with_capacity(found.len());
            let mut stored = Vec::with_capacity(found.len());
            let mut changed = false;
            for row in found {
                self.breathe().await?;
                let key = key_of(&row)?;
                // Several partners in FROM: the first one counts.
                let new = first.as_ref().is_some_and(|first| !first.contains(key));
                if new || !seen.insert(key.to_vec()) {
                    continue;
                }
                // A WITH item of this statement was there first.
                if txn.has_changed_since(&self.ctx.view, &self.write.table, key) {
                    continue;
                }
                let locked = txn
                    .lock_row(&self.write.table, key, mode, Wait::Block)
                    .await?;
                changed |= locked.changed;
                match locked.row {
                    Some(old) => {
                        rows.push(row);
                        stored.push(old);
                    }
                    // Gone since: nothing to write.
                    None => changed = true,
                }
            }
            if !changed {
                return Ok((rows, stored));
            }
            first.get_or_insert(seen);
            self.ctx.cancel.check()?;
            txn.rollback_to_mark(mark);
            view = txn.begin_statement().with_writes_of(&self.ctx.view);
        }
    }

    /// What RETURNING gives for these rows.
    pub(super) fn returned(
        &self,
        rows: Option<Vec<Vec<Value>>>,
    ) -> Result<Option<Vec<Vec<Value>>>> {
        match (&self.write.returning, rows) {
            (Some(returning), Some(rows)) => returning
                .exprs
                .eval(&rows, &|expr| self.put(expr))
                .map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn put(&self, expr: Expr) -> Result<Expr> {
        crate::planned::statement::expr_with_values(
            expr,
            &self.statement.params,
            self.params,
            self.ctx,
        )
    }
}
