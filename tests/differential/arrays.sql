-- Arrays: input, subscripts, slices, operators, functions, unnest.
SELECT ARRAY[1, 2, 3], ARRAY['a', NULL, 'b,c', 'd"e', 'NULL', '', ' x '], ARRAY[[1, 2], [3, 4]], ARRAY[]::int[], '{}'::text[];
SELECT '{1,2,3}'::int[], '{a,"b c",NULL,"NULL"}'::text[], '{{1,2},{3,4}}'::int[], '[2:4]={1,2,3}'::int[], ' { 1 , 2 } '::int[];
SELECT '{1,2'::int[];
SELECT '{1,,2}'::int[];
SELECT '{{1,2},{3}}'::int[];
SELECT 'abc'::int[];
SELECT '{a}'::int[];
SELECT ARRAY[1, 'a'];
-- differs: empty arrays without a type
SELECT ARRAY[];
SELECT ARRAY[1, 2.5], ARRAY[1, NULL], ARRAY[NULL], ARRAY['1', 2], ARRAY[date '2024-01-01', '2024-02-01'];
SELECT (ARRAY[10, 20, 30])[1];
SELECT (ARRAY[10, 20, 30])[0];
SELECT (ARRAY[10, 20, 30])[4];
SELECT (ARRAY[10, 20, 30])[NULL];
SELECT (ARRAY[[1, 2], [3, 4]])[2][1];
-- differs: arrays of several dimensions
SELECT (ARRAY[[1, 2], [3, 4]])[1];
SELECT (ARRAY[1, 2, 3, 4])[2:3];
SELECT (ARRAY[1, 2, 3, 4])[:2];
SELECT (ARRAY[1, 2, 3, 4])[3:];
SELECT (ARRAY[1, 2, 3, 4])[3:1];
SELECT (ARRAY[[1, 2], [3, 4]])[1:1];
-- differs: arrays of several dimensions
SELECT (ARRAY[[1, 2], [3, 4]])[:][2:2];
SELECT ARRAY[1, 2] || 3, 0 || ARRAY[1, 2], ARRAY[1] || ARRAY[2, 3], ARRAY[1] || NULL::int, NULL::int[] || ARRAY[1], ARRAY[1, 2] || ARRAY[[3, 4]], ARRAY['a'] || 'b'::text;
SELECT ARRAY[1] || '{2,3}', ARRAY['a'] || '{b}';
SELECT ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3], ARRAY[1, 2] < ARRAY[1, 2, 0], ARRAY[1, NULL] = ARRAY[1, NULL], ARRAY[2] > ARRAY[1, 9], ARRAY[]::int[] < ARRAY[NULL]::int[], ARRAY[1, 2] <> '{2,1}';
SELECT ARRAY[1, 2, 3] @> ARRAY[2], ARRAY[2] <@ ARRAY[1, 2], ARRAY[1, 2] && ARRAY[2, 3], ARRAY[1] @> ARRAY[]::int[], ARRAY[1, NULL] @> ARRAY[NULL]::int[], ARRAY[1, 1] <@ ARRAY[1];
SELECT 1 = ANY (ARRAY[1, 2]);
SELECT 3 = ANY (ARRAY[1, 2]);
SELECT 3 = ANY (ARRAY[1, NULL]);
SELECT 1 <> ALL (ARRAY[2, 3]);
SELECT 1 < ALL (ARRAY[]::int[]);
SELECT 1 = ANY ('{1,2}');
SELECT 'a' LIKE ANY (ARRAY['b%', 'a%']);
-- differs: arrays written as text
SELECT 5 > ALL ('{1,2,NULL}');
SELECT 1 = ANY (5);
SELECT array_length(ARRAY[1, 2, 3], 1);
SELECT array_length(ARRAY[[1, 2], [3, 4]], 2);
SELECT array_length('{}'::int[], 1);
SELECT array_length(ARRAY[1], 2);
SELECT cardinality(ARRAY[[1, 2], [3, 4]]);
SELECT cardinality('{}'::int[]);
SELECT array_ndims(ARRAY[[1]]);
SELECT array_dims(ARRAY[[1, 2], [3, 4]]);
SELECT array_upper(ARRAY[1, 2], 1);
-- differs: arrays of several dimensions
SELECT array_lower('[0:1]={1,2}'::int[], 1);
SELECT array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2]), array_append(NULL, 1), array_remove(ARRAY[1, 2, 1, NULL], 1), array_remove(ARRAY[1, NULL], NULL), array_replace(ARRAY[1, 2, 1], 1, 9), array_replace(ARRAY[1, NULL], NULL, 0);
SELECT array_position(ARRAY['a', 'b', 'a'], 'a');
SELECT array_position(ARRAY['a', 'b', 'a'], 'a', 2);
SELECT array_position(ARRAY[1, NULL], NULL);
SELECT array_position(ARRAY[1], 9);
SELECT array_positions(ARRAY[1, 2, 1], 1);
SELECT array_positions(ARRAY[1], 9);
SELECT array_fill(7, ARRAY[3]);
-- differs: arrays of several dimensions
SELECT array_fill(0, ARRAY[2, 2]);
SELECT trim_array(ARRAY[1, 2, 3], 2);
SELECT trim_array(ARRAY[1, 2], 5);
SELECT array_to_string(ARRAY[1, 2, NULL, 3], ',');
SELECT array_to_string(ARRAY[1, NULL], ',', 'x');
-- differs: arrays of several dimensions
SELECT array_to_string(ARRAY[[1, 2], [3, 4]], '-');
SELECT array_to_string('{}'::int[], ',');
SELECT unnest(ARRAY[3, 1, 2]) ORDER BY 1;
-- differs: arrays of several dimensions
SELECT unnest(ARRAY[[1, 2], [3, 4]]) ORDER BY 1 DESC;
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) AS t (n, s) ORDER BY s;
SELECT * FROM unnest(ARRAY['x', 'y']) WITH ORDINALITY ORDER BY 2 DESC;
SELECT unnest(ARRAY[1, 2]), unnest(ARRAY['a', 'b', 'c']);
SELECT unnest(NULL::int[]), 1;
SELECT count(*) FROM unnest('{}'::int[]);
SELECT sum(x) FROM unnest(ARRAY[1, 2, 3]) x WHERE x > 1;
SELECT ARRAY(SELECT x * 2 FROM generate_series(1, 3) x ORDER BY x DESC), ARRAY(SELECT 1 WHERE false);
SELECT array_agg(x ORDER BY x DESC), array_agg(DISTINCT x % 2) FROM generate_series(1, 4) x;
SELECT ARRAY[1, 2]::text[], ARRAY['1', '2']::int[], ARRAY[1.5, 2.5]::int[], '{t,f}'::bool[], ARRAY[1, 2]::text, '{1.5}'::numeric(3, 1)[], ARRAY['a']::varchar(3)[];
SELECT ARRAY['x']::int[];
SELECT ARRAY[timestamp '2024-01-01'], ARRAY[interval '1 day', '2 hours'], ARRAY['\x01'::bytea], ARRAY[1.5, NULL, 2], ARRAY[true, false], ARRAY['{"a":1}'::jsonb], ARRAY[uuid '00000000-0000-0000-0000-000000000001'];
SELECT generate_subscripts(ARRAY['a', 'b', 'c'], 1);
SELECT ARRAY[1, 2] + 1;
SELECT ARRAY[1] = ARRAY['a'];
SELECT array_length(1, 1);
SELECT pg_typeof(ARRAY[1])::text, pg_typeof(ARRAY[[1]])::text, pg_typeof(ARRAY['a'])::text, pg_typeof(array_agg(1.5))::text;
CREATE TABLE arr (id int PRIMARY KEY, i int[], t text[] DEFAULT '{}', m int[][], n numeric(5, 2)[3]);
INSERT INTO arr VALUES (1, '{1,2,3}', '{a,b}', NULL, '{1.555,2}'), (2, ARRAY[4, NULL], ARRAY['x "y"', 'a\b'], NULL, '{}'), (3, NULL, DEFAULT, '{}', NULL), (4, '{}', '{NULL}', '{5}', NULL);
INSERT INTO arr VALUES (10, NULL, NULL, '{{1,2},{3,4}}', NULL);
DELETE FROM arr WHERE id = 10;
INSERT INTO arr (id, i) VALUES (5, '{a}');
INSERT INTO arr (id, i) VALUES (5, ARRAY['a']);
SELECT * FROM arr ORDER BY id;
-- differs: arrays of several dimensions
SELECT id, i[1], i[2:3], t[1], m[2][1], array_length(i, 1) FROM arr ORDER BY id;
SELECT id FROM arr WHERE 2 = ANY (i) ORDER BY id;
SELECT id FROM arr WHERE i @> '{1,3}' ORDER BY id;
SELECT id FROM arr WHERE i && ARRAY[3, 4] ORDER BY id;
SELECT id FROM arr WHERE t = '{a,b}';
SELECT id FROM arr ORDER BY i DESC NULLS LAST, id;
SELECT id, x FROM arr, unnest(i) x ORDER BY 1, 2;
SELECT i, count(*) FROM arr GROUP BY i ORDER BY i;
SELECT DISTINCT t FROM arr ORDER BY t;
UPDATE arr SET i = i || 9 WHERE id = 1 RETURNING i;
UPDATE arr SET i = array_remove(i, 2), t = t || '{z}' WHERE id = 1 RETURNING i, t;
SELECT id FROM arr WHERE i = ARRAY[]::int[] OR i IS NULL ORDER BY id;
SELECT id FROM arr WHERE id = ANY ('{1,3}') ORDER BY id;
SELECT id FROM arr WHERE id <> ALL (ARRAY[1, 2]) ORDER BY id;
UPDATE arr SET i[1] = 100 WHERE id = 1 RETURNING i;
UPDATE arr SET i[6] = 6 WHERE id = 1 RETURNING i;
-- differs: array assignment
UPDATE arr SET i[1:2] = '{7,8}' WHERE id = 1 RETURNING i;
