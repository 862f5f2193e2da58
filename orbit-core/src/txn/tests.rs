//! Transactions against each other, on the simulated store.

mod computed;

use super::*;
use crate::cancel::CancelToken;
use crate::catalog::{Column, Index, IndexColumn, PrimaryKey, TableDef};
use crate::database::DatabaseOptions;
use crate::key;
use crate::row::RowRef;
use crate::store::sim::{Call, Fault, FaultKind, SimStore};
use crate::store::{Direction, KeyRange, Store};
use crate::types::SqlType;
use crate::value::Value;
use std::time::Duration;

pub(crate) fn open(store: Arc<dyn Store>) -> Arc<Database> {
    let options = DatabaseOptions {
        on_fatal: Arc::new(|_| {}),
        ..DatabaseOptions::default()
    };
    Database::open(store, options).unwrap()
}

fn column(db: &Database, name: &str, sql_type: SqlType) -> Column {
    Column {
        name: name.into(),
        sql_type,
        precision: None,
        not_null: false,
        default: None,
        sequence: None,
        generated: None,
        identity: None,
        missing: None,
        created: db.new_creation_stamp(),
        kind: Default::default(),
    }
}

/// t(id int4 primary key, name text unique, n int8)
pub(crate) async fn table(db: &Arc<Database>) -> Arc<Table> {
    let def = TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: "public".into(),
        name: "t".into(),
        columns: vec![
            column(db, "id", SqlType::Int4),
            column(db, "name", SqlType::Text),
            column(db, "n", SqlType::Int8),
        ],
        dropped: Vec::new(),
        computed: Vec::new(),
        primary_key: Some(PrimaryKey {
            constraint: "t_pkey".into(),
            columns: vec![0],
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: vec![Index {
            id: db.new_index_id(),
            oid: db.new_oid(),
            storage: db.new_storage_id(),
            name: "t_name_key".into(),
            columns: vec![IndexColumn {
                column: 1,
                descending: false,
                nulls_first: None,
            }],
            include: Vec::new(),
            unique: true,
            constraint: true,
            nulls_not_distinct: false,
            deferrable: false,
            initially_deferred: false,
            predicate: None,
            created: db.new_creation_stamp(),
        }],
        options: Default::default(),
        statistics: None,
        series: None,
        owner: crate::catalog::BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    };
    define(db, def).await
}

pub(crate) async fn define(db: &Arc<Database>, def: TableDef) -> Arc<Table> {
    let mut txn = db.begin(Isolation::ReadCommitted);
    let id = def.id;
    txn.change_catalog(CatalogChange::PutTable(Box::new(def)))
        .unwrap();
    txn.commit().await.unwrap();
    db.durable().catalog.table_by_id(id).unwrap().clone()
}

pub(crate) fn row(id: i32, name: &str, n: i64) -> Vec<Value> {
    vec![Value::Int4(id), Value::Text(name.into()), Value::Int8(n)]
}

pub(crate) fn pk(id: i32) -> Vec<u8> {
    let mut key = Vec::new();
    key::primary_key(&[0], &[Value::Int4(id)], &mut key).unwrap();
    key
}

fn read(view: &ReadView, table: &Table, id: i32) -> Option<Vec<Value>> {
    let mut bytes = Vec::new();
    view.get(table, &pk(id), &mut bytes)
        .unwrap()
        .then(|| decode(table, &bytes).unwrap())
}

pub(crate) fn all(view: &ReadView, table: &Table) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    let mut scan = view
        .scan(table, KeyRange::default(), Direction::Forward)
        .unwrap();
    while let Some((_, row)) = scan.next().unwrap() {
        rows.push(decode(table, row).unwrap());
    }
    rows
}

async fn put(db: &Arc<Database>, table: &Arc<Table>, values: Vec<Value>) -> Result<()> {
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.insert(table, values).await?;
    txn.commit().await
}

