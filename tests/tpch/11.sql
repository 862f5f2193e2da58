-- :NATION = GERMANY of 'ALGERIA', 'BRAZIL', 'CANADA', 'FRANCE', 'GERMANY', 'INDIA', 'JAPAN',
--     'KENYA', 'PERU', 'SAUDI ARABIA', 'UNITED STATES', 'VIETNAM'
-- :FRACTION = 1 of 1..3
select ps_partkey, sum(ps_supplycost * ps_availqty) as value
from partsupp, supplier, nation
where ps_suppkey = s_suppkey
    and s_nationkey = n_nationkey
    and n_name = ':NATION'
group by ps_partkey
having sum(ps_supplycost * ps_availqty) > (
    select sum(ps_supplycost * ps_availqty) * 0.000:FRACTION
    from partsupp, supplier, nation
    where ps_suppkey = s_suppkey
        and s_nationkey = n_nationkey
        and n_name = ':NATION'
)
order by value desc
