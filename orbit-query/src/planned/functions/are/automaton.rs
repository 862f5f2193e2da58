//! Automata that follow all alternatives at once: where a match from here can end, or one
//! that ends here can begin.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::cell::{Cell, OnceCell, RefCell};
use std::ops::{ControlFlow, Range};

const NFA_BYTES: usize = 4 << 20;
const CACHE_BYTES: usize = 256 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Forward,
    Backward,
}

pub struct Automaton {
    dfa: DFA,
    cache: RefCell<Cache>,
    slow: OnceCell<Option<PikeVM>>,
    /// How many bytes it looked at last.
    looked: Cell<usize>,
}

/// Places and states from which no match of one text goes further: what looks for many
/// matches need not look to the end of the text for each.
#[derive(Default)]
pub struct Memo {
    marks: Vec<(usize, LazyStateID)>,
    clears: usize,
}

const NEAREST_MARK: usize = 64;
const MOST_MARKS: usize = 256;

/// The text, or a letter's place in it, was none the automaton can handle.
struct Lost;

impl Automaton {
    /// `None`: the pattern is too large.
    pub fn new(pattern: &str, insensitive: bool, way: Way) -> Option<Automaton> {
        let nfa = NFA::compiler()
            .syntax(syntax::Config::new().case_insensitive(insensitive))
            .configure(
                NFA::config()
                    .which_captures(WhichCaptures::None)
                    .reverse(way == Way::Backward)
                    .nfa_size_limit(Some(NFA_BYTES)),
            )
            .build(pattern)
            .ok()?;
        let dfa = DFA::builder()
            .configure(
                Config::new()
                    .match_kind(MatchKind::All)
                    .unicode_word_boundary(true)
                    .skip_cache_capacity_check(true)
                    .cache_capacity(CACHE_BYTES),
            )
            .build_from_nfa(nfa)
            .ok()?;
        let cache = RefCell::new(dfa.create_cache());
        Some(Automaton {
            dfa,
            cache,
            slow: OnceCell::new(),
            looked: Cell::new(0),
        })
    }

    /// About how much memory it may take.
    pub fn memory(&self) -> usize {
        self.dfa.get_nfa().memory_usage() + CACHE_BYTES
    }

    pub fn looked(&self) -> usize {
        self.looked.get()
    }

