-- Queries over a month of real flights.
-- load: flights

SELECT count(*) FROM flights;

SELECT origin, count(*), avg(dep_delay), round(avg(arr_delay), 2) FROM flights GROUP BY origin ORDER BY origin;

SELECT carrier, name, count(*) AS n FROM flights JOIN airlines USING (carrier) GROUP BY carrier, name ORDER BY n DESC, carrier;

SELECT dest, max(arr_delay) FROM flights WHERE arr_delay IS NOT NULL GROUP BY dest HAVING count(*) > 200 ORDER BY 2 DESC, 1 LIMIT 10;

SELECT month, day, sum(distance) AS miles, sum(air_time) / 60 AS hours FROM flights GROUP BY 1, 2 ORDER BY 1, 2;

SELECT f.tailnum, p.manufacturer, p.model, count(*) FROM flights f JOIN planes p ON p.tailnum = f.tailnum WHERE p.seats > 300 GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT 15;

SELECT carrier, flight, dep_delay, rank() OVER (PARTITION BY carrier ORDER BY dep_delay DESC NULLS LAST, flight, day) AS r FROM flights WHERE day = 1 AND origin = 'JFK' ORDER BY carrier, r LIMIT 40;

SELECT origin, day, n, n - lag(n) OVER (PARTITION BY origin ORDER BY day) AS change FROM (SELECT origin, day, count(*) AS n FROM flights GROUP BY origin, day) AS d ORDER BY origin, day;

WITH worst AS (SELECT carrier, avg(dep_delay) AS delay FROM flights GROUP BY carrier) SELECT name, round(delay, 3) FROM worst JOIN airlines USING (carrier) WHERE delay > (SELECT avg(dep_delay) FROM flights) ORDER BY delay DESC;

SELECT f.origin, w.visib < 3 AS poor, count(*), round(avg(f.dep_delay), 1) FROM flights f JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour GROUP BY 1, 2 ORDER BY 1, 2;

SELECT origin, round(avg(temp)::numeric, 2), min(temp), max(temp) FROM weather WHERE month = 1 GROUP BY origin ORDER BY origin;

SELECT date_trunc('day', time_hour) AS d, count(*) FROM flights GROUP BY d ORDER BY d LIMIT 10;

SELECT extract(dow FROM time_hour) AS dow, count(*), round(avg(dep_delay), 2) FROM flights GROUP BY 1 ORDER BY 1;

SELECT to_char(time_hour, 'YYYY-MM-DD HH24:MI') AS t, count(*) FROM flights GROUP BY t ORDER BY 2 DESC, 1 LIMIT 8;

SELECT carrier, count(*) FILTER (WHERE dep_delay > 60) AS late, count(*) AS n, round(100.0 * count(*) FILTER (WHERE dep_delay > 60) / count(*), 2) AS pct FROM flights GROUP BY carrier ORDER BY pct DESC, carrier;

SELECT CASE WHEN dep_delay IS NULL THEN 'cancelled' WHEN dep_delay <= 0 THEN 'early' WHEN dep_delay < 15 THEN 'on time' ELSE 'late' END AS state, count(*) FROM flights GROUP BY 1 ORDER BY 1;

SELECT name FROM airports WHERE faa NOT IN (SELECT dest FROM flights) AND name LIKE '%International%' ORDER BY name LIMIT 12;

SELECT a.faa, a.name FROM airports a WHERE EXISTS (SELECT 1 FROM flights f WHERE f.dest = a.faa AND f.distance > 2500) ORDER BY a.faa;

SELECT dest FROM flights EXCEPT SELECT faa FROM airports ORDER BY 1;

SELECT origin FROM flights UNION SELECT dest FROM flights WHERE distance < 100 ORDER BY 1;

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY dep_delay) AS median, percentile_disc(0.9) WITHIN GROUP (ORDER BY dep_delay) AS p90 FROM flights;

SELECT stddev(dep_delay), variance(arr_delay), stddev_pop(distance) FROM flights;

SELECT corr(dep_delay, arr_delay), regr_slope(arr_delay, dep_delay) FROM flights;

