//! Whom to put to rest when memory is short.

use super::Priority;

/// Those that hold more go first, whatever the others wait for.
const LARGE_BYTES: u64 = 10 << 20;
/// The part of memory that is to be free, in percent.
const FREE_PERCENT: u64 = 25;

/// Somebody who may be put to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<T> {
    pub who: T,
    pub priority: Priority,
    pub bytes: u64,
}

/// Who is put to rest, in this order, until a quarter of memory is free: below High, the
/// least important first and of these the largest; in a first pass only those of more than
/// 10 MB, in a second the others, too.
pub fn shed<T>(candidates: Vec<Candidate<T>>, free: u64, total: u64) -> Vec<Candidate<T>> {
    let wanted = u128::from(total) * u128::from(FREE_PERCENT);
    let is_enough = |free: u64| u128::from(free) * 100 >= wanted;
    let mut candidates: Vec<_> = candidates
        .into_iter()
        .filter(|one| one.priority < Priority::High)
        .collect();
    candidates.sort_by_key(|one| {
        let is_small = one.bytes <= LARGE_BYTES;
        (is_small, one.priority, std::cmp::Reverse(one.bytes))
    });
    let mut free = free;
    let mut resting = Vec::new();
    for candidate in candidates {
        if is_enough(free) {
            break;
        }
        free = free.saturating_add(candidate.bytes);
        resting.push(candidate);
    }
    resting
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MB: u64 = 1 << 20;

    fn told(candidates: &[(&'static str, Priority, u64)], free: u64) -> Vec<&'static str> {
        let candidates = candidates
            .iter()
            .map(|(who, priority, megabytes)| Candidate {
                who: *who,
                priority: *priority,
                bytes: megabytes * MB,
            });
        let resting = shed(candidates.collect(), free * MB, 400 * MB);
        resting.into_iter().map(|one| one.who).collect()
    }

    #[test]
    fn the_least_important_and_largest_go_first_and_no_more_than_needed() {
        use Priority::{Background, Critical, High, Low, Normal};
        let all = [
            ("important", High, 300),
            ("vital", Critical, 300),
            ("normal", Normal, 40),
            ("low", Low, 20),
            ("low, larger", Low, 30),
            ("small", Background, 10),
            ("smaller", Background, 5),
        ];
        assert_eq!(told(&all, 100), Vec::<&str>::new(), "a quarter is free");
        assert_eq!(told(&all, 99), ["low, larger"]);
        assert_eq!(told(&all, 60), ["low, larger", "low"]);
        assert_eq!(told(&all, 20), ["low, larger", "low", "normal"]);
        assert_eq!(told(&all, 5), ["low, larger", "low", "normal", "small"]);
        assert_eq!(told(&all, 0).len(), 4);
        assert_eq!(
            told(&all[..3], 0),
            ["normal"],
            "and never those that matter"
        );
    }

    proptest! {
        #[test]
        fn what_rests_is_needed(
            sizes in prop::collection::vec((0usize..5, 0u64..50 * MB), 0..40),
            free in 0u64..100 * MB,
        ) {
            let candidates: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(who, (priority, bytes))| Candidate {
                    who,
                    priority: Priority::ALL[*priority],
                    bytes: *bytes,
                })
                .collect();
            let total = 400 * MB;
            let resting = shed(candidates.clone(), free, total);
            let freed: u64 = resting.iter().map(|one| one.bytes).sum();
            let may: u64 = candidates
                .iter()
                .filter(|one| one.priority < Priority::High)
                .map(|one| one.bytes)
                .sum();
            prop_assert!(resting.iter().all(|one| one.priority < Priority::High));
            // Enough, or all there is; and without the last it would not have been enough.
            prop_assert!(free + freed >= total / 4 || freed == may);
            if let Some(last) = resting.last() {
                prop_assert!(free + freed - last.bytes < total / 4);
            }
        }
    }
}
