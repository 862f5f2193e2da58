-- :DATE = 1993-10-01 of '1993-02-01', '1993-05-01', '1993-08-01', '1993-10-01', '1994-02-01',
--     '1994-05-01', '1994-08-01', '1994-10-01'
select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name,
    c_address, c_phone, c_comment
from customer, orders, lineitem, nation
where c_custkey = o_custkey
    and l_orderkey = o_orderkey
    and o_orderdate >= date ':DATE'
    and o_orderdate < date ':DATE' + interval '3' month
    and l_returnflag = 'R'
    and c_nationkey = n_nationkey
group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment
order by revenue desc
limit 20
