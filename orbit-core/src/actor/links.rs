//! Calls to actors of other nodes, over links that somebody else keeps up.
//!
//! A child dials its parent; what connects them is a [`Wire`] for each side. Over it go
//! [`Frame`]s, both ways. Who is to do what about them, the `Switch` says, which has no
//! I/O; here it is done.

mod frame;
mod refusal;
mod switch;
#[cfg(test)]
mod tests;

use super::carried::{Answering, Asking};
use super::refusal::{overdue, panicked};
use super::runtime::{Inner, quietly};
use crate::clock::{Clock, until};
use crate::error::{Error, Result, state};
pub(super) use frame::done_but;
pub use frame::{Frame, Hello, Outcome, Request, VERSION};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;
use switch::{Action, Switch, Ticket};
pub use switch::{LinkId, Side};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

/// One end of a connection to another node. What is put in comes out at the other end whole
/// and in order, or the connection ends, which both ends are told of some time
/// ([`Links::lost`]).
pub trait Wire: Send + 'static {
    /// Takes a frame without waiting; false: the connection is no more.
    fn send(&mut self, frame: Frame) -> bool;

    /// Whether so much waits to be sent that calls and messages should not be added. What
    /// answers others is let in all the same.
    fn is_full(&self) -> bool {
        false
    }

    /// Ends the connection.
    fn close(&mut self, why: &Error);
}

/// The links of a node.
#[derive(Clone)]
pub struct Links(Arc<Shared>);

struct Shared {
    node: Box<str>,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    runtime: Weak<Inner>,
    /// There may be something to do sooner.
    changed: Notify,
}

struct State {
    switch: Switch,
    wires: BTreeMap<LinkId, Box<dyn Wire>>,
    asked: BTreeMap<Ticket, oneshot::Sender<Outcome>>,
    served: BTreeMap<(LinkId, u64), AbortHandle>,
    is_closed: bool,
}

impl Links {
    pub(super) fn new(node: &str, site: u64, runtime: &Arc<Inner>) -> Links {
        let links = Links(Arc::new(Shared {
            node: node.into(),
            state: Mutex::new(State {
                switch: Switch::new(node, site),
                wires: BTreeMap::new(),
                asked: BTreeMap::new(),
                served: BTreeMap::new(),
                is_closed: false,
            }),
            clock: runtime.clock.clone(),
            runtime: Arc::downgrade(runtime),
            changed: Notify::new(),
        }));
        runtime.spawn(Box::pin(keep(Arc::downgrade(&links.0))));
        links
    }

    /// This node's name.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// Whether its parent is there, which this node dials.
    pub fn has_parent(&self) -> bool {
        let state = self.0.state.lock();
        let mut peers = state.switch.peers();
        peers.any(|(_, side, _)| side == Side::Parent)
    }

    /// A connection was made: to a parent, whom this node dialled, or by a child.
    pub fn open(&self, side: Side, wire: impl Wire) -> LinkId {
        self.act(|state, now, actions| {
            let link = state.switch.open(side, now, actions);
            state.wires.insert(link, Box::new(wire));
            if state.is_closed {
                state.end(link, &closed(), now, actions);
            }
            link
        })
    }

    /// A frame came out of a link's wire.
    pub fn receive(&self, link: LinkId, frame: Frame) {
        self.act(|state, now, actions| state.switch.receive(link, frame, now, actions));
    }

    /// A link's connection has ended.
    pub fn lost(&self, link: LinkId) {
        self.act(|state, now, actions| {
            state.wires.remove(&link);
            state.switch.lost(link, now, actions);
        });
    }

    /// What came over a link makes no sense: it ends.
    pub fn end(&self, link: LinkId, why: &Error) {
        self.act(|state, now, actions| state.end(link, why, now, actions));
    }

    /// Asks an actor elsewhere and waits for its answer.
    pub(super) async fn ask(&self, request: Request, end: Duration) -> Result<String> {
        request.check()?;
        let (kind, id) = (request.kind.clone(), request.id.clone());
        let (reply, answer) = oneshot::channel();
        let ticket = self.act(|state, now, actions| {
            let ticket = state.switch.ask(request, end, now, actions);
            state.asked.insert(ticket, reply);
            ticket
        });
        let asked = Asked {
            links: self,
            ticket: Some(ticket),
        };
        let answer = until(self.0.clock.as_ref(), end, pin!(answer)).await;
        match answer {
            Some(Ok(outcome)) => {
                asked.is_over();
                match outcome {
                    Outcome::Done(answer) => Ok(answer),
                    Outcome::Failed(error) | Outcome::Refused(error) | Outcome::Lost(error) => {
                        Err(error)
                    }
                }
            }
            Some(Err(_)) => Err(Error::new(
                state::ADMIN_SHUTDOWN,
                format!("the node stopped before actor {kind}/{id} answered"),
            )),
            None => {
                let begun = asked.give_up();
                Err(overdue(&kind, &id, begun))
            }
        }
    }

