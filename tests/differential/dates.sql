-- date, time, timestamp, timestamptz, zones, arithmetic, extract, formats.
SELECT date '2024-02-29', date 'January 8, 1999', date '1999-Jan-08', date '19990108', date '990108', date '1999.008', date 'J2451187';
SELECT date '1/8/1999', date '1/18/1999', date '01/02/03', date 'epoch', date 'infinity', date '-infinity', date '0044-03-15 BC';
SELECT date '2024-02-30';
SELECT date '2023-02-29';
SELECT date '18/18/1999';
SELECT date 'tomorrowish';
SELECT date '';
SELECT date '5874897-12-31', date '4713-01-01 BC';
SELECT date '5874898-01-01';
SELECT date '2024-01-31' + 1, date '2024-03-01' - 1, date '2024-03-01' - date '2024-02-01', 7 + date '2024-01-01';
SELECT date '2024-01-31' + interval '1 month', date '2024-03-31' - interval '1 month', date '2024-02-29' + interval '1 year';
SELECT date '2024-01-01' + time '10:30';
SELECT time '10:30' + date '2024-01-01';
-- differs: time with time zone
SELECT date '2024-01-01' + timetz '10:30+02';
SELECT date 'infinity' + 1, date 'infinity' > date '9999-12-31', date '-infinity' < date '0001-01-01 BC';
SELECT date 'infinity' - date '2024-01-01';
SELECT date '2024-01-01' < timestamp '2024-01-01 00:00:01', date '2024-01-01' = timestamptz '2024-01-01 00:00Z';
SELECT date '5874897-12-31' + 1;
SELECT time '04:05:06.789', time '04:05', time '040506', time '04:05 AM', time '04:05 PM', time '24:00:00', time '23:59:60';
SELECT time '25:00';
SELECT time '04:05:06.7894567';
SELECT time(2) '04:05:06.789';
-- differs: time with time zone
SELECT timetz '04:05:06+02';
-- differs: time with time zone
SELECT timetz '04:05:06-08:30';
-- differs: time with time zone
SELECT timetz '04:05 PST';
SELECT time '23:00' + interval '2 hours', time '01:00' - interval '2 hours', time '10:00' - time '08:30', time '10:00' + interval '1 day';
SELECT time '10:00' < time '10:00:00.1';
-- differs: time with time zone
SELECT timetz '10:00+01' = timetz '09:00+00';
-- differs: time with time zone
SELECT timetz '10:00+01' < timetz '09:30+00';
SELECT timestamp '2024-02-29 12:34:56.789', timestamp '2024-02-29T12:34:56', timestamp '2024-02-29 12:34', timestamp '20240229 123456';
SELECT timestamp '2024-02-29 12:34:56.7894565', timestamp(0) '2024-02-29 12:34:56.5', timestamp(3) '2024-02-29 12:34:56.78949';
SELECT timestamp '2024-02-29 24:00', timestamp '2024-12-31 23:59:60';
SELECT timestamp '2024-02-29 25:00';
SELECT timestamp '2024-02-29 12:34:56 America/New_York', timestamptz '2024-02-29 12:34:56 America/New_York';
SELECT timestamptz '2024-02-29 12:34:56+05:30', timestamptz '2024-02-29 12:34:56-08', timestamptz '2024-02-29 12:34:56Z', timestamptz '2024-02-29 12:34:56 EST';
SELECT timestamptz '2024-02-29 12:34:56 Nowhere/City';
SELECT timestamptz '2024-06-01 12:00' AT TIME ZONE 'America/New_York', timestamp '2024-06-01 12:00' AT TIME ZONE 'America/New_York';
SELECT timestamp '2024-06-01 12:00' AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Kolkata';
SELECT timestamp '2024-06-01 12:00' AT TIME ZONE INTERVAL '-03:00', timestamptz '2024-06-01 12:00Z' AT TIME ZONE '+02';
SELECT timestamp '2024-06-01 12:00' AT TIME ZONE 'Mars/Phobos';
SELECT timezone('Europe/Berlin', timestamptz '2024-01-01 12:00Z'), timezone('Europe/Berlin', timestamp '2024-07-01 12:00');
-- differs: time with time zone
SELECT time '10:00' AT TIME ZONE 'UTC', timetz '10:00+02' AT TIME ZONE 'UTC';
SET TimeZone = 'America/New_York';
SELECT timestamptz '2024-03-10 01:59:59', timestamptz '2024-03-10 02:30', timestamptz '2024-03-10 03:00';
SELECT timestamptz '2024-11-03 00:59', timestamptz '2024-11-03 01:30', timestamptz '2024-11-03 02:00';
SELECT timestamptz '2024-03-09 12:00' + interval '1 day', timestamptz '2024-03-09 12:00' + interval '24 hours';
SELECT timestamptz '2024-03-10 12:00' - timestamptz '2024-03-09 12:00', timestamptz '2024-11-03 12:00' - timestamptz '2024-11-02 12:00';
SELECT date_trunc('day', timestamptz '2024-03-10 22:00Z');
SELECT date_trunc('hour', timestamptz '2024-11-03 05:30Z');
SELECT date_trunc('hour', timestamptz '2024-11-03 06:30Z');
SELECT timestamptz '2024-06-01 12:00Z'::date;
SELECT timestamptz '2024-06-01 02:00Z'::date;
SELECT timestamptz '2024-06-01 02:00Z'::time;
SELECT timestamptz '2024-06-01 02:00Z'::timestamp;
-- differs: time with time zone
SELECT timestamptz '2024-06-01 02:00Z'::timetz;
SELECT date '2024-06-01'::timestamptz, timestamp '2024-06-01 12:00'::timestamptz, '2024-06-01'::timestamptz;
SELECT extract(timezone FROM timestamptz '2024-06-01 12:00Z'), extract(timezone_hour FROM timestamptz '2024-01-01'), extract(hour FROM timestamptz '2024-06-01 12:00Z');
SELECT to_char(timestamptz '2024-06-01 12:00Z', 'YYYY-MM-DD HH24:MI TZ tz OF TZH TZM');
SELECT generate_series(timestamptz '2024-03-09 00:00', timestamptz '2024-03-12 00:00', '1 day');
SET TimeZone = 'Asia/Kolkata';
SELECT timestamptz '2024-01-01 00:00Z', date '2024-01-01'::timestamptz, extract(timezone_minute FROM timestamptz '2024-01-01');
-- differs: dates at their edges
SET TimeZone = '+03:30';
-- differs: dates at their edges
SELECT timestamptz '2024-01-01 00:00Z';
SET TimeZone = -7;
SELECT timestamptz '2024-01-01 00:00Z';
-- differs: dates at their edges
SHOW TimeZone;
SET TimeZone = 'Nowhere';
SET TIME ZONE 'Europe/Rome';
SELECT timestamptz '2024-07-01 00:00Z', timestamptz '1900-01-01 00:00Z', timestamptz '1945-05-01 00:00Z', timestamptz '2100-07-01 00:00Z';
SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE;
SELECT timestamptz '2024-01-01 00:00Z';
SET TIME ZONE 'UTC';
SELECT extract(century FROM date '2000-12-31'), extract(century FROM date '2001-01-01'), extract(century FROM date '0001-12-31 BC'), extract(millennium FROM date '2001-01-01'), extract(decade FROM date '1999-01-01');
SELECT extract(year FROM timestamp '2024-02-29 12:34:56.789'), extract(month FROM timestamp '2024-02-29'), extract(day FROM date '2024-02-29'), extract(hour FROM time '12:34'), extract(minute FROM time '12:34'), extract(second FROM time '12:34:56.789');
SELECT extract(milliseconds FROM time '12:34:56.789'), extract(microseconds FROM time '12:34:56.789'), extract(epoch FROM timestamp '2024-02-29 12:34:56.789'), extract(epoch FROM date '1970-01-02'), extract(epoch FROM time '01:00'), extract(epoch FROM timestamptz '1969-12-31 23:59:59.5Z');
SELECT extract(dow FROM date '2024-03-03'), extract(isodow FROM date '2024-03-03'), extract(doy FROM date '2024-12-31'), extract(week FROM date '2024-12-31'), extract(isoyear FROM date '2024-12-31'), extract(quarter FROM date '2024-12-31'), extract(julian FROM date '2024-12-31');
SELECT extract(week FROM date '2021-01-03'), extract(isoyear FROM date '2021-01-03'), extract(week FROM date '2020-12-31'), extract(julian FROM timestamp '2024-01-01 12:00');
SELECT extract(nope FROM date '2024-01-01');
SELECT extract(hour FROM date '2024-01-01');
SELECT extract(year FROM time '10:00');
-- differs: dates at their edges
SELECT extract(year FROM date 'infinity'), extract(day FROM timestamp '-infinity'), extract(epoch FROM timestamp 'infinity');
SELECT date_part('year', date '2024-02-29'), date_part('second', time '12:34:56.789'), date_part('epoch', interval '1 day'), date_part('dow', timestamp '2024-03-03');
-- differs: what an error about a date or number quotes
SELECT date_part('nope', date '2024-02-29');
SELECT date_trunc('millennium', timestamp '2024-02-29 12:34'), date_trunc('century', timestamp '2000-02-29'), date_trunc('decade', timestamp '1999-02-28'), date_trunc('year', timestamp '2024-02-29'), date_trunc('quarter', timestamp '2024-05-05'), date_trunc('month', date '2024-05-05');
SELECT date_trunc('week', timestamp '2024-03-03'), date_trunc('day', timestamp '2024-03-03 12:34'), date_trunc('hour', timestamp '2024-03-03 12:34'), date_trunc('minute', timestamp '2024-03-03 12:34:56'), date_trunc('second', timestamp '2024-03-03 12:34:56.789'), date_trunc('milliseconds', timestamp '2024-03-03 12:34:56.7891'), date_trunc('microseconds', timestamp '2024-03-03 12:34:56.7891');
SELECT date_trunc('day', timestamptz '2024-03-03 23:00Z', 'Europe/Berlin'), date_trunc('day', interval '3 days 10 hours'), date_trunc('nope', timestamp '2024-01-01');
SELECT date_trunc('nope', timestamp '2024-01-01');
SELECT date_trunc('hour', time '12:34');
SELECT date_bin('15 minutes', timestamp '2024-02-29 12:34:56', timestamp '2001-01-01'), date_bin('1 day', timestamptz '2024-02-29 12:34:56Z', timestamptz '2001-01-01 06:00Z');
SELECT date_bin('1 month', timestamp '2024-02-29', timestamp '2001-01-01');
SELECT date_bin('0 day', timestamp '2024-02-29', timestamp '2001-01-01');
SELECT age(timestamp '2024-03-01', timestamp '2024-01-31');
SELECT age(timestamp '2024-01-31', timestamp '2024-03-01');
SELECT age(date '2024-02-29', date '2000-02-29');
SELECT age(timestamp '2024-01-01 10:00', timestamp '2024-01-01 12:30');
SELECT make_date(2024, 2, 29), make_time(12, 34, 56.789), make_timestamp(2024, 2, 29, 12, 34, 56.789), make_timestamptz(2024, 2, 29, 12, 34, 56.789, 'Europe/Berlin'), make_date(-44, 3, 15);
SELECT make_date(2024, 2, 30);
SELECT make_time(25, 0, 0);
SELECT make_timestamp(2024, 13, 1, 0, 0, 0);
SELECT to_timestamp(0);
SELECT to_timestamp(1709210096.789);
SELECT to_timestamp('-infinity'::float8);
SELECT to_date('29 Feb 2024', 'DD Mon YYYY');
SELECT to_date('2024060', 'YYYYDDD');
SELECT to_date('20240229', 'YYYYMMDD');
SELECT to_date('12-05-99', 'MM-DD-YY');
SELECT to_timestamp('2024-02-29 12:34:56.789', 'YYYY-MM-DD HH24:MI:SS.MS'), to_timestamp('05 Dec 2000', 'DD Mon YYYY'), to_timestamp('12:34 PM', 'HH12:MI AM');
SELECT to_date('2024-13-01', 'YYYY-MM-DD');
SELECT to_date('2024-02-30', 'YYYY-MM-DD');
-- differs: what an error about a date or number quotes
SELECT to_date('abc', 'YYYY');
SELECT to_timestamp('2024 25', 'YYYY HH24');
SELECT to_char(timestamp '2024-02-09 15:04:05.678', 'YYYY-MM-DD HH24:MI:SS.MS US'), to_char(timestamp '2024-02-09 15:04:05', 'HH12:MI:SS AM am P.M.'), to_char(timestamp '2024-02-09', 'Day DAY day Dy DY dy D ID'), to_char(timestamp '2024-02-09', 'Month MONTH month Mon MON mon RM rm');
SELECT to_char(timestamp '2024-02-09', 'FMMonth FMDD, YYYY'), to_char(timestamp '2024-02-09', 'DDth DDTH Mth'), to_char(timestamp '2024-02-09', 'WW IW W CC Q J IYYY IDDD DDD'), to_char(timestamp '2024-02-09', 'Y,YYY YYY YY Y'), to_char(timestamp '2024-02-09 00:00:01', 'SSSS SSSSS');
SELECT to_char(date '2024-02-09', '"the day" DD "of" Month'), to_char(timestamp '0044-03-15 BC', 'YYYY BC'), to_char(interval '3 days 04:05:06', 'DD HH24:MI:SS'), to_char(interval '15 months', 'YY MM'), to_char(time '10:30', 'HH24:MI');
SELECT isfinite(date 'infinity'), isfinite(timestamp '2024-01-01'), isfinite(interval '1 day');
SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-31', date '2024-03-01'), (date '2024-01-01', interval '1 month') OVERLAPS (date '2024-02-01', interval '1 day');
SELECT timestamp '2024-03-01' - timestamp '2024-02-01 12:00', timestamp '2024-01-01' - interval '1 second', timestamptz '2024-01-01 00:00Z' - interval '1 mon -1 day';
SELECT timestamp 'infinity', timestamp '-infinity' < timestamp '4713-01-01 BC', timestamp 'infinity' + interval '1 day', timestamp 'infinity' = timestamp 'infinity';
SELECT timestamp 'infinity' - timestamp '2024-01-01';
-- differs: dates at their edges
SELECT timestamp '294276-12-31 23:59:59.999999', timestamp '4714-11-24 00:00 BC';
SELECT timestamp '294277-01-01';
-- differs: what an error about a date or number quotes
SELECT timestamp '294276-12-31 23:59:59' + interval '1 day';
SELECT generate_series(date '2024-01-30', date '2024-02-02', interval '1 day');
SELECT generate_series(timestamp '2024-01-31', timestamp '2024-05-01', interval '1 month');
SELECT generate_series(timestamp '2024-01-01', timestamp '2024-01-02', interval '0');
SELECT now() = transaction_timestamp();
SELECT now() <= statement_timestamp();
SELECT statement_timestamp() <= clock_timestamp();
SELECT current_date = now()::date;
SELECT localtimestamp = now()::timestamp;
-- differs: time with time zone
SELECT current_time::time = localtime;
SELECT now()::timestamptz(0) - now() < interval '1 second';
SELECT current_timestamp(0) IS NOT NULL;
SELECT localtime(2) IS NOT NULL;
-- differs: dates at their edges
SELECT 'now'::timestamptz = now();
SELECT 'today'::date = current_date;
SELECT 'tomorrow'::date - 'yesterday'::date;
SELECT timestamp '2024-01-01' BETWEEN '2023-12-31' AND '2024-01-02', date '2024-01-01' IN ('2024-01-01', '2024-01-02'), greatest(date '2024-01-01', '2024-06-01');
SELECT '2024-01-01'::date::text, '2024-01-01 10:00'::timestamp::date, '10:00'::time::interval, interval '25 hours'::time;
SELECT date '2024-01-01' + 1.5;
SELECT date '2024-01-01' + date '2024-01-01';
SELECT timestamp '2024-01-01' + 1;
SELECT date '2024-01-01'::int;
SELECT 5::date;
-- differs: DateStyle
SET DateStyle = 'SQL, DMY';
-- differs: DateStyle
SELECT date '2024-02-29';
-- differs: DateStyle
SELECT timestamp '2024-02-29 12:34:56';
-- differs: DateStyle
SELECT timestamptz '2024-02-29 12:34:56Z';
-- differs: DateStyle
SELECT date '03/04/2024';
-- differs: DateStyle
SET DateStyle = 'German';
-- differs: DateStyle
SELECT date '2024-02-29';
-- differs: DateStyle
SELECT timestamp '2024-02-29 12:34:56';
-- differs: DateStyle
SELECT timestamptz '2024-02-29 12:34:56Z';
-- differs: DateStyle
SET DateStyle = 'Postgres, MDY';
-- differs: DateStyle
SELECT date '2024-02-29';
-- differs: DateStyle
SELECT timestamp '2024-02-29 12:34:56';
-- differs: DateStyle
SELECT timestamptz '2024-02-29 12:34:56Z';
SET DateStyle = 'ISO, YMD';
SELECT date '03/04/2024';
SHOW DateStyle;
RESET DateStyle;
