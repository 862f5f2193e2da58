//! An actor's place in memory: what waits for it, and what it is while it is awake.

use super::behaviour::AnyActor;
use super::crashes::Crashes;
use super::job::Waiting;
use super::mailbox::{Full, Mailbox, Room};
use super::places::Place;
use super::roster::KindEntry;
use super::stored::Kept;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) struct Slot {
    pub kind: Arc<KindEntry>,
    pub id: Arc<str>,
    /// When it was used last, as a count of uses of all actors.
    used: AtomicU64,
    /// Since when its handler has been running without a pause, in milliseconds of the
    /// runtime; 0: it isn't.
    pub busy_since: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mailbox: Mailbox,
    /// Somebody takes its messages out, and has hold of the actor.
    drained: bool,
    awake: Option<Awake>,
    /// It is in no roster any more.
    retired: bool,
    crashes: Option<Box<Crashes>>,
    last_error: Option<Box<str>>,
    turns: u64,
}

/// An actor in memory.
pub(super) struct Awake {
    pub actor: AnyActor,
    /// What is kept of it, if its kind is stored.
    pub kept: Option<Kept>,
    /// One of the places there are for actors that are awake.
    pub place: Place,
}

/// What whoever drains does next.
pub(super) enum Next {
    Message(Box<dyn Waiting>),
    /// Nothing waits, but something is left to be done.
    Later,
    Over,
}

/// What became of a message.
pub(super) enum Put {
    /// It waits.
    Waits,
    /// It waits, and whoever put it has to see to it that it is taken.
    First,
    /// The mailbox is full: so much waits.
    Full {
        messages: usize,
        bytes: usize,
        /// Dropped by the sender, away from the actor's lock.
        refused: Box<dyn Waiting>,
    },
    /// The actor crashed too often; so long it takes no messages.
    Broken {
        rests: Duration,
        refused: Box<dyn Waiting>,
    },
    /// There is another slot for this actor by now.
    Retired(Box<dyn Waiting>),
}

/// What others see of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: &'static str,
    pub id: Arc<str>,
    pub state: &'static str,
    pub waiting: usize,
    pub waiting_bytes: usize,
    pub bytes: usize,
    pub turns: u64,
    pub crashes: u32,
    pub last_error: Option<String>,
}

