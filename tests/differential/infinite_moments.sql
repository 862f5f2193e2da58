-- Parts of moments without end.
-- differs: numeric range
SELECT extract(year FROM 'infinity'::timestamp);
-- differs: numeric range
SELECT extract(epoch FROM 'infinity'::timestamp);
SELECT date_part('epoch', 'infinity'::timestamp), date_part('year', '-infinity'::date), date_part('month', 'infinity'::timestamptz), date_part('day', '-infinity'::date);
SELECT extract(month FROM 'infinity'::timestamp);
SELECT date_trunc('year', 'infinity'::timestamp), 'infinity'::date - 5, 'infinity'::timestamp + '1 day';
SELECT 'infinity'::timestamp - '2024-01-01'::timestamp;
SELECT to_char('infinity'::timestamp, 'YYYY') IS NULL, 'infinity'::timestamp::date, 'infinity'::date::timestamp;
SELECT 'infinity'::timestamp::time;
-- differs: numeric range
SELECT extract(century FROM '-infinity'::date), extract(decade FROM 'infinity'::timestamptz), extract(millennium FROM 'infinity'::date), extract(isoyear FROM '-infinity'::timestamp), extract(julian FROM 'infinity'::date), extract(week FROM 'infinity'::date), extract(dow FROM 'infinity'::timestamptz), extract(hour FROM 'infinity'::timestamp);
-- differs: numeric range
SELECT extract(epoch FROM d) > 0, extract(year FROM d) < 2024, extract(epoch FROM d) = 'Infinity' FROM (VALUES ('infinity'::date), ('-infinity'), ('2024-01-01')) v (d) ORDER BY d;
-- differs: numeric range
SELECT sum(extract(year FROM d)), max(extract(epoch FROM d)), count(DISTINCT extract(year FROM d)) FROM (VALUES ('infinity'::date), ('2023-05-05'), ('2024-01-01')) v (d);
SELECT date_part('century', '-infinity'::date), date_part('decade', 'infinity'::timestamptz), date_part('julian', 'infinity'::date), date_part('week', 'infinity'::date), date_part('hour', 'infinity'::timestamp);
SELECT count(*) FILTER (WHERE date_part('year', d) = 2024), count(*) FILTER (WHERE date_part('year', d) > 2024), count(*) FILTER (WHERE date_part('month', d) = 5), sum(date_part('year', d)) FROM (VALUES ('infinity'::date), ('-infinity'), ('2024-05-05'), ('2024-01-01'), (NULL)) v (d) WHERE d > '-infinity' OR d IS NULL;
