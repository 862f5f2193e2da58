//! The store that tests break on purpose: in memory, with every way a disk can
//! disappoint.
//!
//! State is a persistent map, so a snapshot is a copy of six pointers. Every
//! batch applied since the last `sync` is remembered as a state of its own;
//! [`SimStore::crash`] continues from one of them, as a disk would that had
//! written some of what was never synced.

mod fault;
#[cfg(test)]
mod tests;

use super::poison::Poison;
use super::{Batch, Cursor, Direction, KeyRange, Op, Sizes, Snapshot, SortedLoad, Space, Store};
use crate::cancel::CancelToken;
use crate::error::{Error, Result, state};
use fault::Faults;
pub use fault::{Call, Fault, FaultKind};
use imbl::OrdMap;
use parking_lot::Mutex;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

type Bytes = Arc<[u8]>;

/// All six spaces at one moment; a clone costs next to nothing.
#[derive(Clone, Default)]
struct State {
    spaces: [OrdMap<Bytes, Bytes>; Space::ALL.len()],
}

impl State {
    fn space(&self, space: Space) -> &OrdMap<Bytes, Bytes> {
        &self.spaces[space as usize]
    }

    fn space_mut(&mut self, space: Space) -> &mut OrdMap<Bytes, Bytes> {
        &mut self.spaces[space as usize]
    }

    fn carry_out(&mut self, batch: &Batch) {
        for step in batch.iter() {
            match step {
                Op::Put { space, key, value } => {
                    self.space_mut(space).insert(key.into(), value.into());
                }
                Op::Delete { space, key } => {
                    self.space_mut(space).remove(key);
                }
                Op::DeleteRange { space, start, end } => {
                    if start >= end {
                        continue;
                    }
                    let doomed: Vec<Bytes> = self
                        .space(space)
                        .range::<_, [u8]>((Bound::Included(start), Bound::Excluded(end)))
                        .map(|(key, _)| key.clone())
                        .collect();
                    for key in doomed {
                        self.space_mut(space).remove(&key);
                    }
                }
            }
        }
    }
}

#[derive(Default)]
struct Disk {
    /// What readers see.
    current: State,
    /// What every crash leaves at least.
    synced: State,
    /// The states after each batch since, oldest first: any of them may be what a crash leaves.
    unsynced: Vec<State>,
}

pub struct SimStore {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
    poison: Arc<Poison>,
    /// Whether a failed write ends the store's life, as the contract demands.
    forgiving: bool,
}

impl Default for SimStore {
    fn default() -> SimStore {
        SimStore::new()
    }
}

impl SimStore {
    pub fn new() -> SimStore {
        SimStore::with(State::default(), false)
    }

    /// A store that breaks the contract: after a failed write it goes on as if
    /// nothing had happened, like a kernel that reports a failed `fsync` once.
    /// For tests that callers stop by themselves.
    pub fn forgiving() -> SimStore {
        SimStore::with(State::default(), true)
    }

    fn with(state: State, forgiving: bool) -> SimStore {
        SimStore {
            disk: Arc::new(Mutex::new(Disk {
                current: state.clone(),
                synced: state,
                unsynced: Vec::new(),
            })),
            faults: Arc::default(),
            poison: Arc::default(),
            forgiving,
        }
    }

    /// From now on calls of `fault.on` are counted; the one it names fails.
    pub fn inject(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// How many different states a crash at this moment can leave.
    pub fn crash_points(&self) -> usize {
        self.disk.lock().unsynced.len() + 1
    }

    /// Power loss, and the store as it is found afterwards: everything synced,
    /// and of the batches applied since, the first few (how many, `seed` decides).
    /// This one fails every write from now on.
    pub fn crash(&self, seed: u64) -> SimStore {
        // SplitMix64: neighbouring seeds must not choose neighbouring cuts.
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let points = self.crash_points() as u64;
        self.crash_at((mixed % points) as usize)
    }

    /// As [`crash`](SimStore::crash), keeping exactly `batches` of the unsynced ones.
    pub fn crash_at(&self, batches: usize) -> SimStore {
        self.poison
            .set(Error::new(state::IO_ERROR, "the simulated power is off"));
        let disk = self.disk.lock();
        let left = match batches.checked_sub(1) {
            None => &disk.synced,
            Some(last) => disk.unsynced.get(last).unwrap_or(&disk.current),
        };
        SimStore::with(left.clone(), self.forgiving)
    }

    fn guard(
        &self,
        call: Call,
        step: impl FnOnce(&mut Disk, Result<()>) -> Result<()>,
    ) -> Result<()> {
        self.poison.check()?;
        let mut disk = self.disk.lock();
        let outcome = step(&mut disk, self.faults.meet(call));
        match outcome {
            Err(error) if !self.forgiving => Err(self.poison.set(error)),
            outcome => outcome,
        }
    }
}

impl Store for SimStore {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        value.clear();
        self.faults.meet(Call::Get)?;
        Ok(copy_out(&self.disk.lock().current, space, key, value))
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        Ok(Arc::new(SimSnapshot {
            state: self.disk.lock().current.clone(),
            faults: self.faults.clone(),
        }))
    }

    fn apply(&self, batch: &Batch) -> Result<()> {
        self.guard(Call::Apply, |disk, met| {
            let mut next = disk.current.clone();
            next.carry_out(batch);
            // A write that failed may still reach the disk: a crash can leave it,
            // though no reader sees it before.
            if met.is_ok() || !self.forgiving {
                disk.unsynced.push(next.clone());
            }
            met?;
            disk.current = next;
            Ok(())
        })
    }

