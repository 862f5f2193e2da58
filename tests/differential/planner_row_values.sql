-- Rows as values, patterns against every row of a query, select lists of nothing, ROWS FROM, TABLESAMPLE.

CREATE TABLE p (id int PRIMARY KEY, name text, born date);
INSERT INTO p VALUES (1, 'ann', '2001-02-03'), (2, 'bo "b"', NULL), (10, NULL, '1999-12-31');

SELECT row(p.*), row(0, p.*), row(p.*, 'end') FROM p ORDER BY id;
SELECT row(1, p.*) = row(1, 1, 'ann', date '2001-02-03') FROM p ORDER BY id;
SELECT (p.*)::text, p.*::text FROM p ORDER BY id;
SELECT p.* IS NULL, p.* IS NOT NULL, (p.*) IS NOT NULL FROM p ORDER BY id;
SELECT to_json(p.*), row_to_json(p.*), to_jsonb(p.*) FROM p ORDER BY id;
SELECT row_to_json(row(p.*)), to_jsonb(row(id, p.*)) FROM p ORDER BY id;
SELECT json_build_object('p', p), jsonb_build_object('p', p, 'n', 1), json_build_array(p, id) FROM p ORDER BY id;
SELECT jsonb_build_array(row(id, name), p.*) FROM p ORDER BY id;
SELECT json_build_object('p', p, 'n', count(*)) FROM p GROUP BY p ORDER BY p;
SELECT row_to_json(p), count(*) FROM p GROUP BY p ORDER BY 2, p;
SELECT p, max(id) FROM p GROUP BY p ORDER BY p DESC;
SELECT json_agg(p.* ORDER BY id), jsonb_agg(p ORDER BY id DESC), json_object_agg(id, p ORDER BY id) FROM p;
SELECT count(p.*), count(p) FROM p LEFT JOIN p q ON false;
SELECT json_build_object('r', r) FROM (SELECT row(id, name) AS r FROM p WHERE id = 1) s;
SELECT length(p.*::text), md5(p.*::text) = md5(p::text) FROM p ORDER BY id;
SELECT coalesce(nosuch.*::text, '') FROM p;
SELECT row(nosuch.*) FROM p;

SELECT (p).*, (p).id + 1 FROM p ORDER BY id;
SELECT (row(id, name)).f1, (row(id, name)).f2 || '!' FROM p ORDER BY id;
SELECT (row(1, 2)).*, (row('a'::text, NULL::int)).*;
SELECT (s.r).f1 + 1, (s.r).f2, (s.r).* FROM (SELECT row(id, born, name) AS r FROM p) s ORDER BY 1;
SELECT (row(1, 2)).f3;
SELECT (jsonb_each('{"a": 1, "b": [2]}')).*;
SELECT id, (json_each_text(row_to_json(p))).key, (json_each_text(row_to_json(p))).value FROM p ORDER BY id, 2;
SELECT jsonb_each('{"a": 1, "b": "x"}'), json_each_text('{"c": "y z"}');
SELECT (jsonb_each_text('{"k": "v"}')).value || '!';
SELECT id, (jsonb_each(to_jsonb(p))).* FROM p WHERE id = 1 ORDER BY 2;
SELECT (id).* FROM p;

-- rows are in order by their values
SELECT r FROM (SELECT row(id, name) AS r FROM p) s ORDER BY r;
SELECT r FROM (SELECT row(born, id) AS r FROM p) s ORDER BY r DESC;
SELECT a FROM (SELECT ARRAY[row(id), row(-id)] AS a FROM p) s ORDER BY a;
SELECT r < row(3, 'x'::text), r = row(2, 'bo "b"'::text) FROM (SELECT row(id, name) AS r FROM p WHERE name IS NOT NULL) s ORDER BY r;
SELECT r > row(2::bigint, 'a'::text) FROM (SELECT row(id, name) AS r FROM p) s;
SELECT r > s FROM (SELECT row(id, name) AS r, row(id) AS s FROM p) s;
SELECT rank() OVER (ORDER BY r), r FROM (SELECT row(id % 9, id) AS r FROM p) s ORDER BY r;

-- patterns of a query's rows
SELECT id FROM p WHERE name LIKE ANY (SELECT 'a%' UNION ALL SELECT '%"') ORDER BY id;
SELECT id, name LIKE ALL (SELECT x FROM (VALUES ('%n'), ('a%')) v(x)) FROM p ORDER BY id;
SELECT id, name NOT LIKE ANY (SELECT '%n%' UNION SELECT NULL), name NOT ILIKE ALL (SELECT 'B%') FROM p ORDER BY id;
SELECT 'abc' LIKE ALL (SELECT 'x' WHERE false), 'abc' LIKE ANY (SELECT 'x' WHERE false);
SELECT id FROM p WHERE name ILIKE SOME (ARRAY['BO%', 'zz']) ORDER BY id;
SELECT id FROM p WHERE name ~ ANY (SELECT '^a') OR name !~ ALL (SELECT 'n$') ORDER BY id;
SELECT id FROM p WHERE name LIKE ALL (WITH w AS (SELECT '%o%' AS x) SELECT x FROM w);
SELECT id FROM p o WHERE 'ann' LIKE ANY (SELECT o.name) ORDER BY id;
SELECT id FROM p WHERE name LIKE ANY (SELECT id FROM p);

-- nothing selected
SELECT;
SELECT WHERE false;
SELECT FROM p;
SELECT FROM p WHERE id > 1;
SELECT EXISTS (SELECT WHERE true), EXISTS (SELECT FROM p WHERE id = 7);
SELECT UNION ALL SELECT;

-- ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 3), generate_series(10, 11)) AS t(a, b);
SELECT * FROM ROWS FROM (unnest(ARRAY['x', 'y']), length('four'));
SELECT * FROM ROWS FROM (jsonb_each('{"a": 1}'), generate_series(1, 2)) AS t(k, v, n);
SELECT id, g.a, g.b FROM p, ROWS FROM (generate_series(1, id), generate_series(1, 2)) AS g(a, b) WHERE id < 3 ORDER BY id, a;
SELECT n, ordinality FROM ROWS FROM (generate_series(5, 7)) WITH ORDINALITY AS t(n);

-- TABLESAMPLE
SELECT count(*) FROM p TABLESAMPLE BERNOULLI (100);
SELECT count(*) FROM p AS q TABLESAMPLE SYSTEM (0);
SELECT count(*) <= 3 FROM p TABLESAMPLE BERNOULLI (50.5);
SELECT count(*) FROM p TABLESAMPLE BERNOULLI (101);
SELECT count(*) FROM p TABLESAMPLE SYSTEM (-1);
