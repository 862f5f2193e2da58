//! Reading a stored row in place.

use super::layout::{RowLayout, Slot};
use super::{
    ENVELOPE_PLAIN, FLAG_SIDE, FLAG_STAMPS, FLAG_WIDE, HEAD_BYTES, KNOWN_FLAGS, STAMP_BYTES, Stamp,
    bit, bitmap_bytes, codec,
};
use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::value::{Value, ValueRef};

/// A row whose head, stamps and null bitmap are known to be there.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    bytes: &'a [u8],
    columns: usize,
    /// Where the null bitmap begins.
    body: usize,
}

impl<'a> RowRef<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<RowRef<'a>> {
        let Some(&[envelope, flags, low, high, ..]) = bytes.first_chunk::<HEAD_BYTES>() else {
            return Err(Error::corrupted("stored row is shorter than its head"));
        };
        if envelope != ENVELOPE_PLAIN || flags & !KNOWN_FLAGS != 0 {
            return Err(unknown_format(envelope, flags));
        }
        let columns = usize::from(u16::from_le_bytes([low, high]));
        let mut body = HEAD_BYTES;
        if flags & FLAG_STAMPS != 0 {
            let bitmap = bytes
                .get(HEAD_BYTES..HEAD_BYTES + bitmap_bytes(columns))
                .ok_or_else(cut_short)?;
            let stamps: u32 = bitmap.iter().map(|byte| byte.count_ones()).sum();
            body += bitmap.len() + stamps as usize * STAMP_BYTES;
        }
        if bytes.len() < body + bitmap_bytes(columns) {
            return Err(cut_short());
        }
        Ok(RowRef {
            bytes,
            columns,
            body,
        })
    }

    pub fn causal_length(&self) -> u32 {
        match self.bytes.get(4..8) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    pub fn is_live(&self) -> bool {
        self.causal_length() % 2 == 1
    }

    pub fn stamp(&self) -> Stamp {
        self.stamp_at(8)
    }

    /// Slots present in the bytes.
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn flag(&self, flag: u8) -> bool {
        self.bytes.get(1).is_some_and(|flags| flags & flag != 0)
    }

    fn stamp_at(&self, at: usize) -> Stamp {
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => Stamp::read(bytes),
            // `new` has checked the length of head and stamps.
            None => Stamp {
                hlc: Hlc::ZERO,
                site: crate::ids::SiteOrdinal(0),
            },
        }
    }

    /// The bitmap of columns with a stamp of their own; empty if there are none.
    pub(crate) fn stamp_bitmap(&self) -> &'a [u8] {
        if !self.flag(FLAG_STAMPS) {
            return &[];
        }
        self.bytes
            .get(HEAD_BYTES..HEAD_BYTES + bitmap_bytes(self.columns))
            .unwrap_or_default()
    }

    /// The stamp of a slot's own, or the row's.
    pub fn column_stamp(&self, column: usize) -> Stamp {
        self.own_stamp(column).unwrap_or_else(|| self.stamp())
    }

    pub(super) fn own_stamp(&self, column: usize) -> Option<Stamp> {
        let bitmap = self.stamp_bitmap();
        if column >= self.columns || !bit(bitmap, column) {
            return None;
        }
        let (whole, part) = (column / 8, column % 8);
        let before: u32 = bitmap
            .iter()
            .take(whole)
            .map(|byte| byte.count_ones())
            .sum();
        let within = bitmap
            .get(whole)
            .map_or(0, |byte| (byte & ((1u8 << part) - 1)).count_ones());
        let place = (before + within) as usize;
        Some(self.stamp_at(HEAD_BYTES + bitmap.len() + place * STAMP_BYTES))
    }

    /// Over the row's stamp and all columns' stamps.
    pub fn newest_hlc(&self) -> Hlc {
        let first = HEAD_BYTES + self.stamp_bitmap().len();
        self.bytes
            .get(first..self.body)
            .unwrap_or_default()
            .chunks_exact(STAMP_BYTES)
            .filter_map(|chunk| chunk.first_chunk())
            .map(|stamp| Stamp::read(stamp).hlc)
            .fold(self.stamp().hlc, Hlc::max)
    }

    /// From the null bitmap on: the values without their stamps.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }

    pub fn is_wide(&self) -> bool {
        self.flag(FLAG_WIDE)
    }

    /// Whether more is known of its key in the side space.
    pub fn has_side(&self) -> bool {
        self.flag(FLAG_SIDE)
    }

    pub fn is_null(&self, layout: &RowLayout, column: usize, missing: &[Value]) -> bool {
        let slot = layout.slot_of(column);
        if slot >= self.columns {
            return missing.get(column).is_none_or(Value::is_null);
        }
        self.null_bit(slot)
    }

    pub(super) fn null_bit(&self, slot: usize) -> bool {
        bit(self.body(), slot)
    }

    /// Finds the value at once, wherever it lies. `missing` has the values of
    /// columns added after the row was written.
    #[inline]
    pub fn value(
        &self,
        layout: &RowLayout,
        column: usize,
        missing: &'a [Value],
    ) -> Result<ValueRef<'a>> {
        let slot = layout.slot_of(column);
        if slot >= self.columns {
            return Ok(missing.get(column).map_or(ValueRef::Null, Value::as_ref));
        }
        self.slot_value(layout, slot)
    }

    /// The value of a slot that the row has.
    #[inline]
    pub fn slot_value(&self, layout: &RowLayout, slot: usize) -> Result<ValueRef<'a>> {
        if self.null_bit(slot) {
            return Ok(ValueRef::Null);
        }
        let sql_type = layout.slot_type(slot).ok_or_else(newer_than_table)?;
        codec::decode(self.raw(layout, slot)?, sql_type)
    }

    /// The value of any slot: of one younger than the row, what such rows show.
    pub fn slot_or_missing(
        &self,
        layout: &RowLayout,
        slot: usize,
        missing: &'a [Value],
    ) -> Result<ValueRef<'a>> {
        if slot < self.columns {
            return self.slot_value(layout, slot);
        }
        let column = layout.column_of(slot);
        let value = column.and_then(|column| missing.get(column));
        Ok(value.map_or(ValueRef::Null, Value::as_ref))
    }

    /// The bytes of a slot that the row has; `None`: NULL.
    #[cfg(feature = "columns")]
    #[inline]
    pub(crate) fn slot_bytes(&self, layout: &RowLayout, slot: usize) -> Result<Option<&'a [u8]>> {
        match self.null_bit(slot) {
            true => Ok(None),
            false => self.raw(layout, slot).map(Some),
        }
    }

    /// Whether it takes more than its slots and the row's stamp to make it again.
    #[cfg(feature = "columns")]
    pub(crate) fn is_odd(&self) -> bool {
        self.flag(FLAG_STAMPS | FLAG_WIDE | FLAG_SIDE)
    }

    /// The bytes of a slot that the row has: itself, or its part of the variable area.
    #[inline]
    pub(super) fn raw(&self, layout: &RowLayout, slot: usize) -> Result<&'a [u8]> {
        let wide = self.is_wide();
        let slot = layout.slot(slot).ok_or_else(newer_than_table)?;
        let fixed = self.body + bitmap_bytes(self.columns);
        if !slot.is_variable() {
            let start = fixed + slot.offset(wide);
            return self
                .bytes
                .get(start..start + usize::from(slot.width))
                .ok_or_else(cut_short);
        }
        let area = fixed
            + layout
                .fixed_bytes(self.columns, wide)
                .ok_or_else(newer_than_table)?;
        let end = self.end_of(slot, fixed, wide)?;
        let start = match slot.previous.and_then(|at| layout.slot(usize::from(at))) {
            Some(previous) => self.end_of(previous, fixed, wide)?,
            None => 0,
        };
        self.bytes
            .get(area + start..area + end)
            .ok_or_else(cut_short)
    }

    #[inline]
    fn end_of(&self, slot: &Slot, fixed: usize, wide: bool) -> Result<usize> {
        let at = self
            .bytes
            .get(fixed + slot.offset(wide)..)
            .ok_or_else(cut_short)?;
        if wide {
            at.first_chunk()
                .map(|end| u32::from_le_bytes(*end) as usize)
        } else {
            at.first_chunk()
                .map(|end| usize::from(u16::from_le_bytes(*end)))
        }
        .ok_or_else(cut_short)
    }

    /// Owned values of all the table's columns.
    pub fn values(&self, layout: &RowLayout, missing: &[Value]) -> Result<Vec<Value>> {
        (0..layout.len())
            .map(|column| {
                let slot = layout.slot_of(column);
                if slot >= self.columns {
                    return Ok(missing.get(column).cloned().unwrap_or_default());
                }
                Ok(self.slot_value(layout, slot)?.to_owned())
            })
            .collect()
    }
}

#[cold]
fn cut_short() -> Error {
    Error::corrupted("stored row is cut short")
}

#[cold]
fn newer_than_table() -> Error {
    Error::corrupted("stored row has more columns than its table")
}

#[cold]
fn unknown_format(envelope: u8, flags: u8) -> Error {
    Error::corrupted(format!(
        "stored row has an unknown format (envelope {envelope}, flags {flags:#04x})"
    ))
}
