//! The values of sequences: which were given out, and which this site may give out next.
//!
//! Values are given out from memory; the commit of the transaction that asked for them
//! writes the position in its own batch, so a sequence costs no flush of its own. A value
//! that only a transaction saw which never committed may come again after a crash.
//!
//! **No two sites give out the same value.** The site that made a sequence counts through
//! it from its start. Any other site, be it a child of a fleet or a copy of a backup, takes
//! values only from ranges that are its own: leased from its parent, or, for bigint, from a
//! block of [`BLOCK`] values above 2^62 whose place is drawn from the site's 64 random bits.

use crate::catalog::SequenceDef;
use crate::error::{Error, Result, state};
use crate::ids::{SiteId, StorageId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Values in one block of a site's own.
pub const BLOCK: i64 = 1 << 20;
/// Blocks lie above this: what a site counts to by itself stays below.
const BLOCKS_FROM: i64 = 1 << 62;
/// The bits that choose a block between 2^62 and 2^63.
const BLOCK_BITS: u32 = 42;

/// Where a sequence stands, for one storage of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last value given out, or the next one to give out if `called` is false.
    pub last: i64,
    pub called: bool,
    /// `None`: the whole sequence, for the site that made it.
    pub range: Option<Range>,
    /// Blocks of its own that this site has begun.
    #[serde(default)]
    pub blocks: u64,
}

/// Values that one site alone gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub first: i64,
    pub last: i64,
    pub site: SiteId,
}

impl Position {
    pub fn new(def: &SequenceDef) -> Position {
        Position {
            last: def.first,
            called: false,
            range: None,
            blocks: 0,
        }
    }

    /// The next value for `site`.
    pub fn next(&mut self, def: &SequenceDef, site: SiteId) -> Result<i64> {
        let home = def.created.site == site;
        let mine = match &self.range {
            None => home,
            Some(range) => range.site == site,
        };
        if !mine {
            if home {
                return Err(no_range(def, site));
            }
            self.begin_block(def, site)?;
        }
        let (low, high) = match &self.range {
            None => (def.min, def.max),
            Some(range) => (range.first.max(def.min), range.last.min(def.max)),
        };
        if !self.called {
            self.called = true;
            return Ok(self.last);
        }
        let next = self.last.checked_add(def.increment);
        let next = match next {
            Some(next) if (low..=high).contains(&next) => next,
            _ if self.range.is_some() => {
                self.begin_block(def, site)?;
                self.called = true;
                return Ok(self.last);
            }
            _ if def.cycle && def.increment > 0 => low,
            _ if def.cycle => high,
            _ => return Err(exhausted(def)),
        };
        self.last = next;
        Ok(next)
    }

    /// setval().
    pub fn set(&mut self, def: &SequenceDef, site: SiteId, value: i64, called: bool) -> Result<()> {
        if !(def.min..=def.max).contains(&value) {
            return Err(Error::new(
                state::NUMERIC_VALUE_OUT_OF_RANGE,
                format!(
                    "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
                    def.name, def.min, def.max
                ),
            ));
        }
        if def.created.site == site {
            self.range = None;
        } else {
            if self.range.is_none_or(|range| range.site != site) {
                self.begin_block(def, site)?;
            }
            let own = self
                .range
                .filter(|own| (own.first..=own.last).contains(&value));
            if own.is_none() {
                return Err(Error::new(
                    state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!(
                        "setval: value {value} of sequence \"{}\" is not this site's to give out",
                        def.name
                    ),
                )
                .with_detail(format!(
                    "The sequence was made by site {}; this is site {site}.",
                    def.created.site
                ))
                .with_hint(
                    "Leave the sequence as it is: nextval() takes from a range of this site.",
                ));
            }
        }
        self.last = value;
        self.called = called;
        Ok(())
    }

    /// The next block of values that no other site draws from.
    fn begin_block(&mut self, def: &SequenceDef, site: SiteId) -> Result<()> {
        let wide = def.max == i64::MAX && def.increment > 0 && def.increment < BLOCK;
        if !wide {
            return Err(no_range(def, site));
        }
        let hash = xxh3_64_with_seed(&self.blocks.to_le_bytes(), site.0);
        let block = (hash >> (64 - BLOCK_BITS)) as i64;
        let first = BLOCKS_FROM + block * BLOCK;
        self.range = Some(Range {
            first,
            last: first + (BLOCK - 1),
            site,
        });
        self.blocks += 1;
        self.last = first;
        self.called = false;
        Ok(())
    }
}

fn exhausted(def: &SequenceDef) -> Error {
    let (which, limit) = if def.increment > 0 {
        ("maximum", def.max)
    } else {
        ("minimum", def.min)
    };
    Error::new(
        state::SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
        format!(
            "nextval: reached {which} value of sequence \"{}\" ({limit})",
            def.name
        ),
    )
}

fn no_range(def: &SequenceDef, site: SiteId) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "sequence \"{}\" has no values left that are this site's to give out",
            def.name
        ),
    )
    .with_detail(format!(
        "The sequence was made by site {}; this is site {site}, which must not repeat its values. \
         Only ascending bigint sequences have room for a block per site.",
        def.created.site
    ))
    .with_hint(
        "Make the sequence wider on the site that made it (ALTER SEQUENCE ... AS bigint), \
         or use uuid keys.",
    )
}

