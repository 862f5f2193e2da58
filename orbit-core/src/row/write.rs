//! Writing rows: whole ones, changed ones, deleted ones. Nothing is allocated
//! but the growth of the buffer the caller keeps.

use super::codec::{fill_slot, push_variable};
use super::layout::RowLayout;
use super::read::RowRef;
use super::{
    ENVELOPE_PLAIN, FLAG_SIDE, FLAG_STAMPS, FLAG_WIDE, HEAD_BYTES, PENDING, STAMP_BYTES, Stamp,
    bit, bitmap_bytes,
};
use crate::clock::Hlc;
use crate::error::{Error, Result, state};
use crate::value::Value;
use smallvec::SmallVec;

/// A slot's new value, and when and where it was written.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub slot: usize,
    pub value: &'a Value,
    pub stamp: Stamp,
}

/// Largest end offset a narrow row can hold.
const NARROW_LIMIT: usize = u16::MAX as usize;

/// Replaces `out` by a live or restored row with all of `values`, in column order.
pub fn encode(
    layout: &RowLayout,
    values: &[Value],
    causal_length: u32,
    stamp: Stamp,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.clear();
    let slots = if values.len() == layout.len() {
        layout.slot_count()
    } else {
        values
            .len()
            .checked_sub(1)
            .map_or(0, |last| layout.slot_of(last).saturating_add(1))
    };
    let count = slot_count(layout, slots)?;
    push_head(count, causal_length, stamp, out);
    push_body(layout, slots, out, |slot, body| {
        let value = layout.column_of(slot).and_then(|column| values.get(column));
        body.put(slot, value.unwrap_or(&Value::Null))
    })
}

/// Replaces `out` by a row with the first `slots` slots, of the bytes that each is given;
/// `None`: NULL. What another row's slots gave ([`RowRef::slot_bytes`]) makes that row
/// again, byte by byte, if it had no stamps of columns.
#[cfg(feature = "columns")]
pub(crate) fn rebuild(
    layout: &RowLayout,
    slots: usize,
    causal_length: u32,
    stamp: Stamp,
    out: &mut Vec<u8>,
    bytes_of: impl Fn(usize, &mut dyn FnMut(Option<&[u8]>) -> Result<()>) -> Result<()>,
) -> Result<()> {
    out.clear();
    push_head(slot_count(layout, slots)?, causal_length, stamp, out);
    push_body(layout, slots, out, |slot, body| {
        bytes_of(slot, &mut |bytes| match bytes {
            Some(bytes) => body.copy(slot, bytes),
            None => body.put(slot, &Value::Null),
        })
    })
}

/// Replaces `out` by a deleted row.
pub fn tombstone(causal_length: u32, stamp: Stamp, out: &mut Vec<u8>) {
    out.clear();
    push_head(0, causal_length, stamp, out);
}

