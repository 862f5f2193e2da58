-- Tables with indexes on expressions and partial indexes, changed and filled in other ways.
CREATE TABLE c (id int PRIMARY KEY, k text, up text GENERATED ALWAYS AS (upper(k)) STORED, on_ bool DEFAULT true, v int);
CREATE UNIQUE INDEX c_k ON c (lower(k));
CREATE UNIQUE INDEX c_v ON c (v) WHERE on_;
CREATE INDEX c_up ON c (length(up));
COPY c FROM STDIN;
1	a	t	1
2	B	f	1
3	\N	t	3
\.
COPY c (id, k) FROM STDIN WITH (FORMAT csv);
4,d
\.
COPY c FROM STDIN;
5	D	t	5
\.
COPY c FROM STDIN;
5	e	t	1
\.
COPY c TO STDOUT;
COPY (SELECT * FROM c ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER);
SELECT id FROM c WHERE lower(k) = 'd';
SELECT id, up FROM c WHERE length(up) = 1 ORDER BY id;
UPDATE c SET k = 'dd' WHERE id = 4;
SELECT id, up FROM c WHERE length(up) = 2 ORDER BY id;
TRUNCATE c;
COPY c FROM STDIN;
1	a	t	1
2	A	t	2
\.
COPY c FROM STDIN;
1	a	t	1
2	b	f	1
\.
ALTER TABLE c ADD COLUMN w int DEFAULT 7;
ALTER TABLE c ADD COLUMN made int GENERATED ALWAYS AS (v + 1) STORED;
SELECT attname, attnum, attisdropped FROM pg_attribute WHERE attrelid = 'c'::regclass AND attnum > 0 ORDER BY 2;
SELECT * FROM c ORDER BY id;
INSERT INTO c VALUES (3, 'A', DEFAULT, true, 9, 8);
INSERT INTO c VALUES (3, 'x', DEFAULT, true, 1, 8);
INSERT INTO c VALUES (3, 'x', DEFAULT, false, 1, 8) RETURNING *;
ALTER TABLE c RENAME COLUMN k TO kk;
ALTER TABLE c RENAME COLUMN on_ TO "On";
SELECT indexdef FROM pg_indexes WHERE tablename = 'c' ORDER BY 1;
SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a WHERE a.attrelid IN ('c_k'::regclass, 'c_v'::regclass) ORDER BY 1, 2;
INSERT INTO c VALUES (4, 'A', DEFAULT, true, 9, 8);
ALTER TABLE c RENAME TO cc;
INSERT INTO cc VALUES (4, 'A', DEFAULT, true, 9, 8);
ALTER TABLE cc ALTER COLUMN v TYPE bigint USING v * 10;
ALTER TABLE cc DROP COLUMN made;
ALTER TABLE cc ALTER COLUMN v TYPE bigint USING v * 10;
ALTER TABLE cc ALTER COLUMN "On" TYPE text;
SELECT indexdef FROM pg_indexes WHERE tablename = 'cc' ORDER BY 1;
SELECT id, v FROM cc ORDER BY id;
INSERT INTO cc VALUES (4, 'q', DEFAULT, true, 10, 8);
DROP INDEX c_up;
SELECT * FROM cc ORDER BY id;
INSERT INTO cc VALUES (5, 'B', DEFAULT, true, 19, 8);
ALTER TABLE cc ADD COLUMN z int;
UPDATE cc SET z = id;
SELECT * FROM cc ORDER BY id;
SELECT attname, attnum, attisdropped FROM pg_attribute WHERE attrelid = 'cc'::regclass AND attnum > 0 ORDER BY 2;
ALTER TABLE cc DROP COLUMN w;
CREATE TABLE copied (LIKE cc INCLUDING ALL);
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'copied' ORDER BY 1;
INSERT INTO copied (id, kk) VALUES (1, 'a'), (2, 'A');
INSERT INTO copied (id, kk) VALUES (1, 'a'), (2, 'b');
CREATE TABLE narrow (LIKE cc);
INSERT INTO narrow (id, kk) VALUES (1, 'a'), (2, 'A') RETURNING *;
ALTER TABLE cc DROP COLUMN "On";
SELECT indexname FROM pg_indexes WHERE tablename = 'cc' ORDER BY 1;
INSERT INTO cc (id, kk, v) VALUES (6, 'g', 10), (7, 'h', 10);
ALTER TABLE cc DROP COLUMN kk CASCADE;
SELECT indexname FROM pg_indexes WHERE tablename = 'cc' ORDER BY 1;
SELECT * FROM cc ORDER BY id;
DROP TABLE cc;
-- Conditions that are an error for rows outside.
CREATE TABLE d (a int, b int);
INSERT INTO d VALUES (1, 0), (4, 2);
CREATE INDEX d_broken ON d ((a / b));
CREATE INDEX d_quotient ON d ((a / b)) WHERE b <> 0;
INSERT INTO d VALUES (7, 0), (6, 3);
UPDATE d SET b = 0 WHERE a = 6;
SELECT * FROM d WHERE a / b = 2 AND b <> 0;
SELECT * FROM d ORDER BY a;
-- NULLS NOT DISTINCT looks at rows inside only.
CREATE TABLE nn (k int, on_ bool);
CREATE UNIQUE INDEX nn_k ON nn (k) NULLS NOT DISTINCT WHERE on_;
INSERT INTO nn VALUES (NULL, false), (NULL, false), (NULL, true);
INSERT INTO nn VALUES (NULL, true);
UPDATE nn SET on_ = true;
SELECT indexdef FROM pg_indexes WHERE tablename = 'nn';
-- Foreign keys' actions write them, too.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, of int REFERENCES parent ON DELETE SET NULL ON UPDATE CASCADE, name text);
CREATE INDEX child_partial ON child (of) WHERE name = 'in';
CREATE UNIQUE INDEX child_one ON child ((COALESCE(of, -1)));
INSERT INTO parent VALUES (1), (2), (3);
INSERT INTO child VALUES (1, 1, 'in'), (2, 2, 'out'), (3, 3, NULL);
UPDATE parent SET id = 20 WHERE id = 2;
SELECT * FROM child WHERE COALESCE(of, -1) = 20;
DELETE FROM parent WHERE id = 1;
DELETE FROM parent WHERE id = 3;
SELECT * FROM child ORDER BY id;
DELETE FROM parent WHERE id = 20;
-- Rows written and read in one transaction.
BEGIN;
CREATE TABLE t (a text, b int);
CREATE UNIQUE INDEX t_a ON t (lower(a)) WHERE b > 0;
INSERT INTO t VALUES ('X', 1), ('x', 0), ('X', -1);
SAVEPOINT s;
INSERT INTO t VALUES ('x', 2);
ROLLBACK TO s;
INSERT INTO t VALUES ('y', 2) ON CONFLICT (lower(a)) WHERE b > 0 DO UPDATE SET b = 100;
INSERT INTO t VALUES ('Y', 3) ON CONFLICT (lower(a)) WHERE b > 0 DO UPDATE SET b = 100;
SELECT * FROM t WHERE lower(a) = 'y' AND b > 0;
COMMIT;
SELECT * FROM t ORDER BY a, b;
CREATE VIEW v AS SELECT * FROM t;
SELECT * FROM v ORDER BY a, b;
SELECT * FROM t NATURAL JOIN t u ORDER BY 1, 2;
SELECT count(*) FROM t JOIN t u USING (a, b);
CREATE TABLE made AS SELECT * FROM t;
SELECT * FROM made ORDER BY a, b;
INSERT INTO t SELECT * FROM made WHERE b < 0;
INSERT INTO t TABLE made;
CREATE TABLE q ("Odd Name" text, "select" int);
CREATE UNIQUE INDEX "Odd" ON q (lower("Odd Name")) WHERE "select" > 1;
INSERT INTO q VALUES ('a', 2), ('A', 3);
INSERT INTO q VALUES ('a', 2), ('A', 1);
SELECT indexdef FROM pg_indexes WHERE tablename = 'q';
COMMENT ON INDEX "Odd" IS 'odd';
ALTER INDEX "Odd" RENAME TO even;
REINDEX INDEX even;
SELECT pg_get_indexdef('even'::regclass), obj_description('even'::regclass, 'pg_class');
DROP INDEX even;
INSERT INTO q VALUES ('a', 2), ('A', 3);
CREATE UNIQUE INDEX again ON q (lower("Odd Name")) WHERE "select" > 1;
-- Wherever the table is.
CREATE TEMPORARY TABLE passing (a text, b int);
INSERT INTO passing VALUES ('X', 1);
CREATE UNIQUE INDEX passing_a ON passing (lower(a)) WHERE a <> '';
-- compare: state
INSERT INTO passing VALUES ('x', 2);
INSERT INTO passing VALUES ('x', 2) ON CONFLICT (lower(a)) WHERE a <> '' DO UPDATE SET b = passing.b + excluded.b RETURNING *;
CREATE SCHEMA "Else";
CREATE TABLE "Else"."T a" ("A b" text, n int);
CREATE UNIQUE INDEX ON "Else"."T a" (upper("A b")) WHERE "Else"."T a".n > 0;
INSERT INTO "Else"."T a" VALUES ('x', 1), ('X', 0);
INSERT INTO "Else"."T a" VALUES ('X', 2);
SELECT indexdef FROM pg_indexes WHERE schemaname = 'Else';
SET search_path = "Else";
SELECT pg_get_indexdef(indexrelid, 0, true) FROM pg_index WHERE indrelid = '"T a"'::regclass;
INSERT INTO "T a" VALUES ('X', 2) ON CONFLICT (upper("A b")) WHERE n > 0 DO NOTHING;
ALTER TABLE "T a" SET SCHEMA public;
RESET search_path;
INSERT INTO "T a" VALUES ('X', 2) ON CONFLICT (upper("A b")) WHERE n > 0 DO UPDATE SET n = 50 RETURNING *;
-- Whoever's the table is.
CREATE ROLE keeper;
GRANT CREATE ON SCHEMA public TO keeper;
SET ROLE keeper;
CREATE TABLE kept (a text, b text);
CREATE UNIQUE INDEX kept_a ON kept (lower(a)) WHERE b IS NULL;
GRANT INSERT, SELECT (b) ON kept TO keeper;
REVOKE SELECT ON kept FROM keeper;
INSERT INTO kept VALUES ('x');
INSERT INTO kept VALUES ('X') ON CONFLICT DO NOTHING;
INSERT INTO kept VALUES ('X') ON CONFLICT (lower(a)) WHERE b IS NULL DO NOTHING;
RESET ROLE;
CREATE INDEX ON passing (lower(a)), (b);
-- A condition that holds for all rows, and one for none.
CREATE INDEX passing_all ON passing (b) WHERE true;
CREATE INDEX passing_none ON passing (b) WHERE false;
SELECT pg_get_indexdef('passing_all'::regclass, 0, true), pg_get_indexdef('passing_none'::regclass, 0, true);
SELECT * FROM passing WHERE b = 3;
-- Rows that a statement moves within an index.
CREATE TABLE moving (id int PRIMARY KEY, place int, done bool);
CREATE UNIQUE INDEX moving_place ON moving (place) WHERE NOT done;
INSERT INTO moving VALUES (1, 1, false), (2, 2, false), (3, 1, true);
UPDATE moving SET done = NOT done;
UPDATE moving SET done = true WHERE id = 1;
UPDATE moving SET place = 1, done = false WHERE id = 3;
UPDATE moving SET id = id + 10;
SELECT * FROM moving WHERE place = 1 AND NOT done;
SELECT * FROM moving WHERE place = 1 AND done = false;
SELECT count(*) FROM moving WHERE place = 1 AND done IS FALSE;
DELETE FROM moving WHERE place = 1 AND NOT done RETURNING id;
INSERT INTO moving VALUES (1, 1, false) ON CONFLICT (place) WHERE NOT done DO NOTHING;
INSERT INTO moving VALUES (2, 1, false) ON CONFLICT (place) WHERE done = false DO UPDATE SET done = true RETURNING *;
INSERT INTO moving VALUES (5, NULL, false), (6, NULL, false);
SELECT * FROM moving ORDER BY id;
-- What was planned in a transaction that is rolled back fits nothing that comes after.
CREATE TABLE replanned (a int, b int);
INSERT INTO replanned VALUES (1, 1), (2, 1);
BEGIN;
CREATE INDEX replanned_a ON replanned (a);
SELECT count(*) FROM replanned WHERE b = 1;
ROLLBACK;
CREATE INDEX replanned_a ON replanned (a);
SELECT count(*) FROM replanned WHERE b = 1;
BEGIN;
ALTER TABLE replanned ADD COLUMN c int DEFAULT 3;
SELECT x.*, y.* FROM replanned x JOIN replanned y USING (a) ORDER BY 1;
ROLLBACK;
ALTER TABLE replanned ADD COLUMN d text DEFAULT 'd';
SELECT x.*, y.* FROM replanned x JOIN replanned y USING (a) ORDER BY 1;
-- An index that comes where another was.
CREATE TABLE turned (id int PRIMARY KEY, a text);
INSERT INTO turned VALUES (1, 'X'), (2, 'Y'), (3, NULL);
CREATE INDEX turned_i ON turned (lower(a));
DROP INDEX turned_i;
INSERT INTO turned VALUES (4, 'Z');
CREATE INDEX turned_i ON turned (lower(a || a)) WHERE id > 1;
SELECT id FROM turned WHERE lower(a || a) = 'zz' AND id > 1;
SELECT id FROM turned WHERE lower(a || a) = 'yy' AND id > 1;
SELECT id FROM turned WHERE lower(a || a) = 'xx';
DROP INDEX turned_i;
ALTER TABLE turned ADD COLUMN b int DEFAULT 5;
CREATE UNIQUE INDEX turned_i ON turned (reverse(a), (b + id));
INSERT INTO turned VALUES (5, 'Z', 4), (6, 'q', 1);
SELECT * FROM turned WHERE reverse(a) = 'Z' ORDER BY id;
SELECT attname, attnum FROM pg_attribute WHERE attrelid = 'turned'::regclass AND attnum > 0 ORDER BY 2;
