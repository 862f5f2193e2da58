//! Rows that come as Arrow columns rather than as a stream of bytes.

use super::encode::{Failure, Plan, Rows, Sink};
use crate::planned::Inward;
use orbit_core::Error;
use orbit_core::value::Value;
use std::ops::Range;

/// As many rows go to a worker at once.
pub const PIECE_ROWS: usize = 8192;

/// What a row takes at least, for the first buffer.
const ROW_BYTES: usize = 64;

/// Some rows of a batch; `columns` stand in the order of the plan's places.
pub fn run(
    plan: &Plan,
    columns: &[Inward],
    rows: Range<usize>,
) -> std::result::Result<Rows, Box<Failure>> {
    let mut sink = Sink::new(plan, rows.len() * ROW_BYTES);
    let mut values = vec![Value::Null; plan.table.columns.len()];
    for row in rows {
        let line = sink.rows.lines + 1;
        let fail = |error: Error, place: String| Box::new(Failure { line, error, place });
        sink.rows.lines = line;
        for (column, place) in columns.iter().zip(&plan.places) {
            let Some(slot) = values.get_mut(*place) else {
                let error = Error::internal("a field without its column");
                return Err(fail(error, String::new()));
            };
            if let Err(error) = column.put(row, slot) {
                let name = plan.table.columns.get(*place).map(|column| &column.name);
                return Err(fail(error, format!(", column {}", name.map_or("", |n| n))));
            }
        }
        sink.take(&mut values, line)
            .map_err(|error| fail(error, String::new()))?;
    }
    Ok(sink.rows)
}
