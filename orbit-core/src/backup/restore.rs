//! Pieces into an empty store, and the identity a copy of a store gets.

use super::check::entries;
use crate::error::{Error, Result};
use crate::ids::{Incarnation, Lane, SiteId};
use crate::meta::{self, Identity};
use crate::store::{Batch, SortedLoad, Space, Store, successor};
use std::sync::Arc;

/// Puts checked pieces into a store that holds nothing yet.
pub struct Loader {
    store: Arc<dyn Store>,
    load: Option<(Space, Box<dyn SortedLoad>)>,
    /// In the load at hand.
    bytes: usize,
    /// A load is closed past this. A small store holds a load in memory.
    most: usize,
}

impl Loader {
    pub fn new(store: Arc<dyn Store>) -> Loader {
        let in_files = store.name() == "rocksdb";
        Loader {
            store,
            load: None,
            bytes: 0,
            most: if in_files { 256 << 20 } else { 8 << 20 },
        }
    }

    /// The plain bytes of a piece that was found good.
    pub fn take(&mut self, space: Space, plain: &[u8]) -> Result<()> {
        let mut load = match self.load.take() {
            Some((of, load)) if of == space && self.bytes < self.most => load,
            other => {
                if let Some((_, full)) = other {
                    full.finish()?;
                }
                self.bytes = 0;
                self.store.sorted_load(space)?
            }
        };
        for entry in entries(plain) {
            let (key, value) = entry.ok_or_else(|| Error::internal("an unchecked piece"))?;
            load.put(key, value)?;
        }
        self.bytes += plain.len();
        self.load = Some((space, load));
        Ok(())
    }

    /// Everything taken is on disk when it returns.
    pub fn finish(mut self) -> Result<()> {
        if let Some((_, load)) = self.load.take() {
            load.finish()?;
        }
        self.store.sync()
    }
}

/// Makes the store the beginning of another life: under `site`, or under its own.
///
/// The log goes, for its records are numbered in the life that wrote them and a new
/// life counts from 1; what it told of is in the rows and their stamps. Where every
/// site's history ends is kept in the version vectors.
pub fn write_identity(
    store: &dyn Store,
    site: Option<SiteId>,
    incarnation: Incarnation,
) -> Result<Identity> {
    let Some(old) = Identity::of(store)? else {
        return Err(Error::corrupted("the store has no identity")
            .with_hint("It was never opened by a node; start one on it."));
    };
    let identity = Identity {
        site: site.unwrap_or(old.site),
        incarnation,
    };
    let mut batch = Batch::new();
    batch.put(Space::Meta, meta::IDENTITY, &meta::json(&identity)?);
    batch.delete_range(
        Space::Meta,
        &[meta::LOG_COLLECTED],
        &successor(&[meta::LOG_COLLECTED]),
    );
    for lane in Lane::ALL {
        batch.delete_range(Space::Log, &[lane.0], &successor(&[lane.0]));
    }
    store.apply(&batch)?;
    store.sync()?;
    Ok(identity)
}

impl Identity {
    /// What the store says it is; `None` before its first start.
    pub fn of(store: &dyn Store) -> Result<Option<Identity>> {
        let mut value = Vec::new();
        match store.get(Space::Meta, meta::IDENTITY, &mut value)? {
            true => meta::parse(&value, "identity").map(Some),
            false => Ok(None),
        }
    }
}
