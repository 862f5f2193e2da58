//! Against PostgreSQL 15 (`postgres.tsv`: operation, two arguments, its
//! answer, which for an error is SQLSTATE and message), and laws that hold for all numbers.

use super::*;
use crate::value::arbitrary::numeric;
use crate::value::{Value, cast};
use proptest::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};

fn answer(operation: &str, a: &str, b: &str) -> crate::Result<String> {
    let float = |a: &str| a.parse::<f64>().unwrap();
    match operation {
        "from_f64" => return Ok(Numeric::from_f64(float(a)).to_string()),
        "from_f32" => return Ok(Numeric::from_f32(a.parse().unwrap()).to_string()),
        _ => {}
    }
    let x = Numeric::parse(a)?;
    let y = || Numeric::parse(b).unwrap();
    let digits = || b.parse::<i32>().unwrap();
    let into = |sql_type| {
        let settings = crate::value::text::FormatSettings::default();
        let value = cast::explicit(Value::Numeric(x.clone()), &sql_type, &settings)?;
        let mut out = Vec::new();
        crate::value::text::format(&value.as_ref(), &sql_type, &settings, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    };
    Ok(match operation {
        "+" => x.add(&y())?.to_string(),
        "-" => x.sub(&y())?.to_string(),
        "*" => x.mul(&y())?.to_string(),
        "/" => x.div(&y())?.to_string(),
        "%" => x.rem(&y())?.to_string(),
        "cmp" => (x.cmp(&y()) as i32).to_string(),
        "round" => x.round(digits()).to_string(),
        "trunc" => x.trunc(digits()).to_string(),
        "floor" => x.floor().to_string(),
        "ceil" => x.ceil().to_string(),
        "float8" => return into(crate::types::SqlType::Float8),
        "int8" => return into(crate::types::SqlType::Int8),
        other => panic!("{other}"),
    })
}

#[test]
fn computes_as_postgresql_does() {
    let mut wrong = String::new();
    for line in include_str!("postgres.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let here = answer(fields[0], fields[1], fields[2])
            .unwrap_or_else(|error| format!("{} {}", error.state().as_str(), error.message()));
        if here != fields[3] {
            wrong.push_str(&format!("{line}\n  here {here}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn refuses_more_digits_than_there_is_room_for() {
    let nines = "9".repeat(MAX_INTEGER_DIGITS);
    let huge = Numeric::parse(&nines).unwrap();
    assert_eq!(huge.to_string(), nines);
    for error in [
        huge.mul(&huge).unwrap_err(),
        huge.add(&Numeric::ONE).unwrap_err(),
        Numeric::parse(&format!("{nines}0")).unwrap_err(),
    ] {
        assert_eq!(error.message(), "value overflows numeric format");
        assert!(error.is(crate::state::NUMERIC_VALUE_OUT_OF_RANGE));
    }
}

#[test]
fn scaled_integers_lose_nothing() {
    let number = Numeric::parse("12.50").unwrap();
    assert_eq!(number.to_i128_scaled(4), Some(125_000));
    assert_eq!(number.to_i128_scaled(1), Some(125));
    assert_eq!(number.to_i128_scaled(0), None);
    assert_eq!(Numeric::NAN.to_i128_scaled(0), None);
    assert_eq!(number.to_bigint_scaled(1), Some(125.into()));
    assert_eq!(Numeric::from_i128_scaled(-5, 3).to_string(), "-0.005");
}

#[test]
fn a_mean_shows_sixteen_digits() {
    let mean = Numeric::avg(&Numeric::from(10), 4).unwrap();
    assert_eq!(mean.to_string(), "2.5000000000000000");
}

proptest! {
    #[test]
    fn text_and_bytes_give_the_number_back(number in numeric()) {
        let text = number.to_string();
        prop_assert_eq!(Numeric::parse(&text).unwrap().to_string(), text.clone());
        let mut bytes = Vec::new();
        number.encode(&mut bytes);
        prop_assert_eq!(Numeric::decode(&bytes).unwrap().to_string(), text);
    }

    #[test]
    fn equal_numbers_hash_alike(number in numeric(), more in 0i32..5) {
        let hash = |number: &Numeric| {
            let mut hasher = DefaultHasher::new();
            number.hash(&mut hasher);
            hasher.finish()
        };
        let longer = number.round(i32::from(number.scale()) + more);
        prop_assert_eq!(&number, &longer);
        prop_assert_eq!(hash(&number), hash(&longer));
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in numeric(), b in numeric()) {
        prop_assume!(a.is_finite() && b.is_finite());
        prop_assert_eq!(a.add(&b).unwrap().sub(&b).unwrap(), a);
    }

    #[test]
    fn nonsense_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(number) = Numeric::decode(&bytes) {
            let _ = number.to_string();
        }
    }
}
