//! Planned statements end to end, over a simulated store.

mod answers;
mod columns;
mod correlated;
mod documents;
mod grammar;
mod joins;
mod row_values;
mod series;
mod several_relations;
mod spools;
mod writes;

use crate::{Engine, EngineOptions, Outcome, Session, SessionInit};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_core::value::text;
use orbit_core::{Error, Result};
use std::sync::Arc;

pub fn engine() -> Arc<Engine> {
    let db = Database::open(Arc::new(SimStore::new()), DatabaseOptions::default()).unwrap();
    Engine::new(
        db,
        EngineOptions {
            target_partitions: 1,
            ..EngineOptions::default()
        },
    )
    .unwrap()
}

pub fn session(engine: &Arc<Engine>, pid: i32) -> Session {
    engine.session(SessionInit {
        user: "orbit".into(),
        database: "orbit".into(),
        application: "test".into(),
        pid,
        secret: 1,
        ..SessionInit::default()
    })
}

/// Runs a script; the last statement's rows as `a|b` lines, or its tag.
pub async fn run(session: &mut Session, sql: &str) -> Result<String> {
    let outcome = run_script(session, sql).await;
    if outcome.is_err() {
        session.fail();
        let _ = session.sync().await;
    }
    outcome
}

async fn run_script(session: &mut Session, sql: &str) -> Result<String> {
    let mut script = session.parse_script(sql).await?;
    let mut shown = String::new();
    while let Some((statement, literals)) = session.next_statement(&mut script).await? {
        shown = match session.execute(&statement, &literals).await? {
            Outcome::Done(tag) => tag.to_string(),
            Outcome::Empty => String::new(),
            Outcome::Rows(mut rows) => {
                let mut lines = Vec::new();
                let columns = rows.columns.clone();
                while let Some(batch) = rows.next().await? {
                    for row in 0..batch.len() {
                        let mut line = Vec::new();
                        for (at, column) in columns.iter().enumerate() {
                            if at > 0 {
                                line.push(b'|');
                            }
                            let value = batch.value(row, at)?;
                            if !value.is_null() {
                                text::format(
                                    &value,
                                    &column.sql_type,
                                    session.format(),
                                    &mut line,
                                )?;
                            }
                        }
                        lines.push(String::from_utf8_lossy(&line).into_owned());
                    }
                }
                lines.join("\n")
            }
            Outcome::CopyIn(_) | Outcome::CopyOut(_) => {
                return Err(Error::unsupported("COPY here"));
            }
        };
    }
    session.sync().await?;
    Ok(shown)
}

#[test]
fn a_chore_rests_as_long_as_its_budget_says() {
    use super::pause_after;
    use std::time::Duration;
    let took = Duration::from_millis(10);
    assert_eq!(pause_after(took, 2, false), took * 2);
    assert_eq!(pause_after(took, 1, false), took);
    assert_eq!(pause_after(took, 2, true), took * 20);
    assert_eq!(pause_after(took, 30, true), took * 30);
}
