//! One message that waits for its turn, with whoever waits for its answer.

use super::behaviour::{Handle, Message, Recorded};
use super::lasting::Reminder;
use super::turn::Turn;
use crate::error::{Error, Result, state};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

    /// Whether an actor waits for its answer in a turn of its own.
    fn is_from_a_turn(&self) -> bool;

    /// The message's type.
    fn of_type(&self) -> TypeId;

    /// The reminder that it comes from.
    fn reminder(&self) -> Option<&Reminder> {
        None
    }

    /// The key under which it is handled once.
    fn key(&self) -> Option<&str> {
        None
    }

    /// What a message with a key is called when it is written down.
    fn name(&self) -> &'static str {
        ""
    }

    /// The answer of a run, to be given again.
    fn record(&self) -> Result<String> {
        Err(Error::internal("a message without a key"))
    }

    /// Takes an answer that was recorded instead of a run.
    fn take_recorded(&mut self, _: &str) -> Result<()> {
        Err(Error::internal("a message without a key"))
    }
}

/// That a message is handled once under a key, and how its answer is kept meanwhile.
pub(super) struct Once<T> {
    key: Box<str>,
    /// Whether a turn has begun with it.
    ran: Arc<AtomicBool>,
    message: &'static str,
    write: fn(&T) -> Result<String>,
    read: fn(&str) -> Result<T>,
}

impl<T: Serialize + DeserializeOwned> Once<T> {
    pub fn under<M: Recorded<Answer = T>>(key: &str) -> Once<T> {
        Once {
            key: key.into(),
            ran: Arc::default(),
            message: M::NAME,
            // Read back at once: what can't be is no answer to whoever asks again.
            write: |answer| {
                let text = serde_json::to_string(answer).map_err(|error| unwritable(&error))?;
                serde_json::from_str::<T>(&text).map_err(|error| unwritable(&error))?;
                Ok(text)
            },
            read: |answer| serde_json::from_str(answer).map_err(|error| unreadable(&error)),
        }
    }
}

impl<T> Once<T> {
    /// Becomes true when there is a turn for it, or was one under its key.
    pub fn ran(&self) -> Arc<AtomicBool> {
        self.ran.clone()
    }
}

pub(super) fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(
        state::INVALID_PARAMETER_VALUE,
        "a message or an answer can't be written as JSON",
    )
    .with_detail(error.to_string())
}

pub(super) fn unreadable(error: &serde_json::Error) -> Error {
    Error::new(
        state::INVALID_TEXT_REPRESENTATION,
        "a message or an answer that was written down isn't of its type any more",
    )
    .with_detail(error.to_string())
    .with_hint("Give new fields #[serde(default)], and keep the types of the old ones.")
}

pub(super) struct Job<A, M: Message> {
    message: Option<M>,
    answer: Option<M::Answer>,
    /// None: nobody waits.
    reply: Option<oneshot::Sender<Result<M::Answer>>>,
    deadline: Option<Duration>,
    is_from_a_turn: bool,
    once: Option<Box<Once<M::Answer>>>,
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
            is_from_a_turn: false,
            once: None,
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
        is_from_a_turn: bool,
        once: Option<Once<M::Answer>>,
    ) -> Box<dyn Waiting> {
        Box::new(Job::<A, M> {
            reply: Some(reply),
            deadline: Some(deadline),
            is_from_a_turn,
            once: once.map(Box::new),
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
        if let Some(once) = &self.once {
            once.ran.store(true, Ordering::Release);
        }
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

    fn is_from_a_turn(&self) -> bool {
        self.is_from_a_turn
    }

    fn of_type(&self) -> TypeId {
        TypeId::of::<M>()
    }

    fn key(&self) -> Option<&str> {
        self.once.as_ref().map(|once| &*once.key)
    }

    fn name(&self) -> &'static str {
        self.once.as_ref().map_or("", |once| once.message)
    }

    fn record(&self) -> Result<String> {
        match (&self.once, &self.answer) {
            (Some(once), Some(answer)) => (once.write)(answer),
            _ => Err(Error::internal("a message without a key, or an answer")),
        }
    }

    fn take_recorded(&mut self, answer: &str) -> Result<()> {
        if let Some(once) = &self.once {
            once.ran.store(true, Ordering::Release);
            self.answer = Some((once.read)(answer)?);
        }
        Ok(())
    }
}
