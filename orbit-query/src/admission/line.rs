//! Who runs and who is next: a decision, without clocks or tasks.

use std::collections::VecDeque;
use std::fmt;

#[derive(Debug)]
pub struct Line {
    places: usize,
    most_waiting: usize,
    running: usize,
    /// Those who have begun and paused. As many as sessions read slowly, at most.
    paused: VecDeque<u64>,
    waiting: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    In,
    Wait,
    Full,
}

/// From 1: the next to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    at: usize,
    of: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {} of {}", self.at, self.of)
    }
}

impl Line {
    pub fn new(places: usize, most_waiting: usize) -> Line {
        Line {
            places: places.max(1),
            most_waiting,
            running: 0,
            paused: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    pub fn running(&self) -> usize {
        self.running
    }

    pub fn waiting(&self) -> usize {
        self.paused.len() + self.waiting.len()
    }

    /// One comes. It holds a place if the answer is [`Answer::In`].
    pub fn ask(&mut self, ticket: u64, resumes: bool) -> Answer {
        if self.running < self.places {
            self.running += 1;
            return Answer::In;
        }
        if resumes {
            self.paused.push_back(ticket);
        } else if self.waiting.len() < self.most_waiting {
            self.waiting.push_back(ticket);
        } else {
            return Answer::Full;
        }
        Answer::Wait
    }

    /// One gives its place back. Who is told has it now: what was begun is ended first,
    /// as it holds memory.
    pub fn leave(&mut self) -> Option<u64> {
        let next = self.paused.pop_front().or_else(|| self.waiting.pop_front());
        if next.is_none() {
            self.running = self.running.saturating_sub(1);
        }
        next
    }

    /// One waits no longer. `false`: it had been given a place.
    pub fn give_up(&mut self, ticket: u64) -> bool {
        for line in [&mut self.paused, &mut self.waiting] {
            if let Some(at) = line.iter().position(|one| *one == ticket) {
                line.remove(at);
                return true;
            }
        }
        false
    }

    pub fn position(&self, ticket: u64) -> Option<Position> {
        let mut all = self.paused.iter().chain(&self.waiting);
        let at = all.position(|one| *one == ticket)? + 1;
        Some(Position {
            at,
            of: self.waiting(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_in_the_order_of_coming() {
        let mut line = Line::new(2, 2);
        assert_eq!(line.ask(1, false), Answer::In);
        assert_eq!(line.ask(2, false), Answer::In);
        assert_eq!(line.ask(3, false), Answer::Wait);
        assert_eq!(line.ask(4, false), Answer::Wait);
        assert_eq!(line.ask(5, false), Answer::Full);
        assert_eq!(line.leave(), Some(3));
        assert_eq!(line.running(), 2, "the place changed hands");
        assert_eq!(line.leave(), Some(4));
        assert_eq!(line.leave(), None);
        assert_eq!(line.leave(), None);
        assert_eq!(line.running(), 0);
        assert_eq!(line.ask(6, false), Answer::In);
    }

    #[test]
    fn who_has_begun_goes_first_and_is_never_refused() {
        let mut line = Line::new(1, 1);
        assert_eq!(line.ask(1, false), Answer::In);
        assert_eq!(line.ask(2, false), Answer::Wait);
        assert_eq!(line.ask(3, true), Answer::Wait);
        assert_eq!(line.ask(4, true), Answer::Wait);
        assert_eq!(line.position(2), Some(Position { at: 3, of: 3 }));
        assert_eq!(line.leave(), Some(3));
        assert_eq!(line.leave(), Some(4));
        assert_eq!(line.leave(), Some(2));
    }

    #[test]
    fn who_gives_up_is_not_called() {
        let mut line = Line::new(1, 9);
        assert_eq!(line.ask(1, false), Answer::In);
        assert_eq!(line.ask(2, false), Answer::Wait);
        assert_eq!(line.ask(3, false), Answer::Wait);
        assert!(line.give_up(2));
        assert!(!line.give_up(2));
        assert_eq!(line.leave(), Some(3));
        assert!(!line.give_up(3), "it has a place");
    }

    #[test]
    fn there_is_always_a_place() {
        assert_eq!(Line::new(0, 0).ask(1, false), Answer::In);
    }
}
