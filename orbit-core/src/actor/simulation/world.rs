//! The nodes, what connects them, what is asked of them and what befalls them.

use super::network::{Connection, End, SimWire};
use super::node::{BEGINNING, SimNode};
use super::workload::{Do, Fate, Ledger, Look, Op, Tools};
use crate::actor::links::Side;
use crate::clock::Clock;
use crate::error::{Error, SqlState};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

const ACTORS_EACH: u64 = 6;
const STEPS: usize = 500;
/// Past its deadline an answer may be so late: time passes in steps.
pub const SLACK: Duration = Duration::from_millis(200);

/// Chance, repeatable (SplitMix64).
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Call,
    Once,
    Send,
}

/// One thing that was asked, and what was said to it.
#[derive(Debug)]
pub struct Asked {
    pub op: Op,
    pub manner: Manner,
    pub fate: Fate,
    /// The actor, and the one it asked first.
    pub actor: (usize, String),
    pub first: Option<(usize, String)>,
    /// Where it was asked, and in which of its lives.
    pub by: (usize, u32),
    pub deadline: Duration,
    /// What was said, and when by the asker's clock.
    pub said: Option<(Result<usize, (SqlState, String)>, Duration)>,
    /// Under a key: it is asked again, and these answers came.
    pub asks_again: bool,
    pub again: Vec<usize>,
}

pub type Journal = Arc<Mutex<BTreeMap<Op, Asked>>>;

