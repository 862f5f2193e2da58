//! Cursors in both directions.

use super::*;
use crate::cancel::CancelToken;
use std::collections::BTreeMap;

const LETTERS: [(&[u8], &[u8]); 5] = [
    (b"b", b"1"),
    (b"d", b"2"),
    (b"dd", b"3"),
    (b"f", b"4"),
    (b"h", b"5"),
];

pub fn keys_order_bytewise(subject: &dyn Subject) {
    let store = open(subject);
    let mut expected: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0, 0],
        vec![0, 255],
        vec![1],
        vec![127],
        vec![128],
        vec![255],
        vec![255, 0],
        vec![255, 255, 255],
    ];
    let mut batch = Batch::new();
    for key in expected.iter().rev() {
        batch.put(Space::Side, key, b"");
        batch.put(Space::Data, key, b"");
    }
    store.apply(&batch).unwrap();
    for direction in [Direction::Forward, Direction::Backward] {
        for space in [Space::Data, Space::Side] {
            let found: Vec<_> = scan(&*store, space, KeyRange::default(), direction)
                .into_iter()
                .map(|(key, _)| key)
                .collect();
            assert_eq!(found, expected, "{space:?} {direction:?}");
        }
        expected.reverse();
    }
}

pub fn scans_keep_to_their_range(subject: &dyn Subject) {
    let store = open(subject);
    for space in [Space::Data, Space::Meta] {
        put(&*store, space, &LETTERS);
        let cases: [(&[u8], &[u8], &str); 10] = [
            (b"", b"", "b d dd f h"),
            (b"b", b"h", "b d dd f"),
            (b"c", b"g", "d dd f"),
            (b"d", b"d\0", "d"),
            (b"d", b"e", "d dd"),
            (b"f", b"", "f h"),
            (b"", b"d", "b"),
            (b"h\0", b"", ""),
            (b"e", b"f", ""),
            (b"", b"b", ""),
        ];
        for (start, end, expected) in cases {
            let forward = scan(&*store, space, range(start, end), Direction::Forward);
            assert_eq!(keys(&forward), expected, "{space:?}");
            let mut backward = scan(&*store, space, range(start, end), Direction::Backward);
            backward.reverse();
            assert_eq!(backward, forward, "{space:?} {start:?} {end:?}");
        }
        let prefixed = scan(&*store, space, KeyRange::prefix(b"d"), Direction::Forward);
        assert_eq!(keys(&prefixed), "d dd");
    }
}

pub fn scans_seek(subject: &dyn Subject) {
    let store = open(subject);
    for space in [Space::Data, Space::Meta] {
        put(&*store, space, &LETTERS);
        let snapshot = store.snapshot().unwrap();
        let mut cursor = snapshot
            .scan(space, range(b"c", b"h"), Direction::Forward)
            .unwrap();
        assert!(cursor.seek(b"dd").unwrap(), "to a key, before any advance");
        assert_eq!((cursor.key(), cursor.value()), (&b"dd"[..], &b"3"[..]));
        assert!(cursor.advance().unwrap());
        assert_eq!(cursor.key(), b"f");
        assert!(!cursor.advance().unwrap(), "h is beyond the range");
        assert!(
            cursor.seek(b"a").unwrap(),
            "back, and no further than the range's start"
        );
        assert_eq!(cursor.key(), b"d");
        assert!(cursor.seek(b"d\0").unwrap(), "between keys");
        assert_eq!(cursor.key(), b"dd");
        assert!(!cursor.seek(b"g").unwrap(), "what follows is outside");
        assert!(
            !cursor.advance().unwrap(),
            "a failed seek stands at the end"
        );
        assert!(!cursor.seek(b"z").unwrap());
        assert!(cursor.seek(b"").unwrap());
        assert_eq!(cursor.key(), b"d");
    }
}

pub fn scans_go_backward(subject: &dyn Subject) {
    let store = open(subject);
    for space in [Space::Data, Space::Meta] {
        put(&*store, space, &LETTERS);
        let snapshot = store.snapshot().unwrap();
        let mut cursor = snapshot
            .scan(space, range(b"c", b"h"), Direction::Backward)
            .unwrap();
        assert!(cursor.advance().unwrap());
        assert_eq!(cursor.key(), b"f");
        assert!(cursor.seek(b"dc").unwrap(), "at or before");
        assert_eq!(cursor.key(), b"d");
        assert!(!cursor.advance().unwrap(), "b is outside");
        assert!(cursor.seek(b"dd").unwrap(), "exactly");
        assert_eq!((cursor.key(), cursor.value()), (&b"dd"[..], &b"3"[..]));
        assert!(cursor.advance().unwrap());
        assert_eq!(cursor.key(), b"d");
        assert!(
            cursor.seek(b"z").unwrap(),
            "no further than the range's end"
        );
        assert_eq!(cursor.key(), b"f");
        assert!(cursor.seek(b"h").unwrap(), "the end itself is outside");
        assert_eq!(cursor.key(), b"f");
        assert!(!cursor.seek(b"a").unwrap());
        assert!(!cursor.seek(b"c").unwrap());
        assert!(!cursor.advance().unwrap());
    }
}

