//! Batches, snapshots, durability.

use super::*;
use crate::cancel::CancelToken;
use crate::error::state;

pub fn puts_are_read_back(subject: &dyn Subject) {
    let store = open(subject);
    assert_eq!(get(&*store, Space::Data, b"a"), None);
    put(&*store, Space::Data, &[(b"a", b"1"), (b"b", b"2")]);
    assert_eq!(get(&*store, Space::Data, b"a").unwrap(), b"1");
    put(&*store, Space::Data, &[(b"a", b"3")]);
    assert_eq!(get(&*store, Space::Data, b"a").unwrap(), b"3");
    let mut batch = Batch::new();
    batch.delete(Space::Data, b"a");
    batch.delete(Space::Data, b"never there");
    store.apply(&batch).unwrap();
    assert_eq!(get(&*store, Space::Data, b"a"), None);
    assert_eq!(get(&*store, Space::Data, b"b").unwrap(), b"2");
    store.apply(&Batch::new()).unwrap();
    store.sync().unwrap();
    store.health().unwrap();
}

/// The same key, and keys that are prefixes of each other, in all six spaces:
/// backends that fold spaces together must not let them meet.
pub fn spaces_are_separate(subject: &dyn Subject) {
    let store = open(subject);
    for space in Space::ALL {
        let mark = [space as u8];
        put(
            &*store,
            space,
            &[(b"k", &mark), (b"", &mark), (b"\xff\xff", &mark)],
        );
    }
    for space in Space::ALL {
        let mark = vec![space as u8];
        assert_eq!(get(&*store, space, b"k").unwrap(), mark);
        assert_eq!(get(&*store, space, b"").unwrap(), mark);
        for direction in [Direction::Forward, Direction::Backward] {
            let entries = scan(&*store, space, KeyRange::default(), direction);
            assert_eq!(entries.len(), 3, "{space:?} {direction:?}");
            assert!(entries.iter().all(|(_, value)| *value == mark));
        }
    }
    let mut batch = Batch::new();
    batch.delete_range(Space::Delta, b"", b"\xff\xff\xff");
    store.apply(&batch).unwrap();
    for space in Space::ALL {
        let left = scan(&*store, space, KeyRange::default(), Direction::Forward).len();
        assert_eq!(left, if space == Space::Delta { 0 } else { 3 }, "{space:?}");
    }
}

pub fn later_steps_of_a_batch_win(subject: &dyn Subject) {
    let store = open(subject);
    let mut batch = Batch::new();
    batch.put(Space::Data, b"twice", b"1");
    batch.put(Space::Index, b"between", b"");
    batch.put(Space::Data, b"twice", b"2");
    batch.put(Space::Data, b"gone", b"1");
    batch.delete(Space::Data, b"gone");
    batch.delete(Space::Data, b"back");
    batch.put(Space::Data, b"back", b"1");
    batch.put(Space::Data, b"r1", b"1");
    batch.delete_range(Space::Data, b"r", b"s");
    batch.put(Space::Data, b"r2", b"1");
    batch.put(Space::Meta, b"patched", b"....");
    batch.last_value_mut().unwrap().copy_from_slice(b"time");
    store.apply(&batch).unwrap();
    let entries = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    assert_eq!(keys(&entries), "back r2 twice");
    assert_eq!(get(&*store, Space::Data, b"twice").unwrap(), b"2");
    assert_eq!(get(&*store, Space::Meta, b"patched").unwrap(), b"time");
    assert_eq!(get(&*store, Space::Index, b"between").unwrap(), b"");
}

