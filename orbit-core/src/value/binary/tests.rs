//! Against PostgreSQL 15's own send functions (`postgres.tsv`: type, text, hex), and round trips.

use super::*;
use crate::types::SqlType;
use crate::value::arbitrary::{any_type, same, sql_type, value};
use crate::value::text::{FormatSettings, parse};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn sends_what_postgresql_sends() {
    let mut wrong = String::new();
    for line in include_str!("postgres.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let sql_type = sql_type(fields[0]);
        let value = parse(fields[1], &sql_type, &FormatSettings::default()).unwrap();
        let mut bytes = Vec::new();
        encode(&value.as_ref(), &sql_type, &mut bytes).unwrap();
        if hex(&bytes) != fields[2] {
            wrong.push_str(&format!("{line}\n  here {}\n", hex(&bytes)));
            continue;
        }
        let back = decode(&bytes, &sql_type).unwrap();
        if !same(&back, &value) {
            wrong.push_str(&format!("{line}\n  back {back:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn refuses_wrong_lengths_and_text_that_is_not_utf8() {
    for (bytes, sql_type) in [
        (&b"\0\0\0"[..], SqlType::Int4),
        (b"\0\0\0\0\0", SqlType::Int4),
        (b"", SqlType::Bool),
        (b"\0\x01\0\0\0\0\0\0", SqlType::Numeric(None)),
        (b"\0\0\0\x01", SqlType::Array(Box::new(SqlType::Int4))),
    ] {
        let error = decode(bytes, &sql_type).unwrap_err();
        assert!(
            error.is(state::INVALID_BINARY_REPRESENTATION),
            "{sql_type}: {error:?}"
        );
    }
    let error = decode(b"a\xe4b", &SqlType::Text).unwrap_err();
    assert!(error.is(state::CHARACTER_NOT_IN_REPERTOIRE));
    assert_eq!(
        decode(b"a\0b", &SqlType::Text).unwrap_err().state(),
        error.state()
    );
}

fn typed_value() -> impl Strategy<Value = (SqlType, crate::value::Value)> {
    any_type().prop_flat_map(|sql_type| {
        let value = value(&sql_type);
        (Just(sql_type), value)
    })
}

proptest! {
    #[test]
    fn binary_gives_the_value_back((sql_type, value) in typed_value()) {
        let mut bytes = Vec::new();
        encode(&value.as_ref(), &sql_type, &mut bytes).unwrap();
        let back = decode(&bytes, &sql_type).unwrap();
        prop_assert!(same(&back, &value), "{:?} came back as {:?}", value, back);
    }

    #[test]
    fn text_gives_the_value_back((sql_type, value) in typed_value()) {
        let settings = FormatSettings { time_zone: chrono_tz::Asia::Kathmandu, ..Default::default() };
        let mut text = Vec::new();
        crate::value::text::format(&value.as_ref(), &sql_type, &settings, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let back = parse(&text, &sql_type, &settings).unwrap();
        prop_assert!(same(&back, &value), "{:?} as {:?} came back as {:?}", value, text, back);
    }

    #[test]
    fn nonsense_never_panics(sql_type in any_type(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = decode(&bytes, &sql_type);
        let _ = parse(&String::from_utf8_lossy(&bytes), &sql_type, &FormatSettings::default());
    }

    #[test]
    fn texts_like_dates_never_panic(
        sql_type in prop::sample::select(vec![SqlType::Date, SqlType::Time, SqlType::TimestampTz, SqlType::Interval, SqlType::Jsonb, SqlType::Array(Box::new(SqlType::Int4))]),
        text in "[-+0-9:. TZapmy/bcj,{}\\[\\]\"\\\\u=]{0,30}",
    ) {
        let _ = parse(&text, &sql_type, &FormatSettings::default());
    }
}
