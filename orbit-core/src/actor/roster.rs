//! The kinds there are, and of each kind the actors that are in memory.

use super::behaviour::{AnyActor, Kind, Start};
use super::slot::Slot;
use super::stored::{Kept, Storage, held_by};
use crate::error::Result;
use ahash::{AHashMap, RandomState};
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SHARDS: usize = 16;
/// What an actor's slot, its id and its line in a roster hold, roughly.
const PLACE_BYTES: usize = size_of::<Slot>() + 128;

pub(super) struct KindEntry {
    pub name: &'static str,
    pub actor: TypeId,
    begin: fn(&Start<'_>) -> Result<AnyActor>,
    weigh: fn(&(dyn Any + Send)) -> usize,
    storage: Option<Storage>,
    /// Whether one of its handlers has ever waited for something.
    waits: AtomicBool,
    pub roster: Roster,
}

impl KindEntry {
    pub fn new(kind: &Kind, storage: Option<Storage>) -> KindEntry {
        KindEntry {
            storage,
            waits: AtomicBool::new(false),
            name: kind.name,
            actor: kind.actor,
            begin: kind.begin,
            weigh: kind.weigh,
            roster: Roster::default(),
        }
    }

    pub fn begin(&self, id: &str) -> Result<AnyActor> {
        (self.begin)(&Start { id })
    }

    /// What an actor holds, with its place.
    pub fn weigh(&self, actor: &(dyn Any + Send), kept: &Kept) -> usize {
        let kept = kept.as_deref().unwrap_or_default();
        let kept = kept.iter().map(held_by).sum::<usize>();
        (self.weigh)(actor).saturating_add(PLACE_BYTES + kept)
    }

    pub fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    /// A handler waits: from here on no turn's answer waits for the next turn.
    pub fn note_waiting(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }

    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

/// Actors of one kind by their ids.
#[derive(Default)]
pub(super) struct Roster {
    hasher: RandomState,
    shards: [Mutex<AHashMap<Arc<str>, Arc<Slot>>>; SHARDS],
}

impl Roster {
    fn shard(&self, id: &str) -> &Mutex<AHashMap<Arc<str>, Arc<Slot>>> {
        // The maps use the lower bits of hashes of their own.
        &self.shards[(self.hasher.hash_one(id) >> 60) as usize % SHARDS]
    }

    pub fn find_or_make(&self, kind: &Arc<KindEntry>, id: &Arc<str>) -> Arc<Slot> {
        let mut shard = self.shard(id).lock();
        if let Some(slot) = shard.get(id) {
            return slot.clone();
        }
        let slot = Arc::new(Slot::new(kind.clone(), id.clone()));
        shard.insert(id.clone(), slot.clone());
        slot
    }

    /// Takes a slot out, unless another has its place already.
    pub fn forget(&self, slot: &Slot) {
        let mut shard = self.shard(&slot.id).lock();
        if let Some(known) = shard.get(&slot.id)
            && std::ptr::eq(Arc::as_ptr(known), slot)
        {
            shard.remove(&slot.id);
        }
        // What a crowd needed isn't kept for the few.
        if shard.capacity() > 64 && shard.len() * 8 < shard.capacity() {
            shard.shrink_to_fit();
        }
    }

    /// Goes over all of them, a shard at a time.
    pub fn each(&self, mut see: impl FnMut(&Arc<Slot>)) {
        for shard in &self.shards {
            let slots: Vec<_> = shard.lock().values().cloned().collect();
            slots.iter().for_each(&mut see);
        }
    }
}
