//! A real engine over a real store, in a directory that goes with the test.

use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::StoreOptions;
use orbit_core::store::redb::RedbStore;
use orbit_query::{Engine, EngineOptions};
use std::sync::Arc;
use tempfile::TempDir;

pub fn engine() -> (Arc<Engine>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStore::open(directory.path(), &StoreOptions::default()).unwrap();
    let database = Database::open(store, DatabaseOptions::default()).unwrap();
    let engine = Engine::new(database, EngineOptions::default()).unwrap();
    (engine, directory)
}
