//! The node's one serial committer. It gives every commit its time and its
//! place in the log, in one order, and makes it durable together with whoever
//! else is waiting.
//!
//! Two threads share the work, so that locks are free while the disk is busy:
//!
//! ```text
//! sessions -> data actor -> queue -> writer: batch of the group, newest view, locks released
//!                                      -> syncer: one flush, durable view, answers
//! ```

mod sequencer;

use crate::actor::Credit;
use crate::catalog::CatalogChange;
use crate::clock::Hlc;
#[cfg(feature = "columns")]
use crate::columns::ColumnsChange;
use crate::error::{Error, Result, state};
use crate::fingerprint;
use crate::ids::{Lane, PartitionId, StorageId, TableId};
use crate::lock::HeldLocks;
use crate::log::OperationWriter;
use crate::merge::{Incoming, Met};
use crate::read::View;
use crate::store::{Batch, Store};
use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
pub(crate) use sequencer::{OnMet, Sequencer};
use smallvec::SmallVec;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// When it was committed.
pub type Answer = std::result::Result<Hlc, Refused>;
pub type Reply = oneshot::Sender<Answer>;

/// Nothing of a request was written.
pub enum Refused {
    Error(Error),
    #[cfg(feature = "sync")]
    Outdated(Box<Outdated>),
}

/// A merge has touched what the request writes, after that had been read.
#[cfg(feature = "sync")]
pub struct Outdated {
    /// With its locks; whoever waited for its answer has this in place of one.
    pub request: Request,
    /// From this moment on what the merge did is seen.
    pub moment: Hlc,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        match refused {
            Refused::Error(error) => error,
            #[cfg(feature = "sync")]
            Refused::Outdated(_) => Error::internal("a commit has met a merge"),
        }
    }
}

/// A transaction's work, ready but for its time and place.
pub struct Request {
    /// Rows (their new stamps pending), index entries, dropped ranges, meta keys.
    pub batch: Batch,
    /// What the log will say. None: upkeep that no other site needs to hear of.
    pub operations: OperationWriter,
    pub lane: Lane,
    pub epoch: u32,
    pub partitions: SmallVec<[PartitionId; 4]>,
    pub fingerprints: fingerprint::Deltas,
    /// Partitions whose rows were all replaced: their fingerprints begin anew.
    pub reloaded: SmallVec<[PartitionId; 1]>,
    /// Tables emptied by TRUNCATE.
    pub truncated: Vec<(TableId, PartitionId)>,
    pub catalog: Vec<CatalogChange>,
    #[cfg(feature = "columns")]
    pub columns: Option<ColumnsChange>,
    /// From this commit on notes what is written to a time series.
    #[cfg(feature = "columns")]
    pub watch: Option<Arc<crate::series::watch::Watch>>,
    /// Rows that go into blocks, or are let go.
    #[cfg(feature = "columns")]
    pub(crate) settling: Option<crate::series::seal::Settling>,
    /// Sequences whose values were given out.
    pub sequences: SmallVec<[StorageId; 2]>,
    /// Sequences dropped, or restarted elsewhere.
    pub forgotten_sequences: Vec<StorageId>,
    /// Hidden keys were given out up to here.
    pub hidden_keys: Option<u64>,
    /// Released once the batch is written, or with the request.
    pub locks: Option<HeldLocks>,
    /// What was read for it was read at this moment or later.
    pub since: Hlc,
    /// What was met where a merge had come between.
    pub met: Vec<Met>,
    /// In place of all the above what another site did, still to be merged.
    pub incoming: Option<Box<Incoming>>,
    pub reply: Reply,
}

