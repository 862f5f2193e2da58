//! `WITH x AS (INSERT ... RETURNING ...) SELECT ...`: statements that write, one behind
//! the other, and the statement that has what they returned.
//!
//! All of them see the tables as they were before the first, and what one has changed no
//! other changes. Each writing item runs whole: those whose rows are asked for before the
//! statement, in the order they stand in, and the others behind it, the last first.
//!
//! An item that gives other rows every time, and that several parts name, is such a part
//! as well, if one is asked for: `WITH x AS (SELECT gen_random_uuid() AS id)`.

use super::{Kind, Write, volatile, write};
use crate::planned::PlanContext;
use crate::planned::arrow::cell;
use crate::planned::bind::given::Given;
use crate::planned::runtime::Machine;
use crate::planned::scan::Run;
use crate::planned::statement::{self, Body, Physical, PlannedStatement};
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
    /// The statement behind the WITH items, with those of them that are no step.
    main: Statement,
    /// What the first part that writes is called.
    verb: &'static str,
}

#[derive(Clone)]
struct Step {
    name: String,
    /// `WITH x (a, b) AS ...`
    columns: Vec<String>,
    statement: Statement,
    /// `None`: it only reads.
    verb: Option<&'static str>,
}

impl Chain {
    /// `None`: all of the statement can be run as one.
    pub fn of(statement: &Statement) -> Result<Option<Chain>> {
        let hoisted;
        let query = match statement {
            Statement::Query(query) => query,
            Statement::Insert(insert) => match hoist(insert) {
                Some(query) => {
                    hoisted = query;
                    &hoisted
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Some(with) = &query.with else {
            return Ok(None);
        };
        let once = volatile::shared(query, with);
        let is_step = |item: &ast::Cte| {
            let name = types::fold(&item.alias.name);
            verb_of(item).is_some() || once.contains(&name)
        };
        if !with.cte_tables.iter().any(is_step) {
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
            if !is_step(item) {
                others.push(item.clone());
                continue;
            }
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
                verb: verb_of(item),
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
            verb: "SELECT",
        }))
    }

    /// The steps that run before the main statement, and those that run behind it.
    fn order(&self) -> (Vec<usize>, Vec<usize>) {
        let mut done = vec![false; self.steps.len()];
        self.mark(&self.main, &mut done);
        let before = self.with_needed(&mut done);
        let mut behind = Vec::new();
        for place in (0..self.steps.len()).rev() {
            let writes = self
                .steps
                .get(place)
                .is_some_and(|step| step.verb.is_some());
            if writes && done.get(place) == Some(&false) {
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
        self.verb
    }
}

/// `INSERT INTO t WITH ... SELECT` as `WITH ... INSERT INTO t SELECT`.
fn hoist(insert: &ast::Insert) -> Option<Box<ast::Query>> {
    let source = insert.source.as_deref()?;
    let with = source.with.clone()?;
    if volatile::shared(source, &with).is_empty() {
        return None;
    }
    let mut insert = insert.clone();
    insert.source.as_mut()?.with = None;
    Some(Box::new(ast::Query {
        with: Some(with),
        body: Box::new(SetExpr::Insert(Statement::Insert(insert))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }))
}

pub(super) fn verb_of(item: &ast::Cte) -> Option<&'static str> {
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

/// Resolves every part, with no rows in what the parts before it return.
pub fn prepare(
    machine: &Machine,
    ctx: &PlanContext,
    statement: &Statement,
    chain: Chain,
    declared: &[Option<SqlType>],
) -> Result<PlannedStatement> {
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
    let first = parts
        .iter()
        .chain([&main])
        .find_map(|part| match &part.body {
            Body::Write(write) => Some(Write {
                input: write.input.clone(),
                types: write.types.clone(),
                table: write.table.clone(),
                kind: Kind::Chain(Chain {
                    verb: write.verb(),
                    ..chain.clone()
                }),
                returning: None,
            }),
            _ => None,
        });
    let body = match (first, &main.body) {
        (Some(first), _) => Body::Write(first),
        (None, Body::Query(plan)) => Body::Staged(plan.clone(), Arc::new(chain)),
        (None, _) => return Err(Error::internal("a statement in stages inside another")),
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
    let declared = declared(prepared);
    let (first, last) = chain.order();
    let mut run = Steps {
        machine,
        ctx,
        declared: &declared,
        params,
        before: Vec::new(),
    };
    for place in first {
        run.step(Some(txn), chain.steps.get(place)).await?;
    }
    let answer = run.main(txn, &chain.main).await?;
    for place in last {
        run.step(Some(txn), chain.steps.get(place)).await?;
    }
    Ok(answer)
}

/// The plan of a statement that only reads, once the parts before it have their rows.
pub async fn staged(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    prepared: &PlannedStatement,
    chain: &Chain,
    params: &[Value],
) -> Result<Physical> {
    let declared = declared(prepared);
    let mut run = Steps {
        machine,
        ctx,
        declared: &declared,
        params,
        before: Vec::new(),
    };
    for place in chain.order().0 {
        run.step(None, chain.steps.get(place)).await?;
    }
    let ctx = after(ctx, &run.before);
    let main = part(machine, &ctx, &chain.main, &declared).await?;
    statement::physical(machine, &ctx, &main, params).await
}

fn declared(prepared: &PlannedStatement) -> Vec<Option<SqlType>> {
    prepared.params().iter().cloned().map(Some).collect()
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
    /// `txn`: for parts that write.
    async fn step(&mut self, txn: Option<&mut Transaction>, step: Option<&Step>) -> Result<()> {
        let step = step.ok_or_else(|| Error::internal("a WITH item that isn't there"))?;
        let ctx = after(self.ctx, &self.before);
        let part = part(self.machine, &ctx, &step.statement, self.declared).await?;
        let (_, rows) = match (part.writes(), txn) {
            (None, _) => Box::pin(read_whole(self.machine, &ctx, &part, self.params)).await?,
            (Some(_), Some(txn)) => {
                Box::pin(write(self.machine, &ctx, txn, &part, self.params)).await?
            }
            (Some(_), None) => return Err(Error::internal("a write among what only reads")),
        };
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
    let (plan, columns) = statement::physical(machine, ctx, part, params).await?;
    let types: Arc<[SqlType]> = columns.iter().map(|one| one.sql_type.clone()).collect();
    let limit = ctx.settings.limits.result_memory_bytes;
    let run = Run::new(ctx.view.clone(), ctx.cancel.clone()).within(limit);
    let mut stream = machine.start(plan, run, types.clone())?;
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
                "a statement in parts has too many rows in one of them",
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
