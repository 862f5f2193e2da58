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
