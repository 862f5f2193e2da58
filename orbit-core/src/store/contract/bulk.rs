//! Sorted loads, checkpoints, upkeep.

use super::*;
use crate::cancel::CancelToken;

fn numbered(i: u32) -> ([u8; 8], Vec<u8>) {
    let mut key = [7u8; 8];
    key[4..].copy_from_slice(&i.to_be_bytes());
    (key, vec![i as u8; 100])
}

fn load(store: &dyn Store, space: Space, count: u32) {
    let mut load = store.sorted_load(space).unwrap();
    for i in 0..count {
        let (key, value) = numbered(i);
        load.put(&key, &value).unwrap();
    }
    load.finish().unwrap();
}

fn check_loaded(store: &dyn Store, space: Space, count: u32) {
    let entries = scan(store, space, KeyRange::prefix(&[7; 4]), Direction::Forward);
    assert_eq!(entries.len(), count as usize, "{space:?}");
    for (i, (key, value)) in entries.iter().enumerate() {
        let expected = numbered(i as u32);
        assert_eq!((&key[..], value), (&expected.0[..], &expected.1));
    }
    if count > 0 {
        let (key, value) = numbered(count / 2);
        assert_eq!(get(store, space, &key).unwrap(), value);
    }
}

pub fn a_sorted_load_becomes_visible_at_its_end(subject: &dyn Subject) {
    let store = open(subject);
    put(&*store, Space::Data, &[(b"before", b"1")]);
    for space in [Space::Data, Space::Index, Space::Side] {
        let mut load = store.sorted_load(space).unwrap();
        for i in 0..5000 {
            let (key, value) = numbered(i);
            load.put(&key, &value).unwrap();
        }
        check_loaded(&*store, space, 0);
        load.finish().unwrap();
        check_loaded(&*store, space, 5000);
    }
    // Later changes win over what was loaded, and snapshots stand still.
    let (key, loaded) = numbered(1);
    let earlier = store.snapshot().unwrap();
    put(&*store, Space::Data, &[(&key, b"changed")]);
    assert_eq!(get(&*store, Space::Data, &key).unwrap(), b"changed");
    assert_eq!(get_in(&*earlier, Space::Data, &key), Some(loaded));
    assert_eq!(get(&*store, Space::Data, b"before").unwrap(), b"1");
    // Nothing to load is nothing.
    store.sorted_load(Space::Log).unwrap().finish().unwrap();
    store.health().unwrap();
}

pub fn a_sorted_load_is_durable(subject: &dyn Subject) {
    let store = open(subject);
    put(&*store, Space::Data, &[(b"before", b"1")]);
    load(&*store, Space::Data, 2000);
    load(&*store, Space::Meta, 2000);
    drop(store);
    let store = open(subject);
    check_loaded(&*store, Space::Data, 2000);
    check_loaded(&*store, Space::Meta, 2000);
    assert_eq!(get(&*store, Space::Data, b"before").unwrap(), b"1");
}

pub fn a_sorted_load_refuses_disorder(subject: &dyn Subject) {
    let store = open(subject);
    let mut load = store.sorted_load(Space::Data).unwrap();
    load.put(b"b", b"").unwrap();
    assert!(load.put(b"a", b"").is_err(), "descending");
    drop(load);
    let mut load = store.sorted_load(Space::Data).unwrap();
    load.put(b"b", b"").unwrap();
    assert!(load.put(b"b", b"").is_err(), "twice the same");
    drop(load);
    put(&*store, Space::Data, &[(b"a", b"1")]);
    store.health().unwrap();
}

pub fn a_sorted_load_dropped_leaves_nothing(subject: &dyn Subject) {
    let store = open(subject);
    let mut load = store.sorted_load(Space::Data).unwrap();
    for i in 0..5000 {
        let (key, value) = numbered(i);
        load.put(&key, &value).unwrap();
    }
    drop(load);
    check_loaded(&*store, Space::Data, 0);
    store.sync().unwrap();
    drop(store);
    check_loaded(&*open(subject), Space::Data, 0);
}

/// TRUNCATE and COPY, again and again.
pub fn a_cleared_range_can_be_loaded_again(subject: &dyn Subject) {
    let store = open(subject);
    for count in [3000, 1000, 2000] {
        load(&*store, Space::Data, count);
        check_loaded(&*store, Space::Data, count);
        let mut batch = Batch::new();
        let cleared = KeyRange::prefix(&[7; 4]);
        batch.delete_range(Space::Data, &cleared.start, &cleared.end);
        store.apply(&batch).unwrap();
        check_loaded(&*store, Space::Data, 0);
    }
    load(&*store, Space::Data, 10);
    check_loaded(&*store, Space::Data, 10);
}

pub fn a_checkpoint_is_a_store(subject: &dyn Subject) {
    let store = open(subject);
    if store.name() == "sim" {
        return;
    }
    for space in Space::ALL {
        put(&*store, space, &[(b"k", &[space as u8])]);
    }
    let place = tempfile_directory();
    let copy = place.join("copy");
    store.checkpoint(&copy).unwrap();
    assert!(store.checkpoint(&copy).is_err(), "nothing is overwritten");
    put(&*store, Space::Data, &[(b"k", b"later")]);
    drop(store);
    let copied = subject.open_copy(&copy).unwrap();
    for space in Space::ALL {
        assert_eq!(get(&*copied, space, b"k").unwrap(), [space as u8]);
    }
    drop(copied);
    std::fs::remove_dir_all(place).unwrap();
    assert_eq!(get(&*open(subject), Space::Data, b"k").unwrap(), b"later");
}

fn tempfile_directory() -> std::path::PathBuf {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let place = std::env::temp_dir().join(format!("orbit-copy-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    place
}

pub fn compacting_changes_no_answer(subject: &dyn Subject) {
    let store = open(subject);
    load(&*store, Space::Data, 5000);
    let mut batch = Batch::new();
    batch.delete_range(Space::Data, &numbered(100).0, &numbered(4900).0);
    store.apply(&batch).unwrap();
    put(&*store, Space::Data, &[(&numbered(2500).0, b"again")]);
    let before = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    store
        .compact(Space::Data, &KeyRange::default(), &CancelToken::default())
        .unwrap();
    let after = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    assert_eq!(after.len(), 201);
    assert_eq!(before, after);
    store.sync().unwrap();
    drop(store);
    let store = open(subject);
    let reopened = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    assert_eq!(before, reopened);
}

pub fn keys_are_counted(subject: &dyn Subject) {
    let store = open(subject);
    assert_eq!(store.keys(Space::Data).unwrap(), 0);
    load(&*store, Space::Data, 2_000);
    let keys = store.keys(Space::Data).unwrap();
    // A backend may count those that were written twice, or are gone.
    assert!((2_000..=4_000).contains(&keys), "{keys}");
    assert_eq!(store.keys(Space::Index).unwrap(), 0);
}

pub fn sizes_grow(subject: &dyn Subject) {
    let store = open(subject);
    let before = store.sizes().unwrap();
    load(&*store, Space::Data, 20_000);
    let after = store.sizes().unwrap();
    assert!(
        after.disk_bytes > before.disk_bytes + 100_000,
        "{before:?} {after:?}"
    );
}
