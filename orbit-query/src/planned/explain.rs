//! EXPLAIN of what DataFusion plans.

use super::again::{Ready, is_due};
use super::error::Told;
use super::runtime::Machine;
use super::scan::Run;
use super::statement::{Body, PlannedStatement, with_values};
use super::{PlanContext, Planner, dml};
use crate::session::arguments::Given;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, collect};
use orbit_core::Result;
use orbit_core::txn::Transaction;
use orbit_core::value::Value;
use sqlparser::ast::Statement;
use std::sync::Arc;
use std::time::Instant;

pub async fn explain(
    planner: &Planner,
    ctx: &PlanContext,
    txn: Option<&mut Transaction>,
    syntax: &Statement,
    analyze: bool,
    given: Given<'_>,
) -> Result<Vec<String>> {
    let started = Instant::now();
    let prepared = Arc::new(planner.prepare(ctx, syntax, &given.declared()).await?);
    prepared.check_access(ctx)?;
    let machine = &planner.machine;
    let Ready {
        mut plan,
        again,
        waits,
    } = input_plan(machine, ctx, &prepared, given.values).await?;
    let planning = started.elapsed();
    let head = match &prepared.body {
        Body::Query(_) => "Planned Query".to_owned(),
        Body::Write(write) => format!("Planned {}", write.describe()),
    };
    let mut lines = vec![head];
    if !analyze {
        lines.extend(shown(&plan, false));
        return Ok(lines);
    }
    let started = Instant::now();
    match (&prepared.body, txn) {
        (Body::Write(_), Some(txn)) => {
            let (tag, _) = dml::write(machine, ctx, txn, &prepared, given.values).await?;
            lines.extend(shown(&plan, false));
            lines.push(format!("Result: {tag}"));
        }
        _ => {
            let _place = match waits {
                Some(pid) => tokio::select! {
                    biased;
                    reason = ctx.cancel.cancelled() => return Err(reason),
                    place = machine.admission.enter(pid, false) => Some(place?),
                },
                None => None,
            };
            let batches = match (collected(machine, ctx, &plan).await, again) {
                (Err(error), Some(again)) if is_due(&error, false) => {
                    plan = machine.run(async move { again.plan().await }).await?;
                    collected(machine, ctx, &plan).await?
                }
                (batches, _) => batches?,
            };
            let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
            lines.extend(shown(&plan, true));
            lines.push(format!("Rows: {rows}"));
        }
    }
    lines.push(format!(
        "Planning Time: {:.3} ms",
        planning.as_secs_f64() * 1000.0
    ));
    lines.push(format!(
        "Execution Time: {:.3} ms",
        started.elapsed().as_secs_f64() * 1000.0
    ));
    Ok(lines)
}

async fn collected(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    plan: &Arc<dyn ExecutionPlan>,
) -> Result<Vec<RecordBatch>> {
    let run = Run::new(ctx.view.clone(), ctx.cancel.clone());
    let _ending = run.ending();
    let (plan, task) = (plan.clone(), machine.task(run));
    machine
        .run(async move { collect(plan, task).await.told() })
        .await
}

/// A query's plan, or that of the rows a write works on.
async fn input_plan(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    prepared: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<Ready> {
    let here = machine.clone();
    let ctx = ctx.clone();
    let prepared = prepared.clone();
    let mut values = params.to_vec();
    machine
        .run(async move {
            let plan = match &prepared.body {
                Body::Query(plan) => plan.clone(),
                Body::Write(write) => write.input.clone(),
            };
            let types = prepared.params.clone();
            values.resize(types.len(), Value::Null);
            let plan = with_values(&plan, &types, &values, &ctx)?;
            Ready::plan(&here, &ctx, plan).await
        })
        .await
}

fn shown(plan: &Arc<dyn ExecutionPlan>, measured: bool) -> Vec<String> {
    let display = if measured {
        DisplayableExecutionPlan::with_metrics(plan.as_ref())
    } else {
        DisplayableExecutionPlan::new(plan.as_ref())
    };
    display
        .indent(false)
        .to_string()
        .lines()
        .map(|line| format!("  {line}"))
        .collect()
}
