//! Conversations with a server over real sockets, message by message.

mod client;
mod conversations;
mod copying;
mod endings;
mod engine;
