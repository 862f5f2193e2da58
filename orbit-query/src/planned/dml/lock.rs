//! SELECT ... FOR UPDATE, FOR SHARE and their weaker forms.

use super::{Kind, Prepared, Running, Write, prepared};
use crate::access::need::Relation;
use crate::planned::bind::{Binder, BoundQuery};
use crate::planned::statement::{finished, optimized};
use crate::rows::{ColumnDesc, Rows, Tag};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use orbit_core::catalog::Privileges;
use orbit_core::lock::{RowLock, Wait};
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use sqlparser::ast::{self, NonBlock, SetExpr, TableFactor};
use std::sync::Arc;

pub struct Lock {
    pub columns: Arc<[ColumnDesc]>,
    mode: RowLock,
    wait: Wait,
    /// Rows are locked before they are counted.
    limit: Option<Expr>,
    offset: Option<Expr>,
}

pub fn prepare(binder: &mut Binder<'_>, state: &SessionState, query: &ast::Query) -> Prepared {
    let SetExpr::Select(select) = &*query.body else {
        return Err(Error::unsupported(
            "FOR UPDATE over UNION, INTERSECT, EXCEPT or VALUES",
        ));
    };
    let refused = |what: &str| Err(Error::unsupported(format_args!("FOR UPDATE with {what}")));
    if select.distinct.is_some() {
        return refused("a DISTINCT clause");
    }
    if !matches!(&select.group_by, ast::GroupByExpr::Expressions(keys, _) if keys.is_empty()) {
        return refused("a GROUP BY clause");
    }
    let [from] = select.from.as_slice() else {
        return refused("several tables");
    };
    if !from.joins.is_empty() {
        return refused("a join");
    }
    let TableFactor::Table {
        name, args: None, ..
    } = &from.relation
    else {
        return refused("anything but a table");
    };
    let table = super::update::named(binder, name)?;
    if query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties) {
        return refused("WITH TIES");
    }
    let [lock] = query.locks.as_slice() else {
        return refused("several locking clauses");
    };
    let (mode, of) = crate::statement::row_locks::mode(lock);
    if let Some(wanted) = of.last().and_then(|part| part.as_ident()) {
        let wanted = crate::planned::types::fold(wanted);
        let alias = match &from.relation {
            TableFactor::Table { alias, .. } => alias.as_ref(),
            _ => None,
        };
        let known = match alias {
            Some(alias) => crate::planned::types::fold(&alias.name),
            None => crate::planned::types::last_name(name),
        };
        if wanted != known {
            let verb = match mode {
                RowLock::Update => "FOR UPDATE",
                RowLock::NoKeyUpdate => "FOR NO KEY UPDATE",
                RowLock::Share => "FOR SHARE",
                RowLock::KeyShare => "FOR KEY SHARE",
            };
            return Err(Error::new(
                orbit_core::state::UNDEFINED_TABLE,
                format!("relation \"{wanted}\" in {verb} clause not found in FROM clause"),
            ));
        }
    }
    let wait = match lock.nonblock {
        None => Wait::Block,
        Some(NonBlock::Nowait) => Wait::NoWait,
        Some(NonBlock::SkipLocked) => Wait::SkipLocked,
    };
    let mut plain = query.clone();
    plain.locks.clear();
    let (limit, offset) = binder.row_counts(&plain)?;
    plain.limit_clause = None;
    plain.fetch = None;
    binder.key_wanted = true;
    let bound = binder.query(&plain)?;
    binder.key_wanted = false;
    // As PostgreSQL: whatever the lock's strength, who may not write may not lock.
    let locked = Relation::Table(table.id);
    if let Some(need) = binder.needs.iter_mut().find(|need| need.relation == locked) {
        need.required = need.required.with(Privileges::UPDATE);
    }
    // The key is the last column; clients don't see it.
    let mut shown = bound.columns.clone();
    let key = shown.pop();
    if key.is_none_or(|key| key.ty != SqlType::Bytea) {
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
        input: Arc::new(optimized(state, plan)?),
        types,
        table,
        kind: Kind::Lock(Lock {
            columns,
            mode,
            wait,
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
        let count = |expr: &Option<Expr>| -> Result<Option<usize>> {
            let Some(expr) = expr else {
                return Ok(None);
            };
            match self.put(expr.clone())? {
                Expr::Literal(scalar, _) => {
                    match crate::planned::arrow::scalar_value(&scalar, &SqlType::Int8)? {
                        Value::Int8(rows) => Ok(usize::try_from(rows).ok()),
                        _ => Ok(None),
                    }
                }
                _ => Err(Error::unsupported(
                    "a LIMIT that is not a constant with FOR UPDATE",
                )),
            }
        };
        let limit = count(&lock.limit)?.unwrap_or(usize::MAX);
        let offset = count(&lock.offset)?.unwrap_or(0);
        let mut view = self.ctx.view.clone();
        let rows = loop {
            let mark = txn.statement_mark();
            let mut rows = Vec::new();
            let mut skip = offset;
            let mut changed = false;
            let mut stream = self.input(view).await?;
            'batches: while let Some(batch) = stream.next().await? {
                for at in 0..batch.num_rows() {
                    if rows.len() >= limit {
                        break 'batches;
                    }
                    let mut row = self.row(&batch, at)?;
                    let Some(Value::Bytea(key)) = row.pop() else {
                        return Err(Error::internal("a row to be locked came without its key"));
                    };
                    let locked = txn
                        .lock_row(&self.write.table, &key, lock.mode, lock.wait)
                        .await?;
                    if locked.skipped {
                        continue;
                    }
                    changed |= locked.changed || locked.row.is_none();
                    if skip > 0 {
                        skip -= 1;
                        continue;
                    }
                    rows.push(row);
                }
            }
            drop(stream);
            if !changed {
                break rows;
            }
            self.ctx.cancel.check()?;
            txn.rollback_to_mark(mark);
            view = txn.begin_statement();
        };
        let tag = Tag::Select(rows.len() as u64);
        Ok((
            tag,
            Some(Rows::values(lock.columns.clone(), rows).tagged(tag)),
        ))
    }
}
