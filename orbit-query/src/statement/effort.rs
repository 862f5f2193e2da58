//! What reading one statement may cost. The parser tries one reading after another where
//! several are possible, and inside each again: an odd statement of a few hundred bytes
//! could keep it busy for minutes, in which nobody could cancel it. So the expressions it
//! begins to read are counted.

use std::cell::Cell;

/// Any statement may begin so many.
const ALL: u64 = 100_000;
/// And so many more for each of its words and signs; a plain one begins one or two.
const EACH: u64 = 20;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// A text of so many words and signs is about to be read on this thread.
pub fn begin(tokens: usize) {
    LEFT.set(ALL.saturating_add(EACH.saturating_mul(tokens as u64)));
}

/// An expression is begun; `false`: it is one too many.
pub fn spend() -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    left > 0
}
