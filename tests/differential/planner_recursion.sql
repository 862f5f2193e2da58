-- load: flights

-- Correlated queries in a recursive term.

with recursive t(n, c) as (select 1, (select carrier from airlines order by 1 limit 1) union all select n + 1, (select min(a.carrier) from airlines a where a.carrier > t.c) from t where n < 5) select * from t order by n;

with recursive t(n) as (select 1 union all select n + 1 from t where n < 5 and exists (select 1 from airlines a where length(a.carrier) > t.n - 3)) select count(*) from t;

with recursive t(n) as (select 1 union all select n + 1 from t where n < 5 and not exists (select 1 from airlines a where length(a.carrier) = t.n)) select count(*) from t;

with recursive r(faa, hops) as (select 'JFK'::text, 0 union select f.dest, hops + 1 from r, lateral (select distinct dest from flights f where f.origin = r.faa and f.day = 1) f where hops < 2) select hops, count(*), min(faa) from r group by hops order by hops;

with recursive h(carrier, path, lvl) as (select carrier, carrier, 0 from airlines where carrier = 'AA' union all select a.carrier, h.path || '>' || a.carrier, lvl + 1 from airlines a join h on a.carrier = (select min(carrier) from airlines b where b.carrier > h.carrier) where lvl < 4) select * from h order by lvl;

with recursive t(f, d) as (select 'JFK'::text, 0 union select x.dest, d + 1 from t join (select distinct origin, dest from flights) x on x.origin = t.f where d < 1 and not exists (select 1 from airports a where a.faa = x.dest and a.tz = -5)) select d, count(*) from t group by d order by d;

with recursive t(n) as (values (1) union all select n + 1 from t where n < 10) select array_agg(n), string_agg(n::text, ',') from t;

-- Where a recursive query may not name itself.

with recursive r as (select 1 n union all select n + 1 from r where n in (select n from r)) select * from r;

with recursive r(n) as (select n + 1 from r union all select 1) select * from r;

with recursive r(n) as (select 1 union all select a.n + 1 from r a, r b where a.n < 3) select * from r;

with recursive a(x) as (select 1 union all select a.x + 1 from airlines l left join a on true) select * from a;

-- Queries in the conditions of outer joins.

select a.carrier, p.faa from airlines a left join airports p on p.faa = (select max(dest) from flights f where f.carrier = a.carrier) order by 1;

select a.carrier, count(p.faa) from airlines a left join airports p on p.alt > 8000 and exists (select 1 from flights f where f.carrier = a.carrier) group by 1 order by 1;

select a.carrier, p.faa from airlines a right join (select * from airports where alt > 8500) p on a.carrier = (select min(carrier) from flights f where f.dest = p.faa) order by 2;

-- What a recursive term may not do.
with recursive x(n) as (select 1 union all select sum(n)::int from x) select * from x;
with recursive x(n) as (select 1 union all select * from (select max(n) from x) s) select * from x;
with recursive x(n) as (select 1 union all select n + 1 from x group by n having count(*) > 0) select * from x;
with recursive x(n) as (select 1 union all select n + (select max(1) from airlines) from x where n < 3) select * from x;
with recursive x(n) as (select 1 union all select n + 1 from x where n < 3 order by 1) select * from x;
with recursive x(n) as (select 1 union all select n + 1 from x limit 3) select * from x;
with recursive x(n) as (select 1 union all select n + 1 from x offset 1) select * from x;
