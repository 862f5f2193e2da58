use crate::testing::{client, connect, engine};

#[tokio::test]
async fn create_and_drop_table() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL DEFAULT 'x', c numeric(6,2) CHECK (c > 0), UNIQUE (b, c))").await;
    c.fails(
        "CREATE TABLE t (a int)",
        "42P07: relation \"t\" already exists",
    )
    .await;
    assert_eq!(
        c.say("CREATE TABLE IF NOT EXISTS t (a int)").await,
        [
            "NOTICE: relation \"t\" already exists, skipping",
            "CREATE TABLE"
        ]
    );
    c.ok("INSERT INTO t (a, c) VALUES (1, 2.5)").await;
    assert_eq!(c.say("SELECT * FROM t WHERE a = 1").await[0], "1|x|2.50");
    c.fails("INSERT INTO t (a, c) VALUES (2, -1)", "23514")
        .await;
    c.fails("INSERT INTO t (a, b) VALUES (2, NULL)", "23502")
        .await;
    c.fails(
        "INSERT INTO t (a, c) VALUES (2, 2.5)",
        "23505: duplicate key value violates unique constraint \"t_b_c_key\"",
    )
    .await;
    assert_eq!(c.ok("DROP TABLE t").await, "DROP TABLE");
    c.fails("DROP TABLE t", "42P01: table \"t\" does not exist")
        .await;
    assert_eq!(
        c.say("DROP TABLE IF EXISTS t, u").await,
        [
            "NOTICE: table \"t\" does not exist, skipping",
            "NOTICE: table \"u\" does not exist, skipping",
            "DROP TABLE"
        ]
    );
}

#[tokio::test]
async fn what_a_table_can_not_be_is_refused() {
    let mut c = client();
    c.fails("CREATE TABLE t (a int, a int)", "42701").await;
    c.fails(
        "CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY)",
        "42P16",
    )
    .await;
    c.fails("CREATE TABLE t (a int, PRIMARY KEY (b))", "42703")
        .await;
    c.fails("CREATE TABLE t (a nosuchtype)", "42704").await;
    c.fails("CREATE TABLE t (a int REFERENCES u (a))", "42P01")
        .await;
    c.fails("CREATE TABLE t (a int) WITH (nonsense = 1)", "22023")
        .await;
    c.fails(
        "CREATE TABLE t (a int) WITH (consistency = 'home')",
        "0A000",
    )
    .await;
    c.fails("CREATE TABLE t (a int CHECK (b > 0))", "42703")
        .await;
    c.fails("CREATE TABLE t (a json PRIMARY KEY)", "42704")
        .await;
    c.fails("CREATE TABLE nowhere.t (a int)", "3F000").await;
    c.fails("CREATE TABLE t (a int DEFAULT 'abc')", "22P02")
        .await;
    c.ok("CREATE TABLE t (a int, filler char(84)) WITH (fillfactor=100)")
        .await;
}

#[tokio::test]
async fn ddl_is_part_of_the_transaction() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("BEGIN").await;
    a.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    a.ok("INSERT INTO t VALUES (1)").await;
    b.fails("SELECT a FROM t WHERE a = 1", "42P01").await;
    a.ok("ROLLBACK").await;
    a.fails("SELECT a FROM t WHERE a = 1", "42P01").await;
    a.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    a.ok("INSERT INTO t VALUES (1)").await;
    a.ok("BEGIN").await;
    a.ok("DROP TABLE t").await;
    a.ok("CREATE TABLE t (b int PRIMARY KEY)").await;
    a.ok("INSERT INTO t VALUES (7)").await;
    // Who reads the table waits for what becomes of it.
    b.ok("SET lock_timeout = '10ms'").await;
    b.fails("SELECT a FROM t WHERE a = 1", "55P03").await;
    a.ok("COMMIT").await;
    assert_eq!(b.say("SELECT b FROM t WHERE b = 7").await[0], "7");
}

