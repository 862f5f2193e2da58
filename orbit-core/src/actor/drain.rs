//! The loop that takes an actor's messages out and runs its turns, one at a time.
//!
//! Turns of a stored actor that follow each other closely share one commit: while one is
//! on its way to the disk, those that come meanwhile gather for the next. Answers leave
//! when all that their turns saw is durable, and not before.
//!
//! Whatever users write may panic, in a handler or as it is dropped: it ends the turn and
//! this activation of the actor, never the loop.

use super::behaviour::AnyActor;
use super::job::Waiting;
use super::lasting::{Asked, Reminder};
use super::planted::{Bug, is_planted};
use super::refusal::{overdue, panicked};
use super::runtime::{Inner, quietly};
use super::slot::{Awake, Next, Slot};
use super::stored::Kept;
use super::turn::{Sent, Turn};
use crate::clock::until;
use crate::error::{Error, Result, state};
use crate::txn::Mark;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

/// Messages between two breaths for other tasks.
const BREATH: u32 = 64;
/// Turns that share a commit, and what they may write.
const TOGETHER: usize = 256;
const TOGETHER_BYTES: usize = 1 << 20;

/// Why a turn left nothing.
enum Failure {
    /// It says so.
    Refused(Error),
    /// It was given up in the middle, or what it made of the actor can't be kept.
    GivenUp(Error),
}

/// A turn that is over, and waits for the commit it shares.
struct Done {
    message: Box<dyn Waiting>,
    outcome: Result<()>,
}

pub(super) struct Drain {
    runtime: Arc<Inner>,
    slot: Arc<Slot>,
    awake: Option<Awake>,
    turn: Turn,
    /// The message whose turn it is, and what to go back to if the turn fails.
    current: Option<Box<dyn Waiting>>,
    mark: Option<Mark>,
    done: Vec<Done>,
    /// What turns that are done send once they are durable.
    sent: Vec<Sent>,
    turns: u64,
    breath: u32,
    /// It crashed before; the next turn that succeeds clears it.
    has_crashed: bool,
    is_over: bool,
}

/// Runs until nothing waits. Whoever starts it was told by [`Slot::put`] to.
pub(super) async fn drain(mut drain: Drain) {
    loop {
        let stepped = {
            let mut step = pin!(drain.step());
            poll_fn(|cx| {
                match catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(cx))) {
                    Ok(polled) => polled.map(Ok),
                    // What it held was dropped on the way out.
                    Err(panic) => Poll::Ready(Err(panic)),
                }
            })
            .await
        };
        match stepped {
            Ok(true) => {}
            Ok(false) => return,
            Err(panic) => {
                let kind = drain.slot.kind.name;
                let error = panicked(kind, &drain.slot.id, panic.as_ref());
                quietly(|| drop(panic));
                if drain.is_over {
                    return;
                }
                drain.recover(error);
            }
        }
    }
}

impl Drain {
    pub fn new(runtime: Arc<Inner>, slot: Arc<Slot>) -> Drain {
        runtime.at_work.fetch_add(1, Ordering::SeqCst);
        slot.note_use(runtime.count_use());
        let (awake, has_crashed) = slot.take_awake();
        Drain {
            awake,
            has_crashed,
            turn: Turn::new(runtime.clone(), slot.kind.clone(), slot.id.clone()),
            runtime,
            slot,
            current: None,
            mark: None,
            done: Vec::new(),
            sent: Vec::new(),
            turns: 0,
            breath: 0,
            is_over: false,
        }
    }

    fn is_dirty(&self) -> bool {
        self.turn.transaction.is_some()
    }

