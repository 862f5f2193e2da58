use super::*;
use crate::store::sim::SimStore;
use std::collections::BTreeMap;

/// A few entries a run and a few runs before they are made one.
const SMALL: Limits = Limits {
    run_bytes: 2 << 10,
    most_runs: 3,
};

fn sorter(store: &Arc<SimStore>, duplicate: Duplicate) -> Sorter {
    let store: Arc<dyn Store> = store.clone();
    let mut sorter = Sorter::new(store, Target::Space(Space::Data), None, None, duplicate);
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

#[test]
fn what_was_foreseen_in_order_is_stored_also_if_it_is_not() {
    let ordered = |from: u64| (from..from + 50).collect::<Vec<_>>();
    let chunks = [
        (true, ordered(0)),
        (true, ordered(100)),
        // Gathered, and too little to be put away before the next.
        (false, vec![200, 201]),
        (true, ordered(210)),
        // In order by themselves, but begun before what is stored.
        (true, ordered(50)),
        (true, ordered(300)),
        // Nothing of what was promised.
        (true, shuffled(2000).map(|n| n + 400).collect()),
        (true, ordered(3000)),
    ];
    let store = Arc::new(SimStore::new());
    let mut sorter = sorter(&store, Duplicate::Whole);
    let mut wanted = BTreeMap::new();
    for (in_order, numbers) in chunks {
        sorter.foresee(in_order).unwrap();
        for number in numbers {
            let (key, value) = (key(number), number.to_string().into_bytes());
            sorter.push(&key, &value, key.len()).unwrap();
            wanted.insert(key, value);
        }
        sorter.foresee(false).unwrap();
    }
    sorter.finish().map_err(|_| "a duplicate").unwrap();
    assert!(stored(&store) == wanted);
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