    /// Where the longest (or shortest) match from `start` ends.
    pub fn end(&self, text: &str, start: usize, shortest: bool, memo: &mut Memo) -> Option<usize> {
        let mut end = None;
        let memo = (!shortest).then_some(memo);
        let told = self.forward(text, start..text.len(), memo, |at| {
            end = Some(at);
            match shortest {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        match told.is_ok() {
            true => end,
            false => self.slow_end(text, start, shortest),
        }
    }

    /// The automaton knows no ends of words beside letters outside ASCII; this machine does.
    fn slow_end(&self, text: &str, start: usize, shortest: bool) -> Option<usize> {
        let slow = self.slow.get_or_init(|| {
            let config = pikevm::Config::new().match_kind(MatchKind::All);
            let nfa = self.dfa.get_nfa().clone();
            PikeVM::builder().configure(config).build_from_nfa(nfa).ok()
        });
        let slow = slow.as_ref()?;
        let input = Input::new(text)
            .span(start..text.len())
            .anchored(Anchored::Yes)
            .earliest(shortest);
        let mut slots = [None; 2];
        slow.search_slots(&mut slow.create_cache(), &input, &mut slots)?;
        slots.get(1).copied().flatten().map(|end| end.get())
    }

    /// Calls with each place in the range where a match from its start can end, in order.
    /// `false`: it can't be told.
    pub fn ends(
        &self,
        text: &str,
        range: Range<usize>,
        each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> bool {
        self.forward(text, range, None, each).is_ok()
    }

    fn forward(
        &self,
        text: &str,
        range: Range<usize>,
        mut memo: Option<&mut Memo>,
        mut each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<(), Lost> {
        let cache = &mut *self.cache.try_borrow_mut().map_err(|_| Lost)?;
        let clears = cache.clear_count();
        if let Some(memo) = &mut memo {
            // States are numbered anew in an emptied cache.
            if memo.clears != clears {
                memo.marks.clear();
                memo.clears = clears;
            }
            memo.marks.retain(|(at, _)| *at >= range.start);
        }
        let mut known = 0;
        let mut stopped = false;
        let mut passed: Vec<(usize, LazyStateID)> = Vec::new();
        let mut next_mark = range.start.saturating_add(NEAREST_MARK);
        let input = Input::new(text)
            .span(range.start..text.len())
            .anchored(Anchored::Yes);
        let start = self.dfa.start_state_forward(cache, &input);
        let mut state = start.map_err(|_| Lost)?;
        let bytes = text.as_bytes();
        // A match shows one byte late.
        for (at, byte) in bytes.iter().enumerate().skip(range.start) {
            if at > range.end {
                return Ok(());
            }
            self.looked.set(at - range.start);
            state = self.dfa.next_state(cache, state, *byte).map_err(|_| Lost)?;
            if state.is_tagged() {
                if state.is_match() {
                    passed.clear();
                    if text.is_char_boundary(at) && each(at).is_break() {
                        return Ok(());
                    }
                } else if state.is_dead() {
                    stopped = true;
                    break;
                } else if state.is_quit() {
                    return Err(Lost);
                }
            }
            let Some(memo) = &memo else {
                continue;
            };
            while memo.marks.get(known).is_some_and(|mark| mark.0 < at) {
                known += 1;
            }
            let same_cache = cache.clear_count() == clears;
            if same_cache && memo.marks.get(known) == Some(&(at, state)) {
                stopped = true;
                break;
            }
            if at >= next_mark {
                passed.push((at, state));
                next_mark = at.saturating_add(at - range.start);
            }
        }
        if range.end == bytes.len() && !stopped {
            state = self.dfa.next_eoi_state(cache, state).map_err(|_| Lost)?;
            if state.is_match() {
                passed.clear();
                let _ = each(range.end);
            }
        }
        if let Some(memo) = memo {
            if cache.clear_count() == clears {
                memo.marks.extend(passed);
                memo.marks.sort_unstable_by_key(|mark| mark.0);
                memo.marks.truncate(MOST_MARKS);
            }
        }
        Ok(())
    }

    /// Calls with each place in the range where a match up to its end can begin, the last first.
    pub fn starts(
        &self,
        text: &str,
        range: Range<usize>,
        each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> bool {
        self.backward(text, range, each).is_ok()
    }

    fn backward(
        &self,
        text: &str,
        range: Range<usize>,
        mut each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<(), Lost> {
        let cache = &mut *self.cache.try_borrow_mut().map_err(|_| Lost)?;
        let input = Input::new(text).span(range.clone()).anchored(Anchored::Yes);
        let start = self.dfa.start_state_reverse(cache, &input);
        let mut state = start.map_err(|_| Lost)?;
        let bytes = text.as_bytes();
        let before = bytes.get(..range.end).unwrap_or_default();
        for (at, byte) in before.iter().enumerate().rev() {
            if at + 1 < range.start {
                return Ok(());
            }
            state = self.dfa.next_state(cache, state, *byte).map_err(|_| Lost)?;
            if state.is_tagged() {
                if state.is_match() {
                    if text.is_char_boundary(at + 1) && each(at + 1).is_break() {
                        return Ok(());
                    }
                } else if state.is_dead() {
                    return Ok(());
                } else if state.is_quit() {
                    return Err(Lost);
                }
            }
        }
        if range.start == 0 {
            state = self.dfa.next_eoi_state(cache, state).map_err(|_| Lost)?;
            if state.is_match() {
                let _ = each(0);
            }
        }
        Ok(())
    }
}
