//! Where the slots of a table's columns lie, computed once per table version.

use crate::types::SqlType;

/// Slot offsets for narrow and wide rows.
#[derive(Debug, Clone)]
pub struct RowLayout {
    types: Vec<SqlType>,
    slots: Vec<Slot>,
    /// Length of the fixed area when all columns are there.
    end: Place,
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
        RowLayout { types, slots, end }
    }

    pub fn types(&self) -> &[SqlType] {
        &self.types
    }

    pub fn len(&self) -> usize {
        self.types.len()
    }

    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    pub(super) fn slot(&self, column: usize) -> Option<&Slot> {
        self.slots.get(column)
    }

    /// Length of the fixed area of a row with the first `columns` columns;
    /// `None` if the table has fewer.
    pub(super) fn fixed_bytes(&self, columns: usize, wide: bool) -> Option<usize> {
        match self.slots.get(columns) {
            Some(next) => Some(next.offset(wide)),
            None => (columns == self.slots.len()).then(|| self.end.at(wide)),
        }
    }
}
