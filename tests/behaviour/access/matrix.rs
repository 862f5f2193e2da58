//! Role by verb by object, generated and tested whole: what PostgreSQL allows
//! Orbit allows, and what it refuses Orbit refuses with the same code and words.
//!
//! Each cell runs in a transaction of its own, as the role, and is undone.

use orbit_tests::postgres::Postgres;
use orbit_tests::server::Server;
use orbit_tests::skip;
use orbit_tests::wire::{Part, Wire};

/// The same on both sides, before the first cell.
const SETUP: &str = "
CREATE ROLE owner; CREATE ROLE nobody; CREATE ROLE boss SUPERUSER;
CREATE ROLE everything; CREATE ROLE team; CREATE ROLE member; CREATE ROLE loner NOINHERIT;
CREATE ROLE reader_of_all; CREATE ROLE writer_of_all; CREATE ROLE maker CREATEROLE CREATEDB;
CREATE ROLE giver; CREATE ROLE taker; CREATE ROLE closed; CREATE ROLE disowned;
GRANT pg_read_all_data TO reader_of_all; GRANT pg_write_all_data TO writer_of_all;
GRANT team TO member; GRANT team TO loner; GRANT owner TO giver;
CREATE SCHEMA s; ALTER SCHEMA s OWNER TO owner;
CREATE SCHEMA hidden; ALTER SCHEMA hidden OWNER TO owner;
GRANT USAGE ON SCHEMA s TO PUBLIC;
GRANT CREATE ON SCHEMA s TO everything;
CREATE TABLE s.t (a int PRIMARY KEY, b int, c text);
CREATE TABLE s.other (a int PRIMARY KEY, b int);
CREATE TABLE hidden.t (a int PRIMARY KEY, b int);
CREATE TABLE s.secret (a int PRIMARY KEY, b int);
INSERT INTO s.t VALUES (1, 10, 'x'), (2, 20, 'y');
INSERT INTO s.other VALUES (1, 1); INSERT INTO hidden.t VALUES (1, 1); INSERT INTO s.secret VALUES (1, 1);
CREATE VIEW s.v AS SELECT a, b FROM s.secret;
CREATE SEQUENCE s.q;
ALTER TABLE s.t OWNER TO owner; ALTER TABLE s.other OWNER TO owner;
ALTER TABLE hidden.t OWNER TO owner; ALTER TABLE s.secret OWNER TO owner;
ALTER VIEW s.v OWNER TO owner; ALTER SEQUENCE s.q OWNER TO owner;
GRANT ALL ON s.t, s.v, hidden.t TO everything; GRANT ALL ON SEQUENCE s.q TO everything;
GRANT SELECT, INSERT ON s.t TO team; GRANT SELECT ON s.v TO team; GRANT USAGE ON SEQUENCE s.q TO team;
GRANT SELECT ON hidden.t TO closed;
GRANT SELECT ON s.t TO taker WITH GRANT OPTION;
CREATE TABLE s.public (a int PRIMARY KEY, b int); INSERT INTO s.public VALUES (1, 1);
GRANT SELECT, UPDATE (b) ON s.public TO PUBLIC;
CREATE TABLE s.disowned (a int PRIMARY KEY, b int);
ALTER TABLE s.disowned OWNER TO disowned;
REVOKE ALL ON s.disowned FROM disowned;
";

/// Roles that have exactly one privilege each on `s.t`, `s.v` and `s.q`.
const SINGLE: &[(&str, &str)] = &[
    ("one_select", "SELECT ON s.t"),
    ("one_insert", "INSERT ON s.t"),
    ("one_update", "UPDATE ON s.t"),
    ("one_delete", "DELETE ON s.t"),
    ("one_truncate", "TRUNCATE ON s.t"),
    ("one_references", "REFERENCES ON s.t"),
    ("col_select", "SELECT (a) ON s.t"),
    ("col_insert", "INSERT (a) ON s.t"),
    ("col_update", "UPDATE (b) ON s.t"),
    ("cols", "SELECT (a, b), UPDATE (b), INSERT (a, b) ON s.t"),
    ("select_update", "SELECT, UPDATE ON s.t"),
    ("select_delete", "SELECT, DELETE ON s.t"),
    ("select_insert", "SELECT, INSERT ON s.t"),
    ("view_select", "SELECT ON s.v"),
    ("view_column", "SELECT (a) ON s.v"),
    ("seq_usage", "USAGE ON SEQUENCE s.q"),
    ("seq_select", "SELECT ON SEQUENCE s.q"),
    ("seq_update", "UPDATE ON SEQUENCE s.q"),
    ("schema_create", "CREATE ON SCHEMA s"),
];

