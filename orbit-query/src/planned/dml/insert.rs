//! INSERT ... SELECT and the INSERTs that the point path leaves.

use super::check::Checks;
use super::returning::{Returning, RowExprs, RowScope};
use super::update::{assigned, default_of, is_default};
use super::{Kind, Prepared, Running, Write, prepared, projected};
use crate::expr::{RowSource, StoredRow};
use crate::planned::bind::from::target::{Target, Verb, Written};
use crate::planned::bind::{Binder, Bound, BoundQuery, Clause};
use crate::planned::error::Told;
use crate::planned::statement::optimized;
use crate::planned::types;
use crate::rows::{Rows, Tag};
use crate::statement::conflict_target;
use crate::statement::overriding::{self, Overriding};
use crate::write::arbiter;
use ahash::AHashSet;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use orbit_core::catalog::{Catalog, Table};
use orbit_core::lock::{RowLock, Wait};
use orbit_core::txn::{ConflictTarget, Transaction, Tried};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, OnConflictAction, OnInsert, SetExpr, Spanned};
use std::sync::Arc;

pub struct Insert {
    /// Positions of the columns that the input gives.
    columns: Vec<usize>,
    /// The input is VALUES, or a query of no rows: PostgreSQL looks at constants first.
    constant: bool,
    conflict: Option<OnConflict>,
    checks: Option<Checks>,
}

struct OnConflict {
    target: ConflictTarget,
    /// `None`: DO NOTHING.
    update: Option<DoUpdate>,
}

struct DoUpdate {
    set: Vec<usize>,
    /// The new values, then the WHERE condition if there is one.
    exprs: RowExprs,
    filtered: bool,
}

pub fn prepare(binder: &mut Binder<'_>, state: &SessionState, insert: &ast::Insert) -> Prepared {
    let ast::TableObject::TableName(name) = &insert.table else {
        return Err(Error::unsupported("INSERT into anything but a table"));
    };
    let overriding = overriding::of(insert);
    let alias = insert.table_alias.as_ref();
    let alias = alias.map(|alias| alias_of(&alias.alias));
    let Written { target, .. } = binder.target(name, alias.as_ref(), Verb::Insert)?;
    let table = target.table.clone();
    let mut columns = named_columns(binder, &target, &insert.columns)?;
    let input = match &insert.source {
        None => {
            columns.clear();
            let plan = LogicalPlanBuilder::empty(true).build().told()?;
            BoundQuery {
                plan,
                columns: Vec::new(),
            }
        }
        Some(source) => {
            let mut query = (**source).clone();
            fill_defaults(
                binder.catalog,
                &target,
                overriding,
                &mut columns,
                &mut query,
            )?;
            let wanted: Vec<SqlType> = columns.iter().map(|at| target.column_type(*at)).collect();
            match (
                &*query.body,
                &query.with,
                &query.order_by,
                &query.limit_clause,
            ) {
                (SetExpr::Values(_), None, None, None) => {
                    binder.set_expr(&query.body, Some(&wanted))?
                }
                _ => {
                    give_types(binder, &mut query, &wanted)?;
                    binder.query(&query)?
                }
            }
        }
    };
    if input.columns.len() > columns.len() {
        let error = Error::new(
            state::SYNTAX_ERROR,
            "INSERT has more expressions than target columns",
        );
        let extra = insert
            .source
            .as_deref()
            .and_then(|source| item_of(source, columns.len()));
        return Err(match extra {
            Some(extra) => binder.placed_at(error, extra),
            None => error,
        });
    }
    if input.columns.len() < columns.len() && !insert.columns.is_empty() {
        let error = Error::new(
            state::SYNTAX_ERROR,
            "INSERT has more target columns than expressions",
        );
        return Err(match insert.columns.get(input.columns.len()) {
            Some(name) => binder.placed_in(error, name.span()),
            None => error,
        });
    }
    columns.truncate(input.columns.len());
    let mut kept = Vec::with_capacity(columns.len());
    let mut bases = Vec::with_capacity(columns.len());
    for (at, column) in columns.into_iter().zip(input.columns) {
        let base = target.written(at, Verb::Insert)?;
        if bases.contains(&base) {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                format!(
                    "multiple assignments to same column \"{}\"",
                    table.columns[base].name
                ),
            ));
        }
        if takes_given(&table, base, overriding)? {
            bases.push(base);
            kept.push((at, column));
        }
    }
    let columns: Vec<usize> = kept.iter().map(|(at, _)| *at).collect();
    for column in &columns {
        binder.gives(&target, *column);
    }
    binder.needs_defaults(target.need(), &table);
    let mut exprs = Vec::with_capacity(columns.len());
    let mut column_types = Vec::with_capacity(columns.len());
    for (at, column) in &kept {
        let column = column.clone();
        let bound = Bound::new(Expr::Column(column.column), column.ty);
        let given = columns.iter().position(|column| column == at);
        let value = match (given, insert.source.as_deref()) {
            (Some(given), Some(source)) => item_of(source, given),
            _ => None,
        };
        let expr = assigned(binder, &target, *at, bound).map_err(|error| match value {
            Some(value) => binder.placed_at(error, value),
            None => error,
        })?;
        exprs.push(expr.alias(format!("v{at}")));
        column_types.push(target.column_type(*at));
    }
    let plan = if exprs.is_empty() {
        input.plan
    } else {
        projected(input.plan, exprs)?
    };
    let conflict = match &insert.on {
        None => None,
        Some(OnInsert::OnConflict(on)) => {
            Some(on_conflict(binder, state, &target, alias.as_ref(), on)?)
        }
        Some(_) => return Err(Error::unsupported("ON DUPLICATE KEY")),
    };
    let returning = Returning::prepare(
        binder,
        state,
        &target,
        alias.as_ref(),
        insert.returning.as_deref(),
        None,
    )?;
    let checks = Checks::prepare(binder, state, &target)?;
    binder.settle_rights(&target);
    prepared(Write {
        input: Arc::new(optimized(state, plan)?),
        types: column_types.into(),
        table,
        kind: Kind::Insert(Insert {
            columns: bases,
            checks,
            constant: insert.source.as_deref().is_some_and(is_constant),
            conflict,
        }),
        returning,
    })
}

