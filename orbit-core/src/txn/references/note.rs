//! What a write does to foreign keys, noted as it is written: rows that refer now, keys
//! that are released, keys of deferrable UNIQUE constraints that are entered.

use super::{Event, Happened, MAX_EVENTS, constraint, too_many};
use crate::catalog::{Catalog, ForeignKey, Index, Table};
use crate::error::Result;
use crate::ids::TableId;
use crate::txn::Transaction;
use crate::value::Value;
use imbl::Vector;
use std::sync::Arc;

/// Beyond so many, those that hold already are looked at and forgotten.
const MANY_EVENTS: usize = 1 << 16;

impl Transaction {
    /// A row was inserted, or changed from `old`. Gives whether the events have
    /// become many: [`Transaction::thin_out`] is due.
    pub(in crate::txn) fn note_refers(
        &mut self,
        table: &Arc<Table>,
        pk: &[u8],
        old: Option<&[Value]>,
        new: &[Value],
    ) -> bool {
        let mut pk_shared: Option<Arc<[u8]>> = None;
        for key in &table.foreign_keys {
            let values = key.columns.iter().map(|column| new.get(*column));
            let nulls = values
                .filter(|value| value.is_none_or(Value::is_null))
                .count();
            if nulls == key.columns.len() || (nulls > 0 && !key.match_full) {
                continue;
            }
            if let Some(old) = old
                && key
                    .columns
                    .iter()
                    .all(|column| old.get(*column) == new.get(*column))
            {
                continue;
            }
            let pk = pk_shared.get_or_insert_with(|| pk.into()).clone();
            self.note(Event {
                key: key.oid,
                referring: table.id,
                what: Happened::Refers(pk),
            });
        }
        match &self.references {
            Some(references) => {
                let many = references.pending.len();
                many >= MANY_EVENTS && many.is_multiple_of(MANY_EVENTS)
            }
            None => false,
        }
    }

    /// A row was deleted (`new`: none) or changed; others may refer to it.
    pub(in crate::txn) fn note_released(
        &mut self,
        table: &Table,
        catalog: &Catalog,
        old: &[Value],
        new: Option<&[Value]>,
    ) {
        let mut events = Vec::new();
        for referring in catalog.referring(table.id) {
            for key in &referring.foreign_keys {
                if key.referenced != table.id {
                    continue;
                }
                let pick = |values: &[Value]| -> Arc<[Value]> {
                    let columns = key.referenced_columns.iter();
                    columns
                        .map(|column| values.get(*column).cloned().unwrap_or_default())
                        .collect()
                };
                let was = pick(old);
                // Nobody refers to a NULL.
                if was.iter().any(Value::is_null) {
                    continue;
                }
                let is = new.map(pick);
                if is.as_ref().is_some_and(|is| *is == was) {
                    continue;
                }
                events.push(Event {
                    key: key.oid,
                    referring: referring.id,
                    what: Happened::Released { old: was, new: is },
                });
            }
        }
        for event in events {
            self.note(event);
        }
    }

    fn note(&mut self, event: Event) {
        let references = Arc::make_mut(self.references.get_or_insert_default());
        references.pending.push_back(event);
    }

    /// A row came into a key of a deferrable UNIQUE constraint.
    pub(in crate::txn) fn note_entered(&mut self, table: &Table, index: &Index, columns: &[u8]) {
        self.note(Event {
            key: index.oid,
            referring: table.id,
            what: Happened::Entered(columns.into()),
        });
    }

    /// Notes that a row is to be looked at whatever it was before.
    pub fn note_reference(&mut self, key: &ForeignKey, referring: TableId, pk: &[u8]) {
        self.note(Event {
            key: key.oid,
            referring,
            what: Happened::Refers(pk.into()),
        });
    }

    /// Keeps the memory of a large statement bounded: events of rows whose
    /// referenced row is there are done with.
    pub(in crate::txn) async fn thin_out(&mut self) -> Result<()> {
        let catalog = self.current_catalog()?;
        let events = match self.references.as_mut().map(Arc::make_mut) {
            Some(references) => std::mem::take(&mut references.pending),
            None => return Ok(()),
        };
        let mut kept = Vector::new();
        for event in events {
            self.limits.cancel.check()?;
            if let (Happened::Refers(pk), Some((table, key))) =
                (&event.what, constraint(&catalog, &event))
                && self.look(table, key, pk).await?.is_none()
            {
                continue;
            }
            kept.push_back(event);
        }
        if kept.len() >= MAX_EVENTS {
            return Err(too_many());
        }
        if let Some(references) = self.references.as_mut().map(Arc::make_mut) {
            references.pending = kept;
        }
        Ok(())
    }
}
