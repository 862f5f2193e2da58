//! How many queries that read much run at once, and who is next.
//!
//! All of them share one pool of memory and the query threads: more of them at once take
//! no less time, and none has room. So whoever comes when all places are taken waits in a
//! [`Line`], in the order of coming, and can be seen there (pg_stat_activity). A place is
//! held while rows are computed, not while they wait for their reader: a forgotten cursor
//! keeps nobody out. Whoever holds a place waits for nothing but the processor and the
//! disk, so nobody waits for ever.

mod line;

use line::{Answer, Line};
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

pub use line::Position;

#[derive(Debug)]
pub struct Admission(Mutex<State>);

#[derive(Debug)]
struct State {
    line: Line,
    /// Those who wait, by their tickets.
    waiting: BTreeMap<u64, Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    pid: i32,
    called: oneshot::Sender<()>,
}

/// One who runs; dropped, the next comes in.
#[derive(Debug)]
pub struct Place(Arc<Admission>);

/// One who waits; dropped, it leaves the line.
struct Turn {
    admission: Arc<Admission>,
    ticket: u64,
    taken: bool,
}

impl Admission {
    pub fn new(places: usize, most_waiting: usize) -> Arc<Admission> {
        Arc::new(Admission(Mutex::new(State {
            line: Line::new(places, most_waiting),
            waiting: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Waits for a place. Who `resumes` has had one, and goes before those who haven't.
    pub async fn enter(self: &Arc<Self>, pid: i32, resumes: bool) -> Result<Place> {
        let (mut turn, called) = {
            let mut state = self.0.lock();
            let ticket = state.next;
            match state.line.ask(ticket, resumes) {
                Answer::In => return Ok(Place(self.clone())),
                Answer::Full => return Err(full(&state.line)),
                Answer::Wait => {}
            }
            state.next += 1;
            let (sender, called) = oneshot::channel();
            let waiter = Waiter {
                pid,
                called: sender,
            };
            state.waiting.insert(ticket, waiter);
            let turn = Turn {
                admission: self.clone(),
                ticket,
                taken: false,
            };
            (turn, called)
        };
        called
            .await
            .map_err(|_| Error::internal("a query in line was forgotten"))?;
        turn.taken = true;
        Ok(Place(self.clone()))
    }

    /// Where the session stands in line, if a query of its own waits.
    pub fn position_of(&self, pid: i32) -> Option<Position> {
        let state = self.0.lock();
        let own = state.waiting.iter().filter(|(_, one)| one.pid == pid);
        own.filter_map(|(ticket, _)| state.line.position(*ticket))
            .min()
    }

    /// Somebody ended, or doesn't want the place that was given.
    fn leave(&self) {
        let mut state = self.0.lock();
        if let Some(ticket) = state.line.leave()
            && let Some(waiter) = state.waiting.remove(&ticket)
        {
            // Who has gone meanwhile gives the place back.
            let _ = waiter.called.send(());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = self.admission.0.lock();
        state.waiting.remove(&self.ticket);
        let waited = state.line.give_up(self.ticket);
        drop(state);
        if !waited {
            self.admission.leave();
        }
    }
}

fn full(line: &Line) -> Error {
    Error::new(state::TOO_MANY_CONNECTIONS, "too many queries are waiting")
        .with_detail(format!(
            "{} run and {} wait for them to end.",
            line.running(),
            line.waiting()
        ))
        .with_hint(
            "Send it again later, or raise edge.resources.max_queries or \
             edge.resources.max_waiting_queries.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn entered(answer: Poll<Result<Place>>) -> Place {
        match answer {
            Poll::Ready(place) => place.unwrap(),
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_place_goes_to_who_came_first_and_waits_still() {
        let admission = Admission::new(1, 8);
        let first = entered(poll(pin!(admission.enter(1, false))));
        let mut second = Box::pin(admission.enter(2, false));
        let mut third = pin!(admission.enter(3, false));
        let mut fourth = pin!(admission.enter(4, false));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        assert!(poll(fourth.as_mut()).is_pending());
        let told = |pid| admission.position_of(pid).map(|at| at.to_string());
        assert_eq!(told(1), None);
        assert_eq!(told(3).as_deref(), Some("position 2 of 3"));
        drop(second);
        assert_eq!(told(3).as_deref(), Some("position 1 of 2"));
        drop(first);
        assert_eq!(told(3), None);
        let third = entered(poll(third.as_mut()));
        assert!(poll(fourth.as_mut()).is_pending());
        drop(third);
        entered(poll(fourth.as_mut()));
    }

    #[test]
    fn a_place_given_to_who_has_gone_goes_on() {
        let admission = Admission::new(1, 8);
        let first = entered(poll(pin!(admission.enter(1, false))));
        let mut second = Box::pin(admission.enter(2, false));
        let mut third = pin!(admission.enter(3, false));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        // Called, and cancelled before it looked.
        drop(first);
        drop(second);
        entered(poll(third.as_mut()));
    }

    #[test]
    fn a_line_has_an_end() {
        let admission = Admission::new(1, 1);
        let _first = entered(poll(pin!(admission.enter(1, false))));
        let mut second = pin!(admission.enter(2, false));
        assert!(poll(second.as_mut()).is_pending());
        let Poll::Ready(Err(refused)) = poll(pin!(admission.enter(3, false))) else {
            panic!("the line is full");
        };
        assert_eq!(refused.state().as_str(), "53300");
        // Who has begun is not refused.
        assert!(poll(pin!(admission.enter(4, true))).is_pending());
    }
}