/// A writer moves one unit between two spaces; readers must never see the sum change.
pub fn a_batch_is_seen_whole(subject: &dyn Subject) {
    let store = open(subject);
    let number = |bytes: Option<Vec<u8>>| -> u64 {
        bytes.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
    };
    put(&*store, Space::Data, &[(b"sum", &100u64.to_le_bytes())]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                threads.spawn(|| {
                    let mut looks = 0u64;
                    while looks < 10 || !done.load(std::sync::atomic::Ordering::Acquire) {
                        let snapshot = store.snapshot().unwrap();
                        let left = number(get_in(&*snapshot, Space::Data, b"sum"));
                        let right = number(get_in(&*snapshot, Space::Meta, b"sum"));
                        assert_eq!(left + right, 100);
                        looks += 1;
                    }
                })
            })
            .collect();
        for moved in 1..=100u64 {
            let mut batch = Batch::new();
            batch.put(Space::Data, b"sum", &(100 - moved).to_le_bytes());
            batch.put(Space::Meta, b"sum", &moved.to_le_bytes());
            store.apply(&batch).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

pub fn snapshots_stand_still(subject: &dyn Subject) {
    let store = open(subject);
    let empty = store.snapshot().unwrap();
    put(&*store, Space::Data, &[(b"a", b"1"), (b"b", b"1")]);
    let first = store.snapshot().unwrap();
    let mut cursor = first
        .clone()
        .scan(Space::Data, KeyRange::default(), Direction::Forward)
        .unwrap();
    assert!(cursor.advance().unwrap());
    let mut batch = Batch::new();
    batch.put(Space::Data, b"a", b"2");
    batch.delete(Space::Data, b"b");
    batch.put(Space::Data, b"c", b"2");
    store.apply(&batch).unwrap();
    let mut batch = Batch::new();
    batch.delete_range(Space::Data, b"a", b"z");
    store.apply(&batch).unwrap();
    store.sync().unwrap();
    store
        .compact(Space::Data, &KeyRange::default(), &CancelToken::default())
        .unwrap();

    assert_eq!(get_in(&*empty, Space::Data, b"a"), None);
    assert_eq!(get_in(&*first, Space::Data, b"a").unwrap(), b"1");
    assert_eq!(get_in(&*first, Space::Data, b"c"), None);
    assert_eq!(cursor.value(), b"1");
    assert!(cursor.advance().unwrap());
    assert_eq!((cursor.key(), cursor.value()), (&b"b"[..], &b"1"[..]));
    assert!(!cursor.advance().unwrap());
    let entries = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    assert!(entries.is_empty());
}

pub fn snapshots_outlive_their_store(subject: &dyn Subject) {
    let store = open(subject);
    put(&*store, Space::Data, &[(b"a", b"1"), (b"b", b"2")]);
    let snapshot = store.snapshot().unwrap();
    drop(store);
    assert_eq!(get_in(&*snapshot, Space::Data, b"a").unwrap(), b"1");
    let mut cursor = snapshot
        .scan(Space::Data, KeyRange::default(), Direction::Forward)
        .unwrap();
    assert_eq!(keys(&rest(&mut *cursor)), "a b");
}

pub fn values_may_be_large_or_empty(subject: &dyn Subject) {
    let store = open(subject);
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i * 31 >> 3) as u8).collect();
    let key = vec![7u8; 1000];
    put(&*store, Space::Data, &[(b"empty", b""), (&key, &large)]);
    store.sync().unwrap();
    assert_eq!(get(&*store, Space::Data, b"empty").unwrap(), b"");
    assert_eq!(get(&*store, Space::Data, &key).unwrap(), large);
    drop(store);
    let store = open(subject);
    assert_eq!(get(&*store, Space::Data, b"empty").unwrap(), b"");
    assert_eq!(get(&*store, Space::Data, &key).unwrap(), large);
    let entries = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Backward,
    );
    assert_eq!(entries[1].1, large);
}

pub fn many_keys_at_once(subject: &dyn Subject) {
    let store = open(subject);
    for space in [Space::Data, Space::Meta] {
        put(&*store, space, &[(b"a", b"1"), (b"c", b"3"), (b"e", b"")]);
        let snapshot = store.snapshot().unwrap();
        put(&*store, space, &[(b"b", b"2")]);
        // Out of order, twice, missing.
        let answers = snapshot
            .multi_get(space, &[b"e", b"a", b"b", b"c", b"a"])
            .unwrap();
        let some = |value: &[u8]| Some(value.to_vec());
        assert_eq!(
            answers,
            [some(b""), some(b"1"), None, some(b"3"), some(b"1")]
        );
        assert!(snapshot.multi_get(space, &[]).unwrap().is_empty());
    }
}

