//! Writes whose rows a query finds.
//!
//! The statement's input is planned as a query that yields, for each row to be
//! written, its key and its new values; DataFusion never writes and its
//! provider hooks refuse. So `WHERE id IN (SELECT ...)`, `WHERE false` and
//! `EXISTS` mean here what they mean in a SELECT.
//!
//! READ COMMITTED: every row found is locked; if one of them changed since the
//! statement's moment, the statement's writes are undone and it runs again at a
//! new moment with its locks kept, until what it saw is what is there.

pub(super) mod chain;
mod check;
pub(super) mod delete;
pub(super) mod insert;
pub(super) mod lock;
pub(super) mod merge;
pub(super) mod nested;
mod returning;
pub(super) mod update;

use super::PlanContext;
use super::again::Ready;
use super::arrow::cell;
use super::bind::Binder;
use super::bind::from::Relation;
use super::bind::scope::Scope;
use super::cancel;
use super::error::Told;
use super::patience::Wanted;
use super::runtime::{ArrowStream, Machine};
use super::scalar;
use super::scan::Run;
use super::statement::{self, Body, PlannedStatement, with_values};
use crate::access::discretion;
use crate::expr::{Env, Facts};
use crate::rows::{ColumnDesc, Rows, Tag};
use crate::write::{RowFunction, TableWriter};
use datafusion::arrow::array::RecordBatch;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::catalog::Table;
use orbit_core::database::ReadView;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use returning::Returning;
use sqlparser::ast;
use std::sync::Arc;

pub(super) enum Kind {
    Insert(insert::Insert),
    Update(update::Update),
    Delete,
    Merge(merge::Merge),
    Lock(lock::Lock),
    /// WITH items that write, of which this is the first, and what stands behind them.
    Chain(chain::Chain),
}

/// A write, resolved: the query for its rows, and what to do with them.
pub(super) struct Write {
    pub input: Arc<LogicalPlan>,
    /// Types of the input's columns.
    types: Arc<[SqlType]>,
    table: Arc<Table>,
    kind: Kind,
    returning: Option<Returning>,
}

impl Write {
    pub fn verb(&self) -> &'static str {
        match &self.kind {
            Kind::Insert(_) => "INSERT",
            Kind::Update(_) => "UPDATE",
            Kind::Delete => "DELETE",
            Kind::Merge(_) => "MERGE",
            Kind::Lock(_) => "SELECT FOR UPDATE",
            Kind::Chain(chain) => chain.verb(),
        }
    }

    pub fn describe(&self) -> String {
        let verb = match self.kind {
            Kind::Insert(_) => "Insert on",
            Kind::Update(_) => "Update on",
            Kind::Delete => "Delete on",
            Kind::Merge(_) => "Merge on",
            Kind::Lock(_) => "Row locks on",
            Kind::Chain(_) => "Writes in WITH, first on",
        };
        format!("{verb} {}", self.table.name)
    }
}

type Prepared = Result<(Body, Option<Arc<[ColumnDesc]>>)>;

fn prepared(write: Write) -> Prepared {
    let columns = match &write.kind {
        Kind::Lock(lock) => Some(lock.columns.clone()),
        _ => write
            .returning
            .as_ref()
            .map(|returning| returning.columns.clone()),
    };
    Ok((Body::Write(write), columns))
}

/// One run of a write.
struct Running<'r> {
    machine: &'r Arc<Machine>,
    ctx: &'r PlanContext,
    write: &'r Write,
    statement: &'r Arc<PlannedStatement>,
    params: &'r [Value],
    facts: Facts,
}

