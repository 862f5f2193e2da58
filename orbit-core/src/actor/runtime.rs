//! The virtual actors of a node.
//!
//! A message goes straight into the mailbox of whom it is for. Whoever puts the first one
//! there starts the loop that takes them out: a caller runs its first steps itself (most
//! turns end within them, so that a call costs no switch between tasks), anybody else has
//! it spawned. A cell of ractor's looks after those that nobody calls: it keeps the time,
//! forgives old crashes, and reports handlers that don't come back.

use super::address::{Address, Ref};
use super::behaviour::{Actor, Kind};
use super::changes::Watchers;
use super::drain::{Drain, drain};
use super::job::Waiting;
use super::lasting::Lasting;
use super::links::Links;
use super::mailbox::Room;
use super::places::{Place, Places};
use super::planted::{Bug, is_planted};
use super::refusal::{broken, closed, flooded, full, overdue, unknown};
use super::roster::KindEntry;
use super::slot::{Put, Seen, Slot};
use super::stored::Storage;
use super::turn::Sent;
use super::waits::Waits;
use crate::clock::{Clock, until};
use crate::database::Database;
use crate::error::{Error, Result, state};
use crate::pressure::shed::{Candidate, shed};
use ahash::AHashMap;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::Handle as Tokio;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

/// What actors may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many are awake at once, and what they hold together.
    pub awake: usize,
    pub awake_bytes: usize,
    /// Of a kind, those at rest that are kept in mind for their crashes. Of further ones
    /// that crash nothing is known once they rest.
    pub remembered: usize,
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
            remembered: 4096,
            mailbox: Room {
                messages: 1024,
                bytes: 1 << 20,
            },
            waiting_bytes: 64 << 20,
            deadline: Duration::from_secs(30),
        }
    }
}

/// As long as an actor's id may be.
const MAX_ID_BYTES: usize = 1024;
/// What a message that waits, and its actor's slot, take beside the message.
const WAITING_BYTES: usize = 512;
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
    pub waits: Waits,
    pub watchers: Watchers,
    /// Loops that take messages out.
    pub at_work: AtomicUsize,
    all_done: Notify,
    is_closed: AtomicBool,
    uses: AtomicU64,
    /// One at a time looks for whom to put to rest.
    resting: Mutex<()>,
    pub clock: Arc<dyn Clock>,
    db: Option<(Lasting, Arc<Database>)>,
    /// Those to other nodes, if it has a name among them.
    links: OnceLock<Links>,
    /// What turns may use, by its type.
    tools: ArcSwap<AHashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    tokio: Tokio,
}

impl Runtime {
    /// Within a runtime of tokio's, on which the actors run. Nobody looks after them yet:
    /// see [`Runtime::keep`].
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> Runtime {
        Runtime::build(limits, clock, None)
    }

    /// The same, for actors that may be stored in a database.
    pub async fn over(limits: Limits, db: Arc<Database>) -> Result<Runtime> {
        let lasting = Lasting::open(&db).await?;
        let clock = db.clock().clone();
        Ok(Runtime::build(limits, clock, Some((lasting, db))))
    }