pub fn ranges_are_deleted(subject: &dyn Subject) {
    let store = open(subject);
    for space in [Space::Data, Space::Index, Space::Log, Space::Side] {
        put(
            &*store,
            space,
            &[
                (b"a", b"1"),
                (b"b", b"1"),
                (b"b\0", b"1"),
                (b"bz", b"1"),
                (b"c", b"1"),
                (b"d", b"1"),
            ],
        );
        let all = |store: &dyn Store| {
            keys(&scan(store, space, KeyRange::default(), Direction::Forward)).replace('\0', "0")
        };
        let delete = |start: &[u8], end: &[u8]| {
            let mut batch = Batch::new();
            batch.delete_range(space, start, end);
            store.apply(&batch).unwrap();
        };
        delete(b"x", b"y");
        delete(b"b", b"b");
        // Ends before it starts: nothing.
        delete(b"c", b"a");
        assert_eq!(all(&*store), "a b b0 bz c d");
        delete(b"b", b"c");
        assert_eq!(all(&*store), "a c d");
        assert_eq!(get(&*store, space, b"bz"), None);
        put(&*store, space, &[(b"b", b"2")]);
        assert_eq!(all(&*store), "a b c d");
        assert_eq!(get(&*store, space, b"b").unwrap(), b"2");
        assert_eq!(get(&*store, space, b"b\0"), None);
    }
    store.sync().unwrap();
    drop(store);
    let store = open(subject);
    assert_eq!(get(&*store, Space::Data, b"bz"), None);
    assert_eq!(get(&*store, Space::Data, b"b").unwrap(), b"2");
}

pub fn synced_batches_survive_reopening(subject: &dyn Subject) {
    for round in 0..3u8 {
        let store = open(subject);
        for earlier in 0..round {
            for space in Space::ALL {
                assert_eq!(
                    get(&*store, space, &[earlier]).unwrap(),
                    [earlier, space as u8]
                );
            }
        }
        let mut batch = Batch::new();
        for space in Space::ALL {
            batch.put(space, &[round], &[round, space as u8]);
        }
        store.apply(&batch).unwrap();
        store.sync().unwrap();
        // Nothing new to sync is fine too.
        store.sync().unwrap();
    }
}

pub fn what_survives_a_drop_is_a_prefix(subject: &dyn Subject) {
    let store = open(subject);
    for step in 0..50u8 {
        let mut batch = Batch::new();
        batch.put(Space::Data, &[step], b"");
        batch.put(Space::Log, &[step], b"");
        store.apply(&batch).unwrap();
        if step == 20 {
            store.sync().unwrap();
        }
    }
    drop(store);
    let store = open(subject);
    let data = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    let log = scan(&*store, Space::Log, KeyRange::default(), Direction::Forward);
    assert_eq!(data, log, "batches are whole");
    assert!(data.len() > 20, "everything synced is there");
    for (step, (key, _)) in data.iter().enumerate() {
        assert_eq!(key[..], [step as u8], "no batch is missing in the middle");
    }
}

pub fn a_second_store_is_refused(subject: &dyn Subject) {
    let store = open(subject);
    if store.name() == "sim" {
        return;
    }
    let Err(error) = subject.open() else {
        panic!("the same directory was opened twice");
    };
    assert!(error.is(state::OBJECT_IN_USE), "{error:?}");
    assert!(
        error.message().contains("is in use by another process"),
        "{error:?}"
    );
    assert!(error.hint().is_some());
    put(&*store, Space::Data, &[(b"a", b"still works")]);
    drop(store);
    open(subject);
}
