//! Advisory locks: in the lock table of rows and tables, so that a deadlock
//! over both is found. All of a session's belong to one owner; how often each
//! was taken, and until when, is counted here.

use super::Backend;
use orbit_core::lock::{Acquired, LockKey, Modes, TableLock, Wait, WaitLimits};
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What a session may hold at one time.
const MAX_HELD: usize = 100_000;

/// Which lock: one number of 64 bits, or two of 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdvisoryKey {
    One(i64),
    Two(i32, i32),
}

impl AdvisoryKey {
    /// `classid`, `objid` and `objsubid`, as pg_locks shows them.
    pub fn parts(self) -> (u32, u32, i16) {
        match self {
            AdvisoryKey::One(number) => ((number >> 32) as u32, number as u32, 1),
            AdvisoryKey::Two(first, second) => (first as u32, second as u32, 2),
        }
    }

    fn lock_key(self, backend: &Backend) -> LockKey {
        let (kind, number) = match self {
            AdvisoryKey::One(number) => (1, number),
            AdvisoryKey::Two(first, second) => {
                (2, (i64::from(first) << 32) | i64::from(second as u32))
            }
        };
        backend.db().locks().advisory_key(kind, number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Shared,
    Exclusive,
}

impl Mode {
    fn modes(self) -> Modes {
        match self {
            Mode::Shared => TableLock::Share.bit(),
            Mode::Exclusive => TableLock::Exclusive.bit(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Mode::Shared => "ShareLock",
            Mode::Exclusive => "ExclusiveLock",
        }
    }
}

/// How long it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Unlocked,
    TransactionEnd,
}

type Held = (AdvisoryKey, Mode);

#[derive(Default)]
struct State {
    /// How often, by the session and by its transaction.
    counts: BTreeMap<Held, (u32, u32)>,
    /// The transaction's, in the order they were taken.
    of_transaction: Vec<Held>,
    /// What it waits for.
    waiting: Option<Held>,
}

#[derive(Default)]
pub struct Advisory(Mutex<State>);

impl Advisory {
    /// Locks held and waited for; `true`: held.
    pub fn list(&self) -> Vec<(AdvisoryKey, Mode, bool)> {
        let state = self.0.lock();
        let held = state.counts.keys().map(|(key, mode)| (*key, *mode, true));
        let waiting = state.waiting.map(|(key, mode)| (key, mode, false));
        held.chain(waiting).collect()
    }

    /// How many the transaction has taken, for a savepoint.
    pub fn mark(&self) -> usize {
        self.0.lock().of_transaction.len()
    }

    /// Takes back what the transaction took since the mark.
    pub fn release_since(&self, backend: &Backend, mark: usize) {
        let mut state = self.0.lock();
        if state.of_transaction.len() <= mark {
            return;
        }
        for held in state.of_transaction.split_off(mark) {
            let Some(counts) = state.counts.get_mut(&held) else {
                continue;
            };
            counts.1 = counts.1.saturating_sub(1);
            if *counts == (0, 0) {
                state.counts.remove(&held);
                release(backend, held);
            }
        }
    }

    /// pg_advisory_unlock_all()
    pub fn release_session(&self, backend: &Backend) {
        let mut state = self.0.lock();
        state.counts.retain(|held, counts| {
            counts.0 = 0;
            if counts.1 == 0 {
                release(backend, *held);
            }
            counts.1 > 0
        });
    }

    pub fn release_everything(&self, backend: &Backend) {
        self.release_since(backend, 0);
        self.release_session(backend);
    }
}

fn release(backend: &Backend, (key, mode): Held) {
    let locks = backend.db().locks();
    locks.release_all(backend.owner(), [(key.lock_key(backend), mode.modes())]);
}

/// Says that a wait is over, however it ends.
struct Waiting<'b>(&'b Backend);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.advisory.0.lock().waiting = None;
    }
}

impl Backend {
    /// Whether it was there already, and counted once more.
    fn count_again(&self, held: Held, until: Until) -> Result<bool> {
        let mut state = self.advisory.0.lock();
        if !state.counts.contains_key(&held) {
            if state.counts.len() >= MAX_HELD {
                return Err(Error::new(state::OUT_OF_MEMORY, "out of shared memory")
                    .with_hint("Release advisory locks that are no longer needed."));
            }
            return Ok(false);
        }
        self.count(&mut state, held, until)?;
        Ok(true)
    }

    fn count(&self, state: &mut State, held: Held, until: Until) -> Result<()> {
        if until == Until::TransactionEnd && state.of_transaction.len() >= MAX_HELD {
            return Err(Error::new(state::OUT_OF_MEMORY, "out of shared memory"));
        }
        let counts = state.counts.entry(held).or_default();
        match until {
            Until::Unlocked => counts.0 += 1,
            Until::TransactionEnd => {
                counts.1 += 1;
                state.of_transaction.push(held);
                self.stir();
            }
        }
        Ok(())
    }

    /// Takes a lock; `false` if it was not to be waited for and somebody else has it.
    pub(crate) async fn lock_advisory(
        &self,
        key: AdvisoryKey,
        mode: Mode,
        until: Until,
        wait: Wait,
    ) -> Result<bool> {
        let held = (key, mode);
        if self.count_again(held, until)? {
            return Ok(true);
        }
        let (lock_timeout, deadlock_timeout) = self.waits();
        let limits = WaitLimits {
            lock_timeout,
            deadlock_timeout,
            cancel: self.cancel_token().clone(),
            also: self.transaction(),
        };
        let what = || {
            let (class, object, sub) = key.parts();
            format!("advisory lock [{class},{object},{sub}]")
        };
        self.advisory.0.lock().waiting = Some(held);
        let waiting = Waiting(self);
        let lock_key = key.lock_key(self);
        let locks = self.db().locks();
        let acquired = locks
            .acquire(self.owner(), lock_key, mode.modes(), wait, &limits, &what)
            .await?;
        drop(waiting);
        if acquired == Acquired::Skipped {
            return Ok(false);
        }
        let counted = self.count(&mut self.advisory.0.lock(), held, until);
        if counted.is_err() {
            release(self, held);
        }
        counted.map(|()| true)
    }

    /// Gives back one of the session's own; `false`, and a warning, if there is none.
    pub(crate) fn unlock_advisory(&self, key: AdvisoryKey, mode: Mode) -> bool {
        let held = (key, mode);
        let mut state = self.advisory.0.lock();
        let Some(counts) = state.counts.get_mut(&held).filter(|counts| counts.0 > 0) else {
            drop(state);
            self.notice(Error::new(
                state::WARNING,
                format!("you don't own a lock of type {}", mode.name()),
            ));
            return false;
        };
        counts.0 -= 1;
        if *counts == (0, 0) {
            state.counts.remove(&held);
            release(self, held);
        }
        true
    }
}
