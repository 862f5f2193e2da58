//! Who holds what: rows, absent keys, unique keys, tables and relation names,
//! all in one table of 128-bit keys, with queues and deadlock detection.
//!
//! A key is the keyed hash of what it stands for, so a lock costs no copy of
//! the row's key. Two things that collide (2^-128 each) would merely wait for
//! each other.

pub mod mode;

use crate::cancel::CancelToken;
use crate::error::{Error, Result, state};
use crate::ids::TxnId;
use ahash::AHashMap;
pub use mode::{Modes, RowLock, TableLock};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

const SHARDS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LockKey(u128);

/// What to do when somebody else holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    Block,
    /// 55P03 at once.
    NoWait,
    /// Leave it out of the answer.
    SkipLocked,
}

/// How long a wait may last, and what ends it early.
#[derive(Clone)]
pub struct WaitLimits {
    pub lock_timeout: Option<Duration>,
    /// How long to wait before looking for a cycle.
    pub deadlock_timeout: Duration,
    pub cancel: CancelToken,
    /// Who else stands still while this owner waits: the session's advisory locks
    /// belong to an owner of their own, its rows to its transaction.
    pub also: Option<TxnId>,
}

impl Default for WaitLimits {
    fn default() -> Self {
        WaitLimits {
            lock_timeout: None,
            deadlock_timeout: Duration::from_secs(1),
            cancel: CancelToken::new(),
            also: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acquired {
    /// The mode is new to this transaction: it must be released.
    New,
    /// A mode at least as strong was held already.
    Held,
    /// Only with [`Wait::SkipLocked`].
    Skipped,
}

/// Locks on their way out of a transaction: released when this is dropped,
/// wherever that happens.
pub struct HeldLocks {
    manager: Arc<LockManager>,
    txn: TxnId,
    held: Vec<(LockKey, Modes)>,
}

impl HeldLocks {
    pub fn new(manager: Arc<LockManager>, txn: TxnId, held: Vec<(LockKey, Modes)>) -> HeldLocks {
        HeldLocks { manager, txn, held }
    }

    pub fn push(&mut self, key: LockKey, modes: Modes) {
        self.held.push((key, modes));
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.manager.release_all(self.txn, held);
    }
}

#[derive(Default)]
struct State {
    holders: SmallVec<[(TxnId, Modes); 2]>,
    queue: VecDeque<Waiter>,
}

struct Waiter {
    txn: TxnId,
    wanted: Modes,
    granted: oneshot::Sender<()>,
}

impl State {
    fn held_by(&self, txn: TxnId) -> Modes {
        self.holders
            .iter()
            .find(|(holder, _)| *holder == txn)
            .map_or(Modes(0), |(_, modes)| *modes)
    }

    fn blocked_by_holders(&self, txn: TxnId, wanted: Modes) -> bool {
        self.holders
            .iter()
            .any(|(holder, modes)| *holder != txn && wanted.conflicts_with(*modes))
    }

    fn add(&mut self, txn: TxnId, wanted: Modes) {
        match self.holders.iter_mut().find(|(holder, _)| *holder == txn) {
            Some((_, modes)) => modes.0 |= wanted.0,
            None => self.holders.push((txn, wanted)),
        }
    }

    fn take_back(&mut self, txn: TxnId, modes: Modes) {
        if let Some(place) = self.holders.iter().position(|(holder, _)| *holder == txn) {
            let held = &mut self.holders[place].1;
            held.0 &= !modes.0;
            if held.0 == 0 {
                self.holders.swap_remove(place);
            }
        }
        self.grant();
    }

    fn is_free(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    /// Grants from the front of the queue as far as nothing stands in the way.
    fn grant(&mut self) {
        while let Some(front) = self.queue.front() {
            if self.blocked_by_holders(front.txn, front.wanted) {
                return;
            }
            let Some(waiter) = self.queue.pop_front() else {
                return;
            };
            // A waiter that gave up has dropped its receiver: it gets nothing.
            if waiter.granted.send(()).is_ok() {
                self.add(waiter.txn, waiter.wanted);
            }
        }
    }
}

pub struct LockManager {
    shards: Box<[Mutex<AHashMap<LockKey, State>>]>,
    /// Everyone who stands still: for whose wait, and on what.
    waiting: Mutex<AHashMap<TxnId, (TxnId, LockKey)>>,
    /// Locks that exclude even readers, held and waited for.
    exclusive: AtomicUsize,
    seed: u64,
}

impl LockManager {
    /// `seed` keys the hash, so that keys of remote origin can't be made to collide.
    pub fn new(seed: u64) -> LockManager {
        LockManager {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            waiting: Mutex::default(),
            exclusive: AtomicUsize::new(0),
            seed,
        }
    }

    /// A row, present or not, of a key range; also a unique index's key.
    pub fn row_key(&self, storage: u32, key: &[u8]) -> LockKey {
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(key, self.seed ^ u64::from(storage));
        LockKey(hash ^ 1)
    }

    pub fn table_key(&self, table: u32) -> LockKey {
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(&table.to_be_bytes(), !self.seed);
        LockKey(hash)
    }

    pub fn name_key(&self, schema: &str, name: &str) -> LockKey {
        let text = format!("{schema}\0{name}");
        let seed = self.seed.rotate_left(17);
        LockKey(xxhash_rust::xxh3::xxh3_128_with_seed(text.as_bytes(), seed))
    }

    /// An advisory lock: `kind` tells one number of 64 bits from two of 32.
    pub fn advisory_key(&self, kind: u8, number: i64) -> LockKey {
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        let seed = self.seed.rotate_left(31);
        LockKey(xxhash_rust::xxh3::xxh3_128_with_seed(&bytes, seed))
    }

    fn shard(&self, key: LockKey) -> &Mutex<AHashMap<LockKey, State>> {
        let place = (key.0 >> 64) as usize % SHARDS;
        &self.shards[place]
    }

    pub async fn acquire(
        &self,
        txn: TxnId,
        key: LockKey,
        wanted: Modes,
        wait: Wait,
        limits: &WaitLimits,
        what: &(dyn Fn() -> String + Sync),
    ) -> Result<Acquired> {
        let granted = {
            let mut shard = self.shard(key).lock();
            let state = shard.entry(key).or_default();
            let held = state.held_by(txn);
            if held.covers(wanted) {
                return Ok(Acquired::Held);
            }
            let overtakes = held == Modes(0)
                && state
                    .queue
                    .iter()
                    .any(|waiter| wanted.conflicts_with(waiter.wanted));
            if !overtakes && !state.blocked_by_holders(txn, wanted) {
                state.add(txn, wanted);
                self.count_exclusive(wanted);
                return Ok(Acquired::New);
            }
            match wait {
                Wait::SkipLocked => return Ok(Acquired::Skipped),
                Wait::NoWait => {
                    return Err(Error::new(
                        state::LOCK_NOT_AVAILABLE,
                        format!("could not obtain lock on {}", what()),
                    ));
                }
                Wait::Block => {}
            }
            let (granted, receiver) = oneshot::channel();
            let waiter = Waiter {
                txn,
                wanted,
                granted,
            };
            // Whoever already holds a weaker mode goes first: nobody behind
            // it could be granted before it anyway.
            if held == Modes(0) {
                state.queue.push_back(waiter);
            } else {
                state.queue.push_front(waiter);
            }
            let mut waiting = self.waiting.lock();
            for stands in [Some(txn), limits.also].into_iter().flatten() {
                waiting.insert(stands, (txn, key));
            }
            drop(waiting);
            self.count_exclusive(wanted);
            receiver
        };
        self.wait(txn, key, wanted, granted, limits, what).await?;
        Ok(Acquired::New)
    }

    async fn wait(
        &self,
        txn: TxnId,
        key: LockKey,
        wanted: Modes,
        mut granted: oneshot::Receiver<()>,
        limits: &WaitLimits,
        what: &(dyn Fn() -> String + Sync),
    ) -> Result<()> {
        let mut guard = GiveUp {
            manager: self,
            txn,
            also: limits.also,
            key,
            wanted,
            armed: true,
        };
        let deadlock = tokio::time::sleep(limits.deadlock_timeout);
        let timeout = limits.lock_timeout.map(tokio::time::sleep);
        tokio::pin!(deadlock);
        tokio::pin!(timeout);
        let mut looked = false;
        let reason = loop {
            tokio::select! {
                biased;
                answer = &mut granted => {
                    if answer.is_ok() {
                        guard.armed = false;
                        return Ok(());
                    }
                    break Error::internal("a lock's queue was dropped");
                }
                reason = limits.cancel.cancelled() => break reason,
                () = async { match timeout.as_mut().as_pin_mut() {
                    Some(timeout) => timeout.await,
                    None => std::future::pending().await,
                } } => {
                    break Error::new(
                        state::LOCK_NOT_AVAILABLE,
                        "canceling statement due to lock timeout",
                    )
                    .in_context(format!("while locking {}", what()));
                }
                () = &mut deadlock, if !looked => {
                    looked = true;
                    if let Some(cycle) = self.cycle(txn, limits.also) {
                        break Error::new(state::DEADLOCK_DETECTED, "deadlock detected")
                            .with_detail(describe(&cycle))
                            .with_hint("Run the transaction again; take locks in one order everywhere.")
                            .in_context(format!("while locking {}", what()));
                    }
                }
            }
        };
        drop(guard);
        Err(reason)
    }

    fn count_exclusive(&self, modes: Modes) {
        if modes.excludes_readers() {
            self.exclusive.fetch_add(1, Ordering::Release);
        }
    }

    fn uncount_exclusive(&self, modes: Modes) {
        if modes.excludes_readers() {
            self.exclusive.fetch_sub(1, Ordering::Release);
        }
    }

    /// Whether somebody holds a table, or waits for it, in a mode that readers must
    /// wait for. Where nobody does so with any table it costs one look.
    pub fn excludes_readers(&self, table: u32) -> bool {
        if self.exclusive.load(Ordering::Acquire) == 0 {
            return false;
        }
        let key = self.table_key(table);
        let shard = self.shard(key).lock();
        shard.get(&key).is_some_and(|state| {
            let waiting = state.queue.iter().map(|waiter| waiter.wanted);
            let held = state.holders.iter().map(|(_, modes)| *modes);
            held.chain(waiting).any(Modes::excludes_readers)
        })
    }

    fn release(&self, txn: TxnId, key: LockKey, modes: Modes) {
        let mut shard = self.shard(key).lock();
        let Some(state) = shard.get_mut(&key) else {
            return;
        };
        if state.held_by(txn).contains(modes) {
            self.uncount_exclusive(modes);
        }
        state.take_back(txn, modes);
        if state.is_free() {
            shard.remove(&key);
        }
    }

    /// Releases what a transaction acquired, newest first.
    pub fn release_all(&self, txn: TxnId, held: impl IntoIterator<Item = (LockKey, Modes)>) {
        for (key, modes) in held {
            self.release(txn, key, modes);
        }
    }

    /// The transactions on a cycle through `start`, if there is one.
    fn cycle(&self, start: TxnId, also: Option<TxnId>) -> Option<Vec<TxnId>> {
        let waiting = self.waiting.lock().clone();
        let mut seen = ahash::AHashSet::new();
        // Depth-first, with a stack of our own: a chain may be as long as
        // there are waiting sessions.
        let mut path = vec![(start, self.blockers(start, &waiting))];
        while let Some((_, blockers)) = path.last_mut() {
            let Some(next) = blockers.pop() else {
                path.pop();
                continue;
            };
            if next == start || Some(next) == also {
                return Some(path.into_iter().map(|(txn, _)| txn).collect());
            }
            if seen.insert(next) {
                path.push((next, self.blockers(next, &waiting)));
            }
        }
        None
    }

    fn blockers(&self, txn: TxnId, waiting: &AHashMap<TxnId, (TxnId, LockKey)>) -> Vec<TxnId> {
        let Some((txn, key)) = waiting.get(&txn) else {
            return Vec::new();
        };
        let txn = *txn;
        let shard = self.shard(*key).lock();
        let Some(state) = shard.get(key) else {
            return Vec::new();
        };
        let Some(place) = state.queue.iter().position(|waiter| waiter.txn == txn) else {
            return Vec::new();
        };
        let wanted = state.queue[place].wanted;
        let holders = state
            .holders
            .iter()
            .filter(|(holder, modes)| *holder != txn && wanted.conflicts_with(*modes))
            .map(|(holder, _)| *holder);
        let ahead = state
            .queue
            .iter()
            .take(place)
            .filter(|waiter| wanted.conflicts_with(waiter.wanted))
            .map(|waiter| waiter.txn);
        holders.chain(ahead).collect()
    }

    /// Who holds a lock, how, and who waits for it, for views.
    pub fn state_of(&self, key: LockKey) -> (Vec<(TxnId, Modes)>, Vec<(TxnId, Modes)>) {
        let shard = self.shard(key).lock();
        let Some(state) = shard.get(&key) else {
            return Default::default();
        };
        let waiters = state.queue.iter();
        (
            state.holders.to_vec(),
            waiters.map(|one| (one.txn, one.wanted)).collect(),
        )
    }

    /// What an owner waits for now, and whom for.
    pub fn wait_of(&self, owner: TxnId) -> Option<(LockKey, Vec<TxnId>)> {
        let waiting = self.waiting.lock().clone();
        let (_, key) = waiting.get(&owner)?;
        Some((*key, self.blockers(owner, &waiting)))
    }

    /// Transactions waiting now.
    pub fn waiting(&self) -> usize {
        let waiting = self.waiting.lock();
        waiting.iter().filter(|(who, wait)| **who == wait.0).count()
    }

    /// Locks held now, for views and tests.
    pub fn held(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// Leaves the queue when a wait ends without the lock, also when the waiting
/// session's future is dropped.
struct GiveUp<'a> {
    manager: &'a LockManager,
    txn: TxnId,
    also: Option<TxnId>,
    key: LockKey,
    wanted: Modes,
    /// False once the lock was granted.
    armed: bool,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        {
            let mut waiting = self.manager.waiting.lock();
            for stands in [Some(self.txn), self.also].into_iter().flatten() {
                waiting.remove(&stands);
            }
        }
        if !self.armed {
            return;
        }
        self.manager.uncount_exclusive(self.wanted);
        let mut shard = self.manager.shard(self.key).lock();
        if let Some(state) = shard.get_mut(&self.key) {
            match state.queue.iter().position(|waiter| waiter.txn == self.txn) {
                Some(place) => {
                    state.queue.remove(place);
                    state.grant();
                }
                // Granted at the very moment of giving up: given back.
                None => state.take_back(self.txn, self.wanted),
            }
            if state.is_free() {
                shard.remove(&self.key);
            }
        }
    }
}

fn describe(cycle: &[TxnId]) -> String {
    let mut text = String::new();
    for (place, txn) in cycle.iter().enumerate() {
        let next = cycle.get(place + 1).or(cycle.first());
        if let Some(next) = next {
            if place > 0 {
                text.push('\n');
            }
            text.push_str(&format!("{txn} waits for {next}."));
        }
    }
    text
}
