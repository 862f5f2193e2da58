//! Calls and messages to actors of other nodes, as those here see them.

use super::behaviour::Message;
use super::links::{Request, done_but, request};
use super::roster::KindEntry;
use super::runtime::Inner;
use crate::error::{Error, Result};
use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

/// An actor of another node.
pub(super) struct Far<'a> {
    pub node: &'a str,
    pub kind: &'a KindEntry,
    pub id: &'a str,
}

impl Far<'_> {
    /// Asks it, and waits for the answer.
    pub async fn call<M: Message>(
        &self,
        runtime: &Arc<Inner>,
        message: M,
        key: Option<&str>,
        deadline: Duration,
    ) -> Result<M::Answer> {
        let carried = self.kind.carried(TypeId::of::<M>())?;
        let mut request = self.request(&message)?;
        drop(message);
        request.key = key.map(str::to_owned);
        let answer = runtime.links()?.ask(request, deadline).await?;
        let answer = (carried.read)(&answer).map_err(|error| done_but(&error))?;
        let answer = answer.downcast::<M::Answer>();
        let answer = answer.map_err(|_| Error::internal("an answer of another type"))?;
        Ok(*answer)
    }

    /// The message as it travels.
    pub fn request<M: Message>(&self, message: &M) -> Result<Request> {
        let carried = self.kind.carried(TypeId::of::<M>())?;
        let body = (carried.encode)(message)?;
        Ok(request(
            self.node,
            self.kind.name,
            self.id,
            carried.name,
            body,
        ))
    }
}
