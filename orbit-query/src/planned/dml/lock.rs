//! SELECT ... FOR UPDATE, FOR SHARE and their weaker forms.

mod refused;

use super::{Kind, Prepared, Running, Write, prepared};
use crate::access::need::Relation;
use crate::planned::bind::{Binder, BoundQuery};
use crate::planned::error::Told;
use crate::planned::statement::{finished, optimized, row_count};
use crate::planned::types::{fold, last_name};
use crate::rows::{ColumnDesc, Rows, Tag};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use orbit_core::catalog::{Privileges, Table};
use orbit_core::lock::{RowLock, Wait};
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, NonBlock, SetExpr, TableFactor};
use std::sync::Arc;

pub struct Lock {
    pub columns: Arc<[ColumnDesc]>,
    /// The tables whose rows' keys are the last columns, and how each is locked.
    tables: Vec<(Arc<Table>, RowLock, Wait)>,
    /// Rows are locked before they are counted.
    limit: Option<Expr>,
    offset: Option<Expr>,
}

/// A relation of FROM as locking clauses see it.
struct Candidate {
    alias: String,
    is_table: bool,
    /// An outer join may have no row of it.
    nulled: bool,
}

fn candidates(from: &[ast::TableWithJoins]) -> Vec<Candidate> {
    use ast::JoinOperator as J;
    let mut all = Vec::new();
    for item in from {
        let mut here = factor(&item.relation);
        for join in &item.joins {
            let mut right = factor(&join.relation);
            let (nulls_left, nulls_right) = match &join.join_operator {
                J::Left(_) | J::LeftOuter(_) => (false, true),
                J::Right(_) | J::RightOuter(_) => (true, false),
                J::FullOuter(_) => (true, true),
                _ => (false, false),
            };
            here.iter_mut().for_each(|one| one.nulled |= nulls_left);
            right.iter_mut().for_each(|one| one.nulled |= nulls_right);
            here.append(&mut right);
        }
        all.append(&mut here);
    }
    all
}

fn factor(factor: &TableFactor) -> Vec<Candidate> {
    let one = |alias: Option<&ast::TableAlias>, name: String, is_table: bool| {
        vec![Candidate {
            alias: alias.map_or(name, |alias| fold(&alias.name)),
            is_table,
            nulled: false,
        }]
    };
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => one(alias.as_ref(), last_name(name), true),
        TableFactor::NestedJoin {
            table_with_joins,
            alias: None,
        } => candidates(std::slice::from_ref(table_with_joins)),
        TableFactor::Derived { alias, .. } => one(alias.as_ref(), String::new(), false),
        _ => Vec::new(),
    }
}

fn verb(mode: RowLock) -> &'static str {
    match mode {
        RowLock::Update => "FOR UPDATE",
        RowLock::NoKeyUpdate => "FOR NO KEY UPDATE",
        RowLock::Share => "FOR SHARE",
        RowLock::KeyShare => "FOR KEY SHARE",
    }
}

/// What each relation is locked with: the first clause that means it decides.
fn wanted_locks(
    query: &ast::Query,
    from: &[ast::TableWithJoins],
) -> Result<Vec<(String, RowLock, Wait)>> {
    let known = candidates(from);
    let mut wanted: Vec<(String, RowLock, Wait)> = Vec::new();
    for lock in &query.locks {
        let (mode, of) = crate::statement::row_locks::mode(lock);
        let wait = match lock.nonblock {
            None => Wait::Block,
            Some(NonBlock::Nowait) => Wait::NoWait,
            Some(NonBlock::SkipLocked) => Wait::SkipLocked,
        };
        let of = of.last().and_then(|part| part.as_ident()).map(fold);
        let meant: Vec<&Candidate> = match &of {
            Some(of) => known.iter().filter(|one| one.alias == *of).collect(),
            None => known.iter().collect(),
        };
        if let (Some(of), true) = (&of, meant.is_empty()) {
            return Err(Error::new(
                state::UNDEFINED_TABLE,
                format!(
                    "relation \"{of}\" in {} clause not found in FROM clause",
                    verb(mode)
                ),
            ));
        }
        for one in meant {
            if one.nulled {
                return Err(Error::new(
                    state::FEATURE_NOT_SUPPORTED,
                    format!(
                        "{} cannot be applied to the nullable side of an outer join",
                        verb(mode)
                    ),
                ));
            }
            if !one.is_table {
                return Err(Error::unsupported(
                    "a locking clause over a subquery in FROM",
                ));
            }
            if !wanted.iter().any(|(alias, ..)| *alias == one.alias) {
                wanted.push((one.alias.clone(), mode, wait));
            }
        }
    }
    Ok(wanted)
}

/// What is in brackets is locked by the clauses behind them.
fn without_brackets(query: &ast::Query) -> ast::Query {
    let mut query = query.clone();
    loop {
        let plain = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none();
        match *query.body {
            SetExpr::Query(inner) if plain => {
                let outer = query.locks;
                query = *inner;
                query.locks.extend(outer);
            }
            body => {
                query.body = Box::new(body);
                return query;
            }
        }
    }
}

/// Refuses a query whose locking clauses can't be said of it, after what else is wrong.
fn check_lockable(binder: &mut Binder<'_>, query: &ast::Query) -> Result<()> {
    let mut clauses = query.locks.iter();
    let Some(error) = clauses.find_map(|clause| refused::refused(query, clause)) else {
        return Ok(());
    };
    let mut plain = query.clone();
    plain.locks.clear();
    match binder.query(&plain) {
        // What isn't grouped is looked at last.
        Err(other)
            if !other
                .message()
                .contains("must appear in the GROUP BY clause") =>
        {
            Err(other)
        }
        _ => Err(error),
    }
}

