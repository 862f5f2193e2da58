//! A ceiling for what the process holds in memory: the last word, where what the pools
//! count is less than what is taken.
//!
//! Pools know the large operators of queries. A function that makes long texts, rows that
//! wait for a window, a statement's own values are taken behind their backs. So whoever
//! is about to take much asks here, and is refused with 53200 while the process holds
//! more than it should: one statement fails, and the node goes on.

use crate::error::{Error, Result, state};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// `u64::MAX`: there is none.
static CEILING: AtomicU64 = AtomicU64::new(u64::MAX);
/// What was held when it was last looked at, and when that was.
static HELD: AtomicU64 = AtomicU64::new(0);
static LOOKED: AtomicU64 = AtomicU64::new(0);

const LOOK_EVERY_MICROS: u64 = 2_000;
/// Whoever wants more than this at once is judged by what is held now.
const LARGE: u64 = 1 << 20;

/// Sets how many bytes of its own the process may hold. The largest that was ever set
/// counts, so that of two nodes in one process neither starves the other.
pub fn set_ceiling(bytes: u64) {
    let before = CEILING.load(Ordering::Relaxed);
    if before == u64::MAX || bytes > before {
        CEILING.store(bytes, Ordering::Relaxed);
    }
}

/// Whether so many more bytes may be taken.
pub fn admit(more: usize) -> Result<()> {
    let ceiling = CEILING.load(Ordering::Relaxed);
    if ceiling == u64::MAX {
        return Ok(());
    }
    let more = more as u64;
    let held = held(more >= LARGE);
    if held.saturating_add(more) <= ceiling {
        return Ok(());
    }
    Err(Error::new(state::OUT_OF_MEMORY, "out of memory")
        .with_detail(format!(
            "The node holds {} MB, {} MB more are wanted, and its ceiling is {} MB.",
            held >> 20,
            more.div_ceil(1 << 20),
            ceiling >> 20
        ))
        .with_hint(
            "Ask for fewer or shorter values at once, or raise edge.resources.memory_limit.",
        ))
}

/// Whether the process holds no more than it should.
#[inline]
pub fn check() -> Result<()> {
    admit(0)
}

fn held(now: bool) -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let began = BEGAN.get_or_init(Instant::now);
    // From 1 on: 0 stands for never.
    let moment = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1;
    let looked = LOOKED.load(Ordering::Relaxed);
    if now || looked == 0 || moment.saturating_sub(looked) >= LOOK_EVERY_MICROS {
        LOOKED.store(moment, Ordering::Relaxed);
        if let Some(bytes) = own_bytes() {
            HELD.store(bytes, Ordering::Relaxed);
        }
    }
    HELD.load(Ordering::Relaxed)
}

/// Resident pages that belong to no file. `None` where the system doesn't say.
fn own_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split_whitespace().skip(1).map(str::parse::<u64>);
    let resident = pages.next()?.ok()?;
    let shared = pages.next()?.ok()?;
    // SAFETY: asks the system for a figure.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(
        resident
            .saturating_sub(shared)
            .saturating_mul(u64::try_from(page).ok()?),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_ceiling_is_refused() {
        let now = own_bytes().expect("Linux says");
        assert!(now > 100 << 10, "{now}");
        // Other tests of this process are none of those who ask.
        set_ceiling(now + (1 << 40));
        admit(1 << 30).unwrap();
        let refused = admit(usize::MAX).unwrap_err();
        assert!(refused.is(state::OUT_OF_MEMORY), "{refused:?}");
    }
}
