//! What the handler of a message may do in its turn.

use super::address::Address;
use super::behaviour::{Actor, Handle, Message, Recorded};
use super::job::{Job, Once, Waiting, unwritable};
use super::lasting::{Change, When};
use super::links::Request;
use super::roster::KindEntry;
use super::runtime::Inner;
use crate::error::{Error, Result};
use crate::txn::{Isolation, Transaction};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A message on its way to somebody, sent when the turn is over.
pub(super) enum Sent {
    Here {
        kind: Arc<KindEntry>,
        id: Arc<str>,
        message: Box<dyn Waiting>,
    },
    Far(Request),
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
    /// Somebody runs statements in the transaction, who hasn't given it back.
    pub(super) is_lent: bool,
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
            is_lent: false,
            transaction: None,
        }
    }

    pub(super) fn begin(&mut self, message: &dyn Waiting) {
        self.deadline = message.deadline();
        self.sent.clear();
        self.changes.clear();
        self.is_lent = false;
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

    /// Where an actor of another node is; see [`Runtime::actor_at`].
    ///
    /// [`Runtime::actor_at`]: super::Runtime::actor_at
    pub fn address_at<A: Actor>(&self, node: &str, id: &str) -> Result<Address<A>> {
        self.runtime.address_at(node, id)
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

    /// Takes the turn's transaction out, for somebody who runs statements in it; the turn
    /// fails unless it is given back by [`Turn::give_back`].
    pub fn lend(&mut self) -> Result<Transaction> {
        self.transaction()?;
        self.is_lent = true;
        let taken = self.transaction.take();
        taken.ok_or_else(|| Error::internal("a turn without its transaction"))
    }

    /// Puts it back.
    pub fn give_back(&mut self, transaction: Transaction) {
        self.is_lent = false;
        self.transaction = Some(transaction);
    }

    /// What the runtime was given for its turns to use ([`Runtime::equip`]).
    ///
    /// [`Runtime::equip`]: super::Runtime::equip
    pub fn tool<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.runtime.tool()
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
    /// then, or a full mailbox, loses it; a reminder isn't lost. An error: the message can't
    /// travel to where the actor is.
    pub fn send<A: Handle<M>, M: Message>(&mut self, to: &Address<A>, message: M) -> Result<()> {
        self.sent.push(match to.far() {
            Some(far) => Sent::Far(far.request(&message)?),
            None => Sent::Here {
                kind: to.kind.clone(),
                id: to.id.clone(),
                message: Job::<A, M>::sent(message),
            },
        });
        Ok(())
    }

    /// Asks another actor and waits for its answer, at most until the deadline of this
    /// turn. A call to an actor of this node that waits for this one is refused (40P01); a
    /// circle over several nodes ends at the deadline.
    pub async fn call<A: Handle<M>, M: Message>(
        &mut self,
        to: &Address<A>,
        message: M,
    ) -> Result<M::Answer> {
        self.ask(to, message, None, None).await
    }

    /// Asks another actor under a key, under which it handles the message once, and waits for
    /// the answer; see [`Ref::call_once`].
    ///
    /// [`Ref::call_once`]: super::Ref::call_once
    pub async fn call_once<A: Handle<M>, M: Recorded>(
        &mut self,
        to: &Address<A>,
        key: &str,
        message: M,
    ) -> Result<M::Answer> {
        let once = Once::under::<M>(key);
        self.ask(to, message, Some(key), Some(once)).await
    }

    async fn ask<A: Handle<M>, M: Message>(
        &mut self,
        to: &Address<A>,
        message: M,
        key: Option<&str>,
        once: Option<Once<M::Answer>>,
    ) -> Result<M::Answer> {
        let own_deadline = self.runtime.end_of_turn();
        let deadline = match self.deadline {
            Some(outer) => outer.min(own_deadline),
            None => own_deadline,
        };
        if let Some(far) = to.far() {
            return far.call(&self.runtime, message, key, deadline).await;
        }
        let _waits = self.runtime.waits.begin(
            (self.kind.name, self.id.clone()),
            (to.kind.name, to.id.clone()),
        )?;
        let (reply, answer) = oneshot::channel();
        let job = Job::<A, M>::asked(message, reply, deadline, true, once);
        self.runtime.deliver(&to.kind, &to.id, job, true)?;
        self.runtime
            .answer(answer, deadline, to.kind.name, &to.id)
            .await
    }
}