pub struct World {
    chance: Chance,
    pub nodes: Vec<SimNode>,
    connections: Vec<Connection>,
    pub journal: Journal,
    next_op: Op,
    trace: Vec<String>,
    /// What each actor was in the end.
    pub left: BTreeMap<(usize, String), Ledger>,
    pub doubled: Option<String>,
    pub kills: usize,
    /// When which node did nothing.
    pub stalls: Vec<(usize, Range<Duration>)>,
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut chance = Chance(seed);
        let count = 2 + chance.below(4) as usize;
        let nodes = (0..count).map(|n| {
            let parent = (n > 0).then(|| chance.below(n as u64) as usize);
            SimNode::new(format!("n{n}"), parent)
        });
        let mut world = World {
            nodes: nodes.collect(),
            chance,
            connections: Vec::new(),
            journal: Journal::default(),
            next_op: 1,
            trace: Vec::new(),
            left: BTreeMap::new(),
            doubled: None,
            kills: 0,
            stalls: Vec::new(),
        };
        for n in 0..count {
            world.nodes[n].start();
        }
        world.until(|world| world.nodes.iter().all(SimNode::is_open));
        world
    }

    pub fn trace(&self) -> String {
        let journal = self.journal.lock();
        let asked = journal.values().map(|asked| format!("{asked:?}"));
        let lines: Vec<String> = self.trace.iter().cloned().chain(asked).collect();
        lines.join("\n")
    }

    fn note(&mut self, what: String) {
        let now = self.nodes[0].now();
        self.trace.push(format!("{now:?} {what}"));
    }

    /// A life full of accidents.
    pub fn live(&mut self) {
        for _ in 0..STEPS {
            match self.chance.below(100) {
                0..30 => self.ask(),
                30..34 => self.cut(),
                34..36 => self.kill(),
                36..38 => self.jump(),
                38..40 => self.stall(),
                40..46 => self.start_one(),
                46..52 => self.connect(),
                _ => {}
            }
            self.step();
        }
    }

    /// Everything is well again, and what is under way comes to its end.
    pub fn calm(&mut self) {
        for n in 0..self.nodes.len() {
            let node = &mut self.nodes[n];
            node.stalled_until = Duration::ZERO;
            // Later than any of its jumps: whatever was set is due.
            node.clock.set_wall(BEGINNING + 10_000_000_000);
            if node.process.is_none() {
                node.start();
            }
        }
        self.note("calm".to_owned());
        let end = self.nodes[0].now() + Duration::from_secs(90);
        while self.nodes[0].now() < end {
            self.connect();
            self.step();
            self.pass(Duration::from_millis(250));
        }
        self.look();
    }

    /// Reads what all actors are.
    fn look(&mut self) {
        let found: Arc<Mutex<BTreeMap<(usize, String), Ledger>>> = Arc::default();
        for n in 0..self.nodes.len() {
            for id in (0..ACTORS_EACH).map(|id| format!("a{id}")) {
                let runtime = self.nodes[n].runtime().unwrap();
                let actor = runtime.actor::<Ledger>(&id).unwrap();
                let found = found.clone();
                self.nodes[n].spawn(async move {
                    let ledger = actor.call(Look).await.unwrap();
                    found.lock().insert((n, id), ledger);
                });
            }
        }
        let wanted = self.nodes.len() * ACTORS_EACH as usize;
        self.until(|_| found.lock().len() == wanted);
        self.left = std::mem::take(&mut found.lock());
        self.note_doubled();
    }

    fn note_doubled(&mut self) {
        for node in &self.nodes {
            let tools = node
                .runtime()
                .and_then(|runtime| runtime.inner().tool::<Tools>());
            let doubled = tools.and_then(|tools| tools.doubled.lock().clone());
            if let Some(actor) = doubled {
                self.doubled = Some(format!("{}/{actor}", node.name));
            }
        }
    }

    fn until(&mut self, is_done: impl Fn(&World) -> bool) {
        for _ in 0..20_000 {
            if is_done(self) {
                return;
            }
            self.step();
        }
        panic!("it never came to that\n{}", self.trace());
    }

    /// Something happens everywhere, and some time passes.
    fn step(&mut self) {
        for n in 0..self.nodes.len() {
            if self.nodes[n].is_stalled() {
                continue;
            }
            self.nodes[n].settle();
            if let Some(process) = &self.nodes[n].process {
                if self.chance.percent(60) {
                    process.db.write_group();
                }
                if self.chance.percent(60) {
                    process.db.flush();
                }
            }
            self.nodes[n].settle();
        }
        self.deliver();
        let millis = match self.chance.below(10) {
            0..6 => self.chance.below(5),
            6..9 => self.chance.below(40),
            _ => self.chance.below(2000),
        };
        self.pass(Duration::from_millis(millis));
    }

    /// Lets time pass, no further at once than to the next who waits for it.
    fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let now = self.nodes[0].now();
            let waking = self
                .nodes
                .iter()
                .filter_map(|node| match node.is_stalled() {
                    true => Some(node.stalled_until),
                    false => node.clock.next_waking(),
                });
            let next = waking.min().map_or(left, |next| next.saturating_sub(now));
            let step = next.clamp(Duration::from_millis(1), left.max(Duration::from_millis(1)));
            for node in &mut self.nodes {
                node.clock.pass(step);
            }
            for node in &mut self.nodes {
                if !node.is_stalled() {
                    node.settle();
                }
            }
            left = left.saturating_sub(step);
        }
    }

    fn deliver(&mut self) {
        for c in 0..self.connections.len() {
            for e in 0..2 {
                let delay = Duration::from_millis(self.chance.below(30));
                self.deliver_to(c, e, delay);
            }
        }
        self.connections.retain(|connection| !connection.is_over());
    }

    fn deliver_to(&mut self, c: usize, e: usize, delay: Duration) {
        let connection = &mut self.connections[c];
        let end = connection.ends[e].clone();
        let node = &self.nodes[end.node];
        let is_there = node.life == end.life && node.is_open();
        if !is_there {
            connection.ends[e].is_told = true;
            // The other end's machine is told that nobody is there.
            connection.is_cut = true;
        }
        if end.is_told || node.is_stalled() {
            return;
        }
        let links = node.links().cloned();
        if (connection.is_cut || connection.is_closed()) && self.chance.percent(20) {
            connection.ends[e].is_told = true;
            if let Some(links) = links {
                links.lost(end.link);
            }
            return;
        }
        if node.now() >= end.next_due && connection.waits(e) {
            let frames = 1 + self.chance.below(4);
            connection.ends[e].next_due = node.now() + delay;
            for _ in 0..frames {
                if let (Some(frame), Some(links)) = (self.connections[c].take(e), &links) {
                    links.receive(end.link, frame);
                }
            }
        }
    }

    /// A child without a link dials its parent.
    fn connect(&mut self) {
        for n in 0..self.nodes.len() {
            let Some(parent) = self.nodes[n].parent else {
                continue;
            };
            let life = self.nodes[n].life;
            let is_linked = self.connections.iter().any(|connection| {
                let end = &connection.ends[0];
                end.node == n && end.life == life && !end.is_told
            });
            let (child, above) = (&self.nodes[n], &self.nodes[parent]);
            let (Some(up), Some(down)) = (child.links(), above.links()) else {
                continue;
            };
            if is_linked || child.is_stalled() || above.is_stalled() {
                continue;
            }
            let (to_child, to_parent) = (Arc::default(), Arc::default());
            let end = |node: usize, life, link, inward: &Arc<_>| End {
                node,
                life,
                link,
                inward: Arc::clone(inward),
                next_due: Duration::ZERO,
                is_told: false,
            };
            let low = up.open(Side::Parent, SimWire(Arc::clone(&to_parent)));
            let high = down.open(Side::Child, SimWire(Arc::clone(&to_child)));
            let ends = [
                end(n, life, low, &to_child),
                end(parent, above.life, high, &to_parent),
            ];
            self.connections.push(Connection {
                ends,
                is_cut: false,
            });
        }
    }

    fn cut(&mut self) {
        let count = self.connections.len() as u64;
        if count > 0 {
            let which = self.chance.below(count) as usize;
            self.connections[which].is_cut = true;
            self.note(format!("cut {which}"));
        }
    }

    fn any_node(&mut self) -> usize {
        self.chance.below(self.nodes.len() as u64) as usize
    }

    fn kill(&mut self) {
        let n = self.any_node();
        if self.nodes[n].process.is_some() {
            self.kills += 1;
            self.note_doubled();
            self.note(format!("kill {n}"));
            let seed = self.chance.draw();
            self.nodes[n].kill(seed);
        }
    }

    fn start_one(&mut self) {
        let n = self.any_node();
        if self.nodes[n].process.is_none() {
            self.note(format!("start {n}"));
            self.nodes[n].start();
        }
    }

    /// A wall clock is wrong by up to an hour either way, from one moment to the next.
    fn jump(&mut self) {
        let n = self.any_node();
        let by = self.chance.below(7_200_000_000).cast_signed() - 3_600_000_000;
        let node = &self.nodes[n];
        let since = i64::try_from(node.now().as_micros()).unwrap();
        node.clock.set_wall(BEGINNING + since + by);
        self.note(format!("jump {n} {by}"));
    }

    /// A node does nothing for a while.
    fn stall(&mut self) {
        let n = self.any_node();
        let now = self.nodes[n].now();
        let until = now + Duration::from_millis(self.chance.below(20_000));
        self.nodes[n].stalled_until = until;
        self.stalls.push((n, now..until));
        self.note(format!("stall {n} until {until:?}"));
    }

    fn any_actor(&mut self) -> (usize, String) {
        let node = self.any_node();
        (node, format!("a{}", self.chance.below(ACTORS_EACH)))
    }

    fn any_fate(&mut self) -> Fate {
        match self.chance.below(20) {
            0..8 => Fate::Plain,
            8..11 => Fate::Row,
            11..13 => Fate::Slow(self.chance.below(8000)),
            13..15 => Fate::Refuses,
            15 => Fate::Panics,
            _ => Fate::Later(self.chance.below(20_000)),
        }
    }

    /// Somebody at some node asks some actor something.
    fn ask(&mut self) {
        let by = self.any_node();
        let actor = self.any_actor();
        let (fate, op) = (self.any_fate(), self.next_op);
        self.next_op += 1;
        let first = self.chance.percent(15).then(|| self.any_actor());
        // One that asks itself waits for itself.
        let first = first.filter(|first| *first != actor);
        let manner = match self.chance.below(10) {
            0..5 => Manner::Call,
            5..8 => Manner::Once,
            _ => Manner::Send,
        };
        let within = match manner {
            Manner::Call => Duration::from_millis(50 + self.chance.below(5000)),
            _ => Duration::from_secs(5),
        };
        let asks_again = self.chance.percent(50);
        let node = &self.nodes[by];
        let Some(runtime) = node.runtime().filter(|_| !node.is_stalled()) else {
            return;
        };
        let to = runtime.actor_at::<Ledger>(&self.nodes[actor.0].name, &actor.1);
        // It knows its kinds a moment after it can be reached.
        let Ok(to) = to else {
            return;
        };
        let name = |(n, id): &(usize, String)| (self.nodes[*n].name.clone(), id.clone());
        let message = Do {
            op,
            fate,
            first: first.as_ref().map(name),
        };
        let clock = node.clock.clone();
        let asked = Asked {
            op,
            manner,
            fate,
            actor,
            first,
            by: (by, node.life),
            deadline: clock.monotonic() + within,
            said: None,
            asks_again: manner == Manner::Once && asks_again,
            again: Vec::new(),
        };
        self.journal.lock().insert(op, asked);
        let journal = self.journal.clone();
        self.nodes[by].spawn(async move {
            let key = format!("key {op}");
            let said = match manner {
                Manner::Call => to.call_within(within, message.clone()).await,
                Manner::Once => to.call_once(&key, message.clone()).await,
                Manner::Send => to.send(message.clone()).map(|()| 0),
            };
            let now = clock.monotonic();
            let is_done = said.is_ok();
            if let Some(asked) = journal.lock().get_mut(&op) {
                let told = |error: Error| (error.state(), error.message().to_owned());
                asked.said = Some((said.map_err(told), now));
            }
            if manner != Manner::Once || !asks_again {
                return;
            }
            for _ in 0..(1 + u32::from(!is_done) * 2) {
                let again = to.call_once(&key, message.clone()).await;
                if let (Some(asked), Ok(nth)) = (journal.lock().get_mut(&op), again) {
                    asked.again.push(nth);
                }
            }
        });
    }
}
