//! Generated statements put to both servers.

use super::compare::{difference, show};
use super::generate::query::Select;
use super::generate::{Generator, Statement as Generated};
use super::run::{Both, Protocol};
use super::script::{Compare, Statement};
use crate::postgres::Postgres;
use crate::server::Server;
use crate::wire::{Part, Reply};

/// Statements on one schema, then the next.
const A_SCHEMA: usize = 120;
const MOST_SHOWN: usize = 20;

#[derive(Debug, Default)]
pub struct Outcome {
    pub statements: usize,
    /// Orbit said 0A000 where PostgreSQL answered.
    pub refused: Vec<String>,
    pub wrong: Vec<String>,
}

pub async fn play(postgres: &Postgres, seed: u64, statements: usize) -> Outcome {
    let server = Server::start().await;
    postgres.recreate_database().await;
    let connect = || Both::connect(server.port, postgres.port);
    let (mut both, mut generator) = (connect(), Generator::new(seed));
    let mut outcome = Outcome::default();
    let mut left_of_schema = 0;
    while outcome.statements < statements && outcome.wrong.len() < MOST_SHOWN {
        if left_of_schema == 0 {
            for sql in generator.schema() {
                let (ours, theirs) = both.ask_simple(&sql);
                let said = difference(&plain(&sql, true), &ours, &theirs);
                // The statements before a wrong one may have left the old tables gone.
                if let (Some(said), false) = (said, sql.starts_with("DROP")) {
                    outcome
                        .wrong
                        .push(describe(seed, &said, &sql, &ours, &theirs));
                }
                outcome.statements += 1;
            }
            left_of_schema = A_SCHEMA;
        }
        left_of_schema -= 1;
        outcome.statements += 1;
        let generated = generator.statement();
        let statement = match &generated {
            Generated::Change { sql, one_row } => plain(sql, *one_row),
            other => plain(&other.sql(), true),
        };
        let (mut ours, mut theirs) = both.ask(&statement, Protocol::Simple);
        let Some(mut said) = difference(&statement, &ours, &theirs) else {
            continue;
        };
        if refused(&ours) && !matches!(theirs.parts.first(), Some(Part::Error(_))) {
            outcome.refused.push(statement.sql.clone());
            // A change that one of them made leaves different tables behind.
            if matches!(generated, Generated::Change { .. }) {
                left_of_schema = 0;
            }
            continue;
        }
        if ours.lost.is_some() || theirs.lost.is_some() {
            both = connect();
        }
        let mut sql = statement.sql;
        match generated {
            Generated::Query(select) => {
                if let Some((less, less_said, less_ours, less_theirs)) = shrink(&mut both, &select)
                {
                    (sql, said, ours, theirs) = (less, less_said, less_ours, less_theirs);
                }
            }
            _ => left_of_schema = 0,
        }
        outcome
            .wrong
            .push(describe(seed, &said, &sql, &ours, &theirs));
    }
    outcome
}

/// The smallest query found that still differs.
fn shrink(both: &mut Both, select: &Select) -> Option<(String, String, Reply, Reply)> {
    let mut found = None;
    let mut now = select.clone();
    'smaller: loop {
        for less in now.smaller() {
            let statement = plain(&less.sql(), true);
            let (ours, theirs) = both.ask(&statement, Protocol::Simple);
            if ours.lost.is_some() {
                return found;
            }
            let failed = |reply: &Reply| matches!(reply.parts.first(), Some(Part::Error(_)));
            if failed(&theirs) {
                continue;
            }
            if let Some(said) = difference(&statement, &ours, &theirs) {
                found = Some((statement.sql, said, ours, theirs));
                now = less;
                continue 'smaller;
            }
        }
        return found;
    }
}

fn plain(sql: &str, all: bool) -> Statement {
    Statement {
        sql: sql.to_owned(),
        compare: if all { Compare::Values } else { Compare::State },
        ..Statement::default()
    }
}

fn refused(reply: &Reply) -> bool {
    matches!(reply.parts.first(), Some(Part::Error(error)) if error.state == "0A000")
}

fn describe(seed: u64, said: &str, sql: &str, ours: &Reply, theirs: &Reply) -> String {
    format!(
        "seed {seed}: differs in {said}\n{sql}\n--- Orbit\n{}\n--- PostgreSQL\n{}\n",
        show(ours),
        show(theirs)
    )
}
