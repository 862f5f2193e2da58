//! One file of statements against both servers.

use super::compare::{difference, show};
use super::script::{Script, Statement};
use crate::flights;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::wire::{Reply, Wire};
use std::collections::BTreeSet;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Simple,
    Extended,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Findings {
    pub statements: usize,
    /// Statements whose difference the compatibility page explains.
    pub known: usize,
    /// In words, one for each statement that is not as it should be.
    pub wrong: Vec<String>,
    /// Statements that took a fifth of a second or more: place and seconds.
    pub slow: Vec<(String, f64)>,
}

pub struct Run<'a> {
    pub postgres: &'a Postgres,
    /// The entries of the compatibility page.
    pub known: &'a BTreeSet<String>,
}

impl Run<'_> {
    /// Plays a script on fresh databases of both.
    pub async fn play(&self, script: &Script, protocol: Protocol) -> Findings {
        let server = Server::start().await;
        self.postgres.recreate_database().await;
        if script.flights {
            for client in [&server.connect().await, &self.postgres.connect().await] {
                client
                    .batch_execute("SET TimeZone = 'UTC'")
                    .await
                    .expect("SET");
                flights::load(client).await;
            }
        }
        let mut both = Both::connect(server.port, self.postgres.port);
        let mut findings = Findings::default();
        for statement in &script.statements {
            if protocol == Protocol::Extended && statement.simple_only {
                continue;
            }
            findings.statements += 1;
            let started = Instant::now();
            let (ours, theirs) = both.ask(statement, protocol);
            let seconds = started.elapsed().as_secs_f64();
            if seconds >= 0.2 {
                let place = format!("{}.sql:{}", script.name, statement.line);
                findings.slow.push((place, seconds));
            }
            let said = difference(statement, &ours, &theirs);
            if ours.lost.is_some() || theirs.lost.is_some() {
                both = Both::connect(server.port, self.postgres.port);
            }
            let wrong = self.judge(statement, protocol, said, &mut findings.known);
            if let Some(wrong) = wrong {
                findings.wrong.push(format!(
                    "{}.sql:{}: {wrong} ({protocol:?})\n{}\n--- Orbit\n{}\n--- PostgreSQL\n{}\n",
                    script.name,
                    statement.line,
                    statement.sql,
                    show(&ours),
                    show(&theirs)
                ));
            }
        }
        findings
    }

    fn judge(
        &self,
        statement: &Statement,
        protocol: Protocol,
        said: Option<String>,
        known: &mut usize,
    ) -> Option<String> {
        let (always, extended) = (&statement.differs, &statement.differs_extended);
        let missing = always
            .iter()
            .chain(extended)
            .find(|name| !self.known.contains(*name));
        if let Some(name) = missing {
            return Some(format!("docs/sql/compatibility.md has no entry {name:?}"));
        }
        let marked = match protocol {
            Protocol::Simple => always.as_ref(),
            Protocol::Extended => extended.as_ref(),
        };
        match (said, marked) {
            (Some(_), Some(_)) => {
                *known += 1;
                None
            }
            // What differs in one protocol may be the same in the other.
            (Some(_), None) if protocol == Protocol::Extended && always.is_some() => None,
            (Some(said), None) => Some(format!("differs in {said}")),
            (None, Some(name)) => Some(format!("marked {name:?}, but it differs no longer")),
            (None, None) => None,
        }
    }
}

/// A connection to each.
pub struct Both {
    ours: Wire,
    theirs: Wire,
}

impl Both {
    pub fn connect(ours: u16, theirs: u16) -> Both {
        let mut both = Both {
            ours: Wire::connect(ours, "orbit", "orbit").expect("Orbit accepts connections"),
            theirs: Wire::connect(theirs, "orbit", "orbit").expect("PostgreSQL does"),
        };
        both.ask_simple("SET TimeZone = 'UTC'");
        both
    }

    pub fn ask(&mut self, statement: &Statement, protocol: Protocol) -> (Reply, Reply) {
        let copy = statement.copy.as_deref();
        for wire in [&mut self.ours, &mut self.theirs] {
            match protocol {
                Protocol::Simple => wire.send_simple(&statement.sql, copy),
                Protocol::Extended => wire.send_extended(&statement.sql, copy),
            }
        }
        (self.ours.read_reply(), self.theirs.read_reply())
    }

    pub fn ask_simple(&mut self, sql: &str) -> (Reply, Reply) {
        let statement = Statement {
            sql: sql.to_owned(),
            ..Statement::default()
        };
        self.ask(&statement, Protocol::Simple)
    }
}