impl Slot {
    pub fn new(kind: Arc<KindEntry>, id: Arc<str>) -> Slot {
        Slot {
            kind,
            id,
            used: AtomicU64::new(0),
            busy_since: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub fn put(&self, message: Box<dyn Waiting>, room: Room, now: Duration) -> Put {
        let mut state = self.state.lock();
        if state.retired {
            return Put::Retired(message);
        }
        if let Some(crashes) = &state.crashes
            && crashes.is_open(now)
        {
            return Put::Broken {
                rests: crashes.rests(now),
                refused: message,
            };
        }
        match state.mailbox.put(message, room) {
            Err(Full(refused)) => Put::Full {
                messages: state.mailbox.len(),
                bytes: state.mailbox.bytes(),
                refused,
            },
            Ok(()) if state.drained => Put::Waits,
            Ok(()) => {
                state.drained = true;
                Put::First
            }
        }
    }

    /// Whether an actor waits, in a turn of its own, for the answer to a message that waits.
    pub fn is_called_from_a_turn(&self) -> bool {
        self.state.lock().mailbox.calls() > 0
    }

    /// For whoever drains: the actor, if it is awake, and whether it has crashed.
    pub fn take_awake(&self) -> (Option<Awake>, bool) {
        let mut state = self.state.lock();
        let mut awake = state.awake.take();
        if let Some(awake) = &mut awake {
            awake.place.note_idle(false);
        }
        (awake, state.crashes.is_some())
    }

    /// The next message, if it may join what is left to be done (`is_dirty`). If there is
    /// none, and nothing is left, the actor is put back, unless `stays` says that it should
    /// rest, and the draining is over.
    pub fn next(
        &self,
        awake: &mut Option<Awake>,
        turns: &mut u64,
        is_dirty: bool,
        joins: impl FnOnce(&dyn Waiting) -> bool,
        stays: impl FnOnce() -> bool,
    ) -> Next {
        let mut state = self.state.lock();
        if let Some(first) = state.mailbox.first()
            && !joins(first)
        {
            return Next::Later;
        }
        if let Some(message) = state.mailbox.take() {
            return Next::Message(message);
        }
        if is_dirty {
            return Next::Later;
        }
        state.turns += std::mem::take(turns);
        state.drained = false;
        if awake.is_some() && stays() {
            state.awake = awake.take();
            if let Some(awake) = &mut state.awake {
                awake.place.note_idle(true);
            }
        } else if state.crashes.is_none() {
            state.retired = true;
            drop(state);
            self.kind.roster.forget(self);
        }
        Next::Over
    }

    /// Nobody drains it any more: what waits is given back.
    pub fn abandon(&self) -> Vec<Box<dyn Waiting>> {
        let mut state = self.state.lock();
        state.drained = false;
        state.retired = true;
        self.clear_crashes(&mut state);
        let waiting = state.mailbox.take_all();
        drop(state);
        self.kind.roster.forget(self);
        waiting
    }

    /// A turn succeeded since it crashed.
    pub fn recover(&self) {
        self.clear_crashes(&mut self.state.lock());
    }

    fn clear_crashes(&self, state: &mut State) {
        if state.crashes.take().is_some() {
            self.kind.roster.crashed.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Puts an idle actor to rest.
    pub fn rest(&self) -> Option<Awake> {
        let mut state = self.state.lock();
        if state.drained {
            return None;
        }
        let awake = state.awake.take()?;
        if state.crashes.is_none() {
            state.retired = true;
            drop(state);
            self.kind.roster.forget(self);
        }
        Some(awake)
    }

    /// A crash: what waits goes on waiting, unless there were too many. How long the
    /// actor has to rest, and what was thrown out.
    pub fn crash(
        &self,
        error: &str,
        now: Duration,
        most: usize,
    ) -> (Duration, Vec<Box<dyn Waiting>>) {
        let mut state = self.state.lock();
        if state.crashes.is_none() && !self.kind.roster.may_note_crash(most) {
            // So many others crash that this one's pauses can't be kept in mind.
            return (Duration::ZERO, Vec::new());
        }
        if state.crashes.is_none() {
            self.kind.roster.crashed.fetch_add(1, Ordering::Relaxed);
        }
        let crashes = state.crashes.get_or_insert_default();
        crashes.note(now);
        let rests = crashes.rests(now);
        let is_open = crashes.is_open(now);
        state.last_error = Some(error.into());
        let thrown_out = match is_open {
            true => state.mailbox.take_all(),
            false => Vec::new(),
        };
        (rests, thrown_out)
    }

    /// How long it still has to rest.
    pub fn rests(&self, now: Duration) -> Duration {
        let state = self.state.lock();
        let crashes = state.crashes.as_ref();
        crashes.map_or(Duration::ZERO, |crashes| crashes.rests(now))
    }

    pub fn note_use(&self, count: u64) {
        self.used.store(count, Ordering::Relaxed);
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// What the actor holds, while it is awake and has nothing to do.
    pub fn idle_bytes(&self) -> Option<usize> {
        let state = self.state.lock();
        let awake = state.awake.as_ref().filter(|_| !state.drained)?;
        Some(awake.place.bytes())
    }

    /// Whether it is awake and has nothing to do.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        !state.drained && state.awake.is_some()
    }

    /// Forgets crashes that are long past; a slot that holds nothing else goes.
    pub fn forgive(&self, now: Duration) {
        let mut state = self.state.lock();
        if state.crashes.as_ref().is_some_and(|one| one.is_past(now)) {
            self.clear_crashes(&mut state);
        }
        let is_empty = state.crashes.is_none() && state.awake.is_none() && !state.drained;
        if is_empty && !state.retired {
            state.retired = true;
            drop(state);
            self.kind.roster.forget(self);
        }
    }

    pub fn seen(&self, now: Duration) -> Seen {
        let state = self.state.lock();
        let crashes = state.crashes.as_deref();
        Seen {
            kind: self.kind.name,
            id: self.id.clone(),
            state: match () {
                () if crashes.is_some_and(|one| one.is_open(now)) => "broken",
                () if crashes.is_some_and(|one| !one.rests(now).is_zero()) => "restarting",
                () if state.drained => "busy",
                () if state.awake.is_some() => "idle",
                () => "at rest",
            },
            waiting: state.mailbox.len(),
            waiting_bytes: state.mailbox.bytes(),
            bytes: state.awake.as_ref().map_or(0, |awake| awake.place.bytes()),
            turns: state.turns,
            crashes: crashes.map_or(0, Crashes::in_a_row),
            last_error: state.last_error.as_deref().map(str::to_owned),
        }
    }
}
