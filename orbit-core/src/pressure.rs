//! How hard-pressed a device is, and what follows from it. Everything here decides and
//! nothing acts: figures in, a decision out.

pub mod adapt;
pub mod board;
pub mod ladder;
pub mod limit;
pub mod shed;

pub use adapt::{Adaptation, Conditions};
pub use board::{Board, Reading, Readings};
pub use ladder::{Actions, Ladder, Level};
pub use limit::{Limited, Limits};

/// So many percent of some bytes, rounded down.
pub fn share_of(bytes: usize, percent: usize) -> usize {
    let percent = percent.min(100);
    (bytes / 100) * percent + (bytes % 100) * percent / 100
}

/// How much a piece of work matters; of sync's queues, of actors, of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Background,
    Low,
    #[default]
    Normal,
    High,
    Critical,
}

impl Priority {
    pub const ALL: [Priority; 5] = [
        Priority::Background,
        Priority::Low,
        Priority::Normal,
        Priority::High,
        Priority::Critical,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Priority::Background => "background",
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Critical => "critical",
        }
    }

    /// Its weight as configurations and rows have it.
    pub fn weight(self) -> u8 {
        match self {
            Priority::Background => 1,
            Priority::Low => 3,
            Priority::Normal => 5,
            Priority::High => 8,
            Priority::Critical => 10,
        }
    }
}
