-- WITH items that give other rows every time: PostgreSQL works them out once.
WITH x AS (SELECT random() AS p) SELECT a.p = b.p FROM x a, x b;
WITH x AS (SELECT g FROM generate_series(1, 5000) g ORDER BY random() LIMIT 3) SELECT count(*) FROM x a JOIN x b USING (g);
WITH x AS (SELECT random() AS p) SELECT p BETWEEN 0 AND 1 FROM x;
WITH x AS (SELECT random() AS p) SELECT s.p = s.p FROM (SELECT p FROM x) s;
WITH x AS (SELECT * FROM generate_series(1, 3) g), g AS (SELECT random() AS p) SELECT (SELECT count(*) FROM x), count(*) FROM g a, g b;
WITH z AS (SELECT FROM generate_series(1, 3) WHERE random() >= 0) SELECT count(*) FROM z a, z b;
WITH x AS (SELECT 1 / (random() * 0)::int AS p) SELECT 1 WHERE false AND EXISTS (SELECT FROM x) AND EXISTS (SELECT FROM x);
WITH z AS (SELECT random() AS p, ARRAY[[1, 2], [3, 4]] AS m) SELECT a.m FROM z a, z b;
WITH a AS (SELECT 1 AS v), z AS (WITH a AS (SELECT 2 AS v) SELECT v, random() AS p FROM a) SELECT m.v, a.v FROM z m, z n, a;
PREPARE twice (int) AS WITH x AS (SELECT $1 + random() AS p, $1 AS k) SELECT a.k FROM x a, x b WHERE a.k = $1;
EXECUTE twice (3);
CREATE TABLE f (id int, x int);
INSERT INTO f WITH x AS (SELECT 53 AS k, random() AS p), y AS (INSERT INTO f VALUES (54, 1) RETURNING id) SELECT a.k, 3 FROM x a, x b;
SELECT * FROM f;
CREATE SEQUENCE asked;
SELECT coalesce(nextval('asked'), nextval('asked'));
-- differs: values that are asked for at once
SELECT nextval('asked');
CREATE TABLE z (x float8, id int);
INSERT INTO z VALUES ('-0', 1), (0, 2), (1, 3), ('NaN', 4), (NULL, 5);
SELECT id, x IN (0, 1), x IN (0, 1, 2, 3), x NOT IN (0, 1, 2, 3), x IN (id - id, 7), -x IN (x, id + 4), x IN ('NaN', 5, 6, 7) FROM z ORDER BY id;
SELECT id FROM z WHERE -x IN (0, 7) ORDER BY id;
SELECT id FROM z WHERE -x NOT IN (0, 7, 8, 9) ORDER BY id;
SELECT id FROM z WHERE x IN (0, 7, 8, 9) ORDER BY id;
SELECT id FROM z WHERE x = ANY ('{0,7,8,9}') ORDER BY id;
