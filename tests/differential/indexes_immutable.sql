-- What settings of a session have a part in is no index's and no generated column's, however
-- deep in an expression two types meet.
CREATE TABLE moments (id int PRIMARY KEY, d date, t time, ts timestamp, tz timestamptz, i interval, n int, s text, ds date[], tzs timestamptz[], ns int[]);
CREATE INDEX ON moments ((ts IN (d, tz)));
CREATE INDEX ON moments ((tz IN (ts)));
CREATE INDEX ON moments ((tz NOT IN (tz, d)));
CREATE INDEX ON moments ((tz = ANY (ARRAY[ts, d])));
CREATE INDEX ON moments ((d = ANY (ARRAY[tz, ts])));
CREATE INDEX ON moments ((tz = ANY (ds)));
CREATE INDEX ON moments ((d < ALL (tzs)));
CREATE INDEX ON moments ((COALESCE(tz, ts)));
CREATE INDEX ON moments ((COALESCE(d, tz)));
CREATE INDEX ON moments ((GREATEST(d, tz)));
CREATE INDEX ON moments ((LEAST(ts, tz)));
CREATE INDEX ON moments ((NULLIF(tz, ts)));
CREATE INDEX ON moments ((CASE WHEN n > 1 THEN tz ELSE d END));
CREATE INDEX ON moments ((CASE tz WHEN ts THEN 1 ELSE 2 END));
CREATE INDEX ON moments ((CASE WHEN tz > d THEN 1 ELSE 2 END));
CREATE INDEX ON moments ((ARRAY[tz, ts]));
CREATE INDEX ON moments ((tz BETWEEN d AND ts));
CREATE INDEX ON moments ((ts BETWEEN tz AND tz));
CREATE INDEX ON moments ((tz IS DISTINCT FROM ts));
CREATE INDEX ON moments ((tz IS NOT DISTINCT FROM d));
CREATE INDEX ON moments (((tz, n) = (ts, 1)));
CREATE INDEX ON moments (((tz, n) < (ts, 1)));
CREATE INDEX ON moments ((tz > '2020-01-01'::date));
CREATE INDEX ON moments ((tz > timestamp '2020-01-01 00:00'));
CREATE INDEX ON moments ((ts > timestamptz '2020-01-01 00:00+00'));
CREATE INDEX ON moments ((tz + i));
CREATE INDEX ON moments ((i + tz));
CREATE INDEX ON moments ((tz - i));
CREATE INDEX ON moments ((tz - interval '1 day'));
CREATE INDEX ON moments ((tz - ts));
CREATE INDEX ON moments ((age(tz, ts)));
CREATE INDEX ON moments ((age(tz)));
CREATE INDEX ON moments ((age(d, d)));
CREATE INDEX ON moments (((tz, tz) OVERLAPS (ts, ts)));
CREATE INDEX ON moments (((tz, i) OVERLAPS (tz, i)));
CREATE INDEX ON moments (((d, d) OVERLAPS (d, d)));
CREATE INDEX ON moments (extract(hour FROM tz));
CREATE INDEX ON moments (date_part('hour', tz));
CREATE INDEX ON moments (extract(hour FROM COALESCE(tz, tz)));
CREATE INDEX ON moments (date_trunc('day', tz));
CREATE INDEX ON moments (date_trunc('day', d));
CREATE INDEX ON moments (date_trunc('day', tz, 'UTC'));
CREATE INDEX ON moments ((tz::date));
CREATE INDEX ON moments ((tz::time));
CREATE INDEX ON moments ((tz::timestamp));
CREATE INDEX ON moments ((tz::text));
CREATE INDEX ON moments ((d::timestamptz));
CREATE INDEX ON moments ((ts::timestamptz));
CREATE INDEX ON moments ((d::text));
CREATE INDEX ON moments ((ts::varchar(10)));
CREATE INDEX ON moments ((i::text));
CREATE INDEX ON moments ((s::date));
CREATE INDEX ON moments ((s::time));
CREATE INDEX ON moments ((s::timestamptz));
CREATE INDEX ON moments ((s::interval));
CREATE INDEX ON moments ((s::int[]));
CREATE INDEX ON moments ((ns::text));
CREATE INDEX ON moments ((ds::text[]));
CREATE INDEX ON moments ((ds::timestamptz[]));
CREATE INDEX ON moments ((s || d));
CREATE INDEX ON moments ((i || s));
CREATE INDEX ON moments ((s || tz || n));
CREATE INDEX ON moments ((s = '2020-01-01'::text::date::text));
CREATE INDEX ON moments (quote_literal(d));
CREATE INDEX ON moments (quote_nullable(n));
CREATE INDEX ON moments (concat(s, n));
CREATE INDEX ON moments (array_to_string(ns, ','));
CREATE INDEX ON moments (convert_from(s::bytea, 'UTF8'));
CREATE INDEX ON moments (lower(COALESCE(s, d::text)));
CREATE INDEX ON moments (n) WHERE tz IN (ts, d);
CREATE INDEX ON moments (n) WHERE COALESCE(tz, d) > tz;
CREATE INDEX ON moments (n) WHERE CASE WHEN n > 1 THEN tz > ts END;
CREATE INDEX ON moments (n) WHERE tz = ANY (ARRAY[ts]);
CREATE INDEX ON moments (n) WHERE GREATEST(tz, ts) = tz;
CREATE INDEX ON moments (n) WHERE NOT (n > 1 AND tz::date = d);
CREATE INDEX ON moments (n) WHERE tz > current_timestamp;
CREATE INDEX ON moments (n) WHERE s = current_user;
-- What nobody's settings touch.
CREATE INDEX ON moments ((ts IN (d, ts)));
CREATE INDEX ON moments ((d = ANY (ARRAY[ts, d])));
CREATE INDEX ON moments ((COALESCE(ts, d)));
CREATE INDEX ON moments ((GREATEST(tz, tz)));
CREATE INDEX ON moments ((CASE WHEN n > 1 THEN ts ELSE d END));
CREATE INDEX ON moments ((ts BETWEEN d AND d));
CREATE INDEX ON moments ((ts + i), (d + i), (tz - tz), (t + i), (d - 1), (d - d));
CREATE INDEX ON moments (extract(year FROM d), date_part('hour', ts), extract(hour FROM i), extract(hour FROM t));
CREATE INDEX ON moments (date_trunc('day', ts), date_trunc('hour', i));
CREATE INDEX ON moments ((tz AT TIME ZONE 'UTC'), (ts AT TIME ZONE 'Europe/Berlin'));
CREATE INDEX ON moments (((tz AT TIME ZONE 'UTC')::date));
CREATE INDEX ON moments ((tz > '2020-01-01 00:00+00'), (tz IN ('2020-01-01 00:00+00', 'infinity')));
CREATE INDEX ON moments ((ts > '2020-01-01'), (d = '2020-01-01'), (i > '1 day'), (t < '12:00'));
CREATE INDEX ON moments ((t::text), (n::text), (s || n), (s || t));
CREATE INDEX ON moments (quote_literal(s), quote_nullable(s));
CREATE INDEX ON moments (age(ts, ts), age(tz, tz));
CREATE INDEX ON moments (((ts, ts) OVERLAPS (ts, ts)));
CREATE INDEX ON moments (n) WHERE tz BETWEEN '2020-01-01 00:00+00' AND '2021-01-01 00:00+02';
CREATE INDEX ON moments ((ns::bigint[]), (ds::timestamp[]));
CREATE INDEX ON moments (n) WHERE ds = '{2020-01-01}';
SELECT count(*) FROM pg_indexes WHERE tablename = 'moments';
-- Generated columns keep to the same.
CREATE TABLE made (id int, tz timestamptz, d date, made date GENERATED ALWAYS AS (tz::date) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made bool GENERATED ALWAYS AS (tz > d) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made timestamptz GENERATED ALWAYS AS (COALESCE(tz, d)) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made text GENERATED ALWAYS AS (d::text) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made numeric GENERATED ALWAYS AS (extract(hour FROM tz)) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made timestamptz GENERATED ALWAYS AS (date_trunc('day', tz)) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made text GENERATED ALWAYS AS ('d' || d) STORED);
CREATE TABLE made (id int, tz timestamptz, d date, made date GENERATED ALWAYS AS ((tz AT TIME ZONE 'UTC')::date) STORED);
INSERT INTO made (id, tz) VALUES (1, '2020-01-01 23:30-02') RETURNING made;
ALTER TABLE made ADD late bool GENERATED ALWAYS AS (tz > timestamp '2020-01-01 00:00') STORED;
ALTER TABLE made ADD late bool GENERATED ALWAYS AS (CASE WHEN id > 0 THEN tz IN (d) END) STORED;
ALTER TABLE made ADD late int GENERATED ALWAYS AS (CASE WHEN id > 0 THEN d - date '2020-01-01' END) STORED;
-- Literals that are read when the index is made, and here whenever it is used.
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((tz > '2020-01-01'));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((tz IN ('2020-01-01 00:00+00', '2020-01-01')));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((tz = ANY ('{2020-01-01}')));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((COALESCE(tz, '2020-01-01 12:00')));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments (n) WHERE CASE WHEN n > 0 THEN tz > '2020-01-01' END;
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((d > '01/02/2024'));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((d > 'today'));
-- differs: indexes on expressions and partial indexes
CREATE INDEX ON moments ((i > '-1 2:03:04'));