impl Request {
    /// Upkeep: not logged, holding no locks.
    pub fn upkeep(batch: Batch) -> (Request, oneshot::Receiver<Answer>) {
        let (reply, receiver) = oneshot::channel();
        let request = Request {
            batch,
            operations: OperationWriter::default(),
            lane: Lane::NORMAL,
            epoch: 0,
            partitions: SmallVec::new(),
            fingerprints: SmallVec::new(),
            reloaded: SmallVec::new(),
            truncated: Vec::new(),
            catalog: Vec::new(),
            #[cfg(feature = "columns")]
            columns: None,
            #[cfg(feature = "columns")]
            watch: None,
            #[cfg(feature = "columns")]
            settling: None,
            sequences: SmallVec::new(),
            forgotten_sequences: Vec::new(),
            hidden_keys: None,
            locks: None,
            since: Hlc::MAX,
            met: Vec::new(),
            incoming: None,
            reply,
        };
        (request, receiver)
    }

    /// What another site did: it is merged when its turn comes.
    pub fn merging(incoming: Incoming) -> (Request, oneshot::Receiver<Answer>) {
        let (mut request, receiver) = Request::upkeep(Batch::new());
        request.lane = incoming.lane;
        request.epoch = incoming.epoch;
        request.incoming = Some(Box::new(incoming));
        (request, receiver)
    }

    /// Answers with an error: nothing of it is written.
    pub fn refuse(self, error: Error) {
        drop(self.locks);
        // The session may be gone; then nobody wants the answer.
        let _ = self.reply.send(Err(Refused::Error(error)));
    }

    /// Gives it back to whoever waits for its answer, locks and all.
    #[cfg(feature = "sync")]
    fn give_back(mut self, moment: Hlc) {
        let (nobody, _) = oneshot::channel();
        let reply = std::mem::replace(&mut self.reply, nobody);
        let request = self;
        let outdated = Outdated { request, moment };
        // If nobody waits any more, its locks go with it.
        let _ = reply.send(Err(Refused::Outdated(Box::new(outdated))));
    }

    /// Whether it can make the store larger for good (upkeep and deleting can't).
    pub fn grows(&self) -> bool {
        let incoming = self.incoming.as_ref();
        self.operations.adds_rows || incoming.is_some_and(|of| of.operations.adds_rows)
    }

    /// What the log is about to grow by.
    pub fn log_bytes(&self) -> u64 {
        let incoming = self.incoming.as_ref();
        let incoming = incoming.map_or(0, |of| of.operations.bytes.len());
        (self.operations.bytes.len() + incoming) as u64
    }

    /// What the store is about to write for it, roughly.
    pub fn bytes(&self) -> u64 {
        self.batch.bytes() as u64 + self.log_bytes()
    }
}

/// The two moments a node can be read at.
pub struct Views {
    /// On disk for certain.
    pub durable: ArcSwap<View>,
    /// Written, perhaps not yet on disk. Never behind `durable`.
    pub newest: ArcSwap<View>,
    durable_position: watch::Sender<Hlc>,
}

impl Views {
    pub fn new(view: Arc<View>) -> Views {
        let (durable_position, _) = watch::channel(view.position);
        Views {
            durable: ArcSwap::new(view.clone()),
            newest: ArcSwap::new(view),
            durable_position,
        }
    }

    /// Waits until everything up to `position` is on disk.
    pub async fn wait_until_durable(&self, position: Hlc) -> Result<()> {
        if self.durable.load().position >= position {
            return Ok(());
        }
        let mut durable = self.durable_position.subscribe();
        let reached = durable.wait_for(|durable| *durable >= position).await;
        reached.map(|_| ()).map_err(|_| {
            Error::new(
                state::ADMIN_SHUTDOWN,
                "the node stopped before the data was durable",
            )
        })
    }
}

/// Called once when the store can no longer be trusted. The default ends the process.
pub type OnFatal = Arc<dyn Fn(&Error) + Send + Sync>;

#[derive(Default)]
struct Queued {
    requests: Vec<(Request, Credit)>,
    stopping: bool,
}

/// Where admitted commits wait. As long as there are credits, and no longer.
#[derive(Default)]
pub struct CommitQueue {
    queued: Mutex<Queued>,
    arrived: Condvar,
}

