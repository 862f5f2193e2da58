//! The loop that takes an actor's messages out and runs its turns, one at a time.
//!
//! Turns of a stored actor that follow each other closely share one commit: while one is
//! on its way to the disk, those that come meanwhile gather for the next. Answers leave
//! when all that their turns saw is durable, and not before.

use super::behaviour::AnyActor;
use super::job::Waiting;
use super::runtime::{Inner, overdue, panicked};
use super::slot::{Awake, Next, Slot};
use super::stored::Kept;
use super::turn::{Sent, Turn};
use crate::clock::until;
use crate::error::{Error, Result};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// Turns between two breaths for other tasks.
const BREATH: u32 = 64;
/// Turns that share a commit.
const TOGETHER: usize = 256;

/// Why a turn left nothing.
enum Failure {
    /// The handler said so.
    Refused(Error),
    /// It was given up in the middle.
    GivenUp(Error),
    /// It panicked.
    Broken(Error),
}

struct Drain {
    runtime: Arc<Inner>,
    slot: Arc<Slot>,
    awake: Option<Awake>,
    turn: Turn,
    /// Turns that are done, and wait for the commit they share.
    done: Vec<Box<dyn Waiting>>,
    /// What they send once it is durable.
    sent: Vec<Sent>,
    turns: u64,
    breath: u32,
}

/// Runs until nothing waits. Whoever starts it was told by [`Slot::put`] to.
pub(super) async fn drain(runtime: Arc<Inner>, slot: Arc<Slot>) {
    slot.note_use(runtime.count_use());
    let mut drain = Drain {
        awake: slot.take_awake(),
        turn: Turn::new(runtime.clone(), slot.kind.clone(), slot.id.clone()),
        runtime,
        slot,
        done: Vec::new(),
        sent: Vec::new(),
        turns: 0,
        breath: 0,
    };
    while drain.step().await {}
}

impl Drain {
    /// False: nothing waits any more, and the actor is put back.
    async fn step(&mut self) -> bool {
        let is_dirty = self.turn.transaction.is_some();
        if is_dirty && (self.done.len() >= TOGETHER || self.slot.kind.waits()) {
            self.commit().await;
            return true;
        }
        let stays = || !self.runtime.places.are_wanted();
        let next = self
            .slot
            .next(&mut self.awake, &mut self.turns, is_dirty, stays);
        match next {
            Next::Message(message) => {
                self.runtime.note_taken(message.bytes());
                self.take(message).await;
                self.breathe().await;
                true
            }
            Next::Later => {
                self.commit().await;
                true
            }
            Next::Over => false,
        }
    }

    async fn breathe(&mut self) {
        self.breath += 1;
        if self.breath >= BREATH {
            self.breath = 0;
            tokio::task::yield_now().await;
        }
    }

    async fn take(&mut self, message: Box<dyn Waiting>) {
        if message.is_abandoned() {
            return;
        }
        let (kind, id) = (self.slot.kind.name, &self.slot.id);
        if message
            .deadline()
            .is_some_and(|end| self.runtime.now() >= end)
        {
            message.settle(Err(overdue(kind, id, false)));
            return;
        }
        self.turns += 1;
        match self.run(message).await {
            Ok(message) if self.turn.transaction.is_some() => {
                self.done.push(message);
                self.sent.append(&mut self.turn.sent);
            }
            Ok(message) => {
                for sent in self.turn.sent.drain(..) {
                    self.runtime.pass_on(sent);
                }
                message.settle(Ok(()));
            }
            Err((message, failure)) => self.fail(message, failure),
        }
    }

    /// The turn left nothing; what other turns left before it stays.
    fn fail(&mut self, message: Box<dyn Waiting>, failure: Failure) {
        let (error, is_known) = match failure {
            Failure::Refused(error) => (error, true),
            Failure::GivenUp(error) => (error, false),
            Failure::Broken(error) => {
                self.runtime.crashed(&self.slot, &error);
                (error, false)
            }
        };
        match (&self.slot.kind.storage(), &mut self.awake) {
            // It is what was kept of it.
            (Some(storage), Some(awake)) => match &awake.kept {
                Some(kept) => match storage.revive(kept) {
                    Ok(actor) => awake.actor = actor,
                    Err(_) => self.awake = None,
                },
                None => self.awake = None,
            },
            _ if !is_known => self.awake = None,
            _ => {}
        }
        message.settle(Err(error));
    }

    /// Makes durable what turns have left, and lets their answers go.
    async fn commit(&mut self) {
        let Some(transaction) = self.turn.transaction.take() else {
            return;
        };
        let committed = match transaction.has_writes() {
            true => transaction.commit().await,
            // What they read may not be on disk yet.
            false => transaction.wait_until_durable().await,
        };
        if committed.is_ok() {
            for sent in self.sent.drain(..) {
                self.runtime.pass_on(sent);
            }
        } else {
            // What it became was never stored.
            self.awake = None;
            self.sent.clear();
        }
        for message in self.done.drain(..) {
            message.settle(committed.clone());
        }
    }

