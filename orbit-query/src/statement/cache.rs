//! Prepared statements by their text, shared by all sessions and bounded, in number and
//! in what they take.

use super::Prepared;
use lru::LruCache;
use orbit_core::pressure::share_of;
use orbit_core::types::SqlType;
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Texts beyond this are not worth keeping: bulk INSERTs, generated scripts.
const MAX_TEXT_BYTES: usize = 16 << 10;

pub struct StatementCache {
    entries: Mutex<Entries>,
    most_bytes: usize,
    /// What of it counts now.
    most_now: AtomicUsize,
}

struct Entries {
    /// With what the plan depends on besides text and types ([`crate::Settings::plan_scope`]).
    by_text: LruCache<String, Vec<(u64, Arc<Prepared>)>>,
    bytes: usize,
}

impl StatementCache {
    pub fn new(entries: usize, bytes: usize) -> StatementCache {
        let entries = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
        StatementCache {
            entries: Mutex::new(Entries {
                by_text: LruCache::new(entries),
                bytes: 0,
            }),
            most_bytes: bytes,
            most_now: AtomicUsize::new(bytes),
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
            .by_text
            .get(sql)?
            .iter()
            .find(|(known_scope, known)| *known_scope == scope && known.declared == declared)
            .map(|(_, known)| known.clone())
    }

    pub fn put(&self, sql: &str, scope: u64, prepared: &Arc<Prepared>) {
        let weight = weight(prepared);
        let most = self.most_now.load(Ordering::Relaxed);
        if sql.len() > MAX_TEXT_BYTES || weight > most / 4 {
            return;
        }
        let mut entries = self.entries.lock();
        let Entries { by_text, bytes } = &mut *entries;
        let mut known = by_text.pop(sql).unwrap_or_default();
        *bytes = bytes.saturating_sub(sum(&known));
        known.retain(|(old_scope, old)| *old_scope != scope || old.declared != prepared.declared);
        // One text with many parameter typings is one client's mistake, not a reason to grow.
        if known.len() >= 4 {
            known.remove(0);
        }
        known.push((scope, prepared.clone()));
        *bytes += sum(&known);
        if let Some((_, oldest)) = by_text.push(sql.to_owned(), known) {
            *bytes = bytes.saturating_sub(sum(&oldest));
        }
        entries.shrink(most);
    }

    /// Keeps at most so many percent of what it may.
    pub fn set_share(&self, percent: usize) {
        let most = share_of(self.most_bytes, percent);
        self.most_now.store(most, Ordering::Relaxed);
        self.entries.lock().shrink(most);
    }
}

impl Entries {
    fn shrink(&mut self, most: usize) {
        while self.bytes > most
            && let Some((_, oldest)) = self.by_text.pop_lru()
        {
            self.bytes = self.bytes.saturating_sub(sum(&oldest));
        }
    }
}

fn sum(plans: &[(u64, Arc<Prepared>)]) -> usize {
    plans.iter().map(|(_, plan)| weight(plan)).sum()
}

/// About what a statement takes: of a long one its syntax and its plan are some fifty
/// bytes for each of its text, and a plan names every column at every step.
fn weight(prepared: &Prepared) -> usize {
    let columns = prepared.columns.as_ref().map_or(0, |columns| columns.len());
    (4 << 10) + prepared.sql.len() * 64 + columns * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(length: usize) -> Arc<Prepared> {
        Arc::new(Prepared {
            sql: "x".repeat(length),
            ..Prepared::empty()
        })
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let most = 10 * weight(&prepared(1000));
        let cache = StatementCache::new(1000, most);
        for at in 0..10 {
            cache.put(&at.to_string(), 0, &prepared(1000));
        }
        assert!(cache.get("0", &[], 0).is_some());
        cache.put("10", 0, &prepared(1000));
        let kept: Vec<bool> = (0..11)
            .map(|at| cache.get(&at.to_string(), &[], 0).is_some())
            .collect();
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 10);
        assert!(kept[0] && !kept[1], "{kept:?}");
        // One that would drive out the others isn't kept.
        cache.put("long", 0, &prepared(10_000));
        assert!(cache.get("long", &[], 0).is_none());
        // Put again it is counted once.
        for _ in 0..100 {
            cache.put("2", 0, &prepared(1000));
        }
        assert!(cache.get("10", &[], 0).is_some());
        assert_eq!(cache.entries.lock().bytes, most);
        cache.set_share(50);
        assert_eq!(cache.entries.lock().bytes, most / 2);
        assert!(cache.get("2", &[], 0).is_some(), "used last");
    }

    #[test]
    fn short_statements_are_counted_by_number() {
        let cache = StatementCache::new(3, usize::MAX);
        for at in 0..9 {
            cache.put(&at.to_string(), 0, &prepared(1));
        }
        let mut kept = (0..9).filter(|at| cache.get(&at.to_string(), &[], 0).is_some());
        assert_eq!(kept.next(), Some(6));
        let bytes = cache.entries.lock().bytes;
        assert_eq!(bytes, 3 * weight(&prepared(1)));
    }
}
