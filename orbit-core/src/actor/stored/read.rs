//! A state from the values of its columns.

use super::shape::Field;
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::Value;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// The state that `values`, in the order of `fields`, tell of. A NULL is as a field that
/// isn't there: it gets serde's default, or stays None.
pub fn state_of<S: DeserializeOwned>(fields: &[Field], values: &[Value]) -> Result<S> {
    let columns = Columns {
        left: fields.iter().zip(values),
        value: None,
    };
    S::deserialize(de::value::MapAccessDeserializer::new(columns)).map_err(|problem| {
        Error::new(
            state::DATA_CORRUPTED,
            format!("the stored row is not a {}", std::any::type_name::<S>()),
        )
        .with_detail(problem.0)
        .with_hint("Give new fields #[serde(default)], and keep the types of the old ones.")
    })
}

#[derive(Debug)]
struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem(message.to_string())
    }
}

struct Columns<'v, I: Iterator<Item = (&'v Field, &'v Value)>> {
    left: I,
    value: Option<(&'v Field, &'v Value)>,
}

impl<'v, I: Iterator<Item = (&'v Field, &'v Value)>> de::MapAccess<'v> for Columns<'v, I> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        self.value = self.left.find(|(_, value)| !value.is_null());
        match self.value {
            Some((field, _)) => seed.deserialize(StrDeserializer::new(field.name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'v>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (field, value) = self
            .value
            .take()
            .ok_or_else(|| Problem("a value without a name".to_owned()))?;
        match (&field.sql_type, value) {
            (SqlType::Jsonb, Value::Text(text)) => {
                let mut json = serde_json::Deserializer::from_str(text);
                seed.deserialize(&mut json)
                    .map_err(|error| Problem(format!("{}: {error}", field.name)))
            }
            (_, value) => seed
                .deserialize(Cell { value })
                .map_err(|Problem(why)| Problem(format!("{}: {why}", field.name))),
        }
    }
}

/// One value.
struct Cell<'v> {
    value: &'v Value,
}

impl<'v> de::Deserializer<'v> for Cell<'v> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Null => visitor.visit_none(),
            Value::Bool(v) => visitor.visit_bool(*v),
            Value::Int2(v) => visitor.visit_i16(*v),
            Value::Int4(v) => visitor.visit_i32(*v),
            Value::Int8(v) => visitor.visit_i64(*v),
            Value::Float4(v) => visitor.visit_f32(*v),
            Value::Float8(v) => visitor.visit_f64(*v),
            Value::Text(v) => visitor.visit_borrowed_str(v),
            Value::Bytea(v) => visitor.visit_borrowed_bytes(v),
            _ => Err(Problem("a value of a type that no field has".to_owned())),
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.value {
            Value::Text(v) => visitor.visit_enum(v.as_str().into_deserializer()),
            _ => Err(Problem("no variant's name".to_owned())),
        }
    }

    forward_to_deserialize_any! {
        <W: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
