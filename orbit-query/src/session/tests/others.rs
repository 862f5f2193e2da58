//! Sessions that reach each other: notifications, advisory locks, cursors that
//! outlive transactions, temporary tables, limits.

use crate::testing::{Client, client, connect, engine};
use orbit_core::state;
use std::time::Duration;

fn heard(client: &Client) -> Vec<String> {
    let heard = client.session.backend().inbox.take(100);
    heard
        .iter()
        .map(|one| format!("{} {}", one.channel, one.payload))
        .collect()
}

#[tokio::test]
async fn notifications_arrive_with_the_commit_and_not_without() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    b.ok("LISTEN c").await;
    a.ok("BEGIN; NOTIFY c, 'one'; NOTIFY c, 'one'; NOTIFY other, 'x'")
        .await;
    a.ok("SAVEPOINT s; NOTIFY c, 'undone'; ROLLBACK TO s; SELECT pg_notify('c', 'two')")
        .await;
    assert!(heard(&b).is_empty());
    a.ok("COMMIT").await;
    assert_eq!(heard(&b), ["c one", "c two"]);
    a.ok("BEGIN; NOTIFY c, 'lost'; ROLLBACK").await;
    a.fails("NOTIFY c, 'lost'; SELECT 1/0", "22012").await;
    b.ok("BEGIN; UNLISTEN c; ROLLBACK").await;
    a.ok("NOTIFY c, 'still'").await;
    assert_eq!(heard(&b), ["c still"]);
    b.ok("UNLISTEN *").await;
    a.ok("NOTIFY c, 'nobody'").await;
    assert!(heard(&b).is_empty());
}

#[tokio::test]
async fn a_session_hears_itself_and_its_channels() {
    let mut a = client();
    a.ok("LISTEN b; LISTEN a; LISTEN a").await;
    a.ok("NOTIFY a, 'me'").await;
    assert_eq!(heard(&a), ["a me"]);
    let channels = a
        .say("SELECT * FROM pg_listening_channels() ORDER BY 1")
        .await;
    assert_eq!(channels, ["a", "b", "SELECT 2"]);
}

#[tokio::test]
async fn advisory_locks_wait_and_end_with_transaction_or_session() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("SELECT pg_advisory_lock(1), pg_advisory_lock(1)")
        .await;
    assert_eq!(b.say("SELECT pg_try_advisory_lock(1)").await[0], "f");
    b.ok("SET lock_timeout = 20").await;
    b.fails("SELECT pg_advisory_lock(1)", "55P03").await;
    a.ok("SELECT pg_advisory_unlock(1)").await;
    assert_eq!(b.say("SELECT pg_try_advisory_lock(1)").await[0], "f");
    a.ok("SELECT pg_advisory_unlock(1)").await;
    assert_eq!(b.say("SELECT pg_try_advisory_lock(1)").await[0], "t");
    // A transaction's lock ends with it, also where no block was opened.
    a.ok("SELECT pg_advisory_xact_lock(2)").await;
    a.ok("BEGIN; SELECT pg_advisory_xact_lock(3); SAVEPOINT s; SELECT pg_advisory_xact_lock(4); ROLLBACK TO s")
        .await;
    let tried = b
        .say("SELECT pg_try_advisory_lock(2), pg_try_advisory_lock(3), pg_try_advisory_lock(4)")
        .await;
    assert_eq!(tried[0], "t|f|t");
    drop(a);
    assert_eq!(b.say("SELECT pg_try_advisory_lock(3)").await[0], "t");
}

#[tokio::test]
async fn a_deadlock_over_rows_and_advisory_locks_is_found() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
        .await;
    a.ok("SET deadlock_timeout = 50; SELECT pg_advisory_lock(9)")
        .await;
    b.ok("SET deadlock_timeout = 50; BEGIN; UPDATE t SET v = 2 WHERE a = 1")
        .await;
    let waits = tokio::spawn(async move {
        let said = b.say("SELECT pg_advisory_lock(9)").await;
        (b, said)
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mine = a.say("UPDATE t SET v = 3 WHERE a = 1").await;
    let (_b, theirs) = waits.await.unwrap();
    let deadlocks = [&mine, &theirs]
        .iter()
        .filter(|said| said.iter().any(|line| line.contains("40P01")))
        .count();
    assert!(deadlocks >= 1, "{mine:?} {theirs:?}");
}

#[tokio::test]
async fn a_held_cursor_outlives_its_transaction_and_sees_its_rows() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT g FROM generate_series(1, 5000) g")
        .await;
    c.ok("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT a FROM t ORDER BY a; FETCH 2 h; COMMIT")
        .await;
    c.ok("DELETE FROM t").await;
    assert_eq!(c.say("FETCH 2 h").await, ["3", "4", "FETCH 2"]);
    assert_eq!(c.ok("MOVE ALL h").await, "MOVE 4996");
    c.ok("CLOSE h").await;
    c.fails("FETCH h", "34000").await;
}