/// The columns that an INSERT names; all of them where it names none.
pub(super) fn named_columns(
    binder: &Binder<'_>,
    target: &Target,
    names: &[ast::ObjectName],
) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok((0..target.width()).collect());
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let at = target
            .position(&types::last_name(name))
            .map_err(|error| binder.placed_in(error, name.span()))?;
        columns.push(at);
    }
    let mut seen = AHashSet::new();
    for at in &columns {
        if !seen.insert(*at) {
            let name = target.column_name(*at);
            return Err(Error::new(
                state::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            ));
        }
    }
    Ok(columns)
}

/// Whether a value given for a column goes into it: of an identity column it may be read
/// and dropped, as the sequence gives its own.
pub(super) fn takes_given(
    table: &Table,
    at: usize,
    overriding: Option<Overriding>,
) -> Result<bool> {
    let Some(target) = table.columns.get(at) else {
        return Err(Error::internal("a column of an INSERT is not there"));
    };
    match overriding {
        Some(Overriding::User) if target.identity.is_some() => return Ok(false),
        Some(Overriding::System) if target.generated.is_none() => {}
        _ => crate::write::check_given(target)?,
    }
    Ok(true)
}

/// Literals and parameters in the select list of INSERT ... SELECT take the types of the
/// columns they are for.
fn give_types(binder: &Binder<'_>, query: &mut ast::Query, wanted: &[SqlType]) -> Result<()> {
    let SetExpr::Select(select) = &mut *query.body else {
        return Ok(());
    };
    if select.distinct.is_some() {
        return Ok(());
    }
    for (item, ty) in select.projection.iter_mut().zip(wanted) {
        let (ast::SelectItem::UnnamedExpr(expr) | ast::SelectItem::ExprWithAlias { expr, .. }) =
            item
        else {
            // What * stands for isn't counted here.
            return Ok(());
        };
        let open = match &*expr {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(_) => true,
                ast::Value::Placeholder(name) => {
                    let number = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
                    let known = number.and_then(|n| binder.params.get(n.wrapping_sub(1)));
                    matches!(known, None | Some(None))
                }
                _ => false,
            },
            _ => false,
        };
        // A character type of no length is one of length 1.
        if !open || matches!(ty, SqlType::Char(_)) {
            continue;
        }
        let name = ty.base().to_string();
        let typed = crate::statement::parse::expression(&format!("CAST(NULL AS {name})"))?;
        if let ast::Expr::Cast {
            kind,
            data_type,
            array,
            format,
            ..
        } = typed
        {
            let inner = std::mem::replace(expr, ast::Expr::value(ast::Value::Null));
            *expr = ast::Expr::Cast {
                kind,
                expr: Box::new(inner),
                data_type,
                array,
                format,
            };
        }
    }
    Ok(())
}

