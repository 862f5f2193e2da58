//! Values as every layer passes them: owned ([`Value`]) and borrowed from a
//! stored row ([`ValueRef`]). Dates and times count from the Unix epoch.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod array;
pub mod binary;
pub mod cast;
pub mod datetime;
pub mod network;
pub mod numeric;
pub mod precision;
pub mod text;

pub use array::Array;
pub use network::Inet;
pub use numeric::Numeric;

/// Months, days and microseconds are kept apart: they don't convert into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    /// Also varchar, char (without trailing blanks), name, json and jsonb.
    Text(String),
    Bytea(Vec<u8>),
    /// Days since 1970-01-01; `i32::MAX` and `i32::MIN` are the infinities.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00, no zone; the extremes are infinities.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00 UTC; the extremes are infinities.
    TimestampTz(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    Inet(Inet),
    /// Without bits behind its prefix.
    Cidr(Inet),
    Array(Array),
}

/// A value still lying in the row it was read from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueRef<'a> {
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    Text(&'a str),
    Bytea(&'a [u8]),
    Date(i32),
    Time(i64),
    Timestamp(i64),
    TimestampTz(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    Inet(Inet),
    Cidr(Inet),
    Array(Array),
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int2(v) => ValueRef::Int2(*v),
            Value::Int4(v) => ValueRef::Int4(*v),
            Value::Int8(v) => ValueRef::Int8(*v),
            Value::Float4(v) => ValueRef::Float4(*v),
            Value::Float8(v) => ValueRef::Float8(*v),
            Value::Numeric(v) => ValueRef::Numeric(v.clone()),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bytea(v) => ValueRef::Bytea(v),
            Value::Date(v) => ValueRef::Date(*v),
            Value::Time(v) => ValueRef::Time(*v),
            Value::Timestamp(v) => ValueRef::Timestamp(*v),
            Value::TimestampTz(v) => ValueRef::TimestampTz(*v),
            Value::Interval(v) => ValueRef::Interval(*v),
            Value::Uuid(v) => ValueRef::Uuid(*v),
            Value::Inet(v) => ValueRef::Inet(*v),
            Value::Cidr(v) => ValueRef::Cidr(*v),
            Value::Array(v) => ValueRef::Array(v.clone()),
        }
    }
}

impl ValueRef<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, ValueRef::Null)
    }

    pub fn to_owned(&self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(*v),
            ValueRef::Int2(v) => Value::Int2(*v),
            ValueRef::Int4(v) => Value::Int4(*v),
            ValueRef::Int8(v) => Value::Int8(*v),
            ValueRef::Float4(v) => Value::Float4(*v),
            ValueRef::Float8(v) => Value::Float8(*v),
            ValueRef::Numeric(v) => Value::Numeric(v.clone()),
            ValueRef::Text(v) => Value::Text((*v).to_owned()),
            ValueRef::Bytea(v) => Value::Bytea(v.to_vec()),
            ValueRef::Date(v) => Value::Date(*v),
            ValueRef::Time(v) => Value::Time(*v),
            ValueRef::Timestamp(v) => Value::Timestamp(*v),
            ValueRef::TimestampTz(v) => Value::TimestampTz(*v),
            ValueRef::Interval(v) => Value::Interval(*v),
            ValueRef::Uuid(v) => Value::Uuid(*v),
            ValueRef::Inet(v) => Value::Inet(*v),
            ValueRef::Cidr(v) => Value::Cidr(*v),
            ValueRef::Array(v) => Value::Array(v.clone()),
        }
    }
}