pub(super) async fn write(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    txn: &mut Transaction,
    prepared: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<(Tag, Option<Rows>)> {
    ctx.cancel.check()?;
    if prepared.locks_within {
        let (write, ctx) = Box::pin(nested::resolved(machine, ctx, txn, prepared, params)).await?;
        return Box::pin(self::write(machine, &ctx, txn, &Arc::new(write), params)).await;
    }
    let fresh;
    let current = if prepared.is_stale(ctx) {
        let (here, ctx, prepared) = (machine.clone(), ctx.clone(), prepared.clone());
        fresh = Arc::new(
            machine
                .run(async move {
                    Wanted::by(&ctx.cancel).during(|| {
                        statement::prepare(&here, &ctx, &prepared.syntax, &prepared.declared)
                    })
                })
                .await?,
        );
        &fresh
    } else {
        prepared
    };
    current.check_access(ctx)?;
    let Body::Write(write) = &current.body else {
        return Err(Error::internal("a query was run as a write"));
    };
    if let Kind::Chain(chain) = &write.kind {
        return chain::run(machine, ctx, txn, current, chain, params).await;
    }
    let now = ctx.now_micros;
    let running = Running {
        machine,
        ctx,
        write,
        statement: current,
        params,
        facts: Facts {
            transaction_micros: now,
            statement_micros: now,
            format: ctx.settings.format.clone(),
            sequences: ctx.session.sequences.clone(),
            cancel: ctx.cancel.clone(),
        },
    };
    let done = match &write.kind {
        Kind::Insert(insert) => running.insert(txn, insert).await,
        Kind::Update(update) => running.update(txn, update).await,
        Kind::Delete => running.delete(txn).await,
        Kind::Merge(merge) => running.merge(txn, merge).await,
        Kind::Lock(lock) => running.lock(txn, lock).await,
        Kind::Chain(_) => Err(Error::internal("a chain of writes inside another")),
    };
    // What another part of the statement gave is not told of this one's rows.
    done.map_err(|error| {
        let session = &ctx.session;
        discretion::told_of(error, &session.rights, ctx.view.catalog(), current.needs())
    })
}

impl Running<'_> {
    fn env(&self) -> Env<'_> {
        Env {
            params: self.params,
            facts: &self.facts,
        }
    }

    /// Between two rows. Writing waits for nobody, mostly, and without a pause now and then
    /// nobody would see that the statement's time is over.
    async fn breathe(&self) -> Result<()> {
        tokio::task::coop::consume_budget().await;
        self.ctx.cancel.check()?;
        orbit_core::memory::check()
    }

    fn writer(&self) -> Result<TableWriter> {
        let compile = |expr: &sqlparser::ast::Expr,
                       columns: &[(String, SqlType)]|
         -> Result<Arc<dyn RowFunction>> {
            let compiled = scalar::compile(self.machine, self.ctx, expr, columns)?;
            Ok(Arc::new(Compiled(compiled)))
        };
        TableWriter::new(&self.write.table, Some(&compile))
    }

    /// Starts the input query at a view.
    async fn input(&self, view: ReadView) -> Result<ArrowStream> {
        let here = self.machine.clone();
        let ctx = PlanContext {
            view: view.clone(),
            ..self.ctx.clone()
        };
        let plan = self.write.input.clone();
        let statement = self.statement.clone();
        let params = self.params.to_vec();
        let ready = self
            .machine
            .run(async move {
                let plan = with_values(&plan, &statement.params, &params, &ctx)?;
                Ready::plan(&here, &ctx, plan).await
            })
            .await?;
        let run = Run::new(view, self.ctx.cancel.clone())
            .within(self.ctx.settings.limits.result_memory_bytes)
            .sharing(self.ctx.spools.clone());
        self.machine.start(ready, run, self.write.types.clone())
    }

    /// All rows of the input; what a statement changes is limited by memory.
    async fn gather(&self, view: ReadView) -> Result<Vec<Vec<Value>>> {
        let mut stream = self.input(view).await?;
        let mut rows = Vec::new();
        let mut bytes = 0usize;
        while let Some(batch) = stream.next().await? {
            for row in 0..batch.num_rows() {
                let row = self.row(&batch, row)?;
                bytes += row.iter().map(weight).sum::<usize>();
                rows.push(row);
            }
            let granted = self.ctx.settings.limits.result_memory_bytes;
            if granted.is_some_and(|granted| bytes > granted) {
                return Err(super::runtime::over_limit(granted.unwrap_or(0)));
            }
            if bytes > self.machine.max_gathered_bytes {
                return Err(Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    "the statement changes too many rows at once",
                )
                .with_hint("Split it by ranges of the key."));
            }
        }
        Ok(rows)
    }

    fn row(&self, batch: &RecordBatch, row: usize) -> Result<Vec<Value>> {
        batch
            .columns()
            .iter()
            .zip(self.write.types.iter())
            .map(|(column, ty)| cell(column, row, ty).map(|value| value.to_owned()))
            .collect()
    }

    fn answer(&self, tag: Tag, rows: Option<Vec<Vec<Value>>>) -> (Tag, Option<Rows>) {
        let rows = match (&self.write.returning, rows) {
            (Some(returning), Some(rows)) => {
                Some(Rows::values(returning.columns.clone(), rows).tagged(tag))
            }
            _ => None,
        };
        (tag, rows)
    }
}

fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Bytea(bytes) => bytes.len(),
            Value::Array(array) => array.items.len() * size_of::<Value>(),
            _ => 0,
        }
}

/// The key in front of every row of an UPDATE's or DELETE's input.
fn key_of(row: &[Value]) -> Result<&[u8]> {
    match row.first() {
        Some(Value::Bytea(key)) => Ok(key),
        _ => Err(Error::internal("a row to be written came without its key")),
    }
}

/// The rows that a statement's WHERE lets through.
fn chosen(
    binder: &mut Binder<'_>,
    Relation { plan, scope }: Relation,
    selection: Option<&ast::Expr>,
) -> Result<(LogicalPlan, Scope)> {
    let Some(selection) = selection else {
        return Ok((plan, scope));
    };
    let condition = binder.condition(&scope, selection)?;
    let plan = LogicalPlanBuilder::from(plan).filter(condition);
    Ok((plan.told()?.build().told()?, scope))
}

/// What a row writer gets of each row.
fn projected(plan: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    let plan = LogicalPlanBuilder::from(plan).project(exprs);
    plan.told()?.build().told()
}

/// A planned expression as row writers call it.
pub(super) struct Compiled(pub scalar::CompiledExpr);

impl RowFunction for Compiled {
    fn call(&self, row: &[Value], env: &Env<'_>) -> Result<Value> {
        cancel::during(&env.facts.cancel, || self.0.eval(row))
    }
}
