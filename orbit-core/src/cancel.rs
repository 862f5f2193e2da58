//! A statement's off switch: set once, with the reason the client will read.

use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct CancelToken(Arc<Inner>);

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelToken")
    }
}

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    reason: Mutex<Option<Error>>,
    notify: Notify,
}

impl CancelToken {
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// The first reason stays.
    pub fn cancel(&self, reason: Error) {
        let mut slot = self.0.reason.lock();
        if slot.is_none() {
            *slot = Some(reason);
            self.0.cancelled.store(true, Ordering::Release);
            self.0.notify.notify_waiters();
        }
    }

    /// Makes the token good for the next statement.
    pub fn reset(&self) {
        if self.0.cancelled.load(Ordering::Acquire) {
            *self.0.reason.lock() = None;
            self.0.cancelled.store(false, Ordering::Release);
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    pub fn check(&self) -> Result<()> {
        if !self.is_cancelled() {
            return Ok(());
        }
        match &*self.0.reason.lock() {
            Some(reason) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    /// Waits for the switch; returns the reason.
    pub async fn cancelled(&self) -> Error {
        loop {
            let mut notified = std::pin::pin!(self.0.notify.notified());
            notified.as_mut().enable();
            if let Err(reason) = self.check() {
                return reason;
            }
            notified.await;
        }
    }
}
