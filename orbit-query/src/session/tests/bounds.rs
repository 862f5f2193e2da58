//! Settings that roles are given, and bounds on what a statement makes another of.

use crate::SessionInit;
use crate::testing::{Client, client, connect, engine};

#[tokio::test]
async fn a_role_starts_with_what_superusers_gave_it() {
    let engine = engine();
    let mut c = connect(&engine);
    c.ok("CREATE ROLE plain LOGIN").await;
    c.ok("ALTER ROLE plain SET log_statement = 'all'").await;
    c.ok("ALTER ROLE plain SET work_mem = '1MB'").await;
    c.ok("ALTER ROLE plain SET statement_size_limit = '1000'")
        .await;
    let mut plain = Client {
        session: engine.session(SessionInit {
            user: "plain".to_owned(),
            database: "orbit".to_owned(),
            ..SessionInit::default()
        }),
    };
    let view = engine.db().read();
    let role = view.catalog().role_named("plain").unwrap().clone();
    for (name, value) in &role.settings {
        plain.session.set_of_role(name, value);
    }
    assert_eq!(
        plain.say("SHOW log_statement; SHOW work_mem").await,
        ["all", "SHOW", "1MB", "SHOW"]
    );
    // It is what the session goes back to, and still not the role's own to change.
    plain
        .fails("SET log_statement = 'none'", "42501: permission denied")
        .await;
    plain.ok("RESET ALL").await;
    assert_eq!(plain.say("SHOW log_statement").await, ["all", "SHOW"]);
    plain
        .fails(
            "ALTER ROLE plain SET log_statement = 'none'",
            "42501: permission denied",
        )
        .await;
    let long = format!("SELECT '{}'", "x".repeat(1000));
    plain.fails(&long, "54000").await;
    plain
        .fails(
            "DO $$ BEGIN EXECUTE 'SELECT ' || quote_literal(repeat('x', 1000)); END $$",
            "54000: statement size",
        )
        .await;
}

#[tokio::test]
async fn a_text_that_is_executed_is_bounded_as_a_message_is() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int)").await;
    c.ok("DO $$ BEGIN EXECUTE repeat('INSERT INTO t VALUES (1);', 20); END $$")
        .await;
    assert_eq!(c.say("SELECT count(*) FROM t").await, ["20", "SELECT 1"]);
    c.fails(
        "DO $$ BEGIN EXECUTE repeat('SELECT 1;', 10001); END $$",
        "54000: message has 10001 statements, the limit is 10000",
    )
    .await;
    c.fails(
        "DO $$ BEGIN EXECUTE 'SELECT 1' || repeat(' ', 68 * 1024 * 1024); END $$",
        "54000: statement of",
    )
    .await;
    assert_eq!(c.say("SELECT count(*) FROM t").await, ["20", "SELECT 1"]);
}

#[tokio::test]
async fn what_a_query_may_set_is_bounded_in_bytes() {
    let mut c = client();
    c.fails(
        "SELECT set_config('a.n' || g, repeat('x', 100000), false) FROM generate_series(1, 50) g",
        "54000: a query can change settings of",
    )
    .await;
    c.ok("SELECT set_config('a.n' || g, 'x', false) FROM generate_series(1, 50) g")
        .await;
    assert_eq!(c.say("SHOW a.n50").await, ["x", "SHOW"]);
}
