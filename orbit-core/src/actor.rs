//! Actors: the one that every commit passes, and the virtual ones that users write.
//!
//! A *virtual* actor is addressed by its kind and an id, and needs no making: the first
//! message to it begins it, or loads what it was when it was put to rest. It takes one
//! message at a time (a *turn*), and what a turn leaves is one commit.
//!
//! | module | what |
//! |---|---|
//! | [`behaviour`] | what a kind of actors is, as those who write one see it |
//! | `job` | one message that waits, with whoever waits for its answer |
//! | `mailbox` | what waits for one actor, within its bounds |
//! | `slot`, `roster` | an actor's place in memory, and all of them |
//! | [`stored`] | actors whose state is a row |
//! | [`lasting`] | what they leave beside it: reminders, answers given once |
//! | `crashes` | when an actor that fails may begin again |
//! | `places` | how many are awake at once, and who goes to rest for another |
//! | `drain` | the loop that runs an actor's turns |
//! | [`links`], `far`, `carried` | actors of other nodes, and what travels to them |
//! | `changes` | who wants to know what an actor becomes |
//! | `waits` | which actor waits for which |
//! | [`turn`] | what a message's handler may do |
//! | [`planted`], `simulation` | what must never happen, and the cluster in which it would |
//! | `keeper` | the cell that looks after them |
//! | `address` | where an actor is, and what may be asked of it |
//! | [`runtime`] | all of it, for whoever sends |
//! | `refusal` | what those are told who are not served |
//! | [`bounded`], [`data`] | the way of a commit |

mod address;
pub mod behaviour;
pub mod bounded;
mod carried;
mod changes;
mod crashes;
pub mod data;
mod drain;
mod far;
mod job;
mod keeper;
pub mod lasting;
pub mod links;
mod mailbox;
mod places;
pub mod planted;
mod refusal;
mod roster;
pub mod runtime;
#[cfg(test)]
mod simulation;
mod slot;
pub mod stored;
#[cfg(test)]
mod tests;
pub mod turn;
mod waits;

pub use address::{Address, Ref};
pub use behaviour::{Actor, Handle, Kind, Message, Recorded, Start};
pub use bounded::{Bounded, Credit};
pub use changes::Changes;
pub use lasting::{Reminder, When};
pub use links::Links;
pub use runtime::{Limits, Runtime};
pub use slot::Seen;
pub use turn::Turn;