    /// Sends to an actor elsewhere. `Ok`: it is on its way.
    pub(super) fn tell(&self, request: Request) -> Result<()> {
        request.check()?;
        self.act(|state, now, actions| {
            let way = state.switch.way_to(&request.to);
            if way.is_some_and(|way| state.is_full(way)) {
                return Err(refusal::stuffed(&request.to));
            }
            state.switch.tell(request, now, actions)
        })
    }

    /// Ends all of them.
    pub(super) fn close(&self) {
        let asked = self.act(|state, now, actions| {
            state.is_closed = true;
            let links: Vec<LinkId> = state.wires.keys().copied().collect();
            for link in links {
                state.end(link, &closed(), now, actions);
            }
            std::mem::take(&mut state.asked)
        });
        drop(asked);
    }

    /// Has something happen, and does what follows. What is users' code comes last, when
    /// nothing is locked.
    fn act<T>(&self, event: impl FnOnce(&mut State, Duration, &mut Vec<Action>) -> T) -> T {
        let now = self.0.clock.monotonic();
        let (mut actions, mut inward) = (Vec::new(), Vec::new());
        let mut state = self.0.state.lock();
        let result = event(&mut state, now, &mut actions);
        while !actions.is_empty() {
            let mut further = Vec::new();
            for action in actions.drain(..) {
                if let Some(action) = state.carry_out(action, now, &mut further) {
                    inward.push(action);
                }
            }
            actions = further;
        }
        let is_sooner = state.switch.is_sooner();
        drop(state);
        if is_sooner {
            self.0.changed.notify_one();
        }
        for action in inward {
            match action {
                Inward::Serve {
                    link,
                    call,
                    end,
                    request,
                } => self.serve(link, call, end, &request),
                Inward::Tell(request) => self.hand_over(&request),
            }
        }
        result
    }

    /// Asks an actor of this node, for somebody elsewhere.
    fn serve(&self, link: LinkId, call: u64, end: Duration, request: &Request) {
        let Some(runtime) = self.0.runtime.upgrade() else {
            return;
        };
        let serving = Serving {
            links: self.clone(),
            link,
            call,
            outcome: None,
        };
        let answering = match asking(&runtime, request, end) {
            Ok(answering) => answering,
            Err(error) => return serving.ends(Outcome::Refused(error)),
        };
        let task = runtime.spawn(Box::pin(async move {
            serving.ends(answering.await);
        }));
        let mut state = self.0.state.lock();
        // It may have ended already.
        match state.switch.is_serving(link, call) {
            true => drop(state.served.insert((link, call), task)),
            false => task.abort(),
        }
    }

    /// Gives an actor of this node what somebody elsewhere has sent it.
    fn hand_over(&self, request: &Request) {
        let Some(runtime) = self.0.runtime.upgrade() else {
            return;
        };
        let deliver = || {
            let kind = runtime.kind(&request.kind)?;
            super::runtime::check_id(&request.id)?;
            let message = kind.decode(&request.message, &request.body)?;
            runtime.deliver(&kind, &request.id.as_str().into(), message, false)
        };
        let told = unharmed(&request.kind, &request.id, deliver);
        if let Err(error) = told {
            tracing::warn!(%error, "what a node has sent was not delivered");
        }
    }
}

/// What actors of this node have to do with.
enum Inward {
    Serve {
        link: LinkId,
        call: u64,
        end: Duration,
        request: Request,
    },
    Tell(Request),
}

impl State {
    fn is_full(&self, link: LinkId) -> bool {
        self.wires.get(&link).is_some_and(|wire| wire.is_full())
    }

    fn end(&mut self, link: LinkId, why: &Error, now: Duration, actions: &mut Vec<Action>) {
        if let Some(mut wire) = self.wires.remove(&link) {
            wire.close(why);
        }
        self.switch.lost(link, now, actions);
    }

