-- :DATE = 1994-01-01 of '1993-01-01', '1994-01-01', '1995-01-01', '1996-01-01', '1997-01-01'
-- :DISCOUNT = 6 of 2..9
-- :QUANTITY = 24 of 24..25
select sum(l_extendedprice * l_discount) as revenue
from lineitem
where l_shipdate >= date ':DATE'
    and l_shipdate < date ':DATE' + interval '1' year
    and l_discount between 0.0:DISCOUNT - 0.01 and 0.0:DISCOUNT + 0.01
    and l_quantity < :QUANTITY
