use super::*;
use crate::types::SqlType;
use crate::value::arbitrary::{any_type, nullable, same};
use crate::value::{Value, ValueRef};
use proptest::prelude::*;

const HERE: SiteOrdinal = SiteOrdinal(7);

fn at(hlc: u64) -> Stamp {
    Stamp {
        hlc: Hlc(hlc),
        site: HERE,
    }
}

fn row(layout: &RowLayout, values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(layout, values, 1, at(100), &mut out).unwrap();
    out
}

fn text(length: usize) -> Value {
    Value::Text("x".repeat(length))
}

/// Columns with a value each.
fn table() -> impl Strategy<Value = (Vec<SqlType>, Vec<Value>)> {
    prop::collection::vec(
        any_type().prop_flat_map(|sql_type| {
            let value = nullable(&sql_type);
            (Just(sql_type), value)
        }),
        0..20,
    )
    .prop_map(|columns| columns.into_iter().unzip())
}

/// The same, and columns to change with their new values.
fn changed_table() -> impl Strategy<Value = (Vec<SqlType>, Vec<Value>, Vec<(usize, Value)>)> {
    table().prop_flat_map(|(types, values)| {
        let changes: Vec<_> = types
            .iter()
            .enumerate()
            .map(|(column, sql_type)| {
                let value = nullable(sql_type);
                prop::option::weighted(0.3, value.prop_map(move |value| (column, value)))
            })
            .collect();
        let changes = changes.prop_map(|changes| changes.into_iter().flatten().collect());
        (Just(types), Just(values), changes)
    })
}

fn check(bytes: &[u8], layout: &RowLayout, expected: &[Value], missing: &[Value]) {
    let row = RowRef::new(bytes).unwrap();
    for (column, value) in expected.iter().enumerate() {
        let found = row.value(layout, column, missing).unwrap().to_owned();
        assert!(
            same(&found, value),
            "column {column}: {found:?} for {value:?}"
        );
        assert_eq!(row.is_null(layout, column, missing), value.is_null());
    }
    let all = row.values(layout, missing).unwrap();
    assert!(all.iter().zip(expected).all(|(a, b)| same(a, b)));
}

proptest! {
    #[test]
    fn every_type_comes_back((types, values) in table()) {
        let layout = RowLayout::new(&types);
        let bytes = row(&layout, &values);
        let read = RowRef::new(&bytes).unwrap();
        prop_assert!(read.is_live());
        prop_assert_eq!(read.causal_length(), 1);
        prop_assert_eq!(read.columns(), types.len());
        prop_assert_eq!(read.stamp(), at(100));
        check(&bytes, &layout, &values, &[]);
    }

    #[test]
    fn an_update_changes_what_it_names_and_nothing_else((types, values, changes) in changed_table()) {
        let layout = RowLayout::new(&types);
        let mut bytes = row(&layout, &values);
        let mut expected = values.clone();
        let mut out = Vec::new();
        // Twice, at different times: first half of the changes, then the other.
        let (first, second) = changes.split_at(changes.len() / 2);
        for (hlc, part) in [(200, first), (300, second)] {
            update(&layout, &bytes, part, &[], at(hlc), &mut out).unwrap();
            std::mem::swap(&mut bytes, &mut out);
            for (column, value) in part {
                expected[*column] = value.clone();
            }
        }
        check(&bytes, &layout, &expected, &[]);
        let read = RowRef::new(&bytes).unwrap();
        prop_assert_eq!(read.stamp(), at(100));
        for column in 0..types.len() {
            let stamp = if second.iter().any(|(at, _)| *at == column) {
                at(300)
            } else if first.iter().any(|(at, _)| *at == column) {
                at(200)
            } else {
                at(100)
            };
            prop_assert_eq!(read.column_stamp(column), stamp);
        }
    }

    /// A row patched in place and a row written anew are the same bytes, so fingerprints agree.
    #[test]
    fn the_body_says_nothing_of_its_history((types, values, changes) in changed_table()) {
        let layout = RowLayout::new(&types);
        let mut expected = values.clone();
        for (column, value) in &changes {
            expected[*column] = value.clone();
        }
        let mut updated = Vec::new();
        update(&layout, &row(&layout, &values), &changes, &[], at(200), &mut updated).unwrap();
        let anew = row(&layout, &expected);
        prop_assert_eq!(RowRef::new(&updated).unwrap().body(), RowRef::new(&anew).unwrap().body());
    }

    #[test]
    fn columns_added_later_show_their_missing_value((types, values) in table(), more in any_type(), change in any::<bool>()) {
        let old = RowLayout::new(&types);
        let mut wider = types.clone();
        wider.extend([SqlType::Text, SqlType::Int4, more]);
        let layout = RowLayout::new(&wider);
        let mut missing = vec![Value::Null; types.len()];
        missing.extend([Value::Text("later".into()), Value::Int4(9), Value::Null]);
        let mut expected = values.clone();
        expected.extend(missing[types.len()..].iter().cloned());
        let mut bytes = row(&old, &values);
        if change {
            let mut out = Vec::new();
            let changes = [(types.len() + 1, Value::Int4(10))];
            update(&layout, &bytes, &changes, &missing, at(200), &mut out).unwrap();
            expected[types.len() + 1] = Value::Int4(10);
            bytes = out;
            let read = RowRef::new(&bytes).unwrap();
            prop_assert_eq!(read.column_stamp(types.len()), at(100));
            prop_assert_eq!(read.column_stamp(types.len() + 1), at(200));
        }
        check(&bytes, &layout, &expected, &missing);
    }

    #[test]
    fn nonsense_never_panics(types in prop::collection::vec(any_type(), 0..10), bytes in prop::collection::vec(any::<u8>(), 0..120), flags in 0u8..4, columns in 0u16..12) {
        let layout = RowLayout::new(&types);
        let mut likely = bytes.clone();
        if let [envelope, flag, low, high, ..] = likely.as_mut_slice() {
            (*envelope, *flag) = (0, flags);
            [*low, *high] = columns.to_le_bytes();
        }
        for mut bytes in [bytes, likely] {
            assign_hlc(&mut bytes, Hlc(5));
            let Ok(row) = RowRef::new(&bytes) else { continue };
            let _ = (row.newest_hlc(), row.body(), row.stamp());
            for column in 0..12 {
                let _ = row.value(&layout, column, &[]);
                let _ = row.column_stamp(column);
            }
            let changes = [(0, Value::Null)];
            let _ = update(&layout, &bytes, &changes, &[], at(1), &mut Vec::new());
        }
    }

    #[test]
    fn a_cut_row_never_panics((types, values) in table(), cut in any::<prop::sample::Index>()) {
        let layout = RowLayout::new(&types);
        let bytes = row(&layout, &values);
        let bytes = &bytes[..cut.index(bytes.len())];
        if let Ok(row) = RowRef::new(bytes) {
            for column in 0..types.len() {
                let _ = row.value(&layout, column, &[]);
            }
        }
    }

    #[test]
    fn single_values_know_their_length((types, values) in table()) {
        let mut bytes = Vec::new();
        for value in &values {
            encode_value(&value.as_ref(), &mut bytes);
        }
        let mut rest = bytes.as_slice();
        for (value, sql_type) in values.iter().zip(&types) {
            let back = decode_value(&mut rest, sql_type).unwrap();
            prop_assert!(same(&back, value), "{:?} came back as {:?}", value, back);
        }
        prop_assert!(rest.is_empty());
    }
}

