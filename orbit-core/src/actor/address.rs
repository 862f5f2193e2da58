//! Where an actor is, and what whoever knows that may ask of it.

use super::behaviour::{Actor, Handle, Message, Recorded};
use super::changes::Changes;
use super::far::Far;
use super::job::{Job, Once};
use super::roster::KindEntry;
use super::runtime::Inner;
use crate::error::{Error, Result};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Where an actor is: what turns call and send to.
pub struct Address<A> {
    pub(super) kind: Arc<KindEntry>,
    pub(super) id: Arc<str>,
    /// None: it is on this node.
    pub(super) node: Option<Arc<str>>,
    pub(super) of: PhantomData<fn(&mut A)>,
}

impl<A> Address<A> {
    /// The actor, if it is on another node.
    pub(super) fn far(&self) -> Option<Far<'_>> {
        Some(Far {
            node: self.node.as_deref()?,
            kind: &self.kind,
            id: &self.id,
        })
    }
}

impl<A> Clone for Address<A> {
    fn clone(&self) -> Self {
        Address {
            kind: self.kind.clone(),
            id: self.id.clone(),
            node: self.node.clone(),
            of: PhantomData,
        }
    }
}

/// An actor, for those that call it from outside of any turn.
pub struct Ref<A> {
    pub(super) runtime: Arc<Inner>,
    pub(super) at: Address<A>,
}

impl<A> Clone for Ref<A> {
    fn clone(&self) -> Self {
        Ref {
            runtime: self.runtime.clone(),
            at: self.at.clone(),
        }
    }
}

impl<A: Actor> Ref<A> {
    pub fn id(&self) -> &str {
        &self.at.id
    }

    /// Asks and waits for the answer, as long as the node's limits say.
    pub async fn call<M: Message>(&self, message: M) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        self.call_within(self.runtime.limits().deadline, message)
            .await
    }

    /// Asks under a key, under which the message is handled once: whoever asks again within
    /// a day gets the answer that was given. For those who can't know whether they were
    /// heard.
    pub async fn call_once<M: Recorded>(&self, key: &str, message: M) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        let time = self.runtime.limits().deadline;
        self.call_once_within(time, key, message).await
    }

    /// The same, for so long.
    pub async fn call_once_within<M: Recorded>(
        &self,
        time: Duration,
        key: &str,
        message: M,
    ) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        let deadline = self.runtime.now().saturating_add(time);
        if let Some(far) = self.at.far() {
            return far.call(&self.runtime, message, Some(key), deadline).await;
        }
        self.ask(deadline, message, Some(Once::under::<M>(key)))
            .await
    }

    /// Asks and waits for the answer for so long. Past it (40003) the turn may have been
    /// done or not.
    pub async fn call_within<M: Message>(&self, time: Duration, message: M) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        let deadline = self.runtime.now().saturating_add(time);
        self.ask(deadline, message, None).await
    }

    async fn ask<M: Message>(
        &self,
        deadline: Duration,
        message: M,
        once: Option<Once<M::Answer>>,
    ) -> Result<M::Answer>
    where
        A: Handle<M>,
    {
        if let Some(far) = self.at.far() {
            return far.call(&self.runtime, message, None, deadline).await;
        }
        let (reply, answer) = oneshot::channel();
        let job = Job::<A, M>::asked(message, reply, deadline, false, once);
        let Address { kind, id, .. } = &self.at;
        self.runtime.deliver(kind, id, job, true)?;
        self.runtime.answer(answer, deadline, kind.name, id).await
    }

    /// What a stored actor of this node becomes from here on, after each commit of its turns.
    pub fn changes(&self) -> Result<Changes<A>> {
        if self.at.far().is_some() {
            return Err(Error::unsupported("watching an actor of another node")
                .with_hint("Have the actor send what it becomes."));
        }
        Changes::of(&self.runtime, &self.at.kind, &self.at.id)
    }

    /// Sends without waiting. `Ok`: it waits in the actor's mailbox, or is on its way to
    /// another node.
    pub fn send<M: Message>(&self, message: M) -> Result<()>
    where
        A: Handle<M>,
    {
        if let Some(far) = self.at.far() {
            return self.runtime.links()?.tell(far.request(&message)?);
        }
        let job = Job::<A, M>::sent(message);
        self.runtime.deliver(&self.at.kind, &self.at.id, job, false)
    }
}
