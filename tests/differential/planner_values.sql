-- Subqueries of constants, numbers beyond numeric's digits, frames by distance, and what
-- PostgreSQL refuses where a value or a match is wanted.

CREATE TABLE none (a int, b text);
CREATE TABLE three (id int PRIMARY KEY, x int, f float8, v varchar(3), d date);
INSERT INTO three VALUES (1, 10, 1.5, 'ab', '2024-01-01'), (2, NULL, 2e200, 'c', '2024-01-03'), (3, 30, NULL, NULL, NULL);

-- a subquery of a constant without a row is NULL
SELECT coalesce((SELECT 2 FROM none WHERE a > 0), -1) AS x;
SELECT (SELECT 'here' FROM none), (SELECT 5), (SELECT 5 WHERE false), (SELECT 6 FROM three WHERE id = 1);
SELECT (SELECT true FROM none LIMIT 1) IS NULL, coalesce((SELECT false FROM none LIMIT 1), true);
SELECT coalesce((SELECT 1.50 FROM none OFFSET 2), 7.25), (SELECT date '2024-01-01' FROM none);
SELECT id, (SELECT 1 FROM none WHERE a = three.id), coalesce((SELECT 'k' FROM three t WHERE t.id = three.id + 1), 'last') FROM three ORDER BY id;
SELECT id FROM three WHERE coalesce((SELECT 2 FROM none), 2) = id;
SELECT (SELECT 5 FROM three HAVING count(*) > 3), (SELECT 5 FROM three HAVING count(*) = 3);
SELECT CASE WHEN (SELECT 1 FROM none) IS NULL THEN 'no row' ELSE 'row' END;
SELECT (SELECT 1 FROM three);
INSERT INTO none VALUES ((SELECT 9 FROM none WHERE b = 'x'), (SELECT 'lit' FROM three WHERE id = 3));
SELECT * FROM none;
DELETE FROM none;
SELECT count(*), (SELECT 3 FROM none) FROM three GROUP BY 2;
SELECT EXISTS (SELECT 1 FROM none), (SELECT count(*) FROM none), (SELECT max(1) FROM none);

-- several columns from a query with an aggregate beside something else
UPDATE three SET (x, v) = (SELECT max(id) + 100, 'mx' FROM three) WHERE id = 1 RETURNING id, x, v;
UPDATE three SET (x, f) = (SELECT count(*), 2.5 FROM three t WHERE t.id <= three.id) RETURNING id, x, f;
UPDATE three SET (x, v) = (SELECT sum(a), 'non' FROM none) WHERE id = 2 RETURNING x, v;
UPDATE three SET (v, x) = (SELECT 'z', 4 WHERE false) WHERE id = 3 RETURNING v, x;
UPDATE three SET (v, x) = (SELECT 'two', id FROM three t) WHERE id = 3;
SELECT (1, 2) = (SELECT min(id), 2 FROM three), (3, 'a') = (SELECT count(*), 'a' FROM three);

-- a float8 is compared with any number that it holds
SELECT id FROM three WHERE f < 1e100 ORDER BY id;
SELECT id FROM three WHERE f > 1e40 OR f = 2e200 ORDER BY id;
SELECT f BETWEEN -1e300 AND 1e300, f <> 1e250, f IN (1e205, 2e200) FROM three WHERE f IS NOT NULL ORDER BY id;
UPDATE three SET f = 3e250 WHERE id = 3 RETURNING f;
UPDATE three SET f = f * 1e50 WHERE id = 3 RETURNING f;
UPDATE three SET f = -1e299 WHERE id = 3 RETURNING f;
SELECT f FROM three WHERE f = -1e299;
SELECT greatest(f, 1e45), coalesce(f, 1e77), CASE WHEN id > 2 THEN f ELSE 1e200 END FROM three ORDER BY id;
SELECT f > 1e400 FROM three;
SELECT 1e300::float8, (-1e300)::float8 + 1;

