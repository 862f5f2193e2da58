//! How fast a store does what a node asks of it most, on this machine:
//!
//! ```text
//! cargo run --release -p orbit-core --features rocks --example store_pace -- rocks 1000000
//! ```

use orbit_core::Result;
use orbit_core::cancel::CancelToken;
use orbit_core::store::{Batch, Direction, KeyRange, Space, Store, StoreOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const VALUE_BYTES: usize = 100;

fn open(backend: &str, directory: &Path, options: &StoreOptions) -> Result<Arc<dyn Store>> {
    Ok(match backend {
        #[cfg(feature = "rocks")]
        "rocks" => orbit_core::store::rocks::RocksStore::open(directory, options)?,
        _ => orbit_core::store::redb::RedbStore::open(directory, options)?,
    })
}

/// As long as a table's prefix and an `int4` key.
fn key(number: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[7] = 1;
    key[8..].copy_from_slice(&(number as u32).to_be_bytes());
    key
}

/// Half of it random: compresses by about two, as rows do.
fn value(number: u64) -> Vec<u8> {
    let mut state = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..VALUE_BYTES)
        .map(|i| {
            if i < VALUE_BYTES / 2 {
                state.below(256) as u8
            } else {
                7
            }
        })
        .collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Times `times` calls; prints the mean and some of the slow ones.
fn measure(what: &str, times: usize, mut call: impl FnMut() -> Result<()>) -> Result<()> {
    let mut took = Vec::with_capacity(times);
    let begin = Instant::now();
    for _ in 0..times {
        let begin = Instant::now();
        call()?;
        took.push(begin.elapsed());
    }
    let mean = begin.elapsed() / times as u32;
    took.sort();
    let at = |share: f64| took[((times - 1) as f64 * share) as usize];
    println!(
        "{what:44} mean {mean:>9.2?}  p50 {:>9.2?}  p99 {:>9.2?}",
        at(0.5),
        at(0.99)
    );
    Ok(())
}

fn once(what: &str, count: u64, took: Duration) {
    let each = took.as_nanos() as f64 / count.max(1) as f64;
    println!("{what:44} {took:>9.2?}  {each:>9.0} ns each");
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let backend = arguments.next().unwrap_or_else(|| "redb".into());
    let count: u64 = arguments
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let cache: usize = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(256);
    let how = arguments.next().unwrap_or_else(|| "load".into());
    let place = std::env::temp_dir().join(format!("orbit-pace-{}", std::process::id()));
    let options = StoreOptions {
        block_cache_bytes: cache << 20,
        max_open_files: 1000,
        ..StoreOptions::default()
    };
    let outcome = run(&backend, count, &how, &place, &options);
    let _ = std::fs::remove_dir_all(&place);
    outcome
}

fn run(backend: &str, count: u64, how: &str, place: &Path, options: &StoreOptions) -> Result<()> {
    println!("{backend}, {count} rows, {how}");
    let begin = Instant::now();
    let store = open(backend, place, options)?;
    once("create", 1, begin.elapsed());

    let begin = Instant::now();
    if how == "load" {
        let mut load = store.sorted_load(Space::Data)?;
        for number in 0..count {
            load.put(&key(number), &value(number))?;
        }
        load.finish()?;
    } else {
        // In scattered order, as many rows as fit a batch of a busy committer.
        let mut batch = Batch::new();
        let mut step = 0;
        while step < count {
            batch.clear();
            for _ in 0..100 {
                let number = step.wrapping_mul(7_368_787) % count;
                batch.put(Space::Data, &key(number), &value(number));
                step += 1;
            }
            store.apply(&batch)?;
        }
        store.sync()?;
        store.compact(Space::Data, &KeyRange::default(), &CancelToken::default())?;
    }
    once("fill", count, begin.elapsed());
    println!("{:?}", store.sizes()?);

    let mut random = Random(88_172_645_463_325_252);
    let mut row = Vec::new();
    for round in ["cold", "warm", "warm"] {
        let begin = Instant::now();
        for _ in 0..count {
            assert!(store.get(Space::Data, &key(random.below(count)), &mut row)?);
        }
        once(&format!("random gets, {round}"), count, begin.elapsed());
    }
    let snapshot = store.snapshot()?;
    let begin = Instant::now();
    for _ in 0..count {
        assert!(snapshot.get(Space::Data, &key(random.below(count)), &mut row)?);
    }
    once("random gets in a snapshot", count, begin.elapsed());
    let begin = Instant::now();
    for _ in 0..count {
        assert!(!snapshot.get(Space::Data, &key(count + random.below(count)), &mut row)?);
    }
    once("random misses in a snapshot", count, begin.elapsed());
    measure("take a snapshot", 10_000, || store.snapshot().map(drop))?;

    let begin = Instant::now();
    let mut cursor = snapshot
        .clone()
        .scan(Space::Data, KeyRange::default(), Direction::Forward)?;
    let mut bytes = 0;
    while cursor.advance()? {
        bytes += cursor.key().len() + cursor.value().len();
    }
    once(&format!("scan all {bytes} bytes"), count, begin.elapsed());
    measure("scan of 10 rows", 20_000, || {
        let start = random.below(count);
        let range = KeyRange {
            start: key(start).to_vec(),
            end: key(start + 10).to_vec(),
        };
        let mut cursor = snapshot
            .clone()
            .scan(Space::Data, range, Direction::Forward)?;
        while cursor.advance()? {}
        Ok(())
    })?;

    let mut number = 0;
    let mut batch = Batch::new();
    measure("apply one row and its log record", 20_000, || {
        batch.clear();
        number += 1;
        batch.put(Space::Data, &key(random.below(count)), &value(number));
        batch.put(Space::Log, &number.to_be_bytes(), &value(number));
        store.apply(&batch)
    })?;
    measure("apply and sync", 200, || {
        batch.clear();
        number += 1;
        batch.put(Space::Data, &key(random.below(count)), &value(number));
        batch.put(Space::Log, &number.to_be_bytes(), &value(number));
        store.apply(&batch)?;
        store.sync()
    })?;
    let begin = Instant::now();
    for _ in 0..count / 4 {
        assert!(store.get(Space::Data, &key(random.below(count)), &mut row)?);
    }
    once(
        "random gets with writes in memory",
        count / 4,
        begin.elapsed(),
    );
    let mut logged = 0;
    while logged < 48 << 20 {
        batch.clear();
        for _ in 0..100 {
            number += 1;
            batch.put(Space::Data, &key(random.below(count)), &value(number));
        }
        store.apply(&batch)?;
        logged += batch.bytes();
    }
    // A store closes when nothing reads it any more.
    drop((cursor, snapshot, store));
    measure("open after 48 MiB of changes", 1, || {
        open(backend, place, options).map(drop)
    })?;

    measure("open", 10, || open(backend, place, options).map(drop))
}
