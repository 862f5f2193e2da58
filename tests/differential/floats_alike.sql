-- Zeros of both signs are one number, and NaN is one, whatever its bits.
CREATE TABLE z (f float8, g real, a float8[]);
INSERT INTO z VALUES ('-0', '-0', '{-0}'), (0, 0, '{0}'), ('NaN', 'NaN', '{NaN}'), ('-NaN', 'NaN', '{NaN}'), (1, 1, '{1}');
SELECT count(DISTINCT f), count(DISTINCT g) FROM z;
-- differs: zeros in arrays
SELECT count(DISTINCT a) FROM z;
SELECT count(*) FROM (SELECT DISTINCT f FROM z) s;
SELECT count(*) FROM (SELECT DISTINCT g FROM z) s;
-- differs: zeros in arrays
SELECT count(*) FROM (SELECT DISTINCT a FROM z) s;
SELECT count(*) FROM (SELECT f FROM z GROUP BY f) s;
-- differs: zeros in arrays
SELECT count(*) FROM (SELECT a FROM z GROUP BY a) s;
SELECT count(*) FROM (SELECT f FROM z UNION SELECT f FROM z) s;
SELECT count(*) FROM (SELECT f FROM z WHERE f::text = '0' INTERSECT SELECT f FROM z WHERE f::text = '-0') s;
SELECT count(*) FROM (SELECT f FROM z WHERE f::text = '0' EXCEPT SELECT f FROM z WHERE f::text = '-0') s;
SELECT count(*) FROM z x JOIN z y ON x.f = y.f;
SELECT count(*) FROM z x JOIN z y ON x.g = y.g;
-- differs: zeros in arrays
SELECT count(*) FROM z x JOIN z y ON x.a = y.a;
SELECT count(*) FROM z x JOIN z y USING (f, g);
SELECT count(*) FROM z x WHERE f IN (SELECT f FROM z WHERE f::text = '-0');
SELECT count(*) FROM z x WHERE f NOT IN (SELECT f FROM z WHERE f::text = '-0');
SELECT count(*) FROM z x WHERE EXISTS (SELECT 1 FROM z y WHERE x.f = y.f AND y.f::text = '-0');
SELECT count(*) FILTER (WHERE n = 2) FROM (SELECT count(*) OVER (PARTITION BY f) AS n FROM z) s;
SELECT max(r), min(r) FROM (SELECT rank() OVER (ORDER BY f) AS r FROM z WHERE f = 0) s;
SELECT count(*) FROM (SELECT dense_rank() OVER (ORDER BY g) AS r FROM z) s WHERE r = 1;
SELECT array_length(array_agg(DISTINCT f), 1) FROM z WHERE f = 0;
-- differs: zeros in arrays
SELECT array_length(array_agg(DISTINCT a), 1) FROM z WHERE a <= '{0}';
SELECT DISTINCT ON (f) f = 0 FROM z WHERE f < 5 ORDER BY f;
SELECT mode() WITHIN GROUP (ORDER BY f) = 0 FROM z;
SELECT f = 0, g = 0, f = g, f >= 0, f > 0, f < 0, f IS DISTINCT FROM 0, f = ANY ('{0}'), a @> '{0}', f BETWEEN 0 AND 0, array_position(a, 0), nullif(f, 0), CASE f WHEN 0 THEN 'z' END, f = f + 0 FROM z WHERE f < 5;
SELECT f FROM z WHERE f = 'NaN';
SELECT count(*) FROM z WHERE f >= 'NaN';
SELECT greatest(f, 0.0) = 0, least(f, g) = 0 FROM z WHERE f = 0;
CREATE TABLE zk (f float8 PRIMARY KEY);
INSERT INTO zk VALUES (0);
INSERT INTO zk VALUES ('-0');
SELECT * FROM zk WHERE f = '-0';
INSERT INTO zk VALUES ('-0') ON CONFLICT (f) DO UPDATE SET f = excluded.f + 1 RETURNING f;
CREATE TABLE zu (f float8 UNIQUE, a float8[] UNIQUE);
INSERT INTO zu VALUES (0, '{0}');
INSERT INTO zu VALUES ('-0', '{1}');
INSERT INTO zu VALUES (1, '{-0}');
SELECT 'Infinity'::numeric, '-Infinity'::numeric < 0, 'Infinity'::numeric = 'Infinity'::numeric;
SELECT f, x FROM (VALUES ('-0'::float8, 2), (0, 1), ('-0', 3), (0, 0)) v (f, x) ORDER BY f, x DESC;
SELECT sum(x) OVER (ORDER BY f), x FROM (VALUES ('-0'::float8, 2), (0, 1), (1, 3)) v (f, x) ORDER BY x;
SELECT sum(x) OVER (ORDER BY f RANGE BETWEEN 1 PRECEDING AND CURRENT ROW), x FROM (VALUES ('-0'::float8, 2), (0.5, 1), (1, 3)) v (f, x) ORDER BY x;
SELECT a - a, a - a = 'NaN', a * 0, (a - a) IS DISTINCT FROM 'NaN', -('NaN'::float8) = 'NaN' FROM (VALUES ('Infinity'::float8), ('-Infinity')) v (a) ORDER BY a;
SELECT count(*) FROM (VALUES ('Infinity'::float8), ('-Infinity'), ('NaN')) v (a) GROUP BY a - a;
SELECT count(DISTINCT a - a), count(DISTINCT -(a - a)) FROM (VALUES ('Infinity'::float8), ('NaN')) v (a);
SELECT max(a - a), min(b) FROM (VALUES ('Infinity'::float8, 1.5::float8), ('NaN', 'NaN')) v (a, b);
