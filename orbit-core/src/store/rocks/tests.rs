use super::*;
use crate::store::contract::{Subject, kill, limit};

mod damage;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }
}

impl Subject for Place {
    fn open(&self) -> Result<Arc<dyn Store>> {
        self.open_copy(&self.0.path().join("data"))
    }

    fn open_copy(&self, directory: &Path) -> Result<Arc<dyn Store>> {
        let store = RocksStore::open(directory, &StoreOptions::default())?;
        Ok(store)
    }
}

crate::store_contract!(Place::new());

#[test]
fn kill_child() {
    if let Some(directory) = kill::child_directory() {
        let store = RocksStore::open(&directory, &StoreOptions::default()).unwrap();
        kill::write_until_killed(&*store);
    }
}

#[test]
fn synced_batches_survive_kills() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data");
    let open =
        || -> Arc<dyn Store> { RocksStore::open(&directory, &StoreOptions::default()).unwrap() };
    kill::survives_kills("store::rocks::tests::kill_child", &directory, &open, 8);
}

#[test]
fn limit_child() {
    if let Some(directory) = limit::child_directory() {
        let store = RocksStore::open(&directory, &StoreOptions::default()).unwrap();
        limit::write_to_the_limit(&*store, &directory);
    }
}

#[test]
fn a_failed_write_is_the_last() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data");
    let open =
        || -> Arc<dyn Store> { RocksStore::open(&directory, &StoreOptions::default()).unwrap() };
    limit::a_failed_write_is_the_last("store::rocks::tests::limit_child", &directory, &open);
}

/// Pages of a file that the system has in memory, and all of them (mincore(2)).
#[cfg(target_os = "linux")]
fn pages_in_memory(path: &Path) -> (usize, usize) {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open(path).unwrap();
    let length = file.metadata().unwrap().len() as usize;
    // SAFETY: the mapping is looked at by the system only, and given back; `pages` has a
    // byte for each of its pages.
    let pages = unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let mut pages = vec![0_u8; length.div_ceil(page)];
        let (none, flags) = (std::ptr::null_mut(), libc::MAP_SHARED);
        let map = libc::mmap(none, length, libc::PROT_READ, flags, file.as_raw_fd(), 0);
        assert_ne!(map, libc::MAP_FAILED);
        assert_eq!(libc::mincore(map, length, pages.as_mut_ptr()), 0);
        libc::munmap(map, length);
        pages
    };
    (
        pages.iter().filter(|page| *page & 1 == 1).count(),
        pages.len(),
    )
}

/// Odd, and half of its bits are set: products with it hardly compress.
#[cfg(target_os = "linux")]
const MIXING: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