const ROLES: &[&str] = &[
    "owner",
    "nobody",
    "boss",
    "everything",
    "member",
    "loner",
    "reader_of_all",
    "writer_of_all",
    "maker",
    "giver",
    "taker",
    "closed",
    "disowned",
];

/// `{t}` is each table in turn.
const ON_TABLES: &[&str] = &[
    "SELECT a FROM {t} WHERE a = 1",
    "SELECT b FROM {t} WHERE a = 1",
    "SELECT a FROM {t} ORDER BY a",
    "SELECT a FROM {t} WHERE b = 10",
    "SELECT * FROM {t} WHERE a = 1",
    "SELECT * FROM {t} ORDER BY a",
    "SELECT count(*) FROM {t}",
    "SELECT 1 FROM {t}",
    "SELECT max(b) FROM {t}",
    "SELECT x.a FROM {t} x JOIN {t} y USING (a) ORDER BY 1",
    "SELECT (SELECT max(b) FROM {t})",
    "WITH w AS (SELECT a FROM {t}) SELECT * FROM w ORDER BY 1",
    "SELECT a FROM {t} UNION SELECT 7 ORDER BY 1",
    "SELECT 1 WHERE EXISTS (SELECT FROM {t} WHERE a = 1)",
    "SELECT a FROM {t} WHERE a = 1 FOR UPDATE",
    "SELECT a FROM {t} WHERE a = 1 FOR SHARE",
    "SELECT a FROM {t} WHERE a = 1 FOR KEY SHARE",
    "DECLARE c CURSOR FOR SELECT b FROM {t}; FETCH c",
    "SELECT a FROM {t} WHERE b > 0 ORDER BY a FOR UPDATE",
    "INSERT INTO {t} (a) VALUES (100)",
    "INSERT INTO {t} (a, b) VALUES (100, 1)",
    "INSERT INTO {t} (b, a) SELECT 1, 100",
    "INSERT INTO {t} (a) VALUES (100) RETURNING a",
    "INSERT INTO {t} (a) VALUES (100) RETURNING b",
    "INSERT INTO {t} (a) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO {t} (a) VALUES (1) ON CONFLICT (a) DO NOTHING",
    "INSERT INTO {t} (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 5",
    "INSERT INTO {t} (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.a",
    "UPDATE {t} SET b = 1",
    "UPDATE {t} SET b = 1 WHERE a = 1",
    "UPDATE {t} SET b = b + 1 WHERE a = 1",
    "UPDATE {t} SET a = 50 WHERE a = 1",
    "UPDATE {t} SET b = 1 WHERE a = 1 RETURNING a",
    "UPDATE {t} SET b = 1 RETURNING b",
    "UPDATE {t} SET b = o.b FROM s.other o WHERE o.a = 1",
    "DELETE FROM {t}",
    "DELETE FROM {t} WHERE a = 1",
    "DELETE FROM {t} WHERE b = 10",
    "DELETE FROM {t} WHERE a = 1 RETURNING a",
    "DELETE FROM {t} USING s.other o WHERE o.a = 1",
    "TRUNCATE {t}",
    "LOCK TABLE {t} IN ACCESS SHARE MODE",
    "LOCK TABLE {t} IN ROW EXCLUSIVE MODE",
    "LOCK TABLE {t} IN SHARE MODE",
    "LOCK TABLE {t}",
    "COPY {t} TO STDOUT",
    "COPY {t} (a) TO STDOUT",
    "COPY (SELECT b FROM {t}) TO STDOUT",
    "COPY {t} (a) FROM STDIN",
    "COPY {t} (a, b) FROM STDIN",
    "CREATE INDEX ON {t} (b)",
    "ALTER TABLE {t} ADD COLUMN z int",
    "ALTER TABLE {t} DROP COLUMN b",
    "ALTER TABLE {t} RENAME COLUMN b TO z",
    "ALTER TABLE {t} RENAME TO z",
    "ALTER TABLE {t} SET SCHEMA public",
    "ALTER TABLE {t} ALTER COLUMN b SET DEFAULT 5",
    "ALTER TABLE {t} ALTER COLUMN b TYPE bigint",
    "ALTER TABLE {t} ADD CONSTRAINT z CHECK (a > 0)",
    "ALTER TABLE {t} OWNER TO nobody",
    "COMMENT ON TABLE {t} IS 'x'",
    "COMMENT ON COLUMN {t}.a IS 'x'",
    "DROP TABLE {t}",
    "GRANT SELECT ON {t} TO nobody",
    "GRANT UPDATE ON {t} TO nobody",
    "GRANT ALL ON {t} TO nobody",
    "GRANT SELECT (a) ON {t} TO nobody",
    "REVOKE SELECT ON {t} FROM nobody",
    "CREATE TABLE s.child (a int PRIMARY KEY REFERENCES {t})",
    "CREATE TABLE s.copy AS SELECT a FROM {t}",
    "CREATE VIEW s.mine AS SELECT a FROM {t}",
    "PREPARE p AS SELECT b FROM {t} WHERE a = 1; EXECUTE p",
];

