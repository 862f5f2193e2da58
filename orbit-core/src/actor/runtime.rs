//! The virtual actors of a node.
//!
//! A message goes straight into the mailbox of whom it is for. Whoever puts the first one
//! there starts the loop that takes them out: a caller runs its first steps itself (most
//! turns end within them, so that a call costs no switch between tasks), anybody else has
//! it spawned. A cell of ractor's looks after those that nobody calls: it keeps the time,
//! forgives old crashes, and reports handlers that don't come back.

use super::behaviour::{Actor, Handle, Kind, Message};
use super::drain::drain;
use super::job::{Job, Waiting};
use super::mailbox::Room;
use super::places::{Place, Places};
use super::roster::KindEntry;
use super::slot::{Put, Seen, Slot};
use super::stored::Storage;
use super::turn::Sent;
use crate::clock::{Clock, until};
use crate::database::Database;
use crate::error::{Error, Result, state};
use ahash::AHashMap;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::Handle as Tokio;
use tokio::sync::oneshot;

/// What actors may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many are awake at once, and what they hold together.
    pub awake: usize,
    pub awake_bytes: usize,
    /// What may wait for one actor.
    pub mailbox: Room,
    /// What may wait for all of them together.
    pub waiting_bytes: usize,
    /// How long a call waits for its answer unless it says otherwise, and how long a turn
    /// that nobody waits for may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            awake: 5000,
            awake_bytes: 64 << 20,
            mailbox: Room {
                messages: 1024,
                bytes: 1 << 20,
            },
            waiting_bytes: 64 << 20,
            deadline: Duration::from_secs(30),
        }
    }
}

/// How deep callers run each other's turns on one stack.
const INLINE_DEPTH: u32 = 4;
/// Of those awake, the part that rests together when others begin.
const REST_PART: usize = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

pub(super) struct Inner {
    kinds: ArcSwap<AHashMap<&'static str, Arc<KindEntry>>>,
    registering: tokio::sync::Mutex<()>,
    limits: ArcSwap<Limits>,
    pub places: Arc<Places>,
    waiting_bytes: AtomicUsize,
    uses: AtomicU64,
    /// One at a time looks for whom to put to rest.
    resting: Mutex<()>,
    pub clock: Arc<dyn Clock>,
    pub db: Option<Arc<Database>>,
    tokio: Tokio,
}

impl Runtime {
    /// Within a runtime of tokio's, on which the actors run. Nobody looks after them yet:
    /// see [`Runtime::keep`].
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> Runtime {
        Runtime::build(limits, clock, None)
    }

    /// The same, for actors that are stored in a database.
    pub fn over(limits: Limits, db: Arc<Database>) -> Runtime {
        Runtime::build(limits, db.clock().clone(), Some(db))
    }

    fn build(limits: Limits, clock: Arc<dyn Clock>, db: Option<Arc<Database>>) -> Runtime {
        Runtime(Arc::new(Inner {
            kinds: ArcSwap::default(),
            registering: tokio::sync::Mutex::default(),
            places: Places::new(limits.awake, limits.awake_bytes),
            limits: ArcSwap::from_pointee(limits),
            waiting_bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            resting: Mutex::default(),
            clock,
            db,
            tokio: Tokio::current(),
        }))
    }

    /// Has it looked after from here on.
    pub async fn keep(&self) -> Result<()> {
        super::keeper::start(self).await
    }

