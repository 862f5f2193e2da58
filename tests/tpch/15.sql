-- :DATE = 1996-01-01 of '1993-01-01', '1993-04-01', '1993-07-01', '1993-10-01', '1994-01-01',
--     '1994-04-01', '1994-07-01', '1994-10-01', '1995-01-01', '1995-04-01', '1995-07-01',
--     '1995-10-01', '1996-01-01', '1996-04-01', '1996-07-01', '1996-10-01', '1997-01-01',
--     '1997-04-01', '1997-07-01', '1997-10-01'
with revenue0 (supplier_no, total_revenue) as (
    select l_suppkey, sum(l_extendedprice * (1 - l_discount))
    from lineitem
    where l_shipdate >= date ':DATE'
        and l_shipdate < date ':DATE' + interval '3' month
    group by l_suppkey
)
select s_suppkey, s_name, s_address, s_phone, total_revenue
from supplier, revenue0
where s_suppkey = supplier_no
    and total_revenue = (
        select max(total_revenue)
        from revenue0
    )
order by s_suppkey
