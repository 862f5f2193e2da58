//! Cells of an update that meet those of a row: each by the kind of its column.

use super::{Context, Key};
use crate::error::Result;
use crate::key;
use crate::log::{Cell, Life};
use crate::merge::note::Note;
use crate::merge::side::{SideKey, SideValue};
use crate::merge::{ColumnKind, Relation};
use crate::row::{self, Change, RowLayout, RowRef, Stamp};
use crate::types::SqlType;
use crate::value::Value;
use smallvec::SmallVec;
use std::cmp::Ordering;

/// A slot's new value, and the stamp that it has from now on.
type Taken = (usize, Value, Stamp);

impl Key {
    /// Merges the cells of an update into a row of the life that it changed.
    pub(super) fn merge_cells(
        &mut self,
        row: &mut Vec<u8>,
        life: Life,
        cells: &[Cell<'_>],
        stamp: Stamp,
        context: &Context<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        let mut taken: SmallVec<[Taken; 4]> = SmallVec::new();
        let there = RowRef::new(row)?;
        for cell in cells {
            let slot = usize::from(cell.column);
            let known = slot < context.layout.slot_count() && cell.kind == context.kind(slot);
            let Some(value) = known.then(|| decoded(cell, context.layout)).flatten() else {
                let slot = cell.column;
                notes.push(Note::Unknown { life, slot });
                continue;
            };
            let current = there.column_stamp(slot);
            let later = context.origins.order(stamp, current) == Ordering::Greater;
            if cell.kind == ColumnKind::Counter {
                let Value::Int8(total) = value else {
                    continue;
                };
                let base = value_of(&there, context, slot)?;
                if let Some(sum) = self.count(life, cell.column, stamp, total, &base, notes)? {
                    let stamp = if later { stamp } else { current };
                    taken.push((slot, Value::Int8(sum), stamp));
                }
                continue;
            }
            let relation = context.relation(stamp, &cell.replaced, current);
            if relation == Relation::Same {
                continue;
            }
            let is_lww = cell.kind == ColumnKind::Lww;
            if is_lww && relation != Relation::Concurrent {
                if later {
                    taken.push((slot, value, stamp));
                }
                continue;
            }
            let own = value_of(&there, context, slot)?;
            let wins = match cell.kind {
                ColumnKind::Max | ColumnKind::Min => match farther(cell.kind, &value, &own)? {
                    Ordering::Equal => later,
                    way => way == Ordering::Greater,
                },
                ColumnKind::Lww | ColumnKind::Counter => later,
            };
            if is_lww && value != own {
                let (kept, lost) = match wins {
                    true => ((stamp, value.clone()), (current, own)),
                    false => ((current, own), (stamp, value.clone())),
                };
                notes.push(Note::Write {
                    life,
                    slot: cell.column,
                    kept,
                    lost,
                });
            }
            if wins {
                taken.push((slot, value, stamp));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let changes: SmallVec<[Change<'_>; 4]> = taken
            .iter()
            .map(|(slot, value, stamp)| Change {
                slot: *slot,
                value,
                stamp: *stamp,
            })
            .collect();
        let mut merged = std::mem::take(&mut self.scratch);
        row::change(context.layout, row, &changes, context.missing, &mut merged)?;
        self.scratch = std::mem::replace(row, merged);
        Ok(())
    }

    /// Takes in what a writer has added in all, and says what the column's value is now;
    /// `None`: it was known.
    fn count(
        &mut self,
        life: Life,
        slot: u16,
        stamp: Stamp,
        total: i64,
        value: &Value,
        notes: &mut Vec<Note>,
    ) -> Result<Option<i64>> {
        let writer = stamp.site;
        let key = SideKey::Counter { life, slot, writer };
        let known = self.side_value(&key);
        if known.is_some_and(|known| known.hlc >= stamp.hlc) {
            return Ok(None);
        }
        let base_key = SideKey::Base { life, slot };
        if self.side_value(&base_key).is_none() {
            let base = match value {
                Value::Int8(base) => *base,
                _ => 0,
            };
            self.put_side(base_key, SideValue::number(life.stamp.hlc, base));
        }
        self.put_side(key, SideValue::number(stamp.hlc, total));
        let mut sum = 0i128;
        for (key, value) in &self.side {
            let counts = match key {
                SideKey::Base { life: of, slot: at } => (*of, *at) == (life, slot),
                SideKey::Counter {
                    life: of, slot: at, ..
                } => (*of, *at) == (life, slot),
                _ => false,
            };
            if counts {
                sum += i128::from(value.as_number()?);
            }
        }
        Ok(Some(i64::try_from(sum).unwrap_or_else(|_| {
            notes.push(Note::OutOfRange { life, slot, sum });
            if sum < 0 { i64::MIN } else { i64::MAX }
        })))
    }
}

/// Whether a value is farther on the way of a column that goes up only, or down only, than
/// another. NULL is where each begins.
fn farther(kind: ColumnKind, one: &Value, other: &Value) -> Result<Ordering> {
    let place = |value: &Value| -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        if value.is_null() {
            return Ok(None);
        }
        key::push(&mut bytes, &value.as_ref(), kind == ColumnKind::Min, false)?;
        Ok(Some(bytes))
    };
    Ok(place(one)?.cmp(&place(other)?))
}

fn value_of(row: &RowRef<'_>, context: &Context<'_>, slot: usize) -> Result<Value> {
    let value = row.slot_or_missing(context.layout, slot, context.missing)?;
    Ok(value.to_owned())
}

/// A cell's value by the type of its column; `None`: it is none.
pub(super) fn decoded(cell: &Cell<'_>, layout: &RowLayout) -> Option<Value> {
    let sql_type = match cell.kind {
        ColumnKind::Counter => &SqlType::Int8,
        _ => layout.slot_type(usize::from(cell.column))?,
    };
    row::decode_value(&mut { cell.value }, sql_type).ok()
}