    pub(super) fn of(inner: Arc<Inner>) -> Runtime {
        Runtime(inner)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// From here on there are actors of this kind.
    pub async fn register(&self, kind: Kind) -> Result<()> {
        let _one = self.0.registering.lock().await;
        let mut kinds = (**self.0.kinds.load()).clone();
        if kinds.contains_key(kind.name) {
            return Err(Error::new(
                state::DUPLICATE_OBJECT,
                format!("actor kind \"{}\" is registered already", kind.name),
            ));
        }
        let storage = match kind.form {
            None => None,
            Some(form) => {
                let db = self.0.db.clone().ok_or_else(|| {
                    Error::unsupported("a stored actor in a runtime without a database")
                })?;
                Some(Storage::open(db, kind.name, form()?).await?)
            }
        };
        kinds.insert(kind.name, Arc::new(KindEntry::new(&kind, storage)));
        self.0.kinds.store(Arc::new(kinds));
        Ok(())
    }

    /// An actor's address. That there is one of its kind says nothing yet of the actor.
    pub fn actor<A: Actor>(&self, id: &str) -> Result<Ref<A>> {
        self.0.actor(id)
    }

    /// Lets actors use more, or less: those awake beyond it are put to rest.
    pub fn set_limits(&self, limits: Limits) {
        self.0.limits.store(Arc::new(limits));
        self.0.places.set_most(limits.awake, limits.awake_bytes);
        while self.0.places.are_exceeded() && self.0.rest_some(0) > 0 {}
    }

    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// How many actors are awake, and what they hold.
    pub fn awake(&self) -> (usize, usize) {
        (self.0.places.taken(), self.0.places.bytes())
    }

    /// What waits for all of them together, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.0.waiting_bytes.load(Ordering::Acquire)
    }

    /// Every actor that is in memory.
    pub fn seen(&self) -> Vec<Seen> {
        let (now, mut seen) = (self.0.now(), Vec::new());
        for kind in self.0.kinds.load().values() {
            kind.roster.each(|slot| seen.push(slot.seen(now)));
        }
        seen.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
        seen
    }

    /// What nobody's message brings about: crashes long past are forgiven. Returns the
    /// actors whose handlers have not come back for `longest`.
    pub fn look_after(&self, longest: Duration) -> Vec<(&'static str, Arc<str>)> {
        let (now, ticks) = (self.0.now(), self.0.ticks());
        let mut stuck = Vec::new();
        for kind in self.0.kinds.load().values() {
            kind.roster.each(|slot| {
                slot.forgive(now);
                let since = slot.busy_since.load(Ordering::Relaxed);
                let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
                if since != 0 && ticks.saturating_sub(since) > longest {
                    stuck.push((kind.name, slot.id.clone()));
                }
            });
        }
        stuck
    }
}

/// An actor's address, for those that may send to it.
pub struct Ref<A> {
    pub(super) runtime: Arc<Inner>,
    pub(super) kind: Arc<KindEntry>,
    pub(super) id: Arc<str>,
    of: PhantomData<fn(&mut A)>,
}

impl<A> Clone for Ref<A> {
    fn clone(&self) -> Self {
        Ref {
            runtime: self.runtime.clone(),
            kind: self.kind.clone(),
            id: self.id.clone(),
            of: PhantomData,
        }
    }
}

impl<A: Actor> Ref<A> {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks and waits for the answer, as long as the node's limits say.
    pub async fn call<M: Message>(&self, message: M) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        self.call_within(self.runtime.limits.load().deadline, message)
            .await
    }

    /// Asks and waits for the answer for so long. Past it the turn is given up, or was
    /// never begun; the error says which.
    pub async fn call_within<M: Message>(&self, time: Duration, message: M) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        let deadline = self.runtime.now().saturating_add(time);
        let (reply, answer) = oneshot::channel();
        let job = Job::<A, M>::asked(message, reply, deadline, None);
        self.runtime.deliver(&self.kind, &self.id, job, true)?;
        self.runtime
            .answer(answer, deadline, self.kind.name, &self.id)
            .await
    }

    /// Sends without waiting. `Ok`: it waits in the actor's mailbox.
    pub fn send<M: Message>(&self, message: M) -> Result<()>
    where
        A: Handle<M>,
    {
        let job = Job::<A, M>::sent(message);
        self.runtime.deliver(&self.kind, &self.id, job, false)
    }
}

