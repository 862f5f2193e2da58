//! The judgement on a history, without I/O.
//!
//! First the versions of every object are put in order (`versions`), which already
//! shows what no level allows: reads of what was rolled back or wasn't finished, lost
//! writes, histories of one object that contradict each other. Then time is asked
//! (`graph`): each transaction is the moments it reads at and the moment it commits
//! at, and every dependency says that one moment lies before another. A cycle means
//! that no such moments exist, and its edges name the anomaly.
//!
//! | edge | says |
//! |---|---|
//! | `wr`: B read what A wrote | A's commit lies before B's reading |
//! | `rw`: B wrote what A's reading didn't see | A's reading lies before B's commit |
//! | `ww`: B wrote over A's version | A's commit lies before B's, and before B's snapshot if it has one |
//! | real time: A was answered before B was asked | A lies before B |
//!
//! Where readings and commits are moments of one transaction each (snapshot
//! isolation), such a cycle is exactly one without two `rw` edges in a row: what is
//! left is write skew, which only serializable transactions, whose moments are one,
//! exclude.

mod graph;
mod versions;

use super::{Act, History, Key, Level, Outcome, Span};
use graph::{Edge, Graph};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// A value nobody wrote, or not there.
    Garbage,
    /// G1a.
    AbortedRead,
    /// G1b.
    IntermediateRead,
    /// A transaction doesn't see what it wrote itself.
    OwnWriteUnseen,
    /// A committed write is in no later version.
    LostWrite,
    /// Two reads of one object that can't both have been true.
    Contradiction,
    /// G0.
    DirtyWrite,
    /// G1c.
    CircularInformation,
    LostUpdate,
    NonRepeatableRead,
    ReadSkew,
    WriteSkew,
    /// Only with the clock on the wall: something answered was not seen later.
    StaleRead,
}

#[derive(Clone, Debug)]
pub struct Violation {
    pub anomaly: Anomaly,
    /// The transactions involved, by their place in the history.
    pub transactions: Vec<usize>,
    pub story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.anomaly, self.story)
    }
}

/// All violations of the versions, or else the shortest cycle of each knot found.
pub fn check(history: &History) -> Vec<Violation> {
    let (orders, mut violations) = versions::infer(history);
    if violations.is_empty() {
        violations = moments(history, &orders).violations(history);
    }
    violations
}

/// The moments of a history and what is known of their order.
fn moments(history: &History, orders: &versions::Orders) -> Graph {
    let mut graph = Graph::default();
    let mut commits = Vec::new();
    let mut readings = Vec::new();
    for (at, transaction) in history.transactions.iter().enumerate() {
        let committed = orders.committed(at);
        let commit = committed.then(|| graph.moment(at, transaction.commit));
        let mut own = Vec::new();
        let mut last = None;
        for act in &transaction.acts {
            let span = match act {
                Act::Read { span, .. } | Act::Write { span, .. } => *span,
            };
            let reading = match (transaction.level, last, commit) {
                (Level::ReadCommitted, before, _) => {
                    let reading = graph.moment(at, span);
                    if let Some(before) = before {
                        graph.add(before, reading, Edge::Program);
                    }
                    reading
                }
                (_, Some(snapshot), _) => snapshot,
                (Level::Serializable, None, Some(commit)) => commit,
                (_, None, _) => graph.moment(at, span),
            };
            last = Some(reading);
            own.push(reading);
        }
        if let (Some(last), Some(commit)) = (last, commit)
            && last != commit
        {
            graph.add(last, commit, Edge::Program);
        }
        commits.push(commit);
        readings.push(own);
    }
    for (&key, order) in &orders.by_key {
        for (&earlier, &later) in order.iter().zip(order.iter().skip(1)) {
            if earlier.transaction == later.transaction {
                continue;
            }
            // Under a snapshot the first writer wins: the second must have seen it.
            let to = match history.transactions[later.transaction].level {
                Level::ReadCommitted => commits[later.transaction],
                _ => readings[later.transaction].first().copied(),
            };
            if let (Some(from), Some(to)) = (commits[earlier.transaction], to) {
                graph.add(from, to, Edge::Ww(key));
            }
        }
    }
    for (at, transaction) in history.transactions.iter().enumerate() {
        for (act, &reading) in transaction.acts.iter().zip(&readings[at]) {
            let Act::Read { locked, saw, .. } = act else {
                continue;
            };
            for (key, seen) in saw {
                let around = orders.around(at, *key, seen);
                for writer in around.before {
                    // A locking statement reads each row as it is then, not as its snapshot was.
                    let to = match (transaction.level, locked) {
                        (Level::ReadCommitted, true) => commits[at],
                        _ => Some(reading),
                    };
                    if let (Some(from), Some(to)) = (commits[writer], to) {
                        graph.add(from, to, Edge::Wr(*key));
                    }
                }
                for writer in around.after {
                    let from = if *locked { commits[at] } else { Some(reading) };
                    if let (Some(from), Some(to)) = (from, commits[writer]) {
                        graph.add(from, to, Edge::Rw(*key));
                    }
                }
            }
        }
    }
    graph
}

/// A transaction in a story: what it is and how it ended.
fn describe(history: &History, at: usize) -> String {
    let transaction = &history.transactions[at];
    let mut text = format!(
        "    T{at} {:?} {:?}:",
        transaction.level, transaction.outcome
    );
    for act in &transaction.acts {
        match act {
            Act::Read { locked, saw, span } => {
                let lock = if *locked { " locked" } else { "" };
                text.push_str(&format!("\n        read{lock} {saw:?} {}", times(*span)));
            }
            Act::Write {
                key,
                value,
                number,
                kept,
                span,
            } => {
                let kept = if *kept { "" } else { " (taken back)" };
                text.push_str(&format!(
                    "\n        wrote {key:?} {value} #{number}{kept} {}",
                    times(*span)
                ));
            }
        }
    }
    text.push_str(&format!("\n        ended {}", times(transaction.commit)));
    text
}

fn times(span: Span) -> String {
    match span.to {
        super::NEVER => format!("[{}..]", span.from / 1000),
        to => format!("[{}..{}]", span.from / 1000, to / 1000),
    }
}

fn violation(
    history: &History,
    anomaly: Anomaly,
    transactions: Vec<usize>,
    story: String,
) -> Violation {
    let mut story = story;
    for &at in &transactions {
        story.push('\n');
        story.push_str(&describe(history, at));
    }
    Violation {
        anomaly,
        transactions,
        story,
    }
}

fn may_be_committed(outcome: Outcome) -> bool {
    outcome != Outcome::Aborted
}

#[cfg(test)]
mod tests;

type ByKey<T> = std::collections::BTreeMap<Key, T>;