#[test]
fn a_row_grows_wide_and_narrow_again() {
    let layout = RowLayout::new(&[SqlType::Text, SqlType::Int4, SqlType::Text]);
    let mut values = vec![text(40_000), Value::Int4(5), text(30_000)];
    let bytes = row(&layout, &values);
    assert!(RowRef::new(&bytes).unwrap().is_wide());
    check(&bytes, &layout, &values, &[]);

    let mut same_width = Vec::new();
    update(
        &layout,
        &bytes,
        &[(1, Value::Int4(6))],
        &[],
        at(200),
        &mut same_width,
    )
    .unwrap();
    values[1] = Value::Int4(6);
    check(&same_width, &layout, &values, &[]);

    let mut narrow = Vec::new();
    update(
        &layout,
        &same_width,
        &[(0, text(3))],
        &[],
        at(300),
        &mut narrow,
    )
    .unwrap();
    values[0] = text(3);
    assert!(!RowRef::new(&narrow).unwrap().is_wide());
    check(&narrow, &layout, &values, &[]);

    let mut wide = Vec::new();
    update(
        &layout,
        &narrow,
        &[(2, text(65_536))],
        &[],
        at(400),
        &mut wide,
    )
    .unwrap();
    values[2] = text(65_536);
    check(&wide, &layout, &values, &[]);

    for exact in [65_535, 65_536] {
        let values = [text(exact), Value::Int4(1), Value::Null];
        let bytes = row(&layout, &values);
        assert_eq!(RowRef::new(&bytes).unwrap().is_wide(), exact > 65_535);
        check(&bytes, &layout, &values, &[]);
    }
}

