//! Time series on the simulated store: whatever is put away, a moment shows what it showed.

use super::block::ROWS;
use crate::cancel::CancelToken;
use crate::catalog::{CatalogChange, Column, PrimaryKey, Series, Table, TableDef};
use crate::database::{Database, DatabaseOptions, ReadView};
use crate::row::RowRef;
use crate::store::sim::SimStore;
use crate::store::{Batch, Direction, KeyRange, Space, Store};
use crate::txn::{ConflictTarget, Isolation, Tried};
use crate::types::SqlType;
use crate::value::Value;
use crate::{key, state};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn open(store: Arc<dyn Store>) -> Arc<Database> {
    let options = DatabaseOptions {
        on_fatal: Arc::new(|_| {}),
        ..DatabaseOptions::default()
    };
    Database::open(store, options).unwrap()
}

/// readings(sensor text, at timestamptz, value float8, note text, PRIMARY KEY (sensor, at))
async fn table(db: &Arc<Database>) -> Arc<Table> {
    let column = |name: &str, sql_type| Column::new(name, sql_type, db.new_creation_stamp());
    let def = TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: "public".into(),
        name: "readings".into(),
        columns: vec![
            column("sensor", SqlType::Text),
            column("at", SqlType::TimestampTz),
            column("value", SqlType::Float8),
            column("note", SqlType::Text),
        ],
        dropped: Vec::new(),
        computed: Vec::new(),
        primary_key: Some(PrimaryKey {
            constraint: "readings_pkey".into(),
            columns: vec![0, 1],
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        options: Default::default(),
        statistics: None,
        series: Some(Series {
            retention_micros: None,
        }),
        owner: crate::catalog::BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    };
    let mut txn = db.begin(Isolation::ReadCommitted);
    let id = def.id;
    txn.change_catalog(CatalogChange::PutTable(Box::new(def)))
        .unwrap();
    txn.commit().await.unwrap();
    now(db, id)
}

fn now(db: &Arc<Database>, id: crate::ids::TableId) -> Arc<Table> {
    db.durable().catalog.table_by_id(id).unwrap().clone()
}

fn reading(sensor: u8, at: i64, value: f64, note: Option<&str>) -> Vec<Value> {
    vec![
        Value::Text(format!("s{sensor}")),
        Value::TimestampTz(at * 1000),
        Value::Float8(value),
        note.map_or(Value::Null, |note| Value::Text(note.into())),
    ]
}

fn pk(sensor: u8, at: i64) -> Vec<u8> {
    let mut pk = Vec::new();
    key::primary_key(&[0, 1], &reading(sensor, at, 0.0, None), &mut pk).unwrap();
    pk
}

/// Key and bytes of every row, read in a direction.
fn all(
    view: &ReadView,
    table: &Table,
    range: KeyRange,
    direction: Direction,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut scan = view.scan(table, range, direction).unwrap();
    let mut rows = Vec::new();
    while let Some((pk, row)) = scan.next().unwrap() {
        rows.push((pk.to_vec(), row.to_vec()));
    }
    rows
}

fn forward(view: &ReadView, table: &Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    all(view, table, KeyRange::default(), Direction::Forward)
}

fn blocks(db: &Database, table: &Table) -> usize {
    let prefix = key::data_prefix(table.partition, table.storage);
    let snapshot = db.durable().snapshot.clone();
    let mut found = snapshot
        .scan(Space::Side, KeyRange::prefix(&prefix), Direction::Forward)
        .unwrap();
    let mut count = 0;
    while found.advance().unwrap() {
        count += 1;
    }
    count
}

async fn insert(
    db: &Arc<Database>,
    table: &Arc<Table>,
    rows: impl IntoIterator<Item = Vec<Value>>,
) {
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    for row in rows {
        txn.insert(table, row).await.unwrap();
    }
    txn.commit().await.unwrap();
}

async fn settle(db: &Arc<Database>, table: &Arc<Table>) -> u64 {
    db.settle(table, &CancelToken::default()).await.unwrap()
}

#[tokio::test]
async fn rows_put_away_are_as_they_were_byte_by_byte() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let rows = (0..3).flat_map(|sensor| {
        (0..3000).map(move |at| {
            let note = (at % 7 == 0).then(|| format!("n{}", at % 50));
            reading(
                sensor,
                at * 1000 + at % 13,
                at as f64 / 100.0,
                note.as_deref(),
            )
        })
    });
    insert(&db, &t, rows).await;
    // Rows with stamps of their own, long ones, deleted ones.
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    for at in [5i64, 700, 2999] {
        let long = "x".repeat(if at == 700 { 70_000 } else { 3 });
        let changes = vec![(3, Value::Text(long))];
        txn.update(&t, &pk(1, at * 1000 + at % 13), changes)
            .await
            .unwrap();
        assert!(txn.delete(&t, &pk(2, at * 1000 + at % 13)).await.unwrap());
    }
    txn.commit().await.unwrap();
    let before = forward(&db.read(), &t);
    assert_eq!(settle(&db, &t).await, 9000);
    assert_eq!(db.unsettled(&t, 10_000).unwrap(), 0);
    assert!(blocks(&db, &t) >= 2);
    assert_eq!(forward(&db.read(), &t), before);
    let mut backward = all(&db.read(), &t, KeyRange::default(), Direction::Backward);
    backward.reverse();
    assert_eq!(backward, before);
    for (pk, row) in before.iter().step_by(97) {
        let mut found = Vec::new();
        assert!(db.read().get(&t, pk, &mut found).unwrap());
        assert_eq!(&found, row);
    }
    assert!(!db.read().get(&t, &pk(2, 5005), &mut Vec::new()).unwrap());
    // Ranges, from and to anywhere.
    for (from, to) in [(10, 20), (0, 8990), (4090, 4100), (8000, 8001)] {
        let range = KeyRange {
            start: before[from].0.clone(),
            end: before[to].0.clone(),
        };
        for direction in [Direction::Forward, Direction::Backward] {
            let mut rows = all(&db.read(), &t, range.clone(), direction);
            if direction == Direction::Backward {
                rows.reverse();
            }
            assert_eq!(rows, before[from..to], "{from} {to} {direction:?}");
        }
    }
}

