//! What stands for `$1`, `$2`, ... in a statement.

use orbit_core::value::{Interval, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A value of a statement's. It is converted to the type that the statement wants in its
/// place, as an assignment would be.
pub trait IntoValue {
    /// The value, as the type nearest to this one.
    fn into_value(self) -> Value;
}

macro_rules! plain {
    ($($source:ty => $make:expr),* $(,)?) => {$(
        impl IntoValue for $source {
            fn into_value(self) -> Value {
                $make(self)
            }
        }
    )*};
}

plain! {
    Value => |value| value,
    bool => Value::Bool,
    i8 => |n| Value::Int2(i16::from(n)),
    i16 => Value::Int2,
    i32 => Value::Int4,
    i64 => Value::Int8,
    u8 => |n| Value::Int2(i16::from(n)),
    u16 => |n| Value::Int4(i32::from(n)),
    u32 => |n| Value::Int8(i64::from(n)),
    f32 => Value::Float4,
    f64 => Value::Float8,
    String => Value::Text,
    &str => |text: &str| Value::Text(text.to_owned()),
    &String => |text: &String| Value::Text(text.clone()),
    Vec<u8> => Value::Bytea,
    &[u8] => |bytes: &[u8]| Value::Bytea(bytes.to_owned()),
}

/// A moment as `timestamptz`.
impl IntoValue for SystemTime {
    fn into_value(self) -> Value {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Value::TimestampTz(match self.duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => micros(before.duration()).saturating_neg(),
        })
    }
}

/// As `interval`.
impl IntoValue for Duration {
    fn into_value(self) -> Value {
        Value::Interval(Interval {
            micros: i64::try_from(self.as_micros()).unwrap_or(i64::MAX),
            ..Interval::default()
        })
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, IntoValue::into_value)
    }
}

/// All of a statement's: `()`, a tuple of up to twelve such as `(7, "till")`, or a `Vec<Value>`.
pub trait Params {
    /// Them in order.
    fn values(self) -> Vec<Value>;
}

impl Params for () {
    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Params for Vec<Value> {
    fn values(self) -> Vec<Value> {
        self
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: IntoValue),+> Params for ($($name,)+) {
            fn values(self) -> Vec<Value> {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                vec![$($name.into_value()),+]
            }
        }
    )*};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}
