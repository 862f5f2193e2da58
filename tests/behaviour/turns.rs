//! Queries that read much take turns, and leave everybody else alone.

use orbit_tests::server::{Server, binary};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Row};

/// More batches than are made ahead.
const ROWS: i64 = 100_000;

/// A node where one such query runs and one more waits.
async fn node() -> (Server, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(binary());
    command
        .env("ORBIT__EDGE__RESOURCES__MAX_QUERIES", "1")
        .env("ORBIT__EDGE__RESOURCES__MAX_WAITING_QUERIES", "1");
    let server = Server::spawn(command, &home.path().join("data"), &[]).await;
    let server = server.unwrap_or_else(|said| panic!("orbit did not start:\n{said}"));
    let table = format!(
        "CREATE TABLE big (id int8 PRIMARY KEY, v int8);
         INSERT INTO big SELECT g, g FROM generate_series(1, {ROWS}) g"
    );
    let client = server.connect().await;
    client.batch_execute(&table).await.expect("a table");
    (server, home)
}

const SUM: &str = "SELECT sum(v)::int8 FROM big";
/// Longer than any test.
const ENDLESS: &str = "SELECT count(*) FROM big a, big b WHERE a.v + b.v < 0";

fn code<T>(answer: Result<T, tokio_postgres::Error>) -> String {
    let error = answer.err().expect("an error");
    let error = error.as_db_error().expect("the server's");
    error.code().code().to_owned()
}

/// Waits until as many sessions as wanted wait for what, and says how they do.
async fn waiting(client: &Client, kind: Option<&str>, wanted: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let rows: Vec<Row> = client
            .query(
                "SELECT wait_event FROM pg_stat_activity
                 WHERE state = 'active' AND pid <> pg_backend_pid()
                   AND wait_event_type IS NOT DISTINCT FROM $1 ORDER BY wait_event",
                &[&kind],
            )
            .await
            .expect("pg_stat_activity");
        if rows.len() == wanted {
            let event = |row: &Row| row.get::<_, Option<String>>(0).unwrap_or_default();
            return rows.iter().map(event).collect();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{rows:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_later_waits_in_line_and_can_leave_it() {
    let (server, _home) = node().await;
    let (first, second, third) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    let cancel_first = first.cancel_token();
    let endless = tokio::spawn(async move { first.simple_query(ENDLESS).await });
    waiting(&third, None, 1).await;

    // One waits, where everybody can see it; one more is refused.
    let cancel_second = second.cancel_token();
    let sum = tokio::spawn(async move { (second.query_one(SUM, &[]).await, second) });
    assert_eq!(
        waiting(&third, Some("Admission"), 1).await,
        ["position 1 of 1"]
    );
    let refused = third.query_one(SUM, &[]).await;
    assert_eq!(code(refused), "53300");

    // Who reads little waits for nobody.
    let read = third.query_one("SELECT v FROM big WHERE id = 7", &[]).await;
    assert_eq!(read.expect("a point read").get::<_, i64>(0), 7);
    let few = "SELECT string_agg(v::text, ',' ORDER BY v) FROM big WHERE id BETWEEN 7 AND 9";
    let few = third.query_one(few, &[]).await.expect("a few rows");
    assert_eq!(few.get::<_, String>(0), "7,8,9");

    // Who waits hears a cancel request, and its own timeout.
    cancel_second
        .cancel_query(tokio_postgres::NoTls)
        .await
        .expect("a cancel request");
    let (cancelled, second) = sum.await.expect("the session");
    assert_eq!(code(cancelled), "57014");
    second
        .batch_execute("SET statement_timeout = 200")
        .await
        .expect("SET");
    assert_eq!(code(second.query_one(SUM, &[]).await), "57014");
    second
        .batch_execute("SET statement_timeout = 0")
        .await
        .expect("SET");

    // And comes in once the one before it ends.
    let sum = tokio::spawn(async move { second.query_one(SUM, &[]).await });
    waiting(&third, Some("Admission"), 1).await;
    cancel_first
        .cancel_query(tokio_postgres::NoTls)
        .await
        .expect("a cancel request");
    assert_eq!(code(endless.await.expect("the session")), "57014");
    let sum = sum.await.expect("the session").expect("the sum");
    assert_eq!(sum.get::<_, i64>(0), ROWS * (ROWS + 1) / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_that_is_left_alone_keeps_nobody_out() {
    let (server, _home) = node().await;
    let (mut holds, other) = (server.connect().await, server.connect().await);
    let block = holds.transaction().await.expect("BEGIN");
    let portal = block
        .bind("SELECT id, v + 1 AS w FROM big WHERE abs(v) > 0", &[])
        .await
        .expect("a portal");
    let some = block.query_portal(&portal, 5).await.expect("some rows");
    assert_eq!(some.len(), 5);
    let patience = Duration::from_secs(20);
    // Neither another session nor its own.
    let others = tokio::time::timeout(patience, other.query_one(SUM, &[])).await;
    let own = tokio::time::timeout(patience, block.query_one(SUM, &[])).await;
    for sum in [others, own] {
        let sum = sum.expect("it doesn't wait for ever").expect("the sum");
        assert_eq!(sum.get::<_, i64>(0), ROWS * (ROWS + 1) / 2);
    }
    let rest = block.query_portal(&portal, 0).await.expect("the rest");
    assert_eq!(rest.len() as i64, ROWS - 5);
    drop(portal);
    block.commit().await.expect("COMMIT");

    // A cursor is no different.
    let block = holds.transaction().await.expect("BEGIN");
    let declare = "DECLARE c CURSOR FOR SELECT id FROM big WHERE abs(v) > 0";
    block.batch_execute(declare).await.expect("DECLARE");
    let some = block.query("FETCH 3 FROM c", &[]).await.expect("FETCH");
    assert_eq!(some.len(), 3);
    let sum = tokio::time::timeout(patience, other.query_one(SUM, &[])).await;
    sum.expect("it doesn't wait for ever").expect("the sum");
    let rest = block.query("FETCH ALL FROM c", &[]).await.expect("FETCH");
    assert_eq!(rest.len() as i64, ROWS - 3);
}
