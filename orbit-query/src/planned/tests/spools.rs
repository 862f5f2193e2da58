//! Rows that are worked out once: where they are kept, and that they are let go of.

use super::{engine, run, session};
use crate::{Engine, EngineOptions};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plan ends behind its last row.
async fn until_nothing_is_held(engine: &Arc<Engine>) {
    let held = || engine.planner().machine.held_bytes();
    let begun = Instant::now();
    while held() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{} bytes",
            held()
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_lets_go_of_its_rows() {
    let engine = engine();
    let mut session = session(&engine, 1);
    run(&mut session, "SET statement_timeout = 400")
        .await
        .unwrap();
    let error = run(
        &mut session,
        "WITH i AS (SELECT g, random() AS p, repeat('x', 1000) AS t FROM generate_series(1, 9000) g
                    UNION ALL SELECT 1, random(), pg_sleep(600)::text)
         SELECT count(*) FROM i a JOIN i b USING (p)",
    )
    .await
    .unwrap_err();
    assert_eq!(error.state().as_str(), "57014");
    until_nothing_is_held(&engine).await;
    run(&mut session, "SET statement_timeout = 0")
        .await
        .unwrap();
    // Nobody asks for the rows of a join without a left side.
    run(
        &mut session,
        "WITH i AS (SELECT random() AS p, g FROM generate_series(1, 9000) g)
         SELECT count(*) FROM (SELECT 1 AS g WHERE false) e JOIN i a USING (g) JOIN i b USING (g)",
    )
    .await
    .unwrap();
    until_nothing_is_held(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_memory_has_no_room_for_is_read_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let db = Database::open(Arc::new(SimStore::new()), DatabaseOptions::default()).unwrap();
    let options = EngineOptions {
        target_partitions: 1,
        query_memory_bytes: 8 << 20,
        spill_directory: Some(directory.path().to_owned()),
        spill_limit_bytes: 1 << 30,
        ..EngineOptions::default()
    };
    let engine = Engine::new(db, options).unwrap();
    let mut session = session(&engine, 1);
    let answer = run(
        &mut session,
        "WITH i AS (SELECT g, random() AS p, repeat('x', 1000) AS t FROM generate_series(1, 40000) g)
         SELECT (SELECT sum(p) FROM i) = (SELECT sum(p) FROM i), (SELECT count(p) FROM i),
                (SELECT sum(length(t)) FROM i), (SELECT sum(g) FROM i)",
    )
    .await
    .unwrap();
    assert_eq!(answer, "t|40000|40000000|800020000");
    until_nothing_is_held(&engine).await;
}