    /// False: nothing waits any more, and the actor is put back.
    async fn step(&mut self) -> bool {
        if is_planted(Bug::DropOnPassivation) && self.is_dirty() && self.runtime.places.are_wanted()
        {
            self.turn.transaction = None;
            self.answer(&Ok(()));
            self.sleep();
        }
        if let Some(transaction) = &self.turn.transaction
            && (self.done.len() >= TOGETHER
                || transaction.written_bytes() >= TOGETHER_BYTES
                // Rows that others may want, too, and locks that others wait for.
                || std::mem::take(&mut self.turn.has_used_transaction)
                || self.awake.is_none())
        {
            self.commit().await;
            return true;
        }
        if self.runtime.places.are_too_heavy() {
            self.runtime.rest_heavy();
        }
        let is_dirty = self.is_dirty();
        let stays = || !self.runtime.places.are_wanted();
        let joins = |message: &dyn Waiting| !is_dirty || self.slot.kind.joins(message.of_type());
        let next = self
            .slot
            .next(&mut self.awake, &mut self.turns, is_dirty, joins, stays);
        match next {
            Next::Message(message) => {
                self.current = Some(message);
                self.take().await;
                self.breath += 1;
                if self.breath >= BREATH {
                    self.breath = 0;
                    tokio::task::yield_now().await;
                }
                true
            }
            Next::Later => {
                self.commit().await;
                true
            }
            Next::Over => {
                self.is_over = true;
                // At rest: what it was is dropped, with its place.
                self.sleep();
                // Somebody may have begun to wait for a place just before it was put back.
                if self.runtime.places.are_wanted() {
                    let resting = self.slot.rest();
                    quietly(|| drop(resting));
                }
                false
            }
        }
    }

