//! The loop: change an input, run it, keep it if it went where none went before.

use crate::counters::{Coverage, News};
use orbit_fuzz::Target;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

const LONGEST: usize = 2_000;
const MEMORY: u64 = 1 << 30;
/// One input may take so long; a loaded machine is slow, a loop without an end is slower.
const PATIENCE: u64 = 5;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn directory(target: &Target) -> PathBuf {
    PathBuf::from("fuzz/corpus").join(target.name)
}

/// FNV-1a: a name for an input.
fn name(data: &[u8]) -> String {
    let hash = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn failed(target: &Target, data: &[u8], how: &str) {
    let directory = PathBuf::from("fuzz-failures");
    let path = directory.join(format!("{}-{}", target.name, name(data)));
    let kept = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, data));
    eprintln!("fuzz: {} {how}: {} ({kept:?})", target.name, path.display());
    eprintln!("fuzz: {:?}", String::from_utf8_lossy(data));
}

/// What runs now, for those who find the process dead or stuck.
#[derive(Default)]
struct Current {
    input: Mutex<Vec<u8>>,
    since: AtomicU64,
}

pub fn run(target: &'static Target, seconds: u64, keep: bool, seed: Option<u64>) -> ExitCode {
    let limit = libc::rlimit {
        rlim_cur: MEMORY,
        rlim_max: MEMORY,
    };
    // SAFETY: setrlimit only reads the limit.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) };
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default().as_nanos() as u64
    });
    // As deep a stack as the server's threads have.
    let work = move || fuzz(target, seconds, keep, seed);
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(work);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn watch(target: &'static Target, current: Arc<Current>, began: Instant) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let since = current.since.load(Ordering::Relaxed);
            if since > 0 && began.elapsed().as_secs() >= since + PATIENCE {
                let input = current.input.lock().map(|input| input.clone());
                failed(target, &input.unwrap_or_default(), "does not end");
                std::process::exit(1);
            }
        }
    });
}

fn fuzz(target: &'static Target, seconds: u64, keep: bool, seed: u64) -> bool {
    let began = Instant::now();
    let current = Arc::new(Current::default());
    watch(target, current.clone(), began);
    // Where a stack overflow or an abort leaves its input: written before each run.
    let last = PathBuf::from("fuzz-failures").join(format!("{}-last", target.name));
    let _ = fs::create_dir_all("fuzz-failures");
    let mut random = Random(seed);
    let mut coverage = Coverage::new();
    let mut corpus: Vec<Vec<u8>> = vec![Vec::new()];
    let mut shared = Scratch::open(&last);
    let mut execute = |data: &[u8], coverage: &mut Coverage| -> Option<News> {
        if let Ok(mut input) = current.input.lock() {
            input.clear();
            input.extend_from_slice(data);
        }
        shared.put(data);
        current
            .since
            .store(began.elapsed().as_secs().max(1), Ordering::Relaxed);
        coverage.clear();
        let result = catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
        current.since.store(0, Ordering::Relaxed);
        if result.is_err() {
            failed(target, data, "panicked");
            return None;
        }
        Some(coverage.news())
    };
    let mut seeds: Vec<PathBuf> = fs::read_dir(directory(target))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    seeds.sort();
    for path in &seeds {
        let Ok(data) = fs::read(path) else { continue };
        match execute(&data, &mut coverage) {
            None => return false,
            Some(News::Edge) => corpus.push(data),
            // Another reaches the same.
            Some(_) if keep => {
                let _ = fs::remove_file(path);
            }
            Some(_) => {}
        }
    }
    let from_seeds = corpus.len() - 1;
    let (mut runs, mut kept) = (seeds.len(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let data = change(target, &corpus, &mut random);
        runs += 1;
        match execute(&data, &mut coverage) {
            None => return false,
            Some(News::Nothing) => {}
            Some(news) => {
                kept += 1;
                // On disk one input for each edge is enough.
                if keep && news == News::Edge {
                    let directory = directory(target);
                    let _ = fs::create_dir_all(&directory);
                    let _ = fs::write(directory.join(name(&data)), &data);
                }
                corpus.push(data);
            }
        }
    }
    let _ = fs::remove_file(&last);
    println!(
        "fuzz {}: ORBIT_SEED={seed}, {runs} inputs in {} s, {} of {} edges, corpus {from_seeds} + {kept}",
        target.name,
        began.elapsed().as_secs(),
        coverage.reached(),
        coverage.counters(),
    );
    if coverage.counters() == 0 {
        eprintln!("fuzz: nothing is instrumented: build with scripts/fuzz.sh");
        return false;
    }
    true
}

/// A file mapped into memory: what is written to it outlives the process.
struct Scratch(*mut u8);

impl Scratch {
    fn open(path: &std::path::Path) -> Scratch {
        use std::os::fd::AsRawFd;
        let file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let Ok(file) = file else {
            return Scratch(std::ptr::null_mut());
        };
        if file.set_len(4 + LONGEST as u64).is_err() {
            return Scratch(std::ptr::null_mut());
        }
        // SAFETY: a fresh shared mapping of a file of that length.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4 + LONGEST,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Scratch(std::ptr::null_mut());
        }
        Scratch(address.cast())
    }

    fn put(&mut self, data: &[u8]) {
        if self.0.is_null() {
            return;
        }
        let data = data.get(..LONGEST).unwrap_or(data);
        let length = (data.len() as u32).to_le_bytes();
        // SAFETY: the mapping holds a length and LONGEST bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(length.as_ptr(), self.0, 4);
            std::ptr::copy_nonoverlapping(data.as_ptr(), self.0.add(4), data.len());
        }
    }
}

const NUMBERS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    16,
    32,
    64,
    100,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    2_147_483_647,
    -2_147_483_648,
];

fn change(target: &Target, corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    // The newest are the most promising.
    let recent = corpus.len().min(20);
    let chosen = match random.below(3) {
        0 => corpus.len() - 1 - random.below(recent),
        _ => random.below(corpus.len()),
    };
    let mut data = corpus[chosen].clone();
    for _ in 0..1 + random.below(6) {
        let at = random.below(data.len() + 1);
        let length = random.below((data.len() - at).min(40) + 1);
        match random.below(10) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.next() as u8,
            2 => data.insert(at, random.next() as u8),
            3 => drop(data.drain(at..at + length)),
            4 => {
                let piece = data[at..at + length].to_vec();
                let times = 1 + random.below(8);
                data.splice(at..at, piece.repeat(times));
            }
            5 | 6 if !target.words.is_empty() => {
                let word = target.words[random.below(target.words.len())];
                data.splice(at..at, word.bytes());
            }
            7 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let to = from + random.below(other.len() - from + 1);
                data.splice(at..at + length, other[from..to].iter().copied());
            }
            8 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let width = [1, 2, 4, 8][random.below(4)];
                let mut bytes = number.to_le_bytes()[..width].to_vec();
                if random.below(2) == 0 {
                    bytes.reverse();
                }
                let end = (at + width).min(data.len());
                data.splice(at..end, bytes);
            }
            _ => {
                let number = NUMBERS[random.below(NUMBERS.len())].to_string();
                data.splice(at..at, number.bytes());
            }
        }
    }
    data.truncate(LONGEST);
    data
}