pub fn prepare(binder: &mut Binder<'_>, session: &SessionState, query: &ast::Query) -> Prepared {
    let query = &without_brackets(query);
    check_lockable(binder, query)?;
    let SetExpr::Select(select) = &*query.body else {
        return Err(Error::unsupported("FOR UPDATE over this query"));
    };
    let refused = |what: &str| Err(Error::unsupported(format_args!("FOR UPDATE with {what}")));
    if query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties) {
        return refused("WITH TIES");
    }
    let wanted = wanted_locks(query, &select.from)?;
    let mut plain = query.clone();
    plain.locks.clear();
    let (limit, offset) = binder.row_counts(&plain)?;
    plain.limit_clause = None;
    plain.fetch = None;
    binder.lock_wanted = wanted.iter().map(|(alias, ..)| alias.clone()).collect();
    let bound = binder.query(&plain)?;
    let locked = std::mem::take(&mut binder.locked);
    if locked.len() < wanted.len() {
        return refused("what is not a table");
    }
    let mut tables = Vec::with_capacity(locked.len());
    for (alias, table) in locked {
        // As PostgreSQL: whatever the lock's strength, who may not write may not lock.
        let relation = Relation::Table(table.id);
        for need in &mut binder.needs {
            if need.relation == relation {
                need.required = need.required.with(Privileges::UPDATE);
            }
        }
        let how = wanted.iter().find(|(wanted, ..)| *wanted == alias);
        let Some((_, mode, wait)) = how else {
            return Err(Error::internal("a row is locked that nobody asked for"));
        };
        tables.push((table, *mode, *wait));
    }
    let Some((table, ..)) = tables.first() else {
        return refused("nothing to lock");
    };
    let table = table.clone();
    // The keys are the last columns; clients don't see them.
    let mut shown = bound.columns.clone();
    let keys = shown.split_off(shown.len().saturating_sub(tables.len()));
    if keys.len() < tables.len() || keys.iter().any(|key| key.ty != SqlType::Bytea) {
        return Err(Error::internal("a row to be locked came without its key"));
    }
    let types: Arc<[SqlType]> = bound
        .columns
        .iter()
        .map(|column| {
            if column.ty == SqlType::Unknown {
                SqlType::Text
            } else {
                column.ty.clone()
            }
        })
        .collect();
    let (plan, columns) = finished(
        binder,
        BoundQuery {
            plan: bound.plan,
            columns: shown,
        },
    )?;
    prepared(Write {
        input: Arc::new(optimized(session, plan)?),
        types,
        table,
        kind: Kind::Lock(Lock {
            columns,
            tables,
            limit,
            offset,
        }),
        returning: None,
    })
}

impl Running<'_> {
    pub(super) async fn lock(
        &self,
        txn: &mut Transaction,
        lock: &Lock,
    ) -> Result<(Tag, Option<Rows>)> {
        let rows = self.locked_rows(txn, lock).await?;
        let tag = Tag::Select(rows.len() as u64);
        Ok((
            tag,
            Some(Rows::values(lock.columns.clone(), rows).tagged(tag)),
        ))
    }

    /// The rows that the query finds, locked.
    pub(super) async fn locked_rows(
        &self,
        txn: &mut Transaction,
        lock: &Lock,
    ) -> Result<Vec<Vec<Value>>> {
        let count = |expr: &Option<Expr>, what: &str| -> Result<Option<usize>> {
            let expr = expr.clone().map(|expr| self.put(expr)).transpose()?;
            match row_count(expr.map(Box::new), what).told()?.as_deref() {
                None => Ok(None),
                Some(Expr::Literal(scalar, _)) => {
                    match crate::planned::arrow::scalar_value(scalar, &SqlType::Int8)? {
                        Value::Int8(rows) => Ok(usize::try_from(rows).ok()),
                        _ => Ok(None),
                    }
                }
                Some(_) => Err(Error::unsupported(format_args!(
                    "a query in {what} with FOR UPDATE"
                ))),
            }
        };
        let limit = count(&lock.limit, "LIMIT")?.unwrap_or(usize::MAX);
        let offset = count(&lock.offset, "OFFSET")?.unwrap_or(0);
        let mut view = self.ctx.view.clone();
        loop {
            let mark = txn.statement_mark();
            let mut rows = Vec::new();
            let mut skip = offset;
            let mut changed = false;
            let mut stream = self.input(view).await?;
            'batches: while let Some(batch) = stream.next().await? {
                for at in 0..batch.num_rows() {
                    self.breathe().await?;
                    if rows.len() >= limit {
                        break 'batches;
                    }
                    let mut row = self.row(&batch, at)?;
                    let keys = row.split_off(row.len().saturating_sub(lock.tables.len()));
                    let mut skipped = false;
                    for ((table, mode, wait), key) in lock.tables.iter().zip(keys) {
                        let Value::Bytea(key) = key else {
                            return Err(Error::internal("a row to be locked came without its key"));
                        };
                        // A WITH item of this statement has changed it.
                        if txn.has_changed_since(&self.ctx.view, table, &key) {
                            skipped = true;
                            break;
                        }
                        let locked = txn.select_row(table, &key, *mode, *wait).await?;
                        if locked.skipped {
                            skipped = true;
                            break;
                        }
                        changed |= locked.changed || locked.row.is_none();
                    }
                    if skipped {
                        continue;
                    }
                    if skip > 0 {
                        skip -= 1;
                        continue;
                    }
                    rows.push(row);
                }
            }
            drop(stream);
            if !changed {
                return Ok(rows);
            }
            self.ctx.cancel.check()?;
            txn.rollback_to_mark(mark);
            view = txn.begin_statement().with_writes_of(&self.ctx.view);
        }
    }
}
