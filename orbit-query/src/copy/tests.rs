use crate::testing::{Client, client};

async fn table(columns: &str) -> Client {
    let mut c = client();
    c.ok(&format!("CREATE TABLE t ({columns})")).await;
    c
}

#[tokio::test]
async fn text_goes_in_and_comes_out_the_same() {
    let mut c = table("a int PRIMARY KEY, b text, c float8").await;
    let data = "1\tone\\ttab\t1.5\n2\t\\N\t\\N\n3\t\\\\N\t-0\n";
    assert_eq!(c.say_with("COPY t FROM STDIN", data).await, ["COPY 3"]);
    assert_eq!(c.say("SELECT b FROM t WHERE a = 3").await[0], "\\N");
    let mut lines = c.say("COPY t TO STDOUT").await;
    assert_eq!(lines.pop().unwrap(), "COPY 3");
    assert_eq!(lines.join("\n") + "\n", data);
}

#[tokio::test]
async fn csv_goes_in_with_header_and_comes_out() {
    let mut c = table("a int PRIMARY KEY, b text, c date").await;
    let data = "a,b,c\n1,\"x, \"\"y\"\"\nz\",2024-02-29\n2,,\n3,\"\",2024-01-01\n";
    assert_eq!(
        c.say_with("COPY t FROM STDIN WITH (FORMAT csv, HEADER)", data)
            .await,
        ["COPY 3"]
    );
    assert_eq!(
        c.say("SELECT b IS NULL, c FROM t WHERE a = 2").await[0],
        "t|"
    );
    assert_eq!(c.say("SELECT b = '' FROM t WHERE a = 3").await[0], "t");
    let mut lines = c.say("COPY t TO STDOUT CSV HEADER").await;
    assert_eq!(lines.pop().unwrap(), "COPY 3");
    assert_eq!(lines.join("\n") + "\n", data);
}

#[tokio::test]
async fn a_wrong_value_names_its_line_and_column_and_leaves_nothing() {
    let mut c = table("a int PRIMARY KEY, b int").await;
    assert_eq!(
        c.say_with("COPY t FROM STDIN", "1\t10\n2\tx\n").await,
        [
            "ERROR 22P02: invalid input syntax for type integer: \"x\" CONTEXT: COPY t, line 2, column b: \"x\""
        ]
    );
    assert_eq!(
        c.say_with("COPY t FROM STDIN", "1\t10\n2\n").await,
        ["ERROR 22P04: missing data for column \"b\" CONTEXT: COPY t, line 2: \"2\""]
    );
    assert_eq!(
        c.say_with("COPY t FROM STDIN CSV", "1,10\n2,3,4\n").await,
        ["ERROR 22P04: extra data after last expected column CONTEXT: COPY t, line 2: \"2,3,4\""]
    );
    assert_eq!(
        c.say_with("COPY t FROM STDIN CSV", "1,10\n\"2,3\n").await,
        ["ERROR 22P04: unterminated CSV quoted field CONTEXT: COPY t, line 3"]
    );
    assert_eq!(c.say("SELECT a FROM t WHERE a = 1").await, ["SELECT 0"]);
    assert_eq!(c.say_with("COPY t FROM STDIN", "1\t10\n").await, ["COPY 1"]);
}

#[tokio::test]
async fn lines_are_counted_over_many_chunks() {
    let mut c = table("a int PRIMARY KEY, b text").await;
    let mut data = String::new();
    for line in 1..=40_000 {
        data.push_str(&format!("{line},\"text of line {line}\"\n"));
    }
    let broken = data.replacen("\n30000,", "\n3000O,", 1);
    let lines = c.say_with("COPY t FROM STDIN CSV", &broken).await;
    assert_eq!(
        lines,
        [
            "ERROR 22P02: invalid input syntax for type integer: \"3000O\" CONTEXT: COPY t, line 30000, column a: \"3000O\""
        ]
    );
    assert_eq!(
        c.say_with("COPY t FROM STDIN CSV", &data).await,
        ["COPY 40000"]
    );
    assert_eq!(
        c.say("SELECT b FROM t WHERE a = 31234").await[0],
        "text of line 31234"
    );
}

#[tokio::test]
async fn rows_are_added_to_rows_that_are_there() {
    let mut c = table("a int PRIMARY KEY, b text DEFAULT 'd', c int CHECK (c < 100)").await;
    c.ok("INSERT INTO t VALUES (5, 'five', 5)").await;
    assert_eq!(
        c.say_with("COPY t (c, a) FROM STDIN", "1\t1\n2\t2\n").await,
        ["COPY 2"]
    );
    assert_eq!(c.say("SELECT * FROM t WHERE a = 2").await[0], "2|d|2");
    let lines = c.say_with("COPY t (c, a) FROM STDIN", "3\t3\n9\t5\n").await;
    assert_eq!(
        lines,
        [
            "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\" DETAIL: Key (a)=(5) already exists. CONTEXT: COPY t, line 2"
        ]
    );
    let lines = c.say_with("COPY t (c, a) FROM STDIN", "200\t6\n").await;
    assert!(lines[0].starts_with("ERROR 23514"), "{lines:?}");
    assert_eq!(c.say("SELECT a FROM t WHERE a = 3").await, ["SELECT 0"]);
}

