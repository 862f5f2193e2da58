//! The kinds there are, and of each kind the actors that are in memory.

use super::behaviour::{AnyActor, Kind, Start};
use super::carried::Carried;
use super::job::Waiting;
use super::slot::Slot;
use super::stored::{Kept, Storage};
use crate::error::{Error, Result, state};
use crate::pressure::Priority;
use ahash::{AHashMap, RandomState};
use parking_lot::{Mutex, RwLock};
use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: usize = 16;
/// What an actor's slot, its id and its line in a roster hold, roughly.
const PLACE_BYTES: usize = size_of::<Slot>() + 128;

pub(super) struct KindEntry {
    pub name: &'static str,
    pub actor: TypeId,
    pub priority: Priority,
    /// The node where its actors are, if they are on one only.
    pub home: Option<Arc<str>>,
    begin: fn(&Start<'_>) -> Result<AnyActor>,
    weigh: fn(&(dyn Any + Send)) -> usize,
    storage: Option<Storage>,
    messages: AHashMap<&'static str, Carried>,
    /// The messages whose handlers have run, and whether one of them ever waited.
    runs: RwLock<AHashMap<TypeId, bool>>,
    pub roster: Roster,
}

impl KindEntry {
    pub fn new<A>(kind: Kind<A>, storage: Option<Storage>) -> KindEntry {
        KindEntry {
            storage,
            runs: RwLock::default(),
            name: kind.name,
            messages: kind
                .messages
                .into_iter()
                .map(|one| (one.name, one))
                .collect(),
            actor: kind.actor,
            priority: kind.priority,
            home: kind.home,
            begin: kind.begin,
            weigh: kind.weigh,
            roster: Roster::default(),
        }
    }

    pub fn begin(&self, id: &str) -> Result<AnyActor> {
        (self.begin)(&Start { id })
    }

    /// What an actor holds, with its place.
    pub fn weigh(&self, actor: &(dyn Any + Send), kept: Option<&Kept>) -> usize {
        let kept = kept.map_or(0, Kept::bytes);
        (self.weigh)(actor).saturating_add(PLACE_BYTES + kept)
    }

    pub fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    /// A message that was written down.
    pub fn decode(&self, name: &str, body: &str) -> Result<Box<dyn Waiting>> {
        (self.carried_by_name(name)?.decode)(body)
    }

    pub fn carried_by_name(&self, name: &str) -> Result<Carried> {
        self.messages.get(name).copied().ok_or_else(|| {
            Error::new(
                state::UNDEFINED_OBJECT,
                format!(
                    "actors of kind \"{}\" take no message \"{name}\"",
                    self.name
                ),
            )
            .with_hint("Name it by Kind::takes when the kind is registered.")
        })
    }

    /// The same, of messages of a type.
    pub fn carried(&self, message: TypeId) -> Result<Carried> {
        let mut all = self.messages.values();
        let found = all.find(|carried| carried.message == message).copied();
        found.ok_or_else(|| {
            let what = format!(
                "a message to another node that actors of kind \"{}\" take on their own only",
                self.name
            );
            Error::unsupported(what)
                .with_hint("Make it Recorded, and name it by Kind::takes on both nodes.")
        })
    }

    pub fn takes(&self, name: &str) -> bool {
        self.messages.contains_key(name)
    }

    /// A message of a type was handled.
    pub fn note_run(&self, message: TypeId, has_waited: bool) {
        if self.storage.is_none() {
            return;
        }
        let known = self.runs.read().get(&message).copied();
        if known.is_none() || (known == Some(false) && has_waited) {
            self.runs.write().insert(message, has_waited);
        }
    }

    /// Whether the turn of such a message may share the commit of turns before it: its
    /// handler is known, and never waited for anything. Nobody's answer should wait for
    /// somebody else's wait.
    pub fn joins(&self, message: TypeId) -> bool {
        self.runs.read().get(&message) == Some(&false)
    }
}

/// Actors of one kind by their ids.
#[derive(Default)]
pub(super) struct Roster {
    hasher: RandomState,
    /// How many have crashed lately.
    pub crashed: AtomicUsize,
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

    /// Whether there is room for another slot that is there for its crashes alone.
    pub fn may_note_crash(&self, most: usize) -> bool {
        self.crashed.load(Ordering::Relaxed) < most
    }

    /// Forgets them all.
    pub fn clear(&self) {
        for shard in &self.shards {
            let slots = std::mem::take(&mut *shard.lock());
            drop(slots);
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
