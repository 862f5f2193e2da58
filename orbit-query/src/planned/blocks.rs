//! A block of a time series as a batch: its columns are what a query reads, but for their
//! types.

use super::arrow::{Builder, arrow_type};
use datafusion::arrow::array::types::*;
use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, PrimitiveArray, new_null_array,
};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use datafusion::arrow::datatypes::DataType;
use orbit_core::catalog::Table;
use orbit_core::series::block::Block;
use orbit_core::series::column::{Cells, Column, Unpacker};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result};
use std::sync::Arc;

/// The projected columns of a block; one past the last is the key.
pub fn arrays(
    table: &Table,
    projection: &[usize],
    block: &Block,
    unpacker: &mut Unpacker,
) -> Result<Vec<ArrayRef>> {
    let form = table
        .form
        .as_ref()
        .ok_or_else(|| Error::internal("a block of a table that is no time series"))?;
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(projection.len());
    for at in projection {
        let Some(column) = table.columns.get(*at) else {
            let mut keys = BinaryBuilder::with_capacity(block.rows(), block.rows() * 16);
            let mut key = Vec::new();
            for row in 0..block.rows() {
                block.key(form, row, unpacker, &mut key)?;
                keys.append_value(&key);
            }
            arrays.push(Arc::new(keys.finish()));
            continue;
        };
        let slot = table.layout.slot_of(*at);
        if slot < block.slots() {
            let values = block.column(form, slot, unpacker)?;
            arrays.push(array(values, &column.sql_type, block.rows())?);
        } else {
            // Younger than the block.
            let missing = table.missing.get(*at).filter(|value| !value.is_null());
            arrays.push(match missing {
                None => new_null_array(&arrow_type(&column.sql_type), block.rows()),
                Some(value) => {
                    let mut builder = Builder::new(&column.sql_type, block.rows());
                    for _ in 0..block.rows() {
                        builder.push(value.as_ref())?;
                    }
                    builder.finish()
                }
            });
        }
    }
    Ok(arrays)
}

fn array(column: &Column, sql_type: &SqlType, rows: usize) -> Result<ArrayRef> {
    if let Cells::Integers { values, .. } = column.cells() {
        let nulls = nulls(column, rows);
        let wanted = arrow_type(sql_type);
        let array = match sql_type {
            SqlType::Int2 => primitive::<Int16Type>(values, nulls, wanted, |v| v as i16),
            SqlType::Int4 => primitive::<Int32Type>(values, nulls, wanted, |v| v as i32),
            SqlType::Int8 => primitive::<Int64Type>(values, nulls, wanted, |v| v),
            SqlType::Date => primitive::<Date32Type>(values, nulls, wanted, |v| v as i32),
            SqlType::Time => primitive::<Time64MicrosecondType>(values, nulls, wanted, |v| v),
            SqlType::Timestamp | SqlType::TimestampTz => {
                primitive::<TimestampMicrosecondType>(values, nulls, wanted, |v| v)
            }
            SqlType::Float4 => {
                primitive::<Float32Type>(values, nulls, wanted, |v| f32::from_bits(v as u32))
            }
            SqlType::Float8 => primitive::<Float64Type>(values, nulls, wanted, |v| {
                f64::from_bits(v.cast_unsigned())
            }),
            _ => None,
        };
        if let Some(array) = array {
            return Ok(array);
        }
    }
    let mut builder = Builder::new(sql_type, rows);
    for row in 0..rows {
        builder.push(column.value(row, sql_type, &mut [0; 16])?)?;
    }
    Ok(builder.finish())
}

/// `None`: the type is another in plans.
fn primitive<T: ArrowPrimitiveType>(
    values: &[i64],
    nulls: Option<NullBuffer>,
    wanted: DataType,
    native: impl Fn(i64) -> T::Native,
) -> Option<ArrayRef> {
    if !PrimitiveArray::<T>::is_compatible(&wanted) {
        return None;
    }
    let values = values.iter().map(|value| native(*value)).collect();
    let array = PrimitiveArray::<T>::try_new(values, nulls).ok()?;
    Some(Arc::new(array.with_data_type(wanted)))
}

fn nulls(column: &Column, rows: usize) -> Option<NullBuffer> {
    if column.nulls().is_empty() {
        return None;
    }
    let valid: Vec<u8> = column.nulls().iter().map(|byte| !byte).collect();
    Some(NullBuffer::new(BooleanBuffer::new(
        Buffer::from(valid),
        0,
        rows,
    )))
}
