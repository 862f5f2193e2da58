//! Reaching into connections from outside: the keys that cancel requests carry,
//! and the signal by which a server that shuts down ends its sessions.

use futures::task::AtomicWaker;
use orbit_core::Error;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

/// Asks one connection to end.
#[derive(Default)]
pub struct Stop {
    asked: AtomicBool,
    waker: AtomicWaker,
    /// Of an end that is this connection's only.
    reason: OnceLock<Error>,
}

impl Stop {
    /// The connection's task calls this in every poll that may wait.
    pub fn is_asked(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.asked.load(Ordering::Acquire)
    }

    /// As [`Stop::is_asked`], for whoever isn't the connection's task and doesn't wait.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The first reason stays.
    pub fn ask_for(&self, reason: Error) {
        let _ = self.reason.set(reason);
        self.ask();
    }

    pub fn reason(&self) -> Option<Error> {
        self.reason.get().cloned()
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// What a client needs to know to have its statement cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub pid: i32,
    pub secret: i32,
}

/// The connections there are.
pub struct Registry {
    /// Keyed by the operating system's randomness: secrets can't be guessed from each other.
    secrets: RandomState,
    state: Mutex<State>,
}

struct State {
    last: i32,
    stopping: bool,
    live: HashMap<i32, Arc<Stop>, ahash::RandomState>,
}

/// A place in the registry, given back when dropped.
pub struct Registered {
    pub key: Key,
    pub stop: Arc<Stop>,
    registry: Arc<Registry>,
}

impl Registry {
    pub fn new() -> Arc<Registry> {
        Arc::new(Registry {
            secrets: RandomState::new(),
            state: Mutex::new(State {
                last: 0,
                stopping: false,
                live: HashMap::default(),
            }),
        })
    }

    pub fn register(self: &Arc<Self>) -> Registered {
        let stop = Arc::new(Stop::default());
        let mut state = self.state.lock();
        // Positive numbers, not those of the living; connections are far fewer than numbers.
        let pid = loop {
            state.last = state.last.checked_add(1).unwrap_or(1);
            if !state.live.contains_key(&state.last) {
                break state.last;
            }
        };
        state.live.insert(pid, stop.clone());
        if state.stopping {
            stop.ask();
        }
        drop(state);
        let secret = self.secrets.hash_one(pid) as i32;
        Registered {
            key: Key { pid, secret },
            stop,
            registry: self.clone(),
        }
    }

    /// Those that come later are stopped at once.
    pub fn stop_all(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        state.live.values().for_each(|stop| stop.ask());
    }

    pub fn len(&self) -> usize {
        self.state.lock().live.len()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.state.lock().live.remove(&self.key.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_distinct_and_places_are_given_back() {
        let registry = Registry::new();
        let one = registry.register();
        let two = registry.register();
        assert_ne!(one.key.pid, two.key.pid);
        assert_ne!(one.key.secret, two.key.secret);
        assert_eq!(registry.len(), 2);
        drop(one);
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn whoever_connects_during_a_shutdown_is_stopped_too() {
        let registry = Registry::new();
        let before = registry.register();
        registry.stop_all();
        let after = registry.register();
        assert!(before.stop.is_asked(Waker::noop()));
        assert!(after.stop.is_asked(Waker::noop()));
    }
}