    fn sync(&self) -> Result<()> {
        self.guard(Call::Sync, |disk, met| {
            met?;
            disk.synced = disk.current.clone();
            disk.unsynced.clear();
            Ok(())
        })
    }

    fn sorted_load(&self, space: Space) -> Result<Box<dyn SortedLoad>> {
        self.poison.check()?;
        Ok(Box::new(SimLoad {
            disk: self.disk.clone(),
            faults: self.faults.clone(),
            poison: self.poison.clone(),
            space,
            last: None,
            entries: Batch::new(),
        }))
    }

    fn sizes(&self) -> Result<Sizes> {
        let disk = self.disk.lock();
        let bytes: usize = Space::ALL
            .iter()
            .flat_map(|space| disk.current.space(*space).iter())
            .map(|(key, value)| key.len() + value.len())
            .sum();
        Ok(Sizes {
            disk_bytes: bytes as u64,
            memory_bytes: bytes as u64,
        })
    }

    fn keys(&self, space: Space) -> Result<u64> {
        Ok(self.disk.lock().current.space(space).len() as u64)
    }

    fn checkpoint(&self, _directory: &Path) -> Result<()> {
        Err(Error::unsupported("a checkpoint of a simulated store"))
    }

    fn disk_bytes(&self, _space: Space, _range: &KeyRange) -> Result<u64> {
        self.poison.check().map(|()| 0)
    }

    fn compact(&self, _space: Space, _range: &KeyRange, _cancel: &CancelToken) -> Result<()> {
        self.poison.check()
    }

    fn health(&self) -> Result<()> {
        self.poison.check()
    }

    fn name(&self) -> &'static str {
        "sim"
    }
}

fn copy_out(state: &State, space: Space, key: &[u8], value: &mut Vec<u8>) -> bool {
    match state.space(space).get(key) {
        Some(found) => {
            value.extend_from_slice(found);
            true
        }
        None => false,
    }
}

struct SimSnapshot {
    state: State,
    faults: Arc<Faults>,
}

impl Snapshot for SimSnapshot {
    fn get(&self, space: Space, key: &[u8], value: &mut Vec<u8>) -> Result<bool> {
        value.clear();
        self.faults.meet(Call::Get)?;
        Ok(copy_out(&self.state, space, key, value))
    }

    fn scan(
        self: Arc<Self>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Box<dyn Cursor>> {
        Ok(Box::new(SimCursor {
            entries: self.state.space(space).clone(),
            faults: self.faults.clone(),
            range,
            direction,
            place: Place::Before,
        }))
    }
}

enum Place {
    Before,
    At(Bytes, Bytes),
    After,
}

struct SimCursor {
    entries: OrdMap<Bytes, Bytes>,
    faults: Arc<Faults>,
    range: KeyRange,
    direction: Direction,
    place: Place,
}

impl SimCursor {
    /// Goes to the first entry in the direction of the scan within `bound` and the range.
    fn go(&mut self, bound: Bound<&[u8]>) -> Result<bool> {
        self.faults.meet(Call::Scan)?;
        let first = Bound::Included(self.range.start.as_slice());
        let last = match self.range.end.as_slice() {
            [] => Bound::Unbounded,
            end => Bound::Excluded(end),
        };
        let within = |key: &[u8]| {
            key >= self.range.start.as_slice()
                && (self.range.end.is_empty() || key < self.range.end.as_slice())
        };
        // The side the scan comes from is the later of the two bounds there;
        // the other side is checked on the entry found.
        let found = match self.direction {
            Direction::Forward => {
                let from = match bound {
                    Bound::Included(key) | Bound::Excluded(key)
                        if key >= self.range.start.as_slice() =>
                    {
                        bound
                    }
                    _ => first,
                };
                self.entries
                    .range::<_, [u8]>((from, Bound::Unbounded))
                    .next()
            }
            Direction::Backward => {
                let from = match bound {
                    Bound::Included(key) | Bound::Excluded(key)
                        if self.range.end.is_empty() || key < self.range.end.as_slice() =>
                    {
                        bound
                    }
                    _ => last,
                };
                self.entries
                    .range::<_, [u8]>((Bound::Unbounded, from))
                    .next_back()
            }
        };
        self.place = match found {
            Some((key, value)) if within(key) => Place::At(key.clone(), value.clone()),
            _ => Place::After,
        };
        Ok(matches!(self.place, Place::At(..)))
    }
}

impl Cursor for SimCursor {
    fn advance(&mut self) -> Result<bool> {
        match &self.place {
            Place::After => Ok(false),
            Place::Before => self.go(Bound::Unbounded),
            Place::At(key, _) => {
                let key = key.clone();
                self.go(Bound::Excluded(&key))
            }
        }
    }

    fn seek(&mut self, key: &[u8]) -> Result<bool> {
        self.go(Bound::Included(key))
    }

    fn key(&self) -> &[u8] {
        match &self.place {
            Place::At(key, _) => key,
            _ => &[],
        }
    }

    fn value(&self) -> &[u8] {
        match &self.place {
            Place::At(_, value) => value,
            _ => &[],
        }
    }
}

struct SimLoad {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
    poison: Arc<Poison>,
    space: Space,
    last: Option<Vec<u8>>,
    entries: Batch,
}

impl SortedLoad for SimLoad {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        super::must_ascend(self.last.as_deref(), key)?;
        self.last = Some(key.to_vec());
        self.entries.put(self.space, key, value);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.poison.guard(|| {
            let mut disk = self.disk.lock();
            self.faults.meet(Call::Load)?;
            disk.current.carry_out(&self.entries);
            disk.synced = disk.current.clone();
            disk.unsynced.clear();
            Ok(())
        })
    }
}
