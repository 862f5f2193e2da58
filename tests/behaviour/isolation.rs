//! Two or three sessions against each other, step by step, on Orbit and on
//! PostgreSQL: the transcripts must be the same. The scripts stand in `isolation.txt`
//! and `isolation_locks.txt`:
//!
//! ```text
//! # name
//! setup statement
//! A: statement        must end (within ten seconds)
//! B? statement        must wait for somebody's lock
//! B!                  the waiting statement must end now
//! A# gone             the session's connection is cut
//! ```

use orbit_tests::postgres::Postgres;
use orbit_tests::server::Server;
use orbit_tests::skip;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

const FILES: [&str; 2] = [
    include_str!("isolation.txt"),
    include_str!("isolation_locks.txt"),
];

/// How long a statement that says it waits must go on saying it.
const WATCHED: Duration = Duration::from_millis(50);
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

/// The server's own number of a session.
async fn number_of(client: &Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    row.expect("the session's number").get(0)
}

/// Watches until the session waits for a lock, and still does a while later: a
/// server short of time may not have looked at the statement yet.
async fn waits(watcher: &Client, number: i32) {
    let asked =
        format!("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = {number}");
    let mut since = None;
    loop {
        if run(watcher, &asked).await.starts_with("(1)") {
            let since = since.get_or_insert_with(Instant::now);
            if since.elapsed() >= WATCHED {
                return;
            }
        } else {
            since = None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Plays a script; the transcript has a line a step.
async fn play(
    script: &Script<'_>,
    mut sessions: HashMap<char, Arc<Client>>,
    watcher: Client,
) -> Vec<String> {
    let mut transcript = Vec::new();
    let mut numbers = HashMap::new();
    for (session, client) in &sessions {
        numbers.insert(*session, number_of(client).await);
    }
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
        let waits = async {
            match kind {
                '?' => waits(&watcher, numbers[&session]).await,
                _ => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            said = &mut task => Some(said.expect("a statement's task")),
            () = waits => None,
            () = tokio::time::sleep(LIMIT) => {
                let name = script.name;
                panic!("{name}: {session}{kind} {sql}: neither ended nor waited in {LIMIT:?}");
            }
        };
        match ended {
            Some(said) => transcript.push(format!("{session}{kind} {sql} -> {said}")),
            None => {
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
        let (ours, theirs) = tokio::join!(
            play(script, ours, server.connect().await),
            play(script, theirs, postgres.connect().await)
        );
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
