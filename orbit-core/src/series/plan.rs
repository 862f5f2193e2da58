//! Which rows of a time series are put away, and with which. Pure: keys in, units out.

use super::block;
use std::ops::Range;
use std::time::Duration;

/// Fewer rows than these stay where they are, if the block before them is no small one.
const LEAST_ROWS: usize = 256;
/// A block with fewer rows takes those that come after it.
const SMALL: usize = block::ROWS / 2;

/// When rows are put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// As soon as there are so many.
    pub many_rows: u64,
    /// If there are at least so many, and nothing is written for a while.
    pub some_rows: u64,
    pub quiet: Duration,
    /// So many rows may lie there dead while others are written.
    pub dead_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            many_rows: 64 << 10,
            some_rows: 1 << 10,
            quiet: Duration::from_secs(10),
            dead_rows: 1 << 20,
        }
    }
}

/// A table as it is.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Rows that are in no block, counted no further than `many_rows`.
    pub unsettled: u64,
    /// How long as many have been there, or since the last time.
    pub unchanged: Duration,
    /// As many were left where they are the last time.
    pub left: u64,
}

pub fn is_due(facts: &Facts, limits: &Limits) -> bool {
    let is_quiet = facts.unchanged >= limits.quiet;
    if facts.unsettled >= limits.many_rows {
        return facts.left < limits.many_rows || is_quiet;
    }
    facts.unsettled > facts.left && facts.unsettled >= limits.some_rows && is_quiet
}

/// Whether it is time to give back the space of `dead` rows, put away since the last time.
/// A full portion would otherwise lie there until the store tidies up by itself, which may
/// be never; it costs little, as hardly anything else is in their range.
pub fn gives_back(dead: u64, facts: &Facts, limits: &Limits) -> bool {
    let is_idle = facts.unsettled < limits.many_rows && facts.unchanged >= limits.quiet;
    dead >= limits.dead_rows || (dead >= limits.some_rows && is_idle)
}

/// A block as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub first_key: Vec<u8>,
    pub last_key: Vec<u8>,
    pub rows: usize,
}

/// What is put away together: some rows, and perhaps the block before or around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub block: Option<usize>,
    pub rows: Range<usize>,
}

/// `blocks`: those that the rows lie in, and the one before, in their order. `keys`: of the
/// rows that are in none, in theirs.
pub fn units(blocks: &[Known], keys: &[impl AsRef<[u8]>]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut start = 0;
    while let Some(first) = keys.get(start) {
        let before = blocks.partition_point(|block| block.first_key.as_slice() <= first.as_ref());
        let end = match blocks.get(before) {
            Some(next) => {
                let rest = &keys[start..];
                start + rest.partition_point(|key| key.as_ref() < next.first_key.as_slice())
            }
            None => keys.len(),
        };
        let block = before.checked_sub(1);
        let takes = block.is_some_and(|block| {
            let block = &blocks[block];
            first.as_ref() <= block.last_key.as_slice() || block.rows < SMALL
        });
        // In pieces: what is written to one while it is put away leaves the others alone.
        let mut block = block.filter(|_| takes);
        if let Some(at) = block {
            let rest = &keys[start..end];
            let last = blocks[at].last_key.as_slice();
            let inside = rest.partition_point(|key| key.as_ref() <= last);
            let room = block::ROWS.saturating_sub(blocks[at].rows);
            let with = match end - start - inside {
                behind if behind < room + LEAST_ROWS => end - start,
                _ => inside + room,
            };
            units.push(Unit {
                block: block.take(),
                rows: start..start + with,
            });
            start += with;
        }
        while end - start >= LEAST_ROWS {
            let rows = match end - start {
                few if few < block::ROWS + LEAST_ROWS => few,
                _ => block::ROWS,
            };
            units.push(Unit {
                block: None,
                rows: start..start + rows,
            });
            start += rows;
        }
        start = end;
    }
    units
}

