//! The memory of all queries, and what who is refused some of it is told.
//!
//! Operators that spill share what the others leave, evenly. A rest is kept for those
//! that can't: DataFusion's own pool lets sorts take all there is, and then refuses the
//! merging of what they spilled.

use ahash::AHashMap;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of what operators that can't spill have left, those that can get all but an eighth.
const KEPT: usize = 8;

#[derive(Debug)]
pub struct QueryPool {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// How many operators there are that can spill.
    spilling: usize,
    spillable: usize,
    unspillable: usize,
    /// What each operator has, by its number.
    operators: AHashMap<usize, (String, usize)>,
}

impl Held {
    /// How much an operator may have in all that has `own` now.
    fn grants(&self, pool: usize, can_spill: bool, own: usize) -> usize {
        let left = pool.saturating_sub(self.unspillable);
        match can_spill {
            true => (left - left / KEPT) / self.spilling.max(1),
            false => own + left.saturating_sub(self.spillable),
        }
    }

    fn take(&mut self, consumer: &MemoryConsumer, bytes: usize) {
        *self.of(consumer.can_spill()) += bytes;
        if let Some((_, has)) = self.operators.get_mut(&consumer.id()) {
            *has += bytes;
        }
    }

    fn give(&mut self, consumer: &MemoryConsumer, bytes: usize) {
        let of = self.of(consumer.can_spill());
        *of = of.saturating_sub(bytes);
        if let Some((_, has)) = self.operators.get_mut(&consumer.id()) {
            *has = has.saturating_sub(bytes);
        }
    }

    fn of(&mut self, can_spill: bool) -> &mut usize {
        match can_spill {
            true => &mut self.spillable,
            false => &mut self.unspillable,
        }
    }

    /// Who has most, where it is another that has more than `own`.
    fn largest(&self, asks: usize, own: usize) -> Option<(&str, usize)> {
        let others = self.operators.iter().filter(|(id, _)| **id != asks);
        let largest = others.map(|(_, one)| one).max_by_key(|(_, has)| *has)?;
        (largest.1 > own).then_some((largest.0.as_str(), largest.1))
    }
}

impl QueryPool {
    pub fn new(bytes: usize) -> QueryPool {
        QueryPool {
            bytes,
            held: Mutex::default(),
        }
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for all queries", Megabytes(self.bytes))
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "queries"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        let mut held = self.held.lock();
        held.spilling += usize::from(consumer.can_spill());
        held.operators
            .insert(consumer.id(), (consumer.name().to_owned(), 0));
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        let mut held = self.held.lock();
        held.operators.remove(&consumer.id());
        held.spilling = held
            .spilling
            .saturating_sub(usize::from(consumer.can_spill()));
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.held.lock().take(reservation.consumer(), additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.lock().give(reservation.consumer(), shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let (consumer, own) = (reservation.consumer(), reservation.size());
        let can_spill = consumer.can_spill();
        let mut held = self.held.lock();
        let granted = held.grants(self.bytes, can_spill, own);
        if own.saturating_add(additional) <= granted {
            held.take(consumer, additional);
            return Ok(());
        }
        let largest = match held.largest(consumer.id(), own) {
            Some((name, has)) => format!(" {} has {}.", operator(name), Megabytes(has)),
            None => String::new(),
        };
        drop(held);
        let room = granted.saturating_sub(own);
        let share = if can_spill { "its share of " } else { "" };
        Err(DataFusionError::ResourcesExhausted(format!(
            "{} has {} and wants {} more; {} of {share}the {self} are free.{largest}",
            operator(consumer.name()),
            Megabytes(own),
            Megabytes(additional),
            Megabytes(room),
        )))
    }

    fn reserved(&self) -> usize {
        let held = self.held.lock();
        held.spillable + held.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

/// Who reserves memory under a name of DataFusion's, as people know it.
fn operator(name: &str) -> String {
    const OPERATORS: &[(&str, &str)] = &[
        ("CrossJoin", "A cross join"),
        ("ExternalSorterMerge", "The merging of a sort"),
        ("ExternalSorter", "A sort"),
        ("HashJoinInput", "A hash join"),
        ("NestedLoopJoin", "A nested loop join"),
        ("RepartitionExec", "The dealing out of rows to threads"),
        ("SMJStream", "A merge join"),
        ("SortMergeJoin", "A merge join"),
        ("SortPreservingMerge", "The merging of a sort"),
        ("TopK", "The sort of the first rows"),
        ("RecursiveQuery", "A recursive query"),
    ];
    let known = OPERATORS.iter().find(|(start, _)| name.starts_with(start));
    match known {
        Some((_, words)) => (*words).to_owned(),
        None if name.contains("Aggregate") => "A grouping".to_owned(),
        None => format!("\"{name}\""),
    }
}

/// As fine as it takes to tell one from another.
struct Megabytes(usize);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("nothing"),
            few if few < 1 << 20 => write!(f, "{} kB", few.div_ceil(1 << 10)),
            many => write!(f, "{:.1} MB", many as f64 / f64::from(1 << 20)),
        }
    }
}

/// The pool of all queries, of which one query may take so much and no more.
#[derive(Debug)]
pub struct Capped {
    pool: Arc<dyn MemoryPool>,
    limit: usize,
    used: AtomicUsize,
}

impl Capped {
    pub fn new(pool: Arc<dyn MemoryPool>, limit: usize) -> Capped {
        Capped {
            pool,
            limit,
            used: AtomicUsize::new(0),
        }
    }
}

impl fmt::Display for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", Megabytes(self.limit), self.pool)
    }
}

