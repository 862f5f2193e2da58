//! `UPDATE ... SET a[1] = x` and `SET j['a'][0] = x`: the whole value with one part of it
//! set, as PostgreSQL's subscripting does.

use super::json::edit::{Field, array_text, fields, object_text};
use super::json::span::{self, Kind};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};

/// Items that an assignment may make an array of.
const LONGEST: usize = 10_000_000;

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn too_long() -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "array size exceeds the maximum allowed",
    )
}

/// An array of one dimension with an item set; what lies between is NULL.
pub fn in_array(array: Option<&Array>, element: &SqlType, at: i32, value: Value) -> Result<Value> {
    let (mut items, lower) = match array {
        None => (Vec::new(), at),
        Some(array) if array.items.is_empty() => (Vec::new(), at),
        Some(array) => {
            let several =
                array.dims.len() > 1 || matches!(array.items.first(), Some(Value::Array(_)));
            if several {
                return Err(Error::new(
                    state::ARRAY_SUBSCRIPT_ERROR,
                    "wrong number of array subscripts",
                ));
            }
            let lower = array.dims.first().map_or(1, |(_, lower)| *lower);
            (array.items.clone(), lower)
        }
    };
    if lower != 1 && items.is_empty() || at < lower {
        return Err(Error::unsupported("an array that doesn't begin at 1"));
    }
    let place = usize::try_from(i64::from(at) - i64::from(lower)).map_err(|_| too_long())?;
    if place >= LONGEST {
        return Err(too_long());
    }
    if place >= items.len() {
        items.resize(place + 1, Value::Null);
    }
    if let Some(item) = items.get_mut(place) {
        *item = value;
    }
    Ok(Value::Array(Array::new(element.clone(), items)))
}

/// A document with the value at a path set; what the path names is made where it isn't.
/// `numbered`: the first step is a number, not a text.
pub fn in_document(
    document: Option<&str>,
    path: &[ValueRef<'_>],
    numbered: bool,
    value: Option<&str>,
) -> Result<Value> {
    let mut steps = Vec::with_capacity(path.len());
    for step in path {
        match step {
            ValueRef::Text(step) => steps.push(*step),
            _ => {
                return Err(Error::new(
                    state::NULL_VALUE_NOT_ALLOWED,
                    "jsonb subscript in assignment must not be null",
                ));
            }
        }
    }
    let value = value.unwrap_or("null");
    let document = document.unwrap_or(if numbered { "[]" } else { "{}" });
    set(document, &steps, 0, value).map(Value::Text)
}

fn set(text: &str, steps: &[&str], level: usize, value: &str) -> Result<String> {
    let Some(step) = steps.get(level) else {
        return Ok(value.to_owned());
    };
    match span::kind(text)? {
        Kind::Object => {
            let mut all: Vec<Field> = fields(text)?;
            match all.iter_mut().find(|(key, ..)| key == step) {
                Some(field) => field.2 = set(&field.2, steps, level + 1, value)?,
                None => {
                    let made = made(steps, level + 1, value)?;
                    all.push(((*step).to_owned(), span::quote(step), made));
                }
            }
            Ok(object_text(all))
        }
        Kind::Array => {
            let index: i32 = step.trim().parse().map_err(|_| {
                Error::new(
                    state::INVALID_TEXT_REPRESENTATION,
                    format!(
                        "path element at position {} is not an integer: \"{step}\"",
                        level + 1
                    ),
                )
            })?;
            let mut items: Vec<String> =
                span::items(text)?.into_iter().map(str::to_owned).collect();
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let place = if index < 0 {
                length + i64::from(index)
            } else {
                i64::from(index)
            };
            let place = usize::try_from(place).map_err(|_| {
                refused(format!(
                    "path element at position {} is out of range: {index}",
                    level + 1
                ))
            })?;
            if place >= LONGEST {
                return Err(too_long());
            }
            match items.get(place) {
                Some(item) => {
                    let changed = set(item, steps, level + 1, value)?;
                    if let Some(item) = items.get_mut(place) {
                        *item = changed;
                    }
                }
                None => {
                    items.resize(place, "null".to_owned());
                    items.push(made(steps, level + 1, value)?);
                }
            }
            Ok(array_text(&items, ", "))
        }
        _ => Err(refused("cannot replace existing key")
            .with_detail("The path assumes key is a composite object, but it is a scalar value.")),
    }
}

/// What the rest of a path stands for where nothing is.
fn made(steps: &[&str], level: usize, value: &str) -> Result<String> {
    let mut text = value.to_owned();
    for step in steps.iter().skip(level).rev() {
        text = match step.trim().parse::<i32>() {
            Ok(index) => {
                let place = usize::try_from(index)
                    .map_err(|_| refused(format!("path element is out of range: {index}")))?;
                if place >= LONGEST {
                    return Err(too_long());
                }
                let mut items = vec!["null".to_owned(); place];
                items.push(text);
                array_text(&items, ", ")
            }
            Err(_) => format!("{{{}: {text}}}", span::quote(step)),
        };
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_set_and_made() {
        let set = |document: Option<&str>, path: &[&str], value: &str| {
            let path: Vec<ValueRef<'_>> = path.iter().map(|step| ValueRef::Text(step)).collect();
            in_document(document, &path, false, Some(value))
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            set(None, &["a", "1", "b"], "2").unwrap(),
            text(r#"{"a": [null, {"b": 2}]}"#)
        );
        assert_eq!(
            set(Some(r#"{"a": [1]}"#), &["a", "2"], "5").unwrap(),
            text(r#"{"a": [1, null, 5]}"#)
        );
        assert!(set(Some(r#"{"a": 1}"#), &["a", "b"], "5").is_err());
        let made = in_array(None, &SqlType::Int4, 1, Value::Int4(7)).unwrap();
        let Value::Array(array) = &made else { panic!() };
        let longer = in_array(Some(array), &SqlType::Int4, 3, Value::Int4(9)).unwrap();
        let expected = vec![Value::Int4(7), Value::Null, Value::Int4(9)];
        assert_eq!(longer, Value::Array(Array::new(SqlType::Int4, expected)));
    }
}
