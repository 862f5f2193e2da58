//! A program with a crowd of actors: `actor_crowd DIRECTORY COUNT ACTIVE SECONDS PROFILE [CONFIG]`.
//!
//! It addresses COUNT stored actors once each, and says how many of them are awake and what
//! the process holds (`crowd AWAKE RSS`). Then ACTIVE callers ask any of them for so many
//! seconds; each second it says the same, with the calls so far (`second AWAKE RSS CALLS`).
//! In the end each actor must have counted what it was asked (`counted SUM`).

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Start, Turn};
use orbit_sdk::{Counting, Error, Orbit, Result};
use orbit_tests::Random;
use serde::{Deserialize, Serialize};
use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

#[derive(Default, Serialize, Deserialize)]
struct Sensor {
    asked: i64,
    last: f64,
}

impl Actor for Sensor {
    const KIND: &'static str = "sensor";

    fn begin(_: &Start<'_>) -> Result<Sensor> {
        Ok(Sensor::default())
    }
}

struct Measured(f64);

impl Message for Measured {
    type Answer = i64;
}

impl Handle<Measured> for Sensor {
    async fn handle(&mut self, measured: Measured, _: &mut Turn) -> Result<i64> {
        self.asked += 1;
        self.last = measured.0;
        Ok(self.asked)
    }
}

fn resident_bytes() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages
        .map(|pages| pages * 4096)
        .ok_or_else(|| Error::internal("/proc/self/statm has no second number"))
}

async fn awake(orbit: &Orbit) -> Result<i64> {
    // As the node itself saw it within the last second.
    let used = "SELECT used FROM orbit.resources WHERE resource = 'actors'";
    let seen: Vec<i64> = orbit.query(used, ()).await?;
    Ok(seen.first().copied().unwrap_or_default())
}

/// How many are awake by a look that the node took from now on.
async fn awake_now(orbit: &Orbit) -> Result<i64> {
    let begun: String = orbit
        .query_one("SELECT clock_timestamp()::text", ())
        .await?;
    let newer = "SELECT used FROM orbit.resources \
                 WHERE resource = 'actors' AND measured_at > $1::timestamptz";
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        let seen: Vec<i64> = orbit.query(newer, (&begun,)).await?;
        if let Some(awake) = seen.first() {
            return Ok(*awake);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Error::internal("the node has not looked for a minute"))
}

async fn ask(orbit: &Orbit, n: u64) -> Result<()> {
    let sensor = orbit.actor::<Sensor>(&format!("sensor-{n:06}")).await?;
    sensor.call(Measured(n as f64)).await.map(drop)
}

struct Asked {
    directory: String,
    count: u64,
    active: u64,
    seconds: u64,
    profile: String,
    config: Option<String>,
}

async fn run(asked: Asked) -> Result<()> {
    let mut options = Orbit::options().profile(&asked.profile);
    if let Some(config) = &asked.config {
        options = options.config(config);
    }
    let orbit = options.open(&asked.directory).await?;
    orbit.register(Kind::<Sensor>::stored()).await?;
    let calls = Arc::new(AtomicI64::new(0));
    let share = |of: u64| (of..asked.count).step_by(16);
    let all = (0..16).map(|of| {
        let (orbit, calls) = (orbit.clone(), calls.clone());
        let own: Vec<u64> = share(of).collect();
        tokio::spawn(async move {
            for n in own {
                ask(&orbit, n).await?;
                calls.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Error>(())
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await
            .map_err(|error| Error::internal(error.to_string()))??;
    }
    println!("crowd {} {}", awake_now(&orbit).await?, resident_bytes()?);

    let end = Instant::now() + Duration::from_secs(asked.seconds);
    let callers = (0..asked.active).map(|caller| {
        let (orbit, calls, count) = (orbit.clone(), calls.clone(), asked.count);
        tokio::spawn(async move {
            let mut random = Random(caller);
            while Instant::now() < end {
                ask(&orbit, random.below(count)).await?;
                calls.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Error>(())
        })
    });
    let callers: Vec<_> = callers.collect();
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (awake, calls) = (awake(&orbit).await?, calls.load(Ordering::Relaxed));
        println!("second {awake} {} {calls}", resident_bytes()?);
    }
    for caller in callers {
        caller
            .await
            .map_err(|error| Error::internal(error.to_string()))??;
    }
    let sum: i64 = orbit
        .query_one(
            "SELECT coalesce(sum(asked), 0)::int8 FROM actors.sensor",
            (),
        )
        .await?;
    println!("counted {sum}");
    match sum == calls.load(Ordering::Relaxed) {
        true => orbit.close().await,
        false => Err(Error::internal("the actors counted something else")),
    }
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place)?.parse().ok();
    let asked = (|| {
        Some(Asked {
            directory: arguments.first()?.clone(),
            count: number(1)?,
            active: number(2)?,
            seconds: number(3)?,
            profile: arguments.get(4)?.clone(),
            config: arguments.get(5).cloned(),
        })
    })();
    let Some(asked) = asked else {
        eprintln!("usage: actor_crowd DIRECTORY COUNT ACTIVE SECONDS PROFILE [CONFIG]");
        return std::process::ExitCode::from(2);
    };
    match run(asked).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actor_crowd: {error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}
