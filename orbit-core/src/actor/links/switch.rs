//! Calls between nodes, without I/O: what comes in is an event, what is to be done about it
//! an action. One switch has all links of a node.
//!
//! Nodes form a tree. A child knows its way up; a parent knows who is reached through each
//! of its children, because they say so. A call for a node that is reached through a child
//! goes down there, any other goes up.
//!
//! A call is carried at most once: if the link is lost under it, the caller is told that
//! nobody knows what became of it (40003). One under a key is carried again until its
//! deadline, at the other end it is handled once.

mod reach;

use super::frame::{Frame, Hello, LONGEST_WAIT, MOST_CALLS, MOST_HOPS, Outcome, Request, VERSION};
use super::refusal::{confused, lost_under_way, stuffed, too_many_calls, unreached};
use crate::actor::planted::{Bug, is_planted};
use crate::error::{Error, Result, SqlState, state};
use reach::Route;
use std::collections::BTreeMap;
use std::time::Duration;

/// A side that has nothing to say says that it is there.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);
/// A side that was not heard for so long isn't there.
pub const SILENT_AFTER: Duration = Duration::from_secs(15);
/// A call under a key is tried again after so long, and then after twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// Names a call of this node's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What is at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Parent,
    Child,
}

#[derive(Debug)]
pub enum Action {
    Send(LinkId, Frame),
    /// The link is of no use any more, and is forgotten already.
    Close(LinkId, Error),
    /// A call of this node's own came to its end.
    Settle(Ticket, Outcome),
    /// An actor of this node is asked; see [`Switch::answered`].
    Serve {
        link: LinkId,
        call: u64,
        end: Duration,
        request: Request,
    },
    /// An actor of this node is told something.
    Tell(Request),
    /// Nobody waits for what is being served.
    Abandon {
        link: LinkId,
        call: u64,
    },
}

/// Who waits for a call that went out on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Own(Ticket),
    Link(LinkId, u64),
}

/// What a call that came in on a link waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Own,
    Link(LinkId, u64),
}

struct Link {
    side: Side,
    peer: Option<Hello>,
    heard: Duration,
    spoken: Duration,
    next_call: u64,
    asked: BTreeMap<u64, Asker>,
    serving: BTreeMap<u64, Server>,
}

/// A call of this node's own.
struct Pending {
    request: Request,
    end: Duration,
    /// Where it went; none: it waits to be tried again.
    at: Option<(LinkId, u64)>,
    again: Duration,
    tries: u32,
    /// A link was lost under it: it may have been done.
    is_uncertain: bool,
}

pub struct Switch {
    node: String,
    site: u64,
    links: BTreeMap<LinkId, Link>,
    pending: BTreeMap<Ticket, Pending>,
    /// What the parents were told last of who is reached.
    told: Vec<String>,
    /// Something waits to be tried again, since somebody asked last.
    is_sooner: bool,
    next: u64,
}

impl Switch {
    /// For a node of that name.
    pub fn new(node: &str, site: u64) -> Switch {
        Switch {
            node: node.to_owned(),
            site,
            links: BTreeMap::new(),
            pending: BTreeMap::new(),
            told: Vec::new(),
            is_sooner: false,
            next: 0,
        }
    }

    /// A connection was made.
    pub fn open(&mut self, side: Side, now: Duration, actions: &mut Vec<Action>) -> LinkId {
        let id = LinkId(self.count());
        let link = Link {
            side,
            peer: None,
            heard: now,
            spoken: now,
            next_call: 1,
            asked: BTreeMap::new(),
            serving: BTreeMap::new(),
        };
        self.links.insert(id, link);
        if side == Side::Parent {
            self.told = self.reached();
        }
        let hello = Hello {
            version: VERSION,
            node: self.node.clone(),
            site: self.site,
            reaches: match side {
                Side::Parent => self.told.clone(),
                Side::Child => vec![self.node.clone()],
            },
            calls: MOST_CALLS,
        };
        self.send(id, Frame::Hello(hello), now, actions);
        id
    }