    async fn take(&mut self) {
        let Some(message) = &self.current else {
            return;
        };
        let deadline = message.deadline();
        if message.is_abandoned() {
            self.put_down();
            return;
        }
        if deadline.is_some_and(|end| self.runtime.now() >= end) {
            let error = overdue(self.slot.kind.name, &self.slot.id, false);
            self.settle(Err(error));
            return;
        }
        let woken = self.wake().await;
        self.turns += 1;
        let outcome = match woken {
            Ok(()) => self.run().await,
            Err(error) => Err(Failure::Refused(error)),
        };
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut self.has_crashed) {
                    self.slot.recover();
                }
                self.settle(Ok(()));
            }
            Err(Failure::Refused(error)) => {
                self.undo().await;
                self.revive();
                self.settle(Err(error));
            }
            Err(Failure::GivenUp(error)) => {
                self.undo().await;
                self.sleep();
                self.fail_if_lost(&error);
                self.settle(Err(error));
            }
        }
    }

    /// The message's turn is over. If turns before it wait for their commit, so does its
    /// answer: it tells of what they did.
    fn settle(&mut self, outcome: Result<()>) {
        let Some(message) = self.current.take() else {
            return;
        };
        self.mark = None;
        self.runtime.note_taken(&self.slot.id, message.bytes());
        if outcome.is_err() {
            drop_each(&mut self.turn.sent);
        }
        if self.turn.transaction.is_some() {
            self.sent.append(&mut self.turn.sent);
            self.done.push(Done { message, outcome });
            return;
        }
        for sent in self.turn.sent.drain(..) {
            self.runtime.pass_on(sent);
        }
        message.settle(outcome);
    }

    /// Nobody waits for the message any more.
    fn put_down(&mut self) {
        if let Some(message) = self.current.take() {
            self.runtime.note_taken(&self.slot.id, message.bytes());
        }
    }

    /// Takes back what the turn wrote; what turns before it wrote stays.
    async fn undo(&mut self) {
        match (self.mark.take(), &mut self.turn.transaction) {
            (Some(mark), Some(transaction)) => transaction.rollback_to_mark(mark),
            // Begun by this turn: turns that are done would have left it a mark.
            (None, transaction) if self.done.is_empty() => {
                if let Some(transaction) = transaction.take() {
                    // The error may tell of what others have written and not yet flushed.
                    let _ = transaction.wait_until_durable().await;
                }
            }
            _ => {}
        }
    }

    /// A stored actor is again what was kept of it. One in memory stays as its handler
    /// left it.
    fn revive(&mut self) {
        let Some(storage) = self.slot.kind.storage() else {
            return;
        };
        let revived = match &self.awake {
            Some(awake) => awake.kept.as_ref().map(|kept| storage.revive(&kept.values)),
            None => return,
        };
        match (revived, &mut self.awake) {
            (Some(Ok(actor)), Some(awake)) => awake.actor = actor,
            _ => self.sleep(),
        }
    }

    /// Forgets what the actor is in memory.
    fn sleep(&mut self) {
        let awake = self.awake.take();
        quietly(|| drop(awake));
    }

    /// Something panicked: the turn is over, and so is this activation.
    fn recover(&mut self, error: Error) {
        self.slot.busy_since.store(0, Ordering::Relaxed);
        self.sleep();
        match (self.mark.take(), &mut self.turn.transaction) {
            (Some(mark), Some(transaction)) => transaction.rollback_to_mark(mark),
            (None, transaction) if self.done.is_empty() => *transaction = None,
            _ => {}
        }
        self.has_crashed = true;
        self.runtime.crashed(&self.slot, &error);
        if let Some(message) = self.current.take() {
            self.runtime.note_taken(&self.slot.id, message.bytes());
            drop_each(&mut self.turn.sent);
            let outcome = Err(error.clone());
            self.done.push(Done { message, outcome });
        }
        self.fail_if_lost(&error);
    }

    /// The transaction is gone, with what turns that are done had written.
    fn fail_if_lost(&mut self, error: &Error) {
        if self.turn.transaction.is_some() {
            return;
        }
        drop_each(&mut self.sent);
        for Done { message, .. } in self.done.drain(..) {
            let outcome = Err(error.clone());
            quietly(|| message.settle(outcome));
        }
    }

    /// Makes durable what turns have left, and lets their answers go.
    async fn commit(&mut self) {
        let Some(transaction) = self.turn.transaction.take() else {
            return;
        };
        self.mark = None;
        if is_planted(Bug::AcknowledgeBeforeCommit) {
            self.answer(&Ok(()));
        }
        let committed = match transaction.has_writes() {
            true => transaction.commit().await,
            // What they read may not be on disk yet.
            false => transaction.wait_until_durable().await,
        };
        if committed.is_ok() {
            if std::mem::take(&mut self.turn.changes_reminders)
                && let Ok((lasting, _)) = self.runtime.lasting()
            {
                lasting.reminders.note_change();
            }
            for sent in self.sent.drain(..) {
                self.runtime.pass_on(sent);
            }
            self.tell_watchers();
        } else {
            // What it became was never stored.
            self.sleep();
            drop_each(&mut self.sent);
        }
        self.answer(&committed);
    }

    /// What the actor is by now is on disk.
    fn tell_watchers(&self) {
        let Some(storage) = self.slot.kind.storage() else {
            return;
        };
        let (kind, id) = (self.slot.kind.name, &self.slot.id);
        self.runtime.watchers.tell(kind, id, || {
            let kept = self.awake.as_ref().and_then(|awake| awake.kept.as_ref());
            let values = kept.map(|kept| kept.values.clone());
            // It may have been put to rest among turns that were done.
            let values = values.or_else(|| Some(storage.load(id).ok()??.values));
            values.map(Into::into)
        });
    }

    /// Lets the answers of turns that are done go, or what became of their commit.
    fn answer(&mut self, committed: &Result<()>) {
        for Done { message, outcome } in self.done.drain(..) {
            let outcome = match committed {
                Ok(()) => outcome,
                Err(error) => Err(error.clone()),
            };
            quietly(|| message.settle(outcome));
        }
    }

    /// One turn.
    async fn run(&mut self) -> Result<(), Failure> {
        let Some(message) = &mut self.current else {
            return Ok(());
        };
        self.turn.begin(message.as_ref());
        self.mark = self
            .turn
            .transaction
            .as_mut()
            .map(|transaction| transaction.statement_mark());
        let (runtime, slot) = (&self.runtime, &self.slot);
        let done = is_done_already(runtime, slot, &self.turn, message.as_mut());
        if done.map_err(Failure::Refused)? {
            return Ok(());
        }
        let asleep = || Failure::Refused(Error::internal("an actor isn't awake in its turn"));
        let awake = self.awake.as_mut().ok_or_else(asleep)?;
        // What an actor is in memory only should not be lost with one caller's patience.
        let end = match (slot.kind.storage(), message.deadline()) {
            (Some(_), Some(end)) => end,
            _ => runtime.end_of_turn(),
        };
        let mut has_waited = false;
        let handled = {
            let mut running = message.run(awake.actor.as_mut(), &mut self.turn);
            let work = pin!(poll_fn(|cx| {
                slot.busy_since.store(runtime.ticks(), Ordering::Relaxed);
                let polled = running.as_mut().poll(cx);
                slot.busy_since.store(0, Ordering::Relaxed);
                has_waited |= polled.is_pending();
                polled
            }));
            until(runtime.clock.as_ref(), end, work).await
        };
        // One that uses the transaction itself is alone in it from its next turn on.
        let is_alone = has_waited || self.turn.has_used_transaction;
        slot.kind.note_run(message.of_type(), is_alone);
        match handled {
            // What turns before it wrote is gone, too.
            Some(handled) if self.turn.is_lent => {
                let lost =
                    "a turn gave up a statement in the middle, and with it what it had written";
                let error = handled.err().unwrap_or_else(|| Error::internal(lost));
                return Err(Failure::GivenUp(error));
            }
            Some(handled) => handled.map_err(Failure::Refused)?,
            None => {
                let error = overdue(slot.kind.name, &slot.id, true);
                return Err(Failure::GivenUp(error));
            }
        }
        let left = Left::of(message.as_ref()).map_err(Failure::Refused)?;
        let kept = {
            let keeping = pin!(keep(runtime, slot, &mut self.turn, awake, left));
            until(runtime.clock.as_ref(), end, keeping).await
        };
        kept.unwrap_or_else(|| {
            let error = overdue(slot.kind.name, &slot.id, false);
            Err(Failure::GivenUp(error))
        })?;
        let bytes = slot.kind.weigh(awake.actor.as_ref(), awake.kept.as_ref());
        awake.place.weigh(bytes);
        Ok(())
    }

    /// Sees to it that the actor is awake.
    async fn wake(&mut self) -> Result<()> {
        if self.awake.is_some() {
            return Ok(());
        }
        let (runtime, slot) = (&self.runtime, &self.slot);
        let (deadline, is_from_a_turn) = match &self.current {
            Some(message) => (message.deadline(), message.is_from_a_turn()),
            None => (None, false),
        };
        let is_called = || is_from_a_turn || slot.is_called_from_a_turn();
        let end = deadline.unwrap_or_else(|| runtime.end_of_turn());
        let rest = slot.rests(runtime.now());
        if !rest.is_zero() {
            let begins = runtime.now() + rest;
            runtime.clock.sleep_until(begins.min(end)).await;
            if begins > end {
                return Err(overdue(slot.kind.name, &slot.id, false));
            }
        }
        let mut place = {
            let taking = pin!(runtime.take_place(&is_called));
            let taken = until(runtime.clock.as_ref(), end, taking).await;
            taken.unwrap_or_else(|| Err(runtime.no_place()))?
        };
        let (actor, kept) = begin(slot)?;
        place.weigh(slot.kind.weigh(actor.as_ref(), kept.as_ref()));
        self.awake = Some(Awake { actor, place, kept });
        Ok(())
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime it ran on is shutting down: nobody comes back to this actor.
            let stopped = || Error::new(state::ADMIN_SHUTDOWN, "the node is shutting down");
            self.sleep();
            let current = self.current.take();
            let done = self.done.drain(..).map(|done| done.message);
            for message in done {
                quietly(|| message.settle(Err(stopped())));
            }
            let waiting = self.slot.abandon();
            for message in current.into_iter().chain(waiting) {
                self.runtime.note_taken(&self.slot.id, message.bytes());
                quietly(|| message.settle(Err(stopped())));
            }
        }
        self.runtime.note_done();
    }
}

