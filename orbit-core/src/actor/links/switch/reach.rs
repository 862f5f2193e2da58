//! Who is reached on which link: a node knows whom its children say they reach, and for all
//! others the way up.

use super::super::refusal::confused;
use super::{Action, Link, LinkId, Side, Switch};
use crate::actor::links::frame::{Frame, MAX_NODE_BYTES, MOST_REACHED};
use crate::error::{Error, Result, state};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) enum Route {
    Own,
    Via(LinkId),
    None,
}

impl Switch {
    pub(super) fn note_reach(
        &mut self,
        id: LinkId,
        reaches: Vec<String>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        if self
            .links
            .get(&id)
            .is_none_or(|link| link.side == Side::Parent)
        {
            return Err(confused("whom it reaches, though it is the parent"));
        }
        self.check_reach(&reaches)?;
        if let Some(peer) = self.links.get_mut(&id).and_then(|link| link.peer.as_mut()) {
            peer.reaches = reaches;
            peer.reaches.sort_unstable();
        }
        self.tell_reach(now, actions);
        self.try_again(now, true, actions);
        Ok(())
    }

    pub(super) fn check_reach(&self, reaches: &[String]) -> Result<()> {
        if reaches.len() > MOST_REACHED || reaches.iter().any(|node| node.len() > MAX_NODE_BYTES) {
            return Err(confused("too many nodes, or names too long"));
        }
        if reaches.contains(&self.node) {
            return Err(Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "a child reaches this node itself",
            )
            .with_detail("Another node has its name, or links go in a circle.")
            .with_hint("Look at node.id and edge.hub_url of the nodes below."));
        }
        Ok(())
    }

    /// This node, and whom its children reach.
    pub fn reached(&self) -> Vec<String> {
        let children = self.links.values().filter(|link| link.side == Side::Child);
        let peers = children.filter_map(|link| link.peer.as_ref());
        let nodes = peers.flat_map(|peer| peer.reaches.iter().cloned());
        let all: BTreeSet<String> = nodes.chain([self.node.clone()]).collect();
        all.into_iter().take(MOST_REACHED).collect()
    }

    pub(super) fn tell_reach(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let parents = self
            .links
            .iter()
            .filter(|(_, link)| link.side == Side::Parent);
        let parents: Vec<LinkId> = parents.map(|(id, _)| *id).collect();
        let reached = self.reached();
        if reached == self.told {
            return;
        }
        for parent in parents {
            self.send(parent, Frame::Reach(reached.clone()), now, actions);
        }
        self.told = reached;
    }

    pub(super) fn route(&self, to: &str) -> Route {
        if to == self.node {
            return Route::Own;
        }
        // Who is next door is that one, whatever others say.
        let is_next = |link: &Link| link.peer.as_ref().is_some_and(|peer| peer.node == to);
        let reaches = |link: &Link| {
            let peer = link.peer.as_ref();
            peer.is_some_and(|peer| {
                peer.reaches
                    .binary_search_by(|node| (**node).cmp(to))
                    .is_ok()
            })
        };
        let is_up = |link: &Link| link.side == Side::Parent && link.peer.is_some();
        let known = self.links.iter().find(|(_, link)| is_next(link));
        let known = known.or_else(|| self.links.iter().find(|(_, link)| reaches(link)));
        let found = known.or_else(|| self.links.iter().find(|(_, link)| is_up(link)));
        found.map_or(Route::None, |(id, _)| Route::Via(*id))
    }

    /// The link on which messages to a node go out.
    pub fn way_to(&self, node: &str) -> Option<LinkId> {
        match self.route(node) {
            Route::Via(link) => Some(link),
            Route::Own | Route::None => None,
        }
    }
}