#[tokio::test]
async fn duplicates_within_a_load_are_found() {
    let mut c = table("a int PRIMARY KEY, b int UNIQUE").await;
    let lines = c.say_with("COPY t FROM STDIN", "1\t1\n2\t2\n1\t3\n").await;
    assert!(
        lines[0]
            .starts_with("ERROR 23505: duplicate key value violates unique constraint \"t_pkey\""),
        "{lines:?}"
    );
    let lines = c.say_with("COPY t FROM STDIN", "1\t1\n2\t2\n3\t2\n").await;
    assert!(lines[0].contains("\"t_b_key\""), "{lines:?}");
    assert_eq!(
        c.say_with("COPY t FROM STDIN", "1\t1\n2\t2\n3\t\\N\n4\t\\N\n")
            .await,
        ["COPY 4"]
    );
}

#[tokio::test]
async fn pgbench_loads_its_way() {
    let mut c = client();
    c.ok("drop table if exists pgbench_accounts, pgbench_branches")
        .await;
    c.ok("create table pgbench_accounts(aid int not null,bid int,abalance int,filler char(84)) with (fillfactor=100)").await;
    c.ok("create table pgbench_branches(bid int not null,bbalance int,filler char(88)) with (fillfactor=100)").await;
    c.ok("begin").await;
    c.ok("truncate table pgbench_accounts, pgbench_branches")
        .await;
    c.ok("insert into pgbench_branches(bid,bbalance) values(1,0)")
        .await;
    let mut data = String::new();
    for aid in 1..=1000 {
        data.push_str(&format!("{aid}\t1\t0\t\n"));
    }
    assert_eq!(
        c.say_with("copy pgbench_accounts from stdin with (freeze on)", &data)
            .await,
        ["COPY 1000"]
    );
    c.ok("commit").await;
    c.ok("vacuum analyze pgbench_branches").await;
    c.ok("alter table pgbench_branches add primary key (bid)")
        .await;
    c.ok("alter table pgbench_accounts add primary key (aid)")
        .await;
    c.ok("UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE aid = 77")
        .await;
    assert_eq!(
        c.say("SELECT abalance FROM pgbench_accounts WHERE aid = 77")
            .await[0],
        "5"
    );
}

#[tokio::test]
async fn options_are_checked() {
    let mut c = table("a int, b text").await;
    for (sql, code) in [
        ("COPY t FROM STDIN (FORMAT nonsense)", "22023"),
        ("COPY t FROM STDIN (DELIMITER 'ab')", "0A000"),
        ("COPY t FROM STDIN (QUOTE '|')", "0A000"),
        ("COPY t FROM STDIN (FORMAT csv, DELIMITER '\"')", "22023"),
        ("COPY t FROM STDIN (nonsense)", "42601"),
        ("COPY t FROM '/etc/passwd'", "42501"),
        ("COPY t (a, a) FROM STDIN", "42701"),
        ("COPY t (x) FROM STDIN", "42703"),
        ("COPY nowhere FROM STDIN", "42P01"),
        ("COPY t FROM STDIN (FORMAT binary, NULL 'x')", "42601"),
    ] {
        c.fails(sql, code).await;
    }
    let data = "a;'b\n'\n";
    assert_eq!(
        c.say_with(
            "COPY t FROM STDIN WITH DELIMITER ';' NULL 'a' CSV QUOTE ''''",
            data
        )
        .await,
        ["COPY 1"]
    );
    assert_eq!(
        c.say("COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE (b), NULL '-')")
            .await,
        ["-,\"b", "\"", "COPY 1"]
    );
}

#[tokio::test]
async fn the_header_can_be_checked() {
    let mut c = table("a int, b int").await;
    let sql = "COPY t FROM STDIN (FORMAT csv, HEADER match)";
    assert_eq!(
        c.say_with(sql, "a,c\n1,2\n").await,
        [
            "ERROR 22P04: column name mismatch in header line field 2: got \"c\", expected \"b\" CONTEXT: COPY t, line 1: \"a,c\""
        ]
    );
    assert_eq!(c.say_with(sql, "a,b\n1,2\n").await, ["COPY 1"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let mut c = table("a text").await;
    let lines = c.say_with("COPY t FROM STDIN", "ok\nx\\xffy\n").await;
    assert!(lines[0].starts_with("ERROR 22021"), "{lines:?}");
    let lines = c.say_with("COPY t FROM STDIN", "ok\na\0b\n").await;
    assert!(
        lines[0].starts_with("ERROR 22021: invalid byte sequence for encoding \"UTF8\": 0x00"),
        "{lines:?}"
    );
    assert!(lines[0].ends_with("COPY t, line 2"), "{lines:?}");
}
