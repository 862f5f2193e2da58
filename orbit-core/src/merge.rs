//! How what two sites did to one row comes together, decided without clock, store or network.
//!
//! A key's state is an observed-remove set of *lives* (Bieniusa et al., "An Optimized
//! Conflict-free Replicated Set", 2012): an INSERT begins one, a DELETE ends the one it saw
//! and no other, an UPDATE writes cells of the one it saw. Which of several is shown is
//! decided by their causal length (Yu and Rostad, "A Low-Cost Set CRDT Based on Causal
//! Lengths", 2020) and then by their stamps; the others are kept. Within a life each column
//! merges by its [`ColumnKind`] (Shapiro et al., "A Comprehensive Study of Convergent and
//! Commutative Replicated Data Types", 2011).
//!
//! What is promised of [`Key::apply`]: operations that come in any order that keeps what one
//! writer did in its order, some of them twice, leave every site with the same rows. A writer
//! is a site, an incarnation of it and a lane, that is, what an ordinal stands for.
//!
//! | module | what |
//! |---|---|
//! | [`kind`] | what columns do when two values meet |
//! | [`origins`] | who an ordinal stands for, and the one order of stamps |
//! | [`side`] | what is known of a key beside its row, as bytes |
//! | [`key`] | all that is known of one key, and what an operation does to it |
//! | [`transaction`] | all that a site did in one transaction, merged with what is stored |
//! | [`translate`] | from one node's tables and ordinals to another's |
//! | [`recent`] | which keys merges have touched while transactions were under way |
//! | [`note`] | what was met on the way: both sides of a conflict |

pub mod key;
pub mod kind;
pub mod note;
pub mod origins;
pub mod recent;
pub mod side;
#[cfg(all(test, feature = "sync"))]
mod tests;
#[cfg_attr(not(feature = "sync"), allow(dead_code))]
pub mod transaction;
pub mod translate;

pub use key::{Context, Key};
pub use kind::ColumnKind;
pub use note::{Note, Relation};
pub use origins::{Origin, Origins};
pub use side::{SideKey, SideValue};
pub use transaction::{Incoming, Met};
