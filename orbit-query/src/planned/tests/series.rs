//! A time series beside a plain table with the same rows: whatever was put away, both
//! answer alike.

use super::{engine, run, session};
use crate::{Engine, Session};
use orbit_core::cancel::CancelToken;
use std::sync::Arc;

const COLUMNS: &str = "(sensor text, at timestamptz, value float8 DEFAULT 1.5, state int2, \
     PRIMARY KEY (sensor, at))";

/// Of both tables; `@` is either.
const QUESTIONS: &[&str] = &[
    "SELECT * FROM @ ORDER BY sensor, at",
    "SELECT count(*), sum(state), min(at), max(value), count(value) FROM @",
    "SELECT sensor, count(*), round(avg(value)::numeric, 6) FROM @ GROUP BY sensor ORDER BY sensor",
    "SELECT at, value FROM @ WHERE sensor = 's2' AND at >= '2026-01-01 00:10+00' AND at < '2026-01-01 00:20+00' ORDER BY at",
    "SELECT at, value FROM @ WHERE sensor = 's1' ORDER BY at DESC LIMIT 3",
    "SELECT value FROM @ WHERE sensor = 's1' AND at = '2026-01-01 00:05+00'",
    "SELECT sensor, at FROM @ WHERE at > '2026-01-01 00:33+00' AND state = 3 ORDER BY 1, 2",
    "SELECT count(*), sum(state) FROM @ WHERE at >= '2026-01-01 00:45+00'",
    "SELECT sensor, count(*) FROM @ WHERE at < '2026-01-01 00:00:10+00' GROUP BY 1 ORDER BY 1",
    "SELECT sensor, at FROM @ WHERE at BETWEEN '2026-01-01 00:50+00' AND '2026-01-01 00:50:02+00' ORDER BY 1, 2",
    "SELECT count(*) FROM @ WHERE at = '2026-01-01 00:51+00' OR state = 6",
    "SELECT DISTINCT ON (sensor) sensor, at, value FROM @ ORDER BY sensor, at DESC",
    "SELECT DISTINCT ON (sensor) sensor, at, state FROM @ ORDER BY sensor DESC, at",
    "SELECT DISTINCT ON (sensor) * FROM @ WHERE sensor IN ('s1', 's3') ORDER BY sensor, at DESC",
    "SELECT DISTINCT ON (sensor) sensor, at FROM @ WHERE at < '2026-01-01 00:20+00' ORDER BY sensor, at DESC",
    "SELECT DISTINCT ON (sensor) sensor, value FROM @ ORDER BY sensor, value DESC NULLS LAST, at",
    "SELECT sensor, at, value - lag(value) OVER (PARTITION BY sensor ORDER BY at) FROM @ WHERE sensor >= 's2' ORDER BY 1, 2 LIMIT 50",
];

async fn both(session: &mut Session, sql: &str) {
    for table in ["r", "p"] {
        run(session, &sql.replace("@", table)).await.unwrap();
    }
}

async fn agree(session: &mut Session, what: &str) {
    for question in QUESTIONS {
        let series = run(session, &question.replace("@", "r")).await.unwrap();
        let plain = run(session, &question.replace("@", "p")).await.unwrap();
        assert_eq!(series, plain, "{what}: {question}");
    }
}

async fn settle(engine: &Arc<Engine>) -> u64 {
    let table = engine
        .db()
        .read()
        .catalog()
        .table("public", "r")
        .unwrap()
        .clone();
    let settled = engine
        .db()
        .settle(&table, &CancelToken::default())
        .await
        .unwrap();
    assert!(engine.db().unsettled(&table, 1000).unwrap() < 600);
    settled
}

fn readings(sensor: u32, from: u32, to: u32) -> String {
    format!(
        "INSERT INTO @ SELECT 's{sensor}', '2026-01-01 00:00+00'::timestamptz + g * interval '1 second' \
         + (g % 3) * interval '1 millisecond' - (g % 3) * interval '1 millisecond', \
         CASE WHEN g % 11 = 0 THEN NULL ELSE round((g * 7919 % 1000)::numeric / 100, 2)::float8 END, \
         (g % 5)::int2 FROM generate_series({from}, {to}) g"
    )
}