#[tokio::test]
async fn keys_in_blocks_are_there_for_writers() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    insert(&db, &t, (0..500).map(|at| reading(1, at, 1.5, None))).await;
    settle(&db, &t).await;
    assert_eq!(db.unsettled(&t, 1).unwrap(), 0);
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let error = txn
        .insert(&t, reading(1, 250, 2.0, None))
        .await
        .unwrap_err();
    assert!(error.is(state::UNIQUE_VIOLATION), "{error}");
    txn.rollback();
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let met = txn
        .insert_unless_conflict(&t, reading(1, 250, 2.0, None), &ConflictTarget::PrimaryKey)
        .await
        .unwrap();
    assert!(matches!(met, Tried::Met(_)));
    txn.update(&t, &pk(1, 100), vec![(2, Value::Float8(9.0))])
        .await
        .unwrap();
    assert!(txn.delete(&t, &pk(1, 101)).await.unwrap());
    assert!(!txn.delete(&t, &pk(1, 1000)).await.unwrap());
    // Seen by itself, then by all, then put away once more.
    assert_eq!(forward(&txn.begin_statement(), &t).len(), 499);
    txn.commit().await.unwrap();
    let changed = forward(&db.read(), &t);
    assert_eq!(changed.len(), 499);
    settle(&db, &t).await;
    assert_eq!(
        db.unsettled(&t, 1).unwrap(),
        0,
        "a late row goes into its block"
    );
    assert_eq!(forward(&db.read(), &t), changed);
    // A key that was deleted is free.
    insert(&db, &t, [reading(1, 101, 3.0, None)]).await;
    assert_eq!(forward(&db.read(), &t).len(), 500);
}

