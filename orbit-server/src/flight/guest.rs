//! A client's session and what reaches into it: one thing at a time, on a task of its
//! own, ended early when its client leaves or somebody says so.
//!
//! ```text
//! call ──► enter (waits its turn) ──► task: work on the session ──► answer
//!    └─ dropped: the work is cancelled, as a cancel request would
//! ```

use crate::grpc::Line;
use crate::pg::{Key, Registered, Seat, Stop, idle_limit, shutting_down};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use orbit_core::{Error, Result, state};
use orbit_query::session::transaction_timed_out;
use orbit_query::{Block, Engine, Session};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{
    Mutex as Turn, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot,
};

/// How long another call waits while the session waits for its client.
const PATIENCE: Duration = Duration::from_secs(10);
/// Calls of one session at one time, those that wait included.
const MAX_CALLS: usize = 16;
/// Connections of one token that are remembered.
const MAX_LINES: usize = 64;

/// What only one call at a time has hold of.
pub struct Held {
    pub session: Session,
    /// The transaction that BeginTransaction began, while it lasts.
    pub transaction: Option<Bytes>,
    pub prepared: BTreeMap<u64, super::prepared::Statement>,
    pub last_prepared: u64,
    pub limits: Limits,
    /// The call was refused for itself: the transaction, if there is one, goes on.
    pub refused: bool,
    owes: Arc<AtomicBool>,
    _seat: Seat,
    _registered: Registered,
}

/// What one session may hold and send.
#[derive(Clone, Copy)]
pub struct Limits {
    pub prepared_statements: usize,
    pub statement_bytes: usize,
    /// Parameters that wait for their statement.
    pub parameter_bytes: usize,
}

pub struct Guest {
    pub user: String,
    pub key: Key,
    engine: Arc<Engine>,
    held: Arc<Turn<Option<Held>>>,
    stop: Arc<Stop>,
    /// Work under way must come to its end: a commit's outcome is owed.
    owes: Arc<AtomicBool>,
    /// The ticket whose answer is being made.
    ticket: Mutex<Option<Bytes>>,
    /// Since when the session has waited for its client to read or to send.
    parked: Mutex<Option<Instant>>,
    rested: Mutex<Instant>,
    /// How long it outlives its connections.
    lingers: Duration,
    lines: Mutex<Vec<Weak<Line>>>,
    calls: Arc<Semaphore>,
    /// One client sends one thing at a time.
    uploads: Semaphore,
}

type Hold = OwnedMutexGuard<Option<Held>>;

impl Guest {
    pub fn new(
        session: Session,
        engine: Arc<Engine>,
        seat: Seat,
        registered: Registered,
        limits: Limits,
        lingers: Duration,
    ) -> Arc<Guest> {
        let owes = Arc::new(AtomicBool::new(false));
        Arc::new(Guest {
            user: session.facts().session_user.clone(),
            key: registered.key,
            engine,
            stop: registered.stop.clone(),
            owes: owes.clone(),
            held: Arc::new(Turn::new(Some(Held {
                session,
                transaction: None,
                prepared: BTreeMap::new(),
                last_prepared: 0,
                limits,
                refused: false,
                owes,
                _seat: seat,
                _registered: registered,
            }))),
            ticket: Mutex::new(None),
            parked: Mutex::new(None),
            rested: Mutex::new(Instant::now()),
            lingers,
            lines: Mutex::new(Vec::new()),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            uploads: Semaphore::new(1),
        })
    }

    /// A call's place among those there may be.
    pub fn call(&self) -> Result<OwnedSemaphorePermit> {
        self.calls.clone().try_acquire_owned().map_err(|_| {
            Error::new(
                state::CONFIGURATION_LIMIT_EXCEEDED,
                format!("more than {MAX_CALLS} calls of one session at a time"),
            )
            .with_hint("Use several sessions.")
        })
    }

