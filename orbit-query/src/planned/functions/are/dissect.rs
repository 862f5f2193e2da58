//! Where the groups of a match are: each part as long (or short) as it wants to be, the
//! parts to the left before those to the right.

use super::Found;
use super::automaton::{Automaton, Way};
use super::parse::{Parsed, SHORT};
use super::tree::{self, Kind, Part, Piece};
use ahash::AHashMap;
use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

/// What all automata of a pattern may take.
const MEMORY: usize = 16 << 20;

type Known = AHashMap<(usize, usize, Option<(u32, Option<u32>)>, bool), Rc<Automaton>>;

pub struct Dissector {
    tree: Part,
    text: String,
    insensitive: bool,
    automata: RefCell<Known>,
    memory: Cell<usize>,
}

/// A set of places in a text, from one on.
struct Places {
    first: usize,
    bits: Vec<u64>,
}

impl Places {
    fn new(range: &Range<usize>) -> Places {
        Places {
            first: range.start,
            bits: vec![0; range.len() / 64 + 1],
        }
    }

    fn add(&mut self, place: usize) {
        let at = place.saturating_sub(self.first);
        if let Some(bits) = self.bits.get_mut(at / 64) {
            *bits |= 1 << (at % 64);
        }
    }

    fn has(&self, place: usize) -> bool {
        let at = place.saturating_sub(self.first);
        self.bits
            .get(at / 64)
            .is_some_and(|bits| bits & (1 << (at % 64)) != 0)
    }
}

impl Dissector {
    pub fn new(parsed: &Parsed) -> Dissector {
        Dissector {
            tree: tree::build(&parsed.tree),
            text: parsed.text.clone(),
            insensitive: parsed.insensitive,
            automata: RefCell::default(),
            memory: Cell::new(0),
        }
    }

    /// Finds the groups of a match; `false`: it can't be told.
    pub fn groups(&self, text: &str, whole: Range<usize>, found: &mut Found) -> bool {
        self.part(&self.tree, text, whole, found).is_some()
    }

    fn automaton(&self, piece: &Piece, way: Way) -> Option<Rc<Automaton>> {
        let key = (
            piece.span.start,
            piece.span.end,
            piece.times,
            way == Way::Forward,
        );
        let mut automata = self.automata.borrow_mut();
        if let Some(known) = automata.get(&key) {
            return Some(Rc::clone(known));
        }
        let text = self.text.get(piece.span.clone())?;
        let text = match piece.times {
            None => format!("(?:{text})"),
            Some((least, None)) => format!("(?:{text}){{{least},}}"),
            Some((least, Some(most))) => format!("(?:{text}){{{least},{most}}}"),
        };
        let automaton = Rc::new(Automaton::new(&text, self.insensitive, way)?);
        let memory = self.memory.get() + automaton.memory();
        if memory > MEMORY {
            return None;
        }
        self.memory.set(memory);
        automata.insert(key, Rc::clone(&automaton));
        Some(automaton)
    }

    fn part(&self, part: &Part, text: &str, span: Range<usize>, found: &mut Found) -> Option<()> {
        match &part.kind {
            Kind::Leaf => Some(()),
            Kind::Group(capture, inner) => {
                if let Some(group) = capture.and_then(|capture| found.get_mut(capture)) {
                    *group = Some(span.clone());
                }
                self.part(inner, text, span, found)
            }
            Kind::Pair(left, right) => {
                let middle = self.middle(left, right, text, span.clone())?;
                self.part(left, text, span.start..middle, found)?;
                self.part(right, text, middle..span.end, found)
            }
            Kind::Alternatives(several) => {
                for one in several {
                    if self.fits(&one.piece, text, &span)? {
                        return self.part(one, text, span, found);
                    }
                }
                None
            }
            Kind::Times(_, _) if span.is_empty() => Some(()),
            Kind::Times(inner, most) => {
                let last = self.last_time(inner, *most, text, span)?;
                self.part(inner, text, last, found)
            }
        }
    }

    fn fits(&self, piece: &Piece, text: &str, span: &Range<usize>) -> Option<bool> {
        let mut fits = false;
        self.automaton(piece, Way::Forward)?
            .ends(text, span.clone(), |at| {
                fits = at == span.end;
                match fits {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
            .then_some(fits)
    }

    /// Where the left part ends and the right one begins.
    fn middle(&self, left: &Part, right: &Part, text: &str, span: Range<usize>) -> Option<usize> {
        let lefts = self.automaton(&left.piece, Way::Forward)?;
        let rights = self.automaton(&right.piece, Way::Backward)?;
        let mut places = Places::new(&span);
        let mut middle = None;
        let add = |place, places: &mut Places| {
            places.add(place);
            ControlFlow::Continue(())
        };
        let mut look = |place, places: &Places| {
            if places.has(place) {
                middle = Some(place);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let told = if left.flags & SHORT != 0 {
            rights.starts(text, span.clone(), |place| add(place, &mut places))
                && lefts.ends(text, span, |place| look(place, &places))
        } else {
            lefts.ends(text, span.clone(), |place| add(place, &mut places))
                && rights.starts(text, span, |place| look(place, &places))
        };
        told.then_some(middle)?
    }

    /// The span of the last time of something that is repeated.
    fn last_time(
        &self,
        inner: &Part,
        most: Option<u32>,
        text: &str,
        span: Range<usize>,
    ) -> Option<Range<usize>> {
        if most == Some(1) {
            return Some(span);
        }
        let rest = Piece {
            span: inner.piece.span.clone(),
            times: Some((0, None)),
        };
        let mut places = Places::new(&span);
        let told = self
            .automaton(&rest, Way::Backward)?
            .starts(text, span.clone(), |place| {
                places.add(place);
                ControlFlow::Continue(())
            });
        if !told {
            return None;
        }
        let forward = self.automaton(&inner.piece, Way::Forward)?;
        let shortest = inner.flags & SHORT != 0;
        // Each time may look far ahead only to be short: not without end.
        let mut steps = span.len().saturating_mul(16).saturating_add(1 << 16);
        let mut start = span.start;
        let mut times = 0u32;
        loop {
            times += 1;
            if most.is_some_and(|most| times > most) {
                return None;
            }
            let mut end = None;
            let told = forward.ends(text, start..span.end, |place| {
                if place > start && places.has(place) {
                    end = Some(place);
                    if shortest {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            let end = end.filter(|_| told)?;
            if end == span.end {
                return Some(start..end);
            }
            steps = steps.checked_sub(forward.looked())?;
            start = end;
        }
    }
}
