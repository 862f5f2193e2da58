//! Where a key space lives. Each column family costs memory for its own
//! memtable and files of its own, so the three spaces with little in them share
//! one and begin their keys with a byte that tells them apart.

use crate::store::{Space, successor};
use smallvec::SmallVec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Data,
    Index,
    Log,
    /// RocksDB insists on a family of the name `default`.
    Default,
}

impl Family {
    pub const ALL: [Family; 4] = [Family::Data, Family::Index, Family::Log, Family::Default];

    pub fn of(space: Space) -> Family {
        match space {
            Space::Data => Family::Data,
            Space::Index => Family::Index,
            Space::Log => Family::Log,
            Space::Side | Space::Delta | Space::Meta => Family::Default,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Family::Data => "data",
            Family::Index => "index",
            Family::Log => "log",
            Family::Default => "default",
        }
    }
}

/// What stands before every key of the space in its family.
pub(super) fn prefix(space: Space) -> &'static [u8] {
    match space {
        Space::Data | Space::Index | Space::Log => &[],
        Space::Side => &[Space::Side as u8],
        Space::Delta => &[Space::Delta as u8],
        Space::Meta => &[Space::Meta as u8],
    }
}

/// Hands `key` as its family knows it to `then`, without an allocation for keys of usual length.
pub(super) fn with_key<T>(space: Space, key: &[u8], then: impl FnOnce(&[u8]) -> T) -> T {
    let prefix = prefix(space);
    if prefix.is_empty() {
        return then(key);
    }
    let mut whole: SmallVec<[u8; 64]> = SmallVec::from_slice(prefix);
    whole.extend_from_slice(key);
    then(&whole)
}

/// The bounds of a scan in the family; an empty upper one is none.
pub(super) fn bounds(space: Space, start: &[u8], end: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let prefix = prefix(space);
    let upper = match end {
        [] => successor(prefix),
        end => [prefix, end].concat(),
    };
    ([prefix, start].concat(), upper)
}