impl MemoryPool for Capped {
    fn name(&self) -> &str {
        "capped"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let before = self.used.fetch_add(additional, Ordering::Relaxed);
        let grown = if before.saturating_add(additional) > self.limit {
            Err(DataFusionError::ResourcesExhausted(format!(
                "{} wants {} more; this role's statements may hold {} bytes.",
                operator(reservation.consumer().name()),
                Megabytes(additional),
                self.limit
            )))
        } else {
            self.pool.try_grow(reservation, additional)
        };
        if grown.is_err() {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(pool: &Arc<dyn MemoryPool>, name: &str, spills: bool) -> MemoryReservation {
        MemoryConsumer::new(name)
            .with_can_spill(spills)
            .register(pool)
    }

    #[test]
    fn sorts_share_and_leave_a_rest() {
        let pool: Arc<dyn MemoryPool> = Arc::new(QueryPool::new(16 << 20));
        let first = reservation(&pool, "ExternalSorter[0]", true);
        first.try_grow(14 << 20).unwrap();
        first.try_grow(1).unwrap_err();
        // Two have half of it each, so the first gets no more.
        let second = reservation(&pool, "ExternalSorter[1]", true);
        second.try_grow(7 << 20).unwrap();
        second.try_grow(1).unwrap_err();
        first.shrink(7 << 20);
        let merge = reservation(&pool, "ExternalSorterMerge[0]", false);
        merge.try_grow(2 << 20).unwrap();
        drop((first, second));
        merge.try_grow(14 << 20).unwrap();
        merge.try_grow(1).unwrap_err();
        assert_eq!(pool.reserved(), 16 << 20);
        drop(merge);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn who_is_refused_learns_who_wants_what() {
        let pool: Arc<dyn MemoryPool> = Arc::new(QueryPool::new(35 << 20));
        let join = reservation(&pool, "HashJoinInput", false);
        join.try_grow(20 << 20).unwrap();
        let refused = join.try_grow(28 << 20).unwrap_err().strip_backtrace();
        let told = "A hash join has 20.0 MB and wants 28.0 MB more; \
                    15.0 MB of the 35.0 MB for all queries are free.";
        assert!(refused.ends_with(told), "{refused}");
        let merge = reservation(&pool, "ExternalSorterMerge[0]", false);
        let refused = merge.try_grow(16 << 20).unwrap_err().strip_backtrace();
        let told = "The merging of a sort has nothing and wants 16.0 MB more; \
                    15.0 MB of the 35.0 MB for all queries are free. A hash join has 20.0 MB.";
        assert!(refused.ends_with(told), "{refused}");
        let capped: Arc<dyn MemoryPool> = Arc::new(Capped::new(pool.clone(), 1 << 20));
        let sort = reservation(&capped, "ExternalSorter[0]", true);
        let refused = sort.try_grow(2 << 20).unwrap_err().strip_backtrace();
        let told = "A sort wants 2.0 MB more; this role's statements may hold 1048576 bytes.";
        assert!(refused.ends_with(told), "{refused}");
    }
}
