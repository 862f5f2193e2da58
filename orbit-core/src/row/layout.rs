//! Where the slots of a table's columns lie, computed once per table version.
//!
//! A column keeps its slot for as long as it exists. One that is dropped leaves its
//! slot behind, so that rows written earlier are read as before; the columns
//! after it are then found in other places than their own position.

use crate::types::SqlType;

/// Slot offsets for narrow and wide rows.
#[derive(Debug, Clone)]
pub struct RowLayout {
    /// Of the columns, in their order; then of computed values.
    types: Vec<SqlType>,
    /// Where columns were dropped; otherwise a column's position is its slot.
    gaps: Option<Gaps>,
    slots: Vec<Slot>,
    /// Length of the fixed area when all columns are there.
    end: Place,
}

#[derive(Debug, Clone)]
struct Gaps {
    /// The slot of each column.
    slots: Vec<u16>,
    /// The column of each slot.
    columns: Vec<Option<u16>>,
    /// The type of each slot.
    types: Vec<SqlType>,
}

/// Offsets within the fixed area, of a narrow and of a wide row.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    narrow: u32,
    wide: u32,
}

impl Place {
    fn at(self, wide: bool) -> usize {
        (if wide { self.wide } else { self.narrow }) as usize
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    place: Place,
    /// Bytes of the value in its slot; 0 for types of varying length.
    pub width: u8,
    /// The last column of varying length before this one: its end is where this one begins.
    pub previous: Option<u16>,
}

impl Slot {
    pub fn offset(&self, wide: bool) -> usize {
        self.place.at(wide)
    }

    pub fn is_variable(&self) -> bool {
        self.width == 0
    }
}

impl RowLayout {
    pub fn new<'a>(types: impl IntoIterator<Item = &'a SqlType>) -> RowLayout {
        let types: Vec<SqlType> = types.into_iter().cloned().collect();
        let (slots, end) = lay_out(&types);
        RowLayout {
            types,
            gaps: None,
            slots,
            end,
        }
    }

    /// With the slots that dropped columns left behind, in the order of slots.
    pub fn with_gaps<'a>(
        types: impl IntoIterator<Item = &'a SqlType>,
        dropped: &[(u16, SqlType)],
    ) -> RowLayout {
        if dropped.is_empty() {
            return RowLayout::new(types);
        }
        let types: Vec<SqlType> = types.into_iter().cloned().collect();
        let mut gaps = Gaps {
            slots: Vec::with_capacity(types.len()),
            columns: Vec::new(),
            types: Vec::new(),
        };
        let mut dropped = dropped.iter().peekable();
        for (column, sql_type) in types.iter().enumerate() {
            while let Some((_, gone)) =
                dropped.next_if(|(slot, _)| usize::from(*slot) <= gaps.types.len())
            {
                gaps.columns.push(None);
                gaps.types.push(gone.clone());
            }
            gaps.slots.push(gaps.types.len() as u16);
            gaps.columns.push(Some(column as u16));
            gaps.types.push(sql_type.clone());
        }
        for (_, gone) in dropped {
            gaps.columns.push(None);
            gaps.types.push(gone.clone());
        }
        let (slots, end) = lay_out(&gaps.types);
        RowLayout {
            types,
            gaps: Some(gaps),
            slots,
            end,
        }
    }

    /// With values behind the columns that have slots of their own.
    pub fn with_computed<'a>(
        types: impl IntoIterator<Item = &'a SqlType>,
        dropped: &[(u16, SqlType)],
        computed: &[(u16, SqlType)],
    ) -> RowLayout {
        if computed.is_empty() {
            return RowLayout::with_gaps(types, dropped);
        }
        let mut taken: Vec<(u16, SqlType)> = dropped.iter().chain(computed).cloned().collect();
        taken.sort_by_key(|(slot, _)| *slot);
        let mut layout = RowLayout::with_gaps(types, &taken);
        let Some(gaps) = &mut layout.gaps else {
            return layout;
        };
        for (slot, sql_type) in computed {
            let position = layout.types.len() as u16;
            layout.types.push(sql_type.clone());
            gaps.slots.push(*slot);
            if let Some(column) = gaps.columns.get_mut(usize::from(*slot)) {
                *column = Some(position);
            }
        }
        layout
    }

    pub fn types(&self) -> &[SqlType] {
        &self.types
    }

    /// Columns, without those that were dropped.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Slots, with those that dropped columns left behind.
    pub fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// A column's slot.
    #[inline]
    pub fn slot_of(&self, column: usize) -> usize {
        match &self.gaps {
            None => column,
            Some(gaps) => gaps
                .slots
                .get(column)
                .map_or(usize::MAX, |slot| usize::from(*slot)),
        }
    }

    /// A slot's column; `None`: it was dropped.
    #[inline]
    pub fn column_of(&self, slot: usize) -> Option<usize> {
        match &self.gaps {
            None => Some(slot),
            Some(gaps) => gaps.columns.get(slot).copied().flatten().map(usize::from),
        }
    }

    #[inline]
    pub(crate) fn slot_type(&self, slot: usize) -> Option<&SqlType> {
        match &self.gaps {
            None => self.types.get(slot),
            Some(gaps) => gaps.types.get(slot),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)
    }

    /// Length of the fixed area of a row with the first `slots` slots;
    /// `None` if the table has fewer.
    pub(super) fn fixed_bytes(&self, slots: usize, wide: bool) -> Option<usize> {
        match self.slots.get(slots) {
            Some(next) => Some(next.offset(wide)),
            None => (slots == self.slots.len()).then(|| self.end.at(wide)),
        }
    }
}

fn lay_out(types: &[SqlType]) -> (Vec<Slot>, Place) {
    let mut end = Place::default();
    let mut previous = None;
    let slots = types
        .iter()
        .enumerate()
        .map(|(at, sql_type)| {
            let width = sql_type.stored_width().unwrap_or(0) as u8;
            let slot = Slot {
                place: end,
                width,
                previous,
            };
            let (narrow, wide) = match width {
                0 => (2, 4),
                width => (u32::from(width), u32::from(width)),
            };
            end.narrow += narrow;
            end.wide += wide;
            if width == 0 {
                previous = u16::try_from(at).ok();
            }
            slot
        })
        .collect();
    (slots, end)
}
