//! Time series tables: `WITH (model = 'timeseries')`. Their rows are written like those of
//! any table; once they have settled they are put away in *blocks*, a few thousand
//! neighbours each, column by column, in a few bytes a row. The block is then the row: it
//! is not a copy.
//!
//! ```text
//! keys        ·················│···················│·············>
//! blocks      [a1 ........ a5] │ [b1 ........ b9]  │               in the side space, by first key
//! rows                 a3'     │                   │  b10  b11     in the data space, as ever
//!
//! read = a1 a2 a3' a4 a5 b1 ... b9 b10 b11
//! ```
//!
//! Blocks never overlap. What stands in the data space under a key, a row or a tombstone,
//! is newer than what a block has under it. Both belong to the same store and snapshot, so
//! a moment shows each row once, and a crash leaves them before or after a sealing, never
//! between; backups, snapshots and checksums of the store hold for both.
//!
//! | module | what |
//! |---|---|
//! | [`ints`], [`mod@column`], [`block`] | the bytes |
//! | [`cursor`] | blocks and rows read as one |
//! | `load` | rows in the order of keys into blocks at once |
//! | [`plan`] | which rows are put away together: pure |
//! | [`seal`] | doing it, a portion at a time |
//! | `retention` | what is too old to be kept |
//! | [`watch`] | what was written while rows were put away |

pub mod block;
pub mod column;
pub mod cursor;
pub mod ints;
pub(crate) mod load;
pub mod plan;
mod retention;
pub mod seal;
#[cfg(test)]
mod tests;
pub mod watch;

use crate::catalog::TableDef;
use crate::error::{Error, Result};
use crate::row::{RowLayout, RowRef};
use crate::types::SqlType;
use column::Shape;

/// What blocks of a table are read and written by.
#[derive(Debug)]
pub struct Form {
    pub layout: RowLayout,
    pub shapes: Vec<Shape>,
    /// The slots of the primary key, in its order: the series, then the time.
    pub key: Vec<(usize, SqlType)>,
    /// Of the time column.
    pub time: usize,
    schema: String,
    name: String,
}

impl Form {
    /// `None`: the table is no time series.
    pub fn of(def: &TableDef, layout: &RowLayout) -> Option<Form> {
        def.series.as_ref()?;
        let key = def.primary_key_columns().iter();
        let key = key
            .map(|at| Some((layout.slot_of(*at), def.columns.get(*at)?.sql_type.clone())))
            .collect::<Option<Vec<_>>>()?;
        Some(Form {
            layout: layout.clone(),
            shapes: Shape::all(layout),
            time: key.last()?.0,
            key,
            schema: def.schema.clone(),
            name: def.name.clone(),
        })
    }

    /// When a row's reading was made: microseconds, or days.
    pub fn time_of(&self, row: &RowRef<'_>) -> Result<i64> {
        let bytes = row.slot_bytes(&self.layout, self.time)?;
        match bytes {
            Some(bytes) if bytes.len() == 4 => {
                let days = bytes.try_into().map_or(0, i32::from_le_bytes);
                Ok(i64::from(days))
            }
            Some(bytes) => Ok(bytes.try_into().map_or(0, i64::from_le_bytes)),
            None => Err(Error::corrupted("a row of a time series has no time")),
        }
    }
}

#[cold]
fn cut_short() -> Error {
    Error::corrupted("a block of rows is cut short")
}

/// Says of which table and from where on rows can't be read. They are nowhere else.
fn unreadable(error: Error, form: &Form, first_key: &[u8]) -> Error {
    let first = shown_key(form, first_key).unwrap_or_else(|| "?".to_owned());
    Error::corrupted(format!(
        "rows of the time series \"{}\" can't be read",
        form.name
    ))
    .with_detail(format!(
        "The block of up to {} rows from ({first}) on: {}.",
        block::ROWS,
        error.message()
    ))
    .with_hint("Restore them from a backup. Rows of other blocks are not affected.")
    .of_schema(form.schema.clone())
    .of_table(form.name.clone())
}

fn shown_key(form: &Form, mut key: &[u8]) -> Option<String> {
    let mut shown = Vec::new();
    for (place, (_, kind)) in form.key.iter().enumerate() {
        let value = crate::key::pop(&mut key, kind, false, false).ok()?;
        if place > 0 {
            shown.extend_from_slice(b", ");
        }
        let settings = crate::value::text::FormatSettings::default();
        crate::value::text::format(&value.as_ref(), kind, &settings, &mut shown).ok()?;
    }
    String::from_utf8(shown).ok()
}
