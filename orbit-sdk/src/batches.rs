//! Answers as Arrow batches, of either side.

use arrow::record_batch::RecordBatch;
use orbit_core::Result;
use orbit_core::value::text::FormatSettings;
use orbit_query::planned::{outward_batch, outward_schema};
use orbit_query::{RowBatch, Rows};

/// What a session gives, batch by batch.
pub async fn of_rows(mut rows: Rows, format: &FormatSettings) -> Result<Vec<RecordBatch>> {
    let schema = outward_schema(&rows.columns);
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await? {
        batches.push(outward_batch(&batch, &rows.columns, &schema, format)?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// What came as values.
#[cfg(feature = "remote")]
pub fn of_answer(answer: crate::answer::Answer) -> Result<Vec<RecordBatch>> {
    if answer.columns.is_empty() && answer.rows.is_empty() {
        return Ok(Vec::new());
    }
    let columns = answer.columns.into_iter();
    let columns: Vec<_> = columns
        .map(|column| orbit_query::ColumnDesc::new(column.name, column.sql_type))
        .collect();
    let schema = outward_schema(&columns);
    let rows = RowBatch::Values(answer.rows);
    let format = FormatSettings::default();
    Ok(vec![outward_batch(&rows, &columns, &schema, &format)?])
}