/// Whether a query reads no rows of anything.
fn is_constant(query: &ast::Query) -> bool {
    match &*query.body {
        SetExpr::Values(_) => true,
        SetExpr::Select(select) => select.from.is_empty(),
        _ => false,
    }
}

/// What a query gives for its column at this place, if its text says it once.
fn item_of(query: &ast::Query, at: usize) -> Option<&ast::Expr> {
    match &*query.body {
        SetExpr::Values(values) => values.rows.first()?.content.get(at),
        SetExpr::Select(select) => {
            let mut items = select.projection.iter().take(at + 1);
            let named = |item: &&ast::SelectItem| {
                matches!(
                    item,
                    ast::SelectItem::UnnamedExpr(_) | ast::SelectItem::ExprWithAlias { .. }
                )
            };
            if !items.clone().all(|item| named(&item)) {
                return None;
            }
            match items.nth(at)? {
                ast::SelectItem::UnnamedExpr(expr)
                | ast::SelectItem::ExprWithAlias { expr, .. } => Some(expr),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `VALUES (1, DEFAULT)`: a column that is DEFAULT in every row is left out; in
/// some rows only, its expression is put in.
fn fill_defaults(
    catalog: &Catalog,
    target: &Target,
    overriding: Option<Overriding>,
    columns: &mut Vec<usize>,
    query: &mut ast::Query,
) -> Result<()> {
    let SetExpr::Values(values) = &mut *query.body else {
        return Ok(());
    };
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in (0..width.min(columns.len())).rev() {
        let is = |row: &ast::Parens<Vec<ast::Expr>>| row.content.get(at).is_some_and(is_default);
        if !values.rows.iter().any(is) {
            continue;
        }
        if let Some(place) = columns.get(at) {
            target.written(*place, Verb::Insert)?;
        }
        if values.rows.iter().all(is) {
            for row in &mut values.rows {
                row.content.remove(at);
            }
            columns.remove(at);
            continue;
        }
        let base = columns.get(at).and_then(|place| target.base(*place));
        let column = base.and_then(|base| target.table.columns.get(base));
        if let Some(column) = column.filter(|_| overriding.is_none()) {
            crate::write::check_given(column)?;
        }
        let default = column.map(|column| crate::write::default_expression(catalog, column));
        let expr = match default.transpose()?.flatten() {
            Some(expr) => expr,
            None => ast::Expr::Value(ast::Value::Null.into()),
        };
        for row in &mut values.rows {
            if let Some(slot) = row.content.get_mut(at).filter(|slot| is_default(slot)) {
                *slot = expr.clone();
            }
        }
    }
    Ok(())
}

fn on_conflict(
    binder: &mut Binder<'_>,
    state: &SessionState,
    relation: &Target,
    alias: Option<&ast::TableAlias>,
    on: &ast::OnConflict,
) -> Result<OnConflict> {
    let table = &relation.table;
    let target = match &on.conflict_target {
        None => ConflictTarget::Any,
        Some(ast::ConflictTarget::Columns(names)) => {
            let of_table = match relation.is_view() {
                true => names_below(binder, relation, names)?,
                false => names.clone(),
            };
            let asked = arbiter::asked(table, &of_table).map_err(|error| {
                // PostgreSQL points at the list.
                match names.first() {
                    Some(first) => binder.placed_before(error, first.span, '('),
                    None => error,
                }
            })?;
            for column in asked.columns.iter().chain(&asked.used) {
                binder.needs_select_of(relation.need(), *column);
            }
            arbiter::infer(table, &asked)?
        }
        Some(ast::ConflictTarget::OnConstraint(name)) => {
            let name = types::last_name(name);
            for column in crate::point::needs::constrained(table, &name) {
                binder.needs_select_of(relation.need(), column);
            }
            // A view has no constraints, though its table has.
            match relation.is_view() {
                true => return Err(arbiter::no_constraint(&name, &relation.name)),
                false => arbiter::named(table, &name)?,
            }
        }
    };
    let update = match &on.action {
        OnConflictAction::DoNothing => None,
        OnConflictAction::DoUpdate(update) => {
            if matches!(target, ConflictTarget::Any) {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                )
                .with_hint("For example, ON CONFLICT (column_name)."));
            }
            let excluded = alias_of(&ast::Ident::new("excluded"));
            let rows = RowScope::new(binder, relation, &[alias, Some(&excluded)])?;
            let mut set = Vec::new();
            let mut exprs = Vec::new();
            for assignment in &update.assignments {
                let ast::AssignmentTarget::ColumnName(name) = &assignment.target else {
                    return Err(Error::unsupported(
                        "assigning to several columns in ON CONFLICT",
                    ));
                };
                let named = relation
                    .position(&types::last_name(name))
                    .map_err(|error| binder.placed_in(error, name.span()))?;
                let at = relation.written(named, Verb::Insert)?;
                if set.contains(&at) {
                    let name = types::last_name(name);
                    return Err(Error::new(
                        state::SYNTAX_ERROR,
                        format!("multiple assignments to same column \"{name}\""),
                    ));
                }
                binder.changes(relation, named);
                let bound = if is_default(&assignment.value) {
                    default_of(binder, relation, at)?
                } else {
                    if let Some(column) = table.columns.get(at) {
                        crate::write::check_set(column)?;
                    }
                    binder.within_clause(
                        Clause::plain("ON CONFLICT"),
                        &rows.scope,
                        &assignment.value,
                    )?
                };
                exprs.push((
                    assigned(binder, relation, named, bound)?,
                    relation.column_type(named),
                ));
                set.push(at);
            }
            let filtered = update.selection.is_some();
            if let Some(selection) = &update.selection {
                exprs.push((binder.condition(&rows.scope, selection)?, SqlType::Bool));
            }
            Some(DoUpdate {
                set,
                exprs: rows.compile(exprs, state)?,
                filtered,
            })
        }
    };
    Ok(OnConflict { target, update })
}

/// The table's columns that a view's are, by their names.
fn names_below(
    binder: &mut Binder<'_>,
    relation: &Target,
    names: &[ast::Ident],
) -> Result<Vec<ast::Ident>> {
    let mut below = Vec::with_capacity(names.len());
    for name in names {
        let by_name = |mark: &char| !name.value.starts_with(*mark);
        if !conflict_target::MARKS.iter().all(by_name) {
            return Err(Error::unsupported(
                "an expression or a condition in ON CONFLICT of a view",
            ));
        }
        let shown = types::fold(name);
        let at = relation.column_position(&shown).ok_or_else(|| {
            let error = Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{shown}\" does not exist"),
            );
            binder.placed_before(error, name.span, '(')
        })?;
        binder.reads_column(relation, at);
        let base = relation.base(at);
        let column = base.and_then(|base| relation.table.columns.get(base));
        let column = column.ok_or_else(|| {
            Error::new(
                state::INVALID_COLUMN_REFERENCE,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            )
        })?;
        below.push(ast::Ident::with_quote('"', &column.name));
    }
    Ok(below)
}

