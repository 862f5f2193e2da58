//! Fields as JSON: numbers, booleans, documents and arrays as such, the rest as texts.

use std::borrow::Cow;
use tokio_postgres::Column;
use tokio_postgres::types::{Kind, Type};

/// A column: its name as JSON text, and what its values are.
pub struct Field {
    name: String,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Bool,
    Number,
    Document,
    Text,
    Array(Box<Shape>),
}

impl Field {
    pub fn of(column: &Column) -> Field {
        Field {
            name: serde_json::Value::from(column.name()).to_string(),
            shape: shape(column.type_()),
        }
    }
}

fn shape(sql_type: &Type) -> Shape {
    match *sql_type {
        Type::BOOL => Shape::Bool,
        Type::INT2
        | Type::INT4
        | Type::INT8
        | Type::FLOAT4
        | Type::FLOAT8
        | Type::NUMERIC
        | Type::OID => Shape::Number,
        Type::JSON | Type::JSONB => Shape::Document,
        _ => match sql_type.kind() {
            Kind::Array(element) => Shape::Array(Box::new(shape(element))),
            _ => Shape::Text,
        },
    }
}

pub fn row(fields: &[Field], values: &[Option<Cow<'_, str>>], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (field, value)) in fields.iter().zip(values).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(field.name.as_bytes());
        out.push(b':');
        let text = match value {
            None => "null".to_owned(),
            Some(text) => json(&field.shape, text),
        };
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

fn json(shape: &Shape, text: &str) -> String {
    match shape {
        Shape::Bool if text == "t" => "true".to_owned(),
        Shape::Bool if text == "f" => "false".to_owned(),
        // NaN and Infinity have no JSON form but a text.
        Shape::Number if is_number(text) => text.to_owned(),
        // A json value keeps its line ends, which stand between its parts only.
        Shape::Document => text.replace(['\n', '\r'], " "),
        Shape::Array(element) => {
            array(element, text).unwrap_or_else(|| serde_json::Value::from(text).to_string())
        }
        _ => serde_json::Value::from(text).to_string(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// `{1,NULL,{"a b"}}`; `None` where the text is no array after all.
fn array(element: &Shape, text: &str) -> Option<String> {
    // Bounds that don't begin at 1 stand before it: `[0:1]={1,2}`.
    let text = match text.starts_with('[') {
        true => text.split_once('=')?.1,
        false => text,
    };
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut depth = 0u32;
    loop {
        match characters.next()? {
            '{' => {
                out.push('[');
                depth += 1;
            }
            '}' => {
                out.push(']');
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return characters.next().is_none().then_some(out);
                }
            }
            ',' => out.push(','),
            '"' => {
                let mut value = String::new();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => value.push(characters.next()?),
                        character => value.push(character),
                    }
                }
                out.push_str(&json(element, &value));
            }
            first => {
                let mut value = String::from(first);
                while let Some(character) = characters.next_if(|c| !matches!(c, ',' | '}')) {
                    value.push(character);
                }
                match value.as_str() {
                    "NULL" => out.push_str("null"),
                    value => out.push_str(&json(element, value)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_are() {
        let number = |text| json(&Shape::Number, text);
        assert_eq!(number("-1.50"), "-1.50");
        assert_eq!(number("1e+20"), "1e+20");
        assert_eq!(number("NaN"), "\"NaN\"");
        assert_eq!(number("-Infinity"), "\"-Infinity\"");
        assert_eq!(json(&Shape::Bool, "t"), "true");
        assert_eq!(json(&Shape::Text, "a\"\n"), "\"a\\\"\\n\"");
        assert_eq!(json(&Shape::Document, "{\"a\":\n 1}"), "{\"a\":  1}");
    }

    #[test]
    fn arrays_are_arrays_whatever_their_depth() {
        let array = |element: Shape, text: &str| json(&Shape::Array(Box::new(element)), text);
        assert_eq!(array(Shape::Number, "{{1,2},{NULL,4}}"), "[[1,2],[null,4]]");
        assert_eq!(array(Shape::Number, "[0:1]={1,2}"), "[1,2]");
        assert_eq!(
            array(Shape::Text, "{a,\"b \\\"c\\\"\",\"NULL\",NULL}"),
            "[\"a\",\"b \\\"c\\\"\",\"NULL\",null]"
        );
        assert_eq!(array(Shape::Text, "{}"), "[]");
        assert_eq!(array(Shape::Text, "broken"), "\"broken\"");
    }
}
