//! Scans by columns are held against the rows, whatever was written, sealed, damaged or
//! cut off by a crash before.

use super::{run, session};
use crate::{Engine, EngineOptions, Session};
use orbit_core::columns::policy::Limits;
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::Store;
use orbit_core::store::sim::SimStore;
use std::path::Path;
use std::sync::Arc;

/// Everything small, so that a few rows make segments and groups.
const LIMITS: Limits = Limits {
    least_rows: 20,
    segment_rows: 48,
    group_rows: 16,
    changed_percent: 10,
    unread_percent: 60,
    least_changes: 4,
    kept_percent: 50,
};

fn engine(
    store: Arc<dyn Store>,
    directory: &Path,
    partitions: usize,
    columns_cache_bytes: usize,
) -> Arc<Engine> {
    let db = Database::open(store, DatabaseOptions::default()).unwrap();
    let options = EngineOptions {
        target_partitions: partitions,
        batch_rows: 64,
        columns_directory: Some(directory.to_owned()),
        columns_cache_bytes,
        seal: LIMITS,
        ..EngineOptions::default()
    };
    Engine::new(db, options).unwrap()
}

async fn sealed(engine: &Arc<Engine>) {
    while engine.seal().await.unwrap() {}
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const BY_COLUMNS: &str = "SELECT * FROM t ORDER BY s, id";
/// The condition makes it a scan of a range of keys, which is one of rows.
const BY_ROWS: &str = "SELECT * FROM t WHERE id >= -2147483648 ORDER BY s, id";

/// How scans were made, to see that the histories show something.
#[derive(Default, Debug)]
struct Seen {
    by_rows: u64,
    by_columns: u64,
    with_changes: u64,
    /// Bytes flipped and files removed, and how many segments were found to be damaged.
    flips: u64,
    removals: u64,
    noticed: u64,
}

impl Seen {
    fn note_damages(&mut self, node: &Arc<Engine>) {
        let store = node.planner().machine.columns.as_ref();
        self.noticed += store.map_or(0, |store| store.damages());
    }

    async fn look(&mut self, session: &mut Session) {
        let explain = format!("EXPLAIN {BY_COLUMNS}");
        let plan = run(session, &explain).await.unwrap();
        match (plan.contains("Column Scan"), plan.contains("Changed Rows")) {
            (true, true) => self.with_changes += 1,
            (true, false) => self.by_columns += 1,
            (false, _) => self.by_rows += 1,
        }
    }

    fn add(&mut self, other: Seen) {
        self.by_rows += other.by_rows;
        self.by_columns += other.by_columns;
        self.with_changes += other.with_changes;
        self.flips += other.flips;
        self.removals += other.removals;
        self.noticed += other.noticed;
    }
}

async fn agree(session: &mut Session, what: &str) -> String {
    let by_columns = run(session, BY_COLUMNS).await.unwrap();
    let by_rows = run(session, BY_ROWS).await.unwrap();
    assert_eq!(by_columns, by_rows, "{what}");
    const SOME: &str =
        "SELECT id, v FROM t WHERE (v > 40 OR s LIKE 'x1%' OR v IS NULL) AND s <> 'x3'";
    let some = run(session, &format!("{SOME} ORDER BY id")).await.unwrap();
    let of_rows = format!("{SOME} AND id >= -2147483648 ORDER BY id");
    assert_eq!(some, run(session, &of_rows).await.unwrap(), "{what}");
    let count = run(session, "SELECT count(*) FROM t").await.unwrap();
    let lines = by_rows.lines().count();
    assert_eq!(count, lines.to_string(), "{what}");
    by_rows
}

/// A statement that writes.
fn write(random: &mut Random) -> String {
    let first = random.below(300);
    let last = first + random.below(60);
    match random.below(12) {
        0..=3 => format!(
            "INSERT INTO t (id, v, s, n, d, i) SELECT g, g * {}, 'x' || g % 7,
                    CASE WHEN g % 5 = 0 THEN NULL WHEN g % 11 = 0 THEN 'NaN' ELSE g / 3.0 END,
                    date '2024-02-27' + g, make_interval(days => g, secs => g)
             FROM generate_series({first}, {last}) g ON CONFLICT (id) DO NOTHING",
            random.below(10)
        ),
        4 => format!(
            "INSERT INTO t (id, v, s) VALUES ({first}, 1, 'up') ON CONFLICT (id) DO UPDATE SET v = t.v + 1"
        ),
        5..=7 => format!(
            "UPDATE t SET v = v + 1, s = s || 'u' WHERE id BETWEEN {first} AND {last} AND length(s) < 8"
        ),
        8 => format!("UPDATE t SET id = id + 1000 WHERE id = {first}"),
        9 => format!("DELETE FROM t WHERE id BETWEEN {first} AND {last}"),
        10 => format!("DELETE FROM t WHERE id % {} = 0", 2 + random.below(9)),
        _ => match random.below(6) {
            0 => "TRUNCATE t".to_owned(),
            1 => "ALTER TABLE t ADD COLUMN IF NOT EXISTS later int DEFAULT 7".to_owned(),
            2 => "ALTER TABLE t DROP COLUMN IF EXISTS later".to_owned(),
            3 => "ALTER TABLE t ALTER n TYPE numeric(14,2)".to_owned(),
            _ => "VACUUM t".to_owned(),
        },
    }
}

/// Flips a byte of some segment's file, or removes it.
fn damage(directory: &Path, random: &mut Random, seen: &mut Seen) {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    if files.is_empty() {
        return;
    }
    let file = &files[random.below(files.len() as u64) as usize];
    if random.below(8) == 0 {
        std::fs::remove_file(file).unwrap();
        seen.removals += 1;
        return;
    }
    seen.flips += 1;
    let mut bytes = std::fs::read(file).unwrap();
    let place = random.below(bytes.len() as u64) as usize;
    bytes[place] ^= 1 << random.below(8);
    // Under another inode: whoever has the old file open reads on undisturbed.
    match random.below(2) {
        0 => std::fs::write(file, bytes).unwrap(),
        _ => {
            std::fs::remove_file(file).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
}

/// A session that doesn't wait for who looks on, whom TRUNCATE and ALTER would wait for.
async fn writer(node: &Arc<Engine>) -> Session {
    let mut session = session(node, 1);
    run(&mut session, "SET lock_timeout = 1").await.unwrap();
    session
}

async fn history(seed: u64, damaging: bool) -> Seen {
    let mut seen = Seen::default();
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut store = Arc::new(SimStore::new());
    let partitions = 1 + random.below(3) as usize;
    // What is damaged is noticed when it is read, so nothing is kept then.
    let cache = if damaging { 0 } else { 64 << 10 };
    let mut node = engine(store.clone(), directory.path(), partitions, cache);
    let mut here = writer(&node).await;
    run(
        &mut here,
        "CREATE TABLE t (id int PRIMARY KEY, v int, s text, n numeric(10,2), d date, i interval)",
    )
    .await
    .unwrap();
    let mut looking: Option<(Session, String)> = None;
    for step in 0..40 {
        let what = format!("ORBIT_SEED={seed} step {step}");
        match random.below(16) {
            0..=5 => {
                // A write may be refused (a key that is there already); it changes nothing then.
                let _ = run(&mut here, &write(&mut random)).await;
            }
            6 => {
                run(&mut here, "BEGIN").await.unwrap();
                let mut failed = false;
                for _ in 0..1 + random.below(4) {
                    failed = run(&mut here, &write(&mut random)).await.is_err();
                    if failed {
                        break;
                    }
                    agree(&mut here, &format!("{what}, within")).await;
                }
                let end = if failed || random.below(3) == 0 {
                    "ROLLBACK"
                } else {
                    "COMMIT"
                };
                run(&mut here, end).await.unwrap();
            }
            7..=9 => {
                node.seal().await.unwrap();
            }
            10 => sealed(&node).await,
            11 => {
                if let Some((mut other, before)) = looking.take() {
                    // What another truncated or altered, an older moment can't see any more.
                    if let Ok(now) = run(&mut other, BY_COLUMNS).await {
                        assert_eq!(now, before, "{what}, an older moment");
                        assert_eq!(run(&mut other, BY_ROWS).await.unwrap(), before, "{what}");
                    }
                } else {
                    let mut other = session(&node, 2);
                    run(&mut other, "BEGIN ISOLATION LEVEL REPEATABLE READ")
                        .await
                        .unwrap();
                    let seen = agree(&mut other, &what).await;
                    looking = Some((other, seen));
                }
            }
            12 | 14 | 15 if damaging => damage(directory.path(), &mut random, &mut seen),
            13 if random.below(2) == 0 => {
                looking = None;
                store = Arc::new(store.crash(random.next()));
                drop(here);
                seen.note_damages(&node);
                node = engine(store.clone(), directory.path(), partitions, cache);
                here = writer(&node).await;
            }
            _ => {}
        }
        agree(&mut here, &what).await;
        seen.look(&mut here).await;
    }
    seen.note_damages(&node);
    seen
}

async fn histories(ordinary: u64, soak: u64, damaging: bool) {
    let count = match std::env::var_os("ORBIT_SOAK") {
        Some(_) => soak,
        None => ordinary,
    };
    let first = match std::env::var("ORBIT_SEED") {
        Ok(seed) => {
            println!("{:?}", history(seed.parse().unwrap(), damaging).await);
            return;
        }
        Err(_) => uuid::Uuid::new_v4().as_u64_pair().0 >> 16,
    };
    println!("columns: ORBIT_SEED={first}, {count} histories");
    let mut seen = Seen::default();
    for done in 0..count {
        if done > 0 && done.is_multiple_of(1000) {
            println!("columns: {done} of {count}");
        }
        seen.add(history(first + done, damaging).await);
    }
    println!("columns: {count} histories, {} flips, {seen:?}", seen.flips);
    // Others lie where nobody reads, or in segments that are made anew before anybody does.
    let done = seen.flips + seen.removals;
    assert!(!damaging || seen.noticed > done / 20, "{seen:?}");
    let all = seen.by_rows + seen.by_columns + seen.with_changes;
    assert!(
        seen.by_columns > all / 20 && seen.with_changes > all / 20,
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scan_shows_what_the_rows_say() {
    histories(150, 8_000, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_segments_are_never_an_answer() {
    histories(50, 2_000, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bytes_are_no_answer_and_segments_are_made_anew() {
    let wanted = match std::env::var_os("ORBIT_SOAK") {
        Some(_) => 1000,
        None => 100,
    };
    let mut seen = Seen::default();
    let mut random = Random(uuid::Uuid::new_v4().as_u64_pair().0);
    println!("columns: flips from {random:?}");
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SimStore::new());
    let mut node = engine(store.clone(), directory.path(), 1, 0);
    let mut here = writer(&node).await;
    run(
        &mut here,
        "CREATE TABLE t (id int PRIMARY KEY, v int, s text, n numeric(10,2), d date, i interval);
         INSERT INTO t SELECT g, g * 7919 % 1009, 'x' || g % 13, g / 7.0, '2026-01-01'::date + g % 90,
                g * interval '1 minute' FROM generate_series(1, 60) g",
    )
    .await
    .unwrap();
    sealed(&node).await;
    agree(&mut here, "before").await;
    let right = run(&mut here, BY_COLUMNS).await.unwrap();
    while seen.flips < wanted {
        damage(directory.path(), &mut random, &mut seen);
        // Started anew, for who has the old file open reads on undisturbed.
        drop(here);
        seen.note_damages(&node);
        node = engine(store.clone(), directory.path(), 1, 0);
        here = writer(&node).await;
        let now = run(&mut here, BY_COLUMNS).await.unwrap();
        assert_eq!(now, right, "flip {}", seen.flips);
        sealed(&node).await;
    }
    seen.note_damages(&node);
    seen.look(&mut here).await;
    // The rest lies in keys, which this query doesn't read.
    assert!(seen.noticed > seen.flips / 3, "{seen:?}");
    assert_eq!(seen.by_columns, 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_tables_are_read_by_their_columns() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(Arc::new(SimStore::new()), directory.path(), 2, 64 << 10);
    let mut here = session(&engine, 1);
    let explain = "EXPLAIN SELECT sum(id) FROM t";
    run(
        &mut here,
        "CREATE TABLE t (id int PRIMARY KEY, s text);
         INSERT INTO t SELECT g, 'x' FROM generate_series(1, 100) g",
    )
    .await
    .unwrap();
    let before = run(&mut here, explain).await.unwrap();
    assert!(before.contains("Table Scan on t"), "{before}");
    sealed(&engine).await;
    let after = run(&mut here, explain).await.unwrap();
    assert!(
        after.contains("Column Scan on t (columns: id) groups: 7"),
        "{after}"
    );
    assert!(!after.contains("Changed Rows"), "{after}");
    run(&mut here, "UPDATE t SET s = 'y' WHERE id = 50")
        .await
        .unwrap();
    let changed = run(&mut here, explain).await.unwrap();
    assert!(changed.contains("Changed Rows of t"), "{changed}");
    // Too small by now.
    run(&mut here, "DELETE FROM t WHERE id > 5").await.unwrap();
    sealed(&engine).await;
    let small = run(&mut here, explain).await.unwrap();
    assert!(small.contains("Table Scan on t"), "{small}");
    assert!(engine.db().columns().is_empty());
    // An older view was the last reader.
    engine.seal().await.unwrap();
    run(&mut here, "INSERT INTO t VALUES (7, 'z')")
        .await
        .unwrap();
    engine.seal().await.unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_cannot_pass_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(Arc::new(SimStore::new()), directory.path(), 2, 64 << 10);
    let mut here = session(&engine, 1);
    // Whatever is greatest or not comparable lies among small values, too.
    let create = "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, day date, n numeric(10,2),
            wide numeric(30,3), f float8, s text, b bool, j jsonb);
         INSERT INTO t SELECT g, '2026-01-01 00:00+00'::timestamptz + g * interval '1 hour',
            date '2026-01-01' + g / 10,
            CASE WHEN g = 5 THEN 'NaN'::numeric ELSE g / 4.0 END,
            CASE WHEN g = 7 THEN 'NaN'::numeric ELSE g * 1000000000000 END,
            CASE WHEN g = 9 THEN 'NaN'::float8 WHEN g = 11 THEN '-Infinity' ELSE g / 4.0 END,
            CASE WHEN g % 16 < 2 THEN NULL WHEN g = 20 THEN repeat('z', 100)
                 ELSE 'w' || lpad(g::text, 5, '0') END,
            CASE WHEN g < 64 THEN true WHEN g < 96 THEN NULL ELSE false END,
            to_jsonb(g)
         FROM generate_series(1, 200) g";
    run(&mut here, create).await.unwrap();
    sealed(&engine).await;
    let later = "ALTER TABLE t ADD late int DEFAULT 3;
         UPDATE t SET n = 1, late = 4 WHERE id IN (150, 190);
         DELETE FROM t WHERE id = 3";
    let conditions = [
        ("at >= '2026-01-09 00:00+00'", "groups: 2 of 13"),
        (
            "at > '2026-01-02 00:00+00' AND at <= '2026-01-02 03:00+00'",
            "groups: 1 of 13",
        ),
        ("day = date '2026-01-08'", "groups: 1 of 13"),
        ("day IN ('2026-01-02', '2026-01-19')", "groups: 3 of 13"),
        (
            "day BETWEEN '2026-02-01' AND '2026-03-01'",
            "groups: 0 of 13",
        ),
        ("n > 45", "groups: 3 of 13"),
        ("n = 'NaN'", "groups: 13"),
        ("n > 45.001 AND n <> 'NaN'", "groups: 3 of 13"),
        ("n > 45.001", "groups: 3 of 13"),
        ("n > 0.001 AND n < 3", "groups: 1 of 13"),
        ("wide >= 190000000000000", "groups: 3 of 13"),
        ("s = 'w00150'", "groups: 2 of 13"),
        ("s LIKE 'w0019%'", "groups: 3 of 13"),
        ("s > 'x'", "groups: 1 of 13"),
        // A group of NULLs alone is known to fail in comparisons only.
        ("b", "groups: 5 of 13"),
        ("b IS NULL", "groups: 3 of 13"),
        ("b = false", "groups: 9 of 13"),
        ("NOT b", "groups: 9 of 13"),
        ("at IS NULL", "groups: 0 of 13"),
        ("n > 45 OR day = date '2026-01-03'", "groups: 4 of 13"),
        ("n <> 10", "groups: 13"),
        ("f > 45", "groups: 13"),
        ("f = 'NaN'", "groups: 13"),
        ("f < -5", "groups: 13"),
        ("j > '190'", "groups: 13"),
        ("length(s) > 50", "groups: 13"),
    ];
    let mut others = Vec::new();
    for step in ["", later] {
        run(&mut here, step).await.unwrap();
        for (condition, groups) in conditions {
            let sql = format!("SELECT id, n, s FROM t WHERE {condition}");
            let found = run(&mut here, &format!("{sql} ORDER BY id")).await.unwrap();
            let by_rows = format!("{sql} AND id >= -2147483648 ORDER BY id");
            let wanted = run(&mut here, &by_rows).await.unwrap();
            assert_eq!(found, wanted, "{condition}");
            let plan = run(&mut here, &format!("EXPLAIN {sql}")).await.unwrap();
            assert!(plan.contains("Column Scan on t"), "{plan}");
            let line = plan
                .lines()
                .find(|line| line.contains("Column Scan"))
                .unwrap_or("");
            if !line.trim_end().ends_with(groups) {
                others.push(format!("{condition}: not {groups}, {line}"));
            }
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    // Asked of every row, and not of a group: a group by one draw would be all or nothing.
    let drawn = run(
        &mut here,
        "SELECT count(*) FROM t WHERE id > random() * 400",
    )
    .await;
    assert!((10..120).contains(&drawn.unwrap().parse::<u32>().unwrap()));
    let plan = run(
        &mut here,
        "EXPLAIN SELECT id FROM t WHERE id > random() * 400",
    )
    .await;
    assert!(!plan.unwrap().contains(" of 13"));
    // A column that the segments don't have yet.
    for condition in ["late = 3", "late = 4", "late IS NULL", "late > 4"] {
        let sql = format!("SELECT id FROM t WHERE {condition}");
        let found = run(&mut here, &format!("{sql} ORDER BY id")).await.unwrap();
        let by_rows = format!("{sql} AND id >= -2147483648 ORDER BY id");
        assert_eq!(found, run(&mut here, &by_rows).await.unwrap());
    }
}

/// Groups that scans left out while a statement ran, as EXPLAIN ANALYZE counts them.
fn left_out(plan: &str) -> usize {
    let counts = plan.split("groups_left_out=").skip(1);
    counts
        .filter_map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_digit());
            rest[..end.unwrap_or(rest.len())].parse::<usize>().ok()
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_left_out_by_what_a_query_finds() {
    for partitions in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine(
            Arc::new(SimStore::new()),
            directory.path(),
            partitions,
            64 << 10,
        );
        let mut here = session(&engine, 1);
        let create = "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, k int, n numeric(10,2),
                f float8, s text);
             INSERT INTO t SELECT g, '2026-01-01 00:00+00'::timestamptz + g * interval '1 hour',
                CASE WHEN g % 9 = 0 THEN NULL ELSE g / 2 END,
                CASE WHEN g = 5 THEN 'NaN'::numeric ELSE g / 4.0 END,
                CASE WHEN g = 9 THEN 'NaN'::float8 ELSE g / 4.0 END,
                'w' || lpad(g::text, 5, '0')
             FROM generate_series(1, 400) g;
             CREATE TABLE few (id int PRIMARY KEY, k int, n numeric(10,2), s text);
             INSERT INTO few SELECT g, g / 2,
                CASE WHEN g = 203 THEN 'NaN'::numeric ELSE g / 4.0 END,
                'w' || lpad(g::text, 5, '0')
             FROM generate_series(200, 204) g;
             INSERT INTO few VALUES (0, NULL, NULL, NULL);
             CREATE TABLE none (k int)";
        run(&mut here, create).await.unwrap();
        sealed(&engine).await;
        let later = "UPDATE t SET k = 101, n = 'NaN', at = at + interval '1 year'
                WHERE id IN (150, 390);
             DELETE FROM t WHERE id IN (3, 398)";
        // Each with a condition that does nothing, or makes it a scan of rows; and how many
        // groups of 25 are left out at least before rows changed, or that none is.
        let questions = [
            (
                "SELECT t.id, few.id FROM t JOIN few ON t.k = few.k WHERE {}",
                Some(23),
            ),
            (
                // One of the keys is NaN, which is greater than all others.
                "SELECT t.id, few.id FROM t JOIN few ON t.n = few.n WHERE {}",
                Some(11),
            ),
            (
                "SELECT t.id, few.id FROM t JOIN few ON t.s = few.s WHERE {}",
                Some(23),
            ),
            (
                "SELECT t.id, few.id FROM t JOIN few ON t.k = few.k AND t.s = few.s WHERE {}",
                Some(23),
            ),
            (
                "SELECT t.id, few.id FROM few LEFT JOIN (SELECT * FROM t WHERE {}) t
                    ON t.k = few.k",
                Some(23),
            ),
            (
                "SELECT few.id FROM few WHERE EXISTS
                    (SELECT FROM t WHERE t.k = few.k AND {})",
                Some(23),
            ),
            (
                "SELECT few.id FROM few WHERE NOT EXISTS
                    (SELECT FROM t WHERE t.k = few.k AND {})",
                Some(23),
            ),
            (
                "SELECT t.id FROM t WHERE {} AND t.k NOT IN (SELECT k FROM none)",
                None,
            ),
            (
                "SELECT t.id FROM t WHERE {} AND t.k IN (SELECT k FROM none)",
                None,
            ),
            (
                "SELECT t.id FROM t WHERE {} AND t.k IN (SELECT k FROM few)",
                Some(23),
            ),
            (
                "SELECT t.id, few.id FROM t LEFT JOIN few ON t.k = few.k WHERE {}",
                None,
            ),
            (
                "SELECT t.id, few.id FROM t FULL JOIN few ON t.k = few.k WHERE {}",
                None,
            ),
            (
                "SELECT t.id, few.id FROM t JOIN few ON t.k IS NOT DISTINCT FROM few.k WHERE {}",
                None,
            ),
            (
                "SELECT t.s, few.s, more.s FROM t JOIN few ON t.k = few.k
                    JOIN few more ON t.s = more.s WHERE {} AND length(t.s) > 2",
                Some(23),
            ),
            // Two partitions read a batch each, of four groups, before there is a threshold.
            (
                "SELECT id, at FROM t WHERE {} ORDER BY at DESC LIMIT 3",
                Some(17),
            ),
            (
                "SELECT id, at FROM t WHERE {} ORDER BY at, id LIMIT 3",
                Some(17),
            ),
            (
                "SELECT n, id FROM t WHERE {} AND f > 20 ORDER BY n, id DESC LIMIT 3 OFFSET 2",
                Some(12),
            ),
            (
                "SELECT n, id FROM t WHERE {} ORDER BY n DESC NULLS LAST, id LIMIT 4",
                Some(17),
            ),
            (
                "SELECT k, id FROM t WHERE {} ORDER BY k NULLS FIRST, id LIMIT 4",
                Some(17),
            ),
            (
                "SELECT k, id FROM t WHERE {} ORDER BY k DESC NULLS LAST, id LIMIT 4",
                Some(12),
            ),
            (
                "SELECT f, id FROM t WHERE {} ORDER BY f DESC, id LIMIT 4",
                None,
            ),
            (
                "SELECT s || 'x', id FROM t WHERE {} ORDER BY s DESC LIMIT 4",
                Some(17),
            ),
            (
                "SELECT id FROM (SELECT * FROM t WHERE {} ORDER BY id LIMIT 50) t
                    ORDER BY at DESC LIMIT 4",
                Some(17),
            ),
        ];
        let mut others = Vec::new();
        for step in ["", later] {
            run(&mut here, step).await.unwrap();
            for (question, fewest) in questions {
                let sql = question.replace("{}", "t.id <> -1");
                let by_rows = question.replace("{}", "t.id >= -2147483648");
                let in_order = |sql: &str| match sql.contains("LIMIT") {
                    true => sql.to_owned(),
                    false => format!("SELECT * FROM ({sql}) q(a, b, c) ORDER BY q"),
                };
                let columns = question.split("FROM").next().unwrap().matches(',').count();
                let names = ["q(a)", "q(a, b)", "q(a, b, c)"][columns];
                let (sql, by_rows) = (in_order(&sql), in_order(&by_rows));
                let sql = sql.replace("q(a, b, c)", names);
                let by_rows = by_rows.replace("q(a, b, c)", names);
                let found = run(&mut here, &sql).await.unwrap();
                let wanted = run(&mut here, &by_rows).await.unwrap();
                assert_eq!(found, wanted, "{partitions} partitions: {sql}");
                let measured = format!("EXPLAIN ANALYZE {sql}");
                let plan = run(&mut here, &measured).await.unwrap();
                let left = left_out(&plan);
                let is_so = match fewest {
                    Some(fewest) => left >= fewest || !step.is_empty(),
                    None => left == 0,
                };
                if !is_so {
                    others.push(format!("{partitions}: {left}, not {fewest:?}: {plan}"));
                }
            }
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
    }
}
