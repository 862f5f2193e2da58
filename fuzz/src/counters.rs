//! The counters that instrumented code adds to: one byte for each edge.

use std::sync::Mutex;

struct Region(*mut u8, usize);

// SAFETY: the regions are statics of the program; only the fuzzing thread touches them
// while code under test runs on it.
unsafe impl Send for Region {}

static REGIONS: Mutex<Vec<Region>> = Mutex::new(Vec::new());

/// Called once for each instrumented crate before `main`.
///
/// # Safety
/// The compiler gives the ends of a static array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    let length = (end as usize).saturating_sub(start as usize);
    if let Ok(mut regions) = REGIONS.lock()
        && length > 0
        && !regions.iter().any(|region| region.0 == start)
    {
        regions.push(Region(start, length));
    }
}

/// How often is more than how often: the classes AFL uses.
fn class(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..8 => 8,
        8..16 => 16,
        16..32 => 32,
        32..128 => 64,
        _ => 128,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    Nothing,
    /// A place that was reached before, now more often.
    Count,
    Edge,
}

pub struct Coverage {
    /// For each counter the classes seen.
    seen: Vec<Vec<u8>>,
}

impl Coverage {
    pub fn new() -> Coverage {
        let regions = REGIONS.lock().expect("the regions");
        Coverage {
            seen: regions.iter().map(|region| vec![0; region.1]).collect(),
        }
    }

    pub fn counters(&self) -> usize {
        self.seen.iter().map(Vec::len).sum()
    }

    pub fn reached(&self) -> usize {
        let all = self.seen.iter().flatten();
        all.filter(|classes| **classes != 0).count()
    }

    pub fn clear(&self) {
        for region in REGIONS.lock().expect("the regions").iter() {
            // SAFETY: the region is a live static of this length.
            unsafe { std::ptr::write_bytes(region.0, 0, region.1) };
        }
    }

    /// What the last run reached that none did before.
    pub fn news(&mut self) -> News {
        let mut new = News::Nothing;
        let regions = REGIONS.lock().expect("the regions");
        for (region, seen) in regions.iter().zip(&mut self.seen) {
            // SAFETY: the region is a live static of this length.
            let counts = unsafe { std::slice::from_raw_parts(region.0, region.1) };
            for (counts, seen) in counts.chunks(64).zip(seen.chunks_mut(64)) {
                if counts.iter().all(|count| *count == 0) {
                    continue;
                }
                for (count, seen) in counts.iter().zip(seen) {
                    let class = class(*count);
                    if class & !*seen != 0 {
                        new = new.max(if *seen == 0 { News::Edge } else { News::Count });
                        *seen |= class;
                    }
                }
            }
        }
        new
    }
}
