-- Schemas, search_path, names, quoting.
CREATE SCHEMA s;
CREATE SCHEMA s;
CREATE SCHEMA IF NOT EXISTS s;
CREATE SCHEMA "Odd Name";
CREATE SCHEMA pg_mine;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO s.t VALUES (1, 'in s');
INSERT INTO t VALUES (1, 'in public');
SELECT v FROM t;
SELECT v FROM s.t;
SELECT s.t.v, t.v FROM s.t;
-- differs: relations that are there and out of sight
SELECT s.t.v FROM t;
SELECT a.v, b.v FROM t a JOIN s.t b USING (id);
-- differs: relations that are there and out of sight
SELECT t.v FROM t, s.t;
SET search_path TO s, public;
SELECT v FROM t;
SHOW search_path;
-- differs: name as text
SELECT current_schema(), current_schemas(false);
CREATE TABLE made_here (a int);
SELECT schemaname FROM pg_tables WHERE tablename = 'made_here';
SET search_path = nope;
SELECT v FROM t;
CREATE TABLE nowhere (a int);
SELECT current_schema() IS NULL;
SET search_path TO DEFAULT;
CREATE TABLE "MiXed" ("Col One" int, "select" text, "a""b" int);
INSERT INTO "MiXed" VALUES (1, 'x', 2) RETURNING *;
SELECT "Col One", "select", "a""b" FROM "MiXed";
SELECT col_one FROM "MiXed";
SELECT * FROM mixed;
SELECT * FROM nope.t;
SELECT * FROM orbit.public.t;
SELECT * FROM other.public.t;
CREATE TABLE nope.t (a int);
INSERT INTO nope.t VALUES (1);
ALTER SCHEMA s RENAME TO s2;
SELECT v FROM s2.t;
ALTER TABLE t SET SCHEMA s2;
ALTER TABLE made_here SET SCHEMA public;
ALTER TABLE s2.made_here SET SCHEMA public;
SELECT count(*) FROM made_here;
DROP SCHEMA s2;
DROP SCHEMA nope;
DROP SCHEMA IF EXISTS nope;
DROP SCHEMA s2 CASCADE;
SELECT count(*) FROM s2.t;
DROP SCHEMA "Odd Name" RESTRICT;
-- differs: names of casts to regclass
SELECT 'pg_catalog.pg_class'::regclass::text, 't'::regclass::text, '"MiXed"'::regclass::text, to_regclass('nope'), 'int4'::regtype::text, 'public'::regnamespace::text;
SELECT 'nope'::regclass;
SELECT relname FROM pg_class WHERE oid = 'public.t'::regclass;
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_toast%' AND nspname NOT LIKE 'pg_temp%' ORDER BY 1;
CREATE TABLE a_very_long_table_name_that_goes_on_and_on_beyond_sixty_three_bytes_indeed (x int);
SELECT tablename FROM pg_tables WHERE tablename LIKE 'a_very%';
