//! Answers as Arrow batches that other programs understand: our own carriers
//! (numerics of any scale, stored addresses) become what their types say outside.
//!
//! A column that is right already is handed on as it is, without a copy.

use super::{Builder, TYPE_KEY, arrow_type, cell, fixed_scale, list_of};
use crate::planned::num;
use crate::rows::{ColumnDesc, RowBatch};
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::types::Decimal128Type;
use datafusion::arrow::array::{
    Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// The Arrow type by which a client gets values of a SQL type.
pub fn outward_type(ty: &SqlType) -> DataType {
    match ty {
        SqlType::Numeric(_) if fixed_scale(ty).is_none() => DataType::Utf8,
        SqlType::Inet | SqlType::Cidr => DataType::Utf8,
        SqlType::Array(element) => list_of(outward_type(element)),
        other => arrow_type(other),
    }
}

/// A column of an answer, with its SQL type's name beside Arrow's.
pub fn outward_field(name: &str, ty: &SqlType) -> Field {
    let named = [(TYPE_KEY.to_owned(), ty.to_string())];
    Field::new(name, outward_type(ty), true).with_metadata(named.into())
}

pub fn outward_schema(columns: &[ColumnDesc]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|column| outward_field(&column.name, &column.sql_type));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of `batch` under the schema that [`outward_schema`] makes of `columns`.
pub fn outward_batch(
    batch: &RowBatch,
    columns: &[ColumnDesc],
    schema: &SchemaRef,
    settings: &FormatSettings,
) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let ty = &column.sql_type;
        arrays.push(match batch {
            RowBatch::Arrow(rows) => match rows.column(place) {
                Some(array) => outward(array, ty, settings)?,
                None => return Err(Error::internal("an answer lacks a column")),
            },
            rows => {
                let mut builder = Builder::new(ty, rows.len());
                for row in 0..rows.len() {
                    builder.push(rows.value(row, place)?)?;
                }
                outward(&builder.finish(), ty, settings)?
            }
        });
    }
    // Rows without a column have a number all the same.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(|error| Error::internal(format!("an answer does not fit its columns: {error}")))
}

fn outward(array: &ArrayRef, ty: &SqlType, settings: &FormatSettings) -> Result<ArrayRef> {
    let wanted = outward_type(ty);
    match ty {
        // Shown with the blanks that are not stored.
        SqlType::Char(length) if *length > 0 => return texts(array, ty, settings),
        SqlType::Array(element) => {
            if let Some(list) = lists(array, element, settings)? {
                return Ok(list);
            }
        }
        _ if *array.data_type() == wanted => {
            no_nan(array)?;
            return Ok(array.clone());
        }
        _ if wanted == DataType::Utf8 => return texts(array, ty, settings),
        _ => {}
    }
    let mut builder = Builder::new(ty, array.len());
    for row in 0..array.len() {
        builder.push(cell(array, row, ty)?)?;
    }
    let built = builder.finish();
    match *built.data_type() == wanted {
        true => Ok(built),
        false => match ty {
            SqlType::Array(element) => lists(&built, element, settings)?
                .ok_or_else(|| Error::internal("a list that is none")),
            _ => texts(&built, ty, settings),
        },
    }
}

/// The items turned outward below the same ends; `None`: not a list of such items.
fn lists(
    array: &ArrayRef,
    element: &SqlType,
    settings: &FormatSettings,
) -> Result<Option<ArrayRef>> {
    let Some(list) = array.as_list_opt::<i32>() else {
        return Ok(None);
    };
    if matches!(
        list.value_type(),
        DataType::List(_) | DataType::LargeList(_)
    ) {
        return Err(
            Error::unsupported("an array of more than one dimension over Arrow Flight")
                .with_hint("Cast it to text."),
        );
    }
    let items = outward(list.values(), element, settings)?;
    let field = Arc::new(Field::new_list_field(outward_type(element), true));
    let made = ListArray::try_new(field, list.offsets().clone(), items, list.nulls().cloned());
    let made = made.map_err(|error| Error::internal(format!("a list came apart: {error}")))?;
    Ok(Some(Arc::new(made)))
}

