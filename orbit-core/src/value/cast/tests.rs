use super::*;
use crate::value::Numeric;
use std::cmp::Ordering;

fn settings() -> FormatSettings {
    FormatSettings {
        time_zone: chrono_tz::America::New_York,
        ..FormatSettings::default()
    }
}

fn number(text: &str) -> Value {
    Value::Numeric(text.parse().unwrap())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn numbers_are_rounded_and_bounded_as_postgresql_does() {
    for (value, sql_type, expected) in [
        (number("2.5"), SqlType::Int4, Value::Int4(3)),
        (number("-2.5"), SqlType::Int4, Value::Int4(-3)),
        (Value::Float8(2.5), SqlType::Int4, Value::Int4(2)),
        (Value::Float8(3.5), SqlType::Int2, Value::Int2(4)),
        (Value::Int8(7), SqlType::Int2, Value::Int2(7)),
        (Value::Int4(7), SqlType::Float8, Value::Float8(7.0)),
        (Value::Float8(0.1), SqlType::Numeric(None), number("0.1")),
        (
            number("1.005"),
            SqlType::Numeric(Some((4, 2))),
            number("1.01"),
        ),
        (Value::Int4(7), SqlType::Text, text("7")),
        (Value::Bool(true), SqlType::Text, text("true")),
    ] {
        assert_eq!(assign(value, &sql_type).unwrap(), expected);
    }
    for (value, sql_type, state, message) in [
        (
            Value::Int4(40_000),
            SqlType::Int2,
            "22003",
            "smallint out of range",
        ),
        (
            Value::Float8(1e10),
            SqlType::Int4,
            "22003",
            "integer out of range",
        ),
        (
            Value::Float8(f64::NAN),
            SqlType::Int8,
            "22003",
            "bigint out of range",
        ),
        (
            number("1e20"),
            SqlType::Int8,
            "22003",
            "bigint out of range",
        ),
        (
            Value::Numeric(Numeric::NAN),
            SqlType::Int4,
            "0A000",
            "cannot convert NaN to integer",
        ),
        (
            Value::Float8(1e300),
            SqlType::Float4,
            "22003",
            "value out of range: overflow",
        ),
        (
            Value::Int4(1000),
            SqlType::Numeric(Some((4, 2))),
            "22003",
            "numeric field overflow",
        ),
        (
            Value::Bool(true),
            SqlType::Int4,
            "42846",
            "cannot cast type boolean to integer",
        ),
        (
            Value::Int4(1),
            SqlType::Date,
            "42846",
            "cannot cast type integer to date",
        ),
    ] {
        let error = assign(value, &sql_type).unwrap_err();
        assert_eq!((error.state().as_str(), error.message()), (state, message));
    }
}

#[test]
fn stored_texts_must_fit_and_cast_texts_are_cut() {
    let varchar = SqlType::Varchar(Some(3));
    let error = assign(text("abcd"), &varchar).unwrap_err();
    assert_eq!(error.state().as_str(), "22001");
    assert_eq!(
        error.message(),
        "value too long for type character varying(3)"
    );
    assert_eq!(assign(text("abc  "), &varchar).unwrap(), text("abc"));
    assert_eq!(assign(text("äöü"), &varchar).unwrap(), text("äöü"));
    assert_eq!(
        explicit(text("abcd"), &varchar, &settings()).unwrap(),
        text("abc")
    );
    assert_eq!(
        explicit(Value::Int4(12345), &varchar, &settings()).unwrap(),
        text("123")
    );
    assert!(assign(Value::Int4(12345), &varchar).is_err());
    assert_eq!(assign(text("a  "), &SqlType::Char(5)).unwrap(), text("a"));
    let error = assign(text("abcdef"), &SqlType::Char(5)).unwrap_err();
    assert_eq!(error.message(), "value too long for type character(5)");
}

#[test]
fn only_explicit_casts_turn_booleans_into_integers() {
    let cast = |value, sql_type| explicit(value, &sql_type, &settings()).unwrap();
    assert_eq!(cast(Value::Bool(true), SqlType::Int4), Value::Int4(1));
    assert_eq!(cast(Value::Int4(5), SqlType::Bool), Value::Bool(true));
    assert!(assign(Value::Int4(5), &SqlType::Bool).is_err());
}

#[test]
fn moments_move_between_types_in_the_sessions_zone() {
    let cast = |text: &str, from: SqlType, to: SqlType| {
        let value = text::parse(text, &from, &settings()).unwrap();
        let value = explicit(value, &to, &settings()).unwrap();
        let mut out = Vec::new();
        text::format(&value.as_ref(), &to, &settings(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let (date, time, zoned) = (SqlType::Date, SqlType::Time, SqlType::TimestampTz);
    assert_eq!(
        cast("2024-07-01", date.clone(), SqlType::Timestamp),
        "2024-07-01 00:00:00"
    );
    assert_eq!(
        cast("2024-07-01", date.clone(), zoned.clone()),
        "2024-07-01 00:00:00-04"
    );
    assert_eq!(
        cast("2024-07-01 02:00:00Z", zoned.clone(), date.clone()),
        "2024-06-30"
    );
    assert_eq!(
        cast("2024-07-01 02:00:00Z", zoned.clone(), time.clone()),
        "22:00:00"
    );
    assert_eq!(
        cast("2024-07-01 02:00:00Z", zoned, SqlType::Timestamp),
        "2024-06-30 22:00:00"
    );
    assert_eq!(cast("infinity", date, SqlType::Timestamp), "infinity");
    assert_eq!(cast("1 day 25:00:00", SqlType::Interval, time), "01:00:00");
}

#[test]
fn values_compare_across_types() {
    let compare = |a: Value, b: Value| super::compare(&a.as_ref(), &b.as_ref());
    assert_eq!(
        compare(Value::Int2(1), Value::Int8(1)),
        Some(Ordering::Equal)
    );
    assert_eq!(compare(Value::Int4(1), number("1.5")), Some(Ordering::Less));
    assert_eq!(
        compare(Value::Float8(1.5), number("1.50")),
        Some(Ordering::Equal)
    );
    assert_eq!(
        compare(Value::Float8(f64::NAN), Value::Int4(1)),
        Some(Ordering::Greater)
    );
    assert_eq!(
        compare(Value::Float8(f64::NAN), Value::Float8(f64::NAN)),
        Some(Ordering::Equal)
    );
    assert_eq!(
        compare(Value::Float8(-0.0), Value::Float8(0.0)),
        Some(Ordering::Equal)
    );
    assert_eq!(
        compare(Value::Date(1), Value::Timestamp(86_400_000_000)),
        Some(Ordering::Equal)
    );
    assert_eq!(compare(Value::Null, Value::Int4(1)), None);
    assert_eq!(compare(text("a"), Value::Int4(1)), None);
    let days = |months, days| {
        Value::Interval(crate::value::Interval {
            months,
            days,
            micros: 0,
        })
    };
    assert_eq!(compare(days(1, 0), days(0, 30)), Some(Ordering::Equal));
}
