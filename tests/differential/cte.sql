-- WITH: plain, recursive, materialised, writing.
CREATE TABLE tree (id int PRIMARY KEY, parent int, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 2, 'ab'), (6, 4, 'aaa'), (7, 99, 'lost');
CREATE TABLE edge (f int, t int);
INSERT INTO edge VALUES (1, 2), (2, 3), (3, 1), (3, 4), (4, 5);
WITH x AS (SELECT 1 AS a) SELECT * FROM x;
WITH x (a, b) AS (SELECT 1, 2) SELECT b, a FROM x;
WITH x (a) AS (SELECT 1, 2) SELECT * FROM x;
WITH x (a, b, c) AS (SELECT 1, 2) SELECT * FROM x;
WITH x AS (SELECT 1 AS a), y AS (SELECT a + 1 AS b FROM x), z AS (SELECT a, b FROM x, y) SELECT * FROM z;
WITH x AS (SELECT 1), x AS (SELECT 2) SELECT * FROM x;
-- differs: wording of errors
WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x;
WITH x AS (VALUES (1, 'a'), (2, 'b')) SELECT column2 FROM x ORDER BY column1 DESC;
WITH x AS MATERIALIZED (SELECT 1 AS a) SELECT l.a, r.a FROM x l, x r;
WITH x AS NOT MATERIALIZED (SELECT generate_series(1, 3) AS a) SELECT sum(l.a * r.a) FROM x l, x r;
WITH x AS (SELECT 1 AS a) SELECT (WITH x AS (SELECT 2 AS a) SELECT a FROM x), a FROM x;
WITH tree AS (SELECT 'shadow' AS name) SELECT name FROM tree;
SELECT * FROM (WITH x AS (SELECT 5 AS a) SELECT a * 2 FROM x) s;
WITH x AS (SELECT id FROM tree WHERE parent = 1) SELECT name FROM tree WHERE id IN (SELECT id FROM x) ORDER BY 1;
WITH x AS (SELECT id, count(*) OVER () AS n FROM tree) SELECT max(n) FROM x;
WITH x AS (SELECT 1 AS a UNION SELECT 2) SELECT * FROM x UNION ALL SELECT * FROM x ORDER BY 1;
WITH x AS (SELECT 1 AS a) SELECT * FROM x ORDER BY a LIMIT 1 OFFSET 1;
WITH unused AS (SELECT 1 / 0) SELECT 'fine';
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t ORDER BY n;
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n * 2 FROM t WHERE n < 100) SELECT sum(n), count(*), max(n) FROM t;
WITH RECURSIVE t AS (SELECT id, name, 0 AS depth FROM tree WHERE parent IS NULL UNION ALL SELECT c.id, c.name, t.depth + 1 FROM tree c JOIN t ON c.parent = t.id) SELECT * FROM t ORDER BY depth, id;
WITH RECURSIVE t AS (SELECT id, parent, name::text AS path FROM tree WHERE parent IS NULL UNION ALL SELECT c.id, c.parent, t.path || '/' || c.name FROM tree c, t WHERE c.parent = t.id) SELECT path FROM t ORDER BY path;
WITH RECURSIVE up AS (SELECT id, parent FROM tree WHERE id = 6 UNION ALL SELECT p.id, p.parent FROM tree p JOIN up ON up.parent = p.id) SELECT array_agg(id ORDER BY id) FROM up;
WITH RECURSIVE r (a, b) AS (SELECT f, t FROM edge UNION SELECT r.a, e.t FROM r JOIN edge e ON r.b = e.f) SELECT a, count(*) FROM r GROUP BY a ORDER BY a;
WITH RECURSIVE p AS (SELECT f, t, ARRAY[f, t] AS path FROM edge WHERE f = 1 UNION ALL SELECT e.f, e.t, p.path || e.t FROM p JOIN edge e ON e.f = p.t WHERE e.t <> ALL (p.path)) SELECT path FROM p ORDER BY path;
WITH RECURSIVE t (n, f) AS (SELECT 1, 1::numeric UNION ALL SELECT n + 1, f * (n + 1) FROM t WHERE n < 25) SELECT n, f FROM t ORDER BY n DESC LIMIT 2;
WITH RECURSIVE fib (a, b) AS (SELECT 0::bigint, 1::bigint UNION ALL SELECT b, a + b FROM fib WHERE b < 1000000) SELECT max(a) FROM fib;
WITH RECURSIVE t (n) AS (SELECT 1 UNION SELECT (n + 1) % 4 FROM t) SELECT n FROM t ORDER BY n;
WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 3), y AS (SELECT n, n * n AS q FROM x) SELECT * FROM y ORDER BY 1;
WITH RECURSIVE x AS (SELECT 1 AS n) SELECT * FROM x;
WITH RECURSIVE t (d) AS (SELECT date '2024-02-27' UNION ALL SELECT d + 1 FROM t WHERE d < '2024-03-02') SELECT d FROM t ORDER BY d;
WITH RECURSIVE t (s) AS (SELECT 'a'::text UNION ALL SELECT s || 'b' FROM t WHERE length(s) < 4) SELECT * FROM t ORDER BY 1;
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT l.n, r.n FROM t l JOIN t r ON l.n + r.n = 4 ORDER BY 1;
-- differs: wording of errors
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 0.5 FROM t WHERE n < 3) SELECT * FROM t;
WITH RECURSIVE t (s) AS (SELECT 'a' UNION ALL SELECT s || 'b' FROM t WHERE length(s) < 3) SELECT * FROM t ORDER BY 1;
WITH RECURSIVE t (n) AS (SELECT n FROM t UNION ALL SELECT 1) SELECT * FROM t;
WITH RECURSIVE t (n) AS (SELECT 1 EXCEPT SELECT n FROM t) SELECT * FROM t;
WITH RECURSIVE t (n) AS (SELECT 1 INTERSECT ALL SELECT n FROM t) SELECT * FROM t;
-- differs: SQLSTATE of errors
WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT * FROM x) SELECT * FROM x;
-- differs: wording of errors
WITH t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t;
WITH x AS (SELECT max(id) AS top FROM tree) INSERT INTO tree SELECT top + 1, 1, 'new' FROM x RETURNING *;
WITH x AS (SELECT 2 AS id) UPDATE tree SET name = 'two' FROM x WHERE tree.id = x.id RETURNING tree.*;
WITH x AS (SELECT 9 AS id) DELETE FROM tree USING x WHERE tree.id = x.id RETURNING name;
SELECT * FROM tree ORDER BY id;
