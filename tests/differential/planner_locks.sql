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
-- Queues fetch a batch whose size is a parameter.
CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new', priority int NOT NULL);
INSERT INTO jobs SELECT g, 'new', 10 - g FROM generate_series(1, 9) g;
PREPARE fetch_jobs (int) AS SELECT id FROM jobs WHERE state = 'new' ORDER BY priority, id LIMIT $1 FOR UPDATE SKIP LOCKED;
EXECUTE fetch_jobs (2);
EXECUTE fetch_jobs (NULL);
EXECUTE fetch_jobs (0);
EXECUTE fetch_jobs (-1);
PREPARE take_jobs (int) AS UPDATE jobs SET state = 'taken' WHERE id IN (SELECT id FROM jobs WHERE state = 'new' ORDER BY priority, id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id;
WITH taken AS (SELECT id FROM jobs WHERE state = 'new' ORDER BY priority LIMIT 1 + 1 OFFSET 1 FOR UPDATE SKIP LOCKED) UPDATE jobs SET state = 'seen' FROM taken WHERE jobs.id = taken.id;
SELECT id, state FROM jobs ORDER BY id;
PREPARE page (bigint, bigint) AS SELECT id FROM jobs ORDER BY priority, id LIMIT $1 * 2 OFFSET $2 FOR NO KEY UPDATE;
EXECUTE page (2, 3);
EXECUTE page (1, -1);
