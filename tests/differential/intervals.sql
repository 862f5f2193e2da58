-- interval: input in every form, output styles, arithmetic, comparison.
SELECT interval '1 year 2 months 3 days 4 hours 5 minutes 6.789 seconds', interval '1-2', interval '3 4:05:06', interval '1-2 3 4:05:06';
SELECT interval 'P1Y2M3DT4H5M6.789S', interval 'P0001-02-03T04:05:06', interval 'PT36H', interval 'P2W';
SELECT interval '1 day ago', interval '-1 day +2 hours', interval '1 day -2 hours', interval '@ 1 minute ago';
SELECT interval '1.5 days', interval '1.5 months', interval '0.5 year', interval '1.25 weeks', interval '2.5 hours';
SELECT interval '1 century', interval '1 decade', interval '1 millennium', interval '1 quarter', interval '1 week';
SELECT interval '1 y 2 mon 3 d 4 h 5 m 6 s', interval '1 mons', interval '5 mins', interval '7 ms', interval '8 us';
SELECT interval '1' year, interval '1' day, interval '90' minute, interval '1-2' year to month, interval '1 2:03' day to minute, interval '5.123' second(1);
SELECT interval(0) '1.6 seconds', interval(3) '1.23456 seconds', interval '1 day'::interval(2);
SELECT interval '36 hours', interval '40 days', interval '14 months', interval '-00:00:01', interval '0';
SELECT interval 'nope';
SELECT interval '1 fortnight';
SELECT interval '';
SELECT interval '1 day 1 day';
SELECT interval '999999999 years';
SELECT justify_hours(interval '27 hours'), justify_days(interval '35 days'), justify_interval(interval '1 mon -1 hour'), justify_interval(interval '400 days 50 hours');
SELECT interval '1 day' + interval '2 hours', interval '1 mon' - interval '1 day', -interval '1 day', interval '1 day' * 2, 2.5 * interval '1 day', interval '1 day' / 4, interval '1 mon' * 1.5;
SELECT interval '1 day' / 0;
SELECT interval '1 day' * interval '1 day';
SELECT interval '1 day' = interval '24 hours', interval '1 mon' = interval '30 days', interval '1 year' = interval '360 days', interval '1 mon' > interval '29 days';
SELECT x FROM (VALUES (interval '1 mon'), ('31 days'), ('29 days'), ('-1 day'), ('720:00')) v (x) ORDER BY x, x::text;
SELECT extract(epoch FROM interval '1 year 1 mon 1 day 1 second'), extract(month FROM interval '14 months'), extract(year FROM interval '14 months'), extract(day FROM interval '40 days'), extract(hour FROM interval '50:30'), extract(minute FROM interval '50:30'), extract(second FROM interval '1.5 s');
SELECT extract(quarter FROM interval '5 months'), extract(decade FROM interval '25 years'), extract(century FROM interval '250 years'), extract(milliseconds FROM interval '1.5 s'), extract(dow FROM interval '1 day');
SELECT make_interval();
SELECT make_interval(1, 2, 3, 4, 5, 6, 7.5);
SELECT make_interval(days => 10, hours => -1);
-- differs: dates at their edges
SELECT make_interval(secs => 1e10);
SELECT sum(x), avg(x), min(x), max(x), count(DISTINCT x) FROM (VALUES (interval '1 day'), ('24 hours'), ('1 mon')) v (x);
SELECT date_trunc('month', interval '2 years 3 months 4 days'), date_trunc('hour', interval '1 day 02:03:04'), date_part('hour', interval '26 hours');
SELECT interval '1 day'::text, '1 day'::interval::text, interval '1 day'::time, interval '26:30'::time;
SELECT interval '178000000 years', interval '-178000000 years', interval '2147483647 days';
SELECT interval '2147483648 days';
SELECT to_char(interval '1 year 2 mons 3 days 04:05:06.7', 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(interval '-1 day', 'DD'), to_char(interval '100 hours', 'HH24 HH12 HH');
-- differs: IntervalStyle
SET IntervalStyle = 'postgres_verbose';
-- differs: IntervalStyle
SELECT interval '1 year 2 months -3 days 4:05:06.789';
-- differs: IntervalStyle
SELECT interval '-1 day';
-- differs: IntervalStyle
SELECT interval '0';
-- differs: IntervalStyle
SET IntervalStyle = 'sql_standard';
-- differs: IntervalStyle
SELECT interval '1 year 2 months';
-- differs: IntervalStyle
SELECT interval '3 days 4:05:06';
-- differs: IntervalStyle
SELECT interval '-1 year';
-- differs: IntervalStyle
SELECT interval '1 year -1 day';
-- differs: IntervalStyle
SELECT interval '0';
-- differs: IntervalStyle
SET IntervalStyle = 'iso_8601';
-- differs: IntervalStyle
SELECT interval '1 year 2 months 3 days 4:05:06.789';
-- differs: IntervalStyle
SELECT interval '-1 day';
-- differs: IntervalStyle
SELECT interval '0';
-- differs: IntervalStyle
SELECT interval '1.5 s';
RESET IntervalStyle;
SELECT array_agg(x ORDER BY x) FROM (VALUES (interval '1 hour'), ('1 min')) v (x);
SELECT interval '1 day' IN ('24 hours', '2 days'), interval '1 hour' BETWEEN '1 min' AND '2 hours', nullif(interval '1 day', '24:00');
SELECT (timestamp '2024-03-31' - timestamp '2024-02-29') / 2, (timestamp '2024-03-31' - timestamp '2024-02-29') * 0.1;
