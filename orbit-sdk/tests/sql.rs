//! The same program over a database of its own and over a node elsewhere.

#[path = "support/sides.rs"]
mod sides;

use orbit_sdk::arrow::array::{Array, AsArray, types::Int64Type};
use orbit_sdk::{Orbit, Value, state};
use serde::Deserialize;
use sides::{Side, here, sides};
use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, PartialEq, Deserialize)]
struct Reading {
    sensor: i32,
    celsius: Option<f64>,
    at: i64,
    tags: Vec<String>,
    more: HashMap<String, i64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_as_types() {
    for side in sides().await {
        readings(&side.orbit).await;
        side.end().await;
    }
}

async fn readings(orbit: &Orbit) {
    let table = "CREATE TABLE readings (sensor int PRIMARY KEY, celsius float8, at timestamptz,
                 tags text[], more jsonb)";
    orbit.execute(table, ()).await.unwrap();
    let at = UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001);
    let insert = "INSERT INTO readings VALUES ($1, $2, $3, ARRAY['a', $4], '{\"n\": 3}')";
    let wrote = orbit.execute(insert, (7i64, 21.5f32, at, "b")).await;
    assert_eq!(wrote.unwrap(), 1);
    let none: Option<f64> = None;
    orbit.execute(insert, (8, none, at, "c")).await.unwrap();

    let all: Vec<Reading> = orbit
        .query("SELECT * FROM readings ORDER BY sensor", ())
        .await
        .unwrap();
    assert_eq!(
        all[0],
        Reading {
            sensor: 7,
            celsius: Some(21.5),
            at: 1_700_000_000_000_001,
            tags: vec!["a".to_owned(), "b".to_owned()],
            more: HashMap::from([("n".to_owned(), 3)]),
        }
    );
    assert_eq!((all.len(), all[1].celsius), (2, None));
    let pair: (i32, String) = orbit
        .query_one("SELECT sensor, at FROM readings WHERE sensor = $1", (7,))
        .await
        .unwrap();
    assert_eq!(pair, (7, "2023-11-14 22:13:20.000001+00".to_owned()));
    let count: i64 = orbit
        .query_one("SELECT count(*) FROM readings", ())
        .await
        .unwrap();
    assert_eq!(count, 2);

    let misfit = orbit
        .query_one::<(i32,)>("SELECT tags FROM readings WHERE sensor = 7", ())
        .await
        .unwrap_err();
    assert!(misfit.is(state::DATATYPE_MISMATCH), "{misfit:?}");
    assert!(misfit.detail().unwrap().contains("tags"), "{misfit:?}");
    let none = orbit
        .query_one::<i32>("SELECT sensor FROM readings WHERE sensor = 0", ())
        .await
        .unwrap_err();
    assert!(none.is(state::NO_DATA), "{none:?}");
    let several = orbit
        .query_one::<i32>("SELECT sensor FROM readings", ())
        .await
        .unwrap_err();
    assert!(several.is(state::CARDINALITY_VIOLATION), "{several:?}");
    let few = orbit.execute(insert, (1,)).await.unwrap_err();
    assert!(few.is(state::PROTOCOL_VIOLATION), "{few:?}");
    let wrong = orbit
        .execute(insert, (Value::Text("x".into()), 1.0, at, "d"))
        .await
        .unwrap_err();
    assert!(wrong.is(state::INVALID_TEXT_REPRESENTATION), "{wrong:?}");
}

/// A row of every type, as texts and as what is nearest in Rust.
const KINDS: &str =
    "CREATE TABLE kinds (id int PRIMARY KEY, yes bool, small int2, big int8, half float4,
     exact numeric(10, 2), free numeric, word varchar(8), fixed char(4), raw bytea, day date,
     hour time, plain timestamp, zoned timestamptz, long interval, tag uuid, address inet,
     doc jsonb, list int[])";

