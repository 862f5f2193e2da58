//! What a kind of virtual actors is: a type with its state, and a handler for each
//! message it takes.

use super::carried::Carried;
use super::stored::{Form, form_of};
use super::turn::Turn;
use crate::error::Result;
use crate::pressure::Priority;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// What an actor is told, and what it answers.
pub trait Message: Send + 'static {
    type Answer: Send + 'static;

    /// What it holds beside itself, in bytes; counts against the mailbox's budget.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A message that can be written down: for reminders, to be handled once under a key, and
/// to travel to another node.
pub trait Recorded:
    Message<Answer: Serialize + DeserializeOwned> + Serialize + DeserializeOwned
{
    /// Names it among the messages of its actors, for ever.
    const NAME: &'static str;
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
pub struct Kind<A> {
    pub(super) name: &'static str,
    pub(super) actor: TypeId,
    pub(super) begin: fn(&Start<'_>) -> Result<AnyActor>,
    pub(super) weigh: fn(&(dyn Any + Send)) -> usize,
    /// How its states are stored, if they are.
    pub(super) form: Option<fn() -> Result<Arc<dyn Form>>>,
    pub(super) messages: Vec<Carried>,
    pub(super) priority: Priority,
    pub(super) home: Option<Arc<str>>,
    of: PhantomData<fn(&A)>,
}

impl<A: Actor> Kind<A> {
    /// Actors that are nothing but what they are in memory: put to rest, they forget.
    pub fn in_memory() -> Kind<A> {
        Kind {
            name: A::KIND,
            actor: TypeId::of::<A>(),
            begin: |start| Ok(Box::new(A::begin(start)?)),
            weigh: |actor| {
                let heap = actor.downcast_ref::<A>().map_or(0, A::heap_bytes);
                size_of::<A>().saturating_add(heap)
            },
            form: None,
            messages: Vec::new(),
            priority: Priority::default(),
            home: None,
            of: PhantomData,
        }
    }

    /// Actors whose state is a row of table `actors.KIND`: what a turn made of it is
    /// durable before the turn is answered, and undone if the turn fails.
    pub fn stored() -> Kind<A>
    where
        A: Serialize + DeserializeOwned,
    {
        Kind {
            form: Some(form_of::<A>),
            ..Kind::in_memory()
        }
    }

    /// How much its actors matter: where memory is short, others go to rest before them.
    #[must_use]
    pub fn matters(mut self, priority: Priority) -> Kind<A> {
        self.priority = priority;
        self
    }

    /// All actors of the kind are on the node of this name; elsewhere their addresses lead
    /// there.
    #[must_use]
    pub fn at_home(mut self, node: &str) -> Kind<A> {
        self.home = Some(node.into());
        self
    }

    /// These messages may come from what was written down: as reminders, under keys, and
    /// from other nodes.
    #[must_use]
    pub fn takes<M: Recorded>(mut self) -> Kind<A>
    where
        A: Handle<M>,
    {
        self.messages.push(Carried::of::<A, M>());
        self
    }
}