#[tokio::test]
async fn a_load_goes_into_blocks_at_once_and_notices_a_key_that_came_twice() {
    for twice in [false, true] {
        let db = open(Arc::new(SimStore::default()));
        let t = table(&db).await;
        let mut txn = db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        let mut load = txn.begin_load(&t).await.unwrap().expect("an empty table");
        for at in 0..ROWS as i64 {
            for sensor in [3, 1] {
                load.push(&reading(sensor, at, at as f64, None)).unwrap();
            }
        }
        if twice {
            load.push(&reading(1, 77, 0.0, None)).unwrap();
            let error = load.finish(&mut txn).await.unwrap_err();
            assert!(error.is(state::UNIQUE_VIOLATION), "{error}");
            continue;
        }
        load.finish(&mut txn).await.unwrap();
        txn.commit().await.unwrap();
        let t = now(&db, t.id);
        assert_eq!(blocks(&db, &t), 2);
        assert_eq!(db.unsettled(&t, 1).unwrap(), 0);
        assert_eq!(forward(&db.read(), &t).len(), 2 * ROWS);
        assert!(
            db.begin(Isolation::ReadCommitted)
                .begin_load(&t)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_let_go_by_blocks() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let cancel = CancelToken::default();
    for sensor in [1, 2] {
        insert(
            &db,
            &t,
            (0..2 * ROWS as i64).map(|at| reading(sensor, at, 0.5, None)),
        )
        .await;
    }
    settle(&db, &t).await;
    // In a block that stays: its old value must not come back.
    let last = 2 * ROWS as i64 - 1;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let old = ROWS as i64 + 100;
    txn.update(&t, &pk(1, old), vec![(2, Value::Float8(8.0))])
        .await
        .unwrap();
    txn.delete(&t, &pk(2, old)).await.unwrap();
    txn.commit().await.unwrap();
    insert(
        &db,
        &t,
        [reading(9, 5, 1.0, None), reading(9, last, 1.0, None)],
    )
    .await;
    let view = db.read();
    let before = forward(&view, &t);
    let cutoff = (old + 1) * 1000;
    assert!(db.let_go(&t, cutoff, &cancel).await.unwrap().rows > 0);
    let after = forward(&db.read(), &t);
    assert_eq!(
        forward(&view, &t),
        before,
        "an older moment keeps what it shows"
    );
    let form = t.form.as_ref().unwrap();
    for row in &before {
        let time = form.time_of(&RowRef::new(&row.1).unwrap()).unwrap();
        let kept = after.binary_search(row).is_ok();
        assert!(kept || time < cutoff, "a young row is gone");
    }
    assert!(after.len() < before.len());
    assert!(
        after.iter().all(|row| before.contains(row)),
        "nothing old comes back"
    );
    // With everything let go, the fingerprints are those of an empty table.
    db.let_go(&t, i64::MAX, &cancel).await.unwrap();
    assert_eq!(forward(&db.read(), &t), []);
    assert_eq!(prints(&db), BTreeMap::new());
}

/// What the meta space says of fingerprints, without those of nothing.
fn prints(db: &Database) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let range = KeyRange::prefix(&[crate::fingerprint::PREFIX]);
    let snapshot = db.durable().snapshot.clone();
    let mut found = snapshot
        .scan(Space::Meta, range, Direction::Forward)
        .unwrap();
    let mut prints = BTreeMap::new();
    while found.advance().unwrap() {
        if found.value()[1..].iter().any(|byte| *byte != 0) {
            prints.insert(found.key().to_vec(), found.value().to_vec());
        }
    }
    prints
}

#[tokio::test]
async fn a_flipped_bit_is_an_error_with_its_place_and_never_another_answer() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let t = table(&db).await;
    let rows = (0..600i64).map(|at| {
        let value = (at * 7919 % 1009) as f64 / 10.0;
        reading(1, at * 1000 + at * at % 997, value, Some("ok"))
    });
    insert(&db, &t, rows).await;
    settle(&db, &t).await;
    let before = forward(&db.read(), &t);
    let prefix = key::data_prefix(t.partition, t.storage);
    let (name, block) = {
        let snapshot = db.durable().snapshot.clone();
        let mut found = snapshot
            .scan(Space::Side, KeyRange::prefix(&prefix), Direction::Forward)
            .unwrap();
        assert!(found.advance().unwrap());
        (found.key().to_vec(), found.value().to_vec())
    };
    let columns = block
        .windows(4)
        .position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]);
    let columns = columns.expect("a column in zstd") - 5;
    assert!(
        block.len() > 1000,
        "{} bytes are too few to flip",
        block.len()
    );
    for at in 0..block.len() {
        let mut damaged = block.clone();
        damaged[at] ^= 1 << (at % 8);
        let mut batch = Batch::new();
        batch.put(Space::Side, &name, &damaged);
        store.apply(&batch).unwrap();
        store.sync().unwrap();
        // A commit, so that a view is taken of it.
        insert(&db, &t, [reading(0, at as i64, 0.0, None)]).await;
        // Behind the block, as long as it says where it ends.
        let mut txn = db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        let behind = txn.insert(&t, reading(8, at as i64, 0.0, None)).await;
        assert_eq!(behind.is_ok(), at >= columns, "{at}");
        txn.rollback();
        let view = db.read();
        let range = KeyRange {
            start: pk(1, 0),
            end: pk(7, 0),
        };
        let mut scan = view.scan(&t, range, Direction::Forward).unwrap();
        let error = scan.next().expect_err("a damaged block was read");
        assert!(error.is(state::DATA_CORRUPTED), "{error}");
        assert!(error.to_string().contains("s1, 1970-01-01"), "{error:?}");
        assert!(view.get(&t, &pk(1, 3009), &mut Vec::new()).is_err());
        // Another series is not affected.
        assert!(view.get(&t, &pk(0, at as i64), &mut Vec::new()).unwrap());
        // Neither is let go nor keeps others from it.
        let cancel = CancelToken::default();
        db.let_go(&t, i64::MAX, &cancel).await.unwrap();
        assert!(
            !db.read()
                .get(&t, &pk(0, at as i64), &mut Vec::new())
                .unwrap()
        );
        assert_eq!(blocks(&db, &t), 1);
        // What lies behind it is answered as long as it says where it ends.
        insert(&db, &t, [reading(0, at as i64, 0.0, None)]).await;
        let range = KeyRange {
            start: pk(7, 0),
            end: Vec::new(),
        };
        let mut scan = db.read().scan(&t, range, Direction::Forward).unwrap();
        assert_eq!(scan.next().is_ok(), at >= columns, "{at}");
        let mut scan = db
            .read()
            .scan(&t, KeyRange::default(), Direction::Forward)
            .unwrap();
        assert!(scan.next().unwrap().is_some(), "what lies before it");
    }
    let mut batch = Batch::new();
    batch.put(Space::Side, &name, &block);
    store.apply(&batch).unwrap();
    insert(&db, &t, [reading(9, 0, 0.0, None)]).await;
    let now = forward(&db.read(), &t);
    let now: Vec<_> = now.into_iter().filter(|row| before.contains(row)).collect();
    assert_eq!(now, before);
}