#[derive(Debug, PartialEq, Deserialize)]
struct Kinds {
    yes: bool,
    small: i16,
    big: i64,
    half: f32,
    exact: String,
    free: String,
    word: String,
    fixed: String,
    raw: Vec<u8>,
    day: i32,
    hour: i64,
    plain: i64,
    zoned: i64,
    long: String,
    tag: String,
    address: String,
    doc: Document,
    list: Vec<Option<i32>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Document {
    depth: Vec<u8>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_goes_there_and_comes_back_on_both_sides_alike() {
    let mut batches = Vec::new();
    for side in sides().await {
        let orbit = &side.orbit;
        orbit.execute(KINDS, ()).await.unwrap();
        let noon = UNIX_EPOCH + Duration::from_secs(86_400 + 43_200);
        let params: Vec<Value> = [
            "12.5",
            "-0.000001",
            "wörd",
            "ab",
            "2024-02-29",
            "23:59:59.5",
            "1970-01-02 12:00",
        ]
        .map(|text| Value::Text(text.to_owned()))
        .to_vec();
        let insert = "INSERT INTO kinds (id, exact, free, word, fixed, day, hour, plain)
                      VALUES (1, $1, $2, $3, $4, $5, $6, $7)";
        orbit.execute(insert, params).await.unwrap();
        let update = "UPDATE kinds SET yes = $1, small = $2, big = $3, half = $4, raw = $5,
                      zoned = $6, long = $7 WHERE id = 1";
        let bytes: &[u8] = &[0, 255];
        let minute = Duration::from_secs(90);
        let params = (true, -7i16, i64::MAX, 0.5f32, bytes, noon, minute);
        orbit.execute(update, params).await.unwrap();
        let update = "UPDATE kinds SET tag = $1, address = $2, doc = $3, list = $4 WHERE id = 1";
        let tag = "6f1f8ab0-9d3e-4f1b-8f4e-0a2f5d9c7e11";
        let params = (tag, "10.0.0.0/8", "{\"depth\": [1, 2]}", "{1,NULL,3}");
        orbit.execute(update, params).await.unwrap();

        for select in [
            "SELECT * FROM kinds WHERE id = 1",
            "SELECT * FROM kinds ORDER BY big",
        ] {
            let found: Kinds = orbit.query_one(select, ()).await.unwrap();
            let wanted = Kinds {
                yes: true,
                small: -7,
                big: i64::MAX,
                half: 0.5,
                exact: "12.50".to_owned(),
                free: "-0.000001".to_owned(),
                word: "wörd".to_owned(),
                fixed: "ab  ".to_owned(),
                raw: vec![0, 255],
                day: 19_782,
                hour: 86_399_500_000,
                plain: 129_600_000_000,
                zoned: 129_600_000_000,
                long: "00:01:30".to_owned(),
                tag: tag.to_owned(),
                address: "10.0.0.0/8".to_owned(),
                doc: Document { depth: vec![1, 2] },
                list: vec![Some(1), None, Some(3)],
            };
            assert_eq!(found, wanted, "{}: {select}", side.name);
            batches.push(orbit.query_batches(select, ()).await.unwrap());
        }
        side.end().await;
    }
    let first = &batches[0];
    assert_eq!((first.len(), first[0].num_rows()), (1, 1));
    for other in &batches {
        assert_eq!(first, other);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrow_batches_have_their_columns_also_without_rows() {
    for side in sides().await {
        let orbit = &side.orbit;
        let rows = "SELECT n::int8, n % 2 = 0 AS even FROM generate_series(1, $1) AS s(n)";
        let some = orbit.query_batches(rows, (20_000i64,)).await.unwrap();
        let sum = some.iter().map(|batch| {
            let numbers = batch.column(0).as_primitive::<Int64Type>();
            numbers.values().iter().sum::<i64>()
        });
        assert_eq!(sum.sum::<i64>(), 20_000 * 20_001 / 2, "{}", side.name);
        let none = orbit.query_batches(rows, (0i64,)).await.unwrap();
        assert_eq!((none.len(), none[0].num_rows()), (1, 0), "{}", side.name);
        assert_eq!(none[0].schema(), some[0].schema());
        assert_eq!(none[0].column(1).data_type().to_string(), "Boolean");
        let table = orbit.query_batches("CREATE TABLE t (a int)", ()).await;
        assert!(table.unwrap().is_empty(), "{}", side.name);
        side.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_where_and_what_now() {
    for Side { orbit, name, .. } in sides().await {
        for sql in [
            "CREATE TABLE rooms (id int PRIMARY KEY, floor int CHECK (floor < 9))",
            "CREATE TABLE doors (room int REFERENCES rooms)",
            "INSERT INTO rooms VALUES (1, 1)",
        ] {
            orbit.execute(sql, ()).await.unwrap();
        }
        let twice = orbit
            .execute("INSERT INTO rooms VALUES ($1, 2)", (1,))
            .await;
        let twice = twice.unwrap_err();
        assert!(twice.is(state::UNIQUE_VIOLATION), "{name}: {twice:?}");
        assert_eq!(
            twice.detail(),
            Some("Key (id)=(1) already exists."),
            "{name}"
        );
        let nowhere = orbit.execute("INSERT INTO doors VALUES (7)", ()).await;
        let nowhere = nowhere.unwrap_err();
        assert!(nowhere.is(state::FOREIGN_KEY_VIOLATION), "{name}");
        assert!(nowhere.detail().unwrap().contains("(room)=(7)"), "{name}");
        let function = orbit.execute("SELECT heat(1)", ()).await.unwrap_err();
        assert!(function.is(state::UNDEFINED_FUNCTION), "{name}");
        assert!(function.hint().is_some(), "{name}: {function:?}");
        let copy = orbit.execute("COPY rooms TO STDOUT", ()).await;
        assert!(copy.is_err(), "{name}");
        // After all of them it goes on as before.
        let count: i64 = orbit
            .query_one("SELECT count(*) FROM rooms", ())
            .await
            .unwrap();
        assert_eq!(count, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_whole_on_both_sides() {
    for side in sides().await {
        let orbit = &side.orbit;
        let table = "CREATE TABLE t (a int PRIMARY KEY)";
        orbit.execute(table, ()).await.unwrap();
        let mut kept = orbit.begin().await.unwrap();
        for n in 0..3 {
            let inserted = kept.execute("INSERT INTO t VALUES ($1)", (n,)).await;
            assert_eq!(inserted.unwrap(), 1);
        }
        let seen: i64 = orbit.query_one("SELECT count(*) FROM t", ()).await.unwrap();
        assert_eq!(seen, 0, "nobody else sees it yet");
        kept.commit().await.unwrap();
        let mut dropped = orbit.begin().await.unwrap();
        for sql in ["COMMIT", "end", "ROLLBACK", "BEGIN"] {
            let bound = dropped.execute(sql, ()).await.unwrap_err();
            let refused = state::INVALID_TRANSACTION_TERMINATION;
            assert!(bound.is(refused), "{sql}: {bound:?}");
        }
        assert_eq!(dropped.execute("DELETE FROM t", ()).await.unwrap(), 3);
        drop(dropped);
        let mut failed = orbit.begin().await.unwrap();
        failed
            .execute("DELETE FROM t WHERE a = 2", ())
            .await
            .unwrap();
        let twice = failed.execute("INSERT INTO t VALUES (1)", ()).await;
        assert!(twice.unwrap_err().is(state::UNIQUE_VIOLATION));
        let undone = failed.commit().await.unwrap_err();
        assert!(undone.is(state::IN_FAILED_SQL_TRANSACTION), "{undone:?}");
        for begins in ["BEGIN", " -- now\n/* really */ start TRANSACTION"] {
            let begun = orbit.execute(begins, ()).await.unwrap_err();
            assert!(begun.is(state::ACTIVE_SQL_TRANSACTION), "{begun:?}");
        }
        let all: Vec<i32> = orbit.query("SELECT a FROM t ORDER BY a", ()).await.unwrap();
        assert_eq!(all, [0, 1, 2], "{}", side.name);
        side.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_stays_and_a_closed_directory_is_free() {
    for side in sides().await {
        let sql = "CREATE TABLE t (a int PRIMARY KEY)";
        side.orbit.execute(sql, ()).await.unwrap();
        let insert = "INSERT INTO t VALUES (7)";
        side.orbit.execute(insert, ()).await.unwrap();
        let taken = Orbit::open(side.directory.path()).await.err().unwrap();
        assert!(taken.is(state::OBJECT_IN_USE), "{taken:?}");
        let last = "SELECT relname FROM pg_class WHERE relname = 't'";
        let name: String = side.orbit.query_one(last, ()).await.unwrap();
        assert_eq!(name, "t");

        let (name, directory) = side.end().await;
        for last in [
            last,
            "SELECT a FROM t",
            "SELECT resource FROM orbit.resources",
        ] {
            let orbit = Orbit::open(directory.path()).await.unwrap();
            let kept: i32 = orbit.query_one("SELECT a FROM t", ()).await.unwrap();
            assert_eq!(kept, 7, "{name}");
            orbit.execute(last, ()).await.unwrap();
            orbit.close().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_are_taken_by_name_and_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("orbit.toml");
    let profile = "[edge_profile.kiosk]\nextends = \"mobile_device\"\nmax_actors = 12\n";
    std::fs::write(&file, profile).unwrap();
    let data = directory.path().join("data");
    let unknown = Orbit::options().profile("kiosk").open(&data).await;
    let unknown = unknown.err().unwrap();
    assert!(unknown.message().contains("kiosk"), "{unknown:?}");
    let options = Orbit::options().config(&file).profile("kiosk");
    let orbit = options.open(&data).await.unwrap();
    orbit.execute("SELECT 1", ()).await.unwrap();
    orbit.close().await.unwrap();
}

/// A program's threads may have little stack: what is too deep is refused all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_statements_end_in_rows_or_errors() {
    let side = here().await;
    let table = "CREATE TABLE t (a int PRIMARY KEY)";
    side.orbit.execute(table, ()).await.unwrap();
    for depth in [50, 150, 200, 1_400, 20_000] {
        let (left, right) = ("(".repeat(depth), ")".repeat(depth));
        for (shape, sql) in [
            ("brackets", format!("SELECT {left}1{right}")),
            ("a key", format!("SELECT a FROM t WHERE a = {left}1{right}")),
            (
                "queries",
                format!("SELECT * FROM {}t{right}", "(SELECT * FROM ".repeat(depth)),
            ),
            ("a sum", format!("SELECT a{} FROM t", " + 1".repeat(depth))),
            (
                "a chain",
                format!("SELECT 1 FROM t WHERE a = 0{}", " OR a = 1".repeat(depth)),
            ),
            ("calls", format!("SELECT {}1{right}", "abs(".repeat(depth))),
            (
                "a value",
                format!("INSERT INTO t VALUES ({depth} + {left}1{right})"),
            ),
        ] {
            let orbit = side.orbit.clone();
            // On a thread of the runtime, whose stack is the smallest.
            let answer = tokio::spawn(async move { orbit.execute(&sql, ()).await });
            if let Err(error) = answer.await.unwrap() {
                let told = [state::STATEMENT_TOO_COMPLEX, state::PROGRAM_LIMIT_EXCEEDED];
                assert!(told.contains(&error.state()), "{shape} {depth}: {error:?}");
                assert!(
                    depth > 50 || shape == "queries",
                    "{shape} {depth}: {error:?}"
                );
            }
        }
    }
    side.end().await;
}
