//! EXPLAIN: names the path a statement takes, and with ANALYZE measures it.

use crate::point::PointPlan;
use crate::rows::{ColumnDesc, Outcome, Rows, Tag};
use crate::session::Session;
use crate::session::arguments::Given;
use crate::statement::Prepared;
use crate::statement::parse::{self, Parsed};
use crate::statement::tokens;
use crate::statement::utility::{Explain, ExplainFormat, Utility};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) async fn run(
    session: &mut Session,
    explain: &Explain,
    given: Given<'_>,
) -> Result<Outcome> {
    let outer = session.count_places_in(Some(&explain.sql));
    let explained = explained(session, explain, given).await;
    session.count_places_in(outer.as_deref());
    explained.map_err(|error| session.of_utility(error, &explain.sql))
}

async fn explained(session: &mut Session, explain: &Explain, given: Given<'_>) -> Result<Outcome> {
    let declared = given.declared();
    let pieces = tokens::split(&explain.sql)?;
    let [piece] = pieces.as_slice() else {
        return Err(tokens::unexpected(&explain.sql, None));
    };
    let statement = match parse::parse(&explain.sql, piece)? {
        Parsed::Row(statement) => statement,
        Parsed::Utility(utility) => match *utility {
            Utility::Execute { name, arguments } => {
                return Box::pin(execute(session, explain, &name, &arguments)).await;
            }
            _ => {
                return Err(Error::unsupported(
                    "EXPLAIN of a statement that is no query",
                ));
            }
        },
    };
    let started = Instant::now();
    let settings = session.settings().clone();
    let view = session.transaction()?.begin_statement();
    session.identify(view.catalog());
    let point = match PointPlan::compile(view.catalog(), &settings, &statement, &declared) {
        Ok(point) => point,
        Err(error) => return Err(session.placed(view, &statement, &declared, error).await),
    };
    let mut lines = match point {
        Some(plan) => {
            crate::access::need::check(plan.needs(), session.rights(), view.catalog())?;
            let planning = started.elapsed();
            let mut lines = plan.describe();
            drop(view);
            if explain.analyze {
                let (rows, time) = measure(session, &explain.sql, given).await?;
                if let Some(first) = lines.first_mut() {
                    first.push_str(&measured(rows, time, explain.timing));
                }
                times(&mut lines, planning, time, explain.timing);
            }
            lines
        }
        None => planned(session, explain, &statement, given).await?,
    };
    if explain.format == ExplainFormat::Json {
        let mut plan = serde_json::json!({ "Lines": lines });
        if explain.verbose {
            let prepared = session.prepare_inner(&explain.sql, &declared).await?;
            tell_columns(&prepared, &mut plan);
        }
        lines = vec![serde_json::json!([{ "Plan": plan }]).to_string()];
    }
    Ok(shown(explain, lines))
}

/// The result's columns, and which of them an outer join may leave empty: drivers look
/// for that here.
fn tell_columns(prepared: &Prepared, plan: &mut serde_json::Value) {
    let columns = prepared.columns.as_deref().unwrap_or_default();
    let named: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            match columns
                .iter()
                .filter(|other| other.name == column.name)
                .count()
            {
                1 => column.name.clone(),
                _ => format!("{} ({})", column.name, at + 1),
            }
        })
        .collect();
    let empty = prepared.made_null();
    let inner: Vec<&String> = named
        .iter()
        .zip(&empty)
        .filter(|(_, empty)| **empty)
        .map(|(name, _)| name)
        .collect();
    if !inner.is_empty() {
        plan["Join Type"] = "Left".into();
        plan["Plans"] = serde_json::json!([
            { "Parent Relationship": "Inner", "Output": inner }
        ]);
    }
    plan["Output"] = serde_json::json!(named);
}