-- frames by distance
SELECT id, count(*) OVER (ORDER BY id RANGE BETWEEN '1' PRECEDING AND CURRENT ROW) FROM three ORDER BY id;
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW) FROM three;
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN CURRENT ROW AND -2 FOLLOWING) FROM three;
SELECT sum(id) OVER (ORDER BY d RANGE '-2 days' PRECEDING) FROM three;
SELECT sum(id) OVER (ORDER BY d RANGE INTERVAL '-1 hour' PRECEDING) FROM three;
SELECT sum(id) OVER (ORDER BY d RANGE 3 PRECEDING) FROM three;
SELECT sum(id) OVER (ORDER BY id RANGE INTERVAL '1 day' PRECEDING) FROM three;
SELECT id, sum(id) OVER (ORDER BY d RANGE BETWEEN '2 days' PRECEDING AND '1 hour' FOLLOWING) FROM three ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY id::numeric RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW) FROM three ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY f RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW) FROM three WHERE f > 0 ORDER BY id;
-- differs: dates at their edges
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING) FROM (VALUES (date '2024-01-01'), ('infinity'), (NULL)) t(x) ORDER BY x;
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM (VALUES (date '2024-01-01'), ('infinity'), (NULL)) t(x) ORDER BY x;

-- one value in each row
SELECT CASE id WHEN 1 THEN generate_series(1, 2) ELSE 0 END FROM three;
SELECT CASE WHEN unnest(ARRAY[true]) THEN 1 END;
SELECT coalesce(NULL, unnest(ARRAY[1, 2]));
SELECT CASE WHEN true THEN (SELECT max(g) FROM generate_series(1, 3) g) END, coalesce((SELECT unnest(ARRAY[7])), 1);
SELECT generate_series(1, CASE WHEN true THEN 2 END), nullif(1, 2), greatest(1, generate_series(1, 2));

-- what a FULL JOIN finds its rows by
SELECT * FROM three a FULL JOIN three b ON a.id < b.id;
SELECT * FROM three a FULL JOIN none b ON a.id = 1;
SELECT * FROM three a FULL JOIN none b ON a.id = b.a OR a.v = b.b;
SELECT a.id, b.id FROM three a FULL JOIN three b ON a.id = b.id + 1 AND a.id > 2 ORDER BY 1, 2;
SELECT a.id, b.a FROM three a FULL JOIN none b ON true ORDER BY 1;
SELECT a.id, b.id FROM three a FULL JOIN three b ON a.id IN (b.id) ORDER BY 1;
SELECT a.id, b.id FROM three a FULL JOIN three b ON b.id - 1 = a.id * 2 ORDER BY 1, 2;

-- the types of a recursive query
WITH RECURSIVE w AS (SELECT 'ab'::varchar(4) AS s UNION ALL SELECT s || 'c' FROM w WHERE length(s) < 4) SELECT * FROM w;
WITH RECURSIVE w(n, s) AS (SELECT 1, 'ab'::varchar(4) UNION ALL SELECT n + 1, s FROM w WHERE n < 3) SELECT * FROM w ORDER BY n;
WITH RECURSIVE w(n, s) AS (SELECT 1, 'ab'::char(2) UNION ALL SELECT n + 1, s || 'x' FROM w WHERE n < 3) SELECT * FROM w ORDER BY n;
WITH RECURSIVE w(n, s) AS (SELECT 1, 'ab'::varchar UNION ALL SELECT n + 1, s || 'x' FROM w WHERE n < 3) SELECT * FROM w ORDER BY n;

-- collations
SELECT v COLLATE "C" FROM three ORDER BY v COLLATE "POSIX";
SELECT v FROM three ORDER BY v COLLATE "xx_YY";
SELECT 'b' COLLATE nosuch;
SELECT id COLLATE "C" FROM three;
SELECT v COLLATE "C" > v COLLATE "POSIX" FROM three;
SELECT v COLLATE pg_catalog."default" < 'b' FROM three ORDER BY id;
SELECT v FROM three WHERE v COLLATE "C" < 'b' COLLATE "C";

-- names of counts over relations that have no row
SELECT count(*), count(*) + 1, max(enumlabel) FROM pg_enum;
SELECT count(*) AS n FROM pg_inherits;
SELECT coalesce(count(*), 0), count(tgname) FROM pg_trigger;