/// Replaces `out` by `old` with some columns changed at `stamp`. The others keep
/// values and stamps; the row keeps its stamp and causal length.
pub fn update(
    layout: &RowLayout,
    old: &[u8],
    changes: &[(usize, Value)],
    missing: &[Value],
    stamp: Stamp,
    out: &mut Vec<u8>,
) -> Result<()> {
    let changes: SmallVec<[Change<'_>; 8]> = changes
        .iter()
        .map(|(column, value)| Change {
            slot: layout.slot_of(*column),
            value,
            stamp,
        })
        .collect();
    change(layout, old, &changes, missing, out)
}

/// As [`update`], with slots in place of columns, and a stamp for each.
pub fn change(
    layout: &RowLayout,
    old: &[u8],
    changes: &[Change<'_>],
    missing: &[Value],
    out: &mut Vec<u8>,
) -> Result<()> {
    out.clear();
    let row = RowRef::new(old)?;
    // A column younger than the row brings all of them along.
    let grows = changes.iter().any(|change| change.slot >= row.columns());
    let slots = if grows {
        layout.slot_count()
    } else {
        row.columns()
    };
    let count = slot_count(layout, slots)?;
    push_head(count, row.causal_length(), row.stamp(), out);
    if row.has_side() {
        set_flag(out, FLAG_SIDE);
    }
    push_stamps(&row, slots, changes, out)?;

    if !grows && patch_body(layout, &row, changes, out)? {
        return Ok(());
    }
    push_body(layout, slots, out, |slot, body| {
        // The last of several changes of one column counts.
        if let Some(change) = changes.iter().rev().find(|change| change.slot == slot) {
            body.put(slot, change.value)
        } else if slot >= row.columns() {
            let column = layout.column_of(slot);
            let value = column.and_then(|column| missing.get(column));
            body.put(slot, value.unwrap_or(&Value::Null))
        } else if row.null_bit(slot) {
            body.put(slot, &Value::Null)
        } else {
            body.copy(slot, row.raw(layout, slot)?)
        }
    })
}

/// Replaces `out` by a live row of a body as another row holds it ([`RowRef::body`]).
pub fn with_body(
    columns: u16,
    causal_length: u32,
    stamp: Stamp,
    wide: bool,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    out.clear();
    push_head(columns, causal_length, stamp, out);
    if wide {
        set_flag(out, FLAG_WIDE);
    }
    out.extend_from_slice(body);
}

/// Says whether more is known of the row's key in the side space.
pub fn set_side(row: &mut [u8], side: bool) {
    if let Some(flags) = row.get_mut(1) {
        match side {
            true => *flags |= FLAG_SIDE,
            false => *flags &= !FLAG_SIDE,
        }
    }
}

/// Gives every stamp that still waits for it the commit's time.
pub fn assign_hlc(row: &mut [u8], hlc: Hlc) {
    let Ok(read) = RowRef::new(row) else {
        return;
    };
    let bitmap = read.stamp_bitmap().len();
    let body = row.len() - read.body().len();
    let mut assign = |at: usize| {
        if let Some(time) = row.get_mut(at..at + 8)
            && *time == PENDING.0.to_le_bytes()
        {
            time.copy_from_slice(&hlc.0.to_le_bytes());
        }
    };
    assign(8);
    for at in (HEAD_BYTES + bitmap..body).step_by(STAMP_BYTES) {
        assign(at);
    }
}

fn slot_count(layout: &RowLayout, slots: usize) -> Result<u16> {
    match u16::try_from(slots) {
        Ok(count) if slots <= layout.slot_count() => Ok(count),
        _ => Err(Error::internal(format!(
            "a row of {slots} slots for a table of {}",
            layout.slot_count()
        ))),
    }
}

#[cold]
fn no_slot() -> Error {
    Error::internal("a change of a slot that is not there")
}

fn push_head(columns: u16, causal_length: u32, stamp: Stamp, out: &mut Vec<u8>) {
    let mut head = [0u8; HEAD_BYTES];
    head[0] = ENVELOPE_PLAIN;
    head[2..4].copy_from_slice(&columns.to_le_bytes());
    head[4..8].copy_from_slice(&causal_length.to_le_bytes());
    head[8..16].copy_from_slice(&stamp.hlc.0.to_le_bytes());
    head[16..20].copy_from_slice(&stamp.site.0.to_le_bytes());
    out.extend_from_slice(&head);
}

fn set_flag(out: &mut [u8], flag: u8) {
    if let Some(flags) = out.get_mut(1) {
        *flags |= flag;
    }
}

/// The old columns' stamps with the changed ones replaced. A column changed at
/// the row's own stamp needs none.
fn push_stamps(
    row: &RowRef<'_>,
    columns: usize,
    changes: &[Change<'_>],
    out: &mut Vec<u8>,
) -> Result<()> {
    let own = row.stamp();
    let old = row.stamp_bitmap();
    if old.is_empty() && changes.iter().all(|change| change.stamp == own) {
        return Ok(());
    }
    let start = out.len();
    let length = bitmap_bytes(columns);
    out.resize(start + length, 0);
    out[start..start + old.len()].copy_from_slice(old);
    for change in changes {
        if change.slot >= columns {
            let slot = change.slot;
            return Err(Error::internal(format!("no column {slot} to change")));
        }
        let byte = &mut out[start + change.slot / 8];
        if change.stamp == own {
            *byte &= !(1 << (change.slot % 8));
        } else {
            *byte |= 1 << (change.slot % 8);
        }
    }
    if out[start..].iter().all(|byte| *byte == 0) {
        out.truncate(start);
        return Ok(());
    }
    set_flag(out, FLAG_STAMPS);
    for column in 0..columns {
        if !bit(&out[start..start + length], column) {
            continue;
        }
        let changed = changes.iter().rev().find(|change| change.slot == column);
        let stamp = match changed {
            Some(change) => change.stamp,
            None => row.column_stamp(column),
        };
        stamp.write(out);
    }
    Ok(())
}

/// The common case: every changed value takes the place of one of equal length,
/// so the old body is copied and written over. `false`: it doesn't fit, and
/// nothing was added.
fn patch_body(
    layout: &RowLayout,
    row: &RowRef<'_>,
    changes: &[Change<'_>],
    out: &mut Vec<u8>,
) -> Result<bool> {
    let start = out.len();
    let body = row.body();
    out.extend_from_slice(body);
    let fixed = start + bitmap_bytes(row.columns());
    for change in changes {
        let (column, value) = (change.slot, change.value);
        let slot = match layout.slot(column) {
            Some(slot) => slot,
            None => return Err(Error::internal(format!("no column {column} to change"))),
        };
        let nulls = start + column / 8;
        let mask = 1u8 << (column % 8);
        if slot.is_variable() {
            let old = if row.null_bit(column) {
                &[][..]
            } else {
                row.raw(layout, column)?
            };
            let same = match value {
                Value::Null => old.is_empty(),
                Value::Text(text) => !text.is_empty() && text.len() == old.len(),
                Value::Bytea(bytes) => !bytes.is_empty() && bytes.len() == old.len(),
                _ => false,
            };
            if !same {
                out.truncate(start);
                return Ok(false);
            }
            if value.is_null() {
                out[nulls] |= mask;
                continue;
            }
            // Written behind the row first, so that it is checked and placed in one way.
            let end = out.len();
            let sql_type = layout.slot_type(column).ok_or_else(no_slot)?;
            push_variable(value, sql_type, out)?;
            let at = start + (old.as_ptr() as usize - body.as_ptr() as usize);
            out.copy_within(end.., at);
            out.truncate(end);
            continue;
        }
        let at = fixed + slot.offset(row.is_wide());
        let width = usize::from(slot.width);
        let Some(place) = out.get_mut(at..at + width) else {
            return Err(Error::corrupted("stored row is cut short"));
        };
        if value.is_null() {
            place.fill(0);
            out[nulls] |= mask;
        } else {
            let sql_type = layout.slot_type(column).ok_or_else(no_slot)?;
            fill_slot(value, sql_type, place)?;
            out[nulls] &= !mask;
        }
    }
    if row.is_wide() {
        set_flag(out, FLAG_WIDE);
    }
    Ok(true)
}

/// Null bitmap, fixed area and variable area: narrow, and again wide if that overflows.
fn push_body(
    layout: &RowLayout,
    columns: usize,
    out: &mut Vec<u8>,
    mut fill: impl FnMut(usize, &mut Body<'_>) -> Result<()>,
) -> Result<()> {
    let start = out.len();
    for wide in [false, true] {
        let nulls = start;
        let fixed = nulls + bitmap_bytes(columns);
        let variable = fixed
            + layout
                .fixed_bytes(columns, wide)
                .ok_or_else(|| Error::internal("more columns than the table has"))?;
        out.resize(variable, 0);
        let mut body = Body {
            layout,
            out,
            nulls,
            fixed,
            variable,
            wide,
        };
        for column in 0..columns {
            fill(column, &mut body)?;
        }
        let length = out.len() - variable;
        if length <= NARROW_LIMIT {
            return Ok(());
        }
        if wide {
            set_flag(out, FLAG_WIDE);
            if u32::try_from(length).is_err() {
                return Err(Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    format!("row is too big: size {length}, maximum size {}", u32::MAX),
                ));
            }
            return Ok(());
        }
        out.truncate(start);
    }
    Ok(())
}

struct Body<'a> {
    layout: &'a RowLayout,
    out: &'a mut Vec<u8>,
    nulls: usize,
    fixed: usize,
    variable: usize,
    wide: bool,
}

impl Body<'_> {
    #[inline]
    fn put(&mut self, column: usize, value: &Value) -> Result<()> {
        let (Some(slot), Some(sql_type)) =
            (self.layout.slot(column), self.layout.slot_type(column))
        else {
            return Err(Error::internal("more columns than the table has"));
        };
        if value.is_null() {
            self.out[self.nulls + column / 8] |= 1 << (column % 8);
            if slot.is_variable() {
                self.end_here(slot.offset(self.wide));
            }
            return Ok(());
        }
        if slot.is_variable() {
            push_variable(value, sql_type, self.out)?;
            self.end_here(slot.offset(self.wide));
            return Ok(());
        }
        let at = self.fixed + slot.offset(self.wide);
        fill_slot(
            value,
            sql_type,
            &mut self.out[at..at + usize::from(slot.width)],
        )
    }

    /// As `put`, of bytes that another row holds.
    #[inline]
    fn copy(&mut self, column: usize, raw: &[u8]) -> Result<()> {
        let Some(slot) = self.layout.slot(column) else {
            return Err(Error::internal("more columns than the table has"));
        };
        if slot.is_variable() {
            self.out.extend_from_slice(raw);
            self.end_here(slot.offset(self.wide));
        } else {
            let at = self.fixed + slot.offset(self.wide);
            self.out[at..at + raw.len()].copy_from_slice(raw);
        }
        Ok(())
    }

    /// Notes that the value just written ends where the variable area ends now.
    #[inline]
    fn end_here(&mut self, offset: usize) {
        let end = self.out.len() - self.variable;
        let at = self.fixed + offset;
        if self.wide {
            self.out[at..at + 4].copy_from_slice(&(end as u32).to_le_bytes());
        } else {
            // Cut off when it overflows: the row is then written again, wide.
            self.out[at..at + 2].copy_from_slice(&(end as u16).to_le_bytes());
        }
    }
}
