use super::*;
use crate::store::sim::SimStore;
use std::collections::BTreeMap;

/// A few entries a run and a few runs before they are made one.
const SMALL: Limits = Limits {
    run_bytes: 2 << 10,
    piece_bytes: 1 << 10,
    most_runs: 3,
};

fn sorter(store: &Arc<SimStore>, duplicate: Duplicate) -> Sorter {
    let store: Arc<dyn Store> = store.clone();
    let (target, room) = (Target::Space(Space::Data), Room::default());
    let mut sorter = Sorter::new(store, target, None, room, duplicate);
    sorter.limits = SMALL;
    sorter
}

fn key(number: u64) -> Vec<u8> {
    [&[7; crate::read::PREFIX_BYTES][..], &number.to_be_bytes()].concat()
}

/// Numbers in no order, each once.
fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |n| n * 7919 % count)
}

fn stored(store: &SimStore) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let snapshot = store.snapshot().unwrap();
    let mut cursor = snapshot
        .scan(Space::Data, KeyRange::default(), Direction::Forward)
        .unwrap();
    let mut found = BTreeMap::new();
    while cursor.advance().unwrap() {
        found.insert(cursor.key().to_vec(), cursor.value().to_vec());
    }
    found
}

#[test]
fn runs_of_runs_come_out_in_order_and_whole() {
    for (in_order, count) in [(0, 1), (0, 5000), (40_000, 5000), (100, 0)] {
        let store = Arc::new(SimStore::new());
        let mut sorter = sorter(&store, Duplicate::Whole);
        let mut wanted = BTreeMap::new();
        let numbers = (0..in_order).chain(shuffled(count).map(|n| n * 1_000_003 + 50_000));
        for number in numbers {
            let value = format!("value of {number}").into_bytes();
            let key = key(number);
            sorter.push(&key, &value, key.len()).unwrap();
            wanted.insert(key, value);
        }
        if count > 1 {
            sorter.end_writing().unwrap();
            assert!(sorter.runs.iter().any(|run| run.level > 1));
        }
        sorter.finish().map_err(|_| "a duplicate").unwrap();
        assert!(stored(&store) == wanted, "{in_order}, {count}");
    }
}

#[test]
fn a_key_that_came_twice_is_found_wherever_it_lies() {
    for again in [0, 1, 2500, 4999] {
        let store = Arc::new(SimStore::new());
        let mut sorter = sorter(&store, Duplicate::Whole);
        for number in shuffled(5000).chain([again]) {
            let key = key(number);
            sorter.push(&key, b"value", key.len()).unwrap();
        }
        match sorter.finish() {
            Err(Stop::Duplicate { key: found, .. }) => assert_eq!(found, key(again)),
            _ => panic!("{again} came twice, and nothing was said"),
        }
    }
}

type Chunk = (bool, Vec<u64>);

fn ordered(from: u64) -> Vec<u64> {
    (from..from + 50).collect()
}

/// Gives chunks to a sorter, each foreseen as it says; what the store has in the end.
fn load_chunks(chunks: &[Chunk]) -> (usize, bool) {
    let store = Arc::new(SimStore::new());
    let mut sorter = sorter(&store, Duplicate::Whole);
    let (mut wanted, mut straight) = (BTreeMap::new(), 0);
    for (in_order, numbers) in chunks {
        sorter.foresee(*in_order).unwrap();
        for number in numbers {
            let (key, value) = (key(*number), number.to_string().into_bytes());
            sorter.push(&key, &value, key.len()).unwrap();
            straight += usize::from(sorter.straight);
            wanted.insert(key, value);
        }
        sorter.foresee(false).unwrap();
    }
    let had_runs = sorter.has_runs;
    sorter.finish().map_err(|_| "a duplicate").unwrap();
    assert!(stored(&store) == wanted, "{chunks:?}");
    (straight, had_runs)
}