#[tokio::test]
async fn commits_are_seen_and_rollbacks_are_not() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 10)).await.unwrap();
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.insert(&t, row(2, "b", 20)).await.unwrap();
    assert_eq!(all(&txn.view(), &t).len(), 2, "own writes are seen");
    assert_eq!(all(&db.read(), &t).len(), 1, "by nobody else");
    txn.rollback();
    assert_eq!(all(&db.read(), &t), [row(1, "a", 10)]);
    assert_eq!(db.locks.held(), 0);
}

#[tokio::test]
async fn savepoints_undo_rows_entries_and_locks() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.insert(&t, row(1, "a", 1)).await.unwrap();
    let held = db.locks.held();
    txn.savepoint("s");
    txn.insert(&t, row(2, "b", 2)).await.unwrap();
    txn.update(&t, &pk(1), vec![(1, Value::Text("z".into()))])
        .await
        .unwrap();
    txn.rollback_to("s").unwrap();
    assert_eq!(db.locks.held(), held);
    txn.insert(&t, row(3, "b", 3)).await.unwrap();
    assert!(txn.release("nothing").is_err());
    txn.commit().await.unwrap();
    assert_eq!(all(&db.read(), &t), [row(1, "a", 1), row(3, "b", 3)]);
    assert_eq!(db.locks.held(), 0);
}

#[tokio::test]
async fn keys_are_unique_also_against_transactions_still_open() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    let taken = put(&db, &t, row(1, "b", 1)).await.unwrap_err();
    assert!(taken.is(state::UNIQUE_VIOLATION), "{taken:?}");
    assert_eq!(taken.detail(), Some("Key (id)=(1) already exists."));
    let taken = put(&db, &t, row(2, "a", 1)).await.unwrap_err();
    assert_eq!(taken.constraint(), Some("t_name_key"));

    let mut first = db.begin(Isolation::ReadCommitted);
    first.begin_statement();
    first.insert(&t, row(5, "five", 5)).await.unwrap();
    let (other, table) = (db.clone(), t.clone());
    let second = tokio::spawn(async move { put(&other, &table, row(6, "five", 6)).await });
    while db.locks.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    first.commit().await.unwrap();
    assert!(
        second
            .await
            .unwrap()
            .unwrap_err()
            .is(state::UNIQUE_VIOLATION)
    );
}

#[tokio::test]
async fn a_deleted_key_lives_again_with_a_longer_causal_length() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    assert!(txn.delete(&t, &pk(1)).await.unwrap());
    assert!(!txn.delete(&t, &pk(1)).await.unwrap());
    txn.commit().await.unwrap();
    assert_eq!(all(&db.read(), &t), Vec::<Vec<Value>>::new());
    put(&db, &t, row(1, "a", 2)).await.unwrap();
    let mut bytes = Vec::new();
    assert!(db.read().get(&t, &pk(1), &mut bytes).unwrap());
    assert_eq!(RowRef::new(&bytes).unwrap().causal_length(), 3);
}

#[tokio::test]
async fn a_waiting_update_meets_the_newest_version() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    let mut first = db.begin(Isolation::ReadCommitted);
    first.begin_statement();
    first
        .update(&t, &pk(1), vec![(2, Value::Int8(2))])
        .await
        .unwrap();
    let (other, table) = (db.clone(), t.clone());
    let second = tokio::spawn(async move {
        let mut txn = other.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        let locked = txn
            .lock_row(&table, &pk(1), RowLock::NoKeyUpdate, Wait::Block)
            .await
            .unwrap();
        assert!(locked.changed);
        decode(&table, &locked.row.unwrap()).unwrap()
    });
    while db.locks.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), row(1, "a", 2));
}

