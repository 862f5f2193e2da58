//! Every identifier in one place, each with a life of its own and a form one
//! recognises in a log: `S9f2c…:i3`, `T812`, `X14`, `P7`, `L5#1042`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A site: one installation of Orbit, random, never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SiteId(pub u64);

/// One life of a site's data directory. A restored backup or a cloned disk
/// gets a new one, so two copies never share a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// What stands for (site, incarnation, lane) inside this node's stamps and
/// hidden keys. Never leaves the node: wires and fingerprints carry the triple.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SiteOrdinal(pub u32);

/// A table, for its whole life. Node-local; the catalog maps it to the stamp of
/// its creation, by which other sites know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableId(pub u32);

/// An index, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndexId(pub u32);

/// A sequence, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SequenceId(pub u32);

/// The key range that holds a table's rows (or an index's entries) now.
/// TRUNCATE, a bulk load and ADD PRIMARY KEY move a table to a fresh one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StorageId(pub u32);

/// A partition; a table without `partition_by` is a single one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartitionId(pub u32);

/// A priority class of the log, a FIFO of its own (SPEC: 10, 8, 5, 3, 1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane(pub u8);

impl Lane {
    pub const CRITICAL: Lane = Lane(10);
    pub const HIGH: Lane = Lane(8);
    pub const NORMAL: Lane = Lane(5);
    pub const LOW: Lane = Lane(3);
    pub const BACKGROUND: Lane = Lane(1);
    pub const ALL: [Lane; 5] = [
        Lane::CRITICAL,
        Lane::HIGH,
        Lane::NORMAL,
        Lane::LOW,
        Lane::BACKGROUND,
    ];
}

/// Dense position in one lane of this node's log: 1, 2, 3, with no gap.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Debug, Default,
)]
pub struct Sequence(pub u64);

/// A running transaction of this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxnId(pub u64);

macro_rules! prints_as {
    ($($type:ty => $format:literal),* $(,)?) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    )*};
}

prints_as! {
    SiteId => "S{:016x}",
    Incarnation => "i{:016x}",
    SiteOrdinal => "s{}",
    TableId => "T{}",
    IndexId => "X{}",
    SequenceId => "Q{}",
    StorageId => "D{}",
    PartitionId => "P{}",
    Lane => "L{}",
    TxnId => "tx{}",
}