#[cfg(target_os = "linux")]
#[test]
fn what_was_loaded_is_in_memory_again() {
    let place = tempfile::tempdir().unwrap();
    let store = RocksStore::open(place.path(), &StoreOptions::default()).unwrap();
    let mut load = store.sorted_load(Space::Data).unwrap();
    for number in 0..200_000_u32 {
        let value = u128::from(number).wrapping_mul(MIXING).to_be_bytes();
        load.put(&number.to_be_bytes(), &value.repeat(3)).unwrap();
    }
    load.finish().unwrap();
    let tables = || {
        let entries = std::fs::read_dir(place.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "sst"))
    };
    let begun = std::time::Instant::now();
    loop {
        let (held, all) = tables().fold((0, 0), |(held, all), path| {
            let (more, pages) = pages_in_memory(&path);
            (held + more, all + pages)
        });
        assert!(all > 50, "{all} pages");
        if held == all {
            return;
        }
        let waited = begun.elapsed();
        assert!(waited.as_secs() < 20, "{held} of {all} pages");
        // The system reads when it likes, and tells nobody.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// TRUNCATE and COPY, again and again, hold no more space than one of them.
#[test]
fn cleared_ranges_give_their_space_back() {
    let place = tempfile::tempdir().unwrap();
    let store = RocksStore::open(place.path(), &StoreOptions::default()).unwrap();
    let fill = || {
        let mut load = store.sorted_load(Space::Data).unwrap();
        for number in 0..20_000u32 {
            load.put(&number.to_be_bytes(), &number.to_le_bytes().repeat(20))
                .unwrap();
        }
        load.finish().unwrap();
    };
    fill();
    let once = store.sizes().unwrap().disk_bytes;
    for _ in 0..10 {
        let mut batch = Batch::new();
        batch.delete_range(Space::Data, &[0; 4], &[0xff; 4]);
        store.apply(&batch).unwrap();
        fill();
    }
    store
        .compact(Space::Data, &KeyRange::default(), &CancelToken::default())
        .unwrap();
    let after = store.sizes().unwrap().disk_bytes;
    assert!(after < once * 2, "{once} bytes once, {after} in the end");
}

/// A snapshot holds what was removed after it was taken, and nothing removed before.
#[test]
fn a_snapshot_holds_what_is_removed_after_it() {
    let place = tempfile::tempdir().unwrap();
    let store = RocksStore::open(place.path(), &StoreOptions::default()).unwrap();
    let put = |number: u8| {
        let mut batch = Batch::new();
        batch.put(Space::Data, &[number], b"value");
        store.apply(&batch).unwrap();
        store.moment()
    };
    let first = put(1);
    assert!(!store.is_read_from_before(first).unwrap());
    let snapshot = store.snapshot().unwrap();
    assert!(!store.is_read_from_before(first).unwrap());
    let second = put(2);
    assert!(store.is_read_from_before(second).unwrap());
    drop(snapshot);
    assert!(!store.is_read_from_before(second).unwrap());
}

/// A range whose files are larger than a slice is compacted in several, all of it.
#[test]
fn a_long_range_is_compacted_in_slices() {
    let place = tempfile::tempdir().unwrap();
    let store = RocksStore::open(place.path(), &StoreOptions::default()).unwrap();
    let key = |number: u32| number.to_be_bytes();
    let mut random = 7_u64;
    // Three loads, each a file or more of its own, that do not overlap.
    for load_of in 0..3 {
        let mut load = store.sorted_load(Space::Data).unwrap();
        for number in load_of * 60_000..(load_of + 1) * 60_000 {
            let value: [u64; 256] = std::array::from_fn(|_| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                random
            });
            let value = value.map(u64::to_be_bytes).concat();
            load.put(&key(number), &value).unwrap();
        }
        load.finish().unwrap();
    }
    let full = store.sizes().unwrap().disk_bytes;
    assert!(full > 2 * SLICE_BYTES, "{full} bytes");
    let slices = |from: u32, to: Option<u32>| {
        let to = to.map_or(Vec::new(), |to| key(to).to_vec());
        let slices = store
            .inner
            .slices(Family::Data, key(from).to_vec(), to, SLICE_BYTES);
        slices.unwrap().len()
    };
    assert!(slices(0, None) > 1);
    assert_eq!(slices(0, Some(10)), 1);
    let mut batch = Batch::new();
    batch.delete_range(Space::Data, &key(10), &key(179_990));
    store.apply(&batch).unwrap();
    let cancelled = CancelToken::default();
    cancelled.cancel(Error::internal("enough"));
    store
        .compact(Space::Data, &KeyRange::default(), &cancelled)
        .unwrap();
    assert!(store.sizes().unwrap().disk_bytes > 2 * SLICE_BYTES);
    store
        .compact(Space::Data, &KeyRange::default(), &CancelToken::default())
        .unwrap();
    let left = store.sizes().unwrap().disk_bytes;
    assert!(left < full / 100, "{left} bytes of {full}");
}

/// What compresses well takes less room afterwards, what is written later too, and whoever
/// is asked before each slice can end it.
#[test]
fn what_is_compressed_takes_less_room() {
    let place = tempfile::tempdir().unwrap();
    let store = RocksStore::open(place.path(), &StoreOptions::default()).unwrap();
    let mut random = 7_u64;
    // Hexadecimal digits: nothing repeats, and half of their bits say nothing.
    let mut value = || {
        let words: [String; 64] = std::array::from_fn(|_| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            format!("{:08x}", random >> 32)
        });
        words.concat()
    };
    let bytes = || store.sizes().unwrap().disk_bytes;
    let mut load = store.sorted_load(Space::Data).unwrap();
    for number in 0..40_000_u32 {
        load.put(&number.to_be_bytes(), value().as_bytes()).unwrap();
    }
    load.finish().unwrap();
    let plain = bytes();
    let refused = store.compress(&|_| Err(Error::internal("no room")));
    assert!(refused.is_err());
    assert!(bytes() >= plain);
    let asked = std::cell::Cell::new(0);
    let step = |bytes| {
        asked.set(asked.get() + bytes);
        Ok(())
    };
    store.compress(&step).unwrap();
    let small = bytes();
    assert!(small < plain * 2 / 3, "{small} bytes of {plain}");
    assert!(asked.get() > plain / 2, "{} of {plain}", asked.get());
    let mut found = Vec::new();
    let key = 7_u32.to_be_bytes();
    assert!(store.get(Space::Data, &key, &mut found).unwrap());
    assert_eq!(found.len(), 512);

    let mut batch = Batch::new();
    for number in 40_000..80_000_u32 {
        batch.put(Space::Data, &number.to_be_bytes(), value().as_bytes());
    }
    store.apply(&batch).unwrap();
    store.sync().unwrap();
    store
        .compact(Space::Data, &KeyRange::default(), &CancelToken::default())
        .unwrap();
    let files = store.inner.db.live_files().unwrap();
    let all: u64 = files.iter().map(|file| file.size as u64).sum();
    assert!(all < plain * 4 / 3, "{all} bytes of {plain} once");
}
