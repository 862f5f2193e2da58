//! Queries that look at the rows around them, and PostgreSQL 15's answers to them.

use super::answers::answers;

#[tokio::test(flavor = "multi_thread")]
async fn subqueries_see_the_rows_around_them() {
    answers(&[
        // PostgreSQL takes it for the outer query's and answers 2.
        ("SELECT (SELECT max(x.v) FROM (VALUES (1)) y(w)) FROM (VALUES (1), (2)) x(v)", "ERROR:  an aggregate of the rows around a subquery inside it is not supported"),
        ("SELECT a.id, b.id FROM t a, LATERAL (SELECT id FROM t ORDER BY n DESC LIMIT 1) b ORDER BY 1", "1|3\n2|3\n3|3"),
        ("SELECT id, (SELECT count(*) FROM t y WHERE y.n < t.n) FROM t ORDER BY 1", "1|0\n2|1\n3|2"),
        ("SELECT id, (SELECT sum(y.n) FROM t y WHERE y.n < t.n) AS s FROM t ORDER BY 1", "1|\n2|10\n3|30"),
        ("SELECT id, (SELECT max(y.n) FROM t y WHERE y.n < t.n OR y.g = t.g) FROM t ORDER BY 1", "1|20\n2|20\n3|30"),
        ("SELECT t.id, x.id FROM t CROSS JOIN LATERAL (SELECT y.id FROM t y WHERE y.g = t.g ORDER BY y.n DESC LIMIT 1) x ORDER BY 1", "1|2\n2|2\n3|3"),
        ("SELECT t.id, x.id FROM t LEFT JOIN LATERAL (SELECT y.id FROM t y WHERE y.n > t.n ORDER BY y.n LIMIT 1) x ON true ORDER BY 1", "1|2\n2|3\n3|"),
        ("SELECT t.id, x.id FROM t, LATERAL (SELECT y.id FROM t y WHERE y.id <> t.id ORDER BY y.id OFFSET 1 LIMIT 1) x ORDER BY 1", "1|3\n2|3\n3|2"),
        ("SELECT t.id, x.c FROM t, LATERAL (SELECT count(*) AS c FROM t y WHERE y.n > t.n) x ORDER BY 1", "1|2\n2|1\n3|0"),
        ("SELECT g, (SELECT count(DISTINCT y.id) FROM t y WHERE y.g >= o.g) FROM t o GROUP BY g ORDER BY 1", "a|3\nb|1"),
        ("SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM t y WHERE y.n > t.n) ORDER BY 1", "3"),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t y WHERE y.n > t.n AND EXISTS (SELECT 1 FROM t z WHERE z.n > y.n AND z.g <> t.g)) ORDER BY 1", "1"),
        ("SELECT DISTINCT g FROM t x WHERE NOT EXISTS (SELECT 1 FROM (VALUES (10), (20)) v(n) WHERE NOT EXISTS (SELECT 1 FROM t y WHERE y.g = x.g AND y.n = v.n)) ORDER BY 1", "a"),
        ("SELECT id, (SELECT count(*) FROM t y WHERE y.b IS NOT DISTINCT FROM t.b) FROM t ORDER BY 1", "1|1\n2|1\n3|1"),
        ("SELECT id, (SELECT y.id FROM t y WHERE y.n > t.n ORDER BY y.n LIMIT 1) FROM t ORDER BY 1", "1|2\n2|3\n3|"),
        ("SELECT id, n > ALL (SELECT y.n FROM t y WHERE y.g <> t.g) AS a FROM t WHERE n >= ALL (SELECT y.n FROM t y WHERE y.g = t.g) ORDER BY 1", "2|f\n3|t"),
        ("SELECT id FROM t WHERE n > ANY (SELECT y.n FROM t y WHERE y.g = t.g) ORDER BY 1", "2"),
        ("SELECT id FROM t WHERE g NOT IN (SELECT g FROM t y WHERE y.n > t.n) ORDER BY 1", "2\n3"),
        ("SELECT id FROM t WHERE n NOT IN (SELECT n FROM t y WHERE y.g <> t.g) ORDER BY 1", "1\n2\n3"),
        ("SELECT id, g IN (SELECT DISTINCT g FROM t y WHERE y.n > t.n) FROM t ORDER BY 1", "1|t\n2|f\n3|f"),
        ("SELECT id, (WITH q AS (SELECT y.n FROM t y WHERE y.g = t.g) SELECT max(n) FROM q) FROM t ORDER BY 1", "1|20\n2|20\n3|30"),
        ("SELECT id, ARRAY(SELECT y.n FROM t y WHERE y.n <= t.n ORDER BY y.n DESC) FROM t ORDER BY 1", "1|{10}\n2|{20,10}\n3|{30,20,10}"),
        ("SELECT id, ARRAY(SELECT DISTINCT y.g FROM t y WHERE y.id <= t.id ORDER BY 1) FROM t ORDER BY 1", "1|{a}\n2|{a}\n3|{a,b}"),
        ("SELECT t.id, x.r FROM t, LATERAL (SELECT y.id, rank() OVER (ORDER BY y.n) AS r FROM t y WHERE y.n <= t.n) x WHERE x.id = t.id ORDER BY 1", "1|1\n2|2\n3|3"),
        ("SELECT t.id, x.g, x.c FROM t, LATERAL (SELECT y.g, count(*) AS c FROM t y WHERE y.n >= t.n GROUP BY y.g HAVING count(*) > 0) x ORDER BY 1, 2", "1|a|2\n1|b|1\n2|a|1\n2|b|1\n3|b|1"),
        ("SELECT t.id, x.v FROM t, LATERAL (SELECT t.n AS v UNION ALL SELECT y.n FROM t y WHERE y.n = t.n + 10) x ORDER BY 1, 2", "1|10\n1|20\n2|20\n2|30\n3|30"),
        ("SELECT t.id, v.k, v.x FROM t, LATERAL (VALUES ('n', t.n), ('id', t.id)) AS v(k, x) ORDER BY 1, 2", "1|id|1\n1|n|10\n2|id|2\n2|n|20\n3|id|3\n3|n|30"),
        ("SELECT t.id, x.s FROM t, LATERAL (SELECT sum(s) AS s FROM generate_series(1, t.id) s) x ORDER BY 1", "1|1\n2|3\n3|6"),
        ("SELECT id, (SELECT string_agg(y.g || y.id, ',' ORDER BY y.id DESC) FROM t y WHERE y.id >= t.id) FROM t ORDER BY 1", "1|b3,a2,a1\n2|b3,a2\n3|b3"),
        ("SELECT id, (SELECT (SELECT count(*) FROM t z WHERE z.n > y.n AND z.id <> t.id) FROM t y WHERE y.id = t.id) FROM t ORDER BY 1", "1|2\n2|1\n3|0"),
        ("SELECT id, coalesce((SELECT y.n FROM t y WHERE y.n > t.n AND y.g <> t.g), -1) FROM t ORDER BY 1", "1|30\n2|30\n3|-1"),
        ("SELECT id, (SELECT y.n FROM t y WHERE y.n < t.n) FROM t ORDER BY 1", "ERROR:  more than one row returned by a subquery used as an expression"),
        ("SELECT id, (SELECT l.id FROM t l LEFT JOIN t r ON r.n > l.n AND r.id = t.id WHERE r.id IS NULL ORDER BY l.id LIMIT 1) FROM t ORDER BY 1", "1|1\n2|2\n3|3"),
        ("SELECT max((SELECT count(*) FROM t y WHERE y.n <= t.n)) FROM t", "3"),
        ("SELECT id FROM t ORDER BY (SELECT count(*) FROM t y WHERE y.n > t.n)", "3\n2\n1"),
        ("SELECT id, CASE WHEN EXISTS (SELECT 1 FROM t y WHERE y.n > t.n + 5) THEN 'more' ELSE 'last' END FROM t ORDER BY 1", "1|more\n2|more\n3|last"),
        ("SELECT t.id, x.lo, x.hi FROM t LEFT JOIN LATERAL (SELECT min(y.n) AS lo, max(y.n) AS hi FROM t y WHERE y.id < t.id) x ON x.lo > 5 ORDER BY 1", "1||\n2|10|10\n3|10|20"),
        ("SELECT g, x.n FROM (SELECT DISTINCT g FROM t) d JOIN LATERAL (SELECT n FROM t WHERE t.g = d.g ORDER BY n DESC FETCH FIRST 1 ROW ONLY) x ON true ORDER BY g", "a|20\nb|30"),
        ("SELECT id, ARRAY(SELECT y.g FROM t y WHERE y.n <= t.n ORDER BY y.n DESC LIMIT 2) FROM t ORDER BY 1", "1|{a}\n2|{a,a}\n3|{b,a}"),
        ("SELECT ARRAY(SELECT g FROM t ORDER BY n DESC)", "{b,a,a}"),
        ("SELECT ARRAY(SELECT g || id FROM t ORDER BY n DESC LIMIT 2 OFFSET 1)", "{a2,a1}"),
        ("SELECT id, (SELECT array_agg(x.k) FROM (SELECT y.id AS k FROM t y WHERE y.n >= t.n GROUP BY y.id HAVING count(*) = 1 ORDER BY 1) x) FROM t ORDER BY 1", "1|{1,2,3}\n2|{2,3}\n3|{3}"),
        ("SELECT o.id, l.* FROM t o, LATERAL (SELECT i.id AS a, k.id AS b FROM t i JOIN t k ON k.n > i.n AND k.id <> o.id WHERE i.id <= o.id) l ORDER BY 1, 2, 3", "1|1|2\n1|1|3\n2|1|3\n2|2|3\n3|1|2"),
        ("SELECT o.id, (SELECT count(*) FROM t i FULL JOIN t k ON i.id = k.id + o.id WHERE i.id IS NULL) FROM t o ORDER BY 1", "1|1\n2|2\n3|3"),
        ("SELECT o.id, (SELECT sum(w) FROM (SELECT sum(n) OVER (ORDER BY id) AS w FROM t i WHERE i.id <= o.id) q) FROM t o ORDER BY 1", "1|10\n2|40\n3|100"),
        ("SELECT o.id, (SELECT count(*) FROM (SELECT g FROM t i WHERE i.id >= o.id INTERSECT SELECT g FROM t k WHERE k.id <= o.id) q) FROM t o ORDER BY 1", "1|1\n2|1\n3|1"),
        ("SELECT o.id, (SELECT string_agg(g, '' ORDER BY g) FROM (SELECT g FROM t i WHERE i.id >= o.id UNION SELECT 'z' WHERE o.id > 1) q) FROM t o ORDER BY 1", "1|ab\n2|abz\n3|bz"),
        ("SELECT o.id FROM t o WHERE o.n < (SELECT avg(i.n) FROM t i WHERE i.id <> o.id) AND EXISTS (SELECT 1 FROM t k WHERE k.n > o.n) ORDER BY 1", "1"),
        ("SELECT o.id, l.g, l.s FROM t o CROSS JOIN LATERAL (SELECT g, sum(n) AS s FROM t i WHERE i.id >= o.id GROUP BY GROUPING SETS ((g), ())) l ORDER BY 1, 2 NULLS FIRST, 3", "1||60\n1|a|30\n1|b|30\n2||50\n2|a|20\n2|b|30\n3||30\n3|b|30"),
        ("SELECT o.id, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i.n) FROM t i WHERE i.n >= o.n) FROM t o ORDER BY 1", "1|20\n2|25\n3|30"),
        ("SELECT o.id, l.g FROM t o, LATERAL (SELECT DISTINCT ON (g) g, id FROM t i WHERE i.id >= o.id ORDER BY g, id DESC) l ORDER BY 1, 2", "1|a\n1|b\n2|a\n2|b\n3|b"),
        ("SELECT o.id, u FROM t o, LATERAL (SELECT u FROM unnest(ARRAY[o.id, o.n]) u WHERE u > o.id) x ORDER BY 1, 2", "ERROR:  column reference \"u\" is ambiguous"),
        ("SELECT (SELECT count(*) FROM t i WHERE i.n > o.n AND i.ts IS NOT DISTINCT FROM o.ts), count(*) FROM t o GROUP BY 1 ORDER BY 1", "0|3"),
        ("SELECT id, b > ANY (SELECT y.b FROM t y WHERE y.id <> t.id) AS a, b < ALL (SELECT y.b FROM t y WHERE y.id <> t.id) AS l, n > ALL (SELECT y.n FROM t y WHERE y.id < t.id) AS e FROM t ORDER BY 1", "1|||t\n2|t|f|t\n3|||t"),
        ("SELECT id, NOT (b >= ANY (SELECT y.b FROM t y WHERE y.n >= t.n)) FROM t WHERE NOT (n < ALL (SELECT y.n FROM t y WHERE y.n > t.n)) OR id > 1 ORDER BY 1", "2|f\n3|"),
        ("SELECT a.id, b.id FROM t a JOIN t b ON a.id < b.id AND EXISTS (SELECT 1 FROM t c WHERE c.n > a.n AND c.n < b.n) ORDER BY 1, 2", "1|3"),
        ("SELECT a.id, x.n FROM t a, LATERAL (SELECT n FROM t b WHERE b.n > a.n OFFSET 0) x WHERE a.id < 3 ORDER BY 1, 2", "1|20\n1|30\n2|30"),
        ("SELECT a.id, x.n FROM t a, LATERAL (SELECT n FROM t b WHERE b.n > a.n ORDER BY n OFFSET 1) x ORDER BY 1, 2", "1|30"),
        ("SELECT m, l.* FROM generate_series(1, 2) m, LATERAL (SELECT g, count(*) AS n, grouping(g) AS r FROM t WHERE id >= m GROUP BY ROLLUP (g)) l ORDER BY 1, 2 NULLS LAST", "1|a|2|0\n1|b|1|0\n1||3|1\n2|a|1|0\n2|b|1|0\n2||2|1"),
        ("SELECT a.id, x.m FROM t a LEFT JOIN LATERAL (SELECT max(b.n) AS m FROM t b WHERE b.n < a.n) x ON x.m > 10 WHERE a.ok IS NOT FALSE AND EXISTS (SELECT 1 FROM t c WHERE c.id <> a.id AND c.n > a.n - 15) ORDER BY 1", "1|\n3|20"),
        ("SELECT v.x, v.x >= ANY (SELECT w.y FROM (VALUES (1), (NULL::int), (3)) w(y)), v.x <> ALL (SELECT w.y FROM (VALUES (1), (3)) w(y)) FROM (VALUES (5), (0), (NULL), (3)) v(x) ORDER BY 1", "0||t\n3|t|f\n5|t|t\n||"),
        ("SELECT g FROM t UNION SELECT 'z' ORDER BY lower(g)", "ERROR:  invalid UNION/INTERSECT/EXCEPT ORDER BY clause"),
        ("SELECT v.x, v.x > ANY (SELECT w.y FROM (VALUES (1, 1), (2, NULL::int)) w(k, y) WHERE w.k = v.k) FROM (VALUES (1, NULL::int), (2, 5), (3, 5)) v(k, x) ORDER BY v.k", "|\n5|\n5|f"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_keep_the_order_of_the_query_they_read() {
    answers(&[
        ("SELECT array_agg(g), string_agg(g, ','), json_agg(x) FROM (SELECT g, n FROM t ORDER BY n DESC) x", "{b,a,a}|b,a,a|[{\"g\":\"b\",\"n\":30}, \n {\"g\":\"a\",\"n\":20}, \n {\"g\":\"a\",\"n\":10}]"),
        ("SELECT json_agg(x) FROM (SELECT g, count(*) AS c FROM t GROUP BY g ORDER BY g DESC) x", "[{\"g\":\"b\",\"c\":1}, \n {\"g\":\"a\",\"c\":2}]"),
        ("SELECT g, array_agg(id) FROM (SELECT g, id FROM t ORDER BY id DESC LIMIT 2) x GROUP BY g ORDER BY g", "a|{2}\nb|{3}"),
        ("SELECT array_agg(g ORDER BY g) FROM (SELECT g FROM t ORDER BY n DESC) x", "{a,a,b}"),
        ("SELECT json_object_agg(id, g) FROM (SELECT * FROM t ORDER BY id DESC) x WHERE n > 5", "{ \"3\" : \"b\", \"2\" : \"a\", \"1\" : \"a\" }"),
        ("SELECT x.* FROM (SELECT g, id FROM t ORDER BY n DESC) x WHERE id = 1", "a|1"),
        ("SELECT to_json(tz), to_json(ts), json_build_object('at', tz) FROM t WHERE id = 2", "\"2013-02-15T11:30:00+00:00\"|\"2013-02-15T11:30:15.5\"|{\"at\" : \"2013-02-15T11:30:00+00:00\"}"),
        ("SELECT to_json('NaN'::float8), to_json(1.5::float8), to_json('Infinity'::float8), to_json(10.00)", "\"NaN\"|1.5|\"Infinity\"|10.00"),
        ("WITH q AS (SELECT g, n FROM t ORDER BY n DESC) SELECT string_agg(g, '') FROM q", "baa"),
        ("SELECT id, (SELECT json_agg(x) FROM (SELECT y.g FROM t y WHERE y.n <= t.n ORDER BY y.n DESC) x) FROM t ORDER BY id", "1|[{\"g\":\"a\"}]\n2|[{\"g\":\"a\"}, \n {\"g\":\"a\"}]\n3|[{\"g\":\"b\"}, \n {\"g\":\"a\"}, \n {\"g\":\"a\"}]"),
        ("SELECT count(*), sum(n) FROM (SELECT n FROM t ORDER BY n LIMIT 2) x", "2|30"),
        ("SELECT array_agg(id) FROM (SELECT DISTINCT ON (g) g, id FROM t ORDER BY g DESC, id) x", "{3,1}"),
    ])
    .await;
}
