//! A program with actors, made to be killed: `actor_load DIRECTORY`.
//!
//! It says what its actors are (`state ACTOR DONE RUNG`, `row ACTOR NTH OP`), then `ready`;
//! asks again what standard input names (`again OP ACTOR` up to `go`), and then asks them
//! more and more, a line before each (`ask OP ACTOR MANNER`) and one for each answer (`ack OP
//! NTH`, `refused OP`). With `--last` it waits for reminders instead of asking, and ends.

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Start, Turn, When};
use orbit_sdk::{Counting, Orbit, Result, Statements};
use serde::{Deserialize, Serialize};
use std::alloc::System;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

const ACTORS: u64 = 12;
const CLIENTS: u64 = 8;

#[derive(Default, Serialize, Deserialize)]
struct Ledger {
    done: Vec<i64>,
    rung: Vec<i64>,
}

impl Actor for Ledger {
    const KIND: &'static str = "ledger";

    fn begin(_: &Start<'_>) -> Result<Ledger> {
        Ok(Ledger::default())
    }
}

/// Does a thing, in a manner; the answer is how many were done.
#[derive(Clone, Serialize, Deserialize)]
struct Do {
    op: i64,
    manner: String,
}

impl Message for Do {
    type Answer = usize;
}

impl Recorded for Do {
    const NAME: &'static str = "do";
}

impl Handle<Do> for Ledger {
    async fn handle(&mut self, ask: Do, turn: &mut Turn) -> Result<usize> {
        self.done.push(ask.op);
        let nth = self.done.len();
        match ask.manner.as_str() {
            "row" => {
                let actor = turn.id().to_owned();
                let insert = "INSERT INTO effects VALUES ($1, $2, $3)";
                turn.execute(insert, (actor, nth as i64, ask.op)).await?;
            }
            "later" => {
                let when = When::after(Duration::from_millis(300));
                turn.remind(&format!("op {}", ask.op), when, &Ring(ask.op))?;
            }
            _ => {}
        }
        Ok(nth)
    }
}

#[derive(Serialize, Deserialize)]
struct Ring(i64);

impl Message for Ring {
    type Answer = ();
}

impl Recorded for Ring {
    const NAME: &'static str = "ring";
}

impl Handle<Ring> for Ledger {
    async fn handle(&mut self, ring: Ring, _: &mut Turn) -> Result<()> {
        self.rung.push(ring.0);
        Ok(())
    }
}

/// A line, whole and at once: a process that is killed says no half ones.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let said = out
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| out.flush());
    if said.is_err() {
        // Nobody listens.
        std::process::exit(0);
    }
}

async fn show(orbit: &Orbit) -> Result<()> {
    let states: Vec<(String, Vec<i64>, Vec<i64>)> = orbit
        .query("SELECT id, done, rung FROM actors.ledger", ())
        .await?;
    let list = |ops: Vec<i64>| {
        let ops: Vec<String> = ops.iter().map(i64::to_string).collect();
        format!("[{}]", ops.join(","))
    };
    for (id, done, rung) in states {
        say(&format!("state {id} {} {}", list(done), list(rung)));
    }
    let rows: Vec<(String, i64, i64)> = orbit.query("SELECT * FROM effects", ()).await?;
    for (actor, nth, op) in rows {
        say(&format!("row {actor} {nth} {op}"));
    }
    Ok(())
}

async fn ask(orbit: &Orbit, op: i64, actor: &str, manner: &str) -> Result<()> {
    let to = orbit.actor::<Ledger>(actor).await?;
    let message = Do {
        op,
        manner: manner.to_owned(),
    };
    let answer = match manner {
        "once" => to.call_once(&format!("op {op}"), message).await,
        _ => to.call(message).await,
    };
    match answer {
        Ok(nth) => say(&format!("ack {op} {nth}")),
        Err(error) => say(&format!("refused {op} {error}")),
    }
    Ok(())
}

async fn load(orbit: Orbit) -> Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let first = i64::try_from(now.as_micros()).unwrap_or_default();
    let next = AtomicU64::new(0);
    let client = async |client: u64| -> Result<()> {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let op = first + i64::try_from(nth).unwrap_or_default();
            let actor = format!("a{}", (nth * 7 + client) % ACTORS);
            let manner = ["plain", "once", "row", "later"][(nth % 4) as usize];
            say(&format!("ask {op} {actor} {manner}"));
            ask(&orbit, op, &actor, manner).await?;
        }
    };
    let clients = (0..CLIENTS).map(client);
    futures::future::try_join_all(clients).await.map(drop)
}

async fn last(orbit: &Orbit) -> Result<()> {
    loop {
        let left: i64 = orbit
            .query_one("SELECT count(*) FROM orbit.actor_reminders", ())
            .await?;
        if left == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn run(directory: &str, is_last: bool) -> Result<()> {
    let orbit = Orbit::open(directory).await?;
    let table = "CREATE TABLE IF NOT EXISTS effects (actor text, nth bigint, op bigint,
                 PRIMARY KEY (actor, nth))";
    orbit.execute(table, ()).await?;
    orbit
        .register(Kind::<Ledger>::stored().takes::<Do>().takes::<Ring>())
        .await?;
    if is_last {
        last(&orbit).await?;
    }
    show(&orbit).await?;
    say("ready");
    if is_last {
        return orbit.close().await;
    }
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["again", op, actor] => {
                let op = op.parse().unwrap_or_default();
                ask(&orbit, op, actor, "once").await?;
            }
            _ => break,
        }
    }
    load(orbit).await
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(directory) = arguments.first() else {
        eprintln!("usage: actor_load DIRECTORY [--last]");
        return std::process::ExitCode::from(2);
    };
    let is_last = arguments.iter().any(|argument| argument == "--last");
    match run(directory, is_last).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actor_load: {error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}
