//! All that is known of one key, and what an operation of some site does to it.

mod cells;

use super::note::Note;
use super::origins::Origins;
use super::side::{SideKey, SideValue};
use super::{ColumnKind, Relation};
use crate::clock::Hlc;
use crate::error::Result;
use crate::ids::SiteOrdinal;
use crate::log::{self, Cell, Life, RowOperation};
use crate::row::{self, RowLayout, RowRef, Stamp};
use crate::value::Value;
use std::cmp::Ordering;

/// What a merge needs to know beside the key.
pub struct Context<'a> {
    pub layout: &'a RowLayout,
    /// The kinds of slots; those past its end are LWW.
    pub kinds: &'a [ColumnKind],
    /// The values of columns younger than a row.
    pub missing: &'a [Value],
    pub origins: &'a Origins,
    /// Whether what was written at a stamp had come before this: the receiver's vector.
    pub contains: &'a dyn Fn(Stamp) -> bool,
}

impl Context<'_> {
    fn kind(&self, slot: usize) -> ColumnKind {
        self.kinds.get(slot).copied().unwrap_or_default()
    }

    /// How something written at `stamp`, which replaced `replaced`, stands to what is there.
    fn relation(&self, stamp: Stamp, replaced: &[Stamp], there: Stamp) -> Relation {
        if stamp == there {
            return Relation::Same;
        }
        if replaced.contains(&there) {
            return Relation::Successor;
        }
        match self.origins.same_site(stamp.site, there.site) {
            true if stamp.hlc > there.hlc => Relation::Successor,
            true => Relation::Ancestor,
            false => Relation::Concurrent,
        }
    }

    /// Which of two lives is shown.
    fn order(&self, one: Life, other: Life) -> Ordering {
        let by_length = one.causal_length.cmp(&other.causal_length);
        by_length.then_with(|| self.origins.order(one.stamp, other.stamp))
    }
}

/// All that is known of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Key {
    /// As it is stored; empty: nothing is.
    row: Vec<u8>,
    side: Vec<(SideKey, SideValue)>,
    /// Side cells put or taken away since it was read.
    touched: Vec<SideKey>,
    scratch: Vec<u8>,
}

/// Where a life is.
enum Place {
    Shown,
    Sibling(usize),
}

impl Key {
    /// Of what is stored; `row` empty: nothing is. Side cells only if the row says that there are any.
    pub fn read(&mut self, row: &[u8]) {
        self.row.clear();
        self.row.extend_from_slice(row);
        self.side.clear();
        self.touched.clear();
    }

    /// One of its side cells, as it is stored.
    pub fn read_side(&mut self, key: SideKey, value: SideValue) {
        self.side.push((key, value));
    }

    /// The row as it is to be stored; empty: none is.
    pub fn row(&self) -> &[u8] {
        &self.row
    }

    /// What became of its side cells: `None` where one is gone.
    pub fn side_changes(&self) -> impl Iterator<Item = (&SideKey, Option<&SideValue>)> {
        self.touched.iter().map(|key| (key, self.side_value(key)))
    }

    pub fn side(&self) -> &[(SideKey, SideValue)] {
        &self.side
    }

    /// The life that is shown.
    pub fn shown(&self) -> Result<Option<Life>> {
        if self.row.is_empty() {
            return Ok(None);
        }
        let row = RowRef::new(&self.row)?;
        Ok(row.is_live().then(|| life_of(&row)))
    }

    /// What one writer has added to a column of a life so far.
    pub fn added(&self, life: Life, slot: u16, writer: SiteOrdinal) -> Result<i64> {
        let key = SideKey::Counter { life, slot, writer };
        self.side_value(&key).map_or(Ok(0), SideValue::as_number)
    }

    /// Does what a site did at `stamp`. What was met on the way is noted.
    pub fn apply(
        &mut self,
        what: &RowOperation<'_>,
        stamp: Stamp,
        context: &Context<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        match what {
            RowOperation::Insert {
                causal_length,
                columns,
                wide,
                body,
                ..
            } => {
                let life = Life {
                    causal_length: *causal_length,
                    stamp,
                };
                self.insert(life, *columns, *wide, body, context, notes)?;
            }
            RowOperation::Update { life, cells } => {
                self.update(*life, cells, stamp, context, notes)?;
            }
            RowOperation::Delete { life, replaced } => {
                self.delete(*life, replaced, stamp, context, notes)?;
            }
        }
        self.flag();
        Ok(())
    }

