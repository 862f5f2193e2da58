//! JSON objects as rows: `json_to_record`, `json_populate_recordset` and their like.

use super::span::{self, Kind};
use super::{refused, unquoted};
use crate::planned::functions::row::{RowFn, arity};
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Array, Value, ValueRef, text};
use orbit_core::{Error, Result, state};

pub fn is_record_function(name: &str) -> bool {
    matches!(
        name,
        "json_to_record"
            | "jsonb_to_record"
            | "json_to_recordset"
            | "jsonb_to_recordset"
            | "json_populate_record"
            | "jsonb_populate_record"
            | "json_populate_recordset"
            | "jsonb_populate_recordset"
    )
}

/// A column of such a function: the values of its key, a list of one for each record.
pub fn field_of_records(
    function: &str,
    key: &str,
    column: &SqlType,
    document: &SqlType,
    format: &FormatSettings,
) -> RowFn {
    let set = function.ends_with("set");
    let (name, key, ty, format) = (
        function.to_owned(),
        key.to_owned(),
        column.clone(),
        format.clone(),
    );
    RowFn::new(
        "field_of_records".to_owned(),
        format!("{function} {key} {column:?} {:?}", format.time_zone),
        vec![document.clone()],
        SqlType::Array(Box::new(column.clone())),
        move |args| {
            let [ValueRef::Text(document)] = args else {
                return Err(arity());
            };
            let document = document.trim();
            let records = match (set, span::kind(document)?) {
                (false, Kind::Object) => vec![document],
                (true, Kind::Array) => span::items(document)?,
                (false, _) => return Err(refused(format!("cannot call {name} on a non-object"))),
                (true, Kind::Object) => {
                    return Err(refused(format!("cannot call {name} on an object")));
                }
                (true, _) => return Err(refused(format!("cannot call {name} on a scalar"))),
            };
            let mut values = Vec::with_capacity(records.len());
            for record in records {
                if span::kind(record)? != Kind::Object {
                    return Err(refused(format!(
                        "argument of {name} must be an array of objects"
                    )));
                }
                values.push(match span::member(record, &key)? {
                    Some(part) => value_of(part, &ty, &key, &format)?,
                    None => Value::Null,
                });
            }
            Ok(Value::Array(Array::new(ty.clone(), values)))
        },
    )
}

/// A part of a document as a value of a type.
fn value_of(part: &str, ty: &SqlType, key: &str, format: &FormatSettings) -> Result<Value> {
    let part = part.trim();
    match (ty, span::kind(part)?) {
        (SqlType::Json | SqlType::Jsonb, Kind::Null) if *ty == SqlType::Json => Ok(Value::Null),
        (SqlType::Json, _) => Ok(Value::Text(part.to_owned())),
        (SqlType::Jsonb, _) => text::parse(part, ty, format),
        (_, Kind::Null) => Ok(Value::Null),
        (SqlType::Array(element), Kind::Array) => {
            let items = span::items(part)?
                .into_iter()
                .map(|item| value_of(item, element, key, format));
            Ok(Value::Array(Array::new(
                (**element).clone(),
                items.collect::<Result<_>>()?,
            )))
        }
        (SqlType::Array(_), kind) if kind != Kind::String => Err(Error::new(
            state::INVALID_TEXT_REPRESENTATION,
            "expected JSON array",
        )
        .with_hint(format!("See the value of key \"{key}\"."))),
        _ => match unquoted(Some(part))? {
            Value::Text(value) => text::parse(&value, ty, format),
            other => Ok(other),
        },
    }
}