fn alias_of(name: &ast::Ident) -> ast::TableAlias {
    ast::TableAlias {
        explicit: true,
        name: name.clone(),
        columns: Vec::new(),
        at: None,
    }
}

impl Running<'_> {
    pub(super) async fn insert(
        &self,
        txn: &mut Transaction,
        insert: &Insert,
    ) -> Result<(Tag, Option<Rows>)> {
        let table = &self.write.table;
        let writer = self.writer()?;
        let env = self.env();
        let mut stream = self.input(self.ctx.view.clone()).await?;
        let mut shown = self.write.returning.as_ref().map(|_| Vec::new());
        let mut count = 0;
        let mut touched: AHashSet<Vec<u8>> = AHashSet::new();
        while let Some(batch) = stream.next().await? {
            if insert.constant && writer.takes_numbers() {
                for at in 0..batch.num_rows() {
                    self.breathe().await?;
                    writer.convert(&insert.columns, &mut self.row(&batch, at)?)?;
                }
            }
            for at in 0..batch.num_rows() {
                self.breathe().await?;
                let row = writer.complete(&insert.columns, self.row(&batch, at)?, &env)?;
                let Some(conflict) = &insert.conflict else {
                    let new = (shown.is_some() || insert.checks.is_some()).then(|| row.clone());
                    txn.insert(table, row).await?;
                    count += 1;
                    if let Some(new) = new {
                        if let Some(checks) = &insert.checks {
                            self.fits(checks, &writer, &new)?;
                        }
                        if let Some(shown) = &mut shown {
                            shown.push(new);
                        }
                    }
                    continue;
                };
                if let Some(written) = self
                    .upsert(txn, conflict, &writer, row, &mut touched)
                    .await?
                {
                    count += 1;
                    if let Some(checks) = &insert.checks {
                        self.fits(checks, &writer, &written)?;
                    }
                    if let Some(shown) = &mut shown {
                        shown.push(written);
                    }
                }
            }
        }
        let answer = self.returned(shown)?;
        Ok(self.answer(Tag::Insert(count), answer))
    }

    /// The row as written; `None` if nothing was.
    async fn upsert(
        &self,
        txn: &mut Transaction,
        conflict: &OnConflict,
        writer: &crate::write::TableWriter,
        row: Vec<Value>,
        touched: &mut AHashSet<Vec<u8>>,
    ) -> Result<Option<Vec<Value>>> {
        let table = &self.write.table;
        loop {
            self.ctx.cancel.check()?;
            let tried = txn
                .insert_unless_conflict(table, row.clone(), &conflict.target)
                .await?;
            let met = match (tried, &conflict.update) {
                (Tried::Inserted(key), Some(_)) => {
                    touched.insert(key);
                    return Ok(Some(row));
                }
                (Tried::Inserted(_), None) => return Ok(Some(row)),
                (Tried::Met(met), _) => met,
            };
            let Some(update) = &conflict.update else {
                return Ok(None);
            };
            if touched.contains(&met.pk) || txn.has_changed_since(&self.ctx.view, table, &met.pk) {
                return Err(crate::write::touched_twice());
            }
            let locked = txn
                .lock_row(table, &met.pk, RowLock::Update, Wait::Block)
                .await?;
            let Some(old) = locked.row else {
                // Deleted meanwhile: the key is free again.
                continue;
            };
            let mut both = {
                let source = StoredRow::new(&old, table)?;
                (0..table.columns.len())
                    .map(|at| source.value(at).map(|value| value.to_owned()))
                    .collect::<Result<Vec<_>>>()?
            };
            both.extend(row.iter().cloned());
            let mut values = update
                .exprs
                .eval(&[both], &|expr| self.put(expr))?
                .pop()
                .unwrap_or_default();
            if update.filtered && values.pop() != Some(Value::Bool(true)) {
                return Ok(None);
            }
            let mut changes: Vec<(usize, Value)> = update.set.iter().copied().zip(values).collect();
            let written = {
                let source = StoredRow::new(&old, table)?;
                writer.change(&source, &mut changes, &self.env())?;
                writer.changed_row(&source, &changes)?
            };
            txn.update(table, &met.pk, changes).await?;
            if table.primary_key.is_some() {
                // It may have another key now.
                let mut key = Vec::new();
                orbit_core::key::primary_key(table.primary_key_columns(), &written, &mut key)?;
                touched.insert(key);
            }
            touched.insert(met.pk);
            return Ok(Some(written));
        }
    }
}