impl Inner {
    pub fn actor<A: Actor>(self: &Arc<Self>, id: &str) -> Result<Ref<A>> {
        let kinds = self.kinds.load();
        let kind = kinds
            .get(A::KIND)
            .filter(|kind| kind.actor == TypeId::of::<A>());
        let kind = kind.ok_or_else(|| unknown(A::KIND))?.clone();
        Ok(Ref {
            runtime: self.clone(),
            kind,
            id: id.into(),
            of: PhantomData,
        })
    }

    /// Waits for an answer until the deadline.
    pub async fn answer<T>(
        &self,
        answer: oneshot::Receiver<Result<T>>,
        deadline: Duration,
        kind: &str,
        id: &str,
    ) -> Result<T> {
        match until(self.clock.as_ref(), deadline, pin!(answer)).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(Error::new(
                state::ADMIN_SHUTDOWN,
                format!("actor {kind}/{id} stopped before it answered"),
            )),
            None => Err(overdue(kind, id, true)),
        }
    }

    pub fn limits(&self) -> Limits {
        **self.limits.load()
    }

    /// By the monotonic clock.
    pub fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The same in milliseconds, and never 0.
    pub fn ticks(&self) -> u64 {
        u64::try_from(self.now().as_millis()).map_or(u64::MAX, |ticks| ticks.max(1))
    }

    /// When a turn that nobody waits for is given up.
    pub fn end_of_turn(&self) -> Duration {
        self.now().saturating_add(self.limits.load().deadline)
    }

    pub fn count_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    pub fn note_taken(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Puts a message into a mailbox. `at_once`: the caller waits for what becomes of it,
    /// and may run it itself.
    pub fn deliver(
        self: &Arc<Self>,
        kind: &Arc<KindEntry>,
        id: &Arc<str>,
        mut message: Box<dyn Waiting>,
        at_once: bool,
    ) -> Result<()> {
        let limits = self.limits.load();
        let bytes = message.bytes();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before.saturating_add(bytes) > limits.waiting_bytes {
            self.note_taken(bytes);
            return Err(flooded(before));
        }
        loop {
            let slot = kind.roster.find_or_make(kind, id);
            let error = match slot.put(message, limits.mailbox, self.now()) {
                Put::Waits => return Ok(()),
                Put::First => {
                    self.start(slot, at_once);
                    return Ok(());
                }
                Put::Retired(again) => {
                    kind.roster.forget(&slot);
                    message = again;
                    continue;
                }
                Put::Full {
                    messages, bytes, ..
                } => full(kind.name, id, messages, bytes),
                Put::Broken(rests) => broken(kind.name, id, rests),
            };
            self.note_taken(bytes);
            return Err(error);
        }
    }

    /// Passes on what a turn has sent. Nobody waits for it; what can't be delivered is told of.
    pub fn pass_on(self: &Arc<Self>, sent: Sent) {
        if let Err(error) = self.deliver(&sent.kind, &sent.id, sent.message, false) {
            tracing::warn!(%error, "what an actor sent was not delivered");
        }
    }

    fn start(self: &Arc<Self>, slot: Arc<Slot>, at_once: bool) {
        let mut draining = Box::pin(drain(self.clone(), slot));
        let depth = DEPTH.get();
        if at_once && depth < INLINE_DEPTH {
            DEPTH.set(depth + 1);
            // Who waits longer is polled again by its own task, with a waker of its own.
            let polled = draining
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            DEPTH.set(depth);
            if polled.is_ready() {
                return;
            }
        }
        self.spawn(draining);
    }

    fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.tokio.spawn(work);
    }

    /// A place for one more actor that is awake; others go to rest for it.
    pub async fn take_place(self: &Arc<Self>) -> Place {
        loop {
            if let Some(place) = self.places.take() {
                return place;
            }
            if self.rest_some(1) > 0 {
                continue;
            }
            let mut found = None;
            let look = || {
                self.rest_some(1);
                found = self.places.take();
                found.is_some()
            };
            self.places.wait(look).await;
            if let Some(place) = found {
                return place;
            }
        }
    }

    /// Puts to rest those that were idle for longest, so that there is room for `more`;
    /// how many, if it wasn't done meanwhile.
    fn rest_some(&self, more: usize) -> usize {
        let _one = self.resting.lock();
        let excess = || (self.places.taken() + more).saturating_sub(self.places.most());
        if excess() == 0 && !self.places.are_exceeded() {
            return 1;
        }
        let mut idle = Vec::new();
        for kind in self.kinds.load().values() {
            kind.roster.each(|slot| {
                if slot.is_idle() {
                    idle.push((slot.used(), slot.clone()));
                }
            });
        }
        // Those that begin come one by one: one look at all of them serves several.
        let wanted = excess().max(more * idle.len() / REST_PART).max(1);
        if wanted < idle.len() {
            idle.select_nth_unstable_by_key(wanted, |(used, _)| *used);
            idle.truncate(wanted);
        }
        idle.iter()
            .filter(|(_, slot)| slot.rest().is_some())
            .count()
    }

    pub fn no_place(&self) -> Error {
        Error::new(
            state::CONFIGURATION_LIMIT_EXCEEDED,
            "too many actors are awake",
        )
        .with_detail(format!(
            "{} may be awake at once, and none of them became idle before the deadline.",
            self.places.most()
        ))
        .with_hint("Raise max_actors in the device profile, or let actors answer sooner.")
    }

    /// An actor failed: it begins anew after a pause. After too many failures those that
    /// wait for it are told.
    pub fn crashed(&self, slot: &Slot, error: &Error) {
        let (rests, thrown_out) = slot.crash(error.message(), self.now());
        tracing::warn!(kind = slot.kind.name, id = %slot.id, %error, ?rests, "an actor failed");
        for message in thrown_out {
            self.note_taken(message.bytes());
            message.settle(Err(broken(slot.kind.name, &slot.id, rests)));
        }
    }
}