#[derive(Clone, Debug)]
enum Deed {
    Put(u8, i64),
    Update(u8, i64, u8),
    Delete(u8, i64),
    Append(u8, u16),
    Settle,
    /// While these keys are written.
    SettleBeside(Vec<(u8, i64)>),
    LetGo(i64),
    Look,
    Crash,
}

fn deed() -> impl Strategy<Value = Deed> {
    let sensor = 0u8..3;
    let at = 0i64..1500;
    prop_oneof![
        4 => (sensor.clone(), at.clone()).prop_map(|(s, a)| Deed::Put(s, a)),
        3 => (sensor.clone(), at.clone(), any::<u8>()).prop_map(|(s, a, v)| Deed::Update(s, a, v)),
        3 => (sensor.clone(), at.clone()).prop_map(|(s, a)| Deed::Delete(s, a)),
        3 => (sensor.clone(), 1u16..600).prop_map(|(s, n)| Deed::Append(s, n)),
        3 => Just(Deed::Settle),
        2 => proptest::collection::vec((sensor, at.clone()), 1..12).prop_map(Deed::SettleBeside),
        1 => at.prop_map(Deed::LetGo),
        1 => Just(Deed::Look),
        1 => Just(Deed::Crash),
    ]
}

type Model = BTreeMap<(u8, i64), (f64, Option<String>)>;

fn check(view: &ReadView, table: &Table, model: &Model) {
    let read = |direction| -> Vec<Vec<Value>> {
        let rows = all(view, table, KeyRange::default(), direction);
        let rows = rows.into_iter();
        rows.map(|(_, row)| crate::txn::decode(table, &row).unwrap())
            .collect()
    };
    let wanted: Vec<Vec<Value>> = model
        .iter()
        .map(|((sensor, at), (value, note))| reading(*sensor, *at, *value, note.as_deref()))
        .collect();
    assert_eq!(read(Direction::Forward), wanted);
    let mut backward = read(Direction::Backward);
    backward.reverse();
    assert_eq!(backward, wanted);
    // By columns, wherever whole blocks are.
    let mut scan = view
        .scan(table, KeyRange::default(), Direction::Forward)
        .unwrap();
    let mut rows = 0;
    let mut keys = Vec::new();
    loop {
        if let Some(block) = scan.next_block().unwrap() {
            let form = table.form.as_ref().unwrap();
            let mut unpacker = super::column::Unpacker::new().unwrap();
            for row in 0..block.rows() {
                let mut pk = Vec::new();
                block.key(form, row, &mut unpacker, &mut pk).unwrap();
                keys.push(pk);
            }
            rows += block.rows();
            continue;
        }
        match scan.next().unwrap() {
            Some((pk, _)) => keys.push(pk.to_vec()),
            None => break,
        }
        rows += 1;
    }
    assert_eq!(rows, wanted.len());
    assert!(keys.is_sorted());
    for ((sensor, at), (value, note)) in model.iter().step_by(13) {
        let mut row = Vec::new();
        assert!(view.get(table, &pk(*sensor, *at), &mut row).unwrap());
        let values = crate::txn::decode(table, &row).unwrap();
        assert_eq!(values, reading(*sensor, *at, *value, note.as_deref()));
    }
}

