//! Moments, what lies before what, and the cycles in it.

use super::{Anomaly, Violation, violation};
use crate::history::{History, Key, NEVER, Span};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Two moments of one transaction.
    Program,
    Ww(Key),
    Wr(Key),
    Rw(Key),
    /// Through the clock on the wall.
    Time,
}

/// Kinds of edges, each set including the one before: where a cycle first appears
/// says what it is.
const SETS: [fn(Edge) -> bool; 4] = [
    |edge| matches!(edge, Edge::Program | Edge::Ww(_)),
    |edge| matches!(edge, Edge::Program | Edge::Ww(_) | Edge::Wr(_)),
    |edge| edge != Edge::Time,
    |_| true,
];

#[derive(Default)]
pub struct Graph {
    /// Whose moment it is and when it was; `None`: a mark on the clock.
    moments: Vec<(Option<usize>, Span)>,
    edges: Vec<Vec<(usize, Edge)>>,
}

impl Graph {
    pub fn moment(&mut self, transaction: usize, span: Span) -> usize {
        self.push(Some(transaction), span)
    }

    fn push(&mut self, transaction: Option<usize>, span: Span) -> usize {
        self.moments.push((transaction, span));
        self.edges.push(Vec::new());
        self.moments.len() - 1
    }

    pub fn add(&mut self, from: usize, to: usize, edge: Edge) {
        if from != to {
            self.edges[from].push((to, edge));
        }
    }

    /// A chain of marks, one for each answer: who was answered lies before the mark,
    /// who was asked after it lies behind.
    fn add_time(&mut self) {
        let mut answers: Vec<(u64, usize)> = Vec::new();
        let mut questions: Vec<(u64, usize)> = Vec::new();
        for (at, (_, span)) in self.moments.iter().enumerate() {
            questions.push((span.from, at));
            if span.to != NEVER {
                answers.push((span.to, at));
            }
        }
        answers.sort_unstable();
        questions.sort_unstable();
        let mut questions = questions.into_iter().peekable();
        let mut mark = None;
        for (answered, from) in answers {
            while let Some((_, to)) = questions.next_if(|(asked, _)| *asked <= answered) {
                if let Some(mark) = mark {
                    self.add(mark, to, Edge::Time);
                }
            }
            let span = Span {
                from: answered,
                to: answered,
            };
            let next = self.push(None, span);
            self.add(from, next, Edge::Time);
            if let Some(mark) = mark {
                self.add(mark, next, Edge::Time);
            }
            mark = Some(next);
        }
        for (_, to) in questions {
            if let Some(mark) = mark {
                self.add(mark, to, Edge::Time);
            }
        }
    }

    pub fn violations(mut self, history: &History) -> Vec<Violation> {
        self.add_time();
        for allowed in SETS {
            let knots = self.knots(allowed);
            if knots.is_empty() {
                continue;
            }
            return knots
                .iter()
                .take(5)
                .map(|knot| {
                    let cycle = self.shortest(knot, allowed);
                    self.tell(history, &cycle)
                })
                .collect();
        }
        Vec::new()
    }

    fn tell(&self, history: &History, cycle: &[(usize, Edge, usize)]) -> Violation {
        let mut transactions: Vec<usize> = Vec::new();
        let mut story = String::from("a cycle:");
        for (from, edge, to) in cycle {
            let name = |at: &usize| match self.moments[*at].0 {
                Some(transaction) => format!("T{transaction}"),
                None => "clock".to_owned(),
            };
            if *edge != Edge::Program {
                story.push_str(&format!(" {} -{edge:?}-> {};", name(from), name(to)));
            }
            let whose = self.moments[*from].0;
            transactions.extend(whose.filter(|at| !transactions.contains(at)));
        }
        violation(history, name(cycle), transactions, story)
    }

