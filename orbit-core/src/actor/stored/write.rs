//! A state's fields as the values of its columns.

use super::shape::Field;
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::{self, Value};
use serde::Serialize;
use serde::ser::{self, Impossible};
use std::fmt;

/// The values of a state, in the order of `fields`.
pub fn values_of<S: Serialize>(actor: &S, fields: &[Field]) -> Result<Vec<Value>> {
    let mut values = vec![Value::Null; fields.len()];
    let outer = Outer {
        fields,
        values: &mut values,
    };
    actor.serialize(outer).map_err(|problem| problem.0)?;
    Ok(values)
}

/// A problem on its way through serde.
#[derive(Debug)]
pub struct Problem(pub Error);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Problem {}

impl ser::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem(Error::new(
            state::INVALID_PARAMETER_VALUE,
            message.to_string(),
        ))
    }
}

fn no_struct() -> Problem {
    Problem(Error::internal("a state that is not a struct"))
}

struct Outer<'a> {
    fields: &'a [Field],
    values: &'a mut [Value],
}

impl ser::SerializeStruct for Outer<'_> {
    type Ok = ();
    type Error = Problem;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Problem> {
        // What is written and never read has no column.
        let Some(place) = self.fields.iter().position(|field| field.name == name) else {
            return Ok(());
        };
        let field = &self.fields[place];
        let stored = match field.sql_type {
            SqlType::Jsonb => json(value, field)?,
            _ => value.serialize(Inner { field })?,
        };
        self.values[place] = stored;
        Ok(())
    }

    fn end(self) -> Result<(), Problem> {
        Ok(())
    }
}

/// NULL stands for an `Option` that is None; any other null is JSON's.
fn json<T: Serialize + ?Sized>(written: &T, field: &Field) -> Result<Value, Problem> {
    let json = serde_json::to_value(written).map_err(ser::Error::custom)?;
    if json.is_null() && field.nullable {
        return Ok(Value::Null);
    }
    // In the form that jsonb has.
    value::text::parse(&json.to_string(), &SqlType::Jsonb, &Default::default()).map_err(Problem)
}

macro_rules! refuse {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, _: $type) -> Result<Self::Ok, Problem> {
            Err(no_struct())
        }
    )*};
}

impl ser::Serializer for Outer<'_> {
    type Ok = ();
    type Error = Problem;
    type SerializeSeq = Impossible<(), Problem>;
    type SerializeTuple = Impossible<(), Problem>;
    type SerializeTupleStruct = Impossible<(), Problem>;
    type SerializeTupleVariant = Impossible<(), Problem>;
    type SerializeMap = Impossible<(), Problem>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Problem>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Problem> {
        Ok(self)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Problem> {
        Ok(())
    }

    refuse! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8],
    }

    fn serialize_none(self) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_unit(self) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Problem> {
        Err(no_struct())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Problem> {
        Err(no_struct())
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Problem> {
        Err(no_struct())
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Problem> {
        Err(no_struct())
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Problem> {
        Err(no_struct())
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Problem> {
        Err(no_struct())
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Problem> {
        Err(no_struct())
    }
}

/// The value of a field whose column has a type of its own.
struct Inner<'a> {
    field: &'a Field,
}

impl Inner<'_> {
    fn integer(&self, number: i128) -> Result<Value, Problem> {
        let fits = match self.field.sql_type {
            SqlType::Int2 => i16::try_from(number).map(Value::Int2),
            SqlType::Int4 => i32::try_from(number).map(Value::Int4),
            SqlType::Int8 => i64::try_from(number).map(Value::Int8),
            _ => return Err(self.other("an integer")),
        };
        fits.map_err(|_| {
            Problem(Error::new(
                state::NUMERIC_VALUE_OUT_OF_RANGE,
                format!(
                    "{number} in field \"{}\" is out of range for type {}",
                    self.field.name, self.field.sql_type
                ),
            ))
        })
    }

    /// It was something else when it was read.
    fn other(&self, what: &str) -> Problem {
        Problem(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "field \"{}\" is written as {what}, but read as {}",
                self.field.name, self.field.sql_type
            ),
        ))
    }

    fn when(&self, is: bool, what: &str, value: impl FnOnce() -> Value) -> Result<Value, Problem> {
        match is {
            true => Ok(value()),
            false => Err(self.other(what)),
        }
    }
}

impl ser::Serializer for Inner<'_> {
    type Ok = Value;
    type Error = Problem;
    type SerializeSeq = Impossible<Value, Problem>;
    type SerializeTuple = Impossible<Value, Problem>;
    type SerializeTupleStruct = Impossible<Value, Problem>;
    type SerializeTupleVariant = Impossible<Value, Problem>;
    type SerializeMap = Impossible<Value, Problem>;
    type SerializeStruct = Impossible<Value, Problem>;
    type SerializeStructVariant = Impossible<Value, Problem>;

    fn serialize_bool(self, v: bool) -> Result<Value, Problem> {
        let is = self.field.sql_type == SqlType::Bool;
        self.when(is, "a truth value", || Value::Bool(v))
    }
    fn serialize_i8(self, v: i8) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_i16(self, v: i16) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_i32(self, v: i32) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_i64(self, v: i64) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_u8(self, v: u8) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result<Value, Problem> {
        self.integer(v.into())
    }
    fn serialize_f32(self, v: f32) -> Result<Value, Problem> {
        let is = self.field.sql_type == SqlType::Float4;
        self.when(is, "a number", || Value::Float4(v))
    }
    fn serialize_f64(self, v: f64) -> Result<Value, Problem> {
        let is = self.field.sql_type == SqlType::Float8;
        self.when(is, "a number", || Value::Float8(v))
    }
    fn serialize_char(self, v: char) -> Result<Value, Problem> {
        let mut bytes = [0; 4];
        self.serialize_str(v.encode_utf8(&mut bytes))
    }
    fn serialize_str(self, v: &str) -> Result<Value, Problem> {
        if v.contains('\0') {
            return Err(Problem(Error::new(
                state::CHARACTER_NOT_IN_REPERTOIRE,
                format!(
                    "the text in field \"{}\" holds a zero byte",
                    self.field.name
                ),
            )));
        }
        let is = self.field.sql_type == SqlType::Text;
        self.when(is, "text", || Value::Text(v.to_owned()))
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<Value, Problem> {
        let is = self.field.sql_type == SqlType::Bytea;
        self.when(is, "bytes", || Value::Bytea(v.to_vec()))
    }
    fn serialize_none(self) -> Result<Value, Problem> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Problem> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, Problem> {
        Err(self.other("nothing"))
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Problem> {
        Err(self.other("nothing"))
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Problem> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Problem> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Problem> {
        Err(self.other("a variant"))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Problem> {
        Err(self.other("a sequence"))
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Problem> {
        Err(self.other("a tuple"))
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Problem> {
        Err(self.other("a tuple"))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Problem> {
        Err(self.other("a variant"))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Problem> {
        Err(self.other("a map"))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Problem> {
        Err(self.other("a struct"))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Problem> {
        Err(self.other("a variant"))
    }
}
