//! Who wants to know what an actor becomes. Whoever is slow misses what was in between, and
//! gets the newest: nothing piles up.

use super::behaviour::Actor;
use super::roster::KindEntry;
use super::runtime::Inner;
use crate::error::{Error, Result, state};
use crate::value::Value;
use ahash::AHashMap;
use parking_lot::Mutex;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// What is kept of an actor, field by field; none: nothing has changed yet.
type Seen = Option<Arc<[Value]>>;
type Name = (&'static str, Arc<str>);

pub(super) struct Watchers {
    /// How many actors are watched, for the many that aren't.
    count: AtomicUsize,
    /// None: the node stops.
    watched: Mutex<Option<AHashMap<Name, watch::Sender<Seen>>>>,
}

impl Default for Watchers {
    fn default() -> Self {
        Watchers {
            count: AtomicUsize::new(0),
            watched: Mutex::new(Some(AHashMap::new())),
        }
    }
}

impl Watchers {
    fn watch(&self, kind: &'static str, id: &Arc<str>) -> Option<watch::Receiver<Seen>> {
        let mut watched = self.watched.lock();
        let watched = watched.as_mut()?;
        let sender = watched.entry((kind, id.clone()));
        let receiver = sender.or_insert_with(|| watch::channel(None).0).subscribe();
        self.count.store(watched.len(), Ordering::Release);
        Some(receiver)
    }

    fn forget_unwatched(&self) {
        if let Some(watched) = self.watched.lock().as_mut() {
            watched.retain(|_, sender| !sender.is_closed());
            self.count.store(watched.len(), Ordering::Release);
        }
    }

    /// Something of an actor was committed; `now`: what it is.
    pub fn tell(&self, kind: &'static str, id: &Arc<str>, now: impl FnOnce() -> Seen) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let watched = self.watched.lock();
        let sender = watched
            .as_ref()
            .and_then(|all| all.get(&(kind, id.clone())).cloned());
        drop(watched);
        if let Some(sender) = sender
            && let Some(now) = now()
        {
            sender.send_if_modified(|seen| {
                let is_new = seen.as_ref() != Some(&now);
                *seen = Some(now);
                is_new
            });
        }
    }

    /// The node stops: who waits is told.
    pub fn close(&self) {
        *self.watched.lock() = None;
        self.count.store(0, Ordering::Release);
    }
}

/// What a stored actor becomes, commit by commit.
pub struct Changes<A> {
    runtime: Arc<Inner>,
    kind: Arc<KindEntry>,
    seen: Option<watch::Receiver<Seen>>,
    of: PhantomData<fn() -> A>,
}

impl<A: Actor> Changes<A> {
    pub(super) fn of(
        runtime: &Arc<Inner>,
        kind: &Arc<KindEntry>,
        id: &Arc<str>,
    ) -> Result<Changes<A>> {
        if kind.storage().is_none() {
            return Err(Error::unsupported(format!(
                "watching actors of kind \"{}\", which aren't stored",
                kind.name
            ))
            .with_hint("Register the kind by Kind::stored."));
        }
        Ok(Changes {
            seen: runtime.watchers.watch(kind.name, id),
            runtime: runtime.clone(),
            kind: kind.clone(),
            of: PhantomData,
        })
    }

    /// Waits until turns have changed it again, durably, and gives what it is then. Changes
    /// that came close together, or while nobody waited, are one.
    pub async fn next(&mut self) -> Result<A> {
        let stopped = || Error::new(state::ADMIN_SHUTDOWN, "the node is shutting down");
        let seen = self.seen.as_mut().ok_or_else(stopped)?;
        let values = loop {
            seen.changed().await.map_err(|_| stopped())?;
            if let Some(values) = seen.borrow_and_update().clone() {
                break values;
            }
        };
        let storage = self.kind.storage().ok_or_else(stopped)?;
        let actor = storage.revive(&values)?.downcast::<A>();
        let actor = actor.map_err(|_| Error::internal("a kind of another type"))?;
        Ok(*actor)
    }
}

impl<A> Drop for Changes<A> {
    fn drop(&mut self) {
        self.seen = None;
        self.runtime.watchers.forget_unwatched();
    }
}
