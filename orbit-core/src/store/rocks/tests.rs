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
    store.compact(Space::Data, &KeyRange::default()).unwrap();
    let after = store.sizes().unwrap().disk_bytes;
    assert!(after < once * 2, "{once} bytes once, {after} in the end");
}
