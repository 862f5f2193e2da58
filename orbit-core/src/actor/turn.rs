//! What the handler of a message may do in its turn.

use super::behaviour::{Actor, Handle, Message};
use super::job::{Job, Waiting};
use super::roster::KindEntry;
use super::runtime::{Inner, Ref, cycle};
use super::stored::Storage;
use crate::error::{Error, Result};
use crate::txn::{Isolation, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A turn that waits for another: who would be called by a circle of calls.
pub(super) struct Link {
    kind: &'static str,
    id: Arc<str>,
    caller: Option<Arc<Link>>,
}

impl Link {
    fn leads_to(&self, kind: &str, id: &str) -> bool {
        let mut link = Some(self);
        while let Some(one) = link {
            if one.kind == kind && *one.id == *id {
                return true;
            }
            link = one.caller.as_deref();
        }
        false
    }
}

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
    callers: Option<Arc<Link>>,
    /// Of this turn, for whom it calls.
    own: Option<Arc<Link>>,
    pub(super) sent: Vec<Sent>,
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
            callers: None,
            own: None,
            sent: Vec::new(),
            transaction: None,
        }
    }

    pub(super) fn begin(&mut self, message: &dyn Waiting) {
        self.deadline = message.deadline();
        self.callers = message.callers().cloned();
        self.own = None;
        self.sent.clear();
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

    /// Another actor, or this one.
    pub fn actor<A: Actor>(&self, id: &str) -> Result<Ref<A>> {
        self.runtime.actor(id)
    }

    /// The transaction that this turn's writes are part of, with the actor's own state. It
    /// is committed when the turn is over, and undone with it.
    pub fn transaction(&mut self) -> Result<&mut Transaction> {
        let db = self.kind.storage().map(Storage::db);
        let db = db.or(self.runtime.db.as_ref()).ok_or_else(|| {
            Error::unsupported("a transaction in a runtime of actors without a database")
        })?;
        let begin = || db.begin(Isolation::ReadCommitted);
        Ok(self.transaction.get_or_insert_with(begin))
    }

    /// Sends when the turn is over.
    pub fn send<A: Handle<M>, M: Message>(&mut self, to: &Ref<A>, message: M) {
        self.sent.push(Sent {
            kind: to.kind.clone(),
            id: to.id.clone(),
            message: Job::<A, M>::sent(message),
        });
    }

    /// Asks another actor and waits for its answer, at most until the deadline of this
    /// turn. A call that comes back to an actor that waits for it is refused (40P01).
    pub async fn call<A: Handle<M>, M: Message>(
        &mut self,
        to: &Ref<A>,
        message: M,
    ) -> Result<M::Answer> {
        let own = self.own.get_or_insert_with(|| {
            Arc::new(Link {
                kind: self.kind.name,
                id: self.id.clone(),
                caller: self.callers.clone(),
            })
        });
        if own.leads_to(to.kind.name, &to.id) {
            return Err(cycle(self.kind.name, &self.id, to.kind.name, &to.id));
        }
        let own_deadline = self.runtime.end_of_turn();
        let deadline = match self.deadline {
            Some(outer) => outer.min(own_deadline),
            None => own_deadline,
        };
        let (reply, answer) = oneshot::channel();
        let job = Job::<A, M>::asked(message, reply, deadline, Some(own.clone()));
        self.runtime.deliver(&to.kind, &to.id, job, true)?;
        self.runtime
            .answer(answer, deadline, to.kind.name, &to.id)
            .await
    }
}