    fn build(
        limits: Limits,
        clock: Arc<dyn Clock>,
        db: Option<(Lasting, Arc<Database>)>,
    ) -> Runtime {
        Runtime(Arc::new(Inner {
            kinds: ArcSwap::default(),
            registering: tokio::sync::Mutex::default(),
            places: Places::new(limits.awake, limits.awake_bytes),
            limits: ArcSwap::from_pointee(limits),
            waiting_bytes: AtomicUsize::new(0),
            waits: Waits::default(),
            watchers: Watchers::default(),
            at_work: AtomicUsize::new(0),
            all_done: Notify::new(),
            is_closed: AtomicBool::new(false),
            uses: AtomicU64::new(0),
            resting: Mutex::default(),
            clock,
            db,
            links: OnceLock::new(),
            tools: ArcSwap::default(),
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
    pub async fn register<A: Actor>(&self, kind: Kind<A>) -> Result<()> {
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
                let db = self.0.lasting()?.1.clone();
                Some(Storage::open(db, kind.name, form()?).await?)
            }
        };
        kinds.insert(kind.name, Arc::new(KindEntry::new(kind, storage)));
        self.0.kinds.store(Arc::new(kinds));
        Ok(())
    }

    /// Gives turns something to use, one of each type.
    pub fn equip<T: Any + Send + Sync>(&self, tool: Arc<T>) {
        self.0.tools.rcu(|tools| {
            let mut tools = (**tools).clone();
            tools.insert(TypeId::of::<T>(), tool.clone());
            tools
        });
    }

    /// Gives it a name among the nodes it may be linked with. `site` tells it from another
    /// of that name.
    pub fn join(&self, node: &str, site: u64) -> &Links {
        let links = &self.0.links;
        links.get_or_init(|| Links::new(node, site, &self.0))
    }

    /// An actor's address on another node, or on this one. Its kind has to be known here,
    /// too; messages of types that it takes ([`Kind::takes`]) reach it as others would.
    pub fn actor_at<A: Actor>(&self, node: &str, id: &str) -> Result<Ref<A>> {
        Ok(Ref {
            at: self.0.address_at(node, id)?,
            runtime: self.0.clone(),
        })
    }

    /// An actor's address. That there is one of its kind says nothing yet of the actor.
    pub fn actor<A: Actor>(&self, id: &str) -> Result<Ref<A>> {
        Ok(Ref {
            at: self.0.address(id)?,
            runtime: self.0.clone(),
        })
    }

    /// Lets actors use more, or less: those awake beyond it are put to rest.
    pub fn set_limits(&self, limits: Limits) {
        self.0.limits.store(Arc::new(limits));
        self.0.places.set_most(limits.awake, limits.awake_bytes);
        self.0.rest_some(0);
        self.0.rest_heavy();
    }

    /// What links this node to others, if it was joined to any.
    pub fn links_if_any(&self) -> Option<&Links> {
        self.0.links.get()
    }

    /// Takes no more messages, lets those that wait be handled, and puts all to rest.
    pub async fn shutdown(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        if let Some(links) = self.0.links.get() {
            links.close();
        }
        if let Ok((lasting, _)) = self.0.lasting() {
            // Who hands them out looks up, and ends.
            lasting.reminders.note_change();
        }
        loop {
            let mut done = pin!(self.0.all_done.notified());
            done.as_mut().enable();
            if self.0.at_work.load(Ordering::SeqCst) == 0 {
                break;
            }
            done.await;
        }
        self.0.forget_all();
        self.0.watchers.close();
    }

    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// Puts to rest those that matter least and hold most, for a node that has so little
    /// memory free of all it may take; how many. What stored ones were is stored already.
    pub fn shed(&self, free: u64, total: u64) -> usize {
        let _one = self.0.resting.lock();
        let idle = self.0.idle().into_iter();
        let candidates = idle.filter_map(|slot| {
            Some(Candidate {
                priority: slot.kind.priority,
                bytes: u64::try_from(slot.idle_bytes()?).unwrap_or(u64::MAX),
                who: slot,
            })
        });
        let chosen = shed(candidates.collect(), free, total).into_iter();
        let resting = chosen.filter_map(|one| one.who.rest());
        resting.map(|one| quietly(|| drop(one))).count()
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

impl Inner {
    pub fn address<A: Actor>(&self, id: &str) -> Result<Address<A>> {
        check_id(id)?;
        let kinds = self.kinds.load();
        let kind = kinds
            .get(A::KIND)
            .filter(|kind| kind.actor == TypeId::of::<A>());
        Ok(Address {
            kind: kind.ok_or_else(|| unknown(A::KIND))?.clone(),
            id: id.into(),
            node: self.home_of(kind)?,
            of: PhantomData,
        })
    }

    /// The node where actors of a kind are, if that is another one.
    fn home_of(&self, kind: Option<&Arc<KindEntry>>) -> Result<Option<Arc<str>>> {
        let Some(home) = kind.and_then(|kind| kind.home.as_ref()) else {
            return Ok(None);
        };
        let is_own = *self.links()?.node() == **home;
        Ok((!is_own).then(|| home.clone()))
    }

    pub fn address_at<A: Actor>(&self, node: &str, id: &str) -> Result<Address<A>> {
        let is_own = self.links()?.node() == node;
        Ok(Address {
            node: (!is_own).then(|| node.into()),
            ..self.address(id)?
        })
    }

    pub fn links(&self) -> Result<&Links> {
        self.links.get().ok_or_else(|| {
            Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "this node has no name among others",
            )
            .with_hint("Set node.id.")
        })
    }

    pub fn kind(&self, name: &str) -> Result<Arc<KindEntry>> {
        let kinds = self.kinds.load();
        kinds.get(name).cloned().ok_or_else(|| unknown(name))
    }

    pub fn tool<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let tool = self.tools.load().get(&TypeId::of::<T>()).cloned();
        tool?.downcast().ok()
    }

    /// What actors leave beside their states, and the database it is in.
    pub fn lasting(&self) -> Result<(&Lasting, &Arc<Database>)> {
        match &self.db {
            Some((lasting, db)) => Ok((lasting, db)),
            None => Err(Error::unsupported(
                "what lasts in a runtime of actors without a database",
            )),
        }
    }

    /// Waits for an answer until the deadline.
    pub async fn answer<T>(
        &self,
        answer: oneshot::Receiver<Result<T>>,
        deadline: Duration,
        kind: &str,
        id: &str,
    ) -> Result<T> {
        let deadline = match is_planted(Bug::SkipDeadline) {
            false => deadline,
            true => Duration::MAX,
        };
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

    /// A message doesn't wait any more.
    pub fn note_taken(&self, id: &str, bytes: usize) {
        self.waiting_bytes
            .fetch_sub(weight(id, bytes), Ordering::AcqRel);
    }

    /// A loop that takes messages out has ended.
    pub fn note_done(&self) {
        if self.at_work.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all_done.notify_waiters();
        }
    }

    fn forget_all(&self) {
        for kind in self.kinds.load().values() {
            kind.roster.each(|slot| {
                let resting = slot.rest();
                quietly(|| drop(resting));
            });
            kind.roster.clear();
        }
    }

    /// Whether it takes no more messages.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
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
        if self.is_closed() {
            quietly(|| drop(message));
            return Err(closed());
        }
        let is_from_a_turn = message.is_from_a_turn();
        let limits = self.limits.load();
        let bytes = weight(id, message.bytes());
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before.saturating_add(bytes) > limits.waiting_bytes {
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            quietly(|| drop(message));
            return Err(flooded(before));
        }
        loop {
            let slot = kind.roster.find_or_make(kind, id);
            let (error, refused) = match slot.put(message, limits.mailbox, self.now()) {
                Put::Waits => {
                    if is_from_a_turn {
                        // For whom others wait there are more places.
                        self.places.look_again();
                    }
                    return Ok(());
                }
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
                    messages,
                    bytes,
                    refused,
                } => (full(kind.name, id, messages, bytes), refused),
                Put::Broken { rests, refused } => (broken(kind.name, id, rests), refused),
            };
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            quietly(|| drop(refused));
            return Err(error);
        }
    }

