//! What to seal next. Pure: facts in, one step out; doing it is the sealer's.

use super::manifest::Manifest;
use std::ops::Range;

/// What a profile grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tables with fewer rows have no columns: their rows are read as fast.
    pub least_rows: u64,
    /// A segment is cut after so many.
    pub segment_rows: u64,
    /// Rows of a segment that are read at once.
    pub group_rows: u64,
    /// A segment is made anew when this share of its rows has changed, in percent.
    pub changed_percent: u64,
    /// The copy of a table that nobody reads is given up when so much of it has changed.
    pub unread_percent: u64,
    /// Fewer changes than these are never worth it.
    pub least_changes: u64,
    /// Entries of the delta kept for segments that hardly change, in percent of all rows.
    pub kept_percent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            least_rows: 32 << 10,
            segment_rows: 256 << 10,
            group_rows: 64 << 10,
            changed_percent: 10,
            unread_percent: 30,
            least_changes: 4 << 10,
            kept_percent: 20,
        }
    }
}

/// One table as it is.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub manifest: Option<&'a Manifest>,
    /// How many rows it has, counted no further than `least_rows`.
    pub rows: u64,
    /// By segment: keys changed after its position.
    pub changes: &'a [u64],
    /// Entries of the delta, needed or not.
    pub delta_entries: u64,
    /// Whether all of it was read since it was looked at last: only then is it worth
    /// keeping up with what is written.
    pub scanned: bool,
    /// It was given up, and nobody has read all of it since.
    pub given_up: bool,
    /// A segment that can't be read.
    pub damaged: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Note from now on what is written.
    Follow,
    /// Make the first segments.
    Build,
    /// Make these segments anew, as one range of keys.
    Reseal(Range<usize>),
    /// Too small by now, or written and not read: give the columns up.
    Forget,
}

pub fn next(facts: &Facts<'_>, limits: &Limits) -> Step {
    let Some(manifest) = facts.manifest else {
        return if facts.rows >= limits.least_rows && !facts.given_up {
            Step::Follow
        } else {
            Step::Nothing
        };
    };
    if facts.rows < limits.least_rows / 2 {
        return Step::Forget;
    }
    if !manifest.is_complete() {
        return Step::Build;
    }
    if let Some(damaged) = facts.damaged {
        return Step::Reseal(damaged..damaged + 1);
    }
    let places = 0..manifest.segments.len();
    let rows = |place: usize| manifest.segments.get(place).map_or(0, |s| s.rows());
    let changes = |place: usize| facts.changes.get(place).copied().unwrap_or(0);
    if !facts.scanned {
        // Written and not read: noting every key costs writers, and files wear the disk.
        let all: u64 = facts.changes.iter().sum();
        let many = manifest.rows() * limits.unread_percent / 100;
        return match all.max(facts.delta_entries / 2) > many.max(limits.least_changes) {
            true => Step::Forget,
            false => Step::Nothing,
        };
    }
    let due = |place: usize| {
        let share = rows(place) * limits.changed_percent / 100;
        changes(place) >= share.max(limits.least_changes)
    };
    // The one that has changed most, and its neighbours if they are due as well: what
    // is made at once is bounded, and one range at a time is shown.
    if let Some(worst) = places
        .clone()
        .filter(|place| due(*place))
        .max_by_key(|place| changes(*place) * 1000 / rows(*place).max(1))
    {
        return Step::Reseal(run(worst, places, |place| due(place)));
    }
    // Small neighbours become one.
    let small = |place: usize| rows(place) + changes(place) <= limits.segment_rows / 4;
    if let Some(first) = places
        .clone()
        .find(|place| small(*place) && place + 1 < places.end && small(place + 1))
    {
        return Step::Reseal(run(first, places, small));
    }
    // Old entries are kept for whoever still needs one of them.
    let kept = (manifest.rows() * limits.kept_percent / 100).max(limits.least_changes * 4);
    if facts.delta_entries > kept
        && let Some(oldest) = places.min_by_key(|place| manifest.segments[*place].position)
    {
        return Step::Reseal(oldest..oldest + 1);
    }
    Step::Nothing
}

/// Segments made in one step.
const SEGMENTS_A_STEP: usize = 4;