async fn run(deeds: Vec<Deed>) {
    let mut store = Arc::new(SimStore::default());
    let mut db = open(store.clone());
    let mut t = table(&db).await;
    let mut model = Model::new();
    let mut kept: Vec<(ReadView, Model)> = Vec::new();
    let cancel = CancelToken::default();
    for deed in deeds {
        let mut txn = db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        match deed {
            Deed::Put(sensor, at) => {
                let row = reading(sensor, at, at as f64 / 4.0, None);
                let met = txn
                    .insert_unless_conflict(&t, row, &ConflictTarget::PrimaryKey)
                    .await
                    .unwrap();
                assert_eq!(
                    matches!(met, Tried::Met(_)),
                    model.contains_key(&(sensor, at))
                );
                model.entry((sensor, at)).or_insert((at as f64 / 4.0, None));
                txn.commit().await.unwrap();
            }
            Deed::Append(sensor, count) => {
                let last = model.range((sensor, 0)..(sensor + 1, 0)).next_back();
                let from = last.map_or(0, |((_, at), _)| at + 1);
                for at in from..from + i64::from(count) {
                    txn.insert(&t, reading(sensor, at, 0.25, Some("a")))
                        .await
                        .unwrap();
                    model.insert((sensor, at), (0.25, Some("a".into())));
                }
                txn.commit().await.unwrap();
            }
            Deed::Update(sensor, at, value) => {
                if let Some(cell) = model.get_mut(&(sensor, at)) {
                    let (value, note) = (f64::from(value) / 3.0, format!("u{value}"));
                    let changes = vec![(2, Value::Float8(value)), (3, Value::Text(note.clone()))];
                    txn.update(&t, &pk(sensor, at), changes).await.unwrap();
                    *cell = (value, Some(note));
                }
                txn.commit().await.unwrap();
            }
            Deed::Delete(sensor, at) => {
                let was = txn.delete(&t, &pk(sensor, at)).await.unwrap();
                assert_eq!(was, model.remove(&(sensor, at)).is_some());
                txn.commit().await.unwrap();
            }
            Deed::Settle => {
                settle(&db, &t).await;
            }
            Deed::SettleBeside(keys) => {
                let sealing = settle(&db, &t);
                let writing = async {
                    for (nth, (sensor, at)) in keys.into_iter().enumerate() {
                        let mut txn = db.begin(Isolation::ReadCommitted);
                        txn.begin_statement();
                        if nth % 2 == 0 {
                            txn.delete(&t, &pk(sensor, at)).await.unwrap();
                            model.remove(&(sensor, at));
                        } else {
                            let row = reading(sensor, at, 7.0, None);
                            txn.insert_unless_conflict(&t, row, &ConflictTarget::PrimaryKey)
                                .await
                                .unwrap();
                            model.entry((sensor, at)).or_insert((7.0, None));
                        }
                        txn.commit().await.unwrap();
                        tokio::task::yield_now().await;
                    }
                };
                tokio::join!(sealing, writing);
            }
            Deed::LetGo(before) => {
                db.let_go(&t, before * 1000, &cancel).await.unwrap();
                // What went is the old; what of the old stays is told by the rows.
                let rows = forward(&db.read(), &t);
                let there: std::collections::BTreeSet<Vec<u8>> =
                    rows.into_iter().map(|(pk, _)| pk).collect();
                model.retain(|(sensor, at), _| *at >= before || there.contains(&pk(*sensor, *at)));
            }
            Deed::Look => kept.push((db.read(), model.clone())),
            Deed::Crash => {
                txn.rollback();
                kept.clear();
                store = Arc::new(store.crash(model.len() as u64));
                db = open(store.clone());
                t = now(&db, t.id);
            }
        }
        check(&db.read(), &t, &model);
        for (view, model) in &kept {
            check(view, &t, model);
        }
    }
    db.let_go(&t, i64::MAX, &cancel).await.unwrap();
    assert_eq!(
        prints(&db),
        BTreeMap::new(),
        "fingerprints follow every row"
    );
}

fn histories() -> u32 {
    match std::env::var_os("ORBIT_SOAK") {
        Some(_) => 5000,
        None => 100,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), ..ProptestConfig::default() })]
    #[test]
    fn every_moment_shows_what_was_written(deeds in proptest::collection::vec(deed(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(deeds));
    }
}
