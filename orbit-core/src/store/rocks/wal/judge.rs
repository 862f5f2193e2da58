//! Whether a log with damage in it lost anything that was promised to be kept.

use super::Mark;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub file: u64,
    pub offset: u64,
}

/// The first place from which on the log is not to be read.
#[derive(Clone, Copy, Debug)]
struct Gap {
    place: Place,
    /// The number of the first batch that is missing, once known.
    missing: Option<u64>,
    /// No crash leaves such bytes, or what is missing had been synced.
    damage: bool,
}

/// Fed with what the log holds, in its order.
#[derive(Default, Debug)]
pub(super) struct Judge {
    /// Of the newest marks seen: since when the store was open.
    first_file: u64,
    /// The number that the next batch should have.
    next: Option<u64>,
    /// The first of each file, in order. The log is read up to the first of them.
    gaps: Vec<Gap>,
}

impl Judge {
    /// Something is missing here as if a write had been cut short.
    pub fn torn_at(&mut self, place: Place) {
        self.open_gap(place, false);
    }

    /// Something is wrong here that no crash explains. It needn't matter: what
    /// follows may tell that this file is no longer needed.
    pub fn damaged_at(&mut self, place: Place) {
        self.open_gap(place, true);
    }

    fn open_gap(&mut self, place: Place, damage: bool) {
        match self.gaps.last() {
            Some(last) if last.place.file == place.file => {}
            last => {
                let missing = if last.is_none() { self.next } else { None };
                self.gaps.push(Gap {
                    place,
                    missing,
                    damage,
                });
            }
        }
    }

    /// A whole record.
    pub fn record(&mut self, place: Place, mark: Option<Mark>) {
        let Some(mark) = mark else {
            return;
        };
        self.witness(mark);
        if self.gaps.is_empty() && self.next.is_some_and(|next| next != mark.number) {
            // Nothing looks damaged and yet a batch is missing: a file before
            // this one ends too early.
            self.open_gap(place, false);
            self.witness(mark);
        }
        if self.gaps.is_empty() {
            self.next = Some(mark.number + 1);
        }
    }

    /// What a mark says, whether or not the rest of its record is there.
    pub fn witness(&mut self, mark: Mark) {
        if mark.first_file > self.first_file {
            // The store was opened anew: older files were done with by then.
            self.first_file = mark.first_file;
            self.next = None;
            self.gaps.retain(|gap| gap.place.file >= mark.first_file);
            for gap in &mut self.gaps {
                gap.missing = None;
            }
        }
        if let Some(gap) = self.gaps.first_mut() {
            // If no batch before the gap is known: at least the one before this is missing.
            let missing = *gap
                .missing
                .get_or_insert_with(|| mark.number.saturating_sub(1));
            gap.damage |= mark.synced > missing;
        }
    }

    /// Where the log is to be cut; an error if it is damaged there instead.
    pub fn verdict(&self) -> Result<Option<Place>, Place> {
        match self.gaps.first() {
            Some(gap) if gap.damage => Err(gap.place),
            Some(gap) => Ok(Some(gap.place)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: u64, offset: u64) -> Place {
        Place { file, offset }
    }

    fn mark(first_file: u64, number: u64, synced: u64) -> Option<Mark> {
        Some(Mark {
            first_file,
            number,
            synced,
        })
    }

    #[test]
    fn a_whole_log_needs_no_cut() {
        let mut judge = Judge::default();
        for number in 0..9 {
            judge.record(place(4 + number / 5, number), mark(4, number, number / 3));
        }
        assert_eq!(judge.verdict(), Ok(None));
    }

    #[test]
    fn an_unsynced_gap_is_cut() {
        let mut judge = Judge::default();
        judge.record(place(4, 0), mark(4, 0, 0));
        judge.record(place(4, 10), mark(4, 1, 1));
        judge.torn_at(place(4, 20));
        judge.record(place(4, 30), mark(4, 3, 2));
        judge.torn_at(place(4, 40));
        judge.record(place(5, 0), mark(4, 6, 2));
        assert_eq!(judge.verdict(), Ok(Some(place(4, 20))));
    }

    #[test]
    fn a_synced_gap_is_damage() {
        let mut judge = Judge::default();
        judge.record(place(4, 0), mark(4, 0, 0));
        judge.torn_at(place(4, 20));
        judge.record(place(4, 30), mark(4, 2, 1));
        assert_eq!(judge.verdict(), Ok(Some(place(4, 20))));
        judge.record(place(4, 40), mark(4, 3, 2));
        assert_eq!(judge.verdict(), Err(place(4, 20)));
    }

    #[test]
    fn a_gap_at_the_beginning_counts_as_the_batch_before_the_next() {
        for (synced, verdict) in [(6, Ok(Some(place(8, 0)))), (7, Err(place(8, 0)))] {
            let mut judge = Judge::default();
            judge.torn_at(place(8, 0));
            judge.record(place(8, 10), mark(4, 7, 3));
            judge.record(place(8, 20), mark(4, 8, synced));
            assert_eq!(judge.verdict(), verdict);
        }
    }

    #[test]
    fn a_batch_missing_between_files_is_a_gap() {
        for (synced, verdict) in [(1, Ok(Some(place(5, 0)))), (2, Err(place(5, 0)))] {
            let mut judge = Judge::default();
            judge.record(place(4, 0), mark(4, 0, 0));
            judge.record(place(5, 0), mark(4, 2, synced));
            assert_eq!(judge.verdict(), verdict);
        }
    }

    #[test]
    fn earlier_lives_do_not_matter() {
        let mut judge = Judge::default();
        judge.record(place(4, 0), mark(4, 0, 0));
        judge.damaged_at(place(4, 20));
        judge.record(place(4, 30), mark(4, 3, 3));
        assert_eq!(judge.verdict(), Err(place(4, 20)));
        judge.record(place(9, 0), mark(9, 0, 0));
        judge.record(place(9, 10), mark(9, 1, 1));
        assert_eq!(judge.verdict(), Ok(None));
    }

    #[test]
    fn damage_in_this_life_is_not_excused_by_damage_in_an_earlier_one() {
        let mut judge = Judge::default();
        judge.damaged_at(place(4, 20));
        judge.damaged_at(place(9, 0));
        judge.record(place(9, 10), mark(9, 1, 0));
        assert_eq!(judge.verdict(), Err(place(9, 0)));
    }
}
