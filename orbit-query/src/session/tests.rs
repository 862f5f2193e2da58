use super::Block;
use crate::testing::{client, connect, engine};

#[tokio::test]
async fn a_block_fails_at_an_error_and_commit_then_rolls_back() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    assert_eq!(c.say("BEGIN").await, ["BEGIN"]);
    assert_eq!(c.block(), Block::Open);
    c.ok("INSERT INTO t VALUES (1)").await;
    c.fails("INSERT INTO nowhere VALUES (1)", "42P01").await;
    assert_eq!(c.block(), Block::Failed);
    c.fails(
        "SELECT a FROM t WHERE a = 1",
        "25P02: current transaction is aborted, commands ignored until end of transaction block",
    )
    .await;
    assert_eq!(c.say("COMMIT").await, ["ROLLBACK"]);
    assert_eq!(c.block(), Block::Idle);
    assert_eq!(c.say("SELECT a FROM t WHERE a = 1").await, ["SELECT 0"]);
}

#[tokio::test]
async fn several_statements_of_a_message_are_one_transaction() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    c.fails(
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)",
        "23505",
    )
    .await;
    assert_eq!(c.block(), Block::Idle);
    assert_eq!(
        c.say("SELECT a FROM t WHERE a IN (1, 2)").await,
        ["SELECT 0"]
    );
    let lines = c
        .say("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
        .await;
    assert_eq!(lines, ["INSERT 0 1", "INSERT 0 1"]);
    assert_eq!(
        c.say("SELECT a FROM t WHERE a = 2").await,
        ["2", "SELECT 1"]
    );
    // A syntax error anywhere: nothing of the message runs.
    c.fails(
        "INSERT INTO t VALUES (3); SELEC 1",
        "42601: syntax error at or near \"SELEC\"",
    )
    .await;
    assert_eq!(c.say("SELECT a FROM t WHERE a = 3").await, ["SELECT 0"]);
}

#[tokio::test]
async fn begin_in_the_middle_of_a_message_takes_what_came_before_along() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    c.ok("INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)")
        .await;
    assert_eq!(c.block(), Block::Open);
    c.ok("ROLLBACK").await;
    assert_eq!(c.say("SELECT a FROM t WHERE a = 1").await, ["SELECT 0"]);
}

#[tokio::test]
async fn savepoints_lead_out_of_a_failed_block() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    c.ok("BEGIN").await;
    c.ok("INSERT INTO t VALUES (1)").await;
    c.ok("SAVEPOINT s").await;
    c.ok("INSERT INTO t VALUES (2)").await;
    c.fails("INSERT INTO t VALUES (1)", "23505").await;
    assert_eq!(c.block(), Block::Failed);
    assert_eq!(c.say("ROLLBACK TO s").await, ["ROLLBACK"]);
    assert_eq!(c.block(), Block::Open);
    c.ok("INSERT INTO t VALUES (3)").await;
    c.ok("RELEASE s").await;
    c.fails("ROLLBACK TO s", "3B001: savepoint \"s\" does not exist")
        .await;
    c.ok("ROLLBACK").await;
    c.fails(
        "SAVEPOINT s",
        "25P01: SAVEPOINT can only be used in transaction blocks",
    )
    .await;
}

#[tokio::test]
async fn begin_and_commit_out_of_place_are_warned_about() {
    let mut c = client();
    assert_eq!(
        c.say("COMMIT").await,
        ["WARNING: there is no transaction in progress", "COMMIT"]
    );
    c.ok("BEGIN").await;
    assert_eq!(
        c.say("BEGIN").await,
        [
            "WARNING: there is already a transaction in progress",
            "BEGIN"
        ]
    );
    assert_eq!(c.say("END").await, ["COMMIT"]);
    assert_eq!(
        c.say("ABORT").await,
        ["WARNING: there is no transaction in progress", "ROLLBACK"]
    );
}

#[tokio::test]
async fn read_only_blocks_refuse_writes() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    c.ok("START TRANSACTION READ ONLY").await;
    assert_eq!(c.say("SHOW transaction_read_only").await[0], "on");
    c.fails(
        "INSERT INTO t VALUES (1)",
        "25006: cannot execute INSERT in a read-only transaction",
    )
    .await;
    c.ok("ROLLBACK").await;
    c.ok("INSERT INTO t VALUES (1)").await;
    c.ok("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        .await;
    c.ok("BEGIN").await;
    c.fails("DROP TABLE t", "25006: cannot execute DROP TABLE")
        .await;
    c.ok("ROLLBACK").await;
}