#[tokio::test]
async fn truncate_empties_and_rolls_back() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, v int); CREATE INDEX ON t (v)")
        .await;
    c.ok("INSERT INTO t VALUES (1, 10), (2, 20)").await;
    c.ok("BEGIN").await;
    assert_eq!(c.ok("TRUNCATE t").await, "TRUNCATE TABLE");
    assert_eq!(c.say("SELECT a FROM t WHERE a = 1").await, ["SELECT 0"]);
    c.ok("ROLLBACK").await;
    assert_eq!(c.say("SELECT a FROM t WHERE v = 20").await[0], "2");
    c.ok("TRUNCATE TABLE t").await;
    assert_eq!(c.say("SELECT a FROM t WHERE v = 20").await, ["SELECT 0"]);
    c.ok("INSERT INTO t VALUES (1, 10)").await;
    assert_eq!(c.say("SELECT a FROM t WHERE v = 10").await[0], "1");
}

#[tokio::test]
async fn indexes_are_built_over_what_is_there() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, v int, w text)")
        .await;
    c.ok("INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, 20, 'z')")
        .await;
    c.ok("CREATE INDEX ON t (v)").await;
    c.ok("CREATE INDEX ON t (v)").await;
    assert_eq!(
        c.say("SELECT a FROM t WHERE v = 20 ORDER BY a").await,
        ["2", "3", "SELECT 2"]
    );
    c.fails("CREATE INDEX t_v_idx1 ON t (w)", "42P07").await;
    c.fails(
        "CREATE UNIQUE INDEX u ON t (v)",
        "23505: could not create unique index \"u\" DETAIL: Key (v)=(20) is duplicated.",
    )
    .await;
    c.ok("CREATE UNIQUE INDEX u ON t (w DESC)").await;
    c.fails("INSERT INTO t VALUES (4, 1, 'x')", "23505").await;
    assert_eq!(
        c.say("CREATE INDEX IF NOT EXISTS u ON t (w)").await,
        [
            "NOTICE: relation \"u\" already exists, skipping",
            "CREATE INDEX"
        ]
    );
    c.ok("DROP INDEX u").await;
    c.ok("INSERT INTO t VALUES (4, 1, 'x')").await;
    c.fails("DROP INDEX t", "42809").await;
    c.fails("DROP TABLE t_v_idx", "42809").await;
    c.ok("DROP INDEX t_v_idx, t_v_idx1").await;
    c.fails("DROP INDEX t_v_idx", "42704").await;
}

#[tokio::test]
async fn a_primary_key_is_added_to_rows_that_are_there() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int, b int)").await;
    c.ok("INSERT INTO t VALUES (3, 30), (1, 10), (2, 20)").await;
    c.ok("ALTER TABLE t ADD PRIMARY KEY (a)").await;
    assert_eq!(c.say("SELECT b FROM t WHERE a = 2").await[0], "20");
    c.fails(
        "INSERT INTO t VALUES (1, 1)",
        "23505: duplicate key value violates unique constraint \"t_pkey\"",
    )
    .await;
    c.fails("ALTER TABLE t ADD PRIMARY KEY (b)", "42P16").await;
    c.ok("CREATE TABLE d (a int); INSERT INTO d VALUES (1), (1)")
        .await;
    c.fails(
        "ALTER TABLE d ADD PRIMARY KEY (a)",
        "23505: could not create unique index \"d_pkey\"",
    )
    .await;
    c.ok("CREATE TABLE n (a int); INSERT INTO n VALUES (NULL)")
        .await;
    c.fails(
        "ALTER TABLE n ADD PRIMARY KEY (a)",
        "23502: column \"a\" of relation \"n\" contains null values",
    )
    .await;
}