#[tokio::test]
async fn a_series_answers_as_a_plain_table_does() {
    let engine = engine();
    let mut session = session(&engine, 1);
    let session = &mut session;
    run(
        session,
        &format!("CREATE TABLE r {COLUMNS} WITH (model = 'timeseries')"),
    )
    .await
    .unwrap();
    run(session, &format!("CREATE TABLE p {COLUMNS}"))
        .await
        .unwrap();
    agree(session, "empty").await;
    for sensor in [3, 1, 2] {
        both(session, &readings(sensor, 0, 1999)).await;
    }
    agree(session, "as rows").await;
    assert_eq!(settle(&engine).await, 6000);
    agree(session, "put away").await;
    let by_time = "EXPLAIN SELECT count(*) FROM r WHERE at >= '2026-01-01 00:45+00'";
    let plan = run(session, by_time).await.unwrap();
    assert!(plan.contains("blocks by time"), "{plan}");
    both(
        session,
        "UPDATE @ SET value = 99.25 WHERE sensor = 's2' AND state = 1",
    )
    .await;
    both(
        session,
        "DELETE FROM @ WHERE sensor = 's1' AND at >= '2026-01-01 00:33:00+00'",
    )
    .await;
    both(
        session,
        "INSERT INTO @ VALUES ('s0', '2025-12-31 23:59+00', 0.5, 7)",
    )
    .await;
    both(
        session,
        "INSERT INTO @ VALUES ('s3', '2026-01-01 00:05+00', 4.5, 1), ('s4', '2026-01-02+00', 1, 1) \
         ON CONFLICT (sensor, at) DO UPDATE SET value = excluded.value + 1",
    )
    .await;
    agree(session, "changed").await;
    run(session, "BEGIN").await.unwrap();
    both(
        session,
        "UPDATE @ SET state = 6 WHERE at < '2026-01-01 00:00:05+00'",
    )
    .await;
    both(
        session,
        "DELETE FROM @ WHERE sensor = 's2' AND at > '2026-01-01 00:30+00'",
    )
    .await;
    agree(session, "own writes").await;
    run(session, "ROLLBACK").await.unwrap();
    agree(session, "rolled back").await;
    settle(&engine).await;
    agree(session, "put away again").await;
    both(
        session,
        "ALTER TABLE @ ADD COLUMN unit text DEFAULT 'bar', ADD COLUMN extra int",
    )
    .await;
    agree(session, "wider").await;
    both(
        session,
        &readings(2, 3000, 3400).replace("(g % 5)::int2", "(g % 5)::int2, 'psi', g"),
    )
    .await;
    both(
        session,
        "UPDATE @ SET unit = 'kPa' WHERE sensor = 's1' AND state = 2",
    )
    .await;
    settle(&engine).await;
    agree(session, "of two widths").await;
    both(
        session,
        "ALTER TABLE @ DROP COLUMN state, ADD COLUMN state int2 DEFAULT 3",
    )
    .await;
    agree(session, "a column gone").await;
    settle(&engine).await;
    agree(session, "and put away").await;
    both(
        session,
        "ALTER TABLE @ ALTER COLUMN value TYPE numeric(12, 3)",
    )
    .await;
    agree(session, "of another type").await;
    both(session, "TRUNCATE TABLE @").await;
    agree(session, "emptied").await;
}

#[tokio::test]
async fn the_ends_of_series_are_read_without_the_rest() {
    let engine = engine();
    let mut session = session(&engine, 1);
    let session = &mut session;
    run(
        session,
        &format!("CREATE TABLE r {COLUMNS} WITH (model = 'timeseries')"),
    )
    .await
    .unwrap();
    let explain = |sql: &str| format!("EXPLAIN {sql}");
    for (sql, ends) in [
        (
            "SELECT DISTINCT ON (sensor) * FROM r ORDER BY sensor, at DESC",
            "Last Rows of Each Series",
        ),
        (
            "SELECT DISTINCT ON (sensor) * FROM r ORDER BY sensor, at",
            "First Rows of Each Series",
        ),
        (
            "SELECT DISTINCT ON (sensor) * FROM r WHERE sensor > 'b' ORDER BY sensor, at DESC",
            "Last Rows of Each Series",
        ),
        // What these ask for may be anywhere.
        (
            "SELECT DISTINCT ON (sensor) * FROM r WHERE value > 1 ORDER BY sensor, at DESC",
            "",
        ),
        (
            "SELECT DISTINCT ON (sensor) * FROM r ORDER BY sensor, value, at DESC",
            "",
        ),
        (
            "SELECT DISTINCT ON (state) * FROM r ORDER BY state, at DESC",
            "",
        ),
        (
            "SELECT DISTINCT ON (sensor, state) * FROM r ORDER BY sensor, state, at DESC",
            "",
        ),
    ] {
        let plan = run(session, &explain(sql)).await.unwrap();
        let found = plan.contains("Rows of Each Series");
        assert!(
            if ends.is_empty() {
                !found
            } else {
                plan.contains(ends)
            },
            "{sql}: {plan}"
        );
    }
}

