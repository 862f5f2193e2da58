-- :DATE = 1995-09-01 of '1993-01-01', '1993-04-01', '1993-07-01', '1993-10-01', '1994-01-01',
--     '1994-04-01', '1994-07-01', '1994-10-01', '1995-01-01', '1995-04-01', '1995-07-01',
--     '1995-10-01', '1996-01-01', '1996-04-01', '1996-07-01', '1996-10-01', '1997-01-01',
--     '1997-04-01', '1997-07-01', '1997-10-01'
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else
    0 end) / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
from lineitem, part
where l_partkey = p_partkey
    and l_shipdate >= date ':DATE'
    and l_shipdate < date ':DATE' + interval '1' month
