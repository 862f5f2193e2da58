//! Types and values for tests: any of them, for proptest.

use super::*;
use crate::types::SqlType;
use proptest::prelude::*;

/// The type of this name, as PostgreSQL writes it.
pub(crate) fn sql_type(name: &str) -> SqlType {
    if let Some(element) = name.strip_suffix("[]") {
        return SqlType::Array(Box::new(sql_type(element)));
    }
    let (base, modifier) = match name.split_once('(') {
        Some((base, rest)) => (base, rest.trim_end_matches(')')),
        None => (name, ""),
    };
    match base {
        "boolean" => SqlType::Bool,
        "smallint" => SqlType::Int2,
        "integer" => SqlType::Int4,
        "bigint" => SqlType::Int8,
        "real" => SqlType::Float4,
        "double precision" => SqlType::Float8,
        "numeric" => SqlType::Numeric(
            modifier
                .split_once(',')
                .map(|(p, s)| (p.parse().unwrap(), s.parse().unwrap())),
        ),
        "text" => SqlType::Text,
        "name" => SqlType::Name,
        "oid" => SqlType::Oid,
        "varchar" => SqlType::Varchar(modifier.parse().ok()),
        "char" => SqlType::Char(modifier.parse().unwrap_or(1)),
        "bytea" => SqlType::Bytea,
        "date" => SqlType::Date,
        "time" => SqlType::Time,
        "timestamp" => SqlType::Timestamp,
        "timestamptz" => SqlType::TimestampTz,
        "interval" => SqlType::Interval,
        "uuid" => SqlType::Uuid,
        "inet" => SqlType::Inet,
        "cidr" => SqlType::Cidr,
        "json" => SqlType::Json,
        "jsonb" => SqlType::Jsonb,
        other => panic!("type {other}"),
    }
}

/// Types a column can have, arrays apart.
pub(crate) fn scalar_type() -> impl Strategy<Value = SqlType> {
    prop::sample::select(vec![
        SqlType::Bool,
        SqlType::Int2,
        SqlType::Int4,
        SqlType::Int8,
        SqlType::Float4,
        SqlType::Float8,
        SqlType::Numeric(None),
        SqlType::Text,
        SqlType::Varchar(None),
        SqlType::Char(300),
        SqlType::Bytea,
        SqlType::Date,
        SqlType::Time,
        SqlType::Timestamp,
        SqlType::TimestampTz,
        SqlType::Interval,
        SqlType::Uuid,
        SqlType::Inet,
        SqlType::Cidr,
        SqlType::Json,
        SqlType::Jsonb,
        SqlType::Oid,
    ])
}

pub(crate) fn any_type() -> impl Strategy<Value = SqlType> {
    prop_oneof![
        4 => scalar_type(),
        1 => scalar_type().prop_map(|element| SqlType::Array(Box::new(element))),
    ]
}

/// Types an index can have.
pub(crate) fn key_type() -> impl Strategy<Value = SqlType> {
    any_type().prop_filter("ordered", |sql_type| {
        crate::key::check_type(sql_type).is_ok()
    })
}

pub(crate) fn numeric() -> impl Strategy<Value = Numeric> {
    prop_oneof![
        6 => (any::<i64>(), 0u16..25).prop_map(|(v, scale)| Numeric::from_i128_scaled(v.into(), scale)),
        2 => (any::<i128>(), 0u16..60).prop_map(|(v, scale)| Numeric::from_i128_scaled(v, scale)),
        2 => (-200i32..200, 0u16..5).prop_map(|(v, scale)| Numeric::from_i128_scaled(v.into(), scale)),
        2 => "-?[0-9]{1,60}(\\.[0-9]{1,40})?(e-?[0-9]{1,3})?"
            .prop_map(|text| text.parse().unwrap_or(Numeric::ONE)),
        1 => Just(Numeric::NAN),
        1 => Just(Numeric::INFINITY),
        1 => Just(Numeric::NEG_INFINITY),
    ]
}

/// Addresses of both families, near ones often.
pub(crate) fn inet() -> impl Strategy<Value = Inet> {
    let address = prop_oneof![
        any::<u128>(),
        any::<u128>().prop_map(|bits| bits & 0xffff_0000_0000_ffff),
        0u128..9,
        (0u128..9).prop_map(|low| u128::MAX << 120 | low),
    ];
    (any::<bool>(), address, 0u8..=128).prop_map(|(is_v6, address, bits)| {
        let (address, bits) = match is_v6 {
            true => (address, bits),
            false => (address & u128::from(u32::MAX), bits % 33),
        };
        Inet::new(is_v6, address, bits).unwrap()
    })
}

