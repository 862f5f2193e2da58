//! A bounded face for ractor, whose own mailboxes know no bound: a sender
//! takes a credit first and the credit travels with the message, to be given
//! back when its work (not merely its delivery) is done.

use crate::error::{Error, Result, state};
use ractor::{ActorRef, Message};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for one message; dropped when what it asked for is done.
pub type Credit = OwnedSemaphorePermit;

pub struct Bounded<M: Message> {
    actor: ActorRef<M>,
    credits: Arc<Semaphore>,
}

impl<M: Message> Bounded<M> {
    pub fn new(actor: ActorRef<M>, credits: usize) -> Bounded<M> {
        Bounded {
            actor,
            credits: Arc::new(Semaphore::new(credits)),
        }
    }

    /// Waits for a credit, then sends what `message` makes of it.
    pub async fn send(&self, message: impl FnOnce(Credit) -> M) -> Result<()> {
        let stopped = || Error::new(state::CANNOT_CONNECT_NOW, "the node is shutting down");
        let credit = match self.credits.clone().try_acquire_owned() {
            Ok(credit) => credit,
            Err(tokio::sync::TryAcquireError::Closed) => return Err(stopped()),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                let waiting = self.credits.clone().acquire_owned();
                waiting.await.map_err(|_| stopped())?
            }
        };
        self.actor.cast(message(credit)).map_err(|_| stopped())
    }

    /// Every credit there is, so that a test can let senders wait.
    #[cfg(test)]
    pub async fn take_all(&self, credits: usize) -> Credit {
        let all = u32::try_from(credits).unwrap_or(u32::MAX);
        let taken = self.credits.clone().acquire_many_owned(all).await;
        taken.expect("nobody closed it")
    }

    /// Lets nobody new in, and waits for those inside.
    pub async fn drain(&self, credits: usize) {
        let all = u32::try_from(credits).unwrap_or(u32::MAX);
        // An error means somebody closed it already.
        if let Ok(permits) = self.credits.acquire_many(all).await {
            permits.forget();
        }
        self.credits.close();
        self.actor.stop(None);
    }
}
