//! Prepared statements by their text, shared by all sessions and bounded.

use super::Prepared;
use lru::LruCache;
use orbit_core::types::SqlType;
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Texts beyond this are not worth keeping: bulk INSERTs, generated scripts.
const MAX_TEXT_BYTES: usize = 16 << 10;

pub struct StatementCache {
    entries: Mutex<LruCache<String, Vec<Arc<Prepared>>>>,
}

impl StatementCache {
    pub fn new(entries: usize) -> StatementCache {
        let entries = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
        StatementCache {
            entries: Mutex::new(LruCache::new(entries)),
        }
    }

    pub fn get(&self, sql: &str, declared: &[Option<SqlType>]) -> Option<Arc<Prepared>> {
        if sql.len() > MAX_TEXT_BYTES {
            return None;
        }
        self.entries
            .lock()
            .get(sql)?
            .iter()
            .find(|known| known.declared == declared)
            .cloned()
    }

    pub fn put(&self, prepared: &Arc<Prepared>) {
        if prepared.sql.len() > MAX_TEXT_BYTES {
            return;
        }
        let mut entries = self.entries.lock();
        let known = entries.get_or_insert_mut(prepared.sql.clone(), Vec::new);
        known.retain(|old| old.declared != prepared.declared);
        // One text with many parameter typings is one client's mistake, not a reason to grow.
        if known.len() >= 4 {
            known.remove(0);
        }
        known.push(prepared.clone());
    }
}
