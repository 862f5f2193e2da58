//! INSERT, UPDATE and DELETE whose rows a query finds. DataFusion's own path
//! would reach a provider with no filter at all for some of these shapes.

use super::{engine, run, session};

async fn prepared() -> (std::sync::Arc<crate::Engine>, crate::Session) {
    let engine = engine();
    let mut session = session(&engine, 1);
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 7, s varchar(5)); CREATE TABLE u (id int PRIMARY KEY)")
        .await
        .unwrap();
    run(&mut session, "INSERT INTO t SELECT x, x * 10, 'r' || x FROM generate_series(1, 5) AS s(x); INSERT INTO u VALUES (2), (4)")
        .await
        .unwrap();
    (engine, session)
}

async fn all(session: &mut crate::Session) -> String {
    run(session, "SELECT id, n, s FROM t ORDER BY id")
        .await
        .unwrap()
        .replace('\n', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_where_in_subquery_deletes_those_rows_only() {
    let (_engine, mut s) = prepared().await;
    assert_eq!(
        run(&mut s, "DELETE FROM t WHERE id IN (SELECT id FROM u)")
            .await
            .unwrap(),
        "DELETE 2"
    );
    assert_eq!(all(&mut s).await, "1|10|r1 3|30|r3 5|50|r5");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_where_false_deletes_nothing() {
    let (_engine, mut s) = prepared().await;
    assert_eq!(
        run(&mut s, "DELETE FROM t WHERE false").await.unwrap(),
        "DELETE 0"
    );
    assert_eq!(
        run(&mut s, "UPDATE t SET n = 0 WHERE false").await.unwrap(),
        "UPDATE 0"
    );
    assert_eq!(run(&mut s, "SELECT count(*) FROM t").await.unwrap(), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_where_exists() {
    let (_engine, mut s) = prepared().await;
    let sql = "DELETE FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id) RETURNING id";
    let mut gone: Vec<String> = run(&mut s, sql)
        .await
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    gone.sort();
    assert_eq!(gone, ["1", "3", "5"]);
    assert_eq!(all(&mut s).await, "2|20|r2 4|40|r4");
}

#[tokio::test(flavor = "multi_thread")]
async fn update_with_subqueries_and_from() {
    let (_engine, mut s) = prepared().await;
    assert_eq!(
        run(
            &mut s,
            "UPDATE t SET n = n + (SELECT max(id) FROM u) WHERE id IN (SELECT id FROM u)"
        )
        .await
        .unwrap(),
        "UPDATE 2"
    );
    assert_eq!(
        run(
            &mut s,
            "UPDATE t SET s = 'x' FROM u WHERE u.id = t.id AND u.id > 2 RETURNING t.id, s"
        )
        .await
        .unwrap(),
        "4|x"
    );
    assert_eq!(all(&mut s).await, "1|10|r1 2|24|r2 3|30|r3 4|44|x 5|50|r5");
}

#[tokio::test(flavor = "multi_thread")]
async fn insert_select_from_itself_ends() {
    let (_engine, mut s) = prepared().await;
    assert_eq!(
        run(&mut s, "INSERT INTO t SELECT id + 100, n FROM t")
            .await
            .unwrap(),
        "INSERT 0 5"
    );
    assert_eq!(run(&mut s, "SELECT count(*) FROM t").await.unwrap(), "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn insert_select_checks_and_converts() {
    let (_engine, mut s) = prepared().await;
    let error = run(&mut s, "INSERT INTO t SELECT 9, 1, 'too long' FROM u")
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "value too long for type character varying(5)"
    );
    let error = run(&mut s, "INSERT INTO t (id, n) SELECT id + 50, NULL FROM u")
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "null value in column \"n\" of relation \"t\" violates not-null constraint"
    );
    assert_eq!(
        run(&mut s, "INSERT INTO t (id) SELECT id + 50 FROM u")
            .await
            .unwrap(),
        "INSERT 0 2"
    );
    assert_eq!(
        run(&mut s, "SELECT n FROM t WHERE id > 50 ORDER BY id LIMIT 1")
            .await
            .unwrap(),
        "7"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_conflict_over_a_query() {
    let (_engine, mut s) = prepared().await;
    let sql = "INSERT INTO t SELECT id, 1, 'n' FROM u ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n WHERE t.id > 2";
    assert_eq!(run(&mut s, sql).await.unwrap(), "INSERT 0 1");
    assert_eq!(
        run(
            &mut s,
            "INSERT INTO t SELECT id, 1 FROM u ON CONFLICT DO NOTHING"
        )
        .await
        .unwrap(),
        "INSERT 0 0"
    );
    assert_eq!(all(&mut s).await, "1|10|r1 2|20|r2 3|30|r3 4|41|r4 5|50|r5");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_writes_are_seen_and_rolled_back() {
    let (_engine, mut s) = prepared().await;
    run(&mut s, "BEGIN").await.unwrap();
    run(&mut s, "DELETE FROM t WHERE id IN (SELECT id FROM u)")
        .await
        .unwrap();
    assert_eq!(
        run(&mut s, "SELECT count(*), sum(n) FROM t").await.unwrap(),
        "3|90"
    );
    run(&mut s, "ROLLBACK").await.unwrap();
    assert_eq!(
        run(&mut s, "SELECT count(*), sum(n) FROM t").await.unwrap(),
        "5|150"
    );
}
