//! Calls of actors from one node to another, and to the same node, over a link on which
//! everything takes a millisecond each way.

use crate::Outcome;
use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Start, Turn};
use orbit_sdk::{Orbit, Result};
use orbit_tests::delay::Delay;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

const EACH_WAY: Duration = Duration::from_millis(1);

#[derive(Default, Serialize, Deserialize)]
struct Meter {
    reading: i64,
}

impl Actor for Meter {
    const KIND: &'static str = "meter";
    fn begin(_: &Start<'_>) -> Result<Meter> {
        Ok(Meter::default())
    }
}

#[derive(Serialize, Deserialize)]
struct Read;

impl Message for Read {
    type Answer = i64;
}

impl Recorded for Read {
    const NAME: &'static str = "read";
}

impl Handle<Read> for Meter {
    async fn handle(&mut self, _: Read, _: &mut Turn) -> Result<i64> {
        Ok(self.reading)
    }
}

#[derive(Serialize, Deserialize)]
struct Note(i64);

impl Message for Note {
    type Answer = ();
}

impl Recorded for Note {
    const NAME: &'static str = "note";
}

impl Handle<Note> for Meter {
    async fn handle(&mut self, note: Note, _: &mut Turn) -> Result<()> {
        self.reading = note.0;
        Ok(())
    }
}

fn percentiles(what: &str, mut all: Vec<Duration>) {
    all.sort_unstable();
    let at = |part: usize| {
        all.get(all.len() * part / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what}   p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, of {}",
        at(500),
        at(990),
        at(999),
        all.len()
    );
}

pub async fn run(calls: u64) -> Outcome<()> {
    let (above, below) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let meters = || Kind::<Meter>::stored().takes::<Read>().takes::<Note>();
    let gateway = Orbit::options().node("gateway").serve().any_port();
    let gateway = gateway.open(above.path()).await?;
    gateway.register(meters()).await?;
    let address = gateway.grpc_address().await?;
    let way = Delay::before(address, EACH_WAY).await?;
    let parent = format!("http://{}", way.address);
    let device = Orbit::options().node("device").parent(&parent);
    let device = device.open(below.path()).await?;
    device.register(meters()).await?;
    let far = device.actor_at::<Meter>("gateway", "m").await?;
    // The first call waits for the link.
    far.call_once("first", Note(1)).await?;

    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for n in 0..calls {
        let began = Instant::now();
        far.call(Read).await?;
        reads.push(began.elapsed());
        let began = Instant::now();
        far.call(Note(i64::try_from(n)?)).await?;
        writes.push(began.elapsed());
    }
    let near = gateway.actor::<Meter>("m").await?;
    let mut same = Vec::new();
    for n in 0..calls {
        let began = Instant::now();
        near.call(Note(-i64::try_from(n)?)).await?;
        same.push(began.elapsed());
    }
    percentiles("a call to another node, 1 ms each way       ", reads);
    percentiles("a durable write there                       ", writes);
    percentiles("the same write by an actor of the node's own", same);
    Ok(())
}
