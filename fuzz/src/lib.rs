//! What is fuzzed: functions that take any bytes and may refuse them, but neither
//! panic nor read them in two ways.

#![allow(clippy::panic, clippy::unwrap_used)]

mod core;
mod sql;
mod wire;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Words worth putting in.
    pub words: &'static [&'static str],
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "wire",
        run: wire::run,
        words: wire::WORDS,
    },
    Target {
        name: "row",
        run: core::row,
        words: &[],
    },
    Target {
        name: "key",
        run: core::key,
        words: &[],
    },
    Target {
        name: "value",
        run: core::value,
        words: core::WORDS,
    },
    Target {
        name: "log",
        run: core::log,
        words: &[],
    },
    Target {
        name: "sql",
        run: sql::run,
        words: sql::WORDS,
    },
];
