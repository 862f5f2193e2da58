//! Which columns a state's fields are kept in. Serde's derive asks its format for each
//! field by type; this format notes what was asked for and refuses, once for each field.

use crate::error::{Error, Result, state};
use crate::types::SqlType;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Visitor};
use std::fmt;

/// A field of a state, as its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub sql_type: SqlType,
    /// An `Option`.
    pub nullable: bool,
}

/// The fields of a state in the order of its definition.
pub fn fields_of<S: DeserializeOwned>() -> Result<Vec<Field>> {
    let mut names = &[][..];
    let told = S::deserialize(Outer::Names(&mut names)).map_err(|asked| asked.0);
    match told.err() {
        Some(Asked::Names | Asked::Nothing) => {}
        _ => return Err(no_struct(std::any::type_name::<S>())),
    }
    let mut fields = Vec::with_capacity(names.len());
    for name in names {
        let (sql_type, nullable) = match S::deserialize(Outer::Field(name)) {
            Err(Stop(Asked::Type { sql_type, nullable })) => (sql_type, nullable),
            _ => return Err(no_struct(std::any::type_name::<S>())),
        };
        fields.push(Field {
            name,
            sql_type,
            nullable,
        });
    }
    Ok(fields)
}

fn no_struct(what: &str) -> Error {
    Error::new(
        state::INVALID_TABLE_DEFINITION,
        format!("the state {what} is not a struct with named fields"),
    )
    .with_hint("Put what it is into a field of a struct, without #[serde(flatten)].")
}

/// What was asked for.
#[derive(Debug)]
enum Asked {
    /// A struct, whose names are noted.
    Names,
    /// A struct without fields.
    Nothing,
    Type {
        sql_type: SqlType,
        nullable: bool,
    },
    Other,
}

/// Ends the asking.
#[derive(Debug)]
struct Stop(Asked);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enough was asked")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop(Asked::Other)
    }
}

/// The state itself.
enum Outer<'n> {
    Names(&'n mut &'static [&'static str]),
    Field(&'static str),
}

macro_rules! refuse {
    ($($method:ident($($arg:ident: $type:ty),*)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* _: V) -> Result<V::Value, Stop> {
            $(let _ = $arg;)*
            Err(Stop(Asked::Other))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Outer<'_> {
    type Error = Stop;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self {
            Outer::Names(names) => {
                *names = fields;
                Err(Stop(Asked::Names))
            }
            Outer::Field(name) => visitor.visit_map(OneField(Some(name))),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Stop> {
        Err(Stop(Asked::Nothing))
    }

    refuse! {
        deserialize_any(), deserialize_bool(), deserialize_i8(), deserialize_i16(),
        deserialize_i32(), deserialize_i64(), deserialize_u8(), deserialize_u16(),
        deserialize_u32(), deserialize_u64(), deserialize_f32(), deserialize_f64(),
        deserialize_char(), deserialize_str(), deserialize_string(), deserialize_bytes(),
        deserialize_byte_buf(), deserialize_option(), deserialize_unit(),
        deserialize_newtype_struct(name: &'static str), deserialize_seq(),
        deserialize_tuple(length: usize),
        deserialize_tuple_struct(name: &'static str, length: usize), deserialize_map(),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_identifier(), deserialize_ignored_any(),
    }
}

/// A map with one key, whose value is what is asked for.
struct OneField(Option<&'static str>);

impl<'de> de::MapAccess<'de> for OneField {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        match self.0.take() {
            Some(name) => seed
                .deserialize(de::value::StrDeserializer::new(name))
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(Inner { nullable: false })
    }
}

/// A field's value.
struct Inner {
    nullable: bool,
}

macro_rules! types {
    ($($sql_type:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            Err(self.is(SqlType::$sql_type))
        }
    )*)*};
}

impl Inner {
    fn is(self, sql_type: SqlType) -> Stop {
        Stop(Asked::Type {
            sql_type,
            nullable: self.nullable,
        })
    }
}

impl<'de> de::Deserializer<'de> for Inner {
    type Error = Stop;

    types! {
        Bool: deserialize_bool;
        Int2: deserialize_i8 deserialize_i16 deserialize_u8;
        Int4: deserialize_i32 deserialize_u16;
        Int8: deserialize_i64 deserialize_u32 deserialize_u64;
        Float4: deserialize_f32;
        Float8: deserialize_f64;
        Text: deserialize_char deserialize_str deserialize_string;
        Bytea: deserialize_bytes deserialize_byte_buf;
        Jsonb: deserialize_any deserialize_unit deserialize_seq deserialize_map
            deserialize_identifier deserialize_ignored_any;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        // An option within an option could not be told from it.
        if self.nullable {
            return Err(self.is(SqlType::Jsonb));
        }
        visitor.visit_some(Inner { nullable: true })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Stop> {
        Err(self.is(SqlType::Jsonb))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Stop> {
        Err(self.is(SqlType::Jsonb))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Stop> {
        Err(self.is(SqlType::Jsonb))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        Err(self.is(SqlType::Jsonb))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        Err(self.is(SqlType::Jsonb))
    }
}
