-- :BRAND = Brand#45 of 'Brand#12', 'Brand#23', 'Brand#34', 'Brand#45', 'Brand#51', 'Brand#14',
--     'Brand#22', 'Brand#55'
-- :TYPE = MEDIUM POLISHED of 'MEDIUM POLISHED', 'STANDARD ANODIZED', 'ECONOMY BRUSHED'
-- :SIZE = 49 of 40..48
select p_brand, p_type, p_size, count(distinct ps_suppkey) as supplier_cnt
from partsupp, part
where p_partkey = ps_partkey
    and p_brand <> ':BRAND'
    and p_type not like ':TYPE%'
    and p_size in (:SIZE, 14, 23, 45, 19, 3, 36, 9)
    and ps_suppkey not in (
        select s_suppkey
        from supplier
        where s_comment like '%Customer%Complaints%'
    )
group by p_brand, p_type, p_size
order by supplier_cnt desc, p_brand, p_type, p_size
