use super::*;
use crate::store::contract::Subject;

/// A simulated disk that stores come and go on.
#[derive(Default)]
struct Place(Mutex<Option<Arc<SimStore>>>);

impl Subject for Place {
    fn open(&self) -> Result<Arc<dyn Store>> {
        let mut last = self.0.lock();
        let next = match last.take() {
            Some(store) => Arc::new(store.crash(store.crash_points() as u64)),
            None => Arc::new(SimStore::new()),
        };
        *last = Some(next.clone());
        Ok(next)
    }

    fn open_copy(&self, _directory: &Path) -> Result<Arc<dyn Store>> {
        Err(Error::unsupported("a checkpoint of a simulated store"))
    }
}

crate::store_contract!(Place::default());

fn put(store: &SimStore, key: &[u8]) -> Result<()> {
    let mut batch = Batch::new();
    batch.put(Space::Data, key, b"");
    store.apply(&batch)
}

fn has(store: &SimStore, key: &[u8]) -> bool {
    store.get(Space::Data, key, &mut Vec::new()).unwrap()
}

#[test]
fn a_crash_leaves_every_prefix_and_nothing_else() {
    let store = SimStore::new();
    put(&store, b"synced").unwrap();
    store.sync().unwrap();
    put(&store, b"1").unwrap();
    put(&store, b"2").unwrap();
    assert_eq!(store.crash_points(), 3);
    let mut found = [false; 3];
    for seed in 0..64 {
        let after = store.crash(seed);
        assert!(has(&after, b"synced"));
        let kept = match (has(&after, b"1"), has(&after, b"2")) {
            (false, false) => 0,
            (true, false) => 1,
            (true, true) => 2,
            (false, true) => panic!("a batch without the one before"),
        };
        found[kept] = true;
    }
    assert_eq!(found, [true; 3]);
    assert!(put(&store, b"3").is_err(), "the power is off");
}

fn fault(on: Call, nth: u64, kind: FaultKind, forever: bool) -> Fault {
    Fault {
        on,
        nth,
        kind,
        forever,
    }
}

#[test]
fn the_named_call_fails_and_the_store_stays_dead() {
    for (call, kind, code) in [
        (Call::Apply, FaultKind::Io, state::IO_ERROR),
        (Call::Sync, FaultKind::Io, state::IO_ERROR),
        (Call::Sync, FaultKind::NoSpace, state::DISK_FULL),
    ] {
        let store = SimStore::new();
        store.inject(fault(call, 2, kind, false));
        put(&store, b"a").unwrap();
        store.sync().unwrap();
        store.health().unwrap();
        let outcome = put(&store, b"b").and_then(|()| store.sync());
        assert!(outcome.unwrap_err().is(code));
        for after in [put(&store, b"c"), store.sync(), store.health()] {
            assert!(after.unwrap_err().is(code));
        }
        assert!(has(&store, b"a"), "reading goes on");
        assert!(!has(&store, b"c"));
        assert_eq!(store.crash_points(), 2, "the failed write may be on disk");
        assert!(has(&store.crash_at(1), b"b"));
        assert!(!has(&store.crash_at(0), b"b"));
    }
}

#[test]
fn a_forgiving_store_forgets() {
    let store = SimStore::forgiving();
    store.inject(fault(Call::Sync, 1, FaultKind::Io, false));
    put(&store, b"a").unwrap();
    assert!(store.sync().is_err());
    store.sync().unwrap();
    put(&store, b"b").unwrap();
}

#[test]
fn reads_fail_once_or_for_ever() {
    let store = SimStore::new();
    put(&store, b"a").unwrap();
    store.inject(fault(Call::Get, 2, FaultKind::Io, false));
    let read = || store.get(Space::Data, b"a", &mut Vec::new());
    assert!(read().is_ok());
    assert!(read().is_err());
    assert!(read().is_ok());
    store.inject(fault(Call::Get, 1, FaultKind::Io, true));
    assert!(read().is_err());
    assert!(read().is_err());
    store.health().unwrap();
    store.inject(fault(Call::Scan, 2, FaultKind::Io, false));
    let snapshot = store.snapshot().unwrap();
    let mut cursor = snapshot
        .scan(Space::Data, KeyRange::default(), Direction::Forward)
        .unwrap();
    assert!(cursor.advance().unwrap());
    assert!(cursor.advance().is_err());
}