fn unknown(kind: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("actor kind \"{kind}\" is not known on this node"),
    )
    .with_hint("Register the kind before you address its actors.")
}

fn full(kind: &str, id: &str, messages: usize, bytes: usize) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        format!("the mailbox of actor {kind}/{id} is full"),
    )
    .with_detail(format!("{messages} messages of {bytes} bytes wait in it."))
    .with_hint("Send more slowly, or wait for answers.")
}

fn flooded(bytes: usize) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        "too much waits for the actors of this node",
    )
    .with_detail(format!(
        "Messages of {bytes} bytes wait in their mailboxes."
    ))
    .with_hint("Send more slowly, or wait for answers.")
}

fn broken(kind: &str, id: &str, rests: Duration) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("actor {kind}/{id} failed too often"),
    )
    .with_detail(format!(
        "It takes messages again in {} seconds.",
        rests.as_secs_f64().ceil()
    ))
    .with_hint("See last_error in orbit.actors.")
}

pub(super) fn panicked(kind: &str, id: &str, panic: &(dyn Any + Send)) -> Error {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("actor {kind}/{id} failed"))
        .with_detail(format!("It panicked: {}", said.unwrap_or("no message")))
}

pub(super) fn cycle(kind: &str, id: &str, to_kind: &str, to_id: &str) -> Error {
    Error::new(
        state::DEADLOCK_DETECTED,
        format!("actor {kind}/{id} calls {to_kind}/{to_id}, which waits for it"),
    )
    .with_hint("Send a message instead of a call.")
}

/// `begun`: whether anything may have been done.
pub(super) fn overdue(kind: &str, id: &str, begun: bool) -> Error {
    let (state, detail) = match begun {
        true => (
            state::STATEMENT_COMPLETION_UNKNOWN,
            "Whether its work was done is not known.",
        ),
        false => (state::QUERY_CANCELED, "Its work was not begun."),
    };
    Error::new(
        state,
        format!("actor {kind}/{id} did not answer before the deadline"),
    )
    .with_detail(detail)
}
