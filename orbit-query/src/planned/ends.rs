//! The row at one end of each series of a time series: from series to series by their
//! keys, without the rows between.

use super::ranges::Access;
use orbit_core::Result;
use orbit_core::catalog::Table;
use orbit_core::database::ReadView;
use orbit_core::store::{Direction, KeyRange, successor};
use orbit_core::types::SqlType;

pub struct Ends {
    direction: Direction,
    /// What is still ahead, of primary keys.
    ahead: Vec<KeyRange>,
}

impl Ends {
    pub fn new(access: &Access, direction: Direction) -> Ends {
        let ahead = match access {
            Access::Keys(ranges) => ranges.clone(),
            // A time series has no index.
            Access::Full | Access::One | Access::Index { .. } => vec![KeyRange::default()],
        };
        Ends { direction, ahead }
    }

    /// Hands the next series' row on; `false`: there is none.
    pub fn next(
        &mut self,
        view: &ReadView,
        table: &Table,
        mut give: impl FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<bool> {
        while let Some(range) = self.ahead.last_mut() {
            let mut scan = view.scan(table, range.clone(), self.direction)?;
            let Some((key, row)) = scan.next()? else {
                self.ahead.pop();
                continue;
            };
            give(key, row)?;
            let series = series_of(table, key);
            let is_past = match self.direction {
                Direction::Backward => {
                    range.end = series.to_vec();
                    range.end.as_slice() <= range.start.as_slice()
                }
                Direction::Forward => {
                    range.start = successor(series);
                    let ends = !range.end.is_empty() && range.start >= range.end;
                    range.start.is_empty() || ends
                }
            };
            if is_past {
                self.ahead.pop();
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// What the keys of a row's series begin with: all but the time.
fn series_of<'a>(table: &Table, key: &'a [u8]) -> &'a [u8] {
    let time = table.primary_key_columns().last();
    let time = time.and_then(|at| table.columns.get(*at));
    let width = match time.map(|column| &column.sql_type) {
        Some(SqlType::Date) => 4,
        _ => 8,
    };
    key.get(..key.len().saturating_sub(width))
        .unwrap_or_default()
}
