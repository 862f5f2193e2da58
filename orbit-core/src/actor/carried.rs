//! Messages that can travel: written down as JSON by whoever sends them, and read by the
//! node where the actor is.

use super::behaviour::{Actor, Handle, Recorded};
use super::job::{Job, Once, Waiting, unreadable, unwritable};
use super::links::{Outcome, done_but};
use super::roster::KindEntry;
use super::runtime::Inner;
use crate::error::{Error, Result, SqlState, state};
use std::any::{Any, TypeId};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

/// An answer on its way to be sent.
pub(super) type Answering = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What is asked of an actor of this node from outside of the program.
pub(super) struct Asking {
    pub runtime: Arc<Inner>,
    pub kind: Arc<KindEntry>,
    pub id: Arc<str>,
    /// The key under which it is handled once.
    pub key: Option<Box<str>>,
    /// By this node's clock.
    pub deadline: Duration,
}

/// One type of messages to one kind of actors, as far as it can be written down.
#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub name: &'static str,
    pub message: TypeId,
    /// Makes a message of what was written.
    pub decode: fn(&str) -> Result<Box<dyn Waiting>>,
    pub encode: fn(&dyn Any) -> Result<String>,
    /// Makes an answer of what was written.
    pub read: fn(&str) -> Result<Box<dyn Any + Send>>,
    pub ask: fn(Asking, &str) -> Result<Answering>,
}

impl Carried {
    pub fn of<A: Handle<M>, M: Recorded>() -> Carried {
        Carried {
            name: M::NAME,
            message: TypeId::of::<M>(),
            decode: |body| Ok(Job::<A, M>::sent(read::<M>(body)?)),
            encode: |message| {
                let message = message.downcast_ref::<M>();
                let message = message.ok_or_else(|| Error::internal("another type's message"))?;
                serde_json::to_string(message).map_err(|error| unwritable(&error))
            },
            read: |answer| {
                let answer = serde_json::from_str::<M::Answer>(answer);
                Ok(Box::new(answer.map_err(|error| unreadable(&error))?))
            },
            ask: |asking, body| ask::<A, M>(asking, read::<M>(body)?),
        }
    }
}

fn read<M: Recorded>(body: &str) -> Result<M> {
    serde_json::from_str(body).map_err(|error| unreadable(&error))
}

/// Puts it into the mailbox at once: what comes over a link keeps its order.
fn ask<A: Actor + Handle<M>, M: Recorded>(asking: Asking, message: M) -> Result<Answering> {
    let Asking {
        runtime,
        kind,
        id,
        key,
        deadline,
    } = asking;
    let (reply, answer) = oneshot::channel();
    let once = key.map(|key| Once::under::<M>(&key));
    let ran = once.as_ref().map(Once::ran);
    let job = Job::<A, M>::asked(message, reply, deadline, false, once);
    runtime.deliver(&kind, &id, job, false)?;
    Ok(Box::pin(async move {
        let answered = runtime.answer(answer, deadline, kind.name, &id).await;
        let had_turn = || ran.is_none_or(|ran| ran.load(Ordering::Acquire));
        match answered.map(|answer| serde_json::to_string(&answer)) {
            Ok(Ok(answer)) => Outcome::Done(answer),
            Ok(Err(error)) => Outcome::Failed(done_but(&unwritable(&error))),
            Err(error) if is_uncertain(&error) => Outcome::Lost(error),
            Err(error) if had_turn() => Outcome::Failed(error),
            Err(error) => Outcome::Refused(error),
        }
    }))
}

/// Whether the work may have been done all the same.
fn is_uncertain(error: &Error) -> bool {
    const UNCERTAIN: [SqlState; 3] = [
        state::STATEMENT_COMPLETION_UNKNOWN,
        state::ADMIN_SHUTDOWN,
        state::IO_ERROR,
    ];
    UNCERTAIN.contains(&error.state())
}
