//! Stored virtual actors: how many begin a second, and what a durable write costs the
//! processor beside the same row by SQL. On RocksDB, everything flushed.

use crate::Outcome;
use orbit_core::actor::{Actor, Handle, Kind, Limits, Message, Runtime, Start, Turn};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::StoreOptions;
use orbit_core::store::rocks::RocksStore;
use orbit_core::value::Value;
use orbit_query::{Engine, EngineOptions, SessionInit};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who write at once.
const WRITERS: u64 = 64;
/// Each pair of measurements so often, by turns.
const ROUNDS: usize = 5;
/// Awake at once while others begin.
const AWAKE: usize = 5000;

#[derive(Default, Serialize, Deserialize)]
struct Meter {
    reading: i64,
}

impl Actor for Meter {
    const KIND: &'static str = "meter";
    fn begin(_: &Start<'_>) -> orbit_core::Result<Meter> {
        Ok(Meter::default())
    }
}

struct Note(i64);

impl Message for Note {
    type Answer = ();
}

impl Handle<Note> for Meter {
    async fn handle(&mut self, note: Note, _: &mut Turn) -> orbit_core::Result<()> {
        self.reading = note.0;
        Ok(())
    }
}

struct Read;

impl Message for Read {
    type Answer = i64;
}

impl Handle<Read> for Meter {
    async fn handle(&mut self, _: Read, _: &mut Turn) -> orbit_core::Result<i64> {
        Ok(self.reading)
    }
}

fn id(n: u64) -> String {
    format!("meter-{n:07}")
}

fn cpu_time() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills in the structure it is given.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let of = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs())
            + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// Has so many write at once, each its part of so many writes; the processor's time for one.
async fn cost<F>(writes: u64, write: impl Fn(u64) -> F) -> Outcome<Duration>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let before = cpu_time();
    let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(n))).collect();
    for writer in writers {
        writer.await??;
    }
    Ok((cpu_time() - before) / u32::try_from(writes)?)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

pub async fn run(count: u64, writes: u64) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let options = StoreOptions {
        block_cache_bytes: 64 << 20,
        ..StoreOptions::default()
    };
    let store = RocksStore::open(directory.path(), &options)?;
    let db = Database::open(store, DatabaseOptions::default())?;
    let limits = Limits {
        awake: AWAKE,
        awake_bytes: usize::MAX,
        ..Limits::default()
    };
    let runtime = Runtime::over(limits, db.clone()).await?;
    runtime.register(Kind::<Meter>::stored()).await?;
    let engine = Engine::new(db.clone(), EngineOptions::default())?;

    eprintln!("writing {count} actors");
    let share = count / WRITERS;
    cost(count, |writer| {
        let runtime = runtime.clone();
        async move {
            for n in writer * share..(writer + 1) * share {
                runtime.actor::<Meter>(&id(n))?.call(Note(1)).await?;
            }
            Ok(())
        }
    })
    .await?;

    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let halves = (0..2).map(|half| {
            let runtime = runtime.clone();
            tokio::spawn(async move {
                // Whoever is called was put to rest since it was called last.
                for n in (half..share * WRITERS).step_by(2) {
                    runtime.actor::<Meter>(&id(n))?.call(Read).await?;
                }
                Ok::<_, orbit_core::Error>(())
            })
        });
        for half in halves.collect::<Vec<_>>() {
            half.await??;
        }
        rates.push(began.elapsed());
    }
    let rate = (share * WRITERS) as f64 / median(rates).as_secs_f64();
    println!("stored actors that begin, of {count}, {AWAKE} awake   {rate:.0} /s");

    let (mut by_actor, mut by_sql) = (Vec::new(), Vec::new());
    let each = writes / WRITERS;
    for round in 0..ROUNDS {
        let value = i64::try_from(round)? + 2;
        let actors = |writer: u64| {
            let runtime = runtime.clone();
            async move {
                let meter = runtime.actor::<Meter>(&id(writer))?;
                for n in 0..each {
                    meter.call(Note(value + i64::try_from(n)?)).await?;
                }
                Ok(())
            }
        };
        by_actor.push(cost(writes, actors).await?);
        let sql = |writer: u64| {
            let init = SessionInit {
                user: "orbit".to_owned(),
                database: "orbit".to_owned(),
                ..SessionInit::default()
            };
            let mut session = engine.session(init);
            async move {
                let update = "UPDATE actors.meter SET reading = $1 WHERE id = $2";
                let statement = session.prepare(update, &[]).await?;
                let key = Value::Text(id(writer));
                for n in 0..each {
                    let value = Value::Int8(value - i64::try_from(n)?);
                    session.execute(&statement, &[value, key.clone()]).await?;
                    session.sync().await?;
                }
                Ok(())
            }
        };
        by_sql.push(cost(writes, sql).await?);
        // The actors' rows were written by others: they are read again.
        for writer in 0..WRITERS {
            let meter = runtime.actor::<Meter>(&id(writer))?;
            while meter.call(Note(0)).await.is_err() {}
        }
    }
    let (own, sql) = (median(by_actor), median(by_sql));
    println!(
        "a durable write, {WRITERS} writers   {own:.1?} of CPU, the same row by SQL {sql:.1?}, ratio {:.2}",
        own.as_secs_f64() / sql.as_secs_f64()
    );
    Ok(())
}
