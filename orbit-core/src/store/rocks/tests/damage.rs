//! Logs as crashes and bad disks leave them.

use super::super::*;
use crate::store::{Direction, KeyRange};
use std::fs;

/// Small enough that 1 MiB of data begins another log file.
const OPTIONS: StoreOptions = StoreOptions {
    block_cache_bytes: 1 << 20,
    write_buffer_bytes: 2 << 20,
    max_open_files: 64,
    background_jobs: 2,
    compresses_much: false,
};

/// What a killed process left, and what it had written when.
pub(super) struct Image {
    place: tempfile::TempDir,
    /// The newest log file's length after each batch.
    pub ends: Vec<u64>,
    pub synced: usize,
}

fn value(number: usize) -> Vec<u8> {
    // No zeros: those could be the work of a torn write.
    let length = number * 7919 % 400;
    (0..length).map(|i| (number + i) as u8 | 1).collect()
}

fn write(store: &RocksStore, number: usize) {
    let mut batch = Batch::new();
    batch.put(Space::Data, &(number as u64).to_be_bytes(), &value(number));
    batch.put(Space::Meta, b"last", &(number as u64).to_be_bytes());
    store.apply(&batch).unwrap();
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

pub(super) fn logs(directory: &Path) -> Vec<PathBuf> {
    let mut logs: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    logs
}

impl Image {
    /// `batches` written, synced in threes except for the last `unsynced`.
    pub fn new(batches: usize, unsynced: usize) -> Image {
        let place = tempfile::tempdir().unwrap();
        let live = place.path().join("live");
        let store = RocksStore::open(&live, &OPTIONS).unwrap();
        let mut ends = Vec::new();
        let mut synced = 0;
        for number in 0..batches {
            write(&store, number);
            ends.push(fs::metadata(logs(&live).last().unwrap()).unwrap().len());
            if number % 3 == 2 && number < batches - unsynced {
                store.sync().unwrap();
                synced = number + 1;
            }
        }
        copy_files(&live, &place.path().join("image"));
        Image {
            place,
            ends,
            synced,
        }
    }

    /// A fresh copy, to be damaged.
    pub fn copy(&self) -> PathBuf {
        let copy = self.place.path().join("copy");
        let _ = fs::remove_dir_all(&copy);
        copy_files(&self.place.path().join("image"), &copy);
        copy
    }
}

/// How many batches are there, all from the first.
fn prefix(store: &RocksStore) -> usize {
    let snapshot = store.snapshot().unwrap();
    let mut cursor = snapshot
        .clone()
        .scan(Space::Data, KeyRange::default(), Direction::Forward)
        .unwrap();
    let mut count = 0;
    while cursor.advance().unwrap() {
        assert_eq!(cursor.key(), (count as u64).to_be_bytes());
        assert_eq!(cursor.value(), value(count), "batch {count}");
        count += 1;
    }
    let mut last = Vec::new();
    if snapshot.get(Space::Meta, b"last", &mut last).unwrap() {
        assert_eq!(last, (count as u64 - 1).to_be_bytes(), "batches are whole");
    } else {
        assert_eq!(count, 0);
    }
    count
}

fn refused(directory: &Path) -> Error {
    match RocksStore::open(directory, &OPTIONS) {
        Err(error) if error.is(state::DATA_CORRUPTED) => error,
        Err(error) => panic!("refused for another reason: {error:?}"),
        Ok(store) => panic!("opened with {} batches", prefix(&store)),
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn log(directory: &Path) -> PathBuf {
    let logs = logs(directory);
    assert_eq!(logs.len(), 1);
    logs[0].clone()
}

#[test]
fn an_untouched_log_is_read_to_its_end() {
    let image = Image::new(300, 2);
    let store = RocksStore::open(&image.copy(), &OPTIONS).unwrap();
    assert_eq!(prefix(&store), 300);
}

/// Every seventh byte, so that over time every field of a record gets its turn.
#[test]
fn a_flipped_bit_is_never_taken_for_a_torn_end() {
    let image = Image::new(200, 0);
    let copy = image.copy();
    let log = log(&copy);
    let bytes = fs::read(&log).unwrap();
    let mut refusals = 0;
    let mut offsets = 0;
    for offset in (0..bytes.len()).step_by(7) {
        offsets += 1;
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (offset % 8);
        fs::write(&log, &damaged).unwrap();
        match wal::settle(&copy) {
            Err(error) => {
                assert!(error.is(state::DATA_CORRUPTED), "{error:?}");
                assert!(
                    error.message().contains(".log\" is damaged at byte"),
                    "{error:?}"
                );
                refusals += 1;
            }
            // In the bytes that fill up a block, where nothing is.
            Ok(()) => assert!(fs::read(&log).unwrap() == damaged, "byte {offset} was cut"),
        }
    }
    assert!(refusals * 1000 > offsets * 999, "{refusals} of {offsets}");
}

#[test]
fn a_flipped_bit_keeps_the_store_shut() {
    let image = Image::new(100, 0);
    let length = *image.ends.last().unwrap() as usize;
    for step in 0..12 {
        let copy = image.copy();
        let offset = length * step / 12 + 13;
        change(&log(&copy), |bytes| bytes[offset] ^= 0x10);
        let error = refused(&copy);
        assert!(error.hint().is_some() && error.detail().is_some());
        refused(&copy);
    }
}

#[test]
fn a_log_cut_short_anywhere_leaves_a_prefix() {
    let image = Image::new(200, 0);
    let length = *image.ends.last().unwrap();
    let mut cuts: Vec<u64> = (0..25).map(|step| length * step / 25 + step).collect();
    // On, before and after the borders of records and blocks.
    for border in [image.ends[0], image.ends[50], image.ends[199], 32 << 10] {
        cuts.extend([border - 1, border, border + 1, border + 7]);
    }
    for cut in cuts {
        let copy = image.copy();
        change(&log(&copy), |bytes| bytes.truncate(cut as usize));
        let store = RocksStore::open(&copy, &OPTIONS).unwrap();
        let expected = image.ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(prefix(&store), expected, "cut at {cut}");
        write(&store, expected);
        store.sync().unwrap();
        drop(store);
        let store = RocksStore::open(&copy, &OPTIONS).unwrap();
        assert_eq!(prefix(&store), expected + 1, "cut at {cut}, then gone on");
    }
}

/// Power loss leaves some sectors of the unsynced end and not others.
#[test]
fn lost_sectors_count_by_what_was_synced() {
    let image = Image::new(300, 60);
    assert_eq!(image.synced, 240);
    let length = *image.ends.last().unwrap() as usize;
    let synced_end = image.ends[image.synced - 1] as usize;
    let mut opened = 0;
    for (size, step) in [(512, 1536), (4096, 8192)] {
        for sector in (0..length).step_by(step) {
            let copy = image.copy();
            let end = (sector + size).min(length);
            change(&log(&copy), |bytes| bytes[sector..end].fill(0));
            if sector < synced_end {
                // Only if a later record knows: the group synced last is known
                // to be only by records after it.
                refused(&copy);
            } else {
                let store = RocksStore::open(&copy, &OPTIONS).unwrap();
                let kept = prefix(&store);
                let expected = image
                    .ends
                    .iter()
                    .filter(|end| **end <= sector as u64)
                    .count();
                assert_eq!(kept, expected, "sector {sector} of {size}");
                assert!(kept >= image.synced);
                opened += 1;
            }
        }
    }
    assert!(opened > 5);
}

/// Two log files, the first of them needed for the index alone.
fn two_logs() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let live = place.path().join("live");
    let store = RocksStore::open(&live, &OPTIONS).unwrap();
    let mut batch = Batch::new();
    batch.put(Space::Index, b"only in the first log", b"");
    store.apply(&batch).unwrap();
    store.sync().unwrap();
    let mut number = 0u32;
    while logs(&live).len() < 2 {
        let mut batch = Batch::new();
        batch.put(Space::Data, &number.to_be_bytes(), &[7; 20_000]);
        store.apply(&batch).unwrap();
        store.sync().unwrap();
        number += 1;
    }
    for number in 0..10u32 {
        let mut batch = Batch::new();
        batch.put(Space::Side, &number.to_be_bytes(), b"");
        store.apply(&batch).unwrap();
        store.sync().unwrap();
    }
    let image = place.path().join("image");
    copy_files(&live, &image);
    (place, image)
}

#[test]
fn an_older_log_must_be_whole() {
    let (place, image) = two_logs();
    let copy = place.path().join("copy");
    let first = |copy: &Path| {
        let _ = fs::remove_dir_all(copy);
        copy_files(&image, copy);
        logs(copy)[0].clone()
    };
    first(&copy);
    let store = RocksStore::open(&copy, &OPTIONS).unwrap();
    assert!(
        store
            .get(Space::Index, b"only in the first log", &mut Vec::new())
            .unwrap()
    );
    assert!(
        store
            .get(Space::Side, &9u32.to_be_bytes(), &mut Vec::new())
            .unwrap()
    );
    drop(store);

    let length = fs::metadata(first(&copy)).unwrap().len() as usize;
    for kept in [0, 1, 100, 32 << 10, length / 2, length - 1] {
        change(&first(&copy), |bytes| bytes.truncate(kept));
        refused(&copy);
    }
    change(&first(&copy), |bytes| bytes[length / 2] ^= 1);
    refused(&copy);
    fs::remove_file(first(&copy)).unwrap();
    refused(&copy);
}

/// A log that a crash left behind after it had been read is not read again,
/// whatever is in it.
#[test]
fn a_log_of_an_earlier_life_does_not_matter() {
    let image = Image::new(100, 0);
    let copy = image.copy();
    let old = log(&copy);
    let mut bytes = fs::read(&old).unwrap();
    bytes[500] ^= 1;
    let store = RocksStore::open(&copy, &OPTIONS).unwrap();
    for number in 100..120 {
        write(&store, number);
        store.sync().unwrap();
    }
    let again = copy.with_file_name("again");
    copy_files(&copy, &again);
    assert_ne!(log(&again), again.join(old.file_name().unwrap()));
    fs::write(again.join(old.file_name().unwrap()), &bytes).unwrap();
    let store = RocksStore::open(&again, &OPTIONS).unwrap();
    assert_eq!(prefix(&store), 120);
}
