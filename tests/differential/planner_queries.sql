-- load: flights

-- Functions in FROM joined on a condition.

select a.carrier, s from airlines a left join lateral regexp_split_to_table(a.name, '\s+') s on s like 'A%' order by 1, 2;

select x.k, v, o from (values (1, array[1, 2, 3]), (2, array[0]), (3, null)) x(k, a) left join lateral unnest(x.a) with ordinality u(v, o) on v > 1 order by 1, 2;

select x.k, g from (values (1), (3)) x(k) join lateral generate_series(1, x.k) g on g % 2 = 1 order by 1, 2;

select x.k, g from (values (1), (3)) x(k) left join generate_series(2, 3) g on g = x.k order by 1, 2;

select * from flights f right join lateral (select f.carrier) t on true;

select * from flights f full join lateral (select f.carrier) t on true;

-- The number of rows.

select x from generate_series(1, 10) x order by x limit (select 3);

select x from generate_series(1, 10) x order by x desc limit (select count(*) from airlines where carrier < 'B') offset (select 2);

select a.carrier from airlines a order by 1 limit (select count(*) from airlines b where b.carrier < 'B');

select x, y from (values (1, 'a'), (2, 'b'), (2, 'c'), (3, 'd')) v(x, y) order by x fetch first 2 rows with ties;

select x from (values (1), (1), (2), (2), (3)) v(x) order by x offset 1 fetch first 2 rows with ties;

select x from (values (1.0), (1.00), (2)) v(x) order by x fetch first 1 row with ties;

select x from (values (1), (2)) v(x) fetch first 1 row with ties;

select k, (select string_agg(x::text, ',' order by x) from (select x from generate_series(1, 5) x where x >= k order by x fetch first 2 rows with ties) t) from (values (1), (4)) v(k) order by 1;

-- Rows against queries.

select (1, 2) = (select 1, 2), (1, 2) < (select 1, 3), (1, null) = (select 1, 2);

select (1, 2) = (select 1);

select (1, 2) = (select 1, 2, 3);

select (2, 3) >= all (select x, y from (values (1, 9), (2, 3)) v(x, y)), (2, 3) > any (select x, y from (values (5, 9), (2, 3)) v(x, y));

select (1, null) < any (select x, y from (values (1, 9)) v(x, y)), (1, 2) <> any (select 1, 2);

select p.tailnum from planes p where (p.year, p.seats) = (select q.year, q.seats from planes q order by q.year, q.seats, q.tailnum limit 1) order by 1;

select (1.0, null) in (select 1.00, 2), (2.0, null) in (select 1.00, 2), (1.0, 'x') in (select 1.000, 'x');

select (interval '1 day', 1) in (select interval '24 hours', 1), (0.0::float8, 1) in (select -0.0::float8, null::int);

-- CASE and COALESCE ask only where they look.

-- differs: names of columns over subqueries
select x.a, case when x.a = 0 then 0 else (select 10 / x.a) end from (values (0), (5)) x(a) order by 1;

select x.a, coalesce(nullif(x.a, 0), (select sum(10 / (x.a + v)) from (values (0), (1)) y(v))) from (values (3), (5)) x(a) order by 1;

select x.a, case when x.a > 0 then (select max(v / x.a) from (values (10), (20)) y(v)) when exists (select 1 from (values (0)) z(v) where z.v = x.a) then -1 end from (values (0), (5), (null)) x(a) order by 1;

-- Frames.

select sum(alt) over (order by faa range between 1 preceding and current row) from airports;

select sum(alt) over (range between 1 preceding and current row) from airports;

select sum(alt) over (order by alt, faa range between 1 preceding and current row) from airports;

select sum(alt) over (groups between 1 preceding and current row) from airports;

-- FOR UPDATE of what isn't there.

select a.carrier from airlines a for update of b;