#[tokio::test]
async fn repeatable_read_keeps_its_moment_and_refuses_lost_updates() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    let mut txn = db.begin(Isolation::RepeatableRead);
    txn.begin_statement();
    let mut other = db.begin(Isolation::ReadCommitted);
    other.begin_statement();
    other
        .update(&t, &pk(1), vec![(2, Value::Int8(2))])
        .await
        .unwrap();
    other.commit().await.unwrap();
    assert_eq!(read(&txn.begin_statement(), &t, 1), Some(row(1, "a", 1)));
    let lost = txn.update(&t, &pk(1), vec![(2, Value::Int8(3))]).await;
    assert!(lost.unwrap_err().is(state::SERIALIZATION_FAILURE));
}

#[tokio::test]
async fn a_cycle_of_waits_is_broken() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    for id in [1, 2] {
        put(&db, &t, row(id, &id.to_string(), 0)).await.unwrap();
    }
    let limits = || WaitLimits {
        deadlock_timeout: Duration::from_millis(20),
        ..WaitLimits::default()
    };
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let mut tasks = Vec::new();
    for (mine, theirs) in [(1, 2), (2, 1)] {
        let (db, t, barrier) = (db.clone(), t.clone(), barrier.clone());
        tasks.push(tokio::spawn(async move {
            let mut txn = db.begin(Isolation::ReadCommitted);
            txn.set_limits(limits());
            txn.begin_statement();
            txn.update(&t, &pk(mine), vec![(2, Value::Int8(1))]).await?;
            barrier.wait().await;
            txn.update(&t, &pk(theirs), vec![(2, Value::Int8(1))])
                .await?;
            txn.commit().await
        }));
    }
    let mut failures = Vec::new();
    for task in tasks {
        failures.extend(task.await.unwrap().err());
    }
    assert!(!failures.is_empty(), "somebody must give way");
    assert!(
        failures
            .iter()
            .all(|error| error.is(state::DEADLOCK_DETECTED))
    );
    assert_eq!(db.locks.held(), 0);
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let t = table(&db).await;
    for id in 0..200 {
        put(&db, &t, row(id, &id.to_string(), i64::from(id)))
            .await
            .unwrap();
    }
    for seed in 0..20 {
        let db = open(Arc::new(store.crash(seed)));
        let t = db.durable().catalog.table("public", "t").unwrap().clone();
        assert_eq!(all(&db.read(), &t).len(), 200);
        put(&db, &t, row(1000, "after", 0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_load_is_seen_at_commit_and_cleared_by_rollback() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    for commit in [false, true] {
        let mut txn = db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        let mut load = txn.begin_load(&t).await.unwrap().expect("an empty table");
        for id in (0..1000).rev() {
            load.push(&row(id, &id.to_string(), 7)).unwrap();
        }
        assert_eq!(load.finish(&mut txn).await.unwrap(), 1000);
        let own = txn.catalog().table_by_id(t.id).unwrap().clone();
        assert_eq!(
            all(&txn.begin_statement(), &own).len(),
            1000,
            "own load is seen"
        );
        if commit {
            txn.commit().await.unwrap();
        } else {
            txn.rollback();
        }
        let now = db.read().catalog().table_by_id(t.id).unwrap().clone();
        let rows = all(&db.read(), &now);
        assert_eq!(rows.len(), if commit { 1000 } else { 0 });
    }
    let now = db.read().catalog().table_by_id(t.id).unwrap().clone();
    let index = &now.indexes[0];
    let mut scan = db
        .read()
        .scan_index(&now, index, KeyRange::default(), Direction::Forward)
        .unwrap();
    let mut entries = 0;
    while scan.next().unwrap().is_some() {
        entries += 1;
    }
    assert_eq!(entries, 1000);
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    assert!(
        txn.begin_load(&now).await.unwrap().is_none(),
        "not empty now"
    );
}

#[tokio::test]
async fn a_load_refuses_a_key_that_comes_twice() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let mut load = txn.begin_load(&t).await.unwrap().unwrap();
    for id in [3, 1, 2, 1] {
        load.push(&row(id, &format!("{id}{}", load.rows()), 7))
            .unwrap();
    }
    let refused = load.finish(&mut txn).await.unwrap_err();
    assert!(refused.is(state::UNIQUE_VIOLATION), "{refused:?}");
    assert_eq!(refused.detail(), Some("Key (id)=(1) already exists."));
}

#[tokio::test]
async fn the_log_says_what_was_replaced() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.update(&t, &pk(1), vec![(2, Value::Int8(5))])
        .await
        .unwrap();
    txn.commit().await.unwrap();
    let view = db.durable();
    let record = crate::log::read(
        view.snapshot.as_ref(),
        Lane::NORMAL,
        crate::ids::Sequence(3),
    )
    .unwrap()
    .expect("the third commit");
    assert_eq!(record.header.hlc, view.position);
    let operations = record.operations().unwrap();
    let [crate::log::Operation::Row { what, .. }] = operations.as_slice() else {
        panic!("{operations:?}");
    };
    let crate::log::RowOperation::Update { life, cells } = what else {
        panic!("{what:?}");
    };
    assert_eq!(life.causal_length, 1);
    assert_eq!(cells.len(), 1);
    assert_eq!(cells[0].column, 2);
    assert_eq!(cells[0].replaced.as_slice(), [life.stamp]);
    let value = crate::row::decode_value(&mut { cells[0].value }, &SqlType::Int8);
    assert_eq!(value.unwrap(), Value::Int8(5));
}

