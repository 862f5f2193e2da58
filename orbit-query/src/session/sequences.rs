//! A session's side of sequences: what `currval` and `lastval` answer, and which
//! positions its next COMMIT has to write.

use orbit_core::catalog::{Catalog, SequenceDef};
use orbit_core::database::Database;
use orbit_core::ids::{SequenceId, StorageId};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared with the expressions that a session runs, on whatever thread.
#[derive(Default)]
pub struct SessionSequences {
    /// `None`: nobody is connected, as while a test binds a statement.
    db: Option<Arc<Database>>,
    state: Mutex<State>,
    /// Whether `state.touched` holds any: what the end of every statement asks.
    has_touched: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The value that this session got last, by sequence.
    values: BTreeMap<Oid, i64>,
    newest: Option<Oid>,
    touched: SmallVec<[StorageId; 2]>,
    /// The catalog of a transaction that changed it: its sequences may be in no other.
    own: Option<Arc<Catalog>>,
}

impl SessionSequences {
    pub fn new(db: Arc<Database>) -> SessionSequences {
        SessionSequences {
            db: Some(db),
            ..SessionSequences::default()
        }
    }

    fn db(&self) -> Result<&Arc<Database>> {
        let db = self.db.as_ref();
        db.ok_or_else(|| Error::internal("sequences were asked outside of a session"))
    }

    pub(crate) fn set_own_catalog(&self, catalog: Option<Arc<Catalog>>) {
        self.state.lock().own = catalog;
    }

    /// `nextval` where only the sequence's number is known, as for a column's default.
    pub fn next_of(&self, id: SequenceId) -> Result<i64> {
        let db = self.db()?;
        let own = self.state.lock().own.clone();
        let catalog = own.unwrap_or_else(|| db.newest().catalog.clone());
        let def = catalog.sequence_by_id(id).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_TABLE,
                format!("could not open the sequence {id}"),
            )
        })?;
        self.next(def)
    }

    pub fn next(&self, def: &SequenceDef) -> Result<i64> {
        let db = self.db()?;
        let value = db.sequences().next(def, db.site())?;
        let mut state = self.state.lock();
        state.values.insert(def.oid, value);
        state.newest = Some(def.oid);
        self.touch(&mut state, def.storage);
        Ok(value)
    }

    pub fn set(&self, def: &SequenceDef, value: i64, called: bool) -> Result<()> {
        let db = self.db()?;
        db.sequences().set(def, db.site(), value, called)?;
        let mut state = self.state.lock();
        if called {
            state.values.insert(def.oid, value);
        }
        self.touch(&mut state, def.storage);
        Ok(())
    }

    fn touch(&self, state: &mut State, storage: StorageId) {
        if !state.touched.contains(&storage) {
            state.touched.push(storage);
        }
        self.has_touched.store(true, Ordering::Release);
    }

    pub fn current(&self, def: &SequenceDef) -> Result<i64> {
        let value = self.state.lock().values.get(&def.oid).copied();
        value.ok_or_else(|| {
            Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "currval of sequence \"{}\" is not yet defined in this session",
                    def.name
                ),
            )
        })
    }

    pub fn last(&self, catalog: &Catalog) -> Result<i64> {
        let state = self.state.lock();
        let newest = state.newest.filter(|oid| {
            // Dropped meanwhile: there is no last value, as in PostgreSQL.
            catalog.sequence_by_oid(*oid).is_some()
        });
        let value = newest.and_then(|oid| state.values.get(&oid).copied());
        value.ok_or_else(|| {
            Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "lastval is not yet defined in this session",
            )
        })
    }

    /// The last value given out and whether it was, as a SELECT from the sequence shows.
    pub fn position(&self, def: &SequenceDef) -> Result<(i64, bool)> {
        let position = self.db()?.sequences().position(def);
        Ok((position.last, position.called))
    }

    /// DISCARD SEQUENCES.
    pub fn discard(&self) {
        let mut state = self.state.lock();
        state.values.clear();
        state.newest = None;
    }

    #[inline]
    pub(crate) fn has_touched(&self) -> bool {
        self.has_touched.load(Ordering::Acquire)
    }

    /// The positions that the next COMMIT writes.
    pub(crate) fn take_touched(&self) -> SmallVec<[StorageId; 2]> {
        let mut state = self.state.lock();
        self.has_touched.store(false, Ordering::Release);
        std::mem::take(&mut state.touched)
    }
}

impl std::fmt::Debug for SessionSequences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSequences")
    }
}
