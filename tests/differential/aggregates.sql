-- Aggregates: their types, empty input, DISTINCT, FILTER, ORDER BY, grouping sets, HAVING.
CREATE TABLE m (id int PRIMARY KEY, g text, s smallint, i int, b bigint, r real, d float8, n numeric(10,3), t text, f bool, dt date, ts timestamptz, iv interval);
INSERT INTO m VALUES
 (1, 'x', 1, 10, 100, 1.5, 2.5, 1.250, 'a', true, '2024-01-01', '2024-01-01 10:00Z', '1 day'),
 (2, 'x', 2, 20, 200, -1.5, 0.1, 2.500, 'b', false, '2024-02-29', '2024-02-29 12:30Z', '2 hours'),
 (3, 'y', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, 'y', 4, 40, 9000000000, 4.25, 1e10, -0.001, 'B', true, '2023-12-31', '2023-12-31 23:59:59.5Z', '1 mon'),
 (5, NULL, 5, 50, 500, 0, -0.0, 0, '', false, '2024-01-01', '2024-01-01 10:00Z', '-3 days'),
 (6, 'x', 1, 10, 100, 1.5, 2.5, 1.25, 'a', NULL, 'infinity', '-infinity', '24 hours');
SELECT count(*), count(i), count(DISTINCT i), count(DISTINCT g), count(ALL g) FROM m;
SELECT sum(s), sum(i), sum(b), sum(r), sum(d), sum(n), sum(iv) FROM m;
SELECT avg(s), avg(i), avg(b), avg(r), avg(d), avg(n), avg(iv) FROM m;
SELECT min(s), min(i), min(b), min(r), min(d), min(n), min(t), min(dt), min(ts), min(iv) FROM m;
SELECT max(s), max(i), max(b), max(r), max(d), max(n), max(t), max(dt), max(ts), max(iv) FROM m;
SELECT sum(s), avg(i), min(n), max(t), count(b), bool_and(f), array_agg(i), string_agg(t, ','), json_agg(i), stddev(i) FROM m WHERE id > 100;
SELECT bool_and(f), bool_or(f), every(f) FROM m;
SELECT bool_and(f), bool_or(f) FROM m GROUP BY g ORDER BY g;
SELECT bit_and(i), bit_or(i), bit_xor(i), bit_and(s), bit_or(b) FROM m;
SELECT stddev(i), stddev_pop(i), stddev_samp(i), variance(i), var_pop(i), var_samp(i) FROM m;
SELECT stddev(n), variance(n), stddev_pop(d), var_samp(r) FROM m;
SELECT stddev(i), var_pop(i) FROM m WHERE id = 1;
SELECT corr(i, d), covar_pop(i, d), covar_samp(i, d), regr_count(i, d), regr_avgx(i, d), regr_avgy(i, d), regr_slope(i, d), regr_intercept(i, d), regr_r2(i, d), regr_sxx(i, d), regr_syy(i, d), regr_sxy(i, d) FROM m WHERE id <> 4;
SELECT g, count(*), sum(i) FROM m GROUP BY g ORDER BY g NULLS FIRST;
SELECT g, sum(DISTINCT i), avg(DISTINCT i), count(DISTINCT t), string_agg(DISTINCT t, '-' ORDER BY t) FROM m GROUP BY g ORDER BY g;
-- differs: functions in odd forms
SELECT string_agg(t, ',' ORDER BY id DESC), string_agg(t, NULL ORDER BY id), string_agg(t, t ORDER BY id) FROM m;
SELECT array_agg(i ORDER BY i DESC NULLS LAST, id), array_agg(t ORDER BY t), array_agg(DISTINCT s ORDER BY s) FROM m;
SELECT array_agg(i ORDER BY id) FILTER (WHERE i > 10), count(*) FILTER (WHERE f), sum(i) FILTER (WHERE false) FROM m;
SELECT json_agg(i ORDER BY id), jsonb_agg(t ORDER BY id), json_object_agg(id, t ORDER BY id), jsonb_object_agg(id, i) FROM m;
SELECT mode() WITHIN GROUP (ORDER BY i), percentile_cont(0.5) WITHIN GROUP (ORDER BY i), percentile_disc(0.5) WITHIN GROUP (ORDER BY i) FROM m;
SELECT percentile_cont(ARRAY[0, 0.25, 1]) WITHIN GROUP (ORDER BY d), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY t) FROM m;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY iv), percentile_disc(0) WITHIN GROUP (ORDER BY dt DESC) FROM m;
SELECT percentile_cont(1.5) WITHIN GROUP (ORDER BY i) FROM m;
SELECT rank(20) WITHIN GROUP (ORDER BY i), dense_rank(20) WITHIN GROUP (ORDER BY i), percent_rank(20) WITHIN GROUP (ORDER BY i), cume_dist(20) WITHIN GROUP (ORDER BY i) FROM m;
SELECT g, i, count(*) FROM m GROUP BY ROLLUP (g, i) ORDER BY 1, 2, 3;
SELECT g, s, count(*), grouping(g), grouping(s), grouping(g, s) FROM m GROUP BY CUBE (g, s) ORDER BY 1, 2, 3, 6;
SELECT g, s, sum(i) FROM m GROUP BY GROUPING SETS ((g), (s), ()) ORDER BY 1, 2, 3;
SELECT g, s, count(*) FROM m GROUP BY g, ROLLUP (s) ORDER BY 1, 2, 3;
SELECT g, count(*) FROM m GROUP BY GROUPING SETS ((g), (g)) ORDER BY 1, 2;
SELECT count(*) FROM m WHERE false GROUP BY GROUPING SETS ((), (g));
SELECT count(*) FROM m WHERE false GROUP BY g;
SELECT count(*), sum(i) FROM m HAVING count(*) > 100;
SELECT count(*), sum(i) FROM m HAVING sum(i) > 1;
-- differs: functions in odd forms
SELECT 1 FROM m HAVING true;
-- differs: functions in odd forms
SELECT 1 FROM m HAVING false;
SELECT g FROM m GROUP BY g HAVING count(*) > 1 AND max(i) IS NOT NULL ORDER BY 1;
SELECT g, count(*) FROM m GROUP BY g HAVING g IS NULL;
SELECT i % 20 AS x, count(*) FROM m GROUP BY i % 20 ORDER BY 1;
SELECT i % 20 AS x, count(*) FROM m GROUP BY x ORDER BY x DESC;
SELECT i + 1 FROM m GROUP BY i + 1 ORDER BY i + 1;
SELECT (i + 1) * 2 FROM m GROUP BY i + 1 ORDER BY 1;
SELECT m.*, count(*) FROM m GROUP BY id ORDER BY id LIMIT 2;
SELECT id, g, count(*) FROM m GROUP BY id ORDER BY 1;
SELECT upper(g), count(*) FROM m GROUP BY 1 ORDER BY 1;
SELECT g, i FROM m GROUP BY g;
SELECT g, count(*) FROM m;
SELECT i FROM m GROUP BY i + 1;
SELECT g FROM m GROUP BY 2;
SELECT g FROM m GROUP BY 0;
SELECT count(*) FROM m GROUP BY 1;
SELECT sum(t) FROM m;
SELECT avg(f) FROM m;
SELECT sum(count(*)) FROM m;
SELECT count(*) FROM m WHERE count(*) > 1;
SELECT max(i) FROM m GROUP BY max(i);
SELECT count(DISTINCT i, s) FROM m;
SELECT count() FROM m;
SELECT sum(i ORDER BY t) FROM m;
SELECT string_agg(DISTINCT t, ',' ORDER BY i) FROM m;
SELECT count(*) FILTER (WHERE i) FROM m;
SELECT abs(i) FILTER (WHERE true) FROM m;
SELECT sum(i), count(*) FROM m ORDER BY id;
SELECT g FROM m GROUP BY g ORDER BY count(*) DESC, g LIMIT 1;
SELECT g, max(i) - min(i) AS spread FROM m GROUP BY g ORDER BY spread NULLS FIRST;
SELECT sum(i) / count(i), sum(i)::float8 / count(i) FROM m;
SELECT count(*) * 2, -sum(i), sum(i) IS NULL, coalesce(sum(i), 0) FROM m WHERE g = 'none';
SELECT max(g), max(g || t), min(length(t)) FROM m;
SELECT sum(b) FROM (VALUES (9223372036854775807), (1)) v (b);
SELECT sum(i) FROM (VALUES (2147483647), (1)) v (i);
SELECT sum(d) FROM (VALUES (float8 'Infinity'), (float8 '-Infinity')) v (d);
SELECT sum(d), avg(d), max(d), min(d) FROM (VALUES (float8 'NaN'), (1)) v (d);
SELECT sum(n), avg(n), max(n), min(n) FROM (VALUES (numeric 'NaN'), (1)) v (n);
SELECT avg(n), sum(n) FROM (VALUES (1.10), (2.2), (3)) v (n);
SELECT avg(i) FROM (VALUES (1), (2), (2)) v (i);
SELECT variance(i), stddev(i) FROM (VALUES (1), (2), (4)) v (i);
-- differs: other answers
SELECT count(v), count(v.*) FROM (VALUES (1, 2), (NULL, NULL)) v (a, b);
SELECT DISTINCT g, count(*) OVER () FROM m ORDER BY 1;
SELECT DISTINCT ON (g) g, id, i FROM m ORDER BY g, i DESC NULLS LAST, id;
SELECT DISTINCT ON (g) id FROM m ORDER BY id;
SELECT DISTINCT g FROM m ORDER BY id;
SELECT DISTINCT g, s FROM m ORDER BY s, g;
SELECT array_agg(a) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3, 4])) v (a);
SELECT array_agg(a) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3])) v (a);
-- differs: money and xml
SELECT xmlagg(NULL) FROM m;
SELECT max(a) FROM (VALUES (ARRAY[1, 2]), (ARRAY[1, 3]), (ARRAY[0, 9])) v (a);
SELECT any_value(g) FROM m;
SELECT min(u), max(u) FROM (VALUES (uuid '00000000-0000-0000-0000-000000000001'), (uuid 'f0000000-0000-0000-0000-000000000000')) v (u);
SELECT sum(x) FROM generate_series(1, 1000) x;
SELECT x % 3, count(*), min(x), max(x), sum(x * x) FROM generate_series(1, 100) x GROUP BY 1 ORDER BY 1;
SELECT max(i) FILTER (WHERE g = 'x') AS x, max(i) FILTER (WHERE g = 'y') AS y FROM m;
SELECT (SELECT count(*) FROM m WHERE m.i > v.x) FROM (VALUES (0), (15), (60)) v (x) ORDER BY 1;
