//! What the handler of a message may do in its turn.

use super::behaviour::{Actor, Handle, Message, Recorded};
use super::job::{Job, Waiting, unwritable};
use super::lasting::{Change, When};
use super::roster::KindEntry;
use super::runtime::{Address, Inner};
use crate::error::{Error, Result};
use crate::txn::{Isolation, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A message on its way to somebody, sent when the turn is over.
pub(super) struct Sent {
    pub kind: Arc<KindEntry>,
    pub id: Arc<str>,
    pub message: Box<dyn Waiting>,
}

/// One turn of an actor. What it sends goes out when the turn is over, and not at all if
/// it fails.
pub struct Turn {
    runtime: Arc<Inner>,
    kind: Arc<KindEntry>,
    id: Arc<str>,
    deadline: Option<Duration>,
    pub(super) sent: Vec<Sent>,
    pub(super) changes: Vec<Change>,
    /// Whether a turn of the transaction has used it by itself.
    pub(super) has_used_transaction: bool,
    /// Whether a turn of the transaction has set a reminder.
    pub(super) changes_reminders: bool,
    /// What this turn and those before it have written, until they are committed.
    pub(super) transaction: Option<Transaction>,
}

impl Turn {
    pub(super) fn new(runtime: Arc<Inner>, kind: Arc<KindEntry>, id: Arc<str>) -> Turn {
        Turn {
            runtime,
            kind,
            id,
            deadline: None,
            sent: Vec::new(),
            changes: Vec::new(),
            changes_reminders: false,
            has_used_transaction: false,
            transaction: None,
        }
    }

    pub(super) fn begin(&mut self, message: &dyn Waiting) {
        self.deadline = message.deadline();
        self.sent.clear();
        self.changes.clear();
    }

    /// Whose turn it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How long whoever asked still waits.
    pub fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_sub(self.runtime.now()))
    }

    /// Where another actor is, or this one.
    pub fn address<A: Actor>(&self, id: &str) -> Result<Address<A>> {
        self.runtime.address(id)
    }

    /// The transaction that this turn's writes are part of, with the actor's own state. It
    /// is committed when the turn is over, and undone with it. Constraints that span rows,
    /// and indexes over expressions, are the query layer's affair.
    pub fn transaction(&mut self) -> Result<&mut Transaction> {
        let (_, db) = self.runtime.lasting()?;
        self.has_used_transaction = true;
        let begin = || db.begin(Isolation::ReadCommitted);
        Ok(self.transaction.get_or_insert_with(begin))
    }

    /// Has the actor sent a message later, also after a restart; replaces the reminder of
    /// that name. Part of the turn's commit. The actor's kind must take the message.
    pub fn remind<M: Recorded>(&mut self, name: &str, when: When, message: &M) -> Result<()> {
        if !self.kind.takes(M::NAME) {
            return Err(self
                .kind
                .decode(M::NAME, "")
                .err()
                .unwrap_or_else(|| Error::internal("a message that is taken, and isn't")));
        }
        let body = serde_json::to_string(message).map_err(|error| unwritable(&error))?;
        self.changes.push(Change::Set {
            name: name.to_owned(),
            when,
            message: M::NAME,
            body,
        });
        Ok(())
    }

    /// Takes a reminder back, if there is one of that name.
    pub fn cancel_reminder(&mut self, name: &str) {
        self.changes.push(Change::Cancel {
            name: name.to_owned(),
        });
    }

    /// Sends when the turn is over and what it did is durable. At most once: a crash just
    /// then, or a full mailbox, loses it; a reminder isn't lost.
    pub fn send<A: Handle<M>, M: Message>(&mut self, to: &Address<A>, message: M) {
        self.sent.push(Sent {
            kind: to.kind.clone(),
            id: to.id.clone(),
            message: Job::<A, M>::sent(message),
        });
    }

    /// Asks another actor and waits for its answer, at most until the deadline of this
    /// turn. A call to an actor that waits for this one is refused (40P01).
    pub async fn call<A: Handle<M>, M: Message>(
        &mut self,
        to: &Address<A>,
        message: M,
    ) -> Result<M::Answer> {
        let _waits = self.runtime.waits.begin(
            (self.kind.name, self.id.clone()),
            (to.kind.name, to.id.clone()),
        )?;
        let own_deadline = self.runtime.end_of_turn();
        let deadline = match self.deadline {
            Some(outer) => outer.min(own_deadline),
            None => own_deadline,
        };
        let (reply, answer) = oneshot::channel();
        let job = Job::<A, M>::asked(message, reply, deadline, true, None);
        self.runtime.deliver(&to.kind, &to.id, job, true)?;
        self.runtime
            .answer(answer, deadline, to.kind.name, &to.id)
            .await
    }
}
