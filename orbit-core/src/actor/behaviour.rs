//! What a kind of virtual actors is: a type with its state, and a handler for each
//! message it takes.

use super::stored::{Form, form_of};
use super::turn::Turn;
use crate::error::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};
use std::future::Future;
use std::sync::Arc;

/// What an actor is told, and what it answers.
pub trait Message: Send + 'static {
    type Answer: Send + 'static;

    /// What it holds beside itself, in bytes; counts against the mailbox's budget.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A virtual actor's state.
pub trait Actor: Send + Sized + 'static {
    /// Names it in addresses, for ever.
    const KIND: &'static str;

    /// What an actor is before its first message.
    fn begin(start: &Start<'_>) -> Result<Self>;

    /// What it holds beside itself, in bytes; counts against the node's budget for actors.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// An actor that takes messages of a type. An error undoes what the turn did; the actor
/// goes on with what it was before.
pub trait Handle<M: Message>: Actor {
    fn handle(
        &mut self,
        message: M,
        turn: &mut Turn,
    ) -> impl Future<Output = Result<M::Answer>> + Send;
}

/// Who is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    pub id: &'a str,
}

/// An actor of any type.
pub(super) type AnyActor = Box<dyn Any + Send>;

/// A kind of actors, for [`super::Runtime::register`].
pub struct Kind {
    pub(super) name: &'static str,
    pub(super) actor: TypeId,
    pub(super) begin: fn(&Start<'_>) -> Result<AnyActor>,
    pub(super) weigh: fn(&(dyn Any + Send)) -> usize,
    /// How its states are stored, if they are.
    pub(super) form: Option<fn() -> Result<Arc<dyn Form>>>,
}

impl Kind {
    /// Actors that are nothing but what they are in memory: put to rest, they forget.
    pub fn of<A: Actor>() -> Kind {
        Kind {
            name: A::KIND,
            actor: TypeId::of::<A>(),
            begin: |start| Ok(Box::new(A::begin(start)?)),
            weigh: |actor| {
                let heap = actor.downcast_ref::<A>().map_or(0, A::heap_bytes);
                size_of::<A>().saturating_add(heap)
            },
            form: None,
        }
    }

    /// Actors whose state is a row of table `actors.KIND`: what a turn made of it is
    /// durable before the turn is answered, and undone if the turn fails.
    pub fn stored<A: Actor + Serialize + DeserializeOwned>() -> Kind {
        Kind {
            form: Some(form_of::<A>),
            ..Kind::of::<A>()
        }
    }
}