SELECT DISTINCT ON (origin) origin, dest, distance FROM flights ORDER BY origin, distance DESC, dest;

SELECT string_agg(DISTINCT origin, ', ' ORDER BY origin) FROM flights;

SELECT carrier, array_agg(DISTINCT origin ORDER BY origin) FROM flights GROUP BY carrier ORDER BY carrier;

SELECT origin, carrier, count(*) FROM flights GROUP BY ROLLUP (origin, carrier) ORDER BY origin NULLS LAST, carrier NULLS LAST;

SELECT manufacturer, count(*), min(year), max(year), avg(seats) FROM planes GROUP BY manufacturer HAVING count(*) >= 10 ORDER BY count(*) DESC, manufacturer;

SELECT year / 10 * 10 AS decade, count(*), avg(seats) FROM planes WHERE year IS NOT NULL GROUP BY 1 ORDER BY 1;

SELECT upper(substring(name FROM 1 FOR 5)), length(name), position('a' IN name), split_part(name, ' ', 1) FROM airlines ORDER BY carrier;

SELECT tzone, count(*), round(avg(alt), 1) FROM airports GROUP BY tzone ORDER BY 2 DESC, 1 NULLS FIRST;

SELECT day, sum(n) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week FROM (SELECT day, count(*) AS n FROM flights GROUP BY day) d ORDER BY day;

SELECT carrier, ntile(4) OVER (ORDER BY avg(dep_delay) DESC), dense_rank() OVER (ORDER BY count(*) DESC) FROM flights GROUP BY carrier ORDER BY carrier;

SELECT f.carrier, f.flight, x.temp FROM flights f LEFT JOIN weather x ON x.origin = f.origin AND x.time_hour = f.time_hour AND x.temp < 15 WHERE f.day = 24 AND f.dest = 'BOS' ORDER BY f.carrier, f.flight, f.dep_time NULLS LAST, f.origin LIMIT 20;

SELECT coalesce(tailnum, 'none') AS t, nullif(dep_delay, 0), greatest(dep_delay, arr_delay), least(1, 2.5) FROM flights WHERE day = 2 AND carrier = 'HA' ORDER BY flight, t;

WITH RECURSIVE hops(airport, n) AS (SELECT 'EWR', 0 UNION SELECT f.dest, h.n + 1 FROM hops h JOIN (SELECT DISTINCT origin, dest FROM flights) f ON f.origin = h.airport WHERE h.n < 2) SELECT n, count(*) FROM hops GROUP BY n ORDER BY n;

SELECT a.name, t.n FROM airlines a, LATERAL (SELECT count(*) AS n FROM flights f WHERE f.carrier = a.carrier) t ORDER BY t.n DESC, a.name;

SELECT 7 / 2, 7 % 3, -7 / 2, 7 / 2.0, 2 ^ 10, round(2.5), round(-2.5), trunc(2.79, 1), ceil(1.2), floor(-1.2), abs(-3), mod(9, 4);

SELECT avg(n), sum(n), min(n), max(n) FROM (VALUES (1), (2), (3), (4)) AS v(n);

SELECT date '2013-01-31' + 1, date '2013-03-01' - date '2013-02-01', timestamp '2013-01-01 10:00' + interval '1 month 2 days', age(timestamp '2013-03-01', timestamp '2012-12-25');

SELECT g, to_char(g, '999') FROM generate_series(1, 5) AS g ORDER BY g DESC;

SELECT dep_time, sched_dep_time FROM flights ORDER BY dep_time DESC, sched_dep_time, flight LIMIT 5 OFFSET 3;

SELECT count(DISTINCT tailnum), count(tailnum), count(*) FROM flights;

SELECT min(time_hour), max(time_hour), max(time_hour) - min(time_hour) FROM flights;

SELECT origin || '-' || dest AS route, count(*) FROM flights WHERE dest ~ '^S[A-Z]O$' GROUP BY route ORDER BY 2 DESC, 1;

SELECT bool_and(distance > 80), bool_or(air_time > 600), every(year = 2013) FROM flights;
