//! What the demo asks. Every statement is PostgreSQL's dialect and runs there too.

pub struct Question {
    pub title: &'static str,
    pub statements: &'static [&'static str],
}

pub const QUESTIONS: &[Question] = &[
    Question {
        title: "One plane, by its key",
        statements: &["SELECT tailnum, year, manufacturer, model, seats FROM planes WHERE tailnum = 'N14228'"],
    },
    Question {
        title: "Who flies most, and who keeps to the timetable",
        statements: &["\
SELECT a.name, count(*) AS flights,
       count(*) FILTER (WHERE f.dep_time IS NULL) AS cancelled,
       round(avg(f.dep_delay)::numeric, 1) AS mean_delay,
       round(100.0 * count(*) FILTER (WHERE f.arr_delay <= 15) / count(f.arr_delay), 1) AS percent_on_time
FROM flights f JOIN airlines a USING (carrier)
GROUP BY a.name
ORDER BY flights DESC
LIMIT 8"],
    },
    Question {
        title: "What wind does to departures (flights joined with the hour's weather)",
        statements: &["\
SELECT CASE WHEN w.wind_speed < 10 THEN 'under 10 mph'
            WHEN w.wind_speed < 20 THEN '10 to 20 mph'
            WHEN w.wind_speed < 30 THEN '20 to 30 mph'
            ELSE '30 mph and more' END AS wind,
       count(*) AS flights,
       round(avg(f.dep_delay)::numeric, 1) AS mean_delay,
       round(100.0 * count(*) FILTER (WHERE f.dep_time IS NULL) / count(*), 2) AS percent_cancelled
FROM flights f JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
WHERE w.wind_speed IS NOT NULL
GROUP BY 1
ORDER BY min(w.wind_speed)"],
    },
    Question {
        title: "How old the planes are, by maker (flights joined with planes)",
        statements: &["\
SELECT p.manufacturer, count(DISTINCT p.tailnum) AS planes, count(*) AS flights,
       round(avg(2013 - p.year)::numeric, 1) AS mean_age,
       sum(f.distance) AS miles
FROM flights f JOIN planes p ON p.tailnum = f.tailnum
WHERE p.year IS NOT NULL
GROUP BY p.manufacturer
HAVING count(*) > 100
ORDER BY miles DESC
LIMIT 6"],
    },
    Question {
        title: "The worst departure of each airport (a window)",
        statements: &["\
SELECT origin, carrier, flight, dest, dep_delay, time_hour
FROM (SELECT f.*, row_number() OVER (PARTITION BY origin ORDER BY dep_delay DESC NULLS LAST, time_hour) AS place
      FROM flights f) AS ranked
WHERE place = 1
ORDER BY origin"],
    },
    Question {
        title: "Delay day by day, with the mean of the last seven days (a moving window)",
        statements: &["\
WITH daily AS (
  SELECT day, count(*) AS flights, avg(dep_delay) AS delay
  FROM flights GROUP BY day)
SELECT day, flights, round(delay::numeric, 1) AS delay,
       round(avg(delay) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)::numeric, 1) AS seven_days
FROM daily
ORDER BY day DESC
LIMIT 7"],
    },
    Question {
        title: "All five tables at once: long flights that left in a storm",
        statements: &["\
SELECT al.name AS airline, f.flight, ap.name AS destination, p.model,
       w.wind_gust AS gust, f.dep_delay, f.arr_delay
FROM flights f
JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
JOIN airlines al ON al.carrier = f.carrier
JOIN airports ap ON ap.faa = f.dest
JOIN planes p ON p.tailnum = f.tailnum
WHERE w.wind_gust > 45 AND f.distance > 2000
ORDER BY f.arr_delay DESC NULLS LAST, f.flight
LIMIT 5"],
    },
    Question {
        title: "A change and second thoughts: an UPDATE in a transaction",
        statements: &[
            "BEGIN",
            "UPDATE planes SET seats = seats + 1 WHERE tailnum = 'N14228'",
            "UPDATE flights SET dep_delay = 0 WHERE carrier = 'UA' AND dep_delay < 0",
            "SELECT seats FROM planes WHERE tailnum = 'N14228'",
            "ROLLBACK",
            "SELECT seats FROM planes WHERE tailnum = 'N14228'",
        ],
    },
];
