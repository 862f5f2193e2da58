-- WITH queries that change data.
CREATE TABLE tree (id int PRIMARY KEY, parent int, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 2, 'ab'), (6, 4, 'aaa'), (7, 99, 'lost');
CREATE TABLE edge (f int, t int);
INSERT INTO edge VALUES (1, 2), (2, 3), (3, 1), (3, 4), (4, 5);
WITH ins AS (INSERT INTO tree VALUES (8, 3, 'ba') RETURNING id, name) SELECT * FROM ins;
WITH up AS (UPDATE tree SET name = upper(name) WHERE parent = 1 RETURNING id, name) SELECT name FROM up ORDER BY id;
WITH del AS (DELETE FROM tree WHERE id = 7 RETURNING *) SELECT count(*), max(name) FROM del;
WITH moved AS (DELETE FROM edge WHERE f = 3 RETURNING f, t) INSERT INTO edge SELECT t, f FROM moved RETURNING *;
WITH up AS (UPDATE tree SET name = 'seen?' WHERE id = 1 RETURNING name) SELECT t.name, up.name FROM tree t, up WHERE t.id = 1;
SELECT * FROM (WITH d AS (DELETE FROM edge RETURNING *) SELECT * FROM d) s;
WITH x AS (INSERT INTO tree VALUES (20, 1, 'no returning')) SELECT count(*) FROM tree WHERE id = 20;
SELECT count(*) FROM tree WHERE id = 20;
WITH x AS (INSERT INTO tree VALUES (21, 1, 'x')) SELECT * FROM x;
SELECT * FROM tree ORDER BY id;
