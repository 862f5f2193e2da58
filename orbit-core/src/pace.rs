//! How fast chores go beside others' work. A low priority is not enough: on the processors
//! of a virtual machine, two threads of one core among them, whatever runs takes from what
//! runs beside it, and a transaction that waits for a disk between two steps leaves gaps
//! that a chore fills. Measured on two of them: an endless loop of the lowest class there
//! is (`SCHED_IDLE`) takes two fifths of pgbench's transactions.
//!
//! So a chore rests while others are busy. It then works a tenth of the time, and ends.

use crate::cancel::CancelToken;
use std::time::{Duration, Instant};

/// With more than this share of all processors in others' use a chore makes way.
const CROWDED: f64 = 0.5;
/// For so many parts of rest there is one of work then.
const REST: u32 = 9;
/// Less work than this is not worth a rest.
const LEAST_WORK: Duration = Duration::from_millis(5);
/// How long until others' use is looked at again; the kernel counts in hundredths.
const LOOK: Duration = Duration::from_millis(100);

/// How long to rest after so much work, while others use a share of the processors.
fn rest_after(work: Duration, others: f64) -> Duration {
    match others > CROWDED {
        true => work * REST,
        false => Duration::ZERO,
    }
}

/// Processor time since a machine's start, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    used: u64,
    all: u64,
}

/// The first line of `/proc/stat`: `cpu user nice system idle iowait irq ...`.
fn ticks_of(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let columns: Vec<u64> = line
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    // Guests' time is counted as their users' already.
    let all: u64 = columns.iter().take(8).sum();
    let idle: u64 = columns.get(3..5)?.iter().sum();
    Some(Ticks {
        used: all.saturating_sub(idle),
        all,
    })
}

/// The share of the processors that others used between two looks, a chore's own ticks
/// taken off.
fn others(before: Ticks, now: Ticks, own: u64) -> f64 {
    let used = now.used.saturating_sub(before.used).saturating_sub(own);
    used as f64 / now.all.saturating_sub(before.all).max(1) as f64
}

/// Of one thread, which calls [`Pace::rest`] every now and then.
#[derive(Default)]
pub struct Pace {
    /// This thread's processor time when it last rested, or might have.
    worked: Duration,
    looked: Option<Look>,
    others: f64,
}

struct Look {
    at: Instant,
    ticks: Ticks,
    worked: Duration,
}

impl Pace {
    /// Rests if that is called for. Ends early if cancelled.
    pub fn rest(&mut self, cancel: &CancelToken) {
        let worked = thread_time();
        let work = worked.saturating_sub(self.worked);
        if work < LEAST_WORK {
            return;
        }
        self.look(worked);
        let begun = Instant::now();
        loop {
            let left = rest_after(work, self.others).saturating_sub(begun.elapsed());
            if left.is_zero() || cancel.check().is_err() {
                break;
            }
            std::thread::sleep(left.min(LOOK));
            self.look(worked);
        }
        self.worked = worked;
    }

    fn look(&mut self, worked: Duration) {
        let recent = self.looked.as_ref();
        if recent.is_some_and(|look| look.at.elapsed() < LOOK) {
            return;
        }
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let Some(ticks) = ticks_of(&stat) else {
            return;
        };
        if let Some(before) = &self.looked {
            let own = worked.saturating_sub(before.worked).as_millis() / 10;
            self.others = others(before.ticks, ticks, own as u64);
        }
        self.looked = Some(Look {
            at: Instant::now(),
            ticks,
            worked,
        });
    }
}

/// What this thread has had of a processor.
fn thread_time() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes one timespec, which is there.
        let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        if done == 0 {
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            return Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0));
        }
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_makes_way_where_others_are_busy() {
        let work = Duration::from_millis(20);
        assert_eq!(rest_after(work, 0.0), Duration::ZERO);
        assert_eq!(rest_after(work, CROWDED), Duration::ZERO);
        assert_eq!(rest_after(work, 0.9), Duration::from_millis(180));
    }

    #[test]
    fn others_use_is_what_is_used_without_the_chore() {
        let stat = "cpu  100 20 30 800 50 1 2 3 40 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        let before = ticks_of(stat).unwrap();
        let wanted = Ticks {
            used: 156,
            all: 1006,
        };
        assert_eq!(before, wanted);
        let now = Ticks {
            used: before.used + 15,
            all: before.all + 20,
        };
        assert_eq!(others(before, now, 10), 0.25);
        assert_eq!(others(before, now, 100), 0.0);
        assert_eq!(others(now, now, 0), 0.0);
        assert_eq!(ticks_of(""), None);
        assert_eq!(ticks_of("cpu 1 2"), None);
    }

    #[test]
    fn a_cancelled_chore_does_not_rest() {
        let mut pace = Pace {
            others: 1.0,
            ..Pace::default()
        };
        let cancel = CancelToken::default();
        cancel.cancel(crate::Error::internal("enough"));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {
            std::hint::black_box(begun);
        }
        let rested = Instant::now();
        pace.rest(&cancel);
        // Less than until a first look at whether there is still reason to.
        assert!(rested.elapsed() < LOOK);
    }
}