#[tokio::test]
async fn a_failing_store_acknowledges_nothing_more() {
    let store = Arc::new(SimStore::default());
    let fatal = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = fatal.clone();
    let options = DatabaseOptions {
        on_fatal: Arc::new(move |_| seen.store(true, std::sync::atomic::Ordering::SeqCst)),
        ..DatabaseOptions::default()
    };
    let db = Database::open(store.clone(), options).unwrap();
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    store.inject(Fault {
        on: Call::Sync,
        nth: 1,
        kind: FaultKind::Io,
        forever: false,
    });
    assert!(put(&db, &t, row(2, "b", 2)).await.is_err());
    assert!(fatal.load(std::sync::atomic::Ordering::SeqCst));
    assert!(put(&db, &t, row(3, "c", 3)).await.is_err());
    assert_eq!(
        all(&db.read(), &t).len(),
        1,
        "readers stay at the durable moment"
    );
}

#[tokio::test]
async fn vacuum_collects_tombstones_and_log() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let t = table(&db).await;
    for id in 0..50 {
        put(&db, &t, row(id, &id.to_string(), 0)).await.unwrap();
    }
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    for id in 0..25 {
        txn.delete(&t, &pk(id)).await.unwrap();
    }
    txn.commit().await.unwrap();
    db.vacuum(None, &CancelToken::new()).await.unwrap();
    let snapshot = db.durable().snapshot.clone();
    let mut cursor = snapshot
        .clone()
        .scan(
            crate::store::Space::Data,
            KeyRange::default(),
            Direction::Forward,
        )
        .unwrap();
    let mut stored = 0;
    while cursor.advance().unwrap() {
        stored += 1;
    }
    assert_eq!(stored, 25);
    put(&db, &t, row(900, "z", 0)).await.unwrap();
    let db = open(Arc::new(store.crash(1)));
    assert_eq!(all(&db.read(), &t).len(), 26);
}

#[tokio::test]
async fn a_vacuum_that_is_cancelled_ends() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 0)).await.unwrap();
    let cancel = CancelToken::new();
    cancel.cancel(Error::new(state::QUERY_CANCELED, "enough"));
    let error = db.vacuum(Some(t.id), &cancel).await.unwrap_err();
    assert!(error.is(state::QUERY_CANCELED), "{error:?}");
    db.vacuum(Some(t.id), &CancelToken::new()).await.unwrap();
}

