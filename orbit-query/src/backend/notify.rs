//! LISTEN and NOTIFY.
//!
//! What a transaction notifies waits in its session's [`Outbox`] and is passed
//! on by the [`Hub`] when the commit is on disk. Whoever notifies holds
//! [`Hub::order`] from before its commit until it has passed its notifications
//! on, so listeners get them in the order of commits. Each listener has an
//! [`Inbox`] of bounded length; who lets it run over has its session ended, so
//! that it knows that it missed something, and nobody else waits for it.

use super::{Backend, Stopper};
use ahash::{AHashMap, AHashSet};
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// PostgreSQL takes payloads shorter than this.
const PAYLOAD_BYTES: usize = 8000;
/// What one transaction may notify of.
const MAX_PENDING: usize = 50_000;
const MAX_PENDING_BYTES: usize = 8 << 20;
/// What may wait for one listener. Several times what one transaction may send.
const MAX_WAITING: usize = 4 * MAX_PENDING;
const MAX_WAITING_BYTES: usize = 4 * MAX_PENDING_BYTES;

#[derive(Debug, PartialEq, Eq)]
pub struct Notification {
    /// The session that sent it.
    pub pid: i32,
    pub channel: String,
    pub payload: String,
}

impl Notification {
    fn bytes(&self) -> usize {
        size_of::<Notification>() + self.channel.len() + self.payload.len()
    }
}

/// What waits for one session.
#[derive(Default)]
pub struct Inbox {
    waiting: Mutex<(VecDeque<Arc<Notification>>, usize)>,
    /// Kept beside the queue, so that looking costs nothing.
    count: AtomicUsize,
    /// Whether its session has ever listened: if not, nobody need wait for it.
    is_used: AtomicBool,
    arrived: Notify,
}

impl Inbox {
    /// False when there is no room.
    fn put(&self, notification: &Arc<Notification>) -> bool {
        let mut waiting = self.waiting.lock();
        let bytes = waiting.1 + notification.bytes();
        if waiting.0.len() >= MAX_WAITING || bytes > MAX_WAITING_BYTES {
            return false;
        }
        waiting.0.push_back(notification.clone());
        waiting.1 = bytes;
        self.count.store(waiting.0.len(), Ordering::Release);
        true
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// False while its session has listened to nothing: nothing will ever come.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }

    /// Some of what waits, oldest first.
    pub fn take(&self, most: usize) -> Vec<Arc<Notification>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.0.len().min(most);
        let taken: Vec<_> = waiting.0.drain(..count).collect();
        let bytes: usize = taken.iter().map(|one| one.bytes()).sum();
        waiting.1 = waiting.1.saturating_sub(bytes);
        if waiting.0.is_empty() {
            waiting.0.shrink_to(64);
        }
        self.count.store(waiting.0.len(), Ordering::Release);
        taken
    }

    /// Waits until there is something.
    pub async fn filled(&self) {
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if !self.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    fn fullness(&self) -> f64 {
        let waiting = self.waiting.lock();
        let count = waiting.0.len() as f64 / MAX_WAITING as f64;
        count.max(waiting.1 as f64 / MAX_WAITING_BYTES as f64)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    To(String),
    NoMore(String),
    ToNothing,
}

/// What a transaction leaves to be done once it is committed.
#[derive(Default)]
pub struct Outbox {
    notifications: Vec<Arc<Notification>>,
    known: AHashSet<(String, String)>,
    bytes: usize,
    listens: Vec<Listen>,
}

/// How much was in the outbox at a savepoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutboxMark {
    notifications: usize,
    listens: usize,
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty() && self.listens.is_empty()
    }

    pub fn notifies(&self) -> bool {
        !self.notifications.is_empty()
    }

    pub fn mark(&self) -> OutboxMark {
        OutboxMark {
            notifications: self.notifications.len(),
            listens: self.listens.len(),
        }
    }

    pub fn roll_back_to(&mut self, mark: OutboxMark) {
        for undone in self.notifications.drain(mark.notifications..) {
            self.bytes = self.bytes.saturating_sub(undone.bytes());
            self.known
                .remove(&(undone.channel.clone(), undone.payload.clone()));
        }
        self.listens.truncate(mark.listens);
    }

    fn add(&mut self, notification: Notification) -> Result<()> {
        // The same twice in one transaction arrives once.
        let known = (notification.channel.clone(), notification.payload.clone());
        if self.known.contains(&known) {
            return Ok(());
        }
        self.bytes += notification.bytes();
        if self.notifications.len() >= MAX_PENDING || self.bytes > MAX_PENDING_BYTES {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "too many notifications in one transaction",
            )
            .with_detail(format!(
                "A transaction may send {MAX_PENDING} of them with {MAX_PENDING_BYTES} bytes."
            )));
        }
        self.known.insert(known);
        self.notifications.push(Arc::new(notification));
        Ok(())
    }
}

struct Listener {
    pid: i32,
    inbox: Arc<Inbox>,
    stopper: Option<Stopper>,
}

#[derive(Default)]
pub struct Hub {
    /// Held by a transaction with notifications while it commits.
    pub order: tokio::sync::Mutex<()>,
    channels: Mutex<AHashMap<String, Vec<Listener>>>,
    /// What each session listens to.
    sessions: Mutex<AHashMap<i32, BTreeSet<String>>>,
}

