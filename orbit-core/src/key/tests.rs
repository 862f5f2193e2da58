//! The order of keys is the order of values, for every type.

use super::*;
use crate::value::arbitrary::{key_type, nullable};
use crate::value::cast::compare;
use proptest::prelude::*;
use std::cmp::Ordering;

fn key(value: &Value, descending: bool, nullable: bool) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, &value.as_ref(), descending, nullable).unwrap();
    out
}

fn pair() -> impl Strategy<Value = (SqlType, Value, Value)> {
    key_type().prop_flat_map(|sql_type| {
        let (a, b) = (nullable(&sql_type), nullable(&sql_type));
        (Just(sql_type), a, b)
    })
}

/// NULL is the greatest.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (false, false) => compare(&a.as_ref(), &b.as_ref()).unwrap(),
        (a, b) => a.cmp(&b),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn keys_sort_as_values_do((_, a, b) in pair(), descending in any::<bool>()) {
        let mut expected = order(&a, &b);
        if descending {
            expected = expected.reverse();
        }
        let found = key(&a, descending, true).cmp(&key(&b, descending, true));
        prop_assert_eq!(found, expected, "{:?} and {:?}", a, b);
    }

    #[test]
    fn no_key_is_the_beginning_of_another((_, a, b) in pair(), descending in any::<bool>()) {
        let (x, y) = (key(&a, descending, true), key(&b, descending, true));
        prop_assert!(x == y || !y.starts_with(&x), "{:?} and {:?}", a, b);
    }

    #[test]
    fn keys_give_values_back((sql_type, a, b) in pair(), descending in any::<bool>()) {
        let mut bytes = key(&a, descending, true);
        bytes.extend(key(&b, descending, true));
        let mut rest = bytes.as_slice();
        for value in [&a, &b] {
            let back = pop(&mut rest, &sql_type, descending, true).unwrap();
            prop_assert_eq!(order(&back, value), Ordering::Equal, "{:?} came back as {:?}", value, back);
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn nonsense_never_panics(sql_type in key_type(), bytes in prop::collection::vec(any::<u8>(), 0..40), descending in any::<bool>()) {
        let _ = pop(&mut bytes.as_slice(), &sql_type, descending, true);
        let _ = pop(&mut bytes.as_slice(), &sql_type, descending, false);
    }
}

#[test]
fn nulls_come_last_ascending_and_first_descending() {
    let (null, one) = (Value::Null, Value::Int4(1));
    assert!(key(&null, false, true) > key(&one, false, true));
    assert!(key(&null, true, true) < key(&one, true, true));
    assert!(push(&mut Vec::new(), &ValueRef::Null, false, false).is_err());
}

#[test]
fn numbers_of_equal_value_are_one_key() {
    for (a, b) in [
        ("1.5", "1.50"),
        ("0", "-0.00"),
        ("100", "1e2"),
        ("-0.010", "-0.01"),
    ] {
        let number = |text: &str| Value::Numeric(text.parse().unwrap());
        assert_eq!(key(&number(a), false, false), key(&number(b), false, false));
    }
}

#[test]
fn a_primary_key_takes_its_columns_in_key_order() {
    let values = [Value::Text("a".into()), Value::Int4(7), Value::Bool(true)];
    let mut out = Vec::new();
    primary_key(&[1, 0], &values, &mut out).unwrap();
    assert_eq!(out, [0x80, 0, 0, 7, b'a', 0]);
    assert!(primary_key(&[3], &values, &mut out).is_err());
}

#[test]
fn prefixes_and_hidden_keys_are_big_endian() {
    assert_eq!(
        data_prefix(PartitionId(1), StorageId(0x0203)),
        [0, 0, 0, 1, 0, 0, 2, 3]
    );
    let mut out = Vec::new();
    hidden_key(SiteOrdinal(5), 256, &mut out);
    assert_eq!(out.len(), HIDDEN_KEY_BYTES);
    assert_eq!(out, [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn json_has_no_order() {
    let error = check_type(&SqlType::Json).unwrap_err();
    assert!(error.is(state::UNDEFINED_OBJECT));
    assert_eq!(
        error.message(),
        "data type json has no default operator class for access method \"btree\""
    );
    assert!(check_type(&SqlType::Array(Box::new(SqlType::Json))).is_err());
    assert!(check_type(&SqlType::Array(Box::new(SqlType::Int4))).is_ok());
}
