//! Decoded columns in memory, as many as the profile grants; what was read least
//! recently goes first.

use datafusion::arrow::array::ArrayRef;
use lru::LruCache;
use orbit_core::columns::SegmentId;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One column of one group of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Piece {
    pub segment: SegmentId,
    pub group: u32,
    pub place: u32,
}

pub struct ColumnCache {
    budget: AtomicUsize,
    held: Mutex<Held>,
}

struct Held {
    pieces: LruCache<Piece, (ArrayRef, usize)>,
    bytes: usize,
}

impl Held {
    fn shrink(&mut self, budget: usize, gone: &mut Vec<ArrayRef>) {
        while self.bytes > budget {
            let Some((_, (array, bytes))) = self.pieces.pop_lru() else {
                break;
            };
            self.bytes -= bytes;
            gone.push(array);
        }
    }
}

impl ColumnCache {
    pub fn new(budget: usize) -> ColumnCache {
        ColumnCache {
            budget: AtomicUsize::new(budget),
            held: Mutex::new(Held {
                pieces: LruCache::unbounded(),
                bytes: 0,
            }),
        }
    }

    pub fn get(&self, piece: &Piece) -> Option<ArrayRef> {
        let mut held = self.held.lock();
        held.pieces.get(piece).map(|(array, _)| array.clone())
    }

    pub fn put(&self, piece: Piece, array: &ArrayRef) {
        let bytes = array.get_array_memory_size();
        // One that is a large part of it all would push out everything for itself.
        let budget = self.budget.load(Ordering::Relaxed);
        if bytes > budget / 8 {
            return;
        }
        let mut gone = Vec::new();
        let mut held = self.held.lock();
        if let Some((_, before)) = held.pieces.put(piece, (array.clone(), bytes)) {
            held.bytes -= before;
        }
        held.bytes += bytes;
        held.shrink(budget, &mut gone);
        // Freed when nobody waits for the lock.
        drop(held);
        drop(gone);
    }

    /// Holds no more than this from here on.
    pub fn set_budget(&self, budget: usize) {
        self.budget.store(budget, Ordering::Relaxed);
        let mut gone = Vec::new();
        self.held.lock().shrink(budget, &mut gone);
    }

    /// Lets go of a segment that is read no more.
    pub fn forget(&self, segment: SegmentId) {
        let mut held = self.held.lock();
        let of_it: Vec<Piece> = held
            .pieces
            .iter()
            .map(|(piece, _)| *piece)
            .filter(|piece| piece.segment == segment)
            .collect();
        for piece in of_it {
            if let Some((_, bytes)) = held.pieces.pop(&piece) {
                held.bytes -= bytes;
            }
        }
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.held.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;
    use std::sync::Arc;

    fn piece(segment: u64, group: u32) -> Piece {
        Piece {
            segment: SegmentId(segment),
            group,
            place: 0,
        }
    }

    #[test]
    fn what_was_read_least_recently_goes_first_and_the_budget_holds() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![7; 1000]));
        let each = array.get_array_memory_size();
        let cache = ColumnCache::new(each * 10);
        for group in 0..10 {
            cache.put(piece(1, group), &array);
        }
        assert!(cache.get(&piece(1, 0)).is_some());
        cache.put(piece(2, 0), &array);
        assert!(cache.get(&piece(1, 0)).is_some());
        assert!(cache.get(&piece(1, 1)).is_none());
        assert_eq!(cache.bytes(), each * 10);
        cache.forget(SegmentId(1));
        assert_eq!(cache.bytes(), each);
        assert!(cache.get(&piece(2, 0)).is_some());
        for group in 0..5 {
            cache.put(piece(3, group), &array);
        }
        cache.set_budget(each * 9 / 2);
        assert_eq!(cache.bytes(), each * 4);
        assert!(cache.get(&piece(3, 4)).is_some());
    }
}