    fn insert(
        &mut self,
        life: Life,
        columns: u16,
        wide: bool,
        body: &[u8],
        context: &Context<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        if self.place(life)?.is_some() {
            return Ok(());
        }
        if let Some(killer) = self.take_side(&SideKey::Killed { life }) {
            if self.shown()?.is_none() {
                self.bury(life, killer_stamp(&killer)?, context)?;
            }
            return Ok(());
        }
        // It came, and has died since.
        if (context.contains)(life.stamp) {
            return Ok(());
        }
        let mut born = Vec::with_capacity(row::HEAD_BYTES + body.len());
        row::with_body(
            columns,
            life.causal_length,
            life.stamp,
            wide,
            body,
            &mut born,
        );
        RowRef::new(&born)?;
        for (stamp, payload) in self.take_early(life) {
            let early = log::cells(&payload)?;
            self.merge_cells(&mut born, life, &early, stamp, context, notes)?;
        }
        match self.shown()? {
            None => self.row = born,
            Some(shown) if context.order(life, shown) == Ordering::Greater => {
                let aside = std::mem::replace(&mut self.row, born);
                self.set_aside(shown, aside);
                notes.push(Note::Insert {
                    shown: life,
                    kept: shown,
                });
            }
            Some(shown) => {
                self.set_aside(life, born);
                notes.push(Note::Insert { shown, kept: life });
            }
        }
        Ok(())
    }

