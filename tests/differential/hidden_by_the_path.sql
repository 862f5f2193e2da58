-- What a name means where relations of several kinds and schemas have it, and whose right is asked.
CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE b.t (id int PRIMARY KEY, n int);
INSERT INTO b.t VALUES (1, 10), (2, 20);
CREATE VIEW a.t AS SELECT id, n FROM b.t WHERE id = 1 WITH CHECK OPTION;
SET search_path = a, b;
SELECT * FROM t ORDER BY id;
INSERT INTO t VALUES (3, 30);
UPDATE t SET n = n + 1;
DELETE FROM t WHERE id = 2;
SELECT * FROM b.t ORDER BY id;
DROP TABLE t;
TRUNCATE t;
-- compare: state
ALTER TABLE t ADD COLUMN x int;
-- compare: state
CREATE INDEX ON t (n);
SET search_path = b, a;
DROP VIEW t;
SELECT count(*) FROM t;
RESET search_path;
CREATE TEMP VIEW shadowed AS SELECT 1 AS one;
CREATE TABLE public.shadowed (id int);
DROP TABLE shadowed;
TRUNCATE shadowed;
SELECT * FROM shadowed;
DROP VIEW shadowed;
SELECT count(*) FROM shadowed;
-- A column can't be set twice.
CREATE TABLE c (id int PRIMARY KEY, n int CHECK (n > 0));
INSERT INTO c VALUES (1, 1);
INSERT INTO c SELECT 1, 1 ON CONFLICT (id) DO UPDATE SET n = 5, n = -5;
CREATE VIEW cv AS SELECT id, n, n AS m FROM c WHERE n > 0 WITH CHECK OPTION;
SELECT * FROM c;
-- TRUNCATE asks for each table, and for sequences.
CREATE ROLE path_bob;
CREATE TABLE parent (id serial PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent);
INSERT INTO parent DEFAULT VALUES;
INSERT INTO child VALUES (1);
GRANT TRUNCATE ON parent TO path_bob;
SET ROLE path_bob;
TRUNCATE parent CASCADE;
TRUNCATE parent RESTART IDENTITY CASCADE;
RESET ROLE;
GRANT TRUNCATE ON child TO path_bob;
SET ROLE path_bob;
TRUNCATE parent RESTART IDENTITY CASCADE;
TRUNCATE parent CASCADE;
RESET ROLE;
SELECT count(*) FROM child;
REVOKE ALL ON parent, child FROM path_bob;
DROP ROLE path_bob;
