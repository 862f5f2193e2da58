//! The handle by which others reach into a running session: cancel requests.

use orbit_core::cancel::CancelToken;
use orbit_core::{Error, state};
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Control {
    secret: i32,
    /// A request that comes between statements stops nothing.
    running: AtomicBool,
    token: CancelToken,
}

impl Control {
    pub fn new(secret: i32) -> Control {
        Control {
            secret,
            running: AtomicBool::new(false),
            token: CancelToken::new(),
        }
    }

    pub fn cancel(&self, secret: i32) {
        if secret == self.secret {
            self.cancel_running();
        }
    }

    pub fn cancel_running(&self) {
        if self.running.load(Ordering::Acquire) {
            self.token.cancel(Error::new(
                state::QUERY_CANCELED,
                "canceling statement due to user request",
            ));
        }
    }

    pub fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Release);
    }

    pub fn token(&self) -> &CancelToken {
        &self.token
    }
}
