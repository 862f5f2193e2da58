//! What PostgreSQL reads and how it reads it, and what it refuses: its answers.

use super::answers::answers;
use super::{engine, run, session};

#[tokio::test(flavor = "multi_thread")]
async fn a_types_precision_rounds() {
    answers(&[
        ("SELECT '12:34:56.789'::time(0), '2020-01-01 00:00:00.5555'::timestamp(2), '2020-01-01 00:00:00.5'::timestamptz(0), '1.23456 sec'::interval(2)", "12:34:57|2020-01-01 00:00:00.56|2020-01-01 00:00:01+00|00:00:01.23"),
        ("SELECT ts::timestamp(0), CAST(tz AS timestamptz(3)), ts::time(0) FROM t ORDER BY id", "2013-01-01 10:00:00|2013-01-01 10:00:00+00|10:00:00\n2013-02-15 11:30:16|2013-02-15 11:30:00+00|11:30:16\n||"),
        ("SELECT '2020-01-01 00:00:00.5555'::timestamp(2)::text, '23:59:59.999'::time(0)", "2020-01-01 00:00:00.56|24:00:00"),
        ("SELECT timestamp(0) '2020-01-01 00:00:00.5', interval(0) '1.5 sec', interval(2) '1 day 00:00:01.555'", "2020-01-01 00:00:01|00:00:02|1 day 00:00:01.56"),
        ("SELECT interval '1.5555' second(2), interval '-1.5555' second(2), interval '1 day 2:03:04' day to minute, '1 day 2:03:04.567'::interval day to second(1)", "00:00:01.56|-00:00:01.56|1 day 02:03:00|1 day 02:03:04.6"),
        ("SELECT '1 day 2:03:04'::interval hour, '1'::interval hour, interval '90' minute, interval '1-2' year to month, interval '1 2' day to hour", "1 day 02:00:00|01:00:00|01:30:00|1 year 2 mons|1 day 02:00:00"),
        ("SELECT interval '2:03' hour to minute, interval '1:2' minute to second, interval '400 days 25:00' day, interval '14 months' year, interval '1.5' hour, '1.5'::interval minute", "02:03:00|00:01:02|400 days|1 year|01:00:00|00:01:00"),
        ("SELECT '{2020-01-01 00:00:00.5555}'::timestamp(1)[], ARRAY[ts]::timestamp(0)[] FROM t WHERE id = 2", "{\"2020-01-01 00:00:00.6\"}|{\"2013-02-15 11:30:16\"}"),
        ("SELECT timestamp '1999-12-31 23:59:59.5'::timestamp(0), timestamp '1969-12-31 23:59:58.5'::timestamp(0), timestamp 'infinity'::timestamp(0)", "1999-12-31 23:59:59|1969-12-31 23:59:58|infinity"),
        ("SELECT current_timestamp(0) = date_trunc('second', current_timestamp(0)), localtimestamp(3) IS NULL", "t|f"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_stand_where_queries_do() {
    answers(&[
        ("SELECT id FROM t WHERE n IN (VALUES (10), (20)) ORDER BY 1", "1\n2"),
        ("SELECT id FROM t WHERE n NOT IN (VALUES (10), (20)) ORDER BY 1", "3"),
        ("SELECT id FROM t WHERE n = ANY (VALUES (10), (20)) ORDER BY 1", "1\n2"),
        ("SELECT id FROM t WHERE n > ALL (VALUES (10), (20)) ORDER BY 1", "3"),
        ("SELECT 1 IN (VALUES (1), (2)), 3 NOT IN (VALUES (1), (2)), (VALUES (7)), ARRAY(VALUES (1), (2)), EXISTS (VALUES (1))", "t|t|7|{1,2}|t"),
        ("SELECT id FROM t WHERE n IN (VALUES (10), (20) ORDER BY 1 LIMIT 1)", "1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_are_read() {
    answers(&[
        ("SELECT 1<-1, 1>-1, 1=-1, 2*-1, 2/-1, 1<>-1, 1<=-1, 1>=-1, 1-+1", "f|t|f|-2|-2|t|f|t|0"),
        ("SELECT 5 BETWEEN SYMMETRIC 10 AND 1, 5 NOT BETWEEN SYMMETRIC 10 AND 1, 5 BETWEEN ASYMMETRIC 1 AND 10, 5 BETWEEN SYMMETRIC NULL AND 1", "t|f|t|"),
        ("SELECT id FROM t WHERE n BETWEEN SYMMETRIC 25 AND 15", "2"),
        ("TABLE t ORDER BY id LIMIT 1", "1|a|10|100|1.5|10.50|1.500|2013-01-01|2013-01-01 10:00:00|2013-01-01 10:00:00+00|t"),
        ("SELECT id FROM (TABLE t) x WHERE id = 1", "1"),
        ("WITH q AS (TABLE t) SELECT count(*) FROM q", "3"),
        ("(TABLE t) EXCEPT TABLE t", ""),
        ("TABLE nope", "ERROR:  relation \"nope\" does not exist"),
        ("SELECT trim(leading from '  x '), trim(trailing from ' x  ') || '|', trim(from ' x '), trim(leading 'a' from 'aab'), trim(leading 'aab', 'a'), trim(both from 'aba', 'a')", "x | x||x|b|b|b"),
        ("SELECT g LIKE ALL (ARRAY['a%', '%']), g NOT LIKE ALL (ARRAY['a%', 'x']), g ILIKE ALL ('{A}') FROM t ORDER BY id", "t|f|t\nt|f|t\nf|t|f"),
        ("SELECT x.id, x.k FROM (t JOIN (SELECT 1 AS k) q ON t.id = q.k) AS x", "1|1"),
        ("SELECT x.aa, x.n FROM (t JOIN t b USING (id, n)) AS x(aa, n) ORDER BY 1 LIMIT 1", "1|10"),
        ("SELECT g, count(*) FROM t GROUP BY DISTINCT g, ROLLUP (g) ORDER BY 1", "a|2\nb|1"),
        ("SELECT g, n, count(*) FROM t GROUP BY DISTINCT ROLLUP (g, n), ROLLUP (g) ORDER BY 1, 2", "a|10|1\na|20|1\na||2\nb|30|1\nb||1\n||3"),
        ("SELECT g, count(*) FROM t GROUP BY ALL ROLLUP (g), ROLLUP (g) ORDER BY 1", "a|2\na|2\na|2\nb|1\nb|1\nb|1\n|3"),
        ("SELECT x, sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING EXCLUDE NO OTHERS) FROM generate_series(1, 3) x", "1|1\n2|3\n3|6"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_other_dialects_are_names() {
    answers(&[
        ("SELECT 1 top, 2 sort, 3 view, 4 match, 5 exclude, 6 minus, 7 cluster, 8 values, 9 sample, 10 start, 11 format, 12 div", "1|2|3|4|5|6|7|8|9|10|11|12"),
        ("SELECT top.x FROM (SELECT 1 x) top", "1"),
        ("SELECT sort.x, minus.y FROM (SELECT 1 x) sort, (SELECT 2 y) minus", "1|2"),
        ("WITH top AS (SELECT 1 x), view AS (SELECT 2 y) SELECT * FROM top, view", "1|2"),
        ("SELECT x FROM (SELECT 1 x) format WHERE x = 1", "1"),
        ("SELECT x FROM (SELECT 1 x) start", "1"),
        ("SELECT x FROM (SELECT 1 x) sample LIMIT 1", "1"),
        ("SELECT interval + 1 FROM (SELECT 1 AS interval) t WHERE interval = 1 GROUP BY interval ORDER BY interval", "2"),
        ("SELECT cube, rollup, trim FROM (SELECT 1 AS cube, 2 AS rollup, 3 AS trim) t GROUP BY cube, rollup, trim", "1|2|3"),
        ("SELECT qualify.x FROM (SELECT 1 x) qualify", "1"),
        ("SELECT x FROM (SELECT 1 x) set", "1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_refuses_is_refused() {
    answers(&[
        (
            "SELECT n * 2 AS m FROM t WHERE m > 10",
            "ERROR:  column \"m\" does not exist",
        ),
        (
            "SELECT n AS m, m + 1 FROM t",
            "ERROR:  column \"m\" does not exist",
        ),
        (
            "SELECT * FROM (SELECT 1)",
            "ERROR:  subquery in FROM must have an alias",
        ),
        (
            "SELECT * FROM (VALUES (1))",
            "ERROR:  VALUES in FROM must have an alias",
        ),
        (
            "SELECT * FROM (SELECT 1), (SELECT 2) b",
            "ERROR:  subquery in FROM must have an alias",
        ),
        (
            "SELECT count(DISTINCT *) FROM t",
            "ERROR:  syntax error at or near \"*\"",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_of_arrays_are_one_array() {
    answers(&[
        (
            "SELECT array_agg(ARRAY[n]) FROM t WHERE id < 3",
            "{{10},{20}}",
        ),
        (
            "SELECT array_agg(ARRAY[n, 1] ORDER BY id DESC) FROM t",
            "{{30,1},{20,1},{10,1}}",
        ),
        (
            "SELECT array_agg(a) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3])) v(a)",
            "ERROR:  cannot accumulate arrays of different dimensionality",
        ),
        (
            "SELECT array_agg(a) FROM (VALUES (NULL::int[])) v(a)",
            "ERROR:  cannot accumulate null arrays",
        ),
        (
            "SELECT array_agg(a) FROM (VALUES ('{}'::int[])) v(a)",
            "ERROR:  cannot accumulate empty arrays",
        ),
        (
            "SELECT array_agg(a) FROM (VALUES (ARRAY[1])) v(a) WHERE false",
            "",
        ),
        (
            "SELECT ARRAY[[1, 2], [n, 4]], ARRAY[ARRAY[n, 2]]::text FROM t WHERE id = 1",
            "{{1,2},{10,4}}|{{10,2}}",
        ),
        (
            "SELECT ARRAY[ARRAY[n, 2], ARRAY[3]] FROM t WHERE id = 1",
            "ERROR:  multidimensional arrays must have array expressions with matching dimensions",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_there_have_a_rank() {
    answers(&[
        ("SELECT rank(15) WITHIN GROUP (ORDER BY n), dense_rank(15) WITHIN GROUP (ORDER BY n), percent_rank(15) WITHIN GROUP (ORDER BY n), cume_dist(15) WITHIN GROUP (ORDER BY n) FROM t", "2|2|0.3333333333333333|0.5"),
        ("SELECT rank(15) WITHIN GROUP (ORDER BY n DESC), rank(20) WITHIN GROUP (ORDER BY n), cume_dist(20) WITHIN GROUP (ORDER BY n) FROM t", "3|2|0.75"),
        ("SELECT rank(10, 'x') WITHIN GROUP (ORDER BY n, g), rank('b') WITHIN GROUP (ORDER BY g), dense_rank('b') WITHIN GROUP (ORDER BY g) FROM t", "2|3|2"),
        ("SELECT rank(NULL::int) WITHIN GROUP (ORDER BY n), rank(5) WITHIN GROUP (ORDER BY b NULLS FIRST), dense_rank(150) WITHIN GROUP (ORDER BY b NULLS FIRST), rank(150) WITHIN GROUP (ORDER BY b) FROM t", "4|2|3|2"),
        ("SELECT rank(15) WITHIN GROUP (ORDER BY n), percent_rank(15) WITHIN GROUP (ORDER BY n), cume_dist(15) WITHIN GROUP (ORDER BY n) FROM t WHERE false", "1|0|1"),
        ("SELECT g, rank(15) WITHIN GROUP (ORDER BY n), rank(15) WITHIN GROUP (ORDER BY n) FILTER (WHERE id > 1) FROM t GROUP BY g ORDER BY g", "a|2|1\nb|1|1"),
        ("SELECT rank(1, 2) WITHIN GROUP (ORDER BY n) FROM t", "ERROR:  function rank(integer, integer, integer) does not exist"),
        ("SELECT mode() WITHIN GROUP (ORDER BY x), mode() WITHIN GROUP (ORDER BY x DESC) FROM (VALUES (1), (1), (2), (2), (3)) v(x)", "1|2"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_signs_of_money_are_not_padded() {
    answers(&[
        ("SELECT to_char(date '2020-03-05', 'TMMonth|TMMon|TMDay|TMDy|TMMONTH|tmmonth|FMMonth|Month|')", "March|Mar|Thursday|Thu|MARCH|march|March|March    |"),
        ("SELECT to_char(12, 'L99'), to_char(-12.5, 'L99.9'), to_char(12, '99L') || '|', to_char(12, 'FML99'), to_char(1234.5, 'L9,999.99'), to_char(12, 'LS99'), to_char(12, 'L099')", "  12| -12.5| 12 || 12|  1,234.50| +12|  012"),
        ("SELECT to_char(12, 'L999'), to_char(-12, 'L9999'), to_char(12, 'FM99L') || '|', to_char(12, 'SL99'), to_char(12, 'L99PR') || '|', to_char(-12, 'L99PR')", "   12|   -12|12 || +12|  12 || <12>"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_looks_as_far_as_it_is_told() {
    answers(&[(
        "SELECT lag(n, NULL) OVER (ORDER BY id), lag(n, NULL, 5) OVER (ORDER BY id), lag(n, 0) OVER (ORDER BY id), lag(n, -1) OVER (ORDER BY id), lead(n, 2, 7) OVER (ORDER BY id) FROM t",
        "||10|20|30\n||20|30|7\n||30||7",
    )])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_carry_postgresqls_codes() {
    let engine = engine();
    let mut session = session(&engine, 1);
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY, n int)")
        .await
        .unwrap();
    for (question, code, hint) in [
        (
            "SELECT * FROM (SELECT 1)",
            "42601",
            Some("For example, FROM (SELECT ...) [AS] foo."),
        ),
        (
            "SELECT * FROM (VALUES (1))",
            "42601",
            Some("For example, FROM (VALUES ...) [AS] foo."),
        ),
        ("SELECT n * 2 AS m FROM t WHERE m > 1", "42703", None),
        ("SELECT n AS m, m + 1 FROM t", "42703", None),
        ("SELECT count(DISTINCT *) FROM t", "42601", None),
        ("SELECT (1, 2) = (1, 2, 3)", "42601", None),
        ("SELECT (1, 2) OVERLAPS (3, 4)", "42883", None),
        ("UPDATE t SET (id, n) = (1, 2, 3)", "42601", None),
        ("UPDATE t SET (id, n) = 5", "0A000", None),
        (
            "SELECT sum(n) OVER (ORDER BY n ROWS CURRENT ROW EXCLUDE TIES) FROM t",
            "0A000",
            None,
        ),
        ("SELECT B'101'", "0A000", None),
        ("CREATE TABLE x (at interval day to minute)", "0A000", None),
        (
            "SELECT rank() WITHIN GROUP (ORDER BY n) FROM t",
            "42883",
            Some(
                "To use the hypothetical-set aggregate rank, the number of hypothetical direct arguments (here 0) must match the number of ordering columns (here 1).",
            ),
        ),
        (
            "SELECT array_agg(a) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3])) v(a)",
            "2202E",
            None,
        ),
        ("SELECT '1'::jsonb - 'a'", "22023", None),
        ("SELECT jsonb_set('[1]', '{a}', '2')", "22P02", None),
    ] {
        let error = run(&mut session, question).await.unwrap_err();
        assert_eq!(error.state().as_str(), code, "{question}");
        if hint.is_some() {
            assert_eq!(error.hint(), hint, "{question}");
        }
    }
}
