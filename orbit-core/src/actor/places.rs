//! How many actors may be awake at once, and what they may hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::Notify;

/// Who may wait for a place.
const WAITERS: usize = 1024;

pub(super) struct Places {
    most: AtomicUsize,
    taken: AtomicUsize,
    most_bytes: AtomicUsize,
    bytes: AtomicUsize,
    /// Actors that are awake and have nothing to do.
    idle: AtomicUsize,
    /// Who finds no place free waits for one.
    waiting: AtomicUsize,
    freed: Notify,
}

/// A place for one actor that is awake; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    bytes: usize,
    is_idle: bool,
}

impl Places {
    pub fn new(most: usize, most_bytes: usize) -> Arc<Places> {
        Arc::new(Places {
            most: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            most_bytes: AtomicUsize::new(most_bytes),
            bytes: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// `is_called`: an actor that is awake waits for this one, so that refusing it may keep
    /// every place taken for nothing. For these there are some more.
    pub fn take(self: &Arc<Self>, is_called: bool) -> Option<Place> {
        let most = self.most();
        let most = match is_called {
            true => most.saturating_add((most / 8).max(4)),
            false => most,
        };
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken.fetch_update(SeqCst, SeqCst, one_more).ok()?;
        Some(Place {
            places: self.clone(),
            bytes: 0,
            is_idle: false,
        })
    }

    /// Waits until a place is given back, unless `is_there` finds one meanwhile. False: too
    /// many wait already.
    pub async fn wait(&self, mut is_there: impl FnMut() -> bool) -> bool {
        let Some(_one) = Waiter::enter(&self.waiting) else {
            return false;
        };
        let mut freed = std::pin::pin!(self.freed.notified());
        freed.as_mut().enable();
        if !is_there() {
            freed.await;
        }
        true
    }

    /// Whether an actor that has nothing to do should rest at once: others wait for its
    /// place, or there are too many.
    pub fn are_wanted(&self) -> bool {
        self.waiting.load(SeqCst) > 0 || self.taken() > self.most() || self.are_too_heavy()
    }

    /// Whether those awake hold more than they may.
    pub fn are_too_heavy(&self) -> bool {
        self.bytes() > self.most_bytes.load(SeqCst)
    }

    /// By how much they do.
    pub fn excess_bytes(&self) -> usize {
        self.bytes().saturating_sub(self.most_bytes.load(SeqCst))
    }

    /// Has those who wait for a place look again.
    pub fn look_again(&self) {
        if self.waiting.load(SeqCst) > 0 {
            self.freed.notify_waiters();
        }
    }

    pub fn set_most(&self, most: usize, most_bytes: usize) {
        self.most.store(most, SeqCst);
        self.most_bytes.store(most_bytes, SeqCst);
        self.freed.notify_waiters();
    }

    pub fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    pub fn taken(&self) -> usize {
        self.taken.load(SeqCst)
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(SeqCst)
    }

    pub fn has_idle(&self) -> bool {
        self.idle.load(SeqCst) > 0
    }
}

impl Place {
    /// The actor in it holds so much now.
    pub fn weigh(&mut self, bytes: usize) {
        if bytes != self.bytes {
            self.places.bytes.fetch_add(bytes, SeqCst);
            self.places.bytes.fetch_sub(self.bytes, SeqCst);
            self.bytes = bytes;
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The actor in it has something to do, or hasn't.
    pub fn note_idle(&mut self, is_idle: bool) {
        match (self.is_idle, is_idle) {
            (false, true) => self.places.idle.fetch_add(1, SeqCst),
            (true, false) => self.places.idle.fetch_sub(1, SeqCst),
            _ => 0,
        };
        self.is_idle = is_idle;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.weigh(0);
        self.note_idle(false);
        self.places.taken.fetch_sub(1, SeqCst);
        if self.places.waiting.load(SeqCst) > 0 {
            self.places.freed.notify_one();
        }
    }
}

struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let one_more = |count| (count < WAITERS).then_some(count + 1);
        count.fetch_update(SeqCst, SeqCst, one_more).ok()?;
        Some(Waiter(count))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