fn run(first: usize, places: Range<usize>, also: impl Fn(usize) -> bool) -> Range<usize> {
    let mut run = first..first + 1;
    while run.len() < SEGMENTS_A_STEP && run.end < places.end && also(run.end) {
        run.end += 1;
    }
    while run.len() < SEGMENTS_A_STEP && run.start > places.start && also(run.start - 1) {
        run.start -= 1;
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Hlc;
    use crate::columns::{Group, Segment, SegmentId};
    use crate::ids::{PartitionId, StorageId};

    fn manifest(rows: &[u64]) -> Manifest {
        let mut manifest = Manifest::new(PartitionId(1), StorageId(1), Hlc(1));
        for (at, rows) in rows.iter().enumerate() {
            manifest.segments.push(Segment {
                id: SegmentId(at as u64),
                position: Hlc(100 - at as u64),
                groups: vec![Group {
                    first_key: vec![at as u8],
                    rows: *rows,
                }],
                bytes: 0,
                footer: 0,
                checks: Vec::new(),
                columns: Vec::new(),
            });
        }
        manifest
    }

    fn step(manifest: Option<&Manifest>, rows: u64, changes: &[u64], entries: u64) -> Step {
        let facts = Facts {
            manifest,
            rows,
            changes,
            delta_entries: entries,
            scanned: true,
            given_up: false,
            damaged: None,
        };
        next(&facts, &Limits::default())
    }

    const BIG: u64 = 256 << 10;

    #[test]
    fn a_table_gets_columns_when_it_is_large_enough() {
        assert_eq!(step(None, 1000, &[], 0), Step::Nothing);
        assert_eq!(step(None, 40_000, &[], 0), Step::Follow);
        assert_eq!(step(Some(&manifest(&[])), 40_000, &[], 0), Step::Build);
    }

    #[test]
    fn and_loses_them_only_when_it_is_much_smaller() {
        let one = manifest(&[40_000]);
        assert_eq!(step(Some(&one), 20_000, &[0], 0), Step::Nothing);
        assert_eq!(step(Some(&one), 10_000, &[0], 0), Step::Forget);
    }

    #[test]
    fn what_changed_most_is_made_anew_with_neighbours_that_are_due() {
        let many = manifest(&[BIG; 8]);
        let tenth = BIG / 10 + 1;
        let quiet = [0, 10, 100, 0, 0, 0, 9, 9];
        assert_eq!(step(Some(&many), BIG, &quiet, 128), Step::Nothing);
        let one = [0, tenth, 0, 0, 0, tenth * 2, 9, 9];
        assert_eq!(step(Some(&many), BIG, &one, 0), Step::Reseal(5..6));
        let all = [tenth; 8];
        let Step::Reseal(places) = step(Some(&many), BIG, &all, 0) else {
            panic!("nothing to do");
        };
        assert_eq!(places.len(), SEGMENTS_A_STEP);
    }

    #[test]
    fn what_nobody_reads_is_not_made_anew_and_in_the_end_given_up() {
        let many = manifest(&[BIG; 4]);
        let unread = |changes: &[u64], manifest| {
            let facts = Facts {
                manifest,
                rows: BIG,
                changes,
                delta_entries: changes.iter().sum(),
                scanned: false,
                given_up: true,
                damaged: None,
            };
            next(&facts, &Limits::default())
        };
        assert_eq!(unread(&[BIG / 5, 0, 0, 0], Some(&many)), Step::Nothing);
        assert_eq!(unread(&[BIG / 2; 4], Some(&many)), Step::Forget);
        assert_eq!(unread(&[], None), Step::Nothing);
    }

    #[test]
    fn what_is_damaged_comes_first() {
        let many = manifest(&[BIG; 4]);
        let facts = Facts {
            manifest: Some(&many),
            rows: BIG,
            changes: &[BIG, 0, 0, 0],
            delta_entries: BIG,
            scanned: true,
            given_up: false,
            damaged: Some(2),
        };
        assert_eq!(next(&facts, &Limits::default()), Step::Reseal(2..3));
    }

    #[test]
    fn small_neighbours_become_one() {
        let mixed = manifest(&[BIG, 1000, 2000, BIG, 500]);
        assert_eq!(step(Some(&mixed), BIG, &[0; 5], 0), Step::Reseal(1..3));
    }

    #[test]
    fn whoever_keeps_old_entries_alive_is_made_anew() {
        let many = manifest(&[BIG; 4]);
        let few = [1, 1, 1, 1];
        let kept = BIG * 4 / 5;
        assert_eq!(step(Some(&many), BIG, &few, kept - 1), Step::Nothing);
        assert_eq!(step(Some(&many), BIG, &few, kept + 2), Step::Reseal(3..4));
    }

    #[test]
    fn steps_come_to_an_end() {
        // Each step makes its segments anew: no change left, position newest.
        let mut many = manifest(&[BIG, BIG, 900, 900, 900, BIG, BIG]);
        let mut changes = vec![BIG / 5, 0, 3, 800, 0, BIG / 3, 10];
        for steps in 0.. {
            assert!(steps < 10, "goes on for ever");
            let entries = changes.iter().sum();
            match step(Some(&many), BIG, &changes, entries) {
                Step::Nothing => break,
                Step::Reseal(places) => {
                    let rows: u64 = places.clone().map(|at| many.segments[at].rows()).sum();
                    let mut made = many.segments[places.start].clone();
                    made.position = Hlc(1000);
                    made.groups[0].rows = rows;
                    many.segments.splice(places.clone(), [made]);
                    changes.splice(places, [0]);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
