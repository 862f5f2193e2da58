//! Orbit seen from outside: the shipped binary as a process, PostgreSQL beside
//! it as the reference, and the clients people use.
//!
//! * [`server`]: an `orbit serve` of our own, to be asked, killed and restarted
//! * [`postgres`]: a private PostgreSQL 15 cluster
//! * [`bank`]: a load whose truth can be checked after any accident
//! * [`ledger`]: a load of which every state there ever was is known
//! * [`delay`]: a way to a server that is slow, and can be cut
//! * [`disk`]: a file system whose power can be cut
//! * [`memory_group`]: a limit of memory whose crossing is death
//! * [`answers`]: the rows or the error of a statement
//! * [`differential`]: the same statements put to both, and what differs
//! * [`wire`]: a client that keeps everything a server says
//! * [`history`]: what concurrent clients did and saw, and whether a level allows it
//! * [`hostile`]: what hostile clients send, and what it must be answered with
//! * [`flights`]: the nycflights13 tables, in both
//!
//! The tests themselves are in `behaviour/`, one subject a file.

pub mod answers;
pub mod bank;
pub mod delay;
pub mod differential;
pub mod disk;
pub mod flights;
pub mod history;
pub mod hostile;
pub mod ledger;
pub mod memory_group;
pub mod postgres;
pub mod server;
pub mod wire;

/// Says that a check did not run here, and why. Never counted as passed.
pub fn skip(check: &str, reason: &str) {
    // The prefix is what the test runner's summary counts.
    println!("skipped: {check}: {reason}");
    eprintln!("skipped: {check}: {reason}");
}

/// Where this checkout is. Asked when a test runs: checkouts that share a target
/// directory share compiled tests. A program run by hand is run from there.
pub fn project() -> std::path::PathBuf {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(tests) => std::path::PathBuf::from(tests).join(".."),
        None => std::path::PathBuf::from("."),
    }
}

/// How much longer `make soak` runs what `make test` runs.
pub fn soak() -> bool {
    std::env::var_os("ORBIT_SOAK").is_some()
}

/// The seed of a random run: given, or fresh and printed so that it can be given.
pub fn seed(name: &str) -> u64 {
    let seed = std::env::var("ORBIT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            now.as_nanos() as u64
        });
    eprintln!("{name}: ORBIT_SEED={seed}");
    seed
}

/// Small, fast and repeatable (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}
