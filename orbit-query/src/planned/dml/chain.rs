//! `WITH x AS (INSERT ... RETURNING ...) SELECT ...`: statements that write, one behind
//! the other, and the statement that has what they returned.
//!
//! All of them see the tables as they were before the first, and what one has changed no
//! other changes. Each writing item runs whole: those whose rows are asked for before the
//! statement, in the order they stand in, and the others behind it, the last first.

use super::{Kind, Write, write};
use crate::planned::PlanContext;
use crate::planned::arrow::cell;
use crate::planned::bind::given::Given;
use crate::planned::fence::spool::Spools;
use crate::planned::runtime::Machine;
use crate::planned::scan::Run;
use crate::planned::statement::{self, Body, PlannedStatement};
use crate::planned::types;
use crate::rows::{RowBatch, Rows, Tag};
use crate::statement::visit;
use ahash::AHashSet;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SetExpr, Statement};
use std::ops::ControlFlow;
use std::sync::Arc;

#[derive(Clone)]
pub struct Chain {
    steps: Vec<Step>,
    /// The statement behind the WITH items, with those of them that don't write.
    main: Statement,
}

#[derive(Clone)]
struct Step {
    name: String,
    /// `WITH x (a, b) AS ...`
    columns: Vec<String>,
    statement: Statement,
    verb: &'static str,
}

impl Chain {
    /// `None`: no WITH item of the statement writes.
    pub fn of(statement: &Statement) -> Result<Option<Chain>> {
        let Statement::Query(query) = statement else {
            return Ok(None);
        };
        let Some(with) = &query.with else {
            return Ok(None);
        };
        if !with.cte_tables.iter().any(|item| verb_of(item).is_some()) {
            return Ok(None);
        }
        let mut steps = Vec::new();
        let mut others: Vec<ast::Cte> = Vec::new();
        let mut names = AHashSet::new();
        for item in &with.cte_tables {
            let name = types::fold(&item.alias.name);
            if !names.insert(name.clone()) {
                return Err(Error::new(
                    state::DUPLICATE_ALIAS,
                    format!("WITH query name \"{name}\" specified more than once"),
                ));
            }
            let Some(verb) = verb_of(item) else {
                others.push(item.clone());
                continue;
            };
            let mut inner = (*item.query).clone();
            let mut items = others.clone();
            let mut recursive = with.recursive;
            if let Some(own) = &inner.with {
                recursive |= own.recursive;
                items.extend(own.cte_tables.iter().cloned());
            }
            inner.with = (!items.is_empty()).then(|| ast::With {
                with_token: with.with_token.clone(),
                recursive,
                cte_tables: items,
            });
            let columns = item.alias.columns.iter();
            steps.push(Step {
                name,
                columns: columns.map(|column| types::fold(&column.name)).collect(),
                statement: Statement::Query(Box::new(inner)),
                verb,
            });
        }
        let mut main = (**query).clone();
        main.with = (!others.is_empty()).then(|| ast::With {
            cte_tables: others,
            ..with.clone()
        });
        Ok(Some(Chain {
            steps,
            main: Statement::Query(Box::new(main)),
        }))
    }

    /// The steps that run before the main statement, and those that run behind it.
    fn order(&self) -> (Vec<usize>, Vec<usize>) {
        let mut done = vec![false; self.steps.len()];
        self.mark(&self.main, &mut done);
        let before = self.with_needed(&mut done);
        let mut behind = Vec::new();
        for place in (0..self.steps.len()).rev() {
            if done.get(place) == Some(&false) {
                let mut needed = vec![false; self.steps.len()];
                if let Some(own) = needed.get_mut(place) {
                    *own = true;
                }
                for next in self.with_needed(&mut needed) {
                    if let Some(done @ false) = done.get_mut(next) {
                        *done = true;
                        behind.push(next);
                    }
                }
            }
        }
        (before, behind)
    }

    /// Marks the steps whose rows a statement asks for.
    fn mark(&self, statement: &Statement, needed: &mut [bool]) {
        let _ = visit::relations(statement, |relation| {
            let name = types::last_name(relation);
            for (step, needed) in self.steps.iter().zip(needed.iter_mut()) {
                *needed |= relation.0.len() == 1 && step.name == name;
            }
            ControlFlow::<()>::Continue(())
        });
    }

