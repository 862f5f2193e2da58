//! What indexes on expressions and partial indexes keep of a row. Positions of such values
//! are behind those of the columns, so whoever counts columns never meets one.

use super::{Column, DroppedColumn, Index, TableDef};
use crate::ids::IndexId;
use crate::types::SqlType;
use serde::{Deserialize, Serialize};

/// A value that rows keep for an index: an expression's, or whether the row is in a partial
/// index. It lies in the row like a generated column's, and is no column of the table: its
/// position is behind theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computed {
    pub slot: u16,
    pub index: IndexId,
    pub sql_type: SqlType,
    /// SQL text over the row's columns.
    pub expression: String,
    /// What errors and explanations call it.
    pub shown: String,
}

impl TableDef {
    /// PostgreSQL's number of what lies in a slot: it knows nothing of computed values.
    pub fn number_of_slot(&self, slot: usize) -> usize {
        let gone = self.dropped.iter().filter(|gone| gone.computed);
        let unseen = gone
            .map(|gone| gone.slot)
            .chain(self.computed.iter().map(|kept| kept.slot))
            .filter(|other| usize::from(*other) < slot)
            .count();
        slot.saturating_sub(unseen).saturating_add(1)
    }

    /// Values in a row: columns, and what indexes keep besides.
    pub fn width(&self) -> usize {
        self.columns.len() + self.computed.len()
    }

    /// What an index keeps at a position; `None`: that is a column.
    pub fn computed_at(&self, place: usize) -> Option<&Computed> {
        self.computed.get(place.checked_sub(self.columns.len())?)
    }

    /// The type of a column or computed value.
    pub fn type_at(&self, place: usize) -> Option<&SqlType> {
        match self.columns.get(place) {
            Some(column) => Some(&column.sql_type),
            None => self.computed_at(place).map(|kept| &kept.sql_type),
        }
    }

    /// How messages name a column or computed value.
    pub fn shown_at(&self, place: usize) -> &str {
        match self.columns.get(place) {
            Some(column) => &column.name,
            None => self.computed_at(place).map_or("", |kept| &kept.shown),
        }
    }

    /// Whether an index is over columns alone, and over all rows.
    pub fn is_plain(&self, index: &Index) -> bool {
        let width = self.columns.len();
        index.predicate.is_none() && index.columns.iter().all(|part| part.column < width)
    }

    /// A new last column.
    pub fn push_column(&mut self, column: Column) {
        let place = self.columns.len();
        self.columns.push(column);
        self.move_computed(place, |at| at + 1);
    }

    /// A new computed value's position. Whoever adds one writes it into every row, so it may
    /// lie where an earlier index had one: slots don't grow with every index that comes and goes.
    pub fn push_computed(&mut self, index: IndexId, sql_type: SqlType, text: String) -> usize {
        let free = |gone: &DroppedColumn| gone.computed && gone.sql_type == sql_type;
        let slot = match self.dropped.iter().position(free) {
            Some(at) => self.dropped.remove(at).slot,
            None => u16::try_from(self.layout().slot_count()).unwrap_or(u16::MAX),
        };
        self.computed.push(Computed {
            slot,
            index,
            sql_type,
            shown: text.clone(),
            expression: text,
        });
        self.width() - 1
    }

    /// Takes an index away, and what rows keep for it: its slots stay behind.
    pub fn remove_index(&mut self, id: IndexId) {
        self.indexes.retain(|known| known.id != id);
        while let Some(at) = self.computed.iter().position(|kept| kept.index == id) {
            let gone = self.computed.remove(at);
            let place = self.dropped.partition_point(|known| known.slot < gone.slot);
            self.dropped.insert(
                place,
                DroppedColumn {
                    slot: gone.slot,
                    sql_type: gone.sql_type,
                    computed: true,
                },
            );
            let removed = self.columns.len() + at;
            self.move_computed(removed + 1, |at| at - 1);
        }
    }

    /// Moves the positions of computed values from one on.
    pub fn move_computed(&mut self, from: usize, to: impl Fn(usize) -> usize) {
        for index in &mut self.indexes {
            let parts = index.columns.iter_mut().map(|part| &mut part.column);
            for place in parts.chain(&mut index.predicate) {
                if *place >= from {
                    *place = to(*place);
                }
            }
        }
    }
}
