//! A real engine over a store in memory.

use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_query::{Engine, EngineOptions};
use std::sync::Arc;

pub fn engine() -> Arc<Engine> {
    let store = Arc::new(SimStore::new());
    let database = Database::open(store, DatabaseOptions::default()).unwrap();
    Engine::new(database, EngineOptions::default()).unwrap()
}
