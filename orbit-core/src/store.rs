//! The ordered key-value store under a node, as a contract.
//!
//! # What every backend promises
//!
//! * **Atomic**: a batch is seen whole or not at all, by readers and after a crash.
//! * **Ordered**: batches become visible in the order of `apply` calls; after a
//!   crash a *prefix* of that order is there.
//! * **Durable on `sync`**: when `sync` returns `Ok`, every batch applied before
//!   the call survives power loss. When it returns an error the caller must stop
//!   the process: nothing is known any more about what is on disk.
//! * **Snapshots** see every batch applied before they were taken and nothing
//!   applied later, for as long as they live.
//! * Keys order bytewise.
//!
//! # What is not promised
//!
//! `apply` alone is not durable. Batches may be applied by one thread at a time
//! only (the committer). A snapshot may hold disk space until it is dropped.

pub mod batch;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
#[cfg(any(feature = "redb", feature = "rocks"))]
mod directory;
mod poison;
#[cfg(feature = "redb")]
pub mod redb;
#[cfg(feature = "rocks")]
pub mod rocks;
#[cfg(any(test, feature = "testing"))]
pub mod sim;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;

pub use batch::{Batch, Op};

/// The six key spaces. How many column families or tables back them is the backend's affair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Space {
    /// storage | pk -> row
    Data = 0,
    /// storage | key... | pk -> ()
    Index = 1,
    /// counter, set and sibling cells
    Side = 2,
    /// lane | sequence | chunk -> transaction record
    Log = 3,
    /// keys changed since a seal began
    Delta = 4,
    /// catalog, version vectors, fingerprints, identity, cursors
    Meta = 5,
}

impl Space {
    pub const ALL: [Space; 6] = [
        Space::Data,
        Space::Index,
        Space::Side,
        Space::Log,
        Space::Delta,
        Space::Meta,
    ];
}

/// Which keys a scan visits: `start <= key < end`; an empty `end` means to the last key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

impl KeyRange {
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange {
            start: prefix.to_vec(),
            end: successor(prefix),
        }
    }
}

/// The least key greater than every key that starts with `prefix`; empty if there is none.
pub fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last != 0xff {
            end.push(last + 1);
            break;
        }
    }
    end
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Forward,
    Backward,
}

/// A moving position over a range. Starts before the first entry.
pub trait Cursor: Send {
    /// Steps to the next entry; `false` at the end.
    fn advance(&mut self) -> Result<bool>;
    /// Jumps to the first entry at or after `key` (at or before it when
    /// scanning backward) within the range; `false` if there is none.
    fn seek(&mut self, key: &[u8]) -> Result<bool>;
    /// The entry under the position. Valid only after `true`.
    fn key(&self) -> &[u8];
    fn value(&self) -> &[u8];
}

/// The store as it was at one moment.
pub trait Snapshot: Send + Sync {
    /// Replaces `value` by what `key` holds; `false` (and `value` emptied) if nothing does.
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool>;

    /// As `get` for many keys at once; the answers stand in the order of the keys.
    fn multi_get(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter()
            .map(|key| {
                let mut value = Vec::new();
                Ok(self.get(space, key, &mut value)?.then_some(value))
            })
            .collect()
    }

    /// The cursor keeps the snapshot alive.
    fn scan(
        self: Arc<Self>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Box<dyn Cursor>>;
}

/// Bytes, as the backend counts them. Estimates where it can't know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub disk_bytes: u64,
    pub memory_bytes: u64,
}

/// Takes entries of one space in strictly ascending key order and makes them
/// part of the store at `finish`, all at once. Dropped unfinished, it leaves nothing.
/// Its key range must be one that nobody reads yet: whether snapshots taken before
/// `finish` show the load is not promised.
pub trait SortedLoad: Send {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    /// Durable when it returns, with every batch applied before. Entries may lie
    /// between stored ones, never on them; nobody may be reading the range.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a sorted load says to an entry out of order.
fn must_ascend(last: Option<&[u8]>, key: &[u8]) -> Result<()> {
    match last {
        Some(last) if last >= key => Err(Error::internal(
            "a sorted load was given keys that do not ascend",
        )),
        _ => Ok(()),
    }
}

pub trait Store: Send + Sync + 'static {
    /// Reads the newest state, without a snapshot.
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool>;
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>>;
    fn apply(&self, batch: &Batch) -> Result<()>;
    fn sync(&self) -> Result<()>;
    /// Begins a sorted load (see [`SortedLoad`]).
    fn sorted_load(&self, space: Space) -> Result<Box<dyn SortedLoad>>;
    fn sizes(&self) -> Result<Sizes>;
    /// About how many keys a space has.
    fn keys(&self, space: Space) -> Result<u64>;
    /// A consistent copy in a new directory, durable when it returns.
    fn checkpoint(&self, directory: &Path) -> Result<()>;
    /// About how much a range takes on disk, what was removed from it included; 0 where
    /// the backend uses freed space again by itself.
    fn disk_bytes(&self, space: Space, range: &KeyRange) -> Result<u64>;
    /// Gives back the space of what was removed from a range, where the backend doesn't use
    /// it again by itself; takes as long as writing what is left of the range. Ends early,
    /// with what it got to, if cancelled.
    fn compact(&self, space: Space, range: &KeyRange, cancel: &CancelToken) -> Result<()>;
    /// Writes everything anew, as small as it can be, and from here on whatever compactions
    /// write. `step` is asked before each few seconds' work, with about how many bytes that
    /// takes meanwhile, and ends it by its error. Nothing where the backend can't compress.
    fn compress(&self, _step: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        self.health()
    }
    /// Keeps at most so many percent of what its options let it cache.
    fn set_cache_share(&self, _percent: usize) {}
    /// A number for this moment, for [`Store::is_read_from_before`].
    fn moment(&self) -> u64 {
        0
    }
    /// Whether a snapshot from before that moment is still held: what was removed at it
    /// can't be given back yet, only copied.
    fn is_read_from_before(&self, _moment: u64) -> Result<bool> {
        Ok(false)
    }
    /// Verifies what is cheap to verify now (background errors, for instance).
    fn health(&self) -> Result<()>;
    /// A short name for messages: `rocksdb`, `redb`, `sim`.
    fn name(&self) -> &'static str;
}

/// What a device profile grants a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub block_cache_bytes: usize,
    /// All memtables together.
    pub write_buffer_bytes: usize,
    pub max_open_files: i32,
    pub background_jobs: i32,
    /// Less space for more of the processor, where the backend compresses.
    pub compresses_much: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            block_cache_bytes: 64 << 20,
            write_buffer_bytes: 64 << 20,
            max_open_files: 256,
            background_jobs: 2,
            compresses_much: false,
        }
    }
}