#[tokio::test]
async fn isolation_is_what_was_asked_for_last_and_only_before_the_first_query() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    assert_eq!(
        c.say("BEGIN ISOLATION LEVEL SERIALIZABLE").await,
        [
            "NOTICE: SERIALIZABLE is treated as REPEATABLE READ",
            "BEGIN"
        ]
    );
    assert_eq!(c.say("SHOW transaction_isolation").await[0], "serializable");
    c.ok("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .await;
    c.ok("INSERT INTO t VALUES (1)").await;
    c.fails("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "25001")
        .await;
    c.ok("ROLLBACK").await;
    assert_eq!(
        c.say("SHOW transaction_isolation").await[0],
        "read committed"
    );
}

#[tokio::test]
async fn repeatable_read_keeps_its_first_statements_moment() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY, v int)").await;
    a.ok("INSERT INTO t VALUES (1, 10)").await;
    a.ok("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    assert_eq!(a.say("SELECT v FROM t WHERE a = 1").await[0], "10");
    b.ok("UPDATE t SET v = 20 WHERE a = 1").await;
    assert_eq!(a.say("SELECT v FROM t WHERE a = 1").await[0], "10");
    a.fails("UPDATE t SET v = 30 WHERE a = 1", "40001").await;
    a.ok("ROLLBACK").await;
    assert_eq!(a.say("SELECT v FROM t WHERE a = 1").await[0], "20");
}

#[tokio::test]
async fn settings_follow_the_transaction() {
    let mut c = client();
    c.ok("SET statement_timeout = '5s'").await;
    assert_eq!(c.say("SHOW statement_timeout").await, ["5s", "SHOW"]);
    c.ok("BEGIN").await;
    c.ok("SET LOCAL statement_timeout = '7s'").await;
    c.ok("SET lock_timeout = '1s'").await;
    assert_eq!(c.say("SHOW statement_timeout").await[0], "7s");
    c.ok("COMMIT").await;
    assert_eq!(c.say("SHOW statement_timeout").await[0], "5s");
    assert_eq!(c.say("SHOW lock_timeout").await[0], "1s");
    c.ok("BEGIN").await;
    c.ok("SET lock_timeout = '9s'").await;
    c.ok("ROLLBACK").await;
    assert_eq!(c.say("SHOW lock_timeout").await[0], "1s");
    c.fails("SET lock_timeout = '3s'; SELEC 1", "42601").await;
    c.fails("SET lock_timeout = '3s'; SHOW nothing", "42704")
        .await;
    assert_eq!(c.say("SHOW lock_timeout").await[0], "1s");
    c.ok("BEGIN").await;
    c.ok("SAVEPOINT s").await;
    c.ok("SET lock_timeout = '4s'").await;
    c.ok("ROLLBACK TO s").await;
    assert_eq!(c.say("SHOW lock_timeout").await[0], "1s");
    c.ok("COMMIT").await;
    c.ok("RESET ALL").await;
    assert_eq!(c.say("SHOW lock_timeout").await[0], "0");
    assert_eq!(
        c.say("SELECT set_config('search_path', '', false)").await,
        ["", "SELECT 1"]
    );
    assert_eq!(c.say("SHOW search_path").await[0], "");
    c.ok("DISCARD ALL").await;
    assert_eq!(c.say("SHOW search_path").await[0], "\"$user\", public");
}

#[tokio::test]
async fn clients_are_told_of_reported_settings_that_change() {
    let mut c = client();
    c.ok("SET application_name = 'x'").await;
    c.ok("SET lock_timeout = '1s'").await;
    let told = c.session.take_parameter_changes();
    assert_eq!(told, [("application_name".to_owned(), "x".to_owned())]);
    assert!(c.session.take_parameter_changes().is_empty());
}

#[tokio::test]
async fn statements_named_in_sql_run_with_arguments() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, v text)").await;
    c.ok("PREPARE put (int, text) AS INSERT INTO t VALUES ($1, $2)")
        .await;
    c.fails("PREPARE put AS SELECT 1", "42P05").await;
    assert_eq!(c.say("EXECUTE put (1, 'one')").await, ["INSERT 0 1"]);
    c.fails("EXECUTE put (1)", "42601: wrong number of parameters")
        .await;
    assert_eq!(c.say("SELECT v FROM t WHERE a = 1").await[0], "one");
    c.ok("DEALLOCATE put").await;
    c.fails("EXECUTE put (2, 'two')", "26000").await;
}

#[tokio::test]
async fn a_cancel_request_ends_what_waits_and_nothing_later() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY, v int)").await;
    a.ok("INSERT INTO t VALUES (1, 1)").await;
    a.ok("BEGIN").await;
    a.ok("UPDATE t SET v = 2 WHERE a = 1").await;
    let token = b.session.cancel_token();
    let pid = b.session.facts().pid;
    let ended = std::cell::Cell::new(false);
    let waiting = async {
        b.fails(
            "UPDATE t SET v = 3 WHERE a = 1",
            "57014: canceling statement due to user request",
        )
        .await;
        ended.set(true);
        b
    };
    let cancelling = async {
        // A request that comes before the statement runs is for nothing.
        while !ended.get() {
            engine.cancel(pid, 7);
            assert!(token.check().is_ok(), "a wrong key cancels nothing");
            engine.cancel(pid, 0);
            tokio::task::yield_now().await;
            if token.check().is_err() {
                break;
            }
        }
    };
    let (mut b, ()) = tokio::join!(waiting, cancelling);
    a.ok("COMMIT").await;
    b.ok("UPDATE t SET v = 3 WHERE a = 1").await;
}