    /// Before what a client streams is read.
    pub async fn upload(&self) -> Option<SemaphorePermit<'_>> {
        self.uploads.acquire().await.ok()
    }

    /// Notes that the session is used over a connection.
    pub fn is_used_over(&self, line: &Arc<Line>) {
        let mut lines = self.lines.lock();
        if lines
            .iter()
            .any(|known| known.as_ptr() == Arc::as_ptr(line))
        {
            return;
        }
        lines.retain(|known| known.strong_count() > 0);
        if lines.len() < MAX_LINES {
            lines.push(Arc::downgrade(line));
        }
    }

    /// Waits until no other call has hold of the session.
    async fn enter(&self) -> Result<Hold> {
        let mut turn = pin!(self.held.clone().lock_owned());
        let hold = loop {
            tokio::select! {
                biased;
                hold = &mut turn => break hold,
                () = tokio::time::sleep(Duration::from_millis(250)) => {}
            }
            let parked = *self.parked.lock();
            if parked.is_some_and(|since| since.elapsed() > PATIENCE) {
                return Err(Error::new(
                    state::OBJECT_IN_USE,
                    "the session is busy with a result that is not being read",
                )
                .with_hint("Read it to its end or close it first, or use another connection."));
            }
        };
        match hold.is_some() && !self.stop.was_asked() {
            true => Ok(hold),
            false => Err(self.reason()),
        }
    }

    /// Whether nothing can be asked of it any more.
    pub fn is_over(&self) -> bool {
        self.stop.was_asked()
    }

    /// Why the session is over.
    fn reason(&self) -> Error {
        self.stop.reason().unwrap_or_else(shutting_down)
    }

    /// Starts work on the session once it is its turn. Dropping the [`Caller`] before
    /// the work is done cancels it.
    pub async fn start<W>(self: &Arc<Self>, ticket: Option<Bytes>, work: W) -> Result<Caller>
    where
        W: for<'h> FnOnce(&'h mut Held, Arc<Guest>) -> BoxFuture<'h, ()> + Send + 'static,
    {
        let mut hold = self.enter().await?;
        let caller = Caller {
            guest: self.clone(),
            watch: Arc::new(Mutex::new(true)),
        };
        let (guest, watch) = (self.clone(), caller.watch.clone());
        *self.ticket.lock() = ticket;
        tokio::spawn(async move {
            if guest.carry_out(&mut hold, work).await.is_err() {
                // Whatever it was in the middle of is undone.
                if !guest.is_over() {
                    guest.stop.ask_for(failed());
                }
                *hold = None;
            }
            *watch.lock() = false;
            *guest.ticket.lock() = None;
            *guest.parked.lock() = None;
            *guest.rested.lock() = Instant::now();
        });
        Ok(caller)
    }

    /// `Err`: the session is to end.
    async fn carry_out<W>(self: &Arc<Self>, hold: &mut Hold, work: W) -> Result<(), ()>
    where
        W: for<'h> FnOnce(&'h mut Held, Arc<Guest>) -> BoxFuture<'h, ()> + Send,
    {
        let Some(held) = hold.as_mut() else {
            return Err(());
        };
        let mut work = pin!(AssertUnwindSafe(work(held, self.clone())).catch_unwind());
        let stopped = poll_fn(|cx| match self.stop.is_asked(cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        let done = tokio::select! {
            biased;
            done = &mut work => done,
            () = stopped => {
                if !self.owes.load(Ordering::Acquire) {
                    return Err(());
                }
                work.await
            }
        };
        // The hook has logged a panic with its place.
        done.map_err(|_| ())
    }

    /// Work with one answer.
    pub async fn ask<T, W>(self: &Arc<Self>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'h> FnOnce(&'h mut Held) -> BoxFuture<'h, Result<T>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let caller = self
            .start(None, move |held, _| {
                Box::pin(async move {
                    let done = work(held).await;
                    let _ = tell.send(held.settled(done).await);
                })
            })
            .await?;
        match told.await {
            Ok(answer) => answer,
            Err(_) => Err(caller.lost()),
        }
    }

    /// While the session waits for its client.
    pub fn park(&self, waits: bool) {
        *self.parked.lock() = waits.then(Instant::now);
    }

    /// Cancels what is under way if it is the answer of this ticket.
    pub fn cancel(&self, ticket: &[u8]) -> bool {
        let under_way = self.ticket.lock();
        let is_it = under_way.as_deref() == Some(ticket);
        if is_it {
            self.engine.cancel(self.key.pid, self.key.secret);
        }
        is_it
    }

    /// Ends the session for a reason; work under way ends with it.
    pub fn end(&self, reason: Error) {
        self.stop.ask_for(reason);
        if let Ok(mut hold) = self.held.clone().try_lock_owned() {
            *hold = None;
        }
    }

    /// As [`Guest::end`], and comes back when it is gone.
    pub async fn close(&self, reason: Error) {
        self.stop.ask_for(reason);
        *self.held.lock().await = None;
    }

    /// Why the session is to end by now, if it is. Leaves one alone that is at work.
    pub fn due(&self) -> Option<Error> {
        let hold = self.held.clone().try_lock_owned().ok()?;
        let Some(held) = hold.as_ref() else {
            return Some(self.reason());
        };
        if self.stop.was_asked() {
            return Some(self.reason());
        }
        let rested = self.rested.lock().elapsed();
        if let Some((limit, reason)) = idle_limit(&held.session) {
            // The transaction's is what is left of it, the others are whole.
            let counts = reason.state() != transaction_timed_out().state();
            if limit.is_zero() || (counts && rested >= limit) {
                return Some(reason);
            }
        }
        let mut lines = self.lines.lock();
        lines.retain(|line| line.strong_count() > 0);
        (lines.is_empty() && rested >= self.lingers).then(|| {
            Error::new(
                state::CONNECTION_FAILURE,
                "the session's connection was closed",
            )
        })
    }
}

/// Whoever waits for the work that was started.
pub struct Caller {
    guest: Arc<Guest>,
    /// Whether the work is still under way.
    watch: Arc<Mutex<bool>>,
}

impl Caller {
    /// What to say of work that ended without an answer.
    pub fn lost(&self) -> Error {
        match self.guest.stop.was_asked() {
            true => self.guest.reason(),
            false => failed(),
        }
    }
}

fn failed() -> Error {
    Error::internal("the session failed; its work was undone")
}

impl Drop for Caller {
    fn drop(&mut self) {
        let under_way = self.watch.lock();
        if *under_way {
            let key = self.guest.key;
            self.guest.engine.cancel(key.pid, key.secret);
        }
    }
}

impl Held {
    /// The end of a call: commits what it did outside of a block, or undoes it.
    pub async fn settled<T>(&mut self, done: Result<T>) -> Result<T> {
        if done.is_err() && !self.refused {
            self.session.fail();
        }
        self.refused = false;
        self.owe(true);
        let synced = self.session.sync().await;
        self.owe(false);
        if synced.is_err() {
            self.session.fail();
        }
        if self.session.block() == Block::Idle {
            self.transaction = None;
        }
        // Notices have no place in the protocol.
        self.session.take_notices();
        self.session.take_parameter_changes();
        self.session.note_rest();
        match (done, synced) {
            (Ok(answer), Ok(())) => Ok(answer),
            (Ok(_), Err(error)) | (Err(error), _) => Err(error),
        }
    }

    /// While what runs must come to its end: what ends a transaction.
    pub fn owe(&self, owes: bool) {
        self.owes.store(owes, Ordering::Release);
    }
}
