//! What concurrent clients did and saw, and whether a level of isolation allows it.
//!
//! *   the vocabulary: a [`History`] of [`Transaction`]s, each a list of [`Act`]s
//! *   [`check`]: the judgement, pure; every anomaly has a history made by hand
//!     that it must find (`check/tests.rs`)
//! *   [`load`]: random clients that make histories against a server
//!
//! Objects come in three kinds, each of which tells the order of its versions:
//! a *list* that transactions append to, a *register* that counts its versions, and a
//! *set* that only grows and is read by predicate. A value is written at most once in
//! a history, so what is seen says who wrote it.

pub mod check;
pub mod load;

/// Nanoseconds since the history began.
pub type Moment = u64;

/// Never answered.
pub const NEVER: Moment = Moment::MAX;

/// From the question to the answer; what was asked happened somewhere between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Moment,
    pub to: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Every statement reads a snapshot of its own.
    ReadCommitted,
    /// One snapshot for all; of two that write one row, the first wins.
    RepeatableRead,
    /// As if one transaction ran after another.
    Serializable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    /// Rolled back, or never asked to commit.
    Aborted,
    /// Asked to commit and not answered: what others see of it decides.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    List,
    Register,
    Set,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    pub id: u32,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Of a list: its elements; of a set: its members, sorted.
    Values(Vec<u64>),
    /// Of a register: its latest value and how often it was written.
    Version { number: u64, value: u64 },
}

#[derive(Clone, Debug)]
pub enum Act {
    /// One statement that read.
    Read {
        span: Span,
        /// It locked what it read against writers until the transaction's end.
        locked: bool,
        saw: Vec<(Key, Seen)>,
    },
    Write {
        span: Span,
        key: Key,
        value: u64,
        /// Of a register: which version this became.
        number: u64,
        /// Not taken back by ROLLBACK TO SAVEPOINT.
        kept: bool,
    },
}

#[derive(Clone, Debug)]
pub struct Transaction {
    pub level: Level,
    pub acts: Vec<Act>,
    pub outcome: Outcome,
    /// Of the COMMIT, or of the statement that was its own transaction.
    pub commit: Span,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub transactions: Vec<Transaction>,
}

impl History {
    /// Reads and writes in all.
    pub fn operations(&self) -> usize {
        let acts = self
            .transactions
            .iter()
            .flat_map(|transaction| &transaction.acts);
        acts.map(|act| match act {
            Act::Read { saw, .. } => saw.len().max(1),
            Act::Write { .. } => 1,
        })
        .sum()
    }

    /// The same history with the promise of another level for those of `from`.
    pub fn promised(&self, from: Level, to: Level) -> History {
        let mut history = self.clone();
        for transaction in &mut history.transactions {
            if transaction.level == from {
                transaction.level = to;
            }
        }
        history
    }
}