#[tokio::test]
async fn a_time_series_says_what_it_needs_and_what_it_cannot_have() {
    let engine = engine();
    let mut session = session(&engine, 1);
    let session = &mut session;
    for (sql, said) in [
        (
            "CREATE TABLE a (s int, t timestamptz, v int) WITH (model = 'timeseries')",
            "[42P16]",
        ),
        (
            "CREATE TABLE a (s int, t timestamptz, PRIMARY KEY (t, s)) WITH (model = 'timeseries')",
            "[42P16]",
        ),
        (
            "CREATE TABLE a (s int, t int, PRIMARY KEY (s, t)) WITH (model = 'timeseries')",
            "[42P16]",
        ),
        (
            "CREATE TABLE a (s int, t date, PRIMARY KEY (s, t)) WITH (model = 'timeseries', time_column = 's')",
            "[42P16]",
        ),
        (
            "CREATE TABLE a (s int, t date) WITH (model = 'timeseries', time_column = 'x')",
            "[42703]",
        ),
        (
            "CREATE TABLE a (s int PRIMARY KEY) WITH (retention = '1 day')",
            "[22023]",
        ),
        (
            "CREATE TABLE a (s int, t date, PRIMARY KEY (s, t)) WITH (model = 'timeseries', retention = '-1 day')",
            "[22023]",
        ),
        (
            "CREATE TABLE a (s int, t date, u int UNIQUE, PRIMARY KEY (s, t)) WITH (model = 'timeseries')",
            "[0A000]",
        ),
        (
            "CREATE TABLE a (s int, t date, PRIMARY KEY (s, t)) WITH (model = 'graph')",
            "[0A000]",
        ),
        (
            "CREATE TABLE a WITH (model = 'timeseries') AS SELECT 1 AS s",
            "[0A000]",
        ),
        (
            "CREATE TEMP TABLE a (s int, t date, PRIMARY KEY (s, t)) WITH (model = 'timeseries')",
            "[42P16]",
        ),
    ] {
        let error = run(session, sql).await.expect_err(sql);
        assert!(
            format!("{error:?}").starts_with(said) || error.to_string().starts_with(said),
            "{sql}: {error:?} {error}"
        );
    }
    run(
        session,
        "CREATE TABLE a (v int, t date, s int) \
         WITH (model = 'timeseries', time_column = 't', series_key = 's', retention = '90 days')",
    )
    .await
    .unwrap();
    let error = run(session, "INSERT INTO a VALUES (1, NULL, 2)")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("null value"), "{error}");
    run(session, "CREATE TABLE other (s int, t date)")
        .await
        .unwrap();
    for sql in [
        "CREATE INDEX ON a (v)",
        "ALTER TABLE a ADD UNIQUE (v)",
        "ALTER TABLE a DROP CONSTRAINT a_pkey",
        "ALTER TABLE a DROP COLUMN t",
        "ALTER TABLE a ALTER COLUMN t TYPE text",
        "ALTER TABLE a ADD FOREIGN KEY (s, t) REFERENCES a (s, t)",
        "ALTER TABLE other ADD FOREIGN KEY (s, t) REFERENCES a (s, t)",
        "ALTER TABLE a SET (time_column = 'v')",
        "ALTER TABLE other SET (model = 'timeseries')",
    ] {
        let error = run(session, sql).await.expect_err(sql);
        let said = format!("{error:?}{error}");
        assert!(
            said.contains("0A000") || said.contains("42P16"),
            "{sql}: {said}"
        );
    }
    run(session, "ALTER TABLE a SET (retention = '1 year')")
        .await
        .unwrap();
    run(session, "ALTER TABLE a RENAME COLUMN t TO day")
        .await
        .unwrap();
    run(session, "INSERT INTO a VALUES (1, '2026-01-01', 2)")
        .await
        .unwrap();
}