const TABLES: &[&str] = &["s.t", "s.secret", "s.public", "hidden.t", "s.disowned"];

const ELSE: &[&str] = &[
    "SELECT a FROM s.v ORDER BY a",
    "SELECT b FROM s.v WHERE a = 1",
    "SELECT * FROM s.v ORDER BY a",
    "SELECT count(*) FROM s.v",
    "SELECT v.a FROM s.v v JOIN s.t t ON t.a = v.a ORDER BY 1",
    "SELECT v.a FROM s.v v JOIN s.secret x ON x.a = v.a ORDER BY 1",
    "DROP VIEW s.v",
    "GRANT SELECT ON s.v TO nobody",
    "CREATE OR REPLACE VIEW s.v AS SELECT a, b FROM s.secret",
    "SELECT nextval('s.q')",
    "SELECT setval('s.q', 5)",
    "SELECT is_called FROM s.q",
    "ALTER SEQUENCE s.q RESTART",
    "DROP SEQUENCE s.q",
    "GRANT USAGE ON SEQUENCE s.q TO nobody",
    "CREATE SEQUENCE s.q2",
    "CREATE TABLE s.fresh (a int PRIMARY KEY)",
    "CREATE TABLE public.fresh (a int PRIMARY KEY)",
    "CREATE TABLE hidden.fresh (a int PRIMARY KEY)",
    "CREATE VIEW hidden.fresh AS SELECT 1 AS a",
    "CREATE SCHEMA fresh",
    "CREATE SCHEMA fresh AUTHORIZATION nobody",
    "CREATE SCHEMA AUTHORIZATION team",
    "DROP SCHEMA s CASCADE",
    "DROP SCHEMA s",
    "GRANT USAGE ON SCHEMA s TO nobody",
    "GRANT CREATE ON SCHEMA public TO nobody",
    "GRANT SELECT ON ALL TABLES IN SCHEMA s TO nobody",
    "ALTER SCHEMA s OWNER TO nobody",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO nobody",
    "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO nobody",
    "CREATE ROLE fresh",
    "CREATE ROLE fresh SUPERUSER",
    "CREATE ROLE fresh REPLICATION",
    "CREATE ROLE fresh BYPASSRLS",
    "CREATE ROLE fresh IN ROLE team",
    "CREATE ROLE fresh IN ROLE boss",
    "ALTER ROLE nobody LOGIN",
    "ALTER ROLE nobody SUPERUSER",
    "ALTER ROLE nobody REPLICATION",
    "ALTER ROLE boss CREATEDB",
    "ALTER ROLE nobody SET work_mem = '8MB'",
    "ALTER ROLE boss SET work_mem = '8MB'",
    "ALTER ROLE nobody RENAME TO somebody",
    "DROP ROLE taker",
    "DROP ROLE boss",
    "GRANT team TO nobody",
    "GRANT boss TO nobody",
    "REVOKE team FROM member",
    "REASSIGN OWNED BY owner TO nobody",
    "DROP OWNED BY taker",
    "SET ROLE team",
    "SET ROLE owner",
    "SET ROLE nobody",
    "SET ROLE boss",
    "SET ROLE nosuch",
    "ALTER VIEW s.v RENAME TO w",
    "ALTER VIEW s.v OWNER TO nobody",
    "ALTER SEQUENCE s.q RENAME TO r",
    "ALTER SEQUENCE s.q OWNER TO nobody",
    "ALTER SCHEMA s RENAME TO z",
    "COMMENT ON SCHEMA s IS 'x'",
    "COMMENT ON VIEW s.v IS 'x'",
    "COMMENT ON SEQUENCE s.q IS 'x'",
    "COMMENT ON ROLE nobody IS 'x'",
    "COMMENT ON ROLE boss IS 'x'",
    "COMMENT ON ROLE nosuch IS 'x'",
    "SELECT has_table_privilege('s.t', 'SELECT'), has_table_privilege('s.t', 'UPDATE'), has_table_privilege('s.t', 'DELETE')",
    "SELECT has_column_privilege('s.t', 'a', 'SELECT'), has_column_privilege('s.t', 'b', 'UPDATE')",
    "SELECT has_any_column_privilege('s.t', 'SELECT'), has_any_column_privilege('s.t', 'INSERT')",
    "SELECT has_schema_privilege('s', 'USAGE'), has_schema_privilege('s', 'CREATE'), has_schema_privilege('hidden', 'USAGE')",
    "SELECT has_sequence_privilege('s.q', 'USAGE'), has_sequence_privilege('s.q', 'UPDATE')",
    "SELECT pg_has_role('team', 'MEMBER'), pg_has_role('team', 'USAGE'), pg_has_role('owner', 'USAGE')",
];

