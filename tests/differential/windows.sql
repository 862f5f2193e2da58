-- Window functions, frames, exclusion, named windows.
CREATE TABLE w (id int PRIMARY KEY, g text, v int, n numeric, d date, ts timestamp);
INSERT INTO w VALUES (1, 'a', 10, 1.5, '2024-01-01', '2024-01-01 00:00'), (2, 'a', 20, NULL, '2024-01-02', '2024-01-01 06:00'),
 (3, 'a', 20, 2.5, '2024-01-05', '2024-01-02 00:00'), (4, 'b', NULL, 3, '2024-01-05', '2024-01-03 12:00'), (5, 'b', 5, 4, NULL, NULL),
 (6, 'b', 7, 4, '2024-01-10', '2024-01-04 00:00'), (7, NULL, 1, 0, '2024-02-01', '2024-02-01 00:00');
SELECT id, row_number() OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, row_number() OVER (PARTITION BY g ORDER BY id DESC), rank() OVER (PARTITION BY g ORDER BY v), dense_rank() OVER (ORDER BY v) FROM w ORDER BY id;
SELECT id, percent_rank() OVER (ORDER BY v), cume_dist() OVER (ORDER BY v), ntile(3) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, lag(v) OVER (ORDER BY id), lead(v) OVER (ORDER BY id), lag(v, 2, -1) OVER (ORDER BY id), lead(v, 0) OVER (ORDER BY id) FROM w ORDER BY id;
-- differs: functions in odd forms
SELECT id, lag(v, NULL) OVER (ORDER BY id), lag(v, -1) OVER (ORDER BY id), lag(v, id % 3) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, first_value(v) OVER x, last_value(v) OVER x, nth_value(v, 2) OVER x FROM w WINDOW x AS (PARTITION BY g ORDER BY id) ORDER BY id;
SELECT id, last_value(v) OVER (PARTITION BY g ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM w ORDER BY id;
SELECT id, nth_value(v, 0) OVER (ORDER BY id) FROM w;
SELECT id, ntile(0) OVER (ORDER BY id) FROM w;
-- differs: functions in odd forms
SELECT id, ntile(NULL) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, sum(v) OVER (), count(*) OVER (), avg(n) OVER () FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY id), count(v) OVER (ORDER BY id), max(v) OVER (ORDER BY id), min(n) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY v), count(*) OVER (ORDER BY v) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING) FROM w WHERE v <> 20 ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY v RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING) FROM w ORDER BY id;
SELECT id, sum(v) OVER (ORDER BY v DESC RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) FROM w ORDER BY id;
SELECT id, count(*) OVER (ORDER BY n RANGE BETWEEN 0.5 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id;
SELECT id, count(*) OVER (ORDER BY d RANGE BETWEEN '3 days' PRECEDING AND CURRENT ROW) FROM w ORDER BY id;
SELECT id, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '12 hours' PRECEDING AND INTERVAL '1 day' FOLLOWING) FROM w ORDER BY id;
SELECT id, count(*) OVER (ORDER BY v GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM w ORDER BY id;
SELECT id, array_agg(id) OVER (ORDER BY v, id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id;
-- differs: window frame exclusion
SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM w ORDER BY id;
-- differs: window frame exclusion
SELECT id, count(*) OVER (ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP) FROM w ORDER BY id;
-- differs: window frame exclusion
SELECT id, count(*) OVER (ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM w ORDER BY id;
-- differs: syntax accepted
SELECT id, count(*) OVER (ORDER BY v EXCLUDE NO OTHERS) FROM w ORDER BY id;
SELECT id, string_agg(g, ',') OVER (ORDER BY id), array_agg(v) OVER (PARTITION BY g ORDER BY id) FROM w ORDER BY id;
SELECT id, sum(v) FILTER (WHERE v > 5) OVER (ORDER BY id), count(*) FILTER (WHERE g = 'a') OVER () FROM w ORDER BY id;
SELECT g, sum(v), sum(sum(v)) OVER (ORDER BY g), rank() OVER (ORDER BY sum(v) DESC) FROM w GROUP BY g ORDER BY g;
SELECT g, count(*) OVER () FROM w GROUP BY g ORDER BY g;
SELECT id, sum(v) OVER x + count(*) OVER y FROM w WINDOW x AS (ORDER BY id), y AS (PARTITION BY g) ORDER BY id;
SELECT id, sum(v) OVER (x ROWS 1 PRECEDING) FROM w WINDOW x AS (PARTITION BY g ORDER BY id) ORDER BY id;
SELECT id, sum(v) OVER y FROM w WINDOW x AS (PARTITION BY g), y AS (x ORDER BY id) ORDER BY id;
SELECT id FROM w ORDER BY row_number() OVER (ORDER BY id DESC);
SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY g ORDER BY v DESC NULLS LAST, id) AS r FROM w) s WHERE r = 1 ORDER BY id;
SELECT DISTINCT count(*) OVER (PARTITION BY g) FROM w ORDER BY 1;
SELECT DISTINCT ON (g) g, rank() OVER (ORDER BY id) FROM w ORDER BY g, id;
SELECT id, v - lag(v) OVER (ORDER BY id) AS change, v::numeric / sum(v) OVER () AS share FROM w ORDER BY id;
SELECT id, round(avg(v) OVER (ORDER BY id ROWS 2 PRECEDING), 2) FROM w ORDER BY id;
SELECT id, bool_and(v > 5) OVER (ORDER BY id), every(v IS NOT NULL) OVER (PARTITION BY g) FROM w ORDER BY id;
SELECT id, stddev(v) OVER (ORDER BY id), variance(n) OVER (PARTITION BY g) FROM w ORDER BY id;
-- differs: numeric scale in windows
SELECT id, sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), max(d) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id, row_number() OVER (), g FROM w WHERE id = 3;
SELECT id, rank() OVER (ORDER BY g NULLS FIRST), rank() OVER (ORDER BY g DESC NULLS LAST) FROM w ORDER BY id;
SELECT id, (SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY v) AS r FROM w x WHERE x.id <= w.id) s) FROM w ORDER BY id;
SELECT id, count(*) OVER (PARTITION BY g, v IS NULL ORDER BY id), sum(id) OVER (PARTITION BY id % 2 ORDER BY id DESC) FROM w ORDER BY id;
SELECT count(*) OVER (PARTITION BY d) AS c, d FROM w ORDER BY d, c;
SELECT rank() FROM w;
SELECT row_number() OVER (ORDER BY id) FROM w WHERE row_number() OVER (ORDER BY id) = 1;
SELECT sum(row_number() OVER ()) FROM w;
SELECT sum(sum(v) OVER ()) OVER () FROM w;
SELECT id FROM w GROUP BY rank() OVER ();
SELECT id FROM w HAVING rank() OVER () > 1;
SELECT sum(v) OVER nope FROM w;
-- differs: checks left out
SELECT sum(v) OVER (x PARTITION BY id) FROM w WINDOW x AS (PARTITION BY g);
-- differs: checks left out
SELECT sum(v) OVER (x ORDER BY id) FROM w WINDOW x AS (ORDER BY g);
-- differs: checks left out
SELECT sum(v) OVER (x) FROM w WINDOW x AS (ORDER BY g ROWS 1 PRECEDING);
-- differs: checks left out
SELECT 1 FROM w WINDOW x AS (), x AS ();
SELECT sum(v) OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM w;
SELECT sum(v) OVER (ROWS BETWEEN CURRENT ROW AND UNBOUNDED PRECEDING) FROM w;
-- differs: SQLSTATE of errors
SELECT sum(v) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM w;
-- differs: SQLSTATE of errors
SELECT sum(v) OVER (ROWS 1 FOLLOWING) FROM w;
SELECT sum(v) OVER (ORDER BY id ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM w;
-- differs: SQLSTATE of errors
SELECT sum(v) OVER (ORDER BY id ROWS NULL PRECEDING) FROM w;
SELECT sum(v) OVER (ORDER BY id ROWS v PRECEDING) FROM w;
SELECT sum(v) OVER (RANGE 1 PRECEDING) FROM w;
-- differs: wording of errors
SELECT sum(v) OVER (ORDER BY g RANGE 1 PRECEDING) FROM w;
SELECT sum(v) OVER (ORDER BY id, v RANGE 1 PRECEDING) FROM w;
SELECT sum(v) OVER (GROUPS 1 PRECEDING) FROM w;
SELECT lower(g) OVER () FROM w;
SELECT count(DISTINCT v) OVER () FROM w;
SELECT string_agg(g, ',' ORDER BY g) OVER () FROM w;
-- differs: checks left out
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) OVER () FROM w;
-- differs: checks left out
SELECT row_number() FILTER (WHERE true) OVER () FROM w;
SELECT id, count(*) OVER () FROM w WHERE id = id AND g IS NOT NULL ORDER BY id LIMIT 2 OFFSET 1;
SELECT id, count(*) OVER (), sum(v) OVER (PARTITION BY g) FROM w WHERE v IS NOT NULL ORDER BY id LIMIT 2;