/// Drops users' messages, each of which may panic.
fn drop_each(sent: &mut Vec<Sent>) {
    for one in sent.drain(..) {
        quietly(|| drop(one));
    }
}

/// The actor as it is stored, or as one of its kind begins. Nothing is uncommitted: whoever
/// falls asleep among turns that are waits for their commit before it wakes.
fn begin(slot: &Slot) -> Result<(AnyActor, Option<Kept>)> {
    let Some(storage) = slot.kind.storage() else {
        return Ok((slot.kind.begin(&slot.id)?, None));
    };
    if let Some(kept) = storage.load(&slot.id)? {
        return Ok((storage.revive(&kept.values)?, Some(kept)));
    }
    let actor = slot.kind.begin(&slot.id)?;
    let values = storage.values_of(actor.as_ref())?;
    let kept = Kept {
        values,
        is_stored: false,
    };
    Ok((actor, Some(kept)))
}

/// A reminder that was taken back meanwhile isn't run; nor is a message that was handled
/// under its key before: it has its answer.
fn is_done_already(
    runtime: &Inner,
    slot: &Slot,
    turn: &Turn,
    message: &mut dyn Waiting,
) -> Result<bool> {
    let is_plain = message.reminder().is_none() && message.key().is_none();
    if is_plain || is_planted(Bug::IgnoreKey) && message.key().is_some() {
        return Ok(false);
    }
    let (lasting, db) = runtime.lasting()?;
    let view = match &turn.transaction {
        Some(transaction) => transaction.view(),
        None => db.read(),
    };
    if let Some(reminder) = message.reminder() {
        return Ok(!lasting.reminders.is_current(&view, reminder)?);
    }
    let key = message.key().unwrap_or_default();
    let place = Asked {
        kind: slot.kind.name,
        id: &slot.id,
        key,
        message: message.name(),
    };
    match lasting.answers.find(&view, &place)? {
        Some(answer) => message.take_recorded(&answer).map(|()| true),
        None => Ok(false),
    }
}

