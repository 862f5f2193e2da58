//! Bugs that are planted on purpose, for the simulation to find: one that finds none of
//! them proves nothing. They are in no program that isn't built to test.

/// A promise broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An answer leaves before the commit of its turn.
    AcknowledgeBeforeCommit,
    /// A reminder's turn doesn't take the reminder away.
    RerunReminder,
    /// An actor that makes room for others forgets what it has not committed.
    DropOnPassivation,
    /// A message under a key is handled each time it comes.
    IgnoreKey,
    /// Who waits for an answer waits on past the deadline.
    SkipDeadline,
    /// A call without a key is carried again when its link was lost.
    ResendWithoutKey,
}

#[cfg(any(test, feature = "planted"))]
mod plant {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug for what runs on this thread, or takes it out again.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    pub(in super::super) fn is_planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(any(test, feature = "planted"))]
pub(super) use plant::is_planted;
#[cfg(any(test, feature = "planted"))]
pub use plant::plant;

#[cfg(not(any(test, feature = "planted")))]
pub(super) const fn is_planted(_: Bug) -> bool {
    false
}