#[test]
fn what_comes_in_order_goes_straight_to_the_store() {
    let chunks = [
        (true, ordered(0)),
        (true, ordered(100)),
        (true, ordered(200)),
    ];
    assert_eq!(load_chunks(&chunks), (150, false));
    // Not after what is still gathered.
    let chunks = [(true, ordered(0)), (false, vec![60]), (true, ordered(100))];
    assert_eq!(load_chunks(&chunks), (50, false));
    // Nor beside runs.
    let shuffled: Vec<u64> = shuffled(2000).map(|n| n + 100).collect();
    let chunks = [(true, ordered(0)), (false, shuffled), (true, ordered(3000))];
    assert_eq!(load_chunks(&chunks), (50, true));
}

/// A piece that a thread still writes comes first.
#[test]
fn what_goes_straight_comes_after_what_is_being_written() {
    let gathered: Vec<u64> = (0..200).collect();
    for rest in [0, 1] {
        let store = Arc::new(SimStore::new());
        let mut sorter = sorter(&store, Duplicate::Whole);
        let mut pushed = 0;
        for number in &gathered {
            sorter
                .push(&key(*number), b"value", key(*number).len())
                .unwrap();
            pushed += 1;
            if sorter.writing.is_some() && sorter.piece.entries.len() == rest {
                break;
            }
        }
        assert!(sorter.writing.is_some());
        sorter.foresee(true).unwrap();
        assert_eq!(sorter.straight, rest == 0);
        for number in ordered(1000) {
            sorter
                .push(&key(number), b"value", key(number).len())
                .unwrap();
        }
        sorter.finish().map_err(|_| "a duplicate").unwrap();
        assert_eq!(stored(&store).len(), pushed + 50);
    }
}

#[test]
fn what_was_foreseen_in_order_is_stored_also_if_it_is_not() {
    // In order by itself, but begun before what is stored.
    let chunks = [
        (true, ordered(100)),
        (true, ordered(0)),
        (true, ordered(200)),
    ];
    assert_eq!(load_chunks(&chunks).0, 50);
    // In the midst of what is stored, and beyond it.
    let chunks = [(true, vec![0, 10, 20]), (true, vec![5, 15, 25, 35])];
    assert_eq!(load_chunks(&chunks).0, 3);
    // Out of order after a while.
    let broken = [ordered(0), ordered(100), ordered(50)].concat();
    assert_eq!(load_chunks(&[(true, broken), (true, ordered(400))]).0, 100);
    // In no order at all.
    let none: Vec<u64> = shuffled(2000).collect();
    assert!(load_chunks(&[(true, none), (true, ordered(3000))]).1);
}

#[test]
fn a_key_that_went_straight_to_the_store_and_came_again_is_found() {
    for (first, again) in [(true, true), (true, false), (false, true)] {
        let store = Arc::new(SimStore::new());
        let mut sorter = sorter(&store, Duplicate::Whole);
        for (in_order, numbers) in [(first, 0..100), (again, 99..200)] {
            sorter.foresee(in_order).unwrap();
            for number in numbers {
                let key = key(number);
                sorter.push(&key, b"value", key.len()).unwrap();
            }
        }
        match sorter.finish() {
            Err(Stop::Duplicate { key: found, .. }) => assert_eq!(found, key(99)),
            _ => panic!("{first}, {again}: 99 came twice, and nothing was said"),
        }
    }
}

#[test]
fn a_full_disk_refuses_also_the_little_that_went_straight() {
    for in_order in [false, true] {
        let store = Arc::new(SimStore::new());
        let mut sorter = sorter(&store, Duplicate::Whole);
        sorter.room.reserve = Some((std::env::temp_dir(), u64::MAX / 2));
        sorter.foresee(in_order).unwrap();
        sorter.push(&key(1), b"value", key(1).len()).unwrap();
        assert_eq!(sorter.straight, in_order);
        match sorter.finish() {
            Err(Stop::Error(error)) => assert!(error.is(crate::state::DISK_FULL), "{error}"),
            _ => panic!("{in_order}: a full disk took it"),
        }
        assert!(stored(&store).is_empty());
    }
}