    /// Does what can be done under the lock; what can't is given back.
    fn carry_out(
        &mut self,
        action: Action,
        now: Duration,
        further: &mut Vec<Action>,
    ) -> Option<Inward> {
        match action {
            Action::Send(link, Frame::Call { call, .. }) if self.is_full(link) => {
                self.switch.not_sent(link, call, now, further);
            }
            Action::Send(link, Frame::Tell(request)) if self.is_full(link) => {
                let error = refusal::stuffed(&request.to);
                tracing::warn!(%error, "a message was not passed on");
            }
            Action::Send(link, frame) => {
                let wire = self.wires.get_mut(&link);
                if wire.is_some_and(|wire| !wire.send(frame)) {
                    self.wires.remove(&link);
                    self.switch.lost(link, now, further);
                }
            }
            Action::Close(link, error) => {
                tracing::warn!(%error, ?link, "a link was closed");
                if let Some(mut wire) = self.wires.remove(&link) {
                    wire.close(&error);
                }
            }
            Action::Settle(ticket, outcome) => {
                if let Some(reply) = self.asked.remove(&ticket) {
                    // Whoever asked may have gone.
                    let _ = reply.send(outcome);
                }
            }
            Action::Abandon { link, call } => {
                if let Some(serving) = self.served.remove(&(link, call)) {
                    serving.abort();
                }
            }
            Action::Serve {
                link,
                call,
                end,
                request,
            } => {
                return Some(Inward::Serve {
                    link,
                    call,
                    end,
                    request,
                });
            }
            Action::Tell(request) => return Some(Inward::Tell(request)),
        }
        None
    }
}

/// A call from elsewhere that an actor of this node is at. It has an answer in any case,
/// also when the node ends, or what writes the answer down, which is users' code, panics.
struct Serving {
    links: Links,
    link: LinkId,
    call: u64,
    outcome: Option<Outcome>,
}

impl Serving {
    fn ends(mut self, outcome: Outcome) {
        self.outcome = Some(outcome.bounded());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| {
            // What was asked may have been done by then.
            let ended = "a call ended without its answer";
            Outcome::Lost(
                Error::new(state::STATEMENT_COMPLETION_UNKNOWN, ended)
                    .with_detail("Whether its work was done is not known."),
            )
        });
        self.links.act(|state, now, actions| {
            state.served.remove(&(self.link, self.call));
            state
                .switch
                .answered(self.link, self.call, outcome, now, actions);
        });
    }
}

/// A call to somewhere else, given up when dropped.
struct Asked<'a> {
    links: &'a Links,
    ticket: Option<Ticket>,
}

impl Asked<'_> {
    fn is_over(mut self) {
        self.ticket = None;
    }

    fn give_up(mut self) -> bool {
        self.ticket.take().is_none_or(|ticket| self.forget(ticket))
    }

    /// Whether anything may have been done.
    fn forget(&self, ticket: Ticket) -> bool {
        self.links.act(|state, now, actions| {
            state.asked.remove(&ticket);
            state.switch.give_up(ticket, now, actions)
        })
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.forget(ticket);
        }
    }
}

/// Lets time pass for the links, as long as they are there.
async fn keep(links: Weak<Shared>) {
    loop {
        let Some(shared) = links.upgrade() else {
            return;
        };
        let links = Links(shared);
        if links.0.runtime.strong_count() == 0 {
            return;
        }
        let clock = links.0.clock.clone();
        let next = links.act_if_due();
        let mut changed = pin!(links.0.changed.notified());
        changed.as_mut().enable();
        let far = clock.monotonic().saturating_add(switch::BEAT_EVERY);
        until(clock.as_ref(), next.unwrap_or(far).min(far), changed).await;
    }
}

impl Links {
    /// What is due by now; when the next is.
    fn act_if_due(&self) -> Option<Duration> {
        let now = self.0.clock.monotonic();
        let next = self.0.state.lock().switch.next_tick();
        if next.is_some_and(|next| next <= now) {
            self.act(|state, now, actions| state.switch.tick(now, actions));
        }
        self.0.state.lock().switch.next_tick()
    }
}

/// Has an actor of this node answer what somebody elsewhere asks.
fn asking(runtime: &Arc<Inner>, request: &Request, deadline: Duration) -> Result<Answering> {
    let kind = runtime.kind(&request.kind)?;
    super::runtime::check_id(&request.id)?;
    let carried = kind.carried_by_name(&request.message)?;
    let asking = Asking {
        runtime: runtime.clone(),
        kind: kind.clone(),
        id: request.id.as_str().into(),
        key: request.key.as_deref().map(Into::into),
        deadline,
    };
    unharmed(kind.name, &request.id, || {
        (carried.ask)(asking, &request.body)
    })
}

/// Runs what may run users' code.
fn unharmed<T>(kind: &str, id: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let error = panicked(kind, id, panic.as_ref());
        quietly(|| drop(panic));
        Err(error)
    })
}

fn closed() -> Error {
    Error::new(state::ADMIN_SHUTDOWN, "the node is shutting down")
}

/// What is asked of an actor elsewhere, to be filled in by who asks.
pub(super) use switch::request;
