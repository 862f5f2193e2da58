//! One message that waits for its turn, with whoever waits for its answer.

use super::behaviour::{Handle, Message};
use super::turn::{Link, Turn};
use crate::error::{Error, Result};
use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

pub(super) type Running<'t> = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

/// A message of any type to an actor of any type. First it runs, which leaves the answer
/// in it; once what the turn did is durable, it is settled, which passes the answer on.
pub(super) trait Waiting: Send {
    fn run<'t>(&'t mut self, actor: &'t mut (dyn Any + Send), turn: &'t mut Turn) -> Running<'t>;

    /// Passes on the answer of a run, or an error in its place.
    fn settle(self: Box<Self>, outcome: Result<()>);

    fn bytes(&self) -> usize;

    /// When, by the runtime's clock, nobody wants the answer any more.
    fn deadline(&self) -> Option<Duration>;

    /// Whether whoever asked has gone.
    fn is_abandoned(&self) -> bool;

    /// The turns that wait for this one.
    fn callers(&self) -> Option<&Arc<Link>>;
}

pub(super) struct Job<A, M: Message> {
    message: Option<M>,
    answer: Option<M::Answer>,
    /// None: nobody waits.
    reply: Option<oneshot::Sender<Result<M::Answer>>>,
    deadline: Option<Duration>,
    callers: Option<Arc<Link>>,
    bytes: usize,
    of: PhantomData<fn(&mut A)>,
}

impl<A: Handle<M>, M: Message> Job<A, M> {
    fn new(message: M) -> Job<A, M> {
        Job {
            bytes: size_of::<Self>().saturating_add(message.heap_bytes()),
            message: Some(message),
            answer: None,
            reply: None,
            deadline: None,
            callers: None,
            of: PhantomData,
        }
    }

    pub fn sent(message: M) -> Box<dyn Waiting> {
        Box::new(Job::<A, M>::new(message))
    }

    pub fn asked(
        message: M,
        reply: oneshot::Sender<Result<M::Answer>>,
        deadline: Duration,
        callers: Option<Arc<Link>>,
    ) -> Box<dyn Waiting> {
        Box::new(Job::<A, M> {
            reply: Some(reply),
            deadline: Some(deadline),
            callers,
            ..Job::new(message)
        })
    }
}

impl<A: Handle<M>, M: Message> Waiting for Job<A, M> {
    fn run<'t>(&'t mut self, actor: &'t mut (dyn Any + Send), turn: &'t mut Turn) -> Running<'t> {
        let (Some(actor), Some(message)) = (actor.downcast_mut::<A>(), self.message.take()) else {
            let error = Error::internal("a message met an actor of another kind");
            return Box::pin(std::future::ready(Err(error)));
        };
        let answer = &mut self.answer;
        Box::pin(async move {
            *answer = Some(actor.handle(message, turn).await?);
            Ok(())
        })
    }

    fn settle(self: Box<Self>, outcome: Result<()>) {
        let Job { answer, reply, .. } = *self;
        match (reply, outcome) {
            (Some(reply), outcome) => {
                let none = || Error::internal("the message was never handled");
                // Whoever asked may have gone.
                let _ = reply.send(outcome.and_then(|()| answer.ok_or_else(none)));
            }
            (None, Err(error)) => tracing::warn!(%error, "a message was not handled"),
            (None, Ok(())) => {}
        }
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    fn callers(&self) -> Option<&Arc<Link>> {
        self.callers.as_ref()
    }
}