    /// Passes on what a turn has sent. Nobody waits for it; what can't be delivered is told of.
    pub fn pass_on(self: &Arc<Self>, sent: Sent) {
        let delivered = match sent {
            Sent::Here { kind, id, message } => self.deliver(&kind, &id, message, false),
            Sent::Far(request) => self.links().and_then(|links| links.tell(request)),
        };
        if let Err(error) = delivered {
            tracing::warn!(%error, "what an actor sent was not delivered");
        }
    }

    fn start(self: &Arc<Self>, slot: Arc<Slot>, at_once: bool) {
        let work = Drain::new(self.clone(), slot);
        if self.is_closed() {
            // Closed since the message was let in: what waits is told, as it is dropped.
            return;
        }
        let mut draining = Box::pin(drain(work));
        if at_once && let Some(_depth) = Depth::enter() {
            // Timers belong to the runtime that the rest will run on.
            let _entered = self.tokio.enter();
            // Who waits longer is polled again by its own task, with a waker of its own.
            let mut context = Context::from_waker(Waker::noop());
            if draining.as_mut().poll(&mut context).is_ready() {
                return;
            }
        }
        self.spawn(draining);
    }

    pub fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) -> AbortHandle {
        self.tokio.spawn(work).abort_handle()
    }

    /// A place for one more actor that is awake; others go to rest for it.
    /// `is_called`: whether an actor waits for it in a turn of its own.
    pub async fn take_place(&self, is_called: &(dyn Fn() -> bool + Sync)) -> Result<Place> {
        loop {
            if let Some(place) = self.places.take(is_called()) {
                return Ok(place);
            }
            if self.rest_some(1) > 0 {
                continue;
            }
            let mut found = None;
            let look = || {
                self.rest_some(1);
                found = self.places.take(is_called());
                found.is_some()
            };
            if !self.places.wait(look).await {
                return Err(self.no_place());
            }
            if let Some(place) = found {
                return Ok(place);
            }
        }
    }

    /// Those that have nothing to do, the longest so first.
    fn idle(&self) -> Vec<Arc<Slot>> {
        if !self.places.has_idle() {
            return Vec::new();
        }
        let mut idle = Vec::new();
        for kind in self.kinds.load().values() {
            kind.roster.each(|slot| {
                if slot.is_idle() {
                    idle.push((slot.used(), slot.clone()));
                }
            });
        }
        idle.sort_unstable_by_key(|(used, _)| *used);
        idle.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Puts to rest those that were idle for longest, so that there is room for `more`;
    /// how many, if it wasn't done meanwhile.
    fn rest_some(&self, more: usize) -> usize {
        let _one = self.resting.lock();
        let excess = (self.places.taken() + more).saturating_sub(self.places.most());
        if excess == 0 {
            return 1;
        }
        let idle = self.idle();
        // Those that begin come one by one: one look at all of them serves several.
        let wanted = excess.max(more * idle.len() / REST_PART);
        let resting = idle.iter().take(wanted).filter_map(|slot| slot.rest());
        resting.map(|one| quietly(|| drop(one))).count()
    }

    /// Puts to rest those that were idle for longest, until the others hold no more than
    /// they may, and some less.
    pub fn rest_heavy(&self) {
        if !self.places.are_too_heavy() || !self.places.has_idle() {
            return;
        }
        let _one = self.resting.lock();
        let wanted = self.places.excess_bytes() + self.places.bytes() / REST_PART;
        let mut rested = 0;
        for slot in self.idle() {
            if rested >= wanted {
                return;
            }
            if let Some(resting) = slot.rest() {
                rested += resting.place.bytes();
                quietly(|| drop(resting));
            }
        }
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
        let (rests, thrown_out) = slot.crash(error.message(), self.now(), self.limits().remembered);
        tracing::warn!(kind = slot.kind.name, id = %slot.id, %error, ?rests, "an actor failed");
        for message in thrown_out {
            self.note_taken(&slot.id, message.bytes());
            quietly(|| message.settle(Err(broken(slot.kind.name, &slot.id, rests))));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.forget_all();
    }
}

/// How deep this thread is in turns that callers run themselves.
struct Depth;

impl Depth {
    fn enter() -> Option<Depth> {
        let depth = DEPTH.get();
        (depth < INLINE_DEPTH).then(|| {
            DEPTH.set(depth + 1);
            Depth
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// Runs what may run users' code, as dropping what is theirs, without letting a panic out.
pub(super) fn quietly(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::warn!("a message or an actor panicked as it was dropped");
    }
}

/// What a message takes while it waits, with the place of an actor that may be there for
/// its sake alone.
fn weight(id: &str, bytes: usize) -> usize {
    bytes.saturating_add(id.len()).saturating_add(WAITING_BYTES)
}

pub(super) fn check_id(id: &str) -> Result<()> {
    if id.len() > MAX_ID_BYTES || id.contains('\0') {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("an actor's id of {} bytes is no id", id.len()),
        )
        .with_detail(format!(
            "It has at most {MAX_ID_BYTES} bytes, and none of them is zero."
        )));
    }
    Ok(())
}