impl Hub {
    /// Does what a committed transaction left to be done.
    pub fn deliver(&self, backend: &Backend, outbox: Outbox) {
        for listen in outbox.listens {
            match listen {
                Listen::To(channel) => self.listen(backend, channel),
                Listen::NoMore(channel) => self.unlisten(backend.pid, &channel),
                Listen::ToNothing => self.forget(backend.pid),
            }
        }
        if outbox.notifications.is_empty() {
            return;
        }
        let channels = self.channels.lock();
        let mut overrun = AHashSet::new();
        let mut reached: Vec<&Listener> = Vec::new();
        for notification in &outbox.notifications {
            for listener in channels.get(&notification.channel).into_iter().flatten() {
                if overrun.contains(&listener.pid) {
                    continue;
                }
                if !listener.inbox.put(notification) {
                    overrun.insert(listener.pid);
                    if let Some(stopper) = &listener.stopper {
                        stopper(overrun_error());
                    }
                }
                if !reached.iter().any(|known| known.pid == listener.pid) {
                    reached.push(listener);
                }
            }
        }
        for listener in reached {
            listener.inbox.arrived.notify_waiters();
        }
    }

    fn listen(&self, backend: &Backend, channel: String) {
        let mut sessions = self.sessions.lock();
        if !sessions
            .entry(backend.pid)
            .or_default()
            .insert(channel.clone())
        {
            return;
        }
        drop(sessions);
        backend.inbox.is_used.store(true, Ordering::Release);
        let mut channels = self.channels.lock();
        channels.entry(channel).or_default().push(Listener {
            pid: backend.pid,
            inbox: backend.inbox.clone(),
            stopper: backend.stopper.clone(),
        });
    }

    fn unlisten(&self, pid: i32, channel: &str) {
        if let Some(known) = self.sessions.lock().get_mut(&pid) {
            known.remove(channel);
        }
        self.remove(pid, channel);
    }

    fn remove(&self, pid: i32, channel: &str) {
        let mut channels = self.channels.lock();
        if let Some(listeners) = channels.get_mut(channel) {
            listeners.retain(|listener| listener.pid != pid);
            if listeners.is_empty() {
                channels.remove(channel);
            }
        }
    }

    /// The session listens to nothing any more.
    pub fn forget(&self, pid: i32) {
        let known = self.sessions.lock().remove(&pid);
        for channel in known.into_iter().flatten() {
            self.remove(pid, &channel);
        }
    }

    pub fn channels_of(&self, pid: i32) -> Vec<String> {
        let sessions = self.sessions.lock();
        let known = sessions.get(&pid);
        known.into_iter().flatten().cloned().collect()
    }

    /// How full the fullest listener's inbox is, from 0 to 1.
    pub fn usage(&self) -> f64 {
        let channels = self.channels.lock();
        let inboxes = channels.values().flatten();
        inboxes.fold(0.0, |most, one| one.inbox.fullness().max(most))
    }
}

fn overrun_error() -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "too many notifications wait for this session",
    )
    .with_hint("Read notifications, and don't stay inside a transaction while listening.")
}

impl Backend {
    /// NOTIFY, pg_notify().
    pub(crate) fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        if channel.is_empty() {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "channel name cannot be empty",
            ));
        }
        if channel.len() > crate::statement::names::MAX_NAME_BYTES {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "channel name too long",
            ));
        }
        if payload.len() >= PAYLOAD_BYTES {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "payload string too long",
            ));
        }
        self.outbox.lock().add(Notification {
            pid: self.pid,
            channel: channel.to_owned(),
            payload: payload.to_owned(),
        })?;
        self.stir();
        Ok(())
    }

    /// LISTEN and UNLISTEN, from the transaction's end on.
    pub(crate) fn listen(&self, listen: Listen) {
        let mut outbox = self.outbox.lock();
        if outbox.listens.last() != Some(&listen) {
            outbox.listens.push(listen);
        }
        self.stir();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(payload: &str) -> Notification {
        Notification {
            pid: 1,
            channel: "c".to_owned(),
            payload: payload.to_owned(),
        }
    }

    #[test]
    fn the_same_twice_is_sent_once_but_again_after_it_was_undone() {
        let mut outbox = Outbox::default();
        outbox.add(notification("a")).unwrap();
        let mark = outbox.mark();
        outbox.add(notification("a")).unwrap();
        outbox.add(notification("b")).unwrap();
        assert_eq!(outbox.notifications.len(), 2);
        outbox.roll_back_to(mark);
        assert_eq!(outbox.notifications.len(), 1);
        outbox.add(notification("b")).unwrap();
        assert_eq!(outbox.notifications.len(), 2);
    }

    #[test]
    fn an_inbox_takes_no_more_than_it_has_room_for() {
        let inbox = Inbox::default();
        let large = Arc::new(notification(&"x".repeat(7999)));
        let mut count = 0;
        while inbox.put(&large) {
            count += 1;
        }
        assert!(count * 7999 <= MAX_WAITING_BYTES && count * 9000 > MAX_WAITING_BYTES);
        assert_eq!(inbox.take(10).len(), 10);
        assert!(inbox.put(&large));
    }

    #[test]
    fn one_transaction_may_send_only_so_many() {
        let mut outbox = Outbox::default();
        let refused =
            (0..=MAX_PENDING).find_map(|n| outbox.add(notification(&n.to_string())).err());
        assert!(refused.unwrap().is(state::PROGRAM_LIMIT_EXCEEDED));
    }
}