    /// The connection is gone.
    pub fn lost(&mut self, id: LinkId, now: Duration, actions: &mut Vec<Action>) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        let node = link.peer.as_ref().map_or("?", |peer| &peer.node);
        for asker in link.asked.into_values() {
            self.settle(asker, Outcome::Lost(lost_under_way(node)), now, actions);
        }
        for (call, server) in link.serving {
            match server {
                Server::Own => actions.push(Action::Abandon { link: id, call }),
                Server::Link(via, call) => self.cancel(via, call, now, actions),
            }
        }
        if link.side == Side::Child && link.peer.is_some() {
            self.tell_reach(now, actions);
        }
    }

    /// Something came in on a link.
    pub fn receive(&mut self, id: LinkId, frame: Frame, now: Duration, actions: &mut Vec<Action>) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.heard = now;
        if let Err(error) = self.take(id, frame, now, actions) {
            self.close(id, error, now, actions);
        }
    }

    fn take(
        &mut self,
        id: LinkId,
        frame: Frame,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        let has_greeted = self.links.get(&id).is_some_and(|link| link.peer.is_some());
        match frame {
            Frame::Hello(hello) if !has_greeted => self.greet(id, hello, now, actions),
            Frame::Hello(_) => Err(confused("a second hello")),
            _ if !has_greeted => Err(confused("something before its hello")),
            Frame::Reach(reaches) => self.note_reach(id, reaches, now, actions),
            Frame::Call {
                call,
                within,
                request,
            } => {
                let end = now.saturating_add(within.min(LONGEST_WAIT));
                self.called(id, call, end, request, now, actions)
            }
            Frame::Tell(request) => {
                self.told(id, request, now, actions);
                Ok(())
            }
            Frame::Answer { call, outcome } => {
                let link = self.links.get_mut(&id);
                // It may be one that nobody waits for any more.
                if let Some(asker) = link.and_then(|link| link.asked.remove(&call)) {
                    self.settle(asker, outcome, now, actions);
                }
                Ok(())
            }
            Frame::Cancel { call } => {
                let link = self.links.get_mut(&id);
                match link.and_then(|link| link.serving.remove(&call)) {
                    Some(Server::Own) => actions.push(Action::Abandon { link: id, call }),
                    Some(Server::Link(via, call)) => self.cancel(via, call, now, actions),
                    None => {}
                }
                Ok(())
            }
            Frame::Beat => Ok(()),
        }
    }

    fn greet(
        &mut self,
        id: LinkId,
        mut hello: Hello,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        if hello.version != VERSION {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!(
                    "node {} speaks version {} of links",
                    hello.node, hello.version
                ),
            )
            .with_detail(format!("This node speaks version {VERSION}.")));
        }
        if hello.node.is_empty() {
            return Err(confused("a hello without a name"));
        }
        let side = self.links.get(&id).map_or(Side::Child, |link| link.side);
        match side {
            Side::Child => self.check_reach(&hello.reaches)?,
            Side::Parent => hello.reaches.truncate(1),
        }
        hello.calls = hello.calls.min(MOST_CALLS);
        let same = |link: &Link| {
            let peer = link.peer.as_ref();
            peer.is_some_and(|peer| peer.node == hello.node)
        };
        let before = self.links.iter().find(|(_, link)| same(link));
        let before = before.map(|(before, link)| (*before, link.peer.clone()));
        let is_other = before
            .as_ref()
            .and_then(|(_, peer)| peer.as_ref())
            .is_some_and(|peer| peer.site != hello.site);
        if hello.node == self.node || is_other {
            return Err(Error::new(
                state::DUPLICATE_OBJECT,
                format!("there is another node called \"{}\"", hello.node),
            )
            .with_hint("Give each node a name of its own: node.id."));
        }
        if let Some((before, _)) = before {
            // It came back before this side knew that it had gone.
            let error = Error::new(
                state::CONNECTION_FAILURE,
                "the node came back by a new link",
            );
            self.close(before, error, now, actions);
        }
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        hello.reaches.sort_unstable();
        link.peer = Some(hello);
        if side == Side::Child {
            self.tell_reach(now, actions);
        }
        self.try_again(now, true, actions);
        Ok(())
    }

    fn called(
        &mut self,
        from: LinkId,
        call: u64,
        end: Duration,
        mut request: Request,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        let Some(link) = self.links.get_mut(&from) else {
            return Ok(());
        };
        if link.serving.contains_key(&call) {
            return Err(confused("two calls under one number"));
        }
        let refused = match link.serving.len() >= MOST_CALLS as usize {
            true => Err(too_many_calls(&self.node)),
            false => request.check(),
        };
        let outcome = match (refused, self.route(&request.to)) {
            (Err(error), _) => Outcome::Refused(error),
            (Ok(()), Route::Own) => {
                self.note_serving(from, call, Server::Own);
                actions.push(Action::Serve {
                    link: from,
                    call,
                    end,
                    request,
                });
                return Ok(());
            }
            (Ok(()), Route::Via(via)) if via != from && request.hops > 0 => {
                request.hops -= 1;
                match self.pass(via, Asker::Link(from, call), request, end, now, actions) {
                    Ok(onward) => {
                        self.note_serving(from, call, Server::Link(via, onward));
                        return Ok(());
                    }
                    Err(error) => Outcome::Refused(error),
                }
            }
            _ => Outcome::Lost(unreached(&request.to)),
        };
        self.send(from, Frame::Answer { call, outcome }, now, actions);
        Ok(())
    }

    fn note_serving(&mut self, link: LinkId, call: u64, server: Server) {
        if let Some(link) = self.links.get_mut(&link) {
            link.serving.insert(call, server);
        }
    }

    fn told(
        &mut self,
        from: LinkId,
        mut request: Request,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        match self.route(&request.to) {
            Route::Own => actions.push(Action::Tell(request)),
            Route::Via(via) if via != from && request.hops > 0 && request.check().is_ok() => {
                request.hops -= 1;
                self.send(via, Frame::Tell(request), now, actions);
            }
            // At most once: nobody is there to be told.
            _ => tracing::warn!(to = request.to, "a message to a node that isn't reached"),
        }
    }

    /// Sends a call on; under which number.
    fn pass(
        &mut self,
        via: LinkId,
        asker: Asker,
        request: Request,
        end: Duration,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<u64> {
        let gone = || unreached(&request.to);
        let link = self.links.get_mut(&via).ok_or_else(gone)?;
        let most = link.peer.as_ref().map_or(0, |peer| peer.calls);
        if link.asked.len() >= most as usize {
            return Err(too_many_calls(&request.to));
        }
        let call = link.next_call;
        link.next_call += 1;
        link.asked.insert(call, asker);
        let frame = Frame::Call {
            call,
            within: end.saturating_sub(now),
            request,
        };
        self.send(via, frame, now, actions);
        Ok(call)
    }

    /// Asks an actor of another node, for one of this node's own callers.
    pub fn ask(
        &mut self,
        request: Request,
        end: Duration,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Ticket {
        let ticket = Ticket(self.count());
        let pending = Pending {
            request,
            end,
            at: None,
            again: now,
            tries: 0,
            is_uncertain: false,
        };
        self.pending.insert(ticket, pending);
        self.go(ticket, now, actions);
        ticket
    }

    /// Sends a message that nobody waits for. `Ok`: it is on its way.
    pub fn tell(
        &mut self,
        request: Request,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        match self.route(&request.to) {
            Route::Own => actions.push(Action::Tell(request)),
            Route::Via(via) => self.send(via, Frame::Tell(request), now, actions),
            Route::None => return Err(unreached(&request.to)),
        }
        Ok(())
    }

    fn go(&mut self, ticket: Ticket, now: Duration, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.get_mut(&ticket) else {
            return;
        };
        pending.tries += 1;
        let (request, end) = (pending.request.clone(), pending.end);
        let outcome = match self.route(&request.to) {
            Route::Via(via) => match self.pass(via, Asker::Own(ticket), request, end, now, actions)
            {
                Ok(call) => {
                    if let Some(pending) = self.pending.get_mut(&ticket) {
                        pending.at = Some((via, call));
                    }
                    return;
                }
                Err(error) => Outcome::Refused(error),
            },
            Route::Own | Route::None => Outcome::Lost(unreached(&request.to)),
        };
        self.settle(Asker::Own(ticket), outcome, now, actions);
    }

    fn settle(&mut self, asker: Asker, outcome: Outcome, now: Duration, actions: &mut Vec<Action>) {
        let ticket = match asker {
            Asker::Own(ticket) => ticket,
            Asker::Link(link, call) => return self.answered(link, call, outcome, now, actions),
        };
        let Some(pending) = self.pending.get_mut(&ticket) else {
            return;
        };
        pending.at = None;
        if let Outcome::Lost(error) = &outcome {
            pending.is_uncertain |= error.is(state::STATEMENT_COMPLETION_UNKNOWN);
        }
        let is_over = match &outcome {
            Outcome::Done(_) | Outcome::Failed(_) => true,
            Outcome::Refused(error) => !may_pass(error),
            Outcome::Lost(_) => false,
        };
        let has_key = pending.request.key.is_some() || is_planted(Bug::ResendWithoutKey);
        let goes_on = has_key && !is_over;
        if goes_on && now < pending.end {
            let doubled = FIRST_PAUSE.saturating_mul(1 << pending.tries.min(10));
            pending.again = now.saturating_add(doubled.min(LONGEST_PAUSE));
            self.is_sooner = true;
            return;
        }
        let outcome = match pending.is_uncertain {
            true => still_uncertain(&pending.request.to, outcome),
            false => outcome,
        };
        self.pending.remove(&ticket);
        actions.push(Action::Settle(ticket, outcome));
    }

    /// A call could not be sent: too much waits before it.
    pub fn not_sent(&mut self, via: LinkId, call: u64, now: Duration, actions: &mut Vec<Action>) {
        let Some(link) = self.links.get_mut(&via) else {
            return;
        };
        let node = link.peer.as_ref().map_or("?", |peer| &peer.node);
        let error = stuffed(node);
        if let Some(asker) = link.asked.remove(&call) {
            self.settle(asker, Outcome::Refused(error), now, actions);
        }
    }

    /// What was served has an answer.
    pub fn answered(
        &mut self,
        id: LinkId,
        call: u64,
        outcome: Outcome,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let link = self.links.get_mut(&id);
        if link.is_some_and(|link| link.serving.remove(&call).is_some()) {
            self.send(id, Frame::Answer { call, outcome }, now, actions);
        }
    }

    /// Whether a call that came in on a link still waits for its answer.
    pub fn is_serving(&self, id: LinkId, call: u64) -> bool {
        let link = self.links.get(&id);
        link.is_some_and(|link| link.serving.contains_key(&call))
    }

    /// Whoever asked waits no more. Whether anything may have been done.
    pub fn give_up(&mut self, ticket: Ticket, now: Duration, actions: &mut Vec<Action>) -> bool {
        let Some(pending) = self.pending.remove(&ticket) else {
            return true;
        };
        if let Some((via, call)) = pending.at {
            self.cancel(via, call, now, actions);
            return true;
        }
        pending.is_uncertain
    }

    fn cancel(&mut self, via: LinkId, call: u64, now: Duration, actions: &mut Vec<Action>) {
        let link = self.links.get_mut(&via);
        if link.is_some_and(|link| link.asked.remove(&call).is_some()) {
            self.send(via, Frame::Cancel { call }, now, actions);
        }
    }

    fn send(&mut self, id: LinkId, frame: Frame, now: Duration, actions: &mut Vec<Action>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.spoken = now;
            actions.push(Action::Send(id, frame));
        }
    }

    fn close(&mut self, id: LinkId, error: Error, now: Duration, actions: &mut Vec<Action>) {
        actions.push(Action::Close(id, error));
        self.lost(id, now, actions);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let since = |then: Duration| now.saturating_sub(then);
        let links = self.links.iter();
        let silent = links.filter(|(_, link)| since(link.heard) >= SILENT_AFTER);
        let silent: Vec<LinkId> = silent.map(|(id, _)| *id).collect();
        for id in silent {
            let error = Error::new(state::CONNECTION_FAILURE, "a node was not heard any more")
                .with_detail(format!("It said nothing for {SILENT_AFTER:?}."));
            self.close(id, error, now, actions);
        }
        let links = self.links.iter();
        let quiet = links.filter(|(_, link)| since(link.spoken) >= BEAT_EVERY);
        let quiet: Vec<LinkId> = quiet.map(|(id, _)| *id).collect();
        for id in quiet {
            self.send(id, Frame::Beat, now, actions);
        }
        self.try_again(now, false, actions);
    }

    /// Calls under keys that wait for a way. `at_once`: there may be one since just now.
    fn try_again(&mut self, now: Duration, at_once: bool, actions: &mut Vec<Action>) {
        let pending = self.pending.iter();
        let waiting = pending.filter(|(_, one)| one.at.is_none() && (at_once || one.again <= now));
        let waiting: Vec<Ticket> = waiting.map(|(ticket, _)| *ticket).collect();
        for ticket in waiting {
            self.go(ticket, now, actions);
        }
    }

    /// Whether there is something to do sooner than a beat, which there was not when this was
    /// asked last.
    pub fn is_sooner(&mut self) -> bool {
        std::mem::take(&mut self.is_sooner)
    }

    /// When [`Switch::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Duration> {
        let links = self.links.values();
        let beats = links.map(|link| (link.spoken + BEAT_EVERY).min(link.heard + SILENT_AFTER));
        let waiting = self.pending.values().filter(|one| one.at.is_none());
        beats.chain(waiting.map(|one| one.again)).min()
    }

    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The nodes at the other ends of its links.
    pub fn peers(&self) -> impl Iterator<Item = (LinkId, Side, &Hello)> {
        let links = self.links.iter();
        links.filter_map(|(id, link)| Some((*id, link.side, link.peer.as_ref()?)))
    }
}

/// What a node asks of others passes so many links at most.
pub fn request(to: &str, kind: &str, id: &str, message: &str, body: String) -> Request {
    Request {
        to: to.to_owned(),
        kind: kind.to_owned(),
        id: id.to_owned(),
        message: message.to_owned(),
        body,
        key: None,
        hops: MOST_HOPS,
    }
}

/// An earlier try may have done the work: a later one that had no turn proves nothing.
fn still_uncertain(node: &str, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused(_) | Outcome::Lost(_) => Outcome::Lost(lost_under_way(node)),
        settled => settled,
    }
}

/// Whether what a node says no for may be over before the deadline: it has too much to do,
/// starts just now, or doesn't know the kind yet.
fn may_pass(error: &Error) -> bool {
    const PASSING: [SqlState; 6] = [
        state::QUERY_CANCELED,
        state::INSUFFICIENT_RESOURCES,
        state::CONFIGURATION_LIMIT_EXCEEDED,
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        state::CANNOT_CONNECT_NOW,
        state::UNDEFINED_OBJECT,
    ];
    PASSING.contains(&error.state())
}