/// Every value as PostgreSQL writes it.
fn texts(array: &ArrayRef, ty: &SqlType, settings: &FormatSettings) -> Result<ArrayRef> {
    let mut builder = StringBuilder::with_capacity(array.len(), array.len().saturating_mul(12));
    let mut written = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        written.clear();
        text::format(&cell(array, row, ty)?, ty, settings, &mut written)?;
        let held = builder.values_slice().len();
        if held.saturating_add(written.len()) > i32::MAX as usize {
            return Err(Error::new(state::OUT_OF_MEMORY, "out of memory")
                .with_detail("The values of one column for one batch of rows are over 2 GB."));
        }
        let shown = std::str::from_utf8(&written)
            .map_err(|_| Error::internal("a value's text is not UTF-8"))?;
        builder.append_value(shown);
    }
    Ok(Arc::new(builder.finish()))
}

/// Arrow's decimals have no NaN, ours do.
fn no_nan(array: &ArrayRef) -> Result<()> {
    let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() else {
        return Ok(());
    };
    let is_nan = |row: usize| decimals.value(row) == num::FIXED_NAN && decimals.is_valid(row);
    if (0..decimals.len()).any(is_nan) {
        return Err(Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            "Arrow's decimals cannot hold NaN",
        )
        .with_hint("Cast the column to numeric, which goes out as text, or to double precision."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planned::arrow::array_of;
    use orbit_core::value::{Array as SqlArray, Numeric, Value};

    fn out(ty: SqlType, values: Vec<Value>) -> Result<RecordBatch> {
        let columns = [ColumnDesc::new("a", ty)];
        let schema = outward_schema(&columns);
        let rows = values.into_iter().map(|value| vec![value]).collect();
        let settings = FormatSettings::default();
        outward_batch(&RowBatch::Values(rows), &columns, &schema, &settings)
    }

    fn numeric(text: &str) -> Value {
        Value::Numeric(Numeric::parse(text).unwrap())
    }

    #[test]
    fn numerics_of_any_scale_are_texts_and_the_others_decimals() {
        let batch = out(SqlType::Numeric(None), vec![numeric("1.50"), Value::Null]).unwrap();
        let texts = batch.column(0).as_string::<i32>();
        assert_eq!(texts.value(0), "1.50");
        assert!(texts.is_null(1));
        let fixed = SqlType::Numeric(Some((10, 2)));
        let batch = out(fixed.clone(), vec![numeric("1.5")]).unwrap();
        assert_eq!(*batch.column(0).data_type(), DataType::Decimal128(10, 2));
        assert_eq!(
            batch.schema().field(0).metadata()[TYPE_KEY],
            "numeric(10,2)"
        );
        assert!(out(fixed, vec![numeric("NaN")]).is_err());
    }

    #[test]
    fn what_is_right_is_not_copied() {
        let array = array_of(&SqlType::Int8, &[Value::Int8(7)]).unwrap();
        let same = outward(&array, &SqlType::Int8, &FormatSettings::default()).unwrap();
        assert!(Arc::ptr_eq(&array, &same));
    }

    #[test]
    fn blanks_and_items_of_lists_are_as_clients_expect_them() {
        let batch = out(SqlType::Char(4), vec![Value::Text("ab".to_owned())]).unwrap();
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "ab  ");
        let ty = SqlType::Array(Box::new(SqlType::Numeric(None)));
        let items = SqlArray::new(SqlType::Numeric(None), vec![numeric("2.0"), Value::Null]);
        let batch = out(ty, vec![Value::Array(items), Value::Null]).unwrap();
        let list = batch.column(0).as_list::<i32>();
        assert!(list.is_null(1));
        assert_eq!(list.value(0).as_string::<i32>().value(0), "2.0");
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let schema = outward_schema(&[]);
        let settings = FormatSettings::default();
        let rows = RowBatch::Values(vec![vec![], vec![]]);
        let batch = outward_batch(&rows, &[], &schema, &settings).unwrap();
        assert_eq!(batch.num_rows(), 2);
    }
}
