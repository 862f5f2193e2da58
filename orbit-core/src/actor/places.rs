//! How many actors may be awake at once, and what they may hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

pub(super) struct Places {
    most: AtomicUsize,
    taken: AtomicUsize,
    most_bytes: AtomicUsize,
    bytes: AtomicUsize,
    /// Who finds none free waits for one.
    waiting: AtomicUsize,
    freed: Notify,
}

/// A place for one actor that is awake; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    bytes: usize,
}

impl Places {
    pub fn new(most: usize, most_bytes: usize) -> Arc<Places> {
        Arc::new(Places {
            most: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            most_bytes: AtomicUsize::new(most_bytes),
            bytes: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    pub fn take(self: &Arc<Self>) -> Option<Place> {
        let most = self.most.load(Ordering::Acquire);
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()?;
        Some(Place {
            places: self.clone(),
            bytes: 0,
        })
    }

    /// Waits until a place is given back, unless `is_there` finds one meanwhile.
    pub async fn wait(&self, mut is_there: impl FnMut() -> bool) {
        let _one = Waiter::new(&self.waiting);
        let mut freed = std::pin::pin!(self.freed.notified());
        freed.as_mut().enable();
        if !is_there() {
            freed.await;
        }
    }

    /// Whether an actor that has nothing to do should rest at once: others wait for its
    /// place, or there are too many.
    pub fn are_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0 || self.are_exceeded()
    }

    /// Whether more are awake than may be, or hold more.
    pub fn are_exceeded(&self) -> bool {
        self.taken() > self.most() || self.bytes() > self.most_bytes.load(Ordering::Acquire)
    }

    /// By how many actors, and whether by bytes.
    pub fn set_most(&self, most: usize, most_bytes: usize) {
        self.most.store(most, Ordering::Release);
        self.most_bytes.store(most_bytes, Ordering::Release);
        self.freed.notify_waiters();
    }

    pub fn most(&self) -> usize {
        self.most.load(Ordering::Acquire)
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }
}

impl Place {
    /// The actor in it holds so much now.
    pub fn weigh(&mut self, bytes: usize) {
        if bytes != self.bytes {
            self.places.bytes.fetch_add(bytes, Ordering::AcqRel);
            self.places.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
            self.bytes = bytes;
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.weigh(0);
        self.places.taken.fetch_sub(1, Ordering::AcqRel);
        if self.places.waiting.load(Ordering::Acquire) > 0 {
            self.places.freed.notify_one();
        }
    }
}

struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Waiter(count)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
