//! What a merge met that somebody should hear of: values that gave way, lives that collided.

use crate::log::Life;
use crate::row::Stamp;
use crate::value::Value;

/// How a cell that comes stands to the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The very one.
    Same,
    /// Its writer had seen what is there.
    Successor,
    /// What is there was written by somebody who had seen it.
    Ancestor,
    /// Neither had seen the other.
    Concurrent,
}

/// Nothing of these is an error: the merge has gone on, alike at every site.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// Two values of one column, neither of whose writers had seen the other's.
    Write {
        life: Life,
        slot: u16,
        kept: (Stamp, Value),
        lost: (Stamp, Value),
    },
    /// Two rows were inserted under one key, neither having seen the other.
    Insert { shown: Life, kept: Life },
    /// An update of a row that was deleted without having been seen so.
    UpdateOfDeleted {
        life: Life,
        stamp: Stamp,
        cells: Vec<(u16, Value)>,
    },
    /// A delete of a row that had been changed, which the delete hadn't seen.
    DeleteOfUpdated {
        life: Life,
        stamp: Stamp,
        cells: Vec<(u16, Stamp, Value)>,
    },
    /// A counter's sum is past what its column holds; the bound is shown, nothing is forgotten.
    OutOfRange { life: Life, slot: u16, sum: i128 },
    /// A column that isn't there, or is of another kind.
    Unknown { life: Life, slot: u16 },
}
