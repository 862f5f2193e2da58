//! The record that a loop of DO goes through: its fields stand in statements as constants.

use crate::rows::{ColumnDesc, RowBatch};
use crate::statement::names::fold;
use crate::statement::tokens::{split, text_of};
use orbit_core::types::SqlType;
use orbit_core::value::ValueRef;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result, state};
use sqlparser::tokenizer::{Token, TokenWithSpan};

#[derive(Clone, Debug)]
pub struct Record {
    pub name: String,
    /// Each with its value as a statement would write it.
    pub fields: Vec<(String, String)>,
}

impl Record {
    pub fn of(
        name: &str,
        columns: &[ColumnDesc],
        batch: &RowBatch,
        row: usize,
        format: &FormatSettings,
    ) -> Result<Record> {
        let mut fields = Vec::with_capacity(columns.len());
        for (place, column) in columns.iter().enumerate() {
            let value = batch.value(row, place)?;
            let constant = match value {
                ValueRef::Null => "NULL".to_owned(),
                value => {
                    let mut bytes = Vec::new();
                    text::format(&value, &column.sql_type, format, &mut bytes)?;
                    let shown = String::from_utf8_lossy(&bytes).replace('\'', "''");
                    format!("'{shown}'")
                }
            };
            let name = match &column.sql_type {
                // `character` alone would be one letter.
                SqlType::Char(0) => "bpchar".to_owned(),
                other => other.to_string(),
            };
            let constant = format!("CAST({constant} AS {name})");
            fields.push((column.name.clone(), constant));
        }
        Ok(Record {
            name: name.to_owned(),
            fields,
        })
    }

    pub fn bytes(&self) -> usize {
        let fields = self.fields.iter();
        fields
            .map(|(name, constant)| name.len() + constant.len())
            .sum()
    }
}

/// The text with the records' fields written out.
pub fn written_out(sql: &str, records: &[Record]) -> Result<String> {
    if records.is_empty() {
        return Ok(sql.to_owned());
    }
    let pieces = split(sql)?;
    let Some(piece) = pieces.first() else {
        return Ok(sql.to_owned());
    };
    let (mut out, mut rest) = (String::new(), piece.tokens.as_slice());
    let mut kept = 0;
    while let Some(token) = rest.get(kept) {
        let after_period = kept
            .checked_sub(1)
            .and_then(|before| rest.get(before))
            .is_some_and(|before| before.token == Token::Period);
        let field = match rest.get(kept + 1..kept + 3) {
            Some([period, field]) if period.token == Token::Period && !after_period => Some(field),
            _ => None,
        };
        let record = word(token).and_then(|name| {
            let mut inner = records.iter().rev();
            inner.find(|record| record.name == name)
        });
        let (Some(record), Some(field)) = (record, field.and_then(word)) else {
            kept += 1;
            continue;
        };
        let mut fields = record.fields.iter();
        let Some((_, constant)) = fields.find(|(name, _)| *name == field) else {
            return Err(Error::new(
                state::UNDEFINED_COLUMN,
                format!("record \"{}\" has no field \"{field}\"", record.name),
            ));
        };
        out.push_str(text_of(sql, rest.get(..kept).unwrap_or_default()));
        out.push(' ');
        out.push_str(constant);
        out.push(' ');
        rest = rest.get(kept + 3..).unwrap_or_default();
        kept = 0;
    }
    out.push_str(text_of(sql, rest));
    Ok(out)
}

fn word(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) => Some(fold(&sqlparser::ast::Ident {
            value: word.value.clone(),
            quote_style: word.quote_style,
            span: token.span,
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_out_and_nothing_else() {
        let record = Record {
            name: "r".to_owned(),
            fields: vec![("name".to_owned(), "CAST('a''b' AS text)".to_owned())],
        };
        let records = [record];
        let out = written_out(
            "'DROP TABLE ' || quote_ident(r.name) || x.r.name || 'r.name'",
            &records,
        );
        assert_eq!(
            out.unwrap(),
            "'DROP TABLE ' || quote_ident( CAST('a''b' AS text) ) || x.r.name || 'r.name'"
        );
        assert_eq!(
            written_out("R.NAME", &records).unwrap().trim(),
            "CAST('a''b' AS text)"
        );
        assert!(written_out("r.other", &records).is_err());
    }
}