#[tokio::test]
async fn rows_of_a_storage_dropped_later_are_neither_stored_nor_logged() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.insert(&t, row(1, "a", 1)).await.unwrap();
    txn.clear_storage(t.partition, t.storage, crate::store::Space::Data);
    for index in &t.indexes {
        txn.clear_storage(t.partition, index.storage, crate::store::Space::Index);
    }
    txn.commit().await.unwrap();
    assert_eq!(all(&db.read(), &t), Vec::<Vec<Value>>::new());
    let view = db.durable();
    for sequence in 2..10 {
        let place = crate::ids::Sequence(sequence);
        let record = crate::log::read(view.snapshot.as_ref(), Lane::NORMAL, place).unwrap();
        let Some(record) = record else { break };
        assert!(record.operations().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_row_deleted_and_vacuumed_since_is_seen_to_have_changed() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    for id in 0..2 {
        put(&db, &t, row(id, &id.to_string(), 0)).await.unwrap();
    }
    let mut repeatable = db.begin(Isolation::RepeatableRead);
    let mut committed = db.begin(Isolation::ReadCommitted);
    repeatable.begin_statement();
    committed.begin_statement();
    let mut deleting = db.begin(Isolation::ReadCommitted);
    deleting.begin_statement();
    for id in 0..2 {
        deleting.delete(&t, &pk(id)).await.unwrap();
    }
    deleting.commit().await.unwrap();
    db.vacuum(None, &CancelToken::new()).await.unwrap();
    let error = repeatable
        .lock_row(&t, &pk(0), RowLock::Update, Wait::Block)
        .await
        .unwrap_err();
    assert!(error.is(state::SERIALIZATION_FAILURE), "{error:?}");
    let locked = committed
        .lock_row(&t, &pk(1), RowLock::Update, Wait::Block)
        .await
        .unwrap();
    assert!(locked.changed && locked.row.is_none());
}

/// A table's fingerprint as it is stored, and as its rows would give it.
pub(crate) fn fingerprints(db: &Database, table: &Table) -> [fingerprint::Fingerprints; 2] {
    let mut stored = fingerprint::Fingerprints::default();
    let snapshot = db.durable().snapshot.clone();
    let range = KeyRange::prefix(&[fingerprint::PREFIX]);
    let mut cursor = snapshot
        .scan(Space::Meta, range, Direction::Forward)
        .unwrap();
    while cursor.advance().unwrap() {
        stored.read(cursor.key(), cursor.value()).unwrap();
    }
    let mut counted = fingerprint::Fingerprints::default();
    let view = db.read();
    let mut scan = view
        .scan(table, KeyRange::default(), Direction::Forward)
        .unwrap();
    let number = table.fingerprint_seed();
    while let Some((pk, row)) = scan.next().unwrap() {
        let row = RowRef::new(row).unwrap();
        let (bucket, digest) = fingerprint::digest(number, pk, row.body());
        counted.apply(&[(table.partition, bucket, digest)]);
    }
    [stored, counted]
}

#[tokio::test]
async fn fingerprints_follow_a_rebuilt_table() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    for id in 0..20 {
        put(&db, &t, row(id, &id.to_string(), 0)).await.unwrap();
    }
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    // Written before the table moves, and so not part of it.
    txn.insert(&t, row(50, "fifty", 0)).await.unwrap();
    // Twice, as two ALTERs of one transaction would.
    for _ in 0..2 {
        let mut load = txn.begin_rebuild(t.def.clone()).await.unwrap();
        for id in 10..30 {
            load.push(&row(id, &id.to_string(), 1)).unwrap();
        }
        load.finish(&mut txn).await.unwrap();
    }
    let moved = txn.catalog().table_by_id(t.id).unwrap().clone();
    txn.begin_statement();
    txn.delete(&moved, &pk(10)).await.unwrap();
    txn.commit().await.unwrap();
    let moved = db.durable().catalog.table_by_id(t.id).unwrap().clone();
    assert_eq!(all(&db.read(), &moved).len(), 19);
    let [stored, counted] = fingerprints(&db, &moved);
    assert_eq!(stored.of(t.partition), counted.of(t.partition));
    let pending = db.durable().snapshot.clone();
    let prefix = crate::meta::pending_load_key(t.partition, moved.storage)[..1].to_vec();
    let range = KeyRange::prefix(&prefix);
    let mut notes = pending
        .scan(Space::Meta, range, Direction::Forward)
        .unwrap();
    assert!(!notes.advance().unwrap(), "a note of a load was left");
}