#[tokio::test]
async fn columns_are_added_without_writing_rows() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    c.ok("INSERT INTO t VALUES (1)").await;
    c.ok("ALTER TABLE t ADD COLUMN b text DEFAULT 'old', ADD c int")
        .await;
    assert_eq!(c.say("SELECT * FROM t WHERE a = 1").await[0], "1|old|");
    c.ok("INSERT INTO t (a, c) VALUES (2, 5)").await;
    assert_eq!(c.say("SELECT * FROM t WHERE a = 2").await[0], "2|old|5");
    c.fails("ALTER TABLE t ADD COLUMN b int", "42701").await;
    assert_eq!(
        c.say("ALTER TABLE t ADD COLUMN IF NOT EXISTS b int").await,
        [
            "NOTICE: column \"b\" of relation \"t\" already exists, skipping",
            "ALTER TABLE"
        ]
    );
    c.fails("ALTER TABLE t ADD COLUMN d int NOT NULL", "23502")
        .await;
    c.ok("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
        .await;
    c.fails("INSERT INTO t VALUES (-1)", "23514").await;
    c.fails(
        "ALTER TABLE t ADD CHECK (c > 100)",
        "23514: check constraint \"t_c_check\" of relation \"t\" is violated by some row",
    )
    .await;
    c.ok("ALTER TABLE t ADD UNIQUE (c)").await;
    c.fails(
        "INSERT INTO t (a, c) VALUES (9, 5)",
        "23505: duplicate key value violates unique constraint \"t_c_key\"",
    )
    .await;
    c.ok("ALTER TABLE t DROP COLUMN c").await;
    assert_eq!(c.say("SELECT * FROM t WHERE a = 1").await[0], "1|old");
    c.ok("ALTER TABLE t ADD COLUMN c text").await;
    c.ok("INSERT INTO t VALUES (3, 'b', 'c')").await;
    assert_eq!(c.say("SELECT * FROM t WHERE a = 3").await[0], "3|b|c");
}

#[tokio::test]
async fn schemas_hold_tables() {
    let mut c = client();
    c.ok("CREATE SCHEMA shop; CREATE TABLE shop.t (a int PRIMARY KEY); INSERT INTO shop.t VALUES (1)").await;
    c.fails("SELECT a FROM t WHERE a = 1", "42P01").await;
    c.ok("SET search_path = shop, public").await;
    assert_eq!(c.say("SELECT a FROM t WHERE a = 1").await[0], "1");
    c.fails("DROP SCHEMA shop", "2BP01").await;
    c.ok("DROP SCHEMA shop CASCADE").await;
    c.fails("SELECT a FROM shop.t WHERE a = 1", "42P01").await;
}

#[tokio::test]
async fn analyze_counts() {
    let mut c = client();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, b text)").await;
    c.ok("INSERT INTO t VALUES (1, 'x'), (2, 'x'), (3, NULL)")
        .await;
    assert_eq!(c.ok("ANALYZE t").await, "ANALYZE");
    let view = c.session.engine().db().read();
    let statistics = view
        .catalog()
        .table("public", "t")
        .unwrap()
        .statistics
        .clone()
        .unwrap();
    assert_eq!(statistics.rows, 3);
    assert_eq!(statistics.columns[0].distinct, 3);
    assert_eq!(statistics.columns[0].max.as_deref(), Some("3"));
    assert_eq!(
        (statistics.columns[1].distinct, statistics.columns[1].nulls),
        (1, 1)
    );
    assert_eq!(c.ok("VACUUM ANALYZE t").await, "VACUUM");
    c.fails("BEGIN; VACUUM t", "25001").await;
    c.ok("ROLLBACK").await;
}

#[tokio::test]
async fn lock_table_keeps_writers_out() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE t (a int PRIMARY KEY)").await;
    a.fails("LOCK TABLE t", "25P01").await;
    a.ok("BEGIN; LOCK TABLE t IN SHARE MODE").await;
    b.ok("SET lock_timeout = 20").await;
    b.fails("INSERT INTO t VALUES (1)", "55P03").await;
    b.fails(
        "BEGIN; LOCK t NOWAIT",
        "55P03: could not obtain lock on relation \"t\"",
    )
    .await;
    b.ok("ROLLBACK").await;
    a.ok("COMMIT").await;
    b.ok("INSERT INTO t VALUES (1)").await;
}

#[tokio::test]
async fn an_index_made_beside_a_snapshot_misses_no_row() {
    let engine = engine();
    let (mut a, mut b) = (connect(&engine), connect(&engine));
    a.ok("CREATE TABLE empty (id int PRIMARY KEY, n int); CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)")
        .await;
    a.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
        .await;
    b.ok("CREATE INDEX ON empty (n); CREATE UNIQUE INDEX later ON empty (n)")
        .await;
    a.ok("INSERT INTO empty VALUES (1, 10), (2, 20); UPDATE empty SET n = 11 WHERE id = 1; DELETE FROM empty WHERE id = 2; COMMIT")
        .await;
    assert_eq!(b.say("SELECT id FROM empty WHERE n = 11").await[0], "1");
    assert_eq!(
        b.say("SELECT id FROM empty WHERE n = 10").await,
        ["SELECT 0"]
    );
    b.fails("INSERT INTO empty VALUES (3, 11)", "23505").await;
    // Where the rows moved, and where an index that the snapshot reads by is gone.
    for change in ["CREATE INDEX moved ON t (n)", "DROP INDEX moved"] {
        a.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM empty")
            .await;
        b.ok(change).await;
        a.fails("UPDATE t SET n = 2 WHERE id = 1", "40001").await;
        a.ok("ROLLBACK").await;
    }
}