impl CommitQueue {
    pub fn push(&self, request: Request, credit: Credit) {
        let mut queued = self.queued.lock();
        if queued.stopping {
            drop(queued);
            let stopped = Error::new(state::ADMIN_SHUTDOWN, "the node is shutting down");
            request.refuse(stopped);
            return;
        }
        queued.requests.push((request, credit));
        if queued.requests.len() == 1 {
            self.arrived.notify_one();
        }
    }

    fn take(&self) -> Option<Vec<(Request, Credit)>> {
        let mut queued = self.queued.lock();
        while queued.requests.is_empty() {
            if queued.stopping {
                return None;
            }
            self.arrived.wait(&mut queued);
        }
        Some(std::mem::take(&mut queued.requests))
    }

    #[cfg(any(test, feature = "testing"))]
    fn take_ready(&self) -> Vec<(Request, Credit)> {
        std::mem::take(&mut self.queued.lock().requests)
    }

    fn stop(&self) {
        self.queued.lock().stopping = true;
        self.arrived.notify_all();
    }
}

struct Written {
    view: Arc<View>,
    answers: Vec<(Reply, Hlc, Credit)>,
}

/// Groups written and not yet flushed.
#[derive(Default)]
struct Unsynced {
    groups: Mutex<(Vec<Written>, bool)>,
    arrived: Condvar,
}

pub struct Committer {
    queue: Arc<CommitQueue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// In place of the threads, for who moves every step by hand.
    #[cfg(any(test, feature = "testing"))]
    by_hand: Option<Mutex<(Writer, Syncer)>>,
}

impl Committer {
    pub fn start(
        store: Arc<dyn Store>,
        sequencer: Sequencer,
        queue: Arc<CommitQueue>,
        views: Arc<Views>,
        on_fatal: OnFatal,
        #[cfg(any(test, feature = "testing"))] by_hand: bool,
    ) -> Result<Committer> {
        let unsynced = Arc::new(Unsynced::default());
        let writer = Writer {
            store: store.clone(),
            sequencer,
            queue: queue.clone(),
            views: views.clone(),
            unsynced: unsynced.clone(),
            on_fatal: on_fatal.clone(),
        };
        let syncer = Syncer {
            store,
            views,
            unsynced,
            queue: queue.clone(),
            on_fatal,
        };
        #[cfg(any(test, feature = "testing"))]
        if by_hand {
            return Ok(Committer {
                queue,
                threads: Mutex::default(),
                by_hand: Some(Mutex::new((writer, syncer))),
            });
        }
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .stack_size(512 << 10)
                .spawn(work)
        };
        let threads = vec![
            spawn("orbit-writer", Box::new(move || writer.run()))?,
            spawn("orbit-syncer", Box::new(move || syncer.run()))?,
        ];
        Ok(Committer {
            queue,
            threads: Mutex::new(threads),
            #[cfg(any(test, feature = "testing"))]
            by_hand: None,
        })
    }

    /// By hand: writes the group that waits, if there is one.
    #[cfg(any(test, feature = "testing"))]
    pub fn write_group(&self) -> bool {
        let Some(mut hands) = self.by_hand.as_ref().map(|hands| hands.lock()) else {
            return false;
        };
        let group = self.queue.take_ready();
        let writes = !group.is_empty();
        if writes && let Err(error) = hands.0.write(&mut Batch::new(), group) {
            hands.0.fail(&error);
        }
        writes
    }

    /// By hand: flushes what was written, and answers; whether there was anything.
    #[cfg(any(test, feature = "testing"))]
    pub fn flush(&self) -> bool {
        let Some(hands) = self.by_hand.as_ref().map(|hands| hands.lock()) else {
            return false;
        };
        let groups = std::mem::take(&mut hands.1.unsynced.groups.lock().0);
        let flushes = !groups.is_empty();
        if flushes {
            hands.1.flush(groups);
        }
        flushes
    }

    /// Finishes what is queued, flushes it, and ends both threads.
    pub fn stop(&self) {
        self.queue.stop();
        #[cfg(any(test, feature = "testing"))]
        while self.write_group() | self.flush() {}
        for thread in self.threads.lock().drain(..) {
            // A panic of a committer thread has been reported by its hook.
            let _ = thread.join();
        }
    }
}