#[test]
fn only_pending_stamps_are_assigned() {
    let layout = RowLayout::new(&[SqlType::Int4, SqlType::Int4, SqlType::Int4]);
    let values = [Value::Int4(1), Value::Int4(2), Value::Int4(3)];
    let pending = Stamp {
        hlc: PENDING,
        site: HERE,
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    update(
        &layout,
        &row(&layout, &values),
        &[(0, Value::Int4(9))],
        &[],
        at(200),
        &mut first,
    )
    .unwrap();
    update(
        &layout,
        &first,
        &[(2, Value::Int4(9))],
        &[],
        pending,
        &mut second,
    )
    .unwrap();
    assert_eq!(RowRef::new(&second).unwrap().newest_hlc(), PENDING);
    assign_hlc(&mut second, Hlc(300));
    let read = RowRef::new(&second).unwrap();
    assert_eq!(read.stamp(), at(100));
    assert_eq!(
        [0, 1, 2].map(|column| read.column_stamp(column)),
        [at(200), at(100), at(300)]
    );
    assert_eq!(read.newest_hlc(), Hlc(300));

    let mut inserted = Vec::new();
    encode(&layout, &values, 1, pending, &mut inserted).unwrap();
    // Changed again in the same transaction: the row's own stamp still says it all.
    let mut changed = Vec::new();
    update(
        &layout,
        &inserted,
        &[(1, Value::Int4(9))],
        &[],
        pending,
        &mut changed,
    )
    .unwrap();
    assert_eq!(changed.len(), inserted.len());
    assign_hlc(&mut changed, Hlc(400));
    assert_eq!(RowRef::new(&changed).unwrap().stamp(), at(400));

    let mut dead = Vec::new();
    tombstone(2, pending, &mut dead);
    assign_hlc(&mut dead, Hlc(500));
    assert_eq!(dead.len(), HEAD_BYTES);
    let read = RowRef::new(&dead).unwrap();
    assert!(!read.is_live());
    assert_eq!(
        (read.stamp(), read.causal_length(), read.columns()),
        (at(500), 2, 0)
    );
    assert!(read.body().is_empty());
}

#[test]
fn an_unknown_format_is_refused() {
    let layout = RowLayout::new(&[SqlType::Int4]);
    let good = row(&layout, &[Value::Int4(1)]);
    for (at, byte) in [(0, 1), (1, 8)] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(
            RowRef::new(&bytes)
                .unwrap_err()
                .is(crate::state::DATA_CORRUPTED)
        );
    }
    let wider = row(
        &RowLayout::new(&[SqlType::Int4, SqlType::Text]),
        &[Value::Int4(1), text(1)],
    );
    let read = RowRef::new(&wider).unwrap();
    assert!(
        read.value(&layout, 1, &[])
            .unwrap_err()
            .is(crate::state::DATA_CORRUPTED)
    );
}

#[test]
fn a_value_of_another_type_is_refused() {
    let layout = RowLayout::new(&[SqlType::Int4, SqlType::Numeric(None)]);
    let mut out = Vec::new();
    for values in [
        [Value::Int8(1), Value::Null],
        [Value::Null, Value::Int4(1)],
        [Value::Numeric(1.into()), Value::Null],
    ] {
        assert!(encode(&layout, &values, 1, at(1), &mut out).is_err());
    }
}

#[test]
fn a_text_is_read_from_the_row_itself() {
    let layout = RowLayout::new(&[SqlType::Text]);
    let bytes = row(&layout, &[text(10)]);
    let read = RowRef::new(&bytes).unwrap();
    let Ok(ValueRef::Text(found)) = read.value(&layout, 0, &[]) else {
        panic!("no text");
    };
    assert!(bytes.as_ptr_range().contains(&found.as_ptr()));
}

#[test]
fn a_dropped_column_leaves_its_slot_behind() {
    let before = RowLayout::new(&[SqlType::Int4, SqlType::Text, SqlType::Int8]);
    let old = row(
        &before,
        &[Value::Int4(1), Value::Text("gone".into()), Value::Int8(2)],
    );
    let after = RowLayout::with_gaps(&[SqlType::Int4, SqlType::Int8], &[(1, SqlType::Text)]);
    check(&old, &after, &[Value::Int4(1), Value::Int8(2)], &[]);
    let mut changed = Vec::new();
    update(
        &after,
        &old,
        &[(1, Value::Int8(9))],
        &[],
        at(200),
        &mut changed,
    )
    .unwrap();
    check(&changed, &after, &[Value::Int4(1), Value::Int8(9)], &[]);
    let stamps = RowRef::new(&changed).unwrap();
    assert_eq!(stamps.column_stamp(1), at(100));
    assert_eq!(stamps.column_stamp(2), at(200));
    // What is added later has a slot of its own, behind all the others.
    let types = [SqlType::Int4, SqlType::Int8, SqlType::Text];
    let grown = RowLayout::with_gaps(&types, &[(1, SqlType::Text)]);
    let missing = [Value::Null, Value::Null, Value::Text("m".into())];
    let expected = [Value::Int4(1), Value::Int8(9), missing[2].clone()];
    check(&changed, &grown, &expected, &missing);
    let mut longer = Vec::new();
    let change = [(2, Value::Text("longer".into()))];
    update(&grown, &changed, &change, &missing, at(300), &mut longer).unwrap();
    let expected = [Value::Int4(1), Value::Int8(9), change[0].1.clone()];
    check(&longer, &grown, &expected, &[]);
    let values = [Value::Int4(4), Value::Null, Value::Text("new".into())];
    let new = row(&grown, &values);
    assert_eq!(RowRef::new(&new).unwrap().columns(), 4);
    check(&new, &grown, &values, &[]);
}
