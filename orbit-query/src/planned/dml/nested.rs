//! Writes around queries that lock rows: `UPDATE jobs ... WHERE id = (SELECT id FROM jobs
//! ... LIMIT 1 FOR UPDATE SKIP LOCKED)`.
//!
//! A plan can't lock. So such a query runs first and by itself, as a SELECT ... FOR UPDATE
//! of its own; what it gave stands in its place when the write is planned. That it looks
//! at the rows around it is refused: it would have to be asked for each of them.

use super::lock::Lock;
use super::{Kind, Running};
use crate::expr::Facts;
use crate::planned::PlanContext;
use crate::planned::patience::Wanted;
use crate::planned::runtime::Machine;
use crate::planned::statement::{self, Body, PlannedStatement};
use crate::rows::ColumnDesc;
use crate::statement::{parse, visit};
use orbit_core::txn::Transaction;
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{Query, Statement, Visitor, VisitorMut};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The first query of a write that locks rows, the inner before the outer.
struct Find;

impl Visitor for Find {
    type Break = Query;

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Query> {
        match query.locks.is_empty() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(query.clone()),
        }
    }
}

struct Put(Option<Query>);

impl VisitorMut for Put {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if query.locks.is_empty() {
            return ControlFlow::Continue(());
        }
        if let Some(rows) = self.0.take() {
            *query = rows;
        }
        ControlFlow::Break(())
    }
}

fn found(syntax: &Statement) -> Option<Query> {
    match visit::visit(syntax, &mut Find) {
        ControlFlow::Break(query) => Some(query),
        ControlFlow::Continue(()) => None,
    }
}

/// Whether some query of a write locks rows.
pub(in crate::planned) fn locks(syntax: &Statement) -> bool {
    found(syntax).is_some()
}

/// Locks what the write's queries lock; gives the write as it is to be planned then, and
/// the moment at which it is to look.
pub(super) async fn resolved(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    txn: &mut Transaction,
    write: &PlannedStatement,
    params: &[Value],
) -> Result<(PlannedStatement, PlanContext)> {
    let mut syntax = Statement::clone(&write.syntax);
    let mut ctx = ctx.clone();
    let declared: Vec<_> = write.params.iter().cloned().map(Some).collect();
    while let Some(query) = found(&syntax) {
        let (here, there, types) = (machine.clone(), ctx.clone(), declared.clone());
        let prepared = machine
            .run(async move {
                let query = Statement::Query(Box::new(query));
                let wanted = Wanted::by(&there.cancel);
                wanted.during(|| statement::prepare(&here, &there, &query, &types))
            })
            .await
            .map_err(looks_around)?;
        let prepared = Arc::new(prepared);
        let rows = locked(machine, &ctx, txn, &prepared, params).await?;
        let columns = prepared.columns.clone().unwrap_or_else(|| Arc::new([]));
        let rows = as_query(&columns, &rows, &ctx)?;
        let _ = visit::visit_mut(&mut syntax, &mut Put(Some(rows)));
        // What was locked may be younger than the statement.
        ctx.view = txn.begin_statement();
    }
    let (here, there) = (machine.clone(), ctx.clone());
    let prepared = machine
        .run(async move {
            let wanted = Wanted::by(&there.cancel);
            wanted.during(|| statement::prepare(&here, &there, &syntax, &declared))
        })
        .await?;
    Ok((prepared, ctx))
}

fn looks_around(error: Error) -> Error {
    match error.is(state::UNDEFINED_COLUMN) || error.is(state::UNDEFINED_TABLE) {
        true => {
            Error::unsupported("FOR UPDATE in a subquery that looks at the statement around it")
                .with_detail(error.message().to_owned())
        }
        false => error,
    }
}

async fn locked(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    txn: &mut Transaction,
    prepared: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<Vec<Vec<Value>>> {
    prepared.check_access(ctx)?;
    let Body::Write(write) = &prepared.body else {
        return Err(Error::internal("a query that locks locks nothing"));
    };
    let Kind::Lock(lock) = &write.kind else {
        return Err(Error::internal("a query that locks is another write"));
    };
    let lock: &Lock = lock;
    let running = Running {
        machine,
        ctx,
        write,
        statement: prepared,
        params,
        facts: Facts {
            transaction_micros: ctx.now_micros,
            statement_micros: ctx.now_micros,
            format: ctx.settings.format.clone(),
            sequences: ctx.session.sequences.clone(),
            cancel: ctx.cancel.clone(),
        },
    };
    running.locked_rows(txn, lock).await
}

/// Rows that are known, as a query.
fn as_query(columns: &[ColumnDesc], rows: &[Vec<Value>], ctx: &PlanContext) -> Result<Query> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let items: Vec<String> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| {
            let ty = &column.sql_type;
            format!("CAST({name} AS {ty}) AS {}", quoted(&column.name))
        })
        .collect();
    let mut values = Vec::with_capacity(rows.len().max(1));
    for row in rows {
        let mut cells = Vec::with_capacity(columns.len());
        for (value, column) in row.iter().zip(columns) {
            cells.push(match value {
                Value::Null => "NULL".to_owned(),
                value => {
                    let mut shown = Vec::new();
                    let format = &ctx.settings.format;
                    text::format(&value.as_ref(), &column.sql_type, format, &mut shown)?;
                    let shown = String::from_utf8(shown)
                        .map_err(|_| Error::internal("a value's text form is not UTF-8"))?;
                    crate::planned::functions::format::quoted_literal(&shown)
                }
            });
        }
        values.push(format!("({})", cells.join(", ")));
    }
    let none = if rows.is_empty() { " WHERE false" } else { "" };
    if rows.is_empty() {
        values.push(format!("({})", vec!["NULL"; columns.len()].join(", ")));
    }
    let sql = format!(
        "SELECT {} FROM (VALUES {}) AS __locked ({}){none}",
        items.join(", "),
        values.join(", "),
        names.join(", ")
    );
    match parse::row_statement(&sql)? {
        Statement::Query(query) => Ok(*query),
        _ => Err(Error::internal("rows that are known are no query")),
    }
}
