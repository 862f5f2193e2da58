//! Writes that name other relations, and WITH in front of them: PostgreSQL's answers,
//! one statement after the other.

use super::answers::answers;

#[tokio::test(flavor = "multi_thread")]
async fn several_columns_are_set_from_a_query() {
    answers(&[
        ("UPDATE t SET (n, b) = (SELECT 1, 2) WHERE id = 1 RETURNING id, n, b", "1|1|2"),
        ("UPDATE t SET (n, b) = (SELECT x.n + 1, x.id FROM t x WHERE x.id = t.id) WHERE id = 2 RETURNING id, n, b", "2|21|2"),
        ("UPDATE t SET (n, b) = (SELECT max(x.n), min(x.id) FROM t x WHERE x.g = t.g GROUP BY x.g) WHERE id = 3 RETURNING id, n, b", "3|30|3"),
        ("UPDATE t SET (n, b) = (SELECT n, b FROM t x WHERE false) WHERE id = 1 RETURNING n, b", "|"),
        ("UPDATE t SET (n, b) = (SELECT id, id FROM t) WHERE id = 1", "ERROR:  more than one row returned by a subquery used as an expression"),
        ("UPDATE t SET (n, b) = (SELECT 1) WHERE id = 1", "ERROR:  number of columns does not match number of values"),
        ("UPDATE t SET (n, b) = (1, 2, 3)", "ERROR:  number of columns does not match number of values"),
        ("UPDATE t SET (n, b) = ROW(5, 6) WHERE id = 1 RETURNING n, b", "5|6"),
        ("UPDATE t SET (n) = ROW(7) WHERE id = 1 RETURNING n", "7"),
        ("UPDATE t SET (n, b) = 5", "ERROR:  source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression"),
        ("SELECT id, n, b FROM t ORDER BY id", "1|7|6\n2|21|2\n3|30|3"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn returning_names_what_from_and_using_bring() {
    answers(&[
        ("UPDATE t SET n = a.x FROM (VALUES (1, 11)) a(id, x) WHERE a.id = t.id RETURNING t.id, a.x, n, a.id", "1|11|11|1"),
        ("UPDATE t SET n = a.x FROM (VALUES (2, 22, 'q')) a(id, x, y) WHERE a.id = t.id RETURNING t.n, a.*", "22|2|22|q"),
        ("UPDATE t SET n = 5 FROM (VALUES (1, 'z')) a(k, y) JOIN (VALUES (1, 2.50)) c(k, w) USING (k) WHERE k = t.id RETURNING t.id, k, w * 2, y || g", "1|1|5.00|za"),
        ("UPDATE t SET n = 1 FROM t a WHERE a.id = t.id RETURNING id", "ERROR:  column reference \"id\" is ambiguous"),
        ("UPDATE t SET n = 1 FROM t a WHERE a.id = t.id AND t.id = 1 RETURNING t.n, a.n", "1|5"),
        ("UPDATE t SET n = 1 FROM t a WHERE a.id = t.id RETURNING c.id", "ERROR:  missing FROM-clause entry for table \"c\""),
        ("DELETE FROM t USING (VALUES (1, 11)) a(id, x) WHERE a.id = t.id RETURNING t.id, a.x, t.n + a.x", "1|11|12"),
        ("DELETE FROM t USING t a WHERE a.id = t.id AND a.id = 2 RETURNING t.g, a.g", "a|a"),
        ("SELECT id, n FROM t ORDER BY id", "3|30"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_stands_before_a_write() {
    answers(&[
        ("WITH q AS (SELECT 1 AS k) UPDATE t SET n = 0 FROM q WHERE t.id = q.k RETURNING t.id, q.k", "1|1"),
        ("WITH q AS (SELECT 2 AS k) DELETE FROM t USING q WHERE t.id = q.k", "DELETE 1"),
        ("WITH q AS (SELECT 3 AS k) DELETE FROM t WHERE id IN (SELECT k FROM q) RETURNING id", "3"),
        ("WITH q AS (SELECT 9 AS k) INSERT INTO t(id) SELECT k FROM q", "INSERT 0 1"),
        ("WITH q AS (SELECT 10 AS k) INSERT INTO t(id) VALUES ((SELECT k + 1 FROM q)) RETURNING id", "11"),
        ("INSERT INTO t(id) WITH q AS (SELECT 12 AS k) SELECT k FROM q RETURNING id", "12"),
        ("WITH RECURSIVE q(k) AS (SELECT 20 UNION ALL SELECT k + 1 FROM q WHERE k < 22) INSERT INTO t(id, n) SELECT k, k FROM q", "INSERT 0 3"),
        ("SELECT id, n FROM t ORDER BY id", "1|0\n9|\n11|\n12|\n20|20\n21|21\n22|22"),
    ])
    .await;
}