#[tokio::test]
async fn locks_of_a_request_that_nobody_took_are_released() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.insert(&t, row(1, "a", 1)).await.unwrap();
    // Not a credit is left, and the client goes away while its COMMIT waits for one.
    let credits = db.take_all_credits().await;
    let committing = tokio::time::timeout(Duration::from_millis(1), txn.commit());
    assert!(committing.await.is_err());
    drop(credits);
    assert_eq!(db.locks.held(), 0);
    put(&db, &t, row(1, "b", 2)).await.unwrap();
    assert_eq!(all(&db.read(), &t), [row(1, "b", 2)]);
}

/// Opens it as on a full disk: more is kept in reserve than any disk has.
fn open_full(store: Arc<dyn Store>) -> Arc<Database> {
    let options = DatabaseOptions {
        disk_reserve: Some((std::env::temp_dir(), u64::MAX / 2)),
        on_fatal: Arc::new(|_| {}),
        ..DatabaseOptions::default()
    };
    Database::open(store, options).unwrap()
}

#[tokio::test]
async fn a_full_disk_takes_no_rows_and_lets_them_go() {
    let store: Arc<dyn Store> = Arc::new(SimStore::default());
    let db = open(store.clone());
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    db.shutdown().await.unwrap();
    drop((db, t));

    let db = open_full(store);
    let t = db.durable().catalog.tables().next().unwrap().clone();
    let refused = put(&db, &t, row(2, "b", 2)).await.unwrap_err();
    assert!(refused.is(state::DISK_FULL), "{refused:?}");
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    assert!(txn.delete(&t, &pk(1)).await.unwrap());
    txn.commit().await.unwrap();
    assert_eq!(all(&db.read(), &t), Vec::<Vec<Value>>::new());
}

#[tokio::test]
async fn while_growth_is_refused_rows_may_go_and_none_may_come() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    put(&db, &t, row(1, "a", 1)).await.unwrap();
    put(&db, &t, row(2, "b", 2)).await.unwrap();
    db.refuse_growth(Some(Error::new(state::OUT_OF_MEMORY, "told to")));
    let refused = put(&db, &t, row(3, "c", 3)).await.unwrap_err();
    assert!(refused.is(state::OUT_OF_MEMORY), "{refused:?}");
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    assert!(txn.delete(&t, &pk(1)).await.unwrap());
    txn.commit().await.unwrap();
    db.refuse_growth(None);
    put(&db, &t, row(3, "c", 3)).await.unwrap();
    assert_eq!(all(&db.read(), &t), [row(2, "b", 2), row(3, "c", 3)]);
}

#[tokio::test]
async fn while_growth_is_refused_no_load_begins() {
    let db = open(Arc::new(SimStore::default()));
    let t = table(&db).await;
    db.refuse_growth(Some(Error::new(state::OUT_OF_MEMORY, "told to")));
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let refused = txn.begin_load(&t).await.err().unwrap();
    assert!(refused.is(state::OUT_OF_MEMORY), "{refused:?}");
}

#[tokio::test]
async fn a_load_into_a_full_disk_is_refused_piece_by_piece() {
    let db = open_full(Arc::new(SimStore::default()));
    let t = table(&db).await;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let mut load = txn.begin_load(&t).await.unwrap().unwrap();
    load.push(&row(1, "a", 1)).unwrap();
    let refused = load.finish(&mut txn).await.unwrap_err();
    assert!(refused.is(state::DISK_FULL), "{refused:?}");
    txn.rollback();
}
