use crate::statement::parse::row_statement;

/// Both texts mean the same.
fn alike(sql: &str, same: &str) {
    let shown = |sql: &str| match row_statement(sql) {
        Ok(statement) => statement.to_string(),
        Err(error) => panic!("{sql}: {}", error.message()),
    };
    assert_eq!(shown(sql), shown(same), "{sql}");
}

#[test]
fn what_sqlparser_does_not_read_is_respelled() {
    for (sql, same) in [
        ("TABLE t", "SELECT * FROM t"),
        ("(TABLE t) ORDER BY 1", "(SELECT * FROM t) ORDER BY 1"),
        (
            "WITH q AS (TABLE t) TABLE q",
            "WITH q AS (SELECT * FROM t) SELECT * FROM q",
        ),
        ("SELECT j->-1, a=-1", "SELECT j -> -1, a = -1"),
        ("SELECT 1>-1, 1-+1, 2*-1", "SELECT 1 > -1, 1 - +1, 2 * -1"),
        ("SELECT trim(leading from s)", "SELECT ltrim(s)"),
        ("SELECT trim(from s)", "SELECT btrim(s)"),
        ("SELECT trim(trailing s, 'x')", "SELECT rtrim(s, 'x')"),
        (
            "SELECT g FROM t GROUP BY ALL g",
            "SELECT g FROM t GROUP BY g",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING EXCLUDE NO OTHERS) FROM t",
            "SELECT sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING) FROM t",
        ),
        (
            "SELECT x FROM ONLY s.t JOIN ONLY (u) ON true FETCH FIRST ROW ONLY",
            "SELECT x FROM s.t JOIN u ON true FETCH FIRST ROW ONLY",
        ),
        ("DELETE FROM ONLY s.t", "DELETE FROM s.t"),
        ("SELECT 1 top", "SELECT 1 AS top"),
        (
            "SELECT x FROM (SELECT 1 x) sort",
            "SELECT x FROM (SELECT 1 AS x) sort",
        ),
        ("SELECT 1 values, 2 minus", "SELECT 1 AS values, 2 AS minus"),
    ] {
        alike(sql, same);
    }
    for sql in [
        "SELECT 1 = ANY (VALUES (1), (2))",
        "SELECT (VALUES (1))",
        "SELECT trim, cube FROM t GROUP BY rollup",
        "SELECT 1 BETWEEN SYMMETRIC 2 AND 0",
        "SELECT 1 NOT BETWEEN ASYMMETRIC 2 AND 0",
        "SELECT g FROM t GROUP BY DISTINCT ROLLUP (g), ROLLUP (g)",
        "SELECT 1 FROM t GROUP BY ROLLUP ((g)::text, (h + 1)), CUBE ((g, h), ((g) + 1) * 2), GROUPING SETS ((), (g), (g || h) || 'x')",
        "INSERT INTO t DEFAULT VALUES",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "SELECT interval '1 day', interval(0) '1 s', sum(x) OVER (PARTITION BY y) FROM t",
        "SELECT interval FROM (SELECT 1 AS interval) t WHERE interval = 1 GROUP BY interval",
    ] {
        assert!(
            row_statement(sql).is_ok(),
            "{sql}: {:?}",
            row_statement(sql)
        );
    }
}

#[test]
fn refusals_are_postgresqls() {
    for (sql, message) in [
        (
            "SELECT count(DISTINCT *) FROM t",
            "syntax error at or near \"*\"",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY x ROWS CURRENT ROW EXCLUDE TIES) FROM t",
            "EXCLUDE TIES in a window frame is not supported",
        ),
    ] {
        let error = row_statement(sql).unwrap_err();
        assert_eq!(error.message(), message, "{sql}");
    }
}