/// What a message asks to be kept of its turn: an answer under its key, and that its
/// reminder is done.
struct Left {
    answer: Option<((String, &'static str), String)>,
    reminder: Option<Reminder>,
}

impl Left {
    fn of(message: &dyn Waiting) -> Result<Left> {
        let answer = match message.key() {
            Some(_) if is_planted(Bug::IgnoreKey) => None,
            Some(key) => Some(((key.to_owned(), message.name()), message.record()?)),
            None => None,
        };
        Ok(Left {
            answer,
            reminder: match is_planted(Bug::RerunReminder) {
                false => message.reminder().cloned(),
                true => None,
            },
        })
    }
}

/// Makes the actor's state, and what the turn leaves beside it, part of the commit.
async fn keep(
    runtime: &Inner,
    slot: &Slot,
    turn: &mut Turn,
    awake: &mut Awake,
    left: Left,
) -> Result<(), Failure> {
    if let (Some(storage), Some(kept)) = (slot.kind.storage(), &mut awake.kept) {
        let now = storage.values_of(awake.actor.as_ref());
        let now = now.map_err(Failure::Refused)?;
        let (_, db) = runtime.lasting().map_err(Failure::Refused)?;
        let saving = storage.save(db, &mut turn.transaction, &slot.id, now, kept);
        saving.await.map_err(Failure::GivenUp)?;
    }
    leave(runtime, slot, turn, left)
        .await
        .map_err(Failure::GivenUp)
}

async fn leave(runtime: &Inner, slot: &Slot, turn: &mut Turn, left: Left) -> Result<()> {
    if left.answer.is_none() && left.reminder.is_none() && turn.changes.is_empty() {
        return Ok(());
    }
    let (lasting, db) = runtime.lasting()?;
    let changes = std::mem::take(&mut turn.changes);
    turn.changes_reminders |= !changes.is_empty();
    let begin = || db.begin(crate::txn::Isolation::ReadCommitted);
    let transaction = turn.transaction.get_or_insert_with(begin);
    let (kind, id) = (slot.kind.name, &slot.id);
    if let Some((key, answer)) = left.answer {
        let place = Asked {
            kind,
            id,
            key: &key.0,
            message: key.1,
        };
        lasting.answers.record(transaction, &place, answer).await?;
    }
    if let Some(reminder) = left.reminder {
        lasting.reminders.done(transaction, &reminder).await?;
    }
    // After it: the turn may have set its own reminder anew.
    for change in changes {
        let applying = lasting.reminders.apply(transaction, kind, id, change);
        applying.await?;
    }
    Ok(())
}
