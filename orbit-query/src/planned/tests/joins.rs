//! Joins that don't fit into the pool: the same answers, by sorting.

use super::{run, session};
use crate::{Engine, EngineOptions};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use std::path::Path;
use std::sync::Arc;

fn engine(pool: usize, directory: &Path) -> Arc<Engine> {
    let db = Database::open(Arc::new(SimStore::new()), DatabaseOptions::default()).unwrap();
    let options = EngineOptions {
        target_partitions: 1,
        batch_rows: 1024,
        query_memory_bytes: pool,
        spill_directory: Some(directory.to_owned()),
        spill_limit_bytes: 1 << 30,
        ..EngineOptions::default()
    };
    Engine::new(db, options).unwrap()
}

/// Both sides have NULLs, what the other has not, and every key twice or more.
const TABLES: &str = "
    CREATE TABLE l (id int PRIMARY KEY, k int, n numeric(12, 2), t text, at timestamptz, f float8);
    CREATE TABLE r (id int PRIMARY KEY, k int, n numeric(12, 2), t text, at timestamptz, f float8);
    INSERT INTO l SELECT g, nullif(g % 14000, 7), g % 14000, 'key ' || g % 14000,
        timestamptz '2024-01-01 00:00+00' + (g % 14000) * interval '1 s', g % 14000
        FROM generate_series(1, 30000) g;
    INSERT INTO r SELECT g, nullif(g % 14000 + 1000, 1007), g % 14000 + 1000,
        'key ' || g % 14000 + 1000,
        timestamptz '2024-01-01 00:00+00' + (g % 14000 + 1000) * interval '1 s', g % 14000 + 1000
        FROM generate_series(1, 28000) g;";

const QUERIES: &[&str] = &[
    "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r USING (k)",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.k = r.k AND l.id < r.id",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l LEFT JOIN r ON l.k = r.k AND r.id % 3 = l.id % 3",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l RIGHT JOIN r ON l.k = r.k AND r.id > l.id",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l FULL JOIN r ON l.k = r.k",
    "SELECT count(*), sum(id) FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.id <> l.id)",
    "SELECT count(*), sum(id) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.k IS NOT DISTINCT FROM r.k",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l LEFT JOIN r ON l.k IS NOT DISTINCT FROM r.k AND l.id > r.id",
    "SELECT count(*), sum(l.id), sum(r.id) FROM r RIGHT JOIN l ON r.k = l.k AND l.id - 5 > r.id",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l FULL JOIN r ON l.k = r.k AND r.id < l.id",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.n = r.n AND l.t = r.t",
    "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.at = r.at",
    "SELECT l.t, r.id, l.k FROM l JOIN r USING (k) WHERE l.id = 13999 ORDER BY 2",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_joined_by_sorting() {
    let scratch = tempfile::tempdir().unwrap();
    let (ample, scarce) = (
        engine(256 << 20, scratch.path()),
        engine(1 << 20, scratch.path()),
    );
    let mut wide = session(&ample, 1);
    let mut narrow = session(&scarce, 1);
    run(&mut wide, TABLES).await.unwrap();
    run(&mut narrow, TABLES).await.unwrap();
    for query in QUERIES {
        let answer = run(&mut wide, query).await.unwrap();
        let sorted = run(&mut narrow, query).await;
        assert_eq!(sorted.expect(query), answer, "{query}");
    }
    // Floats are joined by hashing or not at all.
    let refused = run(&mut narrow, "SELECT count(*) FROM l JOIN r USING (f)").await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.state().as_str(), "53200");
    let detail = refused.detail().unwrap_or_default();
    assert!(detail.starts_with("A hash join has "), "{detail}");
    // What a first run did would be done twice.
    let acting = "SELECT count(nextval('s')), max(l.t), max(r.t) FROM l JOIN r USING (k)";
    run(&mut narrow, "CREATE SEQUENCE s").await.unwrap();
    match run(&mut narrow, acting).await {
        Err(refused) => assert_eq!(refused.state().as_str(), "53200"),
        Ok(answer) => {
            let last = run(&mut narrow, "SELECT last_value FROM s").await.unwrap();
            assert_eq!(answer, format!("{last}|key 9999|key 9999"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_does_not_fit_reads_by_sorting_too() {
    let scratch = tempfile::tempdir().unwrap();
    let engine = engine(1 << 20, scratch.path());
    let mut session = session(&engine, 1);
    run(&mut session, TABLES).await.unwrap();
    let update = "UPDATE l SET id = -l.id FROM r WHERE r.k = l.k AND r.id <= 100";
    assert_eq!(run(&mut session, update).await.unwrap(), "UPDATE 297");
    let insert = "INSERT INTO l SELECT 1000000 + r.id * 100 - l.id / 14000, l.k
         FROM l JOIN r USING (k) WHERE l.id < 0";
    let inserted = run(&mut session, insert).await;
    assert_eq!(inserted.unwrap(), "INSERT 0 594");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_was_counted_is_not_tried_in_vain() {
    let scratch = tempfile::tempdir().unwrap();
    let (ample, scarce) = (
        engine(256 << 20, scratch.path()),
        engine(1 << 20, scratch.path()),
    );
    for (engine, operator) in [(&ample, "HashJoinExec"), (&scarce, "SortMergeJoinExec")] {
        let mut session = session(engine, 1);
        run(&mut session, TABLES).await.unwrap();
        run(&mut session, "ANALYZE").await.unwrap();
        let plan = run(&mut session, "EXPLAIN SELECT * FROM l JOIN r USING (k)").await;
        let plan = plan.unwrap();
        assert!(plan.contains(operator), "{plan}");
    }
}