#[tokio::test]
async fn foreign_keys_hold() {
    let mut c = client();
    c.ok("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE)")
        .await;
    c.ok("INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 1), (2, NULL), (3, 1)")
        .await;
    c.fails(
        "INSERT INTO c VALUES (4, 9)",
        "23503: insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\" DETAIL: Key (p)=(9) is not present in table \"p\".",
    )
    .await;
    c.fails("UPDATE p SET id = 5 WHERE id = 1", "23503").await;
    c.ok("DELETE FROM p WHERE id = 1").await;
    assert_eq!(c.say("SELECT id FROM c WHERE id = 2").await[0], "2");
    assert_eq!(c.say("SELECT id FROM c WHERE id = 1").await, ["SELECT 0"]);
    c.fails("DROP TABLE p", "2BP01").await;
    c.fails("TRUNCATE p", "0A000").await;
}

#[tokio::test]
async fn deferred_keys_are_looked_at_when_the_transaction_ends() {
    let mut c = client();
    c.ok("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        .await;
    c.ok("BEGIN; INSERT INTO c VALUES (1, 1); INSERT INTO p VALUES (1)")
        .await;
    c.ok("COMMIT").await;
    c.ok("BEGIN; INSERT INTO c VALUES (2, 2)").await;
    c.fails("COMMIT", "23503").await;
    assert_eq!(c.say("SELECT id FROM c WHERE id = 2").await, ["SELECT 0"]);
    c.ok("BEGIN; INSERT INTO c VALUES (2, 2); SAVEPOINT s")
        .await;
    c.fails("SET CONSTRAINTS ALL IMMEDIATE", "23503").await;
    c.ok("ROLLBACK TO s; INSERT INTO p VALUES (2)").await;
    c.ok("COMMIT").await;
}

#[tokio::test]
async fn generated_columns_follow_what_they_are_computed_from() {
    let mut c = client();
    c.ok("CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)")
        .await;
    c.ok("INSERT INTO g VALUES (1, 10), (2, NULL)").await;
    assert_eq!(c.say("SELECT b FROM g WHERE id = 1").await[0], "20");
    c.ok("UPDATE g SET a = 7 WHERE id = 2").await;
    assert_eq!(c.say("SELECT b FROM g WHERE id = 2").await[0], "14");
    c.fails("UPDATE g SET b = 1 WHERE id = 2", "428C9").await;
    c.fails("INSERT INTO g VALUES (3, 1, 1)", "428C9").await;
}

#[tokio::test]
async fn rows_rebuilt_by_the_transaction_that_wrote_them_have_its_time() {
    let mut c = client();
    c.ok("BEGIN; CREATE TABLE r (id int PRIMARY KEY, s text); INSERT INTO r VALUES (1, 'a'), (2, 'b'); UPDATE r SET s = 'c' WHERE id = 2")
        .await;
    c.ok("CREATE INDEX ON r (s); COMMIT").await;
    c.ok("SET statement_timeout = '5s'").await;
    let rows = c.say("SELECT * FROM r WHERE id = 1 FOR UPDATE").await;
    assert_eq!(rows[0], "1|a");
    let rows = c.say("SELECT s FROM r ORDER BY id FOR UPDATE").await;
    assert_eq!(rows[..2], ["a", "c"]);
    c.ok("UPDATE r SET s = 'd' WHERE s = 'c'").await;
    c.ok("BEGIN; ALTER TABLE r ADD COLUMN n int; UPDATE r SET n = 5; ALTER TABLE r ADD UNIQUE (s); COMMIT")
        .await;
    let rows = c.say("SELECT * FROM r ORDER BY id FOR UPDATE").await;
    assert_eq!(rows[..2], ["1|a|5", "2|d|5"]);
}
