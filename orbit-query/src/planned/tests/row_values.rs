//! Row values: PostgreSQL's answers.

use super::answers::answers;

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_compared_from_the_left() {
    answers(&[
        ("SELECT (1, 2) = (1, 2), ROW(1, 2) = ROW(1, 2), (1, 2) < (1, 3), ROW(1, 2) < ROW(1, NULL), (1, NULL) = (2, NULL), (1, NULL) = (1, 2)", "t|t|t||f|"),
        ("SELECT (1, NULL) < (2, 1), (1, NULL) <= (1, 1), (2, 1) >= (1, NULL), (1, 2) <> (1, 2), (1, NULL) <> (2, NULL)", "t||t|f|t"),
        ("SELECT (1, 2) IN ((1, 2), (3, 4)), (1, 2) NOT IN ((1, 2), (3, 4)), (1, NULL) IN ((1, 2)), (1, NULL) NOT IN ((2, 2)), ROW(1, 2) IN (ROW(1, 2))", "t|f||t|t"),
        ("SELECT (1, 2) = (1, 2, 3)", "ERROR:  unequal number of entries in row expressions"),
        ("SELECT id FROM t WHERE (n, g) > (10, 'a') ORDER BY id", "2\n3"),
        ("SELECT (1, 2) IS NULL, ROW(NULL, NULL) IS NULL, ROW(1, NULL) IS NOT NULL, ROW(1, NULL) IS NULL, (id, n) IS NOT NULL FROM t WHERE id = 1", "f|t|f|f|t"),
        ("SELECT ROW(1, 2) IS DISTINCT FROM ROW(1, NULL), (1, NULL) IS NOT DISTINCT FROM (1, NULL)", "t|t"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_looked_up_in_queries() {
    answers(&[
        ("SELECT id, (id, n) IN (SELECT id, n FROM t WHERE id < 3) FROM t ORDER BY id", "1|t\n2|t\n3|f"),
        ("SELECT id, (id, n) NOT IN (SELECT id, b FROM t) FROM t ORDER BY id", "1|t\n2|t\n3|"),
        ("SELECT id, (id, b) IN (SELECT id, b FROM t), (id, b) NOT IN (SELECT id, n FROM t) FROM t ORDER BY id", "1|t|t\n2|t|t\n3||"),
        ("SELECT id, (g, n) IN (SELECT g, n FROM t WHERE false) FROM t ORDER BY id", "1|f\n2|f\n3|f"),
        ("SELECT ROW(id, n) IN (SELECT id, n FROM t), (id, n) = ANY (SELECT id, n FROM t), (1, 2) IN (VALUES (1, 2)) FROM t WHERE id = 1", "t|t|t"),
        ("SELECT (u, f) IN (SELECT u, f FROM t), (u, 1.5) IN (SELECT 1.5, f FROM t) FROM t ORDER BY id", "t|t\nt|f\n|"),
        ("SELECT (NULL, 1) IN (SELECT g, n FROM t), (NULL, 10) IN (SELECT g, n FROM t)", "f|"),
        ("SELECT id FROM t WHERE (id, n) IN (SELECT id, n FROM t WHERE id > 1) ORDER BY id", "2\n3"),
        ("SELECT id FROM t WHERE (id, b) NOT IN (SELECT id, b FROM t WHERE id < 3) ORDER BY id", "3"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_time_overlap() {
    answers(&[
        ("SELECT (date '2020-01-01', date '2020-02-01') OVERLAPS (date '2020-01-15', date '2020-03-01')", "t"),
        ("SELECT (date '2020-01-01', interval '1 month') OVERLAPS (date '2020-01-15', interval '1 day'), (time '10:00', time '11:00') OVERLAPS (time '10:30', interval '1 hour')", "t|t"),
        ("SELECT (NULL::date, date '2020-02-01') OVERLAPS (date '2020-01-15', date '2020-03-01'), (date '2020-02-01', NULL) OVERLAPS (date '2020-01-15', date '2020-03-01')", "t|t"),
        ("SELECT (timestamp '2020-02-01', timestamp '2020-01-01') OVERLAPS (timestamp '2020-02-01', timestamp '2020-02-01')", "f"),
        ("SELECT id, (ts, interval '1 hour') OVERLAPS (timestamp '2013-01-01 10:30', timestamp '2013-01-01 12:00') FROM t ORDER BY id", "1|t\n2|f\n3|"),
        ("SELECT (1, 2) OVERLAPS (1, 2, 3)", "ERROR:  wrong number of parameters on right side of OVERLAPS expression"),
    ])
    .await;
}
