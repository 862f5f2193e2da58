//! How rows become types of yours, by serde.
//!
//! | a row as | is read |
//! |---|---|
//! | a struct, a map | by the columns' names |
//! | a tuple, an array | in the columns' order |
//! | a plain type | from its only column |
//!
//! | a column of type | as |
//! |---|---|
//! | `bool`, integers, floats | numbers, as far as they fit |
//! | `text`, `varchar`, `json`, ... | `String`; `json` and `jsonb` also as what is in them |
//! | `bytea` | bytes, or a sequence such as `Vec<u8>` |
//! | `timestamptz`, `timestamp` | `i64`: microseconds since 1970; or `String`, as ISO 8601 has it |
//! | `date` | `i32` or `i64`: days since 1970; or `String` |
//! | `time` | `i64`: microseconds since midnight; or `String` |
//! | `numeric`, `uuid`, `interval`, `inet` | `String` |
//! | arrays of one dimension | sequences |
//! | NULL | `None` |

use crate::answer::Column;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, state};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

pub(crate) fn read<T: DeserializeOwned>(columns: &[Column], values: Vec<Value>) -> Result<T> {
    T::deserialize(Row { columns, values }).map_err(|Misfit(why)| {
        Error::new(
            state::DATATYPE_MISMATCH,
            "a row doesn't fit the type it is read as",
        )
        .with_detail(why)
    })
}

/// Why a row didn't fit.
#[derive(Debug)]
struct Misfit(String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(why: T) -> Misfit {
        Misfit(why.to_string())
    }
}

struct Row<'c> {
    columns: &'c [Column],
    values: Vec<Value>,
}

impl<'c> Row<'c> {
    fn fields(self) -> impl Iterator<Item = Field<'c>> {
        let columns = self.columns.iter();
        columns
            .zip(self.values)
            .map(|(column, value)| Field { column, value })
    }

    /// The only column.
    fn only(self) -> Result<Field<'c>, Misfit> {
        let count = self.columns.len();
        match (self.fields().next(), count) {
            (Some(field), 1) => Ok(field),
            _ => Err(Misfit(format!(
                "It has {count} columns, where a plain type has one."
            ))),
        }
    }
}

macro_rules! only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Row<'_> {
    type Error = Misfit;

    only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(SeqDeserializer::new(self.fields()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.columns.len() {
            there if there == wanted => self.deserialize_seq(visitor),
            there => Err(Misfit(format!(
                "It has {there} columns, the tuple {wanted}."
            ))),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_tuple(wanted, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let named = self
            .fields()
            .map(|field| (field.column.name.as_str(), field));
        visitor.visit_map(MapDeserializer::new(named))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }
}

struct Field<'c> {
    column: &'c Column,
    value: Value,
}

impl<'de> IntoDeserializer<'de, Misfit> for Field<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Field<'_> {
    fn is_json(&self) -> bool {
        matches!(self.column.sql_type, SqlType::Json | SqlType::Jsonb)
    }

    /// As PostgreSQL writes it.
    fn text(&self) -> Result<String, Misfit> {
        let mut out = Vec::new();
        let settings = text::FormatSettings::default();
        let value = self.value.as_ref();
        text::format(&value, &self.column.sql_type, &settings, &mut out)
            .map_err(|error| Misfit(error.to_string()))?;
        String::from_utf8(out).map_err(|error| Misfit(error.to_string()))
    }

    fn give<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int2(value) => visitor.visit_i16(*value),
            Value::Int4(value) => visitor.visit_i32(*value),
            Value::Int8(value) => visitor.visit_i64(*value),
            Value::Float4(value) => visitor.visit_f32(*value),
            Value::Float8(value) => visitor.visit_f64(*value),
            Value::Bytea(bytes) => visitor.visit_bytes(bytes),
            // Those of fixed length are shown with the blanks that are not stored.
            Value::Text(text) if !matches!(self.column.sql_type, SqlType::Char(_)) => {
                visitor.visit_str(text)
            }
            _ => visitor.visit_string(self.text()?),
        }
    }

    fn named(&self, Misfit(why): Misfit) -> Misfit {
        Misfit(format!("Column \"{}\": {why}.", self.column.name))
    }

    /// What is in a document, an array of one dimension, or bytes.
    fn inside<'de, V: Visitor<'de>>(
        &self,
        visitor: V,
        of_json: impl FnOnce(serde_json::Value, V) -> serde_json::Result<V::Value>,
    ) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Text(text) if self.is_json() => serde_json::from_str(text)
                .and_then(|document| of_json(document, visitor))
                .map_err(|error| Misfit(error.to_string())),
            Value::Array(array) if array.dims.len() <= 1 => {
                let column = Column {
                    name: self.column.name.clone(),
                    sql_type: array.element.clone(),
                };
                let items = array.items.iter().map(|value| Field {
                    column: &column,
                    value: value.clone(),
                });
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            Value::Bytea(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            _ => self.give(visitor),
        }
    }
}

impl<'de> de::Deserializer<'de> for Field<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.give(visitor).map_err(|misfit| self.named(misfit))
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Date(days) => visitor.visit_i32(*days),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Timestamp(micros) | Value::TimestampTz(micros) | Value::Time(micros) => {
                visitor.visit_i64(*micros)
            }
            Value::Date(days) => visitor.visit_i64(i64::from(*days)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.inside(visitor, de::Deserializer::deserialize_seq)
            .map_err(|misfit| self.named(misfit))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.inside(visitor, de::Deserializer::deserialize_map)
            .map_err(|misfit| self.named(misfit))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if self.is_json() {
            let enumerated = |document: serde_json::Value, visitor| {
                de::Deserializer::deserialize_enum(document, name, variants, visitor)
            };
            return self
                .inside(visitor, enumerated)
                .map_err(|misfit| self.named(misfit));
        }
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct identifier ignored_any
    }
}
