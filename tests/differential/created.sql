-- What may be created, and how it is told of.
CREATE TABLE src (id int PRIMARY KEY, name text, at date, n int);
INSERT INTO src VALUES (1, 'a', '2024-01-01', 5), (2, 'b', NULL, NULL), (3, 'c', '2024-03-01', 2);
CREATE TABLE shape AS SELECT id, name, 1 / (n - 5) AS quotient FROM src WITH NO DATA;
SELECT * FROM shape;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shape'::regclass AND attnum > 0 ORDER BY attnum;
CREATE TABLE filled AS SELECT id, name FROM src WHERE n > 2 WITH DATA;
SELECT * FROM filled;
CREATE TABLE filled (a) AS SELECT id FROM src WITH NO DATA;
CREATE TABLE few (a, "B c") AS SELECT id, name, at FROM src WHERE id < 3;
SELECT * FROM few ORDER BY a;
CREATE TABLE few (a, b) AS SELECT 1;
CREATE TABLE IF NOT EXISTS few (a, b) AS SELECT 1, 2;
CREATE TABLE more (a, b) AS SELECT 1;
CREATE TEMP TABLE empty (a, b) AS SELECT id, name FROM src WITH NO DATA;
SELECT a, b FROM empty;

CREATE TEMP VIEW mine AS SELECT id, upper(name) AS loud FROM src;
SELECT * FROM mine ORDER BY id;
SELECT relpersistence, relkind FROM pg_class WHERE relname = 'mine';
CREATE TEMPORARY VIEW mine AS SELECT 1 AS one;
CREATE OR REPLACE TEMP VIEW mine AS SELECT id, upper(name) AS loud, n FROM src;
SELECT count(*), max(n) FROM mine;
CREATE TEMP VIEW public.other AS SELECT 1 AS one;
DROP VIEW mine;
CREATE RECURSIVE VIEW steps (k, label) AS VALUES (1, 'x') UNION ALL SELECT k + 1, label || 'x' FROM steps WHERE k < 4;
SELECT * FROM steps ORDER BY k;
CREATE OR REPLACE RECURSIVE VIEW steps (k, label) AS SELECT 10, 'y' UNION ALL SELECT k + 5, label || 'y' FROM steps WHERE k < 20;
SELECT * FROM steps ORDER BY k;
CREATE OR REPLACE VIEW steps AS SELECT 1::bigint AS k, 'a'::text AS label;

CREATE INDEX src_at ON src (at DESC NULLS LAST, n NULLS FIRST);
CREATE INDEX src_n ON src (n ASC NULLS LAST, at DESC NULLS FIRST);
CREATE UNIQUE INDEX ON src (id) INCLUDE (name, at);
CREATE INDEX src_named ON src (name) INCLUDE (nothing);
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'src' ORDER BY indexname;
SELECT indexrelid::regclass::text AS name, indnatts, indnkeyatts, indkey::text, indoption::text FROM pg_index WHERE indrelid = 'src'::regclass AND NOT indisprimary ORDER BY name;
SELECT at FROM src ORDER BY at DESC NULLS LAST;
SELECT n FROM src ORDER BY n NULLS FIRST;
SELECT n FROM src ORDER BY n DESC;
SELECT id FROM src WHERE at > '2023-01-01' ORDER BY at DESC;
INSERT INTO src VALUES (3, 'again', NULL, NULL);
SELECT attname FROM pg_attribute WHERE attrelid = 'src_id_name_at_idx'::regclass ORDER BY attnum;
ALTER TABLE src DROP COLUMN at;
SELECT indexname FROM pg_indexes WHERE tablename = 'src' ORDER BY indexname;

REINDEX TABLE src;
REINDEX INDEX src_pkey;
REINDEX (CONCURRENTLY) TABLE CONCURRENTLY src;
REINDEX INDEX src;
REINDEX TABLE src_pkey;
REINDEX TABLE nowhere;
REINDEX SCHEMA public;
REINDEX SCHEMA nowhere;

CREATE TABLE chosen (
    a text CHECK (a = ANY (ARRAY['x', 'y'])),
    b varchar(5) CHECK (b = ANY (ARRAY['x', 'y'])),
    c varchar(5) CHECK ((c)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])),
    d int CHECK (d = ANY (ARRAY[1, 2])),
    e text CHECK (e <> ALL (ARRAY['p', 'q'])),
    f text CHECK (f = ANY ('{r,s}')),
    g int CHECK (g > ALL ('{1,2}'::int[]))
);
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'chosen'::regclass ORDER BY conname;
SELECT constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_name LIKE 'chosen%' ORDER BY 1;
INSERT INTO chosen (a) VALUES ('z');
INSERT INTO chosen VALUES ('x', 'y', 'x', 2, 'r', 's', 3) RETURNING *;
