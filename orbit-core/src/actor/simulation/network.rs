//! Connections that delay, end without a word, or swallow what they carry.

use crate::actor::links::{Frame, LinkId, Wire};
use crate::error::Error;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// One way of a connection.
#[derive(Default)]
pub struct Way {
    frames: VecDeque<Frame>,
    pub is_closed: bool,
}

pub type SharedWay = Arc<Mutex<Way>>;

/// What a node holds of it.
pub struct SimWire(pub SharedWay);

impl Wire for SimWire {
    fn send(&mut self, frame: Frame) -> bool {
        let mut way = self.0.lock();
        way.frames.push_back(frame);
        !way.is_closed
    }

    fn is_full(&self) -> bool {
        self.0.lock().frames.len() > 64
    }

    fn close(&mut self, _: &Error) {
        self.0.lock().is_closed = true;
    }
}

/// One of the two nodes that a connection connects.
#[derive(Clone)]
pub struct End {
    pub node: usize,
    /// Which of its lives: a node that came back knows nothing of it.
    pub life: u32,
    pub link: LinkId,
    /// What comes to this node.
    pub inward: SharedWay,
    /// Frames don't get through before.
    pub next_due: Duration,
    /// The node was told of the connection's end.
    pub is_told: bool,
}

pub struct Connection {
    pub ends: [End; 2],
    /// Nothing gets through any more; the ends are told some time, or never.
    pub is_cut: bool,
}

impl Connection {
    pub fn take(&mut self, end: usize) -> Option<Frame> {
        self.ends[end].inward.lock().frames.pop_front()
    }

    pub fn waits(&self, end: usize) -> bool {
        !self.is_cut && !self.ends[end].inward.lock().frames.is_empty()
    }

    /// One of the two has closed it.
    pub fn is_closed(&self) -> bool {
        self.ends.iter().any(|end| end.inward.lock().is_closed)
    }

    pub fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.is_told)
    }
}
