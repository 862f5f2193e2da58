//! Text to statements.

#[derive(Debug)]
pub(crate) enum Parsed {}
