//! Statements: split, checked, parsed, respelled, and planned for the point path.
//! Nothing is executed.

use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_query::{Engine, EngineOptions, Outcome, Session, SessionInit};
use std::cell::RefCell;
use std::sync::Arc;
use tokio::runtime::Runtime;

pub const WORDS: &[&str] = &[
    " SELECT ",
    " FROM t ",
    " WHERE ",
    " ORDER BY ",
    " GROUP BY ",
    " LIMIT ",
    " OFFSET ",
    " UNION ",
    "INSERT INTO t ",
    " VALUES (",
    "UPDATE t SET ",
    "DELETE FROM t ",
    " RETURNING ",
    " ON CONFLICT (a) DO UPDATE SET ",
    "CREATE TABLE ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "CREATE INDEX ON t (",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT s",
    "SET x = ",
    "SHOW ",
    "EXPLAIN ",
    "PREPARE p AS ",
    "EXECUTE p(",
    "COPY t FROM STDIN",
    "CASE WHEN ",
    " THEN ",
    " END ",
    " AND ",
    " OR ",
    " NOT ",
    " IS NULL ",
    " IN (",
    " BETWEEN ",
    " LIKE ",
    " ILIKE ",
    "ARRAY[",
    "CAST(",
    "::int",
    "::text",
    "interval '1 day'",
    "date '2000-01-01'",
    " AT TIME ZONE ",
    "E'\\x41'",
    "U&'\\0041'",
    "$$",
    "$1",
    "'a'",
    "\"b\"",
    "--",
    "/*",
    "*/",
    "->>",
    "||",
    "a",
    "b",
    "t.a",
    "count(*)",
    " OVER (",
    "PARTITION BY ",
    " FOR UPDATE ",
    "SKIP LOCKED",
    "WITH c AS (",
    "LATERAL ",
    "JOIN t ON ",
    "EXISTS (",
    "now()",
    "COLLATE \"C\"",
    "extract(year from ",
    "substring(",
    "NULL",
    ";",
];

const TABLES: &str =
    "CREATE TABLE t (a int PRIMARY KEY, b text, c numeric(10, 2), d timestamptz, e int[])";

struct Front {
    runtime: Runtime,
    session: Session,
}

thread_local! {
    static FRONT: RefCell<Option<Front>> = const { RefCell::new(None) };
}

fn open() -> Front {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let session = runtime.block_on(async {
        let store = Arc::new(SimStore::new());
        let db = Database::open(store, DatabaseOptions::default()).expect("a database");
        let engine = Engine::new(db, EngineOptions::default()).expect("an engine");
        let mut session = engine.session(SessionInit {
            user: "orbit".to_owned(),
            database: "orbit".to_owned(),
            ..SessionInit::default()
        });
        let prepared = session.prepare(TABLES, &[]).await.expect(TABLES);
        let done = session.execute(&prepared, &[]).await.expect(TABLES);
        assert!(matches!(done, Outcome::Done(_)));
        session.sync().await.expect("the table");
        session
    });
    Front { runtime, session }
}

pub fn run(data: &[u8]) {
    let Ok(sql) = std::str::from_utf8(data) else {
        return;
    };
    FRONT.with_borrow_mut(|front| {
        let Front { runtime, session } = front.get_or_insert_with(open);
        runtime.block_on(async {
            if let Ok(mut script) = session.parse_script(sql).await {
                for _ in 0..20 {
                    match session.next_statement(&mut script).await {
                        Ok(Some(_)) => {}
                        Ok(None) | Err(_) => break,
                    }
                }
            }
            let _ = session.prepare(sql, &[]).await;
            session.fail();
            session.take_notices();
        });
    });
}
