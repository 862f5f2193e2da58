//! What virtual actors cost, beside ractor's own in the same run:
//! `cargo bench -p orbit-core --bench actors`.

use orbit_core::Result;
use orbit_core::actor::{Actor, Handle, Kind, Limits, Message, Runtime, Start, Turn};
use orbit_core::clock::SystemClock;
use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
const CALLS: u64 = 200_000;
const SENDS: u64 = 2_000_000;
const ACTIVATIONS: u64 = 500_000;
const IDLE: u64 = 100_000;

struct Counter(u64);

impl Actor for Counter {
    const KIND: &'static str = "counter";
    fn begin(_: &Start<'_>) -> Result<Counter> {
        Ok(Counter(0))
    }
}

struct Add(u64);

impl Message for Add {
    type Answer = u64;
}

impl Handle<Add> for Counter {
    async fn handle(&mut self, add: Add, _: &mut Turn) -> Result<u64> {
        self.0 += add.0;
        Ok(self.0)
    }
}

static SENT: AtomicU64 = AtomicU64::new(0);

struct Note;

impl Message for Note {
    type Answer = ();
}

impl Handle<Note> for Counter {
    async fn handle(&mut self, _: Note, _: &mut Turn) -> Result<()> {
        SENT.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The same in ractor.
struct Plain;

enum PlainMessage {
    Add(u64, RpcReplyPort<u64>),
}

impl ractor::Actor for Plain {
    type Msg = PlainMessage;
    type State = u64;
    type Arguments = ();

    async fn pre_start(
        &self,
        _: ActorRef<PlainMessage>,
        (): (),
    ) -> std::result::Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<PlainMessage>,
        PlainMessage::Add(count, reply): PlainMessage,
        state: &mut u64,
    ) -> std::result::Result<(), ActorProcessingErr> {
        *state += count;
        let _ = reply.send(*state);
        Ok(())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4096.0
}

async fn calls(runtime: &Runtime, plain: &ActorRef<PlainMessage>) -> Result<()> {
    let counter = runtime.actor::<Counter>("one")?;
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..CALLS {
            counter.call(Add(1)).await?;
        }
        own.push(began.elapsed().as_nanos() as f64 / CALLS as f64);
        let began = Instant::now();
        for _ in 0..CALLS {
            let _ = ractor::call!(plain, |reply| PlainMessage::Add(1, reply));
        }
        theirs.push(began.elapsed().as_nanos() as f64 / CALLS as f64);
    }
    let (own, theirs) = (median(own), median(theirs));
    println!(
        "call of a warm actor      {own:8.0} ns   ractor's call! {theirs:.0} ns   ratio {:.2}",
        own / theirs
    );
    Ok(())
}

async fn sends(runtime: &Runtime) -> Result<()> {
    const ACTORS: u64 = 64;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        SENT.store(0, Ordering::Relaxed);
        let began = Instant::now();
        let senders: Vec<_> = (0..2)
            .map(|half| {
                let runtime = runtime.clone();
                tokio::spawn(async move {
                    let actors = (0..ACTORS / 2)
                        .map(|n| runtime.actor::<Counter>(&format!("{half}-{n}")))
                        .collect::<Result<Vec<_>>>()?;
                    let mut refused = 0u64;
                    for n in 0..SENDS / 2 {
                        let actor = &actors[(n % (ACTORS / 2)) as usize];
                        while actor.send(Note).is_err() {
                            refused += 1;
                            tokio::task::yield_now().await;
                        }
                    }
                    Ok::<_, orbit_core::Error>(refused)
                })
            })
            .collect();
        for sender in senders {
            sender.await.expect("a sender fell")?;
        }
        while SENT.load(Ordering::Relaxed) < SENDS {
            tokio::task::yield_now().await;
        }
        rates.push(SENDS as f64 / began.elapsed().as_secs_f64());
    }
    println!("sends                     {:8.2} M/s", median(rates) / 1e6);
    Ok(())
}

async fn activations() -> Result<()> {
    let limits = Limits {
        awake: 50_000,
        awake_bytes: usize::MAX,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Arc::new(SystemClock::default()));
    runtime.register(Kind::<Counter>::in_memory()).await?;
    let began = Instant::now();
    for n in 0..ACTIVATIONS {
        runtime
            .actor::<Counter>(&n.to_string())?
            .call(Add(1))
            .await?;
    }
    let rate = ACTIVATIONS as f64 / began.elapsed().as_secs_f64();
    println!("activations, at most 50,000 awake {:8.0} /s", rate);
    Ok(())
}

async fn idle() -> Result<()> {
    let limits = Limits {
        awake: IDLE as usize,
        awake_bytes: usize::MAX,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Arc::new(SystemClock::default()));
    runtime.register(Kind::<Counter>::in_memory()).await?;
    let before = resident();
    for n in 0..IDLE {
        runtime
            .actor::<Counter>(&format!("device-{n}"))?
            .call(Add(1))
            .await?;
    }
    let bytes = (resident() - before) / IDLE as f64;
    println!(
        "an idle actor             {bytes:8.0} bytes resident, of {} awake",
        runtime.awake().0
    );
    Ok(())
}

fn main() -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    tokio.block_on(async {
        // On a worker, as those who call in a server are.
        tokio::spawn(async {
            idle().await?;
            let runtime = Runtime::new(Limits::default(), Arc::new(SystemClock::default()));
            runtime.register(Kind::<Counter>::in_memory()).await?;
            let (plain, _) = ractor::Actor::spawn(None, Plain, ())
                .await
                .map_err(|error| orbit_core::Error::internal(error.to_string()))?;
            calls(&runtime, &plain).await?;
            sends(&runtime).await?;
            activations().await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        })
        .await
        .unwrap_or_else(|error| Err(orbit_core::Error::internal(error.to_string())))
    })
}
