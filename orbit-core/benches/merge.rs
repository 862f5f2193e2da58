//! What a merge costs, without store and network: `cargo bench -p orbit-core --bench merge`.
//!
//! Rows of five columns; each operation is a record's update of one column by another site,
//! read from the bytes of the log and applied to the row as it is stored.

use orbit_core::Result;
use orbit_core::clock::Hlc;
use orbit_core::ids::{Incarnation, Lane, SiteId, SiteOrdinal, TableId};
use orbit_core::log::{Cell, Life, Operation, OperationWriter};
use orbit_core::merge::{ColumnKind, Context, Key, Origin, Origins};
use orbit_core::row::{self, RowLayout, RowRef, Stamp};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use std::time::Instant;

const ROWS: usize = 10_000;
const ROUNDS: u64 = 50;
const REPEATS: usize = 5;

fn stamp(hlc: u64, site: u32) -> Stamp {
    Stamp {
        hlc: Hlc(hlc),
        site: SiteOrdinal(site),
    }
}

/// Deltas a second. `concurrent`: each meets a value that its writer hadn't seen.
fn deltas(kinds: &[ColumnKind], slot: u16, value: &Value, concurrent: bool) -> Result<f64> {
    let types = [
        SqlType::Int8,
        SqlType::Text,
        SqlType::Int8,
        SqlType::Float8,
        SqlType::TimestampTz,
    ];
    let layout = RowLayout::new(&types);
    let mut origins = Origins::default();
    for site in 1..=3 {
        origins.insert(
            SiteOrdinal(site),
            Origin {
                site: SiteId(u64::from(site)),
                incarnation: Incarnation(1),
                lane: Lane::NORMAL,
            },
        );
    }
    let contains = |_: Stamp| false;
    let context = Context {
        layout: &layout,
        kinds,
        missing: &[],
        origins: &origins,
        contains: &contains,
    };
    let mut rows = Vec::new();
    for nth in 0..ROWS {
        let values = [
            Value::Int8(nth as i64),
            Value::Text("a row as they are".into()),
            Value::Int8(0),
            Value::Float8(0.5),
            Value::TimestampTz(1),
        ];
        let mut bytes = Vec::new();
        row::encode(&layout, &values, 1, stamp(1, 1), &mut bytes)?;
        let mut key = Key::default();
        key.read(&bytes);
        rows.push(key);
    }
    let mut encoded = Vec::new();
    row::encode_value(&value.as_ref(), &mut encoded);
    let mut notes = Vec::new();
    let begun = Instant::now();
    let mut spent = std::time::Duration::ZERO;
    for round in 1..=ROUNDS {
        let (writer, seen) = (2 + (round % 2) as u32, 3 - (round % 2) as u32);
        // Its log is written by another: that isn't counted.
        let started = Instant::now();
        let mut log = OperationWriter::default();
        for _ in 0..ROWS {
            let life = Life {
                causal_length: 1,
                stamp: stamp(1, 1),
            };
            let replaced = match (concurrent, round) {
                (true, _) | (_, 1) => stamp(1, 1),
                _ => stamp(round * 10 - 10, seen),
            };
            log.update(TableId(1), &[0; 9], life, 1);
            log.cell(&Cell {
                column: slot,
                kind: kinds.get(usize::from(slot)).copied().unwrap_or_default(),
                replaced: std::iter::once(replaced).collect(),
                value: &encoded,
            });
        }
        spent += started.elapsed();
        let operations = log.operations()?;
        for (key, operation) in rows.iter_mut().zip(&operations) {
            if let Operation::Row { what, .. } = operation {
                key.apply(what, stamp(round * 10, writer), &context, &mut notes)?;
            }
        }
        notes.clear();
    }
    let seconds = (begun.elapsed() - spent).as_secs_f64();
    for key in &rows {
        assert!(RowRef::new(key.row())?.is_live());
    }
    Ok(ROWS as f64 * ROUNDS as f64 / seconds)
}

fn main() -> Result<()> {
    let lww = [ColumnKind::Lww; 5];
    let mut counter = lww;
    counter[2] = ColumnKind::Counter;
    let mut max = lww;
    max[2] = ColumnKind::Max;
    let cases: [(&str, &[ColumnKind], u16, Value, bool); 5] = [
        ("lww, one after the other", &lww, 2, Value::Int8(7), false),
        ("lww, concurrent", &lww, 2, Value::Int8(7), true),
        (
            "lww text, one after the other",
            &lww,
            1,
            Value::Text("another text of it".into()),
            false,
        ),
        ("counter", &counter, 2, Value::Int8(7), false),
        ("max, concurrent", &max, 2, Value::Int8(7), true),
    ];
    for (name, kinds, slot, value, concurrent) in cases {
        let mut rates = Vec::new();
        for _ in 0..REPEATS {
            rates.push(deltas(kinds, slot, &value, concurrent)?);
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "{name:32} {:5.2} million row deltas/s (median of {REPEATS})",
            rates[REPEATS / 2] / 1e6
        );
    }
    Ok(())
}