/// The positions of all sequences of a node.
#[derive(Default)]
pub struct Sequences {
    positions: Mutex<BTreeMap<StorageId, Position>>,
}

impl Sequences {
    pub fn new(positions: BTreeMap<StorageId, Position>) -> Sequences {
        Sequences {
            positions: Mutex::new(positions),
        }
    }

    pub fn next(&self, def: &SequenceDef, site: SiteId) -> Result<i64> {
        let mut positions = self.positions.lock();
        let position = positions.entry(def.storage);
        position
            .or_insert_with(|| Position::new(def))
            .next(def, site)
    }

    pub fn set(&self, def: &SequenceDef, site: SiteId, value: i64, called: bool) -> Result<()> {
        let mut positions = self.positions.lock();
        let position = positions.entry(def.storage);
        let position = position.or_insert_with(|| Position::new(def));
        let mut changed = position.clone();
        changed.set(def, site, value, called)?;
        *position = changed;
        Ok(())
    }

    /// Where a sequence stands; as after its creation if no value was asked for yet.
    pub fn position(&self, def: &SequenceDef) -> Position {
        let positions = self.positions.lock();
        let known = positions.get(&def.storage).cloned();
        known.unwrap_or_else(|| Position::new(def))
    }

    pub(crate) fn of_storage(&self, storage: StorageId) -> Option<Position> {
        self.positions.lock().get(&storage).cloned()
    }

    pub(crate) fn forget(&self, storage: StorageId) {
        self.positions.lock().remove(&storage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{BOOTSTRAP_ROLE, CreationStamp};
    use crate::ids::SequenceId;
    use crate::types::SqlType;

    const HOME: SiteId = SiteId(7);
    const AWAY: SiteId = SiteId(8);

    fn sequence(max: i64, increment: i64) -> SequenceDef {
        SequenceDef {
            id: SequenceId(1),
            oid: 16_400,
            storage: StorageId(1),
            first: if increment > 0 { 1 } else { -1 },
            schema: "public".into(),
            name: "s".into(),
            sql_type: SqlType::Int8,
            start: 1,
            increment,
            min: if increment > 0 { 1 } else { i64::MIN },
            max,
            cache: 1,
            cycle: false,
            owned_by: None,
            owner: BOOTSTRAP_ROLE,
            acl: None,
            temporary: false,
            created: CreationStamp {
                hlc: 1,
                site: HOME,
                nth: 0,
            },
        }
    }

    #[test]
    fn the_site_that_made_it_counts_from_the_start_to_the_end() {
        let def = sequence(3, 1);
        let mut at = Position::new(&def);
        let given: Vec<i64> = (0..3).map(|_| at.next(&def, HOME).unwrap()).collect();
        assert_eq!(given, [1, 2, 3]);
        assert!(
            at.next(&def, HOME)
                .unwrap_err()
                .is(state::SEQUENCE_GENERATOR_LIMIT_EXCEEDED)
        );
        let mut round = def.clone();
        round.cycle = true;
        assert_eq!(at.next(&round, HOME).unwrap(), 1);
    }

    #[test]
    fn descending_sequences_end_at_their_minimum() {
        let mut def = sequence(-1, -1);
        def.min = -2;
        let mut at = Position::new(&def);
        assert_eq!(at.next(&def, HOME).unwrap(), -1);
        assert_eq!(at.next(&def, HOME).unwrap(), -2);
        let error = at.next(&def, HOME).unwrap_err();
        assert!(error.to_string().contains("minimum value"), "{error}");
    }

    #[test]
    fn copies_of_one_state_on_two_sites_share_no_value() {
        let def = sequence(i64::MAX, 1);
        let mut original = Position::new(&def);
        for _ in 0..10 {
            original.next(&def, HOME).unwrap();
        }
        let (mut first, mut second) = (original.clone(), original.clone());
        let mut given = std::collections::BTreeSet::new();
        for _ in 0..100 {
            for value in [
                original.next(&def, HOME).unwrap(),
                first.next(&def, AWAY).unwrap(),
                second.next(&def, SiteId(9)).unwrap(),
            ] {
                assert!(given.insert(value), "{value} was given out twice");
            }
        }
        // A copy of the copy begins a block of its own too.
        let mut third = first.clone();
        assert!(given.insert(third.next(&def, SiteId(10)).unwrap()));
    }

    #[test]
    fn a_block_that_is_used_up_is_followed_by_another() {
        let def = sequence(i64::MAX, 1);
        let mut at = Position::new(&def);
        let first = at.next(&def, AWAY).unwrap();
        at.last = first + BLOCK - 1;
        let next = at.next(&def, AWAY).unwrap();
        assert!(next < first || next >= first + BLOCK, "{first} then {next}");
    }

    #[test]
    fn another_site_is_refused_where_there_is_no_room_for_blocks() {
        let def = sequence(i64::from(i32::MAX), 1);
        let mut at = Position::new(&def);
        let error = at.next(&def, AWAY).unwrap_err();
        assert!(error.is(state::OBJECT_NOT_IN_PREREQUISITE_STATE));
        let wide = sequence(i64::MAX, 1);
        let mut at = Position::new(&wide);
        assert!(at.set(&wide, AWAY, 5, true).is_err());
        assert!(at.set(&wide, HOME, 5, true).is_ok());
        assert_eq!(at.next(&wide, HOME).unwrap(), 6);
    }
}
