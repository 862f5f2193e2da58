//! What those are told whose message or call an actor doesn't take, or doesn't finish.

use crate::error::{Error, state};
use std::any::Any;
use std::time::Duration;

pub(super) fn unknown(kind: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("actor kind \"{kind}\" is not known on this node"),
    )
    .with_hint("Register the kind before you address its actors.")
}

pub(super) fn closed() -> Error {
    Error::new(state::CANNOT_CONNECT_NOW, "the node is shutting down")
}

pub(super) fn full(kind: &str, id: &str, messages: usize, bytes: usize) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        format!("the mailbox of actor {kind}/{id} is full"),
    )
    .with_detail(format!("{messages} messages of {bytes} bytes wait in it."))
    .with_hint("Send more slowly, or wait for answers.")
}

pub(super) fn flooded(bytes: usize) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        "too much waits for the actors of this node",
    )
    .with_detail(format!(
        "Messages of {bytes} bytes wait in their mailboxes."
    ))
    .with_hint("Send more slowly, or wait for answers.")
}

pub(super) fn broken(kind: &str, id: &str, rests: Duration) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("actor {kind}/{id} failed too often"),
    )
    .with_detail(format!(
        "It takes messages again in {} seconds.",
        rests.as_secs_f64().ceil()
    ))
    .with_hint("See last_error in orbit.actors.")
}

pub(super) fn panicked(kind: &str, id: &str, panic: &(dyn Any + Send)) -> Error {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("actor {kind}/{id} failed"))
        .with_detail(format!("It panicked: {}", said.unwrap_or("no message")))
}

pub(super) fn cycle(kind: &str, id: &str, to_kind: &str, to_id: &str) -> Error {
    Error::new(
        state::DEADLOCK_DETECTED,
        format!("actor {kind}/{id} calls {to_kind}/{to_id}, which waits for it"),
    )
    .with_hint("Send a message instead of a call.")
}

/// `begun`: whether anything may have been done.
pub(super) fn overdue(kind: &str, id: &str, begun: bool) -> Error {
    let (state, detail) = match begun {
        true => (
            state::STATEMENT_COMPLETION_UNKNOWN,
            "Whether its work was done is not known.",
        ),
        false => (state::QUERY_CANCELED, "Its work was not begun."),
    };
    Error::new(
        state,
        format!("actor {kind}/{id} did not answer before the deadline"),
    )
    .with_detail(detail)
}
