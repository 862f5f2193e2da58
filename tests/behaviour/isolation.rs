//! Two or three sessions against each other, step by step, on Orbit and on
//! PostgreSQL: the transcripts must be the same. The scripts stand in `isolation.txt`
//! and `isolation_locks.txt`:
//!
//! ```text
//! # name
//! setup statement
//! A: statement        must end (within ten seconds)
//! B? statement        must wait for somebody
//! B!                  the waiting statement must end now
//! A# gone             the session's connection is cut
//! ```

use orbit_tests::postgres::Postgres;
use orbit_tests::server::Server;
use orbit_tests::skip;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

const FILES: [&str; 2] = [
    include_str!("isolation.txt"),
    include_str!("isolation_locks.txt"),
];

/// How long a statement that must wait is watched.
const WATCHED: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(10);

struct Script<'a> {
    name: &'a str,
    setup: Vec<&'a str>,
    steps: Vec<(char, char, &'a str)>,
}

fn scripts() -> Vec<Script<'static>> {
    let mut scripts: Vec<Script<'static>> = Vec::new();
    for line in FILES.iter().flat_map(|file| file.lines()).map(str::trim) {
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix("# ") {
            scripts.push(Script {
                name,
                setup: Vec::new(),
                steps: Vec::new(),
            });
            continue;
        }
        let script = scripts.last_mut().expect("a script begins with its name");
        let mut letters = line.chars();
        match (letters.next(), letters.next()) {
            (Some(session @ 'A'..='C'), Some(kind @ (':' | '?' | '!' | '#'))) => {
                script.steps.push((session, kind, line[2..].trim()));
            }
            _ => script.setup.push(line),
        }
    }
    scripts
}

async fn run(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(messages) => {
            let mut text = Vec::new();
            for message in messages {
                match message {
                    SimpleQueryMessage::Row(row) => {
                        let values = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL"));
                        text.push(format!("({})", values.collect::<Vec<_>>().join(",")));
                    }
                    SimpleQueryMessage::CommandComplete(rows) => text.push(format!("ok {rows}")),
                    _ => {}
                }
            }
            text.join(" ")
        }
        Err(error) => match error.as_db_error() {
            Some(error) => format!("ERROR {}", error.code().code()),
            None => format!("connection: {error}"),
        },
    }
}

/// Plays a script; the transcript has a line a step.
async fn play(script: &Script<'_>, mut sessions: HashMap<char, Arc<Client>>) -> Vec<String> {
    let mut transcript = Vec::new();
    for statement in &script.setup {
        let said = run(&sessions[&'A'], statement).await;
        if said.starts_with("ERROR") {
            transcript.push(format!("setup: {statement}: {said}"));
        }
    }
    let mut waiting: HashMap<char, JoinHandle<String>> = HashMap::new();
    for &(session, kind, sql) in &script.steps {
        let mut task = match kind {
            '#' => {
                sessions.remove(&session);
                continue;
            }
            '!' => match waiting.remove(&session) {
                Some(task) => task,
                None => {
                    transcript.push(format!("{session}! nothing was waiting"));
                    continue;
                }
            },
            _ => {
                let client = sessions.get(&session).expect("a session that isn't gone");
                let (client, sql) = (client.clone(), sql.to_owned());
                tokio::spawn(async move { run(&client, &sql).await })
            }
        };
        let limit = if kind == '?' { WATCHED } else { LIMIT };
        match tokio::time::timeout(limit, &mut task).await {
            Ok(said) => transcript.push(format!("{session}{kind} {sql} -> {}", said.unwrap())),
            Err(_) => {
                transcript.push(format!("{session}{kind} {sql} -> waits"));
                waiting.insert(session, task);
            }
        }
    }
    transcript
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_behave_as_in_postgresql() {
    let Some(postgres) = Postgres::start().await else {
        return skip(
            "sessions_behave_as_in_postgresql",
            "PostgreSQL is not installed",
        );
    };
    let server = Server::start().await;
    let scripts = scripts();
    assert!(scripts.len() >= 60, "{} scripts", scripts.len());
    let mut different = Vec::new();
    for script in &scripts {
        let (mut ours, mut theirs) = (HashMap::new(), HashMap::new());
        for session in ['A', 'B', 'C'] {
            ours.insert(session, Arc::new(server.connect().await));
            theirs.insert(session, Arc::new(postgres.connect().await));
        }
        let (ours, theirs) = tokio::join!(play(script, ours), play(script, theirs));
        if ours != theirs {
            let mut text = format!("# {}\n", script.name);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if ours == theirs {
                    text.push_str(&format!("    {ours}\n"));
                } else {
                    text.push_str(&format!("  - Orbit      {ours}\n  + PostgreSQL {theirs}\n"));
                }
            }
            different.push(text);
        }
    }
    assert!(
        different.is_empty(),
        "{} of {} scripts differ:\n\n{}",
        different.len(),
        scripts.len(),
        different.join("\n")
    );
}