/// Any value of the type but NULL, small and equal ones often.
pub(crate) fn value(sql_type: &SqlType) -> BoxedStrategy<Value> {
    let timestamp = || {
        prop_oneof![
            -3_000_000_000_000_000i64..3_000_000_000_000_000,
            datetime::MIN_TIMESTAMP..datetime::END_TIMESTAMP,
            Just(datetime::INFINITY),
            Just(datetime::NEG_INFINITY),
        ]
    };
    match sql_type {
        SqlType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        SqlType::Int2 => any::<i16>().prop_map(Value::Int2).boxed(),
        SqlType::Int4 => prop_oneof![any::<i32>(), -3i32..3]
            .prop_map(Value::Int4)
            .boxed(),
        SqlType::Int8 => prop_oneof![any::<i64>(), -3i64..3]
            .prop_map(Value::Int8)
            .boxed(),
        SqlType::Oid => any::<u32>().prop_map(|v| Value::Int8(v.into())).boxed(),
        SqlType::Float4 => prop_oneof![any::<f32>(), Just(0.0), Just(-0.0)]
            .prop_map(Value::Float4)
            .boxed(),
        SqlType::Float8 => prop_oneof![any::<f64>(), Just(0.0), Just(-0.0)]
            .prop_map(Value::Float8)
            .boxed(),
        SqlType::Numeric(_) => numeric().prop_map(Value::Numeric).boxed(),
        SqlType::Char(_) => "([a-cé\u{1}]{0,6}[a-c])?".prop_map(Value::Text).boxed(),
        SqlType::Json | SqlType::Jsonb => {
            prop_oneof!["\"[a-z]{0,5}\"", "[1-9][0-9]{0,30}", Just("{}".to_owned())]
                .prop_map(Value::Text)
                .boxed()
        }
        SqlType::Bytea => prop::collection::vec(prop_oneof![any::<u8>(), 0u8..3], 0..20)
            .prop_map(Value::Bytea)
            .boxed(),
        SqlType::Date => prop_oneof![
            -100_000i32..100_000,
            datetime::MIN_DAY..=datetime::MAX_DAY,
            Just(datetime::DATE_INFINITY),
            Just(datetime::DATE_NEG_INFINITY),
        ]
        .prop_map(Value::Date)
        .boxed(),
        SqlType::Time => (0..=datetime::MICROS_PER_DAY).prop_map(Value::Time).boxed(),
        SqlType::Timestamp => timestamp().prop_map(Value::Timestamp).boxed(),
        SqlType::TimestampTz => timestamp().prop_map(Value::TimestampTz).boxed(),
        SqlType::Interval => prop_oneof![
            (any::<i32>(), any::<i32>(), any::<i64>()),
            (-3i32..3, -40i32..40, -3i64..3),
        ]
        .prop_map(|(months, days, micros)| {
            Value::Interval(Interval {
                months,
                days,
                micros,
            })
        })
        .boxed(),
        SqlType::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        SqlType::Inet => inet().prop_map(Value::Inet).boxed(),
        SqlType::Cidr => inet()
            .prop_map(|inet| Value::Cidr(inet.to_network()))
            .boxed(),
        SqlType::Array(element) => {
            let element = element.as_ref().clone();
            (
                prop::collection::vec(nullable(&element), 0..6),
                -2i32..3,
                any::<bool>(),
            )
                .prop_map(move |(items, lower, square)| {
                    let mut array = Array::new(element.clone(), items);
                    for dim in &mut array.dims {
                        dim.1 = lower;
                    }
                    if square && array.items.len() == 4 {
                        array.dims = vec![(2, 1), (2, lower)];
                    }
                    Value::Array(array)
                })
                .boxed()
        }
        _ => prop_oneof!["[a-c\u{1}\u{2}]{0,4}", "\\PC{0,20}"]
            .prop_map(Value::Text)
            .boxed(),
    }
}

pub(crate) fn nullable(sql_type: &SqlType) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 6 => value(sql_type)].boxed()
}

/// As `==`, but NaN equals itself and a float's zeros differ.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float4(a), Value::Float4(b)) => {
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
        }
        (Value::Float8(a), Value::Float8(b)) => {
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
        }
        (Value::Numeric(a), Value::Numeric(b)) => a.to_string() == b.to_string(),
        (Value::Array(a), Value::Array(b)) => {
            a.dims == b.dims
                && a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}