/// Where several things stand in the way, PostgreSQL may tell of another first.
fn only_code(sql: &str, state: &str) -> bool {
    state == "2BP01"
        || sql.starts_with("CREATE TABLE s.copy AS")
        || sql.starts_with("CREATE VIEW s.mine AS")
        || sql.contains(" ON ALL ")
}

/// What a side says to a cell: `ok`, or the code and the words.
fn say(wire: &mut Wire, role: &str, sql: &str) -> String {
    let run = |wire: &mut Wire, sql: &str| {
        let copies = sql.contains("FROM STDIN");
        wire.send_simple(sql, copies.then_some(""));
        wire.read_reply()
    };
    run(wire, "BEGIN");
    run(wire, &format!("SET LOCAL SESSION AUTHORIZATION {role}"));
    let reply = run(wire, sql);
    run(wire, "ROLLBACK");
    // Prepared statements outlive their transaction.
    run(wire, "DEALLOCATE ALL");
    if let Some(lost) = reply.lost {
        return format!("the connection: {lost}");
    }
    let mut said = Vec::new();
    for part in reply.parts {
        match part {
            Part::Error(error) if only_code(sql, &error.state) => said.push(error.state),
            Part::Error(error) => said.push(format!("{} {}", error.state, error.message)),
            Part::Rows { rows, .. } => said.push(format!("{rows:?}")),
            Part::Copied { lines, .. } => said.push(format!("{lines:?}")),
            Part::Done { tag } => said.push(tag),
            Part::Empty => {}
        }
    }
    for notice in reply.notices {
        if notice.severity == "WARNING" && !sql.contains(" ON ALL ") {
            said.push(format!("WARNING {} {}", notice.state, notice.message));
        }
    }
    said.join("; ")
}

fn cells() -> Vec<(String, String)> {
    let singles = SINGLE.iter().map(|(role, _)| *role);
    let roles: Vec<&str> = ROLES.iter().copied().chain(singles).collect();
    let mut cells = Vec::new();
    for role in roles {
        for table in TABLES {
            for verb in ON_TABLES {
                cells.push((role.to_owned(), verb.replace("{t}", table)));
            }
        }
        for verb in ELSE {
            cells.push((role.to_owned(), (*verb).to_owned()));
        }
    }
    cells
}

#[tokio::test]
async fn every_role_may_do_with_every_object_what_postgresql_lets_it() {
    let Some(postgres) = Postgres::start().await else {
        return skip("the matrix of rights", "PostgreSQL is not installed");
    };
    let server = Server::start().await;
    let mut theirs = Wire::connect(postgres.port, "orbit", "orbit").expect("PostgreSQL");
    let mut ours = Wire::connect(server.port, "orbit", "orbit").expect("Orbit");
    let mut setup: Vec<String> = SETUP
        .split(';')
        .map(|sql| sql.trim().to_owned())
        .filter(|sql| !sql.is_empty())
        .collect();
    for (role, grant) in SINGLE {
        setup.push(format!("CREATE ROLE {role}"));
        setup.push(format!("GRANT {grant} TO {role}"));
    }
    for sql in &setup {
        for wire in [&mut theirs, &mut ours] {
            wire.send_simple(sql, None);
            let reply = wire.read_reply();
            let failed = reply.lost.is_some()
                || reply
                    .parts
                    .iter()
                    .any(|part| matches!(part, Part::Error(_)));
            assert!(!failed, "{sql}: {reply:?}");
        }
    }
    let cells = cells();
    let mut different = Vec::new();
    for (role, sql) in &cells {
        let (theirs, ours) = (say(&mut theirs, role, sql), say(&mut ours, role, sql));
        if theirs != ours {
            different.push(format!(
                "{role}: {sql}\n  PostgreSQL: {theirs}\n  Orbit:      {ours}"
            ));
        }
    }
    println!("{} cells, {} differ", cells.len(), different.len());
    assert!(
        cells.len() > 5_000,
        "the matrix has only {} cells",
        cells.len()
    );
    assert!(
        different.is_empty(),
        "{} of {} cells differ:\n{}",
        different.len(),
        cells.len(),
        different.join("\n")
    );
}
