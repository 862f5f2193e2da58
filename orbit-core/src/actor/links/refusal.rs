//! What those are told whose call or message another node didn't take.

use crate::error::{Error, state};

pub fn lost_under_way(node: &str) -> Error {
    Error::new(
        state::STATEMENT_COMPLETION_UNKNOWN,
        format!("the link to node \"{node}\" was lost before the answer came"),
    )
    .with_detail("Whether the work was done is not known.")
    .with_hint("Ask under a key (call_once), and it is done once however often it is asked.")
}

pub fn unreached(node: &str) -> Error {
    Error::new(
        state::CONNECTION_FAILURE,
        format!("node \"{node}\" is not reached from here"),
    )
    .with_detail("Nothing was done.")
    .with_hint("Look whether the node runs and has its link, and at its name (node.id).")
}

pub fn stuffed(node: &str) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        format!("too much waits to be sent to node \"{node}\""),
    )
    .with_hint("Send more slowly, or wait for answers.")
}

pub fn too_many_calls(node: &str) -> Error {
    Error::new(
        state::INSUFFICIENT_RESOURCES,
        format!("too many calls to node \"{node}\" wait for their answers"),
    )
    .with_hint("Ask again when some of them have come.")
}

pub fn confused(what: &str) -> Error {
    Error::new(
        state::PROTOCOL_VIOLATION,
        format!("the node at the other end of a link sent {what}"),
    )
}
