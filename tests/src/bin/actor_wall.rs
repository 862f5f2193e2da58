//! A node in a program that floods its own actors while others flood it from outside:
//! `actor_wall DIRECTORY`. It says where it listens (`port N`), floods until standard input
//! has a line, says what became of it (`calls OK REFUSED`, `wrong STATE MESSAGE` for each
//! error that isn't a refusal), and then answers `ask` by `answered`, until its input ends.

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Start, Turn};
use orbit_sdk::{Counting, Error, Orbit, Result, SqlState, state};
use orbit_tests::Random;
use serde::{Deserialize, Serialize};
use std::alloc::System;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

const CALLERS: u64 = 32;
const ACTORS: u64 = 5000;
const MOST_BYTES: u64 = 64 << 10;

/// What may be said to who asks for more than there is.
const REFUSALS: [SqlState; 7] = [
    state::INSUFFICIENT_RESOURCES,
    state::DISK_FULL,
    state::OUT_OF_MEMORY,
    state::CONFIGURATION_LIMIT_EXCEEDED,
    state::PROGRAM_LIMIT_EXCEEDED,
    state::QUERY_CANCELED,
    state::STATEMENT_COMPLETION_UNKNOWN,
];

#[derive(Default, Serialize, Deserialize)]
struct Bag {
    fillings: i64,
    what: String,
}

impl Actor for Bag {
    const KIND: &'static str = "bag";

    fn begin(_: &Start<'_>) -> Result<Bag> {
        Ok(Bag::default())
    }

    fn heap_bytes(&self) -> usize {
        self.what.capacity()
    }
}

struct Fill(String);

impl Message for Fill {
    type Answer = i64;

    fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }
}

impl Handle<Fill> for Bag {
    async fn handle(&mut self, fill: Fill, _: &mut Turn) -> Result<i64> {
        self.fillings += 1;
        self.what = fill.0;
        Ok(self.fillings)
    }
}

#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    done: AtomicU64,
    refused: AtomicU64,
}

async fn fill(orbit: &Orbit, random: &mut Random) -> Result<i64> {
    let bag = orbit
        .actor::<Bag>(&format!("bag {}", random.below(ACTORS)))
        .await?;
    let text = format!("{:016x}", random.next());
    let times = random.below(MOST_BYTES) / 16;
    bag.call(Fill(text.repeat(usize::try_from(times).unwrap_or(0))))
        .await
}

async fn flood(orbit: Orbit, caller: u64, tally: Arc<Tally>) {
    let mut random = Random(caller);
    while !tally.is_over.load(Ordering::Relaxed) {
        match fill(&orbit, &mut random).await {
            Ok(_) => tally.done.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                if !REFUSALS.contains(&error.state()) {
                    println!("wrong {} {}", error.state().as_str(), error.message());
                }
                // Whoever is refused waits a little, as a program would.
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                tally.refused.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

async fn run(directory: &str) -> Result<()> {
    let orbit = Orbit::options().profile("iot_gateway").serve().any_port();
    let orbit = orbit.open(directory).await?;
    orbit.register(Kind::<Bag>::stored()).await?;
    println!("port {}", orbit.pg_address().await?.port());
    let tally = Arc::new(Tally::default());
    let callers = (0..CALLERS).map(|caller| {
        let flooding = flood(orbit.clone(), caller, tally.clone());
        tokio::spawn(flooding)
    });
    let callers: Vec<_> = callers.collect();
    let mut lines = lines();
    if lines.recv().await.is_none() {
        return Err(Error::internal("nobody is there"));
    }
    tally.is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller
            .await
            .map_err(|error| Error::internal(error.to_string()))?;
    }
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    println!("calls {} {}", count(&tally.done), count(&tally.refused));
    let mut random = Random(7);
    while lines.recv().await.is_some() {
        match fill(&orbit, &mut random).await {
            Ok(_) => println!("answered"),
            Err(error) => println!("refused {error}"),
        }
    }
    orbit.close().await
}

/// Standard input's, read where waiting for it holds nobody up.
fn lines() -> tokio::sync::mpsc::Receiver<String> {
    let (says, heard) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin()
            .lock()
            .lines()
            .map_while(std::result::Result::ok)
        {
            if says.blocking_send(line).is_err() {
                return;
            }
        }
    });
    heard
}

fn main() -> std::process::ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: actor_wall DIRECTORY");
        return std::process::ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(orbit_sdk::STACK_BYTES)
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(&directory)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actor_wall: {error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}