    /// One turn.
    async fn run(&mut self, mut message: Box<dyn Waiting>) -> Outcome {
        if let Err(error) = self.wake(message.deadline()).await {
            return Err((message, Failure::Refused(error)));
        }
        let Some(awake) = &mut self.awake else {
            let error = Error::internal("an actor isn't awake in its turn");
            return Err((message, Failure::Refused(error)));
        };
        self.turn.begin(message.as_ref());
        let mark = self
            .turn
            .transaction
            .as_mut()
            .map(|one| one.statement_mark());
        let (runtime, slot) = (&self.runtime, &self.slot);
        let end = message.deadline().unwrap_or_else(|| runtime.end_of_turn());
        let mut outcome = {
            let mut running = message.run(awake.actor.as_mut(), &mut self.turn);
            let mut has_waited = false;
            let work = pin!(poll_fn(|cx| {
                slot.busy_since.store(runtime.ticks(), Ordering::Relaxed);
                let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
                slot.busy_since.store(0, Ordering::Relaxed);
                match polled {
                    Ok(Poll::Pending) => {
                        if !has_waited {
                            has_waited = true;
                            slot.kind.note_waiting();
                        }
                        Poll::Pending
                    }
                    Ok(polled) => polled.map_err(Failure::Refused),
                    Err(panic) => {
                        let error = panicked(slot.kind.name, &slot.id, panic.as_ref());
                        Poll::Ready(Err(Failure::Broken(error)))
                    }
                }
            }));
            match until(runtime.clock.as_ref(), end, work).await {
                Some(outcome) => outcome,
                None => Err(Failure::GivenUp(overdue(slot.kind.name, &slot.id, true))),
            }
        };
        if let (Ok(()), Some(storage)) = (&outcome, slot.kind.storage()) {
            let transaction = &mut self.turn.transaction;
            let saved = match storage.values_of(awake.actor.as_ref()) {
                Ok(now) => {
                    let saving = storage.save(transaction, &slot.id, now, &mut awake.kept);
                    saving.await
                }
                Err(error) => Err(error),
            };
            outcome = saved.map_err(Failure::Refused);
        }
        if let Err(failure) = outcome {
            match (mark, &mut self.turn.transaction) {
                (Some(mark), Some(transaction)) => transaction.rollback_to_mark(mark),
                (_, transaction) => *transaction = None,
            }
            return Err((message, failure));
        }
        let bytes = slot.kind.weigh(awake.actor.as_ref(), &awake.kept);
        awake.place.weigh(bytes);
        Ok(message)
    }

    /// Sees to it that the actor is awake.
    async fn wake(&mut self, deadline: Option<Duration>) -> Result<()> {
        if self.awake.is_some() {
            return Ok(());
        }
        let (runtime, slot) = (&self.runtime, &self.slot);
        let end = deadline.unwrap_or_else(|| runtime.end_of_turn());
        let rest = slot.rests(runtime.now());
        if !rest.is_zero() {
            let begins = runtime.now() + rest;
            runtime.clock.sleep_until(begins.min(end)).await;
            if begins > end {
                return Err(overdue(slot.kind.name, &slot.id, false));
            }
        }
        let taking = pin!(runtime.take_place());
        let place = until(runtime.clock.as_ref(), end, taking).await;
        let mut place = place.ok_or_else(|| runtime.no_place())?;
        let begin = || -> Result<(AnyActor, Kept)> {
            let kept = self.stored()?;
            match (slot.kind.storage(), kept) {
                (Some(storage), Some(kept)) => Ok((storage.revive(&kept)?, Some(kept))),
                (Some(storage), None) => {
                    let actor = slot.kind.begin(&slot.id)?;
                    let kept = storage.values_of(actor.as_ref())?;
                    Ok((actor, Some(kept)))
                }
                (None, _) => Ok((slot.kind.begin(&slot.id)?, None)),
            }
        };
        let (actor, kept) = match catch_unwind(AssertUnwindSafe(begin)) {
            Ok(begun) => begun?,
            Err(panic) => {
                let error = panicked(slot.kind.name, &slot.id, panic.as_ref());
                runtime.crashed(slot, &error);
                return Err(error);
            }
        };
        place.weigh(slot.kind.weigh(actor.as_ref(), &kept));
        self.awake = Some(Awake { actor, place, kept });
        Ok(())
    }

    /// What is stored of the actor, with what earlier turns of this commit left.
    fn stored(&self) -> Result<Kept> {
        let Some(storage) = self.slot.kind.storage() else {
            return Ok(None);
        };
        let view = match &self.turn.transaction {
            Some(transaction) => transaction.view(),
            None => storage.db().read(),
        };
        storage.load(&view, &self.slot.id)
    }
}

type Outcome = Result<Box<dyn Waiting>, (Box<dyn Waiting>, Failure)>;