    /// These and the steps before them that they ask for, in the order they stand in.
    fn with_needed(&self, needed: &mut [bool]) -> Vec<usize> {
        for (place, step) in self.steps.iter().enumerate().rev() {
            if needed.get(place) == Some(&true) {
                self.mark(&step.statement, needed.get_mut(..place).unwrap_or_default());
            }
        }
        let places = needed.iter().enumerate();
        places
            .filter_map(|(place, needed)| needed.then_some(place))
            .collect()
    }

    pub fn verb(&self) -> &'static str {
        self.steps.first().map_or("INSERT", |step| step.verb)
    }
}

fn verb_of(item: &ast::Cte) -> Option<&'static str> {
    match &*item.query.body {
        SetExpr::Insert(_) => Some("INSERT"),
        SetExpr::Update(_) => Some("UPDATE"),
        SetExpr::Delete(_) => Some("DELETE"),
        _ => None,
    }
}

/// What a step returned, under the names it has there.
fn given(step: &Step, prepared: &PlannedStatement, rows: Vec<Vec<Value>>) -> Result<Given> {
    let columns = prepared.columns().map(|columns| {
        let named = columns.iter().enumerate().map(|(at, column)| {
            let name = step.columns.get(at).unwrap_or(&column.name);
            (name.clone(), column.sql_type.clone())
        });
        named.collect::<Vec<_>>()
    });
    let have = columns.as_ref().map_or(0, Vec::len);
    if step.columns.len() > have {
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            format!(
                "WITH query \"{}\" has {have} columns available but {} columns specified",
                step.name,
                step.columns.len()
            ),
        ));
    }
    Ok(Given {
        name: step.name.clone(),
        columns,
        rows,
    })
}

/// The context of a statement's parts, which share what is worked out once.
fn of_parts(ctx: &PlanContext) -> PlanContext {
    PlanContext {
        spools: Some(Arc::default()),
        ..ctx.clone()
    }
}

/// Resolves every part, with no rows in what the parts before it return.
pub fn prepare(
    machine: &Machine,
    ctx: &PlanContext,
    statement: &Statement,
    chain: Chain,
    declared: &[Option<SqlType>],
) -> Result<PlannedStatement> {
    let ctx = &of_parts(ctx);
    let mut params: Vec<SqlType> = Vec::new();
    let mut before: Vec<Given> = Vec::new();
    let mut parts = Vec::with_capacity(chain.steps.len());
    for step in &chain.steps {
        let inner = after(ctx, &before);
        let prepared = statement::prepare(machine, &inner, &step.statement, declared)?;
        learn(&mut params, prepared.params());
        before.push(given(step, &prepared, Vec::new())?);
        parts.push(prepared);
    }
    let main = statement::prepare(machine, &after(ctx, &before), &chain.main, declared)?;
    learn(&mut params, main.params());
    let body = match parts.first().map(|first| &first.body) {
        Some(Body::Write(first)) => Body::Write(Write {
            input: first.input.clone(),
            types: first.types.clone(),
            table: first.table.clone(),
            kind: Kind::Chain(chain),
            returning: None,
        }),
        _ => return Err(Error::internal("a WITH item that writes is no write")),
    };
    Ok(main.with_parts(statement, declared, params, body, parts))
}

/// The context of a part that has what these gave.
fn after(ctx: &PlanContext, before: &[Given]) -> PlanContext {
    PlanContext {
        given: before.into(),
        ..ctx.clone()
    }
}

/// A parameter that only one of the parts gives a type to has that type; text is what it
/// has where nothing does.
fn learn(known: &mut Vec<SqlType>, more: &[SqlType]) {
    for (at, more) in more.iter().enumerate() {
        match known.get_mut(at) {
            Some(known) if *known == SqlType::Text => *known = more.clone(),
            Some(_) => {}
            None => known.push(more.clone()),
        }
    }
}

