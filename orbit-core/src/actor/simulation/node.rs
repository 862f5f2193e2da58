//! A node of the cluster: a process that can be killed, over a disk that survives it.

use super::workload::{self, Tools};
use crate::actor::{Limits, Links, Runtime};
use crate::clock::{Clock, SimClock};
use crate::database::{Database, DatabaseOptions};
use crate::store::sim::SimStore;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime as Tokio;

/// Each lets all tasks run that are ready.
const BREATHS: usize = 8;

/// By the wall clocks, in microseconds.
pub const BEGINNING: i64 = 1_700_000_000_000_000;

pub struct SimNode {
    pub name: String,
    pub parent: Option<usize>,
    pub clock: Arc<SimClock>,
    store: Arc<SimStore>,
    pub life: u32,
    pub process: Option<Process>,
    /// Nothing of it runs until then.
    pub stalled_until: Duration,
}

pub struct Process {
    tokio: Tokio,
    pub db: Arc<Database>,
    opening: Arc<Mutex<Option<Runtime>>>,
    pub runtime: Option<Runtime>,
}

impl SimNode {
    pub fn new(name: String, parent: Option<usize>) -> SimNode {
        SimNode {
            name,
            parent,
            clock: Arc::new(SimClock::at(BEGINNING)),
            store: Arc::new(SimStore::new()),
            life: 0,
            process: None,
            stalled_until: Duration::ZERO,
        }
    }

    pub fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    pub fn is_stalled(&self) -> bool {
        self.now() < self.stalled_until
    }

    pub fn start(&mut self) {
        self.life += 1;
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _entered = tokio.enter();
        let site = u64::from(self.name.as_bytes()[1]);
        let options = DatabaseOptions {
            clock: self.clock.clone(),
            random: Arc::new(move || site),
            on_fatal: Arc::new(|_| {}),
            commits_by_hand: true,
            ..DatabaseOptions::default()
        };
        let db = Database::open(self.store.clone(), options).unwrap();
        let opening = Arc::new(Mutex::new(None));
        let (slot, opened, clock) = (opening.clone(), db.clone(), self.clock.clone());
        let name = self.name.clone();
        tokio.spawn(async move {
            let limits = Limits {
                awake: 3,
                deadline: Duration::from_secs(5),
                ..Limits::default()
            };
            let runtime = Runtime::over(limits, opened.clone()).await.unwrap();
            runtime.keep().await.unwrap();
            // As in a program: linked, and known to actors, before it knows its kinds.
            runtime.join(&name, site);
            *slot.lock() = Some(runtime.clone());
            workload::register(&runtime, Tools::new(&name, clock, &opened).await).await;
        });
        drop(_entered);
        self.process = Some(Process {
            tokio,
            db,
            opening,
            runtime: None,
        });
    }

    /// The power fails: what was not flushed may be there or not.
    pub fn kill(&mut self, seed: u64) {
        let after = self.store.crash(seed);
        self.process = None;
        self.store = Arc::new(after);
    }

    /// Lets everything run that can.
    pub fn settle(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        process.tokio.block_on(async {
            for _ in 0..BREATHS {
                tokio::task::yield_now().await;
            }
        });
        if process.runtime.is_none() {
            process.runtime = process.opening.lock().take();
        }
    }

    pub fn is_open(&self) -> bool {
        self.runtime().is_some()
    }

    pub fn runtime(&self) -> Option<&Runtime> {
        self.process.as_ref()?.runtime.as_ref()
    }

    pub fn links(&self) -> Option<&Links> {
        let site = u64::from(self.name.as_bytes()[1]);
        Some(self.runtime()?.join(&self.name, site))
    }

    /// Runs on the node, as a program there would.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(process) = &self.process {
            process.tokio.spawn(work);
        }
    }
}