#[tokio::test]
async fn a_cursor_ends_with_its_savepoint_but_not_with_anothers_failure() {
    let mut c = client();
    c.ok("BEGIN; DECLARE a CURSOR FOR SELECT g FROM generate_series(1, 3) g; FETCH a")
        .await;
    c.ok("SAVEPOINT s; DECLARE b CURSOR FOR SELECT 1").await;
    c.fails("SELECT 1/0", "22012").await;
    c.ok("ROLLBACK TO s").await;
    assert_eq!(c.say("FETCH a").await, ["2", "FETCH 1"]);
    c.fails("FETCH b", "34000").await;
    c.ok("ROLLBACK").await;
    c.fails("FETCH a", "34000").await;
}

#[tokio::test]
async fn a_forward_only_cursor_reads_no_more_than_is_asked_for() {
    let mut c = client();
    // More rows than could ever be counted.
    c.ok("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT g FROM generate_series(1, 1000000000000) g")
        .await;
    assert_eq!(c.say("FETCH 2 c").await, ["1", "2", "FETCH 2"]);
    c.fails("FETCH PRIOR c", "55000: cursor can only scan forward")
        .await;
}

#[tokio::test]
async fn temporary_tables_are_their_sessions_own_and_go_with_it() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int); INSERT INTO t VALUES (0)")
        .await;
    assert_eq!(a.say("SELECT * FROM t").await[0], "0");
    a.ok("CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1)")
        .await;
    assert_eq!(a.say("SELECT * FROM t").await[0], "1");
    assert_eq!(b.say("SELECT * FROM t").await[0], "0");
    let schema = a.say("SELECT (current_schemas(true))[1]").await[0].clone();
    b.fails(&format!("SELECT * FROM {schema}.t"), "42P01").await;
    drop(a);
    let gone = || async {
        let view = engine.db().read();
        !view.catalog().has_schema(&schema)
    };
    for _ in 0..100 {
        if gone().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{schema} is still there");
}

#[tokio::test]
async fn a_crash_leaves_no_temporary_tables() {
    let engine = engine();
    let mut a = connect(&engine);
    a.ok("CREATE TEMP TABLE t (a serial8)").await;
    // As if the process had ended here and begun again.
    engine.remove_leftovers().await.unwrap();
    let view = engine.db().read();
    assert!(view.catalog().tables().next().is_none());
    std::mem::forget(a);
}

#[tokio::test]
async fn limits_come_from_the_role_and_can_not_be_set() {
    let mut c = client();
    c.session
        .grant_initial("statement_size_limit", "60")
        .unwrap();
    c.session
        .grant_initial("expression_depth_limit", "3")
        .unwrap();
    c.session
        .grant_initial("statement_term_limit", "20")
        .unwrap();
    c.session.grant_initial("parameter_limit", "1").unwrap();
    c.fails("SET statement_size_limit = 0", "55P02").await;
    c.fails(&format!("SELECT '{}'", "x".repeat(60)), "54000")
        .await;
    c.fails("SELECT ((((1))))", "54001").await;
    c.fails("SELECT 1+1+1+1+1+1+1+1+1+1+1", "54000").await;
    let refused = c.session.prepare("SELECT $1::int, $2::int", &[]).await;
    assert!(refused.unwrap_err().is(state::PROGRAM_LIMIT_EXCEEDED));
    c.ok("SELECT (1)").await;
}

#[tokio::test]
async fn a_transaction_may_last_only_so_long() {
    let mut c = client();
    c.ok("SET transaction_timeout = 50; BEGIN").await;
    c.fails("SELECT pg_sleep(10)", "25P04").await;
}

#[tokio::test]
async fn sessions_see_each_other_and_can_stop_each_other() {
    let engine = engine();
    let (mut a, b) = (connect(&engine), connect(&engine));
    let pid = b.session.facts().pid;
    let others = format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}");
    assert_eq!(a.say(&others).await[0], "idle");
    let sleeps = tokio::spawn(async move {
        let mut b = b;
        b.say("SELECT pg_sleep(30) -- long").await
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(a.say(&others).await[0], "active");
    a.ok(&format!("SELECT pg_cancel_backend({pid})")).await;
    let said = sleeps.await.unwrap();
    assert!(said[0].contains("57014"), "{said:?}");
    let warned = a.say("SELECT pg_cancel_backend(-7)").await;
    assert!(
        warned
            .iter()
            .any(|line| line.starts_with("WARNING: PID -7"))
    );
}
