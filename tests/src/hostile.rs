//! What hostile clients send, and what each of it must be answered with.
//!
//! *   [`statements`]: SQL too long, too deep, too hungry, or of nonsense
//! *   [`messages`]: protocol messages cut, stretched, out of order
//! *   [`raw`]: a client that sends any bytes and keeps only what matters of the answers

pub mod messages;
pub mod raw;
pub mod statements;
