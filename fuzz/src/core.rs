//! The codecs of orbit-core.

use orbit_core::row::{self, RowLayout, RowRef};
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::value::{Value, binary};
use orbit_core::{key, log};
use std::sync::LazyLock;

pub const WORDS: &[&str] = &[
    "infinity",
    "-infinity",
    "nan",
    "1e308",
    "2000-02-29",
    "24:00:00",
    "BC",
    "+05:30",
    "Europe/Berlin",
    "1 year 2 mons",
    "P1Y2M3DT4H",
    "{1,2,3}",
    "[2:3]={1,2}",
    "{{1},{2}}",
    "null",
    "true",
    "\\x00ff",
    "{\"a\":[1,2]}",
    "\\u0041",
    "00000000-0000-0000-0000-000000000000",
    "\"",
    "'",
    "ago",
    "epoch",
    "now",
];

static TYPES: LazyLock<Vec<SqlType>> = LazyLock::new(|| {
    let mut types = vec![
        SqlType::Bool,
        SqlType::Int2,
        SqlType::Int4,
        SqlType::Int8,
        SqlType::Float4,
        SqlType::Float8,
        SqlType::Numeric(None),
        SqlType::Numeric(Some((5, 2))),
        SqlType::Text,
        SqlType::Varchar(Some(3)),
        SqlType::Char(3),
        SqlType::Bytea,
        SqlType::Date,
        SqlType::Time,
        SqlType::Timestamp,
        SqlType::TimestampTz,
        SqlType::Interval,
        SqlType::Uuid,
        SqlType::Json,
        SqlType::Jsonb,
    ];
    for element in [SqlType::Int4, SqlType::Text, SqlType::Timestamp] {
        types.push(SqlType::Array(Box::new(element)));
    }
    types.extend([SqlType::Inet, SqlType::Cidr]);
    types
});

fn kind(byte: u8) -> &'static SqlType {
    &TYPES[usize::from(byte) % TYPES.len()]
}

/// Text or binary, by the first bytes; what is read can be written and read again.
pub fn value(data: &[u8]) {
    let [which, ty, rest @ ..] = data else {
        return;
    };
    let ty = kind(*ty);
    let settings = FormatSettings::default();
    let read = match which % 2 {
        0 => match std::str::from_utf8(rest) {
            Ok(text) => text::parse(text, ty, &settings),
            Err(_) => return,
        },
        _ => binary::decode(rest, ty),
    };
    let Ok(value) = read else {
        return;
    };
    let mut out = Vec::new();
    if text::format(&value.as_ref(), ty, &settings, &mut out).is_ok() {
        let shown = String::from_utf8(out).expect("values are shown as UTF-8");
        let again = text::parse(&shown, ty, &settings)
            .unwrap_or_else(|error| panic!("{ty:?} {shown:?} can't be read again: {error:?}"));
        let mut twice = Vec::new();
        text::format(&again.as_ref(), ty, &settings, &mut twice).expect("shown before");
        assert_eq!(shown.as_bytes(), twice, "{ty:?}");
    }
    let mut stored = Vec::new();
    row::encode_value(&value.as_ref(), &mut stored);
    let mut bytes = stored.as_slice();
    row::decode_value(&mut bytes, ty).expect("what was stored can be read");
    assert!(bytes.is_empty());
}

/// A key is read column by column; what was read encodes to the same bytes again.
pub fn key(data: &[u8]) {
    let [shape, first, second, rest @ ..] = data else {
        return;
    };
    let (descending, nullable) = (shape & 1 == 1, shape & 2 == 2);
    let mut bytes = rest;
    for ty in [kind(*first), kind(*second)] {
        if key::check_type(ty).is_err() {
            return;
        }
        let Ok(value) = key::pop(&mut bytes, ty, descending, nullable) else {
            return;
        };
        let mut again = Vec::new();
        if key::push(&mut again, &value.as_ref(), descending, nullable).is_err() {
            return;
        }
        let mut once = again.as_slice();
        let back = key::pop(&mut once, ty, descending, nullable).expect("pushed just now");
        assert!(once.is_empty(), "{ty:?}: {} bytes over", once.len());
        let mut twice = Vec::new();
        key::push(&mut twice, &back.as_ref(), descending, nullable).expect("pushed before");
        assert_eq!(again, twice, "{ty:?} {value:?}");
    }
}

/// A stored row of a table whose columns the first bytes choose.
pub fn row(data: &[u8]) {
    let Some((&columns, rest)) = data.split_first() else {
        return;
    };
    let columns = usize::from(columns % 8);
    if rest.len() < columns {
        return;
    }
    let (types, bytes) = rest.split_at(columns);
    let types: Vec<SqlType> = types.iter().map(|byte| kind(*byte).clone()).collect();
    let layout = RowLayout::new(&types);
    let missing = vec![Value::Null; columns];
    let mut cell = bytes;
    if let Some(ty) = types.first() {
        let _ = row::decode_value(&mut cell, ty);
    }
    let Ok(row) = RowRef::new(bytes) else {
        return;
    };
    let _ = (
        row.is_live(),
        row.causal_length(),
        row.stamp(),
        row.newest_hlc(),
        row.is_wide(),
    );
    for column in 0..row.columns().min(64) {
        let _ = row.column_stamp(column);
        let _ = row.is_null(&layout, column, &missing);
    }
    for column in 0..columns {
        let _ = row.value(&layout, column, &missing);
    }
    let Ok(values) = row.values(&layout, &missing) else {
        return;
    };
    let mut again = Vec::new();
    if row::encode(
        &layout,
        &values,
        row.causal_length(),
        row.stamp(),
        &mut again,
    )
    .is_ok()
    {
        let read = RowRef::new(&again).expect("encoded just now");
        let twice = read.values(&layout, &missing).expect("encoded just now");
        assert_eq!(format!("{values:?}"), format!("{twice:?}"));
    }
    if let Some(first) = values.first() {
        let mut changed = Vec::new();
        let changes = [(0, first.clone())];
        let _ = row::update(
            &layout,
            bytes,
            &changes,
            &missing,
            row.stamp(),
            &mut changed,
        );
    }
}

pub fn log(data: &[u8]) {
    let _ = log::operations(data, log::VERSION);
    let _ = log::cells(data);
}
