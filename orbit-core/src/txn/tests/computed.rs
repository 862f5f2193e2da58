//! Partial indexes, and what rows keep for indexes.

use super::*;

/// The table with an index over the third column for rows whose fourth value is true.
async fn partial(db: &Arc<Database>) -> Arc<Table> {
    let mut def = table(db).await.def.clone();
    let id = db.new_index_id();
    let predicate = def.push_computed(id, SqlType::Bool, "n > 0".into());
    let mut index = def.indexes[0].clone();
    index.id = id;
    index.oid = db.new_oid();
    index.storage = db.new_storage_id();
    index.name = "t_n".into();
    index.columns[0].column = 2;
    index.constraint = false;
    index.predicate = Some(predicate);
    def.indexes.push(index);
    define(db, def).await
}

fn wide(id: i32, n: i64, inside: bool) -> Vec<Value> {
    let mut values = row(id, &format!("r{id}"), n);
    values.push(Value::Bool(inside));
    values
}

fn entries(view: &ReadView, table: &Table) -> usize {
    let index = &table.indexes[1];
    let mut scan = view
        .scan_index(table, index, KeyRange::default(), Direction::Forward)
        .unwrap();
    let mut count = 0;
    while scan.next().unwrap().is_some() {
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_partial_index_has_the_rows_whose_condition_is_true() {
    let db = open(Arc::new(SimStore::default()));
    let t = partial(&db).await;
    put(&db, &t, wide(1, 7, true)).await.unwrap();
    put(&db, &t, wide(2, 7, false)).await.unwrap();
    put(&db, &t, wide(3, 7, false)).await.unwrap();
    let taken = put(&db, &t, wide(4, 7, true)).await.unwrap_err();
    assert_eq!(taken.constraint(), Some("t_n"));
    assert_eq!(entries(&db.read(), &t), 1);

    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let inside = |inside| vec![(3, Value::Bool(inside))];
    let taken = txn.update(&t, &pk(2), inside(true)).await.unwrap_err();
    assert!(taken.is(state::UNIQUE_VIOLATION), "{taken:?}");
    txn.update(&t, &pk(1), inside(false)).await.unwrap();
    txn.update(&t, &pk(2), inside(true)).await.unwrap();
    assert!(txn.delete(&t, &pk(3)).await.unwrap());
    txn.commit().await.unwrap();
    assert_eq!(entries(&db.read(), &t), 1);
    assert_eq!(read(&db.read(), &t, 2), Some(wide(2, 7, true)));
}

#[tokio::test]
async fn computed_values_stay_behind_columns_that_come_and_go() {
    let db = open(Arc::new(SimStore::default()));
    let t = partial(&db).await;
    put(&db, &t, wide(1, 7, true)).await.unwrap();
    let mut def = t.def.clone();
    def.push_column(column(&db, "later", SqlType::Int4));
    assert_eq!(def.attnum(3), 4, "computed values have no number");
    assert_eq!(def.indexes[1].predicate, Some(4));
    let later = Table::new(def.clone(), 0).unwrap();
    let mut values = row(1, "r1", 7);
    values.extend([Value::Null, Value::Bool(true)]);
    assert_eq!(read(&db.read(), &later, 1), Some(values));

    let id = def.indexes[1].id;
    def.remove_index(id);
    assert_eq!((def.indexes.len(), def.width()), (1, 4));
    assert_eq!(def.attnum(3), 4);
    let mut again = def.clone();
    assert_eq!(again.push_computed(id, SqlType::Bool, "true".into()), 4);
    assert_eq!(again.layout().slot_count(), 5, "the slot is used again");
    let bare = Table::new(def, 0).unwrap();
    let mut values = row(1, "r1", 7);
    values.push(Value::Null);
    assert_eq!(read(&db.read(), &bare, 1), Some(values));
}
