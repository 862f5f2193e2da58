//! Questions and PostgreSQL 15's answers to them.

use super::{engine, run, session};
use crate::planned::cancel::LOOKS;
use orbit_core::{Error, state};
use std::time::Duration;

pub async fn answers(cases: &[(&str, &str)]) {
    let engine = engine();
    let mut session = session(&engine, 1);
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, g text, n int, b bigint, f float8, p numeric(10,2), u numeric, d date, ts timestamp, tz timestamptz, ok bool);
         INSERT INTO t VALUES
           (1, 'a', 10, 100, 1.5, 10.50, 1.500, '2013-01-01', '2013-01-01 10:00', '2013-01-01 10:00+00', true),
           (2, 'a', 20, 200, 2.5, 20.25, 2.5, '2013-02-15', '2013-02-15 11:30:15.5', '2013-02-15 11:30+00', false),
           (3, 'b', 30, NULL, NULL, 0.01, NULL, '2012-12-31', NULL, NULL, NULL)",
    )
    .await
    .unwrap();
    let mut wrong = Vec::new();
    for (question, answer) in cases {
        let shown = match run(&mut session, question).await {
            Ok(shown) => shown,
            Err(error) => format!("ERROR:  {}", error.message()),
        };
        if shown != *answer {
            wrong.push(format!(
                "{question}\n  expected {answer:?}\n  answered {shown:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_postgresqls_types_and_digits() {
    answers(&[
        ("SELECT 7 / 2, 7.0 / 2, 7 % -3, 2 ^ 10, 10 / 4.0", "3|3.5000000000000000|1|1024|2.5000000000000000"),
        ("SELECT avg(n), avg(b), sum(n), sum(b), avg(p), sum(p), sum(u) FROM t",
         "20.0000000000000000|150.0000000000000000|60|300|10.2533333333333333|30.76|4.000"),
        ("SELECT round(avg(n), 2), round(2.5), round(-2.5), round(2.5::float8), trunc(1.999, 1) FROM t", "20.00|3|-3|2|1.9"),
        ("SELECT 100.0 * sum(n) / count(*) FROM t", "2000.0000000000000000"),
        ("SELECT stddev(n), variance(n), stddev_pop(f) FROM t", "10.0000000000000000|100.0000000000000000|0.5"),
        ("SELECT u * 2, u + 1, p * 1.5 FROM t WHERE id = 1 AND n > 0 OR id = 99", "3.000|2.500|15.750"),
        ("SELECT 1 / 0", "ERROR:  division by zero"),
        ("SELECT n / 0 FROM t", "ERROR:  division by zero"),
        ("SELECT 2147483647 + n FROM t", "ERROR:  integer out of range"),
        ("SELECT sum(x) FROM generate_series(1, 100) AS s(x)", "5050"),
        ("SELECT x FROM generate_series(7, 1, -3) AS s(x)", "7\n4\n1"),
        ("SELECT x FROM generate_series(2, 1) AS s(x)", ""),
        (
            "SELECT x FROM generate_series(9223372036854775806, 9223372036854775807) AS s(x)",
            "9223372036854775806\n9223372036854775807",
        ),
        (
            "SELECT a, b FROM generate_series(1, 2) a, generate_series(a, 2) b ORDER BY 1, 2",
            "1|1\n1|2\n2|2",
        ),
        (
            "SELECT id, x FROM t LEFT JOIN generate_series(1, 0) AS s(x) ON true ORDER BY 1",
            "1|\n2|\n3|",
        ),
        ("SELECT count(*) FROM generate_series(1, 5000) a, generate_series(1, 5000) b", "25000000"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decimals_compare_whatever_their_scales() {
    let tables = "(VALUES (1, 1.25::numeric(10,2)), (2, 'NaN'), (3, 3), (4, NULL)) a(id, n)
        CROSS JOIN (VALUES (1, 1.25::numeric(10,3), 1.25::numeric(10,4)), (2, 'NaN', 'NaN'),
            (3, 3.001, 3), (4, 2.999, NULL)) b(id, m, k)";
    let asked = |condition: &str| {
        format!("SELECT a.id, b.id FROM {tables} WHERE {condition} ORDER BY 1, 2")
    };
    let cases = [
        ("a.n = b.m", "1|1\n2|2"),
        ("a.n = b.m AND a.n = b.k", "1|1\n2|2"),
        ("a.n = b.k", "1|1\n2|2\n3|3"),
        ("a.n > b.m", "2|1\n2|3\n2|4\n3|1\n3|4"),
        ("a.n < b.m", "1|2\n1|3\n1|4\n3|2\n3|3"),
        ("a.n <> b.k AND a.id = b.id", ""),
        ("a.n > 2.9999 AND b.id = 1", "2|1\n3|1"),
        ("a.n >= 3.0000 AND b.id = 1", "2|1\n3|1"),
        ("a.n < 3.0001 AND b.id = 1", "1|1\n3|1"),
        ("1.2500 = a.n AND b.id = 1", "1|1"),
        ("a.n = 1.2501 AND b.id = 1", ""),
        ("a.n <> 1.2501 AND b.id = 1", "1|1\n2|1\n3|1"),
        ("a.n > 99999999999.999 AND b.id = 1", "2|1"),
        ("a.n BETWEEN 1.2499 AND 1.2501 AND b.id = 1", "1|1"),
        ("a.n IN (1.2500, 3.001) AND b.id = 1", "1|1"),
    ];
    let cases = cases.map(|(condition, answer)| (asked(condition), answer));
    let cases: Vec<_> = cases
        .iter()
        .map(|(sql, answer)| (&sql[..], *answer))
        .collect();
    answers(&cases).await;

    // What is the same in the key's own digits is looked up.
    let engine = engine();
    let mut here = session(&engine, 1);
    let create = "CREATE TABLE keyed (n numeric(10,2) PRIMARY KEY);
        INSERT INTO keyed VALUES (1.25), (2), ('NaN')";
    run(&mut here, create).await.unwrap();
    let lookup = "EXPLAIN SELECT count(*) FROM keyed WHERE n = 1.2500";
    let plan = run(&mut here, lookup).await.unwrap();
    assert!(plan.contains("Key Range Scan"), "{plan}");
    let greater = "SELECT n FROM keyed WHERE n > 1.2501 ORDER BY n";
    assert_eq!(run(&mut here, greater).await.unwrap(), "2.00\nNaN");
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_times() {
    answers(&[
        ("SELECT d + 1, d - date '2012-12-31', d + interval '1 month' FROM t WHERE id IN (1) AND n + 0 = 10",
         "2013-01-02|1|2013-02-01 00:00:00"),
        ("SELECT extract(year FROM d), extract(dow FROM d), date_part('doy', d) FROM t ORDER BY id",
         "2013|2|1\n2013|5|46\n2012|1|366"),
        ("SELECT date_trunc('month', ts), ts - timestamp '2013-01-01' FROM t WHERE id + 0 = 2",
         "2013-02-01 00:00:00|45 days 11:30:15.5"),
        ("SELECT to_char(ts, 'YYYY-MM-DD HH24:MI:SS'), to_char(d, 'Mon DD, Day') FROM t WHERE id + 0 = 2",
         "2013-02-15 11:30:15|Feb 15, Friday   "),
        ("SELECT age(timestamp '2013-03-01', timestamp '2012-12-31 12:00')", "2 mons 12:00:00"),
        ("SELECT tz AT TIME ZONE 'America/New_York' FROM t WHERE id + 0 = 1", "2013-01-01 05:00:00"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_shapes() {
    answers(&[
        ("SELECT g, count(*), count(b), bool_or(ok) FROM t GROUP BY g ORDER BY g", "a|2|2|t\nb|1|0|"),
        ("SELECT g AS grp, sum(n) FROM t GROUP BY grp HAVING sum(n) > 25 ORDER BY 2 DESC, 1", "a|30\nb|30"),
        ("SELECT g, n, sum(n) OVER (PARTITION BY g ORDER BY n), rank() OVER (ORDER BY n DESC) FROM t ORDER BY n",
         "a|10|10|3\na|20|30|2\nb|30|30|1"),
        ("SELECT DISTINCT ON (g) g, n FROM t ORDER BY g, n DESC", "a|20\nb|30"),
        ("SELECT a.id, b.id FROM t a LEFT JOIN t b ON b.n = a.n + 10 ORDER BY 1", "1|2\n2|3\n3|"),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t x WHERE x.n > t.n) ORDER BY id", "1\n2"),
        ("SELECT id FROM t WHERE n = (SELECT max(n) FROM t)", "3"),
        ("SELECT id, (SELECT count(*) FROM t x WHERE x.g = t.g) FROM t ORDER BY id", "1|2\n2|2\n3|1"),
        ("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 4) SELECT sum(x) FROM r", "10"),
        ("SELECT 1 UNION SELECT 2 UNION ALL SELECT 2 ORDER BY 1", "1\n2\n2"),
        ("SELECT g, n FROM t UNION SELECT 'z', NULL ORDER BY 2 NULLS FIRST, 1 LIMIT 2", "z|\na|10"),
        ("SELECT string_agg(g, ',' ORDER BY n DESC), array_agg(n ORDER BY n) FROM t", "b,a,a|{10,20,30}"),
        ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n), mode() WITHIN GROUP (ORDER BY g) FROM t", "20|a"),
        ("SELECT g, count(*) FROM t GROUP BY ROLLUP (g) ORDER BY g", "a|2\nb|1\n|3"),
        ("SELECT n * 2 AS twice FROM t WHERE n * 2 > 20 ORDER BY twice", "40\n60"),
        ("SELECT n * 2 AS twice FROM t WHERE twice > 20", "ERROR:  column \"twice\" does not exist"),
        ("SELECT t.id, x.m FROM t, LATERAL (SELECT max(n) AS m FROM t y WHERE y.g = t.g) x ORDER BY 1", "1|20\n2|20\n3|30"),
        ("SELECT nope FROM t", "ERROR:  column \"nope\" does not exist"),
        ("SELECT * FROM nope", "ERROR:  relation \"nope\" does not exist"),
        ("SELECT nope(1)", "ERROR:  function nope(integer) does not exist"),
        ("SELECT g, n FROM t GROUP BY g", "ERROR:  column \"t.n\" must appear in the GROUP BY clause or be used in an aggregate function"),
        ("SELECT id, id FROM t WHERE n + 0 = 10", "1|1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_cannot_take_the_process_down() {
    answers(&[
        (
            "SELECT count(*) FROM generate_series(1, 10000000000.0)",
            "ERROR:  the series has too many rows",
        ),
        (
            "SELECT n FROM generate_series(1, 10000000000) AS s(n) LIMIT 2",
            "1\n2",
        ),
        (
            "SELECT repeat('x', 2000000000)",
            "ERROR:  requested length too large",
        ),
    ])
    .await;
}

/// DataFusion's dependencies between columns reach further than they hold.
#[tokio::test(flavor = "multi_thread")]
async fn grouping_what_is_grouped_keeps_every_key() {
    answers(&[
        (
            "SELECT DISTINCT y.a FROM (SELECT column1 a FROM (VALUES (1)) t GROUP BY 1) y,
                (VALUES ('x'), ('y')) z(c) GROUP BY y.a, z.c",
            "1",
        ),
        (
            "SELECT y.a, z.c FROM (SELECT 1 a GROUP BY 1) y, (VALUES ('x'), ('y')) z(c)
                GROUP BY y.a, z.c ORDER BY 1, 2 DESC",
            "1|y\n1|x",
        ),
        (
            "WITH d AS (SELECT DISTINCT g FROM t) SELECT count(*) FROM
                (SELECT d.g, t.n FROM d JOIN t USING (g) GROUP BY 1, 2) x",
            "3",
        ),
        (
            "SELECT a, unnest(ARRAY[1, 2]) u FROM (VALUES (1)) t(a) GROUP BY a ORDER BY 1, 2 DESC",
            "1|2\n1|1",
        ),
        (
            "SELECT count(*) FROM t LEFT JOIN (SELECT g, unnest(ARRAY[1, 2]) u
                FROM (SELECT DISTINCT g FROM t) z) x ON x.g = t.g",
            "6",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_leaves_not_in_open() {
    answers(&[
        ("SELECT 1 WHERE 'z' NOT IN (SELECT NULL::text)", ""),
        ("SELECT 1 WHERE 'z' NOT IN (SELECT 'a' WHERE false)", "1"),
        (
            "SELECT x FROM (VALUES (1), (2), (NULL)) v(x) WHERE x NOT IN (SELECT 1)",
            "2",
        ),
        (
            "SELECT x FROM (VALUES (1), (NULL)) v(x) WHERE x NOT IN (SELECT 1 WHERE false) ORDER BY 1",
            "1\n",
        ),
        (
            "SELECT x FROM (VALUES (1), (2)) v(x) WHERE x <> ALL (SELECT y FROM (VALUES (1), (NULL)) w(y))",
            "",
        ),
        (
            "SELECT x, x IN (SELECT y FROM (VALUES (1), (NULL)) w(y)), x NOT IN (SELECT 1)
                FROM (VALUES (1), (2), (NULL)) v(x) ORDER BY 1",
            "1|t|f\n2||t\n||",
        ),
        ("SELECT 1 WHERE (1, 2) NOT IN (SELECT 1, NULL::int)", ""),
        ("SELECT 1 WHERE (1, 2) NOT IN (SELECT 2, NULL::int)", "1"),
        (
            "SELECT count(*) FROM (VALUES (1), (NULL)) v(x)
                WHERE NOT (x IN (SELECT 2) OR x = 7)",
            "1",
        ),
        (
            "SELECT count(*) FROM (VALUES (1), (NULL)) v(x) WHERE (x IN (SELECT 2)) IS NULL",
            "1",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subqueries_are_truth_values_anywhere() {
    answers(&[
        ("SELECT EXISTS (SELECT 1 FROM t WHERE n > 20)", "t"),
        ("SELECT NOT EXISTS (SELECT 1 FROM t WHERE n > 20)", "f"),
        (
            "SELECT id, EXISTS (SELECT 1 FROM t y WHERE y.g = t.g AND y.n > t.id * 10) FROM t WHERE false",
            "",
        ),
        (
            "SELECT id, CASE WHEN EXISTS (SELECT 1 FROM t y WHERE y.id = t.id) THEN 'yes' ELSE 'no' END
                FROM t ORDER BY 1",
            "1|yes\n2|yes\n3|yes",
        ),
        (
            "SELECT id IN (SELECT id FROM t WHERE n > 10) AS late, count(*) FROM t GROUP BY 1 ORDER BY 1",
            "f|1\nt|2",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_builds_on_another() {
    answers(&[(
        "SELECT x, sum(x) OVER b FROM generate_series(1, 4) x
            WINDOW a AS (PARTITION BY x % 2), b AS (a ORDER BY x) ORDER BY x",
        "1|1\n2|2\n3|4\n4|6",
    )])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_join_lets_go_of_its_thread() {
    // A filter that lets half of the pairs through, and one that lets none.
    for condition in ["a > b", "a > b + 100000000"] {
        // Plans of this engine share one thread.
        let engine = engine();
        let mut busy = session(&engine, 1);
        let cancel = busy.cancel_token();
        let endless = tokio::spawn(async move {
            let series = "generate_series(1, 1000000)";
            let sql = format!("SELECT count(*) FROM {series} a, {series} b WHERE {condition}");
            run(&mut busy, &sql).await
        });
        // Until the join is well under way: no other test's looks so often.
        let looks = || LOOKS.load(std::sync::atomic::Ordering::Relaxed);
        let before = looks();
        while looks() < before + 2000 && !endless.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel(Error::new(state::QUERY_CANCELED, "enough"));
        let error = endless.await.unwrap().unwrap_err();
        assert!(error.is(state::QUERY_CANCELED), "{error:?}");
        let mut next = session(&engine, 2);
        let pairs = "SELECT count(*) FROM generate_series(1, 10) a, generate_series(1, 10) b";
        let answer = tokio::time::timeout(Duration::from_secs(5), run(&mut next, pairs)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{condition}: the thread is still busy"));
        assert_eq!(answer.unwrap(), "100");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_long_over_one_row_heeds_a_timeout() {
    let engine = engine();
    let mut busy = session(&engine, 1);
    run(
        &mut busy,
        "CREATE TABLE long (s text, j jsonb);
         INSERT INTO long SELECT repeat('a', 3000000), jsonb_agg(x) FROM generate_series(1, 3000) x;
         SET statement_timeout = '300ms'",
    )
    .await
    .unwrap();
    // Each would take hours; and the plans of this engine share one thread.
    for sql in [
        "SELECT regexp_count(s, 'a*b|a') FROM long",
        "SELECT regexp_count(repeat('a', 1000) || repeat('a', 700000), 'a*b|a')",
        "SELECT length(regexp_replace(s, 'a*b|a', 'x', 'g')) FROM long",
        "SELECT jsonb_path_exists(j, '$[*] ? (exists($[*] ? (exists($[*] ? (@ > 5000)))))') FROM long",
    ] {
        let error = run(&mut busy, sql).await.unwrap_err();
        assert!(error.is(state::QUERY_CANCELED), "{sql}: {error:?}");
        let mut next = session(&engine, 2);
        let series = "SELECT count(*) FROM generate_series(1, 100)";
        let answer = tokio::time::timeout(Duration::from_secs(5), run(&mut next, series)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{sql}: the thread is still busy"));
        assert_eq!(answer.unwrap(), "100");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_collect_in_the_order_they_are_told() {
    answers(&[
        ("SELECT json_agg(n ORDER BY n DESC), jsonb_agg(b ORDER BY id DESC) FROM t", "[30, 20, 10]|[null, 200, 100]"),
        ("SELECT json_agg(DISTINCT g), array_agg(DISTINCT n ORDER BY n DESC) FROM t", "[\"a\", \"b\"]|{30,20,10}"),
        ("SELECT json_agg(n) FILTER (WHERE n > 99), string_agg(g, ',' ORDER BY id) FILTER (WHERE n > 99) FROM t", "|"),
        ("SELECT json_agg(x) FROM (VALUES (array[1, 2]), (array[3]), (NULL)) v(x)", "[[1,2], \n [3], null]"),
        (
            "SELECT string_agg(DISTINCT g, ',' ORDER BY g DESC), string_agg(DISTINCT n::text, '-' ORDER BY n::text), string_agg(g, '' ORDER BY id DESC) FROM t",
            "b,a|10-20-30|baa",
        ),
        ("SELECT g, string_agg(DISTINCT g, ','), json_agg(n ORDER BY n DESC) FROM t GROUP BY g ORDER BY g", "a|a|[20, 10]\nb|b|[30]"),
        (
            "SELECT array_agg(DISTINCT g ORDER BY n) FROM t",
            "ERROR:  in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
        ),
        (
            "SELECT array_agg(g ORDER BY n) OVER () FROM t",
            "ERROR:  aggregate ORDER BY is not implemented for window functions",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_operations_count_copies() {
    answers(&[
        ("VALUES (1), (1), (1), (2) INTERSECT ALL VALUES (1), (1), (3) ORDER BY 1", "1\n1"),
        ("VALUES (1), (1), (1), (2) EXCEPT ALL VALUES (1), (3) ORDER BY 1", "1\n1\n2"),
        ("(SELECT g FROM t UNION ALL VALUES (NULL), (NULL)) EXCEPT ALL VALUES ('a'), (NULL) ORDER BY 1", "a\nb\n"),
        ("SELECT count(*) FROM (VALUES (1, 1.0), (1, 1.00), (2, 5) INTERSECT VALUES (1, 1.000)) v", "1"),
        ("VALUES (1.0), (1.00), (2.5) EXCEPT VALUES (1.000)", "2.5"),
        ("SELECT count(*) FROM (VALUES (1.0), (1.00), (2.5), (2) UNION VALUES (2.0)) v(x)", "3"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_values_are_peers_however_they_are_written() {
    answers(&[
        ("SELECT interval '24 hours' = interval '1 day', interval '1 day' < interval '25 hours', interval '100 days' > interval '1 month', interval '1 month' IN ('30 days', '1 day')", "t|t|t|t"),
        ("SELECT x FROM (VALUES (interval '2 days'), ('25 hours'), ('1 month'), ('-1 hour')) v(x) ORDER BY x DESC", "1 mon\n2 days\n25:00:00\n-01:00:00"),
        ("SELECT min(x), max(x), count(DISTINCT x), greatest(min(x), '1 hour'), least(max(x), '1 year') FROM (VALUES (interval '2 days'), ('48 hours'), ('1 month'), ('-1 hour'), (NULL)) v(x)", "-01:00:00|1 mon|3|01:00:00|1 mon"),
        ("SELECT x, count(*) FROM (VALUES (interval '1 day'), ('24 hours'), ('1 mon'), (NULL)) v(x) GROUP BY x ORDER BY x", "1 day|2\n1 mon|1\n|1"),
        ("SELECT DISTINCT x FROM (VALUES (interval '1 day'), ('24 hours'), ('1 mon')) v(x) ORDER BY x", "1 day\n1 mon"),
        ("SELECT DISTINCT x FROM (VALUES (1.0), (1.00), (2), (NULL)) v(x) ORDER BY x", "1.0\n2\n"),
        ("SELECT x, count(*), x + 1 FROM (VALUES (1.0), (1.00), (2), (NULL)) v(x) GROUP BY x HAVING x = 1 OR x IS NULL ORDER BY x", "1.0|2|2.0\n|1|"),
        ("SELECT x, g, count(*) FROM (VALUES (1.0, 'a'), (1.00, 'a'), (2, 'b')) v(x, g) GROUP BY ROLLUP (x, g) ORDER BY x, g", "1.0|a|2\n1.0||2\n2|b|1\n2||1\n||3"),
        ("SELECT x, grouping(x), count(*) FROM (VALUES (1.0), (1.00), (2)) v(x) GROUP BY GROUPING SETS ((x), ()) ORDER BY 2, 1", "1.0|0|2\n2|0|1\n|1|3"),
        ("SELECT count(DISTINCT x) FROM (VALUES (1.0), (1.00), (2), (NULL)) v(x)", "2"),
        ("SELECT n, rank() OVER (ORDER BY x), count(*) OVER (PARTITION BY x) FROM (VALUES (1, 1.0), (2, 1.00), (3, 2)) v(n, x) ORDER BY n", "1|1|2\n2|1|2\n3|3|1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_makes_another_aggregate() {
    answers(&[
        ("SELECT sum(n), sum(n::numeric), sum(n::float8), avg(n), avg(n::float8) FROM t", "60|60|60|20.0000000000000000|20"),
        ("SELECT g, sum(n) OVER (PARTITION BY g), sum(n::float8) OVER (PARTITION BY g), sum(n::numeric) OVER (PARTITION BY g) FROM t ORDER BY id", "a|30|30|30\na|30|30|30\nb|30|30|30"),
        ("SELECT n, n::text AS a, n::float8 AS b, count(*) FROM t GROUP BY n, n::text, n::float8 ORDER BY 1", "10|10|10|1\n20|20|20|1\n30|30|30|1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subquery_gives_its_one_row() {
    answers(&[
        ("SELECT id, (SELECT x.n FROM t x WHERE x.id = t.id + 1) FROM t ORDER BY id", "1|20\n2|30\n3|"),
        ("SELECT g, (SELECT x.f FROM t x WHERE x.g = t.g AND x.id < 2), count(*) FROM t GROUP BY g ORDER BY g", "a|1.5|2\nb||1"),
        ("SELECT id, (SELECT x.n FROM t x WHERE x.g = t.g) FROM t ORDER BY id", "ERROR:  more than one row returned by a subquery used as an expression"),
        ("SELECT id, (SELECT x.n FROM t x WHERE x.g = t.g) FROM t WHERE id = 3", "3|30"),
        ("SELECT id, (SELECT x.n FROM t x WHERE x.g = t.g ORDER BY x.id DESC LIMIT 1) FROM t ORDER BY id", "1|20\n2|20\n3|30"),
        ("SELECT id, (SELECT x.n FROM t x WHERE x.g = t.g ORDER BY x.id LIMIT 1 OFFSET 1) FROM t ORDER BY id", "1|20\n2|20\n3|"),
        ("SELECT id FROM t WHERE n = (SELECT x.n FROM t x WHERE x.id = t.id LIMIT 1) ORDER BY id", "1\n2\n3"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_becomes_json() {
    answers(&[
        ("SELECT row_to_json(x), to_json(x) FROM (SELECT id, p FROM t WHERE id = 1) x", "{\"id\":1,\"p\":10.50}|{\"id\":1,\"p\":10.50}"),
        ("SELECT to_jsonb(x) FROM (SELECT id, g FROM t WHERE id = 1) x", "{\"g\": \"a\", \"id\": 1}"),
        ("SELECT json_agg(x ORDER BY id DESC) FROM (SELECT id, g FROM t WHERE id > 1) x", "[{\"id\":3,\"g\":\"b\"}, \n {\"id\":2,\"g\":\"a\"}]"),
        ("SELECT g, jsonb_agg(x ORDER BY id) FROM (SELECT id, g FROM t) x GROUP BY g ORDER BY g", "a|[{\"g\": \"a\", \"id\": 1}, {\"g\": \"a\", \"id\": 2}]\nb|[{\"g\": \"b\", \"id\": 3}]"),
        ("SELECT row_to_json(row(1, 'a', NULL)), to_json((2, true))", "{\"f1\":1,\"f2\":\"a\",\"f3\":null}|{\"f1\":2,\"f2\":true}"),
        (
            "SELECT a.id, row_to_json(y) FROM t a LEFT JOIN (SELECT id, n FROM t WHERE id = 1) y ON y.id = a.id ORDER BY 1 LIMIT 2",
            "1|{\"id\":1,\"n\":10}\n2|",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_patterns() {
    answers(&[
        ("SELECT g LIKE ANY (ARRAY['a%', 'x']), g NOT LIKE ANY (ARRAY['a%', 'b%']), g ILIKE ANY ('{A,B}') FROM t ORDER BY id", "t|t|t\nt|t|t\nf|t|t"),
        ("SELECT json_object_agg(g, n ORDER BY id), jsonb_object_agg(g, n ORDER BY id) FROM t", "{ \"a\" : 10, \"a\" : 20, \"b\" : 30 }|{\"a\": 20, \"b\": 30}"),
        ("SELECT json_object_agg(g, n) FROM t WHERE id > 9", ""),
        ("SELECT json_object_agg(NULL::text, 1)", "ERROR:  field name must not be null"),
        ("SELECT x FROM jsonb_array_elements_text('[\"a\", 1, null, {\"k\": true}]') x", "a\n1\n\n{\"k\": true}"),
        ("SELECT json_array_elements_text('[\"b\"]')", "b"),
        ("SELECT regexp_matches('foobarbequebaz', 'ba.', 'g')", "{bar}\n{baz}"),
        ("SELECT regexp_matches('foobarbequebaz', '(bar)(beque)')", "{bar,beque}"),
        ("SELECT regexp_matches('abc', 'x')", ""),
        ("SELECT m FROM regexp_matches('a1b22', '([a-z])([0-9]+)?', 'g') m", "{a,1}\n{b,22}"),
        ("SELECT make_interval(days => 10, hours => 3), make_interval(1, 2, 3), make_interval(secs => 1.5), make_interval()", "10 days 03:00:00|1 year 2 mons 21 days|00:00:01.5|00:00:00"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_postgresql_has() {
    answers(&[
        ("SELECT width_bucket(5, ARRAY[1, 3, 10]), width_bucket(0, ARRAY[1, 3, 10]), width_bucket(10.5, ARRAY[1.0, 3, 10])", "2|0|3"),
        ("SELECT age(d) = age(current_date::timestamp, d), age(current_date::timestamp) FROM t WHERE id = 1", "t|00:00:00"),
        ("SELECT format('abc'), format('100%%')", "abc|100%"),
        ("SELECT trim_array(ARRAY[1, 2, 3], 2)", "{1}"),
        ("SELECT trim_array(ARRAY[1, 2, 3], 4)", "ERROR:  number of elements to trim must be between 0 and 3"),
        ("SELECT mode() WITHIN GROUP (ORDER BY n DESC), mode() WITHIN GROUP (ORDER BY n) FROM t", "30|10"),
        ("SELECT justify_interval('1 mon -1 hour'), justify_interval('-1 mon 1 day 1 hour'), justify_interval('35 days 30 hours')", "29 days 23:00:00|-28 days -23:00:00|1 mon 6 days 06:00:00"),
        ("SELECT regexp_split_to_array('abc', ''), regexp_split_to_array('a1b2', '[0-9]'), regexp_split_to_array('', 'x')", "{a,b,c}|{a,b,\"\"}|{\"\"}"),
        ("SELECT format('%2000000000s', 'x')", "ERROR:  out of memory"),
        ("SELECT length(to_char(1, repeat('9', 10000)))", "10001"),
        ("SELECT json_build_array(), json_build_object()", "[]|{}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_worded_as_postgresqls() {
    answers(&[
        (
            "SELECT row_number()",
            "ERROR:  window function row_number requires an OVER clause",
        ),
        (
            "SELECT lag(n) FROM t",
            "ERROR:  window function lag requires an OVER clause",
        ),
        (
            "SELECT nth_value(n, 0) OVER () FROM t",
            "ERROR:  argument of nth_value must be greater than zero",
        ),
        (
            "SELECT ntile(0) OVER () FROM t",
            "ERROR:  argument of ntile must be greater than zero",
        ),
        (
            "SELECT u.id FROM t f",
            "ERROR:  missing FROM-clause entry for table \"u\"",
        ),
        (
            "SELECT t.id FROM t f",
            "ERROR:  invalid reference to FROM-clause entry for table \"t\"",
        ),
        (
            "SELECT t.* FROM t f",
            "ERROR:  invalid reference to FROM-clause entry for table \"t\"",
        ),
        (
            "SELECT f.idd FROM t f",
            "ERROR:  column f.idd does not exist",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_carry_codes_and_hints() {
    let engine = engine();
    let mut session = session(&engine, 1);
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, carrier text)",
    )
    .await
    .unwrap();
    let wide = format!("SELECT 1{}", ", 1".repeat(1664));
    for (question, code, hint) in [
        (
            "SELECT t.id FROM t f",
            "42P01",
            Some("Perhaps you meant to reference the table alias \"f\"."),
        ),
        (
            "SELECT f.carier FROM t f",
            "42703",
            Some("Perhaps you meant to reference the column \"f.carrier\"."),
        ),
        ("SELECT row_number() FROM t", "42809", None),
        ("SELECT ntile(0) OVER () FROM t", "22014", None),
        ("SELECT nth_value(id, 0) OVER () FROM t", "22016", None),
        ("SELECT format('%2000000000s', 'x')", "54000", None),
        (wide.as_str(), "54011", None),
        (
            "SELECT array_agg(DISTINCT id ORDER BY -id) FROM t",
            "42P10",
            None,
        ),
    ] {
        let error = run(&mut session, question).await.unwrap_err();
        assert_eq!(error.state().as_str(), code, "{question}");
        assert_eq!(error.hint(), hint, "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_aggregates_know_equals() {
    answers(&[
        ("SELECT sum(DISTINCT x), avg(DISTINCT x) FROM (VALUES (1.0), (1.00), (2)) v(x)", "3.0|1.5000000000000000"),
        ("SELECT sum(DISTINCT x) FROM (VALUES (interval '1 day'), ('24 hours'), ('2 hours')) v(x)", "1 day 02:00:00"),
        ("SELECT sum(DISTINCT n), sum(DISTINCT f) FROM t", "60|4"),
        (
            "SELECT (array_agg(DISTINCT x ORDER BY x DESC))[2], array_length(array_agg(DISTINCT x), 1) FROM (VALUES (2), (1.0), (1.00), (NULL), (NULL)) v(x)",
            "2|3",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subquery_may_group() {
    answers(&[
        ("SELECT id, (SELECT count(*) FROM t x WHERE x.g = t.g GROUP BY x.g), (SELECT x.ok FROM t x WHERE x.g = t.g AND x.id <> 1 GROUP BY x.ok) FROM t ORDER BY id", "1|2|f\n2|2|f\n3|1|"),
        ("SELECT id, (SELECT x.n / 10 FROM t x WHERE x.g = t.g GROUP BY x.n / 10 ORDER BY count(*) DESC, 1 LIMIT 1) FROM t ORDER BY id", "1|1\n2|1\n3|3"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_as_text() {
    answers(&[
        ("SELECT encode('\\x0102ff'::bytea, 'hex'), encode('hello'::bytea, 'base64'), encode('\\x6100ff5c'::bytea, 'escape')", "0102ff|aGVsbG8=|a\\000\\377\\\\"),
        ("SELECT length(encode(repeat('a', 57)::bytea, 'base64')), length(encode(repeat('a', 58)::bytea, 'base64')), encode('ab'::bytea, 'base64'), encode(''::bytea, 'base64')", "77|81|YWI=|"),
        ("SELECT encode(decode('aGVs bG8=', 'base64'), 'escape'), encode(decode('0aFF', 'hex'), 'hex'), decode('a\\\\\\101', 'escape')", "hello|0aff|\\x615c41"),
        ("SELECT encode('a'::bytea, 'nope')", "ERROR:  unrecognized encoding: \"nope\""),
        ("SELECT decode('abc', 'hex')", "ERROR:  invalid hexadecimal data: odd number of digits"),
        ("SELECT decode('a', 'base64')", "ERROR:  invalid base64 end sequence"),
        ("SELECT encode(sha256('abc'::bytea), 'hex'), encode(sha256(repeat('a', 100)::bytea), 'hex')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad|2816597888e4a0d3a36b82b83316ab32680eb8f00f8cd3b904d681246d285a0e"),
    ])
    .await;
}