struct Writer {
    store: Arc<dyn Store>,
    sequencer: Sequencer,
    queue: Arc<CommitQueue>,
    views: Arc<Views>,
    unsynced: Arc<Unsynced>,
    on_fatal: OnFatal,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Batch::new();
        while let Some(group) = self.queue.take() {
            if let Err(error) = self.write(&mut batch, group) {
                self.fail(&error);
                break;
            }
            batch.clear();
        }
        let mut groups = self.unsynced.groups.lock();
        groups.1 = true;
        self.unsynced.arrived.notify_all();
    }

    fn fail(&self, error: &Error) {
        (self.on_fatal)(error);
        self.queue.stop();
    }

    /// An error means the store's state is unknown.
    fn write(&mut self, batch: &mut Batch, group: Vec<(Request, Credit)>) -> Result<()> {
        let mut answers = Vec::with_capacity(group.len());
        let mut releases = Vec::with_capacity(group.len());
        for (mut request, credit) in group {
            #[cfg(feature = "sync")]
            if self.sequencer.is_outdated(&request) {
                request.give_back(self.sequencer.position());
                continue;
            }
            #[cfg(feature = "sync")]
            if request.incoming.is_some() {
                // What it meets lies in the store.
                if !batch.is_empty() {
                    self.sequencer.finish(batch);
                    self.store.apply(batch)?;
                    batch.clear();
                }
                let view = self.view()?;
                if let Err(error) = self.sequencer.merge(&mut request, &view) {
                    request.refuse(error);
                    continue;
                }
            }
            let hlc = self.sequencer.add(&mut request, batch)?;
            releases.push(request.locks);
            answers.push((request.reply, hlc, credit));
        }
        self.sequencer.finish(batch);
        self.store.apply(batch)?;
        let view = Arc::new(self.view()?);
        self.views.newest.store(view.clone());
        drop(releases);
        let mut groups = self.unsynced.groups.lock();
        groups.0.push(Written { view, answers });
        if groups.0.len() == 1 {
            self.unsynced.arrived.notify_one();
        }
        Ok(())
    }
}

impl Writer {
    /// What has been written so far.
    fn view(&self) -> Result<View> {
        Ok(View {
            snapshot: self.store.snapshot()?,
            catalog: self.sequencer.catalog().clone(),
            position: self.sequencer.position(),
            #[cfg(feature = "columns")]
            columns: self.sequencer.columns.clone(),
        })
    }
}

struct Syncer {
    store: Arc<dyn Store>,
    views: Arc<Views>,
    unsynced: Arc<Unsynced>,
    queue: Arc<CommitQueue>,
    on_fatal: OnFatal,
}

impl Syncer {
    fn run(self) {
        loop {
            let groups = {
                let mut groups = self.unsynced.groups.lock();
                while groups.0.is_empty() {
                    if groups.1 {
                        return;
                    }
                    self.unsynced.arrived.wait(&mut groups);
                }
                std::mem::take(&mut groups.0)
            };
            if !self.flush(groups) {
                return;
            }
        }
    }

    /// One flush for all of them, and their answers; false: the store is lost.
    fn flush(&self, groups: Vec<Written>) -> bool {
        if let Err(error) = self.store.sync() {
            (self.on_fatal)(&error);
            self.queue.stop();
            return false;
        }
        if let Some(last) = groups.last() {
            self.views.durable.store(last.view.clone());
            self.views.durable_position.send_replace(last.view.position);
        }
        for (reply, hlc, _credit) in groups.into_iter().flat_map(|group| group.answers) {
            let _ = reply.send(Ok(hlc));
        }
        true
    }
}