/// Rows of each block, so that they are alike.
pub fn rows_a_block(rows: usize) -> usize {
    let blocks = rows.div_ceil(block::ROWS).max(1);
    rows.div_ceil(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(first: u32, last: u32, rows: usize) -> Known {
        Known {
            first_key: first.to_be_bytes().to_vec(),
            last_key: last.to_be_bytes().to_vec(),
            rows,
        }
    }

    fn keys(keys: impl IntoIterator<Item = u32>) -> Vec<[u8; 4]> {
        keys.into_iter().map(u32::to_be_bytes).collect()
    }

    fn of(blocks: &[Known], of: &[[u8; 4]]) -> Vec<(Option<usize>, Range<usize>)> {
        let units = units(blocks, of).into_iter();
        units.map(|unit| (unit.block, unit.rows)).collect()
    }

    #[test]
    fn many_rows_after_a_full_block_become_blocks_of_their_own() {
        let full = [block(0, 99, 4096)];
        assert_eq!(of(&full, &keys(100..1000)), [(None, 0..900)]);
        assert_eq!(of(&[], &keys(100..1000)), [(None, 0..900)]);
    }

    #[test]
    fn few_rows_wait_unless_the_block_before_them_is_small() {
        let full = [block(0, 99, 4096)];
        assert_eq!(of(&full, &keys(100..110)), []);
        assert_eq!(of(&[], &keys(100..110)), []);
        let small = [block(0, 99, 1000)];
        assert_eq!(of(&small, &keys(100..110)), [(Some(0), 0..10)]);
    }

    #[test]
    fn a_late_row_goes_where_it_belongs() {
        let two = [block(0, 99, 4096), block(200, 299, 4096)];
        assert_eq!(
            of(&two, &keys([50, 150, 250])),
            [(Some(0), 0..2), (Some(1), 2..3)]
        );
    }

    #[test]
    fn what_is_written_to_one_piece_leaves_the_others_alone() {
        assert_eq!(
            of(&[], &keys(0..10_000)),
            [(None, 0..4096), (None, 4096..8192), (None, 8192..10_000)]
        );
        let small = [block(0, 99, 1000)];
        assert_eq!(
            of(&small, &keys(90..9000)),
            [(Some(0), 0..3106), (None, 3106..7202), (None, 7202..8910)]
        );
    }

    #[test]
    fn blocks_are_alike() {
        assert_eq!(rows_a_block(4096), 4096);
        assert_eq!(rows_a_block(4097), 2049);
        assert_eq!(rows_a_block(0), 0);
    }

    #[test]
    fn what_was_left_is_not_tried_again_and_again() {
        let limits = Limits::default();
        let facts = |unsettled, seconds, left| Facts {
            unsettled,
            unchanged: Duration::from_secs(seconds),
            left,
        };
        assert!(is_due(&facts(limits.many_rows, 0, 0), &limits));
        assert!(!is_due(
            &facts(limits.many_rows, 0, limits.many_rows),
            &limits
        ));
        assert!(!is_due(&facts(5000, 1, 0), &limits));
        assert!(is_due(&facts(5000, 11, 0), &limits));
        assert!(!is_due(&facts(5000, 11, 5000), &limits));
        assert!(!is_due(&facts(100, 1000, 0), &limits));
    }

    #[test]
    fn space_is_given_back_at_rest_or_when_much_is_dead() {
        let limits = Limits::default();
        let facts = |unsettled, seconds| Facts {
            unsettled,
            unchanged: Duration::from_secs(seconds),
            left: 0,
        };
        assert!(!gives_back(0, &facts(0, 1000), &limits));
        assert!(gives_back(limits.some_rows, &facts(10, 11), &limits));
        assert!(!gives_back(limits.some_rows, &facts(10, 1), &limits));
        let busy = facts(limits.many_rows, 0);
        assert!(!gives_back(limits.dead_rows - 1, &busy, &limits));
        assert!(gives_back(limits.dead_rows, &busy, &limits));
    }

    proptest! {
        #[test]
        fn no_unit_reaches_into_another(
            cuts in proptest::collection::btree_set(0u32..10_000, 0..20),
            rows in proptest::collection::btree_set(0u32..10_000, 0..800),
        ) {
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let blocks: Vec<Known> = cuts
                .chunks_exact(2)
                .map(|pair| block(pair[0], pair[1], (pair[0] % 4096) as usize))
                .collect();
            let keys = keys(rows);
            let mut reached: Vec<u8> = Vec::new();
            let mut inside = 0;
            for unit in units(&blocks, &keys) {
                let of = &keys[unit.rows.clone()];
                let mut first = of[0].to_vec();
                let mut last = of[of.len() - 1].to_vec();
                if let Some(block) = unit.block {
                    first = first.min(blocks[block].first_key.clone());
                    last = last.max(blocks[block].last_key.clone());
                }
                prop_assert!(reached.is_empty() || first > reached);
                for (place, block) in blocks.iter().enumerate() {
                    if unit.block != Some(place) {
                        prop_assert!(block.last_key < first || block.first_key > last);
                    }
                }
                reached = last;
                inside += unit.rows.len();
            }
            let in_blocks = keys.iter().filter(|key| {
                blocks.iter().any(|b| b.first_key.as_slice() <= &key[..] && &key[..] <= b.last_key.as_slice())
            });
            prop_assert!(inside >= in_blocks.count());
        }
    }
}
