-- :BRAND = Brand#23 of 'Brand#12', 'Brand#23', 'Brand#34', 'Brand#45', 'Brand#51', 'Brand#14',
--     'Brand#22', 'Brand#55'
-- :CONTAINER = MED BOX of 'MED BOX', 'SM CASE', 'LG DRUM', 'JUMBO PKG', 'WRAP JAR'
select sum(l_extendedprice) / 7.0 as avg_yearly
from lineitem, part
where p_partkey = l_partkey
    and p_brand = ':BRAND'
    and p_container = ':CONTAINER'
    and l_quantity < (
        select 0.2 * avg(l_quantity)
        from lineitem
        where l_partkey = p_partkey
    )
