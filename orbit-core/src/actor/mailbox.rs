//! What waits for one actor: first come, first served, within bounds. Pure.

use super::job::Waiting;
use std::collections::VecDeque;

/// How much may wait for one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub messages: usize,
    pub bytes: usize,
}

#[derive(Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Box<dyn Waiting>>,
    bytes: usize,
    /// Of those waiting, the ones whose answers other actors wait for in their turns.
    calls: usize,
}

/// A message given back for want of room.
pub(super) struct Full(pub Box<dyn Waiting>);

/// Past this an empty queue gives its memory back.
const KEPT: usize = 16;

impl Mailbox {
    pub fn put(&mut self, message: Box<dyn Waiting>, room: Room) -> Result<(), Full> {
        let bytes = self.bytes.saturating_add(message.bytes());
        // One that alone is larger than the room would else never get in.
        let too_large = bytes > room.bytes && !self.waiting.is_empty();
        if self.waiting.len() >= room.messages || too_large {
            return Err(Full(message));
        }
        self.bytes = bytes;
        self.calls += usize::from(message.is_from_a_turn());
        self.waiting.push_back(message);
        Ok(())
    }

    /// The next that `take` gives.
    pub fn first(&self) -> Option<&dyn Waiting> {
        self.waiting.front().map(AsRef::as_ref)
    }

    pub fn take(&mut self) -> Option<Box<dyn Waiting>> {
        let Some(message) = self.waiting.pop_front() else {
            if self.waiting.capacity() > KEPT {
                self.waiting = VecDeque::new();
            }
            return None;
        };
        self.bytes = self.bytes.saturating_sub(message.bytes());
        self.calls -= usize::from(message.is_from_a_turn());
        Some(message)
    }

    pub fn take_all(&mut self) -> Vec<Box<dyn Waiting>> {
        (self.bytes, self.calls) = (0, 0);
        std::mem::take(&mut self.waiting).into()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn calls(&self) -> usize {
        self.calls
    }
}