pub fn scans_of_nothing_end_at_once(subject: &dyn Subject) {
    let store = open(subject);
    for space in Space::ALL {
        for direction in [Direction::Forward, Direction::Backward] {
            assert!(scan(&*store, space, KeyRange::default(), direction).is_empty());
        }
    }
    put(&*store, Space::Data, &LETTERS);
    put(&*store, Space::Meta, &LETTERS);
    for space in [Space::Data, Space::Meta] {
        for direction in [Direction::Forward, Direction::Backward] {
            // Empty, and ending before they start.
            for (start, end) in [(b"d", b"d"), (b"f", b"b")] {
                let snapshot = store.snapshot().unwrap();
                let mut cursor = snapshot.scan(space, range(start, end), direction).unwrap();
                assert!(!cursor.advance().unwrap());
                assert!(!cursor.seek(b"c").unwrap());
                assert!(!cursor.seek(b"d").unwrap());
            }
        }
    }
}

/// A long run of random changes and scans beside a `BTreeMap`.
pub fn scans_agree_with_a_model(subject: &dyn Subject) {
    let mut store = open(subject);
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let space = Space::Data;
    for round in 0..60u32 {
        let mut batch = Batch::new();
        for _ in 0..random(40) {
            let key = random_key(&mut random);
            match random(10) {
                0..=6 => {
                    let value = vec![b'v'; random(200) as usize];
                    batch.put(space, &key, &value);
                    model.insert(key, value);
                }
                7 | 8 => {
                    batch.delete(space, &key);
                    model.remove(&key);
                }
                _ => {
                    let other = random_key(&mut random);
                    batch.delete_range(space, &key, &other);
                    model.retain(|held, _| !(key <= *held && *held < other));
                }
            }
        }
        store.apply(&batch).unwrap();
        if round % 20 == 19 {
            store.sync().unwrap();
            for space in Space::ALL {
                let range = KeyRange {
                    start: random_key(&mut random),
                    end: Vec::new(),
                };
                store
                    .compact(space, &range, &CancelToken::default())
                    .unwrap();
            }
            drop(store);
            store = open(subject);
        }
        for _ in 0..10 {
            let (start, mut end) = (random_key(&mut random), random_key(&mut random));
            if random(4) == 0 {
                end.clear();
            }
            let within = |key: &Vec<u8>| *key >= start && (end.is_empty() || *key < end);
            let mut expected: Entries = model
                .iter()
                .filter(|(key, _)| within(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let sought = random_key(&mut random);
            let snapshot = store.snapshot().unwrap();
            let mut cursor = snapshot
                .clone()
                .scan(space, range(&start, &end), Direction::Forward)
                .unwrap();
            assert_eq!(rest(&mut *cursor), expected);
            let found = cursor.seek(&sought).unwrap().then(|| cursor.key().to_vec());
            let want = expected
                .iter()
                .map(|(key, _)| key)
                .find(|key| **key >= sought);
            assert_eq!(found.as_ref(), want, "first at or after");

            let mut cursor = snapshot
                .scan(space, range(&start, &end), Direction::Backward)
                .unwrap();
            let found = cursor.seek(&sought).unwrap().then(|| cursor.key().to_vec());
            let want = expected
                .iter()
                .rev()
                .map(|(key, _)| key)
                .find(|key| **key <= sought);
            assert_eq!(found.as_ref(), want, "last at or before");
            expected.retain(|(key, _)| Some(key) < found.as_ref());
            expected.reverse();
            assert_eq!(rest(&mut *cursor), expected);
        }
    }
}

/// Few different bytes, so that keys meet and are prefixes of each other.
fn random_key(random: &mut impl FnMut(u64) -> u64) -> Vec<u8> {
    (0..random(5))
        .map(|_| [0, 1, 97, 98, 254, 255][random(6) as usize])
        .collect()
}