    fn update(
        &mut self,
        life: Life,
        cells: &[Cell<'_>],
        stamp: Stamp,
        context: &Context<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        match self.place(life)? {
            Some(Place::Shown) => {
                let mut row = std::mem::take(&mut self.row);
                let merged = self.merge_cells(&mut row, life, cells, stamp, context, notes);
                self.row = row;
                merged
            }
            Some(Place::Sibling(at)) => {
                let mut row = match self.side.get_mut(at) {
                    Some((_, value)) => std::mem::take(&mut value.payload),
                    None => return Ok(()),
                };
                let merged = self.merge_cells(&mut row, life, cells, stamp, context, notes);
                self.set_aside(life, row);
                merged
            }
            // What it changed has died, or is known to be dead before it comes.
            None if (context.contains)(life.stamp)
                || self.side_value(&SideKey::Killed { life }).is_some() =>
            {
                let cells = cells
                    .iter()
                    .filter_map(|cell| Some((cell.column, cells::decoded(cell, context.layout)?)));
                notes.push(Note::UpdateOfDeleted {
                    life,
                    stamp,
                    cells: cells.collect(),
                });
                Ok(())
            }
            None => {
                let mut payload = Vec::new();
                for cell in cells {
                    log::push_cell(&mut payload, cell);
                }
                let hlc = stamp.hlc;
                self.put_side(SideKey::Early { life, stamp }, SideValue { hlc, payload });
                Ok(())
            }
        }
    }

    fn delete(
        &mut self,
        life: Life,
        replaced: &[Stamp],
        stamp: Stamp,
        context: &Context<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        match self.place(life)? {
            Some(Place::Shown) => {
                let row = std::mem::take(&mut self.row);
                note_unseen(&row, life, replaced, stamp, context, notes)?;
                self.forget(life);
                match self.next_shown(context) {
                    Some(next) => {
                        let sibling = self.take_side(&SideKey::Sibling { life: next });
                        self.row = sibling.map(|value| value.payload).unwrap_or_default();
                    }
                    None => self.bury(life, stamp, context)?,
                }
            }
            Some(Place::Sibling(at)) => {
                if let Some((_, value)) = self.side.get(at) {
                    let row = value.payload.clone();
                    note_unseen(&row, life, replaced, stamp, context, notes)?;
                }
                self.forget(life);
            }
            None if (context.contains)(life.stamp) => {
                if self.shown()?.is_none() {
                    self.bury(life, stamp, context)?;
                }
            }
            None => {
                self.forget(life);
                let key = SideKey::Killed { life };
                let known = self.side_value(&key).map(killer_stamp).transpose()?;
                let later = match known {
                    Some(known) if context.origins.order(known, stamp).is_gt() => known,
                    _ => stamp,
                };
                let payload = later.site.0.to_le_bytes().to_vec();
                let hlc = later.hlc;
                self.put_side(key, SideValue { hlc, payload });
            }
        }
        Ok(())
    }

    fn place(&self, life: Life) -> Result<Option<Place>> {
        if self.shown()? == Some(life) {
            return Ok(Some(Place::Shown));
        }
        let key = SideKey::Sibling { life };
        let at = self.side.iter().position(|(of, _)| *of == key);
        Ok(at.map(Place::Sibling))
    }

    /// Leaves a tombstone; of several the longest, then the latest.
    fn bury(&mut self, life: Life, stamp: Stamp, context: &Context<'_>) -> Result<()> {
        let mut causal_length = life.causal_length.saturating_add(1);
        let mut stamp = stamp;
        if !self.row.is_empty() {
            let there = RowRef::new(&self.row)?;
            causal_length = causal_length.max(there.causal_length());
            if context.origins.order(there.stamp(), stamp).is_gt() {
                stamp = there.stamp();
            }
        }
        row::tombstone(causal_length, stamp, &mut self.row);
        Ok(())
    }

    /// Of the lives that are not shown the one to be shown next.
    fn next_shown(&self, context: &Context<'_>) -> Option<Life> {
        let siblings = self.side.iter().filter_map(|(key, _)| match key {
            SideKey::Sibling { life } => Some(*life),
            _ => None,
        });
        siblings.max_by(|one, other| context.order(*one, *other))
    }

    fn set_aside(&mut self, life: Life, mut row: Vec<u8>) {
        row::set_side(&mut row, false);
        let hlc = RowRef::new(&row).map_or(life.stamp.hlc, |row| row.newest_hlc());
        let value = SideValue { hlc, payload: row };
        self.put_side(SideKey::Sibling { life }, value);
    }

    fn side_value(&self, key: &SideKey) -> Option<&SideValue> {
        let found = self.side.iter().find(|(of, _)| of == key);
        found.map(|(_, value)| value)
    }

    fn put_side(&mut self, key: SideKey, value: SideValue) {
        match self.side.iter_mut().find(|(of, _)| *of == key) {
            Some((_, there)) => *there = value,
            None => self.side.push((key, value)),
        }
        self.touch(key);
    }

    fn take_side(&mut self, key: &SideKey) -> Option<SideValue> {
        let at = self.side.iter().position(|(of, _)| of == key)?;
        self.touch(*key);
        Some(self.side.swap_remove(at).1)
    }

    /// Everything that is known of a life, once it is over.
    fn forget(&mut self, life: Life) {
        let gone: Vec<SideKey> = self.side.iter().map(|(key, _)| *key).collect();
        for key in gone {
            if key.life() == life && !matches!(key, SideKey::Killed { .. }) {
                self.take_side(&key);
            }
        }
    }

    fn take_early(&mut self, life: Life) -> Vec<(Stamp, Vec<u8>)> {
        let keys: Vec<(SideKey, Stamp)> = self
            .side
            .iter()
            .filter_map(|(key, _)| match key {
                SideKey::Early { life: of, stamp } if *of == life => Some((*key, *stamp)),
                _ => None,
            })
            .collect();
        keys.into_iter()
            .filter_map(|(key, stamp)| Some((stamp, self.take_side(&key)?.payload)))
            .collect()
    }

    fn touch(&mut self, key: SideKey) {
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
    }

    /// Lets the row say whether there are side cells.
    fn flag(&mut self) {
        if self.row.is_empty() {
            if self.side.is_empty() {
                return;
            }
            let nobody = Stamp {
                hlc: Hlc::ZERO,
                site: SiteOrdinal(0),
            };
            row::tombstone(0, nobody, &mut self.row);
        }
        row::set_side(&mut self.row, !self.side.is_empty());
    }
}

pub(super) fn life_of(row: &RowRef<'_>) -> Life {
    Life {
        causal_length: row.causal_length(),
        stamp: row.stamp(),
    }
}

fn killer_stamp(value: &SideValue) -> Result<Stamp> {
    let site = value.payload.as_slice().try_into();
    let site =
        site.map_err(|_| crate::error::Error::corrupted("the cell of a dead life is damaged"))?;
    Ok(Stamp {
        hlc: value.hlc,
        site: SiteOrdinal(u32::from_le_bytes(site)),
    })
}

/// What the row had that a delete of it hadn't seen.
fn note_unseen(
    row: &[u8],
    life: Life,
    replaced: &[Stamp],
    stamp: Stamp,
    context: &Context<'_>,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let row = RowRef::new(row)?;
    if row.stamp_bitmap().is_empty() {
        return Ok(());
    }
    let mut unseen = Vec::new();
    for slot in 0..row.columns() {
        let there = row.column_stamp(slot);
        if there != life.stamp && context.relation(stamp, replaced, there) == Relation::Concurrent {
            let value = row.slot_value(context.layout, slot)?.to_owned();
            unseen.push((slot as u16, there, value));
        }
    }
    if !unseen.is_empty() {
        notes.push(Note::DeleteOfUpdated {
            life,
            stamp,
            cells: unseen,
        });
    }
    Ok(())
}
