-- Sums with infinite values, in either order.
SELECT sum(x), avg(x), stddev(x), variance(x), var_pop(x), stddev_pop(x) FROM (VALUES ('Infinity'::float8), (2), (3)) v(x);
SELECT sum(x), avg(x), stddev(x) FROM (VALUES (2::float8), ('-Infinity'), (3)) v(x);
SELECT sum(x), avg(x), stddev(x) FROM (VALUES ('Infinity'::float8), ('-Infinity'), (1)) v(x);
SELECT sum(x), avg(x), stddev(x), var_pop(x) FROM (VALUES ('NaN'::float8), (1)) v(x);
SELECT stddev_pop(x), var_pop(x), variance(x) FROM (VALUES ('Infinity'::float8)) v(x);
SELECT x, sum(x) OVER (ORDER BY i), avg(x) OVER () FROM (VALUES (1, 'Infinity'::float8), (2, 5)) v(i, x) ORDER BY i;
SELECT sum(x) FROM (VALUES (1e308::float8), (1e308)) v(x);
SELECT corr(y, x), covar_pop(y, x), regr_sxx(y, x), regr_avgx(y, x) FROM (VALUES (1::float8, 'Infinity'::float8), (2, 3), (4, 5)) v(y, x);
-- Roots, scales, keys.
SELECT |/ 16.0 AS a, ||/ 8.0 AS b, |/ 2 AS c, ||/ 8::numeric AS d;
SELECT scale('NaN'::numeric), scale(1.50), scale('-Infinity'::numeric);
SELECT json_build_object('[1]'::json, 2);
SELECT jsonb_build_object(ARRAY['a'], 2);
SELECT json_object_agg(k, 1) FROM (VALUES ('{}'::jsonb)) v(k);
SELECT json_build_object('a', 1, NULL, 2);
SELECT jsonb_build_object('a', 1, NULL, 2);
SELECT jsonb_build_object('a');
-- Functions with their schema.
SELECT pg_catalog.upper('a'), pg_catalog.abs(-2), pg_catalog.count(*);
SELECT nowhere.upper('a');
SELECT public.abs(-2);
SELECT information_schema.length('a'), 1;
SELECT public.count(*) FROM (VALUES (1)) v;
-- Zones by offset.
SELECT timestamptz '2024-01-01 12:00Z' AT TIME ZONE 'UTC+3', timestamptz '2024-01-01 12:00Z' AT TIME ZONE 'ABC-05:30', timestamp '2024-01-01 12:00' AT TIME ZONE 'GMT+2', timestamptz '2024-01-01 12:00Z' AT TIME ZONE interval '-3 hours';
SELECT timestamptz '2024-01-01 12:00Z' AT TIME ZONE interval '2 months';
SELECT timestamp '2024-01-01 12:00' AT TIME ZONE interval '1 day 2 hours';
-- Numbers as text.
SELECT to_char(-7, 'MI99'), to_char(7, 'MI99'), to_char(7, 'SG99'), to_char(-7, 'SG99'), to_char(7, '99SG'), to_char(-7, '99PL'), to_char(7, 'PL99'), to_char(7, '99PL'), to_char(-7, 'FMMI99'), to_char(7, 'FMPL99'), to_char(7, '9MI9'), to_char(-7, '99MI'), to_char(-7.5, 'FM99.99MI'), to_char(7.5, '99.99SG');
SELECT to_char(3, '9"a"9'), to_char(-3, '9"a"9'), to_char(34, '9"a"9"b"9'), to_char(-12, '"nr "999'), to_char(5, '"q\"q"9'), to_char(1234.5, '9"."999D9');
SELECT to_char(2.5, '9D9.9');
SELECT to_number('2e3', '9EEEE');
SELECT to_char(0.5, '9.9'), to_char(0, '9.9'), to_char(-0.5, '99.9'), to_char(0, '99'), to_char(-1234.5, '9,999.99'), to_char(12, '9'), to_char(1, '0009'), to_char(-1, 'S0009'), to_char(-1, '9PR');
-- Dates and intervals as text.
SELECT to_char(interval '-12:05:09', 'HH24:MI:SS'), to_char(interval '45 days', 'DDD'), to_char(interval '13 months 3 days', 'DDD'), to_char(interval '-13 months', 'YYYY-MM'), to_char(interval '1 day', 'YYYY'), to_char(interval '5 days', 'WW');
SELECT to_char(interval '1 day', 'Month');
SELECT to_char(interval '1 hour', 'HH TZ');
SELECT to_char(timestamp '2024-01-02', ''), to_char(interval '1 day', ''), to_char(timestamp 'infinity', 'YYYY'), to_char(timestamptz '-infinity', 'YYYY');
SELECT to_char(timestamp '2024-01-02', 'YYYY "it\"s" \"MM\"');
-- And back.
SELECT to_date('100 BC', 'YYYY BC'), to_date('0044-03-15 b.c.', 'YYYY-MM-DD b.c.'), to_date('5 AD', 'YYYY AD'), to_date('-100-02-03', 'YYYY-MM-DD');
SELECT to_timestamp('2024-01-02 03:04 -05', 'YYYY-MM-DD HH24:MI TZH'), to_timestamp('2024-01-02 03:04 +05:30', 'YYYY-MM-DD HH24:MI TZH:TZM'), to_timestamp('2024-06-01 10:00-03', 'YYYY-MM-DD HH24:MITZH');
SELECT to_date('2024-10', 'IYYY-IW'), to_date('2020-53-7', 'IYYY-IW-ID'), to_date('2021-W01-1', 'IYYY-"W"IW-ID'), to_date('20', 'CC'), to_date('19 85', 'CC YY'), to_date('5 VIII 2023', 'DD RM YYYY'), to_date('iv/2020', 'rm/YYYY');
-- Others that are there.
SELECT row_to_json(row(1, 'x,y', ARRAY[1, 2]), true), row_to_json(row(1, 2), false), row_to_json(v, true) FROM (VALUES (1, 'a"b')) v(n, t);
SELECT pg_size_bytes('2.5 kB'), pg_size_bytes('-1 GB'), pg_size_bytes('77'), pg_size_bytes(' 3 bytes '), pg_size_bytes('1e2MB');
SELECT pg_size_bytes('5 parsec');
SELECT pg_size_bytes('kB');
SELECT jsonb_path_query_array('[1, "a"]', 'strict $.b', silent => true), jsonb_path_exists('{"a": 1}', 'strict $.b', silent => true), jsonb_path_query_first('[1]', '$[0]', '{}', true);
SELECT jsonb_path_query_array('[1, "a"]', 'strict $[*].b');
CREATE TABLE far (d date);
INSERT INTO far VALUES ('infinity'), ('-infinity'), ('2024-02-03');
SELECT d::timestamp, d > timestamp '2023-01-01', d < timestamp 'infinity' FROM far ORDER BY d;
SELECT d FROM far WHERE d > timestamp '2024-01-01' ORDER BY d;
