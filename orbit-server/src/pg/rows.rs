//! Rows into DataRow messages: values straight from the batch into the output.

use super::backend::{Output, put_integer};
use super::errors::protocol;
use super::frontend::Codes;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{ValueRef, binary, text};
use orbit_core::{Error, Result, state};
use orbit_query::{ColumnDesc, RowBatch};

/// Which columns of a result are wanted in binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Formats {
    #[default]
    Text,
    Binary,
    Each(Vec<bool>),
}

impl Formats {
    pub fn is_binary(&self, column: usize) -> bool {
        match self {
            Formats::Text => false,
            Formats::Binary => true,
            Formats::Each(each) => each.get(column).copied().unwrap_or(false),
        }
    }

    /// From the codes of a Bind message: none, one for all, or one a column.
    pub fn of_result(codes: Codes<'_>, columns: usize) -> Result<Formats> {
        let single = |code| {
            Ok(if is_binary(code)? {
                Formats::Binary
            } else {
                Formats::Text
            })
        };
        match (codes.len(), codes.at(0)) {
            (0, _) | (_, None) => Ok(Formats::Text),
            (1, Some(code)) => single(code),
            (given, _) if given != columns => Err(protocol(format!(
                "bind message has {given} result formats but query has {columns} columns"
            ))),
            (given, _) => (0..given)
                .filter_map(|column| codes.at(column))
                .map(is_binary)
                .collect::<Result<_>>()
                .map(Formats::Each),
        }
    }
}

pub fn is_binary(code: u16) -> Result<bool> {
    match code {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("unsupported format code: {other}"),
        )),
    }
}

/// Writes one row. On an error nothing of it remains in the output.
pub fn data_row(
    out: &mut Output,
    batch: &RowBatch,
    row: usize,
    columns: &[ColumnDesc],
    formats: &Formats,
    settings: &FormatSettings,
) -> Result<()> {
    let open = out.begin(b'D');
    let body = out.body();
    // Statements have at most 1,664 columns; the wire counts with 16 bits.
    body.extend_from_slice(
        &u16::try_from(columns.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes(),
    );
    for (index, column) in columns.iter().enumerate() {
        let written = batch.value(row, index).and_then(|value| {
            field(
                body,
                &value,
                &column.sql_type,
                formats.is_binary(index),
                settings,
            )
        });
        if let Err(error) = written {
            out.take_back();
            return Err(error);
        }
    }
    out.end(open)
}

/// A value with its length before it; NULL is the length -1.
fn field(
    out: &mut Vec<u8>,
    value: &ValueRef<'_>,
    of: &SqlType,
    binary: bool,
    settings: &FormatSettings,
) -> Result<()> {
    if value.is_null() {
        out.extend_from_slice(&[0xff; 4]);
        return Ok(());
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    match (value, of) {
        (ValueRef::Text(text), SqlType::Text | SqlType::Varchar(_)) => {
            out.extend_from_slice(text.as_bytes());
        }
        (ValueRef::Int4(number), SqlType::Int4) if binary => {
            out.extend_from_slice(&number.to_be_bytes());
        }
        (ValueRef::Int8(number), SqlType::Int8) if binary => {
            out.extend_from_slice(&number.to_be_bytes());
        }
        _ if binary => binary::encode(value, of, out)?,
        (ValueRef::Int4(number), SqlType::Int4) => put_integer(out, i64::from(*number)),
        (ValueRef::Int8(number), SqlType::Int8) => put_integer(out, *number),
        (ValueRef::Int2(number), SqlType::Int2) => put_integer(out, i64::from(*number)),
        _ => text::format(value, of, settings, out)?,
    }
    let length = i32::try_from(out.len() - at - 4).map_err(|_| {
        Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            "a value of the result is too long for one message",
        )
    })?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
