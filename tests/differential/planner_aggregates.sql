-- load: flights

-- An aggregate whose arguments are all an outer query's belongs to that query.

select (select max(x.v + 1) from (values (1)) y(v)) from (values (1), (2)) x(v);

select (select max(f.dep_delay) from airlines a) + f.flight from flights f;

select (select max(length(a.name)) from flights f where month = 1 and day = 1) from airlines a;

select p.tzone, max(p.alt), (select q.name from airports q where q.alt = max(p.alt) and q.tzone = p.tzone order by q.name limit 1) from airports p group by p.tzone order by 1 nulls last;

select p.manufacturer, count(*) from planes p group by 1 having exists (select 1 from planes q where q.seats > max(p.seats) + 100) order by 1;

select max(p.year), (select max(p.year)), (select max(p.year) + min(q.year) from planes q) from planes p;

-- differs: aggregates compared with a query that looks at them
select p.manufacturer, max(p.seats) in (select q.seats from planes q where q.manufacturer <> p.manufacturer) from planes p group by 1 order by 1;

select origin, (select sum(f.distance) + count(*) from (values (1), (2)) v) from flights f group by origin order by origin;

select origin, (select string_agg(f.dest, ',' order by f.dest) from (values (1)) v) from (select distinct origin, dest from flights where day = 1) f group by origin order by origin;

select (select (select sum(x.v) from (values (1)) z) from (values (1)) y) from (values (1), (2)) x(v);

select (select sum(x.v + y.v) from (values (1), (10)) y(v)) from (values (1), (2)) x(v) order by 1;

select (select array_agg(x.v) from (values (1)) y) from (values (1), (2)) x(v);

select (select count(x.v) filter (where x.v > 1) from (values (1)) y) from (values (1), (2)) x(v);

select (select sum(x.v) over () from (values (1)) y) from (values (1), (2)) x(v) order by 1;

-- Not where aggregates may not stand.

select 1 from airports p where exists (select 1 from planes q where q.seats > max(p.alt));

select * from airports p, lateral (select max(p.alt)) t;

select p.faa from airports p where p.alt > (select max(p.alt) from planes);

select 1 from airports p join airports q on p.alt = (select max(q.alt));

select sum((select max(x.v) from (values (1)) y)) from (values (1)) x(v);

-- A column that isn't grouped.

select upper(f.dest), (select name from airports p where p.faa = f.dest) from flights f group by upper(f.dest);

select f.origin, exists (select 1 from airports p where p.faa = f.dest) from flights f group by f.origin;

select f.origin, f.dest from flights f group by f.origin;

select a.carrier, (select a.name) from airlines a group by a.carrier order by 1;

select p.model, (select p.year + 1) from planes p group by p.model, p.year order by 1, 2 limit 5;

-- Grouping by nothing.

select count(*) from (select 1 from flights where false group by ()) t;

select 7 from airlines having true;

select 7 from airlines having false;

select a.carrier from airlines a where exists (select 1 from flights f where f.carrier = a.carrier having true) order by 1 limit 3;

select (select tz from airports p where p.faa = f.dest) z, count(*) from flights f where day = 1 group by rollup(1) order by 1 nulls last;

-- The total of a rollup over nothing.

select a.k, (select sum(n) from (select count(*) n from flights f where f.carrier = a.k group by rollup(origin)) t) from (values ('UA'), ('??')) a(k) order by 1;

select a.k, t.* from (values ('UA'), ('??')) a(k) left join lateral (select origin o, count(*) c, grouping(origin) g, max(f.dest) m from flights f where f.carrier = a.k group by rollup(origin)) t on true order by 1, 2 nulls last;

select a.k, t.* from (values ('AS'), ('??')) a(k), lateral (select origin, dest, count(*) from flights f where f.carrier = a.k group by grouping sets ((origin), (dest), ())) t order by 1, 2 nulls last, 3 nulls last;

-- The types of aggregates.

select pg_typeof(sum(month))::text from flights where month = 1 and day = 1;

select count(t), count(t.*) from (values (1, 'p'), (null, null)) t(x, y);

select count(u), count(*) from (values (1), (2)) t(x) left join (values (1, null::text)) u(x, y) on t.x = u.x;
SELECT a, b, count(*) FROM (VALUES (1, 2), (1, 3)) t(a, b) GROUP BY GROUPING SETS (ROLLUP (a, b), (b)) ORDER BY 1, 2, 3;
SELECT a, b, count(*) FROM (VALUES (1, 2), (1, 3)) t(a, b) GROUP BY GROUPING SETS (CUBE (a, b), a, ()) ORDER BY 1, 2, 3;
SELECT a, b, c, count(*) FROM (VALUES (1, 2, 3), (1, 3, 4)) t(a, b, c) GROUP BY GROUPING SETS (ROLLUP ((a, b), c)) ORDER BY 1, 2, 3, 4;
SELECT count(*) FROM (VALUES (1, 2)) t(a, b) GROUP BY CUBE (a, b, a, b, a, b, a, b, a, b, a, b), CUBE (a, b);
-- Columns that depend on a key that is grouped by.
CREATE TABLE of_key (a int, b int, c text, d numeric(6,2), PRIMARY KEY (a, b));
CREATE TABLE to_key (a int, b int, x int);
INSERT INTO of_key VALUES (1, 1, 'p', 1.5), (1, 2, 'q', 2.5), (2, 1, 'p', NULL), (2, 2, NULL, 0.5);
INSERT INTO to_key VALUES (1, 1, 10), (1, 1, 20), (1, 2, 5), (2, 2, NULL), (3, 3, 1);
SELECT a, b, c, count(*) FROM of_key GROUP BY a, b ORDER BY 1, 2;
SELECT c, d + 1 FROM of_key GROUP BY b, a HAVING d > 1 OR min(c) IS NULL ORDER BY c;
SELECT sum(d), (SELECT max(x.c) FROM of_key x WHERE x.d > of_key.d) FROM of_key GROUP BY a, b ORDER BY of_key.d, 1;
SELECT DISTINCT ON (c) c, count(*) FROM of_key GROUP BY a, b ORDER BY c, d;
SELECT rank() OVER (ORDER BY d), c, sum(sum(d)) OVER (PARTITION BY c) FROM of_key GROUP BY a, b ORDER BY 1, 2;
SELECT k.*, count(o.x), sum(o.x) FROM of_key k LEFT JOIN to_key o USING (a, b) GROUP BY k.a, k.b ORDER BY 1, 2;
SELECT k::text, count(o.x) FROM of_key k LEFT JOIN to_key o USING (a, b) GROUP BY k.a, k.b ORDER BY 1;
SELECT c FROM of_key GROUP BY a;
SELECT k.c, count(*) FROM of_key k JOIN to_key o ON o.a = k.a WHERE k.a IN (SELECT a FROM to_key GROUP BY a HAVING count(*) > 1) GROUP BY k.a, k.b ORDER BY k.d;
SELECT k.a, o.x FROM of_key k JOIN to_key o ON o.a = k.a WHERE o.b IN (SELECT b FROM of_key GROUP BY b HAVING sum(d) > 2) AND EXISTS (SELECT d FROM of_key z WHERE z.a = k.a GROUP BY d HAVING count(*) = 1) ORDER BY 1, 2;
