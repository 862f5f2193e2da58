use super::*;
use crate::store::contract::{Subject, kill, limit};

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
        let store = RedbStore::open(directory, &StoreOptions::default())?;
        Ok(store)
    }
}

crate::store_contract!(Place::new());

#[test]
fn kill_child() {
    if let Some(directory) = kill::child_directory() {
        let store = RedbStore::open(&directory, &StoreOptions::default()).unwrap();
        kill::write_until_killed(&*store);
    }
}

#[test]
fn synced_batches_survive_kills() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data");
    let open =
        || -> Arc<dyn Store> { RedbStore::open(&directory, &StoreOptions::default()).unwrap() };
    kill::survives_kills("store::redb::tests::kill_child", &directory, &open, 8);
}

#[test]
fn limit_child() {
    if let Some(directory) = limit::child_directory() {
        let store = RedbStore::open(&directory, &StoreOptions::default()).unwrap();
        limit::write_to_the_limit(&*store, &directory);
    }
}

#[test]
fn a_failed_write_is_the_last() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data");
    let open =
        || -> Arc<dyn Store> { RedbStore::open(&directory, &StoreOptions::default()).unwrap() };
    limit::a_failed_write_is_the_last("store::redb::tests::limit_child", &directory, &open);
}

/// The file as a kill leaves it, whatever the moment: everything synced is in
/// it, and of what was applied since, a whole number of the first batches.
#[test]
fn the_file_holds_a_prefix_at_every_moment() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data");
    // A cache this small makes redb write pages long before a sync.
    let options = StoreOptions {
        block_cache_bytes: 64 << 10,
        ..StoreOptions::default()
    };
    let store = RedbStore::open(&directory, &options).unwrap();
    let mut synced = 0u64;
    for number in 0..120u64 {
        let mut batch = Batch::new();
        batch.put(Space::Data, &number.to_be_bytes(), &[number as u8; 3000]);
        batch.put(Space::Log, &number.to_be_bytes(), b"");
        store.apply(&batch).unwrap();
        if number % 10 == 9 {
            store.sync().unwrap();
            synced = number + 1;
        }
        if number % 7 != 0 {
            continue;
        }
        let image = place.path().join("image");
        std::fs::create_dir_all(&image).unwrap();
        std::fs::copy(directory.join(FILE_NAME), image.join(FILE_NAME)).unwrap();
        let copy = RedbStore::open(&image, &options).unwrap();
        let mut count = 0u64;
        for space in [Space::Data, Space::Log] {
            let snapshot = copy.snapshot().unwrap();
            let mut cursor = snapshot
                .scan(space, KeyRange::default(), Direction::Forward)
                .unwrap();
            count = 0;
            while cursor.advance().unwrap() {
                assert_eq!(cursor.key(), count.to_be_bytes());
                count += 1;
            }
        }
        assert!(
            count >= synced && count <= number + 1,
            "{count} of {synced} to {number}"
        );
    }
}
