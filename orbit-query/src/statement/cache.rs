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
    /// With what the plan depends on besides text and types ([`crate::Settings::plan_scope`]).
    entries: Mutex<LruCache<String, Vec<(u64, Arc<Prepared>)>>>,
}

impl StatementCache {
    pub fn new(entries: usize) -> StatementCache {
        let entries = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
        StatementCache {
            entries: Mutex::new(LruCache::new(entries)),
        }
    }

    pub fn get(
        &self,
        sql: &str,
        declared: &[Option<SqlType>],
        scope: u64,
    ) -> Option<Arc<Prepared>> {
        if sql.len() > MAX_TEXT_BYTES {
            return None;
        }
        self.entries
            .lock()
            .get(sql)?
            .iter()
            .find(|(known_scope, known)| *known_scope == scope && known.declared == declared)
            .map(|(_, known)| known.clone())
    }

    pub fn put(&self, sql: &str, scope: u64, prepared: &Arc<Prepared>) {
        if sql.len() > MAX_TEXT_BYTES {
            return;
        }
        let mut entries = self.entries.lock();
        let known = entries.get_or_insert_mut(sql.to_owned(), Vec::new);
        known.retain(|(old_scope, old)| *old_scope != scope || old.declared != prepared.declared);
        // One text with many parameter typings is one client's mistake, not a reason to grow.
        if known.len() >= 4 {
            known.remove(0);
        }
        known.push((scope, prepared.clone()));
    }
}