    /// Sets of moments that all lie before each other (Tarjan, without recursion).
    fn knots(&self, allowed: fn(Edge) -> bool) -> Vec<Vec<usize>> {
        const UNSEEN: usize = usize::MAX;
        let count = self.moments.len();
        let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
        let mut on_stack = vec![false; count];
        let (mut stack, mut knots) = (Vec::new(), Vec::new());
        let mut next = 0;
        for root in 0..count {
            if index[root] != UNSEEN {
                continue;
            }
            let mut path = vec![(root, 0)];
            while let Some(&mut (at, ref mut edge)) = path.last_mut() {
                if *edge == 0 {
                    index[at] = next;
                    low[at] = next;
                    next += 1;
                    stack.push(at);
                    on_stack[at] = true;
                }
                let Some(&(to, kind)) = self.edges[at].get(*edge) else {
                    path.pop();
                    if let Some(&(parent, _)) = path.last() {
                        low[parent] = low[parent].min(low[at]);
                    }
                    if low[at] == index[at] {
                        let from = stack.iter().rposition(|&other| other == at).unwrap_or(0);
                        let knot = stack.split_off(from);
                        for &member in &knot {
                            on_stack[member] = false;
                        }
                        if knot.len() > 1 {
                            knots.push(knot);
                        }
                    }
                    continue;
                };
                *edge += 1;
                if !allowed(kind) {
                    // The first visit is told by the edge's number.
                    continue;
                }
                if index[to] == UNSEEN {
                    path.push((to, 0));
                } else if on_stack[to] {
                    low[at] = low[at].min(index[to]);
                }
            }
        }
        knots
    }

    /// The shortest cycle through one of a knot's first moments.
    fn shortest(&self, knot: &[usize], allowed: fn(Edge) -> bool) -> Vec<(usize, Edge, usize)> {
        let inside: std::collections::HashSet<usize> = knot.iter().copied().collect();
        let mut best: Option<Vec<(usize, Edge, usize)>> = None;
        for &start in knot.iter().take(200) {
            let mut came: std::collections::HashMap<usize, (usize, Edge)> = Default::default();
            let mut queue = VecDeque::from([start]);
            'search: while let Some(at) = queue.pop_front() {
                for &(to, edge) in &self.edges[at] {
                    if !allowed(edge) || !inside.contains(&to) || came.contains_key(&to) {
                        continue;
                    }
                    came.insert(to, (at, edge));
                    if to == start {
                        break 'search;
                    }
                    queue.push_back(to);
                }
            }
            let mut cycle = Vec::new();
            let mut at = start;
            while let Some(&(from, edge)) = came.get(&at) {
                cycle.push((from, edge, at));
                at = from;
                if at == start {
                    break;
                }
            }
            cycle.reverse();
            let shorter = best.as_ref().is_none_or(|best| cycle.len() < best.len());
            if !cycle.is_empty() && shorter {
                best = Some(cycle);
            }
        }
        best.unwrap_or_default()
    }
}

/// What a cycle is called.
fn name(cycle: &[(usize, Edge, usize)]) -> Anomaly {
    let edges: Vec<Edge> = cycle.iter().map(|(_, edge, _)| *edge).collect();
    let has = |kind: fn(&Edge) -> bool| edges.iter().any(kind);
    let reads_past = edges
        .iter()
        .filter(|edge| matches!(edge, Edge::Rw(_)))
        .count();
    let mut keys: Vec<Key> = edges
        .iter()
        .filter_map(|edge| match edge {
            Edge::Ww(key) | Edge::Wr(key) | Edge::Rw(key) => Some(*key),
            Edge::Program | Edge::Time => None,
        })
        .collect();
    keys.dedup();
    let one = keys.iter().all(|key| Some(key) == keys.first());
    if has(|edge| *edge == Edge::Time) {
        Anomaly::StaleRead
    } else if reads_past == 0 {
        match has(|edge| matches!(edge, Edge::Wr(_))) {
            true => Anomaly::CircularInformation,
            false => Anomaly::DirtyWrite,
        }
    } else if one && has(|edge| matches!(edge, Edge::Ww(_))) {
        Anomaly::LostUpdate
    } else if one && reads_past == 1 {
        Anomaly::NonRepeatableRead
    } else if two_in_a_row(&edges) {
        Anomaly::WriteSkew
    } else {
        Anomaly::ReadSkew
    }
}

fn two_in_a_row(edges: &[Edge]) -> bool {
    let edges: Vec<&Edge> = edges
        .iter()
        .filter(|edge| **edge != Edge::Program)
        .collect();
    let next = edges.iter().cycle().skip(1);
    edges
        .iter()
        .zip(next)
        .any(|(a, b)| matches!((a, b), (Edge::Rw(_), Edge::Rw(_))))
}