#[tokio::test]
async fn statement_timeout_ends_a_wait() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY, v int)").await;
    a.ok("INSERT INTO t VALUES (1, 1)").await;
    a.ok("BEGIN").await;
    a.ok("UPDATE t SET v = 2 WHERE a = 1").await;
    b.ok("SET statement_timeout = 20").await;
    b.fails(
        "UPDATE t SET v = 3 WHERE a = 1",
        "57014: canceling statement due to statement timeout",
    )
    .await;
    b.ok("SET statement_timeout = 0; SET lock_timeout = 20")
        .await;
    b.fails("UPDATE t SET v = 3 WHERE a = 1", "55P03").await;
    a.ok("ROLLBACK").await;
    b.ok("UPDATE t SET v = 3 WHERE a = 1").await;
}

#[tokio::test]
async fn unbuilt_statements_say_so() {
    let mut c = client();
    for sql in [
        "CREATE USER MAPPING FOR x SERVER s",
        "GRANT USAGE ON LANGUAGE sql TO PUBLIC",
    ] {
        c.fails(sql, "0A000").await;
    }
    assert_eq!(c.say("").await, Vec::<String>::new());
    c.fails(
        "BEGIN; SELECT 1 FROM",
        "42601: syntax error at end of input",
    )
    .await;
}

#[tokio::test]
async fn an_error_names_its_place_in_the_message() {
    let mut c = client();
    let error = c.error("SHOW all; SHOW 'x'").await;
    assert_eq!(error.message(), "syntax error at or near \"'x'\"");
    assert_eq!(error.position(), Some(16));
}

#[tokio::test]
async fn a_prepared_statement_follows_ddl() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, v int)").await;
    let select = c
        .session
        .prepare("SELECT v FROM t WHERE a = 1", &[])
        .await
        .unwrap();
    c.ok("DROP TABLE t; CREATE TABLE t (a int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 5)")
        .await;
    let outcome = c.session.execute(&select, &[]).await.unwrap();
    let crate::Outcome::Rows(mut rows) = outcome else {
        panic!()
    };
    assert_eq!(rows.next().await.unwrap().unwrap().len(), 1);
    c.ok("DROP TABLE t; CREATE TABLE t (a int PRIMARY KEY, v text)")
        .await;
    let error = c.session.execute(&select, &[]).await.unwrap_err();
    assert_eq!(error.message(), "cached plan must not change result type");
}

#[tokio::test]
async fn a_prepared_statement_never_gives_rows_of_another_shape() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY, v int)").await;
    a.ok("INSERT INTO t VALUES (1, 5)").await;
    let select = a
        .session
        .prepare("SELECT * FROM t WHERE a = 1", &[])
        .await
        .unwrap();
    a.ok("PREPARE s AS SELECT * FROM t WHERE a = 1").await;
    b.ok("ALTER TABLE t ADD COLUMN w int").await;
    // The second time the new plan is at hand already.
    for _ in 0..2 {
        let error = a.session.execute(&select, &[]).await.unwrap_err();
        assert_eq!(error.message(), "cached plan must not change result type");
        a.session.fail();
        a.session.sync().await.unwrap();
        a.fails(
            "EXECUTE s",
            "0A000: cached plan must not change result type",
        )
        .await;
    }
    assert_eq!(a.say("SELECT * FROM t WHERE a = 1").await[0], "1|5|");
}

#[tokio::test]
async fn what_pools_send_with_a_returned_connection_succeeds() {
    let mut c = client();
    let reset = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL";
    assert_eq!(
        c.say(reset).await,
        ["", "SELECT 1", "CLOSE CURSOR ALL", "UNLISTEN", "RESET"]
    );
    assert_eq!(
        c.say("SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new")
            .await,
        ["off|off", "SELECT 1"]
    );
    assert_eq!(
        c.say("SELECT 1, set_config('application_name', 'x', false); SHOW application_name")
            .await,
        ["1|x", "SELECT 1", "x", "SHOW"]
    );
    c.fails("CLOSE c", "34000").await;
}

#[tokio::test]
async fn pg_sleep_ends_with_the_statements_time() {
    let mut c = client();
    assert_eq!(c.say("SELECT pg_sleep(0.01)").await, ["", "SELECT 1"]);
    c.ok("SET statement_timeout = 20").await;
    c.fails(
        "SELECT pg_sleep(1000)",
        "57014: canceling statement due to statement timeout",
    )
    .await;
}

#[tokio::test]
async fn names_too_long_are_cut_with_a_notice() {
    let mut c = client();
    let (long, kept) = ("A".repeat(70), "a".repeat(63));
    let notice = format!(
        "NOTICE: identifier \"{}\" will be truncated to \"{kept}\"",
        "a".repeat(70)
    );
    assert_eq!(
        c.say(&format!("CREATE TABLE {long} (a int PRIMARY KEY)"))
            .await,
        [notice, "CREATE TABLE".to_owned()]
    );
    assert_eq!(
        c.say(&format!("SELECT a FROM {kept} WHERE a = 1")).await,
        ["SELECT 0"]
    );
}

mod bounds;
mod others;