/// EXPLAIN EXECUTE: of the statement that was prepared by this name.
async fn execute(
    session: &mut Session,
    explain: &Explain,
    name: &str,
    arguments: &[sqlparser::ast::Expr],
) -> Result<Outcome> {
    let (statement, params) = session.executed(name, arguments).await?;
    if statement.is_utility() {
        let line = match explain.format {
            ExplainFormat::Json => "[\n  \"Utility Statement\"\n]",
            ExplainFormat::Text => "Utility statements have no plan structure",
        };
        return Ok(shown(explain, vec![line.to_owned()]));
    }
    let inner = Explain {
        sql: statement.sql.clone(),
        ..explain.clone()
    };
    let given = Given {
        values: &params,
        types: &statement.params,
    };
    run(session, &inner, given).await
}

/// The one column that EXPLAIN gives.
pub(crate) fn columns(explain: &Explain) -> Arc<[ColumnDesc]> {
    let ty = match explain.format {
        ExplainFormat::Json => SqlType::Json,
        ExplainFormat::Text => SqlType::Text,
    };
    Arc::new([ColumnDesc::new("QUERY PLAN", ty)])
}

fn shown(explain: &Explain, lines: Vec<String>) -> Outcome {
    let columns = columns(explain);
    let rows = lines
        .into_iter()
        .map(|line| vec![Value::Text(line)])
        .collect();
    Outcome::Rows(Rows::values(columns, rows).tagged(Tag::Other("EXPLAIN")))
}

#[cfg(feature = "datafusion")]
async fn planned(
    session: &mut Session,
    explain: &Explain,
    statement: &sqlparser::ast::Statement,
    given: Given<'_>,
) -> Result<Vec<String>> {
    let cached = session.is_cached(&explain.sql);
    let engine = session.engine().clone();
    let view = session.transaction()?.begin_statement();
    let context = session.plan_context(view);
    let transaction = session.transaction()?;
    let plan = engine
        .planner()
        .explain(
            &context,
            Some(transaction),
            statement,
            explain.analyze,
            given,
        )
        .await?;
    if !cached {
        return Ok(plan);
    }
    let mut lines = vec!["Cached Plan".to_owned()];
    lines.extend(plan.into_iter().map(|line| format!("  {line}")));
    Ok(lines)
}

#[cfg(not(feature = "datafusion"))]
async fn planned(
    _: &mut Session,
    _: &Explain,
    _: &sqlparser::ast::Statement,
    _: Given<'_>,
) -> Result<Vec<String>> {
    Err(Error::unsupported("this statement")
        .with_hint("A node built without DataFusion reads and writes rows by their keys."))
}

/// Runs the statement for good; counts what it gives or changes.
async fn measure(session: &mut Session, sql: &str, given: Given<'_>) -> Result<(u64, Duration)> {
    let statement = session.prepare_inner(sql, &given.declared()).await?;
    let started = Instant::now();
    if let Some(tag) = statement.writes() {
        session.check_writable(tag)?;
    }
    let rows = match session.run_boxed(&statement, given.values).await? {
        Outcome::Rows(mut rows) => {
            let mut count = 0;
            while let Some(batch) = rows.next().await? {
                count += batch.len() as u64;
            }
            count
        }
        Outcome::Done(
            Tag::Insert(n) | Tag::Update(n) | Tag::Delete(n) | Tag::Merge(n) | Tag::Select(n),
        ) => n,
        _ => 0,
    };
    Ok((rows, started.elapsed()))
}

fn measured(rows: u64, time: Duration, timing: bool) -> String {
    if timing {
        format!(
            " (actual time={:.3} rows={rows} loops=1)",
            milliseconds(time)
        )
    } else {
        format!(" (actual rows={rows} loops=1)")
    }
}

fn times(lines: &mut Vec<String>, planning: Duration, execution: Duration, timing: bool) {
    if timing {
        lines.push(format!("Planning Time: {:.3} ms", milliseconds(planning)));
        lines.push(format!("Execution Time: {:.3} ms", milliseconds(execution)));
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