pub async fn run(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    txn: &mut Transaction,
    prepared: &PlannedStatement,
    chain: &Chain,
    params: &[Value],
) -> Result<(Tag, Option<Rows>)> {
    let declared: Vec<Option<SqlType>> = prepared.params().iter().cloned().map(Some).collect();
    let (first, last) = chain.order();
    let ctx = &of_parts(ctx);
    let _ending = ctx.spools.as_ref().map(Spools::until_end);
    let mut run = Steps {
        machine,
        ctx,
        declared: &declared,
        params,
        before: Vec::new(),
    };
    for place in first {
        run.step(txn, chain.steps.get(place)).await?;
    }
    let answer = run.main(txn, &chain.main).await?;
    for place in last {
        run.step(txn, chain.steps.get(place)).await?;
    }
    Ok(answer)
}

/// The parts of one run.
struct Steps<'r> {
    machine: &'r Arc<Machine>,
    ctx: &'r PlanContext,
    declared: &'r [Option<SqlType>],
    params: &'r [Value],
    /// What those that ran have returned.
    before: Vec<Given>,
}

impl Steps<'_> {
    async fn step(&mut self, txn: &mut Transaction, step: Option<&Step>) -> Result<()> {
        let step = step.ok_or_else(|| Error::internal("a WITH item that isn't there"))?;
        let ctx = after(self.ctx, &self.before);
        let part = part(self.machine, &ctx, &step.statement, self.declared).await?;
        let (_, rows) = Box::pin(write(self.machine, &ctx, txn, &part, self.params)).await?;
        let rows = match rows {
            Some(rows) => values_of(rows).await?,
            None => Vec::new(),
        };
        self.before.push(given(step, &part, rows)?);
        Ok(())
    }

    async fn main(&self, txn: &mut Transaction, main: &Statement) -> Result<(Tag, Option<Rows>)> {
        let ctx = &after(self.ctx, &self.before);
        let part = part(self.machine, ctx, main, self.declared).await?;
        if part.writes().is_some() {
            return Box::pin(write(self.machine, ctx, txn, &part, self.params)).await;
        }
        read_whole(self.machine, ctx, &part, self.params).await
    }
}

async fn read_whole(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    part: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<(Tag, Option<Rows>)> {
    // To the end before anything is told: an error in it undoes the writes.
    let (ready, columns) = statement::physical(machine, ctx, part, params).await?;
    let types: Arc<[SqlType]> = columns.iter().map(|one| one.sql_type.clone()).collect();
    let limit = ctx.settings.limits.result_memory_bytes;
    let run = Run::new(ctx.view.clone(), ctx.cancel.clone())
        .within(limit)
        .sharing(ctx.spools.clone());
    let mut stream = machine.start(ready, run, types.clone())?;
    let mut rows = Vec::new();
    let mut bytes = 0usize;
    while let Some(batch) = stream.next().await? {
        for at in 0..batch.num_rows() {
            let row = batch.columns().iter().zip(types.iter());
            let row = row.map(|(column, ty)| cell(column, at, ty).map(|value| value.to_owned()));
            let row = row.collect::<Result<Vec<Value>>>()?;
            bytes += row.iter().map(super::weight).sum::<usize>();
            rows.push(row);
        }
        if bytes > limit.unwrap_or(MAX_RETURNED_BYTES) {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "a statement whose WITH writes returns too many rows at once",
            ));
        }
    }
    let tag = Tag::Select(rows.len() as u64);
    Ok((tag, Some(Rows::values(columns, rows).tagged(tag))))
}

const MAX_RETURNED_BYTES: usize = 64 << 20;

async fn part(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    statement: &Statement,
    declared: &[Option<SqlType>],
) -> Result<Arc<PlannedStatement>> {
    let (here, ctx, statement) = (machine.clone(), ctx.clone(), statement.clone());
    let declared = declared.to_vec();
    machine
        .run(async move { statement::prepare(&here, &ctx, &statement, &declared).map(Arc::new) })
        .await
}

/// What a write returned, which it has in memory.
async fn values_of(mut rows: Rows) -> Result<Vec<Vec<Value>>> {
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await? {
        match batch {
            RowBatch::Values(rows) => all.extend(rows),
            _ => return Err(Error::internal("a write returned other than values")),
        }
    }
    Ok(all)
}
