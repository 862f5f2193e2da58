create table lk_a (id int primary key, x int);

create table lk_b (id int primary key, a int, y int);

insert into lk_a values (1, 10), (2, 20), (3, 30);

insert into lk_b values (1, 1, 5), (2, 1, 6), (3, 2, 7);

begin;

select a.id, b.id from lk_a a join lk_b b on b.a = a.id order by 2 for update;

select a.id, b.id from lk_a a join lk_b b on b.a = a.id order by 2 limit 1 for update of b;

select a.id, b.id from lk_a a left join lk_b b on b.a = a.id order by 1, 2 for update of a;

select a.id, b.id from lk_a a, lk_b b where b.a = a.id order by 2 for update of a for share of b;

select id from lk_a where id in (select a from lk_b) order by id for no key update skip locked;

with w as (select a from lk_b) select id from lk_a where id in (select a from w) order by id for update;

commit;

select a.id from lk_a a left join lk_b b on b.a = a.id for update;

select a.id from lk_a a for update of b;

select a.id from lk_a a join lk_b b on true for update of lk_a;

drop table lk_a, lk_b;
