//! A statement's off switch: set once, with the reason the client will read, by whoever
//! has one, or by the clock once the statement's time is over.

use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep_until};

#[derive(Clone, Default)]
pub struct CancelToken(Arc<Inner>);

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelToken")
    }
}

#[derive(Default)]
struct Inner {
    /// Whether the state holds anything; most statements end without it.
    is_set: AtomicBool,
    state: Mutex<State>,
    notify: Notify,
}

#[derive(Default)]
struct State {
    reason: Option<Error>,
    /// When the statement's time is over, and what its client reads then.
    deadline: Option<(Instant, Error)>,
}

impl State {
    /// The reason to end, if there is one by now.
    fn look(&mut self) -> Option<&Error> {
        if self.reason.is_none()
            && let Some((end, _)) = self.deadline
            && Instant::now() >= end
        {
            self.reason = self.deadline.take().map(|(_, reason)| reason);
        }
        self.reason.as_ref()
    }
}

impl CancelToken {
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// The first reason stays.
    pub fn cancel(&self, reason: Error) {
        self.set(|state| {
            if state.look().is_none() {
                state.reason = Some(reason);
            }
        });
    }

    /// Cancels with `reason` at `end`. Whoever works without a pause learns of it by
    /// [`CancelToken::check`]; whoever waits, by [`CancelToken::cancelled`].
    pub fn expire_at(&self, end: Instant, reason: Error) {
        self.set(|state| state.deadline = Some((end, reason)));
    }

    /// Takes the deadline away, unless it has passed and somebody knows.
    pub fn lift_deadline(&self) {
        if self.0.is_set.load(Ordering::Acquire) {
            self.0.state.lock().deadline = None;
        }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock();
        change(&mut state);
        self.0.is_set.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Makes the token good for the next statement.
    pub fn reset(&self) {
        if self.0.is_set.load(Ordering::Acquire) {
            let mut state = self.0.state.lock();
            *state = State::default();
            // Under the lock: a reason that comes meanwhile stays with its mark.
            self.0.is_set.store(false, Ordering::Release);
        }
    }

    /// Fails once the statement is to end.
    pub fn check(&self) -> Result<()> {
        if !self.0.is_set.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.0.state.lock().look() {
            Some(reason) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.state.lock().deadline.as_ref().map(|(end, _)| *end)
    }

    /// Waits for the switch; returns the reason.
    pub async fn cancelled(&self) -> Error {
        // Who is always busy has used up the task's budget when it pauses; a timer
        // within the budget would never be looked at.
        unconstrained(async {
            loop {
                let mut notified = std::pin::pin!(self.0.notify.notified());
                notified.as_mut().enable();
                if let Err(reason) = self.check() {
                    return reason;
                }
                match self.deadline() {
                    None => notified.await,
                    Some(end) => tokio::select! {
                        () = notified => {}
                        () = sleep_until(end) => {}
                    },
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::CancelToken;
    use crate::error::{Error, state};
    use std::time::Duration;
    use tokio::time::Instant;

    fn told(token: &CancelToken) -> String {
        match token.check() {
            Ok(()) => "goes on".to_owned(),
            Err(error) => error.message().to_owned(),
        }
    }

    fn over() -> Error {
        Error::new(state::QUERY_CANCELED, "over")
    }

    #[tokio::test]
    async fn a_deadline_ends_who_waits_and_who_only_looks() {
        let token = CancelToken::new();
        token.expire_at(Instant::now() + Duration::from_secs(3600), over());
        assert_eq!(told(&token), "goes on");
        token.expire_at(Instant::now(), over());
        assert_eq!(told(&token), "over");
        token.cancel(Error::new(state::QUERY_CANCELED, "later"));
        assert_eq!(told(&token), "over", "the first reason stays");

        token.reset();
        assert_eq!(told(&token), "goes on");
        let end = Instant::now() + Duration::from_millis(20);
        token.expire_at(end, over());
        assert_eq!(token.cancelled().await.message(), "over");
        assert!(Instant::now() >= end);
    }

    #[test]
    fn a_lifted_deadline_ends_nothing() {
        let token = CancelToken::new();
        token.expire_at(Instant::now(), over());
        token.lift_deadline();
        assert_eq!(told(&token), "goes on");
    }

    #[tokio::test]
    async fn a_deadline_reaches_who_waits_already() {
        let token = CancelToken::new();
        let waiting = token.cancelled();
        let setting = async {
            tokio::task::yield_now().await;
            token.expire_at(Instant::now() + Duration::from_millis(5), over());
        };
        let (reason, ()) = tokio::join!(waiting, setting);
        assert_eq!(reason.message(), "over");
    }
}
